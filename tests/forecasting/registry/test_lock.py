"""One at a time at the registry, across processes and machines."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from features.errors import SalvocastError
from features.ledger import Ledger
from forecasting.registry import (
    Registry,
    tracking_uri,
)
from forecasting.salvos.saved import SavedModel
from tests.databases import PostgresqlServer
from tests.forecasting.registry.conftest import SERIES, SavedOf, retrained

HOLDER = (
    "import sys; from forecasting.registry import Registry\n"
    "with Registry.open(sys.argv[1]).lock(): print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def holder() -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """A process that holds the lock of the registry at a URI."""
    started = []

    def start(uri: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOLDER, uri]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def one_at_a_time(uri: str, holder: Callable[[str], "subprocess.Popen[str]"]) -> None:
    process = holder(uri)
    other = Registry.open(uri)
    with (
        pytest.raises(
            SalvocastError, match=rf"locked by salvocast .* process {process.pid}, which did not end"
        ) as caught,
        other.lock(wait_seconds=0.3),
    ):
        raise AssertionError("two hold the lock")
    assert len(str(caught.value).splitlines()) == 1
    process.send_signal(signal.SIGKILL)
    with other.lock(wait_seconds=20):
        pass
    with other.lock(wait_seconds=0):  # and it was given back
        pass


def test_one_process_holds_the_lock_and_a_kill_frees_it(
    home: Path, holder: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    home.mkdir()
    one_at_a_time(tracking_uri(), holder)


def test_homes_that_share_a_registry_share_its_lock(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holder: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    home.mkdir()
    uri = tracking_uri()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("SALVOCAST_HOME", str(tmp_path / "first"))
    process = holder(uri)
    monkeypatch.setenv("SALVOCAST_HOME", str(tmp_path / "second"))
    with (
        pytest.raises(SalvocastError, match=f"process {process.pid}, which did not end"),
        Registry.open(uri).lock(wait_seconds=0),
    ):
        raise AssertionError("two hold the lock")
    with Registry.open().lock(wait_seconds=0):  # another registry
        pass


@pytest.mark.postgresql
@pytest.mark.parametrize("which", ["MLFLOW_TRACKING_URI", "SALVOCAST_LEDGER_URL"])
def test_on_postgresql_the_lock_is_the_server_s_and_reports_can_be_ingested_under_it(
    postgresql: PostgresqlServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    holder: Callable[[str], "subprocess.Popen[str]"],
    which: str,
) -> None:
    url = postgresql.migrated().render_as_string(hide_password=False)
    uri = url if which == "MLFLOW_TRACKING_URI" else "http://tracking.example"
    monkeypatch.setenv(which, url)
    monkeypatch.setenv("SALVOCAST_HOME", str(tmp_path / "of another machine"))
    one_at_a_time(uri, holder)
    with Registry.open(uri).lock(), Ledger.open(url) as ledger, ledger._transaction():
        pass
    assert not (tmp_path / "of another machine" / "registry.lock").exists()


def lost_in_mid_run(registry: Registry, run_id: str, saved: SavedModel, lose: Callable[[], object]) -> None:
    """A retraining whose lock is lost, and taken by another machine, after it registered version 2."""
    retrained(registry, run_id, saved)
    with registry.lock():
        made = registry.register(replace(saved, data_digest="0" * 64), run_id=run_id, scores={})
        lose()
        with (
            Registry.open(registry.uri).lock(wait_seconds=5),
            pytest.raises(SalvocastError, match=r"lost in mid-run .* what served before still serves") as told,
        ):
            registry.set_champion(made.name, made.version)
    assert len(str(told.value).splitlines()) == 1
    champion = registry.champion(*SERIES)
    assert champion is not None
    assert champion.version == 1
    assert [each.version for each in registry.champion_history(*SERIES)] == [1]
    with registry.lock():
        registry.set_champion(made.name, made.version)


@pytest.mark.postgresql
def test_a_lock_that_the_server_gave_up_in_mid_run_stops_the_promotion(
    postgresql: PostgresqlServer, registry: Registry, run_id: str, saved_of: SavedOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.migrated()
    monkeypatch.setenv("SALVOCAST_LEDGER_URL", url.render_as_string(hide_password=False))
    of_database = f"database = (SELECT oid FROM pg_database WHERE datname = '{url.database}')"
    end = f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND {of_database}"
    lost_in_mid_run(registry, run_id, saved_of(), lambda: postgresql.run(end))


def test_a_lock_whose_file_was_removed_in_mid_run_stops_the_promotion(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path
) -> None:
    lost_in_mid_run(registry, run_id, saved_of(), lambda: (home / "registry.lock").unlink())
