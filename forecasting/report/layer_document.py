"""The published form of what one layer of a defence does and uses."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from forecasting.report.order_document import OrderDocument, order_document
from forecasting.report.parts import Document
from forecasting.report.raid_document import ClassUse, class_uses
from forecasting.report.stock_document import Basis, CountDocument, count_document, stock_basis
from forecasting.salvos.spread import Spread, StatedError, quantile, spread, standard_errors, stated_error

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from forecasting.defence.outcome import StockOutlook
    from forecasting.orders.ordering import InterceptorOrder
    from forecasting.plan import Plan


class LayerDocument(Document):
    """One layer over the whole horizon. What concerns interceptors is null for a layer that uses none."""

    layer: str
    name: str
    interceptor: str | None
    engagements: Spread
    drones_killed: Spread = Field(description="decoys included")
    interceptors_needed: Spread | None = Field(description="had every layer enough of them")
    interceptors_needed_at_service_level: int | None
    interceptors_needed_at_service_level_error: StatedError = None
    interceptors_used: Spread | None = Field(description="with the stock and supply there is")
    opening_stock: Spread | None
    stock_basis: Basis = None
    supply_basis: Basis = None
    count: CountDocument | None = Field(
        default=None,
        exclude_if=lambda count: count is None,
        description="that the stock starts from; absent where none",
    )
    supply: Spread | None = Field(description="delivered within the horizon")
    interceptors_used_cost_usd: Spread | None
    unmet_engagements: Spread | None = Field(description="that did not happen for want of interceptors")
    stock_at_end: Spread | None
    days_of_supply_median: float | None = Field(description="null: lasts beyond the horizon, or no stock")
    days_of_supply_p10: float | None = Field(description="one path in ten runs short sooner; null as above")
    stock_out_probability: float | None
    order: OrderDocument | None
    by_class: list[ClassUse] | None = Field(
        default=None, exclude_if=lambda uses: uses is None, description="of a raid: what each class takes"
    )


def layer_document(
    plan: "Plan",
    index: int,
    stock: "StockOutlook | None",
    order: "InterceptorOrder | None",
    cost_usd: NDArray[np.float64] | None,
) -> LayerDocument:
    """Of one layer of the plan. cost_usd: (n_paths,) of the interceptors used."""
    layer, actual = plan.defence.layers[index], plan.engagements.actual
    return LayerDocument(
        layer=layer.id,
        name=layer.name,
        interceptor=layer.interceptor,
        engagements=spread(actual.engagements[index].sum(axis=1)),
        drones_killed=spread((actual.kills[index] + actual.decoy_kills[index]).sum(axis=1)),
        interceptors_needed=spread(stock.needed.sum(axis=1)) if stock else None,
        interceptors_needed_at_service_level=(
            int(quantile(stock.needed.sum(axis=1), plan.service_level)) if stock else None
        ),
        interceptors_needed_at_service_level_error=(
            stated_error(standard_errors(stock.needed.sum(axis=1), [plan.service_level])[0]) if stock else None
        ),
        interceptors_used=spread(stock.used.sum(axis=1)) if stock else None,
        opening_stock=spread(stock.opening) if stock else None,
        stock_basis=stock_basis(plan, layer) if stock else None,
        supply_basis=("request" if layer.supply_is_stated else "assumed") if stock else None,
        count=count_document(plan, layer.id),
        supply=spread(stock.supplied[:, -1]) if stock else None,
        interceptors_used_cost_usd=spread(cost_usd) if stock and cost_usd is not None else None,
        unmet_engagements=spread(actual.unmet[index].sum(axis=1)) if stock else None,
        stock_at_end=spread(stock.at_end) if stock else None,
        days_of_supply_median=_days_of_supply(stock, 0.5),
        days_of_supply_p10=_days_of_supply(stock, 0.1),
        stock_out_probability=stock.stock_out_probability if stock else None,
        order=order_document(order, layer) if order else None,
        by_class=class_uses(plan, index, stock),
    )


def _days_of_supply(stock: "StockOutlook | None", probability: float) -> float | None:
    if stock is None:
        return None
    days = quantile(stock.days_of_supply, probability)
    return None if math.isinf(days) else days
