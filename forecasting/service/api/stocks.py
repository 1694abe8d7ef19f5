"""The API's routes to the counts of stocks in the ledger."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import TypeAdapter

from features.errors import unknown_name
from features.records import UKRAINE
from features.sources.counts import CountRow
from features.stated import Day
from features.stocks import StockCount
from forecasting.answers.counting import count_stocks
from forecasting.answers.defences import BUNDLED_DEFENCES, stated_defence
from forecasting.answers.request import Name
from forecasting.service.api.bodies import CountBody, StocksBody, StocksRequest
from forecasting.service.api.definition import UNCHANGED, problems
from forecasting.service.http.exchange import JsonRoute, check_json, dispatcher_of, tagged_json
from forecasting.service.workers import work

if TYPE_CHECKING:
    from forecasting.answers.answering import Answerer

COUNTS_SECONDS = 0.3
"""What it takes to keep counts, or to look them up."""

router = APIRouter(tags=["data"], route_class=JsonRoute)


@router.get(
    "/stocks",
    summary="The counts of stocks in force, as known by an origin or now",
    response_model=StocksBody,
    responses=UNCHANGED | problems(422),
)
async def get_stocks(
    request: Request, theatre: Name = UKRAINE, origin: Annotated[Day | None, Query()] = None
) -> Response:
    found = await dispatcher_of(request).in_time(COUNTS_SECONDS, work.with_answering, stocks_body, theatre, origin)
    return tagged_json(request, TypeAdapter(StocksBody), found)


@router.post(
    "/stocks",
    summary="Keeps counts of stocks, all of them or none; plans start from the last one",
    response_model=StocksBody,
    responses=problems(408, 413, 415, 422),
    dependencies=[Depends(check_json)],
)
async def post_stocks(
    request: Request,
    given: Annotated[
        StocksRequest,
        Body(
            openapi_examples={
                "one stock": {
                    "value": {
                        "counts": [
                            {
                                "layer": "interceptor_drone",
                                "quantity": 12000,
                                "counted_on": "2026-04-28",
                                "source": "depot",
                            }
                        ]
                    }
                }
            }
        ),
    ],
) -> StocksBody:
    return await dispatcher_of(request).in_time(COUNTS_SECONDS, work.with_answering, keep_counts, given)


def keep_counts(answering: "Answerer", given: StocksRequest) -> StocksBody:
    """Adds the counts to the ledger: those in force then. Raises InputError, and adds nothing, for what is none."""
    rows = [
        CountRow(f"counts.{number}", each.layer, each.quantity, each.counted_on, each.known_on, each.source)
        for number, each in enumerate(given.counts)
    ]
    defence = stated_defence(given.defence or given.theatre)
    _, added = count_stocks(answering.ledger, defence, rows, datetime.now(UTC), correct=given.correct)
    return stocks_body(answering, defence.theatre).model_copy(update={"added": added})


def stocks_body(answering: "Answerer", theatre: str, origin: Day | None = None) -> StocksBody:
    """The counts in force. Raises InputError for a theatre that neither the record nor a defence knows."""
    counts = answering.ledger.stock_counts(theatre, origin)
    known = {*BUNDLED_DEFENCES, *(each for each, _, _ in answering.ledger.series())}
    if not counts and theatre not in known:
        raise unknown_name("theatre", theatre, known, field="theatre")
    return StocksBody(theatre=theatre, counts=[_count_body(each) for each in counts])


def _count_body(count: StockCount) -> CountBody:
    return CountBody(
        layer=count.layer,
        quantity=count.quantity,
        counted_on=str(count.counted_on),
        known_on=str(count.known_on),
        source=count.source,
    )
