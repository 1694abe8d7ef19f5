"""An empty registry, models to put into it, and what a retraining asks of it."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from features.history import LaunchHistory
from forecasting.registry import (
    Registry,
    store,
)
from forecasting.salvos.model import SimulationRequest, fit, load_model
from forecasting.salvos.saved import SavedModel

HistoryOf = Callable[[ArrayLike], LaunchHistory]


SERIES = ("ukraine", "shahed")


NAME = "salvocast-ukraine-shahed"


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def registry(home: Path, empty_store: Path) -> Registry:
    """The embedded registry of the home, empty; its clock goes on by a day each time it is read."""
    home.mkdir(exist_ok=True)
    shutil.copy(empty_store, home / "mlflow.db")
    days = iter(range(1_000))
    return Registry.open(now=lambda: NOON + timedelta(days=next(days)))


@pytest.fixture
def run_id(registry: Registry, home: Path) -> str:
    experiment = registry._client.create_experiment("test", artifact_location=(home / "mlartifacts").as_uri())
    return str(registry._client.create_run(experiment).info.run_id)


@pytest.fixture(scope="session")
def saved_of(history_of: HistoryOf) -> Callable[..., SavedModel]:
    """A model fitted to sixty days of about so many drones."""

    def make(level: float = 100.0, name: str = "exponential_empirical") -> SavedModel:
        history = history_of(np.random.default_rng(3).poisson(level, 60))
        model = load_model(name)
        return SavedModel.of(model, fit(model, history), history)

    return make


SavedOf = Callable[..., SavedModel]


REQUEST = SimulationRequest(14, 200)


def paths(saved: SavedModel) -> bytes:
    return saved.forecast(REQUEST, 7).paths.tobytes()


def retrained(registry: Registry, run_id: str, saved: SavedModel) -> None:
    """What a retraining asks of a registry."""
    made = registry.register(saved, run_id=run_id, scores={"wis": 1.0}, tags={"reason": "better"})
    registry.set_champion(made.name, made.version)


def in_registry(home: Path) -> list[Path]:
    """The folders of the saved files of all versions, in their order."""
    found = (home / "mlartifacts").rglob("saved")
    return sorted((path for path in found if path.is_dir()), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that wait a second at most, and attempts that follow at once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(store, "FIRST_WAIT", 0.01)
