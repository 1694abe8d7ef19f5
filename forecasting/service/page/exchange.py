"""One request to the page and its response: what its routes have in common."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from babel import negotiate_locale
from fastapi import Request
from fastapi.responses import Response

from features.errors import InputError, SalvocastError
from forecasting.answers.request import PlanRequest
from forecasting.report.language import languages, translator
from forecasting.service.http.problems import Refusal, refusal_of
from forecasting.service.page.form import SubmittedForm
from forecasting.service.page.link import FieldProblem, FormError, PageQuery, Query, form_field, parse_query
from forecasting.service.page.view import page, problem_page
from forecasting.service.workers.dispatcher import Dispatcher
from forecasting.service.workers.jobs import KEPT_HOURS, MOST_KEPT

TOLD = (SalvocastError, Refusal)
"""Failures that a page tells; any other is the application's to log and tell."""


def issued_at(dispatcher: Dispatcher, plan_id: str) -> datetime | None:
    """When a plan was issued; None where it was not."""
    try:
        return dispatcher.archive.get(plan_id).issued_at
    except InputError:
        return None


def as_fields(error: SalvocastError, field: str = "") -> FormError:
    """A failure as the line of a field of the form: of the one that it knows, or else of `field`."""
    if isinstance(error, FormError):
        return error
    return FormError({form_field((error.field,)) if error.field else field or "form": FieldProblem("", error)})


async def form_of(request: Request) -> dict[str, str]:
    return dict(await pairs_of(request))


async def pairs_of(request: Request) -> list[tuple[str, str]]:
    """The names and values of a form that was sent, empty ones too, in order."""
    body = await request.body()
    return await asyncio.to_thread(lambda: parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


async def page_query(query: Query) -> PageQuery:
    """`parse_query`, outside the event loop, which answers others meanwhile."""
    return await asyncio.to_thread(parse_query, query)


def language_of(request: Request, chosen: str = "") -> str:
    """The language that was chosen, or else the one that the browser prefers."""
    if chosen in languages():
        return chosen
    preferred = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    return negotiate_locale([each for each in preferred if each], list(languages()), sep="-") or "en"


async def invalid_form_page(
    request: Request, query: Query, wrong: FormError, own: Mapping[str, str] | None = None
) -> Response:
    """The form as it was sent, with what is wrong beside its fields."""
    language = language_of(request, dict(query).get("lang", ""))

    def rendered() -> bytes:  # which reads the own texts once more
        try:
            # What else it says is right, and stays.
            rest = parse_query([pair for pair in query if pair[0] not in wrong.lines])
        except FormError:
            rest = PageQuery(PlanRequest())
        return page(rest, language, SubmittedForm(tuple(query), wrong.lines, own or {})).encode()

    return html_response(await asyncio.to_thread(rendered), 422)


async def failure_page(request: Request, query: Query, error: Exception) -> Response:
    """A page that tells why there is no plan."""
    if isinstance(error, FormError):
        return await invalid_form_page(request, query, error)
    refusal = refusal_of(error)
    if refusal.status == 422:
        return await invalid_form_page(request, query, as_fields(refusal.error))
    language = language_of(request, dict(query).get("lang", ""))
    line = translator(language).error(refusal.error)
    text = problem_page(refusal.status, line, language, f"/?{urlencode(query)}")
    return html_response(text.encode(), refusal.status, refusal.headers)


def expired_page(language: str, query: Query) -> Response:
    """A page that tells that a job is no longer there, and how to ask again: as the query of its link does."""
    t = translator(language)
    line = t(
        "An answer is kept for {hours} hours, the last {n} of them, and what runs ends with the server. Nothing is "
        "lost: the same question can be asked again.",
        hours=t.number(KEPT_HOURS),
        n=t.number(MOST_KEPT),
    )
    place = "/scenarios" if any(name == "with" for name, _ in query) else "/"
    return html_response(problem_page(410, line, language, f"{place}?{urlencode(query)}").encode(), 410)


def html_response(content: bytes, status: int, headers: Mapping[str, str] | None = None) -> Response:
    # With no referrer at all a browser hides where a form comes from, and it would be taken for another site's.
    own = {"Cache-Control": "no-cache", "Vary": "Accept-Language", "Referrer-Policy": "same-origin"}
    return Response(content, status, own | dict(headers or {}), "text/html; charset=utf-8")
