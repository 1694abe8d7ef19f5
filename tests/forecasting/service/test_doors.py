"""Every door gives the same bytes for the same request, by what serves; and none guesses what serves."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from experiments.follow_up import issue_plan
from experiments.retrain_cli import retrain
from features.history import LaunchHistory
from features.ledger import Ledger
from forecasting.answers import local
from forecasting.answers.local import kyiv_today, local_answering, local_context
from forecasting.answers.request import PlanRequest
from forecasting.commands.main import run
from forecasting.record.archive import Archive
from forecasting.registry import Registry
from forecasting.report.document import document_json
from forecasting.salvos.model import fit, load_model
from forecasting.salvos.saved import SavedModel
from tests.forecasting.conftest import Run
from tests.forecasting.service.conftest import Serve, Server, serving

SMALL: dict[str, Any] = {"horizon": 7, "paths": 50}
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def promote(home: Path, name: str, history: LaunchHistory) -> int:
    """Makes a model, fitted to the history, the champion in the embedded registry of a home; returns its version."""
    registry = Registry.open(f"sqlite:///{home / 'mlflow.db'}")
    model = load_model(name)
    place = (home / "mlartifacts").as_uri()
    experiment = registry._client.create_experiment(name, artifact_location=place)
    run = registry._client.create_run(experiment).info.run_id
    made = registry.register(SavedModel.of(model, fit(model, history), history), run_id=run, scores={"wis": 1.5})
    registry.set_champion(made.name, made.version)
    return made.version


@pytest.fixture(scope="module")
def champion_home(
    tmp_path_factory: pytest.TempPathFactory, filled_ledger: Path, bundled_history: LaunchHistory
) -> Iterator[Path]:
    """A home whose champion is two_regime, version 1."""
    home = tmp_path_factory.mktemp("doors") / "home"
    home.mkdir()
    shutil.copy(filled_ledger, home / "ledger.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALVOCAST_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert promote(home, "two_regime", bundled_history) == 1
        yield home


@pytest.fixture(scope="module")
def champion_server(champion_home: Path, filled_ledger: Path) -> Iterator[Server]:
    with serving(champion_home.parent, filled_ledger) as serve:
        yield serve(champion_home.name)


@pytest.fixture
def in_home(champion_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SALVOCAST_HOME", str(champion_home))
    monkeypatch.setattr(local, "kyiv_today", kyiv_today)  # commands and servers of their own have the day that it is
    return champion_home


def command(home: Path, *arguments: str, program: str = "") -> "subprocess.CompletedProcess[bytes]":
    salvocast = [str(Path(sys.executable).parent / "salvocast")]
    environment = os.environ | {"SALVOCAST_HOME": str(home), "OMP_NUM_THREADS": "1"}
    start = [sys.executable, "-c", program] if program else salvocast
    return subprocess.run([*start, *arguments], capture_output=True, check=False, env=environment, timeout=120)


def test_every_door_gives_the_same_bytes_by_what_serves(in_home: Path, champion_server: Server) -> None:
    options = ("--horizon", "7", "--paths", "50", "--format", "json")
    printed = command(in_home, "plan", *options, "--issue")
    assert printed.returncode == 0, printed.stderr
    told = json.loads(printed.stdout)["forecast"]
    assert told["model_id"] == "two_regime"
    assert told["model_choice"] == {"reason": "champion", "version": 1}
    assert command(in_home, "plan", *options, "--model", "champion").stdout == printed.stdout
    with champion_server.client() as client:
        answered = client.post("/api/v1/plan", json=SMALL)
        assert answered.content == printed.stdout
        assert client.get("/plan.json?days=7&paths=50").content == printed.stdout
    request = PlanRequest(**SMALL)
    with Ledger.open(f"sqlite:///{in_home / 'ledger.db'}") as ledger:
        assert document_json(local_answering(ledger).document(request, local_context(request))) == printed.stdout
    with Archive.open(f"sqlite:///{in_home / 'ledger.db'}") as archive:
        (kept,) = [each for each in archive.list() if each.horizon == 7]
        assert archive.get(kept.id).document == printed.stdout
        assert (kept.model_version, kept.request) == (1, request.canonical)
    table = command(in_home, "forecast", "--horizon", "7", "--paths", "50").stdout.decode()
    assert "model two_regime (champion, version 1)" in table


def test_the_schedule_issues_what_the_other_doors_answer(in_home: Path, champion_server: Server) -> None:
    with (
        Ledger.open(f"sqlite:///{in_home / 'ledger.db'}") as ledger,
        Archive.open(f"sqlite:///{in_home / 'ledger.db'}") as archive,
    ):
        issued = archive.get(issue_plan(ledger, archive, "ukraine", "shahed", NOW))
    assert (issued.model_id, issued.model_version) == ("two_regime", 1)
    with champion_server.client() as client:
        assert client.post("/api/v1/plan?issue=false", json={}).content == issued.document


TELLS_OF_MLFLOW = """
import sys
from forecasting.commands.main import app, run
code = run(app, sys.argv[1:])
print("mlflow" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


def test_mlflow_is_loaded_only_where_the_registry_has_to_be_asked(
    tmp_path: Path, filled_ledger: Path, bundled_history: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(filled_ledger, home / "ledger.db")
    monkeypatch.setenv("SALVOCAST_HOME", str(home))
    promote(home, "two_regime", bundled_history)
    old = datetime(2026, 1, 1).timestamp()

    def forecast() -> tuple[str, str]:
        os.utime(home / "mlflow.db", (old, old))  # it was not written to just now
        done = command(home, "forecast", "--horizon", "2", "--paths", "9", "--format", "json", program=TELLS_OF_MLFLOW)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["model_id"], done.stderr.decode().splitlines()[-1]  # after the age of the record

    assert forecast() == ("two_regime", "True")
    assert forecast() == ("two_regime", "False")
    old += 1
    promote(home, "log_normal", bundled_history)
    assert forecast() == ("log_normal", "True")
    (home / "mlflow.db").unlink()
    done = command(home, "plan", "--help", program=TELLS_OF_MLFLOW)
    assert done.stderr.decode().strip() == "False"


def test_a_command_that_cannot_ask_the_registry_answers_by_no_guess(home: Path, filled_ledger: Path) -> None:
    home.mkdir()
    shutil.copy(filled_ledger, home / "ledger.db")
    (home / "mlflow.db").write_bytes(b"no database" * 100)
    done = command(home, "forecast", "--horizon", "2", "--paths", "9", "--issue")
    assert (done.returncode, done.stdout) == (1, b"")
    assert "name a model" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert command(home, "forecast", "--horizon", "2", "--paths", "9", "--model", "two_regime").returncode == 0
    with Archive.open(f"sqlite:///{home / 'ledger.db'}") as archive:
        assert archive.list() == []


def test_a_server_that_has_not_reached_the_registry_says_so_and_archives_nothing(
    serve: Serve, tmp_path: Path, filled_ledger: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(filled_ledger, home / "ledger.db")
    (home / "mlflow.db").write_bytes(b"no database" * 100)
    server = serve("home", poll_seconds=0.3)

    def asked(client: httpx.Client, **more: str) -> httpx.Response:
        return client.post("/api/v1/plan", json={**SMALL, **more})

    with server.client() as client:
        refused = asked(client)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "which model serves shahed in ukraine is not known yet" in refused.json()["detail"]
        assert client.get("/?days=7&paths=50").status_code == 503
        assert client.get("/api/v1/models").json()["answers"] is None
        with Archive.open(f"sqlite:///{home / 'ledger.db'}") as archive:
            assert archive.list() == []
        named = asked(client, model="salvo_ensemble")
        assert named.json()["forecast"]["model_choice"] == {"reason": "named", "version": None}
        (home / "mlflow.db").unlink()  # there was never a registry
        answered = next(each for each in (asked(client) for _ in range(50)) if each.status_code == 200)
        assert answered.json()["forecast"]["model_choice"] == {"reason": "none_registered", "version": None}


def test_a_plan_is_made_by_the_model_that_the_settings_put_first(
    salvocast: Run, home: Path, empty_store: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    shutil.copy(empty_store, home / "mlflow.db")
    (home / "counts.csv").write_text("date,UAVs\n", encoding="utf-8")
    (home / "settings.toml").write_text(
        '[[source]]\nkind = "table"\npath = "counts.csv"\nmap = {launched = "UAVs"}\n'
        '[retrain]\nfirst_champion = "two_regime"\nchallengers = []\n',
        encoding="utf-8",
    )
    plan = ("plan", "--paths", "200", "--format", "json")
    before = salvocast(*plan)
    assert before.returncode == 0, before.stderr
    assert json.loads(before.stdout)["forecast"]["model_choice"] == {"reason": "none_registered", "version": None}
    app = typer.Typer()
    app.command()(retrain)
    assert run(app, []) == 0
    trained = capfdbinary.readouterr().out
    assert trained.startswith(b"first champion: two_regime serves as salvocast-ukraine-shahed version 1, ")
    done = salvocast(*plan)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["forecast"]
    assert made["model_id"] == "two_regime"
    assert made["model_choice"] == {"reason": "champion", "version": 1}
    assert made["days"] != json.loads(before.stdout)["forecast"]["days"]
