"""Quantiles of single days joined into paths: each day keeps its quantiles, and the order decides the totals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.errors import InputError
from forecasting.record.scores import QUANTILE_LEVELS
from forecasting.salvos.contract import history_of, salvos
from forecasting.salvos.from_quantiles import past_windows, paths_from_quantiles

N_PATHS, HORIZON = 1_000, 7
DAYS = np.sort(np.random.default_rng(1).gamma(4, 25, (QUANTILE_LEVELS.size, HORIZON)), axis=0).round()


def joined(order: NDArray[np.float64] | float) -> NDArray[np.int64]:
    return paths_from_quantiles(DAYS, QUANTILE_LEVELS, N_PATHS, np.random.default_rng(2), order=order)


@given(order=st.one_of(st.floats(0, 1), st.integers(0, 9)), seed=st.integers(0, 99))
def test_each_day_keeps_its_quantiles_whatever_joins_them(order: float, seed: int) -> None:
    windows = np.random.default_rng(seed).integers(0, 5, (25, HORIZON)).astype(float)
    by = windows if isinstance(order, int) else order
    paths = paths_from_quantiles(DAYS, QUANTILE_LEVELS, N_PATHS, np.random.default_rng(seed), order=by)
    assert (paths.shape, paths.dtype) == ((N_PATHS, HORIZON), np.int64)
    np.testing.assert_array_equal(np.sort(paths, axis=0), np.sort(joined(0.0), axis=0))
    # Within the nearest two of a thousand paths, and half a drone for the rounding.
    told, steps = np.quantile(paths, QUANTILE_LEVELS, axis=0), np.diff(np.sort(paths, axis=0), axis=0).max()
    np.testing.assert_allclose(told, DAYS, atol=0.5 + steps)


def test_days_that_go_together_make_totals_wider() -> None:
    spread = [np.diff(np.quantile(joined(order).sum(axis=1), [0.1, 0.9]))[0] for order in (0.0, 0.5, 1.0)]
    assert spread == sorted(spread)
    assert spread[0] < 0.6 * spread[-1]
    independent = np.sqrt(joined(0.0).astype(float).var(axis=0).sum())
    assert joined(0.0).sum(axis=1).std() == pytest.approx(independent, rel=0.08)
    # All high or all low together: a quantile of the total is the sum of the days' own.
    np.testing.assert_array_equal(np.sort(joined(1.0).sum(axis=1)), np.sort(joined(1.0), axis=0).sum(axis=1))


def test_the_order_of_past_windows_is_copied() -> None:
    """Windows in which the second day is always the opposite of the first."""
    rng = np.random.default_rng(3)
    first = rng.random(40)
    windows = np.column_stack([first, 1.0 - first])
    paths = paths_from_quantiles(DAYS[:, :2], QUANTILE_LEVELS, 40, rng, order=windows)
    ranks = paths.argsort(axis=0).argsort(axis=0)
    assert np.corrcoef(ranks.T)[0, 1] < -0.95


def test_past_windows_are_relative_to_the_level_before_them_and_end_at_the_origin() -> None:
    counts = salvos(300)
    counts[100] = np.nan
    windows = past_windows(history_of(counts), HORIZON)
    assert len(windows) == 300 - HORIZON - HORIZON  # one less the first, and those with the unknown day
    growing = past_windows(history_of(np.exp(np.linspace(0, 5, 300))), HORIZON)
    np.testing.assert_allclose(growing[-1], growing[-100], rtol=1e-2)  # a level that grew is no dependence


@pytest.mark.parametrize(
    ("quantiles", "levels", "order", "told"),
    [
        ([[1.0], [2.0]], [0.25, 0.75], 0.0, "expected them to reach from 0.05 to 0.95"),
        ([[1.0], [2.0]], [0.95, 0.05], 0.0, "expected ascending shares"),
        ([[1.0]], [0.05, 0.95], 0.0, "expected a row for each level"),
        ([[-1.0], [2.0]], [0.05, 0.95], 0.0, "a quantile is negative"),
        ([[1.0], [2.0]], [0.05, 0.95], 1.5, "order is 1.5: expected a correlation"),
        ([[1.0], [2.0]], [0.05, 0.95], np.ones((3, 1)), "expected at least 20 of 1 days"),
    ],
)
def test_what_does_not_fit_is_refused(quantiles: object, levels: object, order: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        paths_from_quantiles(quantiles, levels, 10, np.random.default_rng(1), order=order)  # type: ignore[arg-type]
