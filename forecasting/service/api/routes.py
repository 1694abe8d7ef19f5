"""The HTTP API: the answers of the command line, for other systems."""

import asyncio
import json
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, TypeAdapter

from features.errors import InputError
from forecasting.answers.request import ComparisonRequest, ForecastRequest, PlanRequest, SensitivityRequest
from forecasting.record.archive import Channel, IssuedForecast
from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.forms import XLSX, Form
from forecasting.report.sensitivity_document import SensitivityDocument
from forecasting.report.since_document import SinceDocument
from forecasting.service.api import assumptions as api_assumptions
from forecasting.service.api import data as api_data
from forecasting.service.api import stocks as api_stocks
from forecasting.service.api.bodies import AboutBody, JobBody, StateBody
from forecasting.service.api.definition import DOCUMENT, DRAWN, LATER, UNCHANGED, problems
from forecasting.service.http.exchange import (
    ID_HEADER,
    JsonRoute,
    check_json,
    dispatcher_of,
    is_current,
    tagged_json,
    until_gone,
)
from forecasting.service.http.media import accepted_form
from forecasting.service.http.problems import Refusal
from forecasting.service.workers.dispatcher import Answer
from forecasting.service.workers.jobs import CHANGES, KEPT_HOURS, MOST_KEPT, Job
from forecasting.service.workers.metrics import MEDIA_TYPE as METRICS_TYPE
from forecasting.service.workers.metrics import metrics_text
from forecasting.service.workers.since import changes_or_job

RETRY_SECONDS = 2
"""After which a client may look at a job again."""
IMMUTABLE = "private, max-age=31536000, immutable"

router = APIRouter(prefix="/api/v1", route_class=JsonRoute)
Issue = Annotated[Literal["true", "false"], Query(description="whether it is kept in the archive, under its id")]
Responses = dict[int | str, dict[str, Any]]
Route = TypeVar("Route", bound=Callable[..., object])


def _answers(path: str, model: type[BaseModel], summary: str, forms: Responses = DOCUMENT) -> Callable[[Route], Route]:
    """A route that takes a request and answers with its document."""
    return router.post(
        path,
        tags=["answers"],
        summary=summary,
        response_model=model,
        responses=forms | LATER | problems(406, 408, 413, 415, 422),
        dependencies=[Depends(check_json)],
    )


@_answers("/forecast", ForecastDocument, "Drones launched per attack day")
async def post_forecast(
    request: Request,
    wanted: Annotated[
        ForecastRequest,
        Body(openapi_examples={"the default": {"value": {}}, "a week": {"value": {"horizon": 7, "seed": 2}}}),
    ],
    issue: Issue = "true",
) -> Response:
    return await _answered(request, wanted, issue)


@_answers("/plan", PlanDocument, "The interceptors that each layer needs against them, and what to order")
async def post_plan(
    request: Request,
    wanted: Annotated[
        PlanRequest,
        Body(
            openapi_examples={
                "the default": {"value": {}},
                "own stocks, two layers": {
                    "value": {
                        "horizon": 14,
                        "layers": ["interceptor_drone", "short_range_missile"],
                        "stock": {"short_range_missile": 40},
                        "service_level": 0.99,
                    }
                },
            }
        ),
    ],
    issue: Issue = "true",
) -> Response:
    return await _answered(request, wanted, issue)


@router.post(
    "/plan/changes",
    tags=["answers"],
    summary="What has changed since a plan that was issued, each change by its causes",
    response_model=SinceDocument,
    responses=LATER | problems(408, 413, 415, 422),
    dependencies=[Depends(check_json)],
)
async def post_changes(
    request: Request,
    wanted: Annotated[PlanRequest, Body(openapi_examples={"the default": {"value": {}}})],
    since: Annotated[
        str, Query(description="the plan before: last, its id or the first eight of it, or a date")
    ] = "last",
) -> Response:
    dispatcher = dispatcher_of(request)

    async def answer() -> Response:
        context = await dispatcher.context(wanted)
        found = await changes_or_job(dispatcher, wanted, context, since)
        return _later(found) if isinstance(found, Job) else _changes(found)

    return await until_gone(request, answer())


def _changes(document: bytes) -> Response:
    return Response(document, headers={"Cache-Control": "no-store"}, media_type="application/json")


@_answers("/comparison", ComparisonDocument, "Scenarios of production side by side, each against a baseline", DRAWN)
async def post_comparison(
    request: Request,
    wanted: Annotated[
        ComparisonRequest,
        Body(openapi_examples={"two, over a month": {"value": {"scenarios": ["workers_25000"], "horizon": 28}}}),
    ],
) -> Response:
    return await _answered(request, wanted, "false")


@_answers("/sensitivity", SensitivityDocument, "Which assumption moves orders and leakers most")
async def post_sensitivity(
    request: Request,
    wanted: Annotated[SensitivityRequest, Body(openapi_examples={"the default": {"value": {}}})],
) -> Response:
    return await _answered(request, wanted, "false")


async def _answered(request: Request, wanted: ForecastRequest, issue: Issue) -> Response:
    form = accepted_form(request.headers.get("accept", ""))
    dispatcher = dispatcher_of(request)

    async def answer() -> Response:
        made = await dispatcher.answer_or_job(wanted, Channel.API, issue=issue == "true")
        if isinstance(made, Job):
            return _later(made)
        return await _document(request, made, form, kept=issue == "true")

    return await until_gone(request, answer())


async def _document(request: Request, made: Answer, form: Form, *, kept: bool) -> Response:
    headers = {ID_HEADER: made.id, "Cache-Control": "no-store", "Vary": "Accept"}
    dispatcher, asked = dispatcher_of(request), dict[str, str]()
    if kept:
        headers["Content-Location"] = f"/api/v1/forecasts/{made.id}"
        if form is XLSX:  # whose sheet `about` has it
            asked = _asked_of(request, await dispatcher.issued(made.id))
    request.scope["state"]["digest"] = made.id
    content = await dispatcher.in_form(made, form, asked=asked)
    return Response(content, headers=headers, media_type=form.media_type)


def _later(job: Job) -> Response:
    """Where the answer will be."""
    link = f"{router.prefix}/jobs/{job.id}"
    body = JobBody(
        id=job.id,
        kind=job.kind,
        state="open",
        share=round(job.share, 2),
        seconds=round(job.elapsed, 1),
        expected_seconds=round(job.seconds, 1),
        link=link,
    )
    headers = {"Location": link, "Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
    return Response(body.model_dump_json(), 202, headers, "application/json")


@router.get(
    "/jobs/{id}",
    tags=["answers"],
    summary="An answer that takes longer than a request may: how far it is, then the document itself",
    response_model=ForecastDocument | PlanDocument | ComparisonDocument | SensitivityDocument | SinceDocument,
    responses=DRAWN | LATER | problems(404, 406, 422),
)
async def get_job(request: Request, id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]) -> Response:  # noqa: A002
    form = accepted_form(request.headers.get("accept", ""))
    dispatcher = dispatcher_of(request)
    job = await dispatcher.jobs.find(id)
    if job is not None and job.state == "open":
        return _later(job)
    if job is not None and job.state == "failed":
        raise Refusal(422, job.error)
    made = None if job is None else await dispatcher.answer_of(job)
    if job is None or made is None:
        raise Refusal(
            404,
            f"there is no job {id}: one is kept for {KEPT_HOURS} hours, the last {MOST_KEPT} of them, and ends with "
            "its server; send the same request again",
        )
    return _changes(made.document) if job.kind == CHANGES else await _document(request, made, form, kept=job.issue)


@router.get(
    "/forecasts/{id}",
    tags=["answers"],
    summary="A forecast or plan as it was issued: it never changes",
    response_model=ForecastDocument | PlanDocument,
    responses=DOCUMENT | UNCHANGED | problems(404, 406, 422),
)
async def get_forecast(request: Request, id: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:  # noqa: A002
    form = accepted_form(request.headers.get("accept", ""))
    dispatcher = dispatcher_of(request)
    try:
        found = await dispatcher.issued(id)
    except InputError as error:
        raise Refusal(404, str(error)) from error
    tag = f'"{found.id}-{form.name}"'
    headers = {ID_HEADER: found.id, "ETag": tag, "Cache-Control": IMMUTABLE, "Vary": "Accept"}
    if is_current(request, tag):
        return Response(status_code=304, headers=headers)
    content = await dispatcher.in_form(found, form, asked=_asked_of(request, found))
    return Response(content, headers=headers, media_type=form.media_type)


@router.get(
    "/forecasts/{id}/about",
    tags=["answers"],
    summary="What is known of an issued forecast or plan beside its numbers: request, day of issue, age of the data",
    response_model=AboutBody,
    responses=UNCHANGED | problems(404, 422),
)
async def get_about(request: Request, id: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:  # noqa: A002
    try:
        found = await dispatcher_of(request).issued(id)
    except InputError as error:
        raise Refusal(404, str(error)) from error
    told = await asyncio.to_thread(json.loads, found.document)
    forecast = told.get("forecast", told)
    known, age = date.fromisoformat(forecast["last_attack_day_known"]), forecast.get("data_age") or {}
    asked = _asked_of(request, found)
    body = AboutBody(
        id=found.id,
        format=told["format"],
        issued_at=asked["issued_at"],
        request=json.loads(found.request),
        link=asked["link"],
        origin=str(found.origin),
        last_attack_day_known=str(known),
        data_age_days=age.get("days", (found.origin - known).days),
        not_for_orders=age.get("not_for_orders", False),
        data_digest=found.data_digest,
        model_id=found.model_id,
    )
    return tagged_json(request, TypeAdapter(AboutBody), body)


def _asked_of(request: Request, issued: IssuedForecast) -> dict[str, str]:
    """What the sheet `about` of a workbook, and who asks for it alone, is told of what was issued."""
    return {
        "request": issued.request,
        "link": f"{request.base_url}api/v1/forecasts/{issued.id}",
        "issued_as": issued.id,
        "issued_at": issued.issued_at.isoformat(timespec="seconds"),
    }


for part in (api_assumptions, api_data, api_stocks):
    router.include_router(part.router)


@router.get("/healthz", tags=["operation"], summary="Whether the server runs", responses=problems())
async def get_health() -> StateBody:
    return StateBody(status="ok")


@router.get(
    "/readyz",
    tags=["operation"],
    summary="Whether it has learned what it needs to answer fast, and ledger and registry let it in",
    responses=problems(),
)
async def get_ready(request: Request) -> StateBody:
    if why := dispatcher_of(request).unready:
        raise Refusal(503, why, {"Retry-After": "1"})
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
