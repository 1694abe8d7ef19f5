"""Gradient boosting beside scikit-learn's own, which is slower."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils.stats import _weighted_percentile

from forecasting.salvos.models.gradient_boosting import _pinball_loss, _weighted_percentiles


@pytest.mark.parametrize("quantile", [0.02, 0.5, 0.97])
def test_the_loss_learns_what_scikit_learn_learns_to_the_bit(quantile: float) -> None:
    rng = np.random.default_rng(1)
    inputs, weights = rng.normal(size=(400, 3)), rng.uniform(0.1, 1.0, 400)
    response = np.round(inputs[:, 0] + rng.normal(size=400), 1)  # with ties
    few = {"max_iter": 15, "max_leaf_nodes": 5, "early_stopping": False, "random_state": 0}
    theirs = HistGradientBoostingRegressor(loss="quantile", quantile=quantile, **few)
    ours = HistGradientBoostingRegressor(loss=_pinball_loss(quantile, weights), **few)
    expected = theirs.fit(inputs, response, sample_weight=weights).predict(inputs)
    np.testing.assert_array_equal(ours.fit(inputs, response, sample_weight=weights).predict(inputs), expected)


@pytest.mark.parametrize("digits", [1, 8])
def test_the_edges_of_the_bins_are_those_of_scikit_learn_to_the_bit(digits: int) -> None:
    """Of values that come again and again, and of such as do not; of weights that differ, and of equal ones."""
    rng = np.random.default_rng(digits)
    values = rng.normal(size=400).round(digits)
    ranks = np.linspace(0, 100, 65)[1:-1]
    for weights in (0.5 ** (rng.integers(0, 500, 400) / 180), np.ones(400)):
        expected = _weighted_percentile(values, weights, ranks, average=True)
        np.testing.assert_array_equal(_weighted_percentiles(values, weights, ranks), expected)
