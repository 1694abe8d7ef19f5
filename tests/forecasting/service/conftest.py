"""Real servers on loopback, each with a home of its own; stopped by their process id."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.forecasting.service.page.browsing import Open

PROGRAM = """
import json, os, sys
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
from features.logs import LogFormat
from forecasting.service.server import run
from forecasting.service.workers.settings import Settings, parse_tokens
given = json.loads(sys.argv[1])
tokens = parse_tokens(given.pop("tokens", ""))
run(Settings(**{"port": 0, **given}, tokens=tokens), LogFormat.JSON)
"""


class Server:
    """A server that runs. url: without the slash at its end. log: the lines that it wrote so far."""

    def __init__(self, home: Path, settings: dict[str, Any], environment: dict[str, str]) -> None:
        self.home, self._log = home, home.parent / f"{home.name}.log"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("SALVOCAST_LEDGER_URL", "MLFLOW_TRACKING_URI")
        }
        environment = inherited | environment | {"SALVOCAST_HOME": str(home)}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, json.dumps(settings)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if not line.startswith("salvocast serves at http://"):
            self.stop()
            raise AssertionError(f"the server did not start: {line}{self.log[-3_000:]}")
        self.url = line.split()[-1].removesuffix("/")

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=180, **options)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code; whatever it started has ended with it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)  # its own session: nothing but what it started
            raise
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


Serve = Callable[..., Server]


@contextmanager
def serving(folder: Path, filled_ledger: Path) -> Iterator[Serve]:
    """serve(home="a", environment={}, **settings): a server whose home is kept between servers of that name.

    It has learned what another of the run has.
    """
    with ExitStack() as running:

        def serve(home: str = "home", environment: dict[str, str] | None = None, **settings: Any) -> Server:
            place = folder / home
            if not place.exists():
                place.mkdir()
                shutil.copy(filled_ledger, place / "ledger.db")
                (place / "learned").symlink_to(filled_ledger.with_name("learned"))
            server = Server(place, settings, environment or {})
            running.callback(server.stop)
            return server

        yield serve


@pytest.fixture
def serve(tmp_path: Path, filled_ledger: Path) -> Iterator[Serve]:
    """Servers of one test."""
    with serving(tmp_path, filled_ledger) as start:
        yield start


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, filled_ledger: Path, learned_folder: Path) -> Iterator[Server]:
    """A server that tests share; none of them may change what it knows. It waits longer than one of ours does: a slow
    machine that counts branches is no failure of an answer."""
    with serving(tmp_path_factory.mktemp("shared"), filled_ledger) as start:
        yield start(longest=150.0)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """Asks the shared server."""
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium; the test is skipped where there is none."""
    from tests.forecasting.service.page.browsing import chromium  # loads Playwright

    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: "Browser", server: Server, serve: Serve) -> "Iterator[Open]":
    """Opens pages of the shared server; see `opening`. They are closed before the servers of `serve` are stopped."""
    from tests.forecasting.service.page.browsing import opening

    with opening(browser, server.url) as start:
        yield start
