"""An event study (MacKinlay 1997, Journal of Economic Literature 35): launches after the dated strikes on drone plants
that the published scenario knows, beside those after all other dates of the record.

    python -m experiments.benchmarks.strikes
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.opening import open_ledger
from features.scenarios import PUBLISHED, FacilityStrike, load_scenario

BLOCK = 28
"""Days compared on either side of a date; also how far a placebo date keeps from a strike."""
FEWEST_KNOWN = 0.75
"""Share of the days on each side that must be known."""

Logs = NDArray[np.float64]


@dataclass(frozen=True)
class StrikeStudy:
    """strikes: a row each: day, mean launches a day in the 28 days before and after it, their ratio, and the share of
    placebo dates after which launches rose less. effect, low, high: how many times the launches are after a strike
    what they would be without, and its 95 % range. n_placebos: dates, n_shifts: patterns of dates, that it rests on."""

    strikes: pd.DataFrame
    effect: float
    low: float
    high: float
    n_placebos: int
    n_shifts: int


def strike_study(history: LaunchHistory, days: Sequence[date]) -> StrikeStudy:
    """The effect of strikes on launches: the mean log ratio of the launches after to those before, less that of the
    strikes' pattern shifted as a whole over the record.

    Dates near each other share their launches, in the pattern as in its shifts: these spread as the mean of the strikes
    does. Dates whose windows reach over a strike are no placebos. Raises ValueError where no shift is left.
    """
    n_days = history.launched.size
    after = np.array([_mean(history.launched[day + 1 : day + 1 + BLOCK]) for day in range(n_days)])
    before = np.array([_mean(history.launched[max(day - BLOCK, 0) : day]) for day in range(n_days)])
    logs = np.log((after + 1.0) / (before + 1.0))
    struck = np.array([(day - history.first_day).days for day in days])
    far = np.abs(np.arange(n_days)[:, np.newaxis] - struck).min(axis=1) > BLOCK
    placebos = np.where(far, logs, np.nan)
    shifts = struck + np.arange(-struck.min(), n_days - struck.max())[:, np.newaxis]
    patterns = placebos[shifts].mean(axis=1)
    patterns = patterns[~np.isnan(patterns)]
    if not patterns.size:
        raise ValueError("no placebo dates are left: expected a longer record")
    low, middle, high = logs[struck].mean() - np.quantile(patterns, [0.975, 0.5, 0.025])
    known = placebos[~np.isnan(placebos)]
    rows = {
        "day": list(days),
        "before": before[struck],
        "after": after[struck],
        "ratio": np.exp(logs[struck]),
        "rank": [float((known < log).mean()) for log in logs[struck]],
    }
    effect, low, high = (float(np.exp(log)) for log in (middle, low, high))
    return StrikeStudy(pd.DataFrame(rows), effect, low, high, known.size, patterns.size)


def published_strikes() -> list[date]:
    """The days of the strikes on plants in the published scenario."""
    return sorted(event.date for event in load_scenario(PUBLISHED).events if isinstance(event, FacilityStrike))


def _mean(window: Logs) -> float:
    """Of the known days; NaN where the window is cut off, or too few of it are known."""
    known = window[~np.isnan(window)]
    return float(known.mean()) if known.size >= FEWEST_KNOWN * BLOCK else np.nan


def main() -> None:
    as_of = load_scenario(PUBLISHED).as_of  # `repeated_strikes` states what this finds, and knows no later day either
    with open_ledger() as ledger:
        study = strike_study(ledger.history(origin=as_of), published_strikes())
    print("| strike | a day before | a day after | ratio | placebo dates below |")
    print("| --- | --- | --- | --- | --- |")
    for row in study.strikes.itertuples(index=False):
        print(f"| {row.day} | {row.before:.0f} | {row.after:.0f} | {row.ratio:.2f} | {row.rank:.0%} |")
    print(
        f"\nLaunches after a strike are {study.effect:.2f} times those without (95 %: {study.low:.2f} to "
        f"{study.high:.2f}; {study.n_placebos} placebo dates, {study.n_shifts} shifts of the pattern)"
    )


if __name__ == "__main__":
    main()
