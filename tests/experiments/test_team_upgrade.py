"""From one release to the next and back, as experiments/deploy says: the release before the newest migration, from the
history of this checkout, on real servers."""

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from features.tables import SCHEMA_REVISION
from tests.databases import PostgresqlServer
from tests.experiments.team import DEPLOY, Team, block, salvocast
from tests.experiments.test_retrain_kills import SETTINGS

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]
ROOT = Path(__file__).parents[2]
SERIES = "salvocast-ukraine-shahed"


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the release before the newest migration of the ledger."""
    (newest,) = (ROOT / "features/migrations/versions").glob(f"v{SCHEMA_REVISION}_*.py")
    try:
        made = git("log", "--diff-filter=A", "--format=%H", "--", str(newest)).split()
        packed = git("archive", f"{made[-1].decode()}~1", "features", "forecasting", "experiments")
    except (OSError, IndexError, subprocess.CalledProcessError):
        pytest.skip("this checkout has no history that reaches back to the release before")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass
class Operator:
    """Who follows the document: commands of either release, as `retraining`, and PostgreSQL's as its administrator."""

    team: Team
    older: Path
    folder: Path
    environment: dict[str, str]

    def run(self, release: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command of the release in that tree."""
        command = [sys.executable, "-P", "-m", "forecasting.commands.main", *arguments]
        environment = os.environ | self.environment | {"PYTHONPATH": str(release)}
        return subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=600
        )

    def done(self, release: Path, *arguments: str) -> str:
        """What a command says that must go well."""
        ran = self.run(release, *arguments)
        assert ran.returncode == 0, (arguments, ran.stdout, ran.stderr)
        return ran.stdout

    def report(self, *rows: str) -> None:
        with (self.folder / "counts.csv").open("a", encoding="utf-8") as file:
            file.writelines(f"{row}\n" for row in rows)

    def issued(self) -> set[str]:
        with self.team.connected() as connection:
            return set(connection.exec_driver_sql("SELECT id FROM issued_forecast").scalars())

    def follow(self, language: str, release: Path) -> None:
        """Runs the commands of the document for PostgreSQL's administrator, with grants.sql of that release."""
        url = self.team.administrator
        commands = block(language).replace("grants.sql", str(release / "experiments/deploy/grants.sql"))
        login = {"PGHOST": str(url.host), "PGPORT": str(url.port), "PGUSER": str(url.username)}
        environment = os.environ | login | {"PGPASSWORD": str(url.password), "PGDATABASE": "postgres"}
        ran = subprocess.run(
            ["sh", "-ec", commands], env=environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr


@pytest.fixture
def operator(older: Path, tmp_path: Path) -> Iterator[Operator]:
    (tmp_path / "servers").mkdir()
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    (home / "counts.csv").write_text("date,launched\n", encoding="utf-8")
    with ExitStack() as running:
        postgresql = PostgresqlServer()
        running.callback(postgresql.stop)
        team = Team(postgresql, tmp_path / "servers")
        server = team.start_mlflow()
        running.callback(server.stop)
        login = {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_USERNAME": "admin"}
        login["MLFLOW_TRACKING_PASSWORD"] = team.mlflow_passwords["admin"]
        # A ledger aside: that of the team is made by the older release.
        made = salvocast(f"sqlite:///{tmp_path / 'aside.db'}", "team", "init", "--operator", "retraining", **login)
        assert made.returncode == 0, made.stderr
        password = re.findall(r"^login retraining with the password (\S+)$", made.stdout, re.MULTILINE)[0]
        login |= {"MLFLOW_TRACKING_USERNAME": "retraining", "MLFLOW_TRACKING_PASSWORD": password}
        login |= {"SALVOCAST_HOME": str(home), "SALVOCAST_LEDGER_URL": team.address("retraining")}
        yield Operator(team, older, home, login)


def test_a_team_goes_to_the_next_release_and_back(operator: Operator) -> None:
    older, newer = operator.older, ROOT
    nights = [f"2026-05-{day:02},{100 + day}" for day in range(1, 6)]

    # The older release at work: reports, a champion, an issued plan.
    operator.report(*nights[:3])
    operator.done(older, "ingest", "bundled")
    operator.team.psql(older / "experiments/deploy/grants.sql", "salvocast")
    assert f"{SERIES} version 1" in operator.done(older, "retrain")
    operator.done(older, "schedule", "follow-up")
    before, plans = operator.done(older, "data", "status"), operator.issued()
    assert len(plans) == 1
    operator.follow("backup", older)

    # Upgraded: nothing of it is lost, its settings hold, and what is new works.
    upgraded = operator.done(newer, "data", "status")
    assert upgraded.splitlines()[-1] == before.splitlines()[-1]
    operator.team.psql(DEPLOY / "grants.sql", "salvocast")
    assert "version 1: " in operator.done(newer, "champion", "show")
    operator.report(nights[3])
    assert f"{SERIES} version 2" in operator.done(newer, "retrain")
    operator.done(newer, "stock", "count", "interceptor_drone=12000", "--on", "2026-05-04")
    operator.done(newer, "schedule", "follow-up")
    newest = operator.issued() - plans
    assert len(newest) == 1

    # A machine that was forgotten leaves the newer tables alone, and says why.
    forgotten = operator.run(older, "retrain")
    assert forgotten.returncode == 1
    assert f"the ledger has schema {SCHEMA_REVISION}, this release knows up to " in forgotten.stderr
    assert forgotten.stderr.count("\n") == 1

    # And back: the ledger of before, its rights and settings of roles; reports come again from their files.
    operator.follow("rollback", older)
    assert operator.issued() == plans
    assert operator.done(older, "data", "status") == before
    again = operator.run(older, "champion", "show")
    assert "version 2: " in again.stdout, again.stderr  # MLflow was not touched: its log goes on
    operator.report(nights[4])
    assert f"{SERIES} version 3" in operator.done(older, "retrain")
    operator.done(older, "schedule", "follow-up")
    assert "2026-05-05" in operator.done(older, "data", "status")
    history = operator.done(older, "champion", "history")
    assert [line.split(": ")[0].split()[-1] for line in history.splitlines()] == ["3", "2", "1"]

    # Tried again later, the upgrade finds what it left: the dump of the newer ledger still holds its plan.
    kept = operator.team.administrator.set(database="newer")
    operator.team.run("createdb", "--template=template0", "newer")
    operator.team.run("pg_restore", "-d", "newer", str(operator.folder / "newer.dump"))
    with operator.team.connected(kept) as connection:
        assert newest <= set(connection.exec_driver_sql("SELECT id FROM issued_forecast").scalars())
    operator.done(newer, "stock", "count", "interceptor_drone=12000", "--on", "2026-05-04")
    assert f"{SERIES} version 4" in operator.done(newer, "retrain")
