"""Documents as they were issued, read again: those of this format, and those of the first, whose messages were English.

What was said in finished English is kept as it was said; nothing takes such a sentence apart.
"""

import json
from collections.abc import Iterator
from typing import Any

from features.errors import InputError
from features.messages import Message
from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.published import Published
from forecasting.report.sensitivity_document import SensitivityDocument
from forecasting.report.verdicts_document import VerdictsDocument

_RULES = {
    "two per drone": "two_per_drone",
    "1,000 a day": "thousand_a_day",
    "last month plus 20 %": "last_month_plus_fifth",
}
"""Name of a rule of thumb in the first format -> its code."""

_NOT_TOLD_THEN: dict[str, Any] = {
    "leakers_by_kind": {},
    "leaked_warhead_kg": None,
    "leaked_warhead_kg_without_shortage": None,
}
"""What the outcome of the first format may lack."""


def read_document(content: bytes) -> Published:
    """A published document. Raises InputError for a format that this release does not know."""
    told = json.loads(content)
    match told.get("format"):
        case "salvocast/plan/2":
            return PlanDocument.model_validate_json(content)
        case "salvocast/forecast/2":
            return ForecastDocument.model_validate_json(content)
        case "salvocast/comparison/1":
            return ComparisonDocument.model_validate_json(content)
        case "salvocast/sensitivity/1":
            return SensitivityDocument.model_validate_json(content)
        case "salvocast/verdicts/1":
            return VerdictsDocument.model_validate_json(content)
        case "salvocast/plan/1":
            return PlanDocument.model_validate_json(json.dumps(_plan(told)))
        case "salvocast/forecast/1":
            return ForecastDocument.model_validate_json(json.dumps(_forecast(told)))
    raise InputError(f"the document has the format {told.get('format')!r}: expected salvocast/plan/2 or an earlier one")


def _plan(told: dict[str, Any]) -> dict[str, Any]:
    """A plan of the first format in that of today."""
    new = told | {"format": "salvocast/plan/2", "forecast": _forecast(told["forecast"])}
    new["outcome"] = _NOT_TOLD_THEN | told["outcome"]
    new["notes"] = [*_as_issued(*told["notes"])]
    if rules := told["rules_of_thumb"]:
        named = [rule | {"rule": {"code": _RULES[rule["rule"]]}} for rule in rules["rules"]]
        new["rules_of_thumb"] = rules | {"rules": named}
    if required := told["requirement"]:
        obstacle = next(_as_issued(required["obstacle"])) if required["obstacle"] else None
        new["requirement"] = required | {"obstacle": obstacle, "worth": [*_as_issued(*required["worth"])]}
    if found := told["calibration"]:
        new["calibration"] = found | {"shares": [*map(_share, found["shares"])]}
    return new


def _forecast(told: dict[str, Any]) -> dict[str, Any]:
    massed, supply = told["massed_strikes"], told["supply"]
    return told | {
        "format": "salvocast/forecast/2",
        "massed_strikes": massed | {"rule": next(_as_issued(massed["rule"]))},
        "supply": supply and supply | {"verdict": next(_as_issued(supply["verdict"]))},
    }


def _share(told: dict[str, Any]) -> dict[str, Any]:
    """A compared share: what it counts named a layer beside the kinds of losses."""
    of_layer = told["n_nights"] == 0
    return told | {
        "period": next(_as_issued(told["period"])),
        "counts": "kills" if of_layer else told["counts"],
        "layer": told["counts"] if of_layer else None,
    }


def _as_issued(*sentences: str) -> Iterator[dict[str, Any]]:
    """Messages that say what was said then."""
    return (Message.of("as_issued", text=sentence).model_dump() for sentence in sentences)
