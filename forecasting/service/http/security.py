"""Who may ask what, and how much a client may send: checked before anything of a request is read."""

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Sequence
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forecasting.service.http.problems import Refusal, problem
from forecasting.service.workers.pool import DEADLINE
from forecasting.service.workers.settings import Settings, Token, TokenBook, holder

OPEN_PATHS = frozenset(f"{prefix}/{name}" for prefix in ("", "/api/v1") for name in ("healthz", "readyz"))
"""What a supervisor asks without a token; they tell nothing."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:[0-9]{1,5})?")
"""A name, or an address, and perhaps a port (RFC 9110, 7.2)."""

LISTENING_SECONDS = 2.0
MOST_DRAINED = 16_000_000
"""How long, and how many bytes, the server still listens to a client that it has refused."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def needed_scope(method: str, path: str) -> str | None:
    """The scope that a request needs where the server knows tokens; None: it needs none."""
    if path in OPEN_PATHS:
        return None
    if method not in READING:
        return "report" if path.endswith("/reports") else "plan"
    if path.startswith(("/api/", "/static/")) or path == "/metrics":
        return "read"
    return "plan"  # the page: looking at it computes


class RequestGuard:
    """Refuses what must not reach the application: another host's requests, strangers, other sites' forms, and bodies
    that are too large or too slow."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings, self._tokens = app, settings, TokenBook(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, send = Headers(scope=scope), _draining_send(receive, send)
        DEADLINE.set(time.monotonic() + self._settings.longest)
        try:
            self._check(scope, headers)
        except Refusal as refusal:
            await problem(refusal, scope["state"]["request_id"])(scope, receive, send)
            return
        await self._app(scope, _Bounded(receive, self._settings), send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        self._check_host(headers)
        self._check_token(scope, headers)
        if scope["method"] not in READING:
            _check_origin(scope["path"], headers)
        elif scope["path"] not in OPEN_PATHS:
            _check_embedding(headers)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._settings.largest_body:
            raise _too_large(self._settings)

    def _check_host(self, headers: Headers) -> None:
        """A name that resolves to this machine without being its own is an attack on a browser (DNS rebinding)."""
        given = headers.get("host", "")
        read = _HOST.fullmatch(given)
        names = {"localhost", "127.0.0.1", "[::1]", *self._settings.names}
        if read is None or read["name"].lower() not in names:
            raise Refusal(421, f"Host is '{given[:200]}': expected a name of this server; see --name")

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        needed = needed_scope(scope["method"], scope["path"])
        if needed is None or not (tokens := self._tokens.current()):
            return
        token = _presented_token(tokens, headers.get("authorization", ""))
        if token is None:
            way = 'Bearer realm="salvocast"' if scope["path"].startswith("/api/") else 'Basic realm="salvocast"'
            raise Refusal(401, "expected a token: as Bearer, or as the password of Basic", {"WWW-Authenticate": way})
        if needed not in token.scopes:
            raise Refusal(403, f"the token of {token.name} has no scope '{needed}': use one that has")


def _presented_token(tokens: Sequence[Token], authorization: str) -> Token | None:
    kind, _, value = authorization.partition(" ")
    secret = value.strip().encode()
    if kind.lower() == "basic":
        try:
            secret = base64.b64decode(secret, validate=True).partition(b":")[2]
        except binascii.Error:
            return None
    elif kind.lower() != "bearer":
        return None
    return holder(tokens, secret)


def _check_origin(path: str, headers: Headers) -> None:
    """Lets no other site send a form in a reader's name. A browser says where a request comes from; what says nothing
    is no browser, and has no business with the page's forms. (The API takes JSON alone, which no form can send.)"""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if origin is None and site is None:
        own = path.startswith("/api/")
    else:
        own = site in (None, "same-origin", "none") and (
            origin is None or origin.partition("://")[2] == headers.get("host")
        )
    if not own:
        raise Refusal(403, "the request comes from another site: expected one from this server's own pages")


def _check_embedding(headers: Headers) -> None:
    """Lets no other site have a reader's browser compute, with a picture or a frame of its own. A link that is followed
    is the reader's doing; what does not say where it comes from is no browser of these years."""
    followed = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not followed:
        raise Refusal(403, "another site embeds this address: follow it as a link, or open it by itself")


def _too_large(settings: Settings) -> Refusal:
    return Refusal(413, f"expected a body of at most {settings.largest_body:,} bytes", {"Connection": "close"})


def _draining_send(receive: Receive, send: Send) -> Send:
    """Sends as `send` does; before it closes a connection, takes in what the client still sends, for a while.

    A connection that is closed while data come in is reset, and a client that is still sending would lose the answer
    that says why (RFC 9112, 9.6).
    """
    closes = False

    async def sent(message: Message) -> None:
        nonlocal closes
        if message["type"] == "http.response.start":
            closes = Headers(raw=message["headers"]).get("connection") == "close"
        elif closes and not message.get("more_body", False):
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                await asyncio.wait_for(_drain(receive), LISTENING_SECONDS)
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return sent


async def _drain(receive: Receive) -> None:
    size = 0
    while size < MOST_DRAINED:
        message = await receive()
        if not message.get("more_body", False):  # it is complete, or the client has gone
            return
        size += len(message["body"])


class _Bounded:
    """What comes in of a request, until it is too large or too slow: then Refusal is raised where it is read."""

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive, self._settings = receive, settings
        self._size, self._complete = 0, False
        self._deadline: float | None = None

    async def __call__(self) -> Message:
        if self._complete:  # what is awaited now is that the client goes
            return await self._receive()
        clock = asyncio.get_running_loop().time
        if self._deadline is None:
            self._deadline = clock() + self._settings.slowest_body
        try:
            message = await asyncio.wait_for(self._receive(), self._deadline - clock())
        except TimeoutError:
            seconds = f"{self._settings.slowest_body:g} s"
            raise Refusal(408, f"the body did not come within {seconds}", {"Connection": "close"}) from None
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._size > self._settings.largest_body:
            raise _too_large(self._settings)
        return message
