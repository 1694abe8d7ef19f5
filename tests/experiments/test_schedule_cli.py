"""`salvocast schedule` as a person, a timer and a machine that shuts down run it."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from experiments import schedule_cli
from experiments.retrain_cli import retrain
from experiments.schedule_cli import COMMANDS, schedule
from experiments.slots import JobSlots, Status
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting.commands.main import run
from forecasting.record.archive import Archive

Run = Callable[..., int]
JOB = "retrain ukraine shahed"


@pytest.fixture
def salvocast(home: Path, store: str, filled_ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `salvocast schedule` in this process; the job is `program`, a Python program."""
    home.mkdir(exist_ok=True)
    shutil.copy(filled_ledger, home / "ledger.db")
    monkeypatch.delenv("SALVOCAST_ALERT_URL", raising=False)
    handlers = {sign: signal.getsignal(sign) for sign in (signal.SIGTERM, signal.SIGINT)}

    def run_it(*arguments: str, program: str = "print('nothing new')") -> int:
        monkeypatch.setattr(schedule_cli, "COMMANDS", [(sys.executable, "-c", program)])
        try:
            return run(schedule, list(arguments))
        finally:
            for sign, handler in handlers.items():
                signal.signal(sign, handler)

    return run_it


@pytest.fixture
def alerts(home: Path, tmp_path: Path) -> Path:
    """A file to which the alert command of the settings adds what it is told."""
    written = tmp_path / "alerts"
    program = f"import sys; open({str(written)!r}, 'a').write(sys.stdin.read())"
    home.mkdir(exist_ok=True)
    (home / "settings.toml").write_text(f"[alerts]\ncommand = {json.dumps([sys.executable, '-c', program])}\n")
    return written


def slots(home: Path) -> JobSlots:
    return JobSlots.open(f"sqlite:///{home / 'ledger.db'}")


def test_once_runs_what_is_due_once_and_then_says_nothing(
    salvocast: Run, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert salvocast("--once") == 0
    told = capfd.readouterr()
    assert told.out == f"{JOB} done: nothing new\n"
    assert told.err == "nothing new\n"  # by the job
    assert salvocast("--once") == 0
    assert capfd.readouterr() == ("", "")
    with slots(home) as opened:
        (only,) = opened.history()
    now = datetime.now(UTC)
    assert now - timedelta(days=1, hours=1) < only.slot <= now
    assert only.claimed_by.endswith(f":{os.getpid()}")


def test_a_failure_ends_with_1_and_is_told_by_the_command_of_the_settings(
    salvocast: Run, home: Path, alerts: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert salvocast("--once", program="import sys; sys.exit('salvocast: the registry is away')") == 1
    told = capfd.readouterr()
    assert told.out == f"{JOB} failed: exit code 1: salvocast: the registry is away\n"
    alert = alerts.read_text()
    assert alert.startswith(f"salvocast alert: {JOB} failed (1, limit 0). {JOB}, due 20")
    assert "failed: exit code 1: salvocast: the registry is away" in alert
    assert alert.endswith("No champion is registered: salvo_ensemble serves.\n")
    assert alert in told.err
    assert salvocast("--once") == 0  # told once, not repeated


def test_a_ledger_that_is_away_is_told_before_anything_is_run(
    salvocast: Run, home: Path, alerts: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "ledger.db").write_bytes(b"no database")
    assert salvocast("--once") == 1
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[-1].startswith("salvocast: ")
    alert = alerts.read_text()
    assert alert.startswith(f"salvocast alert: {JOB} not started (not counted, limit 0). ")
    assert alert.endswith("No champion is registered: salvo_ensemble serves.\n")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("[retrain]\norigin = 3\n", "retrain.origin: unknown key 'origin': did you mean origins"),
        (
            "[[source]]\nkind = 'bulletin'\npath = 'ledger.db/*.txt'\n",
            "source 1 (bulletin ledger.db/*.txt): HOME/ledger.db is a file: expected a folder",
        ),
        ("[[source]]\nkind = 'kaggle'\n" * 2, "the source kaggle stands there twice: expected each once"),
    ],
)
def test_a_mistake_in_the_settings_is_told_at_the_start_and_not_in_the_night(
    salvocast: Run, home: Path, capfd: pytest.CaptureFixture[str], settings: str, told: str
) -> None:
    """By the resident scheduler and by the command that it would run; a timer's run tells it by its alert."""
    (home / "settings.toml").write_text(settings, encoding="utf-8")
    capfd.readouterr()
    app = typer.Typer()
    app.command()(retrain)
    for started in (lambda: salvocast(), lambda: run(app, [])):
        assert started() == 2
        out, error = capfd.readouterr()
        assert out == ""
        assert error.startswith(f"salvocast: {home / 'settings.toml'}: {told.replace('HOME', str(home))}")
        assert error.count("\n") == 1
    assert salvocast("--once", program="import sys; sys.exit('salvocast: what the command said')") == 1
    assert "failed: exit code 1: salvocast: what the command said" in capfd.readouterr().err
    with slots(home) as opened:
        assert len(opened.history()) == 1  # of the timer's


def test_each_series_has_slots_and_commands_of_its_own(
    salvocast: Run, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = "import sys; print(*sys.argv[1:])"
    assert salvocast("--once", "--theatre", "North", program=program) == 0
    assert salvocast("--once", "--weapon-class", "cruise", program=program) == 0
    assert salvocast("--once", "--weapon-class", "cruise", program=program) == 0
    assert capfd.readouterr().out.splitlines() == [
        "retrain north shahed done: --theatre north --weapon-class shahed",
        "retrain ukraine cruise done: --theatre ukraine --weapon-class cruise",
    ]
    with slots(home) as opened:
        assert [run.job for run in opened.history()] == ["retrain north shahed", "retrain ukraine cruise"]


@pytest.mark.parametrize("broken", ["settings", "command", "webhook"])
def test_an_alert_that_cannot_be_sent_does_not_hide_the_failure(
    salvocast: Run, home: Path, broken: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if broken == "webhook":
        monkeypatch.setenv("SALVOCAST_ALERT_URL", "not an address")
    text = {"settings": "no TOML", "command": '[alerts]\ncommand = ["/nowhere/notify"]\n', "webhook": ""}[broken]
    (home / "settings.toml").write_text(text)
    assert salvocast("--once", program="raise SystemExit(4)") == 1
    told = capfd.readouterr()
    assert told.out == f"{JOB} failed: exit code 4: no output\n"
    expected = {"settings": "is not TOML", "command": "/nowhere/notify failed", "webhook": "the alert's webhook"}[
        broken
    ]
    assert expected in told.err
    assert f"salvocast alert: {JOB} failed" in told.err


def test_history_in_every_format(salvocast: Run, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert salvocast("history") == 0
    assert capfd.readouterr().out == "no run yet\n"
    morning = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
    with slots(home) as opened:
        opened.owner = "ops:7"
        for day, (status, message) in enumerate([(Status.DONE, "kept, two_regime"), (Status.FAILED, "away")]):
            slot = morning + timedelta(days=day)
            opened.claim(JOB, slot, slot)
            opened.finish(JOB, slot, slot + timedelta(seconds=75), status, message)
    assert salvocast("history") == 0
    assert capfd.readouterr().out.splitlines() == [
        "due               job                     status  started           seconds  by     message",
        "2026-03-02 07:30  retrain ukraine shahed  failed  2026-03-02 07:30       75  ops:7  away",
        "2026-03-01 07:30  retrain ukraine shahed  done    2026-03-01 07:30       75  ops:7  kept, two_regime",
    ]
    assert salvocast("history", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert [row["message"] for row in rows] == ["away", "kept, two_regime"]
    assert salvocast("history", "--limit", "1", "--format", "json") == 0
    (newest,) = json.loads(capfd.readouterr().out)
    assert newest == {
        "job": JOB,
        "slot": "2026-03-02T07:30:00+00:00",
        "claimed_by": "ops:7",
        "started_at": "2026-03-02T07:30:00+00:00",
        "heartbeat_at": "2026-03-02T07:30:00+00:00",
        "ended_at": "2026-03-02T07:31:15+00:00",
        "status": "failed",
        "message": "away",
    }


@pytest.mark.parametrize("arguments", [("--cron", "30 9 * *"), ("--timezone", "Nowhere"), ("history", "--limit", "0")])
def test_what_cannot_be_used_is_told_in_one_line(
    salvocast: Run, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert salvocast(*arguments) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def start(home: Path, *arguments: str, program: str) -> "subprocess.Popen[str]":
    """`salvocast schedule` in a process of its own, with that program as its job."""
    text = (
        "import sys\nfrom experiments import schedule_cli\nfrom forecasting.commands.main import run\n"
        f"schedule_cli.COMMANDS = [(sys.executable, '-c', {program!r})]\n"
        f"sys.exit(run(schedule_cli.schedule, {list(arguments)!r}))"
    )
    environment: dict[str, Any] = os.environ | {"SALVOCAST_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "sign"), [((), 0, signal.SIGTERM), (("--once",), 1, signal.SIGINT)], ids=["resident", "once"]
)
def test_a_signal_ends_it_and_its_job_and_the_next_start_takes_it_up(
    salvocast: Run, home: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, sign: signal.Signals
) -> None:
    started = tmp_path / "started"
    program = f"import time; open({str(started)!r}, 'w').write('yes'); time.sleep(600)"
    # The slot of half past nine, so that no other comes due during the test (but at that very minute).
    with start(home, *arguments, program=program) as process:
        try:
            while not started.exists():
                assert process.poll() is None, process.communicate()
            process.send_signal(sign)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert "alert" not in errors
    with slots(home) as opened:
        (run_,) = opened.history()
        assert (run_.status, run_.message) == (Status.LOST, "stopped before its end")
        assert salvocast("--once") == 0
        (again,) = opened.history()
    assert again.status is Status.DONE
    assert again.claimed_by.endswith(f"after {run_.claimed_by}")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[-1])
def test_what_is_run_are_commands_of_this_installation(command: tuple[str, ...]) -> None:
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False, timeout=60, cwd="/")
    assert done.returncode == 0, done.stderr
    assert f"salvocast {command[-1]}" in done.stdout or "salvocast schedule follow-up" in done.stdout


def test_the_outcome_is_that_of_the_retraining_and_a_follow_up_that_fails_needs_a_person(
    salvocast: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    programs = ["print('kept two_regime')", "raise SystemExit(1)"]

    def outcome() -> tuple[str, str, bool]:
        monkeypatch.setattr(schedule_cli, "COMMANDS", [(sys.executable, "-c", program) for program in programs])
        both = schedule_cli._run((), lambda: None)
        return both.status, both.message, both.needs_a_person

    assert outcome() == ("done", "kept two_regime; the follow-up failed, exit code 1: no output", True)
    programs.reverse()
    assert outcome() == ("failed", "exit code 1: no output; kept two_regime", False)
    programs[1] = programs[0]
    assert outcome() == ("failed", "exit code 1: no output", False)  # one fault, one line
    programs[1] = "print('kept two_regime')"
    said = "from features.complaints import complain; complain('a source failed')"
    programs[0] = f"{said}; print('kept'); raise SystemExit(3)"
    assert outcome() == ("done", "a source failed; kept; kept two_regime", True)


def test_follow_up_issues_the_plan_of_what_serves_once_and_tells_of_drift(
    salvocast: Run, home: Path, alerts: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert salvocast("follow-up") == 0
    told = capfd.readouterr().out
    assert salvocast("follow-up") == 0
    assert capfd.readouterr().out == told
    with Archive.open(f"sqlite:///{home / 'ledger.db'}") as archive:
        (issued,) = archive.list()
    assert (issued.channel, issued.kind, issued.model_id) == ("schedule", "plan", "salvo_ensemble")
    assert told == f"issued {issued.id[:12]}; drift: reports_overdue\n"
    # The bundled record ends long before today: there has been no report for far more than 36 hours.
    overdue = alerts.read_text().splitlines()[0]
    assert "overdue" in overdue
    assert "limit 36" in overdue
    assert overdue.endswith("No champion is registered: salvo_ensemble serves.")


def test_follow_up_of_a_series_without_a_bundled_defence_issues_the_forecast_alone(
    salvocast: Run, home: Path, night: Callable[..., SalvoReport], capfd: pytest.CaptureFixture[str]
) -> None:
    reports = [
        replace(night(date(2026, 1, 1) + timedelta(days=day), 20 + day % 7), theatre="north") for day in range(90)
    ]
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        ledger.ingest(Reading("table", "north", iter(reports)), datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert salvocast("follow-up", "--theatre", "north") == 0, capfd.readouterr().err
    with Archive.open(f"sqlite:///{home / 'ledger.db'}") as archive:
        (issued,) = archive.list()
    assert (issued.kind, issued.theatre, issued.channel) == ("forecast", "north", "schedule")
