"""The daily sums that the database makes are those of the reports, one by one."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.history import DailySums, LaunchHistory
from features.ledger import Ledger, end_of_day
from features.records import KYIV, MISSILES, SHAHED, UKRAINE, QuietDayRule, SalvoReport
from features.sightings import Salvos
from features.sources.reading import Reading
from tests.conftest import NOW
from tests.features.conftest import FreshLedger, MakeReading, MakeReport

FIRST = date(2024, 12, 30)
"""The rule of quiet days changes within the days that follow."""

LAST = FIRST + timedelta(days=6)
FILE_TIMES = [datetime(2025, 1, day, hour, tzinfo=UTC) for day in (1, 3, 6) for hour in (3, 22)]
COVERED = tuple((UKRAINE, weapon_class) for weapon_class in (SHAHED, "cruise"))


@st.composite
def salvo_reports(draw: st.DrawFn, source: str) -> SalvoReport:
    """Windows that overlap, touch midnight or have no length, with counts that collide."""
    day = draw(st.integers(0, 5))
    end = datetime.combine(FIRST + timedelta(days=day), datetime.min.time()) + timedelta(
        hours=draw(st.sampled_from([0, 8, 9, 20]))
    )
    ended = end.replace(tzinfo=KYIV).astimezone(UTC)
    return SalvoReport(
        window_start=end - timedelta(hours=draw(st.sampled_from([0, 9, 14]))),
        window_end=end,
        launched=draw(st.integers(0, 3)),
        shot_down=draw(st.sampled_from([None, 0, 2])),
        suppressed=draw(st.sampled_from([None, 1])),
        target_area=draw(st.sampled_from(["", "south"])),
        weapon_class=draw(st.sampled_from([SHAHED, SHAHED, "cruise"])),
        source=source,
        published_at=draw(st.none() | st.sampled_from([ended, ended + timedelta(days=2)])),
    )


@dataclass(frozen=True)
class File:
    source: str
    rows: tuple[SalvoReport, ...]
    published_at: datetime | None
    covers: tuple[tuple[str, str], ...]


@st.composite
def files(draw: st.DrawFn) -> File:
    """Of every kind of source; a snapshot states what it covers."""
    source = draw(st.sampled_from(["table", "bulletin", "bundled", "kaggle"]))
    rows = tuple(draw(st.lists(salvo_reports(source), min_size=1, max_size=8)))
    snapshot = source in ("bundled", "kaggle")
    return File(source, rows, draw(st.none() | st.sampled_from(FILE_TIMES)), COVERED if snapshot else ())


def summed_one_by_one(ledger: Ledger, rule: QuietDayRule, origin: date | None) -> LaunchHistory | None:
    """The history by its definition: the reports as they stood published, without overlaps, added up by day."""
    moment = end_of_day(origin) if origin else datetime.max.replace(tzinfo=UTC)
    reports = {kind: [e.report for e in ledger.as_of(moment, UKRAINE, kind)] for kind in (SHAHED, *MISSILES)}
    try:
        history = LaunchHistory.from_reports(reports[SHAHED], until=origin, rule=rule)
    except InputError:
        return None
    # As of the drones: what ends at the midnight after the origin is of the next day, though it is published by then.
    known = {kind: [each for each in reports[kind] if each.attack_day <= (origin or date.max)] for kind in MISSILES}
    missiles = [report for kind in MISSILES for report in Salvos.of(known[kind]).standing]
    return history.with_missiles(DailySums.of(missiles).launched)


@settings(deadline=None, max_examples=30)
@given(batch=st.lists(files(), min_size=1, max_size=5), rule=st.sampled_from(list(QuietDayRule)))
def test_a_history_is_the_sum_of_the_reports_in_force(
    fresh_ledger: FreshLedger, batch: list[File], rule: QuietDayRule
) -> None:
    with fresh_ledger() as ledger:
        for number, file in enumerate(batch):
            reading = Reading(file.source, f"{number}", iter(file.rows), file.published_at, file.covers)
            ledger.ingest(reading, NOW + timedelta(hours=number), accept_shrink=True)
        for origin in (None, *(FIRST + timedelta(days=index) for index in range(-1, 8))):
            expected = summed_one_by_one(ledger, rule, origin)
            if expected is None:
                with pytest.raises(InputError):
                    ledger.history(rule=rule, origin=origin)
                continue
            history = ledger.history(rule=rule, origin=origin)
            assert history.digest == expected.digest
            assert (history.first_day, history.sources) == (expected.first_day, expected.sources)
        for theatre, kind, salvos in ledger.series():
            known = ledger.as_of(datetime.max.replace(tzinfo=UTC), theatre, kind)
            assert salvos == len(Salvos.of(entry.report for entry in known).standing)


def test_what_ends_at_midnight_replaces_nothing_of_the_day_before(
    fresh_ledger: FreshLedger, make_reading: MakeReading
) -> None:
    """It is published by the end of that day, and of the next one: as of the one before it is not there."""
    evening, midnight = datetime(2025, 1, 3, 20), datetime(2025, 1, 4)
    windows = [(evening, evening, 1), (midnight - timedelta(hours=14), midnight, 5)]
    reports = [
        SalvoReport(window_start=start, window_end=end, launched=launched, weapon_class=kind, source="table")
        for kind in (SHAHED, "cruise")
        for start, end, launched in windows
    ]
    with fresh_ledger() as ledger:
        ledger.ingest(make_reading(reports), NOW)
        told = {day: ledger.history(origin=date(2025, 1, day)) for day in (3, 4)}
        assert told[3].launched.tolist() == told[3].missiles.tolist() == [1]
        assert [told[4].launched[-1], told[4].missiles[-1]] == [5, 5]


def agreed(ledger: Ledger) -> list[tuple[Any, ...]]:
    with ledger._engine.connect() as connection:
        query = "SELECT launched, agreed_source FROM report WHERE agreed_at IS NOT NULL ORDER BY launched"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_only_salvos_that_were_revised_are_looked_at_one_by_one(
    fresh_ledger: FreshLedger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    """Seen again is not revised: a table that is read every day stays as quick as on the first."""
    first, second = make_report("2026-01-10", 1), make_report("2026-01-11", 2)
    with fresh_ledger() as ledger:
        for day in range(3):
            ledger.ingest(make_reading([first, second], datetime(2026, 1, 20 + day, tzinfo=UTC)), NOW)
        assert agreed(ledger) == [(1, "table"), (2, "table")]
        ledger.ingest(make_reading([make_report("2026-01-11", 3)], datetime(2026, 1, 25, tzinfo=UTC)), NOW)
        assert agreed(ledger) == [(1, "table")]
        assert ledger.history().launched.tolist() == [1, 3]


def test_a_file_dated_before_its_windows_end_makes_nothing_known_before_they_do(
    fresh_ledger: FreshLedger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    early = datetime(2026, 1, 9, 12, tzinfo=UTC)
    ended = datetime(2026, 1, 10, 6, tzinfo=UTC)
    with fresh_ledger() as ledger:
        ledger.ingest(make_reading([make_report("2026-01-10", 1)], early - timedelta(hours=1)), NOW)
        ledger.ingest(make_reading([make_report("2026-01-10", 2)], early), NOW)
        assert ledger.as_of(ended - timedelta(seconds=1)) == []
        assert [(e.report.launched, e.published_at) for e in ledger.as_of(ended)] == [(2, ended)]
