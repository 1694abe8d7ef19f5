"""The planner's page: one address holds the whole request, and the page shows the plan that it asks for.

Rendered here and read anywhere: no script is needed, none is inline, and nothing comes from another place. Forms are
sent to this page; what they say becomes the address that is shown, so that an address can always be sent on.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl

from cachetools import LRUCache
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter

from features.errors import InputError
from features.history import LaunchHistory
from features.home import ledger_url
from features.release import code_version
from features.scenarios import bundled_scenarios
from forecasting.answers.cache import keep
from forecasting.answers.context import AnswerContext
from forecasting.answers.local import kyiv_today
from forecasting.answers.request import NO_SCENARIO, PlanRequest
from forecasting.record.archive import Archive, Channel
from forecasting.record.track_record import track_record
from forecasting.registry import Champion
from forecasting.report.document import PlanDocument
from forecasting.report.language import translator
from forecasting.service.http.exchange import dispatcher_of
from forecasting.service.http.problems import Refusal
from forecasting.service.page.comparison import comparison_router
from forecasting.service.page.counts import keep_count
from forecasting.service.page.defences import differences_of
from forecasting.service.page.downloads import download_router
from forecasting.service.page.exchange import (
    TOLD,
    as_fields,
    failure_page,
    form_of,
    html_response,
    invalid_form_page,
    issued_at,
    language_of,
    page_query,
    pairs_of,
)
from forecasting.service.page.form import SubmittedForm
from forecasting.service.page.jobs import job_router, to_job
from forecasting.service.page.link import (
    COUNT,
    COUNT_PARTS,
    DUE,
    EXPECTED,
    HELD,
    LAYER,
    OF_LAYERS,
    OWN,
    SET,
    SET_PARTS,
    FieldProblem,
    FormError,
    PageQuery,
    Query,
    pack_text,
)
from forecasting.service.page.since import Since, since_of
from forecasting.service.page.status import Status
from forecasting.service.page.view import ASSETS, PlanView, Record, asset, page, status_page
from forecasting.service.page.writing import written_scenario
from forecasting.service.workers import work
from forecasting.service.workers.dispatcher import Dispatcher
from forecasting.service.workers.jobs import Job

if TYPE_CHECKING:
    from forecasting.answers.answering import Answerer

PICTURE_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
PAGE_SECONDS, PICTURE_SECONDS, RECORD_SECONDS = 0.1, 0.4, 3.0
"""How long these take, for the queue before the processes that compute."""
# A picture opened by itself styles its own parts; it can load and run nothing.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
FOR_A_YEAR = "public, max-age=31536000, immutable"
MOST_RECORDS = 32

Records = LRUCache[object, bytes]
"""The track records that were computed lately, as JSON."""


def page_router() -> APIRouter:
    """The page's routes: the page itself, its pictures and downloads, what its forms send, and the files it loads."""
    router = APIRouter(include_in_schema=False)
    records: Records = LRUCache(MOST_RECORDS)
    status = Status()

    @router.get("/status")
    async def get_status(request: Request) -> Response:
        language = language_of(request, request.query_params.get("lang", ""))
        return html_response(status_page(await status.checks(), language).encode(), 200)

    @router.get("/")
    async def get_page(request: Request) -> Response:
        query = parse_qsl(request.url.query)
        if any(name == "shown" for name, _ in query):  # by a form: it names all its fields, the address some
            try:
                return RedirectResponse(f"/?{(await page_query(query)).query}", 303)
            except FormError as error:
                return await invalid_form_page(request, query, error)
        try:
            return await _page(request, await page_query(query), records)
        except TOLD as error:
            return await failure_page(request, query, error)

    @router.post("/own/{what}")
    async def post_own(request: Request, what: Literal["scenario", "defence"]) -> Response:
        form = await form_of(request)
        text = form.get("toml", "")
        query = [pair for pair in parse_qsl(form.get("query", "")) if not pair[0].startswith(_BOUND_TO[what])]
        try:
            packed = await asyncio.to_thread(pack_text, text)
            return RedirectResponse(f"/?{(await page_query([*query, (OWN + what, packed)])).query}", 303)
        except InputError as error:
            return await invalid_form_page(request, query, as_fields(error, what), {what: text})

    @router.post("/scenario")
    async def post_scenario(request: Request) -> Response:
        pairs = await pairs_of(request)
        query = parse_qsl(dict(pairs).get("query", ""))
        try:
            wanted = (await page_query(query)).request
            text = await asyncio.to_thread(written_scenario, pairs, wanted, kyiv_today())
            packed = await asyncio.to_thread(pack_text, text)
            rest = [pair for pair in query if not pair[0].startswith(_BOUND_TO["scenario"])]
            return RedirectResponse(f"/?{(await page_query([*rest, (OWN + 'scenario', packed)])).query}#scenario", 303)
        except InputError as error:
            typed = [pair for pair in pairs if pair[0] in SET_PARTS]
            wrong = error if isinstance(error, FormError) else FormError({SET: FieldProblem("", error)})
            return await invalid_form_page(request, [*query, *typed], wrong)

    @router.post("/stocks")
    async def post_stocks(request: Request) -> Response:
        form = await form_of(request)
        query = parse_qsl(form.get("query", ""))
        try:
            wanted = await page_query(query)
            await dispatcher_of(request).in_time(PAGE_SECONDS, work.with_answering, keep_count, wanted.request, form)
        except InputError as error:
            # What was typed stays beside what is wrong with it.
            typed = [(name, form.get(name, "")) for name in COUNT_PARTS]
            wrong = error if isinstance(error, FormError) else FormError({COUNT: FieldProblem("", error)})
            return await invalid_form_page(request, [*query, *typed], wrong)
        except TOLD as error:
            return await failure_page(request, query, error)
        return RedirectResponse(f"/?{wanted.query}#counts", 303)

    @router.post("/issue")
    async def post_issue(request: Request) -> Response:
        query = parse_qsl((await form_of(request)).get("query", ""))
        try:
            wanted = await page_query(query)
            answer = await dispatcher_of(request).answer(wanted.request, Channel.PAGE)
        except TOLD as error:
            return await failure_page(request, query, error)
        return RedirectResponse(f"/?{replace(wanted, id=answer.id).query}#send", 303)

    @router.get("/picture/{name}.{suffix}")
    async def get_picture(request: Request, name: str, suffix: str) -> Response:
        query = parse_qsl(request.url.query)
        try:
            content = await _picture(dispatcher_of(request), name, suffix, query, records)
        except TOLD as error:
            return await failure_page(request, query, error)
        headers = {"Cache-Control": "private, max-age=60", "Content-Security-Policy": PICTURE_POLICY}
        return Response(content, media_type=PICTURE_TYPES[suffix], headers=headers)

    @router.get("/favicon.ico")  # asked for beside what is no page, such as an issued document
    async def get_icon() -> Response:
        return await get_static("icon.svg")

    @router.get("/static/{name}")
    async def get_static(name: str) -> Response:
        if name not in ASSETS:
            return Response(status_code=404)
        return Response(asset(name), media_type=ASSETS[name], headers={"Cache-Control": FOR_A_YEAR})

    router.include_router(download_router())
    router.include_router(job_router())
    router.include_router(comparison_router())

    @router.get("/{name}")
    async def get_nothing(request: Request, name: str) -> Response:
        nothing = Refusal(404, f"there is nothing at /{name}")
        if "text/html" not in request.headers.get("accept", ""):
            raise nothing
        return await failure_page(request, [], nothing)

    return router


async def _page(request: Request, wanted: PageQuery, records: Records) -> Response:
    """The plan that is asked for."""
    dispatcher, language = dispatcher_of(request), language_of(request, wanted.lang)
    context = await dispatcher.context(wanted.request)
    answers = []
    for each in _requests(wanted):
        made = await dispatcher.answer_or_job(each, Channel.PAGE, issue=False)
        if isinstance(made, Job):
            return to_job(made, wanted.query)
        answers.append(made)
    champion = context.champion
    issued = await asyncio.to_thread(issued_at, dispatcher, answers[0].id)
    since = await since_of(dispatcher, wanted.request, context, answers[0], wanted.since)
    differences = await differences_of(dispatcher, wanted.request, context) if wanted.beside else None
    record = records.get(_record_key(wanted.request, context))
    ids = (answer.id for answer in answers)
    beside = champion, issued, record, since, differences
    key = ("page", wanted.query, language, *ids, *beside, kyiv_today(), code_version())
    content = await dispatcher.computed(
        key, PAGE_SECONDS, work.with_answering, plan_page_html, context, wanted, language,
        [answer.document for answer in answers], *beside,
    )  # fmt: skip
    return html_response(content, 200)


def _requests(wanted: PageQuery) -> list[PlanRequest]:
    """That of the plan of a page, and of the one beside it: the same under another scenario, as that stands."""
    requests = [wanted.request]
    if wanted.compare:
        if wanted.compare not in (NO_SCENARIO, *bundled_scenarios()):
            raise FormError({"compare": FieldProblem(wanted.compare, EXPECTED["scenario"])})
        requests.append(wanted.request.model_copy(update={"scenario": wanted.compare, "held": {}}))
    return requests


async def _picture(dispatcher: Dispatcher, name: str, suffix: str, query: Query, records: Records) -> bytes:
    """A picture of the plan, or of the two plans, of a query."""
    from forecasting.report.pictures import PICTURES

    if name not in PICTURES or suffix not in PICTURE_TYPES:
        known_names = ", ".join(PICTURES)
        raise Refusal(404, f"there is no picture '{name[:40]}.{suffix[:10]}': known are {known_names} as svg and png")
    wanted = await page_query([pair for pair in query if pair[0] != "narrow"])
    context = await dispatcher.context(wanted.request)
    look = {"theme": wanted.theme or "light", "language": wanted.lang or "en", "narrow": ("narrow", "1") in query}
    if "record" in PICTURES[name].takes:
        documents, record = [], await _record(dispatcher, wanted.request, context, records)
        rests_on: object = _record_key(wanted.request, context)
    else:
        answers = [await dispatcher.answer(each, Channel.PAGE, issue=False) for each in _requests(wanted)]
        documents, record = [answer.document for answer in answers], None
        rests_on = context, *(answer.id for answer in answers)
    key = ("picture", name, suffix, *look.values(), rests_on, code_version())
    return await dispatcher.computed(
        key,
        PICTURE_SECONDS,
        work.with_answering,
        picture_file,
        context,
        wanted.request,
        documents,
        record,
        name,
        suffix,
        look,
    )


async def _record(dispatcher: Dispatcher, request: PlanRequest, context: AnswerContext, records: Records) -> bytes:
    """How good the model has been until the origin."""
    key = _record_key(request, context)
    return keep(
        records,
        key,
        await dispatcher.computed(key, RECORD_SECONDS, work.with_answering, track_record_json, context, request),
    )


def _record_key(request: PlanRequest, context: AnswerContext) -> object:
    series = (request.theatre, request.weapon_class, request.quiet_days, request.origin, request.model)
    return "record", context, *series, code_version()


def plan_page_html(
    answering: "Answerer",
    context: AnswerContext,
    wanted: PageQuery,
    language: str,
    documents: Sequence[bytes],
    champion: Champion | None,
    issued: datetime | None,
    record: bytes | None,
    since: Since | None,
    differences: bytes | None = None,
) -> bytes:
    """The page of a plan, given as its document, and of one beside it."""
    plan, *others = (PlanDocument.model_validate_json(document) for document in documents)
    shown = PlanView(
        plan,
        plan_id=hashlib.sha256(documents[0]).hexdigest(),
        past=answering.history(wanted.request, context),
        today=kyiv_today(),
        other=others[0] if others else None,
        champion=champion,
        record=_record_form().validate_json(record) if record else None,
        issued=issued,
        since=since,
        differences=differences,
    )
    return page(wanted, language, SubmittedForm(tuple(wanted.pairs)), shown).encode()


def picture_file(
    answering: "Answerer",
    context: AnswerContext,
    request: PlanRequest,
    documents: Sequence[bytes],
    record: bytes | None,
    name: str,
    suffix: str,
    look: Mapping[str, Any],
) -> bytes:
    """A picture of plans given as their documents, or of a track record."""
    from forecasting.report.pictures import PICTURES, render

    kind = PICTURES[name]
    given: dict[str, Any] = {"record": _record_form().validate_json(record).model if record else None}
    given |= zip(("document", "other"), (PlanDocument.model_validate_json(each) for each in documents), strict=False)
    if "past" in kind.takes:
        given["past"] = answering.history(request, context)
    if missing := [part for part in kind.takes if given.get(part) is None]:
        raise InputError(f"picture {name} takes a {missing[0]}: the address names none")
    parts = [given[part] for part in kind.takes]
    title = translator(look["language"])("Salvocast plan")
    told, language = kind.describe(*parts, language=look["language"]), look["language"]
    return render(kind.draw(*parts, **look), f".{suffix}", title, told, language=language)


def track_record_json(answering: "Answerer", context: AnswerContext, request: PlanRequest) -> bytes:
    """How good the model has been in the 90 days before the origin, and the forecasts that were issued, as JSON."""
    truth = answering.history(request, context)

    def history_at(origin: date) -> LaunchHistory:
        return answering.history(request.model_copy(update={"origin": origin}), context)

    with Archive.open(ledger_url()) as archive:
        issued = archive.list(theatre=truth.theatre, weapon_class=truth.weapon_class)
        from forecasting.record.scoreboard import scoreboard  # loads pandas

        board = scoreboard(issued, lambda identity: archive.get(identity).document, truth, history_at)
    model = answering.prepared(request, context).model

    def shown_at(origin: date) -> LaunchHistory:
        return answering.with_others(model, history_at(origin))

    record = Record(track_record(model, shown_at, truth), board.as_document()["overall"])
    return _record_form().dump_json(record)


@cache
def _record_form() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


_BOUND_TO = {
    "scenario": ("scenario", OWN + "scenario", HELD, "id"),
    "defence": ("defence", OWN + "defence", *OF_LAYERS, DUE, LAYER, "id"),
}
"""What an own text takes the place of -> how the names of an address begin that say nothing beside it."""
