"""What an own defence does beside the bundled one of its theatre, for a page that asks for it."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from forecasting.answers.context import AnswerContext
from forecasting.answers.defences import BUNDLED_DEFENCES, bundled_defence, stated_defence
from forecasting.answers.request import PlanRequest, Text
from forecasting.report.language import Translator
from forecasting.service.workers import work
from forecasting.service.workers.dispatcher import Dispatcher

if TYPE_CHECKING:  # what computes is loaded where it does
    from forecasting.answers.answering import Answerer
    from forecasting.defence.comparison import Difference

COMPARED = ("theatre", "weapon_class", "origin", "horizon", "model", "scenario", "held", "paths", "seed", "calibrate")
"""What both defences are asked with; each has the stocks that it states itself."""


async def differences_of(dispatcher: Dispatcher, request: PlanRequest, context: AnswerContext) -> bytes | None:
    """JSON of what the own defence of a request does more or less than the bundled one; None where it has none."""
    if not isinstance(request.defence, Text) or request.theatre not in BUNDLED_DEFENCES:
        return None
    seconds = 2 * await asyncio.to_thread(dispatcher.pace.seconds, request)
    key = ("defences", request.digest, context)
    return await dispatcher.computed(key, seconds, work.with_answering, differences_json, context, request)


def differences_json(answering: "Answerer", context: AnswerContext, request: PlanRequest) -> bytes:
    """The JSON of the differences."""
    asked = PlanRequest(**{name: getattr(request, name) for name in COMPARED})
    return _form().dump_json(answering.defences_compared(asked, stated_defence(request.defence), context))


def defence_rows(found: bytes | None, request: PlanRequest, t: Translator) -> Sequence[Mapping[str, Any]]:
    """A row per difference, as it is read."""
    if found is None:
        return []
    layers = (*bundled_defence(request.theatre).layers, *stated_defence(request.defence).layers)
    names = {layer.id: layer.name for layer in layers}
    return [
        {
            "name": t(each.what) + (f", {t.stated(names[each.layer])}" if each.layer else ""),
            "numbers": [t.number(number, 0 if abs(number) >= 100 else 1) for number in (each.before, each.after)],
            "change": t.number(each.change, 0 if abs(each.change) >= 100 else 1),
            "error": t.number(2 * each.standard_error, 0 if each.standard_error >= 50 else 1),
            "noise": each.noise,
        }
        for each in _form().validate_json(found)
    ]


@cache
def _form() -> "TypeAdapter[tuple[Difference, ...]]":
    from forecasting.defence.comparison import Difference

    return TypeAdapter(tuple[Difference, ...])
