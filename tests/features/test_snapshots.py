"""What a snapshot lacks is news: nothing is counted twice, in whatever order the snapshots are read."""

import csv
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.ledger import Ledger, end_of_day
from features.records import SHAHED, UKRAINE, SalvoReport
from features.sources.bundled import read_bundled
from features.sources.kaggle import read_kaggle, snapshot_files
from features.sources.reading import Reading
from tests.conftest import NOW
from tests.features.conftest import MakeReport

FreshLedger = Callable[[], Ledger]
RAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "raw"
needs_raw = pytest.mark.skipif(not RAW.is_dir(), reason="the public table's snapshots are not beside this checkout")
DAYS = [datetime(2026, 1, 12, 22, tzinfo=UTC) + timedelta(days=10 * number) for number in range(4)]
"""When the snapshots of these tests came out."""

COLUMNS = ("time_start", "time_end", "model", "target", "launched", "destroyed", "source")


def snapshot(rows: list[SalvoReport], published_at: datetime | None, source: str = "kaggle") -> Reading:
    held = repr((published_at, source, [(row.key, row.content) for row in rows]))
    digest = hashlib.sha256(held.encode()).hexdigest()
    return Reading(source, digest, iter(rows), published_at, ((UKRAINE, SHAHED),))


def written(folder: Path, day: str, salvos: list[tuple[str, str, int]], columns: tuple[str, ...] = COLUMNS) -> Path:
    """A small file in the shape of the public table: (day, area, launched) of nights."""
    path = folder / f"missile_attacks_daily.{day}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        for night, area, launched in salvos:
            times = {"time_start": f"{night} 00:30", "time_end": f"{night} 06:00"}
            told = {"model": "Shahed-136", "target": area, "launched": f"{launched}", "source": "kpszsu/posts/1"}
            writer.writerow({**times, **told, "destroyed": "1"})
    return path


@pytest.fixture
def salvo(make_report: MakeReport) -> MakeReport:
    """As make_report, from the public table."""
    return partial(make_report, source="kaggle")


def launched(ledger: Ledger, moment: datetime = NOW) -> list[int]:
    return [entry.report.launched for entry in ledger.as_of(moment)]


@pytest.fixture
def moved(salvo: MakeReport) -> list[Reading]:
    """Four snapshots: the window of the second salvo is edited in the second one, a count in the third."""
    first, last = salvo("2026-01-10", 10), salvo("2026-01-12", 30)
    old = salvo("2026-01-11", 20)
    new = salvo("2026-01-11", 20, window_start=datetime(2026, 1, 10, 20))
    return [
        snapshot([first, old, last], DAYS[0]),
        snapshot([first, new, last], DAYS[1]),
        snapshot([first, new, salvo("2026-01-12", 31)], DAYS[2]),
        snapshot([first, new, salvo("2026-01-12", 31), salvo("2026-02-05", 40)], DAYS[3]),
    ]


def rows_of(reading: Reading, cache: dict[str, list[SalvoReport]]) -> Reading:
    rows = cache.setdefault(reading.digest, [row for row in reading.rows if isinstance(row, SalvoReport)])
    return Reading(reading.source, reading.digest, iter(rows), reading.published_at, reading.covers)


def test_a_moved_window_is_counted_once_at_every_moment_in_every_order(
    moved: list[Reading], fresh_ledger: FreshLedger
) -> None:
    cache: dict[str, list[SalvoReport]] = {}
    views = set()
    for order in permutations(moved):
        with fresh_ledger() as ledger:
            for reading in order:
                ledger.ingest(rows_of(reading, cache), NOW)
            moments = [*DAYS, NOW, datetime(2026, 1, 12, 7, tzinfo=UTC), DAYS[1] - timedelta(seconds=1)]
            views.add(
                tuple(tuple((e.report.key, e.report.content, e.published_at) for e in ledger.as_of(m)) for m in moments)
            )
            assert [sum(launched(ledger, moment)) for moment in moments] == [60, 60, 61, 101, 101, 60, 60]
            assert ledger.history().launched[:3].tolist() == [10, 20, 31]
            assert ledger.history(origin=date(2026, 1, 14)).launched[:3].tolist() == [10, 20, 30]
    assert len(views) == 1


def test_the_old_row_holds_until_the_snapshot_that_moved_it(moved: list[Reading], ledger: Ledger) -> None:
    for reading in moved:
        ledger.ingest(reading, NOW)
    starts = [
        [entry.report.window_start.hour for entry in ledger.as_of(moment)][1]
        for moment in (DAYS[0], DAYS[1] - timedelta(seconds=1), DAYS[1], NOW)
    ]
    assert starts == [18, 18, 20, 20]
    (told,) = ledger.withdrawn()
    assert (told[0].report.window_start.hour, told[1], told[2]) == (18, DAYS[1], None)
    (late,) = ledger.late()
    assert (late.report.window_start.hour, late.published_at) == (20, DAYS[1])


def test_a_salvo_that_comes_back_is_hidden_only_between(salvo: MakeReport, ledger: Ledger) -> None:
    always = [salvo("2026-01-09", 1), salvo("2026-01-12", 2)]
    between = salvo("2026-01-10", 10)
    for number, rows in enumerate(([*always, between], always, [*always, between])):
        ledger.ingest(snapshot(rows, DAYS[number]), NOW, accept_shrink=True)
    assert [sum(launched(ledger, moment)) for moment in DAYS[:3]] == [13, 3, 13]
    assert [(since, until) for _, since, until in ledger.withdrawn()] == [(DAYS[1], DAYS[2])]
    assert np.nansum(ledger.history(origin=date(2026, 1, 23)).launched) == 3


def test_what_a_snapshot_does_not_reach_is_not_withdrawn(salvo: MakeReport, ledger: Ledger) -> None:
    """A salvo newer than all that a snapshot holds, or of another weapon class, is not its business."""
    missile = salvo("2026-01-11", 7, weapon_class="cruise")
    ledger.ingest(snapshot([salvo("2026-01-10", 10), salvo("2026-01-13", 30)], DAYS[0]), NOW)
    ledger.ingest(Reading("kaggle", "cruise", iter([missile]), DAYS[0], ((UKRAINE, "cruise"),)), NOW)
    ledger.ingest(snapshot([salvo("2026-01-10", 10), salvo("2026-01-12", 20)], DAYS[1]), NOW, accept_shrink=True)
    assert launched(ledger) == [10, 20, 30]
    assert [entry.report.launched for entry in ledger.as_of(NOW, weapon_class="cruise")] == [7]


@pytest.mark.parametrize("source", ["table", "bulletin"])
def test_what_another_source_states_too_is_not_withdrawn(
    salvo: MakeReport, make_reading: Callable[..., Reading], ledger: Ledger, source: str
) -> None:
    rows = [salvo("2026-01-09", 1), salvo("2026-01-10", 10), salvo("2026-01-12", 2)]
    ledger.ingest(snapshot(list(rows), DAYS[0]), NOW)
    ledger.ingest(make_reading([salvo("2026-01-10", 10, source=source)], DAYS[0], source), NOW)
    ledger.ingest(snapshot([rows[0], rows[2]], DAYS[1]), NOW, accept_shrink=True)
    assert launched(ledger) == [1, 10, 2]


def test_the_bundled_facts_are_a_snapshot_of_the_same_record(salvo: MakeReport, ledger: Ledger) -> None:
    rows = [salvo("2026-01-09", 1, source="bundled"), salvo("2026-01-12", 2, source="bundled")]
    ledger.ingest(snapshot(rows, DAYS[1], "bundled"), NOW)
    older = [salvo(day, count) for day, count in (("2026-01-09", 1), ("2026-01-10", 10))]
    ledger.ingest(snapshot(older, DAYS[0]), NOW)
    assert launched(ledger) == [1, 2]
    assert launched(ledger, DAYS[0]) == [1, 10, 2]


# Snapshots that shrink


def test_a_snapshot_that_states_fewer_salvos_is_refused_whole(salvo: MakeReport, ledger: Ledger) -> None:
    rows = [salvo(f"2026-01-{day}", day) for day in range(10, 15)]
    ledger.ingest(snapshot(rows, DAYS[0] + timedelta(days=2)), NOW)
    before = (launched(ledger), ledger.batches())
    shrunk = [*rows[:1], *rows[2:], salvo("2026-01-20", 99)]
    with pytest.raises(InputError) as caught:
        ledger.ingest(snapshot(shrunk, DAYS[1]), NOW)
    assert "shahed 4 salvos instead of 5" in str(caught.value)
    assert "gone are 2026-01-11 08:00 - (shahed, launched 11)" in str(caught.value)
    assert "--accept-shrink" in str(caught.value)
    assert (launched(ledger), ledger.batches()) == before
    ledger.ingest(snapshot(shrunk, DAYS[1]), NOW, accept_shrink=True)
    assert launched(ledger) == [10, 12, 13, 14, 99]


def test_a_snapshot_cut_short_at_its_end_is_refused(salvo: MakeReport, ledger: Ledger) -> None:
    rows = [salvo(f"2026-01-{day}", day) for day in range(10, 15)]
    ledger.ingest(snapshot(rows, DAYS[0] + timedelta(days=2)), NOW)
    with pytest.raises(InputError, match="shahed 3 salvos instead of 5"):
        ledger.ingest(snapshot(rows[:3], DAYS[1]), NOW)


def test_a_smaller_snapshot_of_an_earlier_day_is_not_shrunk(salvo: MakeReport, ledger: Ledger) -> None:
    rows = [salvo(f"2026-01-{day}", day) for day in range(10, 15)]
    ledger.ingest(snapshot(rows, DAYS[1]), NOW)
    ledger.ingest(snapshot(rows[:2], DAYS[0]), NOW)
    assert launched(ledger) == [10, 11, 12, 13, 14]


def test_an_undated_snapshot_stands_from_when_it_was_read(salvo: MakeReport, ledger: Ledger) -> None:
    rows = [salvo(f"2026-01-{day}", day) for day in range(10, 15)]
    moved = salvo("2026-01-11", 11, target_area="south")
    ledger.ingest(snapshot(rows, DAYS[1]), NOW)
    ledger.ingest(snapshot([rows[0], moved, *rows[2:]], None), NOW + timedelta(days=1))
    assert launched(ledger, NOW) == launched(ledger, NOW + timedelta(days=1)) == [10, 11, 12, 13, 14]
    with pytest.raises(InputError, match="instead of 5"):
        ledger.ingest(snapshot(rows[:4], None), NOW + timedelta(days=2))


def test_a_column_that_is_gone_is_told(tmp_path: Path, ledger: Ledger) -> None:
    nights = [("2026-01-10", "south", 5), ("2026-01-11", "south", 6)]
    ledger.ingest(read_kaggle(written(tmp_path, "2026-01-20", nights, (*COLUMNS, "is_shahed"))), NOW)
    later = written(tmp_path, "2026-01-30", nights)
    with pytest.raises(InputError, match="column 'is_shahed' is gone"):
        ledger.ingest(read_kaggle(later), NOW)
    assert len(ledger.batches()) == 1
    assert ledger.ingest(read_kaggle(later), NOW, accept_shrink=True).unchanged == 2


def test_unknown_columns_are_left_out_only_where_that_is_accepted(tmp_path: Path) -> None:
    path = written(tmp_path, "2026-01-20", [("2026-01-10", "south", 5)], (*COLUMNS, "weather"))
    with pytest.raises(InputError, match=r"unknown 'weather'.*--accept-shrink"):
        read_kaggle(path)
    assert len(list(read_kaggle(path, accept_drift=True).rows)) == 1


# The published snapshots


def view(ledger: Ledger, *weapon_classes: str) -> list[object]:
    moments = [NOW, *(end_of_day(day) for day in (date(2023, 8, 1), date(2024, 1, 1), date(2025, 1, 1)))]
    return [
        (weapon_class, moment, [(e.report.key, e.report.content, e.published_at) for e in entries])
        for weapon_class in weapon_classes
        for moment in moments
        for entries in [ledger.as_of(moment, UKRAINE, weapon_class)]
    ]


@pytest.fixture
def new_ledger(tmp_path: Path) -> Callable[[], Ledger]:
    """SQLite alone: the orders are the point here, and there are 24 of them."""
    with Ledger.open(f"sqlite:///{tmp_path / 'template.db'}"):
        pass

    def fresh() -> Ledger:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
        shutil.copyfile(tmp_path / "template.db", path)
        return Ledger.open(f"sqlite:///{path}")

    return fresh


@needs_raw
@pytest.mark.slow
def test_the_published_snapshots_end_in_one_view_in_all_24_orders(new_ledger: Callable[[], Ledger]) -> None:
    readings = [read_kaggle(file) for file in snapshot_files(RAW)]
    salvos = [[row for row in reading.rows if getattr(row, "weapon_class", "") == SHAHED] for reading in readings]
    views = []
    for order in permutations(range(4)):
        with new_ledger() as ledger:
            for number in order:
                ledger.ingest(replace(readings[number], rows=iter(salvos[number])), NOW)
            views.append(view(ledger, SHAHED))
    assert len(views) == 24
    assert all(other == views[0] for other in views[1:])


@needs_raw
@pytest.mark.slow
def test_the_published_snapshots_whole_end_in_what_is_bundled(new_ledger: Callable[[], Ledger]) -> None:
    views = []
    for files in (snapshot_files(RAW), snapshot_files(RAW)[::-1]):
        with new_ledger() as ledger:
            for file in files:
                counts = ledger.ingest(read_kaggle(file), NOW)
                assert counts.rows_read == counts.added + counts.revised + counts.unchanged + counts.quarantined
            views.append(view(ledger, *(weapon_class for _, weapon_class, _ in ledger.series())))
            assert (len(ledger.withdrawn()), len(ledger.late())) == (37, 37)
            digest = ledger.history().digest
    assert views[0] == views[1]
    with new_ledger() as bundled:
        bundled.ingest(read_bundled(), NOW)
        assert bundled.history().digest == digest
