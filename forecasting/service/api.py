"""The HTTP API: the answers of the command line, for other systems."""

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from features.errors import InputError
from features.records import SHAHED, UKRAINE
from features.scenarios import bundled_scenarios
from features.sources.bulletin import read_bulletins
from features.sources.cells import reports
from features.sources.reading import Reading
from features.sources.table import SOURCE as TABLE
from features.sources.table import match_columns, report_maker
from features.stated import Source, SourcedRange, Stated, tables
from features.storing import IngestCounts
from forecasting.archive import Channel
from forecasting.model import MODELS
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.request import ForecastRequest, PlanRequest
from forecasting.service import work
from forecasting.service.answering import (
    BUNDLED_DEFENCES,
    FALLBACK_MODEL,
    Answering,
    asked_scenario,
    bundled_defence,
)
from forecasting.service.desk import Desk
from forecasting.service.media import CSV, FORMS, HUB, JSON, XLSX, asked_form
from forecasting.service.metrics import MEDIA_TYPE as METRICS_TYPE
from forecasting.service.metrics import metrics_text
from forecasting.service.problems import MEDIA_TYPE, Refused

Result = TypeVar("Result")
ID_HEADER = "Salvocast-Id"
REPORTS_SECONDS, DATA_SECONDS = 1.0, 0.5
"""What it takes to add reports, and to look through the ledger."""
IMMUTABLE = "private, max-age=31536000, immutable"

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": told,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": f"urn:salvocast:problem:{name}",
                    "title": name.replace("-", " ").title(),
                    "status": status,
                    "detail": detail,
                    "instance": "urn:salvocast:request:5f0c1c2e6d0b4b0c9d5e7a3f21c8d4b6",
                },
            }
        },
    }
    for status, name, told, detail in (
        (400, "bad-request", "Not HTTP as it should be", "the request cannot be read"),
        (401, "unauthorized", "No token, or a wrong one", "expected a token: as Bearer, or as the password of Basic"),
        (403, "forbidden", "Not allowed", "the token of night_shift has no scope 'report': use one that has"),
        (404, "not-found", "Not there", "no scenario has that name"),
        (405, "method-not-allowed", "Another method is meant", "DELETE is not possible here: expected POST"),
        (406, "not-acceptable", "No form that is accepted", "Accept is 'image/png': expected one of application/json"),
        (408, "request-timeout", "The body came too slowly", "the body did not come within 10 s"),
        (413, "content-too-large", "The body is too large", "expected a body of at most 1,000,000 bytes"),
        (415, "unsupported-media-type", "Not JSON", "Content-Type is 'text/plain': expected application/json"),
        (421, "misdirected-request", "Another host is meant", "Host is 'example.org': expected a name of this server"),
        (
            422,
            "unprocessable-content",
            "Cannot be answered",
            "horizon: expected less than or equal to 730 (given 9999)",
        ),
        (503, "service-unavailable", "Not now", "16 requests are waiting already: try again in 4 s"),
    )
}
EVERYWHERE = (400, 401, 403, 405, 421, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route documents, beside those that any route may answer with."""
    return {status: PROBLEMS[status] for status in sorted({*statuses, *EVERYWHERE})}


class ApiModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScenarioHead(ApiModel):
    """A bundled scenario. based_on: what it is a variant of."""

    name: str
    title: str
    as_of: str
    based_on: str | None
    theatres: list[str]


class StatedNumber(ApiModel):
    """One number that a scenario or a defence rests on, as it is known. where: its table. unit: null where the name
    tells it."""

    where: str
    low: float
    mode: float
    high: float
    unit: str | None
    basis: Literal["reported", "derived", "assumed"]
    confidence: Literal["A", "B", "C", "D"]
    date: str
    sources: list[str]
    note: str


class StatedSource(ApiModel):
    """A public statement."""

    id: str
    title: str
    date: str
    url: str
    confidence: str


class ScenarioBody(ScenarioHead):
    """A scenario with all that it states."""

    about: str
    numbers: list[StatedNumber]
    sources: list[StatedSource]


class DefenceHead(ApiModel):
    """A bundled defence, its layers in order of engagement."""

    name: str
    title: str
    theatre: str
    as_of: str
    layers: list[str]


class DefenceBody(DefenceHead):
    """A defence with all that it states."""

    about: str
    numbers: list[StatedNumber]
    sources: list[StatedSource]


class ChampionBody(ApiModel):
    """The registered champion. trained_through: the last attack day that it has learnt from. scores: as logged when it
    was registered."""

    theatre: str
    weapon_class: str
    model_id: str
    version: int
    digest: str
    trained_through: str
    registered_at: str
    age_days: float
    scores: dict[str, float]


class ModelsBody(ApiModel):
    """Models by name. champion: null where none is registered; `answers` is what then answers for it. problem: why the
    registry could not be asked lately."""

    models: list[str]
    champion: ChampionBody | None
    answers: str
    problem: str | None


class SeriesBody(ApiModel):
    """One series of the ledger."""

    theatre: str
    weapon_class: str
    salvos: int
    first_attack_day: str
    last_attack_day: str
    days_unknown: int
    revisions: int
    data_digest: str


class DataBody(ApiModel):
    """What the ledger knows. version: changes with every change of it. quarantine: rows that could not be read."""

    version: str
    series: list[SeriesBody]
    quarantine: int


class ReportsRequest(ApiModel):
    """Reports to add: the text of a bulletin, or rows as `salvocast ingest table` reads them."""

    bulletin: Annotated[str, Field(min_length=1, max_length=500_000)] | None = None
    received: Annotated[
        AwareDatetime | None, Field(description="when it came out, where no line above a message says so")
    ] = None
    rows: Annotated[
        list[dict[Annotated[str, Field(max_length=100)], str | int | None]] | None,
        Field(min_length=1, max_length=5_000, description="a report each, by field: date or window, launched, ..."),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> "ReportsRequest":
        if (self.bulletin is None) == (self.rows is None):
            raise ValueError("expected either bulletin or rows")
        return self


class ReportsBody(ApiModel):
    """What became of the reports. first_rejection: why the first of those in quarantine could not be read."""

    rows_read: int
    added: int
    revised: int
    unchanged: int
    quarantined: int
    first_rejection: str | None
    version: str


class StateBody(ApiModel):
    """How the server is."""

    status: Literal["ok", "starting"]


def desk_of(request: Request) -> Desk:
    """The desk of the application."""
    desk: Desk = request.app.state.desk
    return desk


async def until_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives; it is stopped when the client has gone."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Refused(408, "the client has gone")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def check_json(request: Request) -> None:
    """Refuses a body that does not say that it is JSON: a form of another site cannot say so."""
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, f"Content-Type is '{given[:100]}': expected application/json")


Asked = TypeVar("Asked", bound=BaseModel)


async def asked(request: Request, kind: type[Asked]) -> Asked:
    """The body as a request of that kind; numbers are numbers and not texts of them."""
    check_json(request)
    return kind.model_validate_json(await request.body(), strict=True)


_FIRST_LINES = {
    CSV: "table,item,measure,value,basis\ndays,2026-03-01,drones_median,125.0,record\n",
    XLSX: "(a workbook with a sheet per table)",
    HUB: (
        "reference_date,target,horizon,target_end_date,output_type,output_type_id,value\n"
        "2026-02-28,drones,1,2026-03-01,quantile,0.5,125.0\n"
    ),
}


def _document_responses(*kinds: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    schemas = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in kinds]
    return {
        200: {
            "description": "The document: the same bytes as `salvocast --format json` for the same request.",
            "content": {
                form.accepted[0]: {"schema": {"type": "string"}, "example": _FIRST_LINES[form]}
                for form in FORMS.values()
                if form is not JSON
            }
            | {JSON.accepted[0]: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}},
            "headers": {
                ID_HEADER: {"description": "SHA-256 of the JSON document", "schema": {"type": "string"}},
                "Content-Location": {"description": "where it is kept, if issued", "schema": {"type": "string"}},
            },
        }
    }


def _body(kind: type[BaseModel], examples: Mapping[str, object]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{kind.__name__}"},
                    "examples": {name: {"value": value} for name, value in examples.items()},
                }
            },
        }
    }


UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "What the client holds is current (If-None-Match)"}}

router = APIRouter(prefix="/api/v1")
Issue = Annotated[Literal["true", "false"], Query(description="whether it is kept in the archive, under its id")]


@router.post(
    "/forecast",
    tags=["answers"],
    summary="Drones launched per attack day",
    responses=_document_responses(ForecastDocument) | problems(406, 408, 413, 415, 422),
    openapi_extra=_body(ForecastRequest, {"the default": {}, "a week": {"horizon": 7, "paths": 500, "seed": 2}}),
    response_class=Response,
)
async def post_forecast(request: Request, issue: Issue = "true") -> Response:
    return await _answered(request, ForecastRequest, issue)


@router.post(
    "/plan",
    tags=["answers"],
    summary="The interceptors that each layer needs against them, and what to order",
    responses=_document_responses(PlanDocument) | problems(406, 408, 413, 415, 422),
    openapi_extra=_body(
        PlanRequest,
        {
            "the default": {},
            "own stocks, two layers": {
                "horizon": 14,
                "layers": ["interceptor_drone", "short_range_missile"],
                "stock": {"short_range_missile": 40},
                "service_level": 0.99,
            },
        },
    ),
    response_class=Response,
)
async def post_plan(request: Request, issue: Issue = "true") -> Response:
    return await _answered(request, PlanRequest, issue)


async def _answered(request: Request, kind: type[ForecastRequest], issue: Issue) -> Response:
    form = asked_form(request.headers.get("accept", ""))
    wanted = await asked(request, kind)
    desk = desk_of(request)

    async def answer() -> Response:
        made = await desk.answer(wanted, Channel.API, issue=issue == "true")
        content = await desk.formed(made, form)
        headers = {ID_HEADER: made.id, "Cache-Control": "no-store", "Vary": "Accept"}
        if issue == "true":
            headers["Content-Location"] = f"/api/v1/forecasts/{made.id}"
        request.scope["state"]["digest"] = made.id
        return Response(content, headers=headers, media_type=form.media_type)

    return await until_gone(request, answer())


@router.get(
    "/forecasts/{id}",
    tags=["answers"],
    summary="A forecast or plan as it was issued: it never changes",
    responses=_document_responses(ForecastDocument, PlanDocument) | UNCHANGED | problems(404, 406, 422),
    response_class=Response,
)
async def get_forecast(request: Request, id: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:  # noqa: A002
    form = asked_form(request.headers.get("accept", ""))
    desk = desk_of(request)
    try:
        found = await desk.issued(id)
    except InputError as error:
        raise Refused(404, str(error)) from error
    tag = f'"{found.id}-{form.name}"'
    headers = {ID_HEADER: found.id, "ETag": tag, "Cache-Control": IMMUTABLE, "Vary": "Accept"}
    if _is_current(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(await desk.formed(found, form), headers=headers, media_type=form.media_type)


@router.get(
    "/scenarios",
    tags=["assumptions"],
    summary="The bundled scenarios",
    response_model=list[ScenarioHead],
    responses=UNCHANGED | problems(),
)
def get_scenarios(request: Request) -> Response:
    return _tagged(request, TypeAdapter(list[ScenarioHead]), [_scenario_head(name) for name in bundled_scenarios()])


@router.get(
    "/scenarios/{name}",
    tags=["assumptions"],
    summary="A scenario with all that it states, as known on its own day",
    response_model=ScenarioBody,
    responses=UNCHANGED | problems(404, 422),
)
def get_scenario(request: Request, name: str) -> Response:
    if name not in bundled_scenarios():
        raise Refused(404, f"there is no scenario '{name[:80]}': known are {', '.join(bundled_scenarios())}")
    scenario = asked_scenario(name)
    known = scenario.as_known(scenario.as_of)
    body = ScenarioBody(
        **dict(_scenario_head(name)),
        about=" ".join(scenario.about.split()),
        numbers=_numbers(known),
        sources=_sources(known.sources),
    )
    return _tagged(request, TypeAdapter(ScenarioBody), body)


@router.get(
    "/defences",
    tags=["assumptions"],
    summary="The bundled defences",
    response_model=list[DefenceHead],
    responses=UNCHANGED | problems(),
)
def get_defences(request: Request) -> Response:
    return _tagged(request, TypeAdapter(list[DefenceHead]), [_defence_head(name) for name in BUNDLED_DEFENCES])


@router.get(
    "/defences/{name}",
    tags=["assumptions"],
    summary="A defence with all that it states",
    response_model=DefenceBody,
    responses=UNCHANGED | problems(404, 422),
)
def get_defence(request: Request, name: str) -> Response:
    if name not in BUNDLED_DEFENCES:
        raise Refused(404, f"there is no defence '{name[:80]}': known are {', '.join(BUNDLED_DEFENCES)}")
    stated = bundled_defence(name)
    body = DefenceBody(
        **dict(_defence_head(name)),
        about=" ".join(stated.about.split()),
        numbers=_numbers(stated),
        sources=_sources(stated.sources),
    )
    return _tagged(request, TypeAdapter(DefenceBody), body)


@router.get(
    "/models",
    tags=["assumptions"],
    summary="The models, and the champion with its scores and its age",
    response_model=ModelsBody,
    responses=problems(),
)
def get_models(request: Request) -> ModelsBody:
    champions = desk_of(request).champions
    found = champions.of(UKRAINE, SHAHED)
    champion = None
    if found:
        champion = ChampionBody(
            theatre=UKRAINE,
            weapon_class=SHAHED,
            model_id=found.model_id,
            version=found.version,
            digest=found.digest,
            trained_through=str(found.origin),
            registered_at=found.registered_at.isoformat(),
            age_days=round((datetime.now(UTC) - found.registered_at).total_seconds() / 86_400, 2),
            scores=dict(found.scores),
        )
    answers = champion.model_id if champion else FALLBACK_MODEL
    problem = "the registry could not be asked lately: the log of the server says why" if champions.problem else None
    return ModelsBody(models=list(MODELS), champion=champion, answers=answers, problem=problem)


@router.get(
    "/data",
    tags=["data"],
    summary="What the ledger knows: series, last attack day, digest, revisions",
    response_model=DataBody,
    responses=UNCHANGED | problems(),
)
async def get_data(request: Request) -> Response:
    desk = desk_of(request)
    version = await asyncio.to_thread(desk.ledger.data_version)
    content = await desk.computed(("data", version), DATA_SECONDS, work.with_answering, told_of_data, version)
    return _with_tag(request, content)


def told_of_data(answering: Answering, version: str) -> bytes:
    """A DataBody as JSON."""
    ledger, series = answering.ledger, []
    for theatre, weapon_class, salvos in ledger.series():
        history = ledger.history(theatre, weapon_class)
        series.append(
            SeriesBody(
                theatre=theatre,
                weapon_class=weapon_class,
                salvos=salvos,
                first_attack_day=str(history.first_day),
                last_attack_day=str(history.last_known_day),
                days_unknown=history.launched.size - history.known.size,
                revisions=sum(entry.revision > 1 for entry in ledger.revisions(theatre, weapon_class)),
                data_digest=history.digest,
            )
        )
    return DataBody(version=version, series=series, quarantine=len(ledger.quarantine())).model_dump_json().encode()


@router.post(
    "/reports",
    tags=["data"],
    summary="Adds reports, or the text of a bulletin; off unless the server was started with --accept-reports",
    response_model=ReportsBody,
    responses=problems(408, 413, 415, 422),
    openapi_extra=_body(
        ReportsRequest,
        {
            "a daily total": {"rows": [{"date": "2026-03-01", "launched": 120, "shot_down": 101}]},
            "a bulletin": {"bulletin": "...", "received": "2026-03-01T08:30:00+02:00"},
        },
    ),
)
async def post_reports(request: Request) -> ReportsBody:
    desk = desk_of(request)
    if not desk.settings.accept_reports:
        raise Refused(403, "this server accepts no reports: start it with --accept-reports")
    given = await asked(request, ReportsRequest)
    counts = await desk.in_time(REPORTS_SECONDS, work.with_answering, ingested, given)
    return ReportsBody(
        rows_read=counts.rows_read,
        added=counts.added,
        revised=counts.revised,
        unchanged=counts.unchanged,
        quarantined=counts.quarantined,
        first_rejection=counts.first_rejection.reason if counts.first_rejection else None,
        version=await asyncio.to_thread(desk.ledger.data_version),
    )


def ingested(answering: Answering, given: ReportsRequest) -> IngestCounts:
    """Adds the reports to the ledger. Raises InputError, and adds nothing, for what the readers refuse."""
    return answering.ledger.ingest(reading_of(given), datetime.now(UTC))


def reading_of(given: ReportsRequest) -> Reading:
    """The reports of a request, as the readers of files give theirs. Raises InputError for what they refuse."""
    if given.bulletin is not None:
        return read_bulletins(given.bulletin, received=given.received)
    assert given.rows is not None
    header = list(dict.fromkeys(name for row in given.rows for name in row))
    cells = [["" if row.get(name) is None else str(row[name]) for name in header] for row in given.rows]
    columns = match_columns(header, {}, "rows")
    make = report_maker(header, columns, theatre=UKRAINE, weapon_class=SHAHED, source=TABLE)
    digest = hashlib.sha256(json.dumps(given.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    rows = reports(header, ((row, "") for row in cells), make, given.received)
    return Reading(TABLE, digest, rows, given.received)


@router.get("/healthz", tags=["operation"], summary="Whether the server runs", responses=problems())
async def get_health() -> StateBody:
    return StateBody(status="ok")


@router.get(
    "/readyz", tags=["operation"], summary="Whether it has learned what it needs to answer fast", responses=problems()
)
async def get_ready(request: Request) -> StateBody:
    if not desk_of(request).ready:
        raise Refused(503, "starting: the models are being fitted; try again in 1 s", {"Retry-After": "1"})
    return StateBody(status="ok")


@router.get(
    "/metrics",
    tags=["operation"],
    summary="For Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "salvocast_jobs_waiting 0.0"}}},
        **problems(),
    },
)
def get_metrics() -> Response:
    return Response(metrics_text(), media_type=METRICS_TYPE)


operation = APIRouter(include_in_schema=False)
"""The same where supervisors look for them."""
for path, endpoint in (("/healthz", get_health), ("/readyz", get_ready), ("/metrics", get_metrics)):
    operation.add_api_route(path, endpoint)


def _tagged(request: Request, kind: TypeAdapter[Any], body: object) -> Response:
    return _with_tag(request, kind.dump_json(body))


def _with_tag(request: Request, content: bytes) -> Response:
    """JSON with an entity tag; 304 where the client has it already."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _is_current(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def _is_current(request: Request, tag: str) -> bool:
    held = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    return tag in held or "*" in held


def _scenario_head(name: str) -> ScenarioHead:
    scenario = asked_scenario(name)
    return ScenarioHead(
        name=scenario.name,
        title=scenario.title,
        as_of=str(scenario.as_of),
        based_on=scenario.based_on,
        theatres=list(scenario.theatre_ids),
    )


def _defence_head(name: str) -> DefenceHead:
    stated = bundled_defence(name)
    return DefenceHead(
        name=name,
        title=stated.title,
        theatre=stated.theatre,
        as_of=str(stated.as_of),
        layers=[layer.id for layer in stated.layers],
    )


def _numbers(stated: Stated) -> list[StatedNumber]:
    return [
        StatedNumber(
            where=where,
            low=number.low,
            mode=number.mode,
            high=number.high,
            unit=getattr(number, "unit", None),
            basis=number.basis,
            confidence=number.confidence,
            date=str(number.date),
            sources=list(number.sources),
            note=" ".join(number.note.split()),
        )
        for where, number in tables(stated)
        if isinstance(number, SourcedRange)
    ]


def _sources(sources: Iterable[Source]) -> list[StatedSource]:
    return [StatedSource(**each.model_dump(mode="json")) for each in sources]
