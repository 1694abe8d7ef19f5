"""The notebooks: their texts, what is built of them, and that each runs from an empty home to the same output."""

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jupytext
import nbformat
import pytest
import yaml

from experiments.compare.preparation import WITHOUT_CODE
from experiments.notebooks.build import FOLDER, SECONDS, execute, notebooks, plain

CELLS = {
    "what_the_record_shows": 14,
    "compare_models": 23,
    "why_this_champion": 13,
    "production_scenarios": 16,
    "interceptor_orders": 18,
    "bring_your_own_model": 10,
    "beat_the_champion": 17,
}
MOST_LINES = 40
"""Of code, in the notebook that brings a model."""
LARGEST_BYTES = 1_000_000
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Jupyter's own
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(params=sorted(CELLS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def text_of(name: str) -> Path:
    return FOLDER / f"{name}.py"


def built(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def outputs_of(book: Any) -> list[Any]:
    return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]


def words_of(output: Any) -> str:
    """What an output says, not what it shows."""
    if output.output_type == "stream":
        return str(output.text)
    return str(output.data.get("text/markdown") or output.data.get("text/plain", ""))


def test_these_are_the_notebooks() -> None:
    assert {path.stem for path in notebooks()} == set(CELLS)
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(CELLS)


def test_the_front_matter_is_complete(name: str) -> None:
    _, front, _ = text_of(name).read_text(encoding="utf-8").split("# ---\n", 2)
    stated = yaml.safe_load(re.sub("^# ?", "", front, flags=re.MULTILINE))["jupyter"]
    assert stated["kernelspec"] == {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    assert stated["jupytext"]["formats"] == "ipynb,py:percent"
    form = stated["jupytext"]["text_representation"]
    assert form == {
        "extension": ".py",
        "format_name": "percent",
        "format_version": "1.3",
        "jupytext_version": jupytext.__version__,
    }


def test_it_opens_with_the_question_and_closes_with_the_answer_in_words_and_numbers(name: str) -> None:
    book = built(name)
    assert len(book.cells) == CELLS[name]
    first, last = book.cells[0], book.cells[-1]
    assert first.cell_type == "markdown"
    assert re.match(r"# .+\n\n\*\*Question\.\*\* .+\?", first.source, re.DOTALL)
    assert book.cells[-2].source == "## Answer"
    (answer,) = last.outputs
    words = words_of(answer)
    assert words.startswith("**Answer.** ")
    assert len(words.split()) > 30
    assert len(NUMBER.findall(words)) >= 3
    assert "nan" not in words.lower()


def test_the_built_notebook_is_that_of_the_text(name: str) -> None:
    text, book = plain(text_of(name)), built(name)
    assert [(cell.id, cell.cell_type, cell.source) for cell in text.cells] == [
        (cell.id, cell.cell_type, cell.source) for cell in book.cells
    ]


def test_every_cell_that_ends_in_a_value_shows_it_and_nothing_complains(name: str) -> None:
    for cell in built(name).cells:
        if cell.cell_type != "code":
            continue
        ends_in = ast.parse(re.sub("^%.*$", "", cell.source, flags=re.MULTILINE)).body[-1]
        if isinstance(ends_in, ast.Expr):
            assert cell.outputs, cell.source
        for output in cell.outputs:
            assert output.output_type in ("execute_result", "display_data", "stream")
            if output.output_type == "stream" and output.name == "stderr":
                # Whoever registers a model of a notebook is told what stays behind: that is no complaint.
                assert all(WITHOUT_CODE in line for line in words_of(output).splitlines()), words_of(output)


def test_nothing_of_the_machine_or_of_the_moment_is_in_it(name: str) -> None:
    path = FOLDER / f"{name}.ipynb"
    raw = path.read_text(encoding="utf-8")
    assert path.stat().st_size < LARGEST_BYTES
    assert str(FOLDER.parents[1]) not in raw
    told = json.dumps([words_of(output) for output in outputs_of(built(name))])
    assert not re.search(r"(?<![\w.])/(?:home|tmp|root|usr|work|var|opt)/|site-packages|file:|sqlite:", told)
    assert not re.search(r"\b[0-9a-f]{32}\b", told)  # the number of a run
    book = json.loads(raw)
    assert set(book["metadata"]) == {"jupytext", "kernelspec"}
    for cell in book["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("execution_count") is None


def test_no_notebook_knows_mlflow(name: str) -> None:
    source = "\n".join(cell.source for cell in plain(text_of(name)).cells if cell.cell_type == "code")
    assert "mlflow" not in source.lower()


def test_a_model_of_ones_own_takes_few_lines() -> None:
    code = [cell.source for cell in plain(text_of("bring_your_own_model")).cells if cell.cell_type == "code"]
    lines = [line for line in "\n".join(code).splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) < MOST_LINES


@pytest.mark.slow
def test_it_runs_from_an_empty_home_to_the_same_output(name: str, tmp_path: Path) -> None:
    """Numbers may differ in the last digits, as the libraries of another machine do. The branches that a notebook runs
    are not counted: other tests run them, and counting takes a third of the time."""
    uncounted = {"COVERAGE_PROCESS_CONFIG": "", "OMP_NUM_THREADS": "1"}
    made = execute(text_of(name), {"SALVOCAST_HOME": str(tmp_path / "home")} | uncounted, 20 * SECONDS)
    told, now = ([words_of(output) for output in outputs_of(book)] for book in (built(name), made))
    assert [kinds_of(output) for output in outputs_of(built(name))] == [kinds_of(output) for output in outputs_of(made)]
    squeezed = re.compile(r"[\s-]+")  # the width of a column follows its numbers
    for then, again in zip(told, now, strict=True):
        numbers = [[float(each.replace(",", "")) for each in NUMBER.findall(words)] for words in (then, again)]
        assert numbers[1] == pytest.approx(numbers[0], rel=0.02, abs=0.02)
        words = [squeezed.sub(" ", NUMBER.sub("#", each)) for each in (then, again)]
        assert words[1] == words[0]


def kinds_of(output: Any) -> tuple[str, tuple[str, ...]]:
    return output.output_type, tuple(sorted(output.get("data", {})))


TEAM = """
from datetime import date
from experiments import compare
models = ["salvo_ensemble", "exponential_empirical", "two_regime", "local_level"]
print(compare.ensure_backtest(models, first=date(2025, 6, 1), every=35, n_paths=200))
"""


@pytest.fixture
def team_server(tmp_path: Path) -> Iterator[str]:
    """The address of a real MLflow server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'team.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "artefacts")]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=tmp_path, env=environment, start_new_session=True
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                with urlopen(f"{address}/health", timeout=2):
                    break
            except OSError:
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_models_are_compared_on_what_a_team_has_logged(team_server: str, tmp_path: Path) -> None:
    """A colleague has logged a backtest; the notebook reads it by one variable, and logs nothing."""
    environment = {"MLFLOW_TRACKING_URI": team_server, "SALVOCAST_HOME": str(tmp_path / "colleague")}
    command = [sys.executable, "-c", TEAM]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=600, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    mine = environment | {"SALVOCAST_HOME": str(tmp_path / "mine"), "OMP_NUM_THREADS": "1"}
    book = execute(text_of("compare_models"), mine, 10 * SECONDS)
    told = [words_of(output) for output in outputs_of(book)]
    assert told[0] == "'5 models, 9 origins from 2025-06-01'"
    assert told[-1].startswith("**Answer.** ")
    assert not (tmp_path / "mine" / "mlflow.db").exists()
