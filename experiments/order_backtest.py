"""What a forecast is worth to somebody who orders by it: the orders of the past against what came.

At each origin a policy names how many drones to be ready for over the coming days, with the information of that day.
The newsvendor cost of an order q for a service level s, when y came, is s (y - q) where it fell short and
(1 - s) (q - y) where it was too much (Arrow, Harris and Marschak 1951): the order that costs least on average is the
s-quantile of y.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.backtest import FEWEST_KNOWN
from features.errors import InputError
from features.history import LaunchHistory
from forecasting.salvos.model import Model, SimulationRequest, forecast

SERVICE_LEVELS = (0.8, 0.9, 0.95, 0.99)
TARGET_LEVELS = (0.9, 0.95)
SERVICE_TOLERANCE = 0.05
"""How far the realised service may stray from the nominal one."""
COST_TARGET = 0.60
"""Newsvendor cost over that of the best rule of thumb."""
_ROUNDING = 1e-9
_KEYS = ("policy", "level")

Policy = Callable[[LaunchHistory, Sequence[float], NDArray[np.bool_]], NDArray[np.float64]]
"""(history until the origin, n service levels, (horizon,) the days that count) -> (n,) drones to be ready for on these
days. A day whose launches nobody reported does not count, neither in the order nor in what came."""


@dataclass(frozen=True, slots=True)
class DecisionScore:
    """How a policy's orders met what came, over n origins.

    cost: mean newsvendor cost in drones. service: share of the origins at which the order was enough. overstock: drones
    ordered in excess over drones that came, all origins together.
    """

    n: int
    cost: float
    service: float
    overstock: float


@dataclass(frozen=True, eq=False)
class DecisionBacktest:
    """Orders of the past and how they met what came.

    orders: one row per policy, service level (`level`, in percent) and origin: drones `ordered`, and that `came`.
    table: one row per policy and level: n_origins, cost, service and overstock (see `DecisionScore`), and cost_ratio,
    cost over that of the cheapest rule of thumb at that level, the one that turned out best. rules: names of the
    policies that are rules of thumb.
    """

    orders: pd.DataFrame
    table: pd.DataFrame
    rules: tuple[str, ...]

    def best_rule(self, level: float) -> str:
        """The rule of thumb that cost least at a service level; known in hindsight alone."""
        rows = self.table[(self.table["level"] == percent(level)) & self.table["policy"].isin(self.rules)]
        return str(rows.set_index("policy")["cost"].idxmin())

    def score(self, policy: str, level: float) -> dict[str, float]:
        """Column of the table -> its number, of a policy at a service level."""
        (row,) = self.table[(self.table["policy"] == policy) & (self.table["level"] == percent(level))].index
        return {str(name): float(value) for name, value in self.table.loc[row].items() if name not in _KEYS}

    def wide(self) -> pd.DataFrame:
        """One row per policy, for reading: cost in drones, realised service and overstock, each by level in percent;
        the head of the first of these names all of them."""
        patterns = {"cost": "{:,.0f}", "service": "{:.2f}", "overstock": "{:.2f}"}
        table = self.table.pivot_table(index="policy", columns="level", values=list(patterns), sort=False)
        levels = sorted(self.table["level"].unique())
        shown = [table[name, level].map(pattern.format) for name, pattern in patterns.items() for level in levels]
        heads = [str(level) if level > levels[0] else f"{name} {level}" for name in patterns for level in levels]
        wide: pd.DataFrame = pd.concat(shown, axis=1).set_axis(heads, axis=1).reset_index()
        return wide

    def against_targets(self, policy: str) -> list[str]:
        """A line for each target of a policy: what was aimed at, what came of it, and whether it was reached.

        Standard error of a realised service: binomial, as if the origins were independent.
        """
        told = []
        for level in TARGET_LEVELS:
            score, best = self.score(policy, level), self.best_rule(level)
            error = np.sqrt(level * (1.0 - level) / score["n_origins"])
            told += [
                f"{policy} at {level:.0%}: realised service {score['service']:.2f} (standard error of {level:.0%} over "
                f"{score['n_origins']:.0f} origins: {error:.2f}), aim {level - SERVICE_TOLERANCE:.2f} to "
                f"{level + SERVICE_TOLERANCE:.2f}: {verdict(abs(score['service'] - level), SERVICE_TOLERANCE)}",
                f"{policy} at {level:.0%}: cost {score['cost']:,.0f}, {score['cost_ratio']:.3f} of {best}, aim "
                f"{COST_TARGET:.2f}: {verdict(score['cost_ratio'], COST_TARGET)}",
            ]
        return told


def verdict(value: float, target: float) -> str:
    return "reached" if value <= target + _ROUNDING else "MISSED"


def percent(level: float) -> int:
    return round(100 * level)


def model_policy(model: Model, request: SimulationRequest, seed: int) -> Policy:
    """Orders the quantile of the model's total at the service level."""

    def order(history: LaunchHistory, service_levels: Sequence[float], days: NDArray[np.bool_]) -> NDArray[np.float64]:
        totals = forecast(model, history, request, seed).paths[:, days].sum(axis=1)
        amounts: NDArray[np.float64] = np.quantile(totals, service_levels, method="inverted_cdf").astype(np.float64)
        return amounts

    return order


def last_days_policy(horizon: int, factor: float) -> Policy:
    """Orders `factor` times the launches of the last `horizon` known days, whatever the service level."""
    return lambda history, levels, days: np.full(
        len(levels), factor * float(days.mean()) * float(history.known[-horizon:].sum())
    )


def fixed_policy(drones: float) -> Policy:
    """Orders the same every time."""
    return lambda _, levels, days: np.full(len(levels), drones * float(days.mean()))


def planners_rules(horizon: int) -> dict[str, Policy]:
    """Name -> what planners order without a model (see `forecasting.orders.rules_of_thumb`), in drones."""
    return {
        **{f"last {horizon} days x {factor:g}": last_days_policy(horizon, factor) for factor in (1.2, 1.5, 2.0)},
        "1,000 a day at two per drone": fixed_policy(500.0 * horizon),
    }


def score_orders(orders: NDArray[np.float64], outcomes: NDArray[np.float64], service_level: float) -> DecisionScore:
    """Scores orders (n_origins,) against what came (n_origins,), both in drones."""
    short, excess = np.maximum(outcomes - orders, 0.0), np.maximum(orders - outcomes, 0.0)
    return DecisionScore(
        n=orders.size,
        cost=float((service_level * short + (1.0 - service_level) * excess).mean()),
        service=float((outcomes <= orders).mean()),
        overstock=float(excess.sum() / outcomes.sum()),
    )


def replay_decisions(
    history_at: Callable[[date], LaunchHistory],
    truth: LaunchHistory,
    policies: Mapping[str, Policy],
    origins: Sequence[date],
    horizon: int,
    service_levels: Sequence[float] = SERVICE_LEVELS,
    *,
    on_origin: Callable[[date], object] | None = None,
) -> DecisionBacktest:
    """Orders by each policy at each origin, beside the rules of thumb, which always run along.

    history_at and truth as in `run_backtest`. on_origin: called as each origin is done. Raises InputError where days
    after an origin have not come, or more than a quarter are not known: their total cannot be met.
    """
    rules = planners_rules(horizon)
    after = [truth.after(origin, horizon) for origin in origins]
    counted = [~np.isnan(launched) for launched in after]
    for origin, days in zip(origins, counted, strict=True):
        if truth.last_day < origin + timedelta(days=horizon) or days.mean() < FEWEST_KNOWN:
            raise InputError(
                f"launches on {horizon - int(days.sum())} of the {horizon} days after {origin} are not known: expected "
                "origins whose days have nearly all been reported; choose others with --from and --to"
            )
    outcomes = np.array([launched[days].sum() for launched, days in zip(after, counted, strict=True)])
    compared = {**rules, **policies}
    ordered = np.zeros((len(compared), len(service_levels), len(origins)))
    for column, origin in enumerate(origins):
        history = history_at(origin)
        for row, policy in enumerate(compared.values()):
            ordered[row, :, column] = policy(history, service_levels, counted[column])
        if on_origin:
            on_origin(origin)
    orders, table = [], []
    for name, of_policy in zip(compared, ordered, strict=True):
        for level, amounts in zip(service_levels, of_policy, strict=True):
            score = score_orders(amounts, outcomes, level)
            key = {"policy": name, "level": percent(level)}
            orders.append(pd.DataFrame({**key, "origin": origins, "ordered": amounts, "came": outcomes}))
            told = {"cost": score.cost, "service": score.service, "overstock": score.overstock}
            table.append({**key, "n_origins": score.n, **told})
    frame = pd.DataFrame(table)
    cheapest = frame[frame["policy"].isin(rules)].groupby("level")["cost"].min()
    frame["cost_ratio"] = frame["cost"] / frame["level"].map(cheapest)
    return DecisionBacktest(pd.concat(orders, ignore_index=True), frame, tuple(rules))
