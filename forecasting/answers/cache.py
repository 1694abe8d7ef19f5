"""What was computed lately, within a bound, and work that several ask for at once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The values used last, as many as fit: `size` of one (1 without it), at most `limit` together.

    A value larger than the limit is not kept.
    """

    def __init__(self, limit: int, size: Callable[[Value], int] = lambda _: 1) -> None:
        self._limit, self._size = limit, size
        self._held: OrderedDict[Key, Value] = OrderedDict()
        self.used = 0

    def get(self, key: Key) -> Value | None:
        """The value, which is now the one used last; None where it is not held."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key]

    def put(self, key: Key, value: Value) -> Value:
        """Keeps the value, and lets those go that were not used for longest; returns it."""
        if key in self._held:
            self.used -= self._size(self._held.pop(key))
        if self._size(value) <= self._limit:
            self._held[key] = value
            self.used += self._size(value)
        while self.used > self._limit:
            self.used -= self._size(self._held.popitem(last=False)[1])
        return value

    def made(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value that is held, or else the one that is made now."""
        found = self.get(key)
        return self.put(key, make()) if found is None else found


class Together(Generic[Key, Value]):
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
            task.exception()  # every waiter was told already, or has gone
