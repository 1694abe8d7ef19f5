"""The rows of an XLSX workbook, in bounded time and memory: no row, column or gap is made up that the file lacks."""

import re
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from features.errors import InputError, one_line, unknown_name
from features.sources.cells import Row, is_day_number, plain_name, value_text

LARGEST_WORKBOOK = 500_000_000
"""Bytes a workbook may hold once unpacked: a million reports take half of it."""
LARGEST_ROW = 2_000_000
"""Bytes of one row: it is held in memory, some twenty times as large."""
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
"""What a worksheet can have, by the format."""
FARTHEST = 64
"""Columns beyond the last named one that a remark may stand in; its row is turned away. Farther is no table."""

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What openpyxl raises for files that are not quite workbooks."""


def workbook_rows(path: Path, times: Collection[str], sheet: str | None, skip_rows: int, wanted: str) -> Iterator[Row]:
    """The rows of a sheet from its first filled one after `skip_rows`, which is the header; empty ones among them.

    times: the plain names of columns that hold days or times: a bare day number in one is read as its day, and a cell
    merged down holds for each of its rows. sheet: its name; without one the first. Raises InputError, in one line, for
    a file that is no workbook or larger than one can be; `wanted` says what was expected.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST_WORKBOOK:
            raise InputError(f"{path} unpacks to {size} bytes: expected at most {LARGEST_WORKBOOK}; save it as CSV")
        with path.open("rb") as file:
            yield from _rows(path, file, times, sheet, skip_rows)
    except InputError:
        raise
    except _BROKEN as error:
        raise one_line(f"{path} is no XLSX workbook that can be read ({error}): expected {wanted}") from error


def _rows(path: Path, file: Any, times: Collection[str], sheet: str | None, skip_rows: int) -> Iterator[Row]:
    from openpyxl.reader.excel import ExcelReader  # slow to import, and most tables are CSV
    from openpyxl.styles.stylesheet import apply_stylesheet
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet._reader import WorkSheetParser

    reader: Any = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
    with closing(reader.archive):
        reader.read_manifest()
        reader.read_strings()
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
        book = reader.wb
        sheets = {each.name: link.target for each, link in reader.parser.find_sheets() if "chart" not in link.Type}
        if sheet is not None and sheet not in sheets:
            raise unknown_name(f"sheet of {path}", sheet, sheets)
        place = sheets[next(iter(sheets)) if sheet is None else sheet]
        merged = _last_row_of_merged(reader.archive, place)
        with reader.archive.open(place) as packed:
            source = _Metered(packed, path)
            parser: Any = WorkSheetParser(
                source,
                reader.shared_strings,
                data_only=True,
                epoch=book.epoch,
                date_formats=book._date_formats,
                timedelta_formats=book._timedelta_formats,
            )
            parsed = parser.parse()
            columns: list[int] = []
            held: dict[int, tuple[str, int]] = {}
            width = last = 0
            while True:
                with warnings.catch_warnings(action="ignore"):  # of dates beyond the calendar: the cell holds an error
                    number, given = next(parsed, (None, ()))
                if number is None:
                    return
                source.row_ended()
                if number > MOST_ROWS:
                    raise InputError(f"{path} has row {number:,}: a worksheet has at most {MOST_ROWS:,}; save it anew")
                if number <= last:
                    raise InputError(f"{path} has row {number} after row {last}: expected each once; save it anew")
                given = [cell for cell in given if cell["value"] is not None]
                widest = max((cell["column"] for cell in given), default=0)
                if widest > (min(width + FARTHEST, MOST_COLUMNS) if width else MOST_COLUMNS):
                    named = f"the {width} named columns" if width else f"the {MOST_COLUMNS:,} columns of a worksheet"
                    raise InputError(
                        f"{path} has a cell {get_column_letter(min(widest, 18_278))}{number}, far beyond {named}: "
                        "delete it, or save the table alone"
                    )
                blank = number - max(last, skip_rows) - 1
                last = number
                if number <= skip_rows:
                    continue
                if width:
                    yield from repeat(_BLANK, blank)
                cells = [""] * max(width, widest)
                for cell in given:
                    cells[cell["column"] - 1] = _cell_text(cell, book, cell["column"] - 1 in columns)
                if not width and any(cells):
                    width = len(cells)
                    columns = [column for column, name in enumerate(cells) if plain_name(name) in times]
                for column in columns:
                    if (number, column) in merged:
                        held[column] = cells[column], merged[number, column]
                    elif column in held and number <= held[column][1]:
                        cells[column] = held[column][0]
                yield cells, ""


_BLANK: Row = ([], "")


class _Metered:
    """A file that gives no more than LARGEST_ROW bytes without a row in them: the parser holds a row as a whole."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path, self._given = file, path, 0

    def read(self, size: int = -1) -> bytes:
        self._given += size if size > 0 else LARGEST_ROW + 1
        if self._given > LARGEST_ROW:
            raise InputError(f"{self._path} has a row of over {LARGEST_ROW:,} bytes: save the table alone, or as CSV")
        content: bytes = self._file.read(size)
        return content

    def row_ended(self) -> None:
        self._given = 0


def _last_row_of_merged(archive: zipfile.ZipFile, sheet: str) -> dict[tuple[int, int], int]:
    """(first row from 1, column from 0) -> last row, of merged cells; openpyxl tells them after the rows."""
    last: dict[tuple[int, int], int] = {}
    with archive.open(sheet) as file:
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
_MERGED = re.compile(rb'mergeCell\s[^>]*?ref="(?P<column>[A-Z]{1,3})(?P<first>\d{1,7}):[A-Z]{1,3}(?P<last>\d{1,7})"')


def _cell_text(cell: dict[str, Any], book: Any, of_time: bool) -> str:
    """A cell as a CSV file would hold it: a day formatted without a clock stays without one."""
    from openpyxl.utils.datetime import from_excel

    value = cell["value"]
    if of_time and isinstance(value, int | float) and is_day_number(value):
        value = from_excel(value, book.epoch)
        if value.time() == datetime.min.time():
            return str(value.date())
    elif isinstance(value, datetime) and "h" not in _number_format(book, cell["style_id"]).lower():
        return value.date().isoformat()
    return value_text(value)


def _number_format(book: Any, style: int) -> str:
    from openpyxl.styles.numbers import BUILTIN_FORMATS

    number = book._cell_styles[style].numFmtId
    return str(BUILTIN_FORMATS.get(number) or book._number_formats[number - 164])
