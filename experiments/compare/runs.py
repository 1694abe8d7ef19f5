"""What is logged of backtests and retrainings, read with few requests: one search, and one file of each run needed."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.tracking import EXPERIMENT, tracking_uri
from features.errors import InputError, SalvocastError
from features.records import SHAHED, UKRAINE
from forecasting.registry import ready_client, store_failures, without_password

SETTING = (
    "theatre",
    "weapon_class",
    "data_digest",
    "first_origin",
    "last_origin",
    "every",
    "horizon",
    "refit_every",
    "window",
    "n_paths",
    "quiet_day_rule",
)
"""Parameters of a backtest: runs in which they are equal have scored the same targets in the same way."""
_NUMBERS = ("every", "horizon", "refit_every", "n_paths", "seed")
_DAYS = ("first_origin", "last_origin", "last_attack_day_known")
_PAGE = 1000


def backtests(theatre: str = UKRAINE, weapon_class: str = SHAHED, *, uri: str | None = None) -> pd.DataFrame:
    """Every backtest of a series that came to its end, the newest first.

    uri: of the MLflow store; without one, where `salvocast backtest` logs. Columns: run_id (str), began (datetime,
    UTC), models (tuple of str), first_origin, last_origin, last_attack_day_known (datetime), every, horizon (int,
    days), refit_every (int, origins), n_paths, seed (int), window, quiet_day_rule, data_digest, theatre, weapon_class
    (str).
    Empty where none was logged. Raises SalvocastError where the store cannot be read.
    """
    wanted = {"theatre": theatre, "weapon_class": weapon_class}
    told = [f"params.{name} = '{value}'" for name, value in wanted.items() if "'" not in value]
    # Only the parent of a backtest has the parameter `models`.
    wanted_text = " and ".join(["attributes.status = 'FINISHED'", "params.models LIKE '%'", *told])
    rows = [_row(run) for run in _search(EXPERIMENT, wanted_text, uri)]
    frame = pd.DataFrame(rows, columns=["run_id", "began", "models", *SETTING, "last_attack_day_known", "seed"])
    frame = frame.astype(dict.fromkeys(_NUMBERS, "int64"))
    for name in _DAYS:
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    frame["began"] = pd.to_datetime(frame["began"], utc=True)
    return frame


def comparable(found: pd.DataFrame, run_id: str | None, store: str) -> list[tuple[str, Sequence[str]]]:
    """(run, models to be read of it): those of the newest backtest, or of `run_id`, and of each other model the newest
    run that scored the same targets in the same way. found: as of `backtests`."""
    if found.empty:
        raise InputError(
            f"no backtest of this series is logged in {store}: run salvocast backtest, or compare.ensure_backtest()"
        )
    first = found.iloc[0] if run_id is None else found.set_index("run_id", drop=False).loc[run_id]
    alike = found[(found[list(SETTING)] == first[list(SETTING)]).all(axis=1)]
    if run_id is not None:  # what was asked for comes first
        alike = pd.concat([alike[alike["run_id"] == run_id], alike[alike["run_id"] != run_id]])
    parts: list[tuple[str, Sequence[str]]] = []
    seen = set[str]()
    for run, models in zip(alike["run_id"], alike["models"], strict=True):
        new = [model for model in models if model not in seen]
        seen |= set(new)
        if new:
            parts.append((str(run), new))
    return parts


def read_parts(name: str, run_id: str | None, theatre: str, weapon_class: str, uri: str | None) -> pd.DataFrame:
    """The table of that name, of the runs that are comparable with a backtest, or of one retraining; run_id added."""
    found = backtests(theatre, weapon_class, uri=uri)
    if run_id is not None and run_id not in set(found["run_id"]):
        return table_of(run_id, name, uri=uri).assign(run_id=run_id)
    tables = []
    for run, models in comparable(found, run_id, store_name(uri)):
        table = table_of(run, name, uri=uri)
        tables.append(table[table["model"].isin(models)].assign(run_id=run))
    return pd.concat(tables, ignore_index=True)


def table_of(run_id: str, name: str, *, uri: str | None = None) -> pd.DataFrame:
    """A table that a run logged, such as "scores". Raises SalvocastError where the run or the table is not there."""
    with tempfile.TemporaryDirectory() as folder:
        path = downloaded(run_id, f"{name}.csv", Path(folder), uri)
        return pd.read_csv(path, float_precision="round_trip")


def downloaded(run_id: str, name: str, folder: Path, uri: str | None = None) -> Path:
    """A file of a run, put into the folder."""
    where = uri or tracking_uri()
    with store_failures(where):
        client = ready_client(where)
        run = client.get_run(run_id)
        if name not in {each.path for each in client.list_artifacts(run_id)}:
            raise SalvocastError(
                f"run {run_id} ({run.info.run_name}) has no {name}: an earlier release made it, it compared nothing, "
                "or its files were tidied away; run it again"
            )
        return Path(client.download_artifacts(run_id, name, str(folder)))


def store_name(uri: str | None) -> str:
    """Where runs are read from, as it may be told."""
    return without_password(uri or tracking_uri())


def _search(experiment: str, wanted: str, uri: str | None) -> list[Any]:
    """The runs of an experiment, the newest first."""
    where = uri or tracking_uri()
    with store_failures(where):
        client = ready_client(where)
        found = client.get_experiment_by_name(experiment)
        runs: list[Any] = []
        token = None
        while found is not None:
            page = client.search_runs(
                [found.experiment_id],
                wanted,
                max_results=_PAGE,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            runs += page
            token = page.token
            if not token:
                break
        return runs


def _row(run: Any) -> dict[str, Any]:
    told = run.data.params
    return {
        "run_id": run.info.run_id,
        "began": datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        "models": tuple(told["models"].split(", ")),
        **{name: told[name] for name in (*SETTING, "last_attack_day_known", "seed")},
    }
