"""The files of experiments/deploy, run for real as far as this machine can: systemd's own checks, cron, and a team.

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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa

from experiments.slots import JobSlots, Status
from features.ledger import Ledger
from features.sources.bundled import read_bundled
from forecasting.archive import Archive
from tests.databases import PostgresqlServer

DEPLOY = Path(__file__).parents[2] / "experiments" / "deploy"
BIN = Path(sys.executable).parent
UNITS = sorted(path.name for suffix in ("service", "timer") for path in DEPLOY.glob(f"*.{suffix}"))
SERVICES = [name for name in UNITS if name.endswith(".service")]
KYIV = ZoneInfo("Europe/Kyiv")

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", *map(str, arguments)]
    environment = os.environ | {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with the programs where they are here."""
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/opt/salvocast/.venv/bin", str(BIN)), encoding="utf-8")
    return tmp_path


def setting(name: str, key: str) -> str:
    """The value of a key of a unit."""
    text = (DEPLOY / name).read_text(encoding="utf-8").replace("\\\n", " ")
    (value,) = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
    return str(value)


@needs_systemd
def test_systemd_finds_no_fault_with_the_units(units: Path) -> None:
    done = analyze("verify", *(units / name for name in UNITS))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_confined(units: Path, name: str) -> None:
    done = analyze("security", "--offline=true", "--threshold=20", units / name)  # of 100: the less, the better
    assert done.returncode == 0, done.stdout


@needs_systemd
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-28 12:00 UTC", "Sun 2026-03-29 06:30:00 UTC"),  # the clock of Kyiv is put forward that night
        ("2026-03-27 12:00 UTC", "Sat 2026-03-28 07:30:00 UTC"),
        ("2026-10-24 12:00 UTC", "Sun 2026-10-25 07:30:00 UTC"),
        ("2026-10-23 12:00 UTC", "Sat 2026-10-24 06:30:00 UTC"),
    ],
)
def test_the_timer_goes_by_the_clock_of_kyiv(now: str, expected: str) -> None:
    done = analyze("calendar", f"--base-time={now}", setting("salvocast-retrain.timer", "OnCalendar"))
    assert done.returncode == 0, done.stderr
    assert f"Next elapse: {expected}" in done.stdout


def test_timer_and_cron_ask_for_the_time_that_the_timer_fires_at() -> None:
    options = shlex.split(setting("salvocast-retrain.service", "ExecStart"))[1:]
    assert options == ["schedule", "--once", "--cron", "30 9 * * *", "--timezone", "Europe/Kyiv"]
    assert setting("salvocast-retrain.timer", "OnCalendar") == "*-*-* 09:30:00 Europe/Kyiv"
    assert setting("salvocast-retrain.timer", "Persistent") == "true"
    line = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()[-1]
    assert shlex.split(line.partition("exec ")[2])[1:] == options


# Root of a namespace of its own, so that neither the machine's crontabs nor its lock file are seen or touched.
CRON = """
set -e
mount -t tmpfs none /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
install -m 600 "$1" "/var/spool/cron/crontabs/$(id -un)"
mount -t tmpfs none /run
mount -t tmpfs none /etc/cron.d
mount --bind /dev/null /etc/crontab
"""


def cron_cannot_run() -> str | None:
    if not shutil.which("cron") or os.geteuid() != 0:
        return "cron cannot be run here (Debian's package cron, and root)"
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", CRON, "sh", "/dev/null"], capture_output=True, text=True, check=False
    )
    return f"cron cannot be given a namespace of its own: {tried.stderr.strip()}" if tried.returncode else None


@pytest.mark.slow
def test_cron_runs_the_line_and_the_slot_once(home: Path, tmp_path: Path) -> None:
    if reason := cron_cannot_run():
        pytest.skip(reason)
    home.mkdir()
    fired, secrets_file, table = tmp_path / "fired", tmp_path / "retrain.env", tmp_path / "crontab"
    secrets_file.write_text("MLFLOW_DISABLE_TELEMETRY=true\n", encoding="utf-8")
    text = (DEPLOY / "crontab").read_text(encoding="utf-8")
    for given, here in (
        ("/opt/salvocast/.venv/bin", str(BIN)),
        ("/opt/salvocast/retrain.env", str(secrets_file)),
        ("/var/lib/salvocast", str(home)),
        ("*/10 * * * * set -a;", "* * * * * set -a;"),
        ("exec ", f"echo >> {fired}; exec "),
    ):
        assert text.count(given) == 1 or given == "/opt/salvocast/.venv/bin"
        text = text.replace(given, here)
    table.write_text(text, encoding="utf-8")
    command = ["unshare", "--mount", "sh", "-c", CRON + "exec cron -f", "sh", str(table)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with JobSlots.open(f"sqlite:///{home / 'ledger.db'}") as slots:
            wait_until(lambda: fired.exists() and fired.read_text().count("\n") >= 2, 150)
            wait_until(lambda: all(run.ended_at for run in slots.history()), 300)
            runs = slots.history()
    finally:
        process.terminate()
        process.wait(30)
    (run,) = runs
    assert run.slot.astimezone(KYIV).strftime("%H:%M") == "09:30"
    assert timedelta(0) <= datetime.now(UTC) - run.slot <= timedelta(hours=26)
    assert run.status is Status.DONE, run.message


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
    """The set-up of the README: PostgreSQL with two databases and three roles, an MLflow server with users."""

    def __init__(self, server: PostgresqlServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.administrator = server.empty()
        self.passwords = {name: secrets.token_hex(12) for name in ("mlflow", "admin")}
        self.psql("databases.sql")
        self.psql("grants.sql", "salvocast")
        with engine_of(self.administrator) as engine, engine.connect() as connection:
            connection.exec_driver_sql(block("sql"))
            for name in re.findall(r"CREATE ROLE (\w+) LOGIN", block("sql") + "CREATE ROLE mlflow LOGIN"):
                self.passwords.setdefault(name, secrets.token_hex(12))
                connection.exec_driver_sql(f"ALTER ROLE {name} PASSWORD '{self.passwords[name]}'")
            connection.commit()

    def psql(self, file: str, database: str = "postgres") -> None:
        """Runs a file as the README says, as the administrator."""
        url = self.administrator
        command = [
            "psql",
            "-v",
            "ON_ERROR_STOP=1",
            "-q",
            "-h",
            str(url.host),
            "-p",
            str(url.port),
            "-U",
            str(url.username),
        ]
        done = subprocess.run(
            [*command, "-d", database, "-f", str(DEPLOY / file)],
            env=os.environ | {"PGPASSWORD": str(url.password)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def ledger(self, login: str) -> sa.URL:
        """The ledger for that login."""
        return self.administrator.set(username=login, password=self.passwords[login], database="salvocast")

    def start_mlflow(self) -> "MlflowServer":
        return MlflowServer(self.ledger("mlflow").set(database="mlflow"), self.passwords["admin"], self._folder)


@pytest.fixture(scope="module")
def team(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Team:
    if not shutil.which("psql"):
        pytest.skip("there is no psql here (Debian's package postgresql-client)")
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    team = Team(server, tmp_path_factory.mktemp("team"))
    with Ledger.open(team.ledger("anna")) as ledger:  # an operator's first command makes the tables
        ledger.ingest(read_bundled(), datetime(2026, 3, 1, 12, tzinfo=UTC))
    team.psql("grants.sql", "salvocast")
    return team


def salvocast(url: sa.URL, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | environment | {"SALVOCAST_LEDGER_URL": url.render_as_string(hide_password=False)}
    command = [str(BIN / "salvocast"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, env=environment)


def denied(url: sa.URL, statement: str) -> None:
    refused = pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|must be owner")
    with engine_of(url) as engine, engine.connect() as connection, refused:
        connection.exec_driver_sql(statement)


TABLES = ("batch", "report", "sighting", "quarantine", "decision", "coverage", "issued_forecast", "job_slot")


@pytest.mark.slow
@pytest.mark.postgresql
class TestParties:
    """What a reader, a planner and an operator can do in the ledger, and cannot."""

    @pytest.mark.parametrize("login", ["olena", "petro", "serving"])
    @pytest.mark.parametrize("table", TABLES)
    def test_readers_and_planners_change_nothing(self, team: Team, login: str, table: str) -> None:
        url = team.ledger(login)
        denied(url, f"DELETE FROM {table}")
        denied(url, f"DROP TABLE {table}")
        denied(url, f"TRUNCATE {table}")
        column = {"report": "theatre", "job_slot": "job", "issued_forecast": "theatre"}.get(table)
        if column:
            denied(url, f"UPDATE {table} SET {column} = 'x'")
        if table != "issued_forecast" or login == "olena":
            denied(url, f"INSERT INTO {table} DEFAULT VALUES")

    @pytest.mark.parametrize("login", ["olena", "petro"])
    def test_all_read_and_get_a_forecast(self, team: Team, login: str) -> None:
        done = salvocast(team.ledger(login), "forecast", "--horizon", "7", "--paths", "200", "--format", "csv")
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) > 7

    def test_a_planner_issues_and_a_reader_does_not(self, team: Team) -> None:
        forecast = ("forecast", "--horizon", "7", "--paths", "200", "--issue")
        refused = salvocast(team.ledger("olena"), *forecast)
        assert refused.returncode == 1
        assert "permission denied for table issued_forecast" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        done = salvocast(team.ledger("petro"), *forecast)
        assert done.returncode == 0, done.stderr
        with Archive.open(team.ledger("olena")) as archive:
            (issued,) = archive.list()
        assert issued.id in done.stdout + done.stderr

    def test_a_planner_does_not_ingest(self, team: Team, tmp_path: Path) -> None:
        table = tmp_path / "counts.csv"
        table.write_text("window_start,window_end,launched\n2026-03-01T18:00,2026-03-02T08:00,99\n", encoding="utf-8")
        for login, code in (("petro", 1), ("anna", 0)):
            done = salvocast(team.ledger(login), "ingest", "table", str(table))
            assert done.returncode == code, done.stderr
            assert ("permission denied" in done.stderr) is (code == 1)

    def test_nobody_changes_what_was_issued_not_even_an_operator(self, team: Team) -> None:
        for login in ("petro", "anna", "retraining"):
            for statement in ("DELETE FROM issued_forecast", "UPDATE issued_forecast SET theatre = 'x'"):
                denied(team.ledger(login), statement)

    def test_one_operator_changes_the_tables_that_another_made(self, team: Team) -> None:
        with engine_of(team.ledger("retraining")) as engine, engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE batch ADD COLUMN checked_by_test INTEGER")
            connection.exec_driver_sql("ALTER TABLE batch DROP COLUMN checked_by_test")

    def test_a_table_of_a_later_release_can_be_read_at_once(self, team: Team) -> None:
        with engine_of(team.ledger("retraining")) as engine, engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE of_later (number INTEGER)")
        with engine_of(team.ledger("olena")) as engine, engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT * FROM of_later").all() == []
        with engine_of(team.ledger("anna")) as engine, engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE of_later")

    @pytest.mark.parametrize("login", ["olena", "petro", "anna"])
    def test_the_other_database_is_closed(self, team: Team, login: str) -> None:
        refused = pytest.raises(sa.exc.OperationalError, match="permission denied for database")
        with engine_of(team.ledger(login).set(database="mlflow")) as engine, refused:
            engine.connect()

    def test_operators_claim_slots_and_planners_do_not(self, team: Team) -> None:
        slot = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
        with JobSlots.open(team.ledger("petro")) as slots, pytest.raises(Exception, match="permission denied"):
            slots.claim("retrain", slot, slot)
        with JobSlots.open(team.ledger("anna")) as slots:
            slots.claim("retrain", slot, slot)
        with JobSlots.open(team.ledger("olena")) as slots:
            assert len(slots.history()) == 1


class MlflowServer:
    """The server as salvocast-mlflow.service starts it, on a free port."""

    def __init__(self, store: sa.URL, admin_password: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "basic_auth.ini").write_text(self._here((DEPLOY / "basic_auth.ini").read_text(), folder))
        environment = dict(re.findall(r"^(\w+)='(.*)'$", (DEPLOY / "mlflow.env").read_text(), re.MULTILINE))
        assert set(environment) == {
            "MLFLOW_BACKEND_STORE_URI",
            "MLFLOW_FLASK_SERVER_SECRET_KEY",
            "MLFLOW_AUTH_ADMIN_PASSWORD",
        }
        environment |= {
            "MLFLOW_BACKEND_STORE_URI": store.render_as_string(hide_password=False),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
            "MLFLOW_AUTH_ADMIN_PASSWORD": admin_password,
        }
        unit = (DEPLOY / "salvocast-mlflow.service").read_text()
        for line in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE):
            environment |= dict(pair.split("=", 1) for pair in self._here(line, folder).split())
        command = shlex.split(self._here(setting("salvocast-mlflow.service", "ExecStart"), folder))
        self._log = folder / "mlflow.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=os.environ | environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(self._healthy, 120)
        except BaseException:
            self.stop()
            raise

    def _here(self, text: str, folder: Path) -> str:
        """The text with the paths and the port of this test."""
        for given, here in (
            ("/opt/salvocast/.venv/bin", str(BIN)),
            ("/opt/salvocast", str(folder)),
            ("/var/lib/salvocast-mlflow", str(folder)),
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


@pytest.fixture(scope="module")
def mlflow_server(team: Team) -> Iterator[MlflowServer]:
    if importlib.util.find_spec("flask_wtf") is None:
        pytest.skip("MLflow's basic authentication needs the package Flask-WTF")
    server = team.start_mlflow()
    try:
        users = block("python").replace("http://127.0.0.1:5000", server.url)
        assert users.count('"at least twelve characters"') == 2
        users = users.replace('"at least twelve characters"', f"{team.passwords!r}[name]")
        done = run_as(server, "admin", team, users)
        assert done.returncode == 0, done.stderr
        yield server
    finally:
        server.stop()


def settings_of(file: str, server: MlflowServer, team: Team) -> dict[str, str]:
    """The variables of an env file, with the address and the passwords of this test."""
    given = dict(re.findall(r"^(\w+)='(.*)'$", (DEPLOY / file).read_text(), re.MULTILINE))
    login = given["MLFLOW_TRACKING_USERNAME"]
    assert f"//{login}:" in given["SALVOCAST_LEDGER_URL"]
    return given | {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_PASSWORD": team.passwords[login]}


def run_as(server: MlflowServer, login: str, team: Team, program: str) -> "subprocess.CompletedProcess[str]":
    """Runs a Python program as a person with that login would."""
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_TRACKING_USERNAME": login,
        "MLFLOW_TRACKING_PASSWORD": team.passwords[login],
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, env=environment)


LOGS = """
from pathlib import Path
import mlflow
mlflow.set_experiment("salvocast-backtest")
with mlflow.start_run(run_name="by an operator") as run:
    mlflow.log_metric("wis", 12.5)
    Path("note.txt").write_text("kept by the server")
    mlflow.log_artifact("note.txt")
client = mlflow.MlflowClient()
client.create_registered_model("of-the-team")
client.create_model_version("of-the-team", f"runs:/{run.info.run_id}/note.txt", run.info.run_id)
client.set_registered_model_alias("of-the-team", "champion", "1")
print(run.info.run_id)
"""
READS = """
import mlflow
client = mlflow.MlflowClient()
(run,) = client.search_runs([client.get_experiment_by_name("salvocast-backtest").experiment_id])
print(run.data.metrics["wis"], client.get_model_version_by_alias("of-the-team", "champion").version)
print(open(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="note.txt")).read())
"""
WRITES = {
    "a run": 'client.create_run(client.get_experiment_by_name("salvocast-backtest").experiment_id)',
    "an alias": 'client.set_registered_model_alias("of-the-team", "champion", "1")',
    "a version": 'client.create_model_version("of-the-team", "somewhere")',
    "a removal": 'client.delete_registered_model("of-the-team")',
}


@pytest.mark.slow
@pytest.mark.postgresql
class TestMlflow:
    """The MLflow server of a team. In this order: what was logged first is read later."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_an_operator_logs_a_run_and_moves_the_champion(self, mlflow_server: MlflowServer, team: Team) -> None:
        done = run_as(mlflow_server, "anna", team, LOGS)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("login", ["petro", "olena", "retraining"])
    def test_all_read_it(self, mlflow_server: MlflowServer, team: Team, login: str) -> None:
        done = run_as(mlflow_server, login, team, READS)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["12.5 1", "kept by the server"]

    @pytest.mark.parametrize("what", WRITES)
    def test_planners_write_none_of_it(self, mlflow_server: MlflowServer, team: Team, what: str) -> None:
        program = f"import mlflow\nclient = mlflow.MlflowClient()\n{WRITES[what]}"
        done = run_as(mlflow_server, "petro", team, program)
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
        if what in ("a run", "an alias"):  # another operator may
            assert run_as(mlflow_server, "retraining", team, program).returncode == 0

    def test_the_retraining_runs_as_an_operator_and_a_planner_loads_the_champion(
        self, mlflow_server: MlflowServer, team: Team
    ) -> None:
        retrain, serve = (settings_of(name, mlflow_server, team) for name in ("retrain.env", "serve.env"))
        done = salvocast(team.ledger("retraining"), "schedule", "--once", **retrain)
        assert done.returncode == 0, done.stderr
        assert "salvocast-ukraine-shahed version 1" in done.stdout
        done = salvocast(team.ledger("serving"), "champion", "show", **serve)
        assert done.returncode == 0, done.stderr
        assert "salvocast-ukraine-shahed version 1" in done.stdout
        done = salvocast(team.ledger("serving"), "schedule", "follow-up", **serve)
        assert done.returncode == 0, done.stderr  # a planner issues, and loads what the operator registered
        with Archive.open(team.ledger("serving")) as archive:
            assert "schedule" in {issued.channel for issued in archive.list()}
        assert salvocast(team.ledger("serving"), "retrain", "--force", **serve).returncode == 1

    def test_without_a_login_or_with_a_wrong_one_nobody_comes_in(self, mlflow_server: MlflowServer) -> None:
        url = f"{mlflow_server.url}/api/2.0/mlflow/experiments/search?max_results=1"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, auth=("anna", "wrong")).status_code == 401

    def test_a_page_elsewhere_that_points_its_name_here_is_refused(
        self, mlflow_server: MlflowServer, team: Team
    ) -> None:
        url = f"{mlflow_server.url}/api/2.0/mlflow/experiments/search?max_results=1"
        login = ("anna", team.passwords["anna"])
        assert httpx.get(url, auth=login).status_code == 200
        refused = httpx.get(url, auth=login, headers={"Host": "evil.example.org"})
        assert refused.status_code == 403
        assert "Host" in refused.text

    def test_one_worker_and_no_jobs_in_half_a_gigabyte(self, mlflow_server: MlflowServer) -> None:
        if not Path("/proc/self/smaps_rollup").exists():
            pytest.skip("this system does not tell the memory of a process")
        assert 50 < mlflow_server.memory_mb() < 700

    def test_neither_passwords_nor_addresses_with_them_are_on_a_command_line(
        self, mlflow_server: MlflowServer, team: Team
    ) -> None:
        shown = Path(f"/proc/{mlflow_server.process.pid}/cmdline")
        if not shown.exists():
            pytest.skip("this system shows no command lines")
        assert not any(password in shown.read_text() for password in team.passwords.values())
