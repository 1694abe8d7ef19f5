"""The histories that the peers forecast from, one per origin, as Parquet. `make peers`, first step."""

import argparse
from pathlib import Path

from experiments.benchmarks.tables import MAIN_WINDOW, bundled_ledger
from experiments.outside import histories


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
