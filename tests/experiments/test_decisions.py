"""The decision backtest: the newsvendor's arithmetic, and the published figures of the rules of thumb."""

from datetime import date

import numpy as np
import pytest

from experiments.decisions import (
    fixed_policy,
    last_days_policy,
    model_policy,
    replay_decisions,
    score_orders,
)
from experiments.folds import rolling_origins
from features.history import LaunchHistory
from forecasting.model import SimulationRequest, load_model


def test_the_newsvendor_by_hand() -> None:
    score = score_orders(np.array([100.0, 100.0]), np.array([80.0, 140.0]), 0.9)
    assert score.cost == pytest.approx((0.1 * 20 + 0.9 * 40) / 2)
    assert score.service == 0.5
    assert score.overstock == pytest.approx(20 / 220)


def test_no_fixed_order_costs_less_than_the_quantile() -> None:
    outcomes = np.random.default_rng(1).gamma(3.0, 1_000.0, size=999)
    costs = {q: score_orders(np.full(999, float(q)), outcomes, 0.8).cost for q in range(0, 12_000, 50)}
    assert min(costs, key=lambda q: costs[q]) == pytest.approx(np.quantile(outcomes, 0.8), abs=100)


@pytest.mark.parametrize(
    ("policy", "cost", "service", "overstock"),
    [
        (last_days_policy(28, 1.2), 336, 0.62, 0.22),
        (last_days_policy(28, 1.5), 195, 0.83, 0.46),
        (last_days_policy(28, 2.0), 193, 1.00, 0.91),
        (fixed_policy(14_000.0), 487, 1.00, 2.29),
    ],
)
def test_rules_of_thumb_cost_what_an_independent_count_found(
    series_without_gaps: LaunchHistory, policy: object, cost: int, service: float, overstock: float
) -> None:
    """Figures computed apart from this code, on the 29 origins of the main window at a service level of 0.95."""
    truth = series_without_gaps
    origins = rolling_origins(date(2025, 1, 1), date(2026, 1, 28), 14)
    score = replay_decisions(truth.until, truth, {"rule": policy}, origins, 28, [0.95])["rule", 0.95]  # type: ignore[dict-item]
    assert round(score.cost) == cost
    assert round(score.service, 2) == service
    assert round(score.overstock, 2) == overstock


def test_a_model_orders_more_for_more_safety(series_without_gaps: LaunchHistory) -> None:
    order = model_policy(load_model("empirical_window"), SimulationRequest(7, 500), seed=1)
    amounts = [order(series_without_gaps, level) for level in (0.5, 0.8, 0.95, 0.99)]
    assert amounts == sorted(amounts)
    assert amounts[0] < amounts[-1]
