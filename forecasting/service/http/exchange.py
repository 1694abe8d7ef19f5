"""One request and its response: what the routes have in common."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from forecasting.service.http.problems import Refusal
from forecasting.service.workers.dispatcher import Dispatcher

Result = TypeVar("Result")
ID_HEADER = "Salvocast-Id"
MOST_FIELDS, MOST_ENTRIES, MOST_VALUES = 1_000, 10_000, 100_000
"""Of a JSON body; the models of the requests bound their own fields more closely."""


def dispatcher_of(request: Request) -> Dispatcher:
    """The dispatcher of the application."""
    dispatcher: Dispatcher = request.app.state.dispatcher
    return dispatcher


async def until_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives; it is stopped when the client has gone."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Refusal(408, "the client has gone")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class JsonRoute(APIRoute):
    """A route whose JSON is parsed outside the event loop, which answers others meanwhile, and within bounds: what is
    wrong with a body of a hundred thousand wrong values takes seconds to find."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return handled


class _JsonRequest(Request):
    async def json(self) -> Any:
        return await asyncio.to_thread(bounded_json, await self.body())


def bounded_json(body: bytes) -> Any:
    """What the JSON says. Raises ValueError for what is none, and Refusal where it says more than any request may."""
    said: Any = json.loads(body)
    left, n_values = [said], 0
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            n_values += len(value)
            most = MOST_FIELDS if isinstance(value, dict) else MOST_ENTRIES
            if len(value) > most or n_values > MOST_VALUES:
                raise Refusal(
                    422,
                    f"the body has more than a request can say: expected at most {MOST_FIELDS:,} fields of an object, "
                    f"{MOST_ENTRIES:,} entries of a list and {MOST_VALUES:,} values in all",
                )
            left.extend(value.values() if isinstance(value, dict) else value)
    return said


def check_json(request: Request) -> None:
    """Refuses a body that does not say that it is JSON: a form of another site cannot say so."""
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, f"Content-Type is '{given[:100]}': expected application/json")


def tagged_json(request: Request, kind: TypeAdapter[Any], body: object) -> Response:
    return with_entity_tag(request, kind.dump_json(body))


def with_entity_tag(request: Request, content: bytes) -> Response:
    """JSON with an entity tag; 304 where the client has it already."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_current(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def is_current(request: Request, tag: str) -> bool:
    held = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    return tag in held or "*" in held
