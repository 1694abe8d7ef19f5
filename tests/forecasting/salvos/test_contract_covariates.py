"""The contract of a model that uses covariates: it is fed them, and says where they are missing."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.salvos.contract import LAWS, check_contract, history_of, salvos
from forecasting.salvos.model import MODELS, SimulationRequest, forecast, require_days, seen_by


@dataclass(frozen=True)
class FittedWeathered:
    counts: NDArray[np.float64]

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        of_days = rng.spawn(1)[0]
        draws = of_days.choice(self.counts, (request.horizon, request.n_paths)).T
        return np.minimum(draws, 10**8).astype(np.int64)


@dataclass(frozen=True)
class Weathered:
    """The last week again, a little more of it after a day whose weather was far from usual."""

    covariates: tuple[str, ...] = ("weather",)
    model_id: str = "weathered"

    def fit(self, history: LaunchHistory) -> FittedWeathered:
        require_days(self.model_id, history, 7)
        seen = history.covariates["weather"]
        assert np.isnan(seen[-1]), "the newest value is not public yet"
        assert history.missiles is not None
        return FittedWeathered(history.known[-7:] + np.round(np.abs(seen[-2:-1])).sum())


def test_a_model_that_says_which_covariates_it_uses_is_fed_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "weathered", f"{__name__}:Weathered")
    assert str(check_contract(Weathered())).startswith(f"weathered keeps the {len(LAWS)} laws")


def test_it_is_shown_those_it_names_and_refused_without_them() -> None:
    history = history_of(salvos(60), ("weather", "football"))
    assert set(seen_by(Weathered(), history).covariates) == {"weather"}
    assert forecast(Weathered(), history, SimulationRequest(3, 5), 1).paths.shape == (5, 3)
    with pytest.raises(InputError, match="model weathered needs the covariates weather: expected a backtest with"):
        forecast(Weathered(), history_of(salvos(60)), SimulationRequest(3, 5), 1)
