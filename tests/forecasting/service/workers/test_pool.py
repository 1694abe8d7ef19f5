"""The processes that compute, with jobs that take long, fail, or lose their process."""

import asyncio
import operator
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from forecasting.service.workers.pool import DEADLINE, Overloaded, Pool, TookTooLong

Result = TypeVar("Result")


def with_pool(use: Callable[[Pool], Awaitable[Result]], n_processes: int = 1, **options: float) -> Result:
    """What `use` gives for a pool, which is closed after it."""

    async def scenario() -> Result:
        settings = {"most_waiting": 4, "longest": 20.0} | options
        pool = Pool(
            n_processes, most_waiting=int(settings["most_waiting"]), longest=settings["longest"], begin=os.getpid
        )
        try:
            return await use(pool)
        finally:
            await pool.close()

    return asyncio.run(scenario())


def test_results_and_failures_come_back() -> None:
    async def use(pool: Pool) -> None:
        assert await pool.run(0.1, operator.add, 2, 3) == 5
        with pytest.raises(ZeroDivisionError):
            await pool.run(0.1, operator.truediv, 1, 0)
        assert await pool.run(0.1, operator.add, 1, 1) == 2
        assert await pool.run(0.1, os.getpid) != os.getpid()

    with_pool(use)


def test_a_job_that_runs_too_long_is_stopped_with_its_process_and_the_next_one_works() -> None:
    async def use(pool: Pool) -> None:
        first = await pool.run(0.1, os.getpid)
        with pytest.raises(TookTooLong, match="stopped after 1 s") as caught:
            await pool.run(0.1, time.sleep, 60)
        assert caught.value.seconds == pytest.approx(1.0, abs=0.5)
        second = await pool.run(0.1, os.getpid)
        assert second != first
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)

    with_pool(use, longest=1.0)


def test_a_job_that_would_take_too_long_never_begins() -> None:
    async def use(pool: Pool) -> None:
        with pytest.raises(TookTooLong, match="about 90 s") as caught:
            await pool.run(90.0, os.getpid)
        assert caught.value.seconds == 0.0  # which tells the pace of nothing
        assert pool.n_busy == 0

    with_pool(use)


def test_what_cannot_be_answered_in_time_is_refused_at_once() -> None:
    async def use(pool: Pool) -> None:
        running = asyncio.ensure_future(pool.run(5.0, time.sleep, 1.0))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as caught:  # five seconds to wait, and six of its own
            await pool.run(6.0, os.getpid)
        assert 4 <= caught.value.retry_after <= 5
        assert await pool.run(4.0, operator.add, 1, 1) == 2
        await running

    with_pool(use, longest=10.0)


def test_what_waits_too_long_is_refused_while_it_waits() -> None:
    """The job before it takes far longer than was reckoned; the second is told long before the first ends."""

    async def use(pool: Pool) -> None:
        running = asyncio.ensure_future(pool.run(0.1, time.sleep, 60))
        await asyncio.sleep(0)
        began = time.monotonic()
        with pytest.raises(Overloaded, match="try again in"):
            await pool.run(1.0, os.getpid)
        assert 0.5 < time.monotonic() - began < 2.5  # its own second would not fit in any more
        assert pool.n_waiting == 0
        running.cancel()

    with_pool(use, longest=3.0)


def test_all_that_a_request_asks_of_the_pool_ends_by_its_deadline() -> None:
    async def use(pool: Pool) -> None:
        began = time.monotonic()
        DEADLINE.set(began + 1.5)
        await pool.run(0.1, time.sleep, 0.5)
        with pytest.raises(TookTooLong):
            await pool.run(0.1, time.sleep, 60)
        assert time.monotonic() - began < 10.0  # and not the 60 s of the pool
        with pytest.raises(Overloaded):
            await pool.run(0.1, os.getpid)

    with_pool(use, longest=60.0)


def test_who_waits_gets_a_new_process_before_it_is_warm() -> None:
    """The process is killed while another job waits; to be warm takes the new one longer than that job may take."""

    async def use(pool: Pool) -> None:
        await pool.warm(0.1, time.sleep, 0.0)
        pool._warm_up = (30.0, time.sleep, (30.0,))
        victim = await pool.run(0.1, os.getpid)
        job = asyncio.ensure_future(pool.run(0.1, time.sleep, 60))
        await asyncio.sleep(0.3)
        next_one = asyncio.ensure_future(pool.run(0.1, operator.add, 1, 1))
        await asyncio.sleep(0)
        os.kill(victim, 9)
        with pytest.raises(Overloaded, match="was ended"):
            await job
        assert await next_one == 2

    with_pool(use)


def test_the_queue_is_bounded_and_the_pool_recovers() -> None:
    async def use(pool: Pool) -> None:
        jobs = [asyncio.ensure_future(pool.run(0.1, time.sleep, 0.2)) for _ in range(3)]
        await asyncio.sleep(0)
        assert (pool.n_busy, pool.n_waiting) == (1, 2)
        with pytest.raises(Overloaded):
            await pool.run(0.1, os.getpid)
        await asyncio.gather(*jobs)
        assert (pool.n_busy, pool.n_waiting, pool.wait) == (0, 0, 0.0)
        assert await pool.run(0.1, operator.add, 1, 1) == 2

    with_pool(use, most_waiting=2)


def test_a_job_whose_client_has_gone_is_stopped() -> None:
    async def use(pool: Pool) -> None:
        first = await pool.run(0.1, os.getpid)
        job = asyncio.ensure_future(pool.run(0.1, time.sleep, 60))
        await asyncio.sleep(0.3)
        job.cancel()
        assert await pool.run(0.1, os.getpid) != first  # long before the minute is over
        with pytest.raises(asyncio.CancelledError):
            await job

    with_pool(use)


def test_a_job_whose_client_has_gone_before_it_began_never_begins() -> None:
    async def use(pool: Pool) -> None:
        first = await pool.run(0.1, os.getpid)
        running = asyncio.ensure_future(pool.run(0.1, time.sleep, 0.3))
        waiting = asyncio.ensure_future(pool.run(0.1, time.sleep, 60))
        after = asyncio.ensure_future(pool.run(0.1, os.getpid))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await running
        assert await after == first
        assert pool.n_waiting == 0

    with_pool(use)


def test_two_processes_work_at_once_and_both_are_warmed() -> None:
    async def use(pool: Pool) -> set[int]:
        await pool.warm(0.1, time.sleep, 0.01)
        return set(await asyncio.gather(*(pool.run(0.3, _own_id) for _ in range(2))))

    assert len(with_pool(use, n_processes=2)) == 2


def test_a_process_that_is_killed_from_outside_is_replaced() -> None:
    async def use(pool: Pool) -> None:
        victim = await pool.run(0.1, os.getpid)
        job = asyncio.ensure_future(pool.run(0.1, time.sleep, 60))
        await asyncio.sleep(0.3)
        os.kill(victim, 9)
        with pytest.raises(Overloaded, match="was ended"):
            await job
        assert await pool.run(0.1, operator.add, 1, 1) == 2

    with_pool(use)


def _own_id() -> int:
    time.sleep(0.3)
    return os.getpid()


def note(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def test_a_process_loads_while_nobody_asks_and_so_does_the_one_in_its_place(tmp_path: Path) -> None:
    told = tmp_path / "told"

    async def use(pool: Pool) -> None:
        loading = asyncio.ensure_future(pool.load((0.1, note, (told, "loaded"))))
        for _ in range(3):
            await pool.run(0.1, note, told, "asked")
        await loading
        assert told.read_text(encoding="utf-8").split() == ["asked"] * 3 + ["loaded"]
        with pytest.raises(Overloaded, match="was ended"):
            await pool.run(0.1, os._exit, 1)
        await pool.run(0.1, note, told, "asked")
        while told.read_text(encoding="utf-8").split()[-1] != "loaded":
            await asyncio.sleep(0.1)

    with_pool(use)
