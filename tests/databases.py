"""Databases for tests: SQLite files, and a PostgreSQL server of the tests' own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import sleep
from typing import Protocol

import pytest
import sqlalchemy as sa

from features.ledger import Ledger


class Database(Protocol):
    """Where ledgers of a test live. Every URL is of a database of its own."""

    def empty(self) -> sa.URL:
        """A new database without any table."""

    def migrated(self) -> sa.URL:
        """A new database with an empty ledger: a copy of one that was migrated once."""

    def drop(self, url: sa.URL) -> None:
        """Removes a database that nobody uses any more."""


class SqliteFiles:
    """SQLite databases in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._template = folder / "template.db"
        with Ledger.open(_sqlite_url(self._template)):
            pass

    def empty(self) -> sa.URL:
        return _sqlite_url(self._folder / f"{next(self._numbers)}.db")

    def migrated(self) -> sa.URL:
        url = self.empty()
        shutil.copyfile(self._template, str(url.database))
        return url

    def drop(self, url: sa.URL) -> None:
        Path(str(url.database)).unlink()


def _sqlite_url(path: Path) -> sa.URL:
    return sa.URL.create("sqlite", database=str(path))


class PostgresqlServer:
    """A PostgreSQL server of the tests' own, on loopback, with its data in a temporary folder.

    Raises OSError or SubprocessError, with the reason, where it cannot be started. small_disk: the name of a
    tablespace of 6 MB, or None where one cannot be made (it takes root and a mount namespace).
    """

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
        which = shutil.which("postgres")
        if not (found or which):
            raise FileNotFoundError("there is no PostgreSQL server here (Debian's package postgresql)")
        binaries = found[-1].parent if found else Path(str(which)).resolve().parent
        self._numbers = count()
        self._folder = Path(tempfile.mkdtemp(prefix="salvocast-postgresql-"))
        try:
            self._start(binaries)
        except BaseException:
            self.stop()
            raise

    def _start(self, binaries: Path) -> None:
        secret, data, log, disk = (self._folder / name for name in ("password", "data", "log", "disk"))
        password = secrets.token_hex(8)
        secret.write_text(password, encoding="ascii")
        disk.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        become: list[str] = []  # the server refuses to run as root
        self.small_disk: str | None = None
        if os.geteuid() == 0:
            import pwd

            known = {entry.pw_name: entry for entry in pwd.getpwall()}
            user = known.get("postgres") or known["nobody"]
            for path in (self._folder, secret, disk):
                os.chown(path, user.pw_uid, user.pw_gid)
            become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            mount = f'mount -t tmpfs -o size=6m,uid={user.pw_uid},gid={user.pw_gid},mode=0700 none {disk} && exec "$@"'
            in_namespace = ["unshare", "--mount", "sh", "-c", mount, "sh"]
            if subprocess.run([*in_namespace, "true"], capture_output=True, check=False).returncode == 0:
                self.small_disk = "small"
        initdb = [*become, binaries / "initdb", "--pgdata", data, "--username=salvocast", f"--pwfile={secret}"]
        initdb += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=self._folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off"]
        self._command = [
            *(in_namespace if self.small_disk else []),
            *become,
            str(binaries / "postgres"),
            "-D",
            str(data),
        ]
        self._command += [part for setting in settings for part in ("-c", setting)]
        self._log = log
        self._url = sa.URL.create("postgresql+psycopg", "salvocast", password, "127.0.0.1", port, "postgres")
        self._engine = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        self.start()
        if self.small_disk:
            self.run(f"CREATE TABLESPACE {self.small_disk} LOCATION '{disk}'")
        self.run("CREATE DATABASE template_ledger")
        with Ledger.open(self._url.set(database="template_ledger")):
            pass

    def start(self) -> None:
        """Starts it on its data, at its port; again after `kill`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )
        for _ in range(600):
            try:
                self.run("SELECT 1")
                return
            except sa.exc.OperationalError:
                if self._process.poll() is not None:
                    raise ChildProcessError(f"PostgreSQL stopped at once: {self._log.read_text()[-500:]}") from None
                sleep(0.1)
        raise TimeoutError(f"PostgreSQL did not answer within a minute: {self._log.read_text()[-500:]}")

    def kill(self) -> None:
        """Ends it without a farewell: what was not committed is lost."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)  # SIGKILL would leave its own processes to end when they notice
        self._process.wait(30)
        self._engine.dispose()

    def run(self, statement: str) -> None:
        """Runs a statement as the server's administrator."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def stop(self) -> None:
        if getattr(self, "_process", None) is not None:
            self._engine.dispose()
            self._process.send_signal(signal.SIGINT)  # at once, but in good order
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def empty(self) -> sa.URL:
        return self._new("template0")

    def migrated(self) -> sa.URL:
        return self._new("template_ledger")

    def _new(self, template: str) -> sa.URL:
        name = f"ledger_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url.set(database=name)

    def drop(self, url: sa.URL) -> None:
        self.run(f"DROP DATABASE {url.database} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A server for the whole run; without one the test is skipped, and says why.

    Where SALVOCAST_TESTS_NEED_POSTGRESQL is set, as in CI, it fails instead.
    """
    try:
        server = PostgresqlServer()
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        reason = f"PostgreSQL cannot be started: {error} {detail}"
        if os.environ.get("SALVOCAST_TESTS_NEED_POSTGRESQL"):
            pytest.fail(reason)
        pytest.skip(reason)
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Every test that asks for it, or for a ledger, is run on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return SqliteFiles(tmp_path_factory.mktemp("ledgers"))
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server
