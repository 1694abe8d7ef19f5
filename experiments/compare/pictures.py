"""A picture of each frame, in the look of every other picture (`forecasting.report.drawing`)."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom

from experiments.backtest import INTERVALS
from experiments.compare.frames import BAND_NAMES
from experiments.folds import TOTAL_BANDS
from features.errors import InputError
from features.history import LaunchHistory
from features.records import weapons
from forecasting.report.drawing import PictureStyle, picture_style
from forecasting.salvos.model import REFERENCE_MODEL

PIT_BINS = 10
PAST_DAYS = 28
_NAMES = 130.0
_COLUMNS = 3
MOST_ROWS, MOST_LINES, MOST_PANELS = 24, 12, 12
"""Models in a list, as lines, in panels of their own: a picture of a sweep of hundreds shows the best of them, and says
so; all are in the frame."""
LARGEST_NAMED = 3
"""Strikes of the record that stand with their number."""
BANDS = {
    "h1": "day 1",
    "h2_7": "days 2 to 7",
    "h8_14": "days 8 to 14",
    "h15_28": "days 15 to 28",
    "total_7": "total of 7 days",
    "total_28": "total of 28 days",
}
"""Band -> as it is written."""


def record_picture(
    history: LaunchHistory, shifts: Sequence[date] = (), *, theme: str = "light", language: str = "en"
) -> Figure:
    """The record, day by day, with the mean of four weeks and the largest strikes by their number.

    Each day is a line at least a pixel wide: of years of bars that are thinner, those between two pixels are not drawn,
    and records are lost.

    Parameters
    ----------
    history : LaunchHistory
        The record.
    shifts : sequence of date
        Since when the level is another.
    theme, language
        As of `leaderboard_picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = picture_style(theme, language)
    figure = drawn.figure(3.6)
    axes = figure.subplots()
    days, counts = pd.to_datetime(pd.Series(history.days)), pd.Series(history.launched)
    axes.vlines(days, 0, counts, color=drawn.theme.grey, lw=1, label="drones launched")
    axes.plot(days, counts.rolling(28, min_periods=7).mean(), color=drawn.theme.blue, lw=2, label="mean of 28 days")
    for number, since in enumerate(shifts):
        label = "level shift" if number == 0 else None
        axes.axvline(pd.Timestamp(since), color=drawn.theme.orange, lw=1, ls="--", label=label)  # type: ignore[arg-type]
    for day, count in counts.set_axis(days).nlargest(LARGEST_NAMED).items():
        axes.annotate(
            f"{count:,.0f}",
            (day, count),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            fontsize=drawn.size,
            color=drawn.theme.ink,
        )
    drawn.date_axis(axes)
    axes.set_ylim(bottom=0)
    drawn.count_axis(axes)
    drawn.frame(
        axes, f"{weapons(history.weapon_class).capitalize()} reported launched per attack day", "decoys included"
    )
    drawn.legend(axes)
    return figure


def leaderboard_picture(
    board: pd.DataFrame,
    *,
    by: str | None = None,
    band: str = "total_28",
    theme: str = "light",
    language: str = "en",
) -> Figure:
    """WIS over the reference model's, of every model in every band; or in every window, of one band.

    Parameters
    ----------
    board : pandas.DataFrame
        As of `compare.leaderboard`.
    by : str, optional
        What the board is by, such as "window".
    band : str
        That is shown of a board by windows.
    theme : "light" or "dark"
        Of this and all pictures below.
    language : str
        Such as "en", of numbers and dates.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = picture_style(theme, language, names_width=_NAMES)
    _expect(board, "wis_ratio")
    shown = board if by is None else board[board["band"] == band]
    _expect(shown, by or "band")
    ranked = shown.groupby("model")["wis_ratio"].mean().sort_values().index.astype(str).tolist()
    models, beyond = _most(ranked, MOST_ROWS, "the best")
    figure = drawn.figure(1.6 + 0.28 * len(models))
    axes = figure.subplots()
    series = [each for each in BAND_NAMES if each in set(shown["band"])] if by is None else sorted(shown[by].unique())
    for index, each in enumerate(series):
        ratios = shown[shown[by or "band"] == each].set_index("model")["wis_ratio"].reindex(models)
        colour, marker = drawn.theme.lines[index % len(drawn.theme.lines)], "osD^vP<>X*"[index % 10]
        label = BANDS[each] if by is None else str(each)
        axes.plot(ratios, range(len(models)), marker, ms=6, color=colour, label=label)
    axes.axvline(1, color=drawn.theme.faint, lw=1)
    drawn.names(axes, models)
    _grid(axes, drawn, "x")
    of_band = "" if by is None else f", {BANDS[band]}"
    drawn.frame(axes, f"WIS over that of {REFERENCE_MODEL}{of_band}", "left of the line is better", beyond)
    drawn.legend(axes)
    return figure


def skill_picture(
    of: pd.DataFrame, models: Sequence[str] | None = None, *, theme: str = "light", language: str = "en"
) -> Figure:
    """WIS over the reference model's by days ahead, a week's mean around each day.

    Parameters
    ----------
    of : pandas.DataFrame
        As of `compare.scores`.
    models : sequence of str, optional
        To show, in this order; None for all, here and below.
    theme, language
        As of `leaderboard_picture`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        For scores without the reference model.
    """
    drawn = picture_style(theme, language)
    days = _days(of)
    means = days.pivot_table("wis", "horizon", "model", observed=True)
    if REFERENCE_MODEL not in means:
        raise InputError(f"the scores have none of {REFERENCE_MODEL}: expected the model that skill is measured by")
    smooth = means.rolling(7, center=True, min_periods=1).mean()
    smooth.loc[smooth.index == 1] = means.loc[means.index == 1]  # tomorrow is asked for by itself
    relative = smooth.div(smooth[REFERENCE_MODEL], axis=0).drop(columns=REFERENCE_MODEL)
    figure = drawn.figure(4.2)
    axes = figure.subplots()
    names, beyond = _chosen(models, relative.mean(), MOST_LINES)
    for index, model in enumerate(names):
        colour, dash = drawn.line(index)
        axes.plot(relative.index, relative[model], color=colour, ls=dash, lw=1.8, label=model)
    axes.axhline(1, color=drawn.theme.faint, lw=1)
    _grid(axes, drawn, "y")
    below = "across: attack days ahead; mean of the week around each, day 1 by itself; below the line is better"
    drawn.frame(axes, f"WIS over that of {REFERENCE_MODEL}, by days ahead", below, beyond)
    drawn.legend(axes)
    return figure


def pit_picture(
    of: pd.DataFrame,
    models: Sequence[str] | None = None,
    *,
    by: str | None = None,
    theme: str = "light",
    language: str = "en",
) -> Figure:
    """PIT histogram of the days, a panel for each model, and for each window where it is `by` that.

    Flat where its distributions hold; U where they are too narrow, a hump where too wide.

    Parameters
    ----------
    of, models, theme, language
        As of `skill_picture`.
    by : str, optional
        A column of the scores, such as "window".

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = picture_style(theme, language)
    days = _days(of)
    if by is not None:
        _expect(days, by)
    parts = [""] if by is None else sorted(days[by].unique())
    names, beyond = _chosen(
        models, days.groupby("model")["wis"].mean(), max(1, MOST_PANELS // len(parts)), in_order=True
    )
    shown = [(name, part) for name in names for part in parts][:MOST_PANELS]
    figure, panels = _panels(drawn, len(shown), 1.9)
    for axes, (model, part) in zip(panels, shown, strict=True):
        own = days[(days["model"] == model) & (True if by is None else days[by] == part)]
        values = own["pit"].to_numpy(dtype=float)
        shares = np.histogram(values, PIT_BINS, (0, 1))[0] / max(values.size, 1)
        axes.bar(
            (np.arange(PIT_BINS) + 0.5) / PIT_BINS,
            shares,
            0.9 / PIT_BINS,
            color=drawn.theme.blue,
            label="share of days",
        )
        low, high = binom.ppf([0.025, 0.975], values.size, 1 / PIT_BINS) / max(values.size, 1)
        axes.axhspan(
            low, high, color=drawn.theme.orange, alpha=0.25, lw=0, label="95 % of chance, were days independent"
        )
        axes.axhline(1 / PIT_BINS, color=drawn.theme.orange, lw=1)
        drawn.frame(axes, f"{model} {part}".strip(), f"{values.size} days", beyond, beside=_COLUMNS)
        axes.set_ylim(0, 0.3)
    drawn.shared_legend(figure)
    return figure


def coverage_picture(
    of: pd.DataFrame, models: Sequence[str] | None = None, *, theme: str = "light", language: str = "en"
) -> Figure:
    """Share of outcomes inside the 50, 80 and 95 % intervals, of days and totals.

    Parameters
    ----------
    of, models, theme, language
        As of `skill_picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn, narrower = picture_style(theme, language, names_width=_NAMES), picture_style(theme, language)
    kind = of["band"].where(of["band"].isin(TOTAL_BANDS), "days")
    shares = of.groupby(["model", kind])[[f"coverage_{level}" for level in INTERVALS]].mean()
    names, beyond = _chosen(models, _days(of).groupby("model")["wis"].mean(), MOST_ROWS, in_order=True)
    kinds = [each for each in ("days", *TOTAL_BANDS) if each in set(kind)]
    figure = drawn.figure(1.6 + 0.28 * len(names))
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False).flat
    for axes, each in zip(panels, kinds, strict=True):
        for index, level in enumerate(INTERVALS):
            colour = drawn.theme.lines[index]
            held = 100 * shares.xs(each, level="band")[f"coverage_{level}"].reindex(names)
            axes.plot(held, range(len(names)), "osD"[index], ms=5, color=colour, label=f"{level} % interval")
            axes.axvline(level, color=colour, lw=1, ls="--")
        axes.set_xlim(0, 102)
        drawn.names(axes, names)
        _grid(axes, drawn, "x")
        narrower.frame(
            axes, BANDS.get(each, "days"), "% of outcomes held; dashed: as promised", beyond, beside=len(kinds) + 1
        )
    drawn.shared_legend(figure)
    return figure


def differences_picture(
    differences: pd.DataFrame, band: str = "total_7", *, theme: str = "light", language: str = "en"
) -> Figure:
    """Mean difference to the other model in one band, with its 95 % interval.

    Parameters
    ----------
    differences : pandas.DataFrame
        As of `compare.paired_differences`.
    band : str
        One of its bands.
    theme, language
        As of `leaderboard_picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = picture_style(theme, language, names_width=_NAMES)
    of_band = differences[differences["band"] == band].sort_values("mean")
    _expect(of_band, "mean")
    _, beyond = _most(of_band["model"].tolist(), MOST_ROWS, "the best")
    rows = of_band.head(MOST_ROWS)
    figure = drawn.figure(1.4 + 0.26 * len(rows))
    axes = figure.subplots()
    places = np.arange(len(rows))
    error = [rows["mean"] - rows["low"], rows["high"] - rows["mean"]]
    axes.errorbar(
        rows["mean"], places, xerr=error, fmt="o", ms=5, capsize=3, color=drawn.theme.blue, label="mean, 95 % interval"
    )
    axes.axvline(0, color=drawn.theme.faint, lw=1)
    drawn.names(axes, rows["model"].tolist())
    _grid(axes, drawn, "x")
    other, n = rows["other"].iloc[0], rows["n_origins"].iloc[0]
    title = f"WIS less that of {other}, {BANDS.get(band, band)}, drones"
    drawn.frame(axes, title, f"left of the line is better; paired over {n} origins", beyond)
    drawn.legend(axes)
    return figure


def forecasts_picture(
    forecasts: pd.DataFrame,
    past: LaunchHistory | None = None,
    models: Sequence[str] | None = None,
    *,
    theme: str = "light",
    language: str = "en",
) -> Figure:
    """Fan charts from one origin, a panel for each model: the intervals, the median, and what came.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        As of `compare.forecasts_at`.
    past : LaunchHistory, optional
        The record, for the four weeks before; None shows none.
    models, theme, language
        As of `skill_picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = picture_style(theme, language)
    _expect(forecasts, "drones")
    of_median = forecasts[forecasts["quantile"] == 0.5]
    off = (of_median["drones"] - of_median["observed"]).abs().groupby(of_median["model"]).mean()
    names, beyond = _chosen(models, off, MOST_PANELS, in_order=True)
    figure, panels = _panels(drawn, len(names), 2.3)
    origin = pd.Timestamp(forecasts["origin"].iloc[0])
    for axes, model in zip(panels, names, strict=True):
        own = forecasts[forecasts["model"] == model]
        wide = own.pivot_table("drones", "attack_day", "quantile")
        for level, colour in zip(reversed(INTERVALS), drawn.theme.bands, strict=True):
            low, high = (round((1 + sign * level / 100) / 2, 3) for sign in (-1, 1))
            axes.fill_between(
                wide.index, wide[low], wide[high], color=colour, lw=0, step="mid", label=f"{level} % of futures"
            )
        axes.step(wide.index, wide[0.5], where="mid", color=drawn.theme.blue, lw=1.5, label="median")
        came = own.drop_duplicates("attack_day")
        axes.plot(came["attack_day"], came["observed"], "o", ms=3, color=drawn.theme.ink, label="what came")
        if past is not None:
            known = past.until(origin.date())
            axes.bar(
                known.days[-PAST_DAYS:],
                np.nan_to_num(known.launched[-PAST_DAYS:]),
                0.8,
                color=drawn.theme.grey,
                label="reported by then",
            )
        drawn.date_axis(axes)
        axes.tick_params(axis="x", labelrotation=30)
        axes.set_ylim(bottom=0)
        drawn.count_axis(axes)
        drawn.frame(axes, model, f"from {origin:%Y-%m-%d}", beyond, beside=_COLUMNS)
    top = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(0, top)
    drawn.shared_legend(figure)
    return figure


def weights_picture(weights: pd.DataFrame, *, theme: str = "light", language: str = "en") -> Figure:
    """The weights of the ensemble's members over time, as they are and as learned ones would have been.

    Parameters
    ----------
    weights : pandas.DataFrame
        As of `compare.ensemble_weights`.
    theme, language
        As of `leaderboard_picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = picture_style(theme, language)
    members = list(dict.fromkeys(weights["member"]))
    figure = drawn.figure(3.2)
    axes = figure.subplots()
    for index, member in enumerate(members):
        own = weights[weights["member"] == member]
        colour, _ = drawn.line(index)
        axes.step(own["origin"], 100 * own["learned"], where="post", color=colour, lw=1.8, label=f"{member}, learned")
        axes.plot(own["origin"], 100 * own["weight"], color=colour, lw=1.2, ls="--", label=f"{member}, as it is")
    axes.set_ylim(-2, 102)
    drawn.date_axis(axes)
    _grid(axes, drawn, "y")
    drawn.frame(
        axes,
        "Weights of the ensemble's members, %",
        "dashed: fixed, as the ensemble has them; drawn through: learned at each origin from the days before",
    )
    drawn.legend(axes)
    return figure


def champion_picture(history: pd.DataFrame, *, theme: str = "light", language: str = "en") -> Figure:
    """Which recipe served when, and its score against the reference where one was measured.

    Parameters
    ----------
    history : pandas.DataFrame
        As of `compare.champion_history`.
    theme, language
        As of `leaderboard_picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = picture_style(theme, language, names_width=_NAMES)
    _expect(history, "promoted_at")
    rows = history.iloc[::-1]  # the order of the log, which no clock can turn round
    names = list(dict.fromkeys(rows["model_id"]))
    figure = drawn.figure(1.7 + 0.35 * len(names))
    axes = figure.subplots()
    days = rows["promoted_at"].dt.tz_localize(None)
    places = rows["model_id"].map({name: place for place, name in enumerate(names)})
    axes.step(days, places, where="post", color=drawn.theme.grey, lw=1.5)
    for new, label, colour in (
        (False, "fitted to newer data", drawn.theme.blue),
        (True, "new recipe", drawn.theme.orange),
    ):
        own = rows["new_recipe"] == new
        if own.any():
            axes.plot(days[own], places[own], "D" if new else "o", ms=8 if new else 5, color=colour, label=label)
    for day, place, score in zip(days, places, rows["score"], strict=True):
        if not np.isnan(score):
            axes.annotate(
                f"{score:.2f}",
                (day, place),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=drawn.size,
            )
    drawn.date_axis(axes)
    axes.margins(x=0.08)
    drawn.names(axes, names)
    axes.set_ylim(len(names) - 0.5, -0.8)
    drawn.frame(axes, "Which recipe served", f"with its score at the held-out origins; 1: {REFERENCE_MODEL}")
    drawn.legend(axes)
    return figure


def _chosen(
    models: Sequence[str] | None, scored: "pd.Series[float]", most: int, *, in_order: bool = False
) -> tuple[list[str], str]:
    """The models to show, and which they are of how many, where that is not all: those that were asked for, else the
    best; by score, or by name where they are shown `in_order`."""
    if models is not None:
        return _most(list(models), most, "the first")
    names, beyond = _most(scored.sort_values().index.astype(str).tolist(), most, "the best")
    return (sorted(names) if in_order else names), beyond


def _most(names: list[str], most: int, which: str) -> tuple[list[str], str]:
    return names[:most], f"{which} {most} of {len(names)} models" if len(names) > most else ""


def _days(of: pd.DataFrame) -> pd.DataFrame:
    days = of[~of["band"].isin(TOTAL_BANDS)]
    _expect(days, "wis")
    return days


def _expect(frame: pd.DataFrame, column: str) -> None:
    if column not in frame or frame.empty:
        raise InputError(f"nothing to draw: expected rows with the column {column}")


def _panels(drawn: PictureStyle, n: int, height: float) -> tuple[Figure, list[Axes]]:
    """Panels of the same size, _COLUMNS to a row."""
    rows = -(-n // _COLUMNS)
    figure = drawn.figure(height * rows + 0.4)
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).flat
    used = list(panels)
    for axes in used[n:]:
        axes.remove()
    return figure, used[:n]


def _grid(axes: Axes, drawn: PictureStyle, axis: str) -> None:
    axes.grid(axis=axis, color=drawn.theme.faint, alpha=0.25, lw=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
