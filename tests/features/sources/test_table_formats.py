"""Workbooks and Parquet read as CSV is, in little memory."""

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from features.errors import InputError
from features.records import SalvoReport
from features.sources.reading import RejectedRow
from features.sources.table import read_table
from tests.features.sources.conftest import parted


def read(path: Path, **options: Any) -> tuple[list[SalvoReport], list[RejectedRow]]:
    return parted(read_table(path, **options))


def workbook(
    folder: Path, rows: Sequence[Sequence[Any]], merged: Sequence[str] = (), day_format: str = "yyyy-mm-dd"
) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(number, column, value)
            if isinstance(value, datetime):
                cell.number_format = day_format
    for area in merged:
        sheet.merge_cells(area)
    book.create_sheet("other").append(["nothing", "here"])
    path = folder / "salvos.xlsx"
    book.save(path)
    return path


def test_a_workbook(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        [
            ["window_start", "window_end", "launched", "shot_down", "target_area"],
            [datetime(2030, 3, 4, 17, 59, 59, 999_999), datetime(2030, 3, 5, 8), 90, 61.0],
            ["2030-03-05 18:00", datetime(2030, 3, 6, 8), 1.5, None, "south"],
            [None, None, None],
            [datetime(2030, 3, 6, 18), datetime(2030, 3, 7, 8), "1 234", "", "south"],
        ],
        day_format="dd.mm.yyyy hh:mm",
    )
    reports, [rejected] = read(path)

    assert [(r.window_start, r.launched, r.shot_down, r.target_area) for r in reports] == [
        (datetime(2030, 3, 4, 18), 90, 61, ""),
        (datetime(2030, 3, 6, 18), 1234, None, "south"),
    ]
    assert (rejected.row, rejected.reason) == (2, "launched is '1.5': expected a whole number, 0 or more")


def test_a_workbook_day_without_a_clock_ends_at_its_end(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        [["window_start", "window_end", "launched"], [datetime(2030, 3, 4), datetime(2030, 3, 5), 9]],
        day_format="dd.mm.yyyy",
    )

    assert read(path)[0][0].window_end == datetime(2030, 3, 5, 23, 59)


def test_merged_dates_are_filled_down_and_nothing_else(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        [
            ["Day", "target_area", "launched"],
            [datetime(2030, 3, 5), "south", 9],
            [None, "east", 4],
            [None, "west", 3],
            [datetime(2030, 3, 6), "south", 7],
            [datetime(2030, 3, 6), "east", None],
        ],
        merged=("A2:A3", "C5:C6"),
    )
    reports, rejected = read(path, mapping={"date": "Day"})

    assert [(report.attack_day, report.target_area, report.launched) for report in reports] == [
        (date(2030, 3, 5), "south", 9),
        (date(2030, 3, 5), "east", 4),
        (date(2030, 3, 6), "south", 7),
    ]
    assert [(row.row, row.reason) for row in rejected] == [
        (3, "date is missing: expected a date such as 2025-01-31 08:00"),
        (5, "launched is missing: expected a whole number of drones"),
    ]


def test_a_workbook_too_large_unpacked_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path, [["date", "launched"], [datetime(2030, 3, 5), 9]])
    monkeypatch.setattr("features.sources.workbook.LARGEST_WORKBOOK", 1000)

    with pytest.raises(InputError, match="bytes: expected at most 1000; save it as CSV"):
        read_table(path)


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "salvos.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("salvos.csv", "date,launched\n")

    with pytest.raises(InputError, match="is no XLSX workbook that can be read"):
        read_table(path)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "salvos.parquet"
    ends = [
        datetime(2030, 7, 5, 5, tzinfo=UTC),
        datetime(2030, 7, 6, 5, tzinfo=UTC),
        datetime(2030, 7, 7, 5, tzinfo=UTC),
    ]
    columns = {
        "window_start": pa.array(
            [end - timedelta(hours=14, milliseconds=1) for end in ends], pa.timestamp("ns", "UTC")
        ),
        "window_end": pa.array(ends, pa.timestamp("us", "UTC")),
        "launched": pa.array([9, None, 7], pa.int64()),
        "shot_down": pa.array([float("nan"), 3.0, 6.0], pa.float64()),
    }
    pq.write_table(pa.table(columns), path)
    reports, [rejected] = read(path)

    assert [(r.window_start, r.window_end, r.launched, r.shot_down) for r in reports] == [
        (datetime(2030, 7, 4, 18), datetime(2030, 7, 5, 8), 9, None),
        (datetime(2030, 7, 6, 18), datetime(2030, 7, 7, 8), 7, 6),
    ]
    assert (rejected.row, rejected.reason) == (2, "launched is missing: expected a whole number of drones")


def test_parquet_days(tmp_path: Path) -> None:
    path = tmp_path / "salvos.parquet"
    pq.write_table(pa.table({"date": [date(2030, 3, 5)], "launched": [9]}), path)

    assert read(path)[0][0].window_end == datetime(2030, 3, 5, 23, 59)


# --- a file of a million rows


def test_rows_are_streamed_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    with path.open("w") as file:
        file.write("date,launched,target_area\n")
        for number in range(100_000):
            file.write(f"2030-{number % 12 + 1:02}-{number % 28 + 1:02},{number % 500},area {number}\n")
    script = (
        "import sys, resource\nfrom pathlib import Path\nfrom features.sources.table import read_table\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(1 for _ in read_table(Path(sys.argv[1])).rows)\n"
        "print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    count, megabytes = map(int, done.stdout.split())

    assert count == 100_000
    assert megabytes < 40  # 400 bytes a row; kept whole, these reports would take 60 MB
