"""One server: its sockets, its workers, its log, and the line that says that it is ready."""

import gc
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Table

from features.complaints import complain
from features.logs import LogFormat, set_up_log
from features.opening import open_ledger
from features.ports import listening_socket
from features.tables import batch_table, issued_table, quarantine_table, report_table, sighting_table
from forecasting.service.workers.learning import learn_ahead
from forecasting.service.workers.pool import PRELOADED, load_ahead
from forecasting.service.workers.settings import Settings, is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from features.ledger import Ledger

MOST_CONNECTIONS = 512
STOPPING_SECONDS = 30
"""How long the requests of a server that is told to stop may still take."""


def run(settings: Settings, log_format: LogFormat) -> None:
    """Serves until SIGINT or SIGTERM. Raises SalvocastError where it cannot listen."""
    with tempfile.TemporaryDirectory(prefix="salvocast-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # before the metrics are imported
        with open_ledger() as ledger:  # an empty one gets the bundled reports once, before several workers see it
            for line in not_permitted(ledger, settings):
                complain(line)
        if settings.workers == 1:
            learn_ahead(load_ahead([PRELOADED]))
        # Loaded while that learns: the server, and with the application what it answers with.
        from uvicorn import Config, Server
        from uvicorn.supervisors import Multiprocess

        from forecasting.service.http.protocol import LARGEST_HEAD, ImpatientProtocol

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


def not_permitted(ledger: "Ledger", settings: Settings) -> list[str]:
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


def _worker_app(settings: Settings, log_format: LogFormat) -> "ASGIApp":
    """The application of one worker, and its log."""
    load_ahead([PRELOADED])
    set_up_log(log_format)
    # It warns at every attempt; that the registry is away is told once, by who asks.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    from forecasting.service.app import create_app

    app = create_app(settings)
    gc.freeze()  # what is there now stays for good: no collection has to look at it again
    return app


def _tell_when_ready(listening: socket.socket, settings: Settings) -> None:
    """Prints the one line on stdout once the first worker can answer."""
    import urllib.error
    import urllib.request

    port = listening.getsockname()[1]
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    asked = shown if is_loopback(settings.host) else "127.0.0.1"
    while True:
        try:
            with urllib.request.urlopen(f"http://{asked}:{port}/readyz", timeout=5):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    sys.stdout.write(f"salvocast serves at http://{shown}:{port}/\n")
    sys.stdout.flush()
