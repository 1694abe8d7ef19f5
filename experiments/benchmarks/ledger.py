"""How fast the ledger is, and how much memory it takes; its first line is of `make bench` too.

    python experiments/benchmarks/ledger.py [ROWS]

Seconds, rows and MB of an ingest of synthetic reports of one series into an empty SQLite ledger (4,000, then ROWS,
one million unless given), of the views of the larger one, and of the bundled series. Each size runs in a process of
its own, so that its memory is its own.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from features.ledger import Ledger, end_of_day
from features.records import SalvoReport
from features.sources.bundled import read_bundled
from features.sources.reading import Reading

SMALL, LARGE = 4_000, 1_000_000
N_DAYS = 3_650
FIRST = datetime(2015, 1, 1, 8)


def synthetic_reports(n_reports: int) -> Iterator[SalvoReport]:
    """Reports of one theatre and weapon class over ten years, day by day, each of an area of its own."""
    for number in range(n_reports):
        end = FIRST + timedelta(days=number * N_DAYS // n_reports)
        yield SalvoReport(
            window_start=end - timedelta(hours=14),
            window_end=end,
            launched=number % 300,
            shot_down=number % 300 * 3 // 4,
            target_area=f"area {number}",
            source="table",
        )


def print_measured(what: str, n_reports: int, work: Callable[[], object]) -> None:
    """Prints how long the work took, and the most memory that this process has had until then."""
    started = perf_counter()
    work()
    seconds = perf_counter() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(f"{seconds:9.3f} s  {n_reports:9,} rows  {megabytes:6.0f} MB  {what}", flush=True)


def measure(rows: int) -> None:
    """The steps of one size; 0 stands for the bundled reports."""
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger:
        reading = Reading("table", "synthetic", synthetic_reports(rows)) if rows else read_bundled()
        what = "synthetic reports" if rows else "the bundled reports"
        rows = rows or sum(1 for _ in read_bundled().rows)
        print_measured(
            f"ingest of {what} into an empty ledger", rows, lambda: ledger.ingest(reading, datetime.now(UTC))
        )
        print_measured("history, the first", rows, ledger.history)
        year_before = ledger.history().last_day - timedelta(days=365)
        print_measured("history as of a year before the end", rows, lambda: ledger.history(origin=year_before))
        print_measured("series", rows, ledger.series)
        print_measured("as_of, a list of every report", rows, lambda: ledger.as_of(end_of_day(year_before)))


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        measure(int(sys.argv[2]))
        return
    large = int(sys.argv[1]) if sys.argv[1:] else LARGE
    for rows in (0, SMALL, large):
        subprocess.run([sys.executable, __file__, "--measure", str(rows)], check=True)


if __name__ == "__main__":
    main()
