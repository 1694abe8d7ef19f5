"""A Dask cluster of this machine, for tests."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process whose output can be waited for; all are ended by their own process id."""
    running: list[subprocess.Popen[bytes]] = []

    def started(program: str, *options: str, says: str, path: Path) -> "subprocess.Popen[bytes]":
        log = tmp_path / f"{program}.{len(running)}.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *options],
                stderr=errors,
                stdout=errors,
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(path)},
            )
        running.append(process)
        while says not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        return process

    yield started
    for process in reversed(running):
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(start: Start, free_port: int) -> str:
    """The address of a scheduler without workers."""
    return scheduler_at(start, free_port, ROOT)


def scheduler_at(start: Start, port: int, path: Path) -> str:
    """Starts a scheduler there, which imports from `path` first."""
    options = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    start("dask_scheduler", *options, says="Scheduler at:", path=path)
    return f"127.0.0.1:{port}"


def worker(start: Start, scheduler: str, path: Path = ROOT) -> "subprocess.Popen[bytes]":
    """A worker of one thread that has joined."""
    options = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
    return start("dask_worker", f"tcp://{scheduler}", *options, says="Registered to:", path=path)
