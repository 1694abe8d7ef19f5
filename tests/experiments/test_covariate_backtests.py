"""Backtests of models that use covariates: from Python and by command, told apart, made again, and refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from numpy.typing import NDArray

from experiments import compare
from experiments.cli import backtest
from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger
from forecasting.salvos.model import MODELS, SimulationRequest

Run = Callable[..., tuple[int, str, str]]
SETTING = {"first": date(2026, 1, 5), "last": date(2026, 2, 10), "every": 12, "horizon": 7, "n_paths": 40}
SHOWN: list[tuple[date, NDArray[np.float64]]] = []


@dataclass(frozen=True)
class FittedWarm:
    level: float

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        return rng.poisson(self.level, (request.n_paths, request.horizon))


@dataclass(frozen=True)
class Warm:
    """Poisson days around the last week's mean, more where the last known warmth is large."""

    covariates: tuple[str, ...] = ("warmth",)
    model_id: str = "warm"

    def fit(self, history: LaunchHistory) -> FittedWarm:
        seen = history.covariates["warmth"]
        SHOWN.append((history.last_day, seen))
        known = seen[~np.isnan(seen)]
        return FittedWarm(float(history.known[-7:].mean() * np.exp(0.1 * known[-1:].sum())))


def warmth(n: int = 160, late: int = 2) -> pd.DataFrame:
    days = [date(2025, 10, 1) + timedelta(days=index) for index in range(n)]
    values = np.random.default_rng(8).normal(size=n)
    return pd.DataFrame({"date": days, "value": values, "published_at": [day + timedelta(days=late) for day in days]})


@pytest.fixture
def salvocast(
    runner: Callable[[typer.Typer], Run],
    store: str,
    weekly_ledger: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """`salvocast backtest`, with the weeks in the ledger and the model installed."""
    shutil.copy(weekly_ledger, home / "ledger.db")
    monkeypatch.setitem(MODELS, "warm", f"{__name__}:Warm")
    SHOWN.clear()
    app = typer.Typer()
    app.command("backtest")(backtest)
    return runner(app)


def scores_of(home: Path, run: str) -> bytes:
    return (home / "mlartifacts" / run / "artifacts" / "scores.csv").read_bytes()


def test_a_backtest_with_a_covariate_from_python_to_mlflow_and_back(salvocast: Run, home: Path, tmp_path: Path) -> None:
    """One run through all: shown as public by the origin, told apart by its digest, by command the same bytes, made
    again from MLflow alone."""
    one = compare.ensure_backtest([Warm()], covariates={"warmth": warmth()}, **SETTING)
    for origin, seen in SHOWN:
        assert np.isnan(seen[-2:]).all(), f"the values of the last two days were not public on {origin}"
        assert not np.isnan(seen[-3])
    assert compare.ensure_backtest([Warm()], covariates={"warmth": warmth()}, **SETTING) == one
    other = warmth()
    other.loc[3, "value"] += 1
    two = compare.ensure_backtest([Warm()], covariates={"warmth": other}, **SETTING)
    assert two != one
    told = compare.backtests().set_index("run_id")["recipes"]
    assert told[one] != told[two]
    assert set(compare.leaderboard(one)["model"]) == {"empirical_window", "warm"}

    warmth().to_csv(tmp_path / "warmth.csv", index=False)
    asked = ("--from", "2026-01-05", "--to", "2026-02-10", "--every", "12", "--horizon", "7", "--paths", "40")
    code, _, told_by_command = salvocast("--models", "warm", "--covariate", f"warmth={tmp_path / 'warmth.csv'}", *asked)
    assert code == 0, told_by_command
    (by_command,) = set(compare.backtests()["run_id"]) - {one, two}
    assert scores_of(home, by_command) == scores_of(home, one)
    code, _, told_again = salvocast("--like", one)
    assert code == 0, told_again
    (again,) = set(compare.backtests()["run_id"]) - {one, two, by_command}
    assert scores_of(home, again) == scores_of(home, one)

    path = home / "mlartifacts" / one / "artifacts" / "request.json"
    request = json.loads(path.read_text())
    request["covariates"]["warmth"] = "0" * 64
    path.write_text(json.dumps(request))
    code, _, told_lacking = salvocast("--like", one)
    assert (code, "covariate warmth as it was" in told_lacking) == (2, True)


def test_what_cannot_be_backtested_is_one_line_and_leaves_no_run(salvocast: Run, home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model warm needs the covariates warmth"):
        compare.ensure_backtest([Warm()], **SETTING)
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        truth = ledger.history()
    days = [truth.first_day + timedelta(days=index) for index in range(truth.launched.size - 1)]
    peeks = pd.DataFrame({"date": days, "value": truth.launched[1:], "published_at": days})
    with pytest.raises(InputError, match="covariate warmth looks ahead: its values follow the launches 1 days after"):
        compare.ensure_backtest([Warm()], covariates={"warmth": peeks}, **SETTING)
    warmth().to_csv(tmp_path / "warmth.csv", index=False)
    given = f"warmth={tmp_path / 'warmth.csv'}"
    for arguments, told in (
        (("--models", "warm"), "model warm needs the covariates warmth"),
        (("--covariate", "warmth"), "--covariate warmth: expected NAME=FILE"),
        (("--covariate", given, "--covariate", given), "--covariate warmth is given twice"),
        (("--covariate", given, "--decisions"), "--covariate is of the salvo models alone"),
        (("--decisions", "--refit-every", "3"), "--decisions fits at every origin to all days before it"),
    ):
        code, _, error = salvocast(*arguments)
        assert (code, len(error.splitlines())) == (2, 1), error
        assert told in error
    assert compare.backtests().empty
    with pytest.raises(InputError, match="warm uses the covariates warmth, which the mornings have none of"):
        compare.register_challenger(Warm(), "0" * 32)
