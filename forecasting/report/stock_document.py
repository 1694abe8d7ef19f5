"""The published form of what a stock rests on."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from forecasting.report.parts import Document
from forecasting.salvos.spread import Spread, spread

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from forecasting.defence.layers import DefenceLayer
    from forecasting.plan import Plan

Basis = Annotated[
    Literal["request", "counted", "assumed"] | None,
    Field(
        default=None,
        exclude_if=lambda basis: basis is None,
        description="what it rests on: the request, which goes before a count, which goes before what the defence "
        "assumes; absent for a layer that uses no interceptors",
    ),
]


class CountDocument(Document):
    """The last count of a stock; opening_stock is what it was rolled forward to."""

    quantity: int
    counted_on: date
    known_on: date
    source: str
    age_days: int = Field(description="from the count to the origin")
    delivered: int = Field(description="of dated deliveries since")
    expected: Spread | None = Field(
        default=None, description="the count before it, rolled forward to its day; null where there is none"
    )
    expected_from: date | None = Field(default=None, description="the day of the count before it")


def stock_basis(plan: "Plan", layer: "DefenceLayer") -> Literal["request", "counted", "assumed"]:
    """What the stock of a layer rests on."""
    if any(each.layer_id == layer.id for each in plan.counted):
        return "counted"
    return "request" if layer.stock_is_counted else "assumed"


def count_document(plan: "Plan", layer_id: str) -> CountDocument | None:
    """The published form of the count that a stock starts from."""
    for each in plan.counted:
        if each.layer_id == layer_id:
            count = each.at_origin.count
            return CountDocument(
                quantity=count.quantity,
                counted_on=count.counted_on,
                known_on=count.known_on,
                source=count.source,
                age_days=each.at_origin.age_days,
                delivered=each.at_origin.delivered,
                expected=spread(each.checked.in_hand) if each.checked else None,
                expected_from=each.checked.count.counted_on if each.checked else None,
            )
    return None
