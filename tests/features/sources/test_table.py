"""Any table is read by its columns; a bad cell costs its row and no more, a bad file one clear line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.errors import InputError
from features.records import KYIV, SalvoReport
from features.sources.reading import RejectedRow
from features.sources.table import columns_used, read_table
from tests.features.sources.conftest import parted

NIGHT = "2030-03-04 18:00,2030-03-05 08:00"


def table(folder: Path, text: str, name: str = "salvos.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def read(path: Path, **options: Any) -> tuple[list[SalvoReport], list[RejectedRow]]:
    return parted(read_table(path, **options))


def reasons(path: Path) -> list[tuple[int, str]]:
    return [(row.row, row.reason) for row in read(path)[1]]


# --- what a row becomes


def test_every_field_has_its_column(tmp_path: Path) -> None:
    header = (
        "window_start,window_end,launched,shot_down,suppressed,still_airborne,strike_drones,jet_drones,impact_sites,"
        "debris_sites,launch_areas,target_area,shot_down_by_area,reporter,theatre,weapon_class,source,published_at"
    )
    row = (
        NIGHT + ",90,61,17,2,55,3,6,0,4,Ukraine,\"{'south': 14, 'east': NaN}\",kpszsu,Baltic,Gerbera,a desk,2030-03-05"
    )

    assert read(table(tmp_path, f"{header}\n{row}\n")) == (
        [
            SalvoReport(
                window_start=datetime(2030, 3, 4, 18),
                window_end=datetime(2030, 3, 5, 8),
                launched=90,
                shot_down=61,
                suppressed=17,
                still_airborne=2,
                strike_drones=55,
                jet_drones=3,
                impact_sites=6,
                debris_sites=0,
                launch_areas=4,
                target_area="Ukraine",
                shot_down_by_area='{"east": null, "south": 14}',
                reporter="kpszsu",
                theatre="baltic",
                weapon_class="gerbera",
                source="a desk",
                published_at=datetime(2030, 3, 5, 21, 59, tzinfo=UTC),
            )
        ],
        [],
    )


def test_theatre_and_class_hold_where_no_cell_says_otherwise(tmp_path: Path) -> None:
    path = table(tmp_path, "date,launched,theatre\n2030-03-05,9,\n2030-03-06,8,baltic\n")
    reports, _ = read(path, theatre="north", weapon_class="gerbera")

    assert [(report.theatre, report.weapon_class, report.source) for report in reports] == [
        ("north", "gerbera", "table"),
        ("baltic", "gerbera", "table"),
    ]


def test_a_date_is_a_daily_total(tmp_path: Path) -> None:
    reports, rejected = read(table(tmp_path, "date,launched\n2030-03-05,9\n06.03.2030,8\n2030-03-07 08:00,7\n"))

    assert [(report.window_start, report.window_end) for report in reports] == [
        (datetime(2030, 3, 5), datetime(2030, 3, 5, 23, 59)),
        (datetime(2030, 3, 6), datetime(2030, 3, 6, 23, 59)),
    ]
    assert [row.reason for row in rejected] == [
        "date is '2030-03-07 08:00': expected a day without a clock, or window_start and window_end"
    ]


def test_times_with_a_zone_become_kyiv_time(tmp_path: Path) -> None:
    path = table(tmp_path, "window_start,window_end,launched\n2030-07-04T20:00:00Z,2030-07-05T07:00+01:00,9\n")
    [report], _ = read(path)

    assert (report.window_start, report.window_end) == (datetime(2030, 7, 4, 23), datetime(2030, 7, 5, 9))


def test_published_at_without_a_zone_is_kyiv_time(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "date,launched,published_at\n2030-07-04,9,2030-07-05 09:00\n2030-07-05,9,2030-07-06T09:00:00+00:00\n"
        "2030-07-06,9,\n",
    )
    reports, _ = read(path)

    assert [report.published_at for report in reports] == [
        datetime(2030, 7, 5, 6, tzinfo=UTC),
        datetime(2030, 7, 6, 9, tzinfo=UTC),
        None,
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{NIGHT},-5,", "launched is '-5': expected a whole number, 0 or more"),
        (f"{NIGHT},7.5,", "launched is '7.5': expected a whole number, 0 or more"),
        (f'{NIGHT},"so\nmany",', "launched is 'so many': expected a whole number, 0 or more"),
        (f"{NIGHT},,3", "launched is missing: expected a whole number of drones"),
        (f"{NIGHT},100001,", "launched is 100001: expected a whole number, 0 to 100000"),
        (f"{NIGHT},9,#N/A", "shot_down is '#N/A': expected a whole number, 0 or more"),
        (
            "2025-02-29 18:00,2025-02-30 08:00,9,",
            "window_start is '2025-02-29 18:00': expected a date such as 2025-01-31 08:00",
        ),
        ("3025-02-03,3025-02-04,9,", "window_start is '3025-02-03': expected a year from 1900 to 2099"),
        (",2025-02-04,9,", "window_start is missing: expected a date such as 2025-01-31 08:00"),
        ("2025-02-04,02/05/2025,9,", "window_end is '02/05/2025': expected a date such as 2025-01-31 08:00"),
        (
            "2025-02-05 09:00,2025-02-05 08:00,9,",
            "window ends (2025-02-05T08:00:00) before it starts (2025-02-05T09:00:00)",
        ),
        (
            "2025-02-05,2025-02-28,9,",
            "window of 23 days (2025-02-05T00:00:00 to 2025-02-28T23:59:00): expected at most 7",
        ),
        (f"{NIGHT},9", "has 3 cells: expected 4, as many as there are named columns"),
        (f"{NIGHT},1,234,5", "has 5 cells: expected 4, as many as there are named columns"),
    ],
)
def test_a_bad_row_is_rejected_and_the_others_stand(tmp_path: Path, row: str, reason: str) -> None:
    path = table(
        tmp_path,
        f"window_start,window_end,launched,shot_down\n2030-01-01,2030-01-01,1,1\n{row}\n2030-01-02,2030-01-02,2,2\n",
    )
    reports, [rejected] = read(path)

    assert [report.launched for report in reports] == [1, 2]
    assert (rejected.row, rejected.reason) == (2, reason)


def test_the_raw_cells_are_kept_as_they_were(tmp_path: Path) -> None:
    path = table(tmp_path, 'date,launched,примітка\n2030-03-05, -5 ,"дві\nлінії"\n2030-03-06,1,2,3,4\n')
    _, rejected = read(path)

    assert [json.loads(row.raw) for row in rejected] == [
        {"date": "2030-03-05", "launched": " -5 ", "примітка": "дві\nлінії"},
        {"date": "2030-03-06", "launched": "1", "примітка": "2", "": ["3", "4"]},
    ]


def test_only_wholly_empty_rows_are_passed_over(tmp_path: Path) -> None:
    path = table(tmp_path, "\n\ndate,launched,,\n\n,,,\n  ,\n2030-03-05,9,,\n,7\n")
    reports, [rejected] = read(path)

    assert [report.launched for report in reports] == [9]
    assert (rejected.row, rejected.reason) == (5, "date is missing: expected a date such as 2025-01-31 08:00")


def test_more_shot_down_than_launched_is_kept(tmp_path: Path) -> None:
    [report], rejected = read(table(tmp_path, "date,launched,shot_down\n2030-03-05,9,10\n"))

    assert report.flags == ("more_neutralised_than_launched",)
    assert not rejected


# --- rows that say the same salvo again


def test_rows_that_differ_about_one_salvo_are_none_of_them_a_report(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "date,launched,shot_down,target_area\n2030-03-04,1,1,\n2030-03-05,5,5,\n2030-03-05,5,5,\n"
        "2030-03-06,9,8,\n2030-03-06,9,8,\n2030-03-06,7,8,\n2030-03-06,9,7,\n2030-03-06,9,8,south\n",
    )
    reports, rejected = read(path)

    assert [(report.attack_day.day, report.target_area) for report in reports] == [(4, ""), (6, "south"), (5, "")]
    unclear = "rows 4, 6, 7 speak of one salvo (2030-03-06) and differ: add them up (--sum), or leave one"
    assert [(row.row, row.reason) for row in rejected] == [
        (3, "repeats row 2"),
        (5, "repeats row 4"),
        (4, unclear),
        (6, unclear),
        (7, unclear),
    ]


def test_a_later_publication_is_a_revision_not_a_contradiction(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "date,launched,published_at\n2030-03-05,9,2030-03-06 09:00\n2030-03-05,11,2030-03-07 09:00\n"
        "2030-03-05,12,2030-03-07 09:00\n",
    )

    assert [report.launched for report in read(path)[0]] == [9]
    assert [row for row, _ in reasons(path)] == [2, 3]


def test_a_row_that_cannot_be_read_leaves_no_other_of_its_salvo_alone(tmp_path: Path) -> None:
    """Whether the second corrects the first, or adds to it, nobody knows."""
    path = table(tmp_path, "date,launched\n2030-03-04,4\n2030-03-05,-9\n2030-03-05,9\n")

    assert [report.launched for report in read(path)[0]] == [4]
    assert reasons(path)[1] == (3, "speaks of the same salvo as row 2, which cannot be read")


# --- columns


def test_columns_by_mapping(tmp_path: Path) -> None:
    path = table(tmp_path, "Day;UAVs;launched\n2030-03-05;9;1\n")
    mapping = {"date": "Day", "launched": "UAVs"}

    assert [report.launched for report in read(path, mapping=mapping)[0]] == [9]
    assert columns_used(path, mapping).ignored == ("launched",)


def test_columns_used_names_what_is_ignored(tmp_path: Path) -> None:
    path = table(tmp_path, "Window Start,WINDOW_END,Launched,date,weather,\n")
    columns = columns_used(path)

    assert columns.used == {"window_start": "Window Start", "window_end": "WINDOW_END", "launched": "Launched"}
    assert columns.ignored == ("date", "weather")


@pytest.mark.parametrize(
    ("header", "mapping", "told"),
    [
        (
            "date,lanched",
            {},
            "has no column 'launched' (nearest: lanched): its columns are date, lanched; rename them, or map",
        ),
        ("launched,window_end", {}, "has no column 'window_start'"),
        ("launched,day", {}, "'window_start'; 'window_end', or 'date' for daily totals: its columns are launched, day"),
        ("date,UAVs", {"launched": "UAV"}, "'UAV': did you mean UAVs? known are UAVs, date"),
        ("date,UAVs", {"lanched": "UAVs"}, "unknown field 'lanched': did you mean launched"),
        ("date,launched,launched", {}, "has 2 columns 'launched': expected one"),
        ("a|b|c", {}, "its columns are a, b, c"),
    ],
)
def test_columns_that_do_not_fit(tmp_path: Path, header: str, mapping: dict[str, str], told: str) -> None:
    path = table(tmp_path, f"{header}\n1,2\n")

    for refuse in (lambda: read_table(path, mapping=mapping), lambda: columns_used(path, mapping)):
        with pytest.raises(InputError) as caught:
            refuse()
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)


# --- files


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_marks_and_line_ends(tmp_path: Path, delimiter: str, mark: str, line_end: str) -> None:
    path = table(
        tmp_path, mark + line_end.join(delimiter.join(line) for line in (["date", '"launched"'], ["2030-03-05", "9"]))
    )

    assert [report.launched for report in read(path)[0]] == [9]


def test_the_delimiter_is_the_one_that_yields_the_columns(tmp_path: Path) -> None:
    path = table(tmp_path, "date;launched;note (a, b, c, d)\n2030-03-05;9;x\n")

    assert columns_used(path).ignored == ("note (a, b, c, d)",)


def test_the_digest_is_of_the_bytes_and_of_how_they_were_read(tmp_path: Path) -> None:
    path = table(tmp_path, "\ufeffdate,launched,seen\n2030-03-05,9,8\n")
    digest = read_table(path).digest

    assert read_table(path).digest == digest
    assert read_table(path, mapping={"launched": "seen"}).digest != digest
    assert read_table(path, theatre="korea").digest != digest
    path.write_text(path.read_text(encoding="utf-8").replace("9,8", "9,7"), encoding="utf-8")
    assert read_table(path).digest != digest


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n\n\n\n", "holds no header"),
        (
            "дата,launched\n".encode("cp1251"),
            "is not UTF-8 (byte 0xe4 at offset 0): save it as CSV UTF-8, or convert it: iconv",
        ),
        (b"date,launched\n" * 80_000 + b"\xff\n", "is not UTF-8 (byte 0xff at offset 1120000)"),
        ("date,launched\n".encode("utf-16"), "is UTF-16"),
        ("date,launched,д".encode()[:-1], "ends within a character"),
        (b"date,launched\n2030-03-05,\x00\n", "is binary (a zero byte at offset 25)"),
        (b"PK\x03\x04 no archive", "is no XLSX workbook that can be read"),
        (b"PAR1 no table", "is no Parquet file that can be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old .xls workbook, or one with a password: save it as .xlsx"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "salvos.csv"
    path.write_bytes(content)

    with pytest.raises(InputError) as caught:
        read_table(path)

    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory: expected a table of salvos"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="does not exist: expected a table of salvos"):
        read_table(tmp_path / "gone.csv")


def test_publication_needs_a_zone_and_bounds_the_windows(tmp_path: Path) -> None:
    path = table(tmp_path, "window_start,window_end,launched\n2030-03-05,2030-03-05,9\n2030-03-06,2030-03-06,9\n")
    out = datetime(2030, 3, 6, 12, tzinfo=KYIV)

    assert read_table(path, published_at=out).published_at == out
    assert [row.row for row in read(path, published_at=out)[1]] == [2]
    with pytest.raises(InputError, match="expected a time with its zone"):
        read_table(path, published_at=datetime(2030, 3, 6))


def test_a_quote_never_closed_is_told_with_what_it_takes_in(tmp_path: Path) -> None:
    path = table(
        tmp_path, 'date,launched,note\n2030-03-04,4,"fine\nindeed"\n2030-03-05,9,"open\n2030-03-06,8,\n2030-03-07,7,\n'
    )
    reports, [rejected] = read(path)

    assert [report.launched for report in reports] == [4]
    assert rejected.reason == "a quote is opened in this row and never closed: it takes in 2 more lines"
    assert "2030-03-07,7" in rejected.raw


def test_a_cell_too_long_for_the_parser_costs_its_row(tmp_path: Path) -> None:
    path = table(tmp_path, f"date,launched,note\n2030-03-05,9,{'x' * 140_000}\n2030-03-06,8,\n")
    reports, [rejected] = read(path)

    assert [report.launched for report in reports] == [8]
    assert rejected.row == 1
    assert "field larger than field limit" in rejected.reason
