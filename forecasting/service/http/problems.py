"""Failures as problem details (RFC 9457): one line that says what was given, what was expected and what to do."""

from collections.abc import Iterable, Mapping

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from features.errors import InputError, NotPermittedError, SalvocastError
from forecasting.answers.validation import error_line, error_place
from forecasting.salvos.model import ModelError
from forecasting.service.workers.pool import Overloaded, TookTooLong

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 100
"""That are looked at, of one request."""

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""Not Python's own, which call some of them otherwise from one release to the next."""


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="a name for the kind of problem: it stays the same")
    title: str
    status: int
    detail: str = Field(description="what was given, what was expected and what to do")
    instance: str = Field(description="of this one request, as in the log")
    field: str | None = Field(default=None, description="of the request, that is wrong; null where it is not one alone")


class Refusal(Exception):  # noqa: N818 -- not a failure of the server
    """A request that is answered with a problem.

    headers: to add to the response. error: ours, which knows its field and can be told in another language.
    """

    def __init__(
        self,
        status: int,
        detail: str | SalvocastError,
        headers: Mapping[str, str] | None = None,
        field: str = "",
    ) -> None:
        super().__init__(str(detail))
        self.status, self.headers = status, dict(headers or {})
        self.error = detail if isinstance(detail, SalvocastError) else InputError(detail, field=field)

    @property
    def detail(self) -> str:
        """The line that tells it, in English."""
        return " ".join(str(self.error).split())


def refusal_of(error: Exception, fields: Iterable[str] = ()) -> Refusal:
    """The refusal that tells a failure of ours to the client; what is not ours is told without its words. fields: that
    the body of the request may have."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Overloaded):
        return Refusal(503, error, {"Retry-After": str(error.retry_after)})
    if isinstance(error, InputError | ModelError | TookTooLong):
        return Refusal(422, error)
    if isinstance(error, ValidationError | RequestValidationError):
        errors = list(error.errors())[:MOST_ERRORS]
        if isinstance(error, RequestValidationError):  # whose places begin with "body", "path" or "query"
            errors = [each | {"loc": () if each["type"] == "json_invalid" else each["loc"][1:]} for each in errors]
        return Refusal(422, error_line(errors, fields), field=error_place(errors[0]))
    if isinstance(error, NotPermittedError):
        return Refusal(403, "the database does not let this server write that; its log says what is to be granted")
    if isinstance(error, SalvocastError):  # its words name places of this machine
        return Refusal(503, "a store of the server failed; its log says why under this instance", {"Retry-After": "5"})
    return Refusal(500, "the server failed; its log says why under this instance")


def problem(refusal: Refusal, request_id: str) -> Response:
    """The response that tells it."""
    title = _TITLES.get(refusal.status, "Failure")
    body = Problem(
        type=f"urn:salvocast:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=refusal.status,
        detail=refusal.detail,
        instance=f"urn:salvocast:request:{request_id}",
        field=refusal.error.field or None,
    )
    return Response(body.model_dump_json(), refusal.status, refusal.headers, MEDIA_TYPE)
