"""What a defence might be, in draws, and how well each explains the record (see `forecasting.losses.calibration`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from features.stated import SourcedRange
from forecasting.defence.expected_kills import expected_kill_shares
from forecasting.defence.layers import STOCKED, STOCKED_OPTIONAL, Defence, DefenceLayer
from forecasting.losses.night_size import NightSizes
from forecasting.losses.reported_losses import Array, ReportedLosses, StatedKills
from forecasting.losses.variation import Variation, log_likelihood

BLOCKS = 6
"""Of the record that bears on the ranges; what is older says next to nothing of the present."""
SUPPRESSING = frozenset({"electronic_warfare"})
"""Ids of the layers whose kills are reported as suppressed; those of all others are shot down."""

QUANTITIES = frozenset(
    name
    for name, field in DefenceLayer.model_fields.items()
    if field.annotation in (SourcedRange, SourcedRange | None) and name not in STOCKED + STOCKED_OPTIONAL
)
"""What the calibration updates: every range of a layer but those of its stock."""
_MOST_SIZES = 24


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of what is not known, equally likely. levels: per layer, quantity -> (n_draws,) the level 0 to 1 at which
    its range is taken (`SourcedRange.quantile`); quantities that are stated as one number are left out. size_effect:
    (n_draws,) b. drift: (n_draws, n_blocks) by how much the logit share was higher, from the last block back."""

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
                if quantity in QUANTITIES
            }
            for layer, levels in zip(defence.layers, self.levels, strict=True)
        )

    def rows(self, chosen: NDArray[np.intp]) -> Self:
        """Some of the draws, in that order; a draw may be chosen several times."""
        levels = tuple({name: level[chosen] for name, level in layer.items()} for layer in self.levels)
        return type(self)(levels, self.size_effect[chosen], self.drift[chosen])


@dataclass(frozen=True, slots=True)
class UnknownParameters:
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
            if name in QUANTITIES and stated.low < stated.high
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


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the draws are weighed by. blocks: (n_nights,) 0 for the last BLOCK_DAYS before the origin. kind_shares: kind
    of armed drone beside the common one -> its share of them at the origin, as known then."""

    defence: Defence
    record: ReportedLosses
    blocks: NDArray[np.intp]
    stated: tuple[StatedKills, ...]
    variation: Variation
    sizes: NightSizes
    armed_share: float | None
    kind_shares: Mapping[str, float]

    def log_likelihood(self, draws: Draws) -> Array:
        """(n_draws,) up to a constant."""
        found = np.zeros(draws.n_draws)
        if not self.record.days.size:
            return found
        record = self.record
        sizes, spread = some_sizes(record.launched)
        kills = self.kills(draws, sizes)
        size = self.sizes.relative - self.sizes.centre
        shot_down, suppressed = self.reported_shares(draws, kills, spread, size, draws.drift[:, self.blocks])
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
                found += log_likelihood(counts, shares, self.variation.overdispersion).sum(axis=1)
        for stated in self.stated:
            z = (self.share_of_kills(stated, kills, spread) - stated.share) / stated.deviation
            found -= 0.5 * z * z
        return found

    def kills(self, draws: Draws, sizes: Array) -> Array:
        """(n_layers, n_draws, n_sizes) by the cascade alone."""
        return self.expected(draws.values(self.defence), sizes)

    def expected(self, values: Sequence[Mapping[str, Array]], sizes: Array) -> Array:
        """(n_layers, n_draws, n_sizes) of these values of the defence (see `Draws.values`), against the mix of now."""
        return expected_kill_shares(self.defence, values, sizes, self.armed_share, self.kind_shares)

    def reported_shares(
        self, draws: Draws, kills: Array, spread: Array, size: Array, drift: Array | float = 0.0
    ) -> tuple[Array, Array]:
        """(n_draws, n_nights) each: shares shot down and suppressed, with the effect of size and the drift. size:
        (n_nights,) as `NightSizes.effect_of` has it."""
        lost = np.clip(kills.sum(axis=0) @ spread, 1e-6, 1.0 - 1e-6)
        shifted = expit(logit(lost) + draws.size_effect[:, np.newaxis] * size + drift)
        suppressed = (kills[self.suppressing_layers].sum(axis=0) @ spread) * (shifted / lost)
        return shifted - suppressed, suppressed

    @property
    def suppressing_layers(self) -> NDArray[np.bool_]:
        return np.array([layer.id in SUPPRESSING for layer in self.defence.layers])

    def share_of_kills(self, stated: StatedKills, kills: Array, spread: Array) -> Array:
        """(n_draws,) what the draws say of it, on the nights that it speaks of; on all, where the record has none."""
        days = self.record.days
        of_then = (days >= np.datetime64(stated.first_day)) & (days <= np.datetime64(stated.last_day))
        nights = self.record.launched * (of_then if of_then.any() else 1.0)
        by_layer = kills @ (spread @ nights)
        counted = by_layer if stated.of == "lost" else by_layer[~self.suppressing_layers]
        index = [layer.id for layer in self.defence.layers].index(stated.layer_id)
        found: Array = by_layer[index] / np.maximum(counted.sum(axis=0), 1e-9)
        return found


def some_sizes(launched: Array) -> tuple[Array, Array]:
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
