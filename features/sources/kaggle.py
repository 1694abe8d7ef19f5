"""Snapshots of the public table "Massive Missile Attacks on Ukraine" (P. Ivaniuk, Kaggle), in all its shapes so far."""

import atexit
import hashlib
import importlib
import json
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from features.errors import InputError
from features.records import LARGEST_COUNT, SHAHED, UKRAINE, SalvoReport
from features.sources.cells import (
    DAY_END,
    DAY_START,
    Row,
    counts_by_area,
    csv_file_rows,
    last_second_of,
    nearest,
    regular_file,
    text_digest,
    whole_count,
    window,
)
from features.sources.reading import Reading, RejectedRow
from features.sources.rows import reports

SOURCE = "kaggle"
SLUG = "piterfm/massive-missile-attacks-on-ukraine"
ATTACKS = "missile_attacks_daily"
"""How the file with the attacks is named; the dataset also holds a list of models, missiles_and_uavs.csv."""
MODELS = "missiles_and_uav"
WANTED = f"a snapshot of the public table, {ATTACKS}*.csv"

REQUIRED = ("time_start", "time_end", "model", "launched", "destroyed", "source")
OPTIONAL = (
    *("launch_place", "launch_place_details", "launched_details", "carrier", "target", "target_main"),
    *("destroyed_details", "not_reach_goal", "still_attacking", "is_shahed", "turbojet", "turbojet_destroyed"),
    *("num_hit_location", "num_fall_fragment_location", "affected region"),
    *("cross_border_belarus", "back_russia", "border_crossing"),
)

COUNT_COLUMNS = {
    "launched": "launched",
    "shot_down": "destroyed",
    "suppressed": "not_reach_goal",
    "still_airborne": "still_attacking",
    "strike_drones": "is_shahed",
    "jet_drones": "turbojet",
    "impact_sites": "num_hit_location",
    "debris_sites": "num_fall_fragment_location",
}

CRUISE, BALLISTIC, MIXED = "cruise", "ballistic", "mixed"
MODELS_OF_CLASS = {
    CRUISE: (
        *("Banderol", "Iskander-K", "Kalibr", "P-800 Oniks", "X-101", "X-555", "X-22", "X-32", "X-35", "X-59"),
        *("X-59MK2", "X-69"),
    ),
    BALLISTIC: (
        *("3M22 Zircon", "Ballistic Missile", "C-300", "C-400", "Intercontinental Ballistic Missile", "Iskander-M"),
        *("KN-23", "X-47 Kinzhal"),
    ),
    "anti_radiation": ("X-31", "X-31P", "X-31PD"),
    "unknown_missile": ("Unknown Missile",),
    "aerial_bomb": ("Aerial Bomb", "GBU", "KAB"),
    "loitering_munition": ("Kub", "Lancet", "Молнія", "Привет-82"),
    "reconnaissance_drone": (
        *("Eleron", "Forpost", "Granat-4", "Merlin-VR", "Mohajer-6", "Orion", "Orlan-10", "Orlan-30"),
        *("Reconnaissance UAV", "Supercam", "ZALA", "Картограф"),
    ),
    "unknown_drone": ("Unknown UAV", "Фенікс"),
}
"""weapon_class -> the models it counts, as the table has named them. Any model named Shahed or Geran is Shahed-type."""

READ_COLUMNS = frozenset({*REQUIRED, *COUNT_COLUMNS.values(), "launch_place", "target", "destroyed_details"})
"""The columns that reports are made of."""
COVERS = tuple((UKRAINE, name) for name in (SHAHED, MIXED, *MODELS_OF_CLASS))

_CLASS_OF_MODEL = {model.lower(): name for name, models in MODELS_OF_CLASS.items() for model in models}
_SHAHED_NAMES = ("shahed", "geran", "шахед", "герань")

LARGEST_ARCHIVE = 200_000_000
"""Bytes that the tables of a zip may hold together once unpacked, some hundred times what they do."""
LARGEST_NUMBER_OF_FILES = 500


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the columns of one snapshot are."""

    index: dict[str, int]
    counts: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, header: Sequence[str]) -> "_Layout":
        index = {column: place for place, column in enumerate(header)}
        counts = tuple((field, index[column]) for field, column in COUNT_COLUMNS.items() if column in index)
        return cls(index, counts)

    def report(self, cells: Sequence[str]) -> SalvoReport:
        """The report of one row, or InputError."""

        def text(column: str) -> str:
            return cells[self.index[column]].strip() if column in self.index else ""

        start, end = window("time_start", text("time_start"), "time_end", text("time_end"))
        values: dict[str, Any] = {
            field: whole_count(COUNT_COLUMNS[field], cells[place]) for field, place in self.counts
        }
        return SalvoReport(
            window_start=start,
            window_end=end,
            launch_areas=len(text("launch_place").split(" and ")) if text("launch_place") else None,
            target_area=text("target"),
            shot_down_by_area=counts_by_area("destroyed_details", text("destroyed_details")),
            reporter=reporter_of(text("source")),
            weapon_class=weapon_class_of(text("model")),
            source=SOURCE,
            **values,
        )


def read_kaggle(path: Path, *, accept_drift: bool = False) -> Reading:
    """The reports of one snapshot; `published_at` is the end of the day in its file name, None where it has none.

    Each row of Shahed-type drones is a report. Missiles are totals by day and kind ("cruise", "ballistic", and "mixed"
    where a row bundles both); all other models are totals by window, area, reporter and the class in MODELS_OF_CLASS,
    since the table gives each model its own row. Only `launched` and `shot_down` are totalled, over the rows that give
    a number. Totals follow the rows. A row that is neither a report nor part of a total is rejected with its reason.
    Raises InputError for a file that is no such snapshot, or whose columns are not those known; with accept_drift
    unknown columns are left out instead.
    """
    path = Path(path)
    regular_file(path, WANTED)
    digest = text_digest(path)
    rows = csv_file_rows(path)
    header = [column.strip() for column in next(rows)[0]]
    _check_header(header, path, accept_drift)
    day = snapshot_day(path.name)
    published_at = None if day is None else last_second_of(day)
    digest = hashlib.sha256(f"{digest} {day}".encode()).hexdigest()  # the same table, seen on another day, is news
    read_as = json.dumps({"columns": sorted(READ_COLUMNS.intersection(header))})
    return Reading(SOURCE, digest, _reports(header, rows, published_at), published_at, COVERS, read_as)


def read_cells(cells: Mapping[str, str]) -> SalvoReport:
    """The report of one row given as column -> cell, before it is added to any total. Raises InputError."""
    return _Layout.of(list(cells)).report(list(cells.values()))


def snapshot_day(name: str) -> date | None:
    """The last date (YYYY-MM-DD) in a file name, None where there is none."""
    for text in reversed(re.findall(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)", name)):
        try:
            return date.fromisoformat(text)
        except ValueError:
            continue
    return None


def weapon_class_of(model: str) -> str:
    """The class of a `model` cell, which may bundle several by ' and ' or '/'.

    Shahed-type drones count wherever they are part of a bundle; cruise with ballistic missiles is "mixed"; other things
    bundled with missiles count as the missiles. Raises InputError for a model that is not in MODELS_OF_CLASS.
    """
    models = [part.strip() for part in re.split(r"\band\b|/", model) if part.strip()]
    if any(part.lower().startswith(_SHAHED_NAMES) for part in models):
        return SHAHED
    unknown = [part for part in models if part.lower() not in _CLASS_OF_MODEL]
    if unknown or not models:
        known = [name for names in MODELS_OF_CLASS.values() for name in names]
        near = nearest(unknown[0], known) if unknown else ""
        raise InputError(f"model is '{model.strip()}': expected a drone or missile that is listed{near}")
    classes = {_CLASS_OF_MODEL[part.lower()] for part in models}
    if {CRUISE, BALLISTIC} <= classes:
        return MIXED
    for missile in (CRUISE, BALLISTIC):
        if missile in classes:
            return missile
    if len(classes) > 1:
        raise InputError(
            f"model is '{model.strip()}': bundles {' and '.join(sorted(classes))}, which have no common count"
        )
    return classes.pop()


def reporter_of(source: str) -> str:
    """The page or channel that a `source` link names: 'kpszsu' of 'kpszsu/posts/1' and of 'https://t.me/kpszsu/1'."""
    parts = source.split("/")
    if "://" in source:
        parts = parts[3:]
    return "" if not parts or parts[0] == "watch" else parts[0]  # 'watch' is a video link without its page


def snapshot_files(path: Path) -> list[Path]:
    """The snapshots in a file, a folder or a zip, oldest first by the day in their names; undated ones last.

    A zip is unpacked to a temporary folder that is removed when the program ends; its tables take their day from the
    name of the zip where they have none. Raises InputError where there is no snapshot, or the zip is broken or large.
    """
    path = Path(path)
    if path.is_dir():
        found = [file for file in path.iterdir() if file.is_file() and _is_attacks(file.name)]
    else:
        regular_file(path, f"{WANTED}, or a folder or zip of them")
        found = _unpacked(path) if zipfile.is_zipfile(path) else [path]
    if not found:
        raise InputError(f"{path} holds no snapshot: expected {WANTED}")
    return sorted(found, key=lambda file: (snapshot_day(file.name) or date.max, file.name))


def download_newest() -> Path:
    """The newest snapshot, fetched with the `kagglehub` package into its cache; its name has no date.

    Raises InputError, saying how to get the file by hand, where kagglehub is not installed or Kaggle does not answer.
    """
    by_hand = (
        f"download it by hand from https://www.kaggle.com/datasets/{SLUG}, name it {ATTACKS}.YYYY-MM-DD.csv "
        "by the day of the download, and pass its path"
    )
    try:
        kagglehub = importlib.import_module("kagglehub")
    except ImportError:
        raise InputError(
            f"the newest snapshot needs kagglehub, which is not installed: install it, or {by_hand}"
        ) from None
    try:
        folder = Path(kagglehub.dataset_download(SLUG))
    except Exception as error:  # kagglehub's errors have no common base
        told = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(
            f"Kaggle gave no snapshot ({told}): check network and Kaggle credentials, or {by_hand}"
        ) from error
    return snapshot_files(folder)[-1]


def _check_header(header: Sequence[str], path: Path, accept_drift: bool) -> None:
    known = (*REQUIRED, *OPTIONAL)
    missing = [f"'{name}'{nearest(name, header)}" for name in REQUIRED if name not in header]
    unknown = [f"'{name}'{nearest(name, known)}" for name in header if name not in known and not accept_drift]
    doubled = sorted({f"'{name}'" for name in header if header.count(name) > 1})
    differences = [
        f"{what} {', '.join(names)}"
        for what, names in (("missing", missing), ("unknown", unknown), ("more than once", doubled))
        if names
    ]
    if differences:
        raise InputError(
            f"{path} has not the columns of {WANTED}: {'; '.join(differences)}; rename the columns if the file is one, "
            "pass --accept-shrink to leave out unknown ones, or read it as a table with a mapping"
        )


def _reports(
    header: Sequence[str], rows: Iterator[Row], published_at: datetime | None
) -> Iterator[SalvoReport | RejectedRow]:
    totals: dict[tuple[object, ...], SalvoReport] = {}
    yield from reports(header, _marking_repeats(rows), _Layout.of(header).report, published_at, _adding_to(totals))
    yield from totals.values()


def _marking_repeats(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, with one that equals an earlier row in every cell marked: it must not be counted into a total again."""
    first: dict[int, int] = {}
    for number, (cells, problem) in enumerate(rows, start=1):
        earlier = first.setdefault(hash(tuple(cells)), number)
        yield cells, problem or (f"repeats row {earlier}" if earlier != number else "")


def _adding_to(totals: dict[tuple[object, ...], SalvoReport]) -> Callable[[SalvoReport], bool]:
    def add(report: SalvoReport) -> bool:
        if report.weapon_class == SHAHED:
            return False
        part = part_of_total(report)
        totals[part.key] = total_of(part, totals.get(part.key))
        return True

    return add


def part_of_total(report: SalvoReport) -> SalvoReport:
    """The report of a row under the key of the total that it is part of: missiles are totalled by day."""
    if report.weapon_class not in (CRUISE, BALLISTIC, MIXED):
        return report
    start, end = (datetime.combine(report.attack_day, clock) for clock in (DAY_START, DAY_END))
    return replace(report, window_start=start, window_end=end, target_area="Ukraine", reporter="")


def total_of(report: SalvoReport, earlier: SalvoReport | None) -> SalvoReport:
    """The total so far (`earlier`) with one more row. Raises InputError where it cannot be true."""
    launched, shot_down = report.launched, report.shot_down
    if earlier is not None:
        launched += earlier.launched
        if shot_down is None or earlier.shot_down is None:
            shot_down = earlier.shot_down if shot_down is None else shot_down
        else:
            shot_down += earlier.shot_down
    if launched > LARGEST_COUNT:
        raise InputError(f"launched brings the total of its day to {launched}: expected at most {LARGEST_COUNT}")
    return SalvoReport(
        window_start=report.window_start,
        window_end=report.window_end,
        launched=launched,
        shot_down=shot_down,
        target_area=report.target_area,
        reporter=report.reporter,
        weapon_class=report.weapon_class,
        source=SOURCE,
    )


def _is_attacks(name: str) -> bool:
    return name.lower().endswith(".csv") and not name.startswith((".", MODELS))


def _unpacked(path: Path) -> list[Path]:
    """The tables of a zip, each in a folder of its own below a temporary one, so that no name can lead elsewhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if _is_attacks(PurePosixPath(member.filename).name)]
            size = sum(member.file_size for member in members)
            if size > LARGEST_ARCHIVE or len(members) > LARGEST_NUMBER_OF_FILES:
                raise InputError(
                    f"{path} holds {len(members)} tables of {size} bytes: expected at most {LARGEST_NUMBER_OF_FILES} "
                    f"of {LARGEST_ARCHIVE}; unpack it by hand and pass the snapshots"
                )
            folder = Path(tempfile.mkdtemp(prefix="salvocast-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return [
                _extracted(archive, member, folder / str(number), snapshot_day(path.name))
                for number, member in enumerate(members)
            ]
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise InputError(f"{path} cannot be unpacked ({error}): expected a plain zip of {WANTED}") from error


def _extracted(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, day: date | None) -> Path:
    name = re.sub(r"[^\w.-]", "_", member.filename)[-150:]  # keeps a day that stands in the name of its folder
    if day is not None and snapshot_day(name) is None:
        name = f"{name[:-4]}.{day}.csv"
    folder.mkdir()
    with archive.open(member) as packed, (folder / name).open("wb") as file:
        shutil.copyfileobj(packed, file)
    return folder / name
