"""The table "Speed" of the README beside this, row by row in one run: `make bench`, or this file with some of its rows.

    python experiments/benchmarks/speed.py [ROW ...]

Seconds here, and their ratio to a fixed piece of NumPy work that is timed before and after each row: seconds say more
about the machine than about the code, and one that is busy is busy with both.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import perf_counter

import numpy as np

from experiments.benchmarks.ledger import LARGE, synthetic_reports
from experiments.benchmarks.plan_steps import median_seconds, salvocast
from experiments.benchmarks.serving import at_once, server, ten_layers
from features.ledger import Ledger
from features.sources.reading import Reading
from forecasting.salvos.model import BUNDLED_MODELS

TEN_MODELS = "--models=" + ",".join(name for name in BUNDLED_MODELS if name != "global_boosting")
_seeds = count(1_000)


@dataclass(frozen=True)
class Row:
    """name: as in the table. aim: seconds, on two cores that do nothing else. measure: gives the seconds here."""

    name: str
    aim: float
    measure: Callable[[], float]


def unit() -> float:
    """Seconds of the fixed work: as many binomial draws as two for each path, night and layer of the default plan."""
    counts, shares = np.full((2_000, 28), 200), np.full((2_000, 1), 0.3)
    return median_seconds(lambda: [np.random.default_rng(1).binomial(counts, shares) for _ in range(18)])


@contextmanager
def home() -> Iterator[str]:
    """A home whose ledger holds the bundled reports, and where a plan was made."""
    with tempfile.TemporaryDirectory() as folder:
        salvocast(folder, "plan")()
        yield folder


def once(*arguments: str) -> float:
    """Seconds of a command in a home that knows the reports alone."""
    with tempfile.TemporaryDirectory() as folder:
        salvocast(folder, "data", "status")()
        return _seconds(salvocast(folder, *arguments))


def again(*arguments: str) -> float:
    """Seconds of a command that was given before, with a seed of its own: its answer is new, what it learned is not."""
    with home() as folder:
        return median_seconds(lambda: salvocast(folder, *arguments, f"--seed={next(_seeds)}")(), 3)


def plan_again() -> float:
    with home() as folder:
        return median_seconds(salvocast(folder, "plan"), 5)


def ready() -> float:
    seconds = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder, server(folder) as (_, _, until_ready):
            seconds.append(until_ready)
    return statistics.median(seconds)


def served(n_clients: int, n_plans: int) -> float:
    """Seconds a plan: of one client the median that it waits; of several, of all together over their number."""
    requests = [ten_layers() | {"seed": next(_seeds)} for _ in range(n_plans)]
    with tempfile.TemporaryDirectory() as folder, server(folder) as (url, _, _):
        asyncio.run(at_once(url, 2, requests[:6]))
        waited, together = asyncio.run(at_once(url, n_clients, requests[6:]))
    return statistics.median(waited) if n_clients == 1 else together / len(waited)


def ledger_read() -> float:
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger:
        reading = Reading("table", "synthetic", synthetic_reports(LARGE))
        return _seconds(lambda: ledger.ingest(reading, datetime.now(UTC)))


def _seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


PUBLISHED = ("--scenario", "published")
ROWS = (
    Row("plan, second time", 1.2, plan_again),
    Row("server, from the command until it is ready", 3.0, ready),
    Row("POST /plan, one client, p50", 0.1, lambda: served(1, 46)),
    Row("POST /plan, eight clients, seconds a plan", 1 / 15, lambda: served(8, 86)),
    Row("plan with a scenario, 180 days", 3.0, lambda: again("plan", *PUBLISHED, "--horizon=180")),
    Row("comparison of two scenarios, 90 days", 5.0, lambda: again("scenarios", "compare", "published")),
    Row("scenarios sensitivity, first time", 10.0, lambda: once("scenarios", "sensitivity")),
    Row("backtest, ten models x 29 origins", 30.0, lambda: once("backtest", TEN_MODELS)),
    Row(
        "backtest, ten models x 29 origins, --jobs 2",
        17.0,
        lambda: once("backtest", TEN_MODELS, "--jobs=2"),
    ),
    Row("a ledger of a million reports, read", 20.0, ledger_read),
)


def main() -> None:
    asked = sys.argv[1:]
    print(f"{'':<46} {'seconds':>8} {'ratio':>8} {'aim':>7}")
    before = unit()
    for row in ROWS:
        if asked and not any(part in row.name for part in asked):
            continue
        seconds = row.measure()
        after = unit()
        missed = "" if seconds <= row.aim else "  missed"
        print(f"{row.name:<46} {seconds:8.2f} {2 * seconds / (before + after):8.0f} {row.aim:7.2f}{missed}", flush=True)
        before = after
    print(f"ratio: over 18 x 2,000 x 28 binomial draws, {before:.4f} s here")


if __name__ == "__main__":
    main()
