"""What has changed since the last plan, for a page that asks for it: it takes as long as several plans."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.errors import InputError
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.answers.since import changes_since
from forecasting.record.archive import Archive, Issued, IssuedForecast
from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator
from forecasting.report.since_document import CAUSES, SinceDocument
from forecasting.report.since_text import change_line, new_reports_line
from forecasting.report.words import Words
from forecasting.service.workers import work
from forecasting.service.workers.dispatcher import Answer, Dispatcher


@dataclass(frozen=True)
class Since:
    """The last plan of the series that was issued; what has changed since the one asked for, as JSON of a
    SinceDocument, or why that cannot be told, where it was asked for."""

    last: Issued
    changes: bytes | None = None
    problem: InputError | None = None


async def since_of(
    dispatcher: Dispatcher, request: PlanRequest, context: AnswerContext, answer: Answer, asked: str
) -> Since | None:
    """What a page of that answer says of the plans before it; None where none was issued. asked: as of `--since`."""
    last = await asyncio.to_thread(_last_plan, dispatcher.archive, request)
    if last is None or not asked:
        return Since(last) if last else None
    try:
        issued = await asyncio.to_thread(dispatcher.archive.plan_of, asked, request.theatre, request.weapon_class)
        seconds = len(CAUSES) * await asyncio.to_thread(dispatcher.pace.seconds, request)
        key = ("since", issued.id, answer.id, request.digest, context)
        changes = await dispatcher.computed(
            key, seconds, work.with_answering, since_json, context, request, answer.document, issued
        )
    except InputError as error:  # the plan stays, and is shown
        return Since(last, problem=error)
    return Since(last, changes)


def _last_plan(archive: Archive, request: PlanRequest) -> Issued | None:
    issued = archive.list(theatre=request.theatre, weapon_class=request.weapon_class)
    return next((each for each in reversed(issued) if each.kind == "plan"), None)


def since_json(
    answering: Answerer, context: AnswerContext, request: PlanRequest, document: bytes, issued: IssuedForecast
) -> bytes:
    """The JSON of what has changed from an issued plan to the one of a document."""
    now = PlanDocument.model_validate_json(document)
    return changes_since(answering, context, request, now, issued).model_dump_json().encode()


def since_context(since: Since | None, plan: PlanDocument, t: Translator) -> Mapping[str, Any]:
    """What the panel shows: a link to ask with, or the changes in words, or why there are none."""
    shown: dict[str, Any] = {"last_issued": since and since.last, "changes": None, "changed": [], "since_problem": ""}
    if since and since.problem:
        shown["since_problem"] = t.error(since.problem)
    if since and since.changes:
        found, words = SinceDocument.model_validate_json(since.changes), Words(t, plan)
        lines = [new_reports_line(found, t), *(change_line(each, plan, words) for each in found.changes)]
        shown |= {"changes": found, "changed": lines}
    return shown
