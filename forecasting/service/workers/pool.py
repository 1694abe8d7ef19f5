"""The processes that compute: a bounded queue before them, a time-out on every job, and no job for nobody.

Each process is a pool of its own, so that one knows which of them has learned what, and what each is doing.
"""

import asyncio
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as JobTimeoutError
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from features.errors import SalvocastError

Result = TypeVar("Result")

WARMING_SECONDS = 120.0
"""Time-out of what a process learns before its first job."""
IDLE_SECONDS = 1.0
"""After which a process that nobody asks for anything loads what it may be asked for."""
Step = tuple[float, Callable[..., object], tuple[object, ...]]
"""What a process runs by itself: how long that should take, the function and its arguments."""


DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)
"""Of the request that is being answered, on the monotonic clock: whatever it waits for and computes ends by then."""


PRELOADED = "forecasting.service.workers.preloaded"
"""What the processes of a server find loaded; by its name, as loading it takes a second."""


class Overloaded(SalvocastError):  # noqa: N818 -- says what is, as HTTP does
    """There is more to do than can be done in time. retry_after: whole seconds until it may be otherwise."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = max(1, math.ceil(retry_after))


class TookTooLong(SalvocastError):  # noqa: N818
    """A job was stopped at the time-out, or would have been. seconds: for which it ran."""

    def __init__(self, message: str, seconds: float = 0.0, **values: Any) -> None:
        super().__init__(message, **values)
        self.seconds = seconds


@dataclass(eq=False)
class _Process:
    """One process, until when it should be busy, and since when it is idle where it is (on the monotonic clock)."""

    pool: ProcessPool
    busy_until: float = 0.0
    idle_since: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class _Waiting:
    """Somebody who waits for a process, with the seconds that the job should take."""

    seconds: float
    process: "asyncio.Future[_Process]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class _SentProcess(ForkServerProcess):
    """A process that does not import the script that asked for it: what it does is in modules or sent to it, and a
    script without `if __name__ == "__main__":` would be run a second time."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 - multiprocessing's name
        asking = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return ForkServerProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = asking


class _Context(ForkServerContext):
    Process = _SentProcess


def load_ahead(modules: Sequence[str]) -> ForkServerContext:
    """Starts the process that those of a pool are forked from, and lets it load these modules meanwhile."""
    context = _Context()
    context.set_forkserver_preload(list(modules))
    forkserver.ensure_running()
    return context


class Pool:
    """Runs functions of a module in `n_processes` processes of their own; each begins with `begin(*begin_with)`.

    most_waiting: jobs that may wait for a process. longest: seconds that a job may wait and run together, or less where
    its request has a `DEADLINE`; what cannot is refused before it begins, at once or while it waits, and what runs
    longer all the same is stopped, by ending its process.
    preload: modules that a new process finds loaded. on_change: told when a process, or who waits for one, has changed.
    """

    def __init__(
        self,
        n_processes: int,
        *,
        most_waiting: int,
        longest: float,
        begin: Callable[..., object],
        begin_with: Sequence[object] = (),
        preload: Sequence[str] = (),
        on_change: Callable[["Pool"], object] = lambda _: None,
    ) -> None:
        context = load_ahead(preload)
        self.n_processes, self._most_waiting, self.longest = n_processes, most_waiting, longest
        self._all = [
            _Process(ProcessPool(1, initializer=begin, initargs=begin_with, context=context))
            for _ in range(n_processes)
        ]
        self._idle = deque(self._all)
        self._waiting: deque[_Waiting] = deque()
        self._on_change = on_change
        self._warm_up: Step | None = None
        self._loads: Sequence[Step] = ()
        self._renewing: set[asyncio.Task[None]] = set()

    @property
    def n_waiting(self) -> int:
        """Jobs that wait for a process."""
        return len(self._waiting)

    @property
    def n_busy(self) -> int:
        """Processes that are not idle."""
        return self.n_processes - len(self._idle)

    @property
    def wait(self) -> float:
        """Seconds until a job that comes now should begin."""
        if self._idle:
            return 0.0
        now = time.monotonic()
        ahead = sum(max(process.busy_until - now, 0.0) for process in self._all)
        return (ahead + sum(each.seconds for each in self._waiting)) / self.n_processes

    async def run(self, seconds: float, function: Callable[..., Result], *arguments: object) -> Result:
        """What the function gives, or raises, in one of the processes; `seconds` is how long it should take.

        Cancelled: the job is stopped, or never begins. Raises Overloaded where the queue is full or too slow for it,
        and TookTooLong where it was stopped at the time-out.
        """
        now = time.monotonic()
        deadline = self.admit(seconds)
        try:
            process = await self._take(seconds, deadline - seconds - now)
        except TimeoutError:  # those before it took longer than reckoned, or a process had to be made anew
            raise self._overloaded(self.wait) from None
        return await self._run_in(process, deadline, seconds, function, *arguments)

    def admit(self, seconds: float) -> float:
        """By when a job of so many seconds that comes now ends, on the monotonic clock. Raises as `run`, at once."""
        wait, now = self.wait, time.monotonic()
        deadline = min(now + self.longest, DEADLINE.get())
        if seconds > self.longest:
            raise TookTooLong(
                "this would take about {time:,} s, and {most:,} s is the most: take fewer paths, a shorter horizon or "
                "fewer layers",
                time=round(seconds),
                most=round(self.longest),
            )
        if len(self._waiting) >= self._most_waiting or now + wait + seconds > deadline:
            raise self._overloaded(wait)
        return deadline

    def _overloaded(self, wait: float) -> Overloaded:
        """What is told to who cannot be answered in time."""
        n, again = len(self._waiting), max(1, math.ceil(wait))
        return Overloaded(f"{n} requests are waiting already: try again in {again} s", wait)

    async def warm(
        self,
        seconds: float,
        function: Callable[..., object],
        *arguments: object,
        at_once: bool = False,
    ) -> None:
        """Runs the function in every process, each when it is idle, and from now on in every new one before its first
        job. at_once: in all of them, and not in one after the other, so that the rest can answer. Failures are not
        told: the jobs will tell them."""
        step = self._warm_up = (seconds, function, arguments)
        done: set[_Process] = set()

        async def warmed(process: _Process) -> None:
            try:
                await self._warm(process, *step)
            finally:
                self._give_back(process)

        async with asyncio.TaskGroup() as group:
            while len(done) < self.n_processes:
                process = await self._take(seconds)
                if process in done:  # the others are busy: their turn will come
                    self._give_back(process)
                    await asyncio.sleep(0.05)
                    continue
                done.add(process)
                warming = group.create_task(warmed(process))
                if not at_once:
                    await warming

    async def load(self, *steps: "Step") -> None:
        """Runs these one after another in every process, and from now on in every new one, while nobody asks for
        anything: what a job would else do itself. A step is short, as a job that comes meanwhile waits for its end."""
        self._loads = steps
        for process in self._all:
            await self._load(process)

    async def _load(self, process: _Process) -> None:
        for step in self._loads:
            while process not in self._idle or time.monotonic() < process.idle_since + IDLE_SECONDS:
                await asyncio.sleep(0.05)
            self._idle.remove(process)
            self._on_change(self)
            idle_since = process.idle_since
            try:
                await self._warm(process, *step)
            finally:
                self._give_back(process)
                process.idle_since = idle_since  # of jobs: the next step need not wait for that long again

    async def close(self) -> None:
        """Stops the processes; who waits is told."""
        for task in self._renewing:
            task.cancel()
        while self._waiting:
            self._waiting.popleft().process.set_exception(Overloaded("the server is stopping: try again", 5.0))
        for process in self._all:
            process.pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.gather(*(asyncio.to_thread(process.pool.join, 5.0) for process in self._all))

    async def _take(self, seconds: float, longest: float = math.inf) -> _Process:
        """A process for a job of so many seconds. Raises TimeoutError where none is idle within `longest` seconds."""
        if self._idle:
            process = self._idle.popleft()
            self._on_change(self)
            return process
        waiting = _Waiting(seconds)
        self._waiting.append(waiting)
        self._on_change(self)
        try:
            async with asyncio.timeout(None if math.isinf(longest) else longest):
                return await waiting.process
        except (asyncio.CancelledError, TimeoutError):
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                self._on_change(self)
            elif waiting.process.done() and not waiting.process.cancelled():  # it came just now
                self._give_back(waiting.process.result())
            raise

    def _give_back(self, process: _Process) -> None:
        process.busy_until, process.idle_since = 0.0, time.monotonic()
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.process.done():
                waiting.process.set_result(process)
                break
        else:
            self._idle.append(process)
        self._on_change(self)

    async def _run_in(
        self, process: _Process, deadline: float, seconds: float, function: Callable[..., Result], *arguments: object
    ) -> Result:
        began = time.monotonic()
        process.busy_until = began + seconds
        job: Any = process.pool.schedule(function, arguments, timeout=max(deadline - began, 0.1))
        try:
            result: Result = await asyncio.wrap_future(job)
        except (JobTimeoutError, ProcessExpired, asyncio.CancelledError) as error:
            self._renew(process)
            if isinstance(error, JobTimeoutError):
                ran = time.monotonic() - began
                raise TookTooLong(
                    f"stopped after {ran:,.0f} s: take fewer paths, a shorter horizon or fewer layers", ran
                ) from error
            if isinstance(error, ProcessExpired):  # ended from outside, such as for want of memory
                raise Overloaded("the process that computed it was ended: try again, or ask for less", 5.0) from error
            raise
        except BaseException:
            self._give_back(process)
            raise
        self._give_back(process)
        return result

    def _renew(self, process: _Process) -> None:
        """Gives the process back: once the new one in its place is warm where nobody waits, and at once to who does."""

        async def renewed() -> None:
            try:
                if self._warm_up and not self._waiting:
                    await self._warm(process, *self._warm_up)
            finally:
                self._give_back(process)
            await self._load(process)

        task = asyncio.ensure_future(renewed())
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _warm(
        self, process: _Process, seconds: float, function: Callable[..., object], arguments: tuple[object, ...]
    ) -> None:
        process.busy_until = time.monotonic() + seconds
        job: Any = process.pool.schedule(function, arguments, timeout=WARMING_SECONDS)
        with suppress(Exception):
            await asyncio.wrap_future(job)
