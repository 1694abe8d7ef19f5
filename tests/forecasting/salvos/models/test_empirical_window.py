"""The reference: draws from the last 28 known days."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.salvos.model import SimulationRequest
from forecasting.salvos.models.empirical_window import EmpiricalWindow

HistoryOf = Callable[[ArrayLike], LaunchHistory]


def simulated(history: LaunchHistory, horizon: int = 10, n_paths: int = 5_000) -> "np.ndarray[tuple[int, int]]":
    rng = np.random.default_rng(1)
    return EmpiricalWindow().fit(history).simulate(SimulationRequest(horizon, n_paths), rng)  # type: ignore[return-value]


def test_only_the_last_28_known_days_are_drawn_and_all_of_them(history_of: HistoryOf) -> None:
    paths = simulated(history_of(np.arange(100)))
    assert set(np.unique(paths)) == set(range(72, 100))


def test_unknown_days_are_passed_over_and_quiet_days_are_not(history_of: HistoryOf) -> None:
    counts = np.arange(100.0)
    counts[-5:] = np.nan
    counts[-10] = 0.0
    paths = simulated(history_of(counts))
    assert set(np.unique(paths)) == (set(range(67, 95)) - {90}) | {0}


def test_every_known_day_has_the_same_chance_on_every_day_ahead(history_of: HistoryOf) -> None:
    n_paths = 20_000
    paths = simulated(history_of(np.arange(28)), horizon=3, n_paths=n_paths)
    expected = n_paths / 28
    for day in range(3):
        drawn = np.bincount(paths[:, day], minlength=28)
        # chi-squared with 27 degrees of freedom: mean 27, standard deviation 7.3
        assert ((drawn - expected) ** 2 / expected).sum() < 27 + 6 * 7.4


def test_the_days_of_a_path_are_independent(history_of: HistoryOf) -> None:
    paths = simulated(history_of(np.arange(28)), horizon=2, n_paths=20_000)
    assert abs(np.corrcoef(paths.T)[0, 1]) < 5 / np.sqrt(20_000)


@pytest.mark.parametrize("known", [1, 6])
def test_fewer_than_seven_known_days_are_refused(known: int, history_of: HistoryOf) -> None:
    counts = np.r_[np.full(50, np.nan), np.arange(known)]
    with pytest.raises(
        InputError, match=f"needs at least 7 known attack days, the history until 2026-02-28 has {known}"
    ):
        EmpiricalWindow().fit(history_of(counts))


def test_seven_known_days_are_enough(history_of: HistoryOf) -> None:
    assert set(np.unique(simulated(history_of(np.arange(7))))) == set(range(7))
