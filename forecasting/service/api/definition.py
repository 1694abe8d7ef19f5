"""The OpenAPI definition, with what FastAPI cannot know: problems, documents, and bodies that are read by hand."""

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from forecasting.answers.request import ForecastRequest, PlanRequest
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.service.api.bodies import ReportsRequest
from forecasting.service.http.exchange import ID_HEADER
from forecasting.service.http.media import CSV, FORMS, HUB, JSON, XLSX
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


_FIRST_LINES = {
    CSV: "table,item,measure,value,basis\ndays,2026-03-01,drones_median,125.0,record\n",
    XLSX: "(a workbook with a sheet per table)",
    HUB: (
        "reference_date,target,horizon,target_end_date,output_type,output_type_id,value\n"
        "2026-02-28,drones,1,2026-03-01,quantile,0.5,125.0\n"
    ),
}


def document_responses(*kinds: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    schemas = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in kinds]
    return {
        200: {
            "description": "The document: the same bytes as `salvocast --format json` for the same request.",
            "content": {
                form.accepted[0]: {"schema": {"type": "string"}, "example": _FIRST_LINES[form]}
                for form in FORMS.values()
                if form is not JSON
            }
            | {JSON.accepted[0]: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}},
            "headers": {
                ID_HEADER: {"description": "SHA-256 of the JSON document", "schema": {"type": "string"}},
                "Content-Location": {"description": "where it is kept, if issued", "schema": {"type": "string"}},
            },
        }
    }


def body(kind: type[BaseModel], examples: Mapping[str, object]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{kind.__name__}"},
                    "examples": {name: {"value": value} for name, value in examples.items()},
                }
            },
        }
    }


UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "What the client holds is current (If-None-Match)"}}


def definition_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI definition, with the schemas of bodies that are read by hand (see `exchange.asked`)."""
    if not app.openapi_schema:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = made["components"]["schemas"]
        bodies: tuple[tuple[type[BaseModel], str], ...] = (
            (ForecastRequest, "validation"),
            (PlanRequest, "validation"),
            (ReportsRequest, "validation"),
            (ForecastDocument, "serialization"),
            (PlanDocument, "serialization"),
            (Problem, "serialization"),
        )
        for kind, mode in bodies:
            schema = kind.model_json_schema(ref_template="#/components/schemas/{model}", mode=mode)  # type: ignore[arg-type]
            schemas |= schema.pop("$defs", {})
            schemas[kind.__name__] = schema
        examples = json.loads(
            resources.files("forecasting.service.page").joinpath("static", "api_examples.json").read_text()
        )
        for path, example in examples.items():
            for operation in made["paths"][f"/api/v1{path}"].values():
                operation["responses"]["200"]["content"]["application/json"]["example"] = example
        app.openapi_schema = made
    return app.openapi_schema
