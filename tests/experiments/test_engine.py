"""Tasks on a real Dask cluster of this machine: the same numbers, nothing lost, and no silent waiting."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from experiments import engine as engines
from experiments.backtest import Replay, run_backtest
from experiments.engine import Engine, beside
from experiments.scenario_backtest import month_ends, run_scenario_backtest
from features.errors import InputError, SalvocastError
from features.history import LaunchHistory
from features.scenarios import PUBLISHED, load_scenario
from forecasting.salvos.model import SimulationRequest, load_model
from tests.experiments.cluster import ROOT, Start, scheduler_at, worker

HistoryFrom = Callable[..., LaunchHistory]


def squared_late(number: int, seconds: float, folder: str) -> tuple[int, int, int]:
    """The number, its square, and the process that did it."""
    Path(folder, f"{number}.{os.getpid()}").touch()
    time.sleep(seconds)
    return number, number * number, os.getpid()


@pytest.mark.parametrize("name", ["dask", "dask://", "dask://host", "dask://host:port", "tcp://host:8786", ""])
def test_an_engine_that_is_none_is_told(name: str) -> None:
    with pytest.raises(InputError, match="expected local or dask://HOST:PORT"):
        Engine.from_name(name)


def test_a_cluster_takes_no_number_of_jobs() -> None:
    assert Engine.from_name("dask://localhost:8786") == Engine(1, "localhost:8786")
    with pytest.raises(InputError, match="leave out --jobs"):
        Engine.from_name("dask://localhost:8786", 2)
    with pytest.raises(InputError, match="expected 1 or more"):
        Engine.from_name("local", 0)


def made_late(made: list[int]) -> Iterator[tuple[int]]:
    for number in range(100):
        made.append(number)
        yield (number,)


@pytest.mark.parametrize("jobs", [1, 2])
def test_tasks_are_made_as_they_are_needed_and_what_making_one_raises_is_raised_here(
    jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "AHEAD", 5)
    made: list[int] = []
    results = Engine(jobs).run(abs, made_late(made))
    first = next(results)
    assert len(made) in (range(1, 2) if jobs == 1 else range(5 * jobs, 7 * jobs))
    assert sorted([first, *results]) == list(range(100))

    def broken() -> Iterator[tuple[int]]:
        yield (-1,)
        raise ZeroDivisionError("no history")

    with pytest.raises(ZeroDivisionError, match="no history"):
        list(Engine(jobs).run(abs, broken()))


def threads_of_sums() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_sums_are_made_by_one_thread_so_that_their_last_digits_are_the_same_everywhere(jobs: int) -> None:
    with threadpool_limits(2):
        assert list(Engine(jobs).run(threads_of_sums, [()])) == [{1}]


BARE_SCRIPT = """
from experiments.engine import Engine, beside

print("begins")


def twice(number):
    return 2 * number


print(sorted(Engine(2).run(twice, [(1,), (2,), (3,)])))
with beside() as begin:
    print(begin(twice, 4)())
"""


@pytest.mark.slow
def test_a_script_without_a_main_block_is_run_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(BARE_SCRIPT)
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (ran.stdout.splitlines(), ran.returncode) == (["begins", "[2, 4, 6]", "8"], 0), ran.stderr


def ended_from_outside() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_ended_from_outside_is_told_in_a_line() -> None:
    with pytest.raises(SalvocastError, match="a process of --jobs was ended from outside"):
        list(Engine(2).run(ended_from_outside, [(), ()]))


def where(folder: str, seconds: float) -> int:
    """The process that was asked, once it has said that it was."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(seconds)
    return os.getpid()


def test_what_nobody_has_begun_with_when_it_is_asked_for_is_done_here(tmp_path: Path) -> None:
    with beside() as begin:
        first, *others = [begin(where, str(tmp_path), seconds) for seconds in (0.5, 0, 0, 0, 0, 0)]
        while not list(tmp_path.iterdir()):
            time.sleep(0.01)
        assert others[-1]() == os.getpid()
        assert first() != os.getpid()


def test_what_a_process_beside_does_not_live_to_do_is_done_here() -> None:
    def killed(here: int) -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return here

    with beside() as begin:
        waiting = [begin(killed, os.getpid()) for _ in range(4)]
        assert [result() for result in waiting] == [os.getpid()] * 4
        assert begin(killed, os.getpid())() == os.getpid()  # and so is what comes later


def test_what_fails_beside_fails_for_who_asks() -> None:
    with beside() as begin, pytest.raises(ZeroDivisionError):
        begin(divmod, 1, 0)()


def test_several_processes_do_work_that_is_in_no_module() -> None:
    """As the models of a notebook are."""
    base = 3
    assert sorted(Engine(2).run(lambda number: number + base, [(1,), (2,)])) == [4, 5]


def test_a_scheduler_that_is_not_there_is_told(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 0.5)
    with pytest.raises(SalvocastError, match=f"no Dask scheduler answers at 127.0.0.1:{free_port}"):
        list(Engine.from_name(f"dask://127.0.0.1:{free_port}").run(abs, [(-1,)]))


def test_a_cluster_without_workers_is_told(scheduler: str) -> None:
    with pytest.raises(SalvocastError, match="has no workers"):
        list(Engine.from_name(f"dask://{scheduler}").run(abs, [(-1,)]))


def test_a_worker_with_other_code_is_told(start: Start, scheduler: str, tmp_path: Path) -> None:
    for room in ("features", "forecasting", "experiments"):
        shutil.copytree(ROOT / room, tmp_path / "edited" / room)
    with (tmp_path / "edited/features/errors.py").open("a") as file:
        file.write("# an edit\n")
    worker(start, scheduler, tmp_path / "edited")
    with pytest.raises(SalvocastError, match=r"worker tcp://.* has code .*, here it is .*: install the same release"):
        list(Engine.from_name(f"dask://{scheduler}").run(abs, [(-1,)]))


def test_a_scheduler_that_cannot_import_the_code_is_told(start: Start, free_port: int, tmp_path: Path) -> None:
    (tmp_path / "broken/features").mkdir(parents=True)
    (tmp_path / "broken/features/__init__.py").write_text("raise ImportError('nothing here')")
    address = scheduler_at(start, free_port, tmp_path / "broken")
    worker(start, address)
    with pytest.raises(SalvocastError, match=f"the scheduler of {address} cannot import salvocast"):
        list(Engine.from_name(f"dask://{address}").run(abs, [(-1,)]))


def test_a_cluster_gives_the_bytes_of_this_machine(
    start: Start, scheduler: str, history_from: HistoryFrom, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        worker(start, scheduler)
    truth = history_from(np.random.default_rng(1).poisson(15, 120))
    models = [load_model(name) for name in ("empirical_window", "salvo_ensemble", "negative_binomial")]
    origins = [truth.days[80 + 10 * i].item() for i in range(3)]
    replay = Replay(SimulationRequest(7, 50), 1)
    cluster = Engine.from_name(f"dask://{scheduler}")
    here, there = (
        run_backtest(truth.until, truth, models, origins, replay, engine=engine).scores
        for engine in (Engine(), cluster)
    )
    pd.testing.assert_frame_equal(here, there, check_exact=True)
    overhead = cluster.overhead()
    with capsys.disabled():
        sys.stdout.write(f"\nan empty task takes {1_000 * overhead:.1f} ms on a cluster of two workers here\n")
    assert 0 < overhead < 1


@pytest.mark.slow
def test_a_cluster_replays_scenarios_with_the_bytes_of_this_machine(
    start: Start, scheduler: str, series_without_gaps: LaunchHistory
) -> None:
    for _ in range(2):
        worker(start, scheduler)
    truth, origins = series_without_gaps, month_ends(date(2025, 7, 1), date(2025, 8, 31))
    here, there = (
        run_scenario_backtest(
            truth.until,
            truth,
            load_model("empirical_window"),
            load_scenario(PUBLISHED),
            origins,
            n_paths=20,
            seed=1,
            engine=engine,
        ).scores
        for engine in (Engine(), Engine.from_name(f"dask://{scheduler}"))
    )
    assert set(here["origin"]) == set(origins)
    pd.testing.assert_frame_equal(here, there, check_exact=True)


def test_a_worker_killed_in_the_middle_loses_nothing_and_is_told(
    start: Start, scheduler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workers = [worker(start, scheduler) for _ in range(2)]
    tasks = [(number, 0.05, str(tmp_path)) for number in range(40)]
    done = []
    for result in Engine.from_name(f"dask://{scheduler}").run(squared_late, tasks):
        done.append(result)
        if len(done) == 5:
            os.kill(workers[0].pid, signal.SIGKILL)
    assert sorted(result[:2] for result in done) == [(number, number * number) for number in range(40)]
    assert {process for *_, process in done[-20:]} == {workers[1].pid}
    (told,) = capsys.readouterr().err.splitlines()
    assert f"1 of the 2 workers of {scheduler} were lost (tcp://127.0.0.1:" in told


def test_what_a_task_raises_is_raised_here(start: Start, scheduler: str) -> None:
    worker(start, scheduler)
    with pytest.raises(ZeroDivisionError):
        list(Engine.from_name(f"dask://{scheduler}").run(divmod, [(1, 1), (1, 0)]))
