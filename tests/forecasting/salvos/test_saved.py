"""A fitted model written and read again is the same model; anything else is refused, in one line."""

import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from features.errors import SalvocastError
from features.history import LaunchHistory
from forecasting.salvos.ensemble import FittedSalvoEnsemble, SalvoEnsemble
from forecasting.salvos.model import MODELS, SimulationRequest, fit, forecast, load_model
from forecasting.salvos.models.exponential_empirical import ExponentialEmpirical
from forecasting.salvos.models.ratio_to_level import LevelForecast
from forecasting.salvos.saved import FILES, LARGEST_BYTES, SavedModel, digest_of, load_saved, save_model

HistoryOf = Callable[[ArrayLike], LaunchHistory]
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def history(history_of: HistoryOf) -> LaunchHistory:
    """Two hundred days around a level that grows, one of them unknown."""
    means = 80.0 * np.exp(np.linspace(0.0, 0.5, 200))
    counts = np.random.default_rng(5).negative_binomial(3, 3 / (3 + means)).astype(float)
    counts[100] = np.nan
    return history_of(counts)


@pytest.fixture(scope="module")
def fitted_models(history: LaunchHistory) -> dict[str, SavedModel]:
    models = {name: load_model(name) for name in MODELS}
    return {name: SavedModel.of(model, fit(model, history), history) for name, model in models.items()}


@pytest.fixture(scope="module")
def files(fitted_models: dict[str, SavedModel]) -> dict[str, bytes]:
    """The saved ensemble: it has every kind of part."""
    return save_model(fitted_models["salvo_ensemble"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(MODELS)),
    horizon=st.integers(1, 60),
    n_paths=st.integers(1, 50),
    seed=st.integers(0, 2**63 - 1),
)
def test_what_is_loaded_simulates_the_paths_of_what_was_saved(
    fitted_models: dict[str, SavedModel], history: LaunchHistory, name: str, horizon: int, n_paths: int, seed: int
) -> None:
    loaded = load_saved(save_model(fitted_models[name])).forecast(SimulationRequest(horizon, n_paths), seed)
    made = forecast(load_model(name), history, SimulationRequest(horizon, n_paths), seed) if name in QUICK else None
    saved = fitted_models[name].forecast(SimulationRequest(horizon, n_paths), seed)
    for expected in (saved, made or saved):
        assert loaded.paths.tobytes() == expected.paths.tobytes()
        told = {**vars(expected), "paths": None}
        assert {**vars(loaded), "paths": None} == told


QUICK = {"empirical_window", "seasonal_naive", "exponential_empirical", "ratio_to_level", "two_regime"}
"""Fitted anew for each example; the others are compared with the model that was saved."""


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_same_model_gives_the_same_bytes(
    fitted_models: dict[str, SavedModel], history: LaunchHistory, name: str
) -> None:
    saved = save_model(fitted_models[name])
    loaded = load_saved(saved)
    assert save_model(loaded) == saved
    assert save_model(SavedModel.of(load_model(name), fit(load_model(name), history), history)) == saved
    assert loaded.model == load_model(name)


def test_other_models_and_other_data_have_other_digests(
    fitted_models: dict[str, SavedModel], history: LaunchHistory
) -> None:
    digests = {digest_of(save_model(saved)) for saved in fitted_models.values()}
    model = ExponentialEmpirical(half_life=31.0)
    cut = history.since(history.days[1].item())
    digests |= {digest_of(save_model(SavedModel.of(model, fit(model, each), each))) for each in (history, cut)}
    assert len(digests) == len(MODELS) + 2


def refused(files: dict[str, bytes], words: str) -> None:
    with pytest.raises(SalvocastError, match=words) as caught:
        load_saved(files)
    assert len(str(caught.value).splitlines()) == 1


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_change_of_any_byte_of_any_file_is_refused(files: dict[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FILES))
    content = bytearray(files[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    refused(files | {name: bytes(content)}, "do not have its digest: they were changed")


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_missing_cut_or_too_many_are_refused(files: dict[str, bytes], name: str) -> None:
    refused({other: files[other] for other in FILES if other != name}, "a saved model is the files")
    refused(files | {f"more-{name}": b""}, "a saved model is the files")
    refused(files | {name: files[name][:-1]}, "they were changed")


def forged(files: dict[str, bytes], **content: bytes) -> dict[str, bytes]:
    """The files with other content, and the digest of that: what somebody else could write."""
    changed = {name: content.get(name.partition(".")[0], files[name]) for name in FILES}
    return changed | {"digest.txt": digest_of(changed).encode()}


def with_document(files: dict[str, bytes], change: Callable[[dict[str, Any]], Any]) -> dict[str, bytes]:
    document = json.loads(files["model.json"])
    change(document)
    return forged(files, model=json.dumps(document).encode())


def test_an_unchanged_forgery_loads(files: dict[str, bytes]) -> None:
    """So that the refusals below are of what they change, and not of how it is put together."""
    assert load_saved(with_document(files, lambda _: None)).theatre == "ukraine"


def test_a_format_of_a_later_release_says_which_release_reads_it(files: dict[str, bytes]) -> None:
    def later(document: dict[str, Any]) -> None:
        document |= {"format": 3, "readable_since": "0.7.0", "fitted": {"something": "new"}}

    refused(
        with_document(files, later), r"format 3, this release reads 1 to 2: use release 0\.7\.0 of salvocast or a newer"
    )


@pytest.mark.parametrize("name", ["Popen", "os.system", "builtins.eval", "SavedModel", "LongDrift", "EmpiricalWindow"])
def test_a_type_that_is_no_fitted_model_of_ours_is_refused(files: dict[str, bytes], name: str) -> None:
    def other(document: dict[str, Any]) -> None:
        document["fitted"]["type"] = name

    refused(with_document(files, other), f"unknown type {name}")


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a field more": lambda document: document["model"]["fields"].update(extra=1),
    "a field less": lambda document: document["model"]["fields"].pop("model_id"),
    "no model": lambda document: document.update(model=None),
    "no such array": lambda document: document["fitted"]["fields"].update(level={"array": "elsewhere"}),
    "no origin": lambda document: document.pop("origin"),
    "no date": lambda document: document.update(origin="yesterday"),
    "no rule": lambda document: document.update(quiet_day_rule="sometimes"),
    "no format": lambda document: document.pop("format"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_document_that_is_not_of_ours_is_refused(
    files: dict[str, bytes], change: Callable[[dict[str, Any]], Any]
) -> None:
    refused(with_document(files, change), "the saved model is not of ours")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000], ids=len)
def test_a_document_that_is_no_json_object_is_refused(files: dict[str, bytes], content: bytes) -> None:
    refused(forged(files, model=content), "the saved model is not of ours")


def npz(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def npy(array: Any, *, pickled: bool = False) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=pickled)
    return buffer.getvalue()


class Harmful:
    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle was run",)


HEADER = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }"
ARRAYS = {
    "a pickle": npz(a=npy(np.array([Harmful()]), pickled=True)),
    "a bare pickle": npz(a=pickle.dumps([Harmful()])),
    "a claim of a terabyte": npz(a=(HEADER % 10**11).ljust(127) + b"\n" + bytes(8)),
    "compressed": npz(zipfile.ZIP_DEFLATED, a=npy(np.zeros(10**6))),
    "words": npz(a=npy(np.array(["a"]))),
    "no archive": b"PK",
}


@pytest.mark.parametrize("content", ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_were_not_saved_here_are_refused_before_room_is_made(
    files: dict[str, bytes], content: bytes
) -> None:
    refused(forged(files, arrays=content), "the saved model is not of ours")


def test_an_archive_whose_members_share_their_bytes_is_refused(files: dict[str, bytes]) -> None:
    """The densest of bombs: every entry of the directory points at the same array."""
    whole = npz(a=npy(np.zeros(1_000)))
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    entry, tail = whole[start:end], bytearray(whole[end:])
    tail[8:12] = (50).to_bytes(2, "little") * 2
    tail[12:16] = (50 * len(entry)).to_bytes(4, "little")
    bomb = whole[:start] + entry * 50 + bytes(tail)
    assert len(zipfile.ZipFile(BytesIO(bomb)).infolist()) == 50
    refused(forged(files, arrays=bomb), "the arrays are larger than their file")


def test_files_larger_than_any_model_are_refused_unread(files: dict[str, bytes]) -> None:
    refused(files | {"model.json": b"[" * LARGEST_BYTES}, "expected at most")


class Estimator:
    """Stands for an object of another library."""


@pytest.mark.parametrize("value", [Estimator(), float("nan"), float("inf"), b"bytes", [1.0], {"a": 1}, np.array(["a"])])
def test_what_no_saved_model_can_hold_is_told_when_saving(fitted_models: dict[str, SavedModel], value: Any) -> None:
    given = fitted_models["two_regime"]
    changed = replace(given, fitted=replace(given.fitted, level=value))  # type: ignore[type-var]
    with pytest.raises(SalvocastError, match=r"fitted\.level is .*a saved model cannot hold it"):
        save_model(changed)


def test_a_class_of_the_same_name_is_not_taken_for_ours(fitted_models: dict[str, SavedModel]) -> None:
    impostor = type("LevelForecast", (LevelForecast,), {})(1.0, 0.0)
    given = fitted_models["two_regime"]
    with pytest.raises(SalvocastError, match=r"fitted\.level is .*a saved model cannot hold it"):
        save_model(replace(given, fitted=replace(given.fitted, level=impostor)))  # type: ignore[type-var]


@pytest.mark.parametrize(("number", "tolerance"), [(1, 0.15), (2, 0.0)])
def test_a_model_of_every_format_so_far_is_read_and_forecasts_as_it_did(number: int, tolerance: float) -> None:
    """When the fields of a model change, this fails: raise FORMAT, fill in the old ones, and keep a model of the new.

    The golden files are of the ensemble, fitted to 90 and to 120 days; the quantiles are of the forecast that it gave
    when saved. One of format 1 drew its random numbers in another order: its quantiles are those of another seed.
    """
    folder = GOLDEN / f"saved_model_{number}"
    files = {name: (folder / name).read_bytes() for name in FILES}
    salvos = load_saved(files).forecast(SimulationRequest(14, 400), 1)
    expected = json.loads((folder / "forecast.json").read_text())
    assert salvos.origin.isoformat() == expected["origin"]
    quantiles = np.quantile(salvos.paths, [0.1, 0.5, 0.9], axis=0, method="inverted_cdf")
    np.testing.assert_allclose(quantiles, expected["quantiles"], rtol=tolerance)


def test_a_model_of_format_1_knows_of_no_past_sums() -> None:
    folder = GOLDEN / "saved_model_1"
    loaded = load_saved({name: (folder / name).read_bytes() for name in FILES})
    assert loaded.model == SalvoEnsemble(past_sums=False)
    assert loaded.level_doubt == 0.0
    assert isinstance(loaded.fitted, FittedSalvoEnsemble)
    assert loaded.fitted.sums is None


def test_the_format_has_not_changed_unnoticed() -> None:
    folder = GOLDEN / "saved_model_2"
    files = {name: (folder / name).read_bytes() for name in FILES}
    assert save_model(load_saved(files)) == files
