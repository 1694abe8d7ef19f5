"""Pictures of a backtest."""

from collections.abc import Sequence

import pandas as pd
from joblib import Parallel, delayed
from matplotlib.figure import Figure

from experiments.backtest import Backtest, Replay
from experiments.folds import TOTAL_BANDS
from features.errors import SalvocastError
from features.history import LaunchHistory
from forecasting.report.document import forecast_document
from forecasting.report.drawing import DASHES, THEMES
from forecasting.report.pictures import forecast_picture, render
from forecasting.salvos.model import REFERENCE_MODEL, Model, forecast

PIT_BINS = 10
COLOURS = THEMES["light"].lines


def backtest_pictures(
    result: Backtest, models: Sequence[Model], histories: Sequence[LaunchHistory], replay: Replay, n_jobs: int = 1
) -> dict[str, dict[str, bytes]]:
    """Model -> name -> PNG, and for "" those of all models together.

    Of each model that was scored its PIT, its coverage, and a fan chart from the end of each history.
    """
    made: dict[str, dict[str, bytes]] = {}
    if not result.scores.empty:
        made[""] = {"skill_by_horizon": render(skill_picture(result.scores), ".png", "skill by horizon")}
    tasks = []
    for model in models:
        scores = result.scores[result.scores["model"] == model.model_id]
        failed = set(result.failures.loc[result.failures["model"] == model.model_id, "origin"])
        if not scores.empty:
            shown = [history for history in histories if history.last_day not in failed]
            tasks.append((model, scores, shown, replay))
    pictures = Parallel(n_jobs=n_jobs)(delayed(_model_pictures)(*task) for task in tasks)
    return made | {task[0].model_id: of_model for task, of_model in zip(tasks, pictures, strict=True)}


def _model_pictures(
    model: Model, scores: pd.DataFrame, histories: Sequence[LaunchHistory], replay: Replay
) -> dict[str, bytes]:
    figures = {"pit": pit_picture(scores), "coverage": coverage_picture(scores)}
    for history in histories:
        try:
            salvos = forecast(model, history, replay.request, replay.seed)
        except SalvocastError:  # between two fits, where it was not fitted in the backtest: no picture, no failure
            continue
        figures[f"fan_chart_{history.last_day}"] = forecast_picture(forecast_document(salvos), history)
    return {name: render(figure, ".png", name) for name, figure in figures.items()}


def pit_picture(scores: pd.DataFrame) -> Figure:
    """PIT histogram of the days of one model: flat where its distributions hold."""
    days = _days(scores)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.hist(days["pit"], bins=PIT_BINS, range=(0, 1), density=True, color=COLOURS[0], edgecolor="white")
    axes.axhline(1, color="black", lw=1, ls="--")
    axes.set(
        xlabel="probability integral transform", ylabel="density", title=f"{days['model'].iloc[0]}, {len(days)} days"
    )
    return figure


def coverage_picture(scores: pd.DataFrame) -> Figure:
    """Nominal against observed coverage of one model, for the days and for each total."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    levels = [50, 80, 95]
    for index, (band, rows) in enumerate(scores.groupby(scores["band"].where(_is_total(scores), "days"), sort=True)):
        observed = [100 * rows[f"coverage_{level}"].mean() for level in levels]
        axes.plot(levels, observed, color=COLOURS[index], ls=DASHES[index], marker="o", label=str(band))
    axes.plot([0, 100], [0, 100], color="black", lw=1, ls="--")
    axes.set(xlabel="nominal coverage, %", ylabel="observed coverage, %", title=str(scores["model"].iloc[0]))
    axes.legend(frameon=False)
    return figure


def skill_picture(scores: pd.DataFrame) -> Figure:
    """WIS relative to the reference by horizon, one line per model; in drones where the reference did not run."""
    means = _days(scores).pivot_table(index="horizon", columns="model", values="wis")
    relative = REFERENCE_MODEL in means.columns
    if relative:
        means = means.div(means[REFERENCE_MODEL], axis=0)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for index, model in enumerate(means.columns):
        colour, dash = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
        axes.plot(means.index, means[model], color=colour, ls=dash, label=str(model))
    axes.set(
        xlabel="horizon, attack days",
        ylabel=f"WIS relative to {REFERENCE_MODEL}" if relative else "WIS, drones",
        ylim=(0, None),
    )
    axes.legend(frameon=False, fontsize="small", ncols=2)
    return figure


def _is_total(scores: pd.DataFrame) -> "pd.Series[bool]":
    return scores["band"].isin(TOTAL_BANDS)


def _days(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[~_is_total(scores)]
