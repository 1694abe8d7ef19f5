"""What has changed since an issued plan: its request answered again, with one thing changed at a time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from pydantic import ValidationError

from features.errors import InputError
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.report.document import PlanDocument
from forecasting.report.since_document import CAUSES, Cause, Change, NewReport, SinceDocument

DEFENCE = {"defence", "layers", "without", "calibrate", "scenario", "held", "threats"}
ASKED = {"horizon", "service_level", "paths", "seed", "quiet_days", "model", "leak_target", "budget"}
SERIES = {"theatre", "weapon_class", "origin"}
"""Fields of a request by what is changed together; all others are stock, supply and deliveries."""


class IssuedPlan(Protocol):
    """What is asked of a plan of the archive (`forecasting.record.archive.IssuedForecast`)."""

    @property
    def id(self) -> str:
        """SHA-256 of the document."""

    @property
    def issued_at(self) -> datetime:
        """UTC."""

    @property
    def request(self) -> str:
        """Canonical JSON."""

    @property
    def document(self) -> bytes:
        """JSON of a PlanDocument."""


def changes_since(
    answerer: Answerer, context: AnswerContext, request: PlanRequest, now: PlanDocument, issued: IssuedPlan
) -> SinceDocument:
    """What has changed from an issued plan of the same series to that of `now`, which answers `request`.

    One after the other are changed, in the order of CAUSES: the program and the model that serves, the days that have
    passed, the reports of them and the corrections of others, stock and deliveries, defence and scenario, and the rest
    of what is asked. Random numbers are paired: seed, night and layer have their own. Raises InputError for a plan on
    a request of an older format.
    """
    then = PlanDocument.model_validate_json(issued.document)
    then_asked = _issued_request(issued, then)
    origin = now.forecast.origin
    stock = set(PlanRequest.model_fields) - DEFENCE - ASKED - SERIES
    steps: dict[Cause, tuple[PlanRequest, AnswerContext]] = {}
    asked, waiting = then_asked, replace(context, reported_until=then_asked.origin)
    steps["program"] = asked, context
    due = tuple(each for each in asked.deliveries if each.date > origin)
    asked = asked.model_copy(update={"origin": origin, "deliveries": due})
    steps["day_passed"] = asked, waiting
    asked = asked.model_copy(update={"origin": request.origin})
    steps["new_reports"] = asked, context
    for cause, fields in (("stock", stock), ("defence", DEFENCE), ("asked", ASKED)):
        asked = asked.model_copy(update={name: getattr(request, name) for name in fields})
        steps[cause] = asked, context  # type: ignore[index]  # a cause each
    made: list[PlanDocument] = []
    last: tuple[PlanRequest, AnswerContext] | None = None
    final = steps["asked"][0]
    for cause in CAUSES:
        one, beside = steps[cause]
        if one == final and beside is context:
            made.append(now)
        elif (one, beside) == last:
            made.append(made[-1])
        else:
            document = answerer.document(one, beside)
            assert isinstance(document, PlanDocument)
            made.append(document)
        last = one, beside
    return SinceDocument(
        id=issued.id,
        issued_at=issued.issued_at,
        origin=then.forecast.origin,
        new_reports=_new_reports(answerer, context, request, then),
        changes=_changes([then, *made]),
    )


def _issued_request(issued: IssuedPlan, then: PlanDocument) -> PlanRequest:
    """The request of an issued plan, with the origin that it had."""
    try:
        asked = PlanRequest.model_validate_json(issued.request)
    except ValidationError as error:
        raise InputError(
            "plan {id} was issued on a request of an older format, which cannot be answered again: expected a plan of "
            "this release",
            id=issued.id[:12],
        ) from error
    return asked.model_copy(update={"origin": then.forecast.origin})


def _new_reports(
    answerer: Answerer, context: AnswerContext, request: PlanRequest, then: PlanDocument
) -> list[NewReport]:
    history = answerer.history(request, context)
    return [
        NewReport(attack_day=day, launched=float(launched))
        for day, launched in zip(history.days.tolist(), history.launched, strict=True)
        if day > then.forecast.last_attack_day_known and not np.isnan(launched)
    ]


def _changes(documents: list[PlanDocument]) -> list[Change]:
    """documents: then, one after each cause, the last of which is now."""
    values = [_values(document) for document in documents]
    errors = [_errors(documents[0]), _errors(documents[-1])]
    changes = []
    for layer in dict.fromkeys(name for of in (values[-1], values[0]) for name in of):
        numbers = [of.get(layer, 0.0) for of in values]
        parts = {
            cause: after - before
            for cause, before, after in zip(CAUSES, numbers, numbers[1:], strict=False)
            if after != before
        }
        known = [of[layer] for of in errors if of.get(layer) is not None]
        noise = 2.0 * float(np.hypot(*known)) if len(known) == 2 else None
        if parts:
            changes.append(Change(layer=layer, before=numbers[0], after=numbers[-1], parts=parts, noise=noise))
    return changes


def _values(document: PlanDocument) -> Mapping[str | None, float]:
    """The drones of the horizon, and every order."""
    ordered = {each.layer: float(each.order.quantity) for each in document.layers if each.order}
    return {None: float(document.forecast.windows[-1].total_drones.median)} | ordered


def _errors(document: PlanDocument) -> Mapping[str | None, Any]:
    ordered = {each.layer: each.order.quantity_error for each in document.layers if each.order}
    return {None: document.forecast.windows[-1].total_drones.median_error} | ordered
