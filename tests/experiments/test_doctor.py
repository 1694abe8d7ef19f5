"""`salvocast doctor`: each thing that can be wrong is found, named, and hides none of the others."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from experiments import doctor as module
from experiments.doctor import Check, Health, health_checks
from experiments.doctor_cli import doctor as command
from experiments.slots import JobSlots, Status
from features.errors import SalvocastError
from features.home import ledger_url
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting.registry import Promotion
from tests.experiments.conftest import Run

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Registered:
    """A registry with a champion of one series; of `refused` it may not be asked."""

    def __init__(self, refused: str = "", origin: date = date(2026, 2, 28), by_hand: bool = False) -> None:
        self.refused, self.origin, self.by_hand = refused, origin, by_hand

    def champion(self, _: str, weapon_class: str) -> Any:
        if weapon_class == self.refused:
            raise SalvocastError("the tracking store failed (permission denied)")
        if weapon_class != "shahed":
            return None
        return SimpleNamespace(version=7, model_id="salvo_ensemble", origin=self.origin)

    def champion_history(self, *_: str) -> list[Promotion]:
        return [Promotion(7, NOW, "the alias was moved by hand", 6, by_hand=self.by_hand)]


def registry(monkeypatch: pytest.MonkeyPatch, registered: Registered) -> None:
    @contextmanager
    def opened() -> Iterator[Registered]:
        yield registered

    monkeypatch.setattr(module.Registry, "open", opened)


@pytest.fixture
def healthy(home: Path, filled_ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home on the morning after the last report, with a run of last night's job."""
    home.mkdir(mode=0o700)
    shutil.copy(filled_ledger, home / "ledger.db")
    (home / "inbox").mkdir()
    (home / "settings.toml").write_text(
        '[[source]]\nkind = "table"\npath = "inbox"\n[alerts]\ncommand = ["true"]\n', encoding="utf-8"
    )
    ran(home, Status.DONE, "refreshed")
    registry(monkeypatch, Registered())
    return home


def ran(home: Path, status: Status, message: str, at: datetime = NOW - timedelta(hours=1)) -> None:
    with JobSlots.open(f"sqlite:///{home / 'ledger.db'}") as slots:
        slots.claim("retrain ukraine shahed", at, at)
        slots.finish("retrain ukraine shahed", at, at, status, message)


def examined() -> dict[str, Check]:
    return {check.name: check for check in health_checks(NOW, "30 9 * * *", "Europe/Kyiv")}


def test_the_next_run_is_told_by_the_last_ones_where_nobody_states_its_times(healthy: Path) -> None:
    def schedule(cron: str | None = None) -> str:
        found = health_checks(NOW, cron, "Europe/Kyiv")
        return next(check.found for check in found if check.name == "job schedule")

    assumed = "due next at 2026-03-02 07:30 UTC ('30 9 * * *' Europe/Kyiv, assumed: --cron states another)"
    assert schedule() == assumed  # one run tells no times
    ran(healthy, Status.DONE, "refreshed", NOW - timedelta(hours=25))
    assert schedule() == "due next at 2026-03-02 07:00 UTC ('0 9 * * *' Europe/Kyiv, as it was run last)"
    assert schedule("15 4 * * *") == "due next at 2026-03-02 02:15 UTC ('15 4 * * *' Europe/Kyiv)"
    ran(healthy, Status.DONE, "refreshed", NOW - timedelta(minutes=30))  # by hand, or at new times
    assert schedule() == assumed


def test_a_healthy_home_is_told_as_such(healthy: Path) -> None:
    checks = examined()
    shahed = [check for name, check in checks.items() if name.endswith("ukraine shahed")]
    assert len(shahed) == 3  # ledger, champion, job
    others = {"home disk", "home permissions", "settings", "settings source", "settings alerts", "job schedule"}
    assert others <= set(checks)
    assert {checks[name].health for name in others} | {check.health for check in shahed} == {Health.OK}
    assert checks["champion ukraine shahed"].found == (
        "version 7, salvo_ensemble, fitted through 2026-02-28, 1 day ago"
    )
    (brought,) = [check for name, check in checks.items() if name.startswith("ledger source ")]
    assert re.fullmatch(r"last brought news at 20\d\d-.* UTC: [\d,]+ added, 0 revised, \d+ held", brought.found), (
        brought
    )
    job = checks["job retrain ukraine shahed"].found
    assert re.fullmatch(r"done, due 2026-03-01 07:00 UTC, run by \S+, took 0 s: refreshed", job), job
    assert checks["job schedule"].found == "due next at 2026-03-02 07:30 UTC ('30 9 * * *' Europe/Kyiv)"
    assert not any(check.advice for check in checks.values() if check.health is Health.OK)
    assert healthy.exists()


@pytest.mark.usefixtures("healthy")
def test_a_series_that_may_not_be_asked_for_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    registry(monkeypatch, Registered(refused="ballistic"))
    checks = examined()
    assert checks["champion ukraine ballistic"].health is Health.FAILURE
    assert "permission denied" in checks["champion ukraine ballistic"].found
    assert checks["champion ukraine shahed"].health is Health.OK


@pytest.mark.usefixtures("healthy")
def test_a_champion_that_has_seen_more_than_the_ledger_holds_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    registry(monkeypatch, Registered(origin=date(2026, 3, 1)))
    found = examined()["champion ukraine shahed"]
    assert found.health is Health.FAILURE
    assert found.found.endswith("the record ends on 2026-02-28: reports are missing from this ledger")


@pytest.mark.parametrize(("days", "health"), [(2, Health.OK), (3, Health.WARNING), (28, Health.FAILURE)])
@pytest.mark.usefixtures("healthy")
def test_an_old_champion_is_a_warning_and_then_a_failure(
    monkeypatch: pytest.MonkeyPatch, days: int, health: Health
) -> None:
    registry(monkeypatch, Registered(origin=NOW.date() - timedelta(days=days)))
    assert examined()["champion ukraine shahed"].health is health


@pytest.mark.usefixtures("healthy")
def test_an_alias_that_was_moved_by_hand_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    registry(monkeypatch, Registered(by_hand=True))
    moved = examined()["champion ukraine shahed alias"]
    assert (moved.health, moved.found) == (Health.WARNING, "the alias was moved by hand")


@pytest.mark.usefixtures("healthy")
def test_a_count_that_waits_is_named_with_its_day_and_why() -> None:
    end = datetime(2026, 3, 1, 8)
    window = {"window_start": end - timedelta(hours=14), "window_end": end, "source": "table"}
    report = SalvoReport(theatre="ukraine", weapon_class="shahed", launched=9_900, **window)
    with Ledger.open(ledger_url()) as ledger:
        ledger.ingest(Reading("table", "a slip", iter([report])), NOW)
        (row,) = ledger.quarantine()
    held = examined()["ledger ukraine shahed held count"]
    assert held.found.startswith("9,900 launched on 2026-03-01 is not used until confirmed: launched 9,900 is ")
    assert f"release {row['id']} " in held.advice


def test_what_is_wrong_here_is_named_with_what_to_do(healthy: Path) -> None:
    (healthy / "inbox").rmdir()
    healthy.chmod(0o755)
    ran(healthy, Status.FAILED, "no space left", at=NOW - timedelta(minutes=5))
    checks = examined()
    wrong = {name: check.health for name, check in checks.items() if check.health is not Health.OK}
    expected = {"home permissions": Health.WARNING, "settings source": Health.FAILURE}
    assert expected | {"job retrain ukraine shahed": Health.FAILURE} == {
        name: health for name, health in wrong.items() if not name.startswith(("champion", "ledger", "quarantine"))
    }
    assert checks["job retrain ukraine shahed"].found.endswith("no space left")
    assert all(checks[name].advice for name in wrong)


def test_what_cannot_be_opened_is_a_failure_and_the_rest_is_looked_at(healthy: Path) -> None:
    (healthy / "ledger.db").write_bytes(b"")
    (healthy / "settings.toml").write_text("[nonsense]\n", encoding="utf-8")
    checks = examined()
    assert (checks["ledger"].health, checks["settings"].health) == (Health.FAILURE, Health.FAILURE)
    assert "is an empty file" in checks["ledger"].found
    assert checks["home disk"].health is Health.OK
    assert checks["registry"].health is Health.OK


@pytest.mark.usefixtures("healthy")
def test_the_exit_code_is_for_a_monitor(runner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.command()(command)
    run: Run = runner(app)
    for found, code in ((Health.OK, 0), (Health.WARNING, 3), (Health.FAILURE, 1)):
        checks = [Check("home", Health.OK, "fine"), Check("ledger", found, "so", "" if found is Health.OK else "do")]
        monkeypatch.setattr(module, "health_checks", lambda *_, checks=checks: checks)
        told = run("--format", "json")
        assert told[0] == code
        assert [check["health"] for check in json.loads(told[1])] == ["ok", found]
    assert "failure  ledger: so\n         -> do\n" in run()[1]
