"""Months without a report make no forecast surer, and one that ended long ago changes nothing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from features.history import LaunchHistory
from forecasting.salvos.contract import salvos
from forecasting.salvos.gap import LONGEST_GAP, bridge_gap
from forecasting.salvos.model import SimulationRequest, fit, forecast, load_model
from forecasting.salvos.saved import SavedModel, load_saved, save_model
from forecasting.salvos.soundness import level_doubt

HistoryOf = Callable[[ArrayLike], LaunchHistory]
REQUEST = SimulationRequest(14, 1_000)
KNOWN = salvos(60)


def gap(n_days: int, *since: float) -> NDArray[np.float64]:
    return np.r_[KNOWN, np.full(n_days, np.nan), since]


def width(history: LaunchHistory, model: str) -> float:
    low, high = np.quantile(forecast(load_model(model), history, REQUEST, 1).totals(7), [0.1, 0.9])
    return float(high - low)


@pytest.mark.parametrize("model", ["salvo_ensemble", "exponential_empirical", "two_regime", "local_level"])
def test_after_months_without_a_report_the_range_is_wider_than_before(history_of: HistoryOf, model: str) -> None:
    """Weighed by age, the one day since would have nearly all the weight."""
    usual = float(np.median(KNOWN))
    assert width(history_of(gap(278, usual)), model) > 1.2 * width(history_of(KNOWN), model)
    # With every day since it is told better, and by then the older days are old.
    assert level_doubt(history_of(gap(278, *[usual] * 20))) < level_doubt(history_of(gap(278, usual)))
    assert level_doubt(history_of(gap(278, *[usual] * 28))) == 0.0


def test_whole_weeks_of_a_long_gap_are_left_out(history_of: HistoryOf) -> None:
    history = history_of(gap(278, 50.0))
    made = bridge_gap(history)
    assert (made.last_day, made.launched.size) == (history.last_day, 60 + 33 + 1)  # 245 of 278 days are 35 weeks
    np.testing.assert_array_equal(made.known, history.known)
    assert (history.first_day.weekday(), made.first_day.weekday()) == (made.first_day.weekday(),) * 2


@pytest.mark.parametrize("counts", [KNOWN, gap(LONGEST_GAP, 50.0), np.r_[np.full(90, np.nan), KNOWN]])
def test_without_a_long_gap_all_is_as_ever(history_of: HistoryOf, counts: NDArray[np.float64]) -> None:
    history = history_of(counts)
    if counts is not KNOWN and counts.size > 100:
        assert bridge_gap(history).launched.size < history.launched.size
    else:
        assert bridge_gap(history) is history


def test_a_model_fitted_across_a_gap_is_saved_and_says_what_is_unknown(history_of: HistoryOf) -> None:
    counts = gap(278, 50.0)
    floor = np.full(counts.size, np.nan)
    floor[-3:-1] = 20.0  # of two of the unknown days the night alone is told
    history = replace(history_of(counts), floor=floor)
    model = load_model("salvo_ensemble")
    saved = load_saved(save_model(SavedModel.of(model, fit(model, history), history)))
    made, again = forecast(model, history, REQUEST, 3), saved.forecast(REQUEST, 3)
    assert made.paths.tobytes() == again.paths.tobytes()
    assert made.unknown_days is not None
    assert (made.unknown_days.unknown, made.unknown_days.days) == (278, 279)
    assert again.unknown_days == made.unknown_days
    assert (again.nights_alone, made.nights_alone) == (2, 2)


def test_where_fewer_than_four_weeks_of_a_quarter_are_known_it_is_said(history_of: HistoryOf) -> None:
    counts = np.r_[np.full(400, 50.0)]
    counts[-91:-20] = np.nan
    told = forecast(load_model("empirical_window"), history_of(counts), REQUEST, 1).unknown_days
    assert told is not None
    assert told.days - told.unknown == 20
    counts[-91:] = np.where(np.arange(91) % 3, np.nan, 50.0)  # 31 days of 91
    assert forecast(load_model("empirical_window"), history_of(counts), REQUEST, 1).unknown_days is not None
    counts[-91:] = np.where(np.arange(91) % 2, np.nan, 50.0)  # 46 days of 91
    assert forecast(load_model("empirical_window"), history_of(counts), REQUEST, 1).unknown_days is None
