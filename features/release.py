"""Which code computed something: the release, and a digest that tells an edited checkout from it."""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOMS = ("features", "forecasting", "experiments")


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


def code_version() -> str:
    """Such as "0.1.0+3f2a9c01b7de": the release and the digest's first twelve digits."""
    return f"{version('salvocast')}+{code_digest()[:12]}"
