"""Whole past weeks come again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.salvos.model import SimulationRequest, require_days
from forecasting.salvos.sampling import exponential_weights

WEEKS = 8
HALF_LIFE_WEEKS = 4.0


@dataclass(frozen=True)
class SeasonalNaive:
    """Each coming week is one of the last 8, drawn whole with weights of half-life 4 weeks: weekdays keep their place.

    An unknown day of a past week takes a draw from the known days of the same weeks.
    """

    model_id: str = "seasonal_naive"

    def fit(self, history: LaunchHistory) -> "FittedSeasonalNaive":
        require_days(self.model_id, history)
        n_weeks = min(WEEKS, history.launched.size // 7)
        weeks = history.launched[-7 * n_weeks :].reshape(n_weeks, 7)
        return FittedSeasonalNaive(weeks, history.known)


@dataclass(frozen=True)
class FittedSeasonalNaive:
    """weeks: (n_weeks, 7) drones per day, NaN where unknown; known: (n,) the known counts of the history."""

    weeks: NDArray[np.float64]
    known: NDArray[np.float64]

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        n_weeks = -(-request.horizon // 7)
        weights = exponential_weights(len(self.weeks), HALF_LIFE_WEEKS)
        of_weeks, of_unknown = rng.spawn(2)
        drawn = of_weeks.choice(len(self.weeks), size=(n_weeks, request.n_paths), p=weights).T
        paths = self.weeks[drawn].reshape(request.n_paths, -1)[:, : request.horizon]
        instead = of_unknown.choice(self.known[-7 * len(self.weeks) :], size=(request.horizon, request.n_paths)).T
        return np.where(np.isnan(paths), instead, paths).astype(np.int64)
