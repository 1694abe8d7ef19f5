"""One request and its response: what the routes have in common."""

import asyncio
import hashlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from pydantic import TypeAdapter

from forecasting.service.http.problems import Refusal
from forecasting.service.workers.dispatcher import Dispatcher

Result = TypeVar("Result")
ID_HEADER = "Salvocast-Id"


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
