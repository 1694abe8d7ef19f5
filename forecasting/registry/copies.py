"""Copies of saved models in the home, by digest, and which of them is the champion: for when the registry is away."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from features.errors import SalvocastError
from features.files import write_file
from features.home import salvocast_home
from forecasting.salvos.saved import FILES, SavedModel, digest_of, load_saved


def cached_model(digest: str) -> SavedModel:
    """The model whose saved files have that digest, from those kept in the home. Raises SalvocastError without them."""
    files = cached_files(digest)
    if files is None:
        raise SalvocastError(f"no model of digest {digest} is kept in {_models()}: load it from the registry first")
    return load_saved(files)


def copies_of_models() -> list[Path]:
    """What lies among the copies in the home: a folder for each digest, and what a killed process began to write.
    A copy may go at any time; it is loaded again."""
    return sorted(path for path in _models().glob("*") if path.suffix != ".json" or path.name.startswith("."))


def noted_champions() -> set[str]:
    """The digests of the models that this machine serves while the registry is away."""
    noted = set()
    for path in _models().glob("[!.]*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):  # a note that cannot be read names none
            noted.add(json.loads(path.read_bytes())["digest"])
    return noted


def cached_files(digest: str) -> dict[str, bytes] | None:
    """The saved files of that digest, if they are kept and whole."""
    folder = _models() / digest
    try:
        files = {name: (folder / name).read_bytes() for name in FILES}
    except OSError:
        return None
    return files if digest_of(files) == digest else None


def keep(digest: str, files: Mapping[str, bytes]) -> None:
    """Keeps saved files in the home, all or none."""
    _models().mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_models(), prefix=".") as folder:
        whole = Path(folder) / digest
        whole.mkdir()
        for name, content in files.items():
            (whole / name).write_bytes(content)
        if cached_files(digest) is None:
            shutil.rmtree(_models() / digest, ignore_errors=True)
            with suppress(OSError):  # another process has put the same files there
                whole.rename(_models() / digest)


def note_champion(name: str, content: bytes) -> None:
    """Notes down, as JSON, which version of that name is the champion; its "digest" is that of the copy."""
    path = _champion_file(name)
    if not path.exists() or path.read_bytes() != content:
        write_file(path, content)


def noted_champion(name: str) -> bytes | None:
    """What was noted down of the champion of that name; None where nothing was, or it cannot be read."""
    try:
        return _champion_file(name).read_bytes()
    except OSError:
        return None


def note_registry_state(name: str, content: bytes) -> None:
    """Notes down, as JSON, what the embedded registry looked like when it was asked for that name, and what it said."""
    _models().mkdir(exist_ok=True)
    write_file(_state_file(name), content)


def noted_registry_state(name: str) -> dict[str, Any] | None:
    """What was noted down: `state` of the registry, and the digest that `serves` or None; None where nothing was."""
    with suppress(OSError, ValueError):
        noted = json.loads(_state_file(name).read_bytes())
        if isinstance(noted, dict) and noted.keys() == {"state", "serves"}:
            return noted
    return None


def _models() -> Path:
    return salvocast_home() / "models"


def _state_file(name: str) -> Path:
    return _models() / f"{name}.registry.json"


def _champion_file(name: str) -> Path:
    return _models() / f"{name}.json"
