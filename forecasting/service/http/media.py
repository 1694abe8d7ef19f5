"""Which form of a document a client asks for."""

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from forecasting.service.http.problems import Refusal
from forecasting.service.workers.forms import FORMS, JSON, Form


def accepted_form(accept: str) -> Form:
    """The form that an Accept header prefers (RFC 9110, 12.5.1), JSON where it leaves it open.

    Raises Refusal (406) where it allows none.
    """
    by_type = {media_type: form for form in FORMS.values() for media_type in form.accepted}
    if not accept.strip():
        return JSON
    chosen = parse_accept_header(accept, MIMEAccept).best_match(list(by_type))
    if chosen is None:
        known = ", ".join(form.accepted[0] for form in FORMS.values())
        raise Refusal(406, f"Accept is '{accept[:200]}': expected one of {known}")
    return by_type[chosen]
