"""Requests that take longer than a reader waits for: computed one after another, and kept in the home for a day.

A job has the id of what it answers (request, data, model, code): whoever asks the same gets the same job, from any
process of the server, and its document is that of the direct answer.
"""

import asyncio
import math
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import InputError, SalvocastError
from features.files import write_file
from forecasting.answers import request as requests
from forecasting.record.archive import Channel
from forecasting.service.workers.pool import DEADLINE, Pool

LONGEST_JOB = 600.0
"""Seconds that a job may wait and run together."""
MOST_OPEN = 8
"""Jobs that may wait for their turn; of more a server says 503."""
MOST_KEPT, KEPT_HOURS = 64, 24
"""Jobs that are kept, and for how long; what was asked for longest ago goes first."""
BEAT_SECONDS = 2.0
ENDED_SECONDS = 30.0
"""How often a running job says so, and after which silence it has ended with its server."""
LARGEST_SHARE = 0.95
"""Of a job that runs: what it will take is reckoned, not known."""


CHANGES: Final = "changes"
Kind = requests.Kind | Literal["changes"]
"""Of what a job makes: an answer, or what has changed since an issued plan."""


class Job(BaseModel):
    """A request that is computed for whoever holds the link. seconds: that it should take, the wait included.

    text, values: of the error with which it failed.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Kind
    request: str
    channel: Channel
    issue: bool
    model_version: int | None
    seconds: float
    asked_at: float
    state: Literal["open", "done", "failed"] = "open"
    text: str = ""
    values: dict[str, Any] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since it was asked for."""
        return max(time.time() - self.asked_at, 0.0)

    @property
    def share(self) -> float:
        """Which part of it is done, as reckoned."""
        return 1.0 if self.state != "open" else min(self.elapsed / self.seconds, LARGEST_SHARE)

    @property
    def error(self) -> InputError:
        """What it failed with."""
        return InputError(self.text, **self.values)


class JobStore:
    """The jobs of a home: a record of each, and the document of those that are done. Any of it may be removed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, identity: str) -> Job | None:
        """The job; None where it was never there, is too old, or has ended with the server that computed it."""
        path = self._record(identity)
        try:
            silent = time.time() - path.stat().st_mtime
            job = Job.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None
        if silent > (ENDED_SECONDS if job.state == "open" else KEPT_HOURS * 3_600):
            self.remove(identity)
            return None
        return job

    def document(self, identity: str) -> bytes | None:
        """What the job has made; None where it is not done, or no longer there."""
        job = self.get(identity)
        try:
            return self._document(identity).read_bytes() if job and job.state == "done" else None
        except OSError:
            return None

    def put(self, job: Job, document: bytes | None = None) -> None:
        """Keeps the job, and what it has made. Raises SalvocastError where the home cannot be written to."""
        self._folder.mkdir(mode=0o700, exist_ok=True)  # documents hold real stocks
        if document is not None:
            write_file(self._document(job.id), document)
        write_file(self._record(job.id), job.model_dump_json().encode())
        self._remove_oldest()

    def beat(self, identity: str) -> None:
        """Says that the job still runs."""
        with suppress(OSError):
            os.utime(self._record(identity))

    def remove(self, identity: str) -> None:
        """Forgets the job."""
        for path in (self._record(identity), self._document(identity)):
            path.unlink(missing_ok=True)

    def _record(self, identity: str) -> Path:
        return self._folder / f"{identity}.json"

    def _document(self, identity: str) -> Path:
        return self._folder / f"{identity}.document"

    def _remove_oldest(self) -> None:
        found = []
        for path in self._folder.glob("*.json"):
            with suppress(OSError):  # another process has just removed it
                found.append((path.stat().st_mtime, path.stem))
        for _, identity in sorted(found)[:-MOST_KEPT]:
            self.remove(identity)


class Jobs:
    """The jobs that this process of the server computes, and all that the home knows."""

    def __init__(self, pool: Pool, store: JobStore) -> None:
        self._pool, self.store = pool, store
        self._open: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, job: Job, compute: Callable[[Pool], Awaitable[bytes]]) -> Job:
        """The job, or the one of that id that is there already. compute: what makes its document in a pool.

        Raises Overloaded where there are too many before it, and TookTooLong where it would take too long even so.
        """
        if job.id in self._open:
            return self._open[job.id]
        self._open[job.id] = job  # before anything is awaited: the same may be asked twice at once
        try:
            known = await asyncio.to_thread(self.store.get, job.id)
            if known is not None and known.state != "failed":
                del self._open[job.id]
                if job.issue and not known.issue:
                    known = known.model_copy(update={"issue": True})
                    await asyncio.to_thread(self.store.put, known)
                return known
            asking = DEADLINE.set(math.inf)  # that of the request which asks is not its own
            try:
                self._pool.admit(job.seconds)
            finally:
                DEADLINE.reset(asking)
            job = job.model_copy(update={"seconds": job.seconds + self._pool.wait})
            self._open[job.id] = job
            await asyncio.to_thread(self.store.put, job)
        except BaseException:
            self._open.pop(job.id, None)
            raise
        task = asyncio.create_task(self._run(job, compute))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def find(self, identity: str) -> Job | None:
        """The job of that id, as it stands now."""
        return await asyncio.to_thread(self.store.get, identity)

    async def close(self) -> None:
        """Stops what runs; its links have then expired."""
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, job: Job, compute: Callable[[Pool], Awaitable[bytes]]) -> None:
        DEADLINE.set(math.inf)
        running = asyncio.ensure_future(compute(self._pool))
        try:
            while not (await asyncio.wait({running}, timeout=BEAT_SECONDS))[0]:
                await asyncio.to_thread(self.store.beat, job.id)
            await self._end(job, "done", running.result())
        except SalvocastError as error:
            await self._end(job, "failed", text=error.text, values=error.values)
        except BaseException:  # the server stops, or has a fault of its own, which its log tells
            running.cancel()
            self.store.remove(job.id)
            raise
        finally:
            del self._open[job.id]

    async def _end(self, job: Job, state: str, document: bytes | None = None, **told: Any) -> None:
        latest = await asyncio.to_thread(self.store.get, job.id) or job  # somebody may have asked for it to be issued
        with suppress(SalvocastError):  # a home that is full: the link has then expired
            await asyncio.to_thread(self.store.put, latest.model_copy(update={"state": state, **told}), document)
