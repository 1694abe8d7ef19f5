"""Whether the embedded MLflow store is where it says it is: MLflow writes absolute places into its database.

A home that was copied names the files of the original: a run logged in the copy, or a clean-up there, would write into
the original and delete from it. So such a store is refused when it is opened, until `move_places` has put its own
folder into the database.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from features.errors import SalvocastError
from features.home import salvocast_home

ARTIFACTS = "mlartifacts"
"""Where the files of runs and models lie in the home."""
_EMBEDDED = "sqlite:///"
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def artifact_location() -> str:
    """The address of the folder in which the embedded store keeps its files, as MLflow writes it."""
    return (salvocast_home() / ARTIFACTS).as_uri()


def foreign_folders(uri: str) -> dict[str, int]:
    """Folders of other homes that an embedded store names, and how often; none of a store that is no file of the home.

    Raises
    ------
    SalvocastError
        The database of the store cannot be read.
    """
    path = _own_database(uri)
    if path is None:
        return {}
    found: Counter[str] = Counter()
    for table, column in _COLUMNS:
        for value, number in _values(path, table, column):
            folder = _artifacts_folder(value)
            if folder is not None:
                found[folder] += number  # of hundreds of runs one folder: it is looked at once
    return {_path_of(folder): number for folder, number in found.items() if _is_foreign(folder)}


def refuse_copied_store(uri: str) -> None:
    """Raises SalvocastError where an embedded store names the files of another home."""
    foreign = foreign_folders(uri)
    if foreign:
        raise SalvocastError(
            f"the tracking store in {salvocast_home()} is a copy: it names files of {', '.join(sorted(foreign))}; "
            "`salvocast home move` makes it name its own, the other home is left as it is"
        )


def local_path(address: str) -> Path | None:
    """The path on this machine of an address of files; None for one that is elsewhere."""
    given = urlsplit(address)
    path = Path(url2pathname(given.path))
    local = given.scheme in ("", "file") and given.netloc in ("", "localhost")
    return path if local and path.is_absolute() else None


def move_places(uri: str) -> int:
    """Makes an embedded store name the files in its own home; returns how many places were changed, in one transaction.

    Raises
    ------
    SalvocastError
        Files that it names are missing here: copy them with the database. Nothing is changed then.
    """
    path = _own_database(uri)
    if path is None or not foreign_folders(uri):
        return 0
    own, changed = artifact_location(), 0
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, column in _COLUMNS:
            for value, number in _values(path, table, column):
                folder = _artifacts_folder(value)
                if folder is None or not _is_foreign(folder):
                    continue
                moved = own + value.removeprefix(folder)
                if table == "model_versions" and not Path(_path_of(moved)).exists():
                    raise SalvocastError(
                        f"{_path_of(moved)} is missing: copy the folder {ARTIFACTS} together with mlflow.db, then move "
                        "again"
                    )
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (moved, value))
                changed += number
    return changed


def _is_foreign(folder: str) -> bool:
    """Whether it is the folder of another home; one home may have several names, by symbolic links."""
    return Path(_path_of(folder)).resolve() != (salvocast_home() / ARTIFACTS).resolve()


def _own_database(uri: str) -> Path | None:
    path = Path(uri.removeprefix(_EMBEDDED))
    inside = uri.startswith(_EMBEDDED) and path.is_file() and path.stat().st_size > 0
    return path if inside and path.resolve().parent == salvocast_home().resolve() else None


def _values(path: Path, table: str, column: str) -> list[tuple[str, int]]:
    """The values of a column, each with the number of its rows; none where a release of MLflow has no such column."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if column not in known:
                return []
            query = f"SELECT {column}, count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY {column}"
            return [(str(value), int(number)) for value, number in connection.execute(query)]
    except sqlite3.Error as error:
        raise SalvocastError(f"the tracking store {path} cannot be read ({error}): put a copy back") from error


def _artifacts_folder(value: str) -> str | None:
    """The folder of artefacts that a place lies in, as an address; None for a place that is not of a home."""
    before, found, _ = value.partition(f"/{ARTIFACTS}")
    return before + found if found and value.startswith("file://") else None


def _path_of(address: str) -> str:
    return unquote(urlsplit(address).path)
