"""Orders one after the other on the record: by hand, with what was known, and what is left over is kept."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike, NDArray

from experiments.benchmarks.windows import all_together
from experiments.policy_replay import PolicyReplay, level_policy, replay_policies
from features.errors import InputError
from features.history import LaunchHistory

HistoryFrom = Callable[[ArrayLike], LaunchHistory]


def ready_for(drones: float) -> Callable[..., NDArray[np.float64]]:
    return lambda _, levels, __: np.full(len(levels), drones)


def test_three_orders_by_hand(history_from: HistoryFrom) -> None:
    """Every four days, there two days later: two drones a day, and five from the seventh on. Counted by days here."""
    launched = np.r_[np.full(16, 2.0), np.full(20, 5.0)]
    truth = history_from(launched)
    first = truth.days[0]
    origins = [first + timedelta(days=9 + 4 * number) for number in range(3)]
    found = replay_policies(
        truth.until, truth, {"ours": ready_for(15.0)}, origins, review=4, lead_time=2, service_levels=[0.9]
    )
    held, due, cycles = 15.0, {}, []
    lost = 0.0
    for day in range(14):
        held += due.pop(day, 0.0)
        if day in (0, 4, 8):
            due[day + 2] = max(15.0 - held - sum(due.values()), 0.0)
        if day == 2:
            lost = 0.0
        came = launched[10 + day]
        lost, held = lost + max(came - held, 0.0), max(held - came, 0.0)
        if day in (5, 9, 13):
            cycles.append((lost, held))
            lost = 0.0
    score = found.score("ours", 0.9)
    assert score["n_cycles"] == 3
    assert score["stock_outs"] == sum(lost > 0 for lost, _ in cycles)
    assert score["cost"] == pytest.approx(np.mean([0.9 * lost + 0.1 * held for lost, held in cycles]))
    assert score["holding_cost"] == pytest.approx(np.mean([0.1 * held for _, held in cycles]))
    assert 0 < score["stock_outs"] < 3
    assert score["overstock"] == pytest.approx(sum(held for _, held in cycles) / launched[12:24].sum())


def test_an_order_is_made_of_what_was_known_by_its_day(history_from: HistoryFrom) -> None:
    truth = history_from(np.arange(1.0, 101.0))
    seen = []

    def order(history: LaunchHistory, levels: Sequence[float], days: NDArray[np.bool_]) -> NDArray[np.float64]:
        seen.append((history.last_day, days.size))
        return np.ones(len(levels))

    origins = [truth.days[0] + timedelta(days=each) for each in (20, 24, 30, 34, 99)]
    found = replay_policies(truth.until, truth, {"ours": order}, origins, review=10, lead_time=5)
    # Two years of orders, from days 20 and 24 on; the last review's order is never used up.
    assert seen == [(origins[0], 15), (origins[2], 15), (origins[1], 15), (origins[3], 15)]
    assert found.score("ours", 0.8)["n_cycles"] == 4
    assert found.score("last 28 days x 2", 0.8)["cost_ratio"] >= 1.0
    with pytest.raises(InputError, match="expected origins to"):
        replay_policies(truth.until, truth, {}, origins[-1:], review=10, lead_time=5)


def test_a_level_learns_its_ratio_from_the_year_before_alone(history_from: HistoryFrom) -> None:
    """Ten a day ask for 560 in 56 days, whatever the safety; after a doubling within them some asked for more."""
    steady = level_policy(56)(history_from(np.full(400, 10.0)), [0.8, 0.95], np.ones(56, bool))
    assert steady == pytest.approx([560.0, 560.0])
    risen = level_policy(56)(
        history_from(np.r_[np.full(300, 10.0), np.full(100, 20.0)]), [0.5, 0.95], np.ones(56, bool)
    )
    assert risen[0] < 1.2 * 1_120 < risen[1]


def test_targets_are_told_with_their_verdict(history_from: HistoryFrom) -> None:
    truth = history_from(np.full(200, 10.0))
    origins = [date.fromisoformat(str(truth.days[0])) + timedelta(days=60)]
    lines = replay_policies(truth.until, truth, {"ours": ready_for(560.0)}, origins).against_targets("ours")
    assert [line.count("MISSED") for line in lines] == [1, 1, 0]
    assert (
        "kept 1.00 of 1 cycles, aim 0.75 to 0.85: MISSED; cost 0.00 of the best rule, aim at most 1.00: reached"
        in lines[0]
    )


def test_over_all_cycles_one_rule_is_beside_the_orders_and_windows_count_by_their_cycles() -> None:
    def window(n_cycles: int, service: float, **costs: float) -> PolicyReplay:
        rows = [
            {"policy": name, "level": level, "n_cycles": n_cycles, "cost": cost, "service": service}
            for name, cost in costs.items()
            for level in (80, 90, 95)
        ]
        return PolicyReplay(pd.DataFrame(rows), ("low", "high"))

    years = {
        "1": window(1, 0.0, salvo_ensemble=10, low=60, high=10),
        "2": window(3, 1.0, salvo_ensemble=20, low=20, high=50),
    }
    assert all_together(years)[0] == (
        "all 4 cycles at 80%: kept 0.75, cost 0.58 of low, the one rule that costs least over all of them"
    )
