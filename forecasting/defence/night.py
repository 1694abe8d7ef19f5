"""What one layer does in a night, for many paths and nights at once: every array is a row of such cells, (n_cells,).

The two functions that matter are `fought`, without regard to stock, and `fought_with`, with what is in hand. Their
docstrings say why neither ever lets more through when fewer drones come; see `forecasting.defence.engagement`. Both
speak of one class of weapon; `forecasting.defence.raid` has a layer meet several, one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecasting.defence.saturation import served
from forecasting.defence.thinning import binomial_quantile

Array = NDArray[np.float64]
Kinds = Array
"""(n_kinds, n_cells) by kind of drone: armed drones of each kind, and decoys last, where they are followed apart. One
row stands for all kinds alike where it says so."""


@dataclass(frozen=True, eq=False)
class FireChannels:
    """channels: how many there are, (n_cells,). service_hours: how long a drone holds one on average, by kind or for
    all alike. waves: (share of the drones of a night, hours). ahead: (targets that go first, hours that one of them
    holds a channel); a channel that one of them wants is taken from a drone."""

    channels: Array
    service_hours: Kinds
    waves: Sequence[tuple[float, float]]
    ahead: tuple[Array, Array] | None = None

    def served(self, drones: Kinds) -> Array:
        """(n_cells,) how many of the drones find a channel."""
        hours, total = mean_over(self.service_hours, drones), drones.sum(axis=0)
        if self.ahead is None:
            return served(total, self.channels, hours, self.waves)
        first, held = self.ahead
        together = total + first
        mixed = (total * hours + first * held) / np.maximum(together, 1.0)
        all_served = served(together, self.channels, np.where(together > 0, mixed, hours), self.waves)
        left: Array = all_served - served(first, self.channels, held, self.waves)
        return left.clip(0.0, total)

    def at(self, index: NDArray[np.intp]) -> "FireChannels":
        """The same in some of the cells."""
        ahead = self.ahead and (self.ahead[0].take(index), self.ahead[1].take(index))
        return FireChannels(self.channels.take(index), self.service_hours.take(index, axis=1), self.waves, ahead)


@dataclass(frozen=True, eq=False)
class Ammunition:
    """each: interceptors per engagement on average, by kind or for all alike. rounding: uniform numbers for what that
    leaves open, of the same shape."""

    each: Kinds
    rounding: Kinds


@dataclass(frozen=True, eq=False)
class Fire:
    """What a layer can do to the drones that it reaches.

    salvo_of: engagements at once on a drone; a round of fire. kill: how likely a round kills, by kind or for all alike.
    rounds: the most rounds of fire in the night, all drones together. channels, ammunition: None where it has no such
    limit. The others are uniform numbers, for_kill by round of fire.
    """

    salvo_of: int
    kill: Kinds
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
            self.kill.take(index, axis=1),
            self.rounds.take(index),
            channels and channels.at(index),
            ammunition and Ammunition(ammunition.each.take(index, axis=1), ammunition.rounding.take(index, axis=1)),
            tuple(uniforms.take(index, axis=1) for uniforms in self.for_kill),
            self.for_passing.take(index),
        )


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer in these cells. reach: by kind, share of the drones that come. for_reach: uniform numbers for them.

    cells: which of those of the arrays these are; None: all. Of a few of many, most arrays are never looked at.
    """

    reach: Kinds
    for_reach: Kinds
    fire: Fire
    cells: NDArray[np.intp] | None = None

    def at(self, index: NDArray[np.intp]) -> "Layer":
        """The same in some of the cells."""
        return replace(self, cells=self._of_all(index))

    @cached_property
    def taken(self) -> "Layer":
        """The same, with arrays of these cells alone."""
        if self.cells is None:
            return self
        reach, for_reach = (each.take(self.cells, axis=1) for each in (self.reach, self.for_reach))
        return Layer(reach, for_reach, self.fire.at(self.cells))

    def fire_at(self, index: NDArray[np.intp]) -> Fire:
        """In some of the cells."""
        return self.fire.at(self._of_all(index))

    def reached(self, came: Kinds, which: NDArray[np.intp]) -> Array:
        """How many drones are reached of those that came, for some of their entries, numbered kind by kind.

        A quantile of the binomial distribution, which rises by none or one with each drone more.
        """
        kind, cell = np.divmod(which, came.shape[1])
        entries = kind * self.reach.shape[1] + self._of_all(cell)
        return binomial_quantile(self.for_reach.take(entries), came.take(which), self.reach.take(entries))

    def _of_all(self, index: NDArray[np.intp]) -> NDArray[np.intp]:
        return index if self.cells is None else self.cells.take(index)


@dataclass(frozen=True, eq=False)
class Fought:
    """What a layer did. reached, killed: drones by kind. engagements: attempts. used: interceptors."""

    reached: Kinds
    killed: Kinds
    engagements: Array
    used: Array

    def at(self, index: NDArray[np.intp]) -> "Fought":
        """The same in some of the cells."""
        return Fought(
            self.reached.take(index, axis=1),
            self.killed.take(index, axis=1),
            self.engagements.take(index),
            self.used.take(index),
        )

    @classmethod
    def joined(cls, first: "Fought", second: "Fought") -> "Fought":
        """Both, one after the other."""
        pairs = ((getattr(first, name), getattr(second, name)) for name in cls.__dataclass_fields__)
        return cls(*(np.concatenate(pair, axis=-1) for pair in pairs))

    def survivors(self, came: Kinds) -> Kinds:
        """The drones by kind, of those that came, that go on to the next layer."""
        return came - self.killed


def fought(layer: Layer, came: Kinds) -> Fought:
    """The night with all the interceptors that it needs. came: drones by kind."""
    layer = layer.taken
    return _fired(layer.fire, binomial_quantile(layer.for_reach, came, layer.reach), layer.fire.rounds)


def fought_anew(
    layer: Layer, before: Fought, came: Kinds, came_before: Kinds, changed: NDArray[np.bool_] | None = None
) -> Fought:
    """`fought(layer, came)`, where `before` is what it was with came_before: computed only where that differs, and in
    the cells where the layer itself has `changed`."""
    differs = np.flatnonzero(came != came_before)
    if not differs.size and (changed is None or not changed.any()):
        return before
    reached = before.reached.copy()
    reached.reshape(-1)[differs] = layer.reached(came, differs)
    # Mostly none of the drones that came besides, or did not come, is reached.
    other = (reached != before.reached).any(axis=0)
    index = np.flatnonzero(other if changed is None else other | changed)
    part = layer.fire_at(index)
    return _merged(replace(before, reached=reached), index, _fired(part, reached.take(index, axis=1), part.rounds))


def fought_with(layer: Layer, wanted: Fought, available: Array) -> Fought:
    """The night with the interceptors that are available, where `wanted` would need wanted.used.

    A night that needs more has as many rounds of fire as they last for on average, in whole rounds by chance, and takes
    them all. So the fewer are left, or the more are needed, the fewer rounds, and the more drones pass.
    """
    short = np.flatnonzero(wanted.used > available)
    if not short.size:
        return wanted
    part, left = layer.fire_at(short), available.take(short)
    assert part.ammunition is not None
    reached = wanted.reached.take(short, axis=1)
    lasting = left / (mean_over(part.ammunition.each, reached) * part.salvo_of)
    fewer = _fired(part, reached, np.minimum(part.rounds, lasting))
    return _merged(wanted, short, replace(fewer, used=left))


def _fired(fire: Fire, reached: Kinds, rounds: Array) -> Fought:
    """First every drone that was reached and finds a free fire channel, then those that live, while rounds last."""
    engaged, left = reached, rounds
    killed, fired = np.zeros((2, *reached.shape))
    for number, uniforms in enumerate(fire.for_kill):
        offered = total = engaged.sum(axis=0)
        if number == 0 and fire.channels is not None:
            offered = fire.channels.served(engaged)
        engaged = _engaged(engaged, total, np.minimum(offered, left), fire.for_passing)
        hits = binomial_quantile(uniforms, engaged, fire.kill)
        killed += hits
        fired += engaged
        left = np.maximum(left - offered, 0.0)
        engaged = engaged - hits
    engagements = fired * fire.salvo_of
    return Fought(reached, killed, engagements.sum(axis=0), _used(fire.ammunition, engagements))


def _engaged(drones: Kinds, total: Array, allowed: Array, rounding: Array) -> Kinds:
    """The drones by kind that are engaged where only so many of the total are allowed to be, kinds in proportion.

    Rounded by chance so that the means are kept, the numbers passing of each kind rise with the number of drones of any
    kind, and together they are just as many as pass.
    """
    passing = total - allowed
    if len(drones) == 1:
        return (total - np.floor(passing + rounding))[np.newaxis]
    if len(drones) == 2:
        armed, decoys = drones
        level = armed * (passing / np.maximum(total, 1.0)) + rounding
        return np.stack([armed - np.floor(level), decoys - np.ceil(passing - level)])
    limited = np.flatnonzero(passing > 0)
    engaged = drones.copy()
    engaged[:, limited] -= _passing(*(each.take(limited, axis=-1) for each in (drones, passing, rounding)))
    return engaged


def _passing(drones: Kinds, passing: Array, rounding: Array) -> Kinds:
    """Whole drones by kind that pass, in proportion: of kind k floor(n_k x + u_k), u_k spread evenly from `rounding`
    on, at the one x at which they are as many as pass (a divisor method: Balinski and Young 2001, Fair Representation).

    A drone more of one kind, and one more that passes, raise x or leave it: so no kind has fewer that pass. For two
    kinds it is what `_engaged` does in one step, there with u_2 = 1 - u_1, so that x is passing/total.
    """
    n_kinds = len(drones)
    found: Kinds
    offset = (rounding + np.arange(n_kinds)[:, np.newaxis] / n_kinds) % 1.0
    found = np.floor(drones * (passing / drones.sum(axis=0)) + offset)
    wanted = np.floor(passing + rounding)
    for step in (1.0, -1.0):
        while (cells := np.flatnonzero((wanted - found.sum(axis=0)) * step > 0)).size:
            # Each kind has its next drone at this x, going up, and its last one going down.
            at = found[:, cells] + (1.0 if step > 0 else 0.0) - offset[:, cells]
            with np.errstate(divide="ignore", invalid="ignore"):
                x = np.where(drones[:, cells] > 0, at / drones[:, cells], np.inf * step)
            kind = np.argmin(x * step, axis=0)
            found[kind, cells] += step
    return found


def mean_over(values: Kinds, drones: Kinds) -> Array:
    """(n_cells,) average over the drones of what is stated by kind, or for all alike."""
    first: Array = values[0]
    if len(values) == 1:
        return first
    mean = (values * drones).sum(axis=0) / np.maximum(drones.sum(axis=0), 1.0)
    return np.where(mean > 0, mean, first)  # where none comes


def _used(ammunition: Ammunition | None, engagements: Kinds) -> Array:
    """Each engagement takes floor(m) or floor(m) + 1 interceptors, the latter with probability m - floor(m)."""
    if ammunition is None:
        return np.zeros(engagements.shape[1:])
    if len(ammunition.each) == 1:
        engagements = engagements.sum(axis=0, keepdims=True)
    fewest = np.floor(ammunition.each)
    used = fewest * engagements + binomial_quantile(ammunition.rounding, engagements, ammunition.each - fewest)
    total: Array = used.sum(axis=0)
    return total


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
