"""A real retraining, killed at random moments and started again, ends as one that nobody disturbed."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from forecasting.registry.promotions import log_entries

SETTINGS = """
[[source]]
kind = "table"
path = "counts.csv"
[retrain]
first_champion = "empirical_window"
challengers = ["seasonal_naive", "exponential_empirical"]
origins = 8
fewest_origins = 4
horizon = 7
paths = 50
p_value = 0.9
coverage_tolerance = 1.0
"""
KILLS = int(os.environ.get("SALVOCAST_KILLS", "10"))
"""`make kills` kills it fifty times."""
FORKING = """
import os, signal, sys, time
from experiments.retrain_cli import retrain
import experiments.retrain, mlflow.pyfunc, mlflow.models, mlflow.tracking, forecasting.registry, features.sources.table
import features.release
features.release.code_version()  # is kept: that the sources are edited meanwhile must not matter
for line in sys.stdin:
    home, seconds = line.rstrip().split("|")
    pid = os.fork()
    if not pid:
        os.environ["SALVOCAST_HOME"] = home
        code = 1
        try:
            sys.stdout = open(os.devnull, "w")
            code = retrain()
        except Exception as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    if seconds:
        time.sleep(float(seconds))
        os.kill(pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
"""Forks a retraining for each line "home|seconds until it is killed": what is slow to import is there already."""


class Mornings:
    """Retrainings in processes of their own that can be killed."""

    def __init__(self, folder: Path) -> None:
        self._errors = (folder / "errors.txt").open("w+")
        temporary = folder / "tmp"  # a killed process leaves its temporary files
        temporary.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORKING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | {"MLFLOW_LOGGING_LEVEL": "ERROR", "TMPDIR": str(temporary)},
        )

    def run(self, home: Path, kill_after: float | None = None) -> int:
        """The exit code of a retraining; negative where it was killed, so many seconds after its begin."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(home, "" if kill_after is None else kill_after, sep="|", file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def told(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def stop(self) -> None:
        self._process.communicate()
        self._errors.close()


@pytest.fixture
def mornings(tmp_path: Path) -> Iterator[Mornings]:
    process = Mornings(tmp_path)
    yield process
    process.stop()


@pytest.fixture
def morning(home: Path, store: str, weekly_ledger: Path, mornings: Mornings) -> Path:
    """A home with a champion and a new report that is not in the ledger yet."""
    shutil.copy(weekly_ledger, home / "ledger.db")
    (home / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    (home / "counts.csv").write_text("date,launched\n", encoding="utf-8")
    assert mornings.run(home) == 0, mornings.told()
    (home / "counts.csv").write_text("date,launched\n2026-03-01,210\n", encoding="utf-8")
    return home


def state(home: Path) -> dict[str, Any]:
    """All that is left in a home, but for ids, times, and what the ids are part of."""
    with closing(sqlite3.connect(home / "mlflow.db")) as mlflow, closing(sqlite3.connect(home / "ledger.db")) as ledger:

        def rows(query: str) -> list[Any]:
            return sorted(mlflow.execute(query).fetchall(), key=repr)

        names = dict(mlflow.execute("SELECT run_uuid, name FROM runs").fetchall())
        tags = rows("SELECT run_uuid, key, value FROM tags WHERE key LIKE 'salvocast.%'")
        log = log_entries(dict(mlflow.execute("SELECT key, value FROM registered_model_tags").fetchall()))
        served = [replace(entry.promotion, promoted_at=datetime.min) for entry in log if entry.confirmed]
        tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        times = {"recorded_at", "known_at", "agreed_at"}  # when a file was read
        content = {}
        for table in tables:
            columns = [row[1] for row in ledger.execute(f"PRAGMA table_info({table})") if row[1] not in times]
            content[table] = sorted(ledger.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall(), key=repr)
        made_here = [path.relative_to(home).parts for path in (home / "mlartifacts").rglob("*") if path.is_file()]
        found = {
            "champion": rows("SELECT name, alias, version FROM registered_model_aliases"),
            "versions": [
                (*each, names[run])
                for *each, run in rows("SELECT name, version, current_stage, status, run_id FROM model_versions")
            ],
            "version tags": rows("SELECT version, key, value FROM model_version_tags"),
            "promotions": served,
            "runs": rows("SELECT name, status, lifecycle_stage FROM runs"),
            "run tags": [(names[run], key, value) for run, key, value in tags],
            "parameters": [(names[run], *rest) for run, *rest in rows("SELECT run_uuid, key, value FROM params")],
            "metrics": [(names[run], *rest) for run, *rest in rows("SELECT run_uuid, key, value, step FROM metrics")],
            "inputs": rows("SELECT name, digest FROM datasets") + rows("SELECT COUNT(*) FROM inputs"),
            "files": [tuple(names.get(part, part) for part in parts) for parts in made_here],
            "ledger": list(content.items()),
            "home": [path.name for path in home.iterdir()],
        }
        return {part: sorted(each, key=repr) for part, each in found.items()}


def check_kills(n_kills: int, morning: Path, mornings: Mornings, tmp_path: Path) -> None:
    """Kills retrainings of fresh copies of the morning until so many were killed, up to five in a row."""
    undisturbed = tmp_path / "undisturbed"
    # MLflow keeps absolute paths, so every copy stands where the first one stood.
    pristine = tmp_path / "pristine"
    shutil.copytree(morning, pristine)
    before = state(morning)
    started = time.monotonic()
    assert mornings.run(morning) == 0, mornings.told()
    seconds = time.monotonic() - started
    expected = state(morning)
    morning.rename(undisturbed)
    assert expected != before
    assert expected["champion"] == [("salvocast-ukraine-shahed", "champion", 2)]
    assert {status for _, status, _ in expected["runs"]} == {"FINISHED"}
    rng = random.Random(1)
    killed = 0
    progress = set()
    while killed < n_kills:
        shutil.copytree(pristine, morning)
        for _ in range(rng.randint(1, 5)):
            code = mornings.run(morning, kill_after=rng.uniform(0, seconds))
            assert code in (0, -signal.SIGKILL), mornings.told()
            killed += code != 0
            after = state(morning)
            progress.add(
                tuple(after[part] == before[part] for part in ("ledger", "runs", "run tags", "versions", "champion"))
            )
        assert mornings.run(morning) == 0, mornings.told()
        assert state(morning) == expected
        assert mornings.run(morning) == 0
        assert state(morning) == expected
        shutil.rmtree(morning)
    assert len(progress) > 1  # the kills came at different steps


@pytest.mark.slow
def test_killed_at_random_moments(morning: Path, mornings: Mornings, tmp_path: Path) -> None:
    """`test_retrain.py` kills it at each of its calls; here the moments are those of the processor and the disk."""
    check_kills(KILLS, morning, mornings, tmp_path)
