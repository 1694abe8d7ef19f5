"""Signs that what is served no longer fits what comes: each a number beside its limit, and a sentence.

Nothing here looks at a clock or sends anything. False alarms that begin in a year, with a look every morning while
nothing changes (simulated, or counted on record, in tests/experiments/test_false_alarms.py):

- coverage 0.16 (any of the three levels), calibration 0.14, the two together 0.26: windows overlap from one morning to
  the next, and three levels and a test of the whole are looked at, so that the confidence of one look is .998;
- totals of 7 days 0.14, of 28 days 0.11, where days are independent; a confidence of .999, as the totals that share
  no day are others every morning;
- level shift 0.43 where days are independent, 1.1 or 1.9 where the correlation with the day before is .15 or .3. The
  record's is -.06 in the last year and .13 in the one before; of its 13 alarms in three and a half years 3 were false;
- reports overdue: one in 14 months since 2025; in 2024, when a night without drones had no report, two a month;
- reporting style: 0.16 for something that half of the reports tell at random, nearly none for what most or few tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from features.history import LaunchHistory
from features.records import KYIV, SalvoReport
from forecasting.record.scoreboard import STATED_LEVELS, TOTALS, binomial_band
from forecasting.salvos.spread import LEVELS

RECENT_FORECASTS = 90
"""Forecasts of the next day that coverage and calibration are judged by. No two of them share a day, so that their hits
are independent where they are calibrated; those of longer horizons are not."""
FEWEST_FORECASTS = 30
CONFIDENCE = 0.998
RANGES = STATED_LEVELS[1:-1]
CALIBRATION_LIMIT = float(chi2.ppf(CONFIDENCE, RANGES.size))

TOTAL_LEVEL, TOTAL_CONFIDENCE = 0.8, 0.999
YEAR_DAYS = 365
FEWEST_TOTALS = {7: 13, 28: 6}
"""Totals that share no day, of so many days each: a quarter of a year, and half a year."""

CUSUM_ALLOWANCE, CUSUM_LIMIT = 0.5, 6.5
"""In standard deviations of a day. Where days vary as the record's do, a level that doubles or halves is found after 12
to 14 days (median); one that grows by half after 34 or, one in four, not before it has become the usual."""
BASELINE_DAYS, FEWEST_BASELINE_DAYS, BASELINE_LAG = 91, 28, 14
"""Known days that a day is compared with, up to so many days before it: a shift must not hide in its own baseline."""
OFFSET_SHARE = 0.2
LARGEST_DEVIATION = 3.0
SMALLEST_DEVIATION = 0.2
"""Of log counts in a baseline: a series that hardly varies must not turn a few drones into a shift."""
SHIFT_SHOWN_DAYS = 7
"""How long a shift that was found stays an alarm."""

OVERDUE_HOURS = 36.0

STYLE_DAYS, STYLE_DAYS_BEFORE = 10, 28
STYLE_LIMIT = 0.6
FEWEST_REPORTS = (5, 10)
"""In the last days, and in those before."""
TRAITS = {
    "shot_down": "how many drones were shot down",
    "suppressed": "drones suppressed apart from those shot down",
    "strike_drones": "armed drones apart from decoys",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. number: None where there is too little to judge by; alarm: whether it is beyond its
    limit. Of a number with a lower and an upper limit, the nearer one is `limit`."""

    name: str
    number: float | None
    limit: float
    alarm: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class LevelShift:
    """A lasting change of the daily count. detected: the day whose report told; since: the first day of it, as
    estimated. before, after: mean drones per day of the baseline, and since the change."""

    detected: date
    since: date
    before: float
    after: float


def drift_checks(
    scores: pd.DataFrame, history: LaunchHistory, reports: Sequence[SalvoReport], now: datetime
) -> list[Check]:
    """Everything that is looked at, in a fixed order.

    scores: of the issued forecasts (Scoreboard.scores). history: the launches as known now. reports: of the same
    series, at least one (Ledger.as_of). now: with zone.
    """
    served = served_forecasts(scores)
    return [
        *coverage_checks(served),
        calibration_check(served),
        *total_checks(scores),
        level_check(history),
        overdue_check(max(report.window_end for report in reports), now),
        *style_checks(reports),
    ]


def served_forecasts(scores: pd.DataFrame) -> pd.DataFrame:
    """The last forecasts of the day after the origin, oldest first: of each origin the one issued first, whichever
    model it was of, because a new champion must not begin with a clean slate."""
    next_day = scores[scores["band"] == "h1"].sort_values(["origin", "number"])
    return next_day.drop_duplicates("origin").tail(RECENT_FORECASTS)


def coverage_checks(served: pd.DataFrame) -> list[Check]:
    """Whether as many outcomes lie within the 50, 80 and 95 % intervals as calibrated forecasts would have there."""
    n, checks = len(served), []
    for level in LEVELS:
        name, percent = f"coverage_{round(100 * level)}", f"{level:.0%}"
        if n < FEWEST_FORECASTS:
            checks.append(Check(name, None, level, False, _too_few(n)))
            continue
        share = float(served[name].mean())
        low, high = binomial_band(level, n, CONFIDENCE)
        checks.append(
            Check(
                name,
                share,
                low if share < level else high,
                not low <= share <= high,
                f"{share:.0%} of the last {n} days lay within the {percent} interval forecast the day before: "
                f"calibrated forecasts have {low:.0%} to {high:.0%} there.",
            )
        )
    return checks


def total_checks(scores: pd.DataFrame) -> list[Check]:
    """Whether as many totals of 7 and of 28 days lie within their 80 % intervals as calibrated forecasts would have
    there.

    Of the last year, the newest total that is known and those before it that share no day with a later one: the others
    err together with them.
    """
    checks = []
    for n_days in TOTALS:
        name = f"coverage_80_total_{n_days}"
        served = disjoint_totals(scores, n_days)
        n, fewest = len(served), FEWEST_TOTALS[n_days]
        if n < fewest:
            few = f"not judged: {n} forecasts of {n_days} days that share no day are known, {fewest} are needed."
            checks.append(Check(name, None, TOTAL_LEVEL, False, few))
            continue
        share = float(served["coverage_80"].mean())
        low, high = binomial_band(TOTAL_LEVEL, n, TOTAL_CONFIDENCE)
        checks.append(
            Check(
                name,
                share,
                low if share < TOTAL_LEVEL else high,
                not low <= share <= high,
                f"{share:.0%} of the last {n} totals of {n_days} days lay within their 80 % interval: calibrated "
                f"forecasts have {low:.0%} to {high:.0%} there.",
            )
        )
    return checks


def disjoint_totals(scores: pd.DataFrame, n_days: int) -> pd.DataFrame:
    """The totals of n_days of the last year that share no day, newest first: of each origin the one issued first."""
    totals = scores[scores["band"] == f"total_{n_days}"].sort_values(["origin", "number"]).drop_duplicates("origin")
    kept: list[date] = []
    for origin in reversed(totals["origin"].tolist()):
        if not kept or (kept[-1] - origin).days >= n_days:
            kept.append(origin)
    recent = [origin for origin in kept if (kept[0] - origin).days < YEAR_DAYS]
    return totals[totals["origin"].isin(recent)]


def calibration_check(served: pd.DataFrame) -> Check:
    """Whether the outcomes fall between the stated quantiles as often as they should: Pearson's chi-square over the six
    ranges of the probability integral transform that 10, 25, 50, 75 and 90 % bound.

    The outermost quantiles are left out: beyond them two outcomes of ninety are expected.
    """
    name, n = "calibration", len(served)
    if n < FEWEST_FORECASTS:
        return Check(name, None, CALIBRATION_LIMIT, False, _too_few(n))
    eight = pit_bins(served["n_below"].to_numpy(dtype=int), served["n_up_to"].to_numpy(dtype=int)).sum(axis=0)
    counts = np.array([eight[:2].sum(), *eight[2:-2], eight[-2:].sum()])
    expected = n * np.diff(RANGES, prepend=0.0, append=1.0)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    shares, wanted = (", ".join(f"{100 * part / n:.0f}" for part in parts) for parts in (counts, expected))
    return Check(
        name,
        statistic,
        CALIBRATION_LIMIT,
        statistic > CALIBRATION_LIMIT,
        f"of the last {n} days {shares} % came in the ranges that the 10, 25, 50, 75 and 90 % quantiles bound, as "
        f"forecast the day before: calibrated forecasts have {wanted} % there.",
    )


def pit_bins(n_below: NDArray[np.int64], n_up_to: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, 8) the share of each outcome in the bins that the seven stated quantiles bound; rows sum to 1.

    n_below, n_up_to: (n,) quantiles below the outcome, and not above it. Where counts equal quantiles they lie in all
    the bins between, whose probability they share; of the two outermost half (the non-randomised transform of Czado,
    Gneiting and Held 2009, as far as quantiles tell it).
    """
    widths = np.diff(STATED_LEVELS, prepend=0.0, append=1.0)
    places = np.arange(widths.size)
    low, high = n_below[:, np.newaxis], n_up_to[:, np.newaxis]
    shares = np.where((low <= places) & (places <= high), widths, 0.0)
    shares = np.where((low < high) & ((places == low) | (places == high)), shares / 2, shares)
    normalised: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return normalised


def level_check(history: LaunchHistory) -> Check:
    """Whether the level of the daily counts has shifted, as found within the last week."""
    shifts, statistic = level_shifts(history)
    number = float(statistic[-SHIFT_SHOWN_DAYS:].max())
    recent = [each for each in shifts if (history.last_day - each.detected).days < SHIFT_SHOWN_DAYS]
    if not recent:
        sentence = (
            f"no lasting change of the daily count was found in the {SHIFT_SHOWN_DAYS} days to {history.last_day}."
        )
        return Check("level_shift", number, CUSUM_LIMIT, False, sentence)
    shift = recent[-1]
    return Check(
        "level_shift",
        number,
        CUSUM_LIMIT,
        True,
        f"the level of the daily count has shifted from {shift.before:.0f} to {shift.after:.0f} drones since about "
        f"{shift.since}, found with the report of {shift.detected}.",
    )


def level_shifts(history: LaunchHistory) -> tuple[list[LevelShift], NDArray[np.float64]]:
    """The lasting changes of the daily count, and (n_days,) the statistic that found them, day by day.

    A two-sided tabular CUSUM (Page 1954; Montgomery 2013, ch. 9.1) of z = (x - m) / s, x = log(drones + c), with m and
    s of the baseline and c a fifth of its mean; z is cut at 3, so that one massed strike is no shift. Where the larger
    sum exceeds its limit, the shift began when that sum last left zero, and the baseline begins anew there. Each day is
    judged by days before it alone; a day that is not known changes nothing.
    """
    counts, start = history.launched, 0
    sums, since = [0.0, 0.0], [0, 0]
    statistic = np.zeros(counts.size)
    shifts = []
    for day, count in enumerate(counts):
        past = counts[max(start, day - BASELINE_DAYS - BASELINE_LAG) : max(start, day - BASELINE_LAG)]
        past = past[~np.isnan(past)]
        if past.size < FEWEST_BASELINE_DAYS:
            sums, since = [0.0, 0.0], [day + 1, day + 1]
            continue
        if np.isnan(count):
            statistic[day] = max(sums)
            continue
        offset = max(1.0, OFFSET_SHARE * float(past.mean()))
        logs = np.log(past + offset)
        deviation = (np.log(count + offset) - logs.mean()) / max(float(logs.std(ddof=1)), SMALLEST_DEVIATION)
        cut = float(np.clip(deviation, -LARGEST_DEVIATION, LARGEST_DEVIATION))
        for side, sign in enumerate((1, -1)):
            sums[side] = max(0.0, sums[side] + sign * cut - CUSUM_ALLOWANCE)
            if sums[side] == 0.0:
                since[side] = day + 1
        statistic[day] = max(sums)
        if statistic[day] > CUSUM_LIMIT:
            start = since[int(np.argmax(sums))]
            shifts.append(
                LevelShift(
                    history.first_day + timedelta(days=day),
                    history.first_day + timedelta(days=start),
                    float(past.mean()),
                    float(np.nanmean(counts[start : day + 1])),
                )
            )
            sums, since = [0.0, 0.0], [day + 1, day + 1]
    return shifts, statistic


def overdue_check(last_window_end: datetime, now: datetime) -> Check:
    """Whether the last report is too long ago. last_window_end: local time of the theatre, without zone."""
    ended = last_window_end.replace(tzinfo=KYIV).astimezone(UTC)
    hours = (now.astimezone(UTC) - ended) / timedelta(hours=1)
    return Check(
        "reports_overdue",
        hours,
        OVERDUE_HOURS,
        hours > OVERDUE_HOURS,
        f"the last window reported ended {hours:.0f} hours ago, on {last_window_end:%Y-%m-%d %H:%M} in Kyiv.",
    )


def style_checks(reports: Sequence[SalvoReport]) -> list[Check]:
    """Whether reports tell what they used to tell: the share that does, of the last days beside those before."""
    last = max(report.attack_day for report in reports)
    recent = [report for report in reports if report.attack_day > last - timedelta(days=STYLE_DAYS)]
    before = [
        report for report in reports if STYLE_DAYS <= (last - report.attack_day).days < STYLE_DAYS + STYLE_DAYS_BEFORE
    ]
    checks = []
    for trait, words in TRAITS.items():
        name = f"reporting_style_{trait}"
        if len(recent) < FEWEST_REPORTS[0] or len(before) < FEWEST_REPORTS[1]:
            few = f"not judged: {len(recent)} reports in {STYLE_DAYS} days and {len(before)} before are too few."
            checks.append(Check(name, None, STYLE_LIMIT, False, few))
            continue
        now_told, was_told = (
            float(np.mean([_reports_trait(report, trait) for report in part])) for part in (recent, before)
        )
        checks.append(
            Check(
                name,
                abs(now_told - was_told),
                STYLE_LIMIT,
                abs(now_told - was_told) > STYLE_LIMIT,
                f"{now_told:.0%} of the last {len(recent)} reports tell {words}, {was_told:.0%} of the {len(before)} "
                "before them did.",
            )
        )
    return checks


def _reports_trait(report: SalvoReport, trait: str) -> bool:
    """A merged count is reported as none suppressed."""
    return bool(report.suppressed) if trait == "suppressed" else getattr(report, trait) is not None


def _too_few(n: int) -> str:
    return f"not judged: {n} forecasts of a next day that is known are issued, {FEWEST_FORECASTS} are needed."
