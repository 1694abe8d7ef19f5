"""What a server does with the text of a client while others wait: nothing of it in the event loop, and within bounds.

The application without a server or processes: whoever hands a request in is told that there is too much to do.
"""

import asyncio
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from features import toml_text
from forecasting.answers import defences
from forecasting.service.app import create_app
from forecasting.service.http import exchange
from forecasting.service.http.exchange import MOST_ENTRIES, MOST_FIELDS
from forecasting.service.page import exchange as page_exchange
from forecasting.service.page import link, routes, view
from forecasting.service.page.link import pack_text
from forecasting.service.workers.champions import Champions
from forecasting.service.workers.pool import Overloaded
from forecasting.service.workers.settings import Settings

OWN = 'name = "mine"\n'
LINKED = "/?" + urlencode({"days": "0", "own.defence": pack_text(OWN)})
FROM_HERE = {"Origin": "http://localhost"}


async def _too_much(*_: object, **__: object) -> Any:
    raise Overloaded("there is too much to do: try again in 5 s", 5.0)


def answers(*requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """What the application answers to (method, address, options of httpx)."""
    application = create_app(Settings())
    inner: Any = application
    while not hasattr(inner, "state"):
        inner = inner._app
    inner.state.dispatcher = SimpleNamespace(
        answer=_too_much,
        answer_or_job=_too_much,
        context=_too_much,
        settings=Settings(accept_reports=True),
        in_time=_too_much,
        champions=Champions(),
    )

    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.request(method, address, **options) for method, address, options in requests]

    return asyncio.run(asked())


def test_no_text_of_a_client_is_parsed_in_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def watched(owner: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(owner, name)

        def watching(*arguments: Any, **named: Any) -> Any:
            with pytest.raises(RuntimeError, match="no running event loop"):
                asyncio.get_running_loop()
            parsed.append(name)
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, watching)

    defences._own_defence.cache_clear()
    for owner, name in (
        (toml_text.tomllib, "loads"),
        (exchange, "bounded_json"),
        (link, "unpack_text"),
        (page_exchange, "parse_query"),
        (routes, "pack_text"),
        (view, "form_context"),
    ):
        watched(owner, name)
    found = answers(
        ("GET", LINKED, {}),
        ("GET", LINKED + "&shown=none", {}),
        ("GET", LINKED.replace("/?", "/plan.json?"), {}),
        ("GET", LINKED.replace("/?", "/picture/forecast.svg?"), {}),
        ("POST", "/own/defence", {"data": {"toml": OWN, "query": "days=0"}, "headers": FROM_HERE}),
        ("POST", "/issue", {"data": {"query": LINKED[2:]}, "headers": FROM_HERE}),
        ("POST", "/api/v1/plan", {"json": {"defence": {"toml": OWN}}}),
        ("POST", "/api/v1/reports", {"json": {"bulletin": "nothing"}}),
    )
    assert [each.status_code for each in found] == [422] * 6 + [503] * 2
    assert set(parsed) == {"loads", "bounded_json", "unpack_text", "parse_query", "pack_text", "form_context"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("plan", {f"a{number}": 1 for number in range(80_000)}),
        ("plan", {"stock": {f"a{number}": "x" for number in range(60_000)}}),
        ("plan", {"layers": [1] * 300_000}),
        ("plan", {"layers": [1] * MOST_ENTRIES, "without": [1] * MOST_ENTRIES}),
        ("plan", {"deliveries": [{f"a{number}": 1 for number in range(MOST_FIELDS)}] * 90}),
        ("reports", {"rows": [{"date": []}] * 5_000}),
    ],
    ids=["fields", "stock", "list", "lists", "nested", "rows"],
)
def test_a_body_of_many_errors_is_refused_by_the_first_of_them(path: str, body: dict[str, Any]) -> None:
    content = json.dumps(body)
    assert len(content) < 1_100_000
    began = time.perf_counter()
    (found,) = answers(
        ("POST", f"/api/v1/{path}", {"content": content[:1_000_000], "headers": {"Content-Type": "application/json"}})
    )
    assert found.status_code == 422
    assert len(found.json()["detail"]) < 300
    assert time.perf_counter() - began < 20


def embedding(site: str, mode: str, target: str) -> dict[str, str]:
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": target}


@pytest.mark.parametrize("address", ["/?days=14", "/picture/forecast.svg?days=14", "/plan.json", "/api/v1/models"])
def test_another_site_makes_no_browser_compute(address: str) -> None:
    refused = [
        embedding("cross-site", "no-cors", "image"),
        embedding("same-site", "no-cors", "image"),
        embedding("cross-site", "navigate", "iframe"),
        {"Sec-Fetch-Site": "cross-site"},
    ]
    let_in = [embedding("cross-site", "navigate", "document"), embedding("same-origin", "no-cors", "image"), {}]
    found = answers(*(("GET", address, {"headers": headers}) for headers in (*refused, *let_in)))
    assert [each.status_code for each in found[: len(refused)]] == [403] * len(refused)
    assert all(each.status_code in (200, 503) for each in found[len(refused) :])


def test_a_link_expands_to_no_more_than_a_text_may_be() -> None:
    """A million letters, which pack into a thousand."""
    bomb = link.urlsafe_b64encode(link.zlib.compress(b"a" * 10_000_000, 9)).decode()
    (found,) = answers(("GET", "/?" + urlencode({"own.scenario": bomb}), {}))
    assert found.status_code == 422
    assert "cut off or changed" in found.text
