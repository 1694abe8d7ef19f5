"""One server: its sockets, its workers, its log, and the line that says that it is ready."""

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from functools import partial

import h11
from sqlalchemy import Table
from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors import Multiprocess

from features.complaints import complain
from features.ledger import Ledger
from features.logs import LogFormat, set_up_log
from features.opening import open_ledger
from features.ports import listening_socket
from features.tables import batch_table, issued_table, quarantine_table, report_table, sighting_table
from forecasting.service.workers.pool import load_ahead
from forecasting.service.workers.settings import Settings, is_loopback

MOST_CONNECTIONS = 512
LARGEST_HEAD = 65_536
"""Bytes of a request line with its headers: a link of the page holds a whole request."""
SLOWEST_HEAD = 10.0
"""Seconds that they may take to come in."""
STOPPING_SECONDS = 30
"""How long the requests of a server that is told to stop may still take."""

PRELOADED = "forecasting.service.preloaded"
"""What the computing processes want; by its name, as loading it takes seconds."""


def run(settings: Settings, log_format: LogFormat) -> None:
    """Serves until SIGINT or SIGTERM. Raises SalvocastError where it cannot listen."""
    with tempfile.TemporaryDirectory(prefix="salvocast-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before the metrics are imported
        if settings.workers == 1:
            load_ahead([PRELOADED])  # while this process loads much the same
        with open_ledger() as ledger:  # an empty one gets the bundled reports once, before several workers see it
            for line in not_permitted(ledger, settings):
                complain(line)
        config = Config(
            partial(_worker_app, settings, log_format),
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            loop="asyncio",
            http=ImpatientProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=STOPPING_SECONDS,
            h11_max_incomplete_event_size=LARGEST_HEAD,
        )
        listening = listening_socket(settings.host, settings.port)
        # uvicorn ends by raising the signal again that told it to end: what is left to do here must still be done.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        threading.Thread(target=_tell_when_ready, args=(listening, settings), daemon=True).start()
        if settings.workers > 1:
            Multiprocess(config, sockets=[listening]).run()
        else:
            Server(config).run(sockets=[listening])


def not_permitted(ledger: Ledger, settings: Settings) -> list[str]:
    """What a server with these settings promises and may not do in its ledger, a line each."""
    lines = []
    wanted: dict[str, tuple[Table, ...]] = {"give out plans or forecasts, which are issued first": (issued_table,)}
    if settings.accept_reports:
        wanted["add reports"] = (batch_table, report_table, sighting_table, quarantine_table)
    for what, tables in wanted.items():
        if missing := ledger.tables_not_permitted(tables):
            lines.append(
                f"this server cannot {what}: its account may not add to {', '.join(missing)}; grant it "
                "(experiments/deploy/grants.sql)"
            )
    writers = [token.name for token in settings.tokens if "report" in token.scopes]
    if writers and not settings.accept_reports:
        lines.append(f"no reports are accepted of {', '.join(writers)}: start the server with --accept-reports")
    return lines


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose request line and headers do not come in time."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:  # part of a head
            self._await_head()
        else:
            self._head_came()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(SLOWEST_HEAD, self.transport.close)

    def _head_came(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


def _worker_app(settings: Settings, log_format: LogFormat) -> ASGIApp:
    """The application of one worker, and its log."""
    load_ahead([PRELOADED])
    set_up_log(log_format)
    # It warns at every attempt; that the registry is away is told once, by who asks.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    from forecasting.service.app import create_app

    return create_app(settings)


def _tell_when_ready(listening: socket.socket, settings: Settings) -> None:
    """Prints the one line on stdout once the first worker can answer."""
    port = listening.getsockname()[1]
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    asked = shown if is_loopback(settings.host) else "127.0.0.1"
    while True:
        try:
            with urllib.request.urlopen(f"http://{asked}:{port}/readyz", timeout=5):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.stdout.write(f"salvocast serves at http://{shown}:{port}/\n")
    sys.stdout.flush()
