"""The page of scenarios side by side: what is asked, the document, its picture and its files."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from features.errors import InputError, SalvocastError
from features.release import code_version
from features.scenarios import bundled_scenarios
from forecasting.answers.request import BASELINE, ComparisonRequest, PlanRequest, Text
from forecasting.answers.scenarios import stated_scenario
from forecasting.answers.validation import error_line
from forecasting.record.archive import Channel
from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.forms import FORMS, Form
from forecasting.service.http.exchange import dispatcher_of
from forecasting.service.http.problems import refusal_of
from forecasting.service.page.exchange import TOLD, html_response, language_of
from forecasting.service.page.jobs import to_job
from forecasting.service.page.link import PageQuery, Query, parse_query
from forecasting.service.page.pictures import picture_sources
from forecasting.service.page.view import comparison_page
from forecasting.service.workers.dispatcher import Answer, Dispatcher
from forecasting.service.workers.jobs import Job

WITH, AGAINST = "with", "against"
"""The scenarios to compare, and the baseline."""
PICTURE_SECONDS = 1.0
_HORIZON = ComparisonRequest().horizon
_DOWNLOADS = [form for form in FORMS.values() if form.accepted and form.name != "hub"]


@dataclass(frozen=True)
class ComparisonQuery:
    """What an address asks for. asked: the same of a plan, with an own scenario, and how to show it."""

    names: tuple[str, ...]
    baseline: str
    asked: PageQuery

    @property
    def request(self) -> ComparisonRequest:
        """Raises ValidationError for what no comparison can be."""
        plan = self.asked.request
        own = (plan.scenario,) if isinstance(plan.scenario, Text) else ()
        told = {"horizon", "origin", "theatre", "model", "paths", "seed", "service_level", "defence"}
        fields = {name: getattr(plan, name) for name in told & plan.model_fields_set}
        return ComparisonRequest.model_validate(
            fields | {"scenarios": (*own, *self.names), "baseline": self.baseline or None}
        )

    @property
    def query(self) -> str:
        """The address of exactly this, after the question mark."""
        named = [(WITH, name) for name in self.names] + [(AGAINST, self.baseline)] * bool(self.baseline)
        return urlencode([*named, *self.asked.pairs])


def parse_comparison(query: Query) -> ComparisonQuery:
    """What the pairs of an address ask for. Raises FormError as `parse_query`."""
    rest = [pair for pair in query if pair[0] not in (WITH, AGAINST)]
    if not any(name == "days" and value.strip() for name, value in rest):
        rest = [("days", str(_HORIZON)), *(pair for pair in rest if pair[0] != "days")]
    asked = parse_query(rest)
    names = tuple(dict.fromkeys(value for name, value in query if name == WITH and value))
    return ComparisonQuery(names, next((value for name, value in query if name == AGAINST), ""), asked)


def comparison_router() -> APIRouter:
    """Its routes: the page, the picture, and the files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/scenarios")
    async def get_comparison(request: Request) -> Response:
        query = parse_qsl(request.url.query)
        language = language_of(request, dict(query).get("lang", ""))
        shown = ComparisonQuery((), "", PageQuery(PlanRequest(horizon=_HORIZON), lang=language))
        try:
            shown = await asyncio.to_thread(parse_comparison, query)
            document = None
            if shown.names or isinstance(shown.asked.request.scenario, Text):
                made = await dispatcher_of(request).answer_or_job(shown.request, Channel.PAGE, issue=False)
                if isinstance(made, Job):
                    return to_job(made, shown.query)
                document = made.document
        except (*TOLD, ValidationError) as error:
            refusal = refusal_of(_line_of(error))
            content = await asyncio.to_thread(_html, shown, language, None, refusal.error)
            return html_response(content, refusal.status, refusal.headers)
        return html_response(await asyncio.to_thread(_html, shown, language, document, None), 200)

    @router.get("/scenarios/picture.svg")
    async def get_picture(request: Request) -> Response:
        query = [pair for pair in parse_qsl(request.url.query) if pair[0] != "narrow"]
        narrow = "narrow=1" in request.url.query
        wanted, answer = await _answered(request, query)
        look = (language_of(request, wanted.asked.lang), wanted.asked.theme or "light", narrow)
        key = ("scenarios", answer.id, *look, code_version())
        content = await dispatcher_of(request).computed(key, PICTURE_SECONDS, drawn, answer.document, *look)
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
        return Response(content, media_type="image/svg+xml", headers=headers | {"Cache-Control": "private, max-age=60"})

    for form in _DOWNLOADS:
        router.add_api_route(f"/scenarios/file{form.suffix}", _download(form), methods=["GET"])
    return router


async def _answered(request: Request, query: Query) -> tuple[ComparisonQuery, Answer]:
    dispatcher: Dispatcher = dispatcher_of(request)
    try:
        wanted = await asyncio.to_thread(parse_comparison, query)
        return wanted, await dispatcher.answer(wanted.request, Channel.PAGE, issue=False)
    except ValidationError as error:
        raise _line_of(error) from error


def _line_of(error: Exception) -> Exception:
    if isinstance(error, ValidationError):
        return InputError(error_line(error.errors(include_url=False), ComparisonRequest.model_fields))
    return error


def _download(form: Form) -> Callable[[Request], Awaitable[Response]]:
    async def get_download(request: Request) -> Response:
        wanted, answer = await _answered(request, parse_qsl(request.url.query))
        language = language_of(request, wanted.asked.lang)
        content = await dispatcher_of(request).in_form(answer, form, language)
        name = f"salvocast-scenarios-{answer.id[:12]}{form.suffix}"
        return Response(
            content, media_type=form.media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    return get_download


def drawn(document: bytes, language: str, theme: str, narrow: bool) -> bytes:
    """The picture of a comparison given as its document."""
    from forecasting.report.comparison_picture import scenarios_svg

    found = ComparisonDocument.model_validate_json(document)
    return scenarios_svg(found, language, theme, narrow=narrow)


def _html(wanted: ComparisonQuery, language: str, document: bytes | None, error: SalvocastError | None) -> bytes:
    found = None if document is None else ComparisonDocument.model_validate_json(document)

    def url(**changes: Any) -> str:
        return f"/scenarios?{replace(wanted, asked=replace(wanted.asked, **changes)).query}"

    def picture(theme: str, *, narrow: bool = False) -> str:
        query = replace(wanted, asked=replace(wanted.asked, theme=theme, lang=language)).query
        return f"/scenarios/picture.svg?{query}{'&narrow=1' if narrow else ''}"

    own = wanted.asked.request.scenario
    context = {
        "names": wanted.names,
        "baseline": wanted.baseline or BASELINE,
        "choices": [stated_scenario(name) for name in bundled_scenarios()],
        "own": dict(wanted.asked.pairs).get("own.scenario", "") if isinstance(own, Text) else "",
        "form": wanted.asked.request,
        "url": url,
        "picture_url": picture,
        "sources": picture_sources(wanted.asked.theme),
        "downloads": [(form.title, f"/scenarios/file{form.suffix}?{wanted.query}") for form in _DOWNLOADS],
    }
    return comparison_page(wanted.asked, language, found, error, context).encode()
