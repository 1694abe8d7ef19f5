"""Running a job at the times of a cron expression: each slot once, whoever else is waking up for it.

Which slot is due is computed from the clock (`Cron.latest`), and who runs it is decided by its row in the ledger's
database (`experiments.slots`). So the same code serves the resident scheduler, a systemd timer and a line of cron,
alone or together, and a slot that was missed is caught up by whoever wakes first.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from experiments.alerts import NEEDS_A_PERSON, Alert
from experiments.slots import Claim, JobSlots, Status
from features.complaints import FILE_VARIABLE
from features.errors import InputError, SalvocastError
from features.logs import without_secrets

CATCH_UP = timedelta(days=7)
"""A slot missed for longer is not caught up."""
LOOK_AGAIN = timedelta(minutes=5)
"""How often a resident scheduler looks for a slot to take: one whose run was killed elsewhere, or that was due while
the machine slept or the database was away."""
HEARTBEAT = timedelta(seconds=30)
RUN_LIMIT = timedelta(hours=2)
"""A run that takes longer is ended: it would hold up all that come after it."""
POLL_S = 0.5
GRACE_S = 20.0
"""From SIGTERM to SIGKILL."""
AROUND = timedelta(hours=3)
"""By more than any clock is set back or forward."""

Clock = Callable[[], datetime]
Alive = Callable[[], None]
"""To be called every second or so by a running job; raises where it must end."""


class StoppedError(Exception):
    """The scheduler was told to stop while a job was running."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: what is written into the history."""

    status: Status
    message: str
    needs_a_person: bool = False
    """It did its work, and found something that somebody should see to."""


@dataclass(frozen=True)
class Cron:
    """The slots of a cron expression on the clock of a time zone.

    A time that the clock jumps over in spring is due as long after midnight as without the jump; one that it shows
    twice in autumn is due once, the first time, unless the job is an hourly one (hour *).
    """

    text: str
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, timezone: str) -> "Cron":
        """text: five fields, such as "30 9 * * *". timezone: such as Europe/Kyiv. Raises InputError."""
        try:
            zone = ZoneInfo(timezone)
        except (KeyError, ValueError, OSError) as error:  # unknown, a path, a folder
            raise InputError(f"--timezone is '{timezone}': expected a name such as Europe/Kyiv") from error
        fields = text.split()
        try:
            if len(fields) != 5:  # a sixth would be seconds
                raise CronSimError(f"{len(fields)} fields")
            CronSim(text, datetime(2026, 1, 1))
        except CronSimError as error:
            raise InputError(
                f"--cron '{text}' ({error}): expected a minute, hour, day, month and weekday that exist, such as "
                "'30 9 * * *'"
            ) from error
        # Where tools understand different days, neither is guessed.
        if re.search(r"\d", fields[4]):
            raise InputError(f"--cron '{text}': expected names of weekdays, such as mon-fri; numbers differ by tool")
        if fields[2] != "*" and fields[4] != "*":
            raise InputError(f"--cron '{text}': expected a day of the month or a weekday, not both")
        return cls(text, zone)

    def latest(self, now: datetime) -> datetime | None:
        """The newest slot (UTC) that was due by `now` (with zone), none where that is over CATCH_UP ago."""
        slot = next(slot for slot in self._slots(now, reverse=True) if slot <= now)
        return slot if now - slot <= CATCH_UP else None

    def next_after(self, now: datetime) -> datetime:
        """The first slot (UTC) after `now` (with zone)."""
        return next(slot for slot in self._slots(now, reverse=False) if slot > now)

    def _slots(self, moment: datetime, *, reverse: bool) -> Iterator[datetime]:
        """Those after a moment, or before it, in their order; the first few are on its other side."""
        begin = moment.astimezone(self.zone) + (AROUND if reverse else -AROUND)
        if self.text.split()[1] == "*":  # hour after hour, whatever the clock shows
            return (slot.astimezone(UTC) for slot in CronSim(self.text, begin, reverse))
        # By the figures on the clock: with a zone, cronsim would run what is jumped over when the clock has jumped.
        figures = CronSim(self.text, begin.replace(tzinfo=None), reverse)
        return (slot.replace(tzinfo=self.zone).astimezone(UTC) for slot in figures)


class Schedule:
    """One job on its slots. Thread-safe: `tick` may be called while another call is running the job."""

    def __init__(
        self,
        job: str,
        cron: Cron,
        slots: JobSlots,
        run: Callable[[Alive], Outcome],
        tell: Callable[[Alert], None],
        *,
        serves: Callable[[], str],
        now: Clock,
    ) -> None:
        """job: its name in the history. run: does the work, and calls what it is given every second or so.

        tell: sends an alert. serves: says in a sentence which model still serves. now: the clock, with zone.
        """
        self._job, self._cron, self._slots = job, cron, slots
        self._run, self._tell, self._serves, self._now = run, tell, serves, now
        self._stopping = Event()
        self._told_unreachable: datetime | None = None
        self._unreachable_in_a_row = 0
        self._unwritten: dict[datetime, Outcome] = {}

    def stop(self) -> None:
        """Ends a running job at its next sign of life; it is written down as lost, and the next start takes it up."""
        self._stopping.set()

    def tick(self) -> Outcome | None:
        """Runs the newest slot that is due, if nobody did; None where there was nothing to do.

        Raises SalvocastError where the slots cannot be reached; that is told once a slot.
        """
        slot = self._cron.latest(self._now())
        try:
            self._write_unwritten()
            for lost in self._slots.mark_lost(self._job, self._now()):
                self._alert(lost.slot, lost.status, lost.message)
            claim = self._slots.claim(self._job, slot, self._now()) if slot else Claim.TAKEN
            failed_before = self._slots.failures_in_a_row(self._job) if claim is Claim.MINE else 0
        except SalvocastError as error:
            if self._told_unreachable != slot:
                self._told_unreachable = slot
                self._unreachable_in_a_row += 1
                self._send_alert("not started", self._unreachable_in_a_row, f"{error}.")
            raise
        self._unreachable_in_a_row = 0
        if slot is None or claim is Claim.TAKEN:
            return None
        if claim is Claim.SKIPPED:
            outcome = Outcome(Status.SKIPPED, "the run before it was still going on")
        else:
            outcome = self._run_slot(slot)
        if outcome.status is Status.FAILED:  # counted by what was known before: the database may be away by now
            self._alert(slot, outcome.status, outcome.message, failed_before + 1)
        elif outcome.status is Status.SKIPPED:
            self._alert(slot, outcome.status, outcome.message)
        elif outcome.needs_a_person:
            self._send_alert("needs a person", 1, f"{outcome.message}.")
        return outcome

    def run_for_ever(self) -> None:
        """Waits for slots until it is interrupted (KeyboardInterrupt or SystemExit), then ends what is running."""
        looks: list[Thread] = []
        try:
            while True:
                looks = [each for each in looks if each.is_alive()]
                if len(looks) < 2:  # one may look while another runs the job
                    looks.append(Thread(target=self._tick))
                    looks[-1].start()
                now = self._now()
                time.sleep(min(self._cron.next_after(now) - now, LOOK_AGAIN).total_seconds())
        except (KeyboardInterrupt, SystemExit):
            self.stop()
            for look in looks:
                look.join()

    def _tick(self) -> None:
        with suppress(SalvocastError):  # told, and looked at again
            self.tick()

    def _run_slot(self, slot: datetime) -> Outcome:
        try:
            outcome = self._run(self._alive(slot))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the history
            outcome = Outcome(Status.FAILED, str(error) or type(error).__name__)
        if self._stopping.is_set() and outcome.status is Status.FAILED:  # by the same signal, if not by us
            outcome = Outcome(Status.LOST, "stopped before its end")
        for attempt in range(3):  # each waits for the lock of an ingest
            try:
                self._slots.finish(self._job, slot, self._now(), outcome.status, outcome.message)
                break
            except SalvocastError as error:
                if attempt == 2:  # how it ended stays true
                    self._unwritten[slot] = outcome
                    told = f"{outcome.message} (not written into the history yet: {error})"
                    return replace(outcome, message=told, needs_a_person=True)
        return outcome

    def _write_unwritten(self) -> None:
        """Writes down how runs ended while the database was away, before anybody takes them for lost."""
        for slot, outcome in list(self._unwritten.items()):
            self._slots.finish(self._job, slot, self._now(), outcome.status, outcome.message)
            self._unwritten.pop(slot, None)

    def _alive(self, slot: datetime) -> Alive:
        started = beaten = self._now()

        def alive() -> None:
            nonlocal beaten
            now = self._now()
            if self._stopping.is_set():
                raise StoppedError
            if now - started > RUN_LIMIT:
                raise SalvocastError(f"ended, because it took longer than {RUN_LIMIT / timedelta(hours=1):g} hours")
            if now - beaten >= HEARTBEAT:
                beaten = now
                mine = True
                with suppress(SalvocastError):  # ten in a row may fail before the run is taken for lost
                    mine = self._slots.heartbeat(self._job, slot, now)
                if not mine:
                    raise SalvocastError("ended, because another process took its slot for lost")

        return alive

    def _alert(self, slot: datetime, status: Status, message: str, failures: int | None = None) -> None:
        """failures: in a row, with this one; None: as the history says."""
        due = slot.astimezone(self._cron.zone).isoformat(" ", "minutes")
        with suppress(SalvocastError):
            failures = failures or self._slots.failures_in_a_row(self._job)
        self._send_alert(str(status), failures, f"{self._job}, due {due}, {status}: {message}.")

    def _send_alert(self, what: str, number: int | None, sentence: str) -> None:
        try:
            serves = self._serves()
        except Exception as error:  # noqa: BLE001 - nothing may keep an alert from being sent
            reason = _reason(str(error))
            serves = "What serves is not known." if reason in sentence else f"What serves is not known ({error})."
        self._tell(Alert(f"{self._job} {what}", number, 0, sentence, serves))


def _reason(sentence: str) -> str:
    """A failure without the advice on what to do about it, by which the same fault is known again."""
    return sentence.partition(":")[0] if "(" not in sentence else sentence.partition(")")[0]


def run_command(command: Sequence[str], pass_on: Callable[[str], object], alive: Alive) -> Outcome:
    """Runs a command of salvocast to its end; all of its output, without secrets, is passed on.

    The message: its complaints (`features.complaints`), and its last line where it did its work, or made none. With
    exit code NEEDS_A_PERSON it is done, and needs one.

    A process of its own, so that neither a crash nor a leak takes the scheduler down. Where `alive` raises, it and its
    children get SIGTERM, and after GRACE_S SIGKILL.
    """
    with tempfile.TemporaryFile() as output, tempfile.NamedTemporaryFile() as complaints:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {FILE_VARIABLE: complaints.name},
            start_new_session=True,
        )
        try:
            while True:
                try:
                    process.wait(POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    alive()
        finally:
            _end(process)
        output.seek(0)
        text = without_secrets(output.read().decode(errors="replace"))
        wrong = without_secrets(complaints.read().decode(errors="replace")).splitlines()
    pass_on(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    done = process.returncode in (0, NEEDS_A_PERSON)
    parts = wrong if wrong and not done else [*wrong, *lines[-1:]]  # of one that failed, the complaint says it all
    message = "; ".join(dict.fromkeys(parts)) or "no output"
    if done:
        return Outcome(Status.DONE, message, process.returncode == NEEDS_A_PERSON)
    return Outcome(Status.FAILED, f"exit code {process.returncode}: {message}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
