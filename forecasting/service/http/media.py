"""Which form of a document a client asks for."""

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from forecasting.report.forms import ASKED_FOR, JSON, Form
from forecasting.service.http.problems import Refusal


def accepted_form(accept: str) -> Form:
    """The form that an Accept header prefers (RFC 9110, 12.5.1), JSON where it leaves it open.

    Raises Refusal (406) where it allows none.
    """
    if not accept.strip():
        return JSON
    chosen = parse_accept_header(accept, MIMEAccept).best_match(list(ASKED_FOR))
    if chosen is None:
        known = ", ".join(dict.fromkeys(form.accepted[0] for form in ASKED_FOR.values()))
        raise Refusal(406, f"Accept is '{accept[:200]}': expected one of {known}")
    return ASKED_FOR[chosen]
