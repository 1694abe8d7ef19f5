"""A stock that was built up and is launched within days."""

from datetime import date

import numpy as np
import pytest

from features.stock_flow import SupplyDraws
from forecasting.supply.coupling import CoupledPaths
from forecasting.supply.surge import surge_of


def test_how_long_a_stock_lasts_and_what_comes_after_it() -> None:
    """1,000 drones, half of them lost before launch; 200 taken a day: a tenth is left after five days, less 20 made."""
    days = np.arange(1, 9)
    made = np.full((2, 8), 20.0)
    nothing = np.zeros((2, 8))
    stock = np.array([np.maximum(1_000.0 - 180.0 * days, 0.0), 1_000.0 - 10.0 * days])
    supply = SupplyDraws(
        theatre="south_korea",
        first_day=date(2026, 5, 1),
        armed=made,
        decoys=nothing,
        armed_as_stated=nothing,
        decoys_as_stated=nothing,
        released=np.ones(2),
        struck=nothing,
        transferred=nothing,
        opening=np.full(2, 1_000.0),
        minimum=np.zeros(2),
        lost_before_launch=np.full(2, 0.5),
        drawdown=np.full(2, 5.0),
        paused=np.zeros(8, dtype=bool),
    )
    paths = np.array([[100] * 5 + [10] * 3, [5] * 8])
    found = surge_of(CoupledPaths(paths, supply, stock))
    assert found.stock == pytest.approx([500, 500])
    assert found.days.tolist() == [5, 9]  # the second is not used up in the eight days
    assert found.in_surge == pytest.approx([100, 5])
    assert found.afterwards == pytest.approx([10, 10])
