"""Any table of salvos: CSV, XLSX or Parquet, with columns named as the fields of SalvoReport or by a mapping."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from features.errors import InputError, unknown_name
from features.records import COUNT_FIELDS, KYIV, REPORT_FIELDS, SHAHED, UKRAINE, QuietDayRule, SalvoReport
from features.sources.cells import (
    DAY_END,
    DAY_START,
    Row,
    counts_by_area,
    csv_file_rows,
    csv_rows,
    file_digest,
    file_lines,
    instant,
    nearest,
    plain_name,
    regular_file,
    shown,
    text_digest,
    wall_time,
    whole_count,
    window,
)
from features.sources.parquet import parquet_rows
from features.sources.reading import Reading
from features.sources.structure import (
    PARTS,
    Rows,
    Structure,
    TableRows,
    question_of,
    quiet_reports,
    refuse_totals,
)
from features.sources.workbook import workbook_rows

SOURCE = "table"
DATE = "date"
"""The column of a daily total, in place of window_start and window_end: 00:00 to 23:59 of that date."""

PART = "part"
"""The column beside a date that says which part of it a row speaks of."""
TIMES = (DATE, "window_start", "window_end", "published_at")
_SALVO_TEXTS = (
    *("published_at", "window_start", "window_end", DATE, PART),
    *("weapon_class", "theatre", "target_area", "reporter", "source"),
)
NIGHTFALL, MORNING = time(18), time(8)
"""The usual night window, which belongs to the date on which it ends."""

DELIMITERS = ",;\t|"
WANTED = "a table of salvos (CSV, XLSX or Parquet)"
MOST_COLUMNS = 1_000
"""A row per report has far fewer."""


@dataclass(frozen=True, slots=True)
class Columns:
    """used: field (or 'date') -> column of the file; ignored: the columns that no field takes, in their order."""

    used: dict[str, str]
    ignored: tuple[str, ...]


def read_table(
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    classes: Mapping[str, str] | None = None,
    only: Mapping[str, Collection[str]] | None = None,
    sum_rows: bool = False,
    quiet_days: QuietDayRule | None = None,
    sheet: str | None = None,
    skip_rows: int = 0,
    theatre: str = UKRAINE,
    weapon_class: str = SHAHED,
    published_at: datetime | None = None,
    zone: ZoneInfo = KYIV,
) -> Reading:
    """The salvos of one table, a row each.

    Required are `launched` and either `window_start` with `window_end` or `date`; every other field of SalvoReport is
    optional, and a column of that name replaces `theatre` and `weapon_class` where its cell is filled. Beside a date a
    column `part` may say night (from 18:00 of the day before to 08:00) or day (08:00 to 18:00). A date whose row, or
    whose table, came out on that day ends then.

    Parameters
    ----------
    path : Path
        A CSV, XLSX or Parquet file.
    mapping : mapping of str to str, optional
        Field -> column, for columns that are not named as fields ({"launched": "UAVs"}).
    classes : mapping of str to str, optional
        What stands in the column of the weapon class -> the class, where that is no name of one.
    only : mapping of str to collection of str, optional
        Column -> texts; rows that hold another text there are left out.
    sum_rows : bool
        Whether rows of one salvo are added up.
    quiet_days : QuietDayRule, optional
        Which days between the rows had no launches; they are then reported so. None: the table does not say.
    sheet : str, optional
        Of a workbook; None for its first.
    skip_rows : int
        Rows (of CSV, lines) above the header.
    theatre, weapon_class : str
        Of rows that state none.
    published_at : datetime, optional
        When the table as a whole came out, with zone.
    zone : ZoneInfo
        Of times that state none; windows are converted to Kyiv time, in which attack days are counted.

    Returns
    -------
    Reading
        Reports, and the rows that are none with their reasons.

    Raises
    ------
    InputError
        For a file that is no such table, or lacks a required or a mapped column (see `columns_used`); for rows a week
        or a month apart, which are sums; and where most salvos have several rows that differ.
    """
    path, mapping, classes, only = Path(path), mapping or {}, classes or {}, only or {}
    if published_at is not None and published_at.tzinfo is None:
        raise InputError(f"published_at {published_at.isoformat()}: expected a time with its zone")
    digest, header, all_rows = _opened(path, mapping, sheet, skip_rows)
    columns = match_columns(header, mapping, str(path))
    if classes and "weapon_class" not in columns.used:
        raise InputError(f"{path} has no column of weapon classes, of which {next(iter(classes))} is one: map it")
    options = {"theatre": theatre, "weapon_class": weapon_class, "zone": zone.key, "classes": dict(classes)}
    read_as = json.dumps({"columns": columns.used, **options, "sum_rows": sum_rows}, sort_keys=True, ensure_ascii=False)
    # Read in another way, the same bytes are other reports.
    how = (digest, published_at, read_as, sheet, skip_rows, sorted((name, sorted(only[name])) for name in only))
    digest = hashlib.sha256(repr((*how, quiet_days)).encode()).hexdigest()

    left_out = _left_out(header, only, str(path))

    def kept_rows() -> Iterator[Row]:
        return (([], "") if left_out(row[0]) else row for row in all_rows())

    rows = kept_rows if only else all_rows

    reader = RowReader(
        header,
        columns,
        theatre=theatre,
        weapon_class=weapon_class,
        source=SOURCE,
        zone=zone,
        classes=classes,
        published_at=published_at,
    )
    table = TableRows(header, rows, reader.salvo, reader.report, columns.ignored, sum_rows, published_at)
    structure = Structure.of(rows, reader.salvo, by_date=DATE in columns.used)
    refuse_totals(structure, str(path))
    if structure.unequal is not None and not sum_rows:
        raise InputError(f"{path}: {table.refusal(structure.unequal)}")
    quiet = () if quiet_days is None else quiet_reports(structure, quiet_days, SOURCE)
    note = question_of(structure) if quiet_days is None else ""
    read = chain(table.read(structure.several), quiet)
    passed_over = Counter[str]()
    if only and (n_left_out := sum(left_out(cells) for cells, _ in all_rows())):
        passed_over["not asked for (--only)"] = n_left_out
    notes = (f"{path}: {note}",) if note else ()
    return Reading(SOURCE, digest, read, published_at, read_as=read_as, passed_over=passed_over, notes=notes)


def read_cells(cells: Mapping[str, str], read_as: str) -> SalvoReport:
    """The report of one row given as column -> cell, of a table that was read so. Raises InputError."""
    options = json.loads(read_as)
    if options.pop("sum_rows", False):
        raise InputError("the rows of this table are added up: correct the table, and read it again")
    columns, zone = Columns(options.pop("columns"), ()), ZoneInfo(options.pop("zone"))
    header = list({**dict.fromkeys(columns.used.values(), ""), **cells})
    reader = RowReader(header, columns, **options, source=SOURCE, zone=zone)
    return reader.report([cells.get(column, "") for column in header])


def columns_used(
    path: Path, mapping: Mapping[str, str] | None = None, *, sheet: str | None = None, skip_rows: int = 0
) -> Columns:
    """Which columns `read_table` would use and which it would ignore. Raises InputError as `read_table` does."""
    _, header, _ = _opened(Path(path), mapping or {}, sheet, skip_rows)
    return match_columns(header, mapping or {}, str(path))


def match_columns(header: Sequence[str], mapping: Mapping[str, str], table: str) -> Columns:
    """The columns of a header, by mapping first and by field name second (letter case and blanks do not matter).

    Raises InputError, naming the `table`, for an unknown field, an absent or a doubled column.
    """
    used: dict[str, str] = {}
    for field, column in mapping.items():
        if field not in (*REPORT_FIELDS, DATE, PART):
            raise unknown_name("field", field, (*REPORT_FIELDS, DATE, PART))
        if column not in header:
            raise unknown_name(f"column of {table}", column, filter(None, header))
        used[field] = column
    for field in (*REPORT_FIELDS, DATE, PART):
        named = [column for column in header if plain_name(column) == field and column not in used.values()]
        if field not in used and named:
            used[field] = named[0]
    if "window_start" in used and "window_end" in used:
        used.pop(DATE, None)
        used.pop(PART, None)
    missing = [name for name in ("launched",) if name not in used]
    if DATE not in used:
        missing += [name for name in ("window_start", "window_end") if name not in used]
    if missing:
        near = "; ".join(f"'{name}'{nearest(name, header)}" for name in missing)
        instead = f", or '{DATE}' for daily totals" if "window_start" in missing and "window_end" in missing else ""
        raise InputError(
            f"{table} has no column {near}{instead}: its columns are {', '.join(filter(None, header)) or 'unnamed'}; "
            "rename them, or map field to column"
        )
    for column in used.values():
        if header.count(column) > 1:
            raise InputError(f"{table} has {header.count(column)} columns '{column}': expected one; rename the others")
    return Columns(used, tuple(column for column in header if column and column not in used.values()))


class RowReader:
    """What the cells of a row say. theatre, weapon_class, source and zone hold where no cell says otherwise.

    classes: text of a cell -> weapon class. published_at: when the table came out, where a row does not say.
    """

    def __init__(
        self,
        header: Sequence[str],
        columns: Columns,
        *,
        theatre: str,
        weapon_class: str,
        source: str,
        zone: ZoneInfo = KYIV,
        classes: Mapping[str, str] | None = None,
        published_at: datetime | None = None,
    ) -> None:
        self._index = {field: header.index(column) for field, column in columns.used.items()}
        self._counts = [(field, self._index[field]) for field in COUNT_FIELDS if field in self._index]
        self._defaults = {"theatre": theatre, "weapon_class": weapon_class, "source": source}
        self._classes = {text.strip().lower(): name for text, name in (classes or {}).items()}
        self._zone, self._published_at = zone, published_at
        self._window = lru_cache(1_000)(self._window_of)  # tables hold many rows of one night
        self._instant = lru_cache(1_000)(partial(instant, "published_at", zone=zone))
        self._places = [self._index.get(field) for field in _SALVO_TEXTS]

    def salvo(self, cells: Sequence[str]) -> dict[str, Any]:
        """What tells the row's salvo from others, by field. Raises InputError."""
        texts = ["" if place is None else cells[place].strip() for place in self._places]
        published, *window_texts, weapon_class, theatre, target_area, reporter, source = texts
        published_at = self._instant(published) if published else None
        start, end = self._window(*window_texts)
        if DATE in self._index and (known := published_at or self._published_at) is not None:
            local = known.astimezone(KYIV).replace(tzinfo=None)
            if start < local < end and local.date() == end.date():
                end = local
        weapon_class = weapon_class.lower()
        if self._classes and weapon_class:
            if weapon_class not in self._classes:
                raise InputError(
                    f"weapon_class is '{shown(weapon_class)}': expected one that is told what it is "
                    f"(known are {', '.join(self._classes)}; --class, or --only to leave such rows out)"
                )
            weapon_class = self._classes[weapon_class]
        return {
            "theatre": theatre.lower() or self._defaults["theatre"],
            "weapon_class": weapon_class or self._defaults["weapon_class"],
            "window_start": start,
            "window_end": end,
            "target_area": target_area,
            "reporter": reporter,
            "source": source or self._defaults["source"],
            "published_at": published_at,
        }

    def report(self, cells: Sequence[str]) -> SalvoReport:
        """The report of a row. Raises InputError with the reason where it is none."""
        values = self.salvo(cells)
        for field, column in self._counts:
            values[field] = whole_count(field, cells[column])
        if "shot_down_by_area" in self._index:
            values["shot_down_by_area"] = counts_by_area("shot_down_by_area", cells[self._index["shot_down_by_area"]])
        return SalvoReport(**values)

    def _window_of(self, start: str, end: str, day: str, part: str) -> tuple[datetime, datetime]:
        if DATE not in self._index:
            return window("window_start", start, "window_end", end, self._zone)
        first = wall_time(DATE, day, DAY_START)
        if first.time() != DAY_START:
            raise InputError(f"{DATE} is '{day}': expected a day without a clock, or window_start and window_end")
        match PARTS.get(part.lower(), part):
            case "":
                return first, datetime.combine(first, DAY_END)
            case "night":
                return datetime.combine(first - timedelta(days=1), NIGHTFALL), datetime.combine(first, MORNING)
            case "day":
                return datetime.combine(first, MORNING), datetime.combine(first, NIGHTFALL)
        raise InputError(f"{PART} is '{shown(part)}': expected night or day; rename the column if it is something else")


def _left_out(
    header: Sequence[str], only: Mapping[str, Collection[str]], table: str
) -> Callable[[Sequence[str]], bool]:
    """Whether a row is left out by what its cells hold."""
    for column in only:
        if column not in header:
            raise unknown_name(f"column of {table}", column, filter(None, header))
    wanted = [(header.index(column), {text.strip().lower() for text in texts}) for column, texts in only.items()]

    def left_out(cells: Sequence[str]) -> bool:
        return any(place < len(cells) and cells[place].strip().lower() not in texts for place, texts in wanted)

    return left_out


def _opened(path: Path, mapping: Mapping[str, str], sheet: str | None, skip_rows: int) -> tuple[str, list[str], Rows]:
    """Digest, header and rows of a table, its kind told by its first bytes: names lie more often."""
    regular_file(path, WANTED)
    with path.open("rb") as file:
        magic = file.read(4)
    is_workbook = magic == b"PK\x03\x04"
    if sheet is not None and not is_workbook:
        raise InputError(f"{path} is no workbook: expected no name of a sheet, '{sheet}'")
    opened: Rows
    if is_workbook:
        times = {plain_name(mapping.get(field, field)) for field in TIMES}
        digest, opened = file_digest(path), partial(workbook_rows, path, times, sheet, skip_rows, WANTED)
    elif magic == b"PAR1":
        if skip_rows:
            raise InputError(f"{path} is a Parquet file, with nothing above its columns: expected no rows to skip")
        digest, opened = file_digest(path), partial(parquet_rows, path, WANTED)
    elif magic == b"\xd0\xcf\x11\xe0":
        raise InputError(f"{path} is an old .xls workbook, or one with a password: save it as .xlsx or CSV UTF-8")
    else:
        digest = text_digest(path)
        opened = partial(csv_file_rows, path, _delimiter(path, mapping, skip_rows), skip_rows)

    def rows_with_header() -> tuple[list[str], Iterator[Row]]:
        rows = opened()
        for cells, _ in rows:
            header = [cell.strip() for cell in cells]
            while header and not header[-1]:
                header.pop()
            if header:
                return header, rows
        raise InputError(f"{path} holds no header: expected {WANTED}")

    header, rows = rows_with_header()
    next(rows, None)  # a file that is broken is told at once
    if len(header) > MOST_COLUMNS:
        raise InputError(f"{path} has {len(header):,} columns: expected at most {MOST_COLUMNS:,}, and a row per report")
    return digest, header, lambda: rows_with_header()[1]


def _delimiter(path: Path, mapping: Mapping[str, str], skip_lines: int) -> str:
    """The delimiter that yields the most columns a reader would use, then the most columns."""
    lines = islice(file_lines(path), skip_lines, None)
    first = next((line for line in lines if line.strip()), "")
    known = {*REPORT_FIELDS, DATE, PART, *(plain_name(column) for column in mapping.values())}

    def yields(delimiter: str) -> tuple[int, int]:
        header = next(csv_rows([first], delimiter), ([], ""))[0]
        return sum(plain_name(column) in known for column in header), len(header)

    return max(DELIMITERS, key=yields)
