"""Documents as they are shown: simulated figures without the digits that are smaller than their standard errors.

Whoever shows a document to a person (text, sentence, page, workbook, descriptions of pictures) rounds it here first.
JSON and CSV keep all digits, and the JSON has the errors beside them.
"""

import math
from typing import Any, TypeVar

from pydantic import BaseModel

from forecasting.report.layer_document import LayerDocument
from forecasting.report.order_document import OrderDocument
from forecasting.salvos.spread import Spread, known_step

Shown = TypeVar("Shown")


def rounded(value: Shown) -> Shown:
    """The document, or a part of one, with every simulated quantity to its standard error; the same object where there
    is none in it. Orders, and what is needed at a service level, are rounded up: less would not keep the level."""
    found: Any = _rounded(value)
    return found  # type: ignore[no-any-return]  # of the type that was given


def _rounded(value: Any) -> Any:
    if isinstance(value, Spread):
        return value.rounded()
    if isinstance(value, list):
        found = [_rounded(each) for each in value]
        return found if any(new is not old for new, old in zip(found, value, strict=True)) else value
    if isinstance(value, dict):
        return dict(zip(value, _rounded([*value.values()]), strict=True))
    if not isinstance(value, BaseModel):
        return value
    changed = {name: new for name, old in value if (new := _rounded(old)) is not old}
    if isinstance(value, OrderDocument):
        changed["quantity"] = _rounded_up(value.quantity, value.quantity_error)
    if isinstance(value, LayerDocument) and (needed := value.interceptors_needed_at_service_level) is not None:
        error = value.interceptors_needed_at_service_level_error
        changed["interceptors_needed_at_service_level"] = _rounded_up(needed, error)
    return value.model_copy(update=changed) if changed else value


def _rounded_up(quantity: int, error: float | None) -> int:
    step = known_step(quantity, error)
    return int(math.ceil(quantity / step) * step) if step else quantity
