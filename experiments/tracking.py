"""MLflow runs: where they are kept, and what is logged of a backtest.

Kept: parameters, metrics by band and by horizon, the digest of the data, tables and the fan charts; the table of scores
has what came and all quantiles of the score of every target, for those who compare without the ledger; the request and
the recipes, from which a run is made again. Not kept: the data (the ledger has it, the digest names it) and the paths
(seed, digest and model make them again).
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.backtest import Backtest
from experiments.folds import TOTAL_BANDS
from experiments.labels import UNLABELLED, RunLabel
from experiments.order_backtest import DecisionBacktest
from experiments.scenario_backtest import ScenarioBacktest
from features.covariates import Covariate
from features.history import LaunchHistory
from features.release import code_version
from forecasting.registry import artifact_location, one_process_at_a_time, ready_client, store_failures, with_retries
from forecasting.registry import tracking_uri as tracking_uri
from forecasting.report.document import versions
from forecasting.salvos.model import Model, is_global
from forecasting.salvos.recipe import Recipe, library_versions, parameters_of

EXPERIMENT = "salvocast-backtest"
RETRAINING = "salvocast-retraining"
"""The experiment with one run for each retraining."""


def log_backtest(
    result: Backtest,
    history: LaunchHistory,
    parameters: dict[str, Any],
    pictures: Mapping[str, Mapping[str, bytes]],
    models: Sequence[Model] = (),
    shown: "Shown | None" = None,
    label: RunLabel = UNLABELLED,
) -> str:
    """Logs a backtest as one parent run and one child run per model; returns the parent's run id.

    history: the truth that was scored against. parameters: of the request; models and data digest are added.
    pictures: model ("" for those of the leaderboard) -> name -> PNG. models: that were run, whose recipes are logged,
    so that the run can be told from others and made again (`experiments.repeat`). shown: beside the series;
    covariates, which no ledger has, are kept. label: what it is called.

    Of each model its rows of the leaderboard are metrics, which MLflow's table sorts by, and a table; the parent has
    those of the best model in each band (`best_wis_ratio.total_28`, and which it was as a parameter).
    Raises SalvocastError where the tracking store cannot be reached or written.
    """
    with _client() as (client, experiment_id):
        shown = shown or Shown()
        told_of = {
            name: ", ".join(f"{one} {mark[:MARK]}" for one, mark in of.items()) for name, of in shown.digests.items()
        }
        shared = _shared_parameters(history, parameters | told_of)
        board = result.leaderboard()
        names = sorted({*result.timings["model"], *result.failures["model"]})
        by_name = {model.model_id: model for model in models}
        recipes = {name: Recipe.of(by_name[name]) for name in names if name in by_name}
        marks = [recipe_mark(by_name[name], shown) if name in by_name else NO_RECIPE for name in names]
        tags = label.as_tags("backtest", history)
        name = label.name or f"backtest {history.last_known_day}"
        parent = client.create_run(experiment_id, run_name=name, tags=tags).info.run_id
        status = "FAILED"
        try:
            best, metrics = _best(board)
            told = {"models": ", ".join(names), RECIPES: ", ".join(marks)}
            _log(client, parent, shared | told | best, metrics, history)
            for model in names:
                own = board[board["model"] == model]
                metrics = _metrics(own, result.scores[result.scores["model"] == model])
                paths = result.paths[result.paths["model"] == model].drop(columns=["model", "origin"])
                metrics |= {(name, 0): float(mean) for name, mean in paths.mean().items()}
                of_model = tags | {"mlflow.parentRunId": parent, "salvocast.model": model}
                child = client.create_run(experiment_id, run_name=model, tags=of_model).info.run_id
                told = {"model": model}
                if model in recipes:
                    told |= {"recipe": recipes[model].digest, "model_code": recipes[model].code}
                    told |= {f"parameter.{name}": value for name, value in parameters_of(by_name[model]).items()}
                _log(client, child, shared | told, metrics, history)
                failed = result.failures[result.failures["model"] == model]
                tables = {"leaderboard": own, "failures": failed}
                _log_tables(client, child, {name: table for name, table in tables.items() if len(table)})
                _log_pictures(client, child, pictures.get(model, {}))
                client.set_terminated(child, "FINISHED" if len(own) else "FAILED")
            tables = {"leaderboard": board, "failures": result.failures, "scores": result.scores}
            tables |= {COVARIATE_TABLE.format(each.name): each.to_frame() for each in shown.covariates}
            _log_tables(client, parent, tables)
            request = {
                "format": REQUEST_FORMAT,
                "parameters": {name: str(value) for name, value in shared.items()},
                "last_attack_day": str(history.last_day),
                "code_version": code_version(),
                "libraries": library_versions(),
                "models": [recipe.to_json() for recipe in recipes.values()],
                **shown.digests,
            }
            _log_files(client, parent, {REQUEST_FILE: json.dumps(request, indent=1).encode()})
            _log_pictures(client, parent, pictures.get("", {}))
            status = "FINISHED"
        finally:
            client.set_terminated(parent, status)
        return str(parent)


@dataclass(frozen=True)
class Shown:
    """What models were shown beside the series that they forecast: covariates, and the other series as known now."""

    covariates: Sequence[Covariate] = ()
    others: Sequence[LaunchHistory] = ()

    @property
    def digests(self) -> dict[str, dict[str, str]]:
        """covariates, others -> name -> digest; nothing of what there is none of."""
        series = {f"{each.theatre} {each.weapon_class}": each.digest for each in self.others}
        told = {"covariates": {each.name: each.digest for each in self.covariates}, "other_series": series}
        return {name: of for name, of in told.items() if of}


def _words(digests: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {digest[:MARK]}" for name, digest in digests.items())


def recipe_mark(model: Model, shown: Shown) -> str:
    """A recipe, and what it was shown, as the runs of backtests are searched by it; "-" for one that cannot be told."""
    digest = Recipe.of(model).digest
    used = [each.digest for each in shown.covariates if each.name in getattr(model, "covariates", ())]
    used += [each.digest for each in shown.others] if is_global(model) else []
    if digest and used:
        digest = hashlib.sha256("|".join([digest, *used]).encode()).hexdigest()
    return digest[:MARK] or NO_RECIPE


def _best(board: pd.DataFrame) -> tuple[dict[str, str], dict[tuple[str, int], float]]:
    """Of each band the model that the reference beats least, and its ratio, as parameters and metrics of the parent."""
    ranked = board.dropna(subset="wis_ratio").sort_values("wis_ratio", kind="stable").drop_duplicates("band")
    models = {f"best.{band}": model for band, model in zip(ranked["band"], ranked["model"], strict=True)}
    ratios = zip(ranked["band"], ranked["wis_ratio"], strict=True)
    return models, {(f"best_wis_ratio.{band}", 0): float(ratio) for band, ratio in ratios}


def log_scenario_backtest(
    result: ScenarioBacktest, history: LaunchHistory, parameters: dict[str, Any], label: RunLabel = UNLABELLED
) -> str:
    """Logs a replay of scenarios as one parent run and one child run per row of its table; returns the parent's id.

    Arguments and errors as of `log_backtest`.
    """
    table = result.table()
    tables = {"table": table, "scores": result.scores, "experts": result.experts}
    return _log_replay("scenario backtest", table, "target", tables, history, parameters, label)


def log_decisions(
    result: DecisionBacktest, history: LaunchHistory, parameters: dict[str, Any], label: RunLabel = UNLABELLED
) -> str:
    """Logs a decision backtest as one parent run and one child run per policy, metrics by service level in percent
    (service.95); returns the parent's id.

    Arguments and errors as of `log_backtest`. The orders stay unlogged: what came stands beside them.
    """
    table = result.table.rename(columns={"policy": "model"})
    return _log_replay("decision backtest", table, "level", {"table": result.table}, history, parameters, label)


def _log_replay(
    name: str,
    table: pd.DataFrame,
    key: str,
    tables: dict[str, pd.DataFrame],
    history: LaunchHistory,
    parameters: dict[str, Any],
    label: RunLabel,
) -> str:
    """One parent run with the tables, and one child run for each model of `table`, metrics by its column `key`."""
    with _client() as (client, experiment_id):
        shared = _shared_parameters(history, parameters)
        tags = label.as_tags(name, history)
        run_name = label.name or f"{name} {history.last_known_day}"
        parent = client.create_run(experiment_id, run_name=run_name, tags=tags).info.run_id
        status = "FAILED"
        try:
            _log(client, parent, shared, {}, history)
            for model, own in table.groupby("model", sort=False):
                of_model = tags | {"mlflow.parentRunId": parent, "salvocast.model": str(model)}
                child = client.create_run(experiment_id, run_name=str(model), tags=of_model).info.run_id
                _log(client, child, shared | {"model": model}, _by(own, key), history)
                _log_tables(client, child, {"table": own})
                client.set_terminated(child, "FINISHED")
            _log_tables(client, parent, tables)
            status = "FINISHED"
        finally:
            client.set_terminated(parent, status)
        return str(parent)


def _shared_parameters(history: LaunchHistory, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of every run of a backtest."""
    return parameters | {
        "theatre": history.theatre,
        "weapon_class": history.weapon_class,
        "data_digest": history.digest,
        "last_attack_day_known": str(history.last_known_day),
        **{f"version_{name}": number for name, number in versions().items()},
    }


RECIPES = "recipes"
"""The parameter that has a mark of each of the models, in their order."""
MARK, NO_RECIPE = 12, "-"
COVARIATE_TABLE = "covariate_{}"
REQUEST_FILE, REQUEST_FORMAT = "request.json", "salvocast/backtest/1"
"""What a backtest would be made again from."""


@dataclass(frozen=True, slots=True)
class RetrainingRun:
    """One retraining. key: of the data, code and settings that it is of. finished: whether it came to its end.

    version: of the champion that it made. decision: what it decided, once it has (JSON, as it was given).
    """

    id: str
    key: str
    finished: bool
    version: int | None
    decision: str | None


class RetrainingRuns:
    """The MLflow runs of retrainings: one for each key, found again by its tags. See `retraining_runs`.

    Every method tries again a few times where the store fails, and then raises SalvocastError.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @cached_property
    def _store(self) -> tuple[Any, str]:
        return _ready(self.uri, RETRAINING)

    @property
    def _client(self) -> Any:
        return self._store[0]

    @with_retries
    def of(self, series: str, key: str) -> RetrainingRun | None:
        """The run of that key; of several, made by force, one that is not finished, or else the newest."""
        runs = self._search({SERIES: series, _KEY: key})
        return next((run for run in runs if not run.finished), runs[0] if runs else None)

    @with_retries
    def unfinished(self, series: str) -> list[RetrainingRun]:
        """The runs of the series that are marked as running, newest first."""
        return self._search({SERIES: series}, "attributes.status = 'RUNNING'")

    @with_retries
    def has_compared(self, evidence: str) -> bool:
        """Whether a run that came to its end has compared recipes on that evidence."""
        return bool(self._search({EVIDENCE: evidence}, "attributes.status = 'FINISHED'"))

    @with_retries
    def finished(self, series: str) -> list[RetrainingRun]:
        """The runs of the series that came to their end, newest first."""
        return self._search({SERIES: series}, "attributes.status = 'FINISHED'")

    @with_retries
    def start(self, series: str, key: str, name: str) -> RetrainingRun:
        """A new run, where none of that key is unfinished. Its key comes into being with it, so that a kill leaves no
        run that nobody finds. A request that timed out and was sent again may have made it twice: one stays."""
        tags = {SERIES: series, _KEY: key}
        made = [run for run in self._search(tags) if not run.finished]
        if not made:
            self._client.create_run(self._store[1], run_name=name, tags=tags)
            made = [run for run in self._search(tags) if not run.finished]
        *twins, first = made
        for twin in twins:
            self._client.delete_run(twin.id)
        return first

    @with_retries
    def decide(
        self,
        run_id: str,
        decision: str,
        evidence: str,
        history: LaunchHistory,
        parameters: dict[str, Any],
        metrics: dict[tuple[str, int], float],
        tables: dict[str, pd.DataFrame],
        texts: dict[str, str],
    ) -> None:
        """Logs what a decision rests on, (metric, step) -> value, tables and JSON texts by name, and last the decision.

        Done twice, it leaves what doing it once does.
        """
        _log(self._client, run_id, _shared_parameters(history, parameters), metrics, history)
        _log_tables(self._client, run_id, tables)
        _log_files(self._client, run_id, {f"{name}.json": text.encode() for name, text in texts.items()})
        self._client.set_tag(run_id, EVIDENCE, evidence)
        self._client.set_tag(run_id, _DECISION, decision)

    @with_retries
    def finish(self, run_id: str, status: str, version: int | None = None) -> None:
        """Ends a run as FINISHED, FAILED or KILLED. version: of the champion that it made."""
        if version is not None:
            self._client.set_tag(run_id, _VERSION, str(version))
        self._client.set_terminated(run_id, status)

    def _search(self, tags: Mapping[str, str], also: str = "") -> list[RetrainingRun]:
        wanted = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        found = self._client.search_runs([self._store[1]], " and ".join([*wanted, *filter(None, [also])]))
        return [
            RetrainingRun(
                run.info.run_id,
                run.data.tags[_KEY],
                run.info.status == "FINISHED",
                int(run.data.tags[_VERSION]) if _VERSION in run.data.tags else None,
                run.data.tags.get(_DECISION),
            )
            for run in found
        ]


SERIES, _KEY, EVIDENCE = "salvocast.series", "salvocast.key", "salvocast.evidence"
_DECISION, _VERSION = "salvocast.decision", "salvocast.version"


@contextmanager
def retraining_runs() -> Iterator[RetrainingRuns]:
    """The runs of retrainings in the tracking store. Nothing is asked of it before a method needs it: reports come in
    while it is away."""
    yield RetrainingRuns(tracking_uri())


@contextmanager
def _client() -> Iterator[tuple[Any, str]]:
    """A client of the tracking store, and the id of the experiment of backtests."""
    uri = tracking_uri()
    with store_failures(uri):
        yield _ready(uri, EXPERIMENT)


def _ready(uri: str, name: str) -> tuple[Any, str]:
    """A client of the tracking store, and the id of the experiment of that name, both made ready."""
    client = ready_client(uri)
    with one_process_at_a_time():
        found = client.get_experiment_by_name(name)
        if found:
            return client, found.experiment_id
        return client, client.create_experiment(name, artifact_location=_artifact_location(uri))


def _artifact_location(uri: str) -> str | None:
    """Absolute for SQLite, because MLflow would use the folder it happens to run in; a server knows its own."""
    return artifact_location() if uri.startswith("sqlite:") else None


def _log(
    client: Any, run_id: str, parameters: dict[str, Any], metrics: dict[tuple[str, int], float], history: LaunchHistory
) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Param

    client.log_batch(run_id, params=[Param(name, str(value)) for name, value in parameters.items()])
    _log_metrics(client, run_id, metrics)
    name = f"{history.theatre}-{history.weapon_class}"
    dataset = Dataset(
        name=name,
        digest=history.digest[:32],  # the column holds 36 characters; the whole digest is a parameter
        source_type="salvocast_ledger",
        source=", ".join(history.sources),
        profile=f'{{"num_rows": {history.launched.size}}}',
    )
    _log_inputs(client, run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])])


def _log_inputs(client: Any, run_id: str, inputs: list[Any]) -> None:
    """MLflow looks whether it knows a data set and then writes it: of two processes that log the same one at the same
    time the second is refused, and finds it there when it asks again."""
    from mlflow.exceptions import MlflowException
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

    again = Retrying(
        stop=stop_after_attempt(5),
        wait=wait_random(max=0.5),
        retry=retry_if_exception_type(MlflowException),
        reraise=True,
    )
    again(client.log_inputs, run_id, inputs)


def _log_metrics(client: Any, run_id: str, metrics: dict[tuple[str, int], float]) -> None:
    """Logs them with the time at which the run began: logged twice, they are there once."""
    from mlflow.entities import Metric

    began = client.get_run(run_id).info.start_time
    finite = [Metric(name, value, began, step) for (name, step), value in metrics.items() if np.isfinite(value)]
    client.log_batch(run_id, metrics=finite)


def _metrics(board: pd.DataFrame, scores: pd.DataFrame) -> dict[tuple[str, int], float]:
    """(metric name, step) -> value: each column of the leaderboard by band, and WIS and CRPS by horizon (the step)."""
    metrics = _by(board, "band")
    days = scores[~scores["band"].isin(TOTAL_BANDS)].groupby("horizon")[["wis", "crps"]].mean().reset_index()
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
    _log_files(client, run_id, {f"{name}.png": picture for name, picture in pictures.items()})


def _log_tables(client: Any, run_id: str, tables: dict[str, pd.DataFrame]) -> None:
    _log_files(client, run_id, {f"{name}.csv": frame.to_csv(index=False).encode() for name, frame in tables.items()})


def _log_files(client: Any, run_id: str, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.write_bytes(content)
            client.log_artifact(run_id, str(path))
