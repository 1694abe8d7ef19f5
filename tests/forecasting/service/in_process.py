"""The application and its dispatcher, whose work is done in this process: a server without sockets or processes."""

import asyncio
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import httpx

from features.home import ledger_url
from forecasting.answers.local import local_answering
from forecasting.service.app import create_app
from forecasting.service.workers import dispatcher, work
from forecasting.service.workers.live import LiveLedger
from forecasting.service.workers.pool import TookTooLong
from forecasting.service.workers.settings import Settings

NOON = datetime(2026, 3, 1, 10, tzinfo=UTC)
"""When plans are asked for, here as by the command: the day after the last report."""


class NoProcesses:
    """What the dispatcher asks of its pool. What goes in and comes out is copied, as between processes."""

    wait = 0.0

    def __init__(self, *_: object, longest: float, **__: object) -> None:
        self._longest = longest

    def admit(self, seconds: float) -> None:
        if seconds > self._longest:
            raise TookTooLong("this would take too long", 0.0)

    async def run(self, seconds: float, function: Callable[..., Any], *arguments: object) -> Any:
        self.admit(seconds)
        function, arguments = pickle.loads(pickle.dumps((function, arguments)))
        try:
            return await asyncio.to_thread(function, *arguments)
        except Exception as error:
            raise pickle.loads(pickle.dumps(error)) from error


class InThisProcess(httpx.BaseTransport):
    """Sends each request to an application, in one loop: what it leaves to be done goes on with the next request."""

    def __init__(self, application: Any) -> None:
        self._transport, self._runner = httpx.ASGITransport(application), asyncio.Runner()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answered() -> httpx.Response:
            response = await self._transport.handle_async_request(request)
            return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())

        return self._runner.run(answered())

    def close(self) -> None:
        self._runner.close()


@contextmanager
def in_process(**settings: Any) -> Iterator[httpx.Client]:
    """Asks the application on the ledger of this home, which is there. It knows of no registry."""
    chosen = Settings(**settings)
    application = create_app(chosen)
    inner: Any = application
    while not hasattr(inner, "state"):
        inner = inner._app
    with (
        patch.object(dispatcher, "Pool", NoProcesses),
        LiveLedger.open(ledger_url()) as ledger,
        patch.object(work, "_answering", local_answering(ledger)),
    ):
        opened = inner.state.dispatcher = dispatcher.Dispatcher(chosen, lambda _: None, now=lambda: NOON)
        with (
            opened.ledger,
            opened.archive,
            httpx.Client(transport=InThisProcess(application), base_url="http://localhost") as client,
        ):
            yield client
