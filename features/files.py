"""Files for the person who asked: whole or not at all."""

import os
import sys
import tempfile
from pathlib import Path

from features.errors import InputError, SalvocastError, one_line


def read_bounded(path: Path, most: int, wanted: str) -> bytes:
    """The bytes of a file, or of a pipe, that ends within `most` bytes; `wanted` says what was expected.

    Raises InputError for anything else, a device without end among it, having read no more than that.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
            size = max(len(content), os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise one_line(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise one_line(f"cannot read {path}: {error}") from error
    if size > most:
        told = f"{size:,}" if size > len(content) else f"over {most:,}"
        raise one_line(f"{path} has {told} bytes: expected {wanted} of at most {most:,}")
    return content


def check_folder(path: Path | None) -> None:
    """Refuses a file in a folder that does not exist."""
    if path is not None and not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.parent} does not exist")


def write_file(path: Path, content: bytes) -> None:
    """Writes beside the file and renames, so that a failure leaves what was there."""
    check_folder(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder, expected a file name")
    beside = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            beside = Path(file.name)
            file.write(content)
        # A temporary file is private; the file that was asked for has the permissions that the person's umask gives.
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)
        beside.replace(path)
    except OSError as error:
        if beside is not None:
            beside.unlink(missing_ok=True)
        raise SalvocastError(f"cannot write {path}: {error.strerror}") from error


def write_or_print(content: bytes, path: Path | None) -> None:
    """Writes to the file, or to stdout where none is given."""
    if path is not None:
        write_file(path, content)
        return
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
