"""When a slot is due, and that it is run once: a fake clock, real processes."""

import io
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import schedule as module
from experiments.alerts import Alert
from experiments.schedule import CATCH_UP, RUN_LIMIT, Alive, Cron, Outcome, Schedule, run_command
from experiments.slots import LOST_AFTER, JobSlots, Status
from features.errors import InputError, SalvocastError

KYIV = ZoneInfo("Europe/Kyiv")
DAILY = Cron.parse("30 9 * * *", "Europe/Kyiv")
MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=KYIV)
SOON = timedelta(minutes=1)


def due_between(cron: Cron, first: datetime, last: datetime, step: timedelta) -> list[datetime]:
    """The slots that somebody who looks every `step` would run, each once, in the order of being found."""
    found: list[datetime] = []
    moment = first
    while moment <= last:
        slot = cron.latest(moment)
        if slot and slot not in found:
            found.append(slot)
        moment += step
    return [slot for slot in found if slot >= first]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # The clock goes from 03:00 to 04:00: 03:30 does not exist, and is due at 04:30, three and a half hours in.
        ("2026-03-29", ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]),
        # The clock goes from 04:00 back to 03:00: 03:30 comes twice, an hour apart, and is due the first time.
        ("2026-10-25", ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
    ],
)
def test_a_slot_in_the_hour_that_the_clock_jumps_over_or_repeats_is_due_once(day: str, expected: list[str]) -> None:
    cron = Cron.parse("30 3 * * *", "Europe/Kyiv")
    middle = datetime.fromisoformat(day).replace(tzinfo=UTC)
    found = due_between(cron, middle - timedelta(days=1), middle + timedelta(days=2), timedelta(minutes=10))
    assert [f"{slot:%Y-%m-%d %H:%M}" for slot in found] == expected


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_an_hourly_job_runs_every_hour_of_the_longer_and_of_the_shorter_day(day: str) -> None:
    cron = Cron.parse("0 * * * *", "Europe/Kyiv")
    first = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=6)
    found = due_between(cron, first, first + timedelta(hours=24), timedelta(minutes=10))
    assert found == [first + timedelta(hours=hour) for hour in range(25)]


def test_half_past_nine_stays_half_past_nine_all_year() -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    slots = due_between(DAILY, first, first + timedelta(days=365), timedelta(hours=3))
    assert len(slots) == len({slot.astimezone(KYIV).date() for slot in slots}) == 365
    assert {f"{slot.astimezone(KYIV):%H:%M}" for slot in slots} == {"09:30"}
    assert {f"{slot:%H:%M}" for slot in slots} == {"06:30", "07:30"}


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))


@settings(deadline=None, max_examples=60)
@given(
    now=MOMENTS,
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    zone=st.sampled_from(["Europe/Kyiv", "UTC", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_the_latest_slot_of_a_daily_job_is_its_time_of_day_less_than_25_hours_ago(
    now: datetime, hour: int, minute: int, zone: str
) -> None:
    slot = Cron.parse(f"{minute} {hour} * * *", zone).latest(now)
    assert slot is not None
    assert timedelta(0) <= now - slot <= timedelta(hours=25)
    shown = slot.astimezone(ZoneInfo(zone))
    jumped = shown.utcoffset() != (slot - timedelta(hours=3)).astimezone(ZoneInfo(zone)).utcoffset()
    assert (shown.hour, shown.minute) == (hour, minute) or jumped


def test_a_slot_is_not_due_before_its_time_nor_after_the_catch_up() -> None:
    monthly = Cron.parse("30 9 1 * *", "Europe/Kyiv")
    slot = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
    assert monthly.latest(slot - timedelta(seconds=1)) is None
    assert monthly.latest(slot) == slot
    assert monthly.latest(slot + CATCH_UP - SOON) == slot
    assert monthly.latest(slot + CATCH_UP + SOON) is None


@pytest.mark.parametrize(
    ("cron", "zone", "told"),
    [
        ("30 9 * *", "UTC", "--cron '30 9 * *' (Wrong number of fields; got 4, expected 5): expected minute, hour"),
        ("61 9 * * *", "UTC", "expected minute, hour, day, month and weekday, such as '30 9 * * *'"),
        ("30 9 * * 1-5", "UTC", "expected names of weekdays, such as mon-fri; numbers differ by tool"),
        ("30 9 1 * mon", "UTC", "expected a day of the month or a weekday, not both"),
        ("30 9 30 2 *", "UTC", "is never due: expected a day that exists"),
        ("30 9 * * *", "Kyiv", "--timezone is 'Kyiv': expected a name such as Europe/Kyiv"),
        ("30 9 * * *", "../etc", "--timezone is '../etc': expected a name such as Europe/Kyiv"),
    ],
)
def test_a_time_that_cannot_be_understood_is_refused(cron: str, zone: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        Cron.parse(cron, zone)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_weekdays_by_name() -> None:
    cron = Cron.parse("30 9 * * mon-fri", "UTC")
    assert cron.latest(datetime(2026, 3, 1, 12, tzinfo=UTC)) == datetime(2026, 2, 27, 9, 30, tzinfo=UTC)  # of Friday


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment.astimezone(UTC)

    def __call__(self) -> datetime:
        return self.moment

    def to(self, moment: datetime) -> None:
        self.moment = moment.astimezone(UTC)


class World:
    """Slots in a file, a clock, and what was run and told."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.clock = Clock(MORNING)
        self.ran: list[datetime] = []
        self.told: list[Alert] = []
        self.opened: list[JobSlots] = []
        self.slots = self.open("here:1")

    def open(self, owner: str) -> JobSlots:
        slots = JobSlots.open(self.url)
        slots.owner = owner
        self.opened.append(slots)
        return slots

    def works(self, alive: Alive) -> Outcome:
        alive()
        self.ran.append(self.clock())
        return Outcome(Status.DONE, "nothing new")

    def schedule(
        self, run: Callable[[Alive], Outcome] | None = None, cron: Cron = DAILY, slots: JobSlots | None = None
    ) -> Schedule:
        return Schedule(
            "retrain",
            cron,
            slots or self.slots,
            run or self.works,
            self.told.append,
            serves=lambda: "Version 3 still serves.",
            now=self.clock,
        )

    def history(self) -> list[tuple[str, str]]:
        return [(f"{run.slot.astimezone(KYIV):%m-%d %H:%M}", run.status) for run in self.slots.history()]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schedule") / "ledger.db"
    with JobSlots.open(f"sqlite:///{path}"):
        return path


@pytest.fixture
def world(migrated: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copy(migrated, tmp_path / "ledger.db")
    world = World(tmp_path / "ledger.db")
    yield world
    for slots in world.opened:
        slots.__exit__()


def test_each_slot_runs_once_however_often_and_by_however_many_it_is_looked_at(world: World) -> None:
    schedules = [world.schedule(slots=world.open(f"host:{number}")) for number in range(3)]
    for minute in range(0, 3 * 24 * 60, 30):
        world.clock.to(MORNING + timedelta(minutes=minute))
        for schedule in schedules:
            schedule.tick()
    assert world.ran == [(MORNING + timedelta(days=day)).astimezone(UTC) for day in range(3)]
    assert world.history() == [("03-04 09:30", "done"), ("03-03 09:30", "done"), ("03-02 09:30", "done")]
    assert world.told == []


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=KYIV), datetime(2026, 10, 25, tzinfo=KYIV)])
def test_over_a_change_of_the_clock_half_past_three_runs_once_a_night(world: World, day: datetime) -> None:
    schedule = world.schedule(cron=Cron.parse("30 3 * * *", "Europe/Kyiv"))
    start = day.astimezone(UTC)
    for minute in range(0, 24 * 60, 5):
        world.clock.to(start + timedelta(minutes=minute))
        schedule.tick()
    # Besides the slot of the night before, which the first look catches up.
    assert len(world.ran) == 2
    assert world.ran[1].astimezone(KYIV).date() == day.date()


def test_of_the_slots_missed_the_latest_alone_is_caught_up(world: World) -> None:
    schedule = world.schedule()
    schedule.tick()
    world.clock.to(MORNING + timedelta(days=4, hours=5))
    schedule.tick()
    schedule.tick()
    assert world.history() == [("03-06 09:30", "done"), ("03-02 09:30", "done")]


def test_a_failure_is_written_down_told_with_a_number_and_not_repeated(world: World) -> None:
    def fails(alive: Alive) -> Outcome:
        world.ran.append(world.clock())
        return Outcome(Status.FAILED, "exit code 1: the registry is away")

    for day in range(2):
        world.clock.to(MORNING + timedelta(days=day, minutes=3))
        assert world.schedule(fails).tick() == Outcome(Status.FAILED, "exit code 1: the registry is away")
        assert world.schedule(fails).tick() is None
    assert len(world.ran) == 2
    assert [alert.number for alert in world.told] == [1, 2]
    assert world.told[0] == Alert(
        "retrain failed",
        1,
        0,
        "retrain, due 2026-03-02 09:30+02:00, failed: exit code 1: the registry is away.",
        "Version 3 still serves.",
    )


def test_a_run_that_is_done_and_needs_a_person_is_told(world: World) -> None:
    world.schedule(lambda _: Outcome(Status.DONE, "salvocast: a source failed; kept", needs_a_person=True)).tick()
    assert world.history() == [("03-02 09:30", "done")]
    (alert,) = world.told
    assert (alert.name, alert.sentence) == ("retrain needs a person", "salvocast: a source failed; kept.")


def test_an_alert_is_sent_even_where_nobody_knows_what_serves(world: World) -> None:
    def broken() -> str:
        raise ZeroDivisionError("by zero")

    fails = Outcome(Status.FAILED, "it broke")
    job = Schedule("retrain", DAILY, world.slots, lambda _: fails, world.told.append, serves=broken, now=world.clock)
    assert job.tick() == fails
    assert world.told[0].serves == "What serves is not known (by zero)."


def test_an_exception_of_the_job_is_a_failed_run(world: World) -> None:
    def breaks(alive: Alive) -> Outcome:
        raise ZeroDivisionError("by zero")

    world.schedule(breaks).tick()
    assert world.slots.history()[0].message == "by zero"
    assert world.history() == [("03-02 09:30", "failed")]
    assert len(world.told) == 1


def test_a_slot_that_is_due_while_the_last_one_runs_is_skipped_and_told(world: World) -> None:
    each_minute = Cron.parse("* * * * *", "Europe/Kyiv")

    def takes_a_minute(alive: Alive) -> Outcome:
        world.clock.to(MORNING + SOON)
        there = world.schedule(cron=each_minute, slots=world.open("there:2"))
        assert there.tick() == Outcome(Status.SKIPPED, "the run before it was still going on")
        return Outcome(Status.DONE, "late")

    world.schedule(takes_a_minute, each_minute).tick()
    assert world.history() == [("03-02 09:31", "skipped"), ("03-02 09:30", "done")]
    assert [alert.name for alert in world.told] == ["retrain skipped"]
    assert world.ran == []


def test_a_run_that_lasts_keeps_its_slot_by_its_heartbeat(world: World) -> None:
    there = world.schedule(slots=world.open("there:2"))

    def lasts(alive: Alive) -> Outcome:
        for second in range(0, 1200, 20):
            world.clock.to(MORNING + timedelta(seconds=second))
            alive()
            assert there.tick() is None
        return Outcome(Status.DONE, "")

    world.schedule(lasts).tick()
    assert world.history() == [("03-02 09:30", "done")]
    (run,) = world.slots.history()
    assert run.heartbeat_at > run.started_at + timedelta(minutes=19)


def test_a_killed_run_is_told_and_taken_up_by_the_next_that_looks(world: World) -> None:
    world.slots.claim("retrain", MORNING, MORNING)  # and is never heard of again
    there = world.schedule(slots=world.open("there:2"))
    world.clock.to(MORNING + LOST_AFTER)
    assert there.tick() is None
    world.clock.to(MORNING + LOST_AFTER + SOON)
    outcome = there.tick()
    assert outcome is not None
    assert outcome.status is Status.DONE
    assert [alert.name for alert in world.told] == ["retrain lost"]
    assert world.slots.history()[0].claimed_by == "there:2 after here:1"


def test_a_run_that_was_taken_for_lost_ends_and_spoils_nothing(world: World) -> None:
    there = world.schedule(slots=world.open("there:2"))

    def sleeps(alive: Alive) -> Outcome:
        world.clock.to(MORNING + LOST_AFTER + SOON)
        there.tick()
        alive()
        raise AssertionError("it went on")

    outcome = world.schedule(sleeps).tick()
    assert outcome == Outcome(Status.FAILED, "ended, because another process took its slot for lost")
    assert world.history() == [("03-02 09:30", "done")]


def test_a_run_over_the_limit_is_ended_and_failed(world: World) -> None:
    def hangs(alive: Alive) -> Outcome:
        while True:
            world.clock.to(world.clock() + SOON)
            alive()

    outcome = world.schedule(hangs).tick()
    assert outcome == Outcome(Status.FAILED, "ended, because it took longer than 2 hours")
    assert world.clock() == MORNING + RUN_LIMIT + SOON
    assert len(world.told) == 1


def test_a_stopped_run_is_lost_without_alarm_and_taken_up_by_the_next_start(world: World) -> None:
    def stops(alive: Alive) -> Outcome:
        schedule.stop()
        alive()
        raise AssertionError("it went on")

    schedule = world.schedule(stops)
    assert schedule.tick() == Outcome(Status.LOST, "stopped before its end")
    assert world.told == []
    world.schedule().tick()
    assert world.history() == [("03-02 09:30", "done")]


def test_a_job_that_died_of_the_same_signal_is_no_failure(world: World) -> None:
    def dies(alive: Alive) -> Outcome:
        schedule.stop()
        return Outcome(Status.FAILED, "exit code -15: no output")

    schedule = world.schedule(dies)
    assert schedule.tick() == Outcome(Status.LOST, "stopped before its end")


def test_slots_out_of_reach_are_told_once_a_slot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise SalvocastError("the ledger failed (away)")

    monkeypatch.setattr(JobSlots, "mark_lost", away)
    schedule = world.schedule()
    for minute in (0, 5, 10, 24 * 60):
        world.clock.to(MORNING + timedelta(minutes=minute))
        with pytest.raises(SalvocastError, match="away"):
            schedule.tick()
    assert [(alert.name, alert.sentence) for alert in world.told] == [
        ("retrain not started", "the ledger failed (away).")
    ] * 2
    monkeypatch.undo()
    schedule.tick()
    assert len(world.ran) == 1


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def quiet() -> None:
    """A job that may go on."""


def test_a_command_that_ends_well_or_badly_or_says_nothing() -> None:
    output = io.BytesIO()
    run = partial(run_command, copy_to=output, alive=quiet)
    assert run(python("print('first'); print('kept two_regime'); print()")) == Outcome(Status.DONE, "kept two_regime")
    failing = "import sys; print('on stdout', flush=True); print('why', file=sys.stderr); sys.exit(4)"
    assert run(python(failing)) == Outcome(Status.FAILED, "exit code 4: why")
    assert run(python("import os; os.kill(os.getpid(), 9)")) == Outcome(Status.FAILED, "exit code -9: no output")
    assert output.getvalue() == b"first\nkept two_regime\n\non stdout\nwhy\n"
    warns = "print('salvocast: a source failed'); print('noise'); print('kept'); raise SystemExit(3)"
    assert run(python(warns)) == Outcome(Status.DONE, "salvocast: a source failed; kept", needs_a_person=True)
    with pytest.raises(FileNotFoundError):
        run(["/nowhere/salvocast"])


def processes_of_group(group: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if folder.name.isdigit() and int(status[2]) == group and status[0] != "Z":
            found.append(int(folder.name))
    return found


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to look for children in")
def test_a_command_that_must_end_is_ended_with_its_children_even_a_stubborn_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE_S", 0.2)
    written = tmp_path / "pid"

    def until_started() -> None:
        if written.exists() and written.read_text():
            raise SalvocastError("enough")

    with pytest.raises(SalvocastError, match="enough"):
        run_command([*python(STUBBORN), str(written)], io.BytesIO(), until_started)
    deadline = time.monotonic() + 20  # a killed process may still be seen for a moment
    while left := processes_of_group(int(written.read_text())):
        assert time.monotonic() < deadline, left


RESIDENT = """
import signal, sys
from datetime import UTC, datetime, timedelta
from functools import partial
from experiments.schedule import Cron, Schedule, run_command
from experiments.slots import JobSlots
url, sleep = sys.argv[1:]
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGTERM, interrupt)
job = [sys.executable, "-c", f"import time; print('started', flush=True); time.sleep({sleep})"]
cron = Cron.parse("* * * * *", "UTC")
with JobSlots.open(url) as slots:
    run = partial(run_command, job, sys.stderr.buffer)
    Schedule("job", cron, slots, run, print, serves=str, now=lambda: datetime.now(UTC)).run_for_ever()
print("ended in good order")
"""


def wait_for(slots: JobSlots, status: Status) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(run.status is status for run in slots.history()):
            return
        time.sleep(0.05)
    raise AssertionError(f"no run was {status}: {slots.history()}")


@pytest.mark.parametrize(("sleep", "reached", "left"), [(0, Status.DONE, "done"), (600, Status.RUNNING, "lost")])
def test_the_resident_scheduler_catches_up_at_its_start_and_ends_in_good_order(
    world: World, sleep: int, reached: Status, left: str
) -> None:
    command = [*python(RESIDENT), world.url, str(sleep)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(world.slots, reached)
            process.send_signal(signal.SIGTERM)
            told, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    assert told.splitlines()[-1] == "ended in good order"
    assert {run.status for run in world.slots.history()} == {left}


@pytest.mark.slow
def test_two_resident_schedulers_run_each_minute_once(world: World) -> None:
    """APScheduler in two processes would run every job twice; the row decides."""
    running = [
        subprocess.Popen([*python(RESIDENT), world.url, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        threading.Event().wait(130)
        for process in running:
            process.send_signal(signal.SIGTERM)
        outputs = [process.communicate(timeout=60) for process in running]
    finally:
        for process in running:
            process.kill()
    starts = sum(errors.count("started") for _, errors in outputs)
    history = world.slots.history()
    assert starts == len(history) >= 3
    assert {run.status for run in history} == {Status.DONE}
    assert len({run.slot for run in history}) == len(history)
