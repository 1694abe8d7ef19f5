"""What is learned from a record, learned once in a run of the tests by whichever process needs it first.

What is kept gives the bytes of what is learned: `tests/forecasting/answers/test_learned.py` sees to that.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from features.files import write_file
from features.history import LaunchHistory
from forecasting.answers import answering
from forecasting.answers.learned import prepare_remembered, remembered_learning, remembered_weights
from forecasting.answers.learned_supply import remembered_supply
from forecasting.defence.layers import Defence
from forecasting.losses.calibrated_defence import Calibration
from forecasting.losses.reported_losses import StatedKills
from forecasting.plan import Prepared, prepare, prepare_calibration
from forecasting.registry import learned
from forecasting.salvos.model import Model

_folders: list[Path] = []
"""The one of this run."""


def remember(key: str, make: Callable[[], bytes]) -> bytes:
    """As a home does, for all processes of the run; two that need the same at once do not both make it."""
    path = _folders[-1] / key
    with FileLock(path.parent.with_name(f"{key}.lock")):
        content = learned._whole(path)
        if content is None:
            content = make()
            write_file(path, hashlib.sha256(content).digest() + content)
    return content


def prepared(model: Model, history: LaunchHistory) -> Prepared:
    """`forecasting.plan.prepare`, but for what the record says of scenarios."""
    return _with_supply(prepare(model, history))


def calibrated(defence: Defence, history: LaunchHistory, shares: Sequence[StatedKills] = ()) -> Calibration:
    """`forecasting.plan.prepare_calibration`, but for draws that are there."""
    rests_on = f"{defence.model_dump_json()}\n{tuple(shares)!r}"
    return prepare_calibration(defence, history, shares, remembered_learning(history, rests_on, remember))


def _with_supply(found: Prepared) -> Prepared:
    return replace(found, weigh=remembered_weights(remember), meet=remembered_supply(remember))


def learning_once(folder: Path) -> Iterator[None]:
    """Whoever answers in this process learns from the same record once: the answer is that of the first time."""
    fitted: dict[Any, Prepared] = {}
    calibrations: dict[Any, Calibration] = {}

    def prepare_once(model: Model, history: LaunchHistory, name: str = "", *_: object) -> Prepared:
        key = repr(model), answering._seen(history)
        if key not in fitted:
            fitted[key] = prepare_remembered(model, history, name, remember) if name else prepare(model, history)
        return _with_supply(fitted[key])

    def calibrate_once(
        defence: Defence, history: LaunchHistory, shares: Sequence[StatedKills] = (), *_: object
    ) -> Calibration:
        key = defence.model_dump_json(), answering._seen(history), tuple(shares)
        if key not in calibrations:
            calibrations[key] = calibrated(defence, history, shares)
        return calibrations[key]

    _folders.append(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("prepare", "prepare_remembered"):
            patch.setattr(answering, name, prepare_once)
        patch.setattr(answering, "prepare_calibration", calibrate_once)
        patch.setattr(answering, "remembered_weights", lambda _: remembered_weights(remember))
        patch.setattr(answering, "remembered_supply", lambda _: remembered_supply(remember))
        yield
    _folders.clear()
