"""The champions as a server knows them, with a registry that does not answer for every series."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from features.errors import SalvocastError
from forecasting.service.workers import champions as module
from forecasting.service.workers.champions import Champions
from forecasting.service.workers.pool import Overloaded

SHAHED, BALLISTIC = ("ukraine", "shahed"), ("ukraine", "ballistic")


class FakeRegistry:
    """Has a champion of Shahed-type drones, and answers for ballistic missiles as `errors` says."""

    def __init__(self) -> None:
        self.version, self.asked = 1, 0
        self.errors: dict[tuple[str, str], Exception] = {}

    def champion(self, theatre: str, weapon_class: str) -> Any:
        self.asked += 1
        if cause := self.errors.get((theatre, weapon_class)):
            raise SalvocastError("the tracking store failed") from cause
        return self.version if (theatre, weapon_class) == SHAHED else None

    def load(self, found: Any) -> None:
        pass

    def last_known_champion(self, *_: str) -> None:
        return None


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = FakeRegistry()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setattr(module, "Registry", SimpleNamespace(open=lambda _uri: fake))
    monkeypatch.setattr(module, "Champion", SimpleNamespace(of=lambda version: ("champion", version)))
    return fake


REFUSED = MlflowException("Permission denied", error_code=PERMISSION_DENIED)


def test_a_series_that_the_registry_refuses_does_not_stop_the_others(registry: FakeRegistry) -> None:
    registry.errors[BALLISTIC] = REFUSED
    champions = Champions()
    for version in (1, 2):
        registry.version = version
        champions.ask([SHAHED, BALLISTIC])
        assert champions.of(*SHAHED) == ("champion", version)
        assert list(champions.problems) == [BALLISTIC]
        assert champions.is_settled(*BALLISTIC)
        with pytest.raises(Overloaded, match="which model serves ballistic in ukraine is not known yet"):
            champions.of(*BALLISTIC)
    assert (champions.is_let_in(*SHAHED), champions.is_let_in(*BALLISTIC)) == (True, False)
    registry.errors.clear()
    champions.ask([SHAHED, BALLISTIC])
    assert champions.problems == {}
    assert champions.is_let_in(*BALLISTIC)
    assert champions.of(*BALLISTIC) is None


def test_a_registry_that_is_away_is_asked_once_for_all_and_what_is_known_stays(registry: FakeRegistry) -> None:
    champions = Champions()
    champions.ask([SHAHED])
    registry.asked = 0
    registry.errors = dict.fromkeys((SHAHED, BALLISTIC), MlflowException("connection refused"))
    champions.ask([SHAHED, BALLISTIC])
    assert registry.asked == 1
    assert set(champions.problems) == {SHAHED, BALLISTIC}
    assert champions.of(*SHAHED) == ("champion", 1)


def test_an_embedded_registry_is_asked_again_only_once_it_has_changed(
    registry: FakeRegistry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking loads MLflow, for seconds: a server that starts in a home that is as it was does not."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    home.mkdir(exist_ok=True)
    store = home / "mlflow.db"
    for asked, changed_at in ((1, 1), (2, 2)):
        store.write_bytes(b"whatever MLflow keeps")
        os.utime(store, (changed_at, changed_at))
        for _ in range(2):
            champions = Champions()
            champions.ask([BALLISTIC])
            assert champions.of(*BALLISTIC) is None
            assert registry.asked == asked
