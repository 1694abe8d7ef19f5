"""How much to order for a service level."""

import math

import numpy as np

from features.errors import InputError
from forecasting.layers import Defence
from forecasting.types import InterceptorOrder, StockOutlook


def check_service_level(service_level: float) -> None:
    """Raises InputError where it is not between 0 and 1."""
    if not 0 < service_level < 1:
        raise InputError(
            f"service level is {service_level}: expected more than 0 and less than 1, such as 0.95 "
            "(no stock covers every path with certainty)"
        )


def order_for_horizon(outlook: StockOutlook, defence: Defence, service_level: float) -> InterceptorOrder:
    """The least whole order, in hand at the origin, with P(no stock-out over the horizon) >= service_level.

    The sample quantile of the shortfall over the paths (StockOutlook.shortfall): the base stock of an order-up-to
    policy under a sampled lead-time demand (Snyder and Shen 2019, Fundamentals of Supply Chain Theory, 4.3.2).
    Raises InputError where service_level is not between 0 and 1.
    """
    check_service_level(service_level)
    shortfall = np.sort(outlook.shortfall)
    # The smallest sample value that at least this share of the paths does not exceed; no interpolation below it.
    rank = max(1, math.ceil(service_level * shortfall.size - 1e-9))
    quantity = int(shortfall[rank - 1])
    unit_cost = next(layer for layer in defence.layers if layer.id == outlook.layer_id).unit_cost_usd
    assert unit_cost is not None
    return InterceptorOrder(
        layer_id=outlook.layer_id,
        quantity=quantity,
        service_level=service_level,
        cost_usd=(quantity * unit_cost.low, quantity * unit_cost.mode, quantity * unit_cost.high),
    )
