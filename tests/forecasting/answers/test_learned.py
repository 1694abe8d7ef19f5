"""What is learned from a record and kept in the home: the same bytes, verified, bounded, gone at any time."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from features import release
from features.history import LaunchHistory
from forecasting.answers import answering, learned
from forecasting.answers.answering import Answerer
from forecasting.answers.context import AnswerContext
from forecasting.answers.learned import key_of, prepare_remembered
from forecasting.answers.request import PlanRequest
from forecasting.plan import prepare_calibration
from forecasting.registry import learned as store
from forecasting.registry.learned import learned_folder, remembered
from forecasting.report.document import document_json
from forecasting.salvos.model import SimulationRequest, load_model
from forecasting.service.workers.live import LiveLedger

SHORT: dict[str, Any] = {"horizon": 5, "paths": 40, "model": "local_level"}


def never(*_: object) -> Any:
    raise AssertionError("learned anew")


def test_what_is_kept_gives_the_bytes_of_what_is_learned_and_is_learned_no_more(
    home: Path, filled_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "prepare_remembered", prepare_remembered)  # which tests share otherwise
    monkeypatch.setattr(answering, "prepare_calibration", prepare_calibration)

    def answered(remember: Callable[..., bytes] | None) -> bytes:
        with LiveLedger.open(f"sqlite:///{filled_ledger}") as ledger:
            answerer = Answerer(ledger, never, lambda: date(2026, 3, 2), remember)
            return document_json(answerer.document(PlanRequest(**SHORT), AnswerContext()))

    first = answered(remembered)
    kept = sorted(learned_folder().iterdir())
    assert len(kept) == 3  # a fit, how much losses vary, and the draws of a calibration
    with monkeypatch.context() as patched:
        for name in ("fit", "fitted_variation", "sample_posterior"):
            patched.setattr(learned, name, never)
        assert answered(remembered) == first
    # A file that was changed, and one that is cut off, are made anew; so is what somebody has removed.
    kept[0].write_bytes(kept[0].read_bytes()[:-1] + b"\0")
    kept[1].write_bytes(kept[1].read_bytes()[:40])
    assert answered(remembered) == first
    for path in kept:
        path.unlink()
    monkeypatch.setattr(store, "write_file", never_written)
    assert answered(remembered) == first  # a full disk keeps nothing, and no answer fails for it
    assert not any(learned_folder().iterdir())
    assert answered(None) == first
    assert home in learned_folder().parents


def never_written(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_key_tells_all_that_it_rests_on(bundled_history: LaunchHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    other = bundled_history.launched.copy()
    other[3] += 1
    keys = {
        key_of("fit", bundled_history, "a"),
        key_of("draws", bundled_history, "a"),
        key_of("fit", bundled_history, "b"),
        key_of("fit", replace(bundled_history, launched=other), "a"),
        key_of("fit", replace(bundled_history, neutralised=bundled_history.neutralised + 1.0), "a"),
        key_of("fit", bundled_history.until(date(2026, 2, 1)), "a"),
    }
    for name, told in (("code_version", "0.0.0+other"), ("version", "9.9")):
        monkeypatch.setattr(release, name, lambda *_, told=told: told)
        keys.add(key_of("fit", bundled_history, "a"))
    assert len(keys) == 8


def test_it_is_bounded_and_what_was_used_last_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_FILES", 3)
    for number in range(3):
        remembered(f"k{number}", lambda number=number: b"%d" % number)
        os.utime(learned_folder() / f"k{number}", (number, number))
    assert remembered("k0", never) == b"0"  # used now
    remembered("k3", lambda: b"3")
    assert sorted(path.name for path in learned_folder().iterdir()) == ["k0", "k2", "k3"]
    assert remembered("k4", lambda: b"") == b""  # what cannot be kept is not
    assert not (learned_folder() / "k4").exists()
    assert learned_folder().stat().st_mode & 0o077 == 0
    assert home in learned_folder().parents


@pytest.mark.usefixtures("home")
def test_several_may_keep_and_remove_the_same_at_once() -> None:
    content = bytes(range(256)) * 400

    def work(number: int) -> bytes:
        if number % 5 == 0:
            (learned_folder() / "same").unlink(missing_ok=True)
        return remembered("same", lambda: content)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(work, range(200))) == {content}
    assert not [path for path in learned_folder().iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("home")
def test_what_one_makes_the_others_wait_for_unless_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_end = Event(), Event()

    def make() -> bytes:
        began.set()
        assert may_end.wait(20)
        return b"made once"

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(remembered, "one", make)
        assert began.wait(20)
        assert remembered("another", lambda: b"at once") == b"at once"
        with monkeypatch.context() as patched:
            patched.setattr(store, "MOST_WAIT", 0.05)
            assert remembered("one", lambda: b"made itself") == b"made itself"
        (learned_folder() / "one").unlink()
        second = threads.submit(remembered, "one", never)
        may_end.set()
        assert (first.result(), second.result()) == (b"made once", b"made once")
    assert not [path for path in learned_folder().iterdir() if path.name.startswith(".")]


class OwnFitted:
    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG002
        return np.full((request.n_paths, request.horizon), 7)


class OwnModel:
    model_id = "own"

    def fit(self, history: LaunchHistory) -> OwnFitted:  # noqa: ARG002
        return OwnFitted()


def test_a_model_that_cannot_be_kept_is_fitted_each_time(bundled_history: LaunchHistory) -> None:
    made: list[bytes] = []

    def keep(_: str, make: Callable[[], bytes]) -> bytes:
        made.append(make())
        return made[-1]

    prepared = prepare_remembered(OwnModel(), bundled_history, "own", keep)
    assert made == [b""]
    assert (prepared.fitted.simulate(SimulationRequest(2, 3), np.random.default_rng(1)) == 7).all()
    kept = prepare_remembered(load_model("empirical_window"), bundled_history, "empirical_window", keep)
    again = prepare_remembered(load_model("empirical_window"), bundled_history, "empirical_window", lambda *_: made[-1])
    request = SimulationRequest(3, 10)
    one, other = (each.fitted.simulate(request, np.random.default_rng(1)) for each in (kept, again))
    assert np.array_equal(one, other)
