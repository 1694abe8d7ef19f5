"""Counts that the record cannot bear are held, and nothing else is."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.ledger import Ledger
from features.plausibility import Record
from features.quarantine import release, repair
from features.records import MISSILES, SalvoReport
from features.sources.bundled import read_bundled
from features.sources.reading import Reading
from tests.conftest import NOW

MORNING = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = MORNING + timedelta(days=1)
NEWS = datetime(2026, 3, 2, 8, 30)
PARTS = ("shot_down", "suppressed", "strike_drones", "jet_drones")
RAW = Path(__file__).parents[3] / "shared/data/reported_salvos.csv"


def record() -> Reading:
    """The bundled record up to February 2026."""
    rows = [
        row for row in read_bundled().rows if isinstance(row, SalvoReport) and row.window_end < datetime(2026, 3, 1)
    ]
    return Reading("bundled", "record", iter(rows))


@pytest.fixture(scope="module")
def bundled() -> Iterator[Ledger]:
    """The bundled record, on SQLite alone; nothing is to be added to it."""
    with Ledger.open("sqlite://") as ledger:
        ledger.ingest(record(), NOW)
        yield ledger


def night(launched: int, **fields: Any) -> SalvoReport:
    given = {"window_start": NEWS - timedelta(hours=14), "window_end": NEWS, "source": "table", **fields}
    return SalvoReport(launched=launched, **given)


def doubted(ledger: Ledger, *reports: SalvoReport, theatre: str = "ukraine", weapon_class: str = "shahed") -> list[str]:
    with ledger._connection() as connection:
        return Record(connection, theatre, weapon_class).doubts(reports)


def level(counts: list[int], theatre: str = "lowland", **fields: Any) -> list[SalvoReport]:
    """A night each of these counts, up to the one before the news."""
    ends = [NEWS - timedelta(days=len(counts) - index) for index in range(len(counts))]
    windows = [{"window_start": end - timedelta(hours=14), "window_end": end} for end in ends]
    return [night(count, theatre=theatre, **window, **fields) for count, window in zip(counts, windows, strict=True)]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (night(12_300), "launched 12,300 is 15.2 times the largest count around it, 810 on 2025-09-07"),
        (night(52_000, source="bulletin"), "64.2 times the largest"),
        (night(1_230, shot_down=101), "neutralised 101 of 1,230 drones is 8%, where nine days in ten have"),
        (night(81, shot_down=747), "neutralised 747 is more than twice launched 81"),
        (night(81, strike_drones=480), "strike_drones 480 is more than twice launched 81"),
        (night(1_400, shot_down=1_100), ""),  # a record night
        (night(123, shot_down=101), ""),
        (night(3), ""),
        (night(0), ""),
        (night(2, weapon_class="shahed", target_area="south"), ""),
    ],
)
def test_the_record_says_what_it_can_bear(bundled: Ledger, report: SalvoReport, said: str) -> None:
    (doubt,) = doubted(bundled, report)
    assert said in doubt
    assert bool(said) == bool(doubt)


@pytest.mark.parametrize("launched", [20, 300, 5_000])
def test_the_limits_are_those_of_the_series(bundled: Ledger, launched: int) -> None:
    """In a theatre with 90 to 110 a night, 20 and 300 are slips; in one with 3 to 3,000, neither is."""
    steady, wild = np.linspace(90, 110, 60).astype(int).tolist(), np.geomspace(3, 3_000, 60).astype(int).tolist()
    last = night(launched, theatre="lowland")
    held = [bool(doubted(bundled, *level(counts), last, theatre="lowland")[-1]) for counts in (steady, wild)]
    assert held == [True, False]


def test_no_row_of_the_record_is_held_whether_read_at_once_or_day_by_day(bundled: Ledger) -> None:
    rows = [row for row in read_bundled().rows if isinstance(row, SalvoReport)]
    for weapon_class in ("shahed", *MISSILES):
        of_class = [row for row in rows if row.weapon_class == weapon_class]
        assert not any(doubted(bundled, *of_class, theatre="another", weapon_class=weapon_class))
    drones = sorted((row for row in rows if row.weapon_class == "shahed"), key=lambda row: row.window_end)
    with bundled._connection() as connection:
        record = Record(connection, "another", "shahed")
        assert [row for row in drones for doubt in record.doubts([row]) if doubt] == []


@pytest.mark.skipif(not RAW.is_file(), reason="the newer facts are not at hand")
def test_no_later_night_is_held_and_nearly_every_slip_is(bundled: Ledger) -> None:
    """What came after the record of this ledger: as it was told, and with a digit too few or too many."""
    with RAW.open(encoding="utf-8") as file:
        told = [row for row in csv.DictReader(file) if row["window_end"] > "2026-03-02"]
    told = [row for row in told if row["target_area"] == "Ukraine"]
    true, slips = [], []
    for row in told:
        window = {name: datetime.fromisoformat(row[name]) for name in ("window_start", "window_end")}
        report = night(int(row["launched"]), shot_down=int(row["shot_down"]), **window)
        true.append(report)
        slips += [replace(report, launched=report.launched * 10), replace(report, launched=report.launched // 10)]
    assert not any(doubt for report in true for doubt in doubted(bundled, report))
    assert np.mean([bool(doubted(bundled, slip)[0]) for slip in slips]) > 0.95


@pytest.mark.parametrize("seed", range(6))
def test_a_closer_look_at_some_reports_holds_what_one_at_all_of_them_does(bundled: Ledger, seed: int) -> None:
    """Also over several files, each of which the record learns from."""
    rng = np.random.default_rng(seed)
    usual = rng.lognormal(5, [0.1, 0.3, 1][seed % 3], 400)
    odd = rng.choice([1, 0, 0.05, 0.3, 30], 400, p=[0.9, 0.02, 0.03, 0.03, 0.02])
    reports = []
    for launched in (usual * odd).astype(int).tolist():
        end = NEWS - timedelta(days=int(rng.integers(150)))
        hours = [14, 14, 8, 24][rng.integers(4)]
        parts = {name: [None, int(launched * rng.uniform(0, 2.5))][rng.integers(2)] for name in PARTS}
        area = ["", "", "Lowland", "south"][rng.integers(4)]
        window = {"window_start": end - timedelta(hours=hours), "window_end": end}
        reports.append(night(launched, theatre="lowland", target_area=area, **window, **parts))
    files = reports[:150], reports[150:151], reports[151:]
    with bundled._connection() as connection, pytest.MonkeyPatch.context() as patch:
        record = Record(connection, "lowland", "shahed")
        said = [record.doubts(file) for file in files]
        patch.setattr("features.plausibility._suspects", lambda reports, *_: np.ones(len(reports), bool))
        record = Record(connection, "lowland", "shahed")
        assert said == [record.doubts(file) for file in files]
    assert len({doubt.split()[0] for file in said for doubt in file if doubt}) > 1


def test_slips_of_one_file_do_not_hide_each_other(bundled: Ledger) -> None:
    counts = [20 + number % 30 for number in range(60)]
    counts[10:50:10] = [2_300, 2_400, 2_500, 2_600]
    doubts = doubted(bundled, *level(counts), theatre="lowland")
    assert [index for index, doubt in enumerate(doubts) if doubt] == [10, 20, 30, 40]


def test_a_fifth_of_what_is_known_of_the_night_is_held(ledger: Ledger) -> None:
    ledger.ingest(Reading("table", "a", iter([night(640), night(30, target_area="south")])), MORNING)
    fewer = night(64, source="bulletin", published_at=datetime(2026, 3, 2, 9, tzinfo=UTC))
    counts = ledger.ingest(Reading("bulletin", "b", iter([fewer])), MORNING)
    assert counts.first_rejection is not None
    assert "10 times less than is known of the same night, 640" in counts.first_rejection.reason


def test_a_held_count_moves_nothing_until_it_is_confirmed_and_then_stays(ledger: Ledger) -> None:
    ledger.ingest(record(), NOW)
    before = ledger.history()
    record_night = night(1_900, published_at=datetime(2026, 3, 2, 9, tzinfo=UTC))
    counts = ledger.ingest(Reading("table", "a", iter([record_night])), MORNING)
    assert (counts.rows_read, counts.quarantined) == (1, 1)
    history = ledger.history()
    assert history.digest == before.digest
    (held,) = history.held
    assert (str(held.attack_day), held.launched) == ("2026-03-02", 1_900)
    assert ledger.history(origin=before.last_day).held == ()  # nothing of it was known then
    confirmed = release(ledger, held.row_id, "the Air Force told it twice", LATER)
    assert confirmed is not None
    assert confirmed.added == 1
    history = ledger.history()
    assert (history.launched[-1], history.held, ledger.quarantine()) == (1_900, (), [])
    assert ledger.quarantine(settled=True)[0]["decision"] == "confirmed"
    # Told again, by whomever, it passes.
    again = [night(1_900), night(1_880, source="bulletin", window_end=NEWS + timedelta(minutes=5))]
    assert ledger.ingest(Reading("table", "b", iter(again)), LATER).quarantined == 0


def test_a_held_count_is_put_right_by_a_repair(ledger: Ledger) -> None:
    ledger.ingest(record(), NOW)
    ledger.ingest(Reading("table", "a", iter([night(12_300)])), MORNING)
    repair(ledger, ledger.quarantine()[0]["id"], {"launched": "123"}, LATER)
    history = ledger.history()
    assert (history.launched[-1], history.held) == (123, ())


def test_a_first_report_of_ukraine_is_held_against_what_is_bundled(ledger: Ledger) -> None:
    counts = ledger.ingest(Reading("bulletin", "a", iter([night(12_300, source="bulletin")])), MORNING)
    assert counts.quarantined == 1
    assert ledger.series() == []
