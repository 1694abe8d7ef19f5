"""The wheel holds everything that the command needs, nothing else, and runs from anywhere."""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("features", "forecasting", "experiments")
SOURCE_SUFFIXES = {".py", ".csv", ".toml", ".md", ".json", ".mplstyle"}
DATA_FOLDERS = {"locale", "templates", "static", "deploy"}
"""Of packages; all that is in them is shipped."""
pytestmark = pytest.mark.slow


def shipped_from(room: str) -> set[str]:
    """The files of a room's packages: code, and the data beside it."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    return {
        path.relative_to(ROOT).as_posix()
        for package in packages
        if package.split(".")[0] == room
        for path in ROOT.joinpath(*package.split(".")).rglob("*")
        if _is_shipped(path.relative_to(ROOT.joinpath(*package.split("."))))
    }


def _is_shipped(path: Path) -> bool:
    """Of a path inside a package."""
    if len(path.parts) == 2:
        return path.parts[0] in DATA_FOLDERS
    return len(path.parts) == 1 and path.suffix in SOURCE_SUFFIXES


def copied(folder: Path) -> Path:
    """What a build needs, because it leaves its folders behind."""
    folder.mkdir()
    for room in (*ROOMS, "tests"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def built(source: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    done = subprocess.run(
        [*command, "-w", str(out)], cwd=source, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return built(copied(folder / "source"), folder)


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the folder and the times of its files; the date is that of the release, the umask 022 (`make wheel`)."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    one, other = copied(tmp_path / "one"), copied(tmp_path / "a much longer name")
    for path in other.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    digests = {hashlib.sha256(built(tree, tree.with_suffix(".out")).read_bytes()).hexdigest() for tree in (one, other)}
    assert len(digests) == 1


def test_every_package_and_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = set().union(*(shipped_from(room) for room in ROOMS))
    assert names == expected
    for needed in (
        "features/bundled/reported_salvos.csv",
        "features/bundled/defence_ukraine.toml",
        "features/migrations/versions/v0001_reports.py",
        "forecasting/salvos/models/empirical_window.py",
        "forecasting/report/plan.schema.json",
        "forecasting/report/forecast.schema.json",
        "forecasting/report/dark.mplstyle",
        "forecasting/report/locale/uk.po",
        "forecasting/service/page/templates/page.html",
        "experiments/deploy/salvocast-retrain.timer",
        "experiments/backtest.py",
    ):
        assert needed in names


def test_no_folder_with_code_is_forgotten() -> None:
    """Packages are listed one by one: a new folder that is not in the list would be missing from the wheel."""
    packages = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if (path.parent / "__init__.py").exists()
    }
    assert found == packages


def test_licence_and_entry_points_are_in_the_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
        (licence,) = (name for name in names if name.endswith("/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
        entry_points = archive.read(metadata_name.replace("METADATA", "entry_points.txt")).decode()
    assert metadata["Name"] == "salvocast"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert "salvocast = forecasting.commands.main:main" in entry_points
    assert "backtest = experiments.cli:backtest" in entry_points


def test_it_runs_from_another_folder(wheel: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unzipped, elsewhere = tmp_path / "unzipped", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unzipped)
    monkeypatch.setenv("PYTHONPATH", str(unzipped))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=elsewhere, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for room in ROOMS:
        loaded = run("-c", f"import {room}; print({room}.__file__)").strip()
        assert Path(loaded).is_relative_to(unzipped)
    text = run("-m", "forecasting.commands.main", "plan", "--paths", "50")
    assert text.startswith("Salvocast plan: Shahed-type drones, theatre Ukraine, 28 attack days")
    assert "as of 2026-04-30" in text
    assert run("-m", "forecasting.commands.main", "schema", "plan").startswith("{")
    assert not list(elsewhere.iterdir())
