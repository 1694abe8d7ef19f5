"""Which process runs a scheduled job: one row per job and time slot in the ledger's database, and the history.

Schedulers do not agree among themselves: two resident ones run every job twice, and a timer on
one machine knows nothing of the cron on another. So whoever is woken asks here first, and the unique row decides.
"""

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.database import Database, utc
from features.tables import slot_table as slots

LOST_AFTER = timedelta(minutes=5)
"""A run without a heartbeat for so long was killed, or its machine was. Clocks of machines may differ by less."""

_AGAIN = " after "
"""In claimed_by: whose lost run this one repeats. A lost run is repeated once, so that a job that kills its machine
does not do so for ever."""


class Status(StrEnum):
    """How a run of a slot stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Another slot's run of the same job was still going on when it was due."""
    LOST = "lost"
    """Killed or stopped before its end: may be taken again, once."""


class Claim(StrEnum):
    """What came of asking for a slot."""

    MINE = "mine"
    TAKEN = "taken"
    """Somebody runs it, ran it or skipped it."""
    SKIPPED = "skipped"
    """Nobody will run it: the slot before it was still running. This call wrote that down."""


@dataclass(frozen=True, slots=True)
class SlotRun:
    """One run of one job. Times in UTC."""

    job: str
    slot: datetime
    """When it was due."""
    claimed_by: str
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    status: Status
    message: str


class JobSlots(Database):
    """The slots of all jobs. Use `with JobSlots.open(url) as slots`; `owner` is what this process is called in them.

    Every call is one transaction. Raises SalvocastError where the database cannot be reached or is locked.
    """

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self.owner = f"{socket.gethostname()[:40]}:{os.getpid()}"

    def claim(self, job: str, slot: datetime, now: datetime) -> Claim:
        """Asks to run a slot. slot, now: with zone. Of all who ask, at any time, one is told MINE.

        A slot whose run was LOST (see `mark_lost`) is given out once more. While another slot of the job is running,
        this one is written down as skipped instead.
        """
        with self._transaction() as connection:
            due, moment = utc(slot), utc(now)
            busy = connection.scalar(
                sa.select(sa.func.max(slots.c.slot)).where(
                    slots.c.job == job, slots.c.slot != due, slots.c.status == Status.RUNNING
                )
            )
            row = {
                "claimed_by": self.owner,
                "started_at": moment,
                "heartbeat_at": moment,
                "ended_at": moment if busy else None,
                "status": Status.SKIPPED if busy else Status.RUNNING,
                "message": f"the run due at {busy.isoformat(' ', 'minutes')} UTC was still going on" if busy else "",
            }
            try:
                with connection.begin_nested():
                    connection.execute(slots.insert().values(job=job, slot=due, **row))
            except sa.exc.IntegrityError:
                return Claim.MINE if not busy and self._take_again(connection, job, due, row) else Claim.TAKEN
            return Claim.SKIPPED if busy else Claim.MINE

    def _take_again(self, connection: Connection, job: str, due: datetime, row: dict[str, object]) -> bool:
        lost = (
            slots.update()
            .where(slots.c.job == job, slots.c.slot == due, slots.c.status == Status.LOST)
            .where(slots.c.claimed_by.not_like(f"%{_AGAIN}%"))
            .values(row | {"claimed_by": self.owner + _AGAIN + slots.c.claimed_by})
        )
        return connection.execute(lost).rowcount == 1

    def heartbeat(self, job: str, slot: datetime, now: datetime) -> bool:
        """Says that the run goes on; False where it is this process's no more (it was taken for lost)."""
        with self._transaction() as connection:
            beat = self._mine(job, slot).values(heartbeat_at=utc(now))
            return connection.execute(beat).rowcount == 1

    def finish(self, job: str, slot: datetime, now: datetime, status: Status, message: str) -> bool:
        """Writes down how the run ended; False where it is this process's no more.

        status LOST: it was stopped before its end, and may be taken again once.
        """
        with self._transaction() as connection:
            end = self._mine(job, slot).values(ended_at=utc(now), status=status, message=message)
            return connection.execute(end).rowcount == 1

    def _mine(self, job: str, slot: datetime) -> sa.Update:
        return slots.update().where(
            slots.c.job == job,
            slots.c.slot == utc(slot),
            slots.c.status == Status.RUNNING,
            sa.or_(
                slots.c.claimed_by == self.owner, slots.c.claimed_by.startswith(self.owner + _AGAIN, autoescape=True)
            ),
        )

    def mark_lost(self, job: str, now: datetime) -> list[SlotRun]:
        """Marks the runs whose heartbeat stopped more than LOST_AFTER ago, and returns them: each to one caller."""
        with self._transaction() as connection:
            silent = (
                slots.update()
                .where(slots.c.job == job, slots.c.status == Status.RUNNING)
                .where(slots.c.heartbeat_at < utc(now - LOST_AFTER))
                .values(status=Status.LOST, ended_at=utc(now), message="its heartbeat stopped: it was killed")
                .returning(*slots.c)
            )
            return [_run(row) for row in connection.execute(silent)]

    def history(self, job: str | None = None, limit: int | None = None) -> list[SlotRun]:
        """The runs, newest slot first; of one job or of all, no more than `limit`."""
        query = sa.select(slots).order_by(slots.c.slot.desc(), slots.c.job).limit(limit)
        with self._connection() as connection:
            return [_run(row) for row in connection.execute(query if job is None else query.where(slots.c.job == job))]

    def failures_in_a_row(self, job: str) -> int:
        """How many runs of the job, counted back from the newest that has ended, did not do their work."""
        count = 0
        for run in self.history(job):
            if run.status is Status.DONE:
                break
            count += run.status is not Status.RUNNING
        return count


def _run(row: sa.Row[Any]) -> SlotRun:
    values: dict[str, Any] = {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row._mapping.items()
    }
    return SlotRun(**values | {"status": Status(values["status"])})
