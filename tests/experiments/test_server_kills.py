"""PostgreSQL and MLflow's server, killed at any moment of a retraining, or out of room, lose nothing.

Whatever a morning meets, it says in one line, and the next one ends as if nothing had been: each report stands in the
ledger once, each day has one champion, and none came to serve twice. `make kills` tries 20 moments of each.
"""

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from experiments.tracking import RetrainingRuns
from features.ledger import Ledger
from features.records import SHAHED, UKRAINE, SalvoReport
from features.sources.reading import Reading
from forecasting.registry import Registry
from tests.databases import PostgresqlServer
from tests.experiments.team import MlflowServer, Team, salvocast
from tests.experiments.test_retrain_kills import SETTINGS

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]
KILLS = int(os.environ.get("SALVOCAST_KILLS", "1"))
"""Of each server."""
FIRST = date(2026, 3, 1)
FORKING = """
import os, sys, typer
from experiments.retrain_cli import retrain
from forecasting.commands.main import run
import experiments.retrain, mlflow.pyfunc, mlflow.models, mlflow.tracking, forecasting.registry, features.sources.table
import psycopg, features.release
features.release.code_version()  # is kept: that the sources are edited meanwhile must not matter
app = typer.Typer()
app.command()(retrain)
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        told = os.open(line.rstrip(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(told, 1), os.dup2(told, 2)
        code = 99
        try:
            code = run(app, [])
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
"""Forks `salvocast retrain` for each line, the file that it writes to: what is slow to import is there already."""


@dataclass
class Mornings:
    """A team whose retraining is run again and again, each time with one more night in the table."""

    postgresql: PostgresqlServer
    team: Team
    server: MlflowServer
    folder: Path
    process: "subprocess.Popen[str]"
    day: date = FIRST

    def new_report(self) -> None:
        self.day += timedelta(days=1)
        with (self.folder / "home" / "counts.csv").open("a", encoding="utf-8") as file:
            file.write(f"{self.day},{20 + 30 * self.day.weekday()}\n")

    def run(self) -> tuple[int, list[str]]:
        """Exit code and lines of a retraining."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        told = self.folder / "told"
        print(told, file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        return code, told.read_text(encoding="utf-8").splitlines()

    def run_while_killed(
        self, server: PostgresqlServer | MlflowServer, after: float, back_after: float | None
    ) -> tuple[int, list[str]]:
        """The same, with a server killed so many seconds after the begin, and started again so many seconds after that
        or, with None, when the retraining has ended."""

        def strike() -> None:
            time.sleep(after)
            server.kill()
            if back_after is not None:
                time.sleep(back_after)
                server.start()

        with ThreadPoolExecutor(1) as pool:
            struck = pool.submit(strike)
            outcome = self.run()
            struck.result()
        if back_after is None:
            server.start()
        return outcome

    def check_told(self, code: int, told: list[str]) -> None:
        """What a person reads of a morning that met something: one line on what is wrong, and what to do."""
        wrong = [line for line in told if "reports are overdue" not in line]  # these days are long gone
        assert code in (0, 1), told
        assert len(wrong) == 1, told
        assert len(wrong[0]) < 600
        assert not {"Traceback", "HTTPConnectionPool", "(Background on this error"} & set(wrong[0].split())
        if code:
            assert wrong[0].startswith("salvocast: the "), told
            assert any(what in wrong[0] for what in ("tracking store", "ledger", "lock of the registry")), told

    def check_done(self) -> float:
        """A morning that nobody disturbs comes to its end, and all of it stands there once; its seconds."""
        started = time.monotonic()
        code, told = self.run()
        seconds = time.monotonic() - started
        assert code == 0, told
        with Ledger.open(self.team.ledger("retraining")) as ledger:
            history = ledger.history()
            assert history.last_known_day == self.day
            assert len(ledger.as_of(datetime(2100, 1, 1, tzinfo=UTC))) == 150 + (self.day - FIRST).days + 1
            assert not ledger.quarantine()
        registry = Registry.open(self.server.url)
        champion = registry.champion(UKRAINE, SHAHED)
        assert champion is not None
        assert champion.origin == self.day
        changes = registry.champion_history(UKRAINE, SHAHED)
        assert changes[0].version == champion.version
        assert not any(change.by_hand for change in changes)
        served = [change.version for change in changes]
        assert len(set(served)) == len(served)  # no version came to serve twice
        origins = [change.origin for change in changes]
        assert origins == sorted(set(origins), reverse=True)  # nor a second one for the same record
        client = RetrainingRuns(self.server.url)._client
        experiments = [each.experiment_id for each in client.search_experiments()]
        assert not client.search_runs(experiments, "attributes.status = 'RUNNING'")
        assert self.run()[1][-1].startswith("nothing new")
        return seconds


@pytest.fixture(scope="module")
def mornings(tmp_path_factory: pytest.TempPathFactory, night: Callable[[date, int], SalvoReport]) -> Iterator[Mornings]:
    """A team on servers of its own, since they are going to be killed, after its first morning."""
    folder = tmp_path_factory.mktemp("kills")
    (folder / "servers").mkdir()
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    (home / "counts.csv").write_text("date,launched\n", encoding="utf-8")
    with ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        postgresql = PostgresqlServer()
        running.callback(postgresql.stop)
        team = Team(postgresql, folder / "servers")
        days = [FIRST - timedelta(days=back) for back in reversed(range(1, 151))]
        with Ledger.open(team.ledger("anna")) as ledger:
            reports = iter([night(day, 20 + 30 * day.weekday()) for day in days])
            ledger.ingest(Reading("table", "all", reports), datetime(2026, 3, 1, 12, tzinfo=UTC))
        team.psql("grants.sql", "salvocast")
        server = team.start_mlflow()
        running.callback(server.stop)
        login = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": team.mlflow_passwords["admin"]}
        login["MLFLOW_TRACKING_URI"] = server.url
        done = salvocast(team.ledger("retraining"), "team", "init", "--operator", "retraining", **login)
        assert done.returncode == 0, done.stderr
        login |= {"SALVOCAST_HOME": str(home), "SALVOCAST_LEDGER_URL": team.address("retraining")}
        for name, value in login.items():
            patch.setenv(name, value)
        command = [sys.executable, "-c", FORKING]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.callback(process.communicate)
        made = Mornings(postgresql, team, server, folder, process, FIRST - timedelta(days=1))
        assert made.run()[0] == 0, (folder / "told").read_text()
        yield made


def check_kills(
    mornings: Mornings, server: PostgresqlServer | MlflowServer, rng: random.Random, say: Callable[[str], object]
) -> None:
    mornings.new_report()
    seconds = mornings.check_done()
    failed = 0
    for number in range(KILLS):
        mornings.new_report()
        after, back_after = rng.uniform(0, seconds), None if number % 2 else rng.uniform(0, 5)
        code, told = mornings.run_while_killed(server, after, back_after)
        say(f"{type(server).__name__} killed after {after:.2f} s, back after {back_after}: {code}, {told[-1]}")
        mornings.check_told(code, told)
        mornings.check_done()
        failed += code
    say(f"{type(server).__name__}: {KILLS} kills, {failed} mornings failed and were made up for by the next")


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], object]:
    """Shows a line while the test runs."""

    def shown(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return shown


def test_the_database_has_no_room(mornings: Mornings, say: Callable[[str], object]) -> None:
    """First the ledger's tables, then those of MLflow."""
    if mornings.postgresql.small_disk is None:
        pytest.skip("a small disk for PostgreSQL cannot be mounted here: it takes root and a mount namespace")
    for database, tables in (("salvocast", ("sighting", "report", "batch")), ("mlflow", ("runs", "params", "metrics"))):
        mornings.new_report()
        url = mornings.team.administrator.set(database=database)
        with mornings.team.connected(url) as connection:
            for table in tables:  # each row on a page of its own: what is left of begun pages is room, too
                connection.exec_driver_sql(f"ALTER TABLE {table} SET TABLESPACE small")
                connection.exec_driver_sql(f"ALTER TABLE {table} SET (fillfactor = 10)")
            connection.exec_driver_sql("CREATE TABLE ballast (filler text) TABLESPACE small")
            for size in (3_000, 200, 10):  # until there is no room for a page
                filler = f"SELECT string_agg(md5(random()::text), '') FROM generate_series(1, {size})"
                with suppress(sa.exc.DBAPIError):
                    while True:
                        connection.exec_driver_sql(f"INSERT INTO ballast {filler}")
        code, told = mornings.run()
        say(f"{database} without room: {code}, {told[-1]}")
        with mornings.team.connected(url) as connection:
            connection.exec_driver_sql("DROP TABLE ballast")
            for table in tables:
                connection.exec_driver_sql(f"ALTER TABLE {table} SET TABLESPACE pg_default")
                connection.exec_driver_sql(f"ALTER TABLE {table} RESET (fillfactor)")
        mornings.check_told(code, told)
        assert code == 1
        # MLflow's client throws away what its server says of a failure.
        full = (
            r"it answered 50[03] each time"
            if database == "mlflow"
            else r"No space left on device.*make room on its disk"
        )
        assert re.search(full, told[-1]), told
        mornings.check_done()
    mornings.postgresql.run("CHECKPOINT")  # a server that is killed finds no small disk again, and must not look for it


def test_mlflow_is_killed_while_a_retraining_runs(mornings: Mornings, say: Callable[[str], object]) -> None:
    check_kills(mornings, mornings.server, random.Random(1), say)


def test_postgresql_is_killed_while_a_retraining_runs(mornings: Mornings, say: Callable[[str], object]) -> None:
    """Ledger, lock, and MLflow's own database at once."""
    check_kills(mornings, mornings.postgresql, random.Random(2), say)
