"""A table of stock counts, CSV or XLSX: one row for each layer and day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from features.errors import InputError
from features.sources.cells import DAY_START, csv_file_rows, moment, plain_name, regular_file, text_digest
from features.sources.workbook import workbook_rows
from features.typed import typed_count

WANTED = "a CSV or XLSX table with the columns layer, quantity and date"
_NAMES = {"day": "date", "counted_on": "date", "on": "date", "count": "quantity", "known_on": "known"}
_REQUIRED, _OPTIONAL = ("layer", "quantity"), ("date", "source", "known")
MOST_COUNTS = 10_000


@dataclass(frozen=True, slots=True)
class CountRow:
    """A row of a table of counts, with where it stands.

    Parameters
    ----------
    where : str
        For errors.
    layer, source : str
        As written.
    quantity : int
        Interceptors.
    counted_on, known_on : date, optional
        None where the row does not say.
    """

    where: str
    layer: str
    quantity: int
    counted_on: date | None
    known_on: date | None
    source: str


def read_counts_table(path: Path) -> Iterator[CountRow]:
    """The rows of a table of counts, in its order.

    Parameters
    ----------
    path : Path
        CSV, or XLSX by its suffix: columns layer and quantity, and perhaps date, source and known.

    Yields
    ------
    CountRow

    Raises
    ------
    InputError
        For a file, a column or a cell that is none, with the row.
    """
    regular_file(path, WANTED)
    if path.suffix.lower() == ".xlsx":
        rows = workbook_rows(path, {"date", "day", "on", "counted_on", "known", "known_on"}, None, 0, WANTED)
    else:
        text_digest(path)  # says what is wrong with bytes that are no text
        rows = csv_file_rows(path)
    header = [_NAMES.get(plain_name(cell), plain_name(cell)) for cell in next(rows, ((), ""))[0]]
    for column in (*_REQUIRED, *(name for name in _OPTIONAL if name in header)):
        if header.count(column) != 1:
            raise InputError(f"{path}: expected one column '{column}' in the first row: {', '.join(_REQUIRED)}, date")
    for number, (cells, problem) in enumerate(rows, start=1):
        where = f"{path}: row {number}"
        if problem:
            raise InputError(f"{where}: {problem}")
        if not any(cell.strip() for cell in cells):
            continue
        if number > MOST_COUNTS:
            raise InputError(f"{path} has over {MOST_COUNTS:,} rows: expected a table of counts")
        named = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
        try:
            yield CountRow(
                where,
                named.get("layer", ""),
                typed_count(named.get("quantity", "")),
                _day("date", named),
                _day("known", named),
                named.get("source", ""),
            )
        except InputError as error:
            raise InputError(f"{where}: {error}") from error


def _day(name: str, named: dict[str, str]) -> date | None:
    text = named.get(name, "")
    found: datetime | None = moment(name, text, DAY_START) if text else None
    return found.date() if found else None
