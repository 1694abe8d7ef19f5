"""Orders for the joint risk: enough for all stocks together, and no cheaper mix of all is."""

from itertools import product

import numpy as np
import pytest

from features.errors import InputError
from forecasting.orders.joint import joint_orders
from forecasting.orders.ordering import Cover
from tests.forecasting.plans import DefenceOf, stocked


@pytest.mark.parametrize("seed", range(4))
def test_no_cheaper_mix_keeps_all_stocks(seed: int, defence_of: DefenceOf) -> None:
    """Two layers that lack at the same times, more or less, and every mix of packs of five beside."""
    rng = np.random.default_rng(seed)
    common = rng.poisson(20, 400)
    prices = (1_000.0, 3_500.0)
    defence = defence_of([stocked(0.0, pack_size=5, unit_cost_usd=each) for each in prices])
    needs = np.stack([common + rng.poisson(5, 400), common // 2 + rng.poisson(9, 400)])
    covers = [(name, Cover(each, np.zeros(400, bool))) for name, each in zip(defence.ids, needs, strict=True)]
    found = joint_orders(covers, defence, 0.9)
    quantities = np.array([each.quantity for each in found])
    assert (needs <= quantities[:, np.newaxis]).all(axis=0).mean() >= 0.9
    assert (quantities % 5 == 0).all()
    enough = [
        prices[0] * a + prices[1] * b
        for a, b in product(range(0, 60, 5), range(0, 60, 5))
        if ((needs[0] <= a) & (needs[1] <= b)).mean() >= 0.9
    ]
    assert float(quantities @ np.array(prices)) == min(enough)
    assert [each.stock_out_probability for each in found] == [
        float((need > quantity).mean()) for need, quantity in zip(needs, quantities, strict=True)
    ]


def test_a_level_that_cannot_be_is_refused(defence_of: DefenceOf) -> None:
    with pytest.raises(InputError, match="service level is 1"):
        joint_orders([], defence_of([stocked(0.0)]), 1.0)
    assert joint_orders([], defence_of([stocked(0.0)]), 0.9) == ()
