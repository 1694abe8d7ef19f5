"""Work that several ask for at once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SingleFlight(Generic[Key, Value]):
    """Work that is done once for all who wait for it, and stopped when the last of them has gone."""

    def __init__(self) -> None:
        self._running: dict[Key, tuple[asyncio.Task[Value], list[None]]] = {}

    async def once(self, key: Key, work: Callable[[], Awaitable[Value]]) -> Value:
        """What `work` gives, or raises: started here, or by another who asked for the same key and still waits."""
        if key not in self._running:
            task = asyncio.ensure_future(work())
            self._running[key] = (task, [])
            task.add_done_callback(lambda done: self._done(key, done))
        task, waiting = self._running[key]
        waiting.append(None)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if len(waiting) == 1 and not task.done():
                self._done(key, task)  # who asks from now on must not wait for a task that is being stopped
                task.cancel()
            raise
        finally:
            waiting.pop()

    def _done(self, key: Key, task: "asyncio.Task[Value]") -> None:
        if key in self._running and self._running[key][0] is task:
            del self._running[key]
        if task.done() and not task.cancelled():
            task.exception()  # every waiter has it already, or has gone
