"""A backtest made again from its run alone: the same bytes, or what is missing for them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import typer

from experiments import compare
from experiments.cli import backtest
from features.errors import InputError
from forecasting.salvos.model import MODELS, load_model
from forecasting.salvos.models.exponential_empirical import ExponentialEmpirical
from forecasting.salvos.recipe import Recipe

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def salvocast(runner: Callable[[typer.Typer], Run], store: str, weekly_ledger: Path, home: Path) -> Run:
    """`salvocast backtest`, with the weeks in the ledger."""
    shutil.copy(weekly_ledger, home / "ledger.db")
    app = typer.Typer()
    app.command("backtest")(backtest)
    return runner(app)


def scores_of(home: Path, run: str) -> bytes:
    return (home / "mlartifacts" / run / "artifacts" / "scores.csv").read_bytes()


@pytest.fixture
def run(salvocast: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A backtest with parameters that are not the defaults, of a recipe with parameters of its own."""
    monkeypatch.setattr("forecasting.salvos.model._INSTANCES", {})
    monkeypatch.setattr("forecasting.salvos.model.MODELS", dict(MODELS))
    return compare.ensure_backtest(
        [ExponentialEmpirical(20.0, model_id="short_memory")],
        first=date(2025, 12, 1),
        last=date(2026, 1, 20),
        every=10,
        horizon=7,
        n_paths=40,
        seed=5,
    )


def test_a_run_made_again_has_the_same_bytes(salvocast: Run, home: Path, run: str) -> None:
    code, _, told = salvocast("--like", run)
    assert code == 0, told
    (again,) = set(compare.backtests()["run_id"]) - {run}
    assert scores_of(home, again) == scores_of(home, run)
    first, second = (
        json.loads((home / "mlartifacts" / each / "artifacts" / "request.json").read_text()) for each in (run, again)
    )
    assert first == second


def test_a_run_that_shares_the_reference_of_an_earlier_one_is_made_again_too(
    salvocast: Run, home: Path, run: str
) -> None:
    second = compare.ensure_backtest(
        [ExponentialEmpirical(25.0, model_id="longer_memory")],
        first=date(2025, 12, 1),
        last=date(2026, 1, 20),
        every=10,
        horizon=7,
        n_paths=40,
        seed=5,
    )
    assert b"empirical_window," not in scores_of(home, second)
    board = compare.leaderboard(second).set_index(["model", "band"])["wis_ratio"]
    assert set(board.index.levels[0]) == {"empirical_window", "short_memory", "longer_memory"}
    everything = compare.leaderboard(compare.scores(second)).set_index(["model", "band"])["wis_ratio"]
    pd.testing.assert_series_equal(board.sort_index(), everything.sort_index())  # as if they had run beside each other
    code, _, told = salvocast("--like", second, "--name", "once more", "--tag", "checked=yes")
    assert code == 0, told
    again = compare.backtests().iloc[0]
    assert (again["name"], again["tags"], again["models"]) == ("once more", {"checked": "yes"}, ("longer_memory",))
    assert scores_of(home, again["run_id"]) == scores_of(home, second)


def test_what_is_missing_is_named(salvocast: Run, home: Path, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "mlartifacts" / run / "artifacts" / "request.json"
    request = json.loads(path.read_text())
    request["libraries"]["numpy"] = "1.0"
    request["parameters"]["data_digest"] = "f" * 64
    request["models"][0]["code"] = "0" * 64
    request["models"][1]["document"]["type"] = "Lost"
    path.write_text(json.dumps(request))
    code, _, told = salvocast("--like", run)
    assert code == 2
    (line,) = told.splitlines()
    assert "numpy 1.0 (here " in line
    assert "the code of model empirical_window as it was (000000000000)" in line
    assert "model short_memory (unknown type Lost: of a model of somebody's own? install its package)" in line
    assert "the data of digest ffffffffffff (the ledger has " in line
    assert len(compare.backtests()) == 1


def test_other_scores_are_not_passed_for_the_same(salvocast: Run, home: Path, run: str) -> None:
    """Where the ledger shows another past than it did then."""
    path = home / "mlartifacts" / run / "artifacts" / "scores.csv"
    path.write_bytes(path.read_bytes().replace(b"short_memory", b"short_memories", 1))
    code, _, told = salvocast("--like", run)
    assert code == 1
    assert "made again, run" in told
    assert len(compare.backtests()) == 1


def test_a_run_that_there_is_not_is_told_as_such(salvocast: Run) -> None:
    code, _, told = salvocast("--like", "nothing")
    (line,) = told.splitlines()
    assert code == 2
    assert line.endswith(" has no run nothing: expected the id of one")
    assert "failed" not in line


def test_nothing_beside_it_is_said_twice(salvocast: Run, run: str) -> None:
    code, _, told = salvocast("--like", run, "--seed", "9", "--every", "7")
    assert (code, told.splitlines()) == (
        2,
        [f"salvocast: --like {run} says all of the backtest: leave out --every, --seed"],
    )


@pytest.mark.usefixtures("salvocast")
def test_a_backtest_is_of_the_parameters_and_the_code_that_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another parameter, other code in the module: another run. The same again: the same run."""
    setting = {"first": date(2025, 12, 1), "every": 21, "horizon": 7, "n_paths": 50}
    one = compare.ensure_backtest([ExponentialEmpirical(20.0)], **setting)
    assert compare.ensure_backtest([ExponentialEmpirical(20.0)], **setting) == one
    two = compare.ensure_backtest([ExponentialEmpirical(21.0)], **setting)
    assert two != one
    by_run = dict(compare.backtests()[["run_id", "recipes"]].to_numpy())
    assert by_run[one] != by_run[two]
    assert compare.ensure_backtest(["empirical_window"], **setting) == two  # the newest that has it
    real = Recipe.of
    monkeypatch.setattr(Recipe, "of", lambda model: replace(real(model), code="another digest of the module"))
    assert compare.ensure_backtest([ExponentialEmpirical(21.0)], **setting) not in (one, two)
    failed = compare.ensure_backtest(["two_regime"], **(setting | {"first": date(2025, 10, 15)}))
    with pytest.raises(
        InputError, match=r"two_regime failed at 1 of the origins of run .*expected a challenger that fails"
    ):
        compare.register_challenger(load_model("two_regime"), failed)
