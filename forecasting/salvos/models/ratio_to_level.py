"""A drifting level times a draw from the past ratios of counts to the level."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.lags import exponential_mean
from forecasting.salvos.model import SimulationRequest, require_days
from forecasting.salvos.sampling import exponential_weights, log_normal_kernel, weighted_draws, whole_drones

NEGLIGIBLE = 1e-5
FEWEST_DAYS_FOR_A_RATIO = 28
LONGEST_GROWTH = 28
"""Days ahead for which past growth is carried on; beyond, the level stays."""
LARGEST_GROWTH = 0.02
"""Bound of the daily growth of the log level: a level that doubles every 35 days."""


@dataclass(frozen=True)
class LevelForecast:
    """A level with the growth that it is expected to keep.

    log_level: at the origin. growth: of the log level per day, for the first 28 days.
    """

    log_level: float
    growth: float

    def levels(self, horizon: int) -> NDArray[np.float64]:
        """(horizon,) expected drones per day."""
        ahead = np.minimum(np.arange(1, horizon + 1), LONGEST_GROWTH)
        return np.exp(self.log_level + self.growth * ahead)


@dataclass(frozen=True)
class PastRatios:
    """ratios: (n,) of counts to what was expected the day before. weights: (n,). level: from the origin on."""

    ratios: NDArray[np.float64]
    weights: NDArray[np.float64]
    level: LevelForecast


@dataclass(frozen=True)
class RatioToLevel:
    """Counts relative to a level that keeps half of its past growth; days are independent given the level.

    The level is the exponentially weighted mean L of the counts (level_half_life). It lags behind a growing series by
    its mean age a = half-life / ln 2, of which 0.7 are made up for: the level expected at t + h is
    L_t exp(g_t (0.7 a + h)), where g_t is `damping` times the growth of log L per day over growth_days. The ratios of
    past counts to the level expected for them the day before are drawn with weights of half-life ratio_half_life.
    """

    level_half_life: float = 40.0
    growth_days: int = 180
    damping: float = 0.5
    ratio_half_life: float = 120.0
    kernel: float = 0.2
    model_id: str = "ratio_to_level"

    def fit(self, history: LaunchHistory) -> "FittedRatioToLevel":
        require_days(self.model_id, history)
        return FittedRatioToLevel(self.past_ratios(history), self.kernel)

    def past_ratios(self, history: LaunchHistory) -> PastRatios:
        """The ratios of the past, each to what was expected a day ahead, and the level from the origin on."""
        counts = history.launched
        n_days = counts.size
        levels = exponential_mean(counts, self.level_half_life) + 1.0  # a level of 0 has no ratios
        log_levels = np.log(levels)
        growth = np.zeros(n_days)
        if n_days > self.growth_days:
            past_growth = (log_levels[self.growth_days :] - log_levels[: -self.growth_days]) / self.growth_days
            growth[self.growth_days :] = np.clip(self.damping * past_growth, -LARGEST_GROWTH, LARGEST_GROWTH)
        lag = 0.7 * self.level_half_life / np.log(2.0)
        expected = levels * np.exp(growth * (lag + 1.0))
        ratios = counts[1:] / expected[:-1]
        weights = exponential_weights(n_days, self.ratio_half_life)[1:] * ~np.isnan(ratios)
        weights[: min(FEWEST_DAYS_FOR_A_RATIO, n_days // 3)] = 0.0  # their level rests on too few days
        used = weights > NEGLIGIBLE * weights.max()
        level = LevelForecast(float(log_levels[-1] + growth[-1] * lag), float(growth[-1]))
        return PastRatios(ratios[used], weights[used], level)


@dataclass(frozen=True)
class FittedRatioToLevel:
    """past: ratios, their weights and the level. kernel: as in the model."""

    past: PastRatios
    kernel: float

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        shape = (request.n_paths, request.horizon)
        of_ratios, of_kernel, of_rounding = rng.spawn(3)
        ratios = weighted_draws(self.past.ratios, self.past.weights, shape, of_ratios)
        draws = ratios * self.past.level.levels(request.horizon)
        return whole_drones(log_normal_kernel(draws, self.kernel, of_kernel), of_rounding)
