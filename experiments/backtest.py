"""Rolling-origin backtest: forecasts of the past, each with what was published by then, scored by what came."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from time import perf_counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.folds import Band, bands_within
from features.errors import SalvocastError
from features.history import LaunchHistory
from forecasting.model import REFERENCE_MODEL, Model, SimulationRequest, forecast
from forecasting.scores import QUANTILE_LEVELS, covered, crps_from_paths, pinball_loss, wis
from forecasting.types import SalvoForecast

INTERVALS = (50, 80, 95)


@dataclass(frozen=True)
class Backtest:
    """The outcome of a backtest.

    scores: one row per model, origin and target (a day, or a total): model, origin, band, horizon (of a total its last
    day), observed, median, crps, wis, pinball_95, pinball_99, coverage_50, _80, _95 (0 or 1). Unknown days have no row.
    timings: model, origin, seconds (fit and paths). failures: model, origin, reason.
    forecasts: of the last origin, per model that did not fail there.
    """

    scores: pd.DataFrame
    timings: pd.DataFrame
    failures: pd.DataFrame
    forecasts: dict[str, SalvoForecast]

    def leaderboard(self) -> pd.DataFrame:
        """One row per model and band: the means over origins and days, best total first; see the README for columns.

        wis_ratio: against the reference model on the targets that both were scored on; NaN where it did not run.
        """
        scores = self.scores.assign(absolute_error=(self.scores["observed"] - self.scores["median"]).abs())
        means = {
            "n_origins": ("origin", "nunique"),
            "wis": ("wis", "mean"),
            "crps": ("crps", "mean"),
            "mae": ("absolute_error", "mean"),
            **{f"coverage_{level}": (f"coverage_{level}", "mean") for level in INTERVALS},
            "pinball_95": ("pinball_95", "mean"),
            "pinball_99": ("pinball_99", "mean"),
        }
        board = scores.groupby(["model", "band"], sort=False).agg(**means).reset_index()
        board.insert(4, "wis_ratio", _wis_ratio(scores, board))
        seconds = self.timings.groupby("model")["seconds"].median()
        failed = self.failures.groupby("model").size()
        board["seconds_per_origin"] = board["model"].map(seconds)
        board["failed_origins"] = board["model"].map(failed).fillna(0).astype(int)
        return board


def run_backtest(
    history_at: Callable[[date], LaunchHistory],
    truth: LaunchHistory,
    models: Sequence[Model],
    origins: Sequence[date],
    request: SimulationRequest,
    *,
    seed: int,
    on_origin: Callable[[Iterable[date]], Iterable[date]] = iter,
) -> Backtest:
    """Forecasts from every origin with every model and scores them.

    history_at: what was published by an origin (Ledger.history). truth: what is known now, used for scoring alone.
    A model that fails on an origin is a row of `failures`; no other model stands in for it.
    on_origin: wraps the origins, to show progress.
    """
    bands = bands_within(request.horizon)
    scores: list[dict[str, object]] = []
    timings: list[dict[str, object]] = []
    failures: list[dict[str, object]] = []
    forecasts: dict[str, SalvoForecast] = {}
    for origin in on_origin(origins):
        history = history_at(origin)
        observed = observed_after(truth, origin, request.horizon)
        for model in models:
            started = perf_counter()
            try:
                made = forecast(model, history, request, seed)
            except SalvocastError as error:
                failures.append({"model": model.model_id, "origin": origin, "reason": str(error)})
                continue
            timings.append({"model": model.model_id, "origin": origin, "seconds": perf_counter() - started})
            scores += [
                {"model": model.model_id, "origin": origin, **row}
                for band in bands
                for row in score_band(made, observed, band)
            ]
            if origin == origins[-1]:
                forecasts[model.model_id] = made
    return Backtest(
        _frame(scores, ["model", "origin", "band", "horizon", "observed", "median", "crps", "wis"]),
        _frame(timings, ["model", "origin", "seconds"]),
        _frame(failures, ["model", "origin", "reason"]),
        forecasts,
    )


def observed_after(truth: LaunchHistory, origin: date, horizon: int) -> NDArray[np.float64]:
    """(horizon,) the counts of the days after the origin; NaN where nothing is known (yet)."""
    start = (origin - truth.first_day).days + 1
    observed = np.full(horizon, np.nan)
    known = truth.launched[max(start, 0) : start + horizon]
    observed[: known.size] = known
    return observed


def score_band(made: SalvoForecast, observed: NDArray[np.float64], band: Band) -> list[dict[str, object]]:
    """The scores of one band: a row per day of it, or one for its total. Rows without an observation are left out."""
    paths = made.paths[:, band.first - 1 : band.last]
    values = observed[band.first - 1 : band.last]
    horizons = np.arange(band.first, band.last + 1)
    if band.total:
        paths, values, horizons = paths.sum(axis=1, keepdims=True), np.array([values.sum()]), horizons[-1:]
    quantiles = np.quantile(paths, QUANTILE_LEVELS, axis=0)
    losses = pinball_loss(quantiles, values, QUANTILE_LEVELS)
    columns: dict[str, NDArray[np.float64]] = {
        "observed": values,
        "median": np.median(paths, axis=0),
        "crps": crps_from_paths(paths, values),
        "wis": wis(quantiles, values),
        "pinball_95": losses[np.flatnonzero(QUANTILE_LEVELS == 0.95)[0]],
        "pinball_99": losses[np.flatnonzero(QUANTILE_LEVELS == 0.99)[0]],
    }
    for level in INTERVALS:
        tail = (1 - level / 100) / 2
        lower, upper = np.quantile(paths, [tail, 1 - tail], axis=0)
        columns[f"coverage_{level}"] = covered(lower, upper, values)
    return [
        {"band": band.name}
        | {name: column[index] for name, column in columns.items()}
        | {"horizon": int(horizons[index])}
        for index in range(values.size)
        if not np.isnan(values[index])
    ]


def _wis_ratio(scores: pd.DataFrame, board: pd.DataFrame) -> "pd.Series[float]":
    """Mean WIS over the reference's, on common targets: a model that failed on hard origins must not look better."""
    target = ["origin", "band", "horizon"]
    reference = scores.loc[scores["model"] == REFERENCE_MODEL, [*target, "wis"]]
    paired = scores.merge(reference, on=target, suffixes=("", "_reference"))
    sums = paired.groupby(["model", "band"])[["wis", "wis_reference"]].sum()
    ratios = sums["wis"] / sums["wis_reference"]
    return pd.Series(
        [ratios.get((row.model, row.band), np.nan) for row in board.itertuples()], index=board.index, dtype=float
    )


def _frame(rows: list[dict[str, object]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
