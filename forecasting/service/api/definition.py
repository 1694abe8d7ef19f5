"""The OpenAPI definition, with what FastAPI cannot know: problems, and the other forms of a document."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from forecasting.report.forms import FORMS, JSON, SVG
from forecasting.service.api.bodies import JobBody
from forecasting.service.http.exchange import ID_HEADER
from forecasting.service.http.problems import MEDIA_TYPE, Problem

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": told,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {
                    "type": f"urn:salvocast:problem:{name}",
                    "title": name.replace("-", " ").title(),
                    "status": status,
                    "detail": detail,
                    "instance": "urn:salvocast:request:5f0c1c2e6d0b4b0c9d5e7a3f21c8d4b6",
                },
            }
        },
    }
    for status, name, told, detail in (
        (400, "bad-request", "Not HTTP as it should be", "the request cannot be read"),
        (401, "unauthorized", "No token, or a wrong one", "expected a token: as Bearer, or as the password of Basic"),
        (403, "forbidden", "Not allowed", "the token of night_shift has no scope 'report': use one that has"),
        (404, "not-found", "Not there", "no scenario has that name"),
        (405, "method-not-allowed", "Another method is meant", "DELETE is not possible here: expected POST"),
        (406, "not-acceptable", "No form that is accepted", "Accept is 'image/png': expected one of application/json"),
        (408, "request-timeout", "The body came too slowly", "the body did not come within 10 s"),
        (413, "content-too-large", "The body is too large", "expected a body of at most 1,000,000 bytes"),
        (415, "unsupported-media-type", "Not JSON", "Content-Type is 'text/plain': expected application/json"),
        (421, "misdirected-request", "Another host is meant", "Host is 'example.org': expected a name of this server"),
        (
            422,
            "unprocessable-content",
            "Cannot be answered",
            "horizon: expected less than or equal to 730 (given 9999)",
        ),
        (503, "service-unavailable", "Not now", "16 requests are waiting already: try again in 4 s"),
    )
}
EVERYWHERE = (400, 401, 403, 405, 421, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route documents, beside those that any route may answer with."""
    return {status: PROBLEMS[status] for status in sorted({*statuses, *EVERYWHERE})}


DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The document: the same bytes as `salvocast --format json` for the same request.",
        "content": {
            form.accepted[0]: {"schema": {"type": "string"}, "example": form.example}
            for form in FORMS.values()
            if form.accepted and form is not JSON
        },
        "headers": {
            ID_HEADER: {"description": "SHA-256 of the JSON document", "schema": {"type": "string"}},
            "Content-Location": {"description": "where it is kept, if issued", "schema": {"type": "string"}},
        },
    }
}
"""What routes that answer with a document say of it, beside its schema."""
DRAWN: dict[int | str, dict[str, Any]] = {
    200: DOCUMENT[200]
    | {
        "content": {
            **DOCUMENT[200]["content"],
            SVG.accepted[0]: {"schema": {"type": "string"}, "example": SVG.example},
        }
    }
}
"""What the route of a document with a picture says."""


LATER: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "It takes longer than a request may: a job computes it, and its link turns into the document.",
        "model": JobBody,
        "content": {
            "application/json": {
                "example": {
                    "id": "5f0c1c2e6d0b4b0c9d5e7a3f21c8d4b6",
                    "kind": "plan",
                    "state": "open",
                    "share": 0.4,
                    "seconds": 18.0,
                    "expected_seconds": 45.0,
                    "link": "/api/v1/jobs/5f0c1c2e6d0b4b0c9d5e7a3f21c8d4b6",
                }
            }
        },
        "headers": {
            "Location": {"description": "of the job", "schema": {"type": "string"}},
            "Retry-After": {"description": "seconds after which to look", "schema": {"type": "integer"}},
        },
    }
}
"""What routes say that may answer with a job."""

UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "What the client holds is current (If-None-Match)"}}


def definition_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI definition, with the schema of problems, which no route names as its model."""
    if not app.openapi_schema:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        made["components"]["schemas"][Problem.__name__] = Problem.model_json_schema()
        app.openapi_schema = made
    return app.openapi_schema
