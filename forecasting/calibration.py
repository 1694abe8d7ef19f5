"""What the record of kills says about the ranges that a defence states: prior draws -> calibrated draws.

The stated ranges are the prior: every quantity that bears on kills is drawn from its triangular distribution, by its
level, a uniform number. For each draw the cascade of `forecasting.defence` is taken in expectation, which gives the
share of the drones of a night of n that each layer kills. Reports are compared with what they count:

    shot down only: fire           apart: fire, and suppressed           merged: fire and suppressed together

each beside the rest of the launched drones, under a Dirichlet-multinomial distribution (Mosimann 1962, On the compound
multinomial distribution); with one count that is the beta-binomial (Gelman et al. 2013, Bayesian Data Analysis, 3rd
ed., ch. 5.3). Sums of Dirichlet shares are Dirichlet shares of the same precision, so a change of style changes how
much is told, not what is. The precision is (n - phi)/(phi - 1): the variance of a count is phi times the binomial one
for any n, as where drones fall or pass in groups of phi (McCullagh and Nelder 1989, Generalized Linear Models, 4.5).
phi and the drift below are fitted to the record itself, without any defence (`fitted_variation`).

No cascade of limited layers loses more of many drones than of few, but the record since August 2025 says so: of 400
and more it lets through a third of what it does of 50 to 100. So the odds of being neutralised may depend on the size
of the night beyond the cascade,

    logit(share) = logit(share by the cascade) + b ln(n/n0),     b ~ Normal(0, SIZE_EFFECT),

n0 the size of night that the average drone comes in (a discrepancy: Kennedy and O'Hagan 2001, Bayesian calibration of
computer models). b stands beside the quantities, prior and posterior; every draw of those stays within its range.

The defence changes: the ranges are those of the origin, and each BLOCK_DAYS further back the odds have walked by one
more Normal(0, drift) step (a local level: West and Harrison 1997, Bayesian Forecasting and Dynamic Models, ch. 2), as
they will for each to come. So nights before the last block tell less and less of it. Published shares of kills by layer
are a second term, of normal errors. The posterior is drawn from by `forecasting.importance`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, gammaln, logit, ndtr

from features.errors import InputError
from forecasting.expected_kills import expected_kill_shares
from forecasting.importance import sample_posterior
from forecasting.layers import Defence
from forecasting.reported_losses import Array, ReportedLosses, StatedKills

BLOCK_DAYS = 28
BLOCKS = 6
"""Of the record that bears on the ranges; what is older says next to nothing of the present."""
STATED_DAYS = 91
"""How long a published share of kills by layer bears on them: layers take over from each other within a season."""
VARIATION_DAYS = 364
"""Of the record that tells how much nights and blocks vary."""
USUAL_DRIFT, USUAL_DRIFT_COUNTS = 0.35, 4
"""Step of a block as it was from 2022-10 to 2024-08, and the number of steps that this counts for beside newer ones."""
LEAST_DRIFT = 0.05
SIZE_EFFECT = 0.5
"""Standard deviation of b before the record: odds that change by a half where the night doubles are no surprise."""
LARGE_NIGHT = 400
RECENT_NIGHTS = 28
LEAST_DRAWS = 200
"""Below so many independent draws, quantiles of 10 and 90 % are told with a warning."""
SUPPRESSING = frozenset({"electronic_warfare"})
"""Ids of the layers whose kills are reported as suppressed; those of all others are shot down."""

_STREAM = 5
"""Splits the seed, so that a calibrated defence meets the same salvos."""
_QUANTITIES = (
    "engaged_share",
    "kill_probability",
    "engagements_per_night",
    "fire_channels",
    "service_minutes",
    "weather_share",
    "decoy_discrimination",
)
_MOST_SIZES = 24
_PATH_SIZES = 12
_FACTORS = (0.3, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0)


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of what is not known, equally likely. levels: per layer, quantity -> (n_draws,) the level 0 to 1 at which
    its range is taken (`SourcedRange.quantile`); quantities that are stated as one number are left out. size_effect:
    (n_draws,) b above. drift: (n_draws, n_blocks) by how much the logit share was higher, from the last block back."""

    levels: tuple[dict[str, Array], ...]
    size_effect: Array
    drift: Array

    @property
    def n_draws(self) -> int:
        return int(self.size_effect.size)

    def values(self, defence: Defence) -> tuple[dict[str, Array], ...]:
        """Per layer, quantity -> (n_draws,) its value; one number for a quantity that is stated as one."""
        return tuple(
            {
                quantity: stated.quantile(levels.get(quantity, np.full(self.n_draws, 0.5)))
                for quantity, stated in layer.ranges.items()
                if quantity in _QUANTITIES
            }
            for layer, levels in zip(defence.layers, self.levels, strict=True)
        )

    def rows(self, chosen: NDArray[np.intp]) -> Self:
        """Some of the draws, in that order; a draw may be chosen several times."""
        levels = tuple({name: level[chosen] for name, level in layer.items()} for layer in self.levels)
        return type(self)(levels, self.size_effect[chosen], self.drift[chosen])


@dataclass(frozen=True, slots=True)
class Variation:
    """How much shares vary where nothing is wrong. overdispersion: phi. drift: of the logit share, a block."""

    overdispersion: float
    drift: float


def fitted_variation(record: ReportedLosses, origin: date) -> Variation:
    """Of the record by itself, in the year before the origin.

    phi is the mode of its posterior, where every block of a style of reporting has a logit share of its own, and all
    have one slope in log size; phi - 1 is log-normal beforehand, around 5 by a factor e. The squared drift is the mean
    squared step from one block to the next of its style less what phi explains (a moment estimator, as DerSimonian and
    Laird 1986, Meta-analysis in clinical trials), steps weighed by how well they are known, and `USUAL_DRIFT_COUNTS` of
    the usual size beside them.
    """
    ages = record.ages(origin)
    year = (ages >= 0) & (ages < VARIATION_DAYS)
    record = record[year]
    groups, group = np.unique(
        np.stack([record.counts_all, ages[year] // BLOCK_DAYS]).astype(int), axis=1, return_inverse=True
    )
    n, size = groups.shape[1], np.log(record.launched / np.exp(np.log(record.launched).mean() if year.any() else 0.0))
    counts = np.stack([record.lost, record.launched - record.lost])
    member = np.arange(n)[:, np.newaxis] == group.ravel()

    def cost(parameters: Array) -> float:
        share = expit(parameters[:n] @ member + parameters[n] * size)
        fit = _log_likelihood(counts, np.stack([share, 1.0 - share]), 1.0 + math.exp(parameters[n + 1]))
        held = np.append((parameters[:n] - 1.5) / 1.5, [parameters[n], parameters[n + 1] - math.log(5.0)])
        return float(0.5 * held @ held - fit.sum())

    best = minimize(cost, [1.5] * n + [0.0, math.log(5.0)], method="L-BFGS-B").x
    overdispersion, share = 1.0 + math.exp(float(best[n + 1])), expit(best[:n] @ member + best[n] * size)
    chance = overdispersion / (member @ (record.launched * share * (1.0 - share)))
    same = groups[0, 1:] == groups[0, :-1]
    by_chance = (chance[1:] + chance[:-1])[same]
    squares = (np.diff(best[:n])[same] ** 2 - by_chance) / np.diff(groups[1])[same]
    told = (1.0 + by_chance / USUAL_DRIFT**2) ** -2
    squared = (USUAL_DRIFT_COUNTS * USUAL_DRIFT**2 + told @ squares) / (USUAL_DRIFT_COUNTS + told.sum())
    return Variation(overdispersion, math.sqrt(max(squared, LEAST_DRIFT**2)))


def _precision(launched: Array, overdispersion: float) -> Array:
    """(n_nights,) a + b of the beta distribution of the share; where a night is no larger than phi, that of a night
    of twice phi: all its drones but share one fate."""
    precision: Array = (np.maximum(launched, 2.0 * overdispersion) - overdispersion) / (overdispersion - 1.0)
    return precision


def _log_likelihood(counts: Array, shares: Array, overdispersion: float) -> Array:
    """(..., n_nights) log-probability of the counts, (n_kinds, n_nights), but for what does not depend on the shares or
    phi. shares: (n_kinds, ..., n_nights), expected; both with the rest as a kind, so they sum to launched, and to 1."""
    launched = counts.sum(axis=0)
    precision = _precision(launched, overdispersion)
    found: Array = np.asarray(gammaln(precision) - gammaln(precision + launched))
    for count, share in zip(counts, shares, strict=True):
        mass = np.maximum(share, 1e-6) * precision
        found = found + gammaln(count + mass) - gammaln(mass)
    return found


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What the draws are weighed by. blocks: (n_nights,) 0 for the last BLOCK_DAYS before the origin."""

    defence: Defence
    record: ReportedLosses
    blocks: NDArray[np.intp]
    stated: tuple[StatedKills, ...]
    variation: Variation
    typical_night: float
    armed_share: float | None

    def log_likelihood(self, draws: Draws) -> Array:
        """(n_draws,) up to a constant."""
        found = np.zeros(draws.n_draws)
        if not self.record.days.size:
            return found
        record = self.record
        sizes, spread = _sizes(record.launched)
        kills = self.kills(draws, sizes)
        shot_down, suppressed = self.shown(draws, kills, spread, record.launched, draws.drift[:, self.blocks])
        apart = ~np.isnan(record.suppressed)
        only = ~record.counts_all
        for nights, counted in (
            (apart, ((record.shot_down, shot_down), (record.suppressed, suppressed))),
            (only, ((record.shot_down, shot_down),)),
            (~apart & ~only, ((record.neutralised, shot_down + suppressed),)),
        ):
            if nights.any():
                counts = np.stack([count[nights] for count, _ in counted])
                shares = np.stack([share[:, nights] for _, share in counted])
                counts = np.concatenate([counts, [record.launched[nights] - counts.sum(axis=0)]])
                shares = np.concatenate([shares, [1.0 - shares.sum(axis=0)]])
                found += _log_likelihood(counts, shares, self.variation.overdispersion).sum(axis=1)
        for stated in self.stated:
            z = (self.share_of_kills(stated, kills, spread) - stated.share) / stated.deviation
            found -= 0.5 * z * z
        return found

    def kills(self, draws: Draws, sizes: Array) -> Array:
        """(n_layers, n_draws, n_sizes) by the cascade alone."""
        return expected_kill_shares(self.defence, draws.values(self.defence), sizes, self.armed_share)

    def shown(
        self, draws: Draws, kills: Array, spread: Array, launched: Array, drift: Array | float = 0.0
    ) -> tuple[Array, Array]:
        """(n_draws, n_nights) each: shares shot down and suppressed, with the effect of size and the drift."""
        lost = np.clip(kills.sum(axis=0) @ spread, 1e-6, 1.0 - 1e-6)
        size = np.log(launched / self.typical_night)
        shifted = expit(logit(lost) + draws.size_effect[:, np.newaxis] * size + drift)
        suppressed = (kills[self.suppressing].sum(axis=0) @ spread) * (shifted / lost)
        return shifted - suppressed, suppressed

    @property
    def suppressing(self) -> NDArray[np.bool_]:
        return np.array([layer.id in SUPPRESSING for layer in self.defence.layers])

    def share_of_kills(self, stated: StatedKills, kills: Array, spread: Array) -> Array:
        """(n_draws,) what the draws say of it, on the nights that it speaks of; on all, where the record has none."""
        days = self.record.days
        of_then = (days >= np.datetime64(stated.first_day)) & (days <= np.datetime64(stated.last_day))
        nights = self.record.launched * (of_then if of_then.any() else 1.0)
        by_layer = kills @ (spread @ nights)
        counted = by_layer if stated.of == "lost" else by_layer[~self.suppressing]
        index = [layer.id for layer in self.defence.layers].index(stated.layer_id)
        found: Array = by_layer[index] / np.maximum(counted.sum(axis=0), 1e-9)
        return found


def _sizes(launched: Array) -> tuple[Array, Array]:
    """(n_sizes,) some sizes of night, and (n_sizes, n_nights) by which shares between them are interpolated."""
    sizes = np.unique(launched)
    if sizes.size > _MOST_SIZES:
        sizes = np.geomspace(sizes[0], sizes[-1], _MOST_SIZES)
    above = np.clip(np.searchsorted(sizes, launched), 1, max(sizes.size - 1, 1))
    spread = np.zeros((sizes.size, launched.size))
    nights = np.arange(launched.size)
    if sizes.size == 1:
        spread[0] = 1.0
        return sizes, spread
    part = np.clip((launched - sizes[above - 1]) / (sizes[above] - sizes[above - 1]), 0.0, 1.0)
    spread[above - 1, nights], spread[above, nights] = 1.0 - part, part
    return sizes, spread


@dataclass(frozen=True, slots=True)
class Updated:
    """A quantity before and after the record: (10 %, 50 %, 90 %) quantiles. layer_id: "" for the effect of size."""

    layer_id: str
    quantity: str
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A share that was reported, beside what the file alone and the calibrated draws say: (10 %, 50 %, 90 %) quantiles.

    counts: "lost" (neutralised), "shot_down", or the layer whose share of kills it is. low, high: of a stated share; of
    a period, both the share reported. n_nights: 0 for a stated share. Of a period, the quantiles are what the defence
    as of the origin would do of these nights, night by night variation included. impact_sites: places reported hit,
    for each drone launched, where told: a check, since some leakers hit nothing and some hits are not reported.
    """

    name: str
    counts: str
    first_day: date
    last_day: date
    n_nights: int
    low: float
    high: float
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]
    impact_sites: float | None = None


@dataclass(frozen=True, eq=False)
class Calibration:
    """prior, posterior: draws, as many. effective_sample_size: how many independent draws the posterior is worth
    (Kong 1992). n_nights: of the record that were used. notes: what a reader should know, in sentences."""

    defence: Defence
    origin: date
    prior: Draws
    posterior: Draws
    effective_sample_size: float
    n_nights: int
    variation: Variation
    typical_night: float
    quantities: tuple[Updated, ...]
    periods: tuple[Comparison, ...]
    kill_shares: tuple[Comparison, ...]
    notes: tuple[str, ...]
    evidence: _Evidence

    def for_paths(self, launched: NDArray[np.int64], seed: int) -> "PathDraws":
        """Calibrated draws for `engage`: one for each path of `launched`, (n_paths, horizon), at random."""
        rng = np.random.default_rng([seed, _STREAM, 1])
        n_paths, horizon = launched.shape
        dealt = rng.permutation(np.arange(n_paths) % self.posterior.n_draws)
        draws, (distinct, number) = self.posterior.rows(dealt), self._distinct
        nights = np.maximum(launched, 1).astype(np.float64)
        steps = self.variation.drift * rng.standard_normal((n_paths, -(-horizon // BLOCK_DAYS)))
        drift = np.repeat(np.cumsum(steps, axis=1), BLOCK_DAYS, axis=1)[:, :horizon]
        sizes = np.unique(np.geomspace(nights.min(), nights.max(), _PATH_SIZES))
        cascade = {factor: self._lost(distinct, sizes, factor)[number[dealt]] for factor in _FACTORS}
        part = _Between.of(sizes, nights)
        by_now = part.at(cascade[1.0])
        shift = draws.size_effect[:, np.newaxis] * np.log(nights / self.typical_night) + drift
        share = expit(logit(np.clip(by_now, 1e-6, 1.0 - 1e-6)) + shift)
        precision = _precision(nights, self.variation.overdispersion)
        wanted = rng.beta(share * precision, (1.0 - share) * precision)
        factors, below = np.full(nights.shape, _FACTORS[-1]), np.zeros(nights.shape)
        for low, (high, table) in zip((0.0, *_FACTORS), cascade.items(), strict=False):
            above = part.at(table)
            here = (wanted >= below) & (wanted < above)
            np.copyto(factors, low + (high - low) * (wanted - below) / np.maximum(above - below, 1e-12), where=here)
            below = above
        return PathDraws(draws.levels, factors)

    @cached_property
    def _distinct(self) -> tuple[Draws, NDArray[np.intp]]:
        """The posterior without the repetitions of its draws, and for each of those its row among these."""
        known = [level for layer in self.posterior.levels for level in layer.values()]
        columns = np.column_stack([*known, self.posterior.size_effect])
        _, first, number = np.unique(columns, axis=0, return_index=True, return_inverse=True)
        return self.posterior.rows(first), number.ravel()

    def _lost(self, draws: Draws, sizes: Array, factor: float) -> Array:
        """(n_draws, n_sizes) share lost by the cascade, every kill probability so many times as high."""
        values = [
            {**layer, "kill_probability": np.minimum(layer["kill_probability"] * factor, 1.0)}
            for layer in draws.values(self.defence)
        ]
        lost: Array = expected_kill_shares(self.defence, values, sizes, self.evidence.armed_share).sum(axis=0)
        return lost

    def reported_shares(
        self,
        launched: Array,
        seed: int,
        *,
        counts_all: NDArray[np.bool_] | bool = True,
        calibrated: bool = True,
        to_come: bool = False,
    ) -> Array:
        """(n_draws, n_nights) share that a report of nights of so many drones, (n_nights,), would count as lost.

        counts_all: (n_nights,) or one for all, whether it counts drones suppressed too. calibrated: or by the file
        alone, which knows no effect of size. to_come: nights of the next BLOCK_DAYS, or of the last ones.
        """
        rng = np.random.default_rng([seed, _STREAM, 2])
        draws = self.posterior if calibrated else replace(self.prior, size_effect=np.zeros(self.prior.n_draws))
        drift = self.variation.drift * rng.standard_normal((draws.n_draws, 1)) if to_come else 0.0
        sizes, spread = _sizes(launched)
        shot_down, suppressed = self.evidence.shown(draws, self.evidence.kills(draws, sizes), spread, launched, drift)
        share = np.clip(shot_down + np.where(counts_all, suppressed, 0.0), 1e-6, 1.0 - 1e-6)
        precision = _precision(launched, self.variation.overdispersion)
        found: Array = rng.beta(share * precision, (1.0 - share) * precision)
        return found


@dataclass(frozen=True, eq=False)
class _Between:
    """Where values lie between some sizes, row by row. below: index of the size below; part: of the way to the next."""

    below: NDArray[np.intp]
    part: Array

    @classmethod
    def of(cls, sizes: Array, values: Array) -> Self:
        if sizes.size == 1:
            return cls(np.zeros(values.shape, np.intp), np.zeros(values.shape))
        below = np.clip(np.searchsorted(sizes, values, side="right") - 1, 0, sizes.size - 2)
        return cls(below, np.clip((values - sizes[below]) / (sizes[below + 1] - sizes[below]), 0.0, 1.0))

    def at(self, table: Array) -> Array:
        """(n_rows, n_columns) interpolated from (n_rows, n_sizes)."""
        above = np.minimum(self.below + 1, table.shape[1] - 1)
        first, second = (np.take_along_axis(table, index, axis=1) for index in (self.below, above))
        return first + self.part * (second - first)


@dataclass(frozen=True, eq=False)
class PathDraws:
    """levels: per layer, quantity -> (n_paths,) as in `Draws`. kill_factor: (n_paths, horizon) how many times its kill
    probability each layer has on that night, the product cut to 1: with it the shares of the paths vary with the size
    of the night, from night to night and from block to block as those of the record."""

    levels: tuple[dict[str, Array], ...]
    kill_factor: Array


def calibrate(
    defence: Defence,
    record: ReportedLosses,
    origin: date,
    *,
    stated: Sequence[StatedKills] = (),
    armed_share: float | None = None,
    n_draws: int = 4_000,
    seed: int = 1,
    variation: Variation | None = None,
    size_effect: float = SIZE_EFFECT,
) -> Calibration:
    """The ranges of the defence, updated with what was reported until the origin.

    record: as published by the origin; later nights are left out. stated: shares of kills by layer; those published
    after the origin, or of a layer that the defence does not have, are left out. armed_share: of the drones, where
    layers tell decoys. variation: without it, that of the record. size_effect: standard deviation of
    b, 0 for none. Without a night in the last BLOCKS blocks the posterior is the prior.
    Raises InputError for numbers out of their range.
    """
    if n_draws < 100 or size_effect < 0:
        raise InputError(f"{n_draws} draws and a size effect of {size_effect}: expected at least 100, and 0 or more")
    if variation is not None and not (variation.overdispersion > 1 and variation.drift > 0):
        raise InputError(
            f"overdispersion {variation.overdispersion} and drift {variation.drift}: expected above 1, and above 0"
        )
    evidence = _evidence(defence, record, origin, stated, armed_share, variation)
    rng = np.random.default_rng([seed, _STREAM])
    unknown = _Unknown.of(defence, size_effect, evidence.variation.drift)
    prior = posterior = unknown.draws(rng.standard_normal((n_draws, unknown.n_scores)))
    effective = float(n_draws)
    if evidence.record.days.size:
        scores, effective = sample_posterior(
            lambda scores: evidence.log_likelihood(unknown.draws(scores)), unknown.n_scores, n_draws, rng
        )
        posterior = unknown.draws(scores)
    found = Calibration(
        defence=defence,
        origin=origin,
        prior=prior,
        posterior=posterior,
        effective_sample_size=effective,
        n_nights=int(evidence.record.days.size),
        variation=evidence.variation,
        typical_night=evidence.typical_night,
        quantities=(),
        periods=(),
        kill_shares=(),
        notes=_notes(evidence, origin, stated, effective),
        evidence=evidence,
    )
    return replace(
        found,
        quantities=tuple(_updated(found)),
        periods=tuple(_periods(found, seed)),
        kill_shares=tuple(_kill_shares_compared(found)),
    )


def _evidence(
    defence: Defence,
    record: ReportedLosses,
    origin: date,
    stated: Sequence[StatedKills],
    armed_share: float | None,
    variation: Variation | None,
) -> _Evidence:
    ages = record.ages(origin)
    used = (ages >= 0) & (ages < BLOCKS * BLOCK_DAYS)
    kept = record[used]
    known = {layer.id for layer in defence.layers}
    usable = tuple(
        each
        for each in stated
        if each.published <= origin and (origin - each.last_day).days < STATED_DAYS and each.layer_id in known
    )
    drones = kept.launched
    typical = math.exp(float(drones @ np.log(drones)) / drones.sum()) if drones.size else 1.0
    variation = variation or fitted_variation(record, origin)
    blocks = (ages[used] // BLOCK_DAYS).astype(np.intp)
    return _Evidence(defence, kept, blocks, usable, variation, typical, armed_share)


@dataclass(frozen=True, slots=True)
class _Unknown:
    """What a row of levels stands for: the quantities (index of the layer, name), b, and the steps of the drift."""

    n_layers: int
    quantities: tuple[tuple[int, str], ...]
    size_effect: float
    drift: float

    @classmethod
    def of(cls, defence: Defence, size_effect: float, drift: float) -> Self:
        quantities = tuple(
            (index, name)
            for index, layer in enumerate(defence.layers)
            for name, stated in layer.ranges.items()
            if name in _QUANTITIES and stated.low < stated.high
        )
        return cls(len(defence.layers), quantities, size_effect, drift)

    @property
    def n_scores(self) -> int:
        return len(self.quantities) + BLOCKS

    def draws(self, scores: Array) -> Draws:
        """scores: (n_draws, n_scores), standard normal beforehand; a level is the normal probability of its score."""
        levels = ndtr(scores)
        by_layer: tuple[dict[str, Array], ...] = tuple({} for _ in range(self.n_layers))
        for column, (index, name) in enumerate(self.quantities):
            by_layer[index][name] = levels[:, column]
        n = len(self.quantities)
        drift = self.drift * np.cumsum(scores[:, n + 1 :], axis=1)
        return Draws(by_layer, self.size_effect * scores[:, n], np.pad(drift, ((0, 0), (1, 0))))


def _quantiles(values: Array) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9)).tolist()
    return low, middle, high


def _updated(found: Calibration) -> Iterable[Updated]:
    values = [draws.values(found.defence) for draws in (found.prior, found.posterior)]
    for index, layer in enumerate(found.defence.layers):
        for name in found.prior.levels[index]:
            prior, posterior = (_quantiles(each[index][name]) for each in values)
            yield Updated(layer.id, name, prior, posterior)
    if found.prior.size_effect.any():
        effects = (found.prior.size_effect, found.posterior.size_effect)
        yield Updated("", "size_effect", *map(_quantiles, effects))


def _periods(found: Calibration, seed: int) -> Iterable[Comparison]:
    """The months that the record was used of, its last nights, and its large ones; each by style of reporting."""
    record = found.evidence.record
    n, months = record.days.size, record.days.astype("datetime64[M]")
    if not n:
        return
    told = ~np.isnan(record.impact_sites)
    prior, posterior = (
        found.reported_shares(record.launched, seed, counts_all=record.counts_all, calibrated=calibrated)
        * record.launched
        for calibrated in (False, True)
    )
    named = [(str(month), months == month) for month in np.unique(months)]
    named.append((f"last {min(n, RECENT_NIGHTS)} nights", np.arange(n) >= n - RECENT_NIGHTS))
    named.append((f"nights of {LARGE_NIGHT} and more", record.launched >= LARGE_NIGHT))
    for name, of_name in named:
        for counts, of_style in (("lost", record.counts_all), ("shot_down", ~record.counts_all)):
            nights = of_name & of_style
            if not nights.any():
                continue
            launched, share = record.launched[nights].sum(), record.lost[nights].sum() / record.launched[nights].sum()
            hit = record.impact_sites[nights & told].sum() / max(record.launched[nights & told].sum(), 1.0)
            yield Comparison(
                name,
                counts,
                first_day=record.days[nights][0].item(),
                last_day=record.days[nights][-1].item(),
                n_nights=int(nights.sum()),
                low=float(share),
                high=float(share),
                prior=_quantiles(prior[:, nights].sum(axis=1) / launched),
                posterior=_quantiles(posterior[:, nights].sum(axis=1) / launched),
                impact_sites=float(hit) if (nights & told).any() else None,
            )


def _kill_shares_compared(found: Calibration) -> Iterable[Comparison]:
    evidence = found.evidence
    if not evidence.record.days.size:
        return
    sizes, spread = _sizes(evidence.record.launched)
    kills = [evidence.kills(draws, sizes) for draws in (found.prior, found.posterior)]
    for stated in evidence.stated:
        prior, posterior = (_quantiles(evidence.share_of_kills(stated, each, spread)) for each in kills)
        days, bounds = (stated.first_day, stated.last_day), (stated.low, stated.high)
        yield Comparison(stated.source, stated.layer_id, *days, 0, *bounds, prior, posterior)


def _notes(evidence: _Evidence, origin: date, stated: Sequence[StatedKills], effective: float) -> tuple[str, ...]:
    notes = []
    if evidence.defence.as_of > origin:
        notes.append(
            f"The defence is stated as of {evidence.defence.as_of}, after the origin {origin}: its ranges rest on what "
            "was not known then, only the record ends there."
        )
    if not evidence.record.days.size:
        notes.append("No report of the last months tells losses: the ranges are taken as stated.")
    if late := sum(each.published > origin for each in stated):
        notes.append(f"{late} of {len(stated)} published shares of kills came after the origin and are left out.")
    if effective < LEAST_DRAWS:
        notes.append(
            f"The calibrated draws are worth {effective:.0f} independent ones: the record is at the edge of the ranges."
        )
    shown = not evidence.record.counts_all.all() or not np.isnan(evidence.record.suppressed).all()
    if shown and not evidence.suppressing.any():
        notes.append("The defence has no electronic warfare: all its kills are taken as shot down.")
    return tuple(notes)
