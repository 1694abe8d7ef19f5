"""Files and cells: what the table readers share. Both raise InputError with the reason where they are none."""

import ast
import codecs
import csv
import hashlib
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from features.errors import InputError
from features.records import KYIV

Row = tuple[Sequence[str], str]
"""The cells of one row, and what is wrong with the row as a whole ('' for nothing)."""

DAY_START, DAY_END = time(0, 0), time(23, 59)
"""A window stated by dates alone runs from the first minute of the first day to the last minute of the last."""

EARLIEST_YEAR, LATEST_YEAR = 1900, 2099
"""A year outside these is a misread one. Readers have no clock: days to come are for the caller to doubt."""

NOTHING = frozenset({"", "nan", "nat", "none", "null", "n/a", "na", "-", "–", "—"})
"""Texts, in lower case, by which tables say that nothing was reported."""

LONGEST_LINE = 1_000_000
"""Characters of one line of a CSV file."""
EARLIEST_DAY_NUMBER, LATEST_DAY_NUMBER = 36_526, 73_050
"""2000-01-01 and 2099-12-31 as spreadsheets keep them."""

_LONGEST_SHOWN = 60
_LONGEST_NUMBER = 20
_WHOLE_NUMBERS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(?P<whole>[1-9]\d{0,2}(?:,\d{3})+)(?:\.0+)?",
        r"(?P<whole>[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f]\d{3})+)(?:[.,]0+)?",
        r"(?P<whole>[1-9]\d{0,2}(?:\.\d{3})+),0+",
        # '1.000' may be one or a thousand: a guess would be wrong by that factor.
        r"(?![1-9]\d{0,2}\.000$)(?P<whole>\d+)(?:[.,]0+)?",
    )
)
_CLOCK = r"(?:[T ]+(?P<hour>\d{1,2})(?P<rest>:\d\d(?::\d\d(?:\.\d+)?)?)\s*(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
_MOMENTS = tuple(
    re.compile(pattern + _CLOCK, re.ASCII)
    for pattern in (
        r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})",
    )
)


def whole_count(name: str, text: str) -> int | None:
    """The count in a cell; None for a cell that says nothing.

    >>> [whole_count("launched", text) for text in ("7", "7.0", "7,0", "1,234", "1 234", "1.234,0", "n/a")]
    [7, 7, 7, 1234, 1234, 1234, None]

    Raises InputError, naming the field `name`, for anything else: negative, fractional, or '1.000', which may be one
    or a thousand.
    """
    if text.isdigit() and text.isascii() and len(text) < _LONGEST_NUMBER:
        return int(text)
    text = text.strip()
    if text.lower() in NOTHING:
        return None
    if len(text) < _LONGEST_NUMBER:
        for pattern in _WHOLE_NUMBERS:
            if match := pattern.fullmatch(text):
                return int(re.sub(r"\D", "", match["whole"]))
    if re.fullmatch(r"[1-9]\d{0,2}\.000", text, re.ASCII):
        one = text.removesuffix(".000")
        raise InputError(f"{name} is '{text}', which may be {one} or {one},000: write {one} or {one}000")
    raise InputError(f"{name} is '{shown(text)}': expected a whole number, 0 or more")


def moment(name: str, text: str, clock: time) -> datetime:
    """The date and time in a cell, without a zone where it states none; a date alone is taken at `clock`.

    '2025-01-31', '31.01.2025', '2025-01-31 8:00', '2025-01-31T08:00:00Z'. Raises InputError, naming the field `name`.
    """
    try:
        if len(text) in (16, 19) and text[4] == "-" and text[10] in " T":
            value = datetime.fromisoformat(text)
        else:
            value = _slow_moment(text.strip(), clock)
    except ValueError:
        if text.strip().lower() in NOTHING:
            raise InputError(f"{name} is missing: expected a date such as 2025-01-31 08:00") from None
        if re.fullmatch(r"\d{5}(\.\d+)?", text.strip(), re.ASCII) and is_day_number(float(text)):
            day = date(1899, 12, 30) + timedelta(days=int(float(text)))
            raise InputError(
                f"{name} is '{shown(text)}', a day as spreadsheets number them ({day} in Excel): "
                "format the column as dates there, and save it again"
            ) from None
        raise InputError(f"{name} is '{shown(text)}': expected a date such as 2025-01-31 08:00") from None
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        raise InputError(f"{name} is '{shown(text)}': expected a year from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return value


def is_day_number(value: float) -> bool:
    """Whether a number is a day of this century as spreadsheets keep days: 46082 is 2026-03-01 in most of them."""
    return EARLIEST_DAY_NUMBER <= value < LATEST_DAY_NUMBER + 1


def value_text(value: Any) -> str:
    """A typed value as text; a time to the second, since spreadsheets keep days as fractions that miss it slightly."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return (value + timedelta(milliseconds=500)).replace(microsecond=0).isoformat(" ")
    return str(value)


def plain_name(column: str) -> str:
    """The name of a column as names are compared: in lower case, with underscores for blanks and hyphens."""
    return re.sub(r"[\s_-]+", "_", column.strip().lower())


def wall_time(name: str, text: str, clock: time, zone: ZoneInfo = KYIV) -> datetime:
    """As `moment`, in Kyiv wall-clock time without a zone: a time of another zone is converted.

    zone: of a time that states none. A date alone stays that date, whatever the zone.
    """
    value = moment(name, text, clock)
    if value.tzinfo is None and zone is not KYIV and ":" in text:
        value = value.replace(tzinfo=zone)
    return value if value.tzinfo is None else value.astimezone(KYIV).replace(tzinfo=None)


def window(start_name: str, start: str, end_name: str, end: str, zone: ZoneInfo = KYIV) -> tuple[datetime, datetime]:
    """Start and end of a window in Kyiv wall-clock time, from the two cells and the names of their columns.

    zone: of times that state none.

    A window from midnight to the same midnight is a day that was stated without a clock, and lasts to 23:59: ending it
    as the day begins would have it known before it happened. Raises InputError as `moment` does.
    """
    begins, ends = wall_time(start_name, start, DAY_START, zone), wall_time(end_name, end, DAY_END, zone)
    if begins == ends and ends.time() == DAY_START:
        ends = datetime.combine(ends, DAY_END)
    return begins, ends


def instant(name: str, text: str, zone: ZoneInfo = KYIV) -> datetime:
    """When something was published, in UTC: `zone` where none is stated; a date alone means its last minute."""
    value = moment(name, text, DAY_END)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def last_second_of(day: date) -> datetime:
    """The last second of a Kyiv day, in UTC: when a file dated by the day alone was out at the latest."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=KYIV).astimezone(UTC)


def counts_by_area(name: str, text: str) -> str | None:
    """The canonical JSON of `{'south': 14, 'east': NaN}` as Python or JSON writes it; None for an empty cell.

    Keys are sorted, null stands for an area named without a number. Raises InputError, naming the field `name`.
    """
    text = text.strip()
    if text.lower() in NOTHING:
        return None
    try:
        if len(text) > 10_000:  # the parser below is not made for hostile depth
            raise ValueError
        with warnings.catch_warnings(action="ignore"):  # of odd escapes, which are kept as they are
            counts = ast.literal_eval(re.sub(r"\b(?:NaN|nan|null)\b", "None", text))
        areas = {
            area.strip(): None if count is None else whole_count(name, str(count)) for area, count in counts.items()
        }
        "".join(areas).encode()  # bytes for a name, or half a character, can be parsed but not kept
    except (ValueError, TypeError, SyntaxError, AttributeError, RecursionError, MemoryError):
        raise InputError(
            f"{name} is '{shown(text)}': expected areas with whole numbers such as {{'south': 14, 'east': NaN}}"
        ) from None
    return json.dumps(areas, sort_keys=True, ensure_ascii=False) if areas else None


def regular_file(path: Path, wanted: str) -> None:
    """Raise InputError unless `path` is a readable file with something in it; `wanted` says what was expected."""
    if path.is_dir():
        raise InputError(f"{path} is a directory: expected {wanted}")
    if not path.exists():
        raise InputError(f"{path} does not exist: expected {wanted}; check the path")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file: expected {wanted}")
    try:
        with path.open("rb") as file:
            empty = not file.read(4).removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): expected {wanted}") from error
    if empty:
        raise InputError(f"{path} is empty: expected {wanted}")


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes. Raises InputError for bytes that are not UTF-8 text, naming the first."""
    digest, decoder, done = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if done == 0 and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise InputError(f"{path} is UTF-16: expected UTF-8; {_how_to_convert('UTF-16', path)}")
            if b"\0" in chunk:
                raise InputError(
                    f"{path} is binary (a zero byte at offset {done + chunk.index(0)}): expected CSV text; "
                    "export the table as CSV UTF-8"
                )
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                offset = done - (len(error.object) - len(chunk)) + error.start
                raise InputError(
                    f"{path} is not UTF-8 (byte 0x{error.object[error.start]:02x} at offset {offset}): "
                    f"{_how_to_convert('WINDOWS-1251', path)}"
                ) from None
            digest.update(chunk)
            done += len(chunk)
    if decoder.getstate()[0]:
        raise InputError(f"{path} ends within a character: expected UTF-8; the file may be cut short, fetch it again")
    return digest.hexdigest()


def csv_rows(lines: Iterable[str], delimiter: str = ",") -> Iterator[Row]:
    """The rows of CSV text, header first. A quote that is never closed spoils its own row, never the reading."""
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = csv.reader(noted(), delimiter=delimiter)
    while True:
        taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield taken[:1], f"{error}: a quote is opened in this row and not closed for {len(taken)} lines"
            continue
        if len(taken) > 1 and _quote_left_open(taken, delimiter):
            yield cells, f"a quote is opened in this row and never closed: it takes in {len(taken) - 1} more lines"
        else:
            yield cells, ""


def csv_file_rows(path: Path, delimiter: str = ",", skip_lines: int = 0) -> Iterator[Row]:
    """The rows of a UTF-8 CSV file, header first, with or without a byte order mark; the file closes with the last.

    skip_lines: lines above the header to pass over. Raises InputError for a line longer than any table has.
    """
    yield from csv_rows(islice(file_lines(path), skip_lines, None), delimiter)


def file_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, each with its end. Raises InputError for a line longer than any table has."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise InputError(f"{path} has a line of over {LONGEST_LINE:,} characters: expected a row of a table")
            yield line


def shown(text: str) -> str:
    """Some text of a cell in one line, as it is told in a reason."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def nearest(name: str, given: Iterable[str]) -> str:
    """' (nearest: a, b)' for a missing name, from the given ones; '' where none is near."""
    names = get_close_matches(name, [other for other in given if other], n=3, cutoff=0.6)
    return f" (nearest: {', '.join(names)})" if names else ""


def _slow_moment(text: str, clock: time) -> datetime:
    for pattern in _MOMENTS:
        if match := pattern.fullmatch(text):
            day = f"{match['year']}-{match['month']:0>2}-{match['day']:0>2}"
            if match["hour"] is None:
                return datetime.combine(date.fromisoformat(day), clock)
            return datetime.fromisoformat(f"{day}T{match['hour']:0>2}{match['rest']}{match['zone'] or ''}")
    raise ValueError(text)


def _quote_left_open(lines: Sequence[str], delimiter: str) -> bool:
    try:
        for _ in csv.reader(lines, delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _how_to_convert(encoding: str, path: Path) -> str:
    return f"save it as CSV UTF-8, or convert it: iconv -f {encoding} -t UTF-8 {path.name} > utf8.csv"
