"""Replay of a production scenario: at every origin what was published by then, reports and estimates, against the
totals and the largest day of the months that followed, and against forecasts that know no production."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.backtest import HERE, score_band
from experiments.engine import Engine
from experiments.folds import Band
from features.history import LaunchHistory
from features.lags import exponential_mean
from features.scenario_parts import DAYS_PER_MONTH
from features.scenarios import ProductionScenario
from forecasting.salvos.model import Model, SimulationRequest, forecast
from forecasting.salvos.sampling import exponential_weights
from forecasting.supply.scenario_forecast import ScenarioRequest, under_scenario

HORIZONS = (90, 180, 365)
MONTH, WEEK = 28, 7
TREND_DAYS = 180
WALK_FLOOR = 5.0
"""Drones per day; the best of .5, 1 and 5 in hindsight: the weak months of 2022 and 2023 make the others too wide."""
LEVEL_HALF_LIFE, SUMS_HALF_LIFE = 28.0, 180.0
FEWEST_SUMS = 28
SCENARIO = "scenario, as published"
COLUMNS = ["model", "origin", "target", "observed", "median", "wis", "coverage_80", "coverage_95", "pinball_95"]

Samples = dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Horizon in days -> draws (n,) of the total and of the largest day."""
Baseline = Callable[[LaunchHistory, int, np.random.Generator], Samples]
"""(history, draws, generator) -> samples."""


@dataclass(frozen=True)
class ExpertForecast:
    """A published forecast of a total, or of the largest day, on the days from `first` to `last`."""

    name: str
    published: date
    first: date
    last: date
    largest_day: bool
    drones: float


def published_experts() -> list[ExpertForecast]:
    """The bundled forecasts of experts (features/bundled/expert_forecasts.csv); of a range its mode, or its one end."""
    with resources.files("features.bundled").joinpath("expert_forecasts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    experts = []
    for row in rows:
        first, last = date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])
        months = (last - first).days / DAYS_PER_MONTH if row["unit"] == "drones_per_month" else 1.0
        drones = float(row["mode"] or row["low"] or row["high"]) * months
        experts.append(
            ExpertForecast(
                row["forecaster"],
                date.fromisoformat(row["source_date"]),
                first,
                last,
                row["measure"] == "largest_day",
                drones,
            )
        )
    return experts


@dataclass(frozen=True)
class ScenarioBacktest:
    """scores: one row per model, origin and target (total_90, ..., largest_365): observed, median, wis, coverage_80 and
    _95 (0 or 1), pinball_95. experts: one row per published forecast: expert, published, forecast, observed, and our
    median, low and high (95 %) with what was known that day, inside (whether the observed value is in it)."""

    scores: pd.DataFrame
    experts: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """One row per model and target, means over origins: n, wis, coverage_80, coverage_95, pinball_95."""
        means = {name: (name, "mean") for name in ("wis", "coverage_80", "coverage_95", "pinball_95")}
        grouped = self.scores.groupby(["model", "target"], sort=False)
        return grouped.agg(n=("origin", "size"), **means).reset_index()


def month_ends(first: date, last: date) -> tuple[date, ...]:
    """The last days of the months from first to last."""
    return tuple(day.date() for day in pd.date_range(first, last, freq="ME"))


def run_scenario_backtest(
    history_at: Callable[[date], LaunchHistory],
    truth: LaunchHistory,
    model: Model,
    published: ProductionScenario,
    origins: Sequence[date],
    *,
    n_paths: int,
    seed: int,
    experts: Sequence[ExpertForecast] = (),
    engine: Engine = HERE,
    on_origin: Callable[[date], object] = lambda _: None,
) -> ScenarioBacktest:
    """Scores the scenario, the salvo model alone and the baselines at every origin.

    history_at: what was published by an origin (Ledger.history). truth: what is known now, used for scoring alone; a
    target with an unknown day in it has no row. The scenario is cut to what was published too, at the origin and at
    each past origin from which its weights are learned.
    """
    by_origin = {}
    tasks = [
        (model, published, history_at(origin), truth.after(origin, HORIZONS[-1]), n_paths, seed) for origin in origins
    ]
    for origin, of_origin in engine.run(_score_origin, tasks):
        by_origin[origin] = of_origin
        on_origin(origin)
    rows = [row for origin in origins for row in by_origin[origin]]
    checks = [
        check
        for expert in experts
        if (check := _check_expert(expert, history_at(expert.published), truth, model, published, n_paths, seed))
        is not None
    ]
    return ScenarioBacktest(pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(checks))


def _score_origin(
    model: Model,
    published: ProductionScenario,
    history: LaunchHistory,
    observed: NDArray[np.float64],
    n_paths: int,
    seed: int,
) -> tuple[date, list[dict[str, object]]]:
    """The origin and the rows of the scenario, of the salvo model alone and of the baselines."""
    origin = history.last_day
    salvos = forecast(model, history, SimulationRequest(HORIZONS[-1], n_paths), seed)
    request = ScenarioRequest(published, published, history.theatre)
    samples = {
        SCENARIO: of_paths(under_scenario(salvos, history, request).forecast.paths),
        f"{model.model_id} alone": of_paths(salvos.paths),
    }
    for name, baseline in BASELINES.items():
        samples[name] = baseline(history, n_paths, np.random.default_rng([seed, origin.toordinal()]))
    return origin, [row for name, drawn in samples.items() for row in _rows(name, origin, drawn, observed)]


def of_paths(paths: NDArray[np.int64] | NDArray[np.float64]) -> Samples:
    """The totals and the largest days of paths (n, 365)."""
    return {days: (paths[:, :days].sum(axis=1), paths[:, :days].max(axis=1)) for days in HORIZONS}


def last_days(history: LaunchHistory, n: int, rng: np.random.Generator) -> Samples:
    """The last 28 known days, resampled."""
    return of_paths(rng.choice(history.known[-MONTH:], size=(n, HORIZONS[-1])))


def log_linear_trend(history: LaunchHistory, n: int, rng: np.random.Generator) -> Samples:
    """A straight line through the logs (of one drone more) of weekly means of the last 180 days, carried on: the line
    drawn from its sampling distribution by least squares; the days are drawn relative to it as they were."""
    counts = np.nan_to_num(history.launched[-TREND_DAYS:])
    weeks = counts[counts.size % WEEK :].reshape(-1, WEEK)
    logs = np.log(weeks.mean(axis=1) + 1.0)
    design = np.column_stack([np.ones(logs.size), np.arange(logs.size)])
    inverse = np.linalg.inv(design.T @ design).real
    line = inverse @ design.T @ logs
    error = logs - design @ line
    lines = rng.multivariate_normal(line, float(error @ error) / (logs.size - 2) * inverse, size=n)
    ahead = logs.size - 0.5 + (np.arange(HORIZONS[-1]) + 0.5) / WEEK
    shape = rng.choice((weeks / np.exp(design @ line)[:, np.newaxis]).ravel(), size=(n, ahead.size))
    return of_paths(np.exp(lines[:, :1] + lines[:, 1:] * ahead) * shape)


def past_sums(history: LaunchHistory, n: int, rng: np.random.Generator) -> Samples:
    """The level times past sums, and past largest days, relative to the level before them; recent ones weigh more.

    A horizon for which fewer than 28 past days have an outcome is left out.
    """
    counts = np.nan_to_num(history.launched)
    levels = np.maximum(exponential_mean(history.launched, LEVEL_HALF_LIFE), 0.5)
    samples: Samples = {}
    for horizon in HORIZONS:
        starts = np.arange(MONTH, counts.size - horizon)
        if starts.size < FEWEST_SUMS:
            continue
        ahead = np.lib.stride_tricks.sliding_window_view(counts, horizon)[starts + 1]
        drawn = rng.choice(starts.size, size=n, p=exponential_weights(starts.size, SUMS_HALF_LIFE))
        relative = levels[-1] / levels[starts[drawn]]
        samples[horizon] = ahead.sum(axis=1)[drawn] * relative, ahead.max(axis=1)[drawn] * relative
    return samples


def half_drift_walk(history: LaunchHistory, n: int, rng: np.random.Generator) -> Samples:
    """A random walk on the log of 28-day means, of WALK_FLOOR drones a day more, with the spread and half the mean of
    its past steps; the days are the last 28 known ones over their mean, resampled."""
    n_blocks = history.launched.size // MONTH
    blocks = history.launched[-n_blocks * MONTH :].reshape(n_blocks, MONTH)
    logs = np.log([block[~np.isnan(block)].mean() + WALK_FLOOR for block in blocks if not np.isnan(block).all()])
    steps = np.diff(logs)
    n_ahead = -(-HORIZONS[-1] // MONTH)
    walk = logs[-1] + (0.5 * steps.mean() + steps.std() * rng.standard_normal((n, n_ahead))).cumsum(axis=1)
    last = history.known[-MONTH:]
    shape = rng.choice(last / max(float(last.mean()), 0.5), size=(n, n_ahead * MONTH))
    return of_paths(np.maximum(np.repeat(np.exp(walk), MONTH, axis=1) - WALK_FLOOR, 0.0) * shape)


BASELINES: dict[str, Baseline] = {
    "last 28 days": last_days,
    "log-linear trend of 180 days": log_linear_trend,
    "past sums relative to the level": past_sums,
    "random walk, half the past drift": half_drift_walk,
}


FEWEST_KNOWN = 0.95
"""Share of the days of a total that must be known."""


def _outcomes(observed: NDArray[np.float64]) -> tuple[float, float]:
    """Total and largest day; NaN where the last day is not known (it may not have come), or more than a few are not.

    A few silent days, most of them pauses, count as the others do on average.
    """
    known = observed[~np.isnan(observed)]
    if np.isnan(observed[-1]) or known.size < FEWEST_KNOWN * observed.size:
        return float("nan"), float("nan")
    return float(known.mean()) * observed.size, float(known.max())


def _rows(name: str, origin: date, samples: Samples, observed: NDArray[np.float64]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for days, drawn in samples.items():
        outcomes = _outcomes(observed[:days])
        for target, draws, outcome in zip((f"total_{days}", f"largest_{days}"), drawn, outcomes, strict=True):
            band = Band(target, 1, 1)
            scored = score_band(
                np.rint(draws[:, np.newaxis]).astype(np.int64), np.array([outcome]), band, np.random.default_rng(0)
            )
            rows += [{"model": name, "origin": origin, "target": target} | row for row in scored]
    return rows


def _check_expert(
    expert: ExpertForecast,
    history: LaunchHistory,
    truth: LaunchHistory,
    model: Model,
    published: ProductionScenario,
    n_paths: int,
    seed: int,
) -> dict[str, object] | None:
    """Whether what came is inside our 95 % interval of the same quantity that day; None where it has not come yet."""
    horizon = (expert.last - expert.published).days
    if truth.last_day < expert.last:
        return None
    salvos = forecast(model, history, SimulationRequest(horizon, n_paths), seed)
    paths = under_scenario(salvos, history, ScenarioRequest(published, published, history.theatre)).forecast.paths
    over = np.max if expert.largest_day else np.sum
    # The first days of the period had passed when the forecast was made: their counts are known.
    passed = (
        history.since(min(expert.first, history.last_day)).known if expert.first <= history.last_day else np.empty(0)
    )
    drawn = over(np.column_stack([paths, np.broadcast_to(passed, (n_paths, passed.size))]), axis=1)
    came = truth.after(expert.first - timedelta(days=1), (expert.last - expert.first).days + 1)
    outcome = float(over(came[~np.isnan(came)]))
    low, median, high = np.quantile(drawn, [0.025, 0.5, 0.975])
    return {
        "expert": expert.name,
        "published": expert.published,
        "forecast": expert.drones,
        "observed": outcome,
        "low_95": low,
        "median": median,
        "high_95": high,
        "inside": bool(low <= outcome <= high),
    }
