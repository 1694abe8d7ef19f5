"""What is kept, and work that is shared: the laws of both."""

import asyncio
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.answers.cache import Recent, Together

STEPS = st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(1, 6)), max_size=60)


@given(STEPS, st.integers(1, 12))
def test_the_values_used_last_are_kept_as_far_as_they_fit(steps: list[tuple[int, int | None]], limit: int) -> None:
    """Against the plain account: a list in the order of use, cut from its old end until it fits."""
    recent: Recent[int, int] = Recent(limit, lambda size: size)
    kept: OrderedDict[int, int] = OrderedDict()
    for key, size in steps:
        if size is None:
            assert recent.get(key) == kept.get(key)
            if key in kept:
                kept.move_to_end(key)
        else:
            recent.put(key, size)
            kept.pop(key, None)
            if size <= limit:
                kept[key] = size
            while sum(kept.values()) > limit:
                kept.popitem(last=False)
        assert recent.used == sum(kept.values()) <= limit
    assert {key: recent.get(key) for key in range(6)} == {key: kept.get(key) for key in range(6)}


def test_what_is_held_is_not_made_again() -> None:
    recent: Recent[str, list[int]] = Recent(2)
    first = recent.made("a", lambda: [1])
    assert recent.made("a", lambda: [2]) is first


def test_who_asks_for_the_same_at_once_waits_for_one_computation() -> None:
    async def scenario() -> tuple[list[int], int]:
        together: Together[str, int] = Together()
        began = 0

        async def work() -> int:
            nonlocal began
            began += 1
            await asyncio.sleep(0.01)
            return began

        results = await asyncio.gather(*(together.once("a", work) for _ in range(5)))
        results.append(await together.once("a", work))  # it is over: nothing is kept here
        return results, began

    assert asyncio.run(scenario()) == ([1, 1, 1, 1, 1, 2], 2)


def test_a_failure_is_told_to_all_and_to_nobody_later() -> None:
    async def scenario() -> None:
        together: Together[str, int] = Together()

        async def fail() -> int:
            await asyncio.sleep(0.01)
            raise ValueError("so it is")

        async def succeed() -> int:
            return 1

        results = await asyncio.gather(*(together.once("a", fail) for _ in range(3)), return_exceptions=True)
        assert [str(each) for each in results] == ["so it is"] * 3
        assert await together.once("a", succeed) == 1

    asyncio.run(scenario())


def test_the_work_goes_on_until_the_last_who_waits_has_gone() -> None:
    async def scenario() -> None:
        together: Together[str, int] = Together()
        stopped = asyncio.Event()

        async def work() -> int:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                stopped.set()
                raise
            return 1

        one, other = (asyncio.ensure_future(together.once("a", work)) for _ in range(2))
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
