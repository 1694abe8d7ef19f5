"""Rolling-origin backtest: forecasts of the past, each with what was published by then, scored by what came."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.engine import Engine
from experiments.folds import Band, bands_within
from experiments.outside import OutsideForecasts
from features.errors import InputError, SalvocastError
from features.history import LaunchHistory
from features.records import QuietDayRule
from forecasting.record.scores import (
    QUANTILE_LEVELS,
    brier_score,
    covered,
    crps_from_paths,
    energy_score,
    pinball_loss,
    pit,
    wis,
    wis_parts,
)
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import REFERENCE_MODEL, Model, SimulationRequest, forecast, is_global, seen_by

HERE = Engine()
"""One process after another, on this machine."""
INTERVALS = (50, 80, 95)
FEWEST_KNOWN = 0.75
"""Share of the days of a total that must be known for it to be scored."""
THRESHOLDS = (200, 400, 600, 800)
COVERAGE_COLUMNS = tuple(f"coverage_{level}" for level in INTERVALS)
SCORE_COLUMNS = ["model", "origin", "band", "observed", "median", "crps", "wis", "dispersion", "overprediction"]
SCORE_COLUMNS += ["underprediction", "pit", "pinball_95", "pinball_99"]
SCORE_COLUMNS += [*(f"{end}_{level}" for level in INTERVALS for end in ("low", "high"))]
SCORE_COLUMNS += [*COVERAGE_COLUMNS, "horizon"]
QUANTILE_COLUMNS = tuple(f"quantile_{level:g}" for level in QUANTILE_LEVELS)
"""The quantiles that the WIS is of, so that anybody can score them again."""
SCORE_COLUMNS += QUANTILE_COLUMNS


@dataclass(frozen=True)
class Backtest:
    """The outcome of a backtest.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row per model, origin and target (a day, or a total): model, origin, band, horizon (of a total its last
        day), observed, median, crps, wis and its parts (dispersion, overprediction, underprediction), pit, pinball_95,
        pinball_99, the ends of the central intervals (low_50, high_50, ..., high_95, in drones), coverage_50, _80, _95
        (0 or 1), and the 15 quantiles that the WIS is of (quantile_0.01, ..., quantile_0.99, in drones). Unknown days
        have no row.
    timings : pandas.DataFrame
        model, origin, seconds (fit and paths).
    failures : pandas.DataFrame
        model, origin, reason.
    paths : pandas.DataFrame
        Scores of the whole path: model, origin, energy (drones), brier_200, _400, _600, _800 (of "a day of at least so
        many drones within the horizon").
    reference : pandas.DataFrame, optional
        Scores of the reference model on the same targets, where an earlier run has them; None where it ran here.
    """

    scores: pd.DataFrame
    timings: pd.DataFrame
    failures: pd.DataFrame
    paths: pd.DataFrame
    reference: pd.DataFrame | None = None

    def leaderboard(self) -> pd.DataFrame:
        """The means over origins and days.

        Returns
        -------
        pandas.DataFrame
            One row per model and band, best total first. Columns: as in experiments/benchmarks/README.md; wis_ratio is
            against the reference model on the targets that both were scored on, NaN where it did not run.
        """
        board = mean_scores(self.scores, reference=self.reference)
        seconds = self.timings.groupby("model")["seconds"].median()
        failed = self.failures.groupby("model").size()
        board["seconds_per_origin"] = board["model"].map(seconds)
        board["failed_origins"] = board["model"].map(failed).fillna(0).astype(int)
        return board

    def without_reference(self) -> "Backtest":
        """The same without the reference model, measured against its scores all the same.

        Returns
        -------
        Backtest
        """
        names = ("scores", "timings", "failures", "paths")
        own = {name: frame[frame["model"] != REFERENCE_MODEL] for name in names for frame in [getattr(self, name)]}
        return Backtest(**own, reference=self.scores)


def mean_scores(scores: pd.DataFrame, by: Sequence[str] = (), *, reference: pd.DataFrame | None = None) -> pd.DataFrame:
    """The mean scores over origins and days.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `Backtest.scores`.
    by : sequence of str
        Further columns of them, such as the window: a row for each of their values.
    reference : pandas.DataFrame, optional
        Scores that have the reference model; None where `scores` themselves do, if it ran.

    Returns
    -------
    pandas.DataFrame
        One row per `by`, model and band, with n_origins (int), wis (drones), wis_ratio (over the reference model's on
        the targets that both were scored on; NaN where there are none), crps, mae (drones), coverage_50, _80, _95
        (share), pinball_95, _99 (drones).
    """
    keys = [*by, "model", "band"]
    given = scores.assign(absolute_error=(scores["observed"] - scores["median"]).abs())
    means = {
        "n_origins": ("origin", "nunique"),
        "wis": ("wis", "mean"),
        "crps": ("crps", "mean"),
        "mae": ("absolute_error", "mean"),
        **{column: (column, "mean") for column in COVERAGE_COLUMNS},
        "pinball_95": ("pinball_95", "mean"),
        "pinball_99": ("pinball_99", "mean"),
    }
    board = given.groupby(keys, sort=False).agg(**means).reset_index()
    ratios = _wis_ratios(given, scores if reference is None else reference, keys)
    told = board[keys].merge(ratios, how="left", on=keys)["wis_ratio"]
    board.insert(len(keys) + 2, "wis_ratio", told)
    return board


@dataclass(frozen=True)
class Replay:
    """How the past is replayed.

    Parameters
    ----------
    request : SimulationRequest
        Days and paths of each forecast.
    seed : int
        The same at every origin.
    refit_every : int
        A model is fitted at every so many origins; from those between, its last forecast runs on.
    window_days : int, optional
        A model sees only so many days before the origin; None: all of them.

    Raises
    ------
    InputError
        For numbers that no backtest can have.
    """

    request: SimulationRequest
    seed: int
    refit_every: int = 1
    window_days: int | None = None

    def __post_init__(self) -> None:
        if self.refit_every < 1:
            raise InputError(f"refit-every is {self.refit_every}: expected 1 or more origins")
        if self.request.n_paths < 2:
            raise InputError(f"paths is {self.request.n_paths}: a score needs at least 2 simulated futures")


def replay_parameters(origins: Sequence[date], every: int, replay: Replay, quiet_days: QuietDayRule) -> dict[str, Any]:
    """What is logged of a backtest, beside its models and its data."""
    return {
        "first_origin": origins[0],
        "last_origin": origins[-1],
        "every": every,
        "horizon": replay.request.horizon,
        "refit_every": replay.refit_every,
        "window": "expanding" if replay.window_days is None else f"rolling {replay.window_days}",
        "n_paths": replay.request.n_paths,
        "seed": replay.seed,
        "quiet_day_rule": quiet_days,
    }


@dataclass(frozen=True)
class FoldScores:
    """What one model did from one origin.

    Parameters
    ----------
    model : str
        Its id.
    origin : date
        The attack day forecast from.
    data_digest : str
        Of the history that it was fitted to.
    rows : list of dict
        Its rows of `Backtest.scores`.
    path : dict of str to float, optional
        Its row of `Backtest.paths`; None where it failed.
    seconds : float, optional
        Of fit and paths; None where it failed.
    failure : str, optional
        Why it failed.
    """

    model: str
    origin: date
    data_digest: str
    rows: list[dict[str, Any]]
    path: dict[str, float] | None = None
    seconds: float | None = None
    failure: str | None = None


Others = Callable[[LaunchHistory], tuple[LaunchHistory, ...]]


def no_others(_: LaunchHistory) -> tuple[LaunchHistory, ...]:
    """The series stands alone."""
    return ()


def others_of(models: Sequence[Model], history: LaunchHistory, others: Others) -> tuple[LaunchHistory, ...]:
    """The other series, where one of the models learns from them."""
    return others(history) if any(map(is_global, models)) else ()


@dataclass(frozen=True)
class Series:
    """One theatre and weapon class to replay.

    history_at: what was published by an origin (Ledger.history). truth: what is known now, used for scoring alone.
    others: the other series as of the last day of a history (Ledger.others), which global models learn from too.
    """

    history_at: Callable[[date], LaunchHistory]
    truth: LaunchHistory
    origins: Sequence[date]
    others: Others = no_others

    def shown_at(self, origin: date, models: Sequence[Model]) -> LaunchHistory:
        """What was published by an origin; with the other series, where one of the models learns from them."""
        history = self.history_at(origin)
        return replace(history, others=others_of(models, history, self.others))


def run_backtest(
    history_at: Callable[[date], LaunchHistory],
    truth: LaunchHistory,
    models: Sequence[Model],
    origins: Sequence[date],
    replay: Replay,
    *,
    others: Others = no_others,
    engine: Engine = HERE,
    done: Sequence[FoldScores] = (),
    on_fold: Callable[[FoldScores], object] = lambda _: None,
) -> Backtest:
    """Forecasts from every origin with every model and scores them: `run_backtests` of one series.

    Parameters
    ----------
    history_at : callable
        Origin -> what was published by then (`Ledger.history`).
    truth : LaunchHistory
        What is known now, used for scoring alone.
    models : sequence of Model
        Each fitted anew; one that fails on an origin is a row of `failures`.
    origins : sequence of date
        See `experiments.folds.rolling_origins`.
    replay : Replay
        Days, paths, seed and refits.
    others : callable
        A history -> the other series as of its last day (`Ledger.others`), for global models.
    engine : Engine
        Where the folds are computed; the same numbers on any.
    done : sequence of FoldScores
        What an earlier run has finished.
    on_fold : callable
        Given each FoldScores as it is done.

    Returns
    -------
    Backtest
    """
    (result,) = run_backtests(
        [Series(history_at, truth, origins, others)], models, replay, engine=engine, done=done, on_fold=on_fold
    )
    return result


def run_backtests(
    every: Sequence[Series],
    models: Sequence[Model],
    replay: Replay,
    *,
    engine: Engine = HERE,
    done: Sequence[FoldScores] = (),
    on_fold: Callable[[FoldScores], object] = lambda _: None,
    shown: Collection[date] = (),
    on_forecast: Callable[[SalvoForecast, LaunchHistory], object] = lambda *_: None,
) -> list[Backtest]:
    """Forecasts from every origin of every series with every model and scores them, all on one engine, and returns a
    backtest for each series. The same numbers on any engine.

    A model that fails on an origin is a row of `failures`; no other model stands in for it.
    done: folds of an earlier, interrupted run; one of the same history is not computed again. on_fold: told of each
    fold as it is finished. on_forecast: told of the forecasts from the origins `shown`, each with what was known at
    its origin, but for those of `done`, of models that run elsewhere, and between two fits.
    """
    known = {(fold.model, fold.origin, fold.data_digest): fold for fold in done}
    finished: list[dict[tuple[str, date], FoldScores]] = [{} for _ in every]
    known_then: dict[tuple[int, date], LaunchHistory] = {}
    at_a_time = engine.at_a_time(len(models), sum(len(series.origins) for series in every) // replay.refit_every)

    def tasks() -> Iterator[tuple[Any, ...]]:
        for place, series in enumerate(every):
            for start in range(0, len(series.origins), replay.refit_every):
                group = series.origins[start : start + replay.refit_every]
                history = series.shown_at(group[0], models)
                keep = len(group) == 1 and group[0] in shown
                if keep:
                    known_then[place, group[0]] = history
                if replay.window_days is not None:
                    history = history.since(history.last_day - timedelta(days=replay.window_days - 1))
                outcomes = [series.truth.after(origin, replay.request.horizon) for origin in group]
                wanted = []
                for model in models:
                    digest = seen_by(model, history).digest if known else ""
                    earlier = [known.get((model.model_id, origin, digest)) for origin in group]
                    if None in earlier:
                        wanted.append(model)
                    finished[place] |= {(fold.model, fold.origin): fold for fold in earlier if fold}
                for first in range(0, len(wanted), at_a_time):
                    yield place, wanted[first : first + at_a_time], history, group, outcomes, replay, keep

    for place, folds, kept in engine.run(_score_models, tasks()):
        for fold in folds:
            finished[place][fold.model, fold.origin] = fold
            on_fold(fold)
        for salvos in kept:
            on_forecast(salvos, known_then[place, salvos.origin])
    return [
        _backtest([of_one[model.model_id, origin] for origin in series.origins for model in models])
        for series, of_one in zip(every, finished, strict=True)
    ]


def _backtest(folds: Sequence[FoldScores]) -> Backtest:
    def rows(of_fold: Callable[[FoldScores], Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        return [{"model": fold.model, "origin": fold.origin, **row} for fold in folds for row in of_fold(fold)]

    brier = [f"brier_{threshold}" for threshold in THRESHOLDS]
    return Backtest(
        _frame(rows(lambda fold: fold.rows), SCORE_COLUMNS),
        _frame(
            rows(lambda fold: [] if fold.seconds is None else [{"seconds": fold.seconds}]),
            ["model", "origin", "seconds"],
        ),
        _frame(
            rows(lambda fold: [] if fold.failure is None else [{"reason": fold.failure}]),
            ["model", "origin", "reason"],
        ),
        _frame(rows(lambda fold: [] if fold.path is None else [fold.path]), ["model", "origin", "energy", *brier]),
    )


def _score_models(
    place: int,
    models: Sequence[Model],
    history: LaunchHistory,
    group: Sequence[date],
    outcomes: Sequence[NDArray[np.float64]],
    replay: Replay,
    keep: bool,
) -> tuple[int, list[FoldScores], list[SalvoForecast]]:
    """The folds of these models, which series they are of, and the forecasts themselves where they are to be kept."""
    folds, kept = [], []
    for model in models:
        scored, salvos = score_group(model, seen_by(model, history), group, outcomes, replay)
        folds += scored
        kept += [salvos] if keep and salvos is not None else []
    return place, folds, kept


def score_group(
    model: Model,
    history: LaunchHistory,
    group: Sequence[date],
    outcomes: Sequence[NDArray[np.float64]],
    replay: Replay,
) -> tuple[list[FoldScores], SalvoForecast | None]:
    """Fits once, at the first origin of the group, and scores the forecast from each of its origins; with it the
    forecast, unless it failed or was made elsewhere."""
    horizon = replay.request.horizon
    furthest = (group[-1] - group[0]).days
    started = perf_counter()
    salvos = None
    try:
        request = SimulationRequest(horizon + furthest, replay.request.n_paths)
        if isinstance(model, OutsideForecasts):
            made = model.given(history, request)
        else:
            salvos = forecast(model, history, request, replay.seed)
            made = salvos.paths
    except SalvocastError as error:
        return [FoldScores(model.model_id, origin, history.digest, [], failure=str(error)) for origin in group], None
    seconds = (perf_counter() - started) / len(group)
    folds = []
    for origin, observed in zip(group, outcomes, strict=True):
        skipped = (origin - group[0]).days
        paths = made[:, skipped : skipped + horizon]
        rows = score_path(paths, observed, np.random.default_rng(origin.toordinal()))
        path = {"energy": energy_score(paths, observed)} | {
            f"brier_{threshold}": brier_score(paths, observed, threshold) for threshold in THRESHOLDS
        }
        folds.append(FoldScores(model.model_id, origin, history.digest, rows, path, seconds))
    return folds, salvos


def score_path(
    paths: NDArray[np.int64], observed: NDArray[np.float64], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """The rows of every band that the paths cover. rng: draws the randomised part of the PIT alone."""
    return _score_bands(paths, observed, bands_within(paths.shape[1]), rng)


def score_band(
    paths: NDArray[np.int64], observed: NDArray[np.float64], band: Band, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """The scores of one band: a row per day of it, or one for its total. Rows without an observation are left out.

    A total is that of the days that are known, of paths and observation alike; where more than a quarter are not, it is
    left out. paths: (n_paths, at least band.last) drones per day; observed: (horizon,) drones per day.
    """
    return _score_bands(paths, observed, (band,), rng)


_ENDS = [share for level in INTERVALS for share in ((1 - level / 100) / 2, 1 - (1 - level / 100) / 2)]
_LEVELS = [*QUANTILE_LEVELS, *_ENDS, 0.5]
"""Quantiles of the WIS, the ends of the intervals, and the median."""


@dataclass(frozen=True)
class _Targets:
    """What is scored of a band. counts, values: (n_targets, n_paths), (n_targets,) drones. horizons: (n_targets,)."""

    band: Band
    counts: NDArray[np.int64]
    values: NDArray[np.float64]
    horizons: NDArray[np.int64]

    @classmethod
    def of(cls, band: Band, paths: NDArray[np.int64], observed: NDArray[np.float64]) -> "_Targets | None":
        """None for a total of which too little is known."""
        counts, values = paths[:, band.first - 1 : band.last].T, observed[band.first - 1 : band.last]
        horizons = np.arange(band.first, band.last + 1)
        if not band.total:
            return cls(band, counts, values, horizons)
        known = ~np.isnan(values)
        if known.mean() < FEWEST_KNOWN:
            return None
        return cls(band, counts[known].sum(axis=0, keepdims=True), np.array([values[known].sum()]), horizons[-1:])


def _score_bands(
    paths: NDArray[np.int64], observed: NDArray[np.float64], bands: Sequence[Band], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """The rows of the bands. The futures of all targets are put in order together, once for all scores."""
    every = [targets for band in bands if (targets := _Targets.of(band, paths, observed)) is not None]
    if not every:
        return []
    ordered = np.sort(np.concatenate([targets.counts for targets in every]), axis=1).T
    quantiles = np.quantile(ordered, _LEVELS, axis=0)
    crps = crps_from_paths(ordered, np.concatenate([targets.values for targets in every]))
    rows, stop = [], 0
    for targets in every:
        start, stop = stop, stop + targets.values.size
        rows += _rows(targets, ordered[:, start:stop], quantiles[:, start:stop], crps[start:stop], rng)
    return rows


def _rows(
    targets: _Targets,
    ordered: NDArray[np.int64],
    of_levels: NDArray[np.float64],
    crps: NDArray[np.float64],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """The rows of a band; of_levels: (n_levels, n_targets) its quantiles at _LEVELS."""
    values, quantiles = targets.values, np.ascontiguousarray(of_levels[: QUANTILE_LEVELS.size])
    losses = pinball_loss(quantiles, values, QUANTILE_LEVELS)
    columns: dict[str, NDArray[np.float64]] = {
        "observed": values,
        "median": of_levels[-1],
        "crps": crps,
        "wis": wis(quantiles, values),
        **wis_parts(quantiles, values),
        "pit": pit(ordered, values, rng),
        "pinball_95": losses[np.flatnonzero(QUANTILE_LEVELS == 0.95)[0]],
        "pinball_99": losses[np.flatnonzero(QUANTILE_LEVELS == 0.99)[0]],
    }
    ends = of_levels[QUANTILE_LEVELS.size : -1]
    for level, lower, upper in zip(INTERVALS, ends[::2], ends[1::2], strict=True):
        columns |= {f"low_{level}": lower, f"high_{level}": upper}
        columns[f"coverage_{level}"] = covered(lower, upper, values)
    return [
        {"band": targets.band.name}
        | {name: column[index] for name, column in columns.items()}
        | {"horizon": int(targets.horizons[index])}
        | dict(zip(QUANTILE_COLUMNS, quantiles[:, index], strict=True))
        for index in range(values.size)
        if not np.isnan(values[index])
    ]


def _wis_ratios(scores: pd.DataFrame, reference: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The keys, and `wis_ratio`: mean WIS over the reference's, on common targets: a model that failed on hard origins
    must not look better."""
    target = ["origin", "band", "horizon"]
    theirs = reference.loc[reference["model"] == REFERENCE_MODEL, [*target, "wis"]]
    paired = scores.merge(theirs, on=target, suffixes=("", "_reference"))
    sums = paired.groupby(list(keys))[["wis", "wis_reference"]].sum()
    return (sums["wis"] / sums["wis_reference"]).rename("wis_ratio").reset_index()


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
