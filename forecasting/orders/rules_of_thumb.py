"""What planners order without a model, beside what the paths say about it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.errors import InputError
from features.history import LaunchHistory
from features.messages import Message
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.defence.trials import covered_until
from forecasting.orders.ordering import Cover
from forecasting.salvos.forecast import SalvoForecast

MONTH = 28
"""Attack days with a report that the rule "last month plus 20 %" looks back on."""


@dataclass(frozen=True, slots=True)
class RuleOfThumb:
    """One rule's order. rule: which. stock_out_probability: share of the paths that run out with it before the
    next one arrives."""

    rule: Message
    quantity: int
    cost_usd: float
    stock_out_probability: float


def rules_of_thumb(
    needs: Cover,
    *,
    nights: int,
    drones: float,
    used_last_month: float,
    days_last_month: int,
    in_hand_and_due: float,
    unit_cost_usd: float,
) -> tuple[RuleOfThumb, ...]:
    """What each rule wants to have for the nights to cover, less what is in hand and due by then on average.

    needs: see `forecasting.orders.ordering.cover`. nights: that it covers, lead time and review period. drones:
    expected in these nights, decoys included. used_last_month: interceptors that the days_last_month days before the
    origin took. in_hand_and_due: opening stock and all deliveries by the last of the nights, on average. Raises
    InputError where one of the numbers is negative or there is no day.
    """
    if min(nights, days_last_month) < 1 or not all(each >= 0 for each in (drones, used_last_month, unit_cost_usd)):
        raise InputError(
            f"rules of thumb for {nights} nights, {drones} drones, {used_last_month} interceptors used in "
            f"{days_last_month} days at {unit_cost_usd} USD: expected at least one night and day, and 0 or more else"
        )
    wanted = (
        (Message.of("two_per_drone"), 2.0 * drones),
        (Message.of("thousand_a_day"), 1_000.0 * nights),
        (Message.of("last_month_plus_fifth"), 1.2 * used_last_month * nights / days_last_month),
    )
    quantities = [(rule, int(np.ceil(max(level - in_hand_and_due, 0.0) - 1e-9))) for rule, level in wanted]
    return tuple(
        RuleOfThumb(rule, quantity, quantity * unit_cost_usd, needs.stock_out_probability(quantity))
        for rule, quantity in quantities
    )


@dataclass(frozen=True)
class LayerRules:
    """What the rules of thumb would order of a layer. nights: that the order has to cover."""

    layer_id: str
    nights: int
    rules: tuple[RuleOfThumb, ...]


def layer_rules(
    defence: Defence,
    salvos: SalvoForecast,
    history: LaunchHistory,
    engagements: Engagements,
    covers: Mapping[str, Cover],
    end: int,
) -> LayerRules | None:
    """Of the layer that kills most, of those whose orders are looked at: the rules speak of the interceptor that meets
    most drones. covers: id of a layer -> what its order has to do.

    What it used last month is not reported: it is what the paths need per drone, for the drones of the last MONTH days.
    """
    met = engagements.unlimited
    kills = met.kills.sum(axis=(1, 2)) + met.decoy_kills.sum(axis=(1, 2))
    stocked = [index for index, layer in enumerate(defence.layers) if layer.id in covers]
    if not stocked:
        return None
    index = max(stocked, key=lambda each: kills[each])
    layer = defence.layers[index]
    stock = next(stock for stock in engagements.stocks if stock.layer_id == layer.id)
    lead_time = engagements.lead_time(index)
    nights = int(covered_until(layer, np.median(lead_time), end))
    launched = max(float(salvos.paths.sum()), 1.0)
    last_month = history.known[-MONTH:]
    assert layer.unit_cost_usd is not None
    made = rules_of_thumb(
        covers[layer.id],
        nights=nights,
        drones=float(salvos.paths[:, :nights].sum(axis=1).mean()),
        used_last_month=float(stock.needed.sum()) / launched * float(last_month.sum()),
        days_last_month=max(last_month.size, 1),
        in_hand_and_due=float(stock.opening.sum() + stock.supplied_in_all[nights - 1]) / salvos.n_paths,
        unit_cost_usd=layer.unit_cost_usd.mode,
    )
    return LayerRules(layer.id, nights, made)
