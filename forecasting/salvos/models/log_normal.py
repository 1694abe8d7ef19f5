"""Log-normal regression of a day's count on the levels of the past week and month."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.salvos.model import SimulationRequest
from forecasting.salvos.models.negative_binomial import FittedNegativeBinomial, NegativeBinomialRegression
from forecasting.salvos.sampling import whole_drones


@dataclass(frozen=True)
class LogNormalRegression:
    """The regression of `NegativeBinomialRegression` with a log-normal day of the same mean and variance.

    Fitting the logarithms by least squares instead was tried and is no good here: the quiet days blow up the variance,
    and with it the mean that is fed back into the levels.
    """

    model_id: str = "log_normal"

    def fit(self, history: LaunchHistory) -> "FittedLogNormal":
        return FittedLogNormal(NegativeBinomialRegression(self.model_id).fit(history))


@dataclass(frozen=True)
class FittedLogNormal:
    """regression: mean and variance of a day, given the levels before it."""

    regression: FittedNegativeBinomial

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        def draw(mean: NDArray[np.float64]) -> NDArray[np.int64]:
            # Moments of the log-normal: variance / mean^2 = exp(s^2) - 1, mean = exp(centre + s^2 / 2).
            variance = np.log1p(1.0 / np.maximum(mean, 1e-9) + self.regression.dispersion)
            noise = np.sqrt(variance) * rng.standard_normal(mean.size) - variance / 2
            return whole_drones(mean * np.exp(noise), rng)

        return self.regression.paths(request, draw)
