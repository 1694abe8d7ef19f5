"""What MLflow is told of a backtest, and where; and how it is told that it cannot be."""

import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike, NDArray

from experiments.backtest import Backtest, Replay, run_backtest
from experiments.labels import RunLabel
from experiments.tracking import (
    log_backtest,
    retraining_runs,
    tracking_uri,
)
from features.errors import SalvocastError
from features.history import LaunchHistory
from forecasting.report.document import versions
from forecasting.salvos.model import ModelError, SimulationRequest, load_model
from tests.experiments.logged import runs

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
PARAMETERS = {"first_origin": date(2025, 2, 10), "horizon": 7, "seed": 1}
UNMISTAKABLE = 54_321


class AlwaysFails:
    model_id = "always_fails"

    def fit(self, history: LaunchHistory) -> "AlwaysFails":
        raise ModelError(f"model {self.model_id} cannot learn from {history.launched.size} days")

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        raise NotImplementedError


@pytest.fixture(scope="module")
def truth(history_from: HistoryFrom) -> LaunchHistory:
    counts = np.random.default_rng(1).negative_binomial(5, 0.1, 120).astype(float)
    counts[3] = UNMISTAKABLE  # in the training data of every fold, and in no window of the reference
    counts[-2:] = np.nan
    return history_from(counts)


@pytest.fixture(scope="module")
def result(truth: LaunchHistory) -> Backtest:
    models = [load_model("empirical_window"), load_model("negative_binomial"), AlwaysFails()]
    origins = [truth.first_day + timedelta(days=index) for index in (90, 100)]
    return run_backtest(truth.until, truth, models, origins, Replay(SimulationRequest(7, 40), 1))


@pytest.fixture
def pictures() -> dict[str, dict[str, bytes]]:
    return {"empirical_window": {"fan_chart_2025-04-11": b"a picture"}, "": {"skill_by_horizon": b"another"}}


def test_one_parent_and_one_child_for_each_model(
    store: str, result: Backtest, truth: LaunchHistory, pictures: dict[str, dict[str, bytes]]
) -> None:
    parent_id = log_backtest(result, truth, dict(PARAMETERS), pictures)
    _, logged = runs(store)
    by_name = {run.info.run_name: run for run in logged}
    assert set(by_name) == {"backtest 2025-04-28", "empirical_window", "negative_binomial", "always_fails"}
    assert len(logged) == 4
    parent = by_name.pop("backtest 2025-04-28")
    assert parent.info.run_id == parent_id
    assert {run.data.tags["mlflow.parentRunId"] for run in by_name.values()} == {parent_id}
    assert {name: run.info.status for name, run in by_name.items()} == {
        "empirical_window": "FINISHED",
        "negative_binomial": "FINISHED",
        "always_fails": "FAILED",
    }
    assert parent.info.status == "FINISHED"


def test_parameters_and_the_digest_of_the_data(
    store: str, result: Backtest, truth: LaunchHistory, pictures: dict[str, dict[str, bytes]]
) -> None:
    log_backtest(result, truth, dict(PARAMETERS), pictures)
    _, logged = runs(store)
    for run in logged:
        told = run.data.params
        assert (told["first_origin"], told["horizon"], told["seed"]) == ("2025-02-10", "7", "1")
        assert told["data_digest"] == truth.digest
        assert told["last_attack_day_known"] == "2025-04-28"
        assert {f"version_{name}": told[f"version_{name}"] for name in versions()} == {
            f"version_{name}": number for name, number in versions().items()
        }
        (dataset,) = run.inputs.dataset_inputs
        assert dataset.dataset.name == "ukraine-shahed"
        assert truth.digest.startswith(dataset.dataset.digest)
        assert len(dataset.dataset.digest) == 32
        assert str(UNMISTAKABLE) not in str(dataset.dataset.profile)
    names = {run.info.run_name: run.data.params for run in logged}
    assert names["negative_binomial"]["model"] == "negative_binomial"
    assert names["backtest 2025-04-28"]["models"] == "always_fails, empirical_window, negative_binomial"


def test_metrics_by_band_and_by_horizon(
    store: str, result: Backtest, truth: LaunchHistory, pictures: dict[str, dict[str, bytes]]
) -> None:
    log_backtest(result, truth, dict(PARAMETERS), pictures)
    client, logged = runs(store)
    by_name = {run.info.run_name: run for run in logged}
    board = result.leaderboard().set_index(["model", "band"])
    for model in ("empirical_window", "negative_binomial"):
        run = by_name[model]
        for band in ("h1", "h2_7", "total_7"):
            for column in ("wis", "crps", "wis_ratio", "coverage_80", "pinball_99", "n_origins", "seconds_per_origin"):
                assert run.data.metrics[f"{column}.{band}"] == pytest.approx(float(board.loc[(model, band), column]))
        scores = result.scores[(result.scores["model"] == model) & (result.scores["band"] != "total_7")]
        for name in ("wis", "crps"):
            history = client.get_metric_history(run.info.run_id, f"{name}_by_horizon")
            logged_values = {metric.step: metric.value for metric in history}
            assert logged_values == pytest.approx(scores.groupby("horizon")[name].mean().to_dict())
            assert sorted(logged_values) == list(range(1, 8))
    assert by_name["always_fails"].data.metrics == {}


def test_metrics_that_are_not_numbers_are_left_out(
    store: str, truth: LaunchHistory, pictures: dict[str, dict[str, bytes]]
) -> None:
    """Without the reference there is no ratio to it: no metric, rather than a NaN that a server refuses."""
    origin = truth.first_day + timedelta(days=100)
    alone = run_backtest(
        truth.until, truth, [load_model("negative_binomial")], [origin], Replay(SimulationRequest(7, 40), 1)
    )
    log_backtest(alone, truth, dict(PARAMETERS), {})
    _, logged = runs(store)
    metrics = next(run for run in logged if run.info.run_name == "negative_binomial").data.metrics
    assert "wis.h1" in metrics
    assert not any(name.startswith("wis_ratio") for name in metrics)
    assert np.isfinite(list(metrics.values())).all()


def test_artefacts_are_pictures_and_tables_and_never_the_data(
    store: str, home: Path, result: Backtest, truth: LaunchHistory, pictures: dict[str, dict[str, bytes]]
) -> None:
    parent_id = log_backtest(result, truth, dict(PARAMETERS), pictures)
    client, logged = runs(store)
    found = {run.info.run_name: {item.path for item in client.list_artifacts(run.info.run_id)} for run in logged}
    assert found == {
        "backtest 2025-04-28": {
            "leaderboard.csv",
            "failures.csv",
            "scores.csv",
            "request.json",
            "skill_by_horizon.png",
        },
        "empirical_window": {"fan_chart_2025-04-11.png", "leaderboard.csv"},
        "negative_binomial": {"leaderboard.csv"},
        "always_fails": {"failures.csv"},
    }
    kept = [path for path in (home / "mlartifacts").rglob("*") if path.is_file()]
    assert len(kept) == 9
    for path in kept:
        assert path.stat().st_size < 100_000
        if path.suffix in (".csv", ".json"):
            assert str(UNMISTAKABLE) not in path.read_text()
        else:
            assert path.read_bytes() in (b"a picture", b"another")
    for failures in (path.read_text() for path in kept if path.name == "failures.csv"):
        assert "always_fails,2025-04-01,model always_fails cannot learn from 91 days" in failures
    boards = {path.parents[1].name: pd.read_csv(path) for path in kept if path.name == "leaderboard.csv"}
    assert set(boards.pop(parent_id)["model"]) == {"empirical_window", "negative_binomial"}
    assert {tuple(board["model"].unique()) for board in boards.values()} == {
        ("empirical_window",),
        ("negative_binomial",),
    }


def test_what_a_modeller_calls_a_run_is_on_it_and_on_those_of_its_models(
    store: str, result: Backtest, truth: LaunchHistory
) -> None:
    label = RunLabel("half-lives", {"sweep": "short", "salvocast.kind": "mine"}, "Is *less* memory better?")
    parent_id = log_backtest(result, truth, dict(PARAMETERS), {}, label=label)
    _, logged = runs(store)
    assert {run.info.run_name for run in logged} == {
        "half-lives",
        "empirical_window",
        "negative_binomial",
        "always_fails",
    }
    for run in logged:
        tags = run.data.tags
        assert (tags["sweep"], tags["mlflow.note.content"]) == ("short", "Is *less* memory better?")
        assert tags["salvocast.kind"] == "backtest"  # ours stand: the page filters by them
        assert tags["salvocast.of"] == "ukraine shahed"
        assert tags["salvocast.data"] == f"{truth.digest[:12]} to 2025-04-28"
        assert tags.get("salvocast.model") == (None if run.info.run_id == parent_id else run.info.run_name)


def test_a_table_of_runs_can_be_sorted_by_the_best_of_each(store: str, result: Backtest, truth: LaunchHistory) -> None:
    """MLflow's page shows params and metrics of a run as columns: those of the parent tell who won, and by how much."""
    parent_id = log_backtest(result, truth, dict(PARAMETERS), {})
    parent = next(run for run in runs(store)[1] if run.info.run_id == parent_id)
    board = result.leaderboard().set_index(["band", "model"])["wis_ratio"]
    assert set(parent.data.metrics) == {f"best_wis_ratio.{band}" for band in board.index.levels[0]}
    for band, ratios in board.groupby("band"):
        assert parent.data.metrics[f"best_wis_ratio.{band}"] == pytest.approx(ratios.min())
        assert parent.data.params[f"best.{band}"] == ratios.droplevel("band").idxmin()


def test_a_data_set_that_another_process_writes_at_the_same_time_loses_no_run(
    store: str, result: Backtest, truth: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As MLflow tells it: the second of two is refused, once."""
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    real, asked = MlflowClient.log_inputs, []

    def refused_once(self: Any, run_id: str, *arguments: Any) -> None:
        asked.append(run_id)
        if len(asked) == 1:
            raise MlflowException("UNIQUE constraint failed: datasets.experiment_id, datasets.name, datasets.digest")
        real(self, run_id, *arguments)

    monkeypatch.setattr(MlflowClient, "log_inputs", refused_once)
    parent_id = log_backtest(result, truth, dict(PARAMETERS), {})
    assert asked[:2] == [parent_id, parent_id]
    assert all(len(run.inputs.dataset_inputs) == 1 for run in runs(store)[1])


TWO_AT_ONCE = """
import pickle, sys, time
from datetime import date
from pathlib import Path
from experiments.tracking import log_backtest
result, truth = pickle.loads(Path(sys.argv[1]).read_bytes())
me = Path(sys.argv[2]); me.touch()
while not Path(sys.argv[3]).exists():
    time.sleep(.001)
print(log_backtest(result, truth, {"seed": 1}, {}))
"""


@pytest.mark.slow
def test_two_processes_that_log_at_the_same_time_lose_no_run(
    empty_store: Path, tmp_path: Path, result: Backtest, truth: LaunchHistory
) -> None:
    (tmp_path / "backtest").write_bytes(pickle.dumps((result, truth)))
    for number in range(6):
        home = tmp_path / f"home{number}"
        home.mkdir()
        shutil.copy(empty_store, home / "mlflow.db")
        marks = [home / "first", home / "second"]
        command = [sys.executable, "-c", TWO_AT_ONCE, str(tmp_path / "backtest")]
        with ExitStack() as stack:
            started = [
                stack.enter_context(
                    subprocess.Popen(
                        [*command, str(mine), str(others)],
                        env=os.environ | {"SALVOCAST_HOME": str(home)},
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        text=True,
                    )
                )
                for mine, others in (marks, marks[::-1])
            ]
            told = [process.communicate(timeout=300) for process in started]
        assert [process.returncode for process in started] == [0, 0], told
        logged = runs(f"sqlite:///{home / 'mlflow.db'}")[1]
        parents = [run for run in logged if run.info.run_id in {out.strip() for out, _ in told}]
        assert [run.info.status for run in parents] == ["FINISHED", "FINISHED"]
        assert len(logged) == 8


def test_a_second_backtest_joins_the_same_experiment(store: str, result: Backtest, truth: LaunchHistory) -> None:
    first, second = (log_backtest(result, truth, dict(PARAMETERS), {}) for _ in range(2))
    assert first != second
    assert len(runs(store)[1]) == 8


def test_the_store_is_in_the_home_unless_another_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking_uri() == f"sqlite:///{home / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    assert tracking_uri() == "http://tracking.example"


def test_another_store_is_used_and_the_home_left_alone(
    store: str,
    home: Path,
    tmp_path: Path,
    result: Backtest,
    truth: LaunchHistory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    (home / "mlflow.db").rename(elsewhere)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}")
    log_backtest(result, truth, dict(PARAMETERS), {})
    assert len(runs(f"sqlite:///{elsewhere}")[1]) == 4
    assert not (home / "mlflow.db").exists()


@pytest.fixture
def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_cannot_be_reached_is_told_in_one_line_without_the_password(
    closed_port: int, result: Backtest, truth: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://modeller:secret@127.0.0.1:{closed_port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    with pytest.raises(SalvocastError, match=r"the tracking store .* failed .*set MLFLOW_TRACKING_URI") as raised:
        log_backtest(result, truth, dict(PARAMETERS), {})
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert f"127.0.0.1:{closed_port}" in message
    assert "secret" not in message
    assert raised.value.exit_code == 1


def test_a_backtest_whose_logging_breaks_off_is_marked_as_failed(
    store: str, result: Backtest, truth: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("experiments.tracking._log_tables", full_disk)
    with pytest.raises(SalvocastError, match="No space left on device"):
        log_backtest(result, truth, dict(PARAMETERS), {})
    parent = next(run for run in runs(store)[1] if run.info.run_name.startswith("backtest"))
    assert parent.info.status == "FAILED"


def test_a_retraining_whose_run_was_made_twice_keeps_one(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is slow: the request timed out, was sent again, and both made a run."""
    with retraining_runs() as runs:
        once = runs._client.create_run

        def twice(*arguments: Any, **keywords: Any) -> Any:
            once(*arguments, **keywords)
            return once(*arguments, **keywords)

        monkeypatch.setattr(runs._client, "create_run", twice)
        made = runs.start("ukraine shahed", "key", "retraining")
        assert runs.unfinished("ukraine shahed") == [made]
        assert runs.of("ukraine shahed", "key") == made
        assert runs.start("ukraine shahed", "key", "retraining") == made  # as an attempt after one that failed
        runs.finish(made.id, "FINISHED", version=7)
        assert runs.of("ukraine shahed", "key") == replace(made, finished=True, version=7)
        another = runs.start("ukraine shahed", "key", "retraining")  # by force
        assert another.id != made.id
        assert runs.of("ukraine shahed", "key") == another
