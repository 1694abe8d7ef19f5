"""Cells: counts, times, days and counts by area, as they are written anywhere."""

import csv
import io
import json
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.records import KYIV
from features.sources.cells import counts_by_area, csv_rows, instant, wall_time, whole_count, window


@pytest.mark.parametrize(
    ("text", "count"),
    [
        *(("7", 7), ("007", 7), (" 7 ", 7), ("7.0", 7), ("7,0", 7), ("7.000000", 7), ("0.000", 0), ("0", 0)),
        *(("1,234", 1234), ("1 234", 1234), ("1\u00a0234", 1234), ("1\u202f234,0", 1234), ("1.234,0", 1234)),
        *(("1,234.00", 1234), ("12,345,678", 12345678), ("1234.000", 1234), ("2,000", 2000)),
        *(
            ("", None),
            ("  ", None),
            ("nan", None),
            ("NaN", None),
            ("None", None),
            ("N/A", None),
            ("—", None),
            ("-", None),
        ),
    ],
)
def test_whole_count(text: str, count: int | None) -> None:
    assert whole_count("launched", text) == count


@pytest.mark.parametrize(
    "text",
    [
        *(
            "-5",
            "+5",
            "5.5",
            "1,5",
            "1.234",
            "1,23",
            "1,2345",
            "0,123",
            "12 34",
            "1.2.3",
            "1e3",
            "0x10",
            "1_000",
        ),
        *("five", "5 drones", "~80", "80+", "٣", "²", "inf", "1/2", "9" * 5000, "True", "#N/A"),
    ],
)
def test_texts_that_are_no_count(text: str) -> None:
    with pytest.raises(InputError, match=r"^launched is '.*': expected a whole number, 0 or more$"):
        whole_count("launched", text)


def test_a_text_that_may_be_two_counts_is_asked_about() -> None:
    with pytest.raises(InputError, match=r"^launched is '2\.000', which may be 2 or 2,000: write 2 or 2000$"):
        whole_count("launched", "2.000")


@given(st.integers(0, 10**7))
def test_a_count_is_read_as_it_is_written_anywhere(count: int) -> None:
    english = f"{count:,}"
    for text in (
        str(count),
        f"{count}.0",
        f"{count},00",
        english,
        f"{english}.0",
        english.replace(",", " "),
        english.replace(",", "\u202f") + ",0",
        english.replace(",", ".") + ",0",
    ):
        assert whole_count("launched", text) == count


@given(st.text() | st.text("0123456789.,- +eE\u00a0'", max_size=12))
def test_any_text_is_a_count_or_none_or_refused(text: str) -> None:
    with suppress(InputError):
        count = whole_count("launched", text)
        assert count is None or count >= 0


@given(st.text() | st.text("0123456789-: TZ+.", max_size=25))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(InputError):
        assert 1899 <= wall_time("window_end", text, time(23, 59)).year <= 2100
    with suppress(InputError):
        assert 1899 <= instant("published_at", text).year <= 2100


@given(st.datetimes(datetime(2014, 1, 1), datetime(2099, 12, 30)), st.integers(-12 * 60, 14 * 60))
def test_a_time_is_read_as_it_is_written_anywhere(value: datetime, offset: int) -> None:
    value = value.replace(second=0, microsecond=0)
    kyiv = value.replace(tzinfo=KYIV)
    elsewhere = kyiv.astimezone(UTC).astimezone(timezone(timedelta(minutes=offset)))

    for text in (
        value.isoformat(),
        value.isoformat(" ", "minutes"),
        f"{value:%d.%m.%Y %H:%M}",
        f" {value:%Y-%m-%d %H:%M} ",
    ):
        assert wall_time("window_end", text, time()) == value
    assert instant("published_at", elsewhere.isoformat()) == kyiv.astimezone(UTC)
    assert wall_time("window_end", elsewhere.isoformat(), time()) == elsewhere.astimezone(KYIV).replace(tzinfo=None)


def test_a_day_alone_takes_the_clock_it_is_given() -> None:
    assert wall_time("window_end", "2030-03-05", time(23, 59)) == datetime(2030, 3, 5, 23, 59)
    assert wall_time("window_end", "2030-3-5", time()) == datetime(2030, 3, 5)
    assert window("a", "2030-03-05 00:00", "b", "2030-03-05 00:00")[1] == datetime(2030, 3, 5, 23, 59)
    assert window("a", "2030-03-05 07:00", "b", "2030-03-05 07:00")[1] == datetime(2030, 3, 5, 7)


@given(st.text() | st.text("{}[]():,'\"NaN0123abc", max_size=30))
def test_any_text_is_counts_by_area_or_refused(text: str) -> None:
    with suppress(InputError):
        areas = counts_by_area("destroyed_details", text)
        assert areas is None or all(count is None or count >= 0 for count in json.loads(areas).values())


@pytest.mark.parametrize(
    "text", ["{'a': -1}", "{'a': 'x'}", "[1]", "{1: 2}", "{'a': }", "(" * 300, "{" * 20_000, "a.b"]
)
def test_texts_that_are_no_counts_by_area(text: str) -> None:
    with pytest.raises(InputError, match="expected areas with whole numbers"):
        counts_by_area("destroyed_details", text)


def test_counts_by_area_are_canonical() -> None:
    assert counts_by_area("x", "{'б': 2.0, \"a'b\": nan,  ' east': 13}") == '{"a\'b": null, "east": 13, "б": 2}'
    assert counts_by_area("x", '{"south": null}') == '{"south": null}'
    assert counts_by_area("x", " ") is None
    assert counts_by_area("x", "{}") is None


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=4)
    )
)
def test_csv_cells_come_back_as_they_were_written(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)

    assert list(csv_rows(io.StringIO(text.getvalue(), newline=""))) == [(row, "") for row in rows]
