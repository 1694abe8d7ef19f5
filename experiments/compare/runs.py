"""What is logged of backtests and retrainings, read with few requests: one search, and one file of each run needed."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from experiments.backtest import SCORE_COLUMNS
from experiments.labels import NOTE, OWN_TAGS
from experiments.tracking import EXPERIMENT, NO_RECIPE, RECIPES, tracking_uri
from features.errors import InputError, SalvocastError
from features.records import SHAHED, UKRAINE
from forecasting.registry import local_path, or_none, ready_client, store_failures, without_password

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
    "seed",
    "quiet_day_rule",
)
"""Parameters of a backtest: runs in which they are equal have scored the same targets in the same way."""
_NUMBERS = ("every", "horizon", "refit_every", "n_paths", "seed")
_DAYS = ("first_origin", "last_origin", "last_attack_day_known")
_PAGE = 1000
_READERS = 8
"""Files that are read at a time: of a team's server most of the time goes into waiting."""
_READ_AS = csv.ConvertOptions(
    column_types={
        **dict.fromkeys(SCORE_COLUMNS, pa.float64()),  # told, because to guess them takes as long again
        **dict.fromkeys(("model", "band", "date", "published_at"), pa.string()),
        "origin": pa.timestamp("s"),
        "horizon": pa.int64(),
    }
)


_BY_ITSELF = csv.ReadOptions(use_threads=False)
"""A file by one thread: several are read at a time."""


def backtests(theatre: str = UKRAINE, weapon_class: str = SHAHED, *, uri: str | None = None) -> pd.DataFrame:
    """Every backtest of a series that came to its end.

    Parameters
    ----------
    theatre, weapon_class : str
        Of the series.
    uri : str, optional
        Of the MLflow store; None for where `salvocast backtest` logs.

    Returns
    -------
    pandas.DataFrame
        The newest first; empty where none was logged. Columns: run_id, name (str), began (datetime, UTC), tags (dict of
        str to str), note (str), models (tuple of str), recipes (tuple of str, a mark of each model's parameters and
        code, and of the covariates and other series that it was shown), first_origin, last_origin,
        last_attack_day_known (datetime), every, horizon (int, days), refit_every (int, origins), n_paths, seed (int),
        window, quiet_day_rule, data_digest, theatre, weapon_class (str).

    Raises
    ------
    SalvocastError
        Where the store cannot be read.
    """
    return _frame(_search(_finished_backtests(theatre, weapon_class), uri))


def read_parts(name: str, run_id: str | None, theatre: str, weapon_class: str, uri: str | None) -> pd.DataFrame:
    """The table of that name of the newest backtest, or of `run_id`; and, of each other model, that of the newest run
    that scored the same targets in the same way. Of a retraining its own table alone. run_id is added."""
    wanted = _finished_backtests(theatre, weapon_class)
    asked = _search(wanted, uri, newest=1) if run_id is None else _run(run_id, uri)
    if not asked:
        if run_id is not None:  # a retraining
            return table_of(run_id, name, uri=uri).assign(run_id=run_id)
        raise InputError(
            f"no backtest of {theatre} {weapon_class} is logged in {without_password(uri or tracking_uri())}: run "
            "salvocast backtest, or compare.ensure_backtest()"
        )
    told = asked[0].data.params
    same_data = _search(f"{wanted} and params.data_digest = '{told['data_digest']}'", uri)
    alike = [run for run in same_data if all(run.data.params[each] == told[each] for each in SETTING)]
    parts, seen = [], set[str]()
    for run in [*asked, *alike]:  # what was asked for comes first
        if new := set(_models_of(run)) - seen:
            parts.append((run, new))
            seen |= new
    return _frame_of(_read_tables(parts, name, uri))


def _read_tables(parts: Sequence[tuple[Any, set[str]]], name: str, uri: str | None) -> pa.Table:
    """The table of that name of each run, of these of its models, and beside each row its run_id."""

    def read(part: tuple[Any, set[str]]) -> pa.Table:
        run, models = part
        with _artifact(client, run, f"{name}.csv") as path:
            table = csv.read_csv(path, _BY_ITSELF, convert_options=_READ_AS)
        if set(_models_of(run)) - models:
            table = table.filter(pa.compute.is_in(table["model"], pa.array(sorted(models))))
        return table.append_column("run_id", pa.array([run.info.run_id] * len(table), pa.string()))

    where = uri or tracking_uri()
    with store_failures(where), ThreadPoolExecutor(_READERS) as pool:
        client = ready_client(where)
        tables = list(pool.map(read, parts))
        return pa.concat_tables(tables, promote_options="permissive")


def _frame_of(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame


def table_of(run_id: str, name: str, *, uri: str | None = None) -> pd.DataFrame:
    """A table that a run logged, such as "scores". Raises SalvocastError where the run or the table is not there."""
    with tempfile.TemporaryDirectory() as folder:
        path = download_artifact(run_id, f"{name}.csv", Path(folder), uri)
        return _frame_of(csv.read_csv(path, convert_options=_READ_AS))


def download_artifact(run_id: str, name: str, folder: Path, uri: str | None = None) -> Path:
    """A file of a run, put into the folder."""
    where = uri or tracking_uri()
    with store_failures(where):
        client = ready_client(where)
        run = or_none(client.get_run, run_id)
        if run is None:
            raise InputError(
                f"the tracking store {without_password(where)} has no run {run_id}: expected the id of one"
            )
        with _artifact(client, run, name) as path:
            return Path(shutil.copy(path, folder))


@contextmanager
def _artifact(client: Any, run: Any, name: str) -> Iterator[Path]:
    """A file of a run: where it lies, if it is on this machine, else a copy that goes afterwards. To ask MLflow for
    each of hundreds took ten times as long as to read them."""
    missing = SalvocastError(
        f"run {run.info.run_id} ({run.info.run_name}) has no {name}: an earlier release made it, it compared nothing, "
        "or its files were tidied away; run it again"
    )
    folder = local_path(run.info.artifact_uri)
    if folder is not None and folder.is_dir():
        if not (folder / name).is_file():
            raise missing
        yield folder / name
        return
    if name not in {each.path for each in client.list_artifacts(run.info.run_id)}:
        raise missing
    with tempfile.TemporaryDirectory() as copies:
        yield Path(client.download_artifacts(run.info.run_id, name, copies))


def _finished_backtests(theatre: str, weapon_class: str) -> str:
    """The backtests of a series that came to their end: of their runs, only the parent has the parameter `models`."""
    series = {"theatre": theatre, "weapon_class": weapon_class}
    for what, name in series.items():
        if not name.isidentifier():
            raise InputError(f"{what} is '{name}': expected a name such as {UKRAINE} or {SHAHED}")
    told = [f"params.{what} = '{name}'" for what, name in series.items()]
    return " and ".join(["attributes.status = 'FINISHED'", "params.models LIKE '%'", *told])


def _search(wanted: str, uri: str | None, newest: int | None = None) -> list[Any]:
    """The runs of backtests, the newest first, or so many of them."""
    where = uri or tracking_uri()
    with store_failures(where):
        client = ready_client(where)
        found = client.get_experiment_by_name(EXPERIMENT)
        runs: list[Any] = []
        token = None
        while found is not None:
            page = client.search_runs(
                [found.experiment_id],
                wanted,
                max_results=newest or _PAGE,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            runs += page
            token = page.token
            if not token or newest:
                break
        return runs


def _run(run_id: str, uri: str | None) -> list[Any]:
    """The run of that number, if it is of a backtest."""
    where = uri or tracking_uri()
    with store_failures(where):
        run = ready_client(where).get_run(run_id)
        return [run] if "models" in run.data.params else []


def _frame(runs: Sequence[Any]) -> pd.DataFrame:
    """See `backtests`."""
    frame = pd.DataFrame(
        [_row(run) for run in runs],
        columns=["run_id", "name", "began", "tags", "note", "models", RECIPES, *SETTING, "last_attack_day_known"],
    )
    frame = frame.astype(dict.fromkeys(_NUMBERS, "int64"))
    for name in _DAYS:
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    frame["began"] = pd.to_datetime(frame["began"], utc=True)
    return frame


def _row(run: Any) -> dict[str, Any]:
    told, models = run.data.params, _models_of(run)
    return {
        "run_id": run.info.run_id,
        "name": run.info.run_name,
        "began": datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        "tags": json.loads(run.data.tags.get(OWN_TAGS, "{}")),
        "note": run.data.tags.get(NOTE, ""),
        "models": models,
        RECIPES: tuple(told[RECIPES].split(", ")) if RECIPES in told else (NO_RECIPE,) * len(models),
        **{name: told[name] for name in (*SETTING, "last_attack_day_known")},
    }


def _models_of(run: Any) -> tuple[str, ...]:
    return tuple(run.data.params["models"].split(", "))
