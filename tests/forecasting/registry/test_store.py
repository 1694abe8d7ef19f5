"""A store that is away, slow or fails: asked a few times, then told in one line."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from features.errors import SalvocastError
from forecasting.registry import (
    Registry,
)
from forecasting.registry.store import ATTEMPTS, store_failures
from tests.forecasting.registry.conftest import (
    SERIES,
)


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


@pytest.mark.parametrize("place", ["127.0.0.1:", "127.0.0.1:none"])
def test_an_address_that_is_none_is_told_without_its_password(impatient: None, place: str) -> None:
    with pytest.raises(SalvocastError, match=r"^the tracking store http:.* failed") as raised:
        Registry.open(f"http://modeller:hunter2@{place}").champion(*SERIES)
    assert len(str(raised.value).splitlines()) == 1
    assert "hunter2" not in str(raised.value)


def test_a_database_that_is_none_is_told(home: Path, impatient: None) -> None:
    home.mkdir()
    (home / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SalvocastError, match="file is not a database") as raised:
        Registry.open().champion(*SERIES)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.postgresql
def test_a_postgresql_server_that_is_away_is_told_without_its_password(free_port: int, home: Path) -> None:
    uri = f"postgresql+psycopg://modeller:hunter2@127.0.0.1:{free_port}/mlflow"
    registry = Registry.open(uri)
    with pytest.raises(SalvocastError, match="refused") as asked:
        registry.champion(*SERIES)
    with pytest.raises(SalvocastError, match="refused") as locked, registry.lock():
        raise AssertionError("a lock of no server")
    assert str(asked.value).startswith("the tracking store ")
    assert str(locked.value).startswith("the lock of the registry in ")
    for told in (str(asked.value), str(locked.value)):
        assert len(told.splitlines()) == 1
        assert "hunter2" not in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), r"\(\[Errno 28\] No space left on device\): make room on its disk"),
        (
            OSError(
                "API request to http://h:9/api failed with exception HTTPConnectionPool(host='h', port=9): Max retries "
                "exceeded with url: /api (Caused by NewConnectionError('<urllib3.HTTPConnection object at 0x7f>: "
                "Failed to establish a new connection: [Errno 111] Connection refused'))"
            ),
            r"http://h:9 failed \(Connection refused\): see that it can be reached",
        ),
        (OSError("HTTPConnectionPool(host='h', port=9): Read timed out. (read timeout=1)"), r"\(no answer in time\)"),
        (
            OSError(
                "API request to http://h:9/api failed with exception HTTPConnectionPool(host='h', port=9): Max retries "
                "exceeded with url: /api (Caused by ResponseError('too many 500 error responses'))"
            ),
            r"\(it answered 500 each time: its own log says why, a full disk perhaps\)",
        ),
    ],
)
def test_a_full_disk_is_called_that_and_no_way_through_urllib3_is_told(error: OSError, told: str) -> None:
    with pytest.raises(SalvocastError, match=told), store_failures("http://h:9"):
        raise error
