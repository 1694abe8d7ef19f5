"""The salvo ensemble: several models, one forecast."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
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


FOLD_DAYS = 28
FEWEST_FOLDS = 4
"""Past folds without which nothing is learned of the weights."""
CRPS_LEVELS = (np.arange(40) + 0.5) / 40
"""Twice the mean pinball loss at these levels is the CRPS, all but exactly."""
_FOLD_STREAM = 9


@dataclass(frozen=True)
class LearnedWeights:
    """Weights learned on past folds by their CRPS, drawn towards equal ones.

    Every so many days back from the origin the members are fitted to the days before and forecast the next 28; the
    weights are those whose average of the members' quantiles would have had the least CRPS on the days that came, and
    then a mean with equal weights. CRPS learning (Berrisch and Ziel 2023) lets them differ along the distribution:
    `parts` of it have weights of their own.

    folds: how many, at most. every: days between them. shrinkage: share of equal weights, 0 to 1. parts: from 1.
    n_paths: simulated futures of a fold.
    """

    folds: int = 12
    every: int = 14
    shrinkage: float = 0.5
    parts: int = 1
    n_paths: int = 400

    def __post_init__(self) -> None:
        if min(self.folds, self.every, self.parts, self.n_paths) < 1 or not 0.0 <= self.shrinkage <= 1.0:
            raise InputError(f"{self}: expected whole numbers from 1, and a shrinkage from 0 to 1")


@dataclass(frozen=True)
class SalvoEnsemble:
    """Members averaged by quantiles day by day; totals as uncertain as sums of the past have been.

    Values: a day's distribution is the mean of the members' quantile functions (Vincent averaging; Lichtendahl,
    Grushka-Cockayne and Winkler 2013), which is sharper than their mixture. Order: the averaged values of a day are put
    into paths (Schaake shuffle; Clark et al. 2004) in which a large day stands beside a small one, times a level path
    drawn from the posterior of a local level model of the last half year: a path that starts high stays high as long as
    the level does. Totals: half of the spread of the 28-day total is that of these paths, half that of past 28-day sums
    relative to the level before them (`PastSums`), which is narrow in the middle and heavy in the tails, as the level
    at times stands still and at times jumps. Beyond 28 days the level walks on as it did in the last year, without
    drift: growth that was is no growth to come.

    Members and rules are fixed, and so are the weights but for `LearnedWeights`; what is learned, is learned at each
    origin from the history alone. weights: None for equal ones; one for each member, of whatever sum; or how they are
    learned.
    """

    members: tuple[Model, ...] = (ExponentialEmpirical(20.0), ExponentialEmpirical(30.0), TwoRegime(), LocalLevel())
    level_order: bool = True
    past_sums: bool = True
    """The two are off only to measure what the level in the order of the paths, and the past sums, bring."""
    model_id: str = "salvo_ensemble"
    weights: tuple[float, ...] | LearnedWeights | None = None

    def __post_init__(self) -> None:
        given = self.weights
        if isinstance(given, tuple) and (
            len(given) != len(self.members) or not np.isfinite(given).all() or min(given) < 0 or sum(given) <= 0
        ):
            raise InputError(
                f"weights are {given}: expected one for each of the {len(self.members)} members, 0 or more, not all 0"
            )

    def fit(self, history: LaunchHistory) -> "FittedSalvoEnsemble":
        require_days(self.model_id, history)
        level = LocalLevel(ORDER_WINDOW).fit(history)
        return FittedSalvoEnsemble(
            tuple(member.fit(history) for member in self.members),
            level if self.level_order else None,
            PastSums.of(history) if self.past_sums else None,
            _long_drift(LocalLevel().fit(history)),
            self._weights(history),
        )

    def _weights(self, history: LaunchHistory) -> NDArray[np.float64] | None:
        """(n_members, n_parts) of sum 1 in each part; None for equal ones."""
        if isinstance(self.weights, LearnedWeights):
            return learn_weights(past_folds(self.members, history, self.weights), self.weights)
        return None if self.weights is None else np.array(self.weights)[:, np.newaxis] / sum(self.weights)


@dataclass(frozen=True)
class PastFolds:
    """What members said of past days. quantiles: (n_members, n_levels, n_days) at CRPS_LEVELS; came: (n_days,)."""

    quantiles: NDArray[np.float64]
    came: NDArray[np.float64]
    n_folds: int


def past_folds(members: tuple[Model, ...], history: LaunchHistory, how: LearnedWeights) -> PastFolds:
    """The members at past origins, each fitted to the days before it, with a seed of its own."""
    request = SimulationRequest(FOLD_DAYS, how.n_paths)
    quantiles, came = [np.empty((len(members), CRPS_LEVELS.size, 0))], [np.empty(0)]
    for fold in range(how.folds):
        origin = history.last_day - timedelta(days=FOLD_DAYS + fold * how.every)
        if origin < history.first_day or (past := history.until(origin)).known.size < FEWEST_DAYS_OF_A_LEVEL:
            break
        rng = np.random.default_rng([_FOLD_STREAM, origin.toordinal()])
        outcome = history.after(origin, FOLD_DAYS)
        made = [
            member.fit(past).simulate(request, own)
            for member, own in zip(members, rng.spawn(len(members)), strict=True)
        ]
        known = ~np.isnan(outcome)
        quantiles.append(np.quantile(made, CRPS_LEVELS, axis=1).swapaxes(0, 1)[:, :, known])
        came.append(outcome[known])
    return PastFolds(np.concatenate(quantiles, axis=2), np.concatenate(came), len(came) - 1)


def learn_weights(folds: PastFolds, how: LearnedWeights) -> NDArray[np.float64] | None:
    """(n_members, n_parts) of sum 1 in each part; None, for equal ones, where there are too few folds."""
    from scipy.optimize import minimize

    n_members = len(folds.quantiles)
    equal = np.full(n_members, 1.0 / n_members)
    if folds.n_folds < FEWEST_FOLDS:
        return None
    part_of = np.arange(CRPS_LEVELS.size) * how.parts // CRPS_LEVELS.size
    learned = []
    for part in range(how.parts):
        quantiles = folds.quantiles[:, part_of == part]
        levels = CRPS_LEVELS[part_of == part][:, np.newaxis]
        scale = max(float(folds.came.mean()), 1.0)

        def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            error = (folds.came - np.tensordot(weights, quantiles, 1)) / scale  # noqa: B023  used at once
            slope = np.where(error > 0, levels, levels - 1.0)  # noqa: B023
            gradient = -(quantiles * slope).mean(axis=(1, 2)) / scale  # noqa: B023
            return float((error * slope).mean()), gradient

        best = minimize(
            loss,
            equal,
            jac=True,
            method="SLSQP",
            bounds=[(0.0, 1.0)] * n_members,
            constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1.0},
        )
        weights = np.clip(best.x, 0.0, None)
        learned.append(how.shrinkage * equal + (1.0 - how.shrinkage) * weights / weights.sum())
    return np.array(learned).T


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
    drift: of the level beyond a month. weights: (n_members, n_parts) of each part of the distribution; None: equal."""

    members: tuple[Fitted, ...]
    level: FittedLocalLevel | None
    sums: PastSums | None
    drift: LongDrift
    weights: NDArray[np.float64] | None = None

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        of_pairs, of_level, of_drift, of_rounding, *of_members = rng.spawn(4 + len(self.members))
        # A whole month always: the first days must not depend on how many are asked for.
        days = SimulationRequest(max(request.horizon, MONTH), request.n_paths)
        simulated = [member.simulate(days, own) for member, own in zip(self.members, of_members, strict=True)]
        quantiles = self._averaged(np.array([np.sort(paths, axis=0) for paths in simulated]))
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

    def _averaged(self, of_members: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_paths, n_days) ascending: the weighted mean of the members' (n_members, n_paths, n_days) ascending."""
        if self.weights is None:
            mean: NDArray[np.float64] = of_members.mean(axis=0)
            return mean
        n_paths = of_members.shape[1]
        by_rank = self.weights[:, np.arange(n_paths) * self.weights.shape[1] // n_paths]
        return np.sort(np.einsum("kn,knh->nh", by_rank, of_members), axis=0)  # parts may cross


def _in_order_of(keys: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_paths, horizon) the ascending quantiles of each day, put into the order that the keys of the day have."""
    values = np.empty_like(quantiles)
    np.put_along_axis(values, keys.argsort(axis=0), quantiles, axis=0)
    return values


def _long_drift(level: FittedLocalLevel) -> LongDrift:
    """The walk that the local level model learned from the last year, within bounds."""
    return LongDrift(float(np.clip(np.sqrt(level.walk), SMALLEST_WALK, LARGEST_WALK)))
