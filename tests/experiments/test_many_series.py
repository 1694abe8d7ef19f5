"""Many theatres and weapon classes in one run of `salvocast backtest`."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from experiments.backtest import Replay, Series, run_backtest, run_backtests
from experiments.cli import backtest
from experiments.engine import Engine
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting.salvos.model import SimulationRequest, load_model
from tests.experiments.cluster import Start, worker

HistoryFrom = Callable[..., LaunchHistory]
Run = Callable[..., tuple[int, str, str]]
SERIES = [("north", "cruise"), ("north", "shahed"), ("south", "shahed")]
FIRST, N_DAYS = date(2025, 1, 1), 120
SHORT = ("--models", "local_level", "--from", "2025-03-01", "--to", "2025-03-31", "--horizon", "7", "--paths", "50")


@pytest.fixture
def salvocast(home: Path, store: str, runner: Callable[[typer.Typer], Run]) -> Run:
    """Runs `salvocast backtest` on three made-up series, one of which begins in April."""
    rng = np.random.default_rng(1)
    reports = []
    for number, (theatre, weapon_class) in enumerate(SERIES):
        for day in range(95 if theatre == "south" else 0, N_DAYS):
            end = datetime(2025, 1, 1, 8) + timedelta(days=day)
            launched = int(rng.poisson(20 * (number + 1)))
            window = {"window_start": end - timedelta(hours=14), "window_end": end, "source": "table"}
            reports.append(SalvoReport(theatre=theatre, weapon_class=weapon_class, launched=launched, **window))
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        ledger.ingest(Reading("table", "all", iter(reports)), datetime(2025, 5, 1, 12, tzinfo=UTC))
    app = typer.Typer()
    app.command()(backtest)
    return runner(app)


def test_all_series_are_scored_as_each_alone_and_one_without_a_record_is_told(salvocast: Run, tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    code, told, errors = salvocast(*SHORT, "--theatre", "all", "--weapon-class", "all", "--out", str(out))
    assert code == 0, errors
    heads = [line for line in told.splitlines() if " origins from " in line]
    assert [head.split(": ")[0] for head in heads] == ["north cruise", "north shahed"]
    left_out = [line for line in errors.splitlines() if line.startswith("salvocast: ")]
    assert left_out == [
        "salvocast: shahed in theatre south is left out: origin 2025-03-01 is before the first report of shahed in "
        "theatre south, 2025-04-06: choose a later one"
    ]
    assert errors.count("logged to MLflow: run ") == 2
    together = pd.read_csv(out)
    for theatre, weapon_class in SERIES[:2]:
        alone = tmp_path / "one.csv"
        jobs = ("--jobs", "2") if weapon_class == "cruise" else ()
        code, _, errors = salvocast(
            *SHORT, "--theatre", theatre, "--weapon-class", weapon_class, *jobs, "--out", str(alone)
        )
        assert code == 0, errors
        own = together[(together["theatre"] == theatre) & (together["weapon_class"] == weapon_class)]
        timed = "seconds_per_origin"
        pd.testing.assert_frame_equal(
            own.reset_index(drop=True).drop(columns=timed), pd.read_csv(alone).drop(columns=timed), check_exact=True
        )


def test_all_theatres_on_a_cluster_are_those_of_the_ledger(
    salvocast: Run, tmp_path: Path, start: Start, scheduler: str
) -> None:
    """What was taken is told, and the numbers are those of this machine."""
    worker(start, scheduler)
    tables = []
    for engine in ("local", f"dask://{scheduler}"):
        out = tmp_path / "all.csv"
        every = ("--theatre", "all", "--weapon-class", "all", "--engine", engine)
        code, told, errors = salvocast(*SHORT, *every, "--out", str(out))
        assert code == 0, errors
        assert "taken of the ledger's 3 series: north cruise, north shahed, south shahed" in errors.splitlines()
        assert "shahed in theatre south is left out: " in errors
        tables.append(pd.read_csv(out).drop(columns="seconds_per_origin"))
        assert [line.split(": ")[0] for line in told.splitlines() if " origins from " in line] == [
            "north cruise",
            "north shahed",
        ]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    # Weapon classes are as stated: of one theatre that has them not, and of the rest.
    code, told, errors = salvocast(*SHORT, "--theatre", "all", "--weapon-class", "cruise", "--engine", engine)
    assert code == 0, errors
    assert "taken of the ledger's 3 series: north cruise" in errors.splitlines()


def test_orders_of_several_series(salvocast: Run) -> None:
    series = ("--theatre", "north", "--weapon-class", "shahed,cruise")
    code, told, errors = salvocast("--decisions", *SHORT, *series, "--log-format", "json")
    assert code == 0, errors
    heads = [line.split(" at ")[0] for line in told.splitlines() if " origins from " in line]
    assert heads == [f"north {weapon}: totals of 7 days ordered" for weapon in ("shahed", "cruise")]
    runs = re.findall(r"logged to MLflow: run (\w+) in", errors)
    logged = json.loads(errors.splitlines()[-1])
    assert (logged["event"], logged["runs"]) == ("backtest", runs)
    assert len(runs) == len(logged["digests"]) == 2
    assert logged["seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--theatre", "north,east"), "unknown theatre 'east'"),
        (("--theatre", "north,east", "--weapon-class", "all"), "unknown theatre 'east'"),
        (("--theatre", ","), "--theatre is empty: expected names with commas between them, or all"),
        (("--theatre", "north", "--weapon-class", "ballistic"), "ballistic"),
        (("--theatre", "all", "--weapon-class", "ballistic"), "ballistic"),
        (("--theatre", "south"), "origin 2025-03-01 is before the first report"),
        (("--theatre", "south,south"), "origin 2025-03-01 is before the first report"),
    ],
)
def test_series_that_are_not_there_are_told_in_one_line(
    salvocast: Run, home: Path, arguments: tuple[str, ...], told: str
) -> None:
    code, out, errors = salvocast(*SHORT, *arguments)
    assert (code, out) == (2, "")
    assert told in errors
    assert errors.count("\n") == 1


def test_what_was_finished_of_any_series_is_not_computed_again(history_from: HistoryFrom) -> None:
    counts = np.random.default_rng(1).poisson(15, (3, 100))
    truths = [history_from(each) for each in counts]
    origins = [FIRST + timedelta(days=days) for days in (70, 80)]
    every = [Series(truth.until, truth, origins) for truth in truths]
    models, replay = [load_model("empirical_window"), load_model("local_level")], Replay(SimulationRequest(7, 50), 1)
    folds = []
    whole = run_backtests(every, models, replay, engine=Engine(2), on_fold=folds.append)
    assert len(folds) == 3 * 2 * 2
    again = []
    half = run_backtests(every, models, replay, done=folds[:7], on_fold=again.append)
    assert len(again) == 5
    for truth, first, second in zip(truths, whole, half, strict=True):
        alone = run_backtest(truth.until, truth, models, origins, replay)
        for result in (first, second):
            pd.testing.assert_frame_equal(result.scores, alone.scores, check_exact=True)
            pd.testing.assert_frame_equal(result.paths, alone.paths, check_exact=True)
