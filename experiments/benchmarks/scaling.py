"""What many series cost: synthetic theatres on 1 and 2 processes, and on a Dask cluster of 2 workers on loopback.

A fold is a model fitted at an origin, its forecast of 28 days and its scores. From the folds a second, and from the
size of a task, follows what 1,000 series x 10 models x 100 origins cost and what bounds it. Seconds are of this
machine; the ratios are what carries over.
"""

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from time import perf_counter
from typing import Any

import numpy as np
from distributed import Client

from experiments.backtest import Replay, score_group
from experiments.engine import Engine
from features.history import LaunchHistory
from features.records import SHAHED, QuietDayRule
from forecasting.salvos.model import MODELS, SimulationRequest, load_model

FIRST_DAY, N_DAYS, HORIZON = date(2024, 1, 1), 730, 28
REPLAY = Replay(SimulationRequest(HORIZON, 500), seed=1)
SERIES = (10, 100, 1_000)
MODEL = "exponential_empirical"
LARGE = {"series": 1_000, "models": 10, "origins": 100}


def theatre(number: int) -> LaunchHistory:
    """Two years of a made-up theatre: negative binomial days around a level that walks."""
    rng = np.random.default_rng([7, number])
    level = 30.0 * np.exp(np.cumsum(0.03 * rng.standard_normal(N_DAYS)))
    launched = rng.negative_binomial(3, 3.0 / (3.0 + level)).astype(float)
    unknown = np.full(N_DAYS, np.nan)
    return LaunchHistory(f"made_up_{number}", SHAHED, QuietDayRule.NONE, FIRST_DAY, launched, unknown, ("table",))


def tasks(n_series: int, model: str = MODEL) -> Iterator[tuple[Any, ...]]:
    """One fold for each series, from the origin that leaves 28 days to score."""
    origin = FIRST_DAY + timedelta(days=N_DAYS - HORIZON - 1)
    for number in range(n_series):
        truth = theatre(number)
        yield load_model(model), truth.until(origin), [origin], [truth.after(origin, HORIZON)], REPLAY


def seconds(engine: Engine, n_series: int) -> float:
    """How long the folds of so many series take, the workers being up."""
    for _ in engine.run(score_group, tasks(2 * engine.jobs)):  # they import what they need
        pass
    started = perf_counter()
    done = sum(len(folds) for folds, _ in engine.run(score_group, tasks(n_series)))
    assert done == n_series
    return perf_counter() - started


@contextmanager
def cluster(n_workers: int) -> Iterator[Engine]:
    """A Dask scheduler and so many workers of one thread on loopback, ended by their own process ids."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def start(program: str, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options, "--host", "127.0.0.1"]
        return stack.enter_context(
            subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.DEVNULL, env=environment)
        )

    with ExitStack() as stack:
        processes = [start("dask_scheduler", "--port", str(port))]
        options = (f"tcp://127.0.0.1:{port}", "--no-nanny", "--nthreads", "1")
        processes += [start("dask_worker", *options) for _ in range(n_workers)]
        try:
            with Client(f"tcp://127.0.0.1:{port}", timeout=60, set_as_default=False) as client:
                client.wait_for_workers(n_workers, timeout=60)
            yield Engine.from_name(f"dask://127.0.0.1:{port}")
        finally:
            for process in processes:
                process.kill()  # asked nicely, a worker waits for its scheduler


def places() -> Iterator[tuple[str, Engine]]:
    """Where the work is done, each while it is up."""
    yield "1 process", Engine(1)
    yield "2 processes", Engine(2)
    with cluster(1) as dask:
        yield "Dask, 1 worker", dask
    with cluster(2) as dask:
        yield "Dask, 2 workers", dask


def main() -> None:
    fold_seconds = {}
    for name in MODELS:
        task = next(tasks(1, name))
        score_group(*task)
        started = perf_counter()
        score_group(*task)
        fold_seconds[name] = perf_counter() - started
    unit = fold_seconds[MODEL]
    print(f"a fold of {MODEL}: {1_000 * unit:.1f} ms; the others, in such folds:")
    print(", ".join(f"{name} {taken / unit:.1f}" for name, taken in fold_seconds.items()))
    size = len(pickle.dumps(next(tasks(1))))
    print(f"a task, with the history of {N_DAYS} days: {size / 1_000:.0f} kB")
    base: dict[int, float] = {}
    for label, engine in places():
        print(f"{label}: an empty task takes {1_000 * engine.overhead():.2f} ms")
        for n_series in SERIES:
            took = seconds(engine, n_series)
            base.setdefault(n_series, took)
            speed = base[n_series] / took
            print(f"{n_series:>6,} series: {took:7.2f} s, {n_series / took:6.1f} folds/s, {speed:.2f} of 1 process")
    n_folds = int(np.prod(list(LARGE.values())))
    hours = n_folds * float(np.mean(list(fold_seconds.values()))) / 3_600
    sent = n_folds * size / 1e9
    print(
        f"1,000 series x 10 models x 100 origins: {n_folds:,} folds, {hours:,.0f} core hours at the mean of these "
        f"models, {sent:,.0f} GB of tasks sent: bound by the fits of gradient_boosting "
        f"({fold_seconds['gradient_boosting'] / sum(fold_seconds.values()):.0%} of it), not by the way"
    )


if __name__ == "__main__":
    main()
