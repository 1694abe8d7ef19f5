"""What the defence makes of the paths, path by path: engagements, kills, interceptors, stocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.records import SHAHED
from forecasting.defence.night import Fought
from forecasting.defence.raid import Raid, engaged_by_all, used_by_all


@dataclass(frozen=True, eq=False, kw_only=True)
class DefenceCounts:
    """What the defence does against the paths, in whole numbers. Shapes: see the classes below.

    Where armed drones and decoys are not told apart, all count as armed.

    Parameters
    ----------
    engagements : array of int64
        Attempts, each on one drone.
    kills, decoy_kills : array of int64
        Armed drones, and decoys.
    interceptors : array of int64
        Used; 0 for a layer that uses none.
    unmet : array of int64
        Engagements that did not happen for want of interceptors.
    leakers, decoy_leakers : array of int64
        Armed drones, and decoys, that no layer killed.
    leakers_by_kind : array of int64
        Armed leakers in the order of `Engagements.kinds`.
    """

    engagements: NDArray[np.int64]
    kills: NDArray[np.int64]
    decoy_kills: NDArray[np.int64]
    interceptors: NDArray[np.int64]
    unmet: NDArray[np.int64]
    leakers: NDArray[np.int64]
    leakers_by_kind: NDArray[np.int64]
    decoy_leakers: NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class InterceptorDemand(DefenceCounts):
    """Per night: (n_layers, n_paths, horizon), the layers in their order of engagement; leakers and decoy_leakers
    (n_paths, horizon), leakers_by_kind (n_kinds, n_paths, horizon).

    Parameters
    ----------
    layer_ids : tuple of str
        In order of engagement.
    """

    layer_ids: tuple[str, ...]

    def write(self, index: int, done: Mapping[str, Fought]) -> None:
        """Fills what a layer does, but for what is unmet.

        Parameters
        ----------
        index : int
            Of the layer.
        done : mapping of str to Fought
            Class of weapon -> what it does to it.
        """
        shape, n_armed = self.leakers.shape, len(self.leakers_by_kind)
        self.engagements[index] = engaged_by_all(done).reshape(shape)
        self.interceptors[index] = used_by_all(done).reshape(shape)
        with_decoys = self.decoy_kills.flags.writeable
        if SHAHED not in done:
            self.kills[index] = 0
            if with_decoys:
                self.decoy_kills[index] = 0
            return
        killed = done[SHAHED].killed
        self.kills[index] = (killed[0] if n_armed == 1 else killed[:n_armed].sum(axis=0)).reshape(shape)
        if with_decoys:
            self.decoy_kills[index] = killed[-1].reshape(shape)


@dataclass(frozen=True, eq=False)
class StockOutlook:
    """What becomes of the stock of one layer. Interceptors; paths of whole numbers.

    Parameters
    ----------
    layer_id : str
        Whose stock it is.
    opening : (n_paths,) array of int64
        Stock at the origin.
    supplied : (n_paths, horizon) array of int64
        Delivered by the start of each night since the origin.
    used : (n_paths, horizon) array of int64
        With the stock there is.
    needed : (n_paths, horizon) array of int64
        Had every layer enough.
    wanted : (n_paths, horizon) array of int64, optional
        Against the drones that come while other layers run short too; None: as needed.
    """

    layer_id: str
    opening: NDArray[np.int64]
    supplied: NDArray[np.int64]
    used: NDArray[np.int64]
    needed: NDArray[np.int64]
    wanted: NDArray[np.int64] | None = None

    @property
    def at_end(self) -> NDArray[np.int64]:
        """(n_paths,) interceptors left after the last night."""
        left: NDArray[np.int64] = self.opening + self.supplied[:, -1] - self.used.sum(axis=1)
        return left

    @property
    def supplied_in_all(self) -> NDArray[np.int64]:
        """(horizon,) delivered by the start of each night, on all paths together."""
        in_all: NDArray[np.int64] = self.supplied.sum(axis=0)
        return in_all

    @property
    def missing(self) -> NDArray[np.int64]:
        """(n_paths, horizon) what all nights until then need beyond stock and supply; negative while some is left."""
        missing: NDArray[np.int64] = np.cumsum(self.needed, axis=1) - self.supplied - self.opening[:, np.newaxis]
        return missing

    @property
    def shortfall(self) -> NDArray[np.int64]:
        """(n_paths,) the least extra opening stock with which the path never runs short, had every layer enough."""
        shortfall: NDArray[np.int64] = np.maximum(self.missing.max(axis=1), 0)
        return shortfall

    @cached_property
    def days_of_supply(self) -> NDArray[np.float64]:
        """(n_paths,) attack days that the stock and supply cover in full; inf where they last beyond the horizon."""
        short = self.missing > 0 if self.wanted is None else self.wanted > self.used
        return np.where(short.any(axis=1), short.argmax(axis=1), np.inf)

    @property
    def stock_out_by_day(self) -> NDArray[np.float64]:
        """(horizon,) share of the paths on which the stock has run short by that night."""
        nights = np.arange(self.supplied_in_all.size)
        shares: NDArray[np.float64] = (self.days_of_supply[:, np.newaxis] <= nights).mean(axis=0)
        return shares

    @property
    def stock_out_probability(self) -> float:
        """Share of the paths on which the stock runs short within the horizon."""
        return float(np.isfinite(self.days_of_supply).mean())


def _by_path(cells: NDArray[np.float64], n_paths: int) -> NDArray[np.int64]:
    """(n_paths,) sums over the nights, and over the kinds."""
    summed: NDArray[np.int64] = cells.reshape(-1, n_paths, cells.shape[-1] // n_paths).sum(axis=(0, 2)).astype(np.int64)
    return summed


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassCounts:
    """What a defence does against each class of weapon of a raid, over all nights: (n_classes, n_layers, n_paths) as
    named in `DefenceCounts`, kills with those of decoys; leakers: (n_classes, n_paths), decoys included."""

    classes: tuple[str, ...]
    engagements: NDArray[np.int64]
    kills: NDArray[np.int64]
    interceptors: NDArray[np.int64]
    leakers: NDArray[np.int64]

    @classmethod
    def room(cls, classes: tuple[str, ...], n_layers: int, n_paths: int) -> Self:
        """Arrays to be filled."""
        by_layer = {name: np.zeros((len(classes), n_layers, n_paths), np.int64) for name in _BY_CLASS}
        return cls(classes=classes, leakers=np.zeros((len(classes), n_paths), np.int64), **by_layer)

    def write(self, index: int, done: Mapping[str, Fought]) -> None:
        """Fills what the layer of that number does."""
        n_paths = self.leakers.shape[1]
        for number, name in enumerate(self.classes):
            if name in done:
                self.engagements[number, index] = _by_path(done[name].engagements, n_paths)
                self.kills[number, index] = _by_path(done[name].killed, n_paths)
                self.interceptors[number, index] = _by_path(done[name].used, n_paths)

    def rows(self, rows: slice) -> Self:
        """Some of the paths, in the same memory."""
        return replace(self, **{name: getattr(self, name)[..., rows] for name in (*_BY_CLASS, "leakers")})


_BY_CLASS = ("engagements", "kills", "interceptors")


@dataclass(frozen=True, eq=False)
class RaidOutcome:
    """With the stock there is, and with no end of it. launched: (n_classes, n_paths)."""

    launched: NDArray[np.int64]
    actual: ClassCounts
    unlimited: ClassCounts

    @property
    def classes(self) -> tuple[str, ...]:
        """Of weapon, the drones first."""
        return self.actual.classes

    def write_ends(self, launched: Raid, left: Raid, left_unlimited: Raid) -> None:
        """Fills what comes to the first layer, and what the last one leaves."""
        n_paths = self.launched.shape[1]
        for number, name in enumerate(self.classes):
            self.launched[number] = _by_path(launched[name], n_paths)
            self.actual.leakers[number] = _by_path(left[name], n_paths)
            self.unlimited.leakers[number] = _by_path(left_unlimited[name], n_paths)

    def rows(self, rows: slice) -> Self:
        """Some of the paths, in the same memory."""
        return type(self)(self.launched[:, rows], self.actual.rows(rows), self.unlimited.rows(rows))


@dataclass(frozen=True, eq=False)
class Engagements:
    """What the defence does with the stock it has, and what it would do with no end of it.

    Parameters
    ----------
    actual, unlimited : InterceptorDemand
        With the stock there is, and with enough of everything.
    stocks : tuple of StockOutlook
        Of each layer that has one.
    draws : tuple of dict
        Per layer, quantity -> (n_paths,) the value of the stated range that the path has drawn.
    kinds : tuple of str
        Of armed drone, the common one first.
    warhead_kg : (n_kinds, n_paths) array of float, optional
        Kilograms; None where that of some kind is not stated.
    raid : RaidOutcome, optional
        Where other classes of weapon come with the drones, what each takes. Engagements, interceptors, unmet and stocks
        are then of the whole raid, kills and leakers of the drones.
    """

    actual: InterceptorDemand
    unlimited: InterceptorDemand
    stocks: tuple[StockOutlook, ...]
    draws: tuple[dict[str, NDArray[np.float64]], ...]
    kinds: tuple[str, ...]
    warhead_kg: NDArray[np.float64] | None
    raid: RaidOutcome | None = None

    def leaked_warhead_kg(self, demand: InterceptorDemand) -> NDArray[np.float64] | None:
        """The warheads that leak over all nights.

        Parameters
        ----------
        demand : InterceptorDemand
            `actual` or `unlimited`.

        Returns
        -------
        (n_paths,) array of float or None
            Kilograms; None where the masses are not stated.
        """
        if self.warhead_kg is None:
            return None
        leaked: NDArray[np.float64] = (demand.leakers_by_kind.sum(axis=2) * self.warhead_kg).sum(axis=0)
        return leaked

    def lead_time(self, index: int) -> NDArray[np.int64]:
        """Nights before an order for a layer can be used: what it states, rounded up.

        Parameters
        ----------
        index : int
            Of the layer, in order of engagement.

        Returns
        -------
        (n_paths,) array of int64
            Whole nights; 0 where none is stated.
        """
        days = self.draws[index].get("lead_time_days", np.zeros(self.actual.leakers.shape[0]))
        return np.ceil(days).astype(np.int64)

    def rows(self, rows: slice) -> Self:
        """Some of the paths, in the same memory.

        Parameters
        ----------
        rows : slice
            Of the paths.

        Returns
        -------
        Engagements
        """

        def part(demand: InterceptorDemand) -> InterceptorDemand:
            by_layer = {name: getattr(demand, name)[:, rows] for name in (*_BY_LAYER, "leakers_by_kind")}
            return replace(demand, **by_layer, **{name: getattr(demand, name)[rows] for name in _LEAKING})

        return type(self)(
            actual=part(self.actual),
            unlimited=part(self.unlimited),
            stocks=tuple(
                StockOutlook(stock.layer_id, *(getattr(stock, name)[rows] for name in _BY_STOCK))
                for stock in self.stocks
            ),
            draws=tuple({quantity: values[rows] for quantity, values in draw.items()} for draw in self.draws),
            kinds=self.kinds,
            warhead_kg=None if self.warhead_kg is None else self.warhead_kg[:, rows],
            raid=self.raid and self.raid.rows(rows),
        )

    def totals(self, through: Sequence[int] = ()) -> "EngagementTotals":
        """Sums over the first nights.

        Parameters
        ----------
        through : sequence of int
            Nights 1 to n for each n; empty for the whole horizon.

        Returns
        -------
        EngagementTotals
            One total for each n.

        Raises
        ------
        InputError
            For an n that is not between 1 and the horizon.
        """
        horizon = self.actual.leakers.shape[-1]
        through = tuple(through) or (horizon,)
        if outside := [n_days for n_days in through if not 1 <= n_days <= horizon]:
            raise InputError(f"a total of {outside[0]} days: expected 1 to the horizon, {horizon}")

        def summed(nights: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.stack([nights[..., :n_days].sum(axis=-1, dtype=np.int64) for n_days in through])

        free = np.zeros(self.actual.leakers.shape[0])
        prices = np.stack([draw.get("unit_cost_usd", free) for draw in self.draws])

        def totals(demand: InterceptorDemand) -> DemandTotals:
            sums = {name: summed(getattr(demand, name)) for name in (*_BY_LAYER, *_LEAKING, "leakers_by_kind")}
            return DemandTotals(cost_usd=prices * sums["interceptors"].astype(np.float64), **sums)

        ends = [n_days - 1 for n_days in through]
        return EngagementTotals(
            layer_ids=self.actual.layer_ids,
            through=through,
            actual=totals(self.actual),
            unlimited=totals(self.unlimited),
            stocks=tuple(
                StockTotals(
                    stock.layer_id,
                    opening=stock.opening,
                    supplied=stock.supplied[:, ends].T,
                    shortfall=stock.shortfall,
                    days_of_supply=stock.days_of_supply,
                )
                for stock in self.stocks
            ),
        )


_BY_LAYER = ("engagements", "kills", "decoy_kills", "interceptors", "unmet")
_LEAKING = ("leakers", "decoy_leakers")
_BY_STOCK = ("opening", "supplied", "used", "needed", "wanted")


@dataclass(frozen=True, eq=False, kw_only=True)
class DemandTotals(DefenceCounts):
    """Summed over nights: (n_totals, n_layers, n_paths), leakers and decoy_leakers (n_totals, n_paths), leakers_by_kind
    (n_totals, n_kinds, n_paths).

    cost_usd: (n_totals, n_layers, n_paths) US dollars for the interceptors used, at the price that the path has drawn.
    """

    cost_usd: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StockTotals:
    """`StockOutlook` without its nights: opening, shortfall and days_of_supply (n_paths,), over the whole horizon, and
    supplied (n_totals, n_paths)."""

    layer_id: str
    opening: NDArray[np.int64]
    supplied: NDArray[np.int64]
    shortfall: NDArray[np.int64]
    days_of_supply: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EngagementTotals:
    """`Engagements` summed over the nights 1 to n, for each n in `through`."""

    layer_ids: tuple[str, ...]
    through: tuple[int, ...]
    actual: DemandTotals
    unlimited: DemandTotals
    stocks: tuple[StockTotals, ...]

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The totals of all the paths, in the order of the parts."""
        first = parts[0]
        return cls(
            first.layer_ids,
            first.through,
            _joined([part.actual for part in parts]),
            _joined([part.unlimited for part in parts]),
            tuple(_joined([part.stocks[number] for part in parts]) for number in range(len(first.stocks))),
        )


_Totals = TypeVar("_Totals", DemandTotals, StockTotals)


def _joined(parts: Sequence[_Totals]) -> _Totals:
    names = [each.name for each in fields(parts[0]) if each.name != "layer_id"]
    together: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in names
    }
    return replace(parts[0], **together)
