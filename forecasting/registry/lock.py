"""One at a time at the registry: across machines where there is a PostgreSQL server, else across processes."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from features.errors import SalvocastError
from forecasting.registry.store import holder, postgresql_engine, store_failures

_ADVISORY_LOCK = 725_882_279
"""Of retrainings; the ledger's own is another one, so that reports can be ingested under it."""


StillHeld = Callable[[], bool]
"""Whether a lock that was taken is this process's still."""


@contextmanager
def file_lock(folder: Path, wait_seconds: float) -> Iterator[StillHeld]:
    """A lock on a file of the folder."""
    path = folder / "registry.lock"
    try:
        held = FileLock(path).acquire(wait_seconds, poll_interval=0.2)
    except Timeout as error:
        raise _locked_error(path.read_text(encoding="utf-8"), wait_seconds) from error
    with held:
        path.write_text(holder(), encoding="utf-8")
        mine = path.stat()

        def still_held() -> bool:
            """Not where the file was removed or put back: others lock the one that stands there now."""
            return path.exists() and os.path.samestat(mine, path.stat())

        yield still_held


@contextmanager
def server_lock(url: str, wait_seconds: float) -> Iterator[StillHeld]:
    """An advisory lock of the PostgreSQL server at `url`, given up when its connection dies."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    mine = text(
        "SELECT COUNT(*) FROM pg_locks "
        "WHERE locktype = 'advisory' AND granted AND objid = :key AND pid = pg_backend_pid()"
    )
    who = text(
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND granted AND objid = :key"
    )

    def failures() -> AbstractContextManager[None]:
        """The lock may lie in the ledger's database, where MLflow has none."""
        return store_failures(url, "lock of the registry in", "SALVOCAST_LEDGER_URL or MLFLOW_TRACKING_URI")

    with failures():
        connection = postgresql_engine(url).connect()
    with connection:  # the lock is the connection's
        for _ in _turns_until(wait_seconds):
            with failures():
                if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}):
                    break
                held_by = connection.scalar(who, {"key": _ADVISORY_LOCK})
        else:
            raise _locked_error(held_by, wait_seconds)

        def still_held() -> bool:
            """Not where the connection died, with which the server gave the lock up."""
            try:
                return bool(connection.scalar(mine, {"key": _ADVISORY_LOCK}))
            except SQLAlchemyError:
                return False

        yield still_held


def _turns_until(wait_seconds: float) -> Iterator[None]:
    """Turns, a few a second, until the time is over."""
    end = time.monotonic() + wait_seconds
    yield
    while time.monotonic() < end:
        time.sleep(min(0.2, wait_seconds))
        yield


def _locked_error(by: str | None, wait_seconds: float) -> SalvocastError:
    return SalvocastError(
        f"the registry is locked by {by or 'another process'}, which did not end within {wait_seconds:g} seconds; "
        "nothing was changed, try again"
    )
