"""`salvocast backtest` as a person runs it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Completed = subprocess.CompletedProcess[str]
Run = Callable[..., Completed]
SHORT = ("--from", "2026-01-01", "--to", "2026-02-01", "--every", "15", "--horizon", "7", "--paths", "50")
MODELS = ("--models", "empirical_window,negative_binomial")


@pytest.fixture
def salvocast(home: Path, tmp_path: Path, filled_ledger: Path) -> Run:
    """Runs the installed command in a folder of its own, with the bundled reports in the ledger."""
    home.mkdir(exist_ok=True)
    shutil.copy(filled_ledger, home / "ledger.db")
    folder = tmp_path / "work"
    folder.mkdir()

    def run(*arguments: str) -> Completed:
        command = [str(Path(sys.executable).parent / "salvocast"), "backtest", *arguments]
        return subprocess.run(command, capture_output=True, check=False, cwd=folder, text=True, timeout=200)

    return run


def test_a_short_backtest(salvocast: Run, store: str, home: Path, tmp_path: Path) -> None:
    done = salvocast(*MODELS, *SHORT, "--out", "board.csv")
    assert done.returncode == 0, done.stderr
    head, columns, *rows = done.stdout.splitlines()
    assert head.startswith("3 origins from 2026-01-01 to 2026-01-31, data ")
    assert columns.split()[:5] == ["model", "band", "n_origins", "wis", "wis_ratio"]
    assert [row.split()[:2] for row in rows] == [
        [model, band] for model in ("empirical_window", "negative_binomial") for band in ("h1", "h2_7", "total_7")
    ]
    board = pd.read_csv(tmp_path / "work" / "board.csv").set_index(["model", "band"])
    assert board.loc["empirical_window", "wis_ratio"].tolist() == [1.0, 1.0, 1.0]
    assert (board["failed_origins"] == 0).all()
    assert board[["wis", "crps", "mae"]].gt(0).all().all()
    coverage = board.filter(like="coverage").to_numpy()
    assert ((coverage >= 0) & (coverage <= 1)).all()
    told = done.stderr.splitlines()
    assert told[-1].startswith("logged to MLflow: run ")
    assert told[-1].endswith(f"in sqlite:///{home / 'mlflow.db'}")
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["board.csv"]  # no mlruns beside it


@pytest.mark.slow
def test_a_model_that_fails_is_told_by_name_and_the_rest_goes_on(salvocast: Run, store: str) -> None:
    """In November 2022 there are too few days for the regression, and enough for the reference."""
    early = ("--from", "2022-11-10", "--to", "2022-11-10", "--horizon", "7", "--paths", "50", "--quiet-days", "all")
    done = salvocast(*MODELS, *early)
    assert done.returncode == 0, done.stderr
    assert "negative_binomial failed at 2022-11-10: model negative_binomial needs at least 60 known" in done.stderr
    assert "negative_binomial" not in done.stdout
    assert "empirical_window" in done.stdout


def test_orders_of_the_past_beside_rules_of_thumb(salvocast: Run, store: str, home: Path, tmp_path: Path) -> None:
    done = salvocast("--decisions", "--models", "local_level", *SHORT, "--out", "scores.csv")
    assert done.returncode == 0, done.stderr
    head, columns, *rows = done.stdout.splitlines()
    assert head.startswith("totals of 7 days ordered at 3 origins from 2026-01-01 to 2026-01-31, data ")
    assert columns.split()[:6] == ["policy", "cost", "80", "90", "95", "99"]
    names = ["last 7 days x 1.2", "last 7 days x 1.5", "last 7 days x 2", "1,000 a day at two per drone"]
    assert [row.split("  ")[0] for row in rows[:6]] == [*names, "empirical_window", "local_level"]
    assert {row.split(":")[0] for row in rows[7:]} == {
        f"{model} at {level}" for model in ("empirical_window", "local_level") for level in ("90%", "95%")
    }
    scores = pd.read_csv(tmp_path / "work" / "scores.csv").set_index(["policy", "level"])
    assert len(scores) == 6 * 4
    assert f"{scores.loc[('local_level', 95), 'cost']:,.0f}" == rows[5].split()[3]
    assert done.stderr.splitlines()[-1].endswith(f"in sqlite:///{home / 'mlflow.db'}")


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "model": (("--models", "negative_binomal"), "did you mean negative_binomial"),
    "no model": (("--models", ","), "--models is empty"),
    "from": ((*MODELS, "--from", "soon"), "--from is 'soon': expected a day as YYYY-MM-DD"),
    "backwards": (
        (*MODELS, "--from", "2026-02-01", "--to", "2026-01-01"),
        "expected the first not to be after the last",
    ),
    "every": ((*MODELS, *SHORT, "--every", "0"), "every is 0: expected at least 1 day between origins"),
    "horizon": ((*MODELS, "--horizon", "0"), "horizon is 0: expected 1 to 730"),
    "seed": ((*MODELS, *SHORT, "--seed", "-1"), "seed is -1: expected 0 or more"),
    "out": ((*MODELS, "--out", "nowhere/board.csv"), "the folder nowhere does not exist"),
    "decisions of a scenario": (
        ("--decisions", "--scenario-policy", "as-published"),
        "--decisions is of the salvo models alone",
    ),
    "decisions of days to come": (("--decisions", "--to", "2026-02-25", *MODELS), "are not known"),
    "before the first report": (("--from", "2020-01-01", "--to", "2020-01-01", *MODELS), "before the first report"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(mistake: str, salvocast: Run, home: Path) -> None:
    arguments, told = MISTAKES[mistake]
    done = salvocast(*arguments)
    lines = done.stderr.splitlines()
    assert done.returncode == 2, lines
    assert len(lines) == 1, lines
    assert lines[0].startswith("salvocast: ")
    assert told in lines[0]
    assert done.stdout == ""
    assert not (home / "mlflow.db").exists()
