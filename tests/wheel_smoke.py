"""The built wheel in clean environments, outside a checkout: `make wheel-smoke`, and CI.

    python -m tests.wheel_smoke dist/salvocast-0.1.0-py3-none-any.whl

For each Python that Salvocast supports and this machine has: a virtual environment with the locked requirements and
their hashes, the wheel and nothing else; then a plan, its document, a reading of reports and the page's server. An
environment is kept under its requirements' digest, so that only the wheel is installed anew. A Python that is not here
is told and left out; none at all is a failure.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13")
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "salvocast-wheel-smoke"


def python_of(version: str) -> str | None:
    """An interpreter of that version that can make environments: on the path, or where pyenv keeps its own."""
    own = sys.executable if f"{sys.version_info[0]}.{sys.version_info[1]}" == version else None
    places = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    for found in (own, shutil.which(f"python{version}"), *map(str, places)):
        if found is not None:
            done = subprocess.run([found, "-c", probe], capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                return found
    return None


def environment(version: str, python: str) -> Path:
    """The programs of an environment with the locked requirements alone."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()[:16]
    folder = KEPT / f"{version}-{digest}"
    if not (folder / "ready").exists():
        for old in KEPT.glob(f"{version}-*"):
            shutil.rmtree(old)
        run([python, "-m", "venv", str(folder)], cwd=ROOT)
        pip(folder / "bin", "--require-hashes", "-r", str(ROOT / "requirements.txt"))
        (folder / "ready").touch()
    return folder / "bin"


def pip(programs: Path, *what: str) -> None:
    """Installs into the environment."""
    run([str(programs / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *what], cwd=ROOT)


def run(command: list[str], cwd: Path, **variables: str) -> str:
    """What a command prints. Ends this program where it fails."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SALVOCAST", "MLFLOW"))}
    done = subprocess.run(command, cwd=cwd, env=clean | variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-3_000:]}")
    return done.stdout


def smoke(programs: Path) -> None:
    """Plans, reads reports, and loads the server, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)

        def salvocast(*arguments: str) -> str:
            return run([str(programs / "salvocast"), *arguments], here, SALVOCAST_HOME=str(here / "home"))

        where = run([str(programs / "python"), "-c", "import forecasting; print(forecasting.__file__)"], here)
        assert Path(where.strip()).is_relative_to(programs.parent), f"not the wheel's: {where}"
        document = json.loads(salvocast("plan", "--paths", "200", "--format", "json"))
        assert document["format"] == "salvocast/plan/2", document["format"]
        assert salvocast("plan", "--paths", "200").startswith("Salvocast plan: Shahed-type drones, theatre Ukraine")
        assert salvocast("schema", "plan").startswith("{")
        (here / "counts.csv").write_text("date,launched\n2026-05-02,99\n")
        assert "1 added" in salvocast("ingest", "table", "counts.csv"), salvocast("data", "status")
        assert "backtest" in salvocast("--help")
        run([str(programs / "python"), "-c", "import forecasting.service.app, mlflow"], here)
        run([str(programs / "python"), "-m", "pip", "check"], here)


def main() -> int:
    """Every supported Python that is here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel.absolute()
    tried = []
    for version in VERSIONS:
        python = python_of(version)
        if python is None:
            print(f"Python {version}: not on this machine, left out")
            continue
        programs = environment(version, python)
        pip(programs, "--no-deps", "--force-reinstall", str(wheel))
        smoke(programs)
        tried.append(version)
        print(
            f"Python {version}: {wheel.name} installs from the locked requirements, plans, reads and serves", flush=True
        )
    return 0 if tried else 1


if __name__ == "__main__":
    sys.exit(main())
