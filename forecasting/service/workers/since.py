"""What has changed since an issued plan, for the doors of a server: it takes as long as several plans."""

import asyncio
from typing import TYPE_CHECKING

from forecasting.answers.context import AnswerContext
from forecasting.answers.request import PlanRequest
from forecasting.record.archive import Channel, IssuedForecast
from forecasting.report.document import PlanDocument, document_json
from forecasting.report.since_document import CAUSES
from forecasting.service.workers import work
from forecasting.service.workers.dispatcher import Answer, Dispatcher
from forecasting.service.workers.jobs import CHANGES, Job
from forecasting.service.workers.pool import Pool, TookTooLong

if TYPE_CHECKING:
    from forecasting.answers.answering import Answerer


async def changes_json(
    dispatcher: Dispatcher, request: PlanRequest, context: AnswerContext, answer: Answer, asked: str
) -> bytes:
    """JSON of a SinceDocument: from the plan that was asked for to that answer.

    asked: as of `salvocast plan --since`. Raises InputError for a plan that was not issued, is of another theatre, or
    of an older format; else as `Dispatcher.answer`.
    """
    issued = await asyncio.to_thread(dispatcher.archive.plan_of, asked, request.theatre, request.weapon_class)
    seconds = len(CAUSES) * await asyncio.to_thread(dispatcher.pace.seconds, request)
    key = ("since", issued.id, answer.id, request.digest, context)
    return await dispatcher.computed(
        key, seconds, work.with_answering, _changes, context, request, answer.document, issued
    )


async def changes_or_job(
    dispatcher: Dispatcher, request: PlanRequest, context: AnswerContext, asked: str
) -> bytes | Job:
    """The same of the plan of the request, or the job that makes both where that takes longer than a request may."""
    try:
        answer = await dispatcher.answer(request, Channel.API, issue=False)
        return await changes_json(dispatcher, request, context, answer, asked)
    except TookTooLong as error:
        issued = await asyncio.to_thread(dispatcher.archive.plan_of, asked, request.theatre, request.weapon_class)
        n = 1 + len(CAUSES)
        job = await dispatcher.new_job(CHANGES, request, context, Channel.API, error.seconds, plans=n, since=issued.id)

    async def compute(pool: Pool) -> bytes:
        return await pool.run(job.seconds, work.with_answering, _plan_and_changes, context, request, issued)

    return await dispatcher.jobs.begin(job, compute)


def _plan_and_changes(
    answering: "Answerer", context: AnswerContext, request: PlanRequest, issued: IssuedForecast
) -> bytes:
    return _changes(answering, context, request, document_json(answering.document(request, context)), issued)


def _changes(
    answering: "Answerer", context: AnswerContext, request: PlanRequest, document: bytes, issued: IssuedForecast
) -> bytes:
    from forecasting.answers.since import changes_since

    now = PlanDocument.model_validate_json(document)
    return changes_since(answering, context, request, now, issued).model_dump_json().encode()
