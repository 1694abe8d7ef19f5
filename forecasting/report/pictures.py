"""The pictures of forecasts and plans: one definition for page, command line, tracker and notebooks.

They are drawn from the published documents, whose quantiles they show, so that an archived one can be drawn again.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO, StringIO
from threading import Lock
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.errors import InputError
from features.history import LaunchHistory
from features.records import weapons
from forecasting.report import picture_words as words
from forecasting.report.calibration_document import CalibrationDocument
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.drawing import Look, days64, look
from forecasting.report.parts import LEVELS, Spread
from forecasting.report.picture_words import PAST_DAYS, Counts, forecast_of
from forecasting.sensitivity import Sensitivity
from forecasting.track_record import TrackRecord

FORMATS = (".png", ".svg", ".html")
MOST_LINES = 8
"""Stocks drawn, those that run short soonest; more lines nobody tells apart."""
TORNADO_BARS = 15
_NAMES = {False: 130.0, True: 74.0}
"""Narrow or not -> points for the names along y, of periods and windows."""


def forecast_picture(
    document: ForecastDocument | PlanDocument,
    past: LaunchHistory,
    *,
    theme: str = "light",
    language: str = "en",
    narrow: bool = False,
) -> Figure:
    """The fan chart: the last reports, then the median and the 50, 80 and 95 % intervals of every attack day.

    past: the record; what it knows of days after the origin is drawn over the forecast as what came. theme: light or
    dark; language: en or uk; narrow: for a phone. So for every picture.
    """
    drawn = look(theme, language, narrow=narrow)
    figure = drawn.figure(4.4 if narrow else 4.8)
    axes = figure.subplots()
    _fan(axes, drawn, forecast_of(document), past)
    drawn.legend(axes)
    return figure


def stock_out_picture(
    document: PlanDocument, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """How likely each layer's stock has run short by each attack day. Raises InputError for a plan without stocks."""
    if not document.stock_out:
        raise InputError("no layer of this plan has interceptors: there is no stock to draw")
    drawn = look(theme, language, narrow=narrow)
    figure = drawn.figure(4.2 if narrow else 3.8)
    axes = figure.subplots()
    _stock_out(axes, drawn, document, _stocks(document))
    drawn.legend(axes)
    return figure


def calibration_picture(
    document: PlanDocument, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """The reported shares of neutralised drones beside those that the defence gives, before and after the record.

    Raises InputError for a plan that was not held against the record.
    """
    if document.calibration is None:
        raise InputError("this plan is not held against the reported losses: there is no calibration to draw")
    drawn = look(theme, language, narrow=narrow, names_width=_NAMES[narrow])
    figure = drawn.figure(4.2 if narrow else 3.8)
    axes = figure.subplots()
    _calibration(axes, drawn, document.calibration)
    drawn.legend(axes)
    return figure


def plan_picture(
    document: PlanDocument, past: LaunchHistory, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """All that a plan shows in one picture: the fan chart, the stocks, and the calibration where there is one."""
    drawn = look(theme, language, narrow=narrow, names_width=_NAMES[narrow])
    heights = [3, *([2] if document.stock_out else []), *([2] if document.calibration else [])]
    figure = drawn.figure((1.75 if narrow else 1.6) * sum(heights))
    panels = iter(figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    _fan(next(panels), drawn, document.forecast, past)
    if document.stock_out:
        _stock_out(next(panels), drawn, document, _stocks(document))
    if document.calibration:
        _calibration(next(panels), drawn, document.calibration)
    for axes in figure.axes:
        drawn.legend(axes)
    return figure


def largest_day_picture(
    document: ForecastDocument | PlanDocument,
    past: LaunchHistory,
    *,
    theme: str = "light",
    language: str = "en",
    narrow: bool = False,
) -> Figure:
    """The largest attack day to expect in each window, beside the largest reported in as many days before."""
    drawn = look(theme, language, narrow=narrow, names_width=_NAMES[narrow])
    forecast, t = forecast_of(document), drawn.words
    figure = drawn.figure((1.7 if narrow else 1.4) + 0.5 * len(forecast.windows))
    axes = figure.subplots()
    for place, window in enumerate(forecast.windows):
        _nested_bars(axes, drawn, place, window.largest_day_drones, label=place == 0)
        reported = words.largest_before(forecast, past, window.n_days)
        if reported is not None:
            label = t("largest reported in as many days before") if place == 0 else None
            axes.plot(reported, place, "D", ms=6, color=drawn.theme.orange, label=label)
    names = [t.plural("{n} day", "{n} days", window.n_days) for window in forecast.windows]
    drawn.names(axes, names)
    axes.set_xlim(left=0)
    drawn.count_axis(axes, across=True)
    title = t("{weapons} on the largest attack day", weapons=words.capital(t(weapons(forecast.weapon_class))))
    drawn.frame(axes, title, words.made_by(forecast, t))
    drawn.legend(axes)
    return figure


def comparison_picture(
    document: ForecastDocument | PlanDocument,
    other: ForecastDocument | PlanDocument,
    past: LaunchHistory,
    *,
    theme: str = "light",
    language: str = "en",
    narrow: bool = False,
) -> Figure:
    """Two forecasts or plans on the same axes, side by side (one above the other where narrow): fan charts, and below
    them the stocks where both are plans with some."""
    drawn = look(theme, language, narrow=narrow)
    pair = (document, other)
    plans = [each for each in pair if isinstance(each, PlanDocument) and each.stock_out]
    n_kinds = 2 if len(plans) == len(pair) else 1
    figure = drawn.figure(n_kinds * (6.8 if narrow else 4.2))
    rows = figure.subfigures(n_kinds, 1, squeeze=False)[:, 0]
    shape, beside = ((2, 1), 1) if narrow else ((1, 2), 2)
    for row in rows:
        row.set_facecolor("none")
        row.subplots(*shape)
    for axes, each in zip(rows[0].axes, pair, strict=True):
        title = words.capital(words.scenario_name(each, drawn.words))
        _fan(axes, drawn, forecast_of(each), past, title, beside)
    if n_kinds == 2:
        for axes, plan in zip(rows[1].axes, plans, strict=True):
            _stock_out(axes, drawn, plan, _stocks(*plans), beside)
    for row in rows:
        limits = np.array([(*axes.get_xlim(), *axes.get_ylim()) for axes in row.axes])
        for axes in row.axes:
            axes.set(xlim=(limits[:, 0].min(), limits[:, 1].max()), ylim=(0, limits[:, 3].max()))
        drawn.shared_legend(row)
    return figure


def tornado_picture(found: Sensitivity, *, theme: str = "light", language: str = "en", narrow: bool = False) -> Figure:
    """What each assumption, held low and high, does to the demand for interceptors; the widest swing on top."""
    drawn = look(theme, language, narrow=narrow, names_width=105 if narrow else 260)
    t, shown = drawn.words, found.swings[:TORNADO_BARS]
    figure = drawn.figure(1.6 + (0.45 if narrow else 0.3) * max(len(shown), 1))
    axes = figure.subplots()
    ends = (
        ("low", drawn.theme.blue, t("held at its 10 % level"), ""),
        ("high", drawn.theme.orange, t("held at its 90 % level"), "//"),  # told apart without colour too
    )
    for end, colour, label, hatch in ends:
        widths = [getattr(swing, end) - found.base for swing in shown]
        style: dict[str, Any] = {"color": colour, "edgecolor": drawn.theme.background, "hatch": hatch, "label": label}
        axes.barh(range(len(shown)), widths, left=found.base, **style)
    axes.axvline(found.base, color=drawn.theme.ink, lw=1)
    drawn.names(axes, [swing.assumption.replace(".", ". ") if narrow else swing.assumption for swing in shown])
    demand = t.plural(
        "interceptors needed over {n} attack day, all layers together",
        "interceptors needed over {n} attack days, all layers together",
        found.horizon,
    )
    drawn.frame(axes, t("What moves the demand"), words.sensitivity_of(found, t), demand)
    drawn.count_axis(axes, across=True)
    drawn.legend(axes)
    return figure


def track_record_picture(
    record: TrackRecord, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """Above, the total of the week after each origin, forecast and as it came; below, each day of those weeks.

    Raises InputError where no target of the record is known.
    """
    if not record.totals and not record.days:
        raise InputError("no forecast of the last 90 days can be held against what came: ingest more reports")
    drawn = look(theme, language, narrow=narrow)
    t = drawn.words
    figure = drawn.figure(6.4)
    above, below = figure.subplots(2, 1)
    for axes, targets, width, title in (
        (above, record.totals, 3.0, t("Weekly totals: forecast against what came")),
        (below, record.days, 0.8, t("Each attack day: forecast against what came")),
    ):
        places = days64([target.origin + timedelta(days=target.horizon) for target in targets])
        for level, colour in zip(reversed(LEVELS), drawn.theme.bands, strict=True):
            low, high = _ends([target.forecast for target in targets], level)
            label = t("{share} of futures", share=t.percent(level))
            axes.bar(places, high - low, width, low, color=colour, lw=0, label=label)
        came = [target.observed for target in targets]
        axes.plot(places, came, "D", ms=5 if width > 1 else 3, color=drawn.theme.orange, label=t("what came"))
        axes.set_ylim(bottom=0)
        drawn.count_axis(axes)
        drawn.date_axis(axes)
        drawn.frame(axes, title, words.record_of(record.model_id, targets, t))
    drawn.legend(below)
    return figure


@dataclass(frozen=True)
class Picture:
    """One of the pictures. takes: what `draw` and `describe` are given, in order: document, other, past, sensitivity,
    record. draw(..., theme=, language=, narrow=) is the figure; describe(..., language=) says in words what it shows,
    for those who cannot see it."""

    takes: tuple[str, ...]
    draw: Callable[..., Figure]
    describe: Callable[..., str]


PICTURES: Mapping[str, Picture] = {
    "forecast": Picture(("document", "past"), forecast_picture, words.describe_forecast),
    "stock_out": Picture(("document",), stock_out_picture, words.describe_stock_out),
    "largest_day": Picture(("document", "past"), largest_day_picture, words.describe_largest_day),
    "calibration": Picture(("document",), calibration_picture, words.describe_calibration),
    "plan": Picture(("document", "past"), plan_picture, words.describe_plan),
    "comparison": Picture(("document", "other", "past"), comparison_picture, words.describe_comparison),
    "sensitivity": Picture(("sensitivity",), tornado_picture, words.describe_sensitivity),
    "track_record": Picture(("record",), track_record_picture, words.describe_track_record),
}
"""Every picture by name."""


def pictures_of(document: ForecastDocument | PlanDocument) -> tuple[str, ...]:
    """The names of the pictures that can be drawn of this document alone, with the past."""
    if isinstance(document, ForecastDocument):
        return ("forecast", "largest_day")
    stocks = ("stock_out",) if document.stock_out else ()
    calibrated = ("calibration",) if document.calibration else ()
    return ("forecast", *stocks, "largest_day", *calibrated, "plan")


_ONE_AT_A_TIME = Lock()
"""Matplotlib's settings are the process's: two threads that change them would draw with each other's."""


def rendered(figure: Figure, suffix: str, title: str, description: str = "") -> bytes:
    """The picture as a .png, .svg or self-contained .html file; the same figure gives the same bytes.

    The SVG refers to nothing outside itself; title and description are read out by screen readers.
    """
    if suffix not in FORMATS:
        raise InputError(f"cannot draw a '{suffix}' file: expected one of {', '.join(FORMATS)}")
    if suffix == ".png":
        buffer = BytesIO()
        with _ONE_AT_A_TIME:
            figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
        return buffer.getvalue()
    text = StringIO()
    with _ONE_AT_A_TIME, rc_context({"svg.hashsalt": "salvocast", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    drawn = text.getvalue()
    opening, _, rest = drawn[drawn.index("<svg") :].partition(">")  # without the document type, which names a DTD
    name, said = html.escape(title), html.escape(description or title)
    svg = (
        f'{opening} role="img" aria-labelledby="picture-title picture-description">\n'
        f'<title id="picture-title">{name}</title>\n<desc id="picture-description">{said}</desc>{rest}'
    )
    if suffix == ".svg":
        return f'<?xml version="1.0" encoding="utf-8"?>\n{svg}'.encode()
    page = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{name}</title>\n'
        "<style>body{margin:1rem;font-family:sans-serif}svg{max-width:100%;height:auto}</style>\n"
        f"<figure>\n{svg}</figure>\n</html>\n"
    )
    return page.encode()


def _fan(
    axes: Axes, drawn: Look, document: ForecastDocument, past: LaunchHistory, title: str = "", beside: int = 1
) -> None:
    """title: of a forecast among several, in place of what is drawn. beside: panels that share the width."""
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
        low, high = _ends(spreads, level)
        label = t("{share} of futures", share=t.percent(level))
        axes.fill_between(days, low, high, color=colour, lw=0, step="mid", label=label)
    medians = [spread.median for spread in spreads]
    axes.step(days, medians, where="mid", color=theme.ink, lw=1.8, label=t("median"))
    came = _came_since(document, past)
    if not np.isnan(came).all():
        axes.plot(days, came, "o", ms=4, color=theme.ink, label=t("reported since"))
    line = t("massed strike: from {n}", n=t.number(threshold))
    axes.axhline(threshold, color=theme.orange, lw=1, ls="--", label=line)
    axes.set_ylim(bottom=0)
    drawn.count_axis(axes)
    drawn.date_axis(axes)
    title = title or t("{weapons} launched per attack day", weapons=words.capital(t(weapons(document.weapon_class))))
    drawn.frame(axes, title, words.made_by(document, t), beside=beside)


def _stocks(*documents: PlanDocument) -> dict[str, int]:
    """The number of each stock, by which it is drawn in the same colour in every plan."""
    names = [layer.name for document in documents for layer in document.layers if layer.opening_stock]
    return {name: index for index, name in enumerate(dict.fromkeys(names))}


def _stock_out(axes: Axes, drawn: Look, document: PlanDocument, stocks: Mapping[str, int], beside: int = 1) -> None:
    t = drawn.words
    days = days64([day.attack_day for day in document.stock_out])
    chances = {
        layer.name: [100 * day.probability[layer.layer] for day in document.stock_out]
        for layer in document.layers
        if layer.opening_stock
    }
    soonest = sorted(chances, key=lambda name: -sum(chances[name]))
    for name in soonest[:MOST_LINES]:
        colour, dash = drawn.line(stocks[name])
        axes.plot(days, chances[name], color=colour, ls=dash, lw=1.8, label=t(name))
    level = t("service level {level}", level=t.percent(document.service_level))
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
    drawn.frame(axes, title, t("stock and supply as stated, before any order"), more, beside=beside)


def _calibration(axes: Axes, drawn: Look, found: CalibrationDocument) -> None:
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
    drawn.names(axes, [words.period_name(period.period, t) for period in periods])
    drawn.count_axis(axes, across=True, percent=True)
    drawn.frame(
        axes,
        t("Neutralised drones: the defence held against the record"),
        t.plural("{n} night with reported losses", "{n} nights with reported losses", found.n_nights),
    )


def _nested_bars(axes: Axes, drawn: Look, place: float, shown: Spread, *, label: bool) -> None:
    """The intervals of one quantity as bars over one another, and its median."""
    t = drawn.words
    for level, colour in zip(reversed(LEVELS), drawn.theme.bands, strict=True):
        interval = shown.interval(level)
        name = t("{share} of futures", share=t.percent(level)) if label else None
        axes.barh(place, interval.high - interval.low, 0.55, interval.low, color=colour, label=name)
    median = t("median") if label else None
    axes.plot([shown.median] * 2, [place - 0.275, place + 0.275], color=drawn.theme.ink, lw=2, label=median)


def _ends(spreads: Sequence[Spread], level: float) -> tuple[Counts, Counts]:
    intervals = [spread.interval(level) for spread in spreads]
    return np.array([each.low for each in intervals]), np.array([each.high for each in intervals])


def _came_since(document: ForecastDocument, past: LaunchHistory) -> Counts:
    """(horizon,) the launches of the days that the document forecasts, NaN where the record does not know them."""
    launched = dict(zip(past.days.tolist(), past.launched, strict=True))
    borrowed = document.supply is not None and document.supply.assumption_only
    return np.array([np.nan if borrowed else launched.get(day.attack_day, np.nan) for day in document.days])
