"""The rules of thumb for the layer whose interceptors kill most."""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from features.history import LaunchHistory
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.defence.trials import covered_until
from forecasting.orders.ordering import cover_of
from forecasting.orders.rules_of_thumb import RuleOfThumb, rules_of_thumb
from forecasting.salvos.forecast import SalvoForecast

MONTH = 28
"""Attack days with a report that the rule "last month plus 20 %" and the armed share look back on."""


@dataclass(frozen=True)
class LayerRules:
    """What the rules of thumb would order of a layer. nights: that the order has to cover."""

    layer_id: str
    nights: int
    rules: tuple[RuleOfThumb, ...]


def rules_of_layer(
    defence: Defence,
    salvos: SalvoForecast,
    history: LaunchHistory,
    engagements: Engagements,
    asked: Container[str],
    end: int,
) -> LayerRules | None:
    """Of the layer with interceptors, of those asked for, that kills most: the rules speak of the interceptor that
    meets most drones. end: see `forecasting.orders.ordering.cover_of`. None where no layer uses interceptors.

    What it used last month is not reported: it is what the paths need per drone, for the drones of the last MONTH days.
    """
    met = engagements.unlimited
    kills = met.kills.sum(axis=(1, 2)) + met.decoy_kills.sum(axis=(1, 2))
    stocked = [
        index for index, layer in enumerate(defence.layers) if layer.interceptor is not None and layer.id in asked
    ]
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
        cover_of(stock, layer, lead_time, end),
        nights=nights,
        drones=float(salvos.paths[:, :nights].sum(axis=1).mean()),
        used_last_month=float(stock.needed.sum()) / launched * float(last_month.sum()),
        days_last_month=max(last_month.size, 1),
        in_hand_and_due=stock.opening + stock.supplied[:, nights - 1],
        unit_cost_usd=layer.unit_cost_usd.mode,
    )
    return LayerRules(layer.id, nights, made)
