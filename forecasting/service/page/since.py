"""What has changed since the last plan, for a page that asks for it: it takes as long as several plans."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.errors import InputError
from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.record.archive import Archive, Issued
from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator
from forecasting.report.since_document import SinceDocument
from forecasting.report.since_text import change_line, new_reports_line
from forecasting.report.words import Words
from forecasting.service.workers.dispatcher import Answer, Dispatcher
from forecasting.service.workers.since import changes_json


@dataclass(frozen=True)
class Since:
    """The last plan of the series that was issued, None without one; what has changed since the one asked for, as JSON
    of a SinceDocument, or why that cannot be told, where it was asked for."""

    last: Issued | None
    changes: bytes | None = None
    problem: InputError | None = None


async def since_of(
    dispatcher: Dispatcher, request: PlanRequest, context: AnswerContext, answer: Answer, asked: str
) -> Since | None:
    """What a page of that answer says of the plans before it; None where none was issued or asked for. asked: as of
    `--since`."""
    last = await asyncio.to_thread(_last_plan, dispatcher.archive, request)
    if not asked:
        return Since(last) if last else None
    try:
        changes = await changes_json(dispatcher, request, context, answer, asked)
    except InputError as error:  # the plan stays, and is shown
        return Since(last, problem=error)
    return Since(last, changes)


def _last_plan(archive: Archive, request: PlanRequest) -> Issued | None:
    issued = archive.list(theatre=request.theatre, weapon_class=request.weapon_class)
    return next((each for each in reversed(issued) if each.kind == "plan"), None)


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
