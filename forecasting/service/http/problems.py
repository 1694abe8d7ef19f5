"""Failures as problem details (RFC 9457): one line that says what was given, what was expected and what to do."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from features.errors import InputError, SalvocastError, one_line, unknown_name
from forecasting.answers.request import NAME_PATTERN, Text
from forecasting.salvos.model import ModelError
from forecasting.service.workers.pool import Overloaded, TookTooLong

MEDIA_TYPE = "application/problem+json"

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
    field: str | None = Field(description="of the request, that is wrong; null where it is not one alone")


class Refused(Exception):  # noqa: N818 -- not a failure of the server
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


def refused(error: Exception) -> Refused:
    """The refusal that tells a failure of ours to the client; what is not ours is told without its words."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, Overloaded):
        return Refused(503, error, {"Retry-After": str(error.retry_after)})
    if isinstance(error, InputError | ModelError | TookTooLong):
        return Refused(422, error)
    if isinstance(error, ValidationError | RequestValidationError):
        return Refused(422, first_error(error), field=first_field(error))
    if isinstance(error, SalvocastError):  # its words name places of this machine
        return Refused(503, "a store of the server failed; its log says why under this instance", {"Retry-After": "5"})
    return Refused(500, "the server failed; its log says why under this instance")


def first_field(error: ValidationError | RequestValidationError) -> str:
    """The field of the first error of a request, with dots between its parts."""
    return _field(error, _meant(list(error.errors()))[0])


def _field(error: ValidationError | RequestValidationError, found: Any) -> str:
    place = found["loc"][1:] if isinstance(error, RequestValidationError) else found["loc"]  # after "path" or "query"
    # A union is told by each of its members; the name of a member is no part of the request.
    return ".".join(str(part) for part in place if not str(part).startswith(_MEMBERS))


def first_error(error: ValidationError | RequestValidationError, known: Iterable[str] = ()) -> str:
    """The first error of a request in one line, with its field. known: the fields that a body may have."""
    errors = _meant(list(error.errors()))
    first = errors[0]
    place = first["loc"][1:] if isinstance(error, RequestValidationError) else first["loc"]  # after "path" or "query"
    if first["type"] == "extra_forbidden" and len(place) == 1 and known:
        return str(one_line(str(unknown_name("field", str(place[0])[:80], known))))
    where = _field(error, first)
    said = _EXPECTED.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    said = re.sub(r"^\w+ should (be|have) ", "expected ", said)
    said = said.replace("String should match pattern", "expected the pattern")
    said = said.replace(f"the pattern '{NAME_PATTERN}'", "at most 40 letters a to z, digits or _")
    given = first["input"]
    shown = "" if isinstance(given, dict | list | bytes) or first["type"] == "missing" else f" (given {_short(given)})"
    more = f"; and {len(errors) - 1} more" if len(errors) > 1 else ""
    return str(one_line(f"{where + ': ' if where else ''}{said}{shown}{more}"))


_MEMBERS = ("function-", "constrained-", Text.__name__)
_EXPECTED = {
    "extra_forbidden": "there is no such field",
    "missing": "this field is missing",
}
_OF_ANOTHER_KIND = ("string_type", "model_type", "model_attributes_type")


def _meant(errors: list[Any]) -> list[Any]:
    """The errors without those of the members of a union that are of another kind than what was given, such as a name
    where a text stands."""
    return [
        each
        for each in errors
        if each["type"] not in _OF_ANOTHER_KIND
        or not any(other["loc"][:1] == each["loc"][:1] and other["type"] not in _OF_ANOTHER_KIND for other in errors)
    ]


def _short(given: Any) -> str:
    text = json.dumps(given, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:76]}...{text[-1]}"


def problem(refusal: Refused, request_id: str) -> Response:
    """The response that tells it."""
    title = _TITLES.get(refusal.status, "Failure")
    told = Problem(
        type=f"urn:salvocast:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=refusal.status,
        detail=refusal.detail,
        instance=f"urn:salvocast:request:{request_id}",
        field=refusal.error.field or None,
    )
    return Response(told.model_dump_json(), refusal.status, refusal.headers, MEDIA_TYPE)
