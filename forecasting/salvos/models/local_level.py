"""A level that walks at random on the log scale."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.lags import exponential_mean
from forecasting.salvos.learned_once import learned_once
from forecasting.salvos.model import ModelError, SimulationRequest, require_days
from forecasting.salvos.sampling import LARGEST, exponential_weights, stratified_normals, weighted_draws, whole_drones

WINDOW = 365
OFFSET_SHARE = 0.2
OFFSET_HALF_LIFE = 28.0
SHOCK_HALF_LIFE = 60.0
SETTLING_DAYS = 14


@dataclass(frozen=True)
class LocalLevel:
    """Local level model (Durbin and Koopman 2012, ch. 2) of z_t = log(y_t + c): z_t = m_t + e_t, m_t = m_{t-1} + w_t.

    c is a fifth of the current level (at least 1 drone), so that quiet days do not rule the logarithm. Variances by
    maximum likelihood on the last `window` days (statsmodels UnobservedComponents); the filter skips unknown days. The
    noise of a coming day is drawn from the past standardised one-step errors, which have two humps, not one.
    """

    window: int = WINDOW
    model_id: str = "local_level"

    def fit(self, history: LaunchHistory) -> "FittedLocalLevel":
        require_days(self.model_id, history)
        level = exponential_mean(history.launched, OFFSET_HALF_LIFE)[-1]
        offset = max(1.0, OFFSET_SHARE * float(level))
        logs = np.log(history.launched[-self.window :] + offset)
        if np.nanstd(logs) == 0.0:
            return FittedLocalLevel(float(np.nanmean(logs)), 0.0, 0.0, 0.0, offset, np.zeros(1), np.ones(1))
        noise, walk, mean, variance, shocks = _most_likely(logs)
        if not np.isfinite([noise, walk, mean, variance]).all():
            raise ModelError(f"model {self.model_id} found no finite variances on the history until {history.last_day}")
        weights = exponential_weights(shocks.size, SHOCK_HALF_LIFE) * ~np.isnan(shocks)
        weights[:SETTLING_DAYS] = 0.0  # the filter does not know the level yet
        used = weights > 0.0
        return FittedLocalLevel(mean, variance, walk, noise, offset, shocks[used], weights[used])


@learned_once
def _most_likely(logs: NDArray[np.float64]) -> tuple[float, float, float, float, NDArray[np.float64]]:
    """Variances of noise and walk, mean and variance of the level at the end, and the standardised one-step errors of
    (n,) logarithms; NaN where unknown."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters of them is checked by who asks
        result = UnobservedComponents(logs, level="llevel").fit(disp=0, maxiter=100)
    noise, walk = (float(variance) for variance in result.params)
    mean, variance = float(result.filtered_state[0, -1]), float(result.filtered_state_cov[0, 0, -1])
    return noise, walk, mean, variance, np.array(result.standardized_forecasts_error[0])


@dataclass(frozen=True)
class FittedLocalLevel:
    """mean, variance: of the log level at the origin. walk: its variance per day. noise: of a day. offset: c.

    shocks, weights: (n,) past one-step errors, standardised, from which the noise of a day takes its shape.
    """

    mean: float
    variance: float
    walk: float
    noise: float
    offset: float
    shocks: NDArray[np.float64]
    weights: NDArray[np.float64]

    def deviations(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.float64]:
        """(n_paths, horizon) draws of the log level less its mean at the origin: unknown now, and walking on."""
        of_present, of_steps = rng.spawn(2)
        present = np.sqrt(self.variance) * stratified_normals((request.n_paths, 1), of_present)
        steps = np.sqrt(self.walk) * stratified_normals((request.n_paths, request.horizon), of_steps)
        deviations: NDArray[np.float64] = present + steps.cumsum(axis=1)
        return deviations

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        shape = (request.n_paths, request.horizon)
        of_noise, of_level, of_rounding = rng.spawn(3)
        noise = np.sqrt(self.noise) * weighted_draws(self.shocks, self.weights, shape, of_noise)
        logs = self.mean + self.deviations(request, of_level) + noise
        return whole_drones(np.exp(np.minimum(logs, np.log(LARGEST))) - self.offset, of_rounding)
