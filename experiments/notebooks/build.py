"""Runs the notebooks and writes each as .ipynb, with its output, beside its text.

    python experiments/notebooks/build.py [NAME...]

Each runs in a home of its own that is empty before, on the embedded store. The text (jupytext percent) is what is
edited; the built file is what is read. It holds nothing that another run on the same release would not give: no times,
no paths, no numbers of executions, cells numbered in their order.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from features.opening import open_ledger

FOLDER = Path(__file__).resolve().parent
SECONDS = 90
"""How long a notebook may take."""


def notebooks() -> list[Path]:
    """The texts."""
    return sorted(path for path in FOLDER.glob("*.py") if path.read_text(encoding="utf-8").startswith("# ---\n"))


def execute(text: Path, environment: dict[str, str], seconds: int = SECONDS) -> nbformat.NotebookNode:
    """The notebook with its output. environment: variables that the kernel gets. Raises nbclient's errors."""
    book = plain(text)
    with tempfile.TemporaryDirectory() as folder, _environment(environment):
        with open_ledger():
            pass  # filled here: only a first run would say that it was empty
        NotebookClient(book, timeout=seconds, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    for cell in book.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.execution_count = None
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = None
    book.metadata.pop("language_info", None)
    return book


def plain(text: Path) -> nbformat.NotebookNode:
    """The notebook of a text, without output; its cells are named by their number."""
    book = jupytext.read(text)
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number}"
        cell.metadata.clear()
    return book


@contextmanager
def _environment(environment: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in ("SALVOCAST_LEDGER_URL", "MLFLOW_TRACKING_URI", "SALVOCAST_SETTINGS"):
        os.environ.pop(name, None)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main(names: list[str]) -> None:
    for text in [path for path in notebooks() if not names or path.stem in names]:
        with tempfile.TemporaryDirectory() as home:
            book = execute(text, {"SALVOCAST_HOME": home, "OMP_NUM_THREADS": "1"}, 10 * SECONDS)
        nbformat.write(book, text.with_suffix(".ipynb"))
        print(f"{text.stem}: {len(book.cells)} cells, {text.with_suffix('.ipynb').stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
