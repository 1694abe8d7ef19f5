"""Forecasts and stocks: what they say of themselves, worked by hand."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from features.errors import InputError
from forecasting.defence.outcome import StockOutlook
from forecasting.salvos.forecast import SalvoForecast

SalvosOf = Callable[..., SalvoForecast]
PATHS = [[10, 0, 300], [0, 299, 5]]


def outlook(needed: list[list[int]], supplied: list[list[int]], opening: list[int]) -> StockOutlook:
    """A stock from which what is needed is taken while it is there."""
    need, supply, stock = np.array(needed), np.array(supplied), np.array(opening)
    used = np.zeros_like(need)
    for night in range(need.shape[1]):
        used[:, night] = np.minimum(need[:, night], stock + supply[:, night] - used.sum(axis=1))
    return StockOutlook("a", stock, supply, used, need)


def test_the_first_column_is_the_day_after_the_origin(salvos_of: SalvosOf) -> None:
    made = salvos_of(PATHS)
    assert made.days == [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
    assert (made.n_paths, made.horizon) == (2, 3)


def test_totals_and_largest_days_are_taken_path_by_path(salvos_of: SalvosOf) -> None:
    made = salvos_of(PATHS)
    assert made.totals(1).tolist() == [10, 0]
    assert made.totals(3).tolist() == [310, 304]
    assert made.largest_day.tolist() == [300, 299]


@pytest.mark.parametrize("n_days", [0, -1, 4])
def test_a_total_over_other_days_than_forecast_is_refused(n_days: int, salvos_of: SalvosOf) -> None:
    with pytest.raises(InputError, match=f"a total of {n_days} days: expected 1 to the horizon, 3"):
        salvos_of(PATHS).totals(n_days)


def test_a_massed_strike_is_a_day_of_the_threshold_or_more(salvos_of: SalvosOf) -> None:
    made = salvos_of(PATHS, massed_threshold=300)
    assert made.massed.tolist() == [[False, False, True], [False, False, False]]


def test_the_paths_cannot_be_written_to(salvos_of: SalvosOf) -> None:
    with pytest.raises(ValueError, match="read-only"):
        salvos_of(PATHS).paths[0, 0] = 1


def test_a_stock_worked_by_hand() -> None:
    # Path 1: 10 in stock, 2 delivered per night: 5, 5, 5, 5 needed; short by 0, 0, 0 (15 of 16), then 2 (20 of 18).
    # Path 2: all needed on the first night: short at once by 8, and the deliveries to come do not help that night.
    stock = outlook(
        needed=[[5, 5, 5, 5], [20, 0, 0, 0]],
        supplied=[[2, 4, 6, 8], [2, 4, 6, 8]],
        opening=[10, 10],
    )
    assert stock.missing.tolist() == [[-7, -4, -1, 2], [8, 6, 4, 2]]
    assert stock.shortfall.tolist() == [2, 8]
    assert stock.days_of_supply.tolist() == [3, 0]
    assert stock.stock_out_by_day.tolist() == [0.5, 0.5, 0.5, 1.0]
    assert stock.stock_out_probability == 1.0
    assert stock.used.tolist() == [[5, 5, 5, 3], [12, 0, 0, 0]]
    assert stock.at_end.tolist() == [0, 6]


def test_a_stock_that_ran_short_once_has_run_short_even_when_supply_catches_up() -> None:
    stock = outlook(needed=[[3, 0, 0]], supplied=[[1, 2, 9]], opening=[1])
    assert stock.missing[0].tolist() == [1, 0, -7]
    assert stock.stock_out_by_day.tolist() == [1.0, 1.0, 1.0]
    assert stock.days_of_supply.tolist() == [0]


def test_a_stock_that_lasts_exactly_has_not_run_short() -> None:
    stock = outlook(needed=[[4, 4]], supplied=[[1, 2]], opening=[6])
    assert stock.shortfall.tolist() == [0]
    assert stock.days_of_supply.tolist() == [np.inf]
    assert stock.stock_out_probability == 0.0
    assert stock.at_end.tolist() == [0]


def test_a_stock_that_runs_out_against_what_other_layers_leave_has_run_out() -> None:
    """2 a night are needed had every layer enough; as it is, 5 come on the second night, of which one finds nothing."""
    opening, supplied = np.array([6]), np.zeros((1, 3), dtype=np.int64)
    needed, wanted, used = np.array([[2, 2, 2]]), np.array([[2, 5, 2]]), np.array([[2, 4, 0]])
    stock = StockOutlook("a", opening, supplied, used, needed, wanted)
    assert stock.shortfall.tolist() == [0]
    assert stock.days_of_supply.tolist() == [1]
    assert stock.stock_out_by_day.tolist() == [0.0, 1.0, 1.0]
    assert stock.stock_out_probability == 1.0
