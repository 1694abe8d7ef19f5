"""What a year of orders would have cost on the record: one after the other, with what the ones before have left.

Every `review` days a policy names how many drones to be ready for until the order after this one arrives, lead time and
review period, with the information of that day; ordered is that less what is in hand and due. What is missing when
drones come is lost. Of a cycle, from one arrival to the next, the cost for a service level s is s for each drone that
nothing was left for, and 1 - s for each that is left over at its end (see `experiments.order_backtest`). Every policy
begins with what it would have ordered up to then.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.order_backtest import (
    SERVICE_TOLERANCE,
    Policy,
    fixed_policy,
    last_days_policy,
    percent,
    verdict,
)
from features.errors import InputError
from features.history import LaunchHistory

REVIEW, LEAD_TIME = 28, 28
"""Days."""
ADJUSTED = "level x past ratios"
"""`level_policy`, where it is named."""
SERVICE_LEVELS = (0.8, 0.9, 0.95)
MOST_COST = 1.0
"""Of the cost of the best rule of thumb, known in hindsight alone."""
HALF_LIFE = 28.0
LEARNED_FROM = 365
"""Days before a review that the ratios of a level are learned from."""


@dataclass(frozen=True, eq=False)
class PolicyReplay:
    """How policies would have done. table: one row per policy and service level (`level`, in percent): n_cycles, cost,
    holding_cost (the part of it that is for drones left over), service, stock_outs (cycles), overstock (drones left
    over at the ends of the cycles over those that came), and cost_ratio, cost over that of the cheapest rule of thumb
    at that level. rules: names of the rules of thumb."""

    table: pd.DataFrame
    rules: tuple[str, ...]

    def score(self, policy: str, level: float) -> dict[str, float]:
        """Column of the table -> its number."""
        (row,) = self.table[(self.table["policy"] == policy) & (self.table["level"] == percent(level))].index
        numbers = self.table.drop(columns=["policy", "level"])
        return {str(name): float(value) for name, value in numbers.loc[row].items()}

    def wide(self) -> pd.DataFrame:
        """For reading, one row per policy and level."""
        shown = self.table.copy()
        for name, pattern in (
            ("cost", "{:,.0f}"),
            ("holding_cost", "{:,.0f}"),
            ("service", "{:.2f}"),
            ("overstock", "{:.2f}"),
            ("cost_ratio", "{:.2f}"),
        ):
            shown[name] = shown[name].map(pattern.format)
        return shown

    def against_targets(self, policy: str) -> list[str]:
        """A line for each target of a policy in this window."""
        told = []
        for level in SERVICE_LEVELS:
            score = self.score(policy, level)
            told.append(
                f"{policy} at {level:.0%}: kept {score['service']:.2f} of {score['n_cycles']:.0f} cycles, aim "
                f"{level - SERVICE_TOLERANCE:.2f} to {level + SERVICE_TOLERANCE:.2f}: "
                f"{verdict(abs(score['service'] - level), SERVICE_TOLERANCE)}; cost {score['cost_ratio']:.2f} of the "
                f"best rule, aim at most {MOST_COST:.2f}: {verdict(score['cost_ratio'], MOST_COST)}"
            )
        return told


def rules_of_a_month(cover: int) -> dict[str, Policy]:
    """What planners order without a model for so many days, by the last 28; see
    `experiments.order_backtest.planners_rules`."""
    return {
        **{f"last 28 days x {factor:g}": last_days_policy(28, factor * cover / 28.0) for factor in (1.2, 1.5, 2.0)},
        "1,000 a day at two per drone": fixed_policy(500.0 * cover),
    }


def level_policy(cover: int) -> Policy:
    """An adjusted base stock: the exponential mean of the launches times the days to cover, times the quantile of what
    that ratio was, for as many days, over the year before."""

    def order(history: LaunchHistory, service_levels: Sequence[float], days: NDArray[np.bool_]) -> NDArray[np.float64]:
        known = history.known[-(LEARNED_FROM + cover) :]
        keep, level, shown = 0.5 ** (1.0 / HALF_LIFE), float(known[: int(HALF_LIFE)].mean()), []
        for launched in known:
            level = keep * level + (1.0 - keep) * float(launched)
            shown.append(level)
        totals = np.convolve(known, np.ones(cover), "valid")[1:]
        ratios = totals / np.maximum(np.array(shown[: totals.size]) * cover, 1.0)
        factors = np.quantile(ratios, service_levels, method="inverted_cdf") if ratios.size else np.ones(len(days))
        amounts: NDArray[np.float64] = factors * level * float(days.sum())
        return amounts

    return order


def replay_policies(
    history_at: Callable[[date], LaunchHistory],
    truth: LaunchHistory,
    policies: Mapping[str, Policy],
    origins: Sequence[date],
    *,
    review: int = REVIEW,
    lead_time: int = LEAD_TIME,
    service_levels: Sequence[float] = SERVICE_LEVELS,
    on_origin: Callable[[date], object] = lambda _: None,
) -> PolicyReplay:
    """Orders of each policy at every review, beside the rules of thumb.

    Origins that are `review` days apart are one year of orders; those between them are others, which begin on another
    day. A review whose cycle is not over by the end of the record is left out. history_at and truth as in
    `experiments.backtest.run_backtest`. Raises InputError where no cycle is over.
    """
    cover = review + lead_time
    rules = rules_of_a_month(cover)
    compared = {**rules, **policies}
    chains = [chain for chain in _chains(origins, review) if chain[0] + timedelta(days=cover) <= truth.last_day]
    if not chains:
        raise InputError(
            f"no order of every {review} days that arrives after {lead_time} is used up by {truth.last_day}: expected "
            f"origins to {truth.last_day - timedelta(days=cover)}"
        )
    shape = (len(compared), len(service_levels))
    cycles = 0
    missing, left, short, came = np.zeros(shape), np.zeros(shape), np.zeros(shape), 0.0
    for chain in chains:
        reviews = [origin for origin in chain if origin + timedelta(days=cover) <= truth.last_day]
        levels = np.zeros((len(reviews), *shape))
        for number, origin in enumerate(reviews):
            counted = ~np.isnan(truth.after(origin, cover))
            history = history_at(origin)
            levels[number] = [policy(history, service_levels, counted) for policy in compared.values()]
            on_origin(origin)
        for lost, over, drones in _cycles(truth, reviews, levels, lead_time, review):
            missing, left, short, came = missing + lost, left + over, short + (lost > 0), came + drones
            cycles += 1
    level = np.array(service_levels)
    cost = (level * missing + (1.0 - level) * left) / cycles
    table = pd.DataFrame(
        [
            {
                "policy": name,
                "level": percent(service_level),
                "n_cycles": cycles,
                "cost": cost[row, column],
                "holding_cost": (1.0 - service_level) * left[row, column] / cycles,
                "service": 1.0 - short[row, column] / cycles,
                "stock_outs": int(short[row, column]),
                "overstock": left[row, column] / max(came, 1.0),
            }
            for row, name in enumerate(compared)
            for column, service_level in enumerate(service_levels)
        ]
    )
    cheapest = table[table["policy"].isin(rules)].groupby("level")["cost"].min()
    table["cost_ratio"] = table["cost"] / table["level"].map(cheapest)
    return PolicyReplay(table, tuple(rules))


def _chains(origins: Sequence[date], review: int) -> list[list[date]]:
    """Origins that are `review` days apart, by the day on which they begin."""
    first = min(origins, default=date.min)
    phases: dict[int, list[date]] = {}
    for origin in sorted(origins):
        phases.setdefault((origin - first).days % review, []).append(origin)
    chains = []
    for phase in phases.values():
        ends = [0, *(at for at, (a, b) in enumerate(pairwise(phase), 1) if (b - a).days != review), len(phase)]
        chains += [phase[start:end] for start, end in pairwise(ends)]
    return chains


def _cycles(
    truth: LaunchHistory, reviews: Sequence[date], levels: NDArray[np.float64], lead_time: int, review: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], float]]:
    """For each cycle what is missing in it and left after it, by policy and level, and the drones that came.

    levels: (n_reviews, n_policies, n_levels) to be ready for.
    """
    held = levels[0].copy()
    days = lead_time + review * len(reviews)
    drones = np.nan_to_num(truth.after(reviews[0], days))
    due: dict[int, NDArray[np.float64]] = {}
    lost = np.zeros_like(held)
    pending = np.zeros_like(held)
    for day in range(days):
        arrived = due.pop(day, None)
        if arrived is not None:
            held, pending = held + arrived, pending - arrived
        if day % review == 0 and day // review < len(reviews):
            order = np.maximum(levels[day // review] - held - pending, 0.0)
            if lead_time:
                due[day + lead_time], pending = order, pending + order
            else:
                held = held + order
        if day == lead_time:
            lost = np.zeros_like(held)  # what came before the first order could arrive is of no cycle
        used = np.minimum(held, drones[day])
        lost, held = lost + (drones[day] - used), held - used
        if day >= lead_time and (day + 1 - lead_time) % review == 0:
            yield lost, held, float(drones[day + 1 - review : day + 1].sum())
            lost = np.zeros_like(held)
