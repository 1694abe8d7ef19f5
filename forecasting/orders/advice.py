"""What a plan says of its orders beside quantities: what they buy, what other money would, and what a kill costs."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.defence.trials import OrderTrials
from forecasting.orders.effect import OrderWorth, compared_orders, order_worth
from forecasting.orders.frontier import FrontierPoint, evaluated, frontier, leaker_mixes, risk_mixes
from forecasting.orders.information import Information, perfect_information
from forecasting.orders.mix import N_POINTS, Market, Mix
from forecasting.orders.ordering import Cover, InterceptorOrder

SEARCHED = 400
"""Paths that mixes are looked for on; what is found is evaluated on all of them."""
EXCHANGES = 0
"""Of the frontier of a plan: on the bundled defence they change the leakers by less than their standard error."""
SERVICE_LEVELS = (0.8, 0.9, 0.95, 0.99)
TENTH = 10
"""The next pieces are a tenth of the order, or of what a layer needs on average that nothing is ordered for."""


@dataclass(frozen=True, eq=False)
class ServicePoint:
    """The orders of all layers for one service level of each, evaluated."""

    service_level: float
    found: FrontierPoint


@dataclass(frozen=True, slots=True)
class CostExchange:
    """US dollars for the interceptors that a layer uses for each armed drone that it kills, on average; what is fired
    at decoys counts as well."""

    layer_id: str
    usd_per_armed_kill: float


@dataclass(frozen=True, eq=False)
class OrderAdvice:
    """See the module. frontier: of budget and leakers; risk_frontier: of budget and joint risk.

    information: what it is worth in US dollars to find out a number first, the most first, where a leaker is worth
    usd_per_leaker: what the order pays for each that it keeps away. Empty, and NaN, where the order has no measurable
    effect.
    """

    worth: OrderWorth
    frontier: tuple[FrontierPoint, ...]
    risk_frontier: tuple[FrontierPoint, ...]
    services: tuple[ServicePoint, ...]
    exchanges: tuple[CostExchange, ...]
    information: tuple[Information, ...]
    usd_per_leaker: float


def market_of(defence: Defence, engagements: Engagements, asked: Container[str]) -> Market:
    """What can be bought for the layers asked for: up to what the path that lacks most would use."""
    lacking = {
        stock.layer_id: int(stock.shortfall.max()) + defence.layer(stock.layer_id).minimum_stock
        for stock in engagements.stocks
        if stock.layer_id in asked
    }
    return Market.of(
        np.array([layer.unit_cost_usd.mode if layer.unit_cost_usd else 0.0 for layer in defence.layers]),
        np.array([layer.pack_size for layer in defence.layers]),
        np.array(
            [lacking.get(layer.id, 0) + (layer.minimum_stock if layer.id in lacking else 0) for layer in defence.layers]
        ),
    )


def order_advice(
    defence: Defence,
    engagements: Engagements,
    trials: OrderTrials,
    orders: Sequence[InterceptorOrder],
    covers: Mapping[str, Cover],
    launched: NDArray[np.int64] | None = None,
    n_points: int = N_POINTS,
) -> OrderAdvice | None:
    """For the orders of the layers whose covers are given; None where there is none.

    trials: filled by `engage` with the engagements. covers: id of a layer -> what its order has to do. n_points: of
    each frontier, at most.
    """
    if not covers:
        return None
    stocks = {stock.layer_id: stock for stock in engagements.stocks if stock.layer_id in covers}
    ids, number = defence.ids, {name: index for index, name in enumerate(defence.ids)}
    market = market_of(defence, engagements, covers)
    ordered, more = (np.zeros(len(ids), np.int64) for _ in range(2))
    for order in orders:
        index = number[order.layer_id]
        ordered[index] = order.quantity
        tenth = (order.quantity or float(stocks[order.layer_id].needed.sum(axis=1).mean())) / TENTH
        pack = int(market.pack_size[index])
        more[index] = max(int(np.ceil(tenth / pack)), 1) * pack
    # An order may be more than any path uses, where packs or a minimum stock ask for it.
    market = replace(market, most=np.maximum(market.most, ordered))
    n_paths = engagements.actual.leakers.shape[0]
    none: NDArray[np.int64] = np.zeros(n_paths, np.int64)
    rising = leaker_mixes(
        trials.first(SEARCHED),
        market,
        np.stack([stocks[name].shortfall if name in stocks else none for name in ids]),
        n_points,
        steps=EXCHANGES,
    )
    safer = risk_mixes(
        market,
        np.stack([covers[name].least_order if name in covers else none for name in ids]),
        np.stack([covers[name].short_before if name in covers else none > 0 for name in ids]),
        n_points,
    )
    services = [
        -(-np.array([covers[name].order_up_to(level) if name in covers else 0 for name in ids]) // market.pack_size)
        * market.pack_size
        for level in SERVICE_LEVELS
    ]
    # Together they take less time than one after the other, and are remembered.
    trials([*compared_orders(ordered, more), *rising, *safer, *services])
    worth = order_worth(trials, ids, ordered, market.unit_cost_usd, more)
    by_leakers = frontier(evaluated(trials, market, rising), by_risk=False)
    usd_per_leaker = worth.together.cost_usd / worth.together.leakers if worth.together.measurable else np.nan
    mixes = [ordered, *(each.quantities for each in by_leakers)]
    return OrderAdvice(
        worth=worth,
        frontier=by_leakers,
        risk_frontier=frontier(evaluated(trials, market, safer), by_risk=True),
        services=tuple(map(ServicePoint, SERVICE_LEVELS, evaluated(trials, market, services))),
        exchanges=tuple(_exchange(name, number[name], engagements) for name in stocks),
        information=tuple(
            _information(ids, engagements, trials, mixes, usd_per_leaker, launched) if worth.together.measurable else ()
        ),
        usd_per_leaker=usd_per_leaker,
    )


def _information(
    ids: Sequence[str],
    engagements: Engagements,
    trials: OrderTrials,
    mixes: Sequence[Mix],
    usd_per_leaker: float,
    launched: NDArray[np.int64] | None,
) -> list[Information]:
    """Of every number that a path draws once, for the choice between these mixes; a mix costs what the path's prices
    are, and a leaker usd_per_leaker. launched: (n_paths,) drones in all."""
    paths = slice(trials.n_paths)
    drawn = {
        (name, quantity): values[paths]
        for name, draws in zip(ids, engagements.draws, strict=True)
        for quantity, values in draws.items()
    }
    if launched is not None:
        drawn["", "launched"] = launched[paths].astype(np.float64)
    free = np.zeros(trials.n_paths)
    prices = np.stack([draws.get("unit_cost_usd", free)[paths] for draws in engagements.draws])
    utilities = [
        -(mix @ prices) - usd_per_leaker * outcome.leakers for mix, outcome in zip(mixes, trials(mixes), strict=True)
    ]
    return perfect_information(drawn, np.stack(utilities))


def _exchange(layer_id: str, index: int, engagements: Engagements) -> CostExchange:
    actual = engagements.actual
    usd = engagements.draws[index]["unit_cost_usd"] * actual.interceptors[index].sum(axis=1)
    kills = float(actual.kills[index].sum(axis=1).mean())
    return CostExchange(layer_id, float(usd.mean()) / kills if kills else float("nan"))
