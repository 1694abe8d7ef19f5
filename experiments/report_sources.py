"""New reports from the configured sources, and whether what came may be learned from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import Enum, auto
from functools import partial
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

from experiments.settings import BulletinSource, KaggleSource, Source, TableSource
from features.errors import InputError, SalvocastError, one_line
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import KYIV, SHAHED
from features.sources.bulletin import read_bulletins
from features.sources.kaggle import download_newest, read_kaggle, snapshot_files
from features.sources.reading import Reading
from features.sources.table import read_table

OVERDUE = timedelta(hours=36)
"""Without a report of drones for so long after the end of a night, one is missing."""
MORNING = time(8)
"""When the usual night window ends."""


class Severity(Enum):
    """What a finding means: told and no more; a person has to see to it; nothing is learned until a person has."""

    NOTE = auto()
    FAILURE = auto()
    STOP = auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the data that a person should know, in one line."""

    text: str
    severity: Severity


def ingest_sources(ledger: Ledger, sources: Sequence[Source], folder: Path, now: datetime) -> tuple[Finding, ...]:
    """Reads every source into the ledger; what cannot be read is a finding, and the others are read all the same.

    folder: where relative paths start. now: with zone. A file that was read before changes nothing. Raises
    SalvocastError where the ledger itself cannot be written.
    """
    findings = []
    waiting = {row["id"] for row in ledger.quarantine()}
    for source in sources:
        told = source.told
        try:
            readers = list(_readers(source, folder, now))
        except InputError as error:
            findings.append(Finding(f"source {told} failed: {error}", Severity.FAILURE))
            continue
        for read in readers:
            try:
                reading = read()
                ledger.ingest(reading, now)
                findings += [Finding(note, Severity.NOTE) for note in reading.notes]
            except InputError as error:
                findings.append(Finding(f"source {told} failed: {error}", Severity.FAILURE))
            except SalvocastError:  # the ledger's, and not the file's
                raise
            except Exception as error:  # noqa: BLE001  # one odd file must not stop the morning
                problem = one_line(f"source {told} failed: unexpected {type(error).__name__}: {error}")
                findings.append(Finding(str(problem), Severity.FAILURE))
    if new := [row for row in ledger.quarantine() if row["id"] not in waiting]:
        first = f"{new[0]['source']} row {new[0]['row']}: {new[0]['reason']}"
        more = f"{len(new):,} more rows wait in quarantine" if len(new) > 1 else "one more row waits in quarantine"
        findings.append(Finding(f"{more}: {first} (salvocast data quarantine)", Severity.FAILURE))
    return tuple(findings)


def refuse_files_for_folders(sources: Sequence[Source], settings_file: Path) -> None:
    """Raises InputError for a source whose inbox is a file: no morning can mend that, so none begins with it."""
    for number, source in enumerate(sources, start=1):
        problem = _file_for_folder(source, settings_file.parent)
        if problem is not None:
            raise InputError(f"{settings_file}: source {number} ({source.told}): {problem}")


def source_problems(sources: Sequence[Source], folder: Path) -> list[tuple[str, str]]:
    """What is wrong with the places of sources before anything is read, as (source, problem); see `ingest_sources`.

    A pattern that meets no file yet is right: reports are still to come.
    """
    problems = []
    for source in sources:
        problem = _file_for_folder(source, folder)
        if problem is None and source.path is not None and not (place := _place(source.path, folder)[0]).exists():
            problem = f"{place} is missing: put it there"
        if problem is not None:
            problems.append((source.told, problem))
    return problems


def _place(path: str, folder: Path) -> tuple[Path, bool]:
    """The part of a path before the first pattern in it, and whether that has to be a folder."""
    whole = folder / path
    if whole.exists():  # a name may hold a bracket
        return whole, path.endswith("/")
    fixed = list(takewhile(lambda part: not any(letter in part for letter in "*?["), whole.parts))
    return Path(*fixed), len(fixed) < len(whole.parts) or path.endswith("/")


def _file_for_folder(source: Source, folder: Path) -> str | None:
    """The problem of a source that has a file where a folder must be."""
    if source.path is None:
        return None
    try:
        place, is_folder = _place(source.path, folder)
        there = next(each for each in (place, *place.parents) if each.exists())
        if there.is_file() and (there != place or is_folder):
            return f"{there} is a file: expected a folder"
    except OSError as error:
        return f"it cannot be looked at: {error.strerror}"
    return None


def check_history(history: LaunchHistory, trained_through: date | None, now: datetime) -> tuple[Finding, ...]:
    """What speaks against learning from the history, and against issuing a forecast from it.

    A count that the record cannot bear is no part of it until a person confirms it (`features.plausibility`), and after
    that nobody doubts it again. trained_through: the last day that the champion was trained on, None without one. now:
    with zone.
    """
    findings = []
    last = history.last_known_day
    if history.weapon_class == SHAHED and now > datetime.combine(last, MORNING, KYIV) + OVERDUE:
        findings.append(Finding(f"no report since {last}: reports are overdue", Severity.NOTE))
    if trained_through is not None and history.last_day < trained_through:
        findings.append(
            Finding(
                f"the record ends on {history.last_day}, the champion was trained through {trained_through}: reports "
                "are missing from this ledger",
                Severity.STOP,
            )
        )
    return tuple(findings)


def _readers(source: Source, folder: Path, now: datetime) -> Iterator[Callable[[], Reading]]:
    """What reads each file of a source: one that cannot be read is no reason to leave out the others."""
    match source:
        case KaggleSource(path=None):  # the newest there is, as of now
            yield lambda: replace(read_kaggle(download_newest()), published_at=now)
        case KaggleSource():
            yield from (partial(read_kaggle, path) for path in snapshot_files(folder / str(source.path)))
        case BulletinSource():
            yield from (partial(read_bulletins, path) for path in _files(source.path, folder))
        case TableSource():
            for path in _files(source.path, folder):
                yield partial(
                    read_table,
                    path,
                    mapping=source.map,
                    classes=source.classes,
                    only=source.only,
                    sum_rows=source.sum,
                    quiet_days=source.quiet_days,
                    sheet=source.sheet,
                    skip_rows=source.skip_rows,
                    theatre=source.theatre,
                    weapon_class=source.weapon_class,
                    zone=ZoneInfo(source.timezone),
                )


def _files(path: str, folder: Path) -> list[Path]:
    """The files of a path or pattern, by name; of a folder all that are not hidden. Raises InputError for none."""
    where = folder / path
    try:
        if where.is_dir():
            found = [file for file in where.iterdir() if file.is_file() and not file.name.startswith(".")]
        elif where.exists():
            found = [where]
        else:
            root = Path(where.anchor)
            found = [file for file in root.glob(str(where.relative_to(root))) if file.is_file()]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not found:
        raise InputError(f"{path}: no such file: expected a file, a folder with files, or a pattern that meets some")
    return sorted(found)
