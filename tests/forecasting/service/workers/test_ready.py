"""`/readyz` while the registry refuses this server, or is away: a small one over HTTP, with a login as MLflow's."""

import json
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.forecasting.service.conftest import Serve
from tests.forecasting.service.workers.test_live import until

LOGIN = "serving"


class Answer(BaseHTTPRequestHandler):
    """No model has a champion; who is not let in is told what MLflow 3.17 tells."""

    server: "FakeRegistry"

    def do_GET(self) -> None:
        known = "Basic " + b64encode(f"{LOGIN}:{self.server.password}".encode()).decode()
        if self.headers["Authorization"] != known:
            self._send(401, b"You are not authenticated. Please see https://www.mlflow.org/docs", "text/html")
        elif self.server.forbids:
            self._send(403, b"Permission denied", "text/html")
        else:
            missing = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model not found"}
            self._send(404, json.dumps(missing).encode(), "application/json")

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.server.answered += 1
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class FakeRegistry(ThreadingHTTPServer):
    """password: of the one login. forbids: whether that login may see no model."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.password, self.forbids, self.answered = "of-the-spring", False, 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        Thread(target=registry.serve_forever, daemon=True).start()
        yield registry
        registry.shutdown()


@pytest.mark.slow
def test_it_is_not_ready_while_the_registry_refuses_it_and_needs_no_restart(
    serve: Serve, registry: FakeRegistry, tmp_path: Path
) -> None:
    """MLflow's own library reads the login at every request: a new password needs the file alone."""
    credentials = tmp_path / ".mlflow" / "credentials"
    credentials.parent.mkdir()

    def knows(password: str) -> None:
        login = f"mlflow_tracking_username = {LOGIN}\nmlflow_tracking_password = {password}\n"
        credentials.write_text(f"[mlflow]\n{login}", encoding="utf-8")

    knows(registry.password)
    environment = {"HOME": str(tmp_path), "MLFLOW_TRACKING_URI": registry.url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    with serve(environment=environment, poll_seconds=0.3).client() as client:

        def ready() -> httpx.Response:
            return client.get("/readyz")

        until(lambda: registry.answered > 1 and ready().status_code == 200)
        for refuse, admit in (
            (lambda: setattr(registry, "password", "of-the-autumn"), lambda: knows("of-the-autumn")),
            (lambda: setattr(registry, "forbids", True), lambda: setattr(registry, "forbids", False)),
        ):
            refuse()
            until(lambda: ready().status_code == 503)
            told = ready()
            assert told.headers["retry-after"] == "1"
            assert "the registry refuses this server's login (401 or 403): see the log, MLFLOW_TRACKING" in told.text
            assert not any(secret in told.text for secret in (registry.password, LOGIN, str(registry.server_port)))
            assert client.get("/healthz").status_code == 200
            # What it knows, it goes on with: here the model that serves where there is no champion.
            answer = client.post("/api/v1/forecast", json={"horizon": 7, "paths": 100})
            assert (answer.status_code, answer.json()["model_id"]) == (200, "salvo_ensemble")
            admit()
            until(lambda: ready().status_code == 200)
        registry.shutdown()
        registry.server_close()
        until(lambda: client.get("/api/v1/models").json()["problem"])  # it is away, which is no reason
        assert ready().status_code == 200
