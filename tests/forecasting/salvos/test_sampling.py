"""The draws that models share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.salvos.sampling import (
    LARGEST,
    exponential_weights,
    log_normal_kernel,
    stratified_uniforms,
    weighted_draws,
    whole_drones,
)


def test_weights_halve_every_half_life() -> None:
    weights = exponential_weights(31, half_life=10.0)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[-11] / weights[-1] == pytest.approx(0.5)
    assert weights[-31] / weights[-1] == pytest.approx(0.125)


@settings(deadline=None, max_examples=30)
@given(n_paths=st.integers(1, 200), horizon=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_each_column_of_uniforms_has_one_value_in_each_stratum(n_paths: int, horizon: int, seed: int) -> None:
    uniforms = stratified_uniforms((n_paths, horizon), np.random.default_rng(seed))
    for column in uniforms.T:
        assert sorted(np.floor(column * n_paths).astype(int)) == list(range(n_paths))


def test_the_columns_of_uniforms_are_independent() -> None:
    uniforms = stratified_uniforms((20_000, 2), np.random.default_rng(1))
    assert abs(np.corrcoef(uniforms.T)[0, 1]) < 0.02


def test_weighted_draws_come_in_proportion_to_their_weights() -> None:
    draws = weighted_draws(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 3.0]), (1_000, 1), np.random.default_rng(1))
    values, counts = np.unique(draws, return_counts=True)
    assert values.tolist() == [1.0, 3.0]
    assert counts.tolist() == [250, 750]


def test_the_kernel_keeps_the_mean_and_goes_beyond_the_largest_value() -> None:
    draws = log_normal_kernel(np.full((200_000, 1), 100.0), 0.25, np.random.default_rng(1))
    assert draws.mean() == pytest.approx(100.0, rel=0.003)
    assert np.log(draws).std() == pytest.approx(0.25, rel=0.01)
    assert draws.max() > 200.0


def test_rounding_is_whole_keeps_the_mean_and_is_bounded() -> None:
    rounded = whole_drones(np.full((100_000, 1), 2.3), np.random.default_rng(1))
    assert set(np.unique(rounded)) == {2, 3}
    assert rounded.mean() == pytest.approx(2.3, abs=0.01)
    assert whole_drones(np.array([-5.0, 1e30]), np.random.default_rng(1)).tolist() == [0, int(LARGEST)]
