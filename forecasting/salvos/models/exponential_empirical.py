"""The coming days are draws from all past days, recent ones more likely."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.salvos.model import SimulationRequest, require_days
from forecasting.salvos.sampling import exponential_weights, log_normal_kernel, weighted_draws, whole_drones

NEGLIGIBLE = 1e-6
"""Days that weigh less than this beside the newest are left out."""


@dataclass(frozen=True)
class ExponentialEmpirical:
    """Exponentially weighted empirical distribution, widened by a log-normal kernel; days are independent.

    half_life: days after which a day is half as likely. kernel: standard deviation of the kernel on the log scale.
    """

    half_life: float = 30.0
    kernel: float = 0.25
    model_id: str = "exponential_empirical"

    def fit(self, history: LaunchHistory) -> "FittedExponentialEmpirical":
        require_days(self.model_id, history)
        weights = exponential_weights(history.launched.size, self.half_life) * ~np.isnan(history.launched)
        used = weights > NEGLIGIBLE * weights.max()
        return FittedExponentialEmpirical(history.launched[used], weights[used], self.kernel)


@dataclass(frozen=True)
class FittedExponentialEmpirical:
    """counts, weights: (n,) the days drawn from. kernel: as in the model."""

    counts: NDArray[np.float64]
    weights: NDArray[np.float64]
    kernel: float

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        of_days, of_kernel, of_rounding = rng.spawn(3)
        draws = weighted_draws(self.counts, self.weights, (request.n_paths, request.horizon), of_days)
        return whole_drones(log_normal_kernel(draws, self.kernel, of_kernel), of_rounding)
