"""Who runs a slot: one of all who ask, on both databases, whatever dies."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.slots import LOST_AFTER, Claim, JobSlots, SlotRun, Status
from tests.databases import PostgresqlServer

JOB = "retrain"
SLOT = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
NEXT = SLOT + timedelta(days=1)
SOON = timedelta(minutes=1)
Open = Callable[..., JobSlots]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])])
def url(request: pytest.FixtureRequest) -> sa.URL:
    if request.param == "sqlite":
        return sa.make_url(f"sqlite:///{request.getfixturevalue('slots_file')}")
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.migrated()


@pytest.fixture
def open_slots(url: sa.URL) -> Iterator[Open]:
    """Opens the same slots as a process of that name."""
    opened = []

    def open_as(owner: str) -> JobSlots:
        slots = JobSlots.open(url)
        slots.owner = owner
        opened.append(slots)
        return slots

    yield open_as
    for slots in opened:
        slots.__exit__()


def only(slots: JobSlots) -> SlotRun:
    (run,) = slots.history()
    return run


def test_one_run_from_claim_to_end(open_slots: Open) -> None:
    here, there = open_slots("here:1"), open_slots("there:2")
    assert here.claim(JOB, SLOT, SLOT + SOON) is Claim.MINE
    assert there.claim(JOB, SLOT, SLOT + SOON) is Claim.TAKEN
    assert here.claim(JOB, SLOT, SLOT + SOON) is Claim.TAKEN
    assert here.heartbeat(JOB, SLOT, SLOT + 2 * SOON)
    assert here.finish(JOB, SLOT, SLOT + 3 * SOON, Status.DONE, "kept two_regime")
    expected = SlotRun(
        JOB, SLOT, "here:1", SLOT + SOON, SLOT + 2 * SOON, SLOT + 3 * SOON, Status.DONE, "kept two_regime"
    )
    assert only(there) == expected
    assert there.claim(JOB, SLOT, NEXT) is Claim.TAKEN
    assert there.claim("another job", SLOT, NEXT) is Claim.MINE


def test_of_eight_that_ask_at_once_one_runs_it(open_slots: Open) -> None:
    asking = [open_slots(f"host:{number}") for number in range(8)]
    for day in range(5):
        slot = SLOT + timedelta(days=day)
        with ThreadPoolExecutor(8) as pool:
            claims = list(pool.map(lambda slots, slot=slot: slots.claim(JOB, slot, slot), asking))
        assert sorted(claims) == [Claim.MINE, *[Claim.TAKEN] * 7]
        winner = asking[claims.index(Claim.MINE)]
        assert winner.finish(JOB, slot, slot, Status.DONE, "")


def test_a_slot_during_another_run_is_skipped_and_stays_so(open_slots: Open) -> None:
    here, there = open_slots("here:1"), open_slots("there:2")
    here.claim(JOB, SLOT, SLOT)
    assert there.claim(JOB, NEXT, NEXT) is Claim.SKIPPED
    assert there.claim(JOB, NEXT, NEXT) is Claim.TAKEN
    here.finish(JOB, SLOT, NEXT + SOON, Status.DONE, "")
    assert here.claim(JOB, NEXT, NEXT + SOON) is Claim.TAKEN
    skipped, _ = here.history(JOB)
    assert skipped.status is Status.SKIPPED
    assert skipped.ended_at == NEXT
    assert skipped.message == "the run due at 2026-03-01 07:30 UTC was still going on"


def test_a_run_whose_heartbeat_stopped_is_lost_and_taken_again_once(open_slots: Open) -> None:
    first, second, third = (open_slots(name) for name in ("a:1", "b:2", "c:3"))
    first.claim(JOB, SLOT, SLOT)
    first.heartbeat(JOB, SLOT, SLOT + SOON)
    assert second.mark_lost(JOB, SLOT + SOON + LOST_AFTER) == []  # not yet
    late = SLOT + SOON + LOST_AFTER + timedelta(seconds=1)
    (lost,) = second.mark_lost(JOB, late)
    assert (lost.slot, lost.claimed_by, lost.status) == (SLOT, "a:1", Status.LOST)
    assert third.mark_lost(JOB, late) == []  # told to one
    assert second.claim(JOB, SLOT, late) is Claim.MINE
    assert third.claim(JOB, SLOT, late) is Claim.TAKEN
    assert not first.heartbeat(JOB, SLOT, late)  # the first was only asleep: it hears of it, and spoils nothing
    assert not first.finish(JOB, SLOT, late, Status.FAILED, "")
    assert second.heartbeat(JOB, SLOT, late)
    assert only(third).claimed_by == "b:2 after a:1"
    later = late + LOST_AFTER + SOON
    assert len(third.mark_lost(JOB, later)) == 1
    assert third.claim(JOB, SLOT, later) is Claim.TAKEN  # twice is enough
    assert third.claim(JOB, NEXT, NEXT) is Claim.MINE  # and holds up no other slot


def test_a_stopped_run_is_taken_again_once(open_slots: Open) -> None:
    slots = open_slots("a:1")
    for expected in (Claim.MINE, Claim.MINE, Claim.TAKEN):
        claim = slots.claim(JOB, SLOT, SLOT)
        assert claim is expected
        assert slots.finish(JOB, SLOT, SLOT, Status.LOST, "stopped") is (claim is Claim.MINE)


def test_a_lost_slot_is_left_alone_while_another_runs(open_slots: Open) -> None:
    slots, there = open_slots("a:1"), open_slots("b:2")
    slots.claim(JOB, SLOT, SLOT)
    slots.finish(JOB, SLOT, SLOT, Status.LOST, "stopped")
    slots.claim(JOB, NEXT, NEXT)
    assert there.claim(JOB, SLOT, NEXT) is Claim.TAKEN
    assert [run.status for run in there.history()] == [Status.RUNNING, Status.LOST]


def test_history_and_failures_in_a_row(open_slots: Open) -> None:
    slots = open_slots("a:1")
    statuses = [Status.FAILED, Status.DONE, Status.LOST, Status.FAILED]
    for day, status in enumerate(statuses):
        slots.claim(JOB, SLOT + timedelta(days=day), SLOT)
        slots.finish(JOB, SLOT + timedelta(days=day), SLOT, status, str(day))
    slots.claim(JOB, SLOT + timedelta(days=9), SLOT)  # still running: neither good nor bad
    slots.claim("another", SLOT + timedelta(days=10), SLOT)
    assert [run.message for run in slots.history(JOB)] == ["", "3", "2", "1", "0"]
    assert [run.job for run in slots.history(limit=2)] == ["another", JOB]
    assert slots.failures_in_a_row(JOB) == 2
    assert slots.failures_in_a_row("never ran") == 0


KILLED = """
import os, signal, sys
from datetime import datetime
from experiments.slots import JobSlots
slots = JobSlots.open(sys.argv[1])
print(slots.claim("retrain", datetime.fromisoformat(sys.argv[2]), datetime.fromisoformat(sys.argv[2])), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_a_run_that_is_found_lost(open_slots: Open, url: sa.URL) -> None:
    text = url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", KILLED, text, SLOT.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("mine", -9)
    slots = open_slots("next:1")
    assert slots.claim(JOB, SLOT, SLOT + SOON) is Claim.TAKEN
    assert len(slots.mark_lost(JOB, SLOT + 2 * LOST_AFTER)) == 1
    assert slots.claim(JOB, SLOT, SLOT + 2 * LOST_AFTER) is Claim.MINE


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "beat", "done", "lost", "look"]),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(0, 4),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_no_two_run_at_once_and_no_slot_runs_thrice(
    steps: list, empty_slots: Path, tmp_path: Path
) -> None:
    shutil.copy(empty_slots, tmp_path / "any.db")
    people = []
    for owner in ("a:1", "b:2", "c:3"):
        people.append(JobSlots.open(f"sqlite:///{tmp_path / 'any.db'}"))
        people[-1].owner = owner
    now = SLOT
    runs: dict[datetime, int] = {}
    done: set[datetime] = set()
    for action, person, number, minutes in steps:
        now += timedelta(minutes=minutes)
        slot = SLOT + timedelta(days=number)
        slots = people[person]
        if action == "claim" and slots.claim(JOB, slot, now) is Claim.MINE:
            runs[slot] = runs.get(slot, 0) + 1
            assert slot not in done
        elif action == "beat":
            slots.heartbeat(JOB, slot, now)
        elif action == "done" and slots.finish(JOB, slot, now, Status.DONE, ""):
            done.add(slot)
        elif action == "lost":
            slots.finish(JOB, slot, now, Status.LOST, "")
        elif action == "look":
            slots.mark_lost(JOB, now)
        running = [run for run in slots.history(JOB) if run.status is Status.RUNNING]
        assert len(running) <= 1
        assert all(run.ended_at is None for run in running)
    assert all(times <= 2 for times in runs.values())
    for slots in people:
        slots.__exit__()
