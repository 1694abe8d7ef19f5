"""`salvocast backtest` as a person runs it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import typer

from experiments import compare, replays
from experiments.cli import backtest
from experiments.scenario_backtest import BASELINES
from experiments.tracking import EXPERIMENT
from forecasting.salvos.model import MODELS as MODELS_KNOWN
from forecasting.salvos.model import ModelError

Completed = subprocess.CompletedProcess
Run = Callable[..., "Completed[str]"]
SHORT = ("--from", "2026-01-01", "--to", "2026-02-01", "--every", "15", "--horizon", "7", "--paths", "50")
MODELS = ("--models", "empirical_window,negative_binomial")


@pytest.fixture
def work(home: Path, tmp_path: Path, filled_ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in, with the bundled reports in the ledger."""
    home.mkdir(exist_ok=True)
    shutil.copy(filled_ledger, home / "ledger.db")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def salvocast(work: Path, runner: Callable[[typer.Typer], Callable[..., tuple[int, str, str]]]) -> Run:
    """Runs the command in this process, which has loaded what another would have to."""
    app = typer.Typer()
    app.command("backtest")(backtest)
    return lambda *arguments: Completed(arguments, *runner(app)(*arguments))


@pytest.fixture
def installed(work: Path) -> Run:
    """Runs the installed command."""

    def run(*arguments: str) -> "Completed[str]":
        command = [str(Path(sys.executable).parent / "salvocast"), "backtest", *arguments]
        return subprocess.run(command, capture_output=True, check=False, text=True, timeout=200)

    return run


def test_a_short_backtest(salvocast: Run, store: str, home: Path, tmp_path: Path) -> None:
    named = ("--name", "two simple ones", "--tag", "sweep=first", "--tag", "by=me", "--note", "before the sweep")
    done = salvocast(*MODELS, *SHORT, *named, "--out", "board.csv")
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
    (run,) = compare.backtests().itertuples()
    assert (run.name, run.tags, run.note) == (
        "two simple ones",
        {"sweep": "first", "by": "me"},
        "before the sweep",
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--out", "board.xls"), "--out is board.xls: expected a name that ends in .csv, .md, .tex"),
        (("--tag", "half-lives"), "--tag is 'half-lives': expected KEY=VALUE, such as sweep=half-lives"),
        (("--tag", "=short"), "--tag is '=short': expected KEY=VALUE, such as sweep=half-lives"),
    ],
)
def test_names_and_tags_that_nobody_could_read_are_refused(
    runner: Callable[[typer.Typer], Callable[..., tuple[int, str, str]]], given: tuple[str, str], told: str
) -> None:
    app = typer.Typer()
    app.command("backtest")(backtest)
    assert runner(app)(*given) == (2, "", f"salvocast: {told}\n")


@pytest.mark.slow
def test_a_model_that_fails_is_told_by_name_and_the_rest_goes_on(installed: Run, store: str, home: Path) -> None:
    """In November 2022 there are too few days for the regression, and enough for the reference."""
    early = ("--from", "2022-11-10", "--to", "2022-11-10", "--horizon", "7", "--paths", "50", "--quiet-days", "all")
    done = installed(*MODELS, *early)
    assert done.returncode == 0, done.stderr
    assert "negative_binomial failed at 2022-11-10: model negative_binomial needs at least 60 known" in done.stderr
    assert "negative_binomial" not in done.stdout
    assert "empirical_window" in done.stdout
    (drawn,) = (home / "mlartifacts").rglob("fan_chart_2022-11-10.png")
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_orders_of_the_past_beside_rules_of_thumb(salvocast: Run, store: str, home: Path, tmp_path: Path) -> None:
    done = salvocast("--decisions", "--models", "local_level", *SHORT, "--out", "scores.csv")
    assert done.returncode == 0, done.stderr
    head, columns, *rows = done.stdout.splitlines()
    assert head.startswith("totals of 7 days ordered at 3 origins from 2026-01-01 to 2026-01-31, data ")
    assert columns.split()[:6] == ["policy", "cost", "80", "90", "95", "99"]
    names = ["last 7 days x 1.2", "last 7 days x 1.5", "last 7 days x 2", "1,000 a day at two per drone"]
    assert [row.split("  ")[0] for row in rows[:6]] == [*names, "empirical_window", "local_level"]
    assert {row.split(":")[0] for row in rows[7 : rows.index("", 7)]} == {
        f"{model} at {level}" for model in ("empirical_window", "local_level") for level in ("90%", "95%")
    }
    one_after_the_other = rows[rows.index("", 7) + 1 :]
    assert one_after_the_other[0].startswith("ORDERS EVERY 28 DAYS, each there 28 days later")
    kept = [row for row in one_after_the_other if " of 1 cycles, aim " in row]
    policies = ("empirical_window", "local_level", "level x past ratios")
    assert [row.split(":")[0] for row in kept] == [f"{name} at {level}%" for name in policies for level in (80, 90, 95)]
    scores = pd.read_csv(tmp_path / "work" / "scores.csv").set_index(["policy", "level"])
    assert len(scores) == 6 * 4
    assert f"{scores.loc[('local_level', 95), 'cost']:,.0f}" == rows[5].split()[3]
    assert done.stderr.splitlines()[-1].endswith(f"in sqlite:///{home / 'mlflow.db'}")


def test_a_replay_of_the_published_scenario(salvocast: Run, store: str, home: Path, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    asked = ("--scenario-policy", "as-published", "--models", "empirical_window", "--paths", "20")
    done = salvocast(*asked, "--from", "2025-08-01", "--to", "2025-08-31", "--out", "scores.csv")
    assert done.returncode == 0, done.stderr
    head, columns, *rows = done.stdout.splitlines()
    assert head.startswith("1 month ends from 2025-08-31 to 2025-08-31, data ")
    assert columns.split() == ["model", "target", "n", "wis", "coverage_80", "coverage_95", "pinball_95"]
    # The record ends 181 days after the origin: no target of 365 days.
    targets = ["total_90", "largest_90", "total_180", "largest_180"]
    models = ["scenario, as published", "empirical_window alone", *BASELINES]
    table = rows[: rows.index("")]
    assert [row.split()[-6] for row in table] == targets * len(models)
    assert [row.strip().startswith(model) for row, model in zip(table[::4], models, strict=True)] == [True] * len(
        models
    )
    scores = pd.read_csv(tmp_path / "work" / "scores.csv").set_index(["model", "target"])
    assert set(scores["origin"]) == {"2025-08-31"}
    assert scores.loc[("scenario, as published", "largest_90"), "observed"] == 810
    heading, names, *experts = rows[rows.index("") + 1 :]
    assert heading.startswith("PUBLISHED FORECASTS")
    assert names.split()[:4] == ["expert", "published", "forecast", "observed"]
    # Of the three whose days are over: forecast, and what came.
    assert [re.findall(r"\d{4}-\d\d-\d\d +([\d,]+) +([\d,]+)", row)[0] for row in experts] == [
        ("4,700", "40,576"),
        ("2,000", "810"),
        ("1,000", "810"),
    ]
    client = MlflowClient(tracking_uri=store)
    (experiment,) = [each for each in client.search_experiments() if each.name == EXPERIMENT]
    by_name = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(by_name) == {"scenario backtest 2026-02-28", *models}
    for model in models:
        assert by_name[model].data.metrics["wis.total_90"] == pytest.approx(
            float(scores.loc[(model, "total_90"), "wis"])
        )
    assert done.stderr.splitlines()[-1].endswith(f"in sqlite:///{home / 'mlflow.db'}")


@pytest.mark.slow
def test_a_replay_of_the_published_scenario_with_each_of_two_models(installed: Run, store: str, tmp_path: Path) -> None:
    models = ("empirical_window", "local_level")
    asked = ("--scenario-policy", "as-published", "--models", ",".join(models), "--paths", "20", "--jobs", "2")
    done = installed(*asked, "--from", "2025-07-31", "--to", "2025-08-31", "--out", "scores.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 month ends from 2025-07-31 to 2025-08-31") == 2
    assert done.stderr.count("logged to MLflow: run ") == 2
    scores = pd.read_csv(tmp_path / "work" / "scores.csv")
    assert list(scores["salvo_model"].unique()) == list(models)
    for model, own in scores.groupby("salvo_model"):
        assert {"scenario, as published", f"{model} alone", *BASELINES} == set(own["model"])
    scenario = scores[scores["model"] == "scenario, as published"]
    one, other = (scenario.loc[scenario["salvo_model"] == model, "wis"].tolist() for model in models)
    assert one != other


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
    "no month ends": (
        ("--scenario-policy", "as-published", "--from", "2025-08-02", "--to", "2025-08-20"),
        "no month ends from 2025-08-02 to 2025-08-20",
    ),
    "scenario policy": (("--scenario-policy", "published"), "published"),
    "a horizon of its own": (
        ("--scenario-policy", "as-published", "--horizon", "90"),
        "as-published has its own origins and horizons: leave out",
    ),
    "a scenario of missiles": (
        ("--scenario-policy", "as-published", "--weapon-class", "cruise"),
        "scenarios are of drones, not of cruise missiles",
    ),
    "before the first report": (("--from", "2020-01-01", "--to", "2020-01-01", *MODELS), "before the first report"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(
    mistake: str,
    runner: Callable[[typer.Typer], Callable[..., tuple[int, str, str]]],
    home: Path,
    filled_ledger: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments, told = MISTAKES[mistake]
    home.mkdir()
    shutil.copy(filled_ledger, home / "ledger.db")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command("backtest")(backtest)
    code, out, err = runner(app)(*arguments)
    lines = err.splitlines()
    assert code == 2, lines
    assert len(lines) == 1, lines
    assert lines[0].startswith("salvocast: ")
    assert told in lines[0]
    assert out == ""
    assert not (home / "mlflow.db").exists()


def test_of_all_models_one_whose_package_is_broken_is_told_and_left_out_and_by_name_it_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replays, "MODELS", {"seasonal_naive": "", "broken": ""})
    monkeypatch.setitem(MODELS_KNOWN, "broken", "a_package_that_is_not_there:Model")
    told: list[str] = []
    asked = SimpleNamespace(models=None, covariates=(), beside_the_reference=lambda names: ["empirical_window", *names])
    loaded = [model.model_id for model in replays._load_models(asked, told.append)]  # type: ignore[arg-type]
    assert loaded == ["empirical_window", "seasonal_naive"]
    reason = "ModuleNotFoundError: No module named 'a_package_that_is_not_there'"
    assert told == [f"model broken cannot be loaded ({reason}); it is left out"]
    asked.models = ("broken",)
    with pytest.raises(ModelError, match="model broken cannot be loaded"):
        list(replays._load_models(asked, told.append))  # type: ignore[arg-type]
