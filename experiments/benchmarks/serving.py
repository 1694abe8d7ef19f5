"""How fast a server answers here; `make bench` has three of its rows. Loopback, one server, clients in this process.

The plan: 28 attack days, 2,000 paths, ten layers (the bundled nine and one of them again), another seed each time.
"""

import argparse
import asyncio
import html
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import httpx

SMALL = {"horizon": 7, "paths": 50}
"""The memory of a server is watched over many requests, so that each must be short."""
PORT = re.compile(r"http://\S+:(\d+)/")
_seeds = count(1_000)


def ten_layers() -> dict[str, Any]:
    """A plan of ten layers."""
    text = resources.files("features.bundled").joinpath("defence_ukraine.toml").read_text(encoding="utf-8")
    head, *layers = text.split("[[layer]]")
    again = next(layer for layer in layers if 'id = "short_range_missile"' in layer)
    again = again.replace('id = "short_range_missile"', 'id = "short_range_missile_again"', 1)
    return {"defence": {"toml": "[[layer]]".join([head, again, *layers])}}


@contextmanager
def server(home: str) -> Iterator[tuple[str, int, float]]:
    """The URL of a server, its process id, and the seconds until it was ready."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "forecasting.commands.main", "serve", "--port", "0"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"SALVOCAST_HOME": home},
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    try:
        ready = PORT.search(process.stdout.readline())
        if ready is None:
            raise SystemExit("the server did not start: run `salvocast serve` to see why")
        yield ready[0], process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=120) as made:
        yield made


async def plan(clients: httpx.AsyncClient, request: dict[str, Any]) -> float:
    """Seconds until the plan was there."""
    began = time.perf_counter()
    response = await clients.post("/api/v1/plan", json=request)
    response.raise_for_status()
    return time.perf_counter() - began


async def at_once(url: str, n_clients: int, requests: Sequence[dict[str, Any]]) -> tuple[list[float], float]:
    """The seconds of each of the requests, sent by so many clients, and those of all of them together."""
    waiting = iter(requests)
    seconds: list[float] = []

    async def one_client() -> None:
        async with client(url) as mine:
            for request in waiting:
                seconds.append(await plan(mine, request))

    began = time.perf_counter()
    await asyncio.gather(*(one_client() for _ in range(n_clients)))
    return seconds, time.perf_counter() - began


async def cold_page(url: str) -> float:
    """Seconds until the page and what a browser loads with it at once were there, asked for the first time."""
    began = time.perf_counter()
    async with client(url) as mine:
        page = await mine.get("/")
        page.raise_for_status()
        loaded = {
            html.unescape(found[1])
            for tag in re.findall(r"<(?:link|script|img)\b[^>]*>", page.text)
            if 'loading="lazy"' not in tag and (found := re.search(r'(?:href|src)="([^"]+)"', tag))
        }
        for response in await asyncio.gather(*(mine.get(each) for each in sorted(loaded))):
            response.raise_for_status()
    return time.perf_counter() - began


def memory(leader: int) -> float:
    """Megabytes that the processes of a server hold, each with its share of what they have in common."""
    held = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) == leader:
                held += int(re.findall(r"^Pss:\s+(\d+)", (process / "smaps_rollup").read_text(), re.MULTILINE)[0])
        except (OSError, IndexError):
            continue  # it has just ended
    return held / 1_000


def print_row(name: str, value: str, target: str = "") -> None:
    print(f"{name:<44} {value:>20}   {target}")


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1_000:,.0f} ms"


async def measured(url: str, leader: int, n_requests: int) -> None:
    print_row("page, cold, with all that it loads", milliseconds(await cold_page(url)), "aim: 1,500 ms")
    layers = ten_layers()

    def plan_requests(n: int) -> list[dict[str, Any]]:
        return [layers | {"seed": next(_seeds)} for _ in range(n)]

    await at_once(url, 2, plan_requests(6))
    alone, _ = await at_once(url, 1, plan_requests(60))
    print_row("one client, another seed each time, p50", milliseconds(statistics.median(alone)), "aim: 350 ms")
    print_row("one client, p99", milliseconds(quantile(alone, 0.99)))
    together, seconds = await at_once(url, 8, plan_requests(160))
    print_row("eight clients, plans a second", f"{len(together) / seconds:.1f}", "aim: 5")
    print_row("eight clients, p50", milliseconds(statistics.median(together)))
    print_row("eight clients, p99", milliseconds(quantile(together, 0.99)), "aim: 3,000 ms")
    cached, _ = await at_once(url, 1, [layers | {"seed": 1}] * 200)
    print_row("the same request again, p50", f"{statistics.median(cached[1:]) * 1_000:.1f} ms", "aim: 10 ms")
    print_row("the same request again, p99", f"{quantile(cached[1:], 0.99) * 1_000:.1f} ms")
    # By then every process has met every kind of request, and the caches are about as full as they will be.
    await at_once(url, 8, [SMALL | {"seed": next(_seeds)} for _ in range(n_requests // 10)])
    before = memory(leader)
    await at_once(url, 8, [SMALL | {"seed": next(_seeds)} for _ in range(n_requests)])
    after = memory(leader)
    print_row(f"memory before and after {n_requests:,} small plans", f"{before:,.0f} -> {after:,.0f} MB", "aim: flat")


def quantile(seconds: Sequence[float], level: float) -> float:
    """The empirical quantile: a value that was measured."""
    return sorted(seconds)[min(int(level * len(seconds)), len(seconds) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="small plans over which memory is watched")
    n_requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as home, server(home) as (url, leader, seconds):
        print_row("from the command until it is ready", f"{seconds:.1f} s")
        asyncio.run(measured(url, leader, n_requests))


if __name__ == "__main__":
    main()
