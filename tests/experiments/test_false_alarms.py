"""How often the drift alarms come when nothing has changed, looked at every morning: the rates that drift.py states.

One morning's window and the next share all days but two, so that the chance of one look tells little. What counts is
how many alarms begin in a year.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from experiments.drift import (
    CALIBRATION_LIMIT,
    CONFIDENCE,
    RANGES,
    RECENT_FORECASTS,
    STYLE_DAYS,
    STYLE_DAYS_BEFORE,
    STYLE_LIMIT,
    TOTAL_CONFIDENCE,
    TOTAL_LEVEL,
    YEAR_DAYS,
    calibration_check,
    coverage_checks,
    level_shifts,
    overdue_check,
    style_checks,
    total_checks,
)
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import KYIV
from features.sources.bundled import read_bundled
from forecasting.record.scoreboard import binomial_band
from forecasting.salvos.spread import LEVELS
from tests.experiments.test_drift import TYPICAL_DAYS, report, scores_of

MakeHistory = Callable[[ArrayLike], LaunchHistory]
YEAR = 365


def begun(raised: NDArray[np.bool_]) -> int:
    """How often an alarm began."""
    return int((raised[1:] & ~raised[:-1]).sum())


def test_of_coverage_and_calibration_one_in_four_years() -> None:
    """Two thousand years of calibrated forecasts of the next day. Of coverage any of the three levels is an alarm."""
    years = 2_000
    pits = np.random.default_rng(1).uniform(size=years * YEAR)

    def in_window(inside: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Of each window of forecasts, how many."""
        sums = np.concatenate([[0], inside.cumsum()])
        counts: NDArray[np.int64] = sums[RECENT_FORECASTS:] - sums[:-RECENT_FORECASTS]
        return counts

    coverage = np.zeros(pits.size - RECENT_FORECASTS + 1, dtype=bool)
    for level in LEVELS:
        share = in_window(np.abs(pits - 0.5) < level / 2) / RECENT_FORECASTS
        low, high = binomial_band(level, RECENT_FORECASTS, CONFIDENCE)
        coverage |= (share < low) | (share > high)
    ranges = np.searchsorted(RANGES, pits)
    expected = RECENT_FORECASTS * np.diff(RANGES, prepend=0.0, append=1.0)
    parts = [(in_window(ranges == place) - wanted) ** 2 / wanted for place, wanted in enumerate(expected)]
    calibration = np.sum(parts, axis=0) > CALIBRATION_LIMIT
    # The same by the checks themselves, where they are near their limits and elsewhere.
    for at in [*np.flatnonzero(coverage)[:40], *np.flatnonzero(calibration)[:40], *range(0, 40_000, 1_000)]:
        served = scores_of(pits[at : at + RECENT_FORECASTS])
        assert any(check.alarm for check in coverage_checks(served)) == coverage[at]
        assert calibration_check(served).alarm == calibration[at]
    raised = {"coverage": coverage, "calibration": calibration, "either": coverage | calibration}
    a_year = {name: begun(alarm) / years for name, alarm in raised.items()}
    assert a_year == pytest.approx({"coverage": 0.16, "calibration": 0.14, "either": 0.26}, abs=0.03)


@pytest.mark.parametrize(("n_days", "a_year"), [(7, 0.14), (28, 0.11)])
def test_of_totals_one_in_seven_years(n_days: int, a_year: float) -> None:
    """Two thousand years of calibrated forecasts of the total, issued every morning, of days that are independent."""
    years = 2_000
    sums = np.concatenate([[0.0], np.random.default_rng(1).standard_normal(years * YEAR + n_days).cumsum()])
    inside = np.abs(sums[n_days:] - sums[:-n_days]) / np.sqrt(n_days) < norm.ppf(0.5 + TOTAL_LEVEL / 2)
    back = np.arange(0, YEAR_DAYS, n_days)
    mornings = np.arange(back[-1], inside.size)
    share = np.mean([inside[mornings - days] for days in back], axis=0)
    low, high = binomial_band(TOTAL_LEVEL, back.size, TOTAL_CONFIDENCE)
    alarm = (share < low) | (share > high)
    assert begun(alarm) / years == pytest.approx(a_year, abs=0.03)
    for at in [*np.flatnonzero(alarm)[:10], 0, 1_000]:  # the same by the check itself
        issued = inside[mornings[at] - YEAR : mornings[at] + 1] if mornings[at] >= YEAR else inside[: mornings[at] + 1]
        scores = pd.DataFrame(
            {
                "number": np.arange(issued.size),
                "origin": [date(2025, 1, 1) + timedelta(days=index) for index in range(issued.size)],
                "band": f"total_{n_days}",
                "coverage_80": issued.astype(float),
            }
        )
        (check,) = [each for each in total_checks(scores) if each.name == f"coverage_80_total_{n_days}"]
        assert check.number == pytest.approx(share[at])
        assert check.alarm == alarm[at]


@pytest.mark.parametrize(
    ("correlation", "a_year", "tolerance"),
    [(0.0, 0.43, 0.15), pytest.param(0.15, 1.1, 0.3, marks=pytest.mark.slow), (0.3, 1.9, 0.5)],
)
def test_of_the_level_two_in_five_years_and_more_where_days_go_with_the_day_before(
    history_from: MakeHistory, correlation: float, a_year: float, tolerance: float
) -> None:
    """Days as the record has them, around a level that does not move. correlation: of a day's normal score with that
    of the day before; the record's, around its mean of 91 days, is -.06 in the last year and .13 in the one before."""
    years, n_series = 3, 40
    shocks = np.random.default_rng(1).standard_normal((years * YEAR, n_series))
    normal = shocks.copy()
    for before, day in pairwise(range(years * YEAR)):
        normal[day] = correlation * normal[before] + np.sqrt(1 - correlation**2) * shocks[day]
    ranks = np.minimum((norm.cdf(normal) * TYPICAL_DAYS.size).astype(int), TYPICAL_DAYS.size - 1)
    found = sum(len(level_shifts(history_from(counts))[0]) for counts in TYPICAL_DAYS[ranks].T)
    assert found / (years * n_series) == pytest.approx(a_year, abs=tolerance)


@pytest.mark.parametrize(("days_back", "correlation"), [(0, -0.06), (YEAR, 0.13)])
def test_days_on_record_hardly_go_with_the_day_before(
    bundled_history: LaunchHistory, days_back: int, correlation: float
) -> None:
    """Log counts around their mean of 91 days, of the last year and of the one before."""
    counts = bundled_history.launched[: bundled_history.launched.size - days_back][-YEAR:]
    logs = np.log(counts[~np.isnan(counts)] + 20)
    apart = logs - np.convolve(np.pad(logs, 45, "reflect"), np.ones(91) / 91, "valid")
    assert np.corrcoef(apart[1:], apart[:-1])[0, 1] == pytest.approx(correlation, abs=0.02)


def test_of_the_level_on_record_less_than_one_a_year(bundled_history: LaunchHistory) -> None:
    """False: the four weeks after it do not differ by a tenth, in its direction, from the eight before the change."""
    shifts, false = level_shifts(bundled_history)[0], []
    for shift in shifts:
        before = bundled_history.until(shift.since - timedelta(days=1)).launched[-56:]
        after = bundled_history.since(shift.detected + timedelta(days=1)).launched[:28]
        ratio = np.nanmean(after) / np.nanmean(before)
        if (ratio if shift.after > shift.before else 1 / ratio) < 1.1:
            false.append(f"{shift.detected}")
    assert false == ["2023-01-02", "2024-01-01", "2024-12-10"]
    assert len(shifts) == 13
    assert len(false) / (bundled_history.launched.size / YEAR) < 1


@pytest.mark.parametrize(("told", "a_year"), [(0.05, 0.0), (0.3, 0.06), (0.5, 0.16), (0.9, 0.0)])
def test_of_reporting_style_one_in_six_years_at_the_most(told: float, a_year: float) -> None:
    """One report a day, each of which tells the trait with that probability, whatever the others did: nothing changes,
    and nothing is ever certain."""
    years = 4_000
    tells = np.random.default_rng(1).uniform(size=years * YEAR) < told
    sums = np.concatenate([[0], tells.cumsum()])
    last = np.arange(STYLE_DAYS + STYLE_DAYS_BEFORE, tells.size + 1)
    recent = (sums[last] - sums[last - STYLE_DAYS]) / STYLE_DAYS
    before = (sums[last - STYLE_DAYS] - sums[last - STYLE_DAYS - STYLE_DAYS_BEFORE]) / STYLE_DAYS_BEFORE
    alarm = np.abs(recent - before) > STYLE_LIMIT
    assert begun(alarm) / years == pytest.approx(a_year, abs=0.015)
    for at in [*np.flatnonzero(alarm)[:20], *range(0, 40_000, 2_000)]:  # the same by the check itself
        window = tells[at : at + STYLE_DAYS + STYLE_DAYS_BEFORE]
        days = [date(2025, 1, 1) + timedelta(days=index) for index in range(window.size)]
        reports = [report(day, strike_drones=6 if tell else None) for day, tell in zip(days, window, strict=True)]
        (check,) = [each for each in style_checks(reports) if each.name == "reporting_style_strike_drones"]
        assert check.alarm == alarm[at]


def test_of_overdue_reports_one_since_2025_and_two_a_month_before(ledger: Ledger) -> None:
    """At 09:30 in Kyiv, on record: before 2025 a night without drones had no report."""
    ledger.ingest(read_bundled(), datetime(2026, 3, 1, 12, tzinfo=UTC))
    ends = np.array(sorted(entry.report.window_end for entry in ledger.as_of(datetime(2026, 3, 1, tzinfo=UTC))))

    def alarms_begun(first: date, last: date) -> int:
        days = [first + timedelta(days=index) for index in range((last - first).days + 1)]
        mornings = [datetime.combine(day, time(9, 30)) for day in days]
        newest = [ends[np.searchsorted(ends, morning, side="right") - 1] for morning in mornings]
        checks = [overdue_check(end, at.replace(tzinfo=KYIV)) for end, at in zip(newest, mornings, strict=True)]
        return begun(np.array([check.alarm for check in checks]))

    assert alarms_begun(date(2025, 1, 1), date(2026, 2, 28)) == 1
    assert alarms_begun(date(2024, 1, 1), date(2024, 12, 31)) == 24
