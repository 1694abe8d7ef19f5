"""The API's routes to the ledger: what it knows, and reports that are added to it."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Body, Depends, Request, Response

from features.errors import InputError
from features.records import SHAHED, UKRAINE
from features.sources.bulletin import read_bulletins
from features.sources.reading import Reading
from features.sources.structure import Structure, TableRows, refuse_totals
from features.sources.table import SOURCE as TABLE
from features.sources.table import RowReader, match_columns
from features.storing import IngestCounts
from forecasting.service.api.bodies import DataBody, ReportsBody, ReportsRequest, SeriesBody
from forecasting.service.api.definition import UNCHANGED, problems
from forecasting.service.http.exchange import JsonRoute, check_json, dispatcher_of, with_entity_tag
from forecasting.service.http.problems import Refusal
from forecasting.service.workers import work

if TYPE_CHECKING:
    from forecasting.answers.answering import Answerer

REPORTS_SECONDS, DATA_SECONDS = 1.0, 0.5
"""What it takes to add reports, and to look through the ledger."""

router = APIRouter(tags=["data"], route_class=JsonRoute)


@router.get(
    "/data",
    summary="What the ledger knows: series, last attack day, digest, revisions",
    response_model=DataBody,
    responses=UNCHANGED | problems(),
)
async def get_data(request: Request) -> Response:
    dispatcher = dispatcher_of(request)
    version = await asyncio.to_thread(dispatcher.ledger.data_version)
    content = await dispatcher.computed(("data", version), DATA_SECONDS, work.with_answering, data_body, version)
    return with_entity_tag(request, content)


def data_body(answering: "Answerer", version: str) -> bytes:
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
    summary="Adds reports, or the text of a bulletin; off unless the server was started with --accept-reports",
    response_model=ReportsBody,
    responses=problems(408, 413, 415, 422),
    dependencies=[Depends(check_json)],
)
async def post_reports(
    request: Request,
    given: Annotated[
        ReportsRequest,
        Body(
            openapi_examples={
                "a daily total": {"value": {"rows": [{"date": "2026-03-01", "launched": 120, "shot_down": 101}]}},
                "a bulletin": {"value": {"bulletin": "...", "received": "2026-03-01T08:30:00+02:00"}},
            }
        ),
    ],
) -> ReportsBody:
    dispatcher = dispatcher_of(request)
    if not dispatcher.settings.accept_reports:
        raise Refusal(403, "this server accepts no reports: start it with --accept-reports")
    counts, passed_over, notes = await dispatcher.in_time(REPORTS_SECONDS, work.with_answering, ingest_reports, given)
    return ReportsBody(
        rows_read=counts.rows_read,
        added=counts.added,
        revised=counts.revised,
        unchanged=counts.unchanged,
        quarantined=counts.quarantined,
        first_rejection=counts.first_rejection.reason if counts.first_rejection else None,
        passed_over=passed_over,
        notes=notes,
        version=await asyncio.to_thread(dispatcher.ledger.data_version),
    )


def ingest_reports(answering: "Answerer", given: ReportsRequest) -> tuple[IngestCounts, dict[str, int], list[str]]:
    """Adds the reports to the ledger: what became of them, what was passed over, and notes on them all.

    Raises InputError, and adds nothing, for what the readers refuse.
    """
    reading = reading_of(given)
    return answering.ledger.ingest(reading, datetime.now(UTC)), dict(reading.passed_over), list(reading.notes)


def reading_of(given: ReportsRequest) -> Reading:
    """The reports of a request, as the readers of files give theirs. Raises InputError for what they refuse."""
    if given.bulletin is not None:
        return read_bulletins(given.bulletin, received=given.received)
    assert given.rows is not None
    header = list(dict.fromkeys(name for row in given.rows for name in row))
    if "source" in header:
        raise InputError(f"rows name a source: it is '{TABLE}' for whatever this server is given; leave the field out")
    cells = [["" if row.get(name) is None else str(row[name]) for name in header] for row in given.rows]
    columns = match_columns(header, {}, "rows")
    reader = RowReader(header, columns, theatre=UKRAINE, weapon_class=SHAHED, source=TABLE, published_at=given.received)
    table = TableRows(
        header,
        lambda: iter([(row, "") for row in cells]),
        reader.salvo,
        reader.report,
        columns.ignored,
        published_at=given.received,
    )
    structure = Structure.of(table.rows, reader.salvo, by_date="date" in columns.used)
    refuse_totals(structure, "rows")
    digest = hashlib.sha256(json.dumps(given.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    return Reading(TABLE, digest, table.read(structure.several), given.received)
