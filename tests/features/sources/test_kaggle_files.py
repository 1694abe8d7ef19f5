"""The files of a snapshot: headers, folders, zips, downloads."""

import sys
import types
import zipfile
from datetime import date
from pathlib import Path

import pytest

from features.errors import InputError
from features.sources.kaggle import (
    download_newest,
    read_kaggle,
    snapshot_day,
    snapshot_files,
)
from tests.features.sources.kaggle_snapshots import NEWEST, SALVO, read, snapshot


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
