"""The pictures of forecasts and plans: one definition for page, command line, tracker and notebooks.

They are drawn from the published documents, whose quantiles they show, so that an archived one can be drawn again.
"""

import html
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO, StringIO
from threading import Lock
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from features.errors import InputError
from features.history import LaunchHistory
from features.printable import printable
from forecasting.record.track_record import TrackRecord
from forecasting.report import picture_words as words
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.drawing import days64, picture_style
from forecasting.report.frontier_picture import describe_frontier, frontier_picture
from forecasting.report.picture_panels import (
    calibration_panel,
    fan_panel,
    interval_ends,
    nested_bars,
    output_panel,
    stock_numbers,
    stock_out_panel,
    store_panel,
    total_panel,
)
from forecasting.report.picture_words import forecast_of
from forecasting.report.sensitivity_document import SensitivityDocument
from forecasting.report.words import capital, weapon_name
from forecasting.salvos.spread import LEVELS

FORMATS = (".png", ".svg", ".html")
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
    """The fan chart and the running total: the last reports, then the median and the 50, 80 and 95 % intervals of every
    attack day, with three sample futures; beside them the same of the days together, and as many days before.

    past: the record; what it knows of days after the origin is drawn over the forecast as what came. theme: light or
    dark; language: en or uk; narrow: for a phone. So for every picture.
    """
    drawn = picture_style(theme, language, narrow=narrow)
    forecast = forecast_of(document)
    if not words.running_totals(forecast):  # a document of before they were told
        figure = drawn.figure(4.4 if narrow else 4.8)
        fan, total, of_fan, of_total = figure.subplots(), None, 1.0, 1.0
    elif narrow:
        figure, of_fan, of_total = drawn.figure(7.6), 1.0, 1.0
        fan, total = figure.subplots(2, 1, height_ratios=(5, 4))
    else:
        figure, of_fan, of_total = drawn.figure(4.8), 1 / 0.6, 1 / 0.4
        fan, total = figure.subplots(1, 2, width_ratios=(3, 2))
    fan_panel(fan, drawn, forecast, past, beside=of_fan)
    if total is not None:
        total_panel(total, drawn, forecast, past, of_total)
    drawn.shared_legend(figure)
    return figure


def supply_picture(
    document: ForecastDocument | PlanDocument, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """The output and the store of the scenario of a forecast, at the ends of months. Raises InputError without one."""
    forecast = forecast_of(document)
    if forecast.supply is None:
        raise InputError("this forecast is under no scenario: there is no output to draw")
    drawn = picture_style(theme, language, narrow=narrow)
    beside = 1 if narrow else 2
    figure = drawn.figure(6.4 if narrow else 3.6)
    output, store = figure.subplots(3 - beside, beside)
    whose = words.supply_line(forecast, drawn.words)
    output_panel(output, drawn, forecast.supply, forecast.origin, whose, beside)
    store_panel(store, drawn, forecast.supply, forecast.origin, whose, beside)
    drawn.shared_legend(figure)
    return figure


def stock_out_picture(
    document: PlanDocument, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """How likely each layer's stock has run short by each attack day. Raises InputError for a plan without stocks."""
    if not document.stock_out:
        raise InputError("no layer of this plan has interceptors: there is no stock to draw")
    drawn = picture_style(theme, language, narrow=narrow)
    figure = drawn.figure(4.2 if narrow else 3.8)
    axes = figure.subplots()
    stock_out_panel(axes, drawn, document, stock_numbers(document))
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
    drawn = picture_style(theme, language, narrow=narrow, names_width=_NAMES[narrow])
    figure = drawn.figure(4.2 if narrow else 3.8)
    axes = figure.subplots()
    calibration_panel(axes, drawn, document.calibration)
    drawn.legend(axes)
    return figure


def plan_picture(
    document: PlanDocument, past: LaunchHistory, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """All that a plan shows in one picture: the fan chart, the running total, output and store of its scenario, the
    stocks, and the calibration, where there are any."""
    drawn = picture_style(theme, language, narrow=narrow, names_width=_NAMES[narrow])
    totals, supply = bool(words.running_totals(document.forecast)), document.forecast.supply
    below = [totals, supply, supply, document.stock_out, document.calibration]
    heights = [3, *(2 for part in below if part)]
    figure = drawn.figure((1.75 if narrow else 1.6) * sum(heights))
    panels = iter(figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    fan_panel(next(panels), drawn, document.forecast, past)
    if totals:
        total_panel(next(panels), drawn, document.forecast, past)
    if supply:
        whose = words.supply_line(document.forecast, drawn.words)
        output_panel(next(panels), drawn, supply, document.forecast.origin, whose)
        store_panel(next(panels), drawn, supply, document.forecast.origin, whose)
    if document.stock_out:
        stock_out_panel(next(panels), drawn, document, stock_numbers(document))
    if document.calibration:
        calibration_panel(next(panels), drawn, document.calibration)
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
    drawn = picture_style(theme, language, narrow=narrow, names_width=_NAMES[narrow])
    forecast, t = forecast_of(document), drawn.words
    figure = drawn.figure((1.7 if narrow else 1.4) + 0.5 * len(forecast.windows))
    axes = figure.subplots()
    for place, window in enumerate(forecast.windows):
        nested_bars(axes, drawn, place, window.largest_day_drones, label=place == 0)
        reported = words.largest_before(forecast, past, window.n_days)
        if reported is not None:
            label = t("largest reported in as many days before") if place == 0 else None
            axes.plot(reported, place, "D", ms=6, color=drawn.theme.orange, label=label)
    names = [t.plural("{n} day", "{n} days", window.n_days) for window in forecast.windows]
    drawn.names(axes, names)
    axes.set_xlim(left=0)
    drawn.count_axis(axes, across=True)
    title = t("{weapons} on the largest attack day", weapons=capital(weapon_name(forecast.weapon_class, t)))
    drawn.frame(axes, title, words.model_line(forecast, t))
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
    drawn = picture_style(theme, language, narrow=narrow)
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
        title = capital(words.scenario_name(each, drawn.words))
        fan_panel(axes, drawn, forecast_of(each), past, title, beside)
    if n_kinds == 2:
        for axes, plan in zip(rows[1].axes, plans, strict=True):
            stock_out_panel(axes, drawn, plan, stock_numbers(*plans), beside)
    for row in rows:
        limits = np.array([(*axes.get_xlim(), *axes.get_ylim()) for axes in row.axes])
        for axes in row.axes:
            axes.set(xlim=(limits[:, 0].min(), limits[:, 1].max()), ylim=(0, limits[:, 3].max()))
        drawn.shared_legend(row)
    return figure


def tornado_picture(
    found: SensitivityDocument, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """What each assumption, in the lowest and the highest fifth of the futures, does to the cost of the orders, the
    leakers and each order; the widest swing on top, and noise left out."""
    drawn = picture_style(theme, language, narrow=narrow, names_width=105 if narrow else 260)
    t, panels = drawn.words, [(each, words.clear_swings(found, each)) for each in found.measures]
    panels = [(measure, shown) for measure, shown in panels if shown or measure.layer is None]
    heights = [max(len(shown), 2) + 3.0 for _, shown in panels]
    figure = drawn.figure((0.45 if narrow else 0.3) * sum(heights))
    ends = (
        ("low", drawn.theme.blue, t("in its lowest fifth"), ""),
        ("high", drawn.theme.orange, t("in its highest fifth"), "//"),  # told apart without colour too
    )
    all_axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (measure, shown) in zip(all_axes, panels, strict=True):
        unit = words.unit_of(measure)
        for end, colour, label, hatch in ends:
            widths = [(getattr(swing, end) - measure.value) / unit for swing in shown]
            style: dict[str, Any] = {"color": colour, "edgecolor": drawn.theme.background, "hatch": hatch}
            axes.barh(range(len(shown)), widths, left=measure.value / unit, label=label, **style)
        axes.axvline(measure.value / unit, color=drawn.theme.ink, lw=1)
        drawn.names(axes, [swing.assumption.replace(".", ". ") if narrow else swing.assumption for swing in shown])
        drawn.frame(axes, capital(words.measure_name(measure, t)), words.sensitivity_of(found, t))
        drawn.count_axis(axes, across=True)
        axes.set_xlim(left=0)  # a swing of a tenth looks like a tenth
    drawn.legend(all_axes[-1])
    return figure


def track_record_picture(
    record: TrackRecord, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """Above, the total of the week after each origin, forecast and as it came; below, each day of those weeks.

    Raises InputError where no target of the record is known.
    """
    if not record.totals and not record.days:
        raise InputError("no forecast of the last 90 days can be held against what came: ingest more reports")
    drawn = picture_style(theme, language, narrow=narrow)
    t = drawn.words
    figure = drawn.figure(6.4)
    above, below = figure.subplots(2, 1)
    for axes, targets, width, title in (
        (above, record.totals, 3.0, t("Weekly totals: forecast against what came")),
        (below, record.days, 0.8, t("Each attack day: forecast against what came")),
    ):
        places = days64([target.origin + timedelta(days=target.horizon) for target in targets])
        for level, colour in zip(reversed(LEVELS), drawn.theme.bands, strict=True):
            low, high = interval_ends([target.forecast for target in targets], level)
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
    "frontier": Picture(("document",), frontier_picture, describe_frontier),
    "supply": Picture(("document",), supply_picture, words.describe_supply),
    "calibration": Picture(("document",), calibration_picture, words.describe_calibration),
    "plan": Picture(("document", "past"), plan_picture, words.describe_plan),
    "comparison": Picture(("document", "other", "past"), comparison_picture, words.describe_comparison),
    "sensitivity": Picture(("sensitivity",), tornado_picture, words.describe_sensitivity),
    "track_record": Picture(("record",), track_record_picture, words.describe_track_record),
}
"""Every picture by name."""


def pictures_of(document: ForecastDocument | PlanDocument) -> tuple[str, ...]:
    """The names of the pictures that can be drawn of this document alone, with the past."""
    supply = ("supply",) if forecast_of(document).supply else ()
    if isinstance(document, ForecastDocument):
        return ("forecast", "largest_day", *supply)
    stocks = ("stock_out",) if document.stock_out else ()
    calibrated = ("calibration",) if document.calibration else ()
    worth = ("frontier",) if document.order_worth else ()
    return ("forecast", *stocks, "largest_day", *worth, *supply, *calibrated, "plan")


_ONE_AT_A_TIME = Lock()
"""Matplotlib's settings are the process's: two threads that change them would draw with each other's."""


@contextmanager
def _laid_out(figure: Figure, dpi: int) -> Iterator[None]:
    """The figure with its parts in their places: by itself Matplotlib would go through all of it once more for that, as
    if it drew it."""
    engine, own_dpi = figure.get_layout_engine(), figure.dpi
    FigureCanvasAgg(figure)
    figure.dpi = dpi
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine(None)
    try:
        yield
    finally:
        figure.set_layout_engine(engine)
        figure.dpi = own_dpi


def render(figure: Figure, suffix: str, title: str, description: str = "", *, language: str = "en") -> bytes:
    """The picture as a .png, .svg or self-contained .html file; the same figure gives the same bytes.

    The SVG refers to nothing outside itself; title and description are read out by screen readers, in that language.
    """
    if suffix not in FORMATS:
        raise InputError(f"cannot draw a '{suffix}' file: expected one of {', '.join(FORMATS)}")
    if suffix == ".png":
        buffer = BytesIO()
        with _ONE_AT_A_TIME, _laid_out(figure, 150):
            figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
        return buffer.getvalue()
    text = StringIO()
    with _ONE_AT_A_TIME, rc_context({"svg.hashsalt": "salvocast", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    drawn = text.getvalue()
    opening, _, rest = drawn[drawn.index("<svg") :].partition(">")  # without the document type, which names a DTD
    name, said = (html.escape(printable(text)) for text in (title, description or title))
    svg = (
        f'{opening} role="img" aria-labelledby="picture-title picture-description">\n'
        f'<title id="picture-title">{name}</title>\n<desc id="picture-description">{said}</desc>{rest}'
    )
    if suffix == ".svg":
        return f'<?xml version="1.0" encoding="utf-8"?>\n{svg}'.encode()
    page = (
        f'<!doctype html>\n<html lang="{language}">\n<meta charset="utf-8">\n<title>{name}</title>\n'
        "<style>body{margin:1rem;font-family:sans-serif}svg{max-width:100%;height:auto}</style>\n"
        f"<figure>\n{svg}</figure>\n</html>\n"
    )
    return page.encode()
