"""One database of the project's own: opened, brought up to date, read, and written by one process at a time."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.errors import NotPermittedError, SalvocastError
from features.tables import SCHEMA_REVISION

LOCK_WAIT_MS = 20_000
"""How long an ingest waits for another one to end, in milliseconds."""

_ADVISORY_LOCK = 725_882_278
"""Any number, so long as every Salvocast uses the same one on a PostgreSQL server."""

_INSUFFICIENT_PRIVILEGE = "42501"


class Database:
    """A database at an SQLAlchemy URL. Use `with Database.open(url) as database`.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of a database whose schema is up to date; `open` sees to that.

    Raises
    ------
    SalvocastError
        By every method, in one line, where the database cannot be reached or written, or is locked.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str | sa.URL) -> Self:
        """Opens the database and brings its schema up to date; a file that is missing is made.

        Parameters
        ----------
        url : str or sqlalchemy.URL
            Such as "sqlite:///ledger.db" or "postgresql://host/salvocast".

        Returns
        -------
        Database
            To be closed, or used in a `with`.
        """
        engine = _engine(url)
        place = engine.url.database or ":memory:"
        if engine.dialect.name == "sqlite" and not place.startswith((":memory:", "file:")):
            cls._make_file(Path(place))
        return cls._brought_up_to_date(engine)

    @classmethod
    def _brought_up_to_date(cls, engine: sa.Engine) -> Self:
        database = cls(engine)
        try:
            database._migrate()
        except BaseException:
            engine.dispose()
            raise
        return database

    @classmethod
    def _make_file(cls, path: Path) -> None:
        """Makes the file of an SQLite database where there is none, for its owner alone: issued plans hold real stocks.

        It takes its name when its tables are there. So a file without content is not one whose making was killed: it
        has lost what it held, and is not begun anew as if there had been nothing.
        """
        if path.exists():
            if path.is_file() and path.stat().st_size == 0:
                raise SalvocastError(
                    f"the ledger {path} is an empty file, so what it held is lost: put a copy back, or remove the file "
                    "to begin anew"
                )
            return
        making = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            making.unlink(missing_ok=True)
            with cls._brought_up_to_date(_engine(sa.URL.create("sqlite", database=str(making)))):
                making.chmod(0o600)
            with suppress(FileExistsError):  # another process was quicker
                path.hardlink_to(making)
        except OSError as error:
            raise SalvocastError(
                f"the ledger {path} cannot be made ({error.strerror}): see that its folder can be written, or set "
                "SALVOCAST_LEDGER_URL or SALVOCAST_HOME"
            ) from error
        finally:
            with suppress(OSError):
                making.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def _migrate(self) -> str | None:
        """Brings the schema up to date; the revision that it had, None for a new database."""
        with self._connection() as connection:
            before = _schema_revision(connection)
        if before == SCHEMA_REVISION:
            return before
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "features:migrations")
        with self._transaction() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise SalvocastError(
                    f"the ledger has schema {_schema_revision(connection)}, this release knows up to "
                    f"{SCHEMA_REVISION}: use the release that wrote it, or a newer one"
                ) from error
        return before

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (sa.exc.DBAPIError, sa.exc.InterfaceError) as error:
            kind = NotPermittedError if _is_refused(error) else SalvocastError
            raise kind(self._failure_text(error)) from error

    def tables_not_permitted(self, tables: Sequence[sa.Table]) -> list[str]:
        """The tables that this account may not add rows to.

        Parameters
        ----------
        tables : sequence of sqlalchemy.Table
            To look at; nothing is written.

        Returns
        -------
        list of str
            Their names.
        """
        if self._engine.dialect.name != "postgresql":
            place = Path(self._engine.url.database or "")
            return [table.name for table in tables if place.exists() and not os.access(place, os.W_OK)]
        may = sa.text("SELECT has_table_privilege(:name, 'INSERT')")
        with self._connection() as connection:
            return [table.name for table in tables if not connection.scalar(may, {"name": table.name})]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One writer at a time: a second ingest waits, and then sees what the first one wrote."""
        with self._connection() as connection:
            writing = connection.execution_options(salvocast_writes=True)
            with writing.begin():
                if writing.dialect.name == "postgresql":
                    writing.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
                    writing.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                yield writing

    def _failure_text(self, error: Exception) -> str:
        url = self._engine.url.render_as_string(hide_password=True)
        reason = _first_line(error)
        advice = "see that it can be reached and written, or set SALVOCAST_LEDGER_URL or SALVOCAST_HOME"
        if _sqlstate(error) == _INSUFFICIENT_PRIVILEGE:
            advice = "this account may not do that: use one that may, or grant it (experiments/deploy/grants.sql)"
        elif "locked" in reason or "lock timeout" in reason:
            advice = "another process is writing to it; nothing was changed, try again"
        elif any(sign in reason for sign in ("full", "disk I/O", "No space left")):
            advice = "make room on its disk; nothing was changed"
        return f"the ledger {url} failed ({reason}): {advice}"


def utc(moment: datetime) -> datetime:
    """The moment in UTC without its zone, as the database keeps it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _engine(url: str | sa.URL) -> sa.Engine:
    try:
        engine = sa.create_engine(url)
    except ImportError as error:
        raise SalvocastError(
            f"the driver of SALVOCAST_LEDGER_URL is not installed ({_first_line(error)}): install it beside "
            "salvocast, such as psycopg[binary] for PostgreSQL (the extra salvocast[postgresql])"
        ) from error
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise SalvocastError(
            "SALVOCAST_LEDGER_URL is not a database that can be opened "
            f"({_first_line(error)}): expected an SQLAlchemy URL such as sqlite:////path/ledger.db"
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling commits before DDL and defers locks; the "begin" event below does neither.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")
    # 128 MiB at most: the digests of a large file come in any order, and those of a million reports take half of it.
    connection.execute("PRAGMA cache_size = -131072")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("salvocast_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _schema_revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


def _is_refused(error: Exception) -> bool:
    """Whether the rights of the account are what is missing."""
    return _sqlstate(error) == _INSUFFICIENT_PRIVILEGE or "readonly database" in str(error)


def _sqlstate(error: Exception) -> str:
    """PostgreSQL's code of the failure; empty from SQLite."""
    return str(getattr(getattr(error, "orig", None), "sqlstate", ""))


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
