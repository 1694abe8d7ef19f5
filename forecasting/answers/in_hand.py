"""What a planner has in hand and is to get, as stated, counted and assumed: which of them a plan uses, and why.

What the request states goes before what was counted, and that before what the defence assumes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from features.errors import InputError, unknown_name
from features.messages import Message
from features.stocks import StockCount
from forecasting.answers.request import PlanRequest
from forecasting.defence.layers import Defence, DefenceLayer
from forecasting.defence.stock import Delivery, with_stock, with_supply, with_terms

OLDEST_COUNT = 365
"""Days that a count is rolled forward: an older one says less than a guess of today."""


@dataclass(frozen=True, slots=True)
class InHand:
    """The defence as a request states it, and what else is known of its stocks.

    Parameters
    ----------
    defence : Defence
        With stocks, supply and terms of the request in place of its own.
    deliveries : tuple of Delivery
        After the origin; of a layer that was counted, after its count.
    counts : tuple of StockCount
        To be rolled forward: of each layer the last, and the one before it.
    notes : tuple of Message
        What goes before what.
    """

    defence: Defence
    deliveries: tuple[Delivery, ...]
    counts: tuple[StockCount, ...]
    notes: tuple[Message, ...]


def as_stated(defence: Defence, request: PlanRequest, origin: date, known: Sequence[StockCount]) -> InHand:
    """The defence as a request states it.

    Parameters
    ----------
    defence : Defence
        As its file has it.
    request : PlanRequest
        What it states of layers.
    origin : date
        Of the plan.
    known : sequence of StockCount
        The counts that the plan may know of, none after the origin.

    Returns
    -------
    InHand

    Raises
    ------
    InputError
        For a layer that the defence does not have or that uses no interceptors, and for a delivery that is in hand.
    """
    stocked = {layer.id: layer for layer in defence.layers if layer.interceptor is not None}
    _check_layers(request, stocked)
    series: dict[str, list[StockCount]] = {}
    for count in sorted(known, key=lambda each: each.counted_on):
        if count.layer in stocked:
            series.setdefault(count.layer, []).append(count)
    counted = {layer: counts for layer, counts in series.items() if layer not in request.stock}
    last = {layer: counts[-1] for layer, counts in counted.items()}
    fresh = {layer: each for layer, each in last.items() if (origin - each.counted_on).days <= OLDEST_COUNT}
    for due in request.deliveries:
        _check_delivery(due.layer, due.date, origin, fresh.get(due.layer))
    notes = [
        Message.of("count_too_old", layer=layer, day=each.counted_on, n=(origin - each.counted_on).days)
        for layer, each in last.items()
        if layer not in fresh
    ]
    for layer, quantity in request.stock.items():
        notes.append(Message.of("stock_stated", layer=layer, count=quantity, **_stock_of(stocked[layer])))
        if layer in series:
            other = series[layer][-1]
            notes.append(Message.of("stock_stated_over_count", layer=layer, count=other.quantity, day=other.counted_on))
    for layer, supply in request.supply.items():
        amount, _, unit = supply.partition("/")
        assumed = stocked[layer].monthly_supply
        assert assumed is not None
        notes.append(
            Message.of(f"supply_a_{unit}", layer=layer, count=float(amount), low=assumed.low, high=assumed.high)
        )
    for layer in dict.fromkeys(due.layer for due in request.deliveries):
        assumed = stocked[layer].monthly_supply
        if layer not in request.supply and assumed is not None and assumed.high > 0:
            notes.append(Message.of("deliveries_beside_supply", layer=layer, low=assumed.low, high=assumed.high))
    if request.stock:
        defence = with_stock(defence, request.stock, origin)
    if request.supply:
        defence = with_supply(defence, request.monthly_supply, origin)
    if request.lead_time or request.pack_size or request.minimum_stock:
        defence = with_terms(defence, request.lead_time, request.pack_size, request.minimum_stock, origin)
    return InHand(
        defence,
        tuple(Delivery(due.layer, due.date, due.quantity) for due in request.deliveries),
        tuple(each for layer in fresh for each in _worth_rolling(counted[layer])),
        tuple(notes),
    )


def _worth_rolling(series: Sequence[StockCount]) -> Sequence[StockCount]:
    """The last count, and the one before it where that says something of it."""
    *_, last = series
    return [each for each in series[-2:] if (last.counted_on - each.counted_on).days <= OLDEST_COUNT]


def _check_layers(request: PlanRequest, stocked: dict[str, DefenceLayer]) -> None:
    named = [(field, name) for field in STATED_OF_LAYERS for name in getattr(request, field)]
    for field, name in [*named, *(("deliveries", due.layer) for due in request.deliveries)]:
        if name not in stocked:
            raise unknown_name("layer with interceptors", name, stocked, field=field)


STATED_OF_LAYERS = ("stock", "supply", "lead_time", "pack_size", "minimum_stock")
"""Fields of a request that state a number of each of some layers."""


def _check_delivery(layer: str, day: date, origin: date, count: StockCount | None) -> None:
    if day > origin or (count is not None and day > count.counted_on):
        return
    if count is not None:
        raise InputError(
            "deliveries: the delivery of {day} to layer {layer} is in the count of {counted} already: leave it out",
            field="deliveries",
            day=day,
            layer=layer,
            counted=count.counted_on,
        )
    raise InputError(
        "deliveries: the delivery of {day} to layer {layer} is not after the origin, {origin}: count it in the stock "
        "at the origin",
        field="deliveries",
        day=day,
        layer=layer,
        origin=origin,
    )


def _stock_of(layer: DefenceLayer) -> dict[str, float]:
    assert layer.stock is not None
    return {"low": layer.stock.low, "high": layer.stock.high}
