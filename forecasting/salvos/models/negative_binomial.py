"""Negative-binomial regression of a day's count on the levels of the past week and month."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.lags import exponential_mean
from features.matrix import level_matrix, level_predictors
from forecasting.salvos.learned_once import learned_once
from forecasting.salvos.model import REFERENCE_MODEL, ModelError, SimulationRequest, require_days

HALF_LIVES = (7.0, 28.0)
WINDOW = 365
FEWEST_DAYS = 60
SMALLEST_SHARE = 0.05
"""The expected count of a day stays above this share of the mean of the days learned from."""


@dataclass(frozen=True)
class NegativeBinomialRegression:
    """y_t ~ NB2(mean mu_t, variance mu_t + alpha mu_t^2), log mu_t = b0 + sum_j b_j log(1 + level_j of day t - 1).

    The levels are exponentially weighted means of the counts with half-lives of 7 and 28 days. Maximum likelihood on
    the last 365 days: statsmodels NegativeBinomial, "nb2" (Cameron and Trivedi 2013, Regression Analysis of Count
    Data, 3.3).
    """

    model_id: str = "negative_binomial"

    def fit(self, history: LaunchHistory) -> "FittedNegativeBinomial":
        require_days(self.model_id, history, FEWEST_DAYS)
        matrix = level_matrix(history.launched, HALF_LIVES)
        predictors, response = matrix.predictors[-WINDOW:], matrix.response[-WINDOW:]
        if not response.any():
            raise ModelError(
                f"model {self.model_id} cannot learn from days that are all 0: use --model empirical_window"
            )
        try:
            params, converged = _most_likely(response, predictors)
        except (np.linalg.LinAlgError, ValueError) as error:
            raise ModelError(
                f"model {self.model_id} cannot learn from the counts until {history.last_day}, which vary too "
                f"little or too regularly ({error}): use --model {REFERENCE_MODEL}"
            ) from error
        if not converged or not np.isfinite(params).all():
            raise ModelError(
                f"model {self.model_id} did not converge on the history until {history.last_day}: "
                "use --model empirical_window"
            )
        levels = [exponential_mean(history.launched, half_life)[-1] for half_life in HALF_LIVES]
        return FittedNegativeBinomial(
            coefficients=params[:-1],
            dispersion=float(max(params[-1], 1e-6)),
            levels=np.array(levels),
            largest_mean=float(response.max()),
            smallest_mean=SMALLEST_SHARE * float(response.mean()),
        )


@learned_once
def _most_likely(response: NDArray[np.float64], predictors: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """The coefficients and, last, the dispersion; whether the search for them ended."""
    from statsmodels.discrete.discrete_model import NegativeBinomial

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who asks looks whether it ended, and tells it in words of our own
        result = NegativeBinomial(response, predictors).fit(disp=0, maxiter=200)
    return np.array(result.params), bool(result.mle_retvals["converged"])


@dataclass(frozen=True)
class FittedNegativeBinomial:
    """coefficients: (1 + n_half_lives,). dispersion: alpha. levels: (n_half_lives,) drones per day at the origin.

    largest_mean, smallest_mean: the expected count of a day, fed back into the levels, stays between the two; without
    these bounds a path of several hundred days can run away, and a quiet month would be certain to last for ever.
    """

    coefficients: NDArray[np.float64]
    dispersion: float
    levels: NDArray[np.float64]
    largest_mean: float
    smallest_mean: float

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        shape = 1.0 / self.dispersion
        return self.paths(request, lambda mean: rng.negative_binomial(shape, shape / (shape + mean)))

    def paths(
        self, request: SimulationRequest, draw: Callable[[NDArray[np.float64]], NDArray[np.int64]]
    ) -> NDArray[np.int64]:
        """(n_paths, horizon) drones. draw: (n_paths,) expected counts of a day -> its (n_paths,) counts."""
        decay = 0.5 ** (1.0 / np.array(HALF_LIVES))
        levels = np.tile(self.levels, (request.n_paths, 1))
        paths = np.empty((request.n_paths, request.horizon), dtype=np.int64)
        for day in range(request.horizon):
            mean = np.exp(level_predictors(levels) @ self.coefficients)
            paths[:, day] = draw(np.clip(mean, self.smallest_mean, self.largest_mean))
            levels = decay * levels + (1.0 - decay) * paths[:, day, np.newaxis]
        return paths
