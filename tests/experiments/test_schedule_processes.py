"""The job as a process of its own, and the resident scheduler: ended in good order, children and all."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from experiments import schedule as module
from experiments.schedule import Outcome, run_command
from experiments.slots import JobSlots, Status
from features.errors import SalvocastError


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def quiet() -> None:
    """A job that may go on."""


def test_a_command_that_ends_well_or_badly_or_says_nothing() -> None:
    output: list[str] = []
    run = partial(run_command, pass_on=output.append, alive=quiet)
    assert run(python("print('first'); print('kept two_regime'); print()")) == Outcome(Status.DONE, "kept two_regime")
    failing = "import sys; print('on stdout', flush=True); print('why', file=sys.stderr); sys.exit(4)"
    assert run(python(failing)) == Outcome(Status.FAILED, "exit code 4: why")
    assert run(python("import os; os.kill(os.getpid(), 9)")) == Outcome(Status.FAILED, "exit code -9: no output")
    assert "".join(output) == "first\nkept two_regime\n\non stdout\nwhy\n"
    warns = "from features.complaints import complain; complain('a source\\nfailed'); print('noise'); print('kept'); "
    assert run(python(warns + "raise SystemExit(3)")) == Outcome(
        Status.DONE, "a source failed; kept", needs_a_person=True
    )
    last = "from features.complaints import complain; complain('it failed'); raise SystemExit(1)"
    assert run(python(last)) == Outcome(Status.FAILED, "exit code 1: it failed")
    looks_like_one = "print('salvocast: no complaint'); print('kept')"  # how a line begins says nothing
    assert run(python(looks_like_one)) == Outcome(Status.DONE, "kept")
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
        run_command([*python(STUBBORN), str(written)], print, until_started)
    deadline = time.monotonic() + 20  # a killed process may still be seen for a moment
    while left := processes_of_group(int(written.read_text())):
        assert time.monotonic() < deadline, left


RESIDENT = """
import signal, sys, time
from datetime import UTC, datetime, timedelta
from functools import partial
from experiments.schedule import Cron, Schedule, run_command
from experiments.slots import JobSlots
url, sleep, began, times = sys.argv[1], *map(float, sys.argv[2:])
wait = time.sleep
def now():
    return datetime.fromtimestamp(began + (time.time() - began) * times, UTC)
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGTERM, interrupt)
job = [sys.executable, "-c", f"import time; print('started', flush=True); time.sleep({sleep})"]
cron = Cron.parse("* * * * *", "UTC")
with JobSlots.open(url) as slots:
    run = partial(run_command, job, sys.stderr.write)
    schedule = Schedule("job", cron, slots, run, print, serves=str, now=now)
    time.sleep = lambda seconds: wait(seconds / times)
    schedule.run_for_ever()
print("ended in good order")
"""
"""Of the job's seconds, of when its clock showed the right time, and of how many times as fast it goes."""


def wait_for(slots: JobSlots, status: Status) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(run.status is status for run in slots.history()):
            return
        time.sleep(0.05)
    raise AssertionError(f"no run was {status}: {slots.history()}")


@pytest.mark.parametrize(("sleep", "reached", "left"), [(0, Status.DONE, "done"), (600, Status.RUNNING, "lost")])
def test_the_resident_scheduler_catches_up_at_its_start_and_ends_in_good_order(
    slots_file: Path, sleep: int, reached: Status, left: str
) -> None:
    url = f"sqlite:///{slots_file}"
    command = [*python(RESIDENT), url, str(sleep), "0", "1"]
    with (
        JobSlots.open(url) as slots,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            wait_for(slots, reached)
            process.send_signal(signal.SIGTERM)
            told, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 0, errors
        assert told.splitlines()[-1] == "ended in good order"
        assert {run.status for run in slots.history()} == {left}


@pytest.mark.slow
def test_two_resident_schedulers_run_each_minute_once(slots_file: Path) -> None:
    """Both wake up for each of them, which here are of five seconds; the row decides."""
    url, began = f"sqlite:///{slots_file}", str(time.time())
    running = [
        subprocess.Popen(
            [*python(RESIDENT), url, "0", began, "12"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        deadline = time.monotonic() + 60
        with JobSlots.open(url) as slots:
            while sum(run.status is Status.DONE for run in slots.history()) < 3 and time.monotonic() < deadline:
                time.sleep(0.5)
        for process in running:
            process.send_signal(signal.SIGTERM)
        outputs = [process.communicate(timeout=60) for process in running]
    finally:
        for process in running:
            process.kill()
    starts = sum(errors.count("started") for _, errors in outputs)
    with JobSlots.open(url) as slots:
        history = slots.history()
    assert starts == len(history) >= 3
    assert {run.status for run in history} == {Status.DONE}
    assert len({run.slot for run in history}) == len(history)
