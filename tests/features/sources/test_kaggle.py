"""Every shape of the public table is read; every row is a report, part of a total, or rejected with its reason."""

import csv
import json
import sys
import types
import zipfile
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from features.errors import InputError
from features.records import SalvoReport
from features.sources.bundled import read_bundled
from features.sources.kaggle import (
    download_newest,
    read_kaggle,
    reporter_of,
    snapshot_day,
    snapshot_files,
    weapon_class_of,
)
from features.sources.reading import RejectedRow

RAW = Path(__file__).resolve().parents[4] / "shared" / "data" / "raw"
needs_raw = pytest.mark.skipif(not RAW.is_dir(), reason="the public table's snapshots are not beside this checkout")

OLDEST = ("time_start", "time_end", "model", "launch_place", "target", "carrier", "launched", "destroyed", "source")
DETAILS = ("destroyed_details", "launched_details", "launch_place_details", "source")
SECOND = (*OLDEST[:-1], "not_reach_goal", "cross_border_belarus", "back_russia", "still_attacking", *DETAILS)
THIRD = (*SECOND[:12], "affected region", *DETAILS)
NEWEST = (
    *("time_start", "time_end", "model", "launch_place", "target", "target_main", "launched", "destroyed"),
    *("not_reach_goal", "still_attacking", "border_crossing", "is_shahed", "num_hit_location"),
    *("num_fall_fragment_location", "carrier", "turbojet", "turbojet_destroyed", "affected region", *DETAILS),
)
SHAPES = (OLDEST, SECOND, THIRD, NEWEST)

SALVO = {
    "time_start": "2030-03-04 18:00",
    "time_end": "2030-03-05 08:00",
    "model": "Shahed-136/131",
    "launch_place": "Place A and Place B, Crimea and Place C",
    "target": "Ukraine",
    "launched": "90.0",
    "destroyed": "61.0",
    "not_reach_goal": "17.0",
    "still_attacking": "2.0",
    "is_shahed": "55.0",
    "turbojet": "3.0",
    "num_hit_location": "6.0",
    "num_fall_fragment_location": "0.0",
    "border_crossing": "{}",
    "destroyed_details": "{'south ': 14, 'Kyiv oblast': NaN, 'east': 3.0}",
    "source": "kpszsu/posts/abc123",
}


def snapshot(
    folder: Path, rows: Iterable[dict[str, str]], shape: tuple[str, ...] = NEWEST, day: str = "2030-03-31"
) -> Path:
    path = folder / f"missile_attacks_daily.{day}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, shape, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(path: Path) -> tuple[list[SalvoReport], list[RejectedRow]]:
    rows = list(read_kaggle(path).rows)
    return [row for row in rows if isinstance(row, SalvoReport)], [row for row in rows if isinstance(row, RejectedRow)]


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


def test_header_drift_is_shown(tmp_path: Path) -> None:
    drifted = tuple({"launched": "lanched", "time_end": "time_end "}.get(name, name) for name in NEWEST)
    path = snapshot(tmp_path, [], (*drifted, "weather"))

    with pytest.raises(InputError) as caught:
        read_kaggle(path)

    assert "missing 'launched' (nearest: lanched" in str(caught.value)
    assert "unknown 'lanched' (nearest: launched" in str(caught.value)
    assert "'weather'" in str(caught.value)
    assert "time_end" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_doubled_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="more than once 'target'"):
        read_kaggle(snapshot(tmp_path, [], (*NEWEST, "target")))


def test_files_that_are_no_snapshot(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    for path, told in [(tmp_path, "is a directory"), (tmp_path / "gone.csv", "does not exist"), (empty, "is empty")]:
        with pytest.raises(InputError, match=told):
            read_kaggle(path)


def test_snapshots_of_a_folder_come_oldest_first(tmp_path: Path) -> None:
    for name in (
        "b.2025-01-02.csv",
        "a.2025-01-10.csv",
        "undated.csv",
        "missiles_and_uavs.csv",
        ".hidden.csv",
        "notes.txt",
    ):
        (tmp_path / name).write_text("x")

    assert [path.name for path in snapshot_files(tmp_path)] == ["b.2025-01-02.csv", "a.2025-01-10.csv", "undated.csv"]
    assert snapshot_files(tmp_path / "b.2025-01-02.csv") == [tmp_path / "b.2025-01-02.csv"]


def test_a_folder_without_a_snapshot(tmp_path: Path) -> None:
    (tmp_path / "missiles_and_uavs.csv").touch()

    with pytest.raises(InputError, match=r"holds no snapshot: expected a snapshot of the public table"):
        snapshot_files(tmp_path)


def test_a_zip_is_unpacked_where_no_name_can_lead_elsewhere(tmp_path: Path) -> None:
    table = snapshot(tmp_path, [SALVO]).read_text()
    packed = tmp_path / "in" / "archive.2030-03-20.zip"
    packed.parent.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("missile_attacks_daily.csv", table)
        archive.writestr("../../missile_attacks_daily.2030-03-10.csv", table)
        archive.writestr("2030-03-15/missile_attacks_daily.csv", table)
        archive.writestr("missiles_and_uavs.csv", "model\n")
        archive.writestr("__MACOSX/._missile_attacks_daily.csv", "junk")
    before = set(tmp_path.rglob("*"))

    files = snapshot_files(packed)

    assert [snapshot_day(path.name) for path in files] == [date(2030, 3, 10), date(2030, 3, 15), date(2030, 3, 20)]
    assert set(tmp_path.rglob("*")) == before
    assert len({path.parent.parent for path in files}) == 1
    assert [len(read(path)[0]) for path in files] == [1, 1, 1]


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.sources.kaggle.LARGEST_ARCHIVE", 100_000)
    packed = tmp_path / "bomb.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("missile_attacks_daily.csv", "0" * 100_001)

    with pytest.raises(InputError, match="100001 bytes: expected at most 500 of 100000"):
        snapshot_files(packed)


def test_a_broken_zip_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "broken.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("missile_attacks_daily.csv", "time_start,time_end\n" * 500)
    spoiled = bytearray(packed.read_bytes())
    spoiled[80] ^= 0xFF
    packed.write_bytes(spoiled)

    with pytest.raises(InputError, match="cannot be unpacked"):
        snapshot_files(packed)


def test_download_without_kagglehub_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)

    with pytest.raises(
        InputError, match=r"not installed: install it, or download it by hand from https://www\.kaggle\.com"
    ):
        download_newest()


def test_download_that_fails_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(slug: str) -> str:
        raise RuntimeError("403 Client Error\nmore lines")

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=refuse))

    with pytest.raises(InputError, match=r"\(403 Client Error\): check network and Kaggle credentials, or download it"):
        download_newest()


def test_download_gives_the_attacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetch(slug: str) -> str:
        asked.append(slug)
        return str(tmp_path)

    for name in ("missile_attacks_daily.csv", "missiles_and_uavs.csv"):
        (tmp_path / name).write_text("x")
    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=fetch))

    assert download_newest() == tmp_path / "missile_attacks_daily.csv"
    assert asked == ["piterfm/massive-missile-attacks-on-ukraine"]


@needs_raw
def test_the_newest_snapshot_says_what_is_bundled() -> None:
    bundled = {row.key: row for row in read_bundled().rows if isinstance(row, SalvoReport)}
    reports, _ = read(snapshot_files(RAW)[-1])
    same = {row.key: row for row in reports if row.weapon_class in {"shahed", "cruise", "ballistic", "mixed"}}

    assert len(bundled) == 947 + 823
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
