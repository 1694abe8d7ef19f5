"""Where requests are handed in: the same for the API and the page."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from cachetools import LRUCache

from features.errors import SalvocastError
from features.home import ledger_url, salvocast_home
from features.records import KYIV
from features.release import code_version
from forecasting.answers.cache import keep
from forecasting.answers.context import FALLBACK_MODEL, AnswerContext
from forecasting.answers.defences import defence_of
from forecasting.answers.request import CHAMPION, NO_SCENARIO, ComparisonRequest, ForecastRequest, PlanRequest
from forecasting.answers.size import check_size
from forecasting.record.archive import Archive, Channel, IssuedForecast
from forecasting.registry import Champion
from forecasting.report.forms import JSON, NOTHING, Asked, Form, convert_document
from forecasting.report.language import ENGLISH
from forecasting.service.workers import work
from forecasting.service.workers.champions import DEFAULT_SERIES, Champions, Series
from forecasting.service.workers.jobs import LONGEST_JOB, MOST_OPEN, Job, Jobs, JobStore, Kind
from forecasting.service.workers.live import LiveLedger
from forecasting.service.workers.metrics import ANSWERS, BUSY, CACHED, CHAMPION_VERSION, REFUSED, WAITING
from forecasting.service.workers.pool import PRELOADED, Overloaded, Pool, TookTooLong
from forecasting.service.workers.settings import Settings
from forecasting.service.workers.single_flight import SingleFlight

Result = TypeVar("Result")
log = structlog.get_logger()

MOST_REMEMBERED = 10_000
"""Ids of documents that are known to be in the archive."""
LONGEST_START = 5.0
"""Seconds that an answer may wait for a registry that was not reached yet."""
LOADING_SECONDS = 0.5
"""What a step of loading takes at most."""
FORMING_SECONDS = 1.0
"""What it takes to write a document as a workbook."""


@dataclass(frozen=True)
class Answer:
    """A document as it was given out. id: SHA-256 of its bytes. model_version: of the champion that made it."""

    id: str
    kind: str
    document: bytes
    model_version: int | None


def _measure_pool(pool: Pool) -> None:
    BUSY.set(pool.n_busy)
    WAITING.set(pool.n_waiting)


class Pace:
    """How long jobs take on this machine: what they took before, beside what was reckoned."""

    def __init__(self) -> None:
        self._factor = 1.0

    def seconds(self, request: ForecastRequest) -> float:
        """What the request should take in a warm process. Raises InputError for a defence that cannot be read."""
        return self._factor * _expected_seconds(request)

    def learn(self, request: ForecastRequest, seconds: float) -> None:
        """Takes in what a request took."""
        ratio = min(max(seconds / _expected_seconds(request), 0.2), 5.0)
        self._factor += 0.1 * (ratio - self._factor)


def _expected_seconds(request: ForecastRequest) -> float:
    cells = request.paths * request.horizon
    seconds = 0.03 + 2e-7 * cells
    n_scenarios = len(request.scenarios) + 1 if isinstance(request, ComparisonRequest) else 1
    if request.scenario != NO_SCENARIO or isinstance(request, ComparisonRequest):
        seconds += 1.5 + 1e-6 * cells
    if isinstance(request, PlanRequest):
        layers = len(defence_of(request).layers)
        seconds += 0.05 + 4e-7 * cells * layers
        if request.leak_target is not None or request.money_for_a_mix is not None:
            seconds += 1.0 + 4e-7 * cells * layers
    return n_scenarios * seconds


class Dispatcher:
    """Answers requests: from what was computed lately, or by the pool. Opened and closed with the application.

    learn: what a computing process does for new data or a new champion, before anybody asks. load: what it does after
    that, once, when nobody asks, each of them a short while.
    """

    def __init__(
        self,
        settings: Settings,
        learn: Callable[[AnswerContext], None],
        load: Sequence[Callable[[AnswerContext], None]] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings, self._learn, self._load, self._now = settings, learn, load, now
        self.ledger = LiveLedger.open(ledger_url())
        self.archive = Archive.open(ledger_url())
        self.champions = Champions()
        self.pool = Pool(
            settings.n_processes,
            most_waiting=settings.most_waiting,
            longest=settings.longest,
            begin=work.begin,
            preload=(PRELOADED,),
            on_change=_measure_pool,
        )
        # Of their own process: who waits for a plan of a second is not to wait for one of minutes.
        jobs = Pool(1, most_waiting=MOST_OPEN, longest=LONGEST_JOB, begin=work.begin, preload=(PRELOADED,))
        self._job_pool, self.jobs = jobs, Jobs(jobs, JobStore(salvocast_home() / "jobs"))
        self.pace = Pace()
        self._learned = False
        self._of_ledger: str | None = None
        self._look_again = asyncio.Event()
        half = settings.cache_bytes // 2
        self._answers: LRUCache[object, Answer] = LRUCache(half, lambda answer: len(answer.document))
        self._forms: LRUCache[object, bytes] = LRUCache(half, len)
        self._issued: LRUCache[str, bool] = LRUCache(MOST_REMEMBERED)
        self._single_flight: SingleFlight[object, Any] = SingleFlight()
        self._watching: list[asyncio.Task[None]] = []
        self._series: tuple[str, list[Series]] = ("", [])
        self._code = code_version()

    async def open(self) -> None:
        """Begins to learn what the record holds, and to watch for what changes."""
        await asyncio.to_thread(lambda: self.champions.recall(self._known_series()))
        self._watching = [asyncio.create_task(self._watch_registry()), asyncio.create_task(self._watch_data())]

    @property
    def unready(self) -> str | None:
        """Why it should get no requests now; None: it should. To be told to anybody: without names and addresses.

        A registry that is away is no reason, as the last champion serves on; one that does not let this server in is,
        since nobody is going to bring that back but a person.
        """
        if not self._learned:
            return "starting: the models are being fitted; try again in 1 s"
        if self._of_ledger is not None:
            return "the ledger does not answer, or refuses this server's login: see the log and SALVOCAST_LEDGER_URL"
        if not self.champions.is_let_in(*DEFAULT_SERIES):
            return (
                "the registry refuses this server's login (401 or 403): see the log, MLFLOW_TRACKING_USERNAME and its "
                "password, and salvocast team init"
            )
        return None

    async def close(self) -> None:
        """Stops everything; nothing is left running."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self.jobs.close()
        await self._job_pool.close()
        await self.pool.close()
        for database in (self.ledger, self.archive):
            database.__exit__()

    async def answer(self, request: ForecastRequest, channel: Channel, *, issue: bool = True) -> Answer:
        """The document that is asked for; with `issue`, it is in the archive before it is given out.

        Raises InputError for a request that cannot be answered, Overloaded or TookTooLong for one that cannot be
        answered in time, and SalvocastError where the ledger fails. Cancelled: its job is stopped.
        """
        context = await self.context(request)
        key = (request.digest, context, self._code)
        answer = self._answers.get(key)
        if answer is None:
            answer = await self._single_flight.once(key, lambda: self._computed(key, request, context))
        else:
            ANSWERS.labels("cached").inc()
        CACHED.set(self._answers.currsize + self._forms.currsize)
        if issue:
            await self._issue(answer, request.canonical, channel)
        return answer

    async def answer_or_job(self, request: ForecastRequest, channel: Channel, *, issue: bool = True) -> Answer | Job:
        """The document that is asked for, or the job that makes it where that takes longer than a request may.

        Raises as `answer`; TookTooLong for what takes too long for a job too.
        """
        try:
            return await self.answer(request, channel, issue=issue)
        except TookTooLong as error:
            context = await self.context(request)
            job = await self.new_job(request.kind, request, context, channel, error.seconds, issue=issue)

        async def compute(pool: Pool) -> bytes:
            document, seconds = await pool.run(job.seconds, work.answer_json, request, context)
            self.pace.learn(request, seconds)
            return document

        return await self.jobs.begin(job, compute)

    async def new_job(
        self,
        kind: Kind,
        request: ForecastRequest,
        context: AnswerContext,
        channel: Channel,
        took: float,
        *,
        plans: int = 1,
        issue: bool = False,
        since: str = "",
    ) -> Job:
        """A job for what takes as long as so many answers to the request. took: seconds, after which it was stopped.
        since: the issued plan that it rests on too. Raises InputError for what does not fit into memory."""
        await asyncio.to_thread(check_size, request)  # no time would do
        return Job(
            id=self._job_id(request, context, since),
            kind=kind,
            request=request.canonical,
            channel=channel,
            issue=issue,
            model_version=context.model_version,
            seconds=max(plans * await asyncio.to_thread(self.pace.seconds, request), 2.0 * took),
            asked_at=time.time(),
        )

    async def answer_of(self, job: Job) -> Answer | None:
        """What a job that is done has made, issued where that was asked for; None where it is no longer there."""
        document = await asyncio.to_thread(self.jobs.store.document, job.id)
        if document is None:
            return None
        answer = Answer(hashlib.sha256(document).hexdigest(), job.kind, document, job.model_version)
        if job.issue:
            await self._issue(answer, job.request, job.channel)
        return answer

    async def _issue(self, answer: Answer, request: str, channel: Channel) -> None:
        """Puts the answer to a request, as its canonical text, into the archive, once."""
        if self._issued.get(answer.id):
            return
        await asyncio.to_thread(
            self.archive.issue,
            answer.document,
            request=request,
            channel=channel,
            model_version=answer.model_version,
            issued_at=self._now(),
        )
        self._issued[answer.id] = True

    def _job_id(self, request: ForecastRequest, context: AnswerContext, since: str = "") -> str:
        """Of the job that answers the request in that context, or tells what has changed since a plan."""
        return hashlib.sha256(f"{request.digest}\n{context!r}\n{self._code}{since}".encode()).hexdigest()[:32]

    async def context(self, request: ForecastRequest) -> AnswerContext:
        """What an answer to the request rests on now. Raises Overloaded where it is not known yet which model serves,
        after some seconds: "not asked yet" is not "none registered"."""
        champion = await self._champion(request)
        asked_on = self._now().astimezone(KYIV).date()
        return AnswerContext(await asyncio.to_thread(self.ledger.data_version), champion, asked_on)

    async def issued(self, identity: str) -> IssuedForecast:
        """An issued document. Raises InputError where there is none of that id."""
        return await asyncio.to_thread(self.archive.get, identity)

    async def in_form(
        self, answer: Answer | IssuedForecast, form: Form, language: str = ENGLISH, asked: Asked = NOTHING
    ) -> bytes:
        """An answer in another form. language: of its sentences. asked: what is known beside it."""
        if form is JSON:
            return answer.document
        key = (answer.id, form.name, language, *asked.items())
        return await self.computed(
            key, FORMING_SECONDS, convert_document, answer.document, form.name, language, dict(asked)
        )

    async def computed(self, key: object, seconds: float, function: Callable[..., bytes], *arguments: object) -> bytes:
        """What a function of a module gives for the arguments, computed by the pool and kept under the key, which says
        all that the result depends on. seconds: what it should take. Raises as `answer`."""
        held = self._forms.get(key)
        if held is not None:
            return held

        async def compute() -> bytes:
            return keep(self._forms, key, await self.in_time(seconds, function, *arguments))

        result: bytes = await self._single_flight.once(("computed", key), compute)
        return result

    async def _computed(self, key: object, request: ForecastRequest, context: AnswerContext) -> Answer:
        kept = await asyncio.to_thread(self.jobs.store.document, self._job_id(request, context))
        if kept is not None:
            ANSWERS.labels("cached").inc()
            identity = hashlib.sha256(kept).hexdigest()
            return keep(self._answers, key, Answer(identity, request.kind, kept, context.model_version))
        try:
            reckoned = await asyncio.to_thread(self.pace.seconds, request)
            document, seconds = await self.in_time(reckoned, work.answer_json, request, context)
        except TookTooLong as error:
            if error.seconds:  # so that the next one like it is refused at once
                self.pace.learn(request, error.seconds)
            raise
        self.pace.learn(request, seconds)
        ANSWERS.labels("computed").inc()
        identity = hashlib.sha256(document).hexdigest()
        return keep(self._answers, key, Answer(identity, request.kind, document, context.model_version))

    async def in_time(self, seconds: float, function: Callable[..., Result], *arguments: object) -> Result:
        """What a function of a module gives for the arguments, computed by the pool. Raises as `answer`."""
        try:
            return await self.pool.run(seconds, function, *arguments)
        except (Overloaded, TookTooLong):
            REFUSED.inc()
            raise

    async def _champion(self, request: ForecastRequest) -> Champion | None:
        series = (request.theatre, request.weapon_class)
        if request.model != CHAMPION or series not in await asyncio.to_thread(self._known_series):
            return None  # a champion is fitted to a record
        if not self.champions.is_settled(*series):
            self._look_again.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled(series), LONGEST_START)
        return self.champions.of(*series)

    async def _settled(self, series: Series) -> None:
        while not self.champions.is_settled(*series):
            await asyncio.sleep(0.05)

    async def _watch_registry(self) -> None:
        """Asks for new champions, again and again; a problem is told once."""
        while True:
            before = dict(self.champions.problems)
            try:
                await asyncio.to_thread(lambda: self.champions.ask(self._known_series()))
                self._of_ledger = None
            except SalvocastError as error:
                if self._of_ledger != str(error):
                    log.warning("cannot ask for the champions", problem=str(error))
                self._of_ledger = str(error)
            for (theatre, weapon_class), problem in self.champions.problems.items():
                if before.get((theatre, weapon_class)) != problem:
                    log.warning("cannot ask for the champion", series=f"{theatre}/{weapon_class}", problem=problem)
            for (theatre, weapon_class), champion in self.champions.known_champions.items():
                CHAMPION_VERSION.labels(f"{theatre}/{weapon_class}").set(champion.version)
            self._look_again.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_again.wait(), self.settings.poll_seconds)

    async def _watch_data(self) -> None:
        """Lets the processes learn from new reports, and a new champion, before anybody asks."""
        learned: AnswerContext | None = None
        while True:
            try:
                try:
                    context = await self.context(PlanRequest())
                except Overloaded:  # requests that name a model can be answered meanwhile
                    context = await self.context(PlanRequest(model=FALLBACK_MODEL))
                if learned is None or replace(context, asked_on=learned.asked_on) != learned:
                    seconds = self.pace.seconds(PlanRequest(paths=100)) + 1.0
                    await self.pool.warm(seconds, self._learn, context, at_once=learned is None)
                    champion = context.champion and context.champion.digest
                    log.info("learned", data=context.data_version, champion=champion)
                    if learned is None:
                        steps = [(LOADING_SECONDS, each, (context,)) for each in self._load]
                        self._watching.append(asyncio.create_task(self.pool.load(*steps)))
                    learned = context
                self._learned = True
            except SalvocastError as error:
                log.warning("cannot look for new reports", problem=str(error))
            await asyncio.sleep(self.settings.poll_seconds)

    def _known_series(self) -> list[Series]:
        """The series that may have a champion: those of the ledger."""
        version = self.ledger.data_version()
        known, series = self._series  # read at once: this runs in threads
        if version != known:
            series = sorted({DEFAULT_SERIES, *((theatre, weapon) for theatre, weapon, _ in self.ledger.series())})
            self._series = version, series
        return series
