"""A defence after the record: its draws before and after, what they say of it, and what each path of salvos meets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from features.messages import Message
from forecasting.defence.layers import Defence
from forecasting.losses.evidence import Draws, Evidence, some_sizes
from forecasting.losses.reported_losses import Array
from forecasting.losses.variation import BLOCK_DAYS, Variation, precision_of
from forecasting.salvos.model import PATHS_AT_ONCE
from forecasting.salvos.sampling import normals

STREAM = 5
"""Splits the seed, so that a calibrated defence meets the same salvos."""
_FACTORS = (0.3, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0)


@dataclass(frozen=True, slots=True)
class UpdatedQuantity:
    """A quantity before and after the record: (10 %, 50 %, 90 %) quantiles. layer_id: "" for the effect of size."""

    layer_id: str
    quantity: str
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A share that was reported, beside what the file alone and the calibrated draws say: (10 %, 50 %, 90 %) quantiles.

    period: which nights, or which published share. counts: "lost" (neutralised), "shot_down", or "kills", those of the
    layer layer_id. low, high: of a stated share; of
    a period, both the share reported. n_nights: 0 for a stated share. Of a period, the quantiles are what the defence
    as of the origin would do of these nights, night by night variation included. impact_sites: places reported hit,
    for each drone launched, where told: a check, since some leakers hit nothing and some hits are not reported.
    """

    period: Message
    counts: Literal["lost", "shot_down", "kills"]
    layer_id: str
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
    (Kong 1992). n_nights: of the record that were used. notes: what a reader should know."""

    defence: Defence
    origin: date
    prior: Draws
    posterior: Draws
    effective_sample_size: float
    n_nights: int
    variation: Variation
    quantities: tuple[UpdatedQuantity, ...]
    periods: tuple[Comparison, ...]
    kill_shares: tuple[Comparison, ...]
    notes: tuple[Message, ...]
    evidence: Evidence

    def for_paths(self, launched: NDArray[np.int64], seed: int) -> "PathDraws":
        """Calibrated draws for `engage`: one for each path of `launched`, (n_paths, horizon), at random.

        Those of the first nights are the same however many there are. Of more than PATHS_AT_ONCE paths so many are
        drawn at a time, each time from random numbers of their own.
        """
        parts = [
            self._for_part(launched[first : first + PATHS_AT_ONCE], [seed, STREAM, 1, *([number] if number else [])])
            for number, first in enumerate(range(0, len(launched), PATHS_AT_ONCE))
        ]
        return parts[0] if len(parts) == 1 else PathDraws.joined(parts)

    def _for_part(self, launched: NDArray[np.int64], stream: Sequence[int]) -> "PathDraws":
        """Of so many paths as are drawn together."""
        of_paths, of_steps, of_nights = np.random.default_rng(stream).spawn(3)
        n_paths, horizon = launched.shape
        dealt = of_paths.permutation(np.arange(n_paths) % self.posterior.n_draws)
        draws, (_, number) = self.posterior.rows(dealt), self._distinct
        nights = np.maximum(launched, 1).astype(np.float64)
        steps = self.variation.drift * normals((n_paths, -(-horizon // BLOCK_DAYS)), of_steps)
        drift = np.repeat(np.cumsum(steps, axis=1), BLOCK_DAYS, axis=1)[:, :horizon]
        sizes = 2.0 ** np.arange(np.floor(np.log2(nights.min())), np.ceil(np.log2(nights.max())) + 1)
        cascade = {factor: lost[number[dealt]] for factor, lost in self._lost_shares(sizes).items()}
        between = _Interpolation.of(sizes, nights)
        by_now = between.at(cascade[1.0])
        size, beyond = self.evidence.sizes.effect_of(nights)
        shift = draws.size_effect[:, np.newaxis] * size + drift
        share = expit(logit(np.clip(by_now, 1e-6, 1.0 - 1e-6)) + shift)
        precision = precision_of(nights, self.variation.overdispersion)
        wanted: Array = np.empty(nights.shape)
        for night, rng in enumerate(of_nights.spawn(horizon)):  # a beta number takes as many uniform ones as it needs
            alpha, beta = (part[:, night] * precision[:, night] for part in (share, 1.0 - share))
            wanted[:, night] = rng.beta(alpha, beta)
        wanted = wanted.ravel()
        factors, below = np.full(nights.size, _FACTORS[-1]), np.zeros(nights.size)
        for low, (high, table) in zip((0.0, *_FACTORS), cascade.items(), strict=False):
            above = between.at(table).ravel()
            here = np.flatnonzero((wanted >= below) & (wanted < above))
            first, width = below[here], above[here] - below[here]
            factors[here] = low + (high - low) * (wanted[here] - first) / np.maximum(width, 1e-12)
            below = above
        return PathDraws(draws.levels, factors.reshape(nights.shape), beyond)

    @cached_property
    def _distinct(self) -> tuple[Draws, NDArray[np.intp]]:
        """The posterior without the repetitions of its draws, and for each of those its row among these."""
        known = [level for layer in self.posterior.levels for level in layer.values()]
        columns = np.column_stack([*known, self.posterior.size_effect])
        _, first, number = np.unique(columns, axis=0, return_index=True, return_inverse=True)
        return self.posterior.rows(first), number.ravel()

    def _lost_shares(self, sizes: Array) -> dict[float, Array]:
        """Factor of the kill probabilities -> (n_distinct, n_sizes) share lost by the cascade; learned once for all
        requests whose nights are of about the same size."""
        if (key := sizes.tobytes()) not in self._lost:
            self._lost[key] = {factor: self._lost_share(self._distinct[0], sizes, factor) for factor in _FACTORS}
        return self._lost[key]

    @cached_property
    def _lost(self) -> dict[bytes, dict[float, Array]]:
        return {}

    def _lost_share(self, draws: Draws, sizes: Array, factor: float) -> Array:
        """(n_draws, n_sizes) share lost by the cascade, every kill probability so many times as high."""
        values = [
            {**layer, "kill_probability": np.minimum(layer["kill_probability"] * factor, 1.0)}
            for layer in draws.values(self.defence)
        ]
        lost: Array = self.evidence.expected(values, sizes).sum(axis=0)
        return lost

    def reported_shares(
        self,
        launched: Array,
        seed: int,
        *,
        size: Array | None = None,
        counts_all: NDArray[np.bool_] | bool = True,
        calibrated: bool = True,
        to_come: bool = False,
    ) -> Array:
        """(n_draws, n_nights) share that a report of nights of so many drones, (n_nights,), would count as lost.

        size: (n_nights,) beside their running level (`NightSizes.effect_of`); without it, each as the next night.
        counts_all: (n_nights,) or one for all, whether it counts drones suppressed too. calibrated: or by the file
        alone, which knows no effect of size. to_come: nights of the next BLOCK_DAYS, or of the last ones.
        """
        rng = np.random.default_rng([seed, STREAM, 2])
        draws = self.posterior if calibrated else replace(self.prior, size_effect=np.zeros(self.prior.n_draws))
        drift = self.variation.drift * rng.standard_normal((draws.n_draws, 1)) if to_come else 0.0
        sizes, spread = some_sizes(launched)
        if size is None:
            size = self.evidence.sizes.effect_of(launched[:, np.newaxis])[0][:, 0]
        shot_down, suppressed = self.evidence.reported_shares(
            draws, self.evidence.kills(draws, sizes), spread, size, drift
        )
        share = np.clip(shot_down + np.where(counts_all, suppressed, 0.0), 1e-6, 1.0 - 1e-6)
        precision = precision_of(launched, self.variation.overdispersion)
        found: Array = rng.beta(share * precision, (1.0 - share) * precision)
        return found


@dataclass(frozen=True, eq=False)
class _Interpolation:
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
        rows = np.arange(len(table))[:, np.newaxis] * table.shape[1]
        above = np.minimum(self.below + 1, table.shape[1] - 1)
        first, second = (table.take(rows + index) for index in (self.below, above))
        found: Array = first + self.part * (second - first)
        return found


@dataclass(frozen=True, eq=False)
class PathDraws:
    """levels: per layer, quantity -> (n_paths,) as in `Draws`. kill_factor: (n_paths, horizon) how many times its kill
    probability each layer has on that night, the product cut to 1: with it the shares of the paths vary with the size
    of the night, from night to night and from block to block as those of the record. beyond: share of the nights that
    are larger or smaller, beside the nights before them, than any that the record has seen."""

    levels: tuple[dict[str, Array], ...]
    kill_factor: Array
    beyond: float

    @classmethod
    def joined(cls, parts: Sequence["PathDraws"]) -> Self:
        """Of paths that follow each other."""
        weights = [part.kill_factor.size for part in parts]
        return cls(
            tuple(
                {quantity: np.concatenate([part.levels[layer][quantity] for part in parts]) for quantity in levels}
                for layer, levels in enumerate(parts[0].levels)
            ),
            np.concatenate([part.kill_factor for part in parts]),
            float(np.average([part.beyond for part in parts], weights=weights)),
        )
