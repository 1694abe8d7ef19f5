"""Shared by all tests: a home of their own, and the bundled series."""

import gc
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import KYIV, SalvoReport
from features.sources.bundled import read_bundled
from features.sources.reading import Reading
from tests.databases import database, postgresql  # noqa: F401 - fixtures

NOW = datetime(2026, 2, 28, 22, 30, tzinfo=UTC)
"""When the bundled reports are read: what was reported later is not known yet, as the statements of the bundled defence
and scenarios end on that day too."""

# How long an example takes is the machine's affair: a busy one is no failure. At a desk the laws are tried on a few new
# examples each time; CI, and `make mutants`, take hypothesis's own profile `ci`: a hundred, the same ones each time.
settings.register_profile("desk", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("desk")


REAL = {
    "serve",
    "server",
    "server_of",
    "champion_server",
    "team_server",
    "mlflow_server",
    "team",
    "browser",
    "holder",
    "scheduler",
    "guarded",
    "fuzzed",
}
"""Fixtures that start processes which others talk to, or kill: servers, browsers, holders of a lock."""


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a real server, a browser or a process to be killed is slow: `make test-slow` and CI run it."""
    for item in items:
        if REAL & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("postgresql"):
            item.add_marker("slow")


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> None:
    """What is there when a file's tests begin stays: the collector need not look through it again and again.

    It takes a third of some files' time otherwise, and more where statsmodels calls it at each correction.
    """
    gc.freeze()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh SALVOCAST_HOME: no test sees, or touches, the files of the person who runs it."""
    home = tmp_path / "home"
    monkeypatch.setenv("SALVOCAST_HOME", str(home))
    for name in ("SALVOCAST_LEDGER_URL", "MLFLOW_TRACKING_URI", "SALVOCAST_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """An empty ledger in the home."""
    home.mkdir(exist_ok=True)
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        yield ledger


MadeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> MadeOnce:
    """made_once(name, make): a file that takes seconds to make, made by one process of the run for all of them."""
    own = tmp_path_factory.getbasetemp()
    folder = own if worker_id == "master" else own.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        path = folder / name
        with FileLock(folder / f"{name}.lock"):
            if not path.exists():
                make(folder / f"{name}.part")
                (folder / f"{name}.part").rename(path)
        return path

    return made


def bundled_until_now() -> Reading:
    """The bundled reports of windows that had ended by NOW."""
    reading = read_bundled()
    last = NOW.astimezone(KYIV).replace(tzinfo=None)
    rows = (row for row in reading.rows if not isinstance(row, SalvoReport) or row.window_end <= last)
    return replace(reading, rows=rows, published_at=NOW)


@pytest.fixture(scope="session")
def learned_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What is learned in this run, by tests and by the servers that they start: the folder `learned` of their homes."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "learned"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def learned_once(learned_folder: Path) -> Iterator[None]:
    """What is learned is shared by all tests that run while this is set up."""
    from tests.learning import learning_once  # loads the planner

    yield from learning_once(learned_folder)


@pytest.fixture(scope="session")
def filled_ledger(made_once: MadeOnce) -> Path:
    """A ledger file with the bundled reports, for tests to copy."""

    def fill(path: Path) -> None:
        with Ledger.open(f"sqlite:///{path}") as ledger:
            ledger.ingest(bundled_until_now(), NOW)

    return made_once("filled_ledger.db", fill)


@pytest.fixture(scope="session")
def empty_store(made_once: MadeOnce) -> Path:
    """An MLflow database with its tables and nothing in them."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")

    def migrate(path: Path) -> None:
        from mlflow.tracking import MlflowClient

        MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()

    return made_once("mlflow.db", migrate)


@pytest.fixture(scope="session")
def bundled_history(filled_ledger: Path) -> LaunchHistory:
    """The bundled series of Shahed-type drones, read through a ledger."""
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        return ledger.history()


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
