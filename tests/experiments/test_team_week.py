"""A week of a team, lived on a fake clock with a real PostgreSQL and a real MLflow server.

Two machines wake up for every slot; reports are good, mad or missing; a morning is missed; the lock dies in mid-run;
the registry is stopped, lost and restored; the alias is moved by hand; a home is copied; the clock changes, in spring
and in autumn. Afterwards everything that anybody may ask about the week is told as it was.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from experiments import retrain as retraining
from experiments.alerts import Alert
from experiments.follow_up import issue_plan, serving_sentence
from experiments.report_sources import Finding
from experiments.retrain import retrain
from experiments.schedule import Alive, Cron, Outcome, Schedule
from experiments.slots import JobSlots, Status
from experiments.tracking import RetrainingRuns
from features.errors import SalvocastError
from features.ledger import Ledger
from features.records import SHAHED, UKRAINE, SalvoReport
from features.sources.reading import Reading
from forecasting.record.archive import Archive
from forecasting.registry import CHAMPION, Registry, ready_client, serving_model, store
from forecasting.report.document import PlanDocument
from forecasting.report.reading import read_document
from tests.databases import PostgresqlServer
from tests.experiments.stand_ins import SETTINGS
from tests.experiments.team import MlflowServer, Team, team_init

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]
KYIV = ZoneInfo("Europe/Kyiv")
DAILY = Cron.parse("30 9 * * *", "Europe/Kyiv")
SERIES = (UKRAINE, SHAHED)
NAME = "salvocast-ukraine-shahed"
SATURDAY = date(2026, 3, 28)
"""The clock of Kyiv is put forward in the night that follows."""


@dataclass
class Machine:
    """One that runs the schedule: a home of its own, and its name in the history of the runs."""

    name: str
    home: Path
    slots: JobSlots
    schedule: Schedule


@dataclass
class Week:
    """What the machines share: servers, a clock, an inbox, and what was told."""

    postgresql: PostgresqlServer
    team: Team
    server: MlflowServer
    folder: Path
    patch: pytest.MonkeyPatch
    moment: datetime = datetime(2026, 3, 28, tzinfo=UTC)
    machines: list[Machine] = field(default_factory=list)
    told: list[Alert] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.moment

    def url(self, login: str = "retraining") -> str:
        return self.team.address(login)

    def registry(self) -> Registry:
        return Registry.open(self.server.url, self.clock)

    def at(self, day: date, clock: str = "09:31") -> None:
        self.moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=KYIV).astimezone(UTC)

    def join(self, name: str, home: Path) -> Machine:
        slots = JobSlots.open(self.url())
        slots.owner = f"{name}:1"
        run = lambda alive: self.work(home, alive)  # noqa: E731
        schedule = Schedule(
            "retrain", DAILY, slots, run, self.told.append, serves=lambda: self.serves(home), now=self.clock
        )
        self.machines.append(Machine(name, home, slots, schedule))
        return self.machines[-1]

    def on(self, home: Path) -> None:
        """From now on this process is that machine's."""
        self.patch.setenv("SALVOCAST_HOME", str(home))

    def serves(self, home: Path) -> str:
        self.on(home)
        return serving_sentence(serving_model(*SERIES))

    def work(self, home: Path, alive: Alive) -> Outcome:
        """What the scheduled commands do, in this process and by this clock."""
        alive()
        self.on(home)
        with Ledger.open(self.url()) as ledger, Archive.open(self.url()) as archive:
            runs = RetrainingRuns(self.server.url)
            try:
                done = retrain(
                    ledger,
                    self.registry(),
                    runs,
                    SETTINGS,
                    folder=self.folder,
                    now=self.clock,
                    on_finding=self.findings.append,
                )
            except SalvocastError as error:
                return Outcome(Status.FAILED, str(error))
            self.plans.append(issue_plan(ledger, archive, *SERIES, self.moment))
            return Outcome(Status.DONE, done.kind)

    def morning(self, day: date, clock: str = "09:31") -> Outcome | None:
        """Every machine wakes up, twice; what the one that ran it says."""
        self.at(day, clock)
        self.findings.clear()
        found = [machine.schedule.tick() for _ in range(2) for machine in self.machines]
        ran = [outcome for outcome in found if outcome is not None]
        assert len(ran) <= 1
        return ran[0] if ran else None

    def report(self, day: date, launched: int) -> None:
        with (self.folder / "counts.csv").open("a", encoding="utf-8") as file:
            file.write(f"{day},{launched}\n")

    def champion(self) -> int | None:
        found = self.registry().champion(*SERIES)
        return found and found.version


@pytest.fixture
def week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, night: Callable[[date, int], SalvoReport]) -> Iterator[Week]:
    postgresql = PostgresqlServer()  # its own: the roles of a team belong to a server
    server, week = None, None
    (tmp_path / "servers").mkdir()
    try:
        team = Team(postgresql, tmp_path / "servers")
        days = [SATURDAY - timedelta(days=back) for back in reversed(range(1, 151))]
        rng = np.random.default_rng(1)
        with Ledger.open(team.ledger("anna")) as ledger:
            reports = [night(day, usual(day) + int(rng.integers(0, 20))) for day in days]
            ledger.ingest(Reading("table", "all", iter(reports)), datetime(2026, 3, 28, tzinfo=UTC))
        team.psql("grants.sql", "salvocast")
        server = team.start_mlflow()
        told = team_init(server, team)
        password = told.partition("login retraining with the password ")[2].split()[0]
        for name, value in (
            ("MLFLOW_TRACKING_URI", server.url),
            ("MLFLOW_TRACKING_USERNAME", "retraining"),
            ("MLFLOW_TRACKING_PASSWORD", password),
            ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0"),
            ("SALVOCAST_LEDGER_URL", team.address("retraining")),
        ):
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(store, "FIRST_WAIT", 0.01)
        (tmp_path / "counts.csv").write_text("date,launched\n", encoding="utf-8")
        (tmp_path / "anna").mkdir(mode=0o700)
        week = Week(postgresql, team, server, tmp_path, monkeypatch)
        week.join("anna", tmp_path / "anna")
        yield week
    finally:
        for machine in week.machines if week else ():
            machine.slots.__exit__()
        if week is not None:
            week.server.stop()
        elif server is not None:
            server.stop()
        postgresql.stop()


def usual(day: date) -> int:
    return 20 + 30 * day.weekday()


def restored_from_backup(week: Week) -> None:
    """MLflow's database, artefacts and users are lost while it is down, and put back as the README says."""
    dump, servers, backup = week.folder / "mlflow.dump", week.folder / "servers", week.folder / "backup"
    week.team.run("pg_dump", "-Fc", "-f", str(dump), "-d", "mlflow")
    servers.rename(backup)
    week.team.run("pg_restore", "--clean", "--if-exists", "--create", "-d", "postgres", str(dump))
    shutil.copytree(backup, servers)


def test_a_week_of_a_team(week: Week) -> None:
    days = [SATURDAY + timedelta(days=after) for after in range(7)]

    # Saturday: the first morning.
    assert week.morning(days[0]) == Outcome(Status.DONE, "first champion")
    assert week.champion() == 1
    # A second machine joins with a copy of the first one's home: each writes into its own from now on.
    shutil.copytree(week.folder / "anna", week.folder / "petro")
    week.join("petro", week.folder / "petro")

    # Sunday, an hour earlier by the sun: one of the two runs it, and learns from the new report.
    week.report(days[0], usual(days[0]))
    assert week.morning(days[1], "09:29") is None
    assert week.morning(days[1]) == Outcome(Status.DONE, "promoted")
    assert week.champion() == 2

    # Monday: ten times too many. Nothing is learned from it, and the plan of the morning rests on what is sound.
    week.report(days[1], 9_900)
    outcome = week.morning(days[2])
    assert outcome is not None
    assert (outcome.status, week.champion()) == (Status.DONE, 2)
    with Ledger.open(week.url()) as ledger, Archive.open(week.url()) as archive:
        (held,) = ledger.history(*SERIES).held
        assert (held.attack_day, held.launched) == (days[1], 9_900)
        plan = read_document(archive.get(week.plans[-1]).document)
    assert isinstance(plan, PlanDocument)
    assert plan.forecast.last_attack_day_known == days[0]

    # Tuesday: all machines are off. Wednesday: the latest slot alone is caught up, and its lock dies in mid-run.
    week.report(days[3], usual(days[3]))
    decide = retraining._put_in_service

    def lock_dies(*arguments: object) -> object:
        week.postgresql.run(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 725882279"
        )
        return decide(*arguments)  # type: ignore[arg-type]

    week.patch.setattr(retraining, "_put_in_service", lock_dies)
    outcome = week.morning(days[4])
    week.patch.setattr(retraining, "_put_in_service", decide)
    assert outcome is not None
    assert outcome.status is Status.FAILED
    assert "the lock of the registry was lost in mid-run" in outcome.message
    assert week.champion() == 2
    assert len(week.told) == 1
    assert week.told[0].number == 1
    assert "version 2 serves" in week.told[0].serves

    # Thursday: somebody has moved the alias past Salvocast. It is told as that, and the morning's work goes on.
    week.at(days[5], "08:00")
    ready_client(week.server.url).set_registered_model_alias(NAME, CHAMPION, "1")
    outcome = week.morning(days[5])
    assert outcome is not None
    assert outcome.status is Status.DONE
    assert [finding.text for finding in week.findings if "by hand" in finding.text]
    assert week.champion() == 3

    # Friday: the registry is down. What served goes on, the failure is told in a line; then it is back, elsewhere.
    week.report(days[5], usual(days[5]))
    week.server.stop()
    outcome = week.morning(days[6])
    assert outcome is not None
    assert outcome.status is Status.FAILED
    assert "it cannot be reached" in outcome.message or "refused" in outcome.message
    assert len(outcome.message.splitlines()) == 1
    assert "version 3 serves" in week.told[-1].serves
    restored_from_backup(week)
    week.server = week.team.start_mlflow()
    week.patch.setenv("MLFLOW_TRACKING_URI", week.server.url)
    assert week.morning(days[6], "10:30") is None  # a failed run is not repeated

    # In autumn, over the other change of the clock: the old slots are not caught up, each new one is run once.
    sunday = date(2026, 10, 25)
    for day in (sunday - timedelta(days=1), sunday):
        outcome = week.morning(day)
        assert outcome is not None
        assert outcome.status is Status.DONE
    assert week.champion() == 4

    # What is told of it all.
    slots = week.machines[0].slots.history("retrain")
    assert [(f"{run.slot:%m-%d %H:%M}", str(run.status)) for run in slots] == [
        ("10-25 07:30", "done"),
        ("10-24 06:30", "done"),
        ("04-03 06:30", "failed"),
        ("04-02 06:30", "done"),
        ("04-01 06:30", "failed"),
        ("03-30 06:30", "done"),
        ("03-29 06:30", "done"),
        ("03-28 07:30", "done"),
    ]
    history = week.registry().champion_history(*SERIES)
    assert [(each.version, each.by_hand) for each in history] == [
        (4, False),
        (3, False),
        (1, True),
        (2, False),
        (1, False),
    ]
    assert all(each.promoted_at <= week.moment for each in history)
    assert {f"{each.promoted_at:%m-%d}" for each in history} == {"10-24", "04-02", "03-29", "03-28"}
    assert {each.by for each in history if not each.by_hand} == {"retraining"}
    # Each machine's home is its own: what one kept, the other did not overwrite.
    assert (week.folder / "anna" / "models").is_dir()
    assert len(set(week.plans)) == len(week.plans) - 1  # on the second day of autumn nothing was new
