"""What money buys: the fewest leakers, and the least risk that any layer runs out, for each budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from forecasting.orders.effect import Effect, Trials, effect
from forecasting.orders.mix import Loss, Market, Mix, bought, buying_order, least_loss, least_of, undominated

Array = NDArray[np.float64]

LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Service levels of each layer, from whose orders the search for the least joint risk starts."""


@dataclass(frozen=True, eq=False)
class FrontierPoint:
    """A mix on the frontier, as the engine evaluates it. saved: what it does beside no order. joint_risk: see
    `forecasting.orders.effect.OrderWorth`."""

    quantities: Mix
    cost_usd: float
    leakers: float
    joint_risk: float
    saved: Effect


def evaluated(trials: Trials, market: Market, mixes: Sequence[Mix]) -> list[FrontierPoint]:
    """Each of the mixes."""
    without, *outcomes = trials([np.zeros_like(market.most), *mixes])
    return [
        FrontierPoint(
            mix,
            market.cost(mix),
            float(outcome.leakers.mean()),
            outcome.joint_risk,
            effect(without, outcome, int(mix.sum()), market.cost(mix)),
        )
        for mix, outcome in zip(mixes, outcomes, strict=True)
    ]


def mean_leakers(trials: Trials) -> Loss:
    """Of mixes, over the paths of the trials."""
    return lambda mixes: [float(outcome.leakers.mean()) for outcome in trials(mixes)]


def budgets_up_to(most_usd: float, n_points: int) -> list[float]:
    """Closer together where money is short, as each million buys less than the one before."""
    return [most_usd * ((number + 1) / n_points) ** 2 for number in range(n_points)]


def leaker_mixes(
    search: Trials, market: Market, shortages: NDArray[np.int64], n_points: int, *, steps: int
) -> list[Mix]:
    """The mixes of the fewest leakers for rising budgets, from no order on; some may be dominated.

    search: trials on few paths, on which mixes are looked for. shortages: (n_layers, n_paths) interceptors that a path
    lacks. steps: of the exchange, see `forecasting.orders.mix.least_loss`.
    """
    loss, nothing = mean_leakers(search), np.zeros_like(market.most)
    order = buying_order(loss, market, shortages)
    top = sum((pieces * float(market.unit_cost_usd[layer]) for layer, pieces in order), start=0.0)
    budgets = budgets_up_to(top, n_points - 1) if top else []
    firsts, mixes = [bought(order, market, budget) for budget in budgets], [nothing]
    loss(firsts)  # together they take less time than one after the other, and are remembered
    for budget, first in zip(budgets, firsts, strict=True):
        mixes.append(least_loss(loss, market, budget, [least_of(loss, [first, mixes[-1]])], steps=steps))
    return mixes


def risk_mixes(
    market: Market, least_orders: NDArray[np.int64], short_before: NDArray[np.bool_], n_points: int
) -> list[Mix]:
    """The mixes of the least joint risk for rising budgets, likewise.

    They are looked for among what each layer needs by itself; see `forecasting.orders.ordering.Cover` for the arrays,
    (n_layers, n_paths).
    """
    late, n_paths, nothing = _bits(np.any(short_before, axis=0)), short_before.shape[1], np.zeros_like(market.most)

    @cache
    def short(layer: int, pieces: int) -> int:
        """The paths, as bits: most mixes that are tried differ in one layer or two."""
        return _bits(least_orders[layer] > pieces)

    def risk(mix: Mix) -> float:
        some: int = late
        for layer, pieces in enumerate(mix.tolist()):
            some |= short(layer, pieces)
        share: float = some.bit_count() / n_paths
        return share

    def loss(tried: Sequence[Mix]) -> list[float]:
        return [risk(mix) for mix in tried]

    levels = [
        np.minimum(
            -(-np.quantile(least_orders, level, axis=1, method="inverted_cdf").astype(np.int64) // market.pack_size)
            * market.pack_size,
            market.most,
        )
        for level in LEVELS
    ]
    mixes = [nothing]
    for budget in budgets_up_to(market.cost(levels[-1]), n_points - 1) if levels[-1].any() else []:
        within = [mix for mix in (nothing, *levels) if market.cost(mix) <= budget]
        mixes.append(least_loss(loss, market, budget, [least_of(loss, [*within, mixes[-1]])], steps=3))
    return mixes


def _bits(values: NDArray[np.bool_] | np.bool_) -> int:
    """One for each of the values, for many of which this is far quicker to join and to count."""
    return int.from_bytes(np.packbits(values).tobytes(), "big")


def frontier(points: Sequence[FrontierPoint], *, by_risk: bool) -> tuple[FrontierPoint, ...]:
    """Those of the points that no other dominates, the cheapest first: in joint risk, or else in leakers."""
    losses = [each.joint_risk if by_risk else each.leakers for each in points]
    return tuple(points[index] for index in undominated([each.cost_usd for each in points], losses))


def nearest(points: Sequence[FrontierPoint], cost_usd: float) -> tuple[FrontierPoint | None, FrontierPoint | None]:
    """The last point that costs no more, and the first that costs more."""
    below = [each for each in points if each.cost_usd <= cost_usd]
    above = [each for each in points if each.cost_usd > cost_usd]
    return (below[-1] if below else None), (above[0] if above else None)
