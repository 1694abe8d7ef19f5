"""The published JSON Schemas of the documents: files beside this one, so that a reader needs no Python."""

import json
from importlib import resources

from pydantic import BaseModel

from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.sensitivity_document import SensitivityDocument
from forecasting.report.verdicts_document import VerdictsDocument

SCHEMAS: dict[str, type[BaseModel]] = {
    "forecast": ForecastDocument,
    "plan": PlanDocument,
    "comparison": ComparisonDocument,
    "sensitivity": SensitivityDocument,
    "verdicts": VerdictsDocument,
}


def published_schema(document: str) -> str:
    """The schema file of that document, as published."""
    return resources.files("forecasting.report").joinpath(f"{document}.schema.json").read_text(encoding="utf-8")


def current_schema(document: str) -> str:
    """The schema that the classes have now; `make schemas` writes it to the file."""
    schema = SCHEMAS[document].model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
