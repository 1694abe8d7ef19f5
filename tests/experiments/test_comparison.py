"""Paired comparisons: the test keeps its level, and the interval its coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ttest_1samp
from statsmodels.regression.linear_model import OLS

from experiments.comparison import diebold_mariano, p_value_of_groups, paired_difference


def test_without_overlap_it_is_the_paired_t_test() -> None:
    differences = np.array([1.2, -0.4, 0.8, 2.0, 0.3, -1.1, 0.9, 1.5])
    error, p_value = diebold_mariano(differences, overlap=0)
    expected = OLS(differences, np.ones(differences.size)).fit()
    assert error == pytest.approx(expected.bse[0])
    assert p_value == pytest.approx(expected.pvalues[0])


def test_the_long_run_variance_is_that_of_newey_and_west() -> None:
    differences = np.random.default_rng(1).normal(size=50).cumsum()
    error, _ = diebold_mariano(differences, overlap=2)
    robust = OLS(differences, np.ones(50)).fit(cov_type="HAC", cov_kwds={"maxlags": 2})
    correction = (50 + 1 - 2 * 3 + 3 * 2 / 50) / 50
    assert error == pytest.approx(robust.bse[0] / np.sqrt(correction))


def test_under_no_difference_it_rejects_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(1_000, 31))
    overlapping = noise[:, 1:] + noise[:, :-1]  # neighbours share an outcome
    rejected = np.mean([diebold_mariano(row, overlap=1)[1] < 0.05 for row in overlapping])
    assert 0.02 < rejected < 0.11
    naive = np.mean([diebold_mariano(row, overlap=0)[1] < 0.05 for row in overlapping])
    assert naive > rejected


def test_equal_scores_are_no_difference() -> None:
    assert diebold_mariano(np.zeros(10), overlap=1) == (0.0, 1.0)


@given(overlap=st.integers(0, 3), shift=st.floats(-1, 1), seed=st.integers(0, 999))
def test_the_interval_excludes_zero_where_and_only_where_the_test_does(overlap: int, shift: float, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(shift, 1.0, size=30).cumsum()
    found = paired_difference(noise, np.zeros(30), overlap)
    assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)
    assert found.low <= found.mean <= found.high


def test_without_overlap_the_interval_is_that_of_least_squares() -> None:
    differences = np.array([1.2, -0.4, 0.8, 2.0, 0.3, -1.1, 0.9, 1.5])
    found = paired_difference(differences, np.zeros(8), overlap=0)
    expected = OLS(differences, np.ones(8)).fit().conf_int(0.05)[0]
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_a_better_model_has_a_negative_difference() -> None:
    rng = np.random.default_rng(4)
    other = rng.gamma(5.0, 10.0, size=40)
    result = paired_difference(0.8 * other, other, overlap=1)
    assert result.mean == pytest.approx(-0.2 * other.mean())
    assert result.low < result.mean < result.high < 0.0
    assert result.p_value < 0.001


def test_other_origins_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="the same origins"):
        paired_difference(np.zeros(3), np.zeros(4), overlap=0)


def test_groups_of_one_origin_are_the_paired_t_test() -> None:
    differences = np.array([-1.2, 0.4, -0.8, -2.0, -0.3, 1.1, -0.9, -1.5])
    expected = ttest_1samp(differences, 0.0, alternative="less")
    assert p_value_of_groups(differences, overlap=0) == pytest.approx(expected.pvalue)


def test_groups_are_of_neighbours_and_of_more_than_overlap() -> None:
    """Worked by hand: of 9 origins that share outcomes with the next two, groups of three with means -2, -1, -3.

    t = -2 / (1 / sqrt 3) = -3.46 with 2 degrees of freedom: P = 1/2 - t / (2 sqrt(2 + t^2)) = 0.037.
    """
    differences = np.array([-1.0, -2.0, -3.0, 0.0, -1.0, -2.0, -3.0, -4.0, -2.0])
    assert p_value_of_groups(differences, overlap=2) == pytest.approx(0.5 - 3.4641 / (2 * 14**0.5), abs=1e-4)
    assert p_value_of_groups(differences, overlap=4) == 1.0  # one group tells nothing


def test_of_equal_models_whose_outcomes_overlap_groups_reject_about_as_often_as_they_say() -> None:
    """52 weekly origins of 28 days, whose scale grows fourfold as the launches did: at the level of one comparison."""
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(10_000, 55))
    overlapping = sum(noise[:, lag : lag + 52] for lag in range(4)) * np.linspace(0.5, 2.0, 52)
    rejected = np.mean([p_value_of_groups(row, overlap=3) < 0.01 for row in overlapping])
    assert 0.005 < rejected < 0.025
    lenient = np.mean([diebold_mariano(row, overlap=3)[1] < 0.02 for row in overlapping[:2_000]]) / 2
    assert lenient > 1.3 * rejected


@pytest.mark.parametrize("differences", [np.zeros(16), np.full(16, -0.1), np.full(16, -1e9)])
def test_groups_that_are_all_equal_tell_nothing(differences: NDArray[np.float64]) -> None:
    assert p_value_of_groups(differences, overlap=0) == 1.0
