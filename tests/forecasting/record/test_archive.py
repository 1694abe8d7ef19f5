"""What was given out stays as it was given out."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from features.database import Database
from features.errors import InputError, SalvocastError
from features.home import ledger_url
from features.records import QuietDayRule
from features.tables import issued_table
from forecasting.record.archive import Archive, Channel
from forecasting.report.document import forecast_document
from forecasting.salvos.forecast import SalvoForecast
from tests.databases import Database as Databases

Make = Callable[..., bytes]
NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def make_document() -> Make:
    """make_document("2026-02-28", model_id="two_regime"): a forecast of two days as published JSON."""

    def make(origin: str = "2026-02-28", **fields: Any) -> bytes:
        forecast = SalvoForecast(
            theatre="ukraine",
            weapon_class="shahed",
            origin=date.fromisoformat(origin),
            last_day_known=date.fromisoformat(origin),
            paths=np.array([[10, 20], [30, 40]]),
            data_sources=("table",),
            data_digest="d" * 64,
            quiet_day_rule=QuietDayRule.NONE,
            massed_threshold=400,
            model_id="salvo_ensemble",
            seed=1,
        )
        return forecast_document(replace(forecast, **fields)).model_dump_json(indent=2).encode() + b"\n"

    return make


@pytest.fixture
def archive(database: Databases) -> Iterator[Archive]:
    url = database.migrated()
    with Archive.open(url) as archive:
        yield archive
    database.drop(url)


def issue(archive: Archive, document: bytes, at: datetime = NOON, **fields: object) -> str:
    told = {"request": "{}", "channel": "cli", "model_version": None} | fields
    return archive.issue(document, issued_at=at, **told)  # type: ignore[arg-type]


def test_what_was_issued_comes_back_byte_for_byte(archive: Archive, make_document: Make) -> None:
    document = make_document()
    identity = issue(archive, document, channel=Channel.API, model_version=7, request='{"seed":1}')
    assert identity == hashlib.sha256(document).hexdigest()
    kept = archive.get(identity)
    assert kept.document == document
    assert (kept.channel, kept.model_version, kept.request, kept.issued_at) == (Channel.API, 7, '{"seed":1}', NOON)
    assert (kept.kind, kept.theatre, kept.weapon_class, kept.model_id) == (
        "forecast",
        "ukraine",
        "shahed",
        "salvo_ensemble",
    )
    assert (kept.origin, kept.horizon, kept.scenario, kept.data_digest) == (date(2026, 2, 28), 2, None, "d" * 64)


def test_a_plan_is_known_by_the_forecast_in_it(archive: Archive, make_document: Make) -> None:
    forecast = json.loads(make_document())
    plan = json.dumps({"format": "salvocast/plan/1", "forecast": forecast | {"supply": {"scenario": "surge"}}})
    kept = archive.get(issue(archive, plan.encode()))
    assert (kept.kind, kept.origin, kept.scenario) == ("plan", date(2026, 2, 28), "surge")


def test_the_same_document_is_kept_once_as_it_was_first_issued(archive: Archive, make_document: Make) -> None:
    first = issue(archive, make_document())
    again = issue(archive, make_document(), NOON + timedelta(days=1), channel="page", model_version=3)
    assert again == first
    assert [(header.id, header.issued_at, header.channel) for header in archive.list()] == [(first, NOON, "cli")]


def test_a_time_of_another_zone_is_kept_as_the_same_moment(archive: Archive, make_document: Make) -> None:
    from features.records import KYIV

    kept = archive.get(issue(archive, make_document(), NOON.astimezone(KYIV)))
    assert kept.issued_at == NOON
    assert kept.issued_at.utcoffset() == timedelta(0)


def test_the_list_is_in_the_order_of_issue_and_can_be_narrowed(archive: Archive, make_document: Make) -> None:
    late = issue(archive, make_document("2026-03-02"), NOON + timedelta(days=2))
    early = issue(archive, make_document("2026-03-01"), NOON + timedelta(days=1))
    other = issue(archive, make_document(model_id="two_regime"))
    abroad = issue(archive, make_document(theatre="moldova"))
    assert [header.id for header in archive.list()] == [late, early, other, abroad]
    assert [header.id for header in archive.list(since=date(2026, 3, 2))] == [late, early]
    assert [header.id for header in archive.list(model_id="two_regime")] == [other]
    assert [header.id for header in archive.list(theatre="moldova", weapon_class="shahed")] == [abroad]


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b'{"format": "salvocast/plan/9"}', b'{"format": "salvocast/plan/1", "forecast": {"theatre": "x"}}'],
)
def test_what_is_no_document_is_refused_and_nothing_is_kept(archive: Archive, document: bytes) -> None:
    with pytest.raises(InputError, match=r"no document that can be issued.*expected the JSON of a forecast or a plan"):
        issue(archive, document)
    assert not archive.list()


def test_an_unknown_id_is_told(archive: Archive) -> None:
    with pytest.raises(InputError, match=r"no issued forecast has the id 'abc'"):
        archive.get("abc")


@pytest.mark.parametrize("altered", [b"x", zlib.compress(b"{}")])
def test_altered_bytes_are_not_given_out(archive: Archive, make_document: Make, altered: bytes) -> None:
    identity = issue(archive, make_document())
    with archive._engine.begin() as connection:
        connection.execute(issued_table.update().values(document=altered))
    with pytest.raises(SalvocastError, match=f"{identity} is not what was given out"):
        archive.get(identity)


def test_nothing_in_the_archive_changes_or_removes_a_row(archive: Archive, make_document: Make) -> None:
    """Whoever adds a method adds it here, and finds that it must read or insert."""
    assert {name for name in vars(Archive) if not name.startswith("_")} == {"issue", "get", "list", "plan_of"}
    assert Archive.__bases__ == (Database,)
    statements: list[str] = []
    sa.event.listen(archive._engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    for _ in range(2):
        archive.get(issue(archive, make_document()))
    archive.list()
    with pytest.raises(InputError, match="no plan of shahed"):
        archive.plan_of("last", "ukraine", "shahed")
    assert {statement.split()[0] for statement in statements} <= {"BEGIN", "SET", "SELECT", "INSERT"}
    assert sum(statement.startswith("INSERT") for statement in statements) == 1


def test_two_archives_issue_the_same_document_once(home: Path, make_document: Make) -> None:
    from concurrent.futures import ThreadPoolExecutor

    home.mkdir(exist_ok=True)
    with Archive.open(ledger_url()) as one, Archive.open(ledger_url()) as other, ThreadPoolExecutor(4) as pool:
        identities = set(pool.map(lambda archive: issue(archive, make_document()), [one, other] * 8))
        assert [header.id for header in one.list()] == list(identities)
