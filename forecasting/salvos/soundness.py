"""What a history can bear: counts that stand alone are limited before a model learns from them, and days that are not
known make every forecast less sure.

Every model is fitted and simulated through these (`forecasting.salvos.model`), so that none needs to do it by itself.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.salvos.sampling import stratified_normals, whole_drones

NEIGHBOURS = 91
"""Known days before and after a day with which its count is compared."""
MOST_TIMES = 1.5
"""A count counts for at most so many times the largest of its neighbours: a second one confirms it."""
LEAST_LIMIT = 20.0
"""No count is limited below this, in drones, so that the first salvos after a silence are seen."""
LEVEL_DAYS = 28
"""Known days that a level rests on."""
_DOUBT_STREAM = 6
GAP_WALK = 0.05
"""Standard deviation of the log level that each day adds by which the level's days are older than they would be without
gaps: that of the walk which the local level model learns from most years of the record (0.04 to 0.1)."""


def limit_outliers(history: LaunchHistory) -> LaunchHistory:
    """The history with each count of at most `MOST_TIMES` the largest count among its neighbours.

    One absurd day, however large, then moves a forecast little; two of them within a quarter of a year are believed.
    The record itself, its digest and what a forecast says of it stay as they are.
    """
    known = ~np.isnan(history.launched)
    counts = history.launched[known]
    around = np.pad(counts, NEIGHBOURS, constant_values=0.0)
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * NEIGHBOURS + 1).copy()
    windows[:, NEIGHBOURS] = 0.0  # the day itself
    bounded = np.minimum(counts, np.maximum(MOST_TIMES * windows.max(axis=1), LEAST_LIMIT))
    if np.array_equal(bounded, counts):
        return history
    launched = history.launched.copy()
    launched[known] = bounded
    return replace(history, launched=launched)


def level_doubt(history: LaunchHistory) -> float:
    """Standard deviation of the log level at the origin that days without a count add; 0 where none is missing.

    The last 28 known days are older, on average, than the last 28 days: so many days the level has walked unseen.
    """
    known = np.flatnonzero(~np.isnan(history.launched))[-LEVEL_DAYS:]
    age = float(np.mean(history.launched.size - 1 - known))
    older = age - (known.size - 1) / 2.0
    return GAP_WALK * float(np.sqrt(older))


def scale_by_doubt(paths: NDArray[np.int64], doubt: float, seed: int) -> NDArray[np.int64]:
    """The paths (n_paths, horizon), each times a level of mean 1 whose logarithm has the standard deviation `doubt`."""
    if doubt > 0.0:
        of_level, of_rounding = np.random.default_rng([seed, _DOUBT_STREAM]).spawn(2)
        levels = np.exp(doubt * stratified_normals((len(paths), 1), of_level) - doubt**2 / 2.0)
        paths = whole_drones(paths.astype(np.float64) * levels, of_rounding)
    return np.ascontiguousarray(paths)
