"""Who may ask what, and how much a client may send: of settings, and of a running server."""

import asyncio
import base64
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from features.errors import InputError
from forecasting.commands.serve import serve as serve_command
from forecasting.service.app import RequestLog
from forecasting.service.http.security import RequestGuard, needed_scope
from forecasting.service.workers import settings as settings_module
from forecasting.service.workers.settings import SCOPES, Settings, holder, is_loopback, parse_tokens, read_tokens
from tests.forecasting.service.conftest import Serve, Server, serving

READ, PLAN, REPORT = (f"{scope}-0123456789abcdefghij" for scope in SCOPES)
TOKENS = f"watch:read:{READ}, planner:read+plan:{PLAN},desk:report:{REPORT}"
SMALL = {"horizon": 2, "paths": 10}


def test_tokens_are_read_with_their_scopes_and_never_shown() -> None:
    tokens = parse_tokens(TOKENS)
    assert [(token.name, set(token.scopes)) for token in tokens] == [
        ("watch", {"read"}),
        ("planner", {"read", "plan"}),
        ("desk", {"report"}),
    ]
    assert "0123456789" not in repr(tokens)
    assert "0123456789" not in repr(Settings(tokens=tokens))
    found = holder(tokens, PLAN.encode())
    assert found is not None
    assert found.name == "planner"
    assert holder(tokens, PLAN.encode()[:-1]) is None
    assert holder(tokens, b"") is None


@pytest.mark.parametrize(
    "text",
    [
        "planner",
        "planner:plan",
        f"planner:rule:{PLAN}",
        f":plan:{PLAN}",
        f"planner::{PLAN}",
        "planner:plan:short-0123456789",
        f"a:read:{READ},b:plan:{READ}",
    ],
)
def test_tokens_of_another_form_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(InputError, match="SALVOCAST_TOKENS") as caught:
        parse_tokens(text)
    assert "0123456789" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "no text"),
        (b"# nobody yet\n\n", "holds no token"),
        (f"planner:rule:{PLAN}".encode(), "a scope that is none of these"),
        (b"a:read:" + b"x" * 100_000, "expected at most 100,000 bytes"),
    ],
)
def test_a_file_of_tokens_that_cannot_be_used_is_told_in_a_line(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    path = tmp_path / "tokens"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=expected) as told:
        read_tokens(path)
    assert str(told.value).startswith(f"SALVOCAST_TOKENS_FILE {path}")
    assert len(str(told.value).splitlines()) == 1
    assert PLAN not in str(told.value)


def test_a_changed_file_of_tokens_holds_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is replaced with both valid for a while; a file that is broken, empty or gone lets nobody new in, and
    keeps nobody out."""
    monkeypatch.setattr(settings_module, "LOOK_SECONDS", 0.0)
    path = tmp_path / "tokens"
    new = READ.replace("0", "9")

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    path.write_text(f"# of the watch\nwatch:read:{READ}\n")
    guarded = RequestLog(RequestGuard(app, Settings(tokens=read_tokens(path), tokens_file=path)))

    async def statuses() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url="http://localhost") as client:
            return [(await client.get("/api/v1/data", headers=bearer(each))).status_code for each in (READ, new)]

    assert asyncio.run(statuses()) == [204, 401]
    path.write_text(f"watch:read:{READ}\nwatch-new:read:{new}\n")
    assert asyncio.run(statuses()) == [204, 204]
    path.write_text(f"watch-new:read:{new}\n")
    assert asyncio.run(statuses()) == [401, 204]
    for broken in ("watch:everything:" + READ, ""):
        path.write_text(broken)
        assert asyncio.run(statuses()) == [401, 204]
    path.unlink()
    assert asyncio.run(statuses()) == [401, 204]
    path.write_text(f"watch:read:{READ}\n")
    assert asyncio.run(statuses()) == [204, 401]


def test_tokens_stand_in_one_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SALVOCAST_TOKENS", TOKENS)
    monkeypatch.setenv("SALVOCAST_TOKENS_FILE", str(tmp_path / "tokens"))
    with pytest.raises(InputError, match="expected one of them"):
        serve_command(host="127.0.0.1")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "salvocast.example.org"])
def test_an_address_that_others_reach_needs_tokens(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(InputError, match="SALVOCAST_TOKENS"):
        Settings(host=host)
    Settings(host=host, tokens=parse_tokens(TOKENS))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_a_loopback_address_needs_none(host: str) -> None:
    Settings(host=host)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/healthz", None),
        ("GET", "/api/v1/readyz", None),
        ("GET", "/metrics", "read"),
        ("GET", "/api/v1/data", "read"),
        ("GET", "/static/page.css", "read"),
        ("GET", "/", "plan"),
        ("GET", "/plan.xlsx", "plan"),
        ("POST", "/api/v1/plan", "plan"),
        ("POST", "/api/v1/forecast", "plan"),
        ("POST", "/issue", "plan"),
        ("DELETE", "/api/v1/data", "plan"),
        ("POST", "/api/v1/reports", "report"),
    ],
)
def test_what_needs_which_scope(method: str, path: str, scope: str | None) -> None:
    assert needed_scope(method, path) == scope


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, filled_ledger: Path) -> Iterator[Server]:
    """A server with tokens, that accepts reports and waits for a body no longer than a second."""
    with serving(tmp_path_factory.mktemp("guarded"), filled_ledger) as start:
        yield start(tokens=TOKENS, accept_reports=True, slowest_body=1.0, names=["plans.example.org"])


@pytest.fixture
def stranger(guarded: Server) -> Iterator[httpx.Client]:
    """A client without a token."""
    with guarded.client() as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'me:{secret}'.encode()).decode()}"}


def test_a_stranger_learns_nothing_but_that_the_server_runs(stranger: httpx.Client) -> None:
    assert stranger.get("/healthz").status_code == 200
    for path in ("/api/v1/data", "/api/v1/openapi.json", "/metrics", "/", "/nothing"):
        refused = stranger.get(path)
        assert refused.status_code == 401
        way = "Bearer" if path.startswith("/api") else "Basic"
        assert refused.headers["www-authenticate"] == f'{way} realm="salvocast"'
    wrong = ({}, bearer("x" * 24), basic("wrong"), {"Authorization": "Basic ???"}, {"Authorization": PLAN})
    for headers in wrong:
        assert stranger.post("/api/v1/plan", json=SMALL, headers=headers).status_code == 401


def test_each_scope_opens_its_own_doors_alone(stranger: httpx.Client) -> None:
    rows = {"rows": [{"date": "2026-02-27", "launched": 1}]}

    def statuses(headers: dict[str, str]) -> list[int]:
        return [
            stranger.get("/api/v1/data", headers=headers).status_code,
            stranger.post("/api/v1/forecast", json=SMALL, headers=headers).status_code,
            stranger.post("/api/v1/reports", json=rows, headers=headers).status_code,
        ]

    for form in (bearer, basic):
        assert statuses(form(READ)) == [200, 403, 403]
        assert statuses(form(PLAN)) == [200, 200, 403]
        assert statuses(form(REPORT)) == [403, 403, 200]


def test_no_token_and_no_folder_of_the_home_is_in_the_log(guarded: Server, stranger: httpx.Client) -> None:
    for headers in (bearer(PLAN), basic(PLAN), bearer(f"{PLAN}x")):
        stranger.post(f"/api/v1/forecast?token={PLAN}", json=SMALL, headers=headers)
    stranger.post("/api/v1/forecast", json={"theatre": "nowhere"}, headers=bearer(PLAN))
    lines = [json.loads(line) for line in guarded.log.splitlines()]
    answered = [line for line in lines if line["event"] == "answered"]
    assert all(set(line) >= {"request", "status", "milliseconds", "digest", "timestamp"} for line in answered)
    for secret in (READ, PLAN, REPORT, base64.b64encode(f"me:{PLAN}".encode()).decode(), str(guarded.home)):
        assert secret not in guarded.log


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "",
        "[::2]",
        "[::1].evil.com",
        "[::1]x:80",
    ],
)
def test_a_name_that_only_resolves_to_this_machine_is_refused(host: str, stranger: httpx.Client) -> None:
    assert stranger.get("/healthz", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "LOCALHOST:1", "[::1]:80", "plans.example.org"])
def test_the_own_names_are_not(host: str, stranger: httpx.Client) -> None:
    assert stranger.get("/healthz", headers={"Host": host}).status_code == 200


def test_another_site_can_send_nothing_in_a_readers_name(guarded: Server, stranger: httpx.Client) -> None:
    own = guarded.url

    def status(path: str, headers: dict[str, str], **body: object) -> int:
        return stranger.post(path, headers={**bearer(PLAN), **headers}, **body).status_code  # type: ignore[arg-type]

    for foreign in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": own.replace("127.0.0.1", "localhost")},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": own},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
    ):
        assert status("/api/v1/forecast", foreign, json=SMALL) == 403, foreign
        assert status("/issue", foreign, data={"query": ""}) == 403, foreign
    assert status("/issue", {}, data={"query": ""}) == 403  # a form, from who does not say where
    assert status("/api/v1/forecast", {"Origin": own, "Sec-Fetch-Site": "same-origin"}, json=SMALL) == 200
    assert status("/api/v1/forecast", {}, content=json.dumps(SMALL)) == 415  # a form could send text
    preflight = stranger.options("/api/v1/forecast", headers={"Origin": "http://evil.example", **bearer(PLAN)})
    assert "access-control-allow-origin" not in preflight.headers


def test_every_answer_carries_the_headers_that_keep_a_browser_strict(stranger: httpx.Client) -> None:
    for path in ("/healthz", "/nothing", "/api/v1/docs", "/"):
        headers = stranger.get(path, headers=bearer(PLAN)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        # Of the page a browser must tell where a form comes from, to the page itself.
        assert headers["referrer-policy"] == ("same-origin" if path == "/" else "no-referrer")
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in headers


def raw(server: Server, *parts: bytes, pause: float = 0.0) -> tuple[bytes, float]:
    """What the server says to these bytes until it closes the connection, and the seconds that this took."""
    host, port = server.url.removeprefix("http://").split(":")
    began = time.monotonic()
    said = b""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            while received := connection.recv(65_536):
                said += received
        except ConnectionError:  # it closed while we were still sending
            pass
    return said, time.monotonic() - began


HEAD = (
    f"POST /api/v1/forecast HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {PLAN}\r\n"
    "Content-Type: application/json\r\n"
).encode()


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(guarded: Server) -> None:
    said, _ = raw(guarded, HEAD + b"Content-Length: 1000001\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in said


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_large(guarded: Server) -> None:
    chunk = b"186a0\r\n" + b" " * 100_000 + b"\r\n"
    said, _ = raw(guarded, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *([chunk] * 11))  # never ends
    assert said.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("head", [b"Content-Length: 8000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n7A1200\r\n"])
def test_a_client_that_sends_all_of_it_first_still_learns_why(guarded: Server, head: bytes) -> None:
    said, seconds = raw(guarded, HEAD + head, b" " * 8_000_000)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert said.endswith(b"}")
    assert seconds < 10


def test_a_client_that_never_ends_is_not_listened_to_for_long(guarded: Server) -> None:
    chunk = b"186a0\r\n" + b" " * 100_000 + b"\r\n"
    _, seconds = raw(guarded, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *([chunk] * 400), pause=0.05)
    assert seconds < 15  # and not the 20 that it would take to send


def test_a_body_of_the_largest_size_is_read(guarded: Server) -> None:
    body = b"{" + b" " * 999_998 + b"}"
    said, _ = raw(guarded, HEAD + b"Connection: close\r\nContent-Length: 1000000\r\n\r\n" + body)
    assert said.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_sends_its_body_too_slowly_is_cut_off(guarded: Server) -> None:
    said, seconds = raw(guarded, HEAD + b"Content-Length: 100\r\n\r\n", b" ", b" ", pause=0.2)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert seconds < 10


def test_a_client_that_does_not_end_its_headers_is_cut_off(guarded: Server) -> None:
    said, seconds = raw(guarded, *([b"GET / HTTP/1.1\r\n", *([b"A: b\r\n"] * 13)]), pause=1.0)
    assert said == b""
    assert seconds < 25


def test_slow_clients_do_not_keep_others_waiting(guarded: Server, stranger: httpx.Client) -> None:
    host, port = guarded.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(100)]
    try:
        for each in idle:
            each.sendall(HEAD)
        assert stranger.post("/api/v1/forecast", json=SMALL, headers=bearer(PLAN)).status_code == 200
    finally:
        for each in idle:
            each.close()


def test_no_request_is_http_that_is_not(guarded: Server) -> None:
    for sent in (b"\x16\x03\x01 hello\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
        said, _ = raw(guarded, sent)
        assert said.startswith(b"HTTP/1.1 400 ")


def test_an_upgrade_to_another_protocol_is_not_made(guarded: Server) -> None:
    said, _ = raw(
        guarded,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
    )
    assert said.startswith(b"HTTP/1.1 200 ")


def test_a_server_that_cannot_listen_says_so_in_one_line(server: Server, serve: Serve) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(AssertionError, match="choose another --port"):
        serve(port=port)
