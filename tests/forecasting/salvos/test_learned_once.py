"""What is learned of the same numbers is learned once, and never what is learned of others."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from features.history import LaunchHistory
from forecasting.salvos.ensemble import SalvoEnsemble
from forecasting.salvos.learned_once import KEPT, learned_once
from forecasting.salvos.model import Model
from forecasting.salvos.models.local_level import LocalLevel
from forecasting.salvos.models.log_normal import LogNormalRegression
from forecasting.salvos.models.negative_binomial import NegativeBinomialRegression
from forecasting.salvos.models.two_regime import TwoRegime
from forecasting.salvos.saved import SavedModel, digest_of, save_model


def test_a_result_is_kept_by_the_bytes_of_what_it_is_of() -> None:
    asked: list[tuple[NDArray[np.float64], float]] = []

    @learned_once
    def scaled(values: NDArray[np.float64], factor: float) -> tuple[NDArray[np.float64], float]:
        asked.append((values, factor))
        return values * factor, float(values.sum())

    values = np.arange(6.0)
    first = scaled(values, 2.0)
    assert scaled(values.copy(), 2.0) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0][0] = 1.0
    others = [(values, 3.0), (values + 1e-12, 2.0), (values.reshape(2, 3), 2.0), (values.astype(np.float32), 2.0)]
    for other in others:
        np.testing.assert_array_equal(scaled(*other)[0], other[0] * other[1])
    assert len(asked) == 5
    values[0] = 7.0  # what was asked before, changed in place, is something else
    assert scaled(values, 2.0)[0][0] == 14.0
    for factor in range(10, 10 + KEPT):
        scaled(values, float(factor))
    n_asked = len(asked)
    scaled(np.arange(6.0), 2.0)
    assert len(asked) == n_asked + 1  # no more than the last are kept


def test_what_fails_is_not_kept() -> None:
    tries = []

    @learned_once
    def fails(values: NDArray[np.float64]) -> float:
        tries.append(values)
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            fails(np.ones(2))
    assert len(tries) == 2


def test_a_recipe_learns_the_same_whoever_learned_before(
    history_of: Callable[[ArrayLike], LaunchHistory],
) -> None:
    counts = np.random.default_rng(4).negative_binomial(2, 0.02, size=(2, 150)).astype(float)
    recipes: list[Model] = [LocalLevel(), TwoRegime(), NegativeBinomialRegression(), LogNormalRegression()]
    recipes.append(SalvoEnsemble())

    def digests(order: list[Model], days: NDArray[np.float64]) -> dict[str, str]:
        history = history_of(days)
        return {
            model.model_id: digest_of(save_model(SavedModel.of(model, model.fit(history), history))) for model in order
        }

    first = digests(recipes, counts[0])
    other = digests(recipes[::-1], counts[1])
    assert digests(recipes[::-1], counts[0]) == first
    assert all(first[name] != other[name] for name in first)
