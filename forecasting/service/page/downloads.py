"""The plan of an address as a file: in every form that a document has, and as the brief."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import Response

from features.release import code_version
from forecasting.answers.local import kyiv_today
from forecasting.record.archive import Channel
from forecasting.report.forms import FORMS, Asked, Form
from forecasting.service.http.exchange import dispatcher_of
from forecasting.service.page.exchange import TOLD, failure_page, issued_at, language_of, page_query
from forecasting.service.page.link import PageQuery
from forecasting.service.workers.dispatcher import Answer

BRIEF_SECONDS = 0.4
"""How long one takes, for the queue before the processes that compute."""


def download_router() -> APIRouter:
    """The routes of files to keep."""
    router = APIRouter(include_in_schema=False)

    for form in (form for form in FORMS.values() if form.accepted):
        name = f"plan{form.suffix}"
        router.add_api_route(f"/{name}", _download(name, form), methods=["GET"])

    @router.get("/brief.pdf")
    async def get_brief(request: Request) -> Response:
        query, dispatcher = parse_qsl(request.url.query), dispatcher_of(request)
        try:
            wanted = await page_query(query)
            answer = await dispatcher.answer(wanted.request, Channel.PAGE, issue=False)
            asked, language = await _asked_of(request, wanted, answer), language_of(request, wanted.lang)
            key = ("brief", answer.id, language, kyiv_today(), *asked.items(), code_version())
            given = answer.document, language, kyiv_today(), asked
            content = await dispatcher.computed(key, BRIEF_SECONDS, brief_of, *given)
        except TOLD as error:
            return await failure_page(request, query, error)
        headers = {"Content-Disposition": f'attachment; filename="salvocast-brief-{answer.id[:12]}.pdf"'}
        return Response(content, media_type="application/pdf", headers=headers)

    return router


def _download(name: str, form: Form) -> Callable[[Request], Awaitable[Response]]:
    async def get_download(request: Request) -> Response:
        query, dispatcher = parse_qsl(request.url.query), dispatcher_of(request)
        try:
            wanted = await page_query(query)
            answer = await dispatcher.answer(wanted.request, Channel.PAGE, issue=False)
            asked = await _asked_of(request, wanted, answer)
            content = await dispatcher.in_form(answer, form, language_of(request, wanted.lang), asked)
        except TOLD as error:
            return await failure_page(request, query, error)
        suffix = name.removeprefix("plan")
        headers = {"Content-Disposition": f'attachment; filename="salvocast-{answer.id[:12]}{suffix}"'}
        return Response(content, media_type=form.media_type, headers=headers)

    return get_download


async def _asked_of(request: Request, wanted: PageQuery, answer: Answer) -> dict[str, str]:
    """What is known of the plan beside its document."""
    asked = {"request": wanted.request.canonical, "link": f"{request.base_url}?{wanted.query}"}
    if issued := await asyncio.to_thread(issued_at, dispatcher_of(request), answer.id):
        asked |= {"issued_as": answer.id, "issued_at": issued.isoformat(timespec="seconds")}
    return asked


def brief_of(document: bytes, language: str, printed: date, asked: Asked) -> bytes:
    """The brief of a plan given as its document. What writes it is loaded where it is written."""
    from forecasting.report.brief import brief_of as written

    return written(document, language, printed, asked)
