"""What it is worth to find out a number first: beside a nested simulation, and nothing where it does not matter."""

import numpy as np
import pytest

from forecasting.orders.information import perfect_information

N = 4_000


def test_it_is_what_a_nested_simulation_finds() -> None:
    """Order little, or much: much costs 1 and saves a third of the square of x + y, which is at most 16 / 3. Inner
    means of the nested simulation are over 500 draws of y for each of 2,000 of x."""
    rng = np.random.default_rng(3)
    x, y, irrelevant = rng.uniform(0.0, 2.0, (3, N))

    def saved(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x + y) ** 2 / 3.0 - 1.0

    outer, inner = rng.uniform(0.0, 2.0, (2_000, 1)), rng.uniform(0.0, 2.0, (1, 500))
    of_each = saved(outer, inner)
    nested = float(np.maximum(of_each.mean(axis=1), 0.0).mean() - max(of_each.mean(), 0.0))
    utilities = np.stack([np.zeros(N), saved(x, y) + rng.normal(0.0, 1.0, N)])
    drawn = {("a", "stock"): x, ("a", "unit_cost_usd"): irrelevant, ("a", "salvo"): np.ones(N)}
    found = {each.quantity: each for each in perfect_information(drawn, utilities)}
    assert list(found) == ["stock", "unit_cost_usd"]  # what does not vary is left out
    assert nested > 0.05
    assert found["stock"].value == pytest.approx(nested, abs=0.015)
    assert found["stock"].measurable
    assert found["unit_cost_usd"].value == pytest.approx(0.0, abs=0.01)
    assert not found["unit_cost_usd"].measurable


def test_a_number_that_moves_all_decisions_alike_is_worth_nothing() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(N)
    utilities = np.stack([5.0 * x, 5.0 * x - 1.0]) + rng.normal(0.0, 0.1, (2, N))
    (found,) = perfect_information({("", "x"): x}, utilities)
    assert found.value == pytest.approx(0.0, abs=0.01)
    assert not found.measurable
