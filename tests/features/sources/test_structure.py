"""What the rows of a table are together: sums are refused, days of events asked about, several rows of a date told."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.records import KYIV, QuietDayRule, SalvoReport
from features.sources.reading import RejectedRow
from features.sources.structure import MOST_QUIET_DAYS, spacing
from features.sources.table import read_table
from tests.features.sources.conftest import parted

START = date(2030, 1, 7)
"""A Monday."""


def table(folder: Path, header: str, rows: Sequence[Sequence[object]]) -> Path:
    path = folder / "salvos.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> tuple[list[SalvoReport], list[RejectedRow]]:
    return parted(read_table(path, **options))


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as raised:
        read_table(path, **options)
    told = str(raised.value)
    assert "\n" not in told
    assert str(path) in told
    return told


def by_day(reports: Sequence[SalvoReport]) -> dict[int, int]:
    days: dict[int, int] = {}
    for report in reports:
        days[report.attack_day.day] = days.get(report.attack_day.day, 0) + report.launched
    return days


# --- sums of weeks and months


def months(day: int, n: int) -> list[date]:
    """The day of each month, or the last day of it."""
    firsts = [date(2030 + index // 12, index % 12 + 1, 1) for index in range(n + 1)]
    return [
        min(first.replace(day=1) + timedelta(days=day - 1), after - timedelta(days=1))
        for first, after in pairwise(firsts)
    ]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ([START + timedelta(days=7 * week) for week in range(3)], "7 days"),
        ([START + timedelta(days=7 * week) for week in (0, 1, 2, 4, 5)], "7 days"),
        (months(1, 12), "28 to 31 days"),
        (months(15, 3), "28 to 31 days"),
        (months(31, 12), "28 to 31 days"),
        (months(1, 12)[:5] + months(1, 12)[6:], "28 to 31 days"),
        ([START + timedelta(days=14 * number) for number in range(6)], "14 days"),
        ([START + timedelta(days=3 * number) for number in range(5)], "3 days"),
        ([date(2030, month, day) for month in (3, 4, 5) for day in (1, 11, 21)], "10 to 11 days"),
        # years of weeks before the table went over to days
        ([START + timedelta(days=number - 280 if number > 0 else 7 * number) for number in range(-40, 20)], "7 days"),
    ],
)
def test_rows_at_equal_distances_are_sums_and_refused_with_the_distance(
    tmp_path: Path, days: list[date], told: str
) -> None:
    assert spacing([day.toordinal() for day in days]) == told
    path = table(tmp_path, "date,launched", [(day, 200) for day in dict.fromkeys(days)])
    assert f"the rows of lowland shahed are {told} apart" in refused(path, theatre="lowland")


@pytest.mark.parametrize(
    "gaps",
    [[], [7], [1] * 30, [7, 8], [2, 1, 2, 1, 3], [5, 7, 9, 6, 7], [1, 1, 5, 1, 1, 30, 1], [14, 14], [2, 2, 2, 1]],
)
def test_other_days_are_no_sums(gaps: list[int]) -> None:
    assert spacing(np.cumsum([START.toordinal(), *gaps]).tolist()) is None


@given(st.integers(0, 2**32))
def test_attack_days_by_chance_are_no_sums(seed: int) -> None:
    """Days that are drawn one by one, with a chance that is usual in quiet theatres."""
    rng = np.random.default_rng(seed)
    days = np.flatnonzero(rng.random(500) < rng.uniform(0.05, 0.9))
    assert spacing(days.tolist()) is None


def test_weekly_attacks_with_their_hours_are_read(tmp_path: Path) -> None:
    nights = [
        (f"{START + timedelta(days=7 * week)} 20:00", f"{START + timedelta(days=7 * week + 1)} 06:00", 9)
        for week in range(9)
    ]
    assert len(read(table(tmp_path, "window_start,window_end,launched", nights))[0]) == 9


def test_windows_of_a_week_are_sums_as_well(tmp_path: Path) -> None:
    weeks = [(START + timedelta(days=7 * week), START + timedelta(days=7 * week + 6), 200) for week in range(5)]
    assert "are 7 days apart" in refused(table(tmp_path, "window_start,window_end,launched", weeks))


# --- days of events


EVENTS = [0, 2, 3, 9, 14, 15, 26, 40]


def test_days_of_events_are_asked_about_and_the_answer_is_kept(tmp_path: Path) -> None:
    path = table(tmp_path, "date,launched", [(START + timedelta(days=day), 9) for day in EVENTS])
    reading = read_table(path, theatre="lowland")
    [question] = reading.notes
    assert "lowland shahed has rows for 8 of the 41 days from 2030-01-07 to 2030-02-16" in question
    assert "--quiet-days all" in question
    assert len(list(reading.rows)) == 8

    quiet = read_table(path, theatre="lowland", quiet_days=QuietDayRule.ALL)
    reports, _ = parted(quiet)
    assert quiet.notes == ()
    assert sorted((report.attack_day - START).days for report in reports if report.launched == 0) == sorted(
        set(range(41)) - set(EVENTS)
    )
    assert {report.theatre for report in reports} == {"lowland"}
    assert (reports[-1].window_start.hour, reports[-1].window_end.hour) == (0, 23)

    unknown = read_table(path, theatre="lowland", quiet_days=QuietDayRule.NONE)
    assert (unknown.notes, len(list(unknown.rows))) == ((), 8)
    assert len({reading.digest, quiet.digest, unknown.digest}) == 3


@pytest.mark.parametrize(
    "days",
    [
        list(range(60)),
        [*range(60), 338],  # a gap is a gap
        [0, 9, 20, 33],  # too few
        [0, 1, 3, 4, 6, 7, 9],
    ],
)
def test_other_tables_are_not_asked_about(tmp_path: Path, days: list[int]) -> None:
    path = table(tmp_path, "date,launched", [(START + timedelta(days=day), 9) for day in days])
    assert read_table(path).notes == ()


def test_the_quiet_days_of_each_series_are_its_own(tmp_path: Path) -> None:
    path = table(
        tmp_path, "date,launched,theatre", [("2030-01-07", 5, "a"), ("2030-01-09", 5, "a"), ("2030-01-08", 5, "b")]
    )
    reports, _ = read(path, quiet_days=QuietDayRule.ALL)
    assert [(report.theatre, report.attack_day.day) for report in reports if not report.launched] == [("a", 8)]


def test_half_a_century_of_quiet_days_is_a_mistake(tmp_path: Path) -> None:
    path = table(tmp_path, "date,launched", [("2014-01-07", 5), ("2099-01-09", 5)])
    with pytest.raises(InputError, match=f"expected at most {MOST_QUIET_DAYS:,}"):
        list(read_table(path, quiet_days=QuietDayRule.ALL).rows)


# --- several rows of a date


WARDS = [
    ("2030-03-01", "upper", 14),
    ("2030-03-01", "lower", 14),
    ("2030-03-02", "upper", 11),
    ("2030-03-02", "lower", 16),
]


def test_areas_are_told_apart_once_they_are_named(tmp_path: Path) -> None:
    """Two areas with equal counts are two all the same."""
    path = table(tmp_path, "date,oblast,launched", WARDS)
    assert "--sum" in refused(path)
    assert "--map target_area=oblast" in refused(path)
    assert by_day(read(path, mapping={"target_area": "oblast"})[0]) == {1: 28, 2: 27}


def test_a_column_of_night_and_day_is_named_by_its_words(tmp_path: Path) -> None:
    path = table(tmp_path, "date,зміна,launched", [("2030-03-01", "Ніч", 84), ("2030-03-01", "День", 23)])
    assert "--map part=зміна" in refused(path)
    reports, _ = read(path, mapping={"part": "зміна"})
    assert [(report.window_start, report.window_end, report.launched) for report in reports] == [
        (datetime(2030, 2, 28, 18), datetime(2030, 3, 1, 8), 84),
        (datetime(2030, 3, 1, 8), datetime(2030, 3, 1, 18), 23),
    ]


def test_a_part_that_is_neither_costs_its_row(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "date,part,launched",
        [("2030-03-01", "night", 84), ("2030-03-01", "total", 107), ("2030-03-02", "", 9)],
    )
    reports, [rejected] = read(path)
    assert [(report.window_start.hour, report.launched) for report in reports] == [(18, 84), (0, 9)]
    assert rejected.reason == "part is 'total': expected night or day; rename the column if it is something else"


def test_rows_of_a_date_are_added_up_where_that_is_asked_for(tmp_path: Path) -> None:
    rows = [
        ("2030-03-01", "a", 14, 9, 2),
        ("2030-03-01", "b", 9, 8, ""),
        ("2030-03-01", "b", 9, 8, ""),
        ("2030-03-02", "a", 7, 1, 1),
        ("2030-03-03", "a", 4, 1, 1),
        ("2030-03-03", "b", "many", 1, 1),
        ("2030-03-04", "a", 90_000, 1, 1),
        ("2030-03-04", "b", 90_000, 1, 1),
    ]
    path = table(tmp_path, "date,kind,launched,shot_down,suppressed", rows)
    reports, rejected = read(path, sum_rows=True)
    # What one row does not tell, the sum does not either.
    assert {(r.attack_day.day, r.launched, r.shot_down, r.suppressed) for r in reports} == {
        (1, 23, 17, None),
        (2, 7, 1, 1),
    }
    assert [(row.row, row.reason) for row in rejected] == [
        (3, "repeats row 2"),
        (6, "launched is 'many': expected a whole number, 0 or more"),
        (5, "speaks of the same salvo as row 6, which cannot be read"),
        (7, "brings the sum of its salvo beyond 100,000"),
        (8, "brings the sum of its salvo beyond 100,000"),
    ]


@settings(max_examples=60, deadline=1_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab"), st.integers(0, 5)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_no_order_of_rows_changes_what_a_table_says(
    tmp_path: Path, rows: list[tuple[int, str, int]], random: Any
) -> None:
    """And a sum is the sum of the different rows of its date."""
    rows = [(day, name, count) for day, name, count in rows]
    shuffled = random.sample(rows, len(rows))
    said = []
    for each in (rows, shuffled):
        path = table(
            tmp_path,
            "window_start,window_end,kind,launched",
            [(f"2030-03-0{d} 01:00", f"2030-03-0{d} 02:00", k, n) for d, k, n in each],
        )
        reports, rejected = read(path, sum_rows=True)
        said.append((by_day(reports), len(rejected)))
        try:
            alone = by_day(read(path)[0])
        except InputError:
            alone = {}
        different = {day: [n for d, _, n in set(each) if d == day] for day, _, _ in each}
        assert alone.items() <= {day: counts[0] for day, counts in different.items() if len(counts) == 1}.items()
        assert by_day(reports) == {day: sum(counts) for day, counts in different.items()}
    assert said[0] == said[1]


# --- dates that came out on their morning


def test_a_date_that_came_out_on_its_morning_ends_then(tmp_path: Path) -> None:
    rows = [
        ("2030-03-01", 9, "2030-03-01 08:41"),
        ("2030-03-02", 8, "2030-03-02T06:35+00:00"),
        ("2030-03-03", 7, "2030-03-02 09:00"),
        ("2030-03-04", 6, ""),
    ]
    reports, [rejected] = read(table(tmp_path, "date,launched,published_at", rows))
    assert [report.window_end for report in reports] == [
        datetime(2030, 3, 1, 8, 41),
        datetime(2030, 3, 2, 8, 35),
        datetime(2030, 3, 4, 23, 59),
    ]
    assert reports[1].published_at == datetime(2030, 3, 2, 6, 35, tzinfo=UTC)
    assert "is before the window ends" in rejected.reason


def test_a_table_that_came_out_in_the_morning_tells_of_that_day_until_then(tmp_path: Path) -> None:
    path = table(tmp_path, "date,launched", [("2030-03-01", 9), ("2030-03-02", 8), ("2030-03-03", 7)])
    reports, [rejected] = read(path, published_at=datetime(2030, 3, 2, 9, 30, tzinfo=KYIV))
    assert [report.window_end for report in reports] == [datetime(2030, 3, 1, 23, 59), datetime(2030, 3, 2, 9, 30)]
    assert rejected.reason.startswith("window ends (2030-03-03T23:59:00) after the file came out")


# --- kinds, filters


def test_kinds_become_classes(tmp_path: Path) -> None:
    rows = [
        ("2030-03-01", "Shahed-136/131", 9),
        ("2030-03-01", "gerbera ", 4),
        ("2030-03-01", "Kalibr", 2),
        ("2030-03-02", "", 1),
    ]
    path = table(tmp_path, "date,model,launched", rows)
    classes = {"Shahed-136/131": "shahed", "Gerbera": "gerbera"}
    reports, [rejected] = read(path, mapping={"weapon_class": "model"}, classes=classes)
    assert [(report.weapon_class, report.launched) for report in reports] == [
        ("shahed", 9),
        ("gerbera", 4),
        ("shahed", 1),
    ]
    assert rejected.row == 3
    assert "weapon_class is 'kalibr': expected one that is told what it is" in rejected.reason
    assert "of which Gerbera is one" in refused(path, classes={"Gerbera": "gerbera"})


def test_rows_are_left_out_by_a_column_and_keep_their_numbers(tmp_path: Path) -> None:
    rows = [
        ("2030-03-01", "Total", 23),
        ("2030-03-01", "Night", 9),
        ("2030-03-02", "total ", "x"),
        ("2030-03-03", "day", 4),
    ]
    path = table(tmp_path, "date,rows,launched", rows)
    reports, [rejected] = read(path, only={"rows": ["TOTAL"]})
    assert by_day(reports) == {1: 23}
    assert rejected.row == 3
    assert "did you mean rows" in refused(path, only={"row": ["total"]})
    assert read_table(path, only={"rows": ["total"]}).digest != read_table(path, only={"rows": ["night", "day"]}).digest
