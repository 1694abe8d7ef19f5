"""Outcomes without their nights, for more paths than memory holds night by night: the same figures of each path."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from forecasting.defence.outcome import DefenceCounts, Engagements, InterceptorDemand, RaidOutcome, StockOutlook

Joined = TypeVar("Joined")


@dataclass(frozen=True, eq=False, kw_only=True)
class SummedStock(StockOutlook):
    """A stock of which `supplied`, `used` and `needed` are of all nights together, (n_paths, 1).

    Parameters
    ----------
    lacking : (n_paths,) array of int64
        What `shortfall` was.
    lasting : (n_paths,) array of float
        What `days_of_supply` was.
    delivered : (horizon,) array of int64
        What `supplied_in_all` was.
    """

    lacking: NDArray[np.int64]
    lasting: NDArray[np.float64]
    delivered: NDArray[np.int64]

    @classmethod
    def of(cls, stock: StockOutlook) -> Self:
        """The stock without its nights."""
        return cls(
            layer_id=stock.layer_id,
            opening=stock.opening,
            supplied=stock.supplied[:, -1:].copy(),  # a view would keep all nights
            used=_summed(stock.used),
            needed=_summed(stock.needed),
            lacking=stock.shortfall,
            lasting=stock.days_of_supply,
            delivered=stock.supplied_in_all,
        )

    @property
    def shortfall(self) -> NDArray[np.int64]:
        """See `StockOutlook`."""
        return self.lacking

    @cached_property
    def days_of_supply(self) -> NDArray[np.float64]:
        """See `StockOutlook`."""
        return self.lasting

    @property
    def supplied_in_all(self) -> NDArray[np.int64]:
        """See `StockOutlook`."""
        return self.delivered


def without_nights(met: Engagements) -> Engagements:
    """What the nights come to on each path, as if they were one; stocks that last or do not as before."""

    def summed(demand: InterceptorDemand) -> InterceptorDemand:
        arrays = {each.name: _summed(getattr(demand, each.name)) for each in fields(DefenceCounts)}
        return InterceptorDemand(layer_ids=demand.layer_ids, **arrays)

    return replace(
        met,
        actual=summed(met.actual),
        unlimited=summed(met.unlimited),
        stocks=tuple(map(SummedStock.of, met.stocks)),
    )


def joined(parts: Sequence[Engagements]) -> Engagements:
    """Of paths that follow each other, with their nights or all of them without."""
    first = parts[0]
    if len(parts) == 1:
        return first
    masses = [part.warhead_kg for part in parts if part.warhead_kg is not None]
    raids = [part.raid for part in parts if part.raid is not None]
    return Engagements(
        actual=_joined([part.actual for part in parts], leakers=0, decoy_leakers=0),
        unlimited=_joined([part.unlimited for part in parts], leakers=0, decoy_leakers=0),
        stocks=tuple(_joined_stock(stocks) for stocks in zip(*(part.stocks for part in parts), strict=True)),
        draws=tuple(
            {quantity: np.concatenate([part.draws[layer][quantity] for part in parts]) for quantity in drawn}
            for layer, drawn in enumerate(first.draws)
        ),
        kinds=first.kinds,
        warhead_kg=np.concatenate(masses, axis=1) if masses else None,
        raid=_joined_raid(raids) if raids else None,
    )


def _summed(nights: NDArray[np.int64]) -> NDArray[np.int64]:
    """(..., n_paths, 1)."""
    total: NDArray[np.int64] = nights.sum(axis=-1, keepdims=True)
    return total


def _joined(parts: Sequence[Joined], axis: int = 1, **of_field: int) -> Joined:
    """Of the same class, each of whose arrays has the paths on this axis, or on its own."""
    arrays: dict[str, Any] = {}
    for each in fields(parts[0]):  # type: ignore[arg-type]  # all are dataclasses
        values = [getattr(part, each.name) for part in parts]
        if isinstance(values[0], np.ndarray):
            arrays[each.name] = np.concatenate(values, axis=of_field.get(each.name, axis))
    return replace(parts[0], **arrays)  # type: ignore[type-var]


def _joined_stock(parts: Sequence[StockOutlook]) -> StockOutlook:
    stock = _joined(parts, axis=0)
    if isinstance(stock, SummedStock):
        delivered = np.sum([part.supplied_in_all for part in parts], axis=0)
        return replace(stock, delivered=delivered)
    return stock


def _joined_raid(parts: Sequence[RaidOutcome]) -> RaidOutcome:
    return RaidOutcome(
        np.concatenate([part.launched for part in parts], axis=1),
        *(_joined([getattr(part, side) for part in parts], axis=2, leakers=1) for side in ("actual", "unlimited")),
    )
