"""An interrupted backtest goes on where it was, and never takes numbers of other data or other code."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from numpy.typing import ArrayLike

from experiments import resume
from experiments.backtest import FoldScores, Replay, run_backtest
from experiments.resume import FoldStore
from features.history import LaunchHistory
from forecasting.salvos.model import SimulationRequest, load_model

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
REPLAY = Replay(SimulationRequest(7, 50), seed=1)
ORIGINS = [date(2025, 3, 1) + timedelta(days=7 * step) for step in range(4)]


class PowerCutError(Exception):
    """What stops the first run."""


@pytest.fixture
def truth(history_from: HistoryFrom, home: Path) -> LaunchHistory:
    home.mkdir(exist_ok=True)
    return history_from([100.0 + 37 * index % 91 for index in range(100)])


def interrupted_after(truth: LaunchHistory, n_folds: int) -> None:
    left = iter(range(n_folds - 1, -1, -1))
    models = [load_model("empirical_window")]

    def run() -> None:
        with FoldStore(truth.digest, REPLAY) as store:

            def finished(fold: FoldScores) -> None:
                store.add(fold)
                if next(left) == 0:
                    raise PowerCutError

            run_backtest(truth.until, truth, models, ORIGINS, REPLAY, on_fold=finished)

    with pytest.raises(PowerCutError):
        run()


def test_an_interrupted_run_goes_on_and_ends_with_the_same_numbers(truth: LaunchHistory) -> None:
    models = [load_model("empirical_window")]
    whole = run_backtest(truth.until, truth, models, ORIGINS, REPLAY)
    interrupted_after(truth, 2)
    computed: list[FoldScores] = []
    with FoldStore(truth.digest, REPLAY) as store:
        done = store.finished_folds()
        resumed = run_backtest(truth.until, truth, models, ORIGINS, REPLAY, done=done, on_fold=computed.append)
    assert [fold.origin for fold in done] == ORIGINS[:2]
    assert [fold.origin for fold in computed] == ORIGINS[2:]
    assert resumed.scores.equals(whole.scores)
    assert resumed.paths.equals(whole.paths)


def test_nothing_is_left_of_a_complete_run(truth: LaunchHistory, home: Path) -> None:
    with FoldStore(truth.digest, REPLAY) as store:
        store.add(FoldScores("empirical_window", ORIGINS[0], "digest", []))
        assert list((home / "unfinished").iterdir())
    assert not list((home / "unfinished").iterdir())


def test_a_line_cut_short_is_left_out(truth: LaunchHistory, home: Path) -> None:
    interrupted_after(truth, 2)
    (file,) = (home / "unfinished").iterdir()
    first, second = file.read_text(encoding="utf-8").splitlines()
    file.write_text(first + "\n" + second[: len(second) // 2], encoding="utf-8")
    with FoldStore(truth.digest, REPLAY) as store:
        assert [fold.origin for fold in store.finished_folds()] == [date.fromisoformat(json.loads(first)["origin"])]


def test_folds_of_another_history_are_computed_again(truth: LaunchHistory, history_from: HistoryFrom) -> None:
    models = [load_model("empirical_window")]
    other = history_from([200.0] * 100)
    stale: list[FoldScores] = []
    run_backtest(other.until, truth, models, ORIGINS, REPLAY, on_fold=stale.append)
    computed: list[FoldScores] = []
    run_backtest(truth.until, truth, models, ORIGINS, REPLAY, done=stale, on_fold=computed.append)
    assert [fold.origin for fold in computed] == ORIGINS


def test_other_data_seed_or_code_is_another_file(truth: LaunchHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_after(truth, 1)
    assert FoldStore(truth.digest, REPLAY).finished_folds()
    assert not FoldStore("other", REPLAY).finished_folds()
    assert not FoldStore(truth.digest, Replay(SimulationRequest(7, 50), seed=2)).finished_folds()
    monkeypatch.setattr(resume, "code_digest", lambda: "changed")
    assert not FoldStore(truth.digest, REPLAY).finished_folds()
