"""Snapshots of the data set, in every shape that was published."""

import csv
from collections.abc import Iterable
from pathlib import Path

import pytest

from features.records import SalvoReport
from features.sources.kaggle import (
    read_kaggle,
)
from features.sources.reading import RejectedRow
from tests.features.sources.conftest import parted

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
    return parted(read_kaggle(path))
