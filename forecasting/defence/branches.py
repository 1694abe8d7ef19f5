"""The nights of a plan where a shortage has let other drones through than with no end of stock, each fought once.

What a layer does in a night depends on who comes and, where interceptors are short, on how many are in hand; nothing
else of an order matters to it. So each state of a night, who comes to a layer in it, is worked out once, whichever
orders lead to it, and from each of them what comes to the next layer, with enough interceptors or with too few. Many
orders lead to few states: after an order has run out, a night has what is delivered on that day alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from forecasting.defence.night import Array, Fought, Layer
from forecasting.defence.raid import Raid, fought_in_turn_anew, fought_in_turn_with, survivors, used_by_all

Number = TypeVar("Number", np.float64, np.intp)
Index = NDArray[np.intp]

MOST_STATES = 2**19
"""That are kept of some paths: each takes about 100 bytes. Beyond, they are forgotten and worked out again."""
MOST_IN_HAND = 2.0**41
"""Interceptors: where a night has more, and needs still more, what follows is not remembered."""
UNKNOWN, UNCHANGED = -2, -1
"""In place of a state: one that nobody has asked for, and that of no end of stock."""


@dataclass(frozen=True, eq=False)
class WithStock:
    """A layer on the same nights with the stocks there are. came: what comes to it then. wanted: what it would do with
    enough interceptors. available: (n_cells,) how many it has; None where it uses none."""

    came: Raid
    wanted: Mapping[str, Fought]
    available: Array | None


@dataclass(frozen=True, eq=False)
class MetLayer:
    """One layer on the nights of some paths with no end of its stock: class of weapon -> the layer as it meets it, and
    what it does to it, in its order of priority. came: what comes to it then, of every class."""

    layers: Mapping[str, Layer]
    fought: Mapping[str, Fought]
    came: Raid

    @cached_property
    def used(self) -> Array:
        """(n_cells,) interceptors, for every class."""
        return used_by_all(self.fought)

    def at(self, index: Index) -> "MetLayer":
        """The same in some of the cells."""
        return MetLayer(
            self.layers_at(index),
            {name: done.at(index) for name, done in self.fought.items()},
            raid_at(self.came, index),
        )

    def layers_at(self, index: Index) -> dict[str, Layer]:
        """In some of the cells."""
        return {name: layer.at(index) for name, layer in self.layers.items()}

    def alone_at(self, index: Index) -> "MetLayer":
        """The same in some of the cells, and nothing of the others in memory."""
        part = self.at(index)
        return MetLayer({name: layer.taken for name, layer in part.layers.items()}, part.fought, part.came)


def raid_at(raid: Raid, index: Index) -> Raid:
    """What comes in some of the cells."""
    return {name: came.take(index, axis=1) for name, came in raid.items()}


class _Columns(Generic[Number]):
    """(n_rows, size) numbers, to which columns are added."""

    def __init__(self, n_rows: int, dtype: type[Number]) -> None:
        self._room: NDArray[Number] = np.empty((n_rows, 0), dtype)
        self.size = 0

    def add(self, columns: NDArray[Number]) -> None:
        size = self.size + columns.shape[1]
        if size > self._room.shape[1]:
            wider: NDArray[Number] = np.empty((len(columns), 2 * size), columns.dtype)
            wider[:, : self.size] = self._room[:, : self.size]
            self._room = wider
        self._room[:, self.size : size] = columns
        self.size = size

    @property
    def values(self) -> NDArray[Number]:
        """All of them, in the same memory."""
        return self._room[:, : self.size]

    def take(self, index: Index) -> NDArray[Number]:
        """Some of the columns."""
        found: NDArray[Number] = self._room.take(index, axis=1)
        return found


class _States:
    """Who comes to one layer, numbered in the order in which they were met, and what was worked out of that.

    cell: which of all. came: see `_packed`. done: what the layer does with enough interceptors, of the first of them.
    onward: the states of the next layer that follow then. short: where a state has too few, sorted by `_key`; to: the
    states that follow.
    """

    def __init__(self, n_came: int, n_done: int) -> None:
        self.cell, self.onward = _Columns(1, np.intp), _Columns(1, np.intp)
        self.came, self.done = _Columns(n_came, np.float64), _Columns(n_done + 1, np.float64)
        self.short, self.to = np.empty((2, 0), np.intp)

    def add(self, cell: Index, came: Raid) -> Index:
        """Their numbers."""
        first = self.cell.size
        self.cell.add(cell[np.newaxis])
        self.onward.add(np.full((1, cell.size), UNKNOWN))
        self.came.add(_packed(came))
        return np.arange(first, self.cell.size)


class Branches:
    """Of some paths, filled as orders are tried.

    Parameters
    ----------
    layers : sequence of MetLayer
        In order of engagement.
    left : Raid
        What is behind the last one with no end of stock.
    """

    def __init__(self, layers: Sequence[MetLayer], left: Raid) -> None:
        self._layers, self._came = layers, [*(layer.came for layer in layers), left]
        self._kinds = {name: len(came) for name, came in left.items()}
        self.forget()

    def forget(self) -> None:
        """Every state; what was given as the number of one is none any more."""
        n_came, n_done = sum(self._kinds.values()), [self._n_done(layer) for layer in self._layers]
        self._states = [_States(n_came, n) for n in [*n_done, 0]]

    @property
    def n_states(self) -> int:
        """How many are kept."""
        return sum(states.cell.size for states in self._states)

    def follow(self, run: Sequence[WithStock], left: Raid, own: Index) -> None:
        """Takes the states to which the stocks there are have led; nothing else may be known yet.

        run: of each layer. left: what is behind the last one. own: (n_cells,) the number of each of their cells here,
        -1 where it is none of these paths.
        """
        states = np.full(own.size, UNCHANGED)
        for index, (layer, came) in enumerate(zip(run, [*(each.came for each in run[1:]), left], strict=True)):
            of_layer, changed = self._states[index], np.flatnonzero(states != UNCHANGED)
            of_layer.done.add(_done_rows({name: done.at(changed) for name, done in layer.wanted.items()}))
            following = self._after(index, own, came)
            if (available := layer.available) is not None:
                short = np.flatnonzero((used_by_all(layer.wanted) > available) & (own >= 0))
                keys = _key(own.take(short), states.take(short), available.take(short))
                order = np.argsort(keys)
                of_layer.short, of_layer.to = keys.take(order), following.take(short).take(order)
                states[short] = UNCHANGED
                changed = np.flatnonzero(states != UNCHANGED)
            of_layer.onward.values[0, states.take(changed)] = following.take(changed)
            states = following

    def used(self, index: int, states: Index) -> Array:
        """Interceptors that layer number `index` needs in each of these states."""
        of_layer = self._states[index]
        if (first := of_layer.done.size) < of_layer.cell.size:
            new = np.arange(first, of_layer.cell.size)
            part = self._layers[index].at(of_layer.cell.values[0, first:])
            done = fought_in_turn_anew(part.layers, part.fought, self._unpacked(of_layer.came.take(new)), part.came)
            of_layer.done.add(_done_rows(done))
        used: Array = of_layer.done.values[-1].take(states)
        return used

    def onward(self, index: int, states: Index) -> Index:
        """The states of the next layer that follow where nothing is short; UNCHANGED where it is as with no end of
        stock."""
        self.used(index, states[:0])
        of_layer = self._states[index]
        onward: Index = of_layer.onward.values[0]
        asked = states[onward.take(states) == UNKNOWN]
        if asked.size:
            new = np.zeros(onward.size, bool)
            new[asked] = True
            asked = np.flatnonzero(new)
            came, cells = self._unpacked(of_layer.came.take(asked)), of_layer.cell.values[0].take(asked)
            onward[asked] = self._after(index, cells, survivors(self._done(index, asked), came))
        found: Index = onward.take(states)
        return found

    def onward_short(self, index: int, cells: Index, states: Index, available: Array) -> Index:
        """The same where so many interceptors are in hand, and more needed. cells: which of all; states: in them,
        UNCHANGED as with no end of stock until here."""
        of_layer = self._states[index]
        if available.max(initial=0.0) >= MOST_IN_HAND:
            return self._with_too_few(index, cells, states, available)
        keys, which = np.unique(_key(cells, states, available), return_inverse=True)
        if of_layer.short.size:
            at = np.searchsorted(of_layer.short, keys).clip(max=of_layer.short.size - 1)
            known = of_layer.short.take(at) == keys
            found = np.where(known, of_layer.to.take(at), UNKNOWN)
        else:
            found = np.full(keys.size, UNKNOWN)
        if (new := np.flatnonzero(found == UNKNOWN)).size:
            one = np.empty(keys.size, np.intp)
            one[which] = np.arange(which.size)  # any of those with this key
            one = one.take(new)
            found[new] = self._with_too_few(index, cells.take(one), states.take(one), available.take(one))
            every = np.concatenate([of_layer.short, keys.take(new)])
            order = np.argsort(every, kind="stable")
            of_layer.short = every.take(order)
            of_layer.to = np.concatenate([of_layer.to, found.take(new)]).take(order)
        return found.take(which)

    def left_besides(self, cells: Index, states: Index) -> Raid:
        """How many more are behind the last layer in these states than with no end of stock."""
        left, before = self._unpacked(self._states[-1].came.take(states)), raid_at(self._came[-1], cells)
        return {name: each - before[name] for name, each in left.items()}

    def _with_too_few(self, index: int, cells: Index, states: Index, available: Array) -> Index:
        met, other = self._layers[index], np.flatnonzero(states >= 0)
        part = met.at(cells)
        came, wanted = part.came, part.fought
        if other.size:
            changed, done = self._unpacked(self._states[index].came.take(states[other])), dict[str, Fought]()
            came = {name: _with_columns(each, other, changed[name]) for name, each in came.items()}
            for name, each in self._done(index, states[other]).items():
                pairs = ((getattr(wanted[name], of), getattr(each, of)) for of in Fought.__dataclass_fields__)
                done[name] = Fought(*(_with_columns(before, other, now) for before, now in pairs))
            wanted = done
        return self._after(index, cells, survivors(fought_in_turn_with(part.layers, wanted, available), came))

    def _after(self, index: int, cells: Index, came: Raid) -> Index:
        """The states of the next layer where this comes to it. cells: which of all; -1: none."""
        before = raid_at(self._came[index + 1], cells)
        differ = np.logical_or.reduce([(each != before[name]).any(axis=0) for name, each in came.items()])
        where = np.flatnonzero(differ & (cells >= 0))
        found = np.full(cells.size, UNCHANGED)
        found[where] = self._states[index + 1].add(cells.take(where), raid_at(came, where))
        return found

    def _n_done(self, layer: MetLayer) -> int:
        return sum(2 * self._kinds[name] + 2 for name in layer.layers)

    def _done(self, index: int, states: Index) -> dict[str, Fought]:
        rows, first, done = self._states[index].done.take(states), 0, dict[str, Fought]()
        for name in self._layers[index].layers:
            n = self._kinds[name]
            own = rows[first : first + 2 * n + 2]
            done[name] = Fought(own[:n], own[n : 2 * n], own[-2], own[-1])
            first += len(own)
        return done

    def _unpacked(self, rows: Array) -> Raid:
        """The contrary of `_packed`."""
        ends = np.cumsum([*self._kinds.values()])[:-1]
        return dict(zip(self._kinds, np.split(rows, ends), strict=True))


def _done_rows(done: Mapping[str, Fought]) -> Array:
    """All that a layer does, and last the interceptors of all classes."""
    rows = [
        np.concatenate([each.reached, each.killed, each.engagements[np.newaxis], each.used[np.newaxis]])
        for each in done.values()
    ]
    return np.concatenate([*rows, used_by_all(done)[np.newaxis]])


def _packed(came: Raid) -> Array:
    """All kinds of all classes, one below the other."""
    return np.concatenate([*came.values()])


def _key(cells: Index, states: Index, available: Array) -> Index:
    """One number for each: cells and states are fewer than 2^21, and interceptors in hand fewer than 2^41."""
    source = np.where(states >= 0, 2 * states + 1, 2 * cells)
    return (source << 41) | available.astype(np.intp)


def _with_columns(values: Array, index: Index, some: Array) -> Array:
    """The values, of which there is no other use, with some columns, or entries, in place of theirs."""
    values[..., index] = some
    return values
