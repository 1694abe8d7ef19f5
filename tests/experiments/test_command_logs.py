"""What a retraining and a scheduled morning write into the log: enough to find them again, and no secret."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer

from experiments import retrain_cli, schedule_cli
from features.ledger import Ledger

SETTINGS = """
[[source]]
kind = "table"
path = "counts.csv"
[retrain]
first_champion = "empirical_window"
"""
TOKEN = "tok-0123456789abcdefghijklmnop"
PROGRAM = (
    "import sys, typer\nfrom experiments import retrain_cli\nfrom forecasting.commands.main import run\n"
    "app = typer.Typer()\napp.command()(retrain_cli.retrain)\nsys.exit(run(app, []))"
)
Salvocast = Callable[..., tuple[int, str, str]]


@pytest.fixture
def salvocast(
    home: Path,
    store: str,
    weekly_ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
    runner: Callable[[typer.Typer], Salvocast],
) -> Iterator[Salvocast]:
    """Runs a command line with the log as JSON, for somebody with secrets; its exit code, stdout and stderr."""
    assert store
    shutil.copy(weekly_ledger, home / "ledger.db")
    (home / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.setenv("HOME", str(home.parent))
    monkeypatch.setenv("SALVOCAST_TOKENS", f"ann:read:{TOKEN}")
    monkeypatch.setenv("SALVOCAST_LOG_FORMAT", "json")
    monkeypatch.setattr(schedule_cli, "COMMANDS", [(sys.executable, "-c", PROGRAM)])
    app = typer.Typer()
    app.command("retrain")(retrain_cli.retrain)
    app.add_typer(schedule_cli.schedule, name="schedule")

    yield runner(app)
    structlog.reset_defaults()


def logged(err: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def all_logged(err: str) -> dict[str, dict[str, Any]]:
    """Event -> its last line, of a log in which every line is JSON."""
    return {line["event"]: line for line in map(json.loads, err.splitlines())}


def test_a_retraining_is_logged_with_run_digest_and_duration(home: Path, salvocast: Salvocast) -> None:
    (home / "counts.csv").write_text("date,launched\n")
    code, out, err = salvocast("retrain")
    assert code == 0, err
    (line,) = logged(err)
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        assert line["digest"] == ledger.history().digest
    assert (line["event"], line["level"], line["outcome"], line["version"]) == ("retrain", "info", "first champion", 1)
    assert f"run {line['run']})" in out
    assert line["seconds"] > 0


def test_without_being_asked_nothing_is_logged(
    home: Path, salvocast: Salvocast, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "counts.csv").write_text("date,launched\n")
    monkeypatch.delenv("SALVOCAST_LOG_FORMAT")
    code, _, err = salvocast("retrain", "--dry-run")
    assert (code, err) == (0, "salvocast: no report since 2026-02-28: reports are overdue\n")


def test_no_secret_and_no_home_is_in_the_log_of_a_slot_whose_retraining_fails(home: Path, salvocast: Salvocast) -> None:
    (home / "counts.csv").write_text("date,launched\n")
    (home / "mlflow.db").write_bytes(b"no database " + TOKEN.encode())
    (home / "models").mkdir()
    (home / TOKEN).mkdir()
    (home / "settings.toml").write_text(SETTINGS.replace("counts.csv", str(home / TOKEN)))
    code, out, err = salvocast("schedule", "--once")
    assert (code, out.startswith("retrain ukraine shahed failed")) == (1, True)
    events = all_logged(err)
    retrain, slot = events["retrain"], events["slot"]
    assert (retrain["event"], retrain["level"]) == ("retrain", "error")
    assert "the tracking store ~/home/mlflow.db cannot be read (file is not a database)" in retrain["error"]
    assert (slot["job"], slot["status"]) == ("retrain ukraine shahed", "failed")
    assert slot["seconds"] > 0
    alert = events["alert"]
    assert (alert["name"], alert["number"], alert["limit"]) == ("retrain ukraine shahed failed", 1, 0)
    assert "the tracking store ~/home/mlflow.db cannot be read (file is not a database)" in alert["text"]
    for secret in (TOKEN, str(home), str(home.parent)):
        assert secret not in err
        assert secret not in out


def test_the_log_of_a_slot_holds_that_of_its_retraining(home: Path, salvocast: Salvocast) -> None:
    (home / TOKEN).mkdir()
    (home / TOKEN / "counts.csv").write_text("date,launched\n2026-03-01,many\n")
    (home / "settings.toml").write_text(SETTINGS.replace("counts.csv", str(home / TOKEN / "*.csv")))
    code, out, err = salvocast("schedule", "--once")
    assert code == 0, err
    events = all_logged(err)
    retrain, slot = events["retrain"], events["slot"]
    assert retrain["outcome"] == "first champion"
    assert retrain["run"] in slot["message"]
    assert slot["status"] == "done"
    assert f"run {retrain['run']})" in events["output"]["text"]  # what it said to a person, last
    for secret in (TOKEN, str(home), str(home.parent)):
        assert secret not in err
        assert secret not in out
