"""Models that learn from many series: what they are shown, how a run knows it, and what the bundled one does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.backtest import Replay, run_backtest
from experiments.retrain import _fitted_anew
from experiments.tracking import Shown, recipe_mark
from features.calendar_days import weekdays
from features.history import LaunchHistory
from features.ledger import Ledger
from forecasting.salvos.contract import history_of, salvos
from forecasting.salvos.gap import bridge_gap
from forecasting.salvos.model import MODELS, REFERENCE_MODEL, SimulationRequest, fit, forecast, load_model
from forecasting.salvos.models.global_boosting import GlobalBoosting
from forecasting.salvos.soundness import limit_outliers

SEEN: list[list[LaunchHistory]] = []


@dataclass(frozen=True)
class FittedPooled:
    level: float

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        return rng.poisson(self.level, (request.n_paths, request.horizon))


@dataclass(frozen=True)
class Pooled:
    """Each series around its own mean; writes down what it was shown."""

    model_id: str = "pooled"

    def fit_many(self, histories: Sequence[LaunchHistory]) -> list[FittedPooled]:
        SEEN.append(list(histories))
        return [FittedPooled(float(each.known.mean())) for each in histories]


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    SEEN.clear()
    monkeypatch.setitem(MODELS, "pooled", f"{__name__}:Pooled")


def test_folds_pass_every_series_as_published_by_the_origin(filled_ledger: Path) -> None:
    origins = [date(2025, 3, 1), date(2025, 6, 15)]
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        truth = ledger.history()
        result = run_backtest(
            lambda origin: ledger.history(origin=origin),
            truth,
            [Pooled(), load_model(REFERENCE_MODEL)],  # type: ignore[list-item]
            origins,
            Replay(SimulationRequest(7, 20), 1),
            others=ledger.others,
        )
        classes = {name for _, name, _ in ledger.series()}
        for origin, histories in zip(origins, SEEN, strict=True):
            assert histories[0].weapon_class == "shahed"
            assert {each.weapon_class for each in histories} == classes
            for each in histories:
                assert each.last_day == origin
                assert each.others == ()
                known_then = ledger.history("ukraine", each.weapon_class, origin=origin)
                assert each.digest == bridge_gap(limit_outliers(known_then)).digest
    assert result.failures.empty
    assert set(result.scores["model"]) == {"pooled", REFERENCE_MODEL}
    # Promotion stays per series: what is registered is the series' own answer, learned beside the others.
    with Ledger.open(f"sqlite:///{filled_ledger}") as ledger:
        saved = _fitted_anew("pooled", truth, ledger)
    assert saved.weapon_class == "shahed"
    assert saved.fitted == FittedPooled(pytest.approx(float(truth.known.mean()), rel=0.05))
    assert len(SEEN[-1]) == len(classes)


def test_a_run_of_a_global_model_is_told_apart_by_what_the_other_series_were() -> None:
    history = history_of(salvos(100))
    other, more = (replace(history_of(salvos(n)), weapon_class="cruise") for n in (100, 101))
    local = load_model("local_level")
    assert recipe_mark(local, Shown(others=(other,))) == recipe_mark(local, Shown())
    pooled: Pooled = Pooled()
    marks = {recipe_mark(pooled, Shown(others=others)) for others in ((), (other,), (more,))}  # type: ignore[arg-type]
    assert len(marks) == 3
    shown = replace(history, others=(other,))
    seen_alone = forecast(local, shown, SimulationRequest(3, 10), 1)
    assert seen_alone.paths.tobytes() == forecast(local, history, SimulationRequest(3, 10), 1).paths.tobytes()


def test_the_bundled_one_learns_from_other_series_what_its_own_does_not_show() -> None:
    """Every seventh day is five times the others in all series but its own, which is short and flat."""
    rng = np.random.default_rng(1)

    def series(n_days: int, level: float, factor: float, weapon_class: str) -> LaunchHistory:
        days = history_of(np.ones(n_days)).days
        counts = rng.poisson(level * np.where(weekdays(days) == 5, factor, 1.0)).astype(float)
        return replace(history_of(counts), weapon_class=weapon_class)

    own = series(121, 40.0, 1.0, "shahed")
    others = (series(500, 9.0, 5.0, "cruise"), series(500, 300.0, 5.0, "decoy"))
    saturday = weekdays(np.datetime64(own.last_day) + np.arange(1, 15)) == 5

    def contrast(history: LaunchHistory) -> float:
        fitted = fit(GlobalBoosting(), history)  # type: ignore[arg-type]
        means = fitted.simulate(SimulationRequest(14, 400), np.random.default_rng(1)).mean(axis=0)
        return float(means[saturday].mean() / means[~saturday].mean())

    assert contrast(own) < 1.1
    assert contrast(replace(own, others=others)) > 1.25
