"""The panels that pictures are made of: each draws one part of a document into axes."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from matplotlib.axes import Axes

from features.history import LaunchHistory
from forecasting.report import picture_words as words
from forecasting.report.calibration_document import CalibrationDocument
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.drawing import PictureStyle, days64, drawable
from forecasting.report.picture_words import PAST_DAYS, Counts
from forecasting.report.supply_document import Quantiles, SupplyDocument
from forecasting.report.words import Words, capital, not_for_orders, weapon_name
from forecasting.salvos.spread import LEVELS, Spread

MOST_LINES = 8
"""Stocks drawn, those that run short soonest; more lines nobody tells apart."""


def fan_panel(
    axes: Axes, drawn: PictureStyle, document: ForecastDocument, past: LaunchHistory, title: str = "", beside: float = 1
) -> None:
    """The fan chart, with the sample futures where it stands alone. title: of a forecast among several, in place of
    what is drawn. beside: panels that share the width."""
    t, theme = drawn.words, drawn.theme
    threshold = document.massed_strikes.threshold_drones
    past_days, launched = words.until_origin(document, past)
    past_days, launched = past_days[-PAST_DAYS:], launched[-PAST_DAYS:]
    colours = np.where(launched >= threshold, theme.orange, theme.grey)
    axes.bar(past_days, np.nan_to_num(launched), 0.8, color=colours, label=t("reported") if launched.size else None)
    unknown = np.isnan(launched)
    if unknown.any():
        axes.plot(past_days[unknown], np.zeros(unknown.sum()), "x", color=theme.grey, label=t("not known"))
    days = days64([day.attack_day for day in document.days])
    spreads = [day.drones for day in document.days]
    for level, colour in zip(reversed(LEVELS), drawn.theme.bands, strict=True):
        low, high = interval_ends(spreads, level)
        label = t("{share} of futures", share=t.percent(level))
        axes.fill_between(days, low, high, color=colour, lw=0, step="mid", label=label)
    medians = [spread.median for spread in spreads]
    axes.step(days, medians, where="mid", color=theme.ink, lw=1.8, label=t("median"))
    for number, future in enumerate([] if title else document.sample_futures, 2):  # a flat band shows no bursts
        line_colour, dash = drawn.line(number)
        label = t("one future: total above {share} of all", share=t.percent(future.total_share))
        axes.plot(days, future.drones, color=line_colour, ls=dash, lw=1.2, label=label)
    came = _came_since(document, past)
    if not np.isnan(came).all():
        axes.plot(days, came, "o", ms=4, color=theme.ink, label=t("reported since"))
    lines = [threshold, *(day.massed_from_drones or threshold for day in document.days)]
    told = dict.fromkeys(map(t.number, (min(lines), max(lines))))
    label = t("massed strike: from {n}", n="–".join(told))
    first = [past_days[0]] if past_days.size else [days[0]]
    axes.step([*first, *days], lines, where="pre", color=theme.orange, lw=1, ls="--", label=label)
    axes.set_ylim(bottom=0)
    drawn.count_axis(axes)
    drawn.date_axis(axes)
    title = title or t("{weapons} launched per attack day", weapons=capital(weapon_name(document.weapon_class, t)))
    drawn.frame(axes, title, words.model_line(document, t), beside=beside)


def total_panel(
    axes: Axes, drawn: PictureStyle, document: ForecastDocument, past: LaunchHistory, beside: float = 1
) -> None:
    """The running total of the horizon, in the bands of the fan chart that it stands beside, and what was reported in
    as many days before the origin."""
    t, theme = drawn.words, drawn.theme
    days = days64([day.attack_day for day in document.days])
    spreads = words.running_totals(document)
    for level, colour in zip(reversed(LEVELS), theme.bands, strict=True):
        low, high = interval_ends(spreads, level)
        axes.fill_between(days, low, high, color=colour, lw=0)
    axes.plot(days, [total.median for total in spreads], color=theme.ink, lw=1.8)
    before = words.total_before(document, past)
    if before is not None:
        axes.plot(days, before.running, color=theme.orange, lw=1.8, ls="--", label=words.before_name(before, t))
    came = np.cumsum(_came_since(document, past))
    if not np.isnan(came).all():
        axes.plot(days, came, "o", ms=4, color=theme.ink, label=t("reported since"))
    axes.set_ylim(bottom=0)
    drawn.count_axis(axes)
    drawn.date_axis(axes, beside)
    title = t("{weapons} launched, running total", weapons=capital(weapon_name(document.weapon_class, t)))
    drawn.frame(axes, title, not_for_orders(document, t), beside=beside)


def output_panel(
    axes: Axes, drawn: PictureStyle, supply: SupplyDocument, origin: date, whose: str, beside: float = 1
) -> None:
    """Drones a month that reach the store, as the scenario states them and as the record allows them, at the ends of
    months. whose: the line under the title."""
    t, days = drawn.words, [origin, *(month.day for month in supply.months)]
    stated = [supply.capacity_stated, *(month.production_stated for month in supply.months)]
    allowed = [supply.capacity_compatible, *(month.production_compatible for month in supply.months)]
    _ranges(axes, days, stated, drawn.theme.grey, "o", t("as stated"), -1)
    if supply.capacity_compatible is not None:
        _ranges(axes, days, allowed, drawn.theme.blue, "s", t("as the record allows"), 1)
    _frame_months(axes, drawn, days, capital(t("output that reaches the store, drones a month")), whose, beside)


def store_panel(
    axes: Axes, drawn: PictureStyle, supply: SupplyDocument, origin: date, whose: str, beside: float = 1
) -> None:
    """Drones in store that can be launched, at the ends of months. whose: the line under the title."""
    t, days = drawn.words, [month.day for month in supply.months]
    stored = [month.launchable_stock for month in supply.months]
    _ranges(axes, days, stored, drawn.theme.blue, "s", t("in store"), 0)
    _frame_months(axes, drawn, [origin, *days], capital(t("drones in store that can be launched")), whose, beside)


def _frame_months(axes: Axes, drawn: PictureStyle, days: Sequence[date], title: str, whose: str, beside: float) -> None:
    drawn.count_axis(axes)
    drawn.date_axis(axes, beside)
    first, last = days64([days[0], days[-1]])
    room = max((last - first) // 20, np.timedelta64(1, "D"))
    axes.set_xlim(first - room, last + room)  # type: ignore[arg-type]  # Matplotlib takes days
    axes.set_ylim(bottom=0)
    drawn.frame(axes, title, whose, drawn.words("lines: 90 %; bars: half; points: median"), beside=beside)


def _ranges(
    axes: Axes,
    days: Sequence[date],
    ranges: Sequence[Quantiles | None],
    colour: str,
    marker: str,
    label: str,
    side: int,
) -> None:
    """A bar for each day. side: -1 or 1 of two that stand beside each other."""
    hours = 6 * max(1, (days[-1] - days[0]).days // 25)
    places = days64(days).astype("datetime64[h]") + side * np.timedelta64(hours, "h")
    low, quarter, middle, upper, high = np.array([[*dict(each).values()] for each in ranges if each]).T
    axes.vlines(places, low, high, color=colour, lw=1.5)
    axes.vlines(places, quarter, upper, color=colour, lw=6, alpha=0.6)
    axes.plot(places, middle, marker, color=colour, ms=5, label=label)


def stock_numbers(*documents: PlanDocument) -> dict[str, int]:
    """Layer -> the number of its stock, by which it is drawn in the same colour in every plan."""
    layers = [layer.layer for document in documents for layer in document.layers if layer.opening_stock]
    return {layer: index for index, layer in enumerate(dict.fromkeys(layers))}


def stock_out_panel(
    axes: Axes, drawn: PictureStyle, document: PlanDocument, stocks: Mapping[str, int], beside: float = 1
) -> None:
    """The chance that each stock has run short. stocks: their numbers, of `stock_numbers`."""
    t = drawn.words
    days = days64([day.attack_day for day in document.stock_out])
    chances = {
        layer.layer: [100 * day.probability[layer.layer] for day in document.stock_out]
        for layer in document.layers
        if layer.opening_stock
    }
    soonest, names = sorted(chances, key=lambda layer: -sum(chances[layer])), Words(t, document)
    for layer in soonest[:MOST_LINES]:
        colour, dash = drawn.line(stocks[layer])
        axes.plot(days, chances[layer], color=colour, ls=dash, lw=1.8, label=drawable(names.layer(layer)))
    level = t("service level {level}", level=t.level(document.service_level))
    axes.axhline(100 * (1 - document.service_level), color=drawn.theme.faint, lw=1, label=level)
    axes.set_ylim(0, min(100.0, max(20.0, 1.1 * axes.get_ylim()[1])))
    drawn.count_axis(axes, percent=True)
    drawn.date_axis(axes)
    left_out = len(soonest) - MOST_LINES
    more = (
        t.plural("{n} stock that lasts longer is left out", "{n} stocks that last longer are left out", left_out)
        if left_out > 0
        else ""
    )
    title = t("Chance that a stock has run short by that day")
    stated = t("stock and supply as stated, before any order")
    drawn.frame(axes, title, not_for_orders(document.forecast, t), stated, more, beside=beside)


def calibration_panel(axes: Axes, drawn: PictureStyle, found: CalibrationDocument) -> None:
    """The reported shares beside those of the defence, before and after the record."""
    t, theme = drawn.words, drawn.theme
    periods = [share for share in found.shares if share.n_nights]
    places = np.arange(len(periods))
    for each, label, colour, shift in (
        ("stated", t("ranges as stated, 80 %"), theme.grey, -0.18),
        ("calibrated", t("calibrated, 80 %"), theme.blue, 0.18),
    ):
        centrals = [getattr(period, each) for period in periods]
        low, middle, high = 100 * np.array([(central.p10, central.p50, central.p90) for central in centrals]).T
        error = [middle - low, high - middle]
        axes.errorbar(middle, places + shift, xerr=error, color=colour, fmt="s", ms=3, capsize=2, lw=1.5, label=label)
    reported = [100 * period.reported_low for period in periods]
    axes.plot(reported, places, "D", color=theme.orange, ms=5, label=t("reported"))
    drawn.names(axes, [Words(t)(period.period) for period in periods])
    drawn.count_axis(axes, across=True, percent=True)
    drawn.frame(
        axes,
        t("Neutralised drones: the defence held against the record"),
        t.plural("{n} night with reported losses", "{n} nights with reported losses", found.n_nights),
    )


def nested_bars(axes: Axes, drawn: PictureStyle, place: float, shown: Spread, *, label: bool) -> None:
    """The intervals of one quantity as bars over one another, and its median."""
    t = drawn.words
    for level, colour in zip(reversed(LEVELS), drawn.theme.bands, strict=True):
        interval = shown.interval(level)
        name = t("{share} of futures", share=t.percent(level)) if label else None
        axes.barh(place, interval.high - interval.low, 0.55, interval.low, color=colour, label=name)
    median = t("median") if label else None
    axes.plot([shown.median] * 2, [place - 0.275, place + 0.275], color=drawn.theme.ink, lw=2, label=median)


def interval_ends(spreads: Sequence[Spread], level: float) -> tuple[Counts, Counts]:
    """(n,) the lower and the upper ends of their intervals of that level."""
    intervals = [spread.interval(level) for spread in spreads]
    return np.array([each.low for each in intervals]), np.array([each.high for each in intervals])


def _came_since(document: ForecastDocument, past: LaunchHistory) -> Counts:
    """(horizon,) the launches of the days that the document forecasts, NaN where the record does not know them."""
    launched = dict(zip(past.days.tolist(), past.launched, strict=True))
    borrowed = document.supply is not None and document.supply.assumption_only
    return np.array([np.nan if borrowed else launched.get(day.attack_day, np.nan) for day in document.days])
