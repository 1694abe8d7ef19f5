"""The pictures of a forecast and of a plan: one definition for the command line, the tracker, notebooks and pages."""

import html
from datetime import timedelta
from io import BytesIO, StringIO

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from features.errors import InputError
from features.history import LaunchHistory
from features.records import weapons
from forecasting.calibration import Calibration
from forecasting.plan import Plan
from forecasting.report.parts import LEVELS
from forecasting.report.supply_document import ASSUMPTION_ONLY
from forecasting.scenario_forecast import SuppliedForecast
from forecasting.sensitivity import Sensitivity
from forecasting.types import SalvoForecast

FORMATS = (".png", ".svg", ".html")
PAST_DAYS = 60
TORNADO_BARS = 15

# Okabe and Ito (2008): told apart with every common kind of colour blindness.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#7A7A7A"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")


def forecast_picture(
    forecast: SalvoForecast, history: LaunchHistory, supplied: SuppliedForecast | None = None
) -> Figure:
    """The fan chart: the last reports, then the median and the 50, 80 and 95 % intervals of every attack day.

    supplied: the scenario that the forecast was made under; the picture says so.
    """
    figure = Figure(figsize=(10, 5), layout="constrained")
    _fan_chart(figure.subplots(), forecast, history, supplied)
    return figure


def plan_picture(plan: Plan) -> Figure:
    """The fan chart above, and below it how likely each layer's stock has run short by each attack day.

    Under both, where the defence is calibrated: the reported shares of neutralised drones beside those that it gives.
    """
    heights = (3, 2, 2) if plan.calibration else (3, 2)
    figure = Figure(figsize=(10, 1.6 * sum(heights)), layout="constrained")
    above, below, *last = figure.subplots(len(heights), 1, height_ratios=heights)
    _fan_chart(above, plan.forecast, plan.history, plan.supplied)
    _stock_out_chart(below, plan)
    if plan.calibration:
        _calibration_chart(last[0], plan.calibration)
    return figure


def tornado_picture(found: Sensitivity) -> Figure:
    """What each assumption, held low and high, does to the demand for interceptors; the widest swing on top."""
    swings = found.swings[:TORNADO_BARS][::-1]
    figure = Figure(figsize=(10, 1.5 + 0.35 * max(len(swings), 1)), layout="constrained")
    axes = figure.subplots()
    names = [swing.assumption for swing in swings]
    for end, colour, label in (("low", _BLUE, "held at its 10 % level"), ("high", _ORANGE, "held at its 90 % level")):
        widths = [getattr(swing, end) - found.base for swing in swings]
        hatch = None if end == "low" else "//"  # told apart without colour too
        axes.barh(names, widths, left=found.base, color=colour, alpha=0.8, hatch=hatch, label=label)
    axes.axvline(found.base, color=_GREY, lw=1)
    axes.set_xlabel(f"interceptors needed over {found.horizon} attack days, all layers together")
    alone = f"{ASSUMPTION_ONLY}: " if found.assumption_only else ""
    axes.set_title(
        f"{alone}{found.theatre}, scenario {found.scenario}: what moves the demand", loc="left", fontsize="medium"
    )
    axes.legend(loc="lower right", fontsize="small", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def rendered(figure: Figure, suffix: str, title: str) -> bytes:
    """The picture as a .png, .svg or self-contained .html file; the same figure gives the same bytes."""
    if suffix == ".png":
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
        return buffer.getvalue()
    if suffix not in FORMATS:
        raise InputError(f"cannot draw a '{suffix}' file: expected one of {', '.join(FORMATS)}")
    text = StringIO()
    with rc_context({"svg.hashsalt": "salvocast", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    if suffix == ".svg":
        return svg.encode()
    name = html.escape(title)
    page = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{name}</title>\n'
        "<style>body{margin:1rem;font-family:sans-serif}svg{max-width:100%;height:auto}</style>\n"
        f'<figure role="img" aria-label="{name}">\n{svg[svg.index("<svg") :]}</figure>\n</html>\n'
    )
    return page.encode()


def _fan_chart(axes: Axes, forecast: SalvoForecast, history: LaunchHistory, supplied: SuppliedForecast | None) -> None:
    # The record of another theatre, whose shape is borrowed, is no past of this one.
    n_days = 0 if supplied and supplied.assumption_only else min(PAST_DAYS, history.launched.size)
    past_days, past = history.days[history.days.size - n_days :], history.launched[history.launched.size - n_days :]
    massed = past >= forecast.massed_threshold
    axes.bar(past_days, np.nan_to_num(past), color=np.where(massed, _ORANGE, _GREY), width=0.8, label="reported")
    unknown = np.isnan(past)
    axes.plot(
        past_days[unknown], np.zeros(unknown.sum()), "x", color=_GREY, label="not known" if unknown.any() else None
    )
    days = np.array(forecast.days, dtype="datetime64[D]")
    for level, opacity in zip(reversed(LEVELS), (0.15, 0.3, 0.5), strict=True):
        low, high = np.quantile(forecast.paths, [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf")
        axes.fill_between(
            days, low, high, color=_BLUE, alpha=opacity, lw=0, step="mid", label=f"{level:.0%} of futures"
        )
    axes.step(
        days,
        np.quantile(forecast.paths, 0.5, axis=0, method="inverted_cdf"),
        where="mid",
        color=_BLUE,
        lw=2,
        label="median",
    )
    axes.axhline(
        forecast.massed_threshold,
        color=_ORANGE,
        lw=1,
        ls="--",
        label=f"massed strike ({forecast.massed_threshold:,} or more)",
    )
    axes.set_ylabel(f"{weapons(forecast.weapon_class)} launched per attack day")
    axes.set_ylim(bottom=0)
    scenario = f", scenario {supplied.scenario.name}" if supplied else ""
    alone = f"{ASSUMPTION_ONLY}: " if supplied and supplied.assumption_only else ""
    axes.set_title(
        f"{alone}{forecast.theatre}, {forecast.weapon_class}: as of {forecast.origin}, model {forecast.model_id}"
        f"{scenario}, data {forecast.data_digest[:12]}",
        loc="left",
        fontsize="medium",
    )
    axes.legend(loc="upper left", fontsize="small", frameon=False, ncols=2)
    _date_axis(axes)


def _stock_out_chart(axes: Axes, plan: Plan) -> None:
    days = [plan.forecast.origin + timedelta(days=step) for step in range(1, plan.forecast.horizon + 1)]
    names = {layer.id: layer.name for layer in plan.defence.layers}
    for index, stock in enumerate(plan.engagements.stocks):
        axes.plot(
            np.array(days, dtype="datetime64[D]"),
            100 * stock.stock_out_by_day,
            color=COLOURS[index % len(COLOURS)],
            ls=DASHES[index % len(DASHES)],
            label=names[stock.layer_id],
        )
    axes.axhline(100 * (1 - plan.service_level), color=_GREY, lw=1, label=f"service level {plan.service_level:.0%}")
    axes.set_ylabel("chance that the stock\nhas run short by then (%)")
    axes.set_ylim(0, max(20.0, min(100.0, 1.5 * axes.get_ylim()[1])))  # room for the legend
    axes.set_title("Stock and supply as stated, before the order", loc="left", fontsize="medium")
    axes.legend(loc="upper left", fontsize="small", frameon=False, ncols=2)
    _date_axis(axes)


def _calibration_chart(axes: Axes, found: Calibration) -> None:
    styles = (("prior", "ranges as stated, 80 %", _GREY, -0.12), ("posterior", "calibrated, 80 %", _BLUE, 0.12))
    places = np.arange(len(found.periods))
    for draws, label, colour, shift in styles:
        low, middle, high = 100 * np.array([getattr(period, draws) for period in found.periods]).T
        error = [middle - low, high - middle]
        axes.errorbar(places + shift, middle, error, color=colour, fmt="s", ms=3, capsize=3, lw=1.5, label=label)
    reported = [100 * period.low for period in found.periods]
    axes.plot(places, reported, "D", color=_ORANGE, ms=6, label="reported")
    axes.set_xticks(places, [period.name for period in found.periods], fontsize="small")
    axes.set_ylabel("neutralised drones (%)")
    axes.set_title(
        f"Held against {found.n_nights} nights with reported losses: what the defence of {found.origin} makes of them",
        loc="left",
        fontsize="medium",
    )
    axes.legend(loc="best", fontsize="small", frameon=False, ncols=3)
    axes.spines[["top", "right"]].set_visible(False)


def _date_axis(axes: Axes) -> None:
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.spines[["top", "right"]].set_visible(False)
