"""Interceptors in hand: what comes in, what the nights take, and the lists of a planner's own numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError, unknown_name
from features.records import SHAHED
from features.scenario_parts import DAYS_PER_MONTH
from features.sources.cells import csv_rows, whole_count
from features.stated import LARGEST_NUMBER, Source, SourcedRange
from forecasting.defence.layers import COUNTED, STATED_SUPPLY, STOCKED, STOCKED_OPTIONAL, Defence, DefenceLayer

Array = NDArray[np.float64]
STATED_TERMS = "terms_stated"
"""The source of a lead time that a planner has stated."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Interceptors that come in once, beside the monthly supply.

    Parameters
    ----------
    layer_id : str
        Whose they are.
    day : date
        The attack day from whose night on they are in hand.
    quantity : int
        Interceptors.
    """

    layer_id: str
    day: date
    quantity: int


def opening_stock(layer: DefenceLayer, drawn: Mapping[str, Array]) -> Array:
    """(n_paths,) interceptors for the raid in hand at the origin; what was counted is counted for it."""
    share = 1.0 if layer.stock_is_counted else available_share(layer, drawn)
    opening: Array = np.rint(drawn["stock"] * share)
    return opening


def available_share(layer: DefenceLayer, drawn: Mapping[str, Array]) -> Array | float:
    """(n_paths,) the part of stock and supply that is for the classes that the layer meets, together."""
    names = ("available_share" if name == SHAHED else f"meets.{name}.available_share" for name in layer.classes)
    together: Array | float = np.minimum(sum(drawn.get(name, 1.0) for name in names), 1.0)
    return together


def supplied_by_night(
    horizon: int,
    monthly: Array,
    later: Array,
    ramp_months: Array,
    deliveries: Sequence[Delivery] = (),
    origin: date | None = None,
) -> NDArray[np.int64]:
    """(n_paths, horizon) whole interceptors that came in since the origin, by the start of each night.

    monthly, later: (n_paths,) interceptors per month at the origin and after the ramp; ramp_months: (n_paths,) length
    of the straight line between. deliveries: of the layer, each on a day after the `origin`, beside that production.
    """
    days = np.arange(1.0, horizon + 1)
    ramp = ramp_months[:, np.newaxis] * DAYS_PER_MONTH
    within = np.minimum(days, ramp)
    # The area under the rate: a triangle of the change while it lasts, all of the change afterwards.
    with np.errstate(invalid="ignore"):
        changed = np.where(ramp > 0, within * within / (2.0 * ramp), 0.0) + days - within
    per_day = monthly[:, np.newaxis] / DAYS_PER_MONTH
    grown = (later - monthly)[:, np.newaxis] / DAYS_PER_MONTH
    # 800 a week are 800 after a week, whatever the division by days has rounded away.
    supplied: NDArray[np.int64] = np.floor(per_day * days + grown * changed + 1e-6).astype(np.int64)
    for delivery in deliveries:
        assert origin is not None
        supplied[:, max((delivery.day - origin).days - 1, 0) :] += delivery.quantity
    return supplied


def available_by_night(opening: NDArray[np.int64], supplied: NDArray[np.int64], needed: Array) -> Array:
    """(n_paths, horizon) interceptors in hand at the start of each night, where every night takes what it needs as far
    as that goes.

    opening: (n_paths,); supplied: (n_paths, horizon) in all by the start of each night; needed: (n_paths, horizon) a
    night. A night that needs more takes what there is, and what it lacks is not made up for later: the drones have
    passed. So what is left after night t is y(t) - min(0, y(1), ..., y(t)), y what would be left could it be negative
    (Lindley 1952, The theory of queues with a single server). More stock never leaves less, and neither does less need.

    Five in hand, and three more on the third night. The second night takes all that is left:

    >>> available_by_night(np.array([5]), np.array([[0, 0, 3]]), np.array([[2.0, 9.0, 1.0]]))
    array([[5., 3., 3.]])
    """
    left = opening[:, np.newaxis] + supplied - np.cumsum(needed, axis=1)
    left -= np.minimum(np.minimum.accumulate(left, axis=1), 0.0)
    available: Array = np.empty(left.shape)
    available[:, 0] = opening + supplied[:, 0]
    np.add(left[:, :-1], supplied[:, 1:], out=available[:, 1:])
    available[:, 1:] -= supplied[:, :-1]
    return available


def parse_stock(text: str, file_name: str, defence: Defence) -> dict[str, int]:
    """A planner's own stocks, from CSV text with the columns layer and quantity.

    Parameters
    ----------
    text : str
        CSV with a header; columns in any order.
    file_name : str
        For errors.
    defence : Defence
        Whose layers are named.

    Returns
    -------
    dict of str to int
        Id of a layer -> interceptors in hand.

    Raises
    ------
    InputError
        Naming file and row, for a layer that the defence does not have or that uses no interceptors, a layer twice, or
        a quantity that is no whole number.
    """
    counts: dict[str, int] = {}
    for where, cells in _rows(text, file_name, ("layer", "quantity"), defence):
        if cells["layer"] in counts:
            raise InputError(f"{where}: the stock of {cells['layer']} is stated twice: expected one row a layer")
        counts[cells["layer"]] = _quantity(where, cells["quantity"])
    return counts


def parse_deliveries(text: str, file_name: str, defence: Defence, origin: date) -> tuple[Delivery, ...]:
    """Dated deliveries, from CSV text with the columns layer, date (YYYY-MM-DD) and quantity.

    Parameters
    ----------
    text, file_name, defence
        As of `parse_stock`.
    origin : date
        After which every delivery has to be.

    Returns
    -------
    tuple of Delivery
        In the order of the file; several a day are added.

    Raises
    ------
    InputError
        As `parse_stock` does, and for a delivery that is not after the origin.
    """
    deliveries = []
    for where, cells in _rows(text, file_name, ("layer", "date", "quantity"), defence):
        try:
            day = date.fromisoformat(cells["date"])
        except ValueError as error:
            raise InputError(f"{where}: date is '{cells['date'][:40]}': expected a day such as 2026-03-31") from error
        if day <= origin:
            raise InputError(
                f"{where}: the delivery of {day} is not after the origin, {origin}: count it in the stock at the origin"
            )
        deliveries.append(Delivery(cells["layer"], day, _quantity(where, cells["quantity"])))
    return tuple(deliveries)


def with_stock(defence: Defence, counts: Mapping[str, int], origin: date) -> Defence:
    """The defence with counted stocks in place of those that it states.

    Parameters
    ----------
    defence : Defence
        Layers that are not counted keep what they state.
    counts : mapping of str to int
        Id of a layer -> interceptors in hand.
    origin : date
        The day of the count.

    Returns
    -------
    Defence
    """
    source = Source(id=COUNTED, title="stock as given in the request", date=origin, url="", confidence="A")
    return _changed(
        defence, {layer: {"stock": _point(count, origin, COUNTED)} for layer, count in counts.items()}, source
    )


def with_supply(defence: Defence, monthly: Mapping[str, float], origin: date) -> Defence:
    """The defence with supply as a planner states it, in place of what it assumes: constant, and all for the raid.

    Parameters
    ----------
    defence : Defence
        Layers of which nothing is stated keep what they have.
    monthly : mapping of str to float
        Id of a layer -> interceptors a month.
    origin : date
        The day of the statement.

    Returns
    -------
    Defence
    """
    source = Source(id=STATED_SUPPLY, title="supply as given in the request", date=origin, url="", confidence="A")
    none = {"monthly_supply_later": None, "ramp_months": None}
    return _changed(
        defence,
        {layer: none | {"monthly_supply": _point(n, origin, STATED_SUPPLY)} for layer, n in monthly.items()},
        source,
    )


def with_terms(
    defence: Defence,
    lead_time: Mapping[str, int],
    pack_size: Mapping[str, int],
    minimum_stock: Mapping[str, int],
    origin: date,
) -> Defence:
    """The defence with the terms of orders as a planner states them.

    Parameters
    ----------
    defence : Defence
        Layers of which nothing is stated keep what they have.
    lead_time : mapping of str to int
        Id of a layer -> days from an order to its delivery.
    pack_size, minimum_stock : mapping of str to int
        Id of a layer -> interceptors.
    origin : date
        The day of the statement.

    Returns
    -------
    Defence
    """
    source = Source(id=STATED_TERMS, title="lead time as given in the request", date=origin, url="", confidence="A")
    changes: dict[str, dict[str, Any]] = {}
    for name, stated in (("pack_size", pack_size), ("minimum_stock", minimum_stock)):
        for layer, number in stated.items():
            changes.setdefault(layer, {})[name] = number
    for layer, days in lead_time.items():
        changes.setdefault(layer, {})["lead_time_days"] = _point(days, origin, STATED_TERMS)
    return _changed(defence, changes, source)


def _changed(defence: Defence, changes: Mapping[str, Mapping[str, Any]], source: Source) -> Defence:
    layers = tuple(layer.model_copy(update=dict(changes.get(layer.id, {}))) for layer in defence.layers)
    return defence.model_copy(update={"layers": layers, "sources": (*defence.sources, source)})


def without_stocks(defence: Defence) -> Defence:
    """The defence with layers that meet drones alone and use no interceptors: what it kills of them as long as they
    last. Defences that differ in stocks, supply, prices, orders or other classes alone give equal ones. The sources of
    kinds stay: they say what was known when."""

    nothing = dict.fromkeys(("interceptor", *STOCKED, *STOCKED_OPTIONAL)) | {"minimum_stock": 0, "pack_size": 1}
    of_drones = defence.facing((SHAHED,))
    layers = tuple(layer.model_copy(update=nothing) for layer in of_drones.layers)
    cited = {name for kind in defence.kinds for point in kind.share for name in point.sources}
    sources = tuple(source for source in defence.sources if source.id in cited)
    return defence.model_copy(update={"layers": layers, "sources": sources, "drone_cost_usd": None})


def _point(number: float, day: date, source: str) -> SourcedRange:
    return SourcedRange(
        low=number, mode=number, high=number, basis="reported", sources=(source,), date=day, confidence="A"
    )


def _rows(text: str, file_name: str, columns: Sequence[str], defence: Defence) -> Iterator[tuple[str, dict[str, str]]]:
    """("stock.csv: row 2", cells by column) for each row that is not empty; its layer is one with interceptors."""
    stocked = [layer.id for layer in defence.layers if layer.interceptor is not None]
    rows = csv_rows(StringIO(text.removeprefix("\ufeff"), newline=""))
    header = [cell.strip().lower() for cell in next(rows, ([], ""))[0]]
    for column in columns:
        if header.count(column) != 1:
            raise InputError(f"{file_name}: expected one column '{column}' in the first row: {','.join(columns)}")
    for number, (cells, problem) in enumerate(rows, start=1):
        where = f"{file_name}: row {number}"
        if problem:
            raise InputError(f"{where}: {problem}")
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < len(header):
            raise InputError(f"{where} has {len(cells)} cells: expected {len(header)}, as in the first row")
        named = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
        if named["layer"] not in stocked:
            raise InputError(f"{where}: {unknown_name('layer with interceptors', named['layer'], stocked)}")
        yield where, named


def _quantity(where: str, text: str) -> int:
    try:
        quantity = whole_count("quantity", text)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if quantity is None:
        raise InputError(f"{where}: quantity is empty: expected a whole number, 0 or more")
    if quantity > LARGEST_NUMBER:
        raise InputError(f"{where}: quantity is {quantity}: expected at most {LARGEST_NUMBER:,.0f}")
    return quantity
