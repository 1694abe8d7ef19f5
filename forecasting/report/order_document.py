"""The published form of what a plan says to buy: orders, rules of thumb beside them, and the least-cost mix."""

import math
from typing import TYPE_CHECKING

from pydantic import Field

from features.messages import Message
from forecasting.report.parts import Document
from forecasting.salvos.spread import StatedError, stated_error

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from forecasting.defence.layers import DefenceLayer
    from forecasting.orders.ordering import InterceptorOrder
    from forecasting.orders.rules_of_thumb import LayerRules
    from forecasting.orders.target import Required


class OrderDocument(Document):
    """What to order of a layer's interceptor, now, so that its stock lasts at the service level from the arrival of the
    order to the next one's."""

    quantity: int
    quantity_error: StatedError = None
    cost_usd_low: float
    cost_usd_mode: float
    cost_usd_high: float
    lead_time_days_low: int = Field(description="whole nights before it can be used; 0: in hand at the origin")
    lead_time_days_high: int
    lead_time_stated: bool | None = Field(default=None, description="false: to be in hand on day 1, as none is stated")
    review_days: int | None = Field(description="until the next order arrives; null: to the end of the horizon")
    minimum_stock: int
    unavoidable_shortage: float = Field(description="probability that the stock is out before any order can arrive")
    stock_out_probability: float = Field(description="with the order, before its arrival or after")


class RuleDocument(Document):
    """What planners order without a model. stock_out_probability: with it, until the next order arrives."""

    rule: Message
    quantity: int
    cost_usd: float
    stock_out_probability: float


class RulesDocument(Document):
    """Rules of thumb for the layer whose interceptors kill most."""

    layer: str
    nights: int = Field(description="that an order has to cover")
    rules: list[RuleDocument]


class MixPart(Document):
    """Interceptors to buy of one layer."""

    layer: str
    quantity: int
    cost_usd: float


class RequirementDocument(Document):
    """The least-cost mix with which the armed leakers stay, on average, at or below the target."""

    leak_target: float
    budget_usd: float | None = Field(description="null: any")
    met: bool
    obstacle: Message | None = Field(description="which limit binds, and by how much; null where the target is met")
    cost_usd: float
    leakers: float = Field(description="armed drones over the horizon with the mix, on average")
    leakers_without_order: float | None = Field(default=None, description="the same with nothing bought")
    leakers_avoided_error: float | None = Field(default=None, description="standard error of the difference of the two")
    joint_risk: float | None = Field(default=None, description="with the mix, that some layer runs out")
    leaker_price_usd: float | None = Field(description="what one armed leaker fewer costs; null where not met")
    mix: list[MixPart]
    worth: list[Message] = Field(description="what the limits are worth, the largest first")


def order_document(order: "InterceptorOrder", layer: "DefenceLayer") -> OrderDocument:
    """The published form of an order of that layer."""
    lead_time = layer.lead_time_days
    return OrderDocument(
        quantity=order.quantity,
        quantity_error=stated_error(order.quantity_error),
        cost_usd_low=order.cost_usd[0],
        cost_usd_mode=order.cost_usd[1],
        cost_usd_high=order.cost_usd[2],
        lead_time_days_low=math.ceil(lead_time.low) if lead_time else 0,
        lead_time_days_high=math.ceil(lead_time.high) if lead_time else 0,
        lead_time_stated=lead_time is not None,
        review_days=layer.review_days,
        minimum_stock=layer.minimum_stock,
        unavoidable_shortage=order.unavoidable_shortage,
        stock_out_probability=order.stock_out_probability,
    )


def rules_document(made: "LayerRules") -> RulesDocument:
    """The published form of the rules of thumb."""
    return RulesDocument(
        layer=made.layer_id,
        nights=made.nights,
        rules=[
            RuleDocument(
                rule=rule.rule,
                quantity=rule.quantity,
                cost_usd=rule.cost_usd,
                stock_out_probability=rule.stock_out_probability,
            )
            for rule in made.rules
        ],
    )


def requirement_document(required: "Required", layers: "tuple[DefenceLayer, ...]") -> RequirementDocument:
    """The published form of the least-cost mix over these layers."""
    found, target, error = required.found, required.target, required.evaluated.saved.leakers_error
    return RequirementDocument(
        leak_target=target.leakers,
        budget_usd=None if math.isinf(target.budget_usd) else target.budget_usd,
        met=found.met,
        obstacle=found.obstacle,
        cost_usd=found.cost_usd,
        leakers=found.leakers,
        leakers_without_order=found.leakers + required.evaluated.saved.leakers,
        leakers_avoided_error=None if math.isnan(error) else error,
        joint_risk=required.evaluated.joint_risk,
        leaker_price_usd=None if math.isnan(found.leaker_price_usd) else found.leaker_price_usd,
        mix=[
            MixPart(layer=layer.id, quantity=int(quantity), cost_usd=float(quantity) * layer.unit_cost_usd.mode)
            for layer, quantity in zip(layers, found.quantities, strict=True)
            if layer.unit_cost_usd is not None
        ],
        worth=list(required.worth),
    )
