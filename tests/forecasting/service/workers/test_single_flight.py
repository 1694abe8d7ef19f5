"""Work that several ask for at once: done once, and stopped when nobody waits any more."""

import asyncio

import pytest

from forecasting.service.workers.single_flight import SingleFlight


def test_who_asks_for_the_same_at_once_waits_for_one_computation() -> None:
    async def scenario() -> tuple[list[int], int]:
        flight: SingleFlight[str, int] = SingleFlight()
        began = 0

        async def work() -> int:
            nonlocal began
            began += 1
            await asyncio.sleep(0.01)
            return began

        results = await asyncio.gather(*(flight.once("a", work) for _ in range(5)))
        results.append(await flight.once("a", work))  # it is over: nothing is kept here
        return results, began

    assert asyncio.run(scenario()) == ([1, 1, 1, 1, 1, 2], 2)


def test_a_failure_is_told_to_all_and_to_nobody_later() -> None:
    async def scenario() -> None:
        flight: SingleFlight[str, int] = SingleFlight()

        async def fail() -> int:
            await asyncio.sleep(0.01)
            raise ValueError("so it is")

        async def succeed() -> int:
            return 1

        results = await asyncio.gather(*(flight.once("a", fail) for _ in range(3)), return_exceptions=True)
        assert [str(each) for each in results] == ["so it is"] * 3
        assert await flight.once("a", succeed) == 1

    asyncio.run(scenario())


def test_the_work_goes_on_until_the_last_who_waits_has_gone() -> None:
    async def scenario() -> None:
        flight: SingleFlight[str, int] = SingleFlight()
        stopped = asyncio.Event()

        async def work() -> int:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                stopped.set()
                raise
            return 1

        one, other = (asyncio.ensure_future(flight.once("a", work)) for _ in range(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        await asyncio.sleep(0)
        assert not stopped.is_set()
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other
        await asyncio.wait_for(stopped.wait(), 5)

    asyncio.run(scenario())
