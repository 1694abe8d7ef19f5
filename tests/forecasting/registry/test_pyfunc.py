"""A version as MLflow loads and serves it: without pickle, without Salvocast, with the numbers of the command."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

import forecasting
from features.errors import SalvocastError
from features.ledger import Ledger
from forecasting.registry import (
    CHAMPION,
    RegisteredModel,
    Registry,
)
from forecasting.salvos.model import SimulationRequest, fit, load_model
from forecasting.salvos.saved import FILES, SavedModel
from tests.forecasting.registry.conftest import (
    NAME,
    SERIES,
    SavedOf,
    in_registry,
    paths,
    retrained,
)


@pytest.fixture
def champion(salvocast: Any, registry: Registry, run_id: str, home: Path) -> RegisteredModel:
    """The champion of the bundled reports, the model that `salvocast forecast` takes by itself."""
    with Ledger.open(f"sqlite:///{home / 'ledger.db'}") as ledger:
        history = ledger.history()
    model = load_model("salvo_ensemble")
    made = registry.register(SavedModel.of(model, fit(model, history), history), run_id=run_id, scores={})
    registry.set_champion(made.name, made.version)
    found = registry.champion(*SERIES)
    assert found is not None
    return found


def quantiles_told(salvocast: Any, horizon: int, n_paths: int, seed: int) -> dict[tuple[str, float], float]:
    """(attack day, level) -> drones, from the JSON of `salvocast forecast`."""
    options = ["--horizon", horizon, "--paths", n_paths, "--seed", seed, "--format", "json"]
    done = salvocast("forecast", *map(str, options))
    assert done.returncode == 0, done.stderr
    told = {}
    for day in json.loads(done.stdout)["days"]:
        told[day["attack_day"], 0.5] = day["drones"]["median"]
        for interval in day["drones"]["intervals"]:
            told[day["attack_day"], round((1 - interval["level"]) / 2, 6)] = interval["low"]
            told[day["attack_day"], round((1 + interval["level"]) / 2, 6)] = interval["high"]
    return told


ELSEWHERE = """
import sys, json
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path = [entry for entry in sys.path if entry and "editable" not in entry]
try:
    import forecasting
except ImportError:
    pass
else:
    sys.exit("salvocast can be imported")
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/salvocast-ukraine-shahed@champion")
import forecasting.salvos.saved
answer = model.predict(pandas.DataFrame({"horizon": [9, 3], "paths": [300, 500], "seed": [4, 1]}))
default = model.predict(pandas.DataFrame({"horizon": [2]}))
refused = ""
try:
    model.predict(pandas.DataFrame({"horizon": [731]}))
except mlflow.exceptions.MlflowException as error:
    refused = f"{error.error_code} {error}"
print(json.dumps([forecasting.salvos.saved.__file__, refused, answer.to_dict("list"), default.to_dict("list")]))
"""


def by_day(answer: Any, request: int = 0) -> dict[tuple[str, float], float]:
    """(attack day, level) -> drones, of one request of an answer of the pyfunc (columns or rows)."""
    rows = pd.DataFrame(answer)
    rows = rows[rows["request"] == request]
    return {
        (day, level): drones
        for day, level, drones in zip(rows["attack_day"], rows["level"], rows["drones"], strict=True)
    }


def test_it_loads_where_salvocast_is_not_installed_and_gives_the_numbers_of_the_command(
    salvocast: Any, registry: Registry, champion: RegisteredModel, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, registry.uri],
        env={**os.environ, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code, refused, answer, default = json.loads(done.stdout.splitlines()[-1])
    assert not code.startswith(str(Path(forecasting.__file__).parents[1]))
    assert by_day(answer, 0) == quantiles_told(salvocast, 9, 300, 4)
    second = registry.load(champion).forecast(SimulationRequest(3, 500), 1)
    medians = np.quantile(second.paths, 0.5, axis=0, method="inverted_cdf")
    assert [by_day(answer, 1)[day.isoformat(), 0.5] for day in second.days] == medians.tolist()
    assert by_day(default) == quantiles_told(salvocast, 2, 2_000, 1)
    assert answer["horizon"][::7][:9] == list(range(1, 10))
    assert refused.startswith("INVALID_PARAMETER_VALUE horizon is 731: expected 1 to 730 attack days")


def test_a_version_holds_no_pickle_and_names_what_it_needs(
    registry: Registry, champion: RegisteredModel, home: Path
) -> None:
    from mlflow.models import get_model_info

    folder = in_registry(home)[0].parents[1]
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {f"artifacts/saved/{name}" for name in FILES} < kept
    endings = {Path(name).suffix for name in kept}
    assert endings == {".py", ".json", ".npz", ".txt", ".yaml", ""}
    assert not [name for name in kept if name.endswith("registry.py") or "bundled" in name]
    requirements = (folder / "requirements.txt").read_text().split()
    assert [line.partition("==")[0] for line in requirements] == ["mlflow", "numpy", "pandas", "pydantic"]
    assert all(line.partition("==")[2] for line in requirements)
    signature = get_model_info(str(folder)).signature
    assert {column.name: column.required for column in signature.inputs} == {
        "horizon": True,
        "paths": False,
        "seed": False,
    }
    assert signature.outputs.input_names() == ["request", "attack_day", "horizon", "level", "drones"]
    assert "input_example.json" in kept


@contextmanager
def mlflow(log: Path, address: str, *arguments: str, **environment: str) -> Iterator[None]:
    """The `mlflow` command as a server, once it answers at the address; stopped at the end."""
    beside = Path(sys.executable).parent
    with log.open("wb") as written:
        process = subprocess.Popen(
            [str(beside / "mlflow"), *arguments],
            env={
                **os.environ,
                "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                **environment,
            },
            cwd=log.parent,
            stdout=written,
            stderr=written,
        )
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            try:
                if httpx.get(address).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(120)


@pytest.mark.slow
def test_the_champion_is_served_by_one_command_whatever_is_on_the_path(
    salvocast: Any, champion: RegisteredModel, tmp_path: Path
) -> None:
    """`mlflow models serve` starts uvicorn by a shell, which fails with code 127 where it is not on the PATH."""
    command = [str(Path(sys.executable).parent / "salvocast"), "champion", "serve", "--port", "0"]
    environment = os.environ | {"PATH": "/usr/bin:/bin"}
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            told, example = process.stdout.readline(), process.stdout.readline()
            assert told.startswith(f"{NAME} version 1, {champion.model_id}, answers at http://127.0.0.1:"), (
                tmp_path / "log"
            ).read_text()
            address = example.split()[-1]
            for _ in range(600):
                try:
                    assert httpx.get(address.replace("invocations", "ping")).status_code == 200
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            asked = {"dataframe_records": [{"horizon": 28, "paths": 700, "seed": 5}]}
            answer = httpx.post(address, json=asked, timeout=60)
            assert by_day(answer.json()["predictions"]) == quantiles_told(salvocast, 28, 700, 5)
            wrong = httpx.post(address, json={"dataframe_records": [{"horizon": 0}]}, timeout=60)
            assert wrong.status_code == 400
            assert "horizon is 0: expected 1 to 730" in wrong.text
            port = address.split(":")[2].split("/")[0]
            taken = subprocess.run([*command[:-1], port], capture_output=True, text=True, check=False, timeout=200)
            assert taken.returncode == 1
            assert taken.stderr.startswith(f"salvocast: cannot listen at 127.0.0.1 port {port} (")
            assert len(taken.stderr.splitlines()) == 1
        finally:
            process.terminate()
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.slow
def test_mlflow_models_serve_gives_the_numbers_of_the_command(
    salvocast: Any, registry: Registry, champion: RegisteredModel, free_port: int, tmp_path: Path, home: Path
) -> None:
    address = f"http://127.0.0.1:{free_port}"
    options = ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(free_port)]
    environment = {"MLFLOW_TRACKING_URI": registry.uri, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    command = ("models", "serve", "--model-uri", f"models:/{NAME}@{CHAMPION}", *options)
    with mlflow(tmp_path / "log", f"{address}/ping", *command, **environment):
        asked = {"dataframe_records": [{"horizon": 28, "paths": 700, "seed": 5}]}
        answer = httpx.post(f"{address}/invocations", json=asked, timeout=60)
        assert answer.status_code == 200, answer.text
        assert by_day(answer.json()["predictions"]) == quantiles_told(salvocast, 28, 700, 5)
        example = in_registry(home)[0].parents[1] / "serving_input_example.json"
        answer = httpx.post(f"{address}/invocations", json=json.loads(example.read_bytes()), timeout=60)
        assert by_day(answer.json()["predictions"]) == quantiles_told(salvocast, 28, 2_000, 1)
        wrong = httpx.post(f"{address}/invocations", json={"dataframe_records": [{"horizon": 0}]}, timeout=60)
        assert wrong.status_code == 400
        assert "horizon is 0: expected 1 to 730" in wrong.text


@pytest.mark.slow
def test_it_works_through_an_mlflow_server_that_keeps_the_artefacts(
    empty_store: Path, saved_of: SavedOf, free_port: int, tmp_path: Path, home: Path
) -> None:
    shutil.copy(empty_store, tmp_path / "server.db")
    uri = f"http://127.0.0.1:{free_port}"
    options = ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--workers", "1"]
    options += ["--artifacts-destination", str(tmp_path / "artefacts"), "--host", "127.0.0.1"]
    with mlflow(tmp_path / "log", f"{uri}/health", "server", *options, "--port", str(free_port)):
        registry = Registry.open(uri)
        assert registry.champion(*SERIES) is None
        assert registry.versions(*SERIES) == []
        run_id = registry._client.create_run(registry._client.create_experiment("test")).info.run_id
        for _ in range(2):
            retrained(registry, run_id, saved_of())
        (made,) = registry.versions(*SERIES)
        assert made == registry.champion(*SERIES)
        assert made.source.startswith("mlflow-artifacts:/")
        assert paths(registry.load(made)) == paths(saved_of())
        shutil.rmtree(home / "models")
        (kept,) = (tmp_path / "artefacts").rglob("arrays.npz")
        kept.write_bytes(b"changed")
        with pytest.raises(SalvocastError, match="version 1 does not have the digest"):
            registry.load(made)
