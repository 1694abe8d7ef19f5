"""Odd workbooks and Parquet files are told in one line, within a second and some megabytes, or cost single rows."""

import io
import random
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from features.errors import InputError
from features.records import SalvoReport
from features.sources import parquet, workbook
from features.sources.cells import LONGEST_LINE
from features.sources.reading import RejectedRow
from features.sources.table import MOST_COLUMNS, read_table
from tests.features.sources.conftest import parted

HEADER = ["date", "launched"]
GOOD = ["2030-03-01", 118]


def read(path: Path, **options: Any) -> tuple[list[SalvoReport], list[RejectedRow]]:
    return parted(read_table(path, **options))


def refused(path: Path, **options: Any) -> str:
    """The one line that a file is refused with, read to its end."""
    with pytest.raises(InputError) as raised:
        list(read_table(path, **options).rows)
    told = str(raised.value)
    assert "\n" not in told
    assert str(path) in told
    return told


def saved(folder: Path, book: openpyxl.Workbook, extra_rows: bytes = b"") -> Path:
    """The workbook as a file, with these rows at the end of its first sheet."""
    plain = io.BytesIO()
    book.save(plain)
    path = folder / "salvos.xlsx"
    with zipfile.ZipFile(plain) as given, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            content = given.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(b"</sheetData>", extra_rows + b"</sheetData>")
            made.writestr(name, content)
    return path


def book_of(*rows: Sequence[object]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in (HEADER, GOOD, *rows):
        book.worksheets[0].append(list(row))
    return book


# --- workbooks


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            b'<row r="2000000000"><c r="A2000000000"><v>1</v></c></row>',
            "has row 2,000,000,000: a worksheet has at most",
        ),
        (
            b'<row r="1048577"><c r="A1048577"><v>1</v></c></row>',
            "has row 1,048,577: a worksheet has at most 1,048,576",
        ),
        (b'<row r="3"><c r="ZZZ3"><v>1</v></c></row>', "has a cell ZZZ3, far beyond the 2 named columns"),
        (b'<row r="3"><c r="BO3"><v>1</v></c></row>', "has a cell BO3, far beyond the 2 named columns"),
        (
            b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(3, 20_000)),
            "has a cell XFD3",
        ),
        (b'<row r="2"><c r="A2"><v>1</v></c></row>', "has row 2 after row 2"),
        (b'<row r="0"><c r="A0"><v>1</v></c></row>', "has row 0 after row 2"),
        (b'<row r="3">' + b"<c><v>1</v></c>" * 150_000 + b"</row>", "has a row of over 2,000,000 bytes"),
        (b'<row r="3"><c r="B3"><v>' + b"9" * 5_000 + b"</v></c></row>", "is no XLSX workbook that can be read"),
        (b'<row r="3"><c r="B3" t="s"><v>4000</v></c></row>', "is no XLSX workbook that can be read"),
    ],
)
def test_a_sheet_that_no_program_writes_is_refused_in_one_line(tmp_path: Path, rows: bytes, told: str) -> None:
    assert told in refused(saved(tmp_path, book_of(), rows))


def test_hostile_workbooks_take_little_memory(tmp_path: Path) -> None:
    """A row as wide as XFD and a row two milliards down: in a second and 100 MB, both were minutes and gigabytes."""
    wide = b"".join(b'<row r="%d"><c r="A%d"/><c r="XFD%d"><v>1</v></c></row>' % (n, n, n) for n in range(3, 20_003))
    path = saved(tmp_path, book_of(), wide + b'<row r="2000000000"><c r="A2000000000"><v>1</v></c></row>')
    script = (
        "import sys, resource, time\nfrom pathlib import Path\nimport openpyxl\n"
        "from features.sources.table import read_table\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF)\n"
        "before, started = used().ru_maxrss, time.process_time()\n"
        "try:\n    list(read_table(Path(sys.argv[1])).rows)\nexcept ValueError:\n"
        "    print((used().ru_maxrss - before) // 1024, time.process_time() - started)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True, timeout=60)
    megabytes, seconds = map(float, done.stdout.split())
    assert megabytes < 60
    assert seconds < 2


def test_a_remark_beside_the_table_costs_its_row_and_a_gap_of_rows_nothing(tmp_path: Path) -> None:
    remark = b'<row r="3"><c r="A3" t="str"><v>2030-03-02</v></c><c r="F3" t="str"><v>sic</v></c></row>'
    far = b'<row r="200000"><c r="A200000" t="str"><v>2030-03-03</v></c><c r="B200000"><v>7</v></c></row>'
    reports, [rejected] = read(saved(tmp_path, book_of(), remark + far))
    assert [report.launched for report in reports] == [118, 7]
    assert (rejected.row, rejected.reason) == (2, "has 6 cells: expected 2, as many as there are named columns")


def test_bare_day_numbers_of_a_workbook_are_its_days(tmp_path: Path) -> None:
    """46082 is 2026-03-01, and 44620 is in a workbook that counts from 1904; half a day more is noon."""
    for epoch, shift in ((openpyxl.utils.datetime.WINDOWS_EPOCH, 0), (openpyxl.utils.datetime.MAC_EPOCH, 1462)):
        book = openpyxl.Workbook()
        book.epoch = epoch
        for row in (
            ["Day", "launched", "published_at"],
            [46082 - shift, 118, 46083.5 - shift],
            [46083 - shift, 46082, None],
        ):
            book.worksheets[0].append(row)
        reports, _ = read(saved(tmp_path, book), mapping={"date": "Day"})
        assert [(report.attack_day, report.launched) for report in reports] == [
            (date(2026, 3, 1), 118),
            (date(2026, 3, 2), 46082),
        ]
        assert reports[0].published_at is not None
        assert reports[0].published_at.isoformat() == "2026-03-02T10:00:00+00:00"


def test_a_day_number_elsewhere_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "salvos.csv"
    path.write_text("date,launched\n46082,118\n12,4\n", encoding="utf-8")
    _, [first, second] = read(path)
    assert first.reason.startswith("date is '46082', a day as spreadsheets number them (2026-03-01 in Excel): format")
    assert second.reason == "date is '12': expected a date such as 2025-01-31 08:00"


def test_a_day_beyond_the_calendar_costs_its_row_without_a_word_on_the_screen(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    book = book_of([4_000_000, 7], [-5, 7])
    for cell in ("A3", "A4"):
        book.worksheets[0][cell].number_format = "yyyy-mm-dd"
    _, rejected = read(saved(tmp_path, book))
    assert [row.reason for row in rejected] == [
        "date is '#VALUE!': expected a date such as 2025-01-31 08:00",
        "date is '1899-12-25': expected a year from 1900 to 2099",
    ]
    assert not recwarn


def test_a_sheet_by_name_and_rows_above_the_header(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Облік")
    for row in (["Reports of the staff", None, "2030"], [], ["Day", "launched"], ["2030-03-01", 9]):
        sheet.append(row)
    path = saved(tmp_path, book)
    reports, _ = read(path, sheet="Облік", skip_rows=2, mapping={"date": "Day"})
    assert [report.launched for report in reports] == [9]
    assert "unknown sheet of" in refused(path, sheet="Обліки")
    assert "did you mean Облік" in refused(path, sheet="Обліки")


def test_lines_above_the_header_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "salvos.csv"
    path.write_text("Reports; of the, staff\n\nDay;launched\n2030-03-01;9\n2030-03-02;x\n", encoding="utf-8")
    reports, [rejected] = read(path, skip_rows=1, mapping={"date": "Day"})
    assert [report.launched for report in reports] == [9]
    assert rejected.row == 2
    assert "expected no name of a sheet, 'A'" in refused(path, sheet="A", skip_rows=1)
    assert "holds no header" in refused(path, skip_rows=9)


def test_a_workbook_by_another_name_is_one(tmp_path: Path) -> None:
    path = saved(tmp_path, book_of())
    assert read(path.rename(tmp_path / "salvos.csv"))[0][0].launched == 118


# --- Parquet


def test_a_date_beyond_the_calendar_costs_its_row(tmp_path: Path) -> None:
    path = tmp_path / "salvos.parquet"
    days = pa.array([22_000, 2**31 - 1, -(2**31), None], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"date": days, "launched": [9, 8, 7, 6]}), path)
    reports, rejected = read(path)
    assert [report.launched for report in reports] == [9]
    assert ["no date or text" in row.reason for row in rejected] == [True, True, False]


def test_odd_columns_of_parquet_cost_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "salvos.parquet"
    columns = {
        "date": pa.array([date(2030, 3, 1)] * 2),
        "launched": pa.array([[1], None], pa.list_(pa.int64())),
        "target_area": pa.array([b"\xff", None], pa.binary()),
    }
    pq.write_table(pa.table(columns), path)
    _, rejected = read(path)
    assert [row.reason for row in rejected] == [
        "launched is '[1]': expected a whole number, 0 or more",
        "launched is missing: expected a whole number of drones",
    ]


def test_a_parquet_file_of_more_rows_than_a_table_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "salvos.parquet"
    pq.write_table(pa.table({"date": [date(2030, 3, 1)] * 20, "launched": [1] * 20}), path)
    assert "no rows to skip" in refused(path, skip_rows=1)
    monkeypatch.setattr(parquet, "MOST_ROWS", 19)
    assert "has 20 rows, and groups of up to" in refused(path)


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"salvos.{kind}"
    if kind == "xlsx":
        whole = saved(tmp_path, book_of(*(["2030-03-02", n] for n in range(40)))).read_bytes()
    else:
        moments = [datetime(2030, 3, 1, n % 24) for n in range(200)]
        table = pa.table(
            {"window_start": moments, "window_end": moments, "launched": range(200), "target_area": ["x"] * 200}
        )
        pq.write_table(table, path)
        whole = path.read_bytes()
    dice = random.Random(15)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(4, len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged[: dice.choice([len(damaged), dice.randrange(4, len(damaged))])])
        try:
            rows = list(read_table(path).rows)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017  # most are refused, and each in one line
        else:
            assert all(isinstance(row, SalvoReport | RejectedRow) for row in rows)


# --- any file


def test_more_columns_or_longer_lines_than_a_table_has(tmp_path: Path) -> None:
    path = tmp_path / "salvos.csv"
    path.write_text(",".join(f"c{n}" for n in range(MOST_COLUMNS + 1)), encoding="utf-8")
    assert f"has 1,001 columns: expected at most {MOST_COLUMNS:,}" in refused(path)
    path.write_text("date,launched\n2030-03-01," + "9" * LONGEST_LINE + "\n", encoding="utf-8")
    assert f"has a line of over {LONGEST_LINE:,} characters" in refused(path)


def test_whatever_a_row_raises_it_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "salvos.csv"
    path.write_text("date,launched\n2030-03-01,13\n2030-03-02,9\n", encoding="utf-8")

    def unlucky(name: str, text: str) -> int:
        if text == "13":
            raise ZeroDivisionError("of all\nthings")
        return int(text)

    monkeypatch.setattr("features.sources.table.whole_count", unlucky)
    reports, [rejected] = read(path)
    assert [report.launched for report in reports] == [9]
    assert (rejected.row, rejected.reason) == (1, r"cannot be read (ZeroDivisionError: of all\nthings)")


def test_the_limits_are_those_of_the_format() -> None:
    assert (workbook.MOST_ROWS, workbook.MOST_COLUMNS) == (2**20, 2**14)
