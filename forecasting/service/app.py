"""The application: API, page and what surrounds them."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import NotPermittedError, SalvocastError
from forecasting.service import warming
from forecasting.service.api import docs
from forecasting.service.api import routes as api
from forecasting.service.api.definition import definition_of
from forecasting.service.http.problems import Refusal, problem, refusal_of
from forecasting.service.http.security import SECURITY_HEADERS, RequestGuard
from forecasting.service.page.routes import page_router
from forecasting.service.workers.dispatcher import Dispatcher
from forecasting.service.workers.metrics import REQUESTS, SECONDS
from forecasting.service.workers.pool import Overloaded
from forecasting.service.workers.settings import Settings

log = structlog.get_logger()
ABOUT = """What to expect of Shahed-type drone salvos, and the interceptors that a defence needs against them.

Every answer is a document with an id, the SHA-256 of its JSON: same request, same data, same id. It holds counts,
rates, stocks and costs, and nothing on routes, targets, sites or tactics."""


def create_app(settings: Settings) -> ASGIApp:
    """The application for a server; every worker makes its own."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.dispatcher = Dispatcher(settings, warming.learn, warming.LOADS)
        await app.state.dispatcher.open()
        yield
        await app.state.dispatcher.close()

    app = FastAPI(
        title="Salvocast",
        version=version("salvocast"),
        description=ABOUT,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (api.router, api.operation, docs.router, page_router()):
        app.include_router(router)
    for kind in (Exception, HTTPException, RequestValidationError, ValidationError, SalvocastError, Refusal):
        app.add_exception_handler(kind, _problem)
    app.openapi = lambda: definition_of(app)  # type: ignore[method-assign]
    return RequestLog(RequestGuard(app, settings))


async def _problem(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and isinstance(error.__cause__, Refusal):
        error = error.__cause__  # raised while FastAPI read the body: it was too large, or too slow
    if isinstance(error, HTTPException):
        allowed = (error.headers or {}).get("Allow", "")
        details = {
            404: f"there is nothing at {request.url.path[:200]}",
            405: f"{request.method[:20]} is not possible here: expected {allowed}",
        }
        if error.status_code == 400:  # FastAPI's, of what no JSON reader takes, such as bytes that are no text
            return problem(Refusal(422, "the body cannot be read: expected JSON"), request.scope["state"]["request_id"])
        refusal = Refusal(error.status_code, details.get(error.status_code, str(error.detail)), error.headers)
    else:
        refusal = refusal_of(error, _body_fields(request))
        if refusal.status >= 500 and not isinstance(error, Overloaded | Refusal):
            log.error("failed", request=request.scope["state"]["request_id"], exc_info=error)
        if isinstance(error, NotPermittedError):  # no fault of the code: a line says it all
            log.warning("not permitted", request=request.scope["state"]["request_id"], problem=str(error))
    return problem(refusal, request.scope["state"]["request_id"])


def _body_fields(request: Request) -> list[str]:
    """The fields that the body of a request may have."""
    body = getattr(request.scope.get("route"), "body_field", None)
    model = body.field_info.annotation if body else None
    return list(getattr(model, "model_fields", ()))


class RequestLog:
    """Gives every request an id, every response its security headers, and tells log and metrics what became of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD") else "other"
        if scope["method"] == "HEAD":  # the server sends no body, whatever the application answers
            scope = {**scope, "method": "GET"}
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = uuid.uuid4().hex
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                given = {name.lower() for name, _ in message["headers"]}
                own = {"X-Request-Id": request_id} | SECURITY_HEADERS
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.lower().encode(), value.encode())
                        for name, value in own.items()
                        if name.lower().encode() not in given
                    ),
                ]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if not isinstance(error, asyncio.CancelledError) and status != 500:
                log.exception("failed while answering", request=request_id)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "other")
            REQUESTS.labels(method, route, str(status)).inc()
            SECONDS.labels(route).observe(seconds)
            tell = log.debug if route.endswith(("healthz", "readyz", "metrics")) else log.info
            tell(
                "answered",
                request=request_id,
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                digest=state.get("digest"),
            )
