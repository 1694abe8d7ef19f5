"""Three styles of reporting, one series each: what may be set side by side is marked, and what was not told is NaN."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import QuietDayRule, SalvoReport
from features.sources.reading import Reading
from tests.conftest import NOW
from tests.features.conftest import MakeReading, MakeReport


def test_neutralised_is_comparable_where_both_kinds_of_loss_are_counted(make_report: MakeReport) -> None:
    history = LaunchHistory.from_reports(
        [
            make_report("2024-06-29", 10, shot_down=9),
            make_report("2024-07-01", 10, shot_down=5, suppressed=4),
            make_report("2024-07-02", 10),
            make_report("2025-08-01", 10, shot_down=9),
        ]
    )
    known = [date(2024, 6, 29), date(2024, 6, 30), date(2024, 7, 1), date(2024, 7, 2), date(2025, 8, 1)]
    comparable = history.neutralised_comparable
    assert [bool(comparable[(day - history.first_day).days]) for day in known] == [False, False, True, False, True]
    assert comparable.sum() == 2


def test_nothing_of_an_unknown_reporter_is_comparable(make_report: MakeReport) -> None:
    history = LaunchHistory.from_reports([make_report(theatre="elsewhere", shot_down=5)])
    assert history.neutralised.tolist() == [5]
    assert history.neutralised_comparable.tolist() == [False]


def test_the_armed_share_is_of_the_reports_that_tell_it(make_report: MakeReport) -> None:
    history = LaunchHistory.from_reports(
        [
            make_report("2026-01-10", 100, strike_drones=60),
            make_report("2026-01-11", 100, strike_drones=60, target_area="east"),
            make_report("2026-01-11", 300, target_area="south"),
            make_report("2026-01-11", 20, strike_drones=12, target_area="west"),
            make_report("2026-01-12", 50),
            make_report("2026-01-13", 0, strike_drones=0),
            make_report("2026-01-14", 10, strike_drones=0),
        ],
        rule=QuietDayRule.ALL,
    )
    np.testing.assert_allclose(history.armed_share, [0.6, 0.6, np.nan, np.nan, 0.0])


def test_the_ledger_sums_the_armed_share_as_the_reports_do(
    ledger: Ledger, make_report: MakeReport, make_reading: Callable[..., Reading]
) -> None:
    """Through the database: agreed salvos are summed there, revised and overlapping ones one by one."""
    rows = [
        make_report("2026-01-10", 100, strike_drones=60, source="kaggle"),
        make_report("2026-01-10", 40, target_area="south", source="kaggle"),
        make_report("2026-01-11", 50, strike_drones=20, source="kaggle"),
        make_report("2026-01-12", 80, strike_drones=70, source="kaggle"),
    ]
    own = make_report("2026-01-12", 100, strike_drones=50, window_end=datetime(2026, 1, 12, 9))
    ledger.ingest(make_reading(rows, NOW - timedelta(days=1), "kaggle"), NOW)
    ledger.ingest(make_reading([replace(rows[2], strike_drones=30)], NOW, "kaggle"), NOW)
    ledger.ingest(make_reading([own], NOW), NOW)
    history = ledger.history()
    np.testing.assert_allclose(history.armed_share, [0.6, 0.6, 0.5])
    reports = [entry.report for entry in ledger.as_of(NOW)]
    np.testing.assert_allclose(history.armed_share, LaunchHistory.from_reports(reports).armed_share)


def test_the_armed_share_is_no_part_of_what_models_see(make_report: MakeReport) -> None:
    told = LaunchHistory.from_reports([make_report(strike_drones=6)])
    untold = LaunchHistory.from_reports([make_report()])
    assert told.digest == untold.digest
    assert np.isnan(untold.armed_share).all()


def test_the_armed_share_is_cut_with_the_days(make_report: MakeReport) -> None:
    reports = [make_report(f"2026-01-1{day}", 10, strike_drones=day) for day in range(4)]
    history = LaunchHistory.from_reports(reports)
    np.testing.assert_allclose(history.since(date(2026, 1, 11)).until(date(2026, 1, 12)).armed_share, [0.1, 0.2])
    with pytest.raises(ValueError, match="read-only"):
        history.armed_share[0] = 1
    with pytest.raises(InputError, match="armed_share"):
        replace(history, armed_share=np.zeros(3))


def test_the_frame_has_both_beside_the_counts(make_report: MakeReport) -> None:
    frame = LaunchHistory.from_reports(
        [make_report("2024-06-30", 9, shot_down=3), make_report("2024-07-01", 9, shot_down=3, strike_drones=6)]
    ).to_frame()
    assert frame["neutralised_comparable"].tolist() == [False, True]
    assert frame["armed_share"].fillna(-1).tolist() == [-1, 0.6667]


def test_the_bundled_armed_share_begins_when_it_was_told(bundled_history: LaunchHistory) -> None:
    told = ~np.isnan(bundled_history.armed_share)
    assert not told[: (date(2025, 7, 1) - bundled_history.first_day).days].any()
    assert told.sum() > 150
    assert 0.4 < np.nanmedian(bundled_history.armed_share) < 0.8


def nights_and_days(make_report: MakeReport, by_day: dict[int, int]) -> list[SalvoReport]:
    """Seventy nights of 100 up to 2026-05-10, and the drones that came by day, by days before it."""
    last = datetime(2026, 5, 10)
    reports = [make_report(f"{last - timedelta(days=back):%Y-%m-%d}", 100, shot_down=80) for back in range(70)]
    for back, launched in by_day.items():
        start = last - timedelta(days=back) + timedelta(hours=8)
        window = {"window_start": start, "window_end": start + timedelta(hours=10)}
        reports.append(make_report(launched=launched, **window))
    return reports


def test_a_night_alone_is_a_floor_where_attacks_by_day_are_not_negligible(make_report: MakeReport) -> None:
    """With 800 by day of 6,800 in sixty days, a date without a word of its day is unknown."""
    history = LaunchHistory.from_reports(nights_and_days(make_report, dict.fromkeys((9, 7, 5, 3, 1), 200)))
    floors = [str(day) for day, floor in zip(history.days, history.floor, strict=True) if floor == 100]
    assert floors == ["2026-05-08", "2026-05-10"]
    assert np.isnan(history.launched[~np.isnan(history.floor)]).all()
    assert history.launched[-2] == 300
    assert history.until(date(2026, 5, 9)).floor.size == history.floor.size - 1
    frame = history.to_frame()
    assert frame["launched"].tolist()[-2:] == [300, 100]
    assert frame["complete"].tolist()[-2:] == [True, False]


@pytest.mark.parametrize("launched", [0, 20])
def test_few_drones_by_day_make_no_floor(make_report: MakeReport, launched: int) -> None:
    history = LaunchHistory.from_reports(nights_and_days(make_report, dict.fromkeys(range(1, 50, 2), launched)))
    assert np.isnan(history.floor).all()
    assert history.launched[-1] == 100


def test_no_later_day_makes_an_earlier_one_a_floor(make_report: MakeReport) -> None:
    reports = nights_and_days(make_report, dict.fromkeys((9, 7, 5, 3, 1), 200))
    whole = LaunchHistory.from_reports(reports)
    for back in range(12):
        until = whole.last_day - timedelta(days=back)
        np.testing.assert_array_equal(LaunchHistory.from_reports(reports, until=until).floor, whole.until(until).floor)


def test_the_bundled_record_has_no_floor(bundled_history: LaunchHistory) -> None:
    assert np.isnan(bundled_history.floor).all()


def test_the_ledger_finds_the_same_floors(ledger: Ledger, make_report: MakeReport, make_reading: MakeReading) -> None:
    reports = nights_and_days(make_report, dict.fromkeys((9, 7, 5, 3, 1), 200))
    later = datetime(2026, 6, 1, tzinfo=UTC)
    ledger.ingest(make_reading(reports), later)
    expected = LaunchHistory.from_reports(reports)
    np.testing.assert_array_equal(ledger.history().floor, expected.floor)
    # Looked at one by one, they are the same: all nights told again by an outlet.
    again = [replace(one, source="bulletin", published_at=later) for one in reports]
    ledger.ingest(make_reading(again, source="bulletin"), later)
    np.testing.assert_array_equal(ledger.history().floor, expected.floor)
    assert ledger.told_again() == ()
