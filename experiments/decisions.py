"""What a forecast is worth to somebody who orders by it: the orders of the past against what came.

At each origin a policy names how many drones to be ready for over the coming days, with the information of that day.
The newsvendor cost of an order q for a service level s, when y came, is s (y - q) where it fell short and
(1 - s) (q - y) where it was too much (Arrow, Harris and Marschak 1951): the order that costs least on average is the
s-quantile of y.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from experiments.backtest import observed_after
from features.history import LaunchHistory
from forecasting.model import Model, SimulationRequest, forecast

Policy = Callable[[LaunchHistory, float], float]
"""(history until the origin, service level) -> drones to be ready for over the horizon."""


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


def model_policy(model: Model, request: SimulationRequest, seed: int) -> Policy:
    """Orders the quantile of the model's total at the service level."""

    def order(history: LaunchHistory, service_level: float) -> float:
        totals = forecast(model, history, request, seed).totals(request.horizon)
        return float(np.quantile(totals, service_level, method="inverted_cdf"))

    return order


def last_days_policy(horizon: int, factor: float) -> Policy:
    """Orders `factor` times the launches of the last `horizon` known days, whatever the service level."""
    return lambda history, _: factor * float(history.known[-horizon:].sum())


def fixed_policy(drones: float) -> Policy:
    """Orders the same every time."""
    return lambda *_: drones


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
    policies: dict[str, Policy],
    origins: Sequence[date],
    horizon: int,
    service_levels: Sequence[float],
) -> dict[tuple[str, float], DecisionScore]:
    """(policy, service level) -> its score. history_at and truth as in `run_backtest`; all days must have come."""
    histories = [history_at(origin) for origin in origins]
    outcomes = np.array([observed_after(truth, origin, horizon).sum() for origin in origins])
    return {
        (name, level): score_orders(np.array([policy(history, level) for history in histories]), outcomes, level)
        for name, policy in policies.items()
        for level in service_levels
    }
