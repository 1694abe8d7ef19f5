"""The salvo ensemble: several models, one forecast."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.salvos.model import Fitted, Model, SimulationRequest, require_days
from forecasting.salvos.models.exponential_empirical import ExponentialEmpirical
from forecasting.salvos.models.local_level import FittedLocalLevel, LocalLevel
from forecasting.salvos.models.two_regime import TwoRegime
from forecasting.salvos.sampling import whole_drones

MONTH = 28
SMALLEST_WALK, LARGEST_WALK = 0.04, 0.1
"""Bounds of the daily standard deviation of the log level beyond a month: a calm year proves no standstill, and a short
or odd history no chaos."""


@dataclass(frozen=True)
class SalvoEnsemble:
    """Members of equal weight, averaged by quantiles day by day; the level's uncertainty is in the order of the paths.

    Values: a day's distribution is the mean of the members' quantile functions (Vincent averaging; Lichtendahl,
    Grushka-Cockayne and Winkler 2013), which is sharper than their mixture. Order: the averaged values of a day are put
    in the order of the members' own paths, pooled, times a level path drawn from the posterior of the local level model
    (Schaake shuffle; Clark et al. 2004): a path that starts high stays high as long as the level does, and totals are
    as uncertain as the level is. The distributions of the days are not changed by it. Beyond 28 days the level walks
    on as it did in the last year, without drift: growth that was is no growth to come.

    Weights, members and rules are fixed; what is learned, is learned at each origin from the history alone.
    """

    members: tuple[Model, ...] = (ExponentialEmpirical(20.0), ExponentialEmpirical(30.0), TwoRegime(), LocalLevel())
    level_order: bool = True
    """Off only to measure what the level's uncertainty in the order of the paths brings."""
    model_id: str = "salvo_ensemble"

    def fit(self, history: LaunchHistory) -> "FittedSalvoEnsemble":
        require_days(self.model_id, history)
        level = LocalLevel().fit(history)
        return FittedSalvoEnsemble(
            tuple(member.fit(history) for member in self.members),
            level if self.level_order else None,
            _long_drift(level),
        )


@dataclass(frozen=True)
class LongDrift:
    """How the level moves beyond a month: at random. walk: daily standard deviation of its logarithm."""

    walk: float

    def factors(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.float64]:
        """(n_paths, horizon) factors on the level; 1 for the first 28 days."""
        beyond = np.arange(1, request.horizon + 1) > MONTH
        steps = self.walk * rng.standard_normal((request.n_paths, request.horizon)) * beyond
        factors: NDArray[np.float64] = np.exp(steps.cumsum(axis=1))
        return factors


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
        if self.level is None:
            return broken_ties
        deviations = self.level.deviations(request, rng)
        deviations[:, MONTH:] = deviations[:, MONTH - 1 : MONTH]  # beyond, the long drift walks on: not twice
        return broken_ties * np.exp(deviations)


def _long_drift(level: FittedLocalLevel) -> LongDrift:
    """The walk that the local level model learned from the last year, within bounds."""
    return LongDrift(float(np.clip(np.sqrt(level.walk), SMALLEST_WALK, LARGEST_WALK)))
