"""Every shape of the public table is read; every row is a report, part of a total, or rejected with its reason."""

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from features.errors import InputError
from features.records import SalvoReport
from features.sources.bundled import SNAPSHOT_DAY, read_bundled
from features.sources.kaggle import (
    read_kaggle,
    reporter_of,
    snapshot_day,
    snapshot_files,
    weapon_class_of,
)
from tests.features.sources.kaggle_snapshots import NEWEST, OLDEST, RAW, SALVO, SHAPES, needs_raw, read, snapshot


def test_the_shapes_are_those_that_were_published() -> None:
    assert [len(shape) for shape in SHAPES] == [9, 16, 17, 22]


@pytest.mark.parametrize("shape", SHAPES, ids=len)
def test_a_salvo_in_each_shape(tmp_path: Path, shape: tuple[str, ...]) -> None:
    path = snapshot(tmp_path, [SALVO], shape)
    only_newest = shape == NEWEST

    assert read(path) == (
        [
            SalvoReport(
                window_start=datetime(2030, 3, 4, 18),
                window_end=datetime(2030, 3, 5, 8),
                launched=90,
                shot_down=61,
                suppressed=None if shape == OLDEST else 17,
                still_airborne=None if shape == OLDEST else 2,
                strike_drones=55 if only_newest else None,
                jet_drones=3 if only_newest else None,
                impact_sites=6 if only_newest else None,
                debris_sites=0 if only_newest else None,
                launch_areas=3,
                target_area="Ukraine",
                shot_down_by_area=None if shape == OLDEST else '{"Kyiv oblast": null, "east": 3, "south": 14}',
                reporter="kpszsu",
                source="kaggle",
            )
        ],
        [],
    )


def test_a_snapshot_came_out_by_the_end_of_the_day_in_its_name(tmp_path: Path) -> None:
    path = snapshot(tmp_path, [SALVO], day="2030-03-31")

    assert read_kaggle(path).published_at == datetime(
        2030, 3, 31, 20, 59, 59, tzinfo=UTC
    )  # the first day of summer time
    assert read_kaggle(path.rename(tmp_path / "attacks.csv")).published_at is None


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("missile_attacks_daily.2026-02-28.csv", date(2026, 2, 28)),
        ("2022-09-28 to 2026-02-28.csv", date(2026, 2, 28)),
        ("2026-02-30.csv", None),
        ("12026-02-28.csv", None),
        ("missile_attacks_daily.csv", None),
    ],
)
def test_snapshot_day(name: str, day: date | None) -> None:
    assert snapshot_day(name) == day


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2030-03-04", "2030-03-05 08:00", ("2030-03-04T00:00:00", "2030-03-05T08:00:00")),
        ("2030-03-04 9:30", "2030-03-05 ", ("2030-03-04T09:30:00", "2030-03-05T23:59:00")),
        ("2030-03-05", "2030-03-05", ("2030-03-05T00:00:00", "2030-03-05T23:59:00")),
        ("2030-03-05 00:00", "2030-03-05 00:00", ("2030-03-05T00:00:00", "2030-03-05T23:59:00")),
        ("2030-03-05 07:00", "2030-03-05 07:00", ("2030-03-05T07:00:00", "2030-03-05T07:00:00")),
    ],
)
def test_times_with_and_without_clock(tmp_path: Path, start: str, end: str, expected: tuple[str, str]) -> None:
    [report], rejected = read(snapshot(tmp_path, [{**SALVO, "time_start": start, "time_end": end}]))

    assert (report.window_start.isoformat(), report.window_end.isoformat()) == expected
    assert not rejected


def test_two_areas_of_one_night_are_two_salvos(tmp_path: Path) -> None:
    reports, rejected = read(snapshot(tmp_path, [SALVO, {**SALVO, "target": "Odesa oblast", "launched": "7"}]))

    assert [(report.target_area, report.launched) for report in reports] == [("Ukraine", 90), ("Odesa oblast", 7)]
    assert not rejected


def test_missiles_are_totalled_by_day_and_kind(tmp_path: Path) -> None:
    reports, rejected = read(
        snapshot(
            tmp_path,
            [
                {**SALVO, "model": "X-101/X-555", "launched": "10", "destroyed": "8"},
                {**SALVO, "model": "Kalibr", "target": "south", "launched": "4", "destroyed": ""},
                {**SALVO, "model": "X-22 and X-31P", "time_start": "2030-03-05 11:00", "time_end": "2030-03-05 12:00"},
                {**SALVO, "model": "Iskander-M/KN-23 and C-300", "launched": "5", "destroyed": ""},
                {**SALVO, "model": "X-101/X-555 and Iskander-M/KN-23", "launched": "6", "destroyed": "1"},
                {**SALVO, "model": "Kalibr", "time_end": "2030-03-06", "launched": "1", "destroyed": "1"},
            ],
        )
    )

    assert [
        (r.weapon_class, r.window_start.isoformat(), r.window_end.isoformat(), r.launched, r.shot_down) for r in reports
    ] == [
        ("cruise", "2030-03-05T00:00:00", "2030-03-05T23:59:00", 104, 69),
        ("ballistic", "2030-03-05T00:00:00", "2030-03-05T23:59:00", 5, None),
        ("mixed", "2030-03-05T00:00:00", "2030-03-05T23:59:00", 6, 1),
        ("cruise", "2030-03-06T00:00:00", "2030-03-06T23:59:00", 1, 1),
    ]
    assert {(report.target_area, report.reporter, report.suppressed) for report in reports} == {("Ukraine", "", None)}
    assert not rejected


def test_other_models_are_totalled_by_window_area_and_reporter(tmp_path: Path) -> None:
    scout = {**SALVO, "target": "south", "source": "PvKPivden/posts/1", "destroyed": "2", "launched": "2"}
    reports, rejected = read(
        snapshot(
            tmp_path,
            [
                {**scout, "model": "Orlan-10"},
                {**scout, "model": "ZALA and Supercam"},
                {**scout, "model": "Orlan-10", "source": "PvKPivden/posts/2"},
                {**scout, "model": "Orlan-10", "source": "pvkshid/posts/2"},
                {**scout, "model": "Молнія"},
            ],
        )
    )

    assert [(r.weapon_class, r.reporter, r.launched, r.shot_down) for r in reports] == [
        ("reconnaissance_drone", "PvKPivden", 6, 6),
        ("reconnaissance_drone", "pvkshid", 2, 2),
        ("loitering_munition", "PvKPivden", 2, 2),
    ]
    assert not rejected


def test_a_row_without_a_number_is_rejected_and_leaves_the_total(tmp_path: Path) -> None:
    rows = [{**SALVO, "model": "C-300", "launched": ""}, {**SALVO, "model": "C-400", "launched": "3"}]
    [total], [rejected] = read(snapshot(tmp_path, rows))

    assert (total.weapon_class, total.launched) == ("ballistic", 3)
    assert (rejected.row, rejected.reason) == (1, "launched is missing: expected a whole number of drones")
    assert json.loads(rejected.raw)["model"] == "C-300"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"launched": "-5"}, "launched is '-5': expected a whole number, 0 or more"),
        ({"destroyed": "2.5"}, "destroyed is '2.5': expected a whole number, 0 or more"),
        (
            {"time_start": "2030-02-30 08:00"},
            "time_start is '2030-02-30 08:00': expected a date such as 2025-01-31 08:00",
        ),
        (
            {"time_start": "2030-03-05 09:00"},
            "window ends (2030-03-05T08:00:00) before it starts (2030-03-05T09:00:00)",
        ),
        (
            {"model": "Orlan-11"},
            "model is 'Orlan-11': expected a drone or missile that is listed (nearest: Orlan-10, Orlan-30)",
        ),
        ({"model": ""}, "model is '': expected a drone or missile that is listed"),
        (
            {"destroyed_details": "{'south': 'many'}"},
            "destroyed_details is '{'south': 'many'}': expected areas with whole numbers such as "
            "{'south': 14, 'east': NaN}",
        ),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    good = {**SALVO, "target": "east"}
    reports, [rejected] = read(snapshot(tmp_path, [good, {**SALVO, **change}, {**good, "target": "west"}]))

    assert [report.target_area for report in reports] == ["east", "west"]
    assert (rejected.row, rejected.reason) == (2, reason)


def test_repeated_and_contradicting_rows_are_not_counted_twice(tmp_path: Path) -> None:
    missile = {**SALVO, "model": "Kalibr", "launched": "4"}
    reports, rejected = read(
        snapshot(tmp_path, [SALVO, missile, missile, SALVO, {**SALVO, "launched": "91", "source": "kpszsu/posts/2"}])
    )

    assert [(report.weapon_class, report.launched) for report in reports] == [("shahed", 90), ("cruise", 4)]
    assert [(row.row, row.reason) for row in rejected] == [
        (3, "repeats row 2"),
        (4, "repeats row 1"),
        (5, "contradicts row 1: launched 91 against 90"),
    ]


def test_a_total_beyond_any_day_keeps_what_it_had(tmp_path: Path) -> None:
    missile = {**SALVO, "model": "Kalibr", "launched": "60000"}
    [total], [rejected] = read(snapshot(tmp_path, [missile, {**missile, "target": "south"}]))

    assert total.launched == 60_000
    assert rejected.reason == "launched brings the total of its day to 120000: expected at most 100000"


def test_a_window_after_the_snapshot_is_rejected(tmp_path: Path) -> None:
    reports, rejected = read(snapshot(tmp_path, [SALVO, {**SALVO, "model": "Kalibr"}], day="2030-03-04"))

    assert not reports
    assert [row.reason for row in rejected] == [
        "window ends (2030-03-05T08:00:00) after the file came out (2030-03-04T23:59:59): "
        "check the row, and the date of the file"
    ] * 2


@pytest.mark.parametrize(
    ("model", "weapon_class"),
    [
        ("Shahed-136/131", "shahed"),
        ("Shahed-136/131 and Lancet", "shahed"),
        ("Geran-3", "shahed"),
        ("Герань-2", "shahed"),
        ("Intercontinental ballistic missile", "ballistic"),
        ("Iskander-M and Iskander-K", "mixed"),
        ("X-22/X-32", "cruise"),
        ("X-31P", "anti_radiation"),
        ("KAB", "aerial_bomb"),
        ("Молнія and Lancet", "loitering_munition"),
        ("Unknown UAV", "unknown_drone"),
    ],
)
def test_weapon_class_of(model: str, weapon_class: str) -> None:
    assert weapon_class_of(model) == weapon_class


def test_a_bundle_without_a_common_count_is_refused() -> None:
    with pytest.raises(InputError, match="bundles loitering_munition and reconnaissance_drone"):
        weapon_class_of("Orlan-10 and Lancet")


@pytest.mark.parametrize(
    ("source", "reporter"),
    [
        ("kpszsu/posts/abc", "kpszsu"),
        ("https://t.me/kpszsu/22252", "kpszsu"),
        ("watch/?v=12", ""),
        ("kharkivoda.gov.ua/news/1", "kharkivoda.gov.ua"),
        ("https://t.me", ""),
        ("", ""),
    ],
)
def test_reporter_of(source: str, reporter: str) -> None:
    assert reporter_of(source) == reporter


@needs_raw
def test_the_snapshot_of_that_day_says_what_is_bundled() -> None:
    bundled = {row.key: row for row in read_bundled().rows if isinstance(row, SalvoReport)}
    [snapshot] = [path for path in snapshot_files(RAW) if snapshot_day(path.name) == SNAPSHOT_DAY]
    reports, _ = read(snapshot)
    same = {row.key: row for row in reports if row.weapon_class in {"shahed", "cruise", "ballistic", "mixed"}}

    assert len(bundled) == 1_010 + 851
    assert same.keys() == bundled.keys()
    assert [key for key in same if same[key].content != bundled[key].content] == []


@needs_raw
@pytest.mark.parametrize(
    ("shape", "rows", "rejected_rows"),
    [(0, 309, [104, 143]), (1, 1743, [942, 948, 999]), (2, 2286, [1485, 1491, 1542]), (3, 3467, [2666, 2672, 2723])],
)
def test_every_row_of_a_published_snapshot_is_accounted_for(shape: int, rows: int, rejected_rows: list[int]) -> None:
    path = snapshot_files(RAW)[shape]
    with path.open(encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    reports, rejected = read(path)
    kept = [row for number, row in enumerate(raw, start=1) if number not in rejected_rows]

    assert (len(raw), len(raw[0])) == (rows, len(SHAPES[shape]))
    assert [row.row for row in rejected] == rejected_rows
    assert sum(report.launched for report in reports) == sum(float(row["launched"]) for row in kept)
    assert sum(report.shot_down or 0 for report in reports) == sum(float(row["destroyed"] or 0) for row in kept)
    assert sum(r.weapon_class == "shahed" for r in reports) == sum("Shahed" in row["model"] for row in kept)
    assert len({report.key for report in reports}) == len(reports)
