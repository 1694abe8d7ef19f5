"""A count that stands alone is limited; days without a count make every forecast less sure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.salvos.contract import history_of, salvos
from forecasting.salvos.model import MODELS, SimulationRequest, forecast, load_model
from forecasting.salvos.soundness import GAP_WALK, LEAST_LIMIT, level_doubt, limit_outliers, scale_by_doubt


def test_a_count_that_stands_alone_counts_for_half_more_than_the_largest_beside_it() -> None:
    counts = np.full(200, 100.0)
    counts[50], counts[120] = 400.0, 9_000.0
    assert limit_outliers(history_of(counts)).launched[120] == 600.0  # 400 is within 91 days
    assert limit_outliers(history_of(counts)).launched[50] == 400.0  # 9,000 is, so it is believed
    counts[130] = 8_000.0
    assert limit_outliers(history_of(counts)).launched[120] == 9_000.0  # a second one confirms it


def test_the_first_salvos_after_a_silence_are_seen() -> None:
    counts = np.r_[np.zeros(300), 15.0]
    assert limit_outliers(history_of(counts)).launched[-1] == 15.0
    counts[-1] = 5_000.0
    assert limit_outliers(history_of(counts)).launched[-1] == LEAST_LIMIT


@settings(deadline=None, max_examples=50)
@given(day=st.integers(0, 199), count=st.floats(0, 1e6), seed=st.integers(0, 10))
def test_all_other_counts_stay_as_they_are(day: int, count: float, seed: int) -> None:
    counts = salvos(200, seed=seed)
    counts[day] = count
    changed = limit_outliers(history_of(counts)).launched != counts
    assert changed.sum() <= 1 + (counts > 1.5 * np.median(counts)).sum()
    assert (limit_outliers(history_of(counts)).launched <= counts).all()


def test_a_history_without_gaps_is_in_no_doubt() -> None:
    assert level_doubt(history_of(salvos(100))) == 0.0
    assert level_doubt(history_of(salvos(5))) == 0.0


def test_ten_days_without_a_count_are_ten_days_of_walk() -> None:
    history = history_of(np.r_[salvos(100), np.full(10, np.nan)])
    assert level_doubt(history) == pytest.approx(GAP_WALK * np.sqrt(10))


@settings(deadline=None, max_examples=50)
@given(days=st.sets(st.integers(0, 119), max_size=60), one_more=st.integers(0, 119))
def test_each_unknown_day_adds_doubt_or_none(days: set[int], one_more: int) -> None:
    counts = np.full(120, 50.0)
    counts[list(days)] = np.nan
    before = level_doubt(history_of(counts))
    counts[one_more] = np.nan
    if (~np.isnan(counts)).sum() >= 28:
        assert level_doubt(history_of(counts)) >= before - 1e-12


def test_doubt_keeps_the_mean_and_widens() -> None:
    paths = np.full((40_000, 2), 1_000, dtype=np.int64)
    unsure = scale_by_doubt(paths, 0.3, seed=1)
    assert unsure.mean() == pytest.approx(1_000, rel=0.01)
    assert np.log(unsure).std() == pytest.approx(0.3, rel=0.02)
    assert (unsure[:, 0] == unsure[:, 1]).mean() > 0.3  # one level for all days of a path, rounded
    assert scale_by_doubt(paths, 0.0, seed=1) is not None
    np.testing.assert_array_equal(scale_by_doubt(paths, 0.0, seed=1), paths)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"gradient_boosting", "global_boosting"}))
def test_one_report_after_a_long_gap_makes_no_model_surer(name: str) -> None:
    """278 days without a count, then one: the week's 80 % range is at least as wide as before the gap."""
    before = salvos(90)
    after = np.r_[before, np.full(278, np.nan), before[-28:].mean().round()]
    widths = []
    for counts in (before, after):
        made = forecast(load_model(name), history_of(counts), SimulationRequest(7, 1_000), 1)
        low, high = np.quantile(made.totals(7), [0.1, 0.9])
        widths.append(high - low)
    assert widths[1] > widths[0]
    assert made.unknown_days is not None  # a plan says so first


@pytest.mark.parametrize("name", ["negative_binomial", "log_normal"])
def test_a_quiet_month_is_not_certain_to_last(name: str) -> None:
    made = forecast(load_model(name), history_of(np.r_[salvos(300), np.zeros(30)]), SimulationRequest(28, 500), 1)
    assert np.quantile(made.totals(28), 0.9) > 0
