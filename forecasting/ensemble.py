"""The salvo ensemble: several models, one forecast."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.model import Fitted, Model, SimulationRequest, require_days
from forecasting.models.exponential_empirical import ExponentialEmpirical
from forecasting.models.local_level import FittedLocalLevel, LocalLevel
from forecasting.models.two_regime import TwoRegime
from forecasting.sampling import exponential_weights, whole_drones

MONTH = 28
FEWEST_MONTHS = 7
DRIFT_HALF_LIFE = 365.0
GROWTH_KEPT = 0.5
LARGEST_MONTHLY_GROWTH = 0.5
SMALLEST_WALK, LARGEST_WALK, USUAL_WALK = 0.02, 0.1, 0.04
"""Bounds of the daily standard deviation of the log level beyond a month, and its value while months are few."""


@dataclass(frozen=True)
class SalvoEnsemble:
    """Members of equal weight, averaged by quantiles day by day; the level's uncertainty is in the order of the paths.

    Values: a day's distribution is the mean of the members' quantile functions (Vincent averaging; Lichtendahl,
    Grushka-Cockayne and Winkler 2013), which is sharper than their mixture. Order: the averaged values of a day are put
    in the order of the members' own paths, pooled, times a level path drawn from the posterior of the local level model
    (Schaake shuffle; Clark et al. 2004): a path that starts high stays high as long as the level does, and totals are
    as uncertain as the level is. The distributions of the days are not changed by it. Beyond 28 days the level walks
    on, with a variance and half of the growth learned from past 28-day means.

    Weights, members and rules are fixed; what is learned, is learned at each origin from the history alone.
    """

    members: tuple[Model, ...] = (ExponentialEmpirical(20.0), ExponentialEmpirical(30.0), TwoRegime(), LocalLevel())
    level_order: bool = True
    """Off only to measure what the level's uncertainty in the order of the paths brings."""
    model_id: str = "salvo_ensemble"

    def fit(self, history: LaunchHistory) -> "FittedSalvoEnsemble":
        require_days(self.model_id, history)
        return FittedSalvoEnsemble(
            tuple(member.fit(history) for member in self.members),
            LocalLevel().fit(history) if self.level_order else None,
            _long_drift(history),
        )


@dataclass(frozen=True)
class LongDrift:
    """How the level moves beyond a month. walk: daily standard deviation of its logarithm; growth: its daily mean."""

    walk: float
    growth: float

    def factors(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.float64]:
        """(n_paths, horizon) factors on the level; 1 for the first 28 days."""
        beyond = np.maximum(np.arange(1, request.horizon + 1) - MONTH, 0)
        steps = self.walk * rng.standard_normal((request.n_paths, request.horizon)) * (beyond > 0)
        # Growth is not carried on for ever: it fades with a year.
        kept = self.growth * DRIFT_HALF_LIFE * (1.0 - np.exp(-beyond / DRIFT_HALF_LIFE))
        return np.exp(steps.cumsum(axis=1) + kept)


@dataclass(frozen=True)
class FittedSalvoEnsemble:
    """members: fitted. level: its posterior is the uncertainty of the level. drift: of the level beyond a month."""

    members: tuple[Fitted, ...]
    level: FittedLocalLevel | None
    drift: LongDrift

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        simulated = [member.simulate(request, rng) for member in self.members]
        quantiles = np.mean([np.sort(paths, axis=0) for paths in simulated], axis=0)
        order = np.argsort(self._order_keys(simulated, request, rng), axis=0)
        values = np.empty_like(quantiles)
        np.put_along_axis(values, order, quantiles, axis=0)
        return whole_drones(values * self.drift.factors(request, rng), rng)

    def _order_keys(
        self, simulated: list[NDArray[np.int64]], request: SimulationRequest, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """(n_paths, horizon) by whose order within each day the values are put into paths."""
        shares = np.linspace(0, request.n_paths, len(simulated) + 1).astype(int)
        pooled = np.concatenate(
            [
                paths[rng.permutation(request.n_paths)[: stop - start]]
                for paths, start, stop in zip(simulated, shares[:-1], shares[1:], strict=True)
            ]
        )
        broken_ties = pooled + 0.5 + 0.2 * rng.random(pooled.shape)
        return broken_ties if self.level is None else broken_ties * np.exp(self.level.deviations(request, rng))


def _long_drift(history: LaunchHistory) -> LongDrift:
    """Variance and growth of the log of past 28-day means, recent ones weighing more; unknown days are left out."""
    n_months = history.launched.size // MONTH
    months = history.launched[history.launched.size - MONTH * n_months :].reshape(n_months, MONTH)
    known = months[~np.isnan(months).all(axis=1)]
    if len(known) < FEWEST_MONTHS:
        return LongDrift(USUAL_WALK, 0.0)
    changes = np.diff(np.log(np.nanmean(known, axis=1) + 1.0))
    weights = exponential_weights(changes.size, DRIFT_HALF_LIFE / MONTH)
    mean = float(weights @ changes)
    variance = float(weights @ (changes - mean) ** 2) / MONTH
    growth = GROWTH_KEPT * float(np.clip(mean, -LARGEST_MONTHLY_GROWTH, LARGEST_MONTHLY_GROWTH)) / MONTH
    return LongDrift(float(np.clip(np.sqrt(variance), SMALLEST_WALK, LARGEST_WALK)), growth)
