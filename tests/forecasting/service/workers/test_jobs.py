"""Answers that take longer than a request may: a link, bounded in number and age, and the same bytes in the end."""

import asyncio
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from features.errors import InputError
from forecasting.record.archive import Channel
from forecasting.service.workers import dispatcher, jobs
from forecasting.service.workers.jobs import Job, Jobs, JobStore
from forecasting.service.workers.pool import DEADLINE, Overloaded
from tests.forecasting.service.in_process import in_process

SMALL = {"model": "salvo_ensemble", "horizon": 7, "paths": 50, "layers": ["interceptor_drone"]}


def job(number: int = 1, **changes: Any) -> Job:
    told = {"kind": "plan", "request": "{}", "channel": Channel.API, "issue": False, "model_version": None}
    return Job(**{"id": f"{number:032x}", "seconds": 5.0, "asked_at": time.time(), **told, **changes})


def age(folder: Path, which: Job, seconds: float) -> None:
    past = time.time() - seconds
    os.utime(folder / f"{which.id}.json", (past, past))


def test_a_store_gives_back_what_is_done_until_it_is_too_old(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs")
    done = job(state="done")
    store.put(done, b"the document")
    assert (store.get(done.id), store.document(done.id)) == (done, b"the document")
    assert (tmp_path / "jobs").stat().st_mode & 0o077 == 0  # a plan holds real stocks
    age(tmp_path / "jobs", done, 23 * 3_600)
    assert store.document(done.id) == b"the document"
    age(tmp_path / "jobs", done, 25 * 3_600)
    assert store.document(done.id) is None
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_job_whose_server_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    store.put(job())
    age(tmp_path, job(), 20)
    assert store.get(job().id) is not None
    store.beat(job().id)
    age(tmp_path, job(), 31)
    assert store.get(job().id) is None


def test_no_more_jobs_are_kept_than_said(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    for number in range(jobs.MOST_KEPT + 5):
        store.put(job(number, state="done"), b"document")
        age(tmp_path, job(number), 1_000 - number)
    store.put(job(1_000, state="done"), b"document")
    assert len(list(tmp_path.glob("*.document"))) == jobs.MOST_KEPT
    assert store.get(job(0).id) is None
    assert store.document(job(1_000).id) == b"document"


class OneAtATime:
    """A pool with room for two jobs."""

    def __init__(self) -> None:
        self.wait, self.admitted = 0.0, 0

    def admit(self, _: float) -> None:
        if self.admitted == 2:
            raise Overloaded("2 requests are waiting already: try again in 3 s", 3.0)
        assert DEADLINE.get() == math.inf  # not that of the request
        self.admitted += 1


def test_the_same_asked_twice_is_one_job_and_too_many_are_refused(tmp_path: Path) -> None:
    made = []

    async def use() -> None:
        wanted, go_on = Jobs(OneAtATime(), JobStore(tmp_path)), asyncio.Event()  # type: ignore[arg-type]

        async def compute(_: object) -> bytes:
            made.append(DEADLINE.get())
            await go_on.wait()
            return b"document"

        DEADLINE.set(time.monotonic() + 0.01)  # that of the request which asks
        asked = await asyncio.gather(*(wanted.begin(job(1), compute) for _ in range(3)))
        assert {each.id for each in asked} == {job(1).id}
        await wanted.begin(job(2), compute)
        with pytest.raises(Overloaded):
            await wanted.begin(job(3), compute)
        assert await wanted.find(job(3).id) is None
        go_on.set()
        while (await wanted.find(job(2).id)).state == "open":  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
        assert (await wanted.begin(job(1), compute)).state == "done"  # nothing is computed anew
        await wanted.close()

    asyncio.run(use())
    assert made == [math.inf, math.inf]


def test_a_failure_is_told_by_the_link_and_may_be_tried_again(tmp_path: Path) -> None:
    tries = []

    async def use() -> None:
        wanted = Jobs(OneAtATime(), JobStore(tmp_path))  # type: ignore[arg-type]

        async def compute(_: object) -> bytes:
            tries.append(1)
            if len(tries) == 1:
                raise InputError("horizon is {given}: expected less", given=9)
            return b"document"

        for state in ("failed", "done"):
            await wanted.begin(job(), compute)
            while (found := await wanted.find(job().id)).state == "open":  # type: ignore[union-attr]
                await asyncio.sleep(0.01)
            assert found is not None
            assert found.state == state
            if state == "failed":
                assert str(found.error) == "horizon is 9: expected less"

    asyncio.run(use())


def test_what_runs_when_the_server_stops_leaves_no_link(tmp_path: Path) -> None:
    async def use() -> None:
        wanted = Jobs(OneAtATime(), JobStore(tmp_path))  # type: ignore[arg-type]

        async def compute(_: object) -> bytes:
            await asyncio.sleep(60)
            return b""

        await wanted.begin(job(), compute)
        await asyncio.sleep(0.05)
        await wanted.close()
        assert await wanted.find(job().id) is None

    asyncio.run(use())


@contextmanager
def reckoned_as_long() -> Iterator[httpx.Client]:
    """A server that takes every plan for one of a minute."""
    with in_process(longest=2.0) as client, patch.object(dispatcher.Pace, "seconds", lambda *_: 60.0):
        yield client


def until_done(client: httpx.Client, link: str) -> httpx.Response:
    for _ in range(600):
        response = client.get(link)
        if response.status_code != 202:
            return response
        time.sleep(0.05)
    raise AssertionError(response.text)


def test_the_link_turns_into_the_document_of_the_direct_answer(work: Path) -> None:
    with in_process() as client:
        direct = client.post("/api/v1/plan?issue=false", json=SMALL)
    with reckoned_as_long() as client:
        later = client.post("/api/v1/plan", json=SMALL)
        assert later.status_code == 202
        link = later.headers["location"]
        assert link == later.json()["link"] == f"/api/v1/jobs/{later.json()['id']}"
        assert 0 <= later.json()["share"] < 1
        made = until_done(client, link)
        assert made.content == direct.content
        issued = client.get(made.headers["content-location"])  # as the direct answer is
        assert issued.content == made.content
        # What is there now is given at once, in every form.
        assert client.post("/api/v1/plan", json=SMALL).content == direct.content
        table = client.get(link, headers={"Accept": "text/csv"})
        assert table.headers["content-type"].startswith("text/csv")
        gone = client.get(f"/api/v1/jobs/{'0' * 32}")
        assert gone.status_code == 404
        assert "send the same request again" in gone.json()["detail"]


def test_changes_since_a_plan_that_take_too_long_are_a_job_too(work: Path) -> None:
    with in_process() as client:
        kept = client.post("/api/v1/plan", json=SMALL | {"origin": "2026-02-26"})
        direct = client.post("/api/v1/plan/changes", json=SMALL).raise_for_status()
    with reckoned_as_long() as client:
        plan, later = (client.post(f"/api/v1/{path}", json=SMALL) for path in ("plan", "plan/changes"))
        assert (later.status_code, later.json()["kind"]) == (202, "changes")
        assert later.headers["location"] != plan.headers["location"]
        assert until_done(client, later.headers["location"]).content == direct.content
        assert client.post("/api/v1/plan/changes?since=0123456789ab", json=SMALL).status_code == 422
    assert direct.json()["id"] in kept.headers["content-location"]


def test_the_page_waits_under_a_link_that_becomes_the_plan(work: Path) -> None:
    query = "days=7&model=salvo_ensemble&paths=50&layer=interceptor_drone&lang=uk"
    with reckoned_as_long() as client:
        sent = client.get(f"/?{query}")
        assert sent.status_code == 303
        link = sent.headers["location"]
        waiting = client.get(link)
        if waiting.status_code == 202:
            assert "<progress" in waiting.text
            assert 'lang="uk"' in waiting.text
        made = until_done(client, link)
        assert (made.status_code, made.headers["location"]) == (303, f"/?{query}")
        gone = client.get(f"/jobs/{'0' * 32}?{query}")
        assert gone.status_code == 410
        assert f'href="/?{query.replace("&", "&amp;")}"' in gone.text


def test_a_full_queue_is_said_at_once(work: Path) -> None:
    with reckoned_as_long() as client, patch.object(jobs.Jobs, "begin", side_effect=Overloaded("full", 3.0)):
        refused = client.post("/api/v1/plan", json=SMALL)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")


def test_what_fits_into_no_memory_becomes_no_job(work: Path) -> None:
    with reckoned_as_long() as client:
        refused = client.post("/api/v1/plan", json={"model": "salvo_ensemble", "paths": 100_000, "horizon": 730})
    assert refused.status_code == 422
    assert "take fewer paths" in refused.json()["detail"]
