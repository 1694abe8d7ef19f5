"""The public tools' side of the comparison: what they are given, and that their paths are scored like ours."""

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike, NDArray

from experiments.backtest import Backtest, Replay, run_backtest
from experiments.benchmarks.peers import score
from experiments.benchmarks.tables import relative_table
from experiments.outside import OutsideForecasts, histories
from features.history import LaunchHistory
from forecasting.salvos.model import REFERENCE_MODEL, Model, SimulationRequest, load_model

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
FIRST_DAY = date(2025, 1, 1)
ORIGINS = [FIRST_DAY + timedelta(days=index) for index in (39, 53)]
HORIZON, N_PATHS = 28, 50
SPIKE = 99_999.0


@dataclass(frozen=True)
class Known:
    """A model of ours that gives these paths."""

    paths: dict[date, NDArray[np.int64]]
    model_id: str = "ours"

    def fit(self, history: LaunchHistory) -> "KnownPaths":
        return KnownPaths(self.paths[history.last_day])


@dataclass(frozen=True)
class KnownPaths:
    paths: NDArray[np.int64]

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG002
        return self.paths


@pytest.fixture
def truth(history_from: HistoryFrom) -> LaunchHistory:
    return history_from(np.random.default_rng(5).poisson(100, size=90))


@pytest.fixture
def made() -> dict[date, NDArray[np.int64]]:
    rng = np.random.default_rng(6)
    return {origin: rng.poisson(120, size=(N_PATHS, HORIZON)) for origin in ORIGINS}


def peer_file(made: dict[date, NDArray[np.int64]], folder: Path) -> list[OutsideForecasts]:
    """Made-up forecasts, written and read as forecast.py and score.py do; "broken" fails from the second origin."""
    columns = [f"day_{day + 1}" for day in range(HORIZON)]
    frames, outcomes = [], []
    for name in ("peer", "broken"):
        for origin, paths in made.items():
            failure = "ValueError: told to" if name == "broken" and origin == ORIGINS[1] else None
            at = {"model": name, "origin": pd.Timestamp(origin)}
            outcomes.append({**at, "seconds": 7.5, "failure": failure})
            if failure is None:
                frames.append(pd.DataFrame(paths, columns=columns).assign(**at))
    pd.concat(frames).to_parquet(folder / "paths.parquet", index=False)
    pd.DataFrame(outcomes).to_parquet(folder / "outcomes.parquet", index=False)
    return score.peers_from(folder, outcomes_of(folder))


def outcomes_of(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "outcomes.parquet")


def replayed(truth: LaunchHistory, models: list[Model]) -> Backtest:
    return run_backtest(truth.until, truth, models, ORIGINS, Replay(SimulationRequest(HORIZON, N_PATHS), 1))


def test_a_peer_is_given_every_day_until_the_origin_and_none_after_it(history_from: HistoryFrom) -> None:
    counts = np.arange(90.0)
    counts[40] = SPIKE
    frame = histories(history_from(counts).until, ORIGINS)
    assert list(frame.columns) == ["origin", "attack_day", "launched", "data_digest"]
    for origin, n_days, has_spike in ((ORIGINS[0], 40, False), (ORIGINS[1], 54, True)):
        given = frame[frame["origin"] == pd.Timestamp(origin)]
        assert given["attack_day"].tolist() == pd.date_range(FIRST_DAY, origin).tolist()
        assert given["launched"].tolist() == counts[:n_days].tolist()
        assert (SPIKE in given["launched"].to_numpy()) is has_spike


def test_a_peer_is_scored_like_a_model_with_the_same_paths(
    truth: LaunchHistory, made: dict[date, NDArray[np.int64]], tmp_path: Path
) -> None:
    peer, _ = peer_file(made, tmp_path)
    scores = replayed(truth, [Known(made), peer]).scores
    ours, theirs = (scores[scores["model"] == name].drop(columns="model") for name in ("ours", "peer"))
    assert len(ours) == len(ORIGINS) * (HORIZON + 2)
    pd.testing.assert_frame_equal(ours.reset_index(drop=True), theirs.reset_index(drop=True))


def test_a_failed_origin_is_named_and_takes_no_other_models_place(
    truth: LaunchHistory, made: dict[date, NDArray[np.int64]], tmp_path: Path
) -> None:
    models = [load_model(REFERENCE_MODEL), *peer_file(made, tmp_path), OutsideForecasts("never asked", {})]
    result = score.with_peer_seconds(replayed(truth, models), outcomes_of(tmp_path))
    assert result.failures.iloc[[0, 1]][["model", "origin", "reason"]].to_numpy().tolist() == [
        ["never asked", ORIGINS[0], f"never asked has no forecast from {ORIGINS[0]} in its files"],
        ["broken", ORIGINS[1], "ValueError: told to"],
    ]
    table = relative_table(result).set_index("model")
    assert table["failed origins"].to_dict() == {
        REFERENCE_MODEL: "",
        "peer": "",
        "broken": "1",
        f"{REFERENCE_MODEL}, drones": "",
        "never asked": "2",
    }
    assert table.loc["never asked", "day 1"] == ""
    assert table.loc[["peer", "broken"], "s per origin"].tolist() == ["7.500", "7.500"]
    assert table.loc[REFERENCE_MODEL, ["day 1", "total 28", "pinball .99"]].tolist() == ["1.000"] * 3


def test_the_peers_program_imports_nothing_of_ours() -> None:
    """It runs where Salvocast is not installed."""
    program = Path(score.__file__).with_name("forecast.py")
    modules = set()
    for node in ast.walk(ast.parse(program.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add((node.module or "").split(".")[0])
    theirs = {"statsforecast", "prophet", "gluonts", "mlforecast", "lightgbm", "numpy", "pandas"}
    assert modules - set(sys.stdlib_module_names) == theirs
