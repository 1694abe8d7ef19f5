"""MLflow runs: where they are kept, and what is logged of a backtest.

Kept: parameters, metrics by band and by horizon, the digest of the data, tables and the fan charts. Not kept: the data
(the ledger has it, the digest names it) and the paths (seed, digest and model make them again).
"""

import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.backtest import Backtest
from experiments.decisions import DecisionBacktest
from experiments.scenario_backtest import ScenarioBacktest
from features.errors import SalvocastError
from features.history import LaunchHistory
from features.home import salvocast_home
from forecasting.report.document import versions

EXPERIMENT = "salvocast-backtest"


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or the embedded SQLite store in the home, which is the model registry as well."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{salvocast_home() / 'mlflow.db'}"


def log_backtest(
    result: Backtest,
    history: LaunchHistory,
    parameters: dict[str, Any],
    pictures: Mapping[str, Mapping[str, bytes]],
) -> str:
    """Logs a backtest as one parent run and one child run per model; returns the parent's run id.

    history: the truth that was scored against. parameters: of the request; models and data digest are added.
    pictures: model ("" for those of the leaderboard) -> name -> PNG.
    Raises SalvocastError where the tracking store cannot be reached or written.
    """
    with _client() as (client, experiment_id):
        shared = _shared(history, parameters)
        board = result.leaderboard()
        models = sorted({*result.timings["model"], *result.failures["model"]})
        parent = client.create_run(experiment_id, run_name=f"backtest {history.last_known_day}").info.run_id
        status = "FAILED"
        try:
            _log(client, parent, shared | {"models": ", ".join(models)}, {}, history)
            for model in models:
                own = board[board["model"] == model]
                metrics = _metrics(own, result.scores[result.scores["model"] == model])
                paths = result.paths[result.paths["model"] == model].drop(columns=["model", "origin"])
                metrics |= {(name, 0): float(mean) for name, mean in paths.mean().items()}
                tags = {"mlflow.parentRunId": parent}
                child = client.create_run(experiment_id, run_name=model, tags=tags).info.run_id
                _log(client, child, shared | {"model": model}, metrics, history)
                _log_pictures(client, child, pictures.get(model, {}))
                client.set_terminated(child, "FINISHED" if len(own) else "FAILED")
            _log_tables(client, parent, {"leaderboard": board, "failures": result.failures})
            _log_pictures(client, parent, pictures.get("", {}))
            status = "FINISHED"
        finally:
            client.set_terminated(parent, status)
        return str(parent)


def log_scenario_backtest(result: ScenarioBacktest, history: LaunchHistory, parameters: dict[str, Any]) -> str:
    """Logs a replay of scenarios as one parent run and one child run per row of its table; returns the parent's id.

    Arguments and errors as of `log_backtest`.
    """
    table = result.table()
    tables = {"table": table, "scores": result.scores, "experts": result.experts}
    return _log_replay("scenario backtest", table, "target", tables, history, parameters)


def log_decisions(result: DecisionBacktest, history: LaunchHistory, parameters: dict[str, Any]) -> str:
    """Logs a decision backtest as one parent run and one child run per policy, metrics by service level in percent
    (service.95); returns the parent's id.

    Arguments and errors as of `log_backtest`. The orders stay unlogged: what came stands beside them.
    """
    table = result.table.rename(columns={"policy": "model"})
    return _log_replay("decision backtest", table, "level", {"table": result.table}, history, parameters)


def _log_replay(
    name: str,
    table: pd.DataFrame,
    key: str,
    tables: dict[str, pd.DataFrame],
    history: LaunchHistory,
    parameters: dict[str, Any],
) -> str:
    """One parent run with the tables, and one child run for each model of `table`, metrics by its column `key`."""
    with _client() as (client, experiment_id):
        shared = _shared(history, parameters)
        parent = client.create_run(experiment_id, run_name=f"{name} {history.last_known_day}").info.run_id
        status = "FAILED"
        try:
            _log(client, parent, shared, {}, history)
            for model, own in table.groupby("model", sort=False):
                tags = {"mlflow.parentRunId": parent}
                child = client.create_run(experiment_id, run_name=str(model), tags=tags).info.run_id
                _log(client, child, shared | {"model": model}, _by(own, key), history)
                client.set_terminated(child, "FINISHED")
            _log_tables(client, parent, tables)
            status = "FINISHED"
        finally:
            client.set_terminated(parent, status)
        return str(parent)


def _shared(history: LaunchHistory, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of every run of a backtest."""
    return parameters | {
        "theatre": history.theatre,
        "weapon_class": history.weapon_class,
        "data_digest": history.digest,
        "last_attack_day_known": str(history.last_known_day),
        **{f"version_{name}": number for name, number in versions().items()},
    }


@contextmanager
def _client() -> Iterator[tuple[Any, str]]:
    """A client of the tracking store, and the id of the experiment, both made ready."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a planning tool tells nobody that it is used
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    logging.getLogger("alembic").setLevel(logging.ERROR)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    uri = tracking_uri()
    try:
        with _one_process_at_a_time():
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            experiment = client.get_experiment_by_name(EXPERIMENT)
            experiment_id = (
                experiment.experiment_id
                if experiment
                else client.create_experiment(EXPERIMENT, artifact_location=_artifact_location(uri))
            )
        yield client, experiment_id
    except (MlflowException, OSError) as error:
        first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        told = first_line.replace(uri.rstrip("/"), _without_password(uri).rstrip("/"))  # MLflow names the whole URI
        raise SalvocastError(
            f"the tracking store {_without_password(uri)} failed ({told}): see that it can be reached and "
            "written, or set MLFLOW_TRACKING_URI"
        ) from error


@contextmanager
def _one_process_at_a_time() -> Iterator[None]:
    """Two processes that make the same MLflow database at once break it: the second waits until it is made."""
    with (salvocast_home() / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _artifact_location(uri: str) -> str | None:
    """Absolute for SQLite, because MLflow would use the folder it happens to run in; a server knows its own."""
    return (salvocast_home() / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None


def _log(
    client: Any, run_id: str, parameters: dict[str, Any], metrics: dict[tuple[str, int], float], history: LaunchHistory
) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    now = client.get_run(run_id).info.start_time
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, step) for (name, step), value in metrics.items() if np.isfinite(value)],
        params=[Param(name, str(value)) for name, value in parameters.items()],
    )
    name = f"{history.theatre}-{history.weapon_class}"
    dataset = Dataset(
        name=name,
        digest=history.digest[:32],  # the column holds 36 characters; the whole digest is a parameter
        source_type="salvocast_ledger",
        source=", ".join(history.sources),
        profile=f'{{"num_rows": {history.launched.size}}}',
    )
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])])


def _metrics(board: pd.DataFrame, scores: pd.DataFrame) -> dict[tuple[str, int], float]:
    """(metric name, step) -> value: each column of the leaderboard by band, and WIS and CRPS by horizon (the step)."""
    metrics = _by(board, "band")
    days = scores[~scores["band"].str.startswith("total")].groupby("horizon")[["wis", "crps"]].mean().reset_index()
    for name in ("wis", "crps"):
        steps = zip(days["horizon"], days[name], strict=True)
        metrics |= {(f"{name}_by_horizon", int(step)): float(mean) for step, mean in steps}
    return metrics


def _by(board: pd.DataFrame, key: str) -> dict[tuple[str, int], float]:
    """(column.key, 0) -> value, for each column of a board of one model."""
    long = board.drop(columns="model").melt(id_vars=key)
    return {
        (f"{name}.{part}", 0): float(value)
        for part, name, value in zip(long[key], long["variable"], long["value"], strict=True)
    }


def _log_pictures(client: Any, run_id: str, pictures: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in pictures.items():
            path = Path(folder) / f"{name}.png"
            path.write_bytes(picture)
            client.log_artifact(run_id, str(path))


def _log_tables(client: Any, run_id: str, tables: dict[str, pd.DataFrame]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in tables.items():
            path = Path(folder) / f"{name}.csv"
            frame.to_csv(path, index=False)
            client.log_artifact(run_id, str(path))


def _without_password(uri: str) -> str:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(uri).render_as_string(hide_password=True)
    except ArgumentError:
        return uri
