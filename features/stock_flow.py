"""What reaches the store of a theatre, as draws, and the account of the drones in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

Draws = NDArray[np.float64]
"""Floats by draw: (n_draws, n_days), or a column (n_draws, 1) for what does not change with the days."""

BY_DAY = ("armed", "decoys", "armed_as_stated", "decoys_as_stated", "struck", "transferred")
BY_DRAW = ("released", "opening", "minimum", "lost_before_launch", "drawdown")
"""The arrays of `SupplyDraws`, by their shape."""


@dataclass(frozen=True, eq=False)
class NewModel:
    """What one switch of model does. kind: of drone. share: (n_draws, n_days) of the armed drones that is of that kind
    at least. factors: (reach, kill_probability or interceptors; layer) -> (n_draws,) how many times that of the layer
    is what it is against the common armed drone. warhead_kg: (n_draws,) kilograms; None where it is not stated."""

    kind: str
    share: Draws
    factors: Mapping[tuple[str, str], Draws] = field(default_factory=dict)
    warhead_kg: Draws | None = None

    def pick(self, draws: NDArray[np.integer]) -> Self:
        """The draws of these numbers (n,), in this order."""
        return replace(
            self,
            share=self.share[draws],
            factors={key: ratio[draws] for key, ratio in self.factors.items()},
            warhead_kg=None if self.warhead_kg is None else self.warhead_kg[draws],
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The draws of all the parts, in their order."""
        first = parts[0]
        return cls(
            first.kind,
            np.concatenate([part.share for part in parts]),
            {key: np.concatenate([part.factors[key] for part in parts]) for key in first.factors},
            None
            if first.warhead_kg is None
            else np.concatenate([part.warhead_kg for part in parts if part.warhead_kg is not None]),
        )


@dataclass(frozen=True, eq=False)
class SupplyDraws:
    """What a scenario says of one theatre's supply, drawn. Drones per day of the theatre's part, (n_draws, n_days)
    unless said otherwise; day 0 is `first_day`, and the opening stock is there before anything else of it.

    armed, decoys: made and imported, before anything is held back. released: (n_draws,) share of them that goes into
    the store. armed_as_stated, decoys_as_stated: what goes into it for certain; the record does not weigh it, and none
    of it is held back or lost before launch. struck, transferred: drones that leave the store without being launched,
    as far as it has any.
    opening, minimum: (n_draws,) drones. lost_before_launch: (n_draws,) share. drawdown: (n_draws,) days.
    paused: (n_days,) whether nothing is launched. new_models: one for each switch of model.
    levels: assumption -> (n_draws,) the level 0 to 1 of its range that was drawn; what is certain has none.

    To replay a record, ask for `window(first, origin, opening)` or for all days; to follow a plan from an origin, for
    `window(origin + 1 day, last_day, stock at the origin)`, and for a draw per path with `pick`.
    """

    theatre: str
    first_day: date
    armed: Draws
    decoys: Draws
    armed_as_stated: Draws
    decoys_as_stated: Draws
    released: Draws
    struck: Draws
    transferred: Draws
    opening: Draws
    minimum: Draws
    lost_before_launch: Draws
    drawdown: Draws
    paused: NDArray[np.bool_]
    new_models: tuple[NewModel, ...] = ()
    levels: Mapping[str, Draws] = field(default_factory=dict)

    @property
    def n_draws(self) -> int:
        return int(self.armed.shape[0])

    @property
    def n_days(self) -> int:
        return int(self.armed.shape[1])

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=self.n_days - 1)

    @property
    def inflow(self) -> Draws:
        """(n_draws, n_days) drones that go into the store."""
        return self.weighed_inflow + self.as_stated

    @property
    def weighed_inflow(self) -> Draws:
        """(n_draws, n_days) the part of it that is not certain."""
        inflow: Draws = (self.armed + self.decoys) * self.released[:, np.newaxis]
        return inflow

    @property
    def as_stated(self) -> Draws:
        """(n_draws, n_days) the part of it that is."""
        certain: Draws = self.armed_as_stated + self.decoys_as_stated
        return certain

    def without_certain(self) -> Self:
        """The same without the part that is certain."""
        nothing = np.zeros_like(self.armed)
        return replace(self, armed_as_stated=nothing, decoys_as_stated=nothing)

    def window(self, first: date, last: date, opening: Draws | None = None) -> "SupplyDraws":
        """The days from first through last, with `opening` (n_draws,) drones in store before the first of them.

        None: the opening stock, where the window begins with the account. Raises InputError for days that were not
        drawn, or where the opening is missing.
        """
        if not self.first_day <= first <= last <= self.last_day:
            raise InputError(
                f"the supply from {first} to {last} is asked for: expected {self.first_day} to {self.last_day}"
            )
        if opening is None and first != self.first_day:
            raise InputError(f"the stock on {first} is missing: expected one, or a window from {self.first_day}")
        days = slice((first - self.first_day).days, (last - self.first_day).days + 1)
        return replace(
            self,
            **{name: getattr(self, name)[:, days] for name in BY_DAY},
            first_day=first,
            opening=self.opening if opening is None else opening,
            paused=self.paused[days],
            new_models=tuple(replace(model, share=model.share[:, days]) for model in self.new_models),
        )

    def pick(self, draws: NDArray[np.integer]) -> "SupplyDraws":
        """The draws of these numbers (n,), in this order; a draw may come several times."""
        return replace(
            self,
            **{name: getattr(self, name)[draws] for name in (*BY_DAY, *BY_DRAW)},
            new_models=tuple(model.pick(draws) for model in self.new_models),
            levels={key: level[draws] for key, level in self.levels.items()},
        )


@dataclass(frozen=True, eq=False)
class StockFlow:
    """The account of a store, (n, n_days) drones per day: nothing is negative, and every drone is accounted for:
    opening + inflow so far = stock + what was launched, lost before launch, struck and transferred so far.

    stock: at the end of the day.
    """

    launched: Draws
    lost_before_launch: Draws
    struck: Draws
    transferred: Draws
    stock: Draws


def stock_flow(supply: SupplyDraws, wanted: NDArray[np.float64] | NDArray[np.integer]) -> StockFlow:
    """The account of the store when `wanted` drones are to be launched each day: (n_draws, n_days), or (n_days,) for
    all draws alike.

    A day: the inflow comes in, strikes and transfers take theirs, then as many of the wanted drones are launched as the
    store above its minimum gives; whole drones where whole ones are wanted. Nothing is launched on a paused day. More
    drones are taken from the store than launched: some are lost before launch, but of those that are certain none is,
    which are launched first.
    Raises ValueError where a wanted number is negative or missing.
    """
    wanted = np.broadcast_to(np.asarray(wanted, dtype=np.float64), supply.armed.shape)
    if not (wanted >= 0).all():
        raise ValueError("wanted launches are negative or missing: expected a number of drones for every day")
    inflow, stated, to_strike, to_transfer, wanted = map(
        _by_day, (supply.weighed_inflow, supply.as_stated, supply.struck, supply.transferred, wanted)
    )
    launched, lost, struck, transferred, stocks = (np.empty(wanted.shape) for _ in range(5))
    usable = 1.0 - supply.lost_before_launch
    stock, certain = supply.opening, np.zeros_like(supply.opening)
    for day in range(supply.n_days):
        stock = stock + inflow[day]
        certain = certain + stated[day]
        struck[day] = hit = np.minimum(to_strike[day], stock)
        stock -= hit
        transferred[day] = gone = np.minimum(to_transfer[day], stock)
        stock -= gone
        want = 0.0 * stock if supply.paused[day] else wanted[day]
        given = np.minimum(want, certain + np.maximum(stock - supply.minimum, 0.0) * usable)
        np.floor(given, out=given, where=want == np.floor(want))
        free = np.minimum(given, certain)
        certain = certain - free
        # Rounding may ask for a hair more than there is.
        taken = np.minimum((given - free) / usable, stock)
        stock -= taken
        launched[day], lost[day], stocks[day] = given, taken - (given - free), stock + certain
    return StockFlow(*map(_by_day, (launched, lost, struck, transferred, stocks)))


def _by_day(values: Draws) -> Draws:
    """The other way round: what is gone through day by day lies day by day in memory."""
    return np.ascontiguousarray(values.T)


def sustained(supply: SupplyDraws, stock: Draws, first: date) -> Draws:
    """(n_draws, n_days) launches per day, from `first` through the last day of the supply, that stock and production
    sustain: the inflow, and the store above its minimum used up over the drawdown, less what is lost before launch.

    stock: (n_draws,) drones in store before `first`. Without inflow, the store above its minimum falls to 1/e in the
    drawdown. Nothing is launched on a paused day; what has piled up is there afterwards. What is certain goes the same
    way, without loss.
    """
    supply = supply.window(first, supply.last_day, stock)
    inflow, stated, struck, transferred = map(
        _by_day, (supply.weighed_inflow, supply.as_stated, supply.struck, supply.transferred)
    )
    launches = np.zeros(inflow.shape)
    used = -np.expm1(-1.0 / supply.drawdown)
    certain = np.zeros_like(stock)
    usable = 1.0 - supply.lost_before_launch
    for day, (made, came) in enumerate(zip(inflow, stated, strict=True)):
        stock = np.maximum(stock + made - struck[day] - transferred[day], 0.0)
        certain = certain + came
        if not supply.paused[day]:
            above = np.maximum(stock - supply.minimum, 0.0)
            taken = np.minimum(above, made + np.maximum(above - made, 0.0) * used)
            stock = stock - taken
            free = came + (certain - came) * used
            certain = certain - free
            launches[day] = taken * usable + free
    return _by_day(launches)
