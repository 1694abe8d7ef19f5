"""Where many independent tasks run: in processes of this machine, or on a Dask cluster. The numbers are the same.

Only the parent process logs to MLflow and writes to the ledger; a task takes values and returns values.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import islice
from multiprocessing import parent_process
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self, TypeVar

from features.complaints import complain
from features.errors import InputError, SalvocastError
from features.release import code_version

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

    from distributed import Client

LOCAL = "local"
DASK = "dask://"
CONNECT_SECONDS = 10.0
CHECK_SECONDS = 30.0
RETRIES = 3
"""How often a task is given to another worker after its own one died."""
AHEAD = 4
"""Tasks sent for each process or thread of the workers: the next one is there when one is done."""
PRELOADED = "experiments.preloaded"
"""What the processes of this machine want; by its name, as loading it takes seconds."""
DRAWING = "experiments.pictures"
"""What one of them wants that only draws."""
PROBES = 50

Result = TypeVar("Result")


@dataclass(frozen=True)
class Engine:
    """jobs: processes at a time on this machine. scheduler: host:port of a Dask scheduler, whose workers then do the
    work; None: this machine."""

    jobs: int = 1
    scheduler: str | None = None

    @classmethod
    def from_name(cls, name: str, jobs: int = 1) -> Self:
        """`local` or `dask://HOST:PORT`. Raises InputError for any other name, and for less than one process."""
        if jobs < 1:
            raise InputError(f"--jobs is {jobs}: expected 1 or more processes")
        if name == LOCAL:
            return cls(jobs)
        host, _, port = name.removeprefix(DASK).rpartition(":")
        if not name.startswith(DASK) or not host or not port.isdecimal():
            raise InputError(f"--engine {name}: expected {LOCAL} or {DASK}HOST:PORT")
        if jobs != 1:
            raise InputError(f"--jobs {jobs}: a Dask cluster has the workers that it has; leave out --jobs")
        return cls(1, f"{host}:{port}")

    def run(self, function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """function(*task) for each task, in the order in which they are done. What a task raises is raised here; tasks
        are made as they are needed.

        On a cluster, a task whose worker dies is given to another one, and the loss is told at the end. Raises
        SalvocastError where no scheduler answers, it has no workers, it or a worker has other code, or a process of
        this machine is ended from outside.
        """
        if self.scheduler is None:
            yield from self._run_here(function, iter(tasks))
            return
        from distributed import KilledWorker, as_completed

        with _cluster(self.scheduler) as client:
            at_work = set(client.nthreads())
            submitted = (client.submit(function, *task, pure=False, retries=RETRIES) for task in tasks)
            # A million tasks with their histories would not fit into the scheduler's memory at once.
            sent = as_completed(islice(submitted, AHEAD * sum(client.nthreads().values())), loop=client.loop)
            try:
                for future in sent:
                    yield future.result()
                    future.release()
                    sent.update(islice(submitted, 1))
                if lost := sorted(at_work - set(client.nthreads())):
                    complain(
                        f"{len(lost)} of the {len(at_work)} workers of {self.scheduler} were lost ({', '.join(lost)}): "
                        "their tasks were done by others, and nothing is missing; see their logs, memory above all"
                    )
            except KilledWorker as error:
                raise SalvocastError(
                    f"the workers of {self.scheduler} died {RETRIES + 1} times at the same task: see their logs, "
                    "memory above all; what was finished is kept"
                ) from error

    def begin(self, *, with_one_beside: bool = False) -> None:
        """Lets the processes load what they need while this one does something else. with_one_beside: see `beside`."""
        if self.jobs > 1:
            _context()
        elif with_one_beside:
            _context(DRAWING)

    def at_a_time(self, n_models: int, n_origins: int) -> int:
        """How many models of an origin are one task: all of them, where others do the work and have origins enough to
        share. They are then sent a history once, and what its models learn alike is learned once. Else one, so that
        none waits for the last of them, and what is finished is told at once."""
        apart = self.scheduler is not None or self.jobs > 1
        return n_models if apart and n_origins >= AHEAD * self.jobs else 1

    def _run_here(self, function: Callable[..., Result], tasks: Iterator[tuple[Any, ...]]) -> Iterator[Result]:
        if self.jobs == 1:
            from threadpoolctl import threadpool_limits

            with threadpool_limits(1):  # as in every process of several, where the last digits are then the same
                yield from (function(*task) for task in tasks)
            return
        from cloudpickle import dumps  # models of a notebook are in no module that a process could load

        pool = ProcessPoolExecutor(self.jobs, mp_context=_context(), initializer=_begin_process)
        try:
            sent = (pool.submit(_run_sent, dumps((function, task))) for task in tasks)
            running = set(islice(sent, AHEAD * self.jobs))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                running.update(islice(sent, len(done)))
        except BrokenProcessPool as error:
            raise SalvocastError(
                "a process of --jobs was ended from outside, such as for want of memory: ask for fewer; what was "
                "finished is kept"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)

    def overhead(self) -> float:
        """Seconds that one more empty task takes: the least that is worth sending. Without the start, which is once."""

        def seconds(n_tasks: int) -> float:
            started = perf_counter()
            for _ in self.run(_empty_task, [()] * n_tasks):
                pass
            return perf_counter() - started

        seconds(PROBES)  # the processes start, and import what they need
        return max(seconds(5 * PROBES) - seconds(PROBES), 0.0) / (4 * PROBES)


@contextmanager
def beside() -> Iterator[Callable[..., Callable[[], Any]]]:
    """One more process of this machine, for what can be done while this one goes on.

    Gives a function that takes what is to be done, as `Engine.run` does, and returns what gives its result. A result
    that is asked for before anybody has begun with it is made here, and so is one whose process was ended from outside:
    nothing is waited for that need not be, and nothing is lost.
    """
    from cloudpickle import dumps

    pool = ProcessPoolExecutor(1, mp_context=_context(DRAWING), initializer=_begin_process)

    def begin(function: Callable[..., Result], *given: Any) -> Callable[[], Result]:
        try:
            future = pool.submit(_run_sent, dumps((function, given)))
        except BrokenProcessPool:
            return partial(function, *given)

        def result() -> Result:
            with suppress(BrokenProcessPool):
                if not future.cancel():
                    done: Result = future.result()
                    return done
            return function(*given)

        return result

    failed = True
    try:
        yield begin
        failed = False
    finally:
        pool.shutdown(wait=False, cancel_futures=failed)


def _context(loaded: str = PRELOADED) -> "ForkServerContext":
    """From which processes are forked; what was asked for first is what they find loaded."""
    from forecasting.service.workers.pool import load_ahead

    return load_ahead([loaded])


def _begin_process() -> None:
    """An interrupt is for the process that asked, and where that is gone nobody waits for this one."""
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)  # they share the cores, and sums of several threads have other last digits

    def end_with_parent() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _run_sent(sent: bytes) -> Any:
    from cloudpickle import loads

    function, task = loads(sent)
    return function(*task)


def _empty_task() -> None:
    """The empty task."""


@contextmanager
def _cluster(scheduler: str) -> "Iterator[Client]":
    """A client of the scheduler, after a check, with a time-out, that it and every worker can run our tasks."""
    try:
        from distributed import Client
    except ImportError as error:
        raise SalvocastError("distributed is not installed: install salvocast[dask], or use --engine local") from error
    try:
        client = Client(f"tcp://{scheduler}", timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SalvocastError(
            f"no Dask scheduler answers at {scheduler} within {CONNECT_SECONDS:.0f} s: start it, or use --engine local"
        ) from error
    try:
        _check(client, scheduler)
        yield client
    finally:
        client.close(timeout=2)


def _check(client: "Client", scheduler: str) -> None:
    """Raises SalvocastError where the scheduler or a worker has no salvocast, or another one: its tasks would hang."""
    if not client.scheduler_info()["workers"]:
        raise SalvocastError(f"the Dask scheduler {scheduler} has no workers: start some, or use --engine local")
    # First what needs none of our code, then the code itself.
    probes: list[tuple[str, Callable[..., Any], tuple[str, ...]]] = [
        ("release", version, ("salvocast",)),
        ("NumPy", version, ("numpy",)),
        ("code", code_version, ()),
    ]
    for what, probe, arguments in probes:
        ours = probe(*arguments)
        for where, theirs in _probe_workers(client, scheduler, probe, arguments).items():
            if isinstance(theirs, BaseException):
                raise SalvocastError(
                    f"{where} of {scheduler} cannot import salvocast ({type(theirs).__name__}): install the same "
                    "release there, or use --engine local"
                )
            if theirs != ours:
                raise SalvocastError(
                    f"{where} of {scheduler} has {what} {str(theirs)[:12]}, here it is {str(ours)[:12]}: install the "
                    "same release there, or use --engine local"
                )


def _probe_workers(
    client: "Client", scheduler: str, probe: Callable[..., Any], arguments: tuple[str, ...]
) -> dict[str, str | BaseException]:
    """What the scheduler and each worker answer, or why they cannot."""

    def ask() -> dict[str, Any]:
        try:
            answers = {"the scheduler": client.run_on_scheduler(probe, *arguments)}
        except Exception as error:  # noqa: BLE001 - it raises there whatever importing raises
            answers = {"the scheduler": error}
        by_worker = client.run(probe, *arguments, on_error="return")
        return answers | {f"worker {worker}": answer for worker, answer in by_worker.items()}

    waiting = ThreadPoolExecutor(1)
    try:
        return waiting.submit(ask).result(CHECK_SECONDS)
    except TimeoutError as error:
        raise SalvocastError(
            f"the Dask cluster {scheduler} did not answer within {CHECK_SECONDS:.0f} s whether it can import "
            "salvocast: see its logs, or use --engine local"
        ) from error
    finally:
        waiting.shutdown(wait=False)
