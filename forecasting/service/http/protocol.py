"""HTTP as this server speaks it: with patience that ends."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LARGEST_HEAD = 65_536
"""Bytes of a request line with its headers: a link of the page holds a whole request."""
SLOWEST_HEAD = 10.0
"""Seconds that they may take to come in."""


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
