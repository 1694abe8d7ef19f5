"""Orders for the joint risk: the cheapest with which no layer runs out, at a service level of all together.

Between the arrival of its order and the next no layer is short where each has ordered what its path needs; what the
mixes of quantities do is counted over the paths, and they are exchanged (`forecasting.orders.mix`) from the quantiles
of each layer at the one level that is enough.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from forecasting.defence.layers import Defence
from forecasting.orders.mix import Market, Mix, first_that_reach, least_cost
from forecasting.orders.ordering import (
    Cover,
    InterceptorOrder,
    check_service_level,
    least_order,
    order_of,
)


def orders_for_horizon(
    covers: Mapping[str, Cover], defence: Defence, service_level: float, *, joint: bool
) -> tuple[InterceptorOrder, ...]:
    """The least orders at a service level: of each stock by itself, or jointly of all together.

    covers: id of a layer -> what its order has to do.
    """
    if joint:
        return joint_orders([*covers.items()], defence, service_level)
    return tuple(least_order(needs, defence.layer(name), service_level) for name, needs in covers.items())


def joint_orders(
    covers: Sequence[tuple[str, Cover]], defence: Defence, service_level: float
) -> tuple[InterceptorOrder, ...]:
    """The least-cost orders found with P(no layer has a stock-out from its order's arrival on) >= service_level.

    covers: id of a layer, and what its order has to do. Raises InputError where service_level is not between 0 and 1.
    """
    check_service_level(service_level)
    if not covers:
        return ()
    layers = [defence.layer(name) for name, _ in covers]
    needs = np.stack([cover.least_order for _, cover in covers])
    prices = np.array([layer.unit_cost_usd.mode if layer.unit_cost_usd else 0.0 for layer in layers])
    market = Market.of(prices, np.array([layer.pack_size for layer in layers]), needs.max(axis=1))
    rising, n_paths = np.sort(needs, axis=1), needs.shape[1]
    goal = 1.0 - service_level + 1e-9

    def risk(mixes: Sequence[Mix]) -> list[float]:
        return [float((needs > mix[:, np.newaxis]).any(axis=0).mean()) for mix in mixes]

    def alike(rank: int) -> Mix:
        mix: Mix = -(-rising[:, rank] // market.pack_size) * market.pack_size
        return mix

    (start,) = first_that_reach(risk, goal, [(alike, n_paths - 1)])
    assert start is not None
    mix = least_cost(risk, market, goal, [start, market.most])
    return tuple(
        order_of(cover, layer, int(quantity), service_level, float((cover.least_order <= quantity).mean()))
        for (_, cover), layer, quantity in zip(covers, layers, mix, strict=True)
    )
