"""What one layer does in a night, for many paths and nights at once: every array is a row of such cells, (n_cells,).

The two functions that matter are `fought`, without regard to stock, and `fought_with`, with what is in hand. Their
docstrings say why neither ever lets more through when fewer drones come; see `forecasting.defence.engagement`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.defence.saturation import served
from forecasting.defence.thinning import binomial_quantile

Array = NDArray[np.float64]
Kinds = Array
"""(n_kinds, n_cells) by kind of drone: armed drones, and decoys where they are followed apart."""


@dataclass(frozen=True, eq=False)
class FireChannels:
    """channels: how many there are, (n_cells,). service_hours: how long a drone holds one on average, (n_cells,).
    waves: (share of the drones of a night, hours)."""

    channels: Array
    service_hours: Array
    waves: Sequence[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Ammunition:
    """each: interceptors per engagement on average. rounding: a uniform number for what that leaves open."""

    each: Array
    rounding: Array


@dataclass(frozen=True, eq=False)
class Fire:
    """What a layer can do to the drones that it reaches.

    salvo_of: engagements at once on a drone; a round of fire. kill: how likely a round kills. rounds: the most rounds
    of fire in the night, all drones together. channels, ammunition: None where it has no such limit. The others are
    uniform numbers, for_kill by round of fire.
    """

    salvo_of: int
    kill: Array
    rounds: Array
    channels: FireChannels | None
    ammunition: Ammunition | None
    for_kill: tuple[Kinds, ...]
    for_passing: Array

    def at(self, index: NDArray[np.intp]) -> "Fire":
        """The same in some of the cells."""
        channels, ammunition = self.channels, self.ammunition
        return Fire(
            self.salvo_of,
            self.kill.take(index),
            self.rounds.take(index),
            channels
            and FireChannels(channels.channels.take(index), channels.service_hours.take(index), channels.waves),
            ammunition and Ammunition(ammunition.each.take(index), ammunition.rounding.take(index)),
            tuple(uniforms.take(index, axis=1) for uniforms in self.for_kill),
            self.for_passing.take(index),
        )


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer in these cells. reach: by kind, share of the drones that come. for_reach: uniform numbers for them."""

    reach: Kinds
    for_reach: Kinds
    fire: Fire


@dataclass(frozen=True, eq=False)
class Fought:
    """What a layer did. reached, killed: drones by kind. engagements: attempts. used: interceptors."""

    reached: Kinds
    killed: Kinds
    engagements: Array
    used: Array

    def survivors(self, came: Kinds) -> Kinds:
        """The drones by kind, of those that came, that go on to the next layer."""
        return came - self.killed


def fought(layer: Layer, came: Kinds) -> Fought:
    """The night with all the interceptors that it needs. came: drones by kind.

    Reached is a quantile of the binomial distribution, which rises by none or one with each drone more.
    """
    return _fired(layer.fire, binomial_quantile(layer.for_reach, came, layer.reach), layer.fire.rounds)


def fought_anew(layer: Layer, before: Fought, came: Kinds, came_before: Kinds) -> Fought:
    """`fought(layer, came)`, where `before` is what it was with came_before: computed only where that differs."""
    differs = np.flatnonzero(came != came_before)
    reached = before.reached.copy()
    reached.reshape(-1)[differs] = binomial_quantile(
        *(each.take(differs) for each in (layer.for_reach, came, layer.reach))
    )
    # Mostly none of the drones that came besides, or did not come, is reached.
    index = np.flatnonzero((reached != before.reached).any(axis=0))
    part = layer.fire.at(index)
    return _merged(replace(before, reached=reached), index, _fired(part, reached.take(index, axis=1), part.rounds))


def fought_with(layer: Layer, wanted: Fought, available: Array) -> Fought:
    """The night with the interceptors that are available, where `wanted` would need wanted.used.

    A night that needs more has as many rounds of fire as they last for on average, in whole rounds by chance, and takes
    them all. So the fewer are left, or the more are needed, the fewer rounds, and the more drones pass.
    """
    short = np.flatnonzero(wanted.used > available)
    if not short.size:
        return wanted
    part, left = layer.fire.at(short), available.take(short)
    assert part.ammunition is not None
    lasting = left / (part.ammunition.each * part.salvo_of)
    fewer = _fired(part, wanted.reached.take(short, axis=1), np.minimum(part.rounds, lasting))
    return _merged(wanted, short, replace(fewer, used=left))


def _fired(fire: Fire, reached: Kinds, rounds: Array) -> Fought:
    """First every drone that was reached and finds a free fire channel, then those that live, while rounds last."""
    engaged, left = reached, rounds
    killed, fired = np.zeros(reached.shape), np.zeros(rounds.shape)
    for number, uniforms in enumerate(fire.for_kill):
        offered = total = engaged.sum(axis=0)
        if number == 0 and fire.channels is not None:
            channels = fire.channels
            offered = served(total, channels.channels, channels.service_hours, channels.waves)
        engaged = _engaged(engaged, total, np.minimum(offered, left), fire.for_passing)
        hits = binomial_quantile(uniforms, engaged, fire.kill)
        killed += hits
        fired += engaged.sum(axis=0)
        left = np.maximum(left - offered, 0.0)
        engaged = engaged - hits
    engagements = fired * fire.salvo_of
    return Fought(reached, killed, engagements, _used(fire.ammunition, engagements))


def _engaged(drones: Kinds, total: Array, allowed: Array, rounding: Array) -> Kinds:
    """The drones by kind that are engaged where only so many of the total are allowed to be, kinds in proportion.

    Rounded by chance so that the means are kept, the numbers passing of both kinds rise with either number of drones,
    and together they are just as many as pass.
    """
    passing = total - allowed
    if len(drones) == 1:
        return (total - np.floor(passing + rounding))[np.newaxis]
    armed, decoys = drones
    level = armed * (passing / np.maximum(total, 1.0)) + rounding
    return np.stack([armed - np.floor(level), decoys - np.ceil(passing - level)])


def _used(ammunition: Ammunition | None, engagements: Array) -> Array:
    """Each engagement takes floor(m) or floor(m) + 1 interceptors, the latter with probability m - floor(m)."""
    if ammunition is None:
        return np.zeros(engagements.shape)
    fewest = np.floor(ammunition.each)
    return fewest * engagements + binomial_quantile(ammunition.rounding, engagements, ammunition.each - fewest)


def _merged(whole: Fought, index: NDArray[np.intp], part: Fought) -> Fought:
    """The whole, with the part in these cells; of what was reached the whole knows already."""

    def merged(values: Array, some: Array) -> Array:
        values = values.copy()
        values[..., index] = some
        return values

    return Fought(
        whole.reached,
        merged(whole.killed, part.killed),
        merged(whole.engagements, part.engagements),
        merged(whole.used, part.used),
    )
