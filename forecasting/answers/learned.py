"""What is learned from a record, as bytes that may be kept: the fitted model, how much losses vary, and the draws of a
calibration.

They take longer than the plan that is made with them, and depend on the record, the code and its libraries alone. Who
keeps the bytes, and where, is not decided here.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import astuple, fields
from datetime import date
from io import BytesIO
from zipfile import ZipFile

import numpy as np

from features.errors import SalvocastError
from features.history import LaunchHistory
from features.release import computed_by
from features.scenarios import ProductionScenario
from forecasting.losses.calibration import Learning
from forecasting.losses.importance import Fit, sample_posterior
from forecasting.losses.reported_losses import Array, ReportedLosses
from forecasting.losses.variation import Variation, fitted_variation
from forecasting.plan import Prepared
from forecasting.salvos.model import MAX_HORIZON, Model, fit
from forecasting.salvos.saved import SavedModel, load_saved, save_model
from forecasting.supply.coupling import CouplingWeights, learn_weights
from forecasting.supply.scenario_forecast import Weigh

Remember = Callable[[str, Callable[[], bytes]], bytes]
"""(key, how to make it) -> the bytes kept under the key, or else made now, and kept unless there are none."""


def key_of(what: str, history: LaunchHistory, *rests_on: str) -> str:
    """SHA-256 of all that something learned depends on: the code, its libraries and the machine, the whole history, and
    the texts given."""
    state = hashlib.sha256()
    texts = [what, history.digest, *computed_by(), *rests_on]
    of_history = [getattr(history, each.name) for each in fields(history)]
    for part in (*texts, *of_history):
        content = part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode()
        state.update(len(content).to_bytes(8, "little") + content)
    return state.hexdigest()


def prepare_remembered(model: Model, history: LaunchHistory, name: str, remember: Remember) -> Prepared:
    """`forecasting.plan.prepare`, but for the fit where it is kept. name: that tells the recipe from any other."""
    fitted = None

    def make() -> bytes:
        nonlocal fitted
        fitted = fit(model, history)
        try:
            return _packed(save_model(SavedModel.of(model, fitted, history)))
        except SalvocastError:  # a model of somebody's own, or one that holds numbers without end
            return b""

    content = remember(key_of("fit", history, name), make)
    if fitted is None:
        fitted = load_saved(_unpacked(content)).fitted
    return Prepared(history, model, fitted)


def remembered_learning(history: LaunchHistory, rests_on: str, remember: Remember) -> Learning:
    """The steps of a calibration, but for what is kept. rests_on: all but the history that its draws do."""

    def sample(log_likelihood: Fit, n: int, n_draws: int, rng: np.random.Generator) -> tuple[Array, float]:
        def make() -> bytes:
            scores, effective = sample_posterior(log_likelihood, n, n_draws, rng)
            content = BytesIO()
            np.savez(content, allow_pickle=False, scores=scores, effective=np.array(effective))
            return content.getvalue()

        content = remember(key_of("draws", history, rests_on, str(n), str(n_draws)), make)
        with np.load(BytesIO(content), allow_pickle=False) as kept:
            return kept["scores"], float(kept["effective"])

    def vary(record: ReportedLosses, origin: date) -> Variation:
        def make() -> bytes:
            return np.array(astuple(fitted_variation(record, origin)), "<f8").tobytes()

        content = remember(key_of("variation", history, str(origin)), make)
        return Variation(*np.frombuffer(content, "<f8").tolist())

    return Learning(sample, vary)


def remembered_weights(remember: Remember) -> Weigh:
    """`learn_weights`, but for weights that are kept: learned for the longest horizon, they serve every one."""

    def weigh(published: ProductionScenario, history: LaunchHistory, horizon: int, seed: int) -> CouplingWeights:
        def make() -> bytes:
            learned = learn_weights(published, history, MAX_HORIZON, seed)
            content = BytesIO()
            arrays = {each.name: np.asarray(getattr(learned, each.name)) for each in fields(learned)}
            np.savez(content, allow_pickle=False, **arrays)
            return content.getvalue()

        content = remember(key_of("weights", history, published.model_dump_json(), str(seed)), make)
        with np.load(BytesIO(content), allow_pickle=False) as kept:
            return CouplingWeights(kept["by_day"][:horizon], int(kept["n_origins"]), kept["growth"][:horizon])

    return weigh


def _packed(files: Mapping[str, bytes]) -> bytes:
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        for name, each in files.items():
            archive.writestr(name, each)
    return content.getvalue()


def _unpacked(content: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
