"""Pictures of a backtest, for the pages of its runs in MLflow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom

from experiments.backtest import INTERVALS, Backtest, Replay
from experiments.folds import TOTAL_BANDS
from features.errors import SalvocastError
from features.history import LaunchHistory
from forecasting.report.document import forecast_document
from forecasting.report.drawing import DASHES, THEMES
from forecasting.report.pictures import forecast_picture, render
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import REFERENCE_MODEL, Model, forecast

PIT_BINS = 10
MOST_LINES = 12
"""Models in one picture: of more nobody tells the lines apart."""
COLOURS = THEMES["light"].lines


Begin = Callable[..., Callable[[], bytes]]
"""Takes what draws a picture and what it is given, and returns what gives the picture (`experiments.engine.beside`)."""


def when_asked(draw: Callable[..., bytes], *given: object) -> Callable[[], bytes]:
    """Drawn by who asks for it."""
    return partial(draw, *given)


class Pictures(Mapping[str, bytes]):
    """Name -> PNG, each waited for when it is asked for."""

    def __init__(self, waiting: Mapping[str, Callable[[], bytes]]) -> None:
        self._waiting = waiting

    def __getitem__(self, name: str) -> bytes:
        return self._waiting[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)


def backtest_pictures(
    result: Backtest,
    models: Sequence[Model],
    histories: Sequence[LaunchHistory],
    replay: Replay,
    begin: Begin = when_asked,
    begun: Mapping[tuple[str, date], Callable[[], bytes]] | None = None,
) -> dict[str, Pictures]:
    """Model -> its pictures, and for "" those of all models together.

    Of each model that was scored a summary, and a fan chart from the end of each history. begin: where they are drawn.
    begun: (model, origin) -> its fan chart, where its forecast was at hand; the others are forecast again.
    """
    made: dict[str, Pictures] = {}
    reference = result.scores if result.reference is None else result.reference
    if not result.scores.empty:
        made[""] = Pictures({"skill_by_horizon": begin(_skill, result.scores, reference)})
    for model in models:
        scores = result.scores[result.scores["model"] == model.model_id]
        if scores.empty:
            continue
        failed = set(result.failures.loc[result.failures["model"] == model.model_id, "origin"])
        drawn = {"summary": begin(_summary, scores, reference[reference["model"] == REFERENCE_MODEL])}
        for history in histories:
            chart = (begun or {}).get((model.model_id, history.last_day))
            if chart is None and history.last_day not in failed:
                try:
                    chart = begin(fan_chart, forecast(model, history, replay.request, replay.seed), history)
                except SalvocastError:  # between two fits, where it was not fitted in the backtest: no picture
                    continue
            if chart is not None:
                drawn[f"fan_chart_{history.last_day}"] = chart
        made[model.model_id] = Pictures(drawn)
    return made


def fan_chart(salvos: SalvoForecast, history: LaunchHistory) -> bytes:
    """The picture of a forecast, with what was known at its origin."""
    return render(forecast_picture(forecast_document(salvos), history), ".png", f"fan_chart_{salvos.origin}")


def _summary(scores: pd.DataFrame, reference: pd.DataFrame) -> bytes:
    return render(summary_picture(scores, reference), ".png", "summary")


def _skill(scores: pd.DataFrame, reference: pd.DataFrame) -> bytes:
    return render(skill_picture(scores, reference), ".png", "skill by horizon")


def summary_picture(scores: pd.DataFrame, reference: pd.DataFrame) -> Figure:
    """What a run of one model is opened for, in four panels.

    Its skill by days ahead; its longest totals, forecast and come; its PIT; its coverage. scores: of the model.
    reference: that have the reference model, if any has.
    """
    figure = Figure(figsize=(11, 7), layout="constrained")
    figure.suptitle(f"{scores['model'].iloc[0]}, {scores['origin'].nunique()} origins", fontweight="bold")
    (skill, totals), (pit, coverage) = figure.subplots(2, 2)
    _draw_skill(skill, scores, reference)
    _draw_totals(totals, scores)
    _draw_pit(pit, _days(scores)["pit"].to_numpy(dtype=float))
    _draw_coverage(coverage, scores)
    return figure


def skill_picture(scores: pd.DataFrame, reference: pd.DataFrame) -> Figure:
    """WIS relative to the reference by horizon, one line per model; in drones where the reference did not run.

    Of more models than anybody tells apart, those with the least.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    _draw_skill(figure.subplots(), scores, reference)
    return figure


def _draw_skill(axes: Axes, scores: pd.DataFrame, reference: pd.DataFrame) -> None:
    means = _days(scores).pivot_table(index="horizon", columns="model", values="wis")
    of_reference = reference[reference["model"] == REFERENCE_MODEL]
    if len(of_reference):
        means = means.div(_days(of_reference).groupby("horizon")["wis"].mean(), axis=0)
    best = means.mean().nsmallest(MOST_LINES).index
    for index, model in enumerate(each for each in means.columns if each in best):
        colour, dash = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
        axes.plot(means.index, means[model], color=colour, ls=dash, label=str(model))
    beyond = f", the best {MOST_LINES} of {means.shape[1]} models" if means.shape[1] > MOST_LINES else ""
    axes.axhline(1, color="black", lw=1, ls="--", visible=bool(len(of_reference)))
    axes.set(
        xlabel="horizon, attack days",
        ylabel=f"WIS relative to {REFERENCE_MODEL}" if len(of_reference) else "WIS, drones",
        title=f"Skill by horizon{beyond}",
        ylim=(0, None),
    )
    axes.legend(frameon=False, fontsize="small", ncols=2)


def _draw_totals(axes: Axes, scores: pd.DataFrame) -> None:
    """The longest total from each origin: 80 % range, median, and what came."""
    band = next((each for each in reversed(TOTAL_BANDS) if each in set(scores["band"])), None)
    rows = scores[scores["band"] == band].sort_values("origin")
    origins = pd.to_datetime(rows["origin"])
    axes.vlines(origins, rows["low_80"], rows["high_80"], color=COLOURS[0], lw=4, alpha=0.4, label="80 % of futures")
    axes.plot(origins, rows["median"], "_", color=COLOURS[0], ms=8, label="median")
    axes.plot(origins, rows["observed"], "o", color="black", ms=3, label="what came")
    days = rows["horizon"].max() if len(rows) else 0
    axes.set(xlabel="origin", ylabel="drones", title=f"Totals of {days} days", ylim=(0, None))
    axes.tick_params(axis="x", labelrotation=30)
    axes.legend(frameon=False, fontsize="small")


def _draw_pit(axes: Axes, values: np.ndarray) -> None:
    """PIT histogram of the days: flat where the distributions hold."""
    axes.hist(values, bins=PIT_BINS, range=(0, 1), density=True, color=COLOURS[0], edgecolor="white")
    low, high = binom.ppf([0.025, 0.975], values.size, 1 / PIT_BINS) / max(values.size, 1) * PIT_BINS
    axes.axhspan(low, high, color=COLOURS[1], alpha=0.25, lw=0, label="95 % of chance, were days independent")
    axes.axhline(1, color="black", lw=1, ls="--")
    axes.set(xlabel="probability integral transform", ylabel="density", title=f"PIT of {values.size} days")
    axes.legend(frameon=False, fontsize="small")


def _draw_coverage(axes: Axes, scores: pd.DataFrame) -> None:
    """Nominal against observed coverage, for the days and for each total."""
    for index, (band, rows) in enumerate(scores.groupby(scores["band"].where(_is_total(scores), "days"), sort=True)):
        observed = [100 * rows[f"coverage_{level}"].mean() for level in INTERVALS]
        axes.plot(INTERVALS, observed, color=COLOURS[index], ls=DASHES[index], marker="o", label=str(band))
    axes.plot([0, 100], [0, 100], color="black", lw=1, ls="--")
    axes.set(xlabel="nominal coverage, %", ylabel="observed coverage, %", title="Do the ranges hold?")
    axes.legend(frameon=False)


def _is_total(scores: pd.DataFrame) -> "pd.Series[bool]":
    return scores["band"].isin(TOTAL_BANDS)


def _days(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[~_is_total(scores)]
