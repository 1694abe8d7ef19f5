"""A saved model as an MLflow pyfunc: its files, and the modules of ours that read them ("models from code")."""

import ast
import warnings
from collections.abc import Mapping
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from forecasting.salvos.model import BUNDLED_MODELS

FOLDER, ARTIFACT = "model", "saved"
"""Where a version lies in its run's artefacts, and its saved files among the artefacts of the pyfunc."""

_REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic")
"""What loading and asking a model needs beside the modules that lie with it."""


def write_pyfunc(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes the saved files as an MLflow pyfunc into `folder`/model, with the modules that it needs."""
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import save_model as save_pyfunc
    from mlflow.types import ColSpec, DataType, Schema

    start = "forecasting.registry.served_model"
    models = (where.partition(":")[0] for where in BUNDLED_MODELS.values())
    modules = _own_modules([start, *models])
    for path, content in modules.values():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    saved = folder / ARTIFACT
    saved.mkdir()
    for name, content in files.items():
        (saved / name).write_bytes(content)
    whole, number, text = DataType.long, DataType.double, DataType.string
    save_pyfunc(
        folder / FOLDER,
        python_model=str(folder / modules[start][0]),
        artifacts={ARTIFACT: str(saved)},
        code_paths=[str(folder / room) for room in sorted({path.parts[0] for path, _ in modules.values()})],
        signature=ModelSignature(
            inputs=Schema(
                [ColSpec(whole, "horizon"), *(ColSpec(whole, name, required=False) for name in ("paths", "seed"))]
            ),
            outputs=Schema(
                [
                    ColSpec(whole, "request"),
                    ColSpec(text, "attack_day"),
                    ColSpec(whole, "horizon"),
                    ColSpec(number, "level"),
                    ColSpec(number, "drones"),
                ]
            ),
        ),
        input_example=pd.DataFrame({"horizon": [28], "paths": [2_000], "seed": [1]}),
        pip_requirements=[f"{name}=={version_of(name)}" for name in _REQUIREMENTS],
    )


def scoring_app(folder: Path, files: Mapping[str, bytes]) -> Any:
    """MLflow's own scoring server (/invocations, /ping, /version) of a saved model, as an ASGI application. Made anew
    from the saved files, whose digest was looked at, in the empty `folder`: no code of the registry runs here."""
    from mlflow.pyfunc import load_model, scoring_server

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, of its own type hints
        write_pyfunc(folder, files)
    return scoring_server.init(load_model(str(folder / FOLDER)))


def _own_modules(pending: list[str]) -> dict[str, tuple[Path, bytes]]:
    """These modules and those of ours that they need: name -> path from the root, and source. Models are named, as they
    are found by name and not imported."""
    found: dict[str, tuple[Path, bytes]] = {}
    while pending:
        name = pending.pop()
        spec = find_spec(name) if name.split(".")[0] in ("features", "forecasting") and name not in found else None
        if spec is None or spec.origin is None:
            continue
        content = Path(spec.origin).read_bytes()
        parts = name.split(".")
        path = Path(*parts, "__init__.py") if spec.submodule_search_locations else Path(*parts).with_suffix(".py")
        found[name] = path, content
        pending += [".".join(parts[:depth]) for depth in range(1, len(parts))]
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.ImportFrom) and node.module:
                pending += [node.module]
            elif isinstance(node, ast.Import):
                pending += [each.name for each in node.names]
    return found
