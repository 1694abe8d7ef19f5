"""The team of experiments/deploy/README.md on this machine: its databases, its MLflow server, its people.

Everything is started by the tests on loopback, in temporary folders, and stopped by its own process id.
"""

import importlib.util
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from features.ledger import Ledger
from features.sources.bundled import read_bundled
from tests.databases import PostgresqlServer

DEPLOY = Path(__file__).parents[2] / "experiments" / "deploy"
BIN = Path(sys.executable).parent


def setting(name: str, key: str) -> str:
    """The value of a key of a unit."""
    text = (DEPLOY / name).read_text(encoding="utf-8").replace("\\\n", " ")
    (value,) = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
    return str(value)


def wait_until(what: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)


def block(language: str) -> str:
    """The block of that language in the README of the set-up."""
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return "\n".join(line.removeprefix("   ") for line in found.splitlines())


@contextmanager
def engine_of(url: sa.URL) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


class Team:
    """The set-up of the README: PostgreSQL with two databases and four roles, an MLflow server with users."""

    def __init__(self, server: PostgresqlServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.administrator = server.empty()
        self.passwords = {"mlflow": secrets.token_hex(12)}
        self.mlflow_passwords = {"admin": secrets.token_hex(12)}
        self.psql("databases.sql")
        self.psql("grants.sql", "salvocast")
        with engine_of(self.administrator) as engine, engine.connect() as connection:
            connection.exec_driver_sql(block("sql"))
            for name in re.findall(r"CREATE ROLE (\w+) LOGIN", block("sql") + "CREATE ROLE mlflow LOGIN"):
                self.passwords.setdefault(name, secrets.token_hex(12))
                connection.exec_driver_sql(f"ALTER ROLE {name} PASSWORD '{self.passwords[name]}'")
            connection.commit()

    def psql(self, file: str | Path, database: str = "postgres") -> None:
        """Runs a file, of experiments/deploy where its place is not told, as the README says: as the administrator."""
        self.run("psql", "-v", "ON_ERROR_STOP=1", "-q", "-d", database, "-f", str(DEPLOY / file))

    def run(self, program: str, *arguments: str) -> None:
        """Runs a program of PostgreSQL's as the administrator."""
        url = self.administrator
        done = subprocess.run(
            [program, "-h", str(url.host), "-p", str(url.port), "-U", str(url.username), *arguments],
            env=os.environ | {"PGPASSWORD": str(url.password)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def ledger(self, login: str) -> sa.URL:
        """The ledger for that login."""
        return self.administrator.set(username=login, password=self.passwords[login], database="salvocast")

    def address(self, login: str) -> str:
        """The same, with its password, as an environment holds it."""
        return self.ledger(login).render_as_string(hide_password=False)

    @contextmanager
    def connected(self, url: sa.URL | None = None) -> Iterator[sa.Connection]:
        """A connection of the administrator to the ledger, or to another database; each statement holds at once."""
        with engine_of(url or self.administrator.set(database="salvocast")) as engine, engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def start_mlflow(self) -> "MlflowServer":
        return MlflowServer(self.ledger("mlflow").set(database="mlflow"), self.mlflow_passwords["admin"], self._folder)


class MlflowServer:
    """The server as salvocast-mlflow.service starts it, on a free port."""

    def __init__(self, store: sa.URL, admin_password: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        (folder / "basic_auth.ini").write_text(self.here((DEPLOY / "basic_auth.ini").read_text()))
        environment = dict(re.findall(r"^(\w+)='(.*)'$", (DEPLOY / "mlflow.env").read_text(), re.MULTILINE))
        assert set(environment) == {
            "MLFLOW_BACKEND_STORE_URI",
            "MLFLOW_FLASK_SERVER_SECRET_KEY",
            "MLFLOW_AUTH_ADMIN_PASSWORD",
        }
        self.secrets = environment | {
            "MLFLOW_BACKEND_STORE_URI": store.render_as_string(hide_password=False),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
            "MLFLOW_AUTH_ADMIN_PASSWORD": admin_password,
        }
        unit = (DEPLOY / "salvocast-mlflow.service").read_text()
        environment = dict(self.secrets)
        for line in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE):
            environment |= dict(pair.split("=", 1) for pair in self.here(line).split())
        command = shlex.split(self.here(setting("salvocast-mlflow.service", "ExecStart")))
        self._command, self._environment = command, os.environ | environment
        self._log = folder / "mlflow.log"
        self.start()

    def start(self) -> None:
        """Starts it at its port; again after `kill`."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(self._healthy, 300)
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """Ends all its processes without a farewell."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def here(self, text: str) -> str:
        """The text with the paths and the port of this test."""
        for given, here in (
            ("/opt/salvocast/.venv/bin", str(BIN)),
            ("/opt/salvocast", str(self.folder)),
            ("/var/lib/salvocast-mlflow", str(self.folder)),
            ("5000", str(self.port)),
        ):
            text = text.replace(given, here)
        return text

    def _healthy(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()[-2_000:]
        try:
            return httpx.get(f"{self.url}/health", timeout=5).is_success
        except httpx.TransportError:
            return False

    def memory_mb(self) -> float:
        """What the server's processes keep in memory, each shared page counted once (PSS), in MB of a million bytes."""
        total = 0.0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
                if session == self.process.pid:
                    rollup = (folder / "smaps_rollup").read_text()
                    total += int(re.findall(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)[0]) * 1.024 / 1000
            except (OSError, IndexError):
                continue
        return total

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


@pytest.fixture(scope="session")
def team(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Team:
    if not shutil.which("psql"):
        pytest.skip("there is no psql here (Debian's package postgresql-client)")
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    team = Team(server, tmp_path_factory.mktemp("team"))
    with Ledger.open(team.ledger("anna")) as ledger:  # an operator's first command makes the tables
        ledger.ingest(read_bundled(), datetime(2026, 3, 1, 12, tzinfo=UTC))
    team.psql("grants.sql", "salvocast")
    return team


@pytest.fixture(scope="session")
def mlflow_server(team: Team) -> Iterator[MlflowServer]:
    if importlib.util.find_spec("flask_wtf") is None:
        pytest.skip("MLflow's basic authentication needs the package Flask-WTF")
    server = team.start_mlflow()
    try:
        made = team_init(server, team)
        for name, password in re.findall(r"^login (\w+) with the password (\S+)$", made, re.MULTILINE):
            team.mlflow_passwords[name] = password
        assert set(team.mlflow_passwords) == {"admin", "anna", "retraining", "petro", "olena", "serving"}
        yield server
    finally:
        server.stop()


def team_init(server: MlflowServer, team: Team) -> str:
    """What the command of the README prints, run as it says."""
    (command,) = re.findall(r"^ *salvocast (team init .*)$", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    done = salvocast(
        team.ledger("retraining"),
        *command.split(),
        MLFLOW_TRACKING_URI=server.url,
        MLFLOW_TRACKING_USERNAME="admin",
        MLFLOW_TRACKING_PASSWORD=team.mlflow_passwords["admin"],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def settings_of(file: str, server: MlflowServer, team: Team) -> dict[str, str]:
    """The variables of an env file, with the address and the passwords of this test."""
    given = dict(re.findall(r"^(\w+)='(.*)'$", (DEPLOY / file).read_text(), re.MULTILINE))
    login = given["MLFLOW_TRACKING_USERNAME"]
    assert f"//{login}:" in given["SALVOCAST_LEDGER_URL"]
    return given | {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_PASSWORD": team.mlflow_passwords[login]}


def run_as(server: MlflowServer, login: str, team: Team, program: str) -> "subprocess.CompletedProcess[str]":
    """Runs a Python program as a person with that login would."""
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_TRACKING_USERNAME": login,
        "MLFLOW_TRACKING_PASSWORD": team.mlflow_passwords[login],
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)


def salvocast(url: sa.URL | str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | environment
    environment["SALVOCAST_LEDGER_URL"] = sa.make_url(url).render_as_string(hide_password=False)
    command = [str(BIN / "salvocast"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
