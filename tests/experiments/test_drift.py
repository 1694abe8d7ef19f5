"""The drift alarms: that they come when something has changed, and how late. False ones: test_false_alarms.py."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from experiments.drift import (
    CUSUM_LIMIT,
    OVERDUE_HOURS,
    RECENT_FORECASTS,
    SHIFT_SHOWN_DAYS,
    Check,
    LevelShift,
    calibration_check,
    coverage_checks,
    drift_checks,
    level_check,
    level_shifts,
    overdue_check,
    pit_bins,
    served_forecasts,
    style_checks,
)
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.bundled import read_bundled
from forecasting.record.scoreboard import STATED_LEVELS

MakeHistory = Callable[[ArrayLike], LaunchHistory]
FIRST_DAY = date(2025, 1, 1)
YEAR = 365
TYPICAL_DAYS = np.array([35, 45, 55, 60, 70, 75, 80, 85, 90, 100, 110, 120, 140, 170, 230, 320])
"""Two humps and a long tail, as the record has them: log counts deviate by 0.55."""


def scores_of(pits: ArrayLike, first: int = 0, model: str = "two_regime") -> pd.DataFrame:
    """Scores of forecasts of the next day whose outcomes had these probability integral transforms."""
    values = np.asarray(pits, dtype=float)
    places = np.searchsorted(STATED_LEVELS, values)
    days = [FIRST_DAY + timedelta(days=first + index) for index in range(values.size)]
    inside = {
        f"coverage_{round(100 * level)}": (np.abs(values - 0.5) < level / 2).astype(float) for level in (0.5, 0.8, 0.95)
    }
    columns = {"number": np.arange(values.size), "model": model, "origin": days, "band": "h1"}
    return pd.DataFrame({**columns, **inside, "n_below": places, "n_up_to": places})


def alarms(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.alarm]


def judged(scores: pd.DataFrame) -> list[Check]:
    served = served_forecasts(scores)
    return [*coverage_checks(served), calibration_check(served)]


EVEN = (np.arange(RECENT_FORECASTS) + 0.5) / RECENT_FORECASTS


def test_calibrated_forecasts_raise_nothing() -> None:
    checks = judged(scores_of(EVEN))
    assert alarms(checks) == []
    assert [check.number for check in checks] == pytest.approx([0.5, 0.8, 86 / 90, 0.0], abs=0.1)


def test_the_statistic_is_pearsons_over_the_six_ranges() -> None:
    served = scores_of([0.05] * 20 + [0.5 - 1e-9] * 20)  # in the first range, and in the third
    check = calibration_check(served)
    expected = 40 * np.array([0.1, 0.15, 0.25, 0.25, 0.15, 0.1])
    counts = np.array([20, 0, 20, 0, 0, 0])
    assert check.number == pytest.approx(float(((counts - expected) ** 2 / expected).sum()))
    assert check.limit == pytest.approx(chi2.isf(0.002, 5))
    assert check.alarm
    assert "50, 0, 50, 0, 0, 0 %" in check.sentence


@pytest.mark.parametrize(
    ("pits", "raised"),
    [
        (0.5 + 0.5 * (EVEN - 0.5), ["coverage_50", "coverage_80", "calibration"]),  # far too wide
        (np.clip(0.5 + 2.5 * (EVEN - 0.5), 0.001, 0.999), ["coverage_50", "coverage_80", "coverage_95", "calibration"]),
        (EVEN**3, ["coverage_50", "coverage_80", "coverage_95", "calibration"]),  # too high
        (np.where(EVEN < 0.5, EVEN, 1 - EVEN), ["calibration"]),  # right widths, never above the median
    ],
    ids=["wide", "narrow", "high", "lopsided"],
)
def test_forecasts_that_are_off_raise_an_alarm(pits: NDArray[np.float64], raised: list[str]) -> None:
    assert alarms(judged(scores_of(pits))) == raised


def test_only_the_last_forecasts_are_judged_and_few_are_not() -> None:
    wrong_once = pd.concat([scores_of([0.99] * 100), scores_of(EVEN, first=100)])
    assert alarms(judged(wrong_once)) == []
    few = judged(scores_of([0.99] * 29))
    assert [check.number for check in few] == [None] * 4
    assert alarms(few) == []
    assert alarms(judged(scores_of([0.99] * 30)))


def test_of_one_origin_the_forecast_issued_first_is_judged_and_only_of_the_next_day() -> None:
    first, second = scores_of(EVEN), scores_of(np.full(EVEN.size, 0.99), model="local_level")
    second["number"] += 1_000
    later_days = scores_of(np.full(EVEN.size, 0.99)).assign(band="h2_7")
    assert alarms(judged(pd.concat([second, later_days, first]))) == []


@given(st.integers(0, 7).flatmap(lambda low: st.tuples(st.just(low), st.integers(low, 7))))
def test_an_outcome_shares_itself_among_the_bins_that_it_may_lie_in(places: tuple[int, int]) -> None:
    low, high = places
    shares = pit_bins(np.array([low]), np.array([high]))[0]
    assert shares.sum() == pytest.approx(1)
    assert (shares[low : high + 1] > 0).all()
    assert shares[:low].sum() + shares[high + 1 :].sum() == 0


def test_counts_equal_to_a_quantile_lie_half_on_either_side() -> None:
    widths = np.array([0.15, 0.25])  # of the bins around the 25 % quantile
    assert pit_bins(np.array([2]), np.array([3]))[0, 2:4] == pytest.approx(widths / widths.sum())
    # All seven quantiles are the outcome: whatever came, it tells nothing against the forecast.
    everything = np.array([0.0125, 0.075, 0.15, 0.25, 0.25, 0.15, 0.075, 0.0125])
    assert pit_bins(np.array([0]), np.array([7]))[0] == pytest.approx(everything / everything.sum())


def steady(n_series: int, n_days: int) -> NDArray[np.float64]:
    return np.random.default_rng(1).choice(TYPICAL_DAYS, (n_series, n_days)).astype(float)


@pytest.mark.parametrize(("factor", "median_delay"), [(2.0, 14), (0.5, 16), (3.0, 8)])
def test_a_shift_is_found_within_days(history_from: MakeHistory, factor: float, median_delay: int) -> None:
    series, day = steady(40, 300), 200
    series[:, day:] = np.round(series[:, day:] * factor)
    delays = []
    for counts in series:
        since_then = [
            (shift.detected - FIRST_DAY).days - day + 1
            for shift in level_shifts(history_from(counts))[0]
            if shift.detected >= FIRST_DAY + timedelta(days=day) and (shift.after > shift.before) == (factor > 1)
        ]
        delays.append(since_then[0] if since_then else YEAR)
    assert np.median(delays) <= median_delay
    assert np.mean(np.array(delays) == YEAR) <= 0.1


def test_a_shift_tells_since_when_and_from_what_to_what(history_from: MakeHistory) -> None:
    counts = np.concatenate([np.tile([90, 100, 110], 40), np.tile([390, 400, 410], 10)])
    shifts, statistic = level_shifts(history_from(counts))
    assert len(shifts) == 1
    day = FIRST_DAY + timedelta(days=120)
    assert shifts[0].since == day
    assert [shifts[0].before, shifts[0].after] == pytest.approx([100, 400], abs=0.2)
    # Each of the three days before the limit is passed adds 3 (where deviations are cut) less 0.5.
    assert shifts[0].detected == day + timedelta(days=2)
    assert statistic[120:123].tolist() == [2.5, 5.0, 7.5]


def test_one_massed_strike_and_days_without_a_report_are_no_shift(history_from: MakeHistory) -> None:
    counts = np.tile([90.0, 100.0, 110.0], 60)
    counts[100] = 10_000
    counts[120:130] = np.nan
    shifts, statistic = level_shifts(history_from(counts))
    assert shifts == []
    assert (statistic[120:130] == statistic[119]).all()
    assert level_shifts(history_from(np.full(200, 5.0)))[0] == []


def test_a_shift_is_an_alarm_for_a_week(history_from: MakeHistory) -> None:
    counts = np.concatenate([np.tile([90, 100, 110], 40), np.tile([190, 200, 210], 10)])
    history = history_from(counts)
    found = level_shifts(history)[0][0].detected
    states = {
        ahead: level_check(history.until(found + timedelta(days=ahead))).alarm
        for ahead in range(-1, SHIFT_SHOWN_DAYS + 1)
    }
    assert states == {ahead: 0 <= ahead < SHIFT_SHOWN_DAYS for ahead in range(-1, SHIFT_SHOWN_DAYS + 1)}
    check = level_check(history.until(found))
    assert check.number is not None
    assert check.number > check.limit == CUSUM_LIMIT
    assert "from 100 to 200 drones since about 2025-05-01" in check.sentence


@pytest.fixture(scope="module")
def on_record(bundled_history: LaunchHistory) -> list[LevelShift]:
    return level_shifts(bundled_history)[0]


def test_what_is_found_later_was_found_on_the_day_or_with_the_next_report(
    ledger: Ledger, on_record: list[LevelShift], bundled_history: LaunchHistory
) -> None:
    """A day is judged by the days before it, so that one pass over the record replays it. What was published by then
    differs in one thing: whether a day without a report was quiet is known with the next report."""
    ledger.ingest(read_bundled(), datetime(2026, 3, 1, 12, tzinfo=UTC))

    def found_by(origin: date) -> list[date]:
        return [shift.detected for shift in level_shifts(ledger.history(origin=origin))[0]]

    for shift in on_record[6:]:
        assert shift.detected not in found_by(shift.detected - timedelta(days=1))
        assert shift.detected in found_by(shift.detected + timedelta(days=3))
    assert level_shifts(bundled_history.until(date(2025, 5, 26)))[0] == on_record


@pytest.mark.slow
def test_the_level_alarm_replayed_as_of_its_days(ledger: Ledger) -> None:
    """From July 2024 on: seven alarms in twenty months, of which one was false (see below). Each begins on the day that
    one pass over the record finds, and on days of other weeks none begins."""
    ledger.ingest(read_bundled(), datetime(2026, 3, 1, 12, tzinfo=UTC))
    first, last = date(2024, 7, 1), date(2026, 2, 28)
    began = [
        date.fromisoformat(day)
        for day in ("2024-08-31", "2024-09-19", "2024-10-26", "2024-12-13", "2025-02-17", "2025-04-11", "2025-05-26")
    ]

    def begins(day: date) -> bool:
        before, now = (level_check(ledger.history(origin=each)).alarm for each in (day - timedelta(days=1), day))
        return now and not before

    others = {first + timedelta(days=index) for index in range(0, (last - first).days, 14)} - set(began)
    assert [day for day in began if begins(day)] == began
    assert [day for day in sorted(others) if begins(day)] == []


def test_the_rises_of_2024_and_2025_are_found(on_record: list[LevelShift]) -> None:
    """August 2024 had twice the drones of July and September three times, June 2025 three times those of late April."""
    told = [(f"{shift.since}", f"{shift.detected}", shift.after > shift.before) for shift in on_record]
    assert told[6:8] == [("2024-07-24", "2024-08-31", True), ("2024-09-04", "2024-09-19", True)]
    assert told[-1] == ("2025-05-18", "2025-05-26", True)
    assert [detected for _, detected, _ in told[8:-1]] == ["2024-10-26", "2024-12-10", "2025-02-17", "2025-04-11"]


@pytest.mark.parametrize(("hours", "late"), [(OVERDUE_HOURS, False), (OVERDUE_HOURS + 0.01, True)])
def test_reports_are_overdue_after_36_hours(hours: float, late: bool) -> None:
    end = datetime(2026, 2, 28, 8)  # 06:00 UTC in winter
    check = overdue_check(end, datetime(2026, 2, 28, 6, tzinfo=UTC) + timedelta(hours=hours))
    assert (check.alarm, check.limit) == (late, 36)
    assert check.number == pytest.approx(hours)


def test_the_hours_since_a_report_are_right_over_the_change_of_clocks() -> None:
    """The night of 2026-03-29 in Kyiv is an hour short."""
    check = overdue_check(datetime(2026, 3, 28, 8), datetime(2026, 3, 29, 5, tzinfo=UTC))
    assert check.number == pytest.approx(23)


def report(day: date, **fields: Any) -> SalvoReport:
    end = datetime(day.year, day.month, day.day, 8)
    told = {"launched": 10, "shot_down": 8, "suppressed": 2, "strike_drones": 6} | fields
    return SalvoReport(window_start=end - timedelta(hours=14), window_end=end, source="table", **told)


@pytest.mark.parametrize(
    "change", [{"suppressed": 0}, {"suppressed": None}, {"strike_drones": None}, {"shot_down": None}]
)
def test_a_style_that_changes_is_told_and_forgotten_once_it_is_usual(change: dict[str, Any]) -> None:
    days = [FIRST_DAY + timedelta(days=index) for index in range(100)]
    (trait,) = change
    raised = {}
    for last in range(45, 100):
        reports = [report(day, **(change if index >= 50 else {})) for index, day in enumerate(days[: last + 1])]
        raised[last] = alarms(style_checks(reports))
    assert [last for last, names in raised.items() if names] == list(range(56, 71))
    assert all(names in ([], [f"reporting_style_{trait}"]) for names in raised.values())


def test_a_style_is_not_judged_by_few_reports() -> None:
    checks = style_checks([report(FIRST_DAY + timedelta(days=index), suppressed=index // 4) for index in range(8)])
    assert [check.number for check in checks] == [None] * 3
    assert alarms(checks) == []


def test_the_changes_of_style_on_record_are_found(ledger: Ledger) -> None:
    """Suppressed drones: told since July 2024, always since September, and merged since August 2025. Armed drones: told
    since September 2025, and on some days before."""
    ledger.ingest(read_bundled(), datetime(2026, 3, 1, 12, tzinfo=UTC))
    reports = [entry.report for entry in ledger.as_of(datetime(2026, 3, 1, tzinfo=UTC))]
    first, last = date(2024, 6, 1), date(2026, 2, 28)
    states: dict[str, list[date]] = {}
    for index in range((last - first).days + 1):
        day = first + timedelta(days=index)
        near = [each for each in reports if day - timedelta(days=40) < each.attack_day <= day]
        for name in alarms(style_checks(near)):
            states.setdefault(name.removeprefix("reporting_style_"), []).append(day)
    began = {name: [f"{day}" for day in days if day - timedelta(days=1) not in days] for name, days in states.items()}
    assert began == {
        "suppressed": ["2024-07-16", "2024-08-30", "2024-09-04", "2025-07-30"],
        "strike_drones": ["2025-09-14"],
    }


def test_everything_is_looked_at_in_a_fixed_order(history_from: MakeHistory) -> None:
    history = history_from(np.tile([90, 100, 110], 60))
    now = datetime(2025, 6, 30, 12, tzinfo=UTC)
    reports = [report(FIRST_DAY + timedelta(days=index)) for index in range(180)]
    checks = drift_checks(scores_of(EVEN), history, reports, now)
    assert [check.name for check in checks] == [
        *("coverage_50", "coverage_80", "coverage_95", "calibration"),
        *("coverage_80_total_7", "coverage_80_total_28", "level_shift", "reports_overdue"),
        *(f"reporting_style_{trait}" for trait in ("shot_down", "suppressed", "strike_drones")),
    ]
    assert alarms(checks) == []
    assert alarms(drift_checks(scores_of(EVEN), history, reports, now + timedelta(days=1))) == ["reports_overdue"]
