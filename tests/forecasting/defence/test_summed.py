"""Outcomes without their nights."""

import numpy as np

from forecasting.defence.engagement import engage
from forecasting.defence.summed import without_nights
from tests.forecasting.defence.defence_layers import DefenceOf, SalvosOf
from tests.forecasting.plans import stocked


def test_what_is_summed_keeps_no_nights_in_memory(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """An array that is a view of a larger one would."""
    met = without_nights(engage(salvos_of(np.full((3, 5), 10)), defence_of([stocked(20.0)])))
    (stock,) = met.stocks
    assert stock.supplied.shape == (3, 1)
    kept = (stock.supplied, stock.used, stock.needed, met.actual.leakers, met.actual.kills)
    assert [each.base is None for each in kept] == [True] * 5
