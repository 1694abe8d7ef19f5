"""That a slot is run once, caught up once, and told where it fails: a fake clock, slots in a file."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from experiments.alerts import Alert
from experiments.schedule import RUN_LIMIT, Alive, Cron, Outcome, Schedule
from experiments.slots import LOST_AFTER, JobSlots, Status
from features.errors import SalvocastError

KYIV = ZoneInfo("Europe/Kyiv")
DAILY = Cron.parse("30 9 * * *", "Europe/Kyiv")
MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=KYIV)
SOON = timedelta(minutes=1)


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


@pytest.fixture
def world(slots_file: Path) -> Iterator[World]:
    world = World(slots_file)
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


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
def test_how_a_run_ended_stays_true_while_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch, status: Status
) -> None:
    """One that promoted is not told as failed, nor later as lost; the number goes on from what was known before."""
    world.schedule(lambda _: Outcome(Status.FAILED, "it broke")).tick()
    world.told.clear()
    world.clock.to(MORNING + timedelta(days=1))

    def away(*_: object) -> None:
        raise SalvocastError("the ledger failed (away)")

    def ends_as_the_database_goes(alive: Alive) -> Outcome:
        for name in ("finish", "failures_in_a_row", "mark_lost"):
            monkeypatch.setattr(JobSlots, name, away)
        return Outcome(status, "promoted: two_regime")

    schedule = world.schedule(ends_as_the_database_goes)
    outcome = schedule.tick()
    assert outcome is not None
    assert outcome.status is status
    (alert,) = world.told
    assert (alert.name, alert.number) == (
        ("retrain needs a person", 1) if status is Status.DONE else ("retrain failed", 2)
    )
    assert "promoted: two_regime (not written into the history yet: the ledger failed (away))" in alert.sentence
    monkeypatch.undo()
    world.clock.to(MORNING + timedelta(days=1) + LOST_AFTER + SOON)
    assert schedule.tick() is None
    assert world.history() == [("03-03 09:30", str(status)), ("03-02 09:30", "failed")]
    assert len(world.told) == 1


def test_the_same_fault_is_told_once_in_an_alert(world: World) -> None:
    def broken() -> str:
        raise SalvocastError("the tracking store failed (Connection refused): see that it can be reached")

    fails = Outcome(Status.FAILED, "exit code 1: the tracking store failed (Connection refused): see that")
    Schedule("retrain", DAILY, world.slots, lambda _: fails, world.told.append, serves=broken, now=world.clock).tick()
    assert world.told[0].serves == "What serves is not known."


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
    assert [alert.number for alert in world.told] == [1, 2]
    monkeypatch.undo()
    schedule.tick()
    assert len(world.ran) == 1
