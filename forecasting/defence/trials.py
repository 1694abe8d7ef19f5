"""The nights of a plan fought again with interceptors that are ordered at the origin, on the same random numbers.

A path on which no stock runs short without an order stays as it is with any: more stock is never more short, and
nothing else of the path changes. So only the others are kept and fought again, and of their nights only those that a
shortage touches are computed anew (`forecasting.defence.night`), each state of a night once for all orders
(`forecasting.defence.branches`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.records import SHAHED
from forecasting.defence.branches import MOST_STATES, UNCHANGED, Branches, MetLayer, WithStock, raid_at
from forecasting.defence.layers import Defence, DefenceLayer
from forecasting.defence.night import Array
from forecasting.defence.outcome import Engagements
from forecasting.defence.raid import Raid

MOST_CELLS = 2**16
"""Nights of paths that are kept: each takes some 200 bytes a layer. Of a larger plan the first paths are."""
AT_ONCE = 2**19
"""Nights of paths that are fought together, each path as often as there are orders: more at once take less time."""
MOST_TRIED = 12
"""Orders that are remembered path by path, the first one beside: others may do the same on most paths."""


def covered_until(layer: DefenceLayer, lead_time: ArrayLike, end: int) -> NDArray[np.int64]:
    """(n_paths,) the first night that an order which is placed now does not have to cover.

    The next one arrives then, where the layer states a review period. Else it is the end of the horizon; an order that
    arrives after that covers as many nights as the horizon has.

    lead_time: whole nights, one number or (n_paths,). end: nights of the horizon.
    """
    arrival = np.asarray(lead_time, dtype=np.int64)
    if layer.review_days is not None:
        return arrival + layer.review_days
    return np.where(arrival < end, end, arrival + end)


def nights_to_look_at(layers: Iterable[DefenceLayer], end: int) -> int:
    """As far as lead time and review period of any of these layers ask, and to the end of the horizon at least."""
    asked = [
        int(covered_until(layer, math.ceil(layer.lead_time_days.high) if layer.lead_time_days else 0, end))
        for layer in layers
        if layer.interceptor is not None
    ]
    return max([end, *asked])


@dataclass(frozen=True, eq=False)
class OrderOutcome:
    """What becomes of the paths with an order.

    leakers: (n_paths,) armed drones that no layer kills. warhead_kg: (n_paths,) kilograms of theirs; None where no mass
    is stated. short: (n_layers, n_paths) whether the stock runs out, or below the minimum stock, until the next order
    arrives.
    """

    leakers: Array
    warhead_kg: Array | None
    short: NDArray[np.bool_]

    @property
    def joint_risk(self) -> float:
        """Share of the paths on which some layer runs out."""
        return float(self.short.any(axis=0).mean())


@dataclass(frozen=True, eq=False)
class _Stock:
    """Of one layer. supplied: (n_paths, horizon) in all until each night. ordered: (n_paths, horizon) whether an order
    has arrived. covered: nights until the next one."""

    minimum: int
    opening: NDArray[np.int64]
    supplied: NDArray[np.int64]
    ordered: NDArray[np.bool_]
    covered: NDArray[np.bool_]

    def at(self, rows: NDArray[np.intp]) -> "_Stock":
        """The same on some of the paths."""
        return _Stock(self.minimum, self.opening[rows], self.supplied[rows], self.ordered[rows], self.covered[rows])

    def with_order(self, needed: Array, ordered: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """What becomes of it where the nights need that much, (n_paths, horizon), and so many pieces are ordered,
        (n_paths,): what each night has more than it needs, less than 0 where it lacks some; the order from which on a
        larger one does nothing more, (n_paths,); and whether it runs out on a covered night.

        What a night has is as `forecasting.defence.stock.available_by_night` says it.
        """
        spare = self._without_end(needed)
        need = self._need(spare)
        spare += self.ordered * ordered[:, np.newaxis]
        lost = np.minimum(np.minimum.accumulate(spare[:, :-1], axis=1), 0.0)
        spare[:, 1:] -= lost
        out: NDArray[np.bool_] = np.any((spare < self.minimum) & self.covered, axis=1)
        return spare, need, out

    def enough(self, needed: Array) -> "_Enough":
        """What is enough where the nights need that much."""
        spare = self._without_end(needed)
        late: NDArray[np.bool_] = np.any((spare < self.minimum) & ~self.ordered, axis=1)
        return _Enough(self._need(spare), late)

    def _without_end(self, needed: Array) -> Array:
        """What is left after each night, less than 0 where more would be used than there is."""
        spare: Array = -np.cumsum(needed, axis=1)
        spare += self.opening[:, np.newaxis]
        spare += self.supplied
        return spare

    def _need(self, spare: Array) -> Array:
        least: Array = np.where(self.ordered, spare, self.minimum).min(axis=1)
        need: Array = float(self.minimum) - least
        return need


@dataclass(frozen=True, eq=False)
class _Enough:
    """Of a stock whose nights need what they do with no end of any stock, (n_paths,). need: the order from which on
    none is below the minimum stock once it has arrived. late: whether one is before, whatever is ordered."""

    need: Array
    late: NDArray[np.bool_]

    def at(self, rows: NDArray[np.intp]) -> "_Enough":
        """The same on some of the paths."""
        return _Enough(self.need[rows], self.late[rows])


@dataclass(frozen=True, eq=False)
class _Tried:
    """An order, (n_layers,), and what became of the paths of a part with it. needs: (n_layers, n_paths) pieces of each
    layer from which on more would do nothing, with what this order leaves of the layers before it."""

    quantities: Array
    needs: Array
    short: NDArray[np.bool_]
    leakers: Array
    warhead_kg: Array | None

    @classmethod
    def room(cls, quantities: Array, n_paths: int, with_mass: bool) -> "_Tried":
        """To be filled."""
        shape = (quantities.size, n_paths)
        mass = np.zeros(n_paths) if with_mass else None
        return cls(quantities, np.zeros(shape), np.zeros(shape, bool), np.zeros(n_paths), mass)

    def does_the_same(self, orders: Array) -> NDArray[np.bool_]:
        """(n_orders, n_paths) on which paths other orders, (n_orders, n_layers), leave everything as this one does.

        By induction over the layers: as long as two orders do the same, a layer meets the same and has the same need;
        so they do the same there too where both are alike up to that need.
        """
        same = np.ones((len(orders), self.leakers.size), bool)
        for layer in np.flatnonzero((orders != self.quantities).any(axis=0)).tolist():
            need, other = self.needs[layer], orders[:, layer, np.newaxis]
            same &= (other == self.quantities[layer]) | (np.minimum(other, self.quantities[layer]) >= need)
        return same

    def take(self, other: "_Tried", mine: NDArray[np.intp], theirs: NDArray[np.intp]) -> None:
        """What became of some rows with the other order."""
        self.needs[:, mine], self.short[:, mine] = other.needs[:, theirs], other.short[:, theirs]
        self.leakers[mine] = other.leakers[theirs]
        if self.warhead_kg is not None and other.warhead_kg is not None:
            self.warhead_kg[mine] = other.warhead_kg[theirs]

    def first(self, n_rows: int) -> "_Tried":
        """The same of the first paths alone."""
        mass = None if self.warhead_kg is None else self.warhead_kg[:n_rows]
        return _Tried(self.quantities, self.needs[:, :n_rows], self.short[:, :n_rows], self.leakers[:n_rows], mass)


@dataclass(frozen=True, eq=False)
class _Part:
    """The paths of one block that an order can change. rows: which of all. starts: of each its first cell, in `layers`
    and `branches`. enough: as stocks. left: (n_armed, n_paths) what is behind the last layer, with no end of stock, by
    kind of armed drone, with warheads of these masses."""

    rows: NDArray[np.intp]
    starts: NDArray[np.intp]
    horizon: int
    layers: tuple[MetLayer, ...]
    branches: Branches
    stocks: tuple[_Stock | None, ...]
    enough: tuple[_Enough | None, ...]
    left: Array
    warhead_kg: Array | None
    tried: list["_Tried"] = field(default_factory=list)

    def first(self, n_paths: int) -> "_Part":
        """Those of its paths that are among the first of all; what is worked out of either serves both."""
        n_rows = int(np.searchsorted(self.rows, n_paths))
        rows = np.arange(n_rows)
        return replace(
            self,
            rows=self.rows[rows],
            starts=self.starts[rows],
            stocks=tuple(stock and stock.at(rows) for stock in self.stocks),
            enough=tuple(each and each.at(rows) for each in self.enough),
            left=self.left[:, rows],
            warhead_kg=None if self.warhead_kg is None else self.warhead_kg[:, rows],
            tried=[each.first(n_rows) for each in self.tried],
        )

    def fight(self, orders: Array, outs: Sequence[OrderOutcome]) -> None:
        """Writes into `outs` what becomes of these paths with each of the orders, (n_orders, n_layers).

        A path that has been fought with an order which did the same for it is not fought again.
        """
        tried = [_Tried.room(order, self.rows.size, self.warhead_kg is not None) for order in orders]
        still = np.ones((len(orders), self.rows.size), bool)
        for before in [*reversed(self.tried[1:]), *self.tried[:1]]:
            same = still & before.does_the_same(orders)
            for number in np.flatnonzero(same.any(axis=1)).tolist():
                rows = np.flatnonzero(same[number])
                tried[number].take(before, rows, rows)
            still &= ~same
            if not still.any():
                break
        whose, rows = np.nonzero(still)
        at_once = max(1, AT_ONCE // self.horizon)
        for start in range(0, whose.size, at_once):
            some = slice(start, start + at_once)
            self._fight(tried, whose[some], rows[some])
        self.tried.extend(tried)
        del self.tried[1 : max(1, len(self.tried) - MOST_TRIED)]
        for out, made in zip(outs, tried, strict=True):
            out.short[:, self.rows] = made.short
            out.leakers[self.rows] = made.leakers
            if out.warhead_kg is not None and made.warhead_kg is not None:
                out.warhead_kg[self.rows] = made.warhead_kg

    def _fight(self, tried: Sequence["_Tried"], whose: NDArray[np.intp], rows: NDArray[np.intp]) -> None:
        """Fills these rows of the orders `whose` they are: for each row, which order.

        Followed are only the cells, of those of these rows one after the other, to which other drones come than with no
        end of stock: `changed`, each in its state.
        """
        if self.branches.n_states > MOST_STATES:
            self.branches.forget()
        cells = (self.starts[rows, np.newaxis] + np.arange(self.horizon)).ravel()
        quantities = np.stack([each.quantities for each in tried])
        made = _Tried.room(quantities[0], rows.size, self.warhead_kg is not None)
        state, is_short, changed = np.full(cells.size, UNCHANGED), np.zeros(cells.size, bool), np.empty(0, np.intp)
        for index, stock in enumerate(self.stocks):
            lasting, following = changed, list[NDArray[np.intp]]()
            if stock is not None:
                used = self.branches.used(index, state.take(changed))
                short, available = self._short(index, made, rows, quantities[whose, index], cells, changed, used)
                is_short[short] = True
                lasting = changed[~is_short.take(changed)]
                is_short[short] = False
                following.append(self.branches.onward_short(index, cells.take(short), state.take(short), available))
            following.insert(0, self.branches.onward(index, state.take(lasting)))
            state[changed] = UNCHANGED
            changed = lasting if stock is None else np.concatenate([lasting, short])
            state[changed] = np.concatenate(following)
            changed = changed[state.take(changed) != UNCHANGED]
        left = self.left[:, rows]
        besides = self.branches.left_besides(cells.take(changed), state.take(changed))[SHAHED]
        for kind, more in zip(left, besides, strict=False):  # decoys come last
            kind += np.bincount(changed // self.horizon, more, rows.size)
        made.leakers[:] = left.sum(axis=0)
        if made.warhead_kg is not None and self.warhead_kg is not None:
            made.warhead_kg[:] = (left * self.warhead_kg[:, rows]).sum(axis=0)
        for number in np.unique(whose).tolist():
            own = np.flatnonzero(whose == number)
            tried[number].take(made, rows[own], own)

    def _short(
        self,
        index: int,
        made: "_Tried",
        rows: NDArray[np.intp],
        ordered: Array,
        cells: NDArray[np.intp],
        changed: NDArray[np.intp],
        used: Array,
    ) -> tuple[NDArray[np.intp], Array]:
        """Which of the cells need more of a layer than is in hand, and what is in hand there; what that makes of its
        stock goes into `made`. used: what is needed in the cells that are `changed`."""
        stock, enough, of_layer = self.stocks[index], self.enough[index], self.layers[index].used
        assert stock is not None
        assert enough is not None
        made.needs[index] = enough.need[rows]
        differ = np.flatnonzero(used != of_layer.take(cells.take(changed)))
        row, night = np.divmod(changed.take(differ), self.horizon)
        binding = (ordered < made.needs[index]) | enough.late[rows]
        binding[row] = True
        some = np.flatnonzero(binding)
        needed = of_layer.take(cells.reshape(rows.size, self.horizon)[some])
        needed[(np.cumsum(binding) - 1).take(row), night] = used.take(differ)
        spare, needs, out = stock.at(rows[some]).with_order(needed, ordered[some])
        made.needs[index, some], made.short[index, some] = needs, out
        of_some, night = np.nonzero(spare < 0)
        return some[of_some] * self.horizon + night, (needed + spare)[of_some, night]


class OrderTrials:
    """What orders would do: filled by `forecasting.defence.engagement.engage`, then called with quantities.

    Parameters
    ----------
    defence : Defence
        Whose review periods and minimum stocks count.
    most_cells : int
        Nights of paths to keep at most, but for those of the first paths; `n_paths` is then less than there are.
    end : int, optional
        Nights of the horizon that is planned for, where the paths go further.

    Attributes
    ----------
    n_paths : int
        The first paths of the forecast, that the trials are of.
    """

    def __init__(self, defence: Defence, most_cells: int = MOST_CELLS, end: int | None = None) -> None:
        self.n_paths, self._end = 0, end
        self._defence, self._most_cells = defence, most_cells
        self._parts: list[_Part] = []
        self._leakers: list[Array] = []
        self._warheads: list[Array] = []
        self._made: dict[bytes, OrderOutcome] = {}

    @property
    def wants_more(self) -> bool:
        """Whether there is room for more paths."""
        kept: int = sum(part.rows.size * part.horizon for part in self._parts)
        return kept < self._most_cells

    def add(
        self, met: Engagements, layers: Sequence[MetLayer], left: Raid, run: Sequence[WithStock], left_with: Raid
    ) -> None:
        """Takes the next paths: what the defence does with no end of its stock, and with what there is; see `Branches`.
        left, left_with: what is behind the last layer."""
        n_paths, horizon = met.actual.leakers.shape
        stocks = {stock.layer_id: stock for stock in met.stocks}
        nights = np.arange(horizon)
        touched, made = np.zeros(n_paths, bool), list[_Stock | None]()
        for index, layer in enumerate(self._defence.layers):
            if layer.id not in stocks:
                made.append(None)
                continue
            stock, lead_time = stocks[layer.id], met.lead_time(index)[:, np.newaxis]
            ordered = nights >= lead_time
            covered = nights < covered_until(layer, lead_time, self._end or horizon)
            made.append(_Stock(layer.minimum_stock, stock.opening, stock.supplied, ordered, covered))
            held = stock.opening[:, np.newaxis] + stock.supplied - np.cumsum(stock.used, axis=1)
            assert stock.wanted is not None
            touched |= ((stock.wanted > stock.used) | (held < layer.minimum_stock)).any(axis=1)
        rows = np.flatnonzero(touched)
        starts, own = rows * horizon, np.where(np.repeat(touched, horizon), np.arange(touched.size * horizon), -1)
        if 2 * rows.size < n_paths:  # else all of them take less time than to pick some, and not much more memory
            cells, starts = (starts[:, np.newaxis] + nights).ravel(), np.arange(rows.size) * horizon
            layers, left = [layer.alone_at(cells) for layer in layers], raid_at(left, cells)
            own[cells] = np.arange(cells.size)
        leakers, warheads = met.actual.leakers.sum(axis=1).astype(np.float64), met.leaked_warhead_kg(met.actual)
        if rows.size:
            nothing = _Tried.room(np.zeros(len(made)), rows.size, warheads is not None)
            nothing.leakers[:] = leakers[rows]
            if nothing.warhead_kg is not None and warheads is not None:
                nothing.warhead_kg[:] = warheads[rows]
            held_there = tuple(stock and stock.at(rows) for stock in made)
            enough: list[_Enough | None] = [None] * len(made)
            for index, (layer, its_own) in enumerate(zip(self._defence.layers, held_there, strict=True)):
                if its_own is None:
                    continue
                stock = stocks[layer.id]
                assert stock.wanted is not None
                wanted, none = stock.wanted[rows].astype(np.float64), np.zeros(rows.size)
                _, nothing.needs[index], nothing.short[index] = its_own.with_order(wanted, none)
                enough[index] = its_own.enough(stock.needed[rows].astype(np.float64))
            branches = Branches(layers, left)
            branches.follow(run, left_with, own)
            self._parts.append(
                _Part(
                    self.n_paths + rows,
                    starts,
                    horizon,
                    tuple(layers),
                    branches,
                    held_there,
                    tuple(enough),
                    met.unlimited.leakers_by_kind[:, rows].sum(axis=2).astype(np.float64),
                    None if met.warhead_kg is None else met.warhead_kg[:, rows],
                    [nothing],
                )
            )
        self._leakers.append(leakers)
        if warheads is not None:
            self._warheads.append(warheads)
        self.n_paths += n_paths

    def first(self, n_paths: int) -> "OrderTrials":
        """The same of the first paths alone, which takes less time to try."""
        if n_paths >= self.n_paths:
            return self
        some = OrderTrials(self._defence)
        some.n_paths = n_paths
        some._leakers = [np.concatenate(self._leakers)[:n_paths]]
        some._warheads = [np.concatenate(self._warheads)[:n_paths]] if self._warheads else []
        some._parts = [part.first(n_paths) for part in self._parts if part.rows[0] < n_paths]
        return some

    def __call__(self, orders: Sequence[NDArray[np.int64] | Array]) -> list[OrderOutcome]:
        """The outcome of each order, (n_layers,) interceptors with 0 where a layer uses none; several take less time
        together than one after the other."""
        keyed = {np.asarray(order, dtype=np.float64).tobytes(): order for order in orders}
        new = {key: order for key, order in keyed.items() if key not in self._made}
        if new:
            leakers = np.concatenate(self._leakers)
            mass = np.concatenate(self._warheads) if self._warheads else None
            shape = (len(self._defence.layers), self.n_paths)
            outs = [
                OrderOutcome(leakers.copy(), None if mass is None else mass.copy(), np.zeros(shape, bool)) for _ in new
            ]
            for part in self._parts:
                part.fight(np.array([*new.values()], dtype=np.float64), outs)
            self._made.update(zip(new, outs, strict=True))
        return [self._made[np.asarray(order, dtype=np.float64).tobytes()] for order in orders]
