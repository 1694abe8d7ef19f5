"""The runs of backtests and retrainings in the tracking store, for those who tidy it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.tracking import EVIDENCE, EXPERIMENT, RETRAINING, SERIES
from forecasting.registry import local_path, ready_client, store_failures, tracking_uri


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run in the tracking store, of a backtest or a retraining.

    needed: whether a later retraining asks for it: it is not at its end, or is the newest of its series that is, or
    the newest of them that compared recipes. folder: of its artefacts, where they lie on this machine and are there.
    """

    id: str
    name: str
    began: datetime
    needed: bool
    folder: Path | None


class StoredRuns:
    """The runs of backtests and retrainings, to be tidied. See `stored_runs`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def all(self) -> list[StoredRun]:
        """Every run that was not deleted, the oldest first."""
        made = []
        for experiment in (EXPERIMENT, RETRAINING):
            runs = self._search(experiment)
            needed = {run.info.run_id for run in _runs_to_keep(runs)} if experiment == RETRAINING else set()
            made += [
                StoredRun(
                    run.info.run_id,
                    run.info.run_name,
                    datetime.fromtimestamp(run.info.start_time / 1000, UTC),
                    run.info.run_id in needed,
                    _local_folder(run.info.artifact_uri, run.info.run_id),
                )
                for run in runs
            ]
        return sorted(made, key=lambda run: run.began)

    def delete(self, run_id: str) -> None:
        """Marks a run as deleted: nothing lists it any more. MLflow's own `mlflow gc` then takes its rows away."""
        self._client.delete_run(run_id)

    def _search(self, experiment: str) -> list[Any]:
        """The newest first."""
        found = self._client.get_experiment_by_name(experiment)
        runs: list[Any] = []
        token = None
        while found is not None:
            page = self._client.search_runs(
                [found.experiment_id], max_results=1000, order_by=["attributes.start_time DESC"], page_token=token
            )
            runs += page
            token = page.token
            if not token:
                break
        return runs


@contextmanager
def stored_runs() -> Iterator[StoredRuns]:
    """The runs of backtests and retrainings. Raises SalvocastError where the store cannot be reached or written."""
    uri = tracking_uri()
    with store_failures(uri):
        yield StoredRuns(ready_client(uri))


def _runs_to_keep(runs: list[Any]) -> Iterator[Any]:
    """Those that retraining rests on, of all of its runs, newest first."""
    seen = set()
    for run in runs:
        if run.info.status == "RUNNING":
            yield run
        if run.info.status != "FINISHED":
            continue
        for mark in {SERIES, EVIDENCE} if run.data.tags.get(EVIDENCE) else {SERIES}:
            if (mark, run.data.tags.get(SERIES)) not in seen:
                seen.add((mark, run.data.tags.get(SERIES)))
                yield run


def _local_folder(artifact_uri: str, run_id: str) -> Path | None:
    """The folder that holds nothing but the artefacts of that run, if it is on this machine; else None."""
    path = local_path(artifact_uri)
    named = path is not None and path.name == "artifacts" and path.parent.name == run_id
    return path.parent if path and named and path.parent.is_dir() and not path.parent.is_symlink() else None
