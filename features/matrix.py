"""Design matrices for count regression: row t holds only what was known by day t - 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.lags import exponential_mean


@dataclass(frozen=True)
class LevelMatrix:
    """predictors: (n_rows, 1 + n_half_lives): a constant, then log(1 + level of the day before) per half-life.
    response: (n_rows,) drones. Days with an unknown count, or without a past, have no row."""

    predictors: NDArray[np.float64]
    response: NDArray[np.float64]


def level_predictors(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """levels (..., n_half_lives) in drones per day -> predictors (..., 1 + n_half_lives)."""
    constant = np.ones((*levels.shape[:-1], 1))
    return np.concatenate([constant, np.log1p(levels)], axis=-1)


def level_matrix(counts: NDArray[np.float64], half_lives: tuple[float, ...]) -> LevelMatrix:
    """The regression of each day's count on the levels of the day before. counts: (n_days,), NaN where unknown."""
    levels = np.stack([exponential_mean(counts, half_life) for half_life in half_lives], axis=-1)
    usable = ~np.isnan(counts[1:]) & ~np.isnan(levels[:-1]).any(axis=-1)
    return LevelMatrix(level_predictors(levels[:-1][usable]), counts[1:][usable])
