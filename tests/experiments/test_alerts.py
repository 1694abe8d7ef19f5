"""Alerts against a server of the test's own, and against one that misbehaves in every way."""

import json
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from experiments import alerts
from experiments.alerts import ATTEMPTS, Alert, send

ALERT = Alert("retrain failed", 2, 0, "retrain, due 09:30, failed: it broke.", "Version 3 still serves.")
SECRET = "B0XqT7-secret"


class Webhook(ThreadingHTTPServer):
    """Answers with the next of `answers` (the last one for ever), and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: list[int | str] = [200]
        self.got: list[dict[str, Any]] = []
        self.let_go = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/{SECRET}"


class Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append({"path": self.path, "type": self.headers["Content-Type"], "body": body})
        answer = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if answer == "hang":
            self.server.let_go.wait(30)
            return
        if answer == "cut":
            return
        if answer == "endless":
            self.send_response(200)
            self.end_headers()
            while not self.server.let_go.wait(0.01):
                self.wfile.write(b"more and more ")
            return
        self.send_response(int(answer))
        if 300 <= int(answer) < 400:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client has gone
            self.close_connection = True


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.let_go.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_webhook_gets_every_field_once(webhook: Webhook) -> None:
    assert send(ALERT, webhook.url) == []
    text = "salvocast alert: retrain failed (2, limit 0). retrain, due 09:30, failed: it broke. Version 3 still serves."
    assert webhook.got == [
        {
            "path": f"/hooks/{SECRET}",
            "type": "application/json",
            "body": {
                "name": "retrain failed",
                "number": 2,
                "limit": 0,
                "sentence": "retrain, due 09:30, failed: it broke.",
                "serves": "Version 3 still serves.",
                "text": text,
            },
        }
    ]


@pytest.mark.parametrize("first", [500, 503, 429, "cut"])
def test_a_webhook_that_fails_is_tried_again(webhook: Webhook, first: int | str) -> None:
    webhook.answers = [first, 204]
    assert send(ALERT, webhook.url, first_wait_s=0) == []
    assert len(webhook.got) == 2


@pytest.mark.parametrize(
    ("answer", "attempts", "told"),
    [
        (500, ATTEMPTS, f"failed {ATTEMPTS} times (it answered 500)"),
        ("cut", ATTEMPTS, f"failed {ATTEMPTS} times (RemoteProtocolError)"),
        ("hang", ATTEMPTS, f"failed {ATTEMPTS} times (ReadTimeout)"),
        (404, 1, "refused (it answered 404)"),
        (302, 1, "refused (it answered 302)"),
    ],
)
def test_a_webhook_that_goes_on_failing_is_told_of_without_its_address(
    webhook: Webhook,
    answer: int | str,
    attempts: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(alerts, "TIMEOUT_S", 0.2)
    webhook.answers = [answer]
    with caplog.at_level(logging.INFO):
        (problem,) = send(ALERT, webhook.url, first_wait_s=0)
    assert problem == f"the alert's webhook {told}: see SALVOCAST_ALERT_URL"
    assert len(webhook.got) == attempts
    assert SECRET not in problem + caplog.text


def test_an_answer_without_end_holds_nobody_up(webhook: Webhook) -> None:
    webhook.answers = ["endless"]
    assert send(ALERT, webhook.url) == []


def test_nobody_there_and_no_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for url, told in (
        (f"http://127.0.0.1:{port}/{SECRET}", "(ConnectError)"),
        (f"ftp://example.org/{SECRET}", "(UnsupportedProtocol)"),
        (f"http://example.org:{SECRET}/", "is no address"),
    ):
        (problem,) = send(ALERT, url, first_wait_s=0)
        assert told in problem
        assert SECRET not in problem


def test_the_command_gets_the_line_on_its_stdin(tmp_path: Path) -> None:
    written = tmp_path / "told"
    program = f"import sys; open({str(written)!r}, 'w').write(sys.stdin.read()); print('not for us')"
    assert send(ALERT, None, [sys.executable, "-c", program]) == []
    assert written.read_text() == ALERT.text + "\n"


@pytest.mark.parametrize(
    ("command", "told", "timeout_s"),
    [
        (["/nowhere/notify"], "command /nowhere/notify failed ([Errno 2] No such file", 60),
        ([sys.executable, "-c", "import sys; sys.exit(7)"], "ended with 7", 60),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "failed (TimeoutExpired)", 1),
    ],
)
def test_a_command_that_fails_is_told_of(
    command: list[str], told: str, timeout_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "TIMEOUT_S", timeout_s)
    (problem,) = send(ALERT, None, command)
    assert told in problem
    assert problem.endswith("see [alerts] in settings.toml")


def test_a_command_that_does_not_read_is_no_problem() -> None:
    long = Alert("name", 1, 0, "x" * 1_000_000, "")
    assert send(long, None, [sys.executable, "-c", ""]) == []


def test_both_are_told_and_one_failing_does_not_keep_the_other_silent(webhook: Webhook) -> None:
    webhook.answers = [404]
    problems = send(ALERT, webhook.url, [sys.executable, "-c", "import sys; sys.exit(1)"])
    assert len(problems) == 2
    assert len(webhook.got) == 1


def test_without_anywhere_to_go_nothing_happens() -> None:
    assert send(ALERT, None) == []
