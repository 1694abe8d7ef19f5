"""The published form of a policy over the horizon: its levels, what it keeps to, and a calendar of its orders."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from forecasting.report.parts import Document
from forecasting.salvos.spread import Spread, spread

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from forecasting.orders.policy import PolicyYear


class PolicyLayerDocument(Document):
    """Of one layer, over the horizon. order_up_to: at the first review and at the last, on average over the paths."""

    layer: str
    order_up_to_first: float
    order_up_to_last: float
    cycle_service: float = Field(description="share of the times from one arrival to the next without a stock-out")
    fill_rate: float | None = Field(description="interceptors fired over needed; null where none is needed")
    orders: float = Field(description="reviews at which something is ordered, on average")
    ordered: Spread = Field(description="interceptors")
    cost_usd: Spread
    stock_at_end: Spread


class PolicyMonthDocument(Document):
    """Of one layer in one calendar month, or the part of it within the horizon."""

    first_day: date
    last_day: date
    layer: str
    ordered: Spread = Field(description="interceptors")
    cost_usd: Spread
    stock_at_end: Spread
    stock_out_probability: float = Field(description="on some night of the month")


class PolicyDocument(Document):
    """Orders at every review, each future by what it has shown until then. Costs are at the prices of the path."""

    kind: Literal["base_stock", "adjusted_base_stock", "reorder_point"]
    review_days: int
    service_level: float = Field(description="asked for of each layer's cycles, without regard to the budget")
    budget_usd: float | None = Field(description="at each review; null: any number")
    joint_service: float = Field(description="probability that no layer runs out between the first arrival and the end")
    cost_usd: Spread
    layers: list[PolicyLayerDocument]
    calendar: list[PolicyMonthDocument] = Field(description="month by month, layer by layer")


def policy_document(policy: "PolicyYear", origin: date) -> PolicyDocument:
    """The published form. origin: the day before the first night."""
    made, futures, levels = policy.simulated, policy.futures, policy.levels
    horizon = made.in_hand.shape[2]
    days = [origin + timedelta(days=1 + night) for night in range(horizon)]
    reviewed = np.arange(0, horizon, policy.review)
    prices = futures.unit_cost_usd
    cost = made.ordered.sum(axis=2) * prices
    needed = futures.needed.sum(axis=(1, 2))
    return PolicyDocument(
        kind=policy.kind,
        review_days=policy.review,
        service_level=policy.service_level,
        budget_usd=policy.budget_usd if np.isfinite(policy.budget_usd) else None,
        joint_service=made.joint_service,
        cost_usd=spread(cost.sum(axis=0)),
        layers=[
            PolicyLayerDocument(
                layer=layer,
                order_up_to_first=float(levels.up_to[index, 0].mean()),
                order_up_to_last=float(levels.up_to[index, -1].mean()),
                cycle_service=float(made.service[index]),
                fill_rate=1.0 - float(made.missing[index].sum() / needed[index]) if needed[index] else None,
                orders=float((made.ordered[index] > 0).sum(axis=1).mean()),
                ordered=spread(made.ordered[index].sum(axis=1)),
                cost_usd=spread(cost[index]),
                stock_at_end=spread(made.in_hand[index, :, -1]),
            )
            for index, layer in enumerate(policy.layer_ids)
        ],
        calendar=[
            PolicyMonthDocument(
                first_day=days[nights[0]],
                last_day=days[nights[-1]],
                layer=layer,
                ordered=spread(bought := made.ordered[index][:, np.isin(reviewed, nights)].sum(axis=1)),
                cost_usd=spread(bought * prices[index]),
                stock_at_end=spread(made.in_hand[index, :, nights[-1]]),
                stock_out_probability=float(made.out[index][:, nights].any(axis=1).mean()),
            )
            for nights in _months(days)
            for index, layer in enumerate(policy.layer_ids)
        ],
    )


def _months(days: list[date]) -> list[NDArray[np.int64]]:
    """The nights of each calendar month."""
    month = np.array([day.year * 12 + day.month for day in days])
    return [np.flatnonzero(month == each) for each in np.unique(month)]
