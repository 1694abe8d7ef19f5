"""What was learned from a record, and answers, kept in the home: any of it may be removed at any time, and is made
again."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from features.errors import SalvocastError
from features.files import write_file
from features.home import salvocast_home

MOST_FILES, MOST_BYTES = 256, 200_000_000
"""Kept; what was used longest ago goes first."""
MOST_WAIT = 10.0
"""Seconds that one waits for another; then it makes the same itself."""
LEFT_OVER = 3_600.0
"""Seconds after which what a killed process began to write is removed."""
_DIGEST = hashlib.sha256().digest_size


def remembered(key: str, make: Callable[[], bytes]) -> bytes:
    """The bytes that are kept under the key, if they are whole, or else those made now, which are kept then.

    A file begins with the digest of the rest and is put in place by renaming, so that several processes may keep the
    same at once; but who finds another at it waits for what that one makes. A home that cannot be written to keeps
    nothing, and no answer waits for it.
    """
    path = learned_folder() / key
    content = _whole(path)
    if content is not None:
        return content
    with _one_at_a_time(path):
        content = _whole(path)
        if content is None:
            content = make()
            if content:
                with suppress(OSError, SalvocastError):
                    write_file(path, hashlib.sha256(content).digest() + content)
                    _remove_oldest(path.parent)
    return content


def learned_folder() -> Path:
    """Where it is kept."""
    return salvocast_home() / "learned"


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Waits for who is making what is to be kept there, unless that takes too long; the lock of one that was killed
    ends with it."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with suppress(OSError, NotImplementedError, Timeout):  # a home that cannot be written to, or knows no locks
        path.parent.mkdir(mode=0o700, exist_ok=True)
        lock.acquire(MOST_WAIT, poll_interval=0.02)
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()


def _whole(path: Path) -> bytes | None:
    """What is kept in the file; None where there is none, or it was changed or cut off."""
    try:
        content = path.read_bytes()
        os.utime(path)  # used now
    except OSError:
        return None
    digest, rest = content[:_DIGEST], content[_DIGEST:]
    return rest if hashlib.sha256(rest).digest() == digest else None


def _remove_oldest(folder: Path) -> None:
    n_files = n_bytes = 0
    found = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process has just removed it
            found.append((path, path.stat()))
    for path, stat in sorted(found, key=lambda each: -each[1].st_mtime):
        if path.name.startswith("."):  # a lock, or a file that is being written
            is_old = time.time() - stat.st_mtime > LEFT_OVER
        else:
            n_files, n_bytes = n_files + 1, n_bytes + stat.st_size
            is_old = n_files > MOST_FILES or n_bytes > MOST_BYTES
        if is_old:
            path.unlink(missing_ok=True)
