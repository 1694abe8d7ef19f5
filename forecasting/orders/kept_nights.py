"""What of the nights of a large plan is kept as they pass by: what orders have to cover, and the nights of the first
paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.defence.summed import joined
from forecasting.orders.ordering import Cover, cover_of

NIGHTS_KEPT = 1_000_000
"""Paths times attack days that are kept night by night: each layer holds some ten whole numbers for each of them."""


@dataclass(eq=False)
class KeptNights:
    """Told of a few blocks of paths at a time, as `forecasting.defence.engagement.engage` meets them.

    covered: layers whose orders are looked at. end: nights of the horizon that is planned for. n_first: paths whose
    nights are kept, at least, in whole parts.
    """

    defence: Defence
    covered: tuple[str, ...]
    end: int
    n_first: int
    _first: list[Engagements] = field(default_factory=list)
    _covers: list[Mapping[str, Cover]] = field(default_factory=list)
    _n_kept: int = 0

    def __call__(self, nights: Engagements) -> None:
        self._covers.append(covers(nights, self.defence, self.covered, self.end))
        if self._n_kept < self.n_first:
            self._first.append(nights)
            self._n_kept += len(nights.actual.leakers)

    @property
    def first(self) -> Engagements:
        """The first paths, night by night."""
        return joined(self._first)

    @property
    def covers(self) -> dict[str, Cover]:
        """Id of a layer -> what its order has to do on all paths."""
        return {name: Cover.joined([part[name] for part in self._covers]) for name in self._covers[0]}


def covers(met: Engagements, defence: Defence, layers: tuple[str, ...], end: int) -> dict[str, Cover]:
    """Id of each of these layers that has a stock -> see `forecasting.orders.ordering.cover_of`."""
    return {
        stock.layer_id: cover_of(
            stock, defence.layer(stock.layer_id), met.lead_time(defence.ids.index(stock.layer_id)), end
        )
        for stock in met.stocks
        if stock.layer_id in layers
    }
