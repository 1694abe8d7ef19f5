"""Which code computed something: the release, and a digest that tells an edited checkout from it."""

import hashlib
import platform
import sys
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOMS = ("features", "forecasting", "experiments")
LIBRARIES = ("numpy", "scipy", "statsmodels", "scikit-learn")
"""Whose numbers ours rest on."""


@cache
def code_digest() -> str:
    """SHA-256 of the Python sources of the rooms that are there, as they were when first asked for."""
    state = hashlib.sha256()
    for room in ROOMS:
        spec = find_spec(room)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*.py")):
                state.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


@cache
def module_digest(name: str) -> str:
    """SHA-256 of the Python source of a module as it was when first asked for; of another package than ours, of all
    sources of the package that it lies in; "" where there is none to read, as of a notebook's cells."""
    top = name.partition(".")[0]
    if top in ROOMS or top == name:
        path = getattr(sys.modules.get(name), "__file__", None)
        paths = [Path(path)] if path else []
    else:
        spec = find_spec(top)
        folders = (spec.submodule_search_locations or ()) if spec else ()
        paths = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    if not paths or not all(path.suffix == ".py" and path.is_file() for path in paths):
        return ""
    state = hashlib.sha256()
    for path in paths:
        state.update(path.name.encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


def code_version() -> str:
    """Such as "0.1.0+3f2a9c01b7de": the release and the digest's first twelve digits."""
    return f"{version('salvocast')}+{code_digest()[:12]}"


def computed_by() -> tuple[str, ...]:
    """What a result rests on beside what it is computed from: the code, Python, the libraries and the machine."""
    libraries = (f"{name} {version(name)}" for name in LIBRARIES)
    return code_version(), platform.python_version(), platform.machine(), *libraries


@cache
def bundled_digest() -> str:
    """SHA-256 of the facts that come with the code: reports, defences, scenarios."""
    state, folder = hashlib.sha256(), Path(__file__).parent / "bundled"
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and each.suffix in (".csv", ".toml")):
        state.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return state.hexdigest()
