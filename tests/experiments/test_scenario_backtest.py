"""The replay of a production scenario: baselines on series whose future is plain, and what a replay may see."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from experiments.scenario_backtest import (
    BASELINES,
    HORIZONS,
    SCENARIO,
    Baseline,
    ExpertForecast,
    log_linear_trend,
    month_ends,
    past_sums,
    published_experts,
    run_scenario_backtest,
)
from features.history import LaunchHistory
from features.scenarios import ProductionScenario
from forecasting.salvos.model import load_model

FIRST = date(2025, 1, 1)
HistoryFrom = Callable[[ArrayLike], LaunchHistory]


def stated(low: float, high: float, unit: str) -> dict[str, Any]:
    rest = {"basis": "assumed", "sources": (), "date": FIRST, "confidence": "D"}
    return {"low": low, "mode": (low + high) / 2, "high": high, "unit": unit, **rest}


@pytest.fixture(scope="module")
def scenario() -> ProductionScenario:
    """100 drones a day, more or less."""
    return ProductionScenario.model_validate(
        {
            "name": "case",
            "title": "Case",
            "as_of": FIRST,
            "about": "A case.",
            "stock": {
                "opening": stated(100, 3_000, "drones"),
                "minimum": stated(0, 0, "drones"),
                "released": stated(1, 1, "share"),
                "lost_before_launch": stated(0, 0, "share"),
                "drawdown": stated(10, 30, "days"),
            },
            "facilities": (
                {
                    "id": "plant",
                    "name": "Plant",
                    "utilisation": stated(1, 1, "share"),
                    "armed": (stated(80, 120, "drones_per_day"),),
                },
            ),
        }
    )


def day(index: int) -> date:
    return FIRST + timedelta(days=index)


def test_month_ends_are_the_last_days_of_the_months() -> None:
    assert month_ends(date(2023, 12, 31), date(2024, 3, 30)) == (
        date(2023, 12, 31),
        date(2024, 1, 31),
        date(2024, 2, 29),
    )


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
def test_a_steady_series_goes_on(baseline: Baseline, history_from: HistoryFrom) -> None:
    samples = baseline(history_from(np.full(600, 50.0)), 20, np.random.default_rng(1))
    assert list(samples) == list(HORIZONS)
    for horizon, (totals, largest) in samples.items():
        assert totals == pytest.approx(np.full(20, 50.0 * horizon), rel=0.03)
        assert largest == pytest.approx(np.full(20, 50.0), rel=0.03)


def test_the_trend_carries_growth_on(history_from: HistoryFrom) -> None:
    growth = 50.0 * 2 ** (np.arange(400) / 90)
    totals, largest = log_linear_trend(history_from(growth[:200]), 500, np.random.default_rng(1))[180]
    assert np.median(totals) == pytest.approx(growth[200:380].sum(), rel=0.05)
    assert np.median(largest) == pytest.approx(growth[379], rel=0.1)


def test_past_sums_are_relative_to_the_level(history_from: HistoryFrom) -> None:
    growth = 50.0 * 2 ** (np.arange(600) / 90)
    totals, largest = past_sums(history_from(growth[:420]), 500, np.random.default_rng(1))[180]
    assert np.median(totals) == pytest.approx(growth[420:600].sum(), rel=0.1)
    assert np.median(largest) == pytest.approx(growth[599], rel=0.1)


def test_past_sums_need_a_past(history_from: HistoryFrom) -> None:
    # 28 days before the first level, 90 days of outcome, 28 outcomes.
    assert list(past_sums(history_from(np.full(147, 5.0)), 5, np.random.default_rng(1))) == [90]
    assert list(past_sums(history_from(np.full(145, 5.0)), 5, np.random.default_rng(1))) == []


def test_scores_are_of_what_came_and_forecasts_of_what_was_known(
    scenario: ProductionScenario, history_from: HistoryFrom
) -> None:
    counts = np.random.default_rng(2).poisson(100.0, 420).astype(float)
    spiked = counts.copy()
    spiked[250:] *= 9.0
    results = []
    for series in (counts, spiked):
        truth = history_from(series)
        asked: list[date] = []

        def history_at(origin: date, truth: LaunchHistory = truth, asked: list[date] = asked) -> LaunchHistory:
            asked.append(origin)
            return truth.until(origin)

        model = load_model("empirical_window")
        results.append(
            run_scenario_backtest(history_at, truth, model, scenario, [day(220)], n_paths=50, seed=1, experts=())
        )
        assert asked == [day(220)]
    calm, wild = (result.scores.set_index(["model", "target"]) for result in results)
    assert {name for name, _ in calm.index} == {SCENARIO, "empirical_window alone", *BASELINES}
    # 199 days are left: no outcome of 365 days.
    assert {target for _, target in calm.index} == {"total_90", "largest_90", "total_180", "largest_180"}
    assert calm.loc[(SCENARIO, "total_90"), "observed"] == counts[221:311].sum()
    assert wild.loc[(SCENARIO, "largest_180"), "observed"] == spiked[221:401].max()
    assert (calm["median"] == wild["median"]).all()
    assert (wild["wis"] > calm["wis"]).all()
    assert calm.loc[(SCENARIO, "total_90"), "coverage_95"] == 1.0
    table = results[0].table().set_index(["model", "target"])
    assert table.loc[(SCENARIO, "total_180"), "wis"] == pytest.approx(calm.loc[(SCENARIO, "total_180"), "wis"])
    assert (table["n"] == 1).all()


def test_a_published_forecast_is_set_beside_ours_of_the_same_day(
    scenario: ProductionScenario, history_from: HistoryFrom
) -> None:
    truth = history_from(np.full(400, 100.0))
    experts = (
        ExpertForecast("too few", day(220), day(200), day(259), False, 1_000),
        ExpertForecast("too large", day(220), day(221), day(259), True, 900),
        ExpertForecast("not over yet", day(220), day(221), day(999), False, 1),
    )
    checks = (
        run_scenario_backtest(
            truth.until, truth, load_model("empirical_window"), scenario, [], n_paths=50, seed=1, experts=experts
        )
        .experts.set_index("expert")
        .to_dict("index")
    )
    assert list(checks) == ["too few", "too large"]
    # 21 days had passed with 2,100 drones, 39 were to come.
    assert checks["too few"]["observed"] == 6_000
    assert 2_100 < checks["too few"]["low_95"] <= 6_000 <= checks["too few"]["high_95"] < 2_100 + 39 * 300
    assert checks["too large"]["observed"] == 100
    assert all(check["inside"] for check in checks.values())


def test_the_published_forecasts_of_experts_are_those_of_their_sources() -> None:
    experts = {expert.name: expert for expert in published_experts()}
    isis = experts["ISIS (Albright and others)"]
    assert (isis.published, isis.first, isis.last) == (date(2024, 9, 27), date(2024, 9, 1), date(2025, 8, 31))
    assert (isis.drones, isis.largest_day) == (4_700, False)
    assert (experts["ISW"].drones, experts["ISW"].largest_day) == (2_000, True)
    a_quarter = experts["Stupak"]  # up to 5,000 a month
    assert a_quarter.drones == pytest.approx(15_000, rel=0.03)
