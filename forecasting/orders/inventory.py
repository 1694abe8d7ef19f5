"""Counted stocks, rolled forward to the origin: the count, plus deliveries and supply since, less modelled use.

The use is that of the engine against the launches on record since the count, path by path, so that what is not known
of the defence widens the stock with the age of the count. Days without a report are drawn from the month before them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.messages import Message
from features.records import SHAHED
from features.stated import Source, SourcedRange
from features.stocks import StockCount
from forecasting.defence.blocks import Levels
from forecasting.defence.layers import COUNTED, Defence
from forecasting.defence.outcome import Engagements
from forecasting.defence.stock import Delivery, with_stock
from forecasting.salvos.forecast import SalvoForecast

_ROLLING_STREAM = 5
"""Splits the seed: what happened since the count is drawn apart from what will come."""
DAYS_BEFORE = 28
"""Known days from which an unknown one is drawn."""

Meet = Callable[[SalvoForecast, Defence, Sequence[Delivery]], Engagements]
"""Past salvos, the defence as of a count, and what was delivered since -> what the defence did."""


@dataclass(frozen=True, eq=False)
class RolledStock:
    """The stock of one layer at a day, from its last count before.

    Parameters
    ----------
    count : StockCount
        Where it starts from.
    day : date
        At whose end it is.
    in_hand : (n_paths,) array of int64
        Interceptors.
    delivered : int
        Of dated deliveries since the count.
    """

    count: StockCount
    day: date
    in_hand: NDArray[np.int64]
    delivered: int = 0

    @property
    def age_days(self) -> int:
        """From the count to that day."""
        return (self.day - self.count.counted_on).days

    @property
    def range(self) -> tuple[float, float, float]:
        """(low, median, high) interceptors; eight paths in ten lie between."""
        low, median, high = np.quantile(self.in_hand, (0.1, 0.5, 0.9), method="inverted_cdf")
        return float(low), float(median), float(high)


@dataclass(frozen=True, eq=False)
class CountedStock:
    """What a plan takes a counted stock for.

    Parameters
    ----------
    layer_id : str
        Whose it is.
    at_origin : RolledStock
        The last count, rolled forward to the origin.
    checked : RolledStock, optional
        The count before it, rolled forward to the day of the last; None where there is none.
    """

    layer_id: str
    at_origin: RolledStock
    checked: RolledStock | None = None

    @property
    def notes(self) -> tuple[Message, ...]:
        """What a reader has to know of it."""
        count, (low, _, high) = self.at_origin.count, self.at_origin.range
        quantity, day, source = count.quantity, count.counted_on, count.source
        if self.at_origin.age_days == 0:
            found = [Message.of("stock_counted", layer=self.layer_id, count=quantity, day=day, source=source)]
        else:
            found = [
                Message.of(
                    "stock_rolled_forward",
                    layer=self.layer_id,
                    count=quantity,
                    day=day,
                    source=source,
                    n=self.at_origin.age_days,
                    low=low,
                    high=high,
                )
            ]
        if self.checked is not None:
            found.append(
                Message.of(
                    "count_against_model",
                    layer=self.layer_id,
                    count=count.quantity,
                    day=count.counted_on,
                    low=self.checked.range[0],
                    high=self.checked.range[2],
                    n=self.checked.age_days,
                )
            )
        return tuple(found)


def counted_stocks(
    counts: Sequence[StockCount],
    defence: Defence,
    history: LaunchHistory,
    salvos: SalvoForecast,
    deliveries: Sequence[Delivery],
    meet: Meet,
) -> tuple[CountedStock, ...]:
    """The counted stocks of a defence at the origin of a forecast.

    Parameters
    ----------
    counts : sequence of StockCount
        None after the origin; of each layer the last one counts, and the one before it is held against it.
    defence : Defence
        Whose layers they are of.
    history : LaunchHistory
        The record until the origin.
    salvos : SalvoForecast
        From the origin, for its paths and seed.
    deliveries : sequence of Delivery
        Dated ones; those until the origin are in hand by then.
    meet : callable
        What the defence does with past salvos, on as many paths.

    Returns
    -------
    tuple of CountedStock
        In order of engagement.
    """
    made: dict[tuple[str, date, date], RolledStock] = {}
    by_layer: dict[str, list[StockCount]] = {}
    for count in sorted(counts, key=lambda each: each.counted_on):
        by_layer.setdefault(count.layer, []).append(count)
    spans: dict[tuple[date, date], dict[str, StockCount]] = {}
    for layer, series in by_layer.items():
        days = [*(each.counted_on for each in series[-2:]), salvos.origin]
        for count, until in zip(series[-2:], days[1:], strict=True):
            spans.setdefault((count.counted_on, until), {})[layer] = count
    for (since, until), counted in spans.items():
        for layer, rolled in rolled_forward(counted, since, until, defence, history, salvos, deliveries, meet).items():
            made[layer, since, until] = rolled
    found = []
    for layer in (each for each in defence.ids if each in by_layer):
        *before, last = by_layer[layer][-2:]
        checked = made[layer, before[0].counted_on, last.counted_on] if before else None
        found.append(CountedStock(layer, made[layer, last.counted_on, salvos.origin], checked))
    return tuple(found)


def rolled_forward(
    counts: Mapping[str, StockCount],
    since: date,
    until: date,
    defence: Defence,
    history: LaunchHistory,
    salvos: SalvoForecast,
    deliveries: Sequence[Delivery],
    meet: Meet,
) -> dict[str, RolledStock]:
    """Stocks counted on one day, rolled forward to another.

    Parameters
    ----------
    counts : mapping of str to StockCount
        Layer -> its count, all on the day `since`.
    since, until : date
        From the end of the one to the end of the other.
    defence, history, salvos, deliveries, meet
        As of `counted_stocks`.

    Returns
    -------
    dict of str to RolledStock
        By layer.
    """
    quantities = {layer: count.quantity for layer, count in counts.items()}
    due = [each for each in deliveries if since < each.day <= until]
    delivered = {layer: sum(each.quantity for each in due if each.layer_id == layer) for layer in counts}
    # A layer that meets no drones uses none.
    at_end = {
        layer: np.full(salvos.n_paths, count + delivered[layer], dtype=np.int64) for layer, count in quantities.items()
    }
    if since < until:
        past = past_salvos(history, salvos, since, until)
        met = meet(past, with_stock(defence, quantities, since), due)
        at_end |= {stock.layer_id: stock.at_end for stock in met.stocks if stock.layer_id in counts}
    return {layer: RolledStock(count, until, at_end[layer], delivered[layer]) for layer, count in counts.items()}


def past_salvos(history: LaunchHistory, salvos: SalvoForecast, since: date, until: date) -> SalvoForecast:
    """What was launched on the days after `since` until `until`, as paths.

    Parameters
    ----------
    history : LaunchHistory
        The record; a theatre without one had no launches that are known.
    salvos : SalvoForecast
        For its paths and seed.
    since, until : date
        Days of the record, or before it.

    Returns
    -------
    SalvoForecast
        The same count on every path where it is known; elsewhere drawn from the known days of the month before.
    """
    n_days = (until - since).days
    seed = int(np.random.SeedSequence([salvos.seed, _ROLLING_STREAM, since.toordinal()]).generate_state(1)[0])
    paths = np.zeros((salvos.n_paths, n_days), dtype=np.int64)
    if history.theatre == salvos.theatre:
        rng = np.random.default_rng(seed)
        first = (since + timedelta(days=1) - history.first_day).days
        for step in range(n_days):
            at = first + step
            launched = history.launched[at] if 0 <= at < history.launched.size else np.nan
            if np.isnan(launched):
                before = history.launched[: max(at, 0)]
                known = before[~np.isnan(before)][-DAYS_BEFORE:]
                floor = history.floor[at] if 0 <= at < history.floor.size else np.nan
                drawn = rng.choice(known, salvos.n_paths) if known.size else np.zeros(salvos.n_paths)
                launched = np.fmax(drawn, floor)
            paths[:, step] = launched
    return replace(salvos, origin=since, last_day_known=since, paths=paths, seed=seed)


def with_counted(defence: Defence, stocks: Sequence[CountedStock]) -> Defence:
    """The defence with counted stocks in place of those that it assumes.

    Parameters
    ----------
    defence : Defence
        Layers that are not counted, or that it does not have, stay as they are.
    stocks : sequence of CountedStock
        At the origin.

    Returns
    -------
    Defence
        A stock's range holds every path; its basis is reported for a count of the origin's day, else derived.
    """
    if not stocks:
        return defence
    by_layer = {each.layer_id: each.at_origin for each in stocks}
    layers = tuple(
        layer.model_copy(update={"stock": _range_of(by_layer[layer.id])}) if layer.id in by_layer else layer
        for layer in defence.layers
    )
    day = max(each.at_origin.count.counted_on for each in stocks)
    source = Source(id=COUNTED, title="stock as counted", date=day, url="", confidence="A")
    others = tuple(each for each in defence.sources if each.id != COUNTED)
    if len(others) < len(defence.sources):
        source = source.model_copy(update={"title": "stock as counted, or as given in the request"})
    return defence.model_copy(update={"layers": layers, "sources": (*others, source)})


def with_counted_levels(levels: Levels, defence: Defence, stocks: Sequence[CountedStock]) -> Levels:
    """The levels of the ranges that give each path its own counted stock.

    Parameters
    ----------
    levels : sequence of mapping of str to array
        Of each layer, as of `forecasting.defence.engagement.engage`; empty where nothing is held.
    defence : Defence
        As `with_counted` gives it.
    stocks : sequence of CountedStock
        At the origin.

    Returns
    -------
    sequence of mapping of str to array
        The same with the level of the stock.
    """
    if not stocks:
        return levels
    by_layer = {each.layer_id: each.at_origin.in_hand for each in stocks}
    given = levels or tuple({} for _ in defence.layers)
    return tuple(
        {**each, "stock": _level_of(layer.stock, by_layer[layer.id])}
        if layer.id in by_layer and layer.stock is not None
        else each
        for layer, each in zip(defence.layers, given, strict=True)
    )


def _range_of(rolled: RolledStock) -> SourcedRange:
    fresh = rolled.age_days == 0
    return SourcedRange(
        low=float(rolled.in_hand.min()),
        mode=rolled.range[1],
        high=float(rolled.in_hand.max()),
        basis="reported" if fresh else "derived",
        sources=(COUNTED,),
        date=rolled.count.counted_on,
        confidence="A" if fresh else "B",
        note="" if fresh else f"{rolled.count.quantity:,} counted on {rolled.count.counted_on}, rolled forward.",
    )


def notes_of_use(stocks: Sequence[CountedStock], defence: Defence) -> tuple[Message, ...]:
    """Which stocks other classes of weapon than drones took from too, which no roll forward takes off.

    Parameters
    ----------
    stocks : sequence of CountedStock
        At the origin.
    defence : Defence
        As it faces the raid that is planned for.

    Returns
    -------
    tuple of Message
    """
    return tuple(
        Message.of("use_of_drones_alone", layer=each.layer_id)
        for each in stocks
        if each.at_origin.age_days and set(defence.layer(each.layer_id).classes) - {SHAHED}
    )


def _level_of(stated: SourcedRange, values: NDArray[np.int64]) -> NDArray[np.float64]:
    """The level at which the triangular distribution of a range has each value: `SourcedRange.quantile` inverted."""
    width = stated.high - stated.low
    if width == 0:
        return np.full(values.shape, 0.5)
    below, above = values - stated.low, stated.high - values
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = below**2 / (width * (stated.mode - stated.low))
        falling = 1.0 - above**2 / (width * (stated.high - stated.mode))
    level: NDArray[np.float64] = np.where(values <= stated.mode, rising, falling)
    return np.nan_to_num(level, nan=0.0).clip(0.0, 1.0)
