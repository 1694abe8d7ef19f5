"""Summaries of past counts. Each value of day t uses days up to t; whoever predicts day t takes the value of t - 1."""

from math import isnan, nan

import numpy as np
from numpy.typing import NDArray


def exponential_mean(counts: NDArray[np.float64], half_life: float) -> NDArray[np.float64]:
    """Exponentially weighted mean of the known counts up to and including each day.

    counts: (n_days,) with NaN for unknown days, which carry no weight. half_life: days after which a count weighs half.
    Returns (n_days,), NaN before the first known count. Weights are normalised, so a short past is no smaller level.
    """
    decay = 0.5 ** (1.0 / half_life)
    means = []
    total = weight = 0.0
    for count in counts.tolist():  # numbers of Python's own, with which a loop is ten times as fast
        total *= decay
        weight *= decay
        if not isnan(count):
            total += count
            weight += 1.0
        means.append(total / weight if weight > 0.0 else nan)
    return np.array(means)


def lagged(counts: NDArray[np.float64], lags: tuple[int, ...]) -> NDArray[np.float64]:
    """The counts of days before each day.

    counts: (n_days,). lags: days back, 0 for the day itself. Returns (n_days, n_lags), NaN before the first day.
    """
    return np.column_stack([np.concatenate([np.full(lag, np.nan), counts])[: counts.size] for lag in lags])
