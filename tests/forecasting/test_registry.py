"""The registry: one version for one model, one champion, whole or not at all; and what it tells when it is away."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from features.errors import SalvocastError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.release import code_version
from forecasting import registry as registry_module
from forecasting.model import SimulationRequest, fit, load_model
from forecasting.registry import (
    ATTEMPTS,
    CHAMPION,
    Promotion,
    RegisteredModel,
    Registry,
    known_model,
    ready_client,
    registered_name,
    tracking_uri,
)
from forecasting.saved import FILES, SavedModel, digest_of, save_model
from tests.databases import PostgresqlServer

HistoryOf = Callable[[ArrayLike], LaunchHistory]
SERIES = ("ukraine", "shahed")
NAME = "salvocast-ukraine-shahed"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables and nothing in them: making one takes seconds."""
    folder = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALVOCAST_HOME", str(folder))
        ready_client(f"sqlite:///{folder / 'mlflow.db'}")
    return folder / "mlflow.db"


@pytest.fixture
def registry(home: Path, empty_registry: Path) -> Registry:
    """The embedded registry of the home, empty; its clock goes on by a day each time it is read."""
    home.mkdir(exist_ok=True)
    shutil.copy(empty_registry, home / "mlflow.db")
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


def test_a_model_is_registered_promoted_and_read_again(registry: Registry, run_id: str, saved_of: SavedOf) -> None:
    saved = saved_of()
    assert registry.champion(*SERIES) is None
    assert registry.versions(*SERIES) == []
    assert registry.champion_history(*SERIES) == []
    made = registry.register(saved, run_id=run_id, scores={"wis": 12.5, "coverage_80": 0.81}, tags={"reason": "first"})
    assert (made.name, made.version, made.model_id) == (NAME, 1, "exponential_empirical")
    assert made.digest == digest_of(save_model(saved))
    assert (made.data_digest, made.code_version, made.run_id) == (saved.data_digest, code_version(), run_id)
    assert made.origin == date(2026, 2, 28)
    assert made.scores == {"wis": 12.5, "coverage_80": 0.81}
    assert made.aliases == ()
    assert made.tags["reason"] == "first"
    assert abs(made.registered_at - datetime.now(UTC)) < timedelta(hours=1)
    assert registry.champion(*SERIES) is None  # registering promotes nothing
    registry.set_champion(NAME, 1)
    champion = registry.champion(*SERIES)
    assert champion is not None
    assert champion.aliases == (CHAMPION,)
    assert registry.versions(*SERIES) == [champion]
    assert paths(registry.load(champion)) == paths(saved)
    assert registry.champion_history(*SERIES) == [Promotion(1, NOON, "first", None)]
    assert registry.champion("israel", "shahed") is None


def test_the_same_model_is_registered_once(
    registry: Registry, run_id: str, saved_of: SavedOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.register(saved_of(), run_id=run_id, scores={"wis": 1.0})
    registry.set_champion(NAME, 1)
    again = registry.register(saved_of(), run_id="another", scores={"wis": 2.0})
    assert (again.version, again.run_id, again.scores) == (first.version, run_id, {"wis": 1.0})
    assert again.aliases == (CHAMPION,)
    other_data = registry.register(saved_of(200.0), run_id=run_id, scores={})
    other_model = registry.register(saved_of(name="empirical_window"), run_id=run_id, scores={})
    monkeypatch.setattr(registry_module, "code_version", lambda: "0.2.0+0123456789ab")
    other_code = registry.register(saved_of(), run_id=run_id, scores={})
    made = [other_code.version, other_model.version, other_data.version, first.version]
    assert made == [4, 3, 2, 1]
    assert [version.version for version in registry.versions(*SERIES)] == made


def test_twins_that_a_repeated_request_has_made_become_one(registry: Registry, run_id: str, saved_of: SavedOf) -> None:
    first = registry.register(saved_of(), run_id=run_id, scores={})
    for _ in range(2):
        registry._client.create_model_version(NAME, first.source, run_id, first.tags)
    assert registry.register(saved_of(), run_id=run_id, scores={}).version == 1
    assert [version.version for version in registry.versions(*SERIES)] == [1]
    twin = registry._client.create_model_version(NAME, first.source, run_id, first.tags)
    registry.set_champion(NAME, int(twin.version))
    assert registry.register(saved_of(), run_id=run_id, scores={}).version == int(twin.version)  # never the champion


class Killed(BaseException):
    """As abrupt as a signal: nothing of ours catches it."""


STEPS = (
    "create_registered_model",
    "log_artifacts",
    "get_run",
    "create_model_version",
    "set_model_version_tag",
    "set_registered_model_alias",
)


def retrained(registry: Registry, run_id: str, saved: SavedModel) -> None:
    """What a retraining asks of a registry."""
    made = registry.register(saved, run_id=run_id, scores={"wis": 1.0}, tags={"reason": "better"})
    registry.set_champion(made.name, made.version)


def state(registry: Registry) -> Any:
    champion = registry.champion(*SERIES)
    versions = registry.versions(*SERIES)
    history = [(each.version, each.reason, each.predecessor) for each in registry.champion_history(*SERIES)]
    kept = [(each.version, each.digest, each.run_id, each.scores, each.aliases) for each in versions]
    recorded = [len(json.loads(each.tags.get("salvocast.promotions", "[]"))) for each in versions]
    return champion and champion.version, kept, history, recorded


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_and_run_again_it_ends_in_the_same_state(
    registry: Registry, run_id: str, saved_of: SavedOf, monkeypatch: pytest.MonkeyPatch, step: str, done: bool
) -> None:
    first, second = saved_of(), saved_of(200.0)
    if step != "create_registered_model":  # that is a step of the first model alone
        retrained(registry, run_id, first)
    before = state(registry)
    undisturbed = getattr(registry._client, step)

    def kill(*arguments: Any, **keywords: Any) -> None:
        if done:
            undisturbed(*arguments, **keywords)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(registry._client, step, kill)
        with pytest.raises(Killed):
            retrained(registry, run_id, second)
    if (step, done) != ("set_registered_model_alias", True):
        assert state(registry)[0] == before[0]  # what served serves on
        assert state(registry)[2] == before[2]
    retrained(registry, run_id, second)
    last = state(registry)
    versions = [1] if step == "create_registered_model" else [2, 1]
    assert last[0] == versions[0]
    assert [version for version, *_ in last[1]] == versions
    assert last[2] == [(2, "better", 1), (1, "better", None)][-len(versions) :]
    assert last[3] == [1] * len(versions)
    retrained(registry, run_id, second)
    assert state(registry) == last
    champion = registry.champion(*SERIES)
    assert champion is not None
    assert paths(registry.load(champion)) == paths(second)


def test_the_history_goes_back_from_the_champion(registry: Registry, run_id: str, saved_of: SavedOf) -> None:
    for level in (100.0, 200.0, 300.0):
        registry.register(saved_of(level), run_id=run_id, scores={}, tags={"reason": f"level {level:.0f}"})
    for version, reason in ((1, ""), (2, ""), (1, "rolled back"), (1, "there already"), (3, "")):
        registry.set_champion(NAME, version, reason=reason)
    assert registry.champion_history(*SERIES) == [
        Promotion(3, NOON + timedelta(days=3), "level 300", 1),
        Promotion(1, NOON + timedelta(days=2), "rolled back", 2),
        Promotion(2, NOON + timedelta(days=1), "level 200", 1),
        Promotion(1, NOON, "level 100", None),
    ]


def test_the_history_keeps_its_order_when_the_clock_goes_back(
    registry: Registry, run_id: str, saved_of: SavedOf
) -> None:
    for level in (100.0, 200.0):
        registry.register(saved_of(level), run_id=run_id, scores={})
    for hours, version in ((0, 1), (-5, 2), (-9, 1)):
        Registry.open(registry.uri, now=lambda hours=hours: NOON + timedelta(hours=hours)).set_champion(NAME, version)
    assert [each.version for each in registry.champion_history(*SERIES)] == [1, 2, 1]


def test_a_version_that_somebody_else_made_is_not_taken_for_a_model_of_ours(
    registry: Registry, run_id: str, saved_of: SavedOf
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    foreign = registry._client.create_model_version(NAME, made.source, run_id, {"salvocast.digest": "../../etc"})
    assert [version.version for version in registry.versions(*SERIES)] == [1]
    registry.set_champion(NAME, int(foreign.version))
    with pytest.raises(SalvocastError, match=r"shahed version 2 was not registered by salvocast: move the alias"):
        registry.champion(*SERIES)


def in_registry(home: Path) -> list[Path]:
    """The folders of the saved files of all versions, in their order."""
    found = (home / "mlartifacts").rglob("saved")
    return sorted((path for path in found if path.is_dir()), key=lambda path: path.stat().st_mtime_ns)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_changed_in_the_registry_is_refused(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path, name: str
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    (folder,) = in_registry(home)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(SalvocastError, match=r"digest.*they were changed|version 1 does not have the digest") as caught:
        registry.load(made)
    assert len(str(caught.value).splitlines()) == 1


def test_another_whole_model_in_its_place_is_refused(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    (folder,) = in_registry(home)
    for name, content in save_model(saved_of(10.0)).items():
        (folder / name).write_bytes(content)
    with pytest.raises(SalvocastError, match="version 1 does not have the digest that it was registered with"):
        registry.load(made)
    assert not (home / "models" / made.digest).exists()


def test_a_kept_copy_that_was_changed_is_fetched_again(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    registry.load(made)
    kept = home / "models" / made.digest
    (kept / "arrays.npz").write_bytes(b"changed")
    with pytest.raises(SalvocastError, match="no model of digest"):
        known_model(made.digest)
    assert paths(registry.load(made)) == paths(known_model(made.digest)) == paths(saved_of())


def test_what_is_larger_than_any_model_is_not_fetched(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path
) -> None:
    made = registry.register(saved_of(), run_id=run_id, scores={})
    (folder,) = in_registry(home)
    os.truncate(folder / "arrays.npz", 2**34)  # a hole: it takes no room
    with pytest.raises(SalvocastError, match="expected a saved model of at most"):
        registry.load(made)


@pytest.fixture
def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that wait a second at most, and attempts that follow at once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(registry_module, "FIRST_WAIT", 0.01)


def test_the_last_champion_is_there_without_the_registry(
    registry: Registry, run_id: str, saved_of: SavedOf, closed_port: int, impatient: None
) -> None:
    away = Registry.open(f"http://127.0.0.1:{closed_port}")
    assert away.last_known_champion(*SERIES) is None
    for level in (100.0, 200.0):
        made = registry.register(saved_of(level), run_id=run_id, scores={"wis": level})
        registry.load(made)
        assert away.last_known_champion(*SERIES) is None  # loaded, but no champion
    retrained(registry, run_id, saved_of(100.0))
    champion = registry.champion(*SERIES)
    assert champion is not None
    registry.load(champion)
    assert away.last_known_champion(*SERIES) == champion
    assert paths(away.load(champion)) == paths(saved_of(100.0))
    assert away.last_known_champion("israel", "shahed") is None
    with pytest.raises(SalvocastError, match=f"127.0.0.1:{closed_port} failed"):
        away.champion(*SERIES)


@pytest.mark.parametrize("damage", ["the note", "the files"])
def test_a_damaged_copy_is_no_last_champion(
    registry: Registry, run_id: str, saved_of: SavedOf, home: Path, damage: str
) -> None:
    retrained(registry, run_id, saved_of())
    champion = registry.champion(*SERIES)
    assert champion is not None
    registry.load(champion)
    files = {
        "the note": home / "models" / f"{NAME}.json",
        "the files": home / "models" / champion.digest / "model.json",
    }
    files[damage].write_bytes(b"{")
    assert registry.last_known_champion(*SERIES) is None


class Server:
    """A tracking server that is not well: how each request is answered is said by `answer`; counts the requests."""

    def __init__(self, answer: Callable[[int], tuple[int, bytes] | None]) -> None:
        self.n_requests = 0
        self._over = Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.n_requests += 1
                answered = answer(server.n_requests)
                if answered is None:
                    server._over.wait(20)
                    return
                code, body = answered
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.port = int(self._server.server_address[1])

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server_of() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(answer: Callable[[int], tuple[int, bytes] | None]) -> Server:
        started.append(Server(answer))
        return started[-1]

    yield start
    for server in started:
        server.stop()


NOT_THERE = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such model"}).encode()
UNWELL: dict[str, Callable[[int], tuple[int, bytes] | None]] = {
    "answers 500": lambda _: (500, b"broken: password is hunter2, token t0ken\nand more"),
    "answers 503 with a page": lambda _: (503, b"<html>" + b"x" * 10_000 + b"</html>"),
    "hangs": lambda _: None,
}


@pytest.mark.parametrize("answer", UNWELL.values(), ids=UNWELL)
def test_a_server_that_is_unwell_is_asked_a_few_times_and_then_told_in_one_line_without_secrets(
    answer: Callable[[int], tuple[int, bytes] | None],
    server_of: Callable[..., Server],
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    server = server_of(answer)
    with (
        Registry.open(f"http://modeller:hunter2@127.0.0.1:{server.port}") as registry,
        pytest.raises(
            SalvocastError, match=r"^the tracking store .*127\.0\.0\.1.* failed .*MLFLOW_TRACKING_URI$"
        ) as raised,
    ):
        registry.champion(*SERIES)
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 600
    assert "hunter2" not in message
    assert "t0ken" not in message
    assert raised.value.exit_code == 1
    assert server.n_requests == ATTEMPTS


def test_a_server_that_comes_back_is_believed(server_of: Callable[..., Server], impatient: None) -> None:
    server = server_of(lambda number: (500, b"") if number < ATTEMPTS else (404, NOT_THERE))
    assert Registry.open(f"http://127.0.0.1:{server.port}").champion(*SERIES) is None
    assert server.n_requests == ATTEMPTS


def test_what_a_server_refuses_is_not_asked_again(server_of: Callable[..., Server], impatient: None) -> None:
    refusal = json.dumps({"error_code": "PERMISSION_DENIED", "message": "not for you"}).encode()
    server = server_of(lambda _: (403, refusal))
    with pytest.raises(SalvocastError, match="PERMISSION_DENIED: not for you"):
        Registry.open(f"http://127.0.0.1:{server.port}").champion(*SERIES)
    assert server.n_requests == 1


def test_a_database_that_is_none_is_told(home: Path, impatient: None) -> None:
    home.mkdir()
    (home / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SalvocastError, match="file is not a database") as raised:
        Registry.open().champion(*SERIES)
    assert len(str(raised.value).splitlines()) == 1


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


@pytest.mark.postgresql
def test_a_postgresql_server_that_is_away_is_told_without_its_password(closed_port: int, home: Path) -> None:
    uri = f"postgresql+psycopg://modeller:hunter2@127.0.0.1:{closed_port}/mlflow"
    registry = Registry.open(uri)
    with pytest.raises(SalvocastError, match="refused") as asked:
        registry.champion(*SERIES)
    with pytest.raises(SalvocastError, match="refused") as locked, registry.lock():
        raise AssertionError("a lock of no server")
    for told in (str(asked.value), str(locked.value)):
        assert len(told.splitlines()) == 1
        assert "hunter2" not in told


@pytest.fixture
def champion(salvocast: Any, registry: Registry, run_id: str, home: Path) -> RegisteredModel:
    """The champion of the bundled reports, the model that `salvocast forecast` takes by itself."""
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        history = ledger.history()
    model = load_model("salvo_ensemble")
    made = registry.register(SavedModel.of(model, fit(model, history), history), run_id=run_id, scores={})
    registry.set_champion(made.name, made.version)
    found = registry.champion(*SERIES)
    assert found is not None
    return found


def quantiles_told(salvocast: Any, horizon: int, n_paths: int, seed: int) -> dict[tuple[str, float], float]:
    """(attack day, level) -> drones, from the JSON of `salvocast forecast`."""
    options = ["--horizon", horizon, "--paths", n_paths, "--seed", seed, "--format", "json"]
    done = salvocast("forecast", *map(str, options))
    assert done.returncode == 0, done.stderr
    told = {}
    for day in json.loads(done.stdout)["days"]:
        told[day["attack_day"], 0.5] = day["drones"]["median"]
        for interval in day["drones"]["intervals"]:
            told[day["attack_day"], round((1 - interval["level"]) / 2, 6)] = interval["low"]
            told[day["attack_day"], round((1 + interval["level"]) / 2, 6)] = interval["high"]
    return told


ELSEWHERE = """
import sys, json
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path = [entry for entry in sys.path if entry and "editable" not in entry]
try:
    import forecasting
except ImportError:
    pass
else:
    sys.exit("salvocast can be imported")
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/salvocast-ukraine-shahed@champion")
import forecasting.saved
answer = model.predict(pandas.DataFrame({"horizon": [9, 3], "paths": [300, 500], "seed": [4, 1]}))
default = model.predict(pandas.DataFrame({"horizon": [2]}))
refused = ""
try:
    model.predict(pandas.DataFrame({"horizon": [731]}))
except mlflow.exceptions.MlflowException as error:
    refused = f"{error.error_code} {error}"
print(json.dumps([forecasting.saved.__file__, refused, answer.to_dict("list"), default.to_dict("list")]))
"""


def by_day(answer: Any, request: int = 0) -> dict[tuple[str, float], float]:
    """(attack day, level) -> drones, of one request of an answer of the pyfunc (columns or rows)."""
    rows = pd.DataFrame(answer)
    rows = rows[rows["request"] == request]
    return {
        (day, level): drones
        for day, level, drones in zip(rows["attack_day"], rows["level"], rows["drones"], strict=True)
    }


def test_it_loads_where_salvocast_is_not_installed_and_gives_the_numbers_of_the_command(
    salvocast: Any, registry: Registry, champion: RegisteredModel, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, registry.uri],
        env={**os.environ, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code, refused, answer, default = json.loads(done.stdout.splitlines()[-1])
    assert not code.startswith(str(Path(registry_module.__file__).parents[1]))
    assert by_day(answer, 0) == quantiles_told(salvocast, 9, 300, 4)
    second = registry.load(champion).forecast(SimulationRequest(3, 500), 1)
    medians = np.quantile(second.paths, 0.5, axis=0, method="inverted_cdf")
    assert [by_day(answer, 1)[day.isoformat(), 0.5] for day in second.days] == medians.tolist()
    assert by_day(default) == quantiles_told(salvocast, 2, 2_000, 1)
    assert answer["horizon"][::7][:9] == list(range(1, 10))
    assert refused.startswith("INVALID_PARAMETER_VALUE horizon is 731: expected 1 to 730 attack days")


def test_a_version_holds_no_pickle_and_names_what_it_needs(
    registry: Registry, champion: RegisteredModel, home: Path
) -> None:
    from mlflow.models import get_model_info

    folder = in_registry(home)[0].parents[1]
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {f"artifacts/saved/{name}" for name in FILES} < kept
    endings = {Path(name).suffix for name in kept}
    assert endings == {".py", ".json", ".npz", ".txt", ".yaml", ""}
    assert not [name for name in kept if name.endswith("registry.py") or "bundled" in name]
    requirements = (folder / "requirements.txt").read_text().split()
    assert [line.partition("==")[0] for line in requirements] == ["mlflow", "numpy", "pandas", "pydantic"]
    assert all(line.partition("==")[2] for line in requirements)
    signature = get_model_info(str(folder)).signature
    assert {column.name: column.required for column in signature.inputs} == {
        "horizon": True,
        "paths": False,
        "seed": False,
    }
    assert signature.outputs.input_names() == ["request", "attack_day", "horizon", "level", "drones"]
    assert "input_example.json" in kept


@contextmanager
def mlflow(log: Path, address: str, *arguments: str, **environment: str) -> Iterator[None]:
    """The `mlflow` command as a server, once it answers at the address; stopped at the end."""
    beside = Path(sys.executable).parent
    with log.open("wb") as written:
        process = subprocess.Popen(
            [str(beside / "mlflow"), *arguments],
            env={
                **os.environ,
                "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                **environment,
            },
            cwd=log.parent,
            stdout=written,
            stderr=written,
        )
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            try:
                if httpx.get(address).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_mlflow_models_serve_gives_the_numbers_of_the_command(
    salvocast: Any, registry: Registry, champion: RegisteredModel, closed_port: int, tmp_path: Path
) -> None:
    address = f"http://127.0.0.1:{closed_port}"
    options = ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(closed_port)]
    environment = {"MLFLOW_TRACKING_URI": registry.uri, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    command = ("models", "serve", "--model-uri", f"models:/{NAME}@{CHAMPION}", *options)
    with mlflow(tmp_path / "log", f"{address}/ping", *command, **environment):
        asked = {"dataframe_records": [{"horizon": 28, "paths": 700, "seed": 5}]}
        answer = httpx.post(f"{address}/invocations", json=asked, timeout=60)
        assert answer.status_code == 200, answer.text
        assert by_day(answer.json()["predictions"]) == quantiles_told(salvocast, 28, 700, 5)
        wrong = httpx.post(f"{address}/invocations", json={"dataframe_records": [{"horizon": 0}]}, timeout=60)
        assert wrong.status_code == 400
        assert "horizon is 0: expected 1 to 730" in wrong.text


@pytest.mark.slow
def test_it_works_through_an_mlflow_server_that_keeps_the_artefacts(
    empty_registry: Path, saved_of: SavedOf, closed_port: int, tmp_path: Path, home: Path
) -> None:
    shutil.copy(empty_registry, tmp_path / "server.db")
    uri = f"http://127.0.0.1:{closed_port}"
    options = ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--workers", "1"]
    options += ["--artifacts-destination", str(tmp_path / "artefacts"), "--host", "127.0.0.1"]
    with mlflow(tmp_path / "log", f"{uri}/health", "server", *options, "--port", str(closed_port)):
        registry = Registry.open(uri)
        assert registry.champion(*SERIES) is None
        assert registry.versions(*SERIES) == []
        run_id = registry._client.create_run(registry._client.create_experiment("test")).info.run_id
        for _ in range(2):
            retrained(registry, run_id, saved_of())
        (made,) = registry.versions(*SERIES)
        assert made == registry.champion(*SERIES)
        assert made.source.startswith("mlflow-artifacts:/")
        assert paths(registry.load(made)) == paths(saved_of())
        shutil.rmtree(home / "models")
        (kept,) = (tmp_path / "artefacts").rglob("arrays.npz")
        kept.write_bytes(b"changed")
        with pytest.raises(SalvocastError, match="version 1 does not have the digest"):
            registry.load(made)


def test_names_of_series() -> None:
    assert registered_name("ukraine", "shahed") == NAME
