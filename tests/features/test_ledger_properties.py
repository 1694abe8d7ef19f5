"""Laws of the ledger, for whatever files come in whatever order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.ledger import IngestCounts, Ledger
from features.records import KYIV, SalvoReport
from features.sources.reading import RejectedRow
from features.tables import report_table, sighting_table
from tests.conftest import NOW
from tests.features.conftest import FreshLedger, MakeReading

Rows = list[SalvoReport | RejectedRow]
FILE_TIMES = [datetime(2026, 1, day, 22, tzinfo=UTC) for day in (14, 15, 16)]
"""All after the windows below. Few, and shared by files and reports: most accidents happen where times meet."""

NIGHTS = [datetime(2026, 1, day, 8) for day in (10, 11, 12)]


@dataclass(frozen=True)
class File:
    """What a Reading is made of, so that it can be read more than once."""

    rows: tuple[SalvoReport | RejectedRow, ...]
    published_at: datetime | None


@st.composite
def salvo_reports(draw: st.DrawFn) -> SalvoReport:
    """Of three nights and two areas, with counts that collide."""
    end = draw(st.sampled_from(NIGHTS))
    ended = end.replace(tzinfo=KYIV).astimezone(UTC)
    return SalvoReport(
        window_start=end - timedelta(hours=14),
        window_end=end,
        launched=draw(st.integers(1, 3)),
        shot_down=draw(st.sampled_from([None, 0, 4])),
        target_area=draw(st.sampled_from(["", "south"])),
        source="table",
        published_at=draw(st.none() | st.sampled_from([ended, ended + timedelta(hours=5), *FILE_TIMES])),
    )


REJECTED = st.builds(RejectedRow, st.integers(1, 9), st.just("{}"), st.just("no report"))


def files(published_at: st.SearchStrategy[datetime | None]) -> st.SearchStrategy[list[File]]:
    rows = st.lists(st.one_of(salvo_reports(), salvo_reports(), salvo_reports(), REJECTED), max_size=5).map(tuple)
    return st.lists(st.builds(File, rows, published_at), min_size=1, max_size=5)


def told(launched: int) -> SalvoReport:
    """Of one night, without a date."""
    end = NIGHTS[0]
    return SalvoReport(window_start=end - timedelta(hours=14), window_end=end, launched=launched, source="table")


NO_NEWS_THEN_A_CHANGE = [File((told(1),), None), File((told(1), told(1)), None), File((told(2),), None)]
"""The second file, of unknown age, says what is known; read again it would take back what the third one changed."""

ANY_FILES = files(st.none() | st.sampled_from(FILE_TIMES))
DATED_FILES = files(st.sampled_from(FILE_TIMES))


def ingest_all(ledger: Ledger, make_reading: MakeReading, batch: Sequence[File], start: datetime) -> list[IngestCounts]:
    return [
        ledger.ingest(make_reading(file.rows, file.published_at), start + timedelta(hours=hour))
        for hour, file in enumerate(batch)
    ]


def moments() -> list[datetime]:
    """Every time at which something may become known, and the second before it."""
    ends = [night.replace(tzinfo=KYIV).astimezone(UTC) for night in NIGHTS]
    hours = [NOW + timedelta(hours=hour) for hour in range(5)]
    times = [*ends, *(end + timedelta(hours=5) for end in ends), *FILE_TIMES, *hours]
    return sorted({time + timedelta(seconds=shift) for time in times for shift in (-1, 0)})


def known(ledger: Ledger) -> list[list[tuple[Any, ...]]]:
    """What the ledger says at every moment, and its revisions; when it was read is the reader's."""
    views = [ledger.as_of(moment) for moment in moments()]
    return [
        [(entry.report, entry.published_at, entry.published_at_assumed, entry.revision) for entry in view]
        for view in (*views, ledger.revisions())
    ]


def stored(ledger: Ledger) -> list[list[tuple[Any, ...]]]:
    """The rows of its reports and sightings, as the database has them."""
    with ledger._connection() as connection:
        return [
            [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))]
            for table in (report_table, sighting_table)
        ]


@settings(deadline=None, max_examples=25)
@given(batch=ANY_FILES)
@example(batch=NO_NEWS_THEN_A_CHANGE)
def test_reading_the_same_files_again_changes_nothing(
    fresh_ledger: FreshLedger, make_reading: MakeReading, batch: list[File]
) -> None:
    with fresh_ledger() as ledger:
        ingest_all(ledger, make_reading, batch, NOW)
        before, batches, quarantine = known(ledger), ledger.batches(), ledger.quarantine()
        for counts in ingest_all(ledger, make_reading, batch, NOW + timedelta(days=1)):
            assert (counts.added, counts.revised) == (0, 0)
        assert known(ledger) == before
        assert ledger.batches() == batches
        assert ledger.quarantine() == quarantine


@settings(deadline=None, max_examples=25)
@given(batch=DATED_FILES)
def test_the_same_reports_in_files_of_other_bytes_change_nothing(
    fresh_ledger: FreshLedger, make_reading: MakeReading, batch: list[File]
) -> None:
    """Another export of the same table, a blank line more: known reports are known by what they say."""
    with fresh_ledger() as ledger:
        ingest_all(ledger, make_reading, batch, NOW)
        before, n_batches = known(ledger), len(ledger.batches())
        for number, file in enumerate(batch):
            rows = [row for row in file.rows if isinstance(row, SalvoReport)]
            counts = ledger.ingest(make_reading(rows, file.published_at, digest=f"copy {number}"), NOW)
            assert counts.added == 0
        assert known(ledger) == before
        assert len(ledger.batches()) == n_batches


@settings(deadline=None, max_examples=35)
@given(data=st.data(), batch=DATED_FILES)
def test_the_order_of_reading_does_not_matter(
    fresh_ledger: FreshLedger, make_reading: MakeReading, data: st.DataObject, batch: list[File]
) -> None:
    shuffled = [
        File(tuple(data.draw(st.permutations(file.rows))), file.published_at)
        for file in data.draw(st.permutations(batch))
    ]
    with fresh_ledger() as one, fresh_ledger() as other:
        ingest_all(one, make_reading, batch, NOW)
        ingest_all(other, make_reading, shuffled, NOW)
        assert known(one) == known(other)
        assert one.series() == other.series()


@settings(deadline=None, max_examples=25)
@given(batch=ANY_FILES)
def test_what_is_known_only_grows_and_nothing_is_known_before_it_is_public(
    fresh_ledger: FreshLedger, make_reading: MakeReading, batch: list[File]
) -> None:
    with fresh_ledger() as ledger:
        ingest_all(ledger, make_reading, batch, NOW)
        earlier: dict[Any, datetime] = {}
        for moment in moments():
            view = ledger.as_of(moment)
            assert all(entry.published_at <= moment for entry in view)
            assert all(entry.report.window_end.replace(tzinfo=KYIV) <= entry.published_at for entry in view)
            later = {entry.report.key: entry.published_at for entry in view}
            assert len(later) == len(view)
            assert earlier.keys() <= later.keys()
            assert all(later[key] >= published for key, published in earlier.items())
            earlier = later
        assert set(earlier) == {row.key for file in batch for row in file.rows if isinstance(row, SalvoReport)}


@settings(deadline=None, max_examples=25)
@given(batch=ANY_FILES)
def test_no_row_that_says_when_it_came_out_is_known_earlier(
    fresh_ledger: FreshLedger, make_reading: MakeReading, batch: list[File]
) -> None:
    """For each content, told only by reports with a stated time: not shown before the earliest of those times."""
    said: dict[tuple[Any, ...], list[datetime | None]] = {}
    for file in batch:
        for row in file.rows:
            if isinstance(row, SalvoReport):
                said.setdefault((row.key, row.content), []).append(row.published_at)
    with fresh_ledger() as ledger:
        ingest_all(ledger, make_reading, batch, NOW)
        for moment in moments():
            for entry in ledger.as_of(moment):
                times = said[entry.report.key, entry.report.content]
                stated = [time for time in times if time is not None]
                if len(stated) == len(times):
                    assert min(stated) <= moment


@settings(deadline=None, max_examples=25)
@given(batch=ANY_FILES)
def test_the_counts_of_an_ingest_add_up(
    fresh_ledger: FreshLedger, make_reading: MakeReading, batch: list[File]
) -> None:
    with fresh_ledger() as ledger:
        told = ingest_all(ledger, make_reading, batch, NOW) + ingest_all(ledger, make_reading, batch, NOW)
        for file, counts in zip([*batch, *batch], told, strict=True):
            assert counts.rows_read == len(file.rows)
            assert counts.rows_read == counts.added + counts.revised + counts.unchanged + counts.quarantined
        for row in ledger.batches():
            assert row["rows_read"] == row["added"] + row["revised"] + row["unchanged"] + row["quarantined"]
        assert sum(counts.added for counts in told) == sum(n_salvos for _, _, n_salvos in ledger.series())
        assert sum(counts.quarantined - counts.rejected_before for counts in told) == len(ledger.quarantine())


@settings(deadline=None, max_examples=10)
@given(batch=DATED_FILES)
def test_the_size_of_a_chunk_does_not_matter(
    fresh_ledger: FreshLedger, make_reading: MakeReading, batch: list[File]
) -> None:
    with fresh_ledger() as one, fresh_ledger() as other, pytest.MonkeyPatch.context() as patch:
        whole = ingest_all(one, make_reading, batch, NOW)
        patch.setattr("features.ledger.CHUNK", 1)
        row_by_row = ingest_all(other, make_reading, batch, NOW)
        assert [(c.added, c.revised, c.unchanged) for c in whole] == [
            (c.added, c.revised, c.unchanged) for c in row_by_row
        ]
        assert known(one) == known(other)
        assert stored(one) == stored(other)


@st.composite
def told_by_several(draw: st.DrawFn) -> SalvoReport:
    """Of windows that touch, hold and repeat each other, by sources of every rank."""
    start = datetime(2026, 1, draw(st.integers(8, 11)), draw(st.sampled_from([0, 8, 18])))
    return SalvoReport(
        window_start=start,
        window_end=start + timedelta(hours=draw(st.sampled_from([0, 8, 10, 14, 24, 72]))),
        launched=draw(st.integers(1, 3)),
        target_area=draw(st.sampled_from(["", "Ukraine", "south", " South", "east"])),
        source=draw(st.sampled_from(["table", "bundled", "bulletin"])),
    )


def every_id(connection: sa.Connection, query: sa.Select[Any], _theatre: str) -> list[int]:
    return [row[-1] for row in connection.execute(query)]


@settings(deadline=None, max_examples=30)
@given(rows=st.lists(told_by_several(), max_size=7))
def test_a_closer_look_at_some_reports_marks_what_one_at_all_of_them_does(
    fresh_ledger: FreshLedger, make_reading: MakeReading, rows: list[SalvoReport]
) -> None:
    with fresh_ledger() as one, fresh_ledger() as other, pytest.MonkeyPatch.context() as patch:
        one.ingest(make_reading(rows), NOW)
        patch.setattr("features.disputes._suspects", every_id)
        other.ingest(make_reading(rows), NOW)
        assert stored(one) == stored(other)
