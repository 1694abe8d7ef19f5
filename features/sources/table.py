"""Any table of salvos: CSV, XLSX or Parquet, with columns named as the fields of SalvoReport or by a mapping."""

import csv
import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zoneinfo import ZoneInfo

from features.errors import InputError, unknown_name
from features.records import COUNT_FIELDS, KYIV, REPORT_FIELDS, SHAHED, UKRAINE, SalvoReport
from features.sources.cells import (
    DAY_END,
    DAY_START,
    Row,
    counts_by_area,
    csv_file_rows,
    file_digest,
    instant,
    nearest,
    regular_file,
    reports,
    text_digest,
    wall_time,
    whole_count,
    window,
)
from features.sources.reading import Reading

SOURCE = "table"
DATE = "date"
"""The column of a daily total, in place of window_start and window_end: 00:00 to 23:59 of that date."""

DELIMITERS = ",;\t|"
WANTED = "a table of salvos (CSV, XLSX or Parquet)"
LARGEST_WORKBOOK = 2_000_000_000
"""Bytes a workbook may hold once unpacked: more is no table of reports."""

Maker = Callable[[Sequence[str]], SalvoReport]


@dataclass(frozen=True, slots=True)
class Columns:
    """used: field (or 'date') -> column of the file; ignored: the columns that no field takes, in their order."""

    used: dict[str, str]
    ignored: tuple[str, ...]


def read_table(
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    theatre: str = UKRAINE,
    weapon_class: str = SHAHED,
    published_at: datetime | None = None,
    zone: ZoneInfo = KYIV,
) -> Reading:
    """The salvos of one table, a row each.

    mapping: field -> column, for columns that are not named as fields ({"launched": "UAVs"}). Required are `launched`
    and either `window_start` with `window_end` or `date`; every other field of SalvoReport is optional, and a column of
    that name replaces `theatre` and `weapon_class` where its cell is filled. Of a workbook the first sheet is read.
    published_at: when the table as a whole came out, with zone. zone: of times that state none; windows are converted
    to Kyiv time, in which attack days are counted.
    Raises InputError for a file that is no such table, or lacks a required or a mapped column; see `columns_used`.
    """
    path = Path(path)
    if published_at is not None and published_at.tzinfo is None:
        raise InputError(f"published_at {published_at.isoformat()}: expected a time with its zone")
    digest, header, rows = _opened(path, mapping or {})
    columns = match_columns(header, mapping or {}, str(path))
    make = report_maker(header, columns, theatre=theatre, weapon_class=weapon_class, source=SOURCE, zone=zone)
    options = {"columns": columns.used, "theatre": theatre, "weapon_class": weapon_class, "zone": zone.key}
    read_as = json.dumps(options, sort_keys=True, ensure_ascii=False)
    # Read in another way, the same bytes are other reports.
    digest = hashlib.sha256(repr((digest, published_at, read_as)).encode()).hexdigest()
    return Reading(SOURCE, digest, reports(header, rows, make, published_at), published_at, read_as=read_as)


def read_cells(cells: Mapping[str, str], read_as: str) -> SalvoReport:
    """The report of one row given as column -> cell, of a table that was read so. Raises InputError."""
    options = json.loads(read_as)
    columns, zone = Columns(options.pop("columns"), ()), ZoneInfo(options.pop("zone"))
    header = list({**dict.fromkeys(columns.used.values(), ""), **cells})
    make = report_maker(header, columns, **options, source=SOURCE, zone=zone)
    return make([cells.get(column, "") for column in header])


def columns_used(path: Path, mapping: Mapping[str, str] | None = None) -> Columns:
    """Which columns `read_table` would use and which it would ignore. Raises InputError as `read_table` does."""
    _, header, _ = _opened(Path(path), mapping or {})
    return match_columns(header, mapping or {}, str(path))


def match_columns(header: Sequence[str], mapping: Mapping[str, str], table: str) -> Columns:
    """The columns of a header, by mapping first and by field name second (letter case and blanks do not matter).

    Raises InputError, naming the `table`, for an unknown field, an absent or a doubled column.
    """
    used: dict[str, str] = {}
    for field, column in mapping.items():
        if field not in (*REPORT_FIELDS, DATE):
            raise unknown_name("field", field, (*REPORT_FIELDS, DATE))
        if column not in header:
            raise unknown_name(f"column of {table}", column, filter(None, header))
        used[field] = column
    for field in (*REPORT_FIELDS, DATE):
        named = [column for column in header if _plain(column) == field and column not in used.values()]
        if field not in used and named:
            used[field] = named[0]
    if "window_start" in used and "window_end" in used:
        used.pop(DATE, None)
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


def report_maker(
    header: Sequence[str],
    columns: Columns,
    *,
    theatre: str,
    weapon_class: str,
    source: str,
    zone: ZoneInfo = KYIV,
) -> Maker:
    """The function from the cells of a row to its report; it raises InputError with the reason where they are none.

    theatre, weapon_class, source and zone hold where no cell says otherwise.
    """
    index = {field: header.index(column) for field, column in columns.used.items()}
    counts = [(field, index[field]) for field in COUNT_FIELDS if field in index]
    texts = [(field, index[field]) for field in ("target_area", "reporter", "source") if field in index]
    names = [(field, index[field]) for field in ("theatre", "weapon_class") if field in index]
    defaults = {"theatre": theatre, "weapon_class": weapon_class, "source": source}
    day, start, end = index.get(DATE), index.get("window_start", -1), index.get("window_end", -1)
    by_area, published = index.get("shot_down_by_area"), index.get("published_at")

    def make(cells: Sequence[str]) -> SalvoReport:
        values: dict[str, Any] = dict(defaults)
        if day is None:
            values["window_start"], values["window_end"] = window(
                "window_start", cells[start], "window_end", cells[end], zone
            )
        else:
            values["window_start"], values["window_end"] = _whole_day(cells[day])
        for field, column in counts:
            values[field] = whole_count(field, cells[column])
        for field, column in texts:
            if text := cells[column].strip():
                values[field] = text
        for field, column in names:
            if text := cells[column].strip():
                values[field] = text.lower()
        if by_area is not None:
            values["shot_down_by_area"] = counts_by_area("shot_down_by_area", cells[by_area])
        if published is not None and cells[published].strip():
            values["published_at"] = instant("published_at", cells[published], zone)
        return SalvoReport(**values)

    return make


def _whole_day(text: str) -> tuple[datetime, datetime]:
    start = wall_time(DATE, text, DAY_START)
    if start.time() != DAY_START:
        raise InputError(f"{DATE} is '{text.strip()}': expected a day without a clock, or window_start and window_end")
    return start, datetime.combine(start, DAY_END)


def _plain(column: str) -> str:
    return re.sub(r"[\s_-]+", "_", column.strip().lower())


def _opened(path: Path, mapping: Mapping[str, str]) -> tuple[str, list[str], Iterator[Row]]:
    """Digest, header and rows of a table, its kind told by its first bytes: names lie more often."""
    regular_file(path, WANTED)
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"PK\x03\x04":
        times = {_plain(mapping.get(field, field)) for field in (DATE, "window_start", "window_end")}
        digest, rows = file_digest(path), _workbook_rows(path, times)
    elif magic == b"PAR1":
        digest, rows = file_digest(path), _parquet_rows(path)
    elif magic == b"\xd0\xcf\x11\xe0":
        raise InputError(f"{path} is an old .xls workbook, or one with a password: save it as .xlsx or CSV UTF-8")
    else:
        digest, rows = text_digest(path), csv_file_rows(path, _delimiter(path, mapping))
    for cells, _ in rows:
        header = [cell.strip() for cell in cells]
        while header and not header[-1]:
            header.pop()
        if header:
            return digest, header, rows
    raise InputError(f"{path} holds no header: expected {WANTED}")


def _delimiter(path: Path, mapping: Mapping[str, str]) -> str:
    """The delimiter that yields the most columns a reader would use, then the most columns."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = next((line for line in file if line.strip()), "")
    known = {*REPORT_FIELDS, DATE, *(_plain(column) for column in mapping.values())}

    def yields(delimiter: str) -> tuple[int, int]:
        header = next(csv.reader([first], delimiter=delimiter), [])
        return sum(_plain(column) in known for column in header), len(header)

    return max(DELIMITERS, key=yields)


def _workbook_rows(path: Path, times: set[str]) -> Iterator[Row]:
    """The rows of the first sheet, header first. A cell merged down a column named in `times` holds for each row."""
    import openpyxl  # slow to import, and most tables are CSV

    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST_WORKBOOK:
            raise InputError(f"{path} unpacks to {size} bytes: expected at most {LARGEST_WORKBOOK}; save it as CSV")
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as workbook:
            sheet: Any = workbook.worksheets[0]
            sheet.reset_dimensions()  # some programs write wrong ones
            merged = _last_row_of_merged(path, sheet._worksheet_path)
            columns: list[int] = []
            held: dict[int, tuple[str, int]] = {}
            width = 0
            for number, row in enumerate(sheet.iter_rows(), start=1):
                cells = [_cell_text(cell) for cell in row]
                if not width and any(cells):
                    width = len(cells)
                    columns = [column for column, name in enumerate(cells) if _plain(name) in times]
                cells += [""] * (width - len(cells))  # sheets leave out empty cells at the end of a row
                for column in columns:
                    if (number, column) in merged:
                        held[column] = cells[column], merged[number, column]
                    elif column in held and number <= held[column][1]:
                        cells[column] = held[column][0]
                yield cells, ""
    except InputError:
        raise
    except _BROKEN_WORKBOOK as error:
        raise InputError(f"{path} is no XLSX workbook that can be read ({error}): expected {WANTED}") from error


_BROKEN_WORKBOOK = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What openpyxl raises for files that are not quite workbooks."""


def _last_row_of_merged(path: Path, sheet: str) -> dict[tuple[int, int], int]:
    """(first row from 1, column from 0) -> last row, of merged cells; openpyxl's streaming reader leaves them out."""
    last: dict[tuple[int, int], int] = {}
    with zipfile.ZipFile(path) as archive, archive.open(sheet) as file:
        tail = b""
        while chunk := file.read(1 << 20):
            tail += chunk
            for match in _MERGED.finditer(tail):
                column = 0
                for letter in match["column"]:
                    column = column * 26 + letter - ord("A") + 1
                last[int(match["first"]), column - 1] = int(match["last"])
            tail = tail[-_LONGEST_TAG:]
    return last


_LONGEST_TAG = 200
_MERGED = re.compile(rb'mergeCell\s[^>]*?ref="(?P<column>[A-Z]{1,3})(?P<first>\d+):[A-Z]{1,3}(?P<last>\d+)"')


def _cell_text(cell: Any) -> str:
    """A workbook cell as a CSV file would hold it: a day formatted without a clock stays without one."""
    value = cell.value
    if isinstance(value, datetime) and "h" not in cell.number_format.lower():
        return value.date().isoformat()
    return _value_text(value)


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow  # type: ignore[import-untyped]  # slow to import, and most tables are CSV
    import pyarrow.parquet  # type: ignore[import-untyped]

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            yield list(file.schema_arrow.names), ""
            for batch in file.iter_batches(batch_size=10_000):
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield [_value_text(value) for value in values], ""
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path} is no Parquet file that can be read ({error}): expected {WANTED}") from error


def _value_text(value: Any) -> str:
    """A typed value as text; a time to the second, since spreadsheets keep days as fractions that miss it slightly."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return (value + timedelta(milliseconds=500)).replace(microsecond=0).isoformat(" ")
    return str(value)
