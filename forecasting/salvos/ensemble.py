"""The salvo ensemble: several models, one forecast."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.lags import exponential_mean
from forecasting.salvos.model import Fitted, Model, SimulationRequest, require_days
from forecasting.salvos.models.exponential_empirical import ExponentialEmpirical
from forecasting.salvos.models.local_level import FittedLocalLevel, LocalLevel
from forecasting.salvos.models.two_regime import TwoRegime
from forecasting.salvos.sampling import even_pairs, exponential_weights, normals, whole_drones

MONTH = 28
SMALLEST_WALK, LARGEST_WALK = 0.04, 0.1
"""Bounds of the daily standard deviation of the log level beyond a month: a calm year proves no standstill, and a short
or odd history no chaos."""
ORDER_WINDOW = 180
"""Days from which the level in the order of the paths is learned: how much it moves changes faster than in a year."""
LEVEL_HALF_LIFE, SUM_HALF_LIFE = 28.0, 180.0
FEWEST_DAYS_OF_A_LEVEL = 60
"""A past sum is compared with a level only where it rests on so many days."""
FEWEST_KNOWN = 0.75
"""Share of the days of a past sum that must be known."""
SMALLEST_RATIO = 0.05
"""A past sum below this share of its level counts as this share: an all but empty month has a logarithm too."""


@dataclass(frozen=True)
class SalvoEnsemble:
    """Members of equal weight, averaged by quantiles day by day; totals as uncertain as sums of the past have been.

    Values: a day's distribution is the mean of the members' quantile functions (Vincent averaging; Lichtendahl,
    Grushka-Cockayne and Winkler 2013), which is sharper than their mixture. Order: the averaged values of a day are put
    into paths (Schaake shuffle; Clark et al. 2004) in which a large day stands beside a small one, times a level path
    drawn from the posterior of a local level model of the last half year: a path that starts high stays high as long as
    the level does. Totals: half of the spread of the 28-day total is that of these paths, half that of past 28-day sums
    relative to the level before them (`PastSums`), which is narrow in the middle and heavy in the tails, as the level
    at times stands still and at times jumps. Beyond 28 days the level walks on as it did in the last year, without
    drift: growth that was is no growth to come.

    Weights, members and rules are fixed; what is learned, is learned at each origin from the history alone.
    """

    members: tuple[Model, ...] = (ExponentialEmpirical(20.0), ExponentialEmpirical(30.0), TwoRegime(), LocalLevel())
    level_order: bool = True
    past_sums: bool = True
    """The two are off only to measure what the level in the order of the paths, and the past sums, bring."""
    model_id: str = "salvo_ensemble"

    def fit(self, history: LaunchHistory) -> "FittedSalvoEnsemble":
        require_days(self.model_id, history)
        level = LocalLevel(ORDER_WINDOW).fit(history)
        return FittedSalvoEnsemble(
            tuple(member.fit(history) for member in self.members),
            level if self.level_order else None,
            PastSums.of(history) if self.past_sums else None,
            _long_drift(LocalLevel().fit(history)),
        )


@dataclass(frozen=True)
class PastSums:
    """How past sums of 28 days turned out, relative to the level before them.

    log_ratios: (n,) log of sum over level, less its median, ascending. probabilities: (n,) weight of the ratios below
    each, and half of its own.
    """

    log_ratios: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    @classmethod
    def of(cls, history: LaunchHistory) -> Self | None:
        """From all past days, recent ones weighing more; None where the history is too short for one.

        Their median is left out: a level that grew is no level that will grow.
        """
        counts = history.launched
        before = np.arange(FEWEST_DAYS_OF_A_LEVEL, counts.size - MONTH)
        known = np.concatenate([[0], (~np.isnan(counts)).cumsum()])
        total = np.concatenate([[0.0], np.nan_to_num(counts).cumsum()])
        n_known = known[before + 1 + MONTH] - known[before + 1]
        level = exponential_mean(counts, LEVEL_HALF_LIFE)[before]
        used = (n_known >= FEWEST_KNOWN * MONTH) & (level > 0.0)
        if not used.any():
            return None
        means = (total[before + 1 + MONTH] - total[before + 1])[used] / n_known[used]
        log_ratios = np.log(np.maximum(means / level[used], SMALLEST_RATIO))
        weights = exponential_weights(before.size, SUM_HALF_LIFE)[used]
        order = log_ratios.argsort()
        weights = weights[order] / weights.sum()
        probabilities = weights.cumsum() - weights / 2.0
        return cls(log_ratios[order] - np.interp(0.5, probabilities, log_ratios[order]), probabilities)

    def spread_over(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_paths,) totals in the same order, around the same median, spread as past sums were."""
        ranks = (totals.argsort().argsort() + 0.5) / totals.size
        spread: NDArray[np.float64] = np.median(totals) * np.exp(np.interp(ranks, self.probabilities, self.log_ratios))
        return spread


@dataclass(frozen=True)
class LongDrift:
    """How the level moves beyond a month: at random. walk: daily standard deviation of its logarithm."""

    walk: float

    def factors(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.float64]:
        """(n_paths, horizon) factors on the level, of mean 1; 1 for the first 28 days."""
        beyond = np.arange(1, request.horizon + 1) > MONTH
        steps = self.walk * normals((request.n_paths, request.horizon), rng) - self.walk**2 / 2.0
        factors: NDArray[np.float64] = np.exp((steps * beyond).cumsum(axis=1))
        return factors


@dataclass(frozen=True)
class FittedSalvoEnsemble:
    """members: fitted. level: its posterior is the uncertainty of the level. sums: how uncertain past totals were.
    drift: of the level beyond a month."""

    members: tuple[Fitted, ...]
    level: FittedLocalLevel | None
    sums: PastSums | None
    drift: LongDrift

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        of_pairs, of_level, of_drift, of_rounding, *of_members = rng.spawn(4 + len(self.members))
        # A whole month always: the first days must not depend on how many are asked for.
        days = SimulationRequest(max(request.horizon, MONTH), request.n_paths)
        simulated = [member.simulate(days, own) for member, own in zip(self.members, of_members, strict=True)]
        quantiles = np.mean([np.sort(paths, axis=0) for paths in simulated], axis=0)
        ranks = (even_pairs((days.n_paths, days.horizon), of_pairs) * days.n_paths).astype(np.int64)
        keys = np.take_along_axis(quantiles, ranks, axis=0) + 0.5
        if self.level is not None:
            deviations = self.level.deviations(days, of_level)
            deviations[:, MONTH:] = deviations[:, MONTH - 1 : MONTH]  # beyond, the long drift walks on: not twice
            keys *= np.exp(deviations)
        values = _in_order_of(keys, quantiles)
        if self.sums is not None:
            totals = values[:, :MONTH].sum(axis=1)
            wanted = (totals + self.sums.spread_over(totals)) / 2.0
            scaled = values * (wanted / np.maximum(totals, 1e-9))[:, np.newaxis]
            # Half way back to the days' own distributions, which the factors have widened.
            values = (scaled + _in_order_of(scaled, quantiles)) / 2.0
        walked = values * self.drift.factors(days, of_drift)
        return whole_drones(walked, of_rounding)[:, : request.horizon]


def _in_order_of(keys: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_paths, horizon) the ascending quantiles of each day, put into the order that the keys of the day have."""
    values = np.empty_like(quantiles)
    np.put_along_axis(values, keys.argsort(axis=0), quantiles, axis=0)
    return values


def _long_drift(level: FittedLocalLevel) -> LongDrift:
    """The walk that the local level model learned from the last year, within bounds."""
    return LongDrift(float(np.clip(np.sqrt(level.walk), SMALLEST_WALK, LARGEST_WALK)))
