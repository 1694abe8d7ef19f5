"""The histories that the peers forecast from, one per origin, as Parquet. `make peers`, first step."""

import argparse
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from experiments.benchmarks.tables import MAIN_WINDOW, bundled_ledger
from features.history import LaunchHistory


def histories(history_at: Callable[[date], LaunchHistory], origins: Sequence[date]) -> pd.DataFrame:
    """One row per origin and attack day known by then: origin, attack_day, launched (drones, NaN where unknown)."""
    frames = []
    for origin in origins:
        history = history_at(origin)
        days = pd.to_datetime(history.days)
        frames.append(pd.DataFrame({"origin": pd.Timestamp(origin), "attack_day": days, "launched": history.launched}))
    return pd.concat(frames, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where histories.parquet is written")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with bundled_ledger() as ledger:
        frame = histories(lambda origin: ledger.history(origin=origin), MAIN_WINDOW)
    frame.to_parquet(folder / "histories.parquet", index=False)


if __name__ == "__main__":
    main()
