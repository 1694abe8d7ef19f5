"""What changes while a server runs: reports, champions, load, clients that go, signals, workers that end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.history import LaunchHistory
from features.ledger import Ledger
from features.sources.table import read_table
from forecasting.registry import Registry
from forecasting.salvos.model import fit, load_model
from forecasting.salvos.saved import SavedModel
from tests.forecasting.service.conftest import Serve

SMALL: dict[str, Any] = {"horizon": 7, "paths": 50}
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def until(happens: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `happens` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (given := happens()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return given


def add_day(home: Path, folder: Path, launched: int) -> None:
    """What another process, such as `salvocast ingest`, adds to the ledger of a home."""
    file = folder / "counts.csv"
    file.write_text(f"date,launched,shot_down\n2026-03-01,{launched},{launched // 2}\n", encoding="utf-8")
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        ledger.ingest(read_table(file), NOW)


def test_a_report_from_elsewhere_shows_in_the_next_answer(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    with server.client() as client:
        before = client.post("/api/v1/forecast", json=SMALL).json()
        pinned = client.post("/api/v1/forecast", json={**SMALL, "origin": "2026-02-28"}).content
        add_day(server.home, tmp_path, 900)
        after = client.post("/api/v1/forecast", json=SMALL).json()
        assert (before["origin"], after["origin"]) == ("2026-02-28", "2026-03-01")
        assert client.post("/api/v1/forecast", json={**SMALL, "origin": "2026-02-28"}).content == pinned
        series = client.get("/api/v1/data").json()["series"]
        drones = next(each for each in series if each["weapon_class"] == "shahed")
        assert drones["last_attack_day"] == "2026-03-01"


def test_reports_are_taken_where_the_server_accepts_them(serve: Serve) -> None:
    with serve(accept_reports=True).client() as client:
        rows = [{"date": "2026-03-01", "launched": 120, "shot_down": 100}, {"date": "yesterday", "launched": 4}]
        told = client.post("/api/v1/reports", json={"rows": rows}).json()
        assert (told["added"], told["quarantined"]) == (1, 1)
        assert "yesterday" in told["first_rejection"]
        assert client.post("/api/v1/forecast", json=SMALL).json()["origin"] == "2026-03-01"
        again = client.post("/api/v1/reports", json={"rows": rows}).json()
        assert (again["added"], again["version"]) == (0, told["version"])
        bulletin = (
            "У ніч на 2 березня (з 18:00 1 березня) противник атакував 143 ударними БпЛА типу Shahed. "
            "Станом на 08:00 протиповітряною обороною збито/подавлено 120 ворожих БпЛА."
        )
        told = client.post(
            "/api/v1/reports", json={"bulletin": bulletin, "received": "2026-03-02T09:00:00+02:00"}
        ).json()
        assert told["added"] == 1, told
        assert client.post("/api/v1/forecast", json=SMALL).json()["origin"] == "2026-03-02"
        posts = [{"id": 1, "date": "2026-03-03T01:00:00", "text": "5 БпЛА курсом на захід."}]
        told = client.post("/api/v1/reports", json={"bulletin": json.dumps({"messages": posts})}).json()
        assert (told["passed_over"], told["notes"]) == ({"not a report": 1}, [])
        two_at_once = {"bulletin": "x", "rows": [{"launched": 1}]}
        timed = [{"bulletin": bulletin, "received": each} for each in (-6.0, "6", True, "2026-03-02T09:00:00")]
        for wrong in ({}, {"rows": []}, {"rows": [{"launched": 4}]}, two_at_once, *timed):
            assert client.post("/api/v1/reports", json=wrong).status_code == 422


def promote(home: Path, name: str, history: LaunchHistory, run: str) -> int:
    """Registers a model, fitted to the history, in the embedded registry of a home and makes it champion."""
    registry = Registry.open(f"sqlite:///{home / 'mlflow.db'}")
    model = load_model(name)
    version = registry.register(SavedModel.of(model, fit(model, history), history), run_id=run, scores={"wis": 1.5})
    registry.set_champion(version.name, version.version)
    return version.version


def test_a_new_champion_answers_without_a_restart_and_stays_while_the_registry_is_away(
    serve: Serve, bundled_history: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(poll_seconds=0.3)
    with server.client() as client:

        def answering() -> str:
            return str(client.post("/api/v1/forecast", json=SMALL).json()["model_id"])

        assert answering() == "salvo_ensemble"
        monkeypatch.setenv("SALVOCAST_HOME", str(server.home))
        client_of_mlflow = Registry.open(f"sqlite:///{server.home / 'mlflow.db'}")._client
        place = (server.home / "mlartifacts").as_uri()
        run = client_of_mlflow.create_run(client_of_mlflow.create_experiment("x", artifact_location=place)).info.run_id
        promote(server.home, "two_regime", bundled_history, run)
        until(lambda: answering() == "two_regime")
        told = client.get("/api/v1/models").json()["champion"]
        assert (told["version"], told["model_id"], told["trained_through"]) == (1, "two_regime", "2026-02-28")
        assert (told["weapon_class"], told["age_days"] < 1) == ("shahed", True)
        assert client.get("/api/v1/models?weapon_class=cruise").json()["champion"] is None
        named = client.post("/api/v1/forecast", json={**SMALL, "model": "two_regime"})
        served = client.post("/api/v1/forecast", json=SMALL).json()
        assert served.pop("model_choice") == {"reason": "champion", "version": 1}
        assert served == {name: value for name, value in named.json().items() if name != "model_choice"}
        promote(server.home, "log_normal", bundled_history, run)
        until(lambda: answering() == "log_normal")
        (server.home / "mlflow.db").write_bytes(b"no database any more" * 100)
        until(lambda: client.get("/api/v1/models").json()["problem"])
        assert answering() == "log_normal"
    server.stop()
    with serve(poll_seconds=0.3).client() as client:
        assert answering() == "log_normal"


def test_two_workers_give_the_same_bytes(serve: Serve, tmp_path: Path) -> None:
    server = serve(workers=2)
    requests = [{**SMALL, "seed": seed} for seed in range(3)]

    def asked(request: dict[str, Any]) -> tuple[str, bytes]:
        with server.client() as client:  # a connection of its own: any worker may take it
            return json.dumps(request), client.post("/api/v1/plan?issue=false", json=request).content

    with ThreadPoolExecutor(8) as threads:
        before = set(threads.map(asked, requests * 8))
        add_day(server.home, tmp_path, 900)
        after = set(threads.map(asked, requests * 8))
    assert (len(before), len(after)) == (3, 3)
    assert not before & after
    with server.client() as client:
        counted = [line for line in client.get("/metrics").text.splitlines() if 'route="/api/v1/plan"' in line]
        total = next(line for line in counted if line.startswith("salvocast_requests_total"))
        assert float(total.split()[-1]) == 48  # of both workers together


def test_overload_is_refused_at_once_and_the_server_recovers(serve: Serve) -> None:
    server = serve(most_waiting=2)
    statuses: list[int] = []

    def asked(seed: int) -> tuple[int, float, str | None]:
        with server.client() as client:
            began = time.monotonic()
            response = client.post("/api/v1/plan?issue=false", json={"seed": seed, "paths": 4_000})
            return response.status_code, time.monotonic() - began, response.headers.get("retry-after")

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(asked, range(12)))
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 3  # one that computes, two that wait
    refused = [(seconds, after) for status, seconds, after in answers if status == 503]
    assert all(after is not None and int(after) >= 1 for _, after in refused)
    # Long before the last of those that wait has its turn.
    assert max(seconds for seconds, _ in refused) < max(seconds for status, seconds, _ in answers if status == 200)
    assert asked(99)[0] == 200


def test_a_request_that_takes_too_long_becomes_a_job_and_the_next_works(serve: Serve) -> None:
    server = serve(longest=1.5)
    with server.client() as client:
        slow = client.post("/api/v1/plan", json={"paths": 5_000, "horizon": 90})
        assert slow.status_code == 202, slow.text
        # Layers are counted however they are written.
        layer = "{id = 'l%d', name = 'a', engaged_share = R, kill_probability = R, engagements_per_night = N}"
        number = (
            "{low = 0.1, mode = 0.2, high = 0.3, basis = 'assumed', sources = [], date = 2026-01-01, confidence = 'D'}"
        )
        often = number.replace("0.1", "10").replace("0.2", "20").replace("0.3", "30")
        layers = ", ".join((layer % index).replace("R", number).replace("N", often) for index in range(40))
        text = (
            f"layer = [{layers}]\n[defence]\nname = 'x'\ntitle = 'X'\ntheatre = 'ukraine'\nas_of = 2026-01-01\n"
            "about = ''\n"
        )
        # What it takes to calibrate them is not reckoned: it begins, is stopped, and begins again as a job.
        began = time.monotonic()
        stopped = client.post("/api/v1/plan", json={"defence": {"toml": text}, "paths": 50})
        assert stopped.status_code == 202, stopped.text
        assert stopped.headers["location"] != slow.headers["location"]
        assert time.monotonic() - began >= 1.0
        # A new process learns first: until then there is too much to do, which is said at once. On a busy machine even
        # a small plan takes longer than this server lets it, and becomes a job.
        answers = (client.post("/api/v1/plan", json=SMALL).status_code for _ in range(100))
        assert next(status for status in answers if status != 503 and not time.sleep(0.3)) in (200, 202)
        made = {}
        until(lambda: made.update(now=client.get(slow.headers["location"])) or made["now"].status_code != 202, 400)
        assert made["now"].status_code == 200, made["now"].text
        assert len(made["now"].json()["forecast"]["days"]) == 90
        kept = client.get(made["now"].headers["content-location"])
        assert kept.content == made["now"].content


def test_a_client_that_goes_takes_its_job_with_it(serve: Serve) -> None:
    server = serve()
    big = {"paths": 50_000, "horizon": 40}
    with server.client() as client:

        def busy() -> float:
            lines = client.get("/metrics").text.splitlines()
            return sum(float(line.split()[-1]) for line in lines if line.startswith("salvocast_processes_busy"))

        with ThreadPoolExecutor(1) as thread:
            asking = thread.submit(httpx.post, f"{server.url}/api/v1/plan", json=big, timeout=3)
            until(lambda: busy() == 1, seconds=3)
            with pytest.raises(httpx.ReadTimeout):
                asking.result()
        until(lambda: busy() == 0)
        assert '"status": 408' in server.log
        assert client.post("/api/v1/plan", json=SMALL).status_code == 200


def test_identical_requests_at_once_are_computed_once(serve: Serve) -> None:
    server = serve()
    with ThreadPoolExecutor(8) as threads, server.client() as client:
        request = {"seed": 5}
        bodies = set(threads.map(lambda _: client.post("/api/v1/plan", json=request).content, range(8)))
        assert len(bodies) == 1
        text = client.get("/metrics").text
    assert 'salvocast_answers_total{how="computed"} 1.0' in text


def test_it_stops_gracefully_and_leaves_nothing_behind(serve: Serve) -> None:
    server = serve()
    answers: list[int] = []

    def ask() -> None:
        with server.client() as client:
            answers.append(client.post("/api/v1/plan", json={"paths": 20_000}).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    assert server.stop() == 0
    asking.join()
    assert answers == [200]  # what was asked before is still answered
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz")
    until(lambda: not group_lives(server.process.pid), seconds=10)


def group_lives(leader: int) -> bool:
    """Whether any process of a server's session is left."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_that_is_killed_is_replaced(serve: Serve) -> None:
    server = serve(workers=2)
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("no /proc here that tells the children of a process")
    worker = next(
        int(child)
        for child in children.read_text().split()
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    os.kill(worker, signal.SIGKILL)

    def answers() -> bool:
        try:
            with server.client() as client:
                return client.post("/api/v1/forecast", json=SMALL).status_code == 200
        except httpx.TransportError:
            return False

    until(lambda: all(answers() for _ in range(4)))


@pytest.mark.slow
def test_the_command_serves_and_refuses(home: Path, filled_ledger: Path) -> None:
    home.mkdir()
    shutil.copy(filled_ledger, home / "ledger.db")
    program = (
        "import sys, typer; from forecasting.commands.main import run; from forecasting.commands.serve import serve; "
        "app = typer.Typer(); app.command()(serve); sys.exit(run(app, sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program]
    refused = subprocess.run([*command, "--host", "0.0.0.0"], capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 2
    assert refused.stderr.startswith("salvocast: --host 0.0.0.0 can be reached from elsewhere: set SALVOCAST_TOKENS")
    assert len(refused.stderr.splitlines()) == 1
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert httpx.get(f"{url}healthz").status_code == 200
        process.send_signal(signal.SIGINT)
        rest, log = process.communicate(timeout=60)
    assert rest == ""
    assert "Traceback" not in log
    assert process.returncode == 0
