"""Summaries of the past, and design matrices that hold nothing but the past."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.lags import exponential_mean, lagged
from features.matrix import level_matrix, level_predictors

HALF_LIVES = (3.0, 28.0)
COUNTS = st.lists(st.integers(0, 900) | st.none(), min_size=2, max_size=40).map(
    lambda counts: np.array([np.nan if count is None else float(count) for count in counts])
)


def test_the_worked_example() -> None:
    """Half-life one day: weights 1, 1/2, 1/4 ... (8 + 4/2) / (3/2) = 20/3."""
    means = exponential_mean(np.array([4.0, 8.0, np.nan, 2.0]), 1.0)
    np.testing.assert_allclose(means, [4, 20 / 3, 20 / 3, (2 + 8 / 4 + 4 / 8) / (1 + 1 / 4 + 1 / 8)])


def test_a_count_weighs_half_after_the_half_life() -> None:
    counts = np.array([100.0] + [np.nan] * 6 + [0.0])
    assert exponential_mean(counts, 7.0)[-1] == pytest.approx(100 * 0.5 / 1.5)


def test_before_the_first_known_day_nothing_is_known() -> None:
    means = exponential_mean(np.array([np.nan, np.nan, 5.0]), 7.0)
    assert np.isnan(means[:2]).all()
    assert means[2] == 5
    assert np.isnan(exponential_mean(np.full(4, np.nan), 7.0)).all()


@settings(deadline=None, max_examples=100)
@given(COUNTS, st.floats(0.5, 90))
def test_the_mean_is_the_weighted_sum_of_its_definition(counts: NDArray[np.float64], half_life: float) -> None:
    means = exponential_mean(counts, half_life)
    for day in range(counts.size):
        past = counts[: day + 1]
        weights = 0.5 ** (np.arange(day, -1, -1) / half_life) * ~np.isnan(past)
        if weights.any():
            assert means[day] == pytest.approx(np.nansum(past * weights) / weights.sum(), rel=1e-9, abs=1e-9)
        else:
            assert np.isnan(means[day])


@settings(deadline=None, max_examples=100)
@given(COUNTS, st.data())
def test_a_summary_of_a_day_does_not_move_with_later_days(counts: NDArray[np.float64], data: st.DataObject) -> None:
    day = data.draw(st.integers(0, counts.size - 2))
    spiked = counts.copy()
    spiked[day + 1 :] = 1e6
    np.testing.assert_array_equal(exponential_mean(spiked, 7.0)[: day + 1], exponential_mean(counts, 7.0)[: day + 1])


@settings(deadline=None, max_examples=100)
@given(COUNTS, st.data())
def test_no_row_of_the_matrix_sees_its_own_day_or_a_later_one(counts: NDArray[np.float64], data: st.DataObject) -> None:
    """Changing day t changes no predictor of the rows up to and including t."""
    day = data.draw(st.integers(1, counts.size - 1))
    counts = np.nan_to_num(counts, nan=1.0)  # every day has a row: row r is of day r + 1
    spiked = counts.copy()
    spiked[day:] = 1e6
    before, after = level_matrix(counts, HALF_LIVES), level_matrix(spiked, HALF_LIVES)
    np.testing.assert_array_equal(after.predictors[:day], before.predictors[:day])
    np.testing.assert_array_equal(after.response, spiked[1:])
    if day + 1 < counts.size:
        assert (after.predictors[day, 1:] > before.predictors[day, 1:]).all()


def test_a_row_holds_the_levels_of_the_day_before() -> None:
    counts = np.array([4.0, 8.0, 2.0])
    matrix = level_matrix(counts, (1.0,))
    np.testing.assert_allclose(matrix.predictors, [[1, np.log1p(4)], [1, np.log1p(20 / 3)]])
    np.testing.assert_array_equal(matrix.response, [8, 2])


def test_days_that_are_unknown_or_have_no_past_have_no_row() -> None:
    matrix = level_matrix(np.array([np.nan, 4.0, 8.0, np.nan, 2.0]), HALF_LIVES)
    np.testing.assert_array_equal(matrix.response, [8, 2])
    assert matrix.predictors.shape == (2, 1 + len(HALF_LIVES))
    assert np.isfinite(matrix.predictors).all()


def test_predictors_are_a_constant_and_the_logs_of_the_levels_for_any_shape() -> None:
    levels = np.array([[[0.0, 9.0]], [[99.0, 0.0]]])
    expected = [[[1, 0, np.log(10)]], [[1, np.log(100), 0]]]
    np.testing.assert_allclose(level_predictors(levels), expected)


def test_lags_are_the_counts_of_days_before() -> None:
    made = lagged(np.array([1.0, 2.0, np.nan, 4.0]), (0, 1, 3))
    nan = np.nan
    np.testing.assert_array_equal(made, [[1, nan, nan], [2, 1, nan], [nan, 2, nan], [4, nan, 1]])
