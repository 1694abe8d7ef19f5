"""What MLflow is told of replays of orders and of scenarios."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from experiments.order_backtest import fixed_policy, replay_decisions
from experiments.scenario_backtest import ScenarioBacktest
from experiments.tracking import (
    log_decisions,
    log_scenario_backtest,
)
from features.errors import SalvocastError
from features.history import LaunchHistory
from tests.experiments.logged import runs

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
HistoryFrom = Callable[[ArrayLike], LaunchHistory]
PARAMETERS = {"first_origin": date(2025, 2, 10), "horizon": 7, "seed": 1}


@pytest.fixture(scope="module")
def truth(history_from: HistoryFrom) -> LaunchHistory:
    return history_from(np.full(118, 50.0))


def test_a_decision_backtest_has_a_run_for_each_policy(store: str, home: Path, history_from: HistoryFrom) -> None:
    truth = history_from(np.repeat([100.0, 150.0], 30))
    origins = [truth.first_day + timedelta(days=index) for index in (25, 40)]
    policies = {"half": fixed_policy(500.0)}
    result = replay_decisions(truth.until, truth, policies, origins, 7, (0.9, 0.99))
    parent_id = log_decisions(result, truth, dict(PARAMETERS))
    _client, logged = runs(store)
    by_name = {run.info.run_name: run for run in logged}
    parent = by_name.pop("decision backtest 2025-03-01")
    assert parent.info.run_id == parent_id
    assert parent.data.params["data_digest"] == truth.digest
    assert set(by_name) == {"half", *result.rules}
    for name, run in by_name.items():
        assert run.data.tags["mlflow.parentRunId"] == parent_id
        assert (run.data.params["model"], run.info.status) == (name, "FINISHED")
        for level in (0.9, 0.99):
            for column, value in result.score(name, level).items():
                assert run.data.metrics[f"{column}.{level:.0%}".rstrip("%")] == pytest.approx(value)
    kept = [path for path in (home / "mlartifacts").rglob("*") if path.is_file()]
    assert {path.parents[1].name for path in kept} == {run.info.run_id for run in [parent, *by_name.values()]}
    for path in kept:
        assert path.name == "table.csv"
        assert not {"ordered", "came", "origin"} & set(path.read_text().splitlines()[0].split(","))


@pytest.fixture
def replayed() -> ScenarioBacktest:
    """Two origins of two models; the second target has no outcome from the second origin."""
    rows = [
        {"model": model, "origin": date(2025, 3, day), "target": target, "observed": 900.0, "median": 800.0}
        | {"wis": wis + day, "coverage_80": float(day == 1), "coverage_95": 1.0, "pinball_95": 7.0}
        for model, wis in (("scenario, as published", 10.0), ("random walk, half the past drift", 20.0))
        for day, target in ((1, "total_90"), (2, "total_90"), (1, "largest_180"))
    ]
    experts = [{"expert": "ISW", "published": date(2025, 3, 1), "forecast": 2_000.0, "observed": 810.0, "inside": True}]
    return ScenarioBacktest(pd.DataFrame(rows), pd.DataFrame(experts))


def test_a_replay_of_scenarios_is_one_parent_and_one_child_for_each_row_of_its_table(
    store: str, home: Path, replayed: ScenarioBacktest, truth: LaunchHistory
) -> None:
    parameters = {"scenario_policy": "as-published", "scenario": "published", "seed": 1}
    parent_id = log_scenario_backtest(replayed, truth, parameters)
    client, logged = runs(store)
    by_name = {run.info.run_name: run for run in logged}
    assert set(by_name) == {"scenario backtest 2025-04-28", *replayed.scores["model"]}
    for run in logged:
        assert run.info.status == "FINISHED"
        assert parameters | {"seed": "1", "data_digest": truth.digest} == {
            name: run.data.params[name] for name in (*parameters, "data_digest")
        }
    parent = by_name.pop("scenario backtest 2025-04-28")
    assert parent.info.run_id == parent_id
    assert parent.data.metrics == {}
    for run, wis in ((by_name["scenario, as published"], 10.0), (by_name["random walk, half the past drift"], 20.0)):
        assert run.data.tags["mlflow.parentRunId"] == parent_id
        assert run.data.params["model"] == run.info.run_name
        assert run.data.metrics == {
            "n.total_90": 2.0,
            "n.largest_180": 1.0,
            "wis.total_90": wis + 1.5,
            "wis.largest_180": wis + 1.0,
            "coverage_80.total_90": 0.5,
            "coverage_80.largest_180": 1.0,
            "coverage_95.total_90": 1.0,
            "coverage_95.largest_180": 1.0,
            "pinball_95.total_90": 7.0,
            "pinball_95.largest_180": 7.0,
        }
    assert {item.path for item in client.list_artifacts(parent_id)} == {"table.csv", "scores.csv", "experts.csv"}
    kept = {path.name: path for path in (home / "mlartifacts" / parent_id).rglob("*.csv")}
    assert len(kept) == 3
    assert "ISW,2025-03-01,2000.0,810.0,True" in kept["experts.csv"].read_text()
    assert len(pd.read_csv(kept["scores.csv"])) == len(replayed.scores)
    pd.testing.assert_frame_equal(pd.read_csv(kept["table.csv"]), replayed.table())


def test_a_replay_whose_logging_breaks_off_is_marked_as_failed(
    store: str, replayed: ScenarioBacktest, truth: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("experiments.tracking._log_tables", full_disk)
    with pytest.raises(SalvocastError, match="No space left on device"):
        log_scenario_backtest(replayed, truth, {"seed": 1})
    parent = next(run for run in runs(store)[1] if run.info.run_name.startswith("scenario backtest"))
    assert parent.info.status == "FAILED"
