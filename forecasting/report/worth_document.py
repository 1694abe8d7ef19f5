"""The published form of what orders buy: their effect, the frontier of cost, and what other service levels ask for."""

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from features.messages import Message
from forecasting.report.parts import Document

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from forecasting.defence.layers import Defence
    from forecasting.orders.advice import OrderAdvice
    from forecasting.orders.effect import Effect, LayerWorth
    from forecasting.orders.frontier import FrontierPoint
    from forecasting.orders.information import Information
    from forecasting.orders.target import MoneyMix


class EffectDocument(Document):
    """What so many interceptors more do, on the same random numbers, on average over the paths."""

    pieces: int
    cost_usd: float = Field(description="at the most likely price")
    leakers_avoided: float = Field(description="armed drones over the horizon")
    leakers_avoided_error: float | None = Field(description="standard error; null where there are too few paths")
    leakers_avoided_per_piece: float
    leakers_avoided_per_million_usd: float
    warhead_kg_avoided: float | None = Field(description="null where the defence states no mass")
    warhead_kg_avoided_error: float | None
    measurable: bool = Field(description="whether more leakers are avoided than twice the standard error")


class LayerWorthDocument(Document):
    """Of one layer. alone: its order and no other. more: the next pieces beside all orders."""

    layer: str
    alone: EffectDocument
    more: EffectDocument
    usd_per_armed_kill: float | None = Field(
        description="for the interceptors that the layer uses, by armed drone that it kills; null where it kills none"
    )


class FrontierPointDocument(Document):
    """A mix of interceptors, evaluated. quantities: layer -> interceptors."""

    by: Literal["leakers", "joint_risk"] = Field(description="which of the two is the least for the money")
    number: int = Field(description="of the points of its kind; 1: nothing ordered")
    cost_usd: float
    leakers: float
    leakers_avoided: float
    leakers_avoided_error: float | None
    joint_risk: float
    quantities: dict[str, int]


class ServiceLevelDocument(Document):
    """The orders of all layers for one service level of each."""

    service_level: float
    cost_usd: float
    leakers_avoided: float
    leakers_avoided_error: float | None
    joint_risk: float
    quantities: dict[str, int]


class InformationDocument(Document):
    """What it is worth to find out a number before the order is placed (expected value of perfect information), where a
    leaker is worth what the order pays for each that it keeps away. layer: "" for the drones launched."""

    layer: str
    quantity: str
    value_usd: float
    value_usd_error: float
    value_leakers: float


class OrderWorthDocument(Document):
    """What all orders of the plan buy together, and what other money would."""

    n_paths: int = Field(description="paths that orders were tried on")
    leakers_without_order: float
    together: EffectDocument
    joint_risk: float = Field(
        description="probability that some layer runs out, or below its minimum stock, before its next order arrives"
    )
    joint_risk_without_order: float
    drone_cost_usd: list[float] | None = Field(description="low, mode and high; null where the defence states none")
    says: list[Message]
    layers: list[LayerWorthDocument]
    frontier: list[FrontierPointDocument] = Field(description="rising in cost, first by leakers, then by joint risk")
    service_levels: list[ServiceLevelDocument]
    information: list[InformationDocument] = Field(description="worth more than four times the error, most first")


class MoneyMixDocument(Document):
    """The mix of the fewest armed leakers for the budget, evaluated. quantities: layer -> interceptors."""

    budget_usd: float
    cost_usd: float
    leakers_without_order: float
    leakers: float
    leakers_avoided: float
    leakers_avoided_error: float | None
    joint_risk: float
    quantities: dict[str, int]


def money_mix_document(mix: "MoneyMix", defence: "Defence") -> MoneyMixDocument:
    """The published form."""
    found = _of_point(mix.found, defence.ids)
    return MoneyMixDocument(
        budget_usd=mix.money_usd, leakers_without_order=mix.leakers, leakers=mix.found.leakers, **found
    )


def worth_document(advice: "OrderAdvice", defence: "Defence") -> OrderWorthDocument:
    """The published form."""
    worth, ids, cost = advice.worth, defence.ids, defence.drone_cost_usd
    per_kill = {each.layer_id: each.usd_per_armed_kill for each in advice.exchanges}
    return OrderWorthDocument(
        n_paths=worth.n_paths,
        leakers_without_order=worth.leakers,
        together=effect_document(worth.together),
        joint_risk=worth.joint_risk,
        joint_risk_without_order=worth.joint_risk_without,
        drone_cost_usd=[cost.low, cost.mode, cost.high] if cost else None,
        says=_said(advice),
        layers=[
            LayerWorthDocument(
                layer=each.layer_id,
                alone=effect_document(each.alone),
                more=effect_document(each.more),
                usd_per_armed_kill=_known(per_kill[each.layer_id]),
            )
            for each in worth.layers
        ],
        frontier=[
            *(_frontier_point("leakers", *each, ids) for each in enumerate(advice.frontier, 1)),
            *(_frontier_point("joint_risk", *each, ids) for each in enumerate(advice.risk_frontier, 1)),
        ],
        service_levels=[
            ServiceLevelDocument(service_level=each.service_level, **_of_point(each.found, ids))
            for each in advice.services
        ],
        information=[
            InformationDocument(
                layer=each.layer_id,
                quantity=each.quantity,
                value_usd=each.value,
                value_usd_error=each.error,
                value_leakers=each.value / advice.usd_per_leaker,
            )
            for each in advice.information
            if each.measurable
        ],
    )


def effect_document(found: "Effect") -> EffectDocument:
    """The published form of an effect."""
    return EffectDocument(
        pieces=found.pieces,
        cost_usd=found.cost_usd,
        leakers_avoided=found.leakers,
        leakers_avoided_error=_known(found.leakers_error),
        leakers_avoided_per_piece=found.leakers_per_piece,
        leakers_avoided_per_million_usd=found.leakers_per_million_usd,
        warhead_kg_avoided=_known(found.warhead_kg),
        warhead_kg_avoided_error=_known(found.warhead_kg_error),
        measurable=found.measurable,
    )


def _said(advice: "OrderAdvice") -> list[Message]:
    """What to read first: what the order buys, what other money would, and where the next is best spent."""
    from forecasting.orders.frontier import nearest

    worth, together, said = advice.worth, advice.worth.together, list[Message]()
    leakers, risk, without = worth.leakers, worth.joint_risk, worth.joint_risk_without
    if not together.pieces:
        said.append(Message.of("nothing_ordered", leakers=leakers, without=without))
    elif not together.measurable:
        cost_usd = together.cost_usd
        said.append(Message.of("order_no_effect", leakers=leakers, cost_usd=cost_usd, risk=risk, without=without))
    else:
        buys = Message.of(
            "order_buys",
            leakers=leakers,
            avoided=together.leakers,
            error=2.0 * together.leakers_error,
            each_usd=together.cost_usd / together.leakers,
            risk=risk,
            without=without,
        )
        said.append(buys)
        if not math.isnan(together.warhead_kg):
            said.append(Message.of("order_buys_mass", kg=together.warhead_kg, error=2.0 * together.warhead_kg_error))
    below, above = nearest(advice.frontier, together.cost_usd)
    if below and below.cost_usd and below.saved.measurable:
        less = Message.of("mix_below", cost_usd=below.cost_usd, avoided=below.saved.leakers, risk=below.joint_risk)
        said.append(less)
    if above and together.pieces and above.saved.measurable:
        more = Message.of("mix_above", cost_usd=above.cost_usd, avoided=above.saved.leakers, risk=above.joint_risk)
        said.append(more)
    ranked = sorted(worth.layers, key=_per_million, reverse=True)
    if ranked and ranked[0].more.measurable:
        best = ranked[0]
        said.append(
            Message.of(
                "next_best",
                layer=best.layer_id,
                pieces=best.more.pieces,
                cost_usd=best.more.cost_usd,
                avoided=best.more.leakers,
            )
        )
    elif ranked:
        said.append(Message.of("next_no_effect"))
    said += map(_first_question, [each for each in advice.information if each.measurable and each.layer_id][:1])
    return said


def _first_question(found: "Information") -> Message:
    """What to find out before the order is placed."""
    if found.quantity == "stock":
        return Message.of("count_first", layer=found.layer_id, usd=found.value)
    return Message.of("find_out_first", quantity=found.quantity, layer=found.layer_id, usd=found.value)


def _per_million(layer: "LayerWorth") -> float:
    return layer.more.leakers_per_million_usd if layer.more.measurable else 0.0


def _frontier_point(
    by: Literal["leakers", "joint_risk"], number: int, found: "FrontierPoint", ids: tuple[str, ...]
) -> FrontierPointDocument:
    return FrontierPointDocument(by=by, number=number, leakers=found.leakers, **_of_point(found, ids))


def _of_point(found: "FrontierPoint", ids: tuple[str, ...]) -> dict[str, Any]:
    return {
        "cost_usd": found.cost_usd,
        "leakers_avoided": found.saved.leakers,
        "leakers_avoided_error": _known(found.saved.leakers_error),
        "joint_risk": found.joint_risk,
        "quantities": {name: int(each) for name, each in zip(ids, found.quantities, strict=True) if each},
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
