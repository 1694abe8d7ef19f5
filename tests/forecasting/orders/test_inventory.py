"""Counted stocks rolled forward: the count where nothing happens, exactly what came and went where that is known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from features.history import LaunchHistory
from features.records import QuietDayRule
from features.stocks import StockCount
from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.defence.stock import Delivery
from forecasting.orders.inventory import (
    CountedStock,
    counted_stocks,
    past_salvos,
    with_counted,
    with_counted_levels,
)
from forecasting.salvos.forecast import SalvoForecast
from tests.forecasting.defence.defence_layers import DefenceOf

ORIGIN = date(2026, 3, 31)
PATHS = 400


def history(launched: Sequence[float]) -> LaunchHistory:
    """A record that ends on the origin."""
    first = ORIGIN - timedelta(days=len(launched) - 1)
    counts = np.array(launched, dtype=float)
    return LaunchHistory("ukraine", "shahed", QuietDayRule.NONE, first, counts, np.full(counts.size, np.nan))


def salvos() -> SalvoForecast:
    return SalvoForecast(
        *("ukraine", "shahed", ORIGIN, ORIGIN, np.zeros((PATHS, 1), dtype=np.int64), "m", (), "d"),
        QuietDayRule.NONE,
        100,
        1,
    )


def guns(defence_of: DefenceOf, **stated: float) -> Defence:
    """One layer that engages every drone, and takes one interceptor each."""
    layer = {"engaged_share": 1.0, "kill_probability": 0.5, "engagements_per_night": 1000.0, "stock": 5.0}
    layer |= {"interceptors_per_engagement": 1.0, "monthly_supply": 0.0, "unit_cost_usd": 1.0}
    return defence_of([layer | stated])


def meet(past: SalvoForecast, defence: Defence, due: Sequence[Delivery]) -> Engagements:
    return engage(past, defence, deliveries=due)


def rolled(
    defence: Defence, record: LaunchHistory, *counts: tuple[int, int], due: Sequence[Delivery] = ()
) -> CountedStock:
    """counts: (quantity, days before the origin)."""
    layer = defence.ids[0]
    told = [StockCount.of("ukraine", layer, n, ORIGIN - timedelta(days=age)) for n, age in counts]
    (found,) = counted_stocks(told, defence, record, salvos(), due, meet)
    return found


def test_with_no_use_and_no_deliveries_the_count_comes_back(defence_of: DefenceOf) -> None:
    for age in (0, 1, 20):
        found = rolled(guns(defence_of), history([0.0] * 30), (70, age))
        assert set(found.at_origin.in_hand) == {70}
        assert found.at_origin.age_days == age


def test_what_came_and_went_is_added_and_taken(defence_of: DefenceOf) -> None:
    defence = guns(defence_of)
    due = [Delivery(defence.ids[0], ORIGIN - timedelta(days=back), n) for back, n in ((0, 5), (2, 30), (3, 1000))]
    found = rolled(defence, history([9.0, 9.0, 9.0, 10.0, 20.0, 30.0]), (100, 3), due=due)
    assert set(found.at_origin.in_hand) == {100 - 60 + 35}  # what came on the day of the count is in it
    assert found.at_origin.delivered == 35
    assert set(rolled(defence, history([50.0, 50.0, 50.0]), (70, 2)).at_origin.in_hand) == {0}  # never below nothing


def test_an_unknown_day_is_drawn_from_those_before_it(defence_of: DefenceOf) -> None:
    record = history([10.0, 20.0, np.nan])
    past = past_salvos(record, salvos(), ORIGIN - timedelta(days=1), ORIGIN)
    assert set(past.paths[:, 0]) == {10, 20}
    assert set(rolled(guns(defence_of), record, (100, 1)).at_origin.in_hand) == {80, 90}


def test_the_range_widens_with_age_and_the_count_before_is_held_against_the_last(defence_of: DefenceOf) -> None:
    defence = guns(defence_of, engaged_share=0.5)
    record = history([40.0] * 40)
    spread = [np.ptp(rolled(defence, record, (5000, age)).at_origin.range) for age in (1, 9, 36)]
    assert 0 < spread[0] < spread[1] < spread[2]
    found = rolled(defence, record, (5000, 20), (4000, 5))
    assert found.checked is not None
    low, _, high = found.checked.range
    assert low <= 5000 - 15 * 20 <= high
    assert [note.code for note in found.notes] == ["stock_rolled_forward", "count_against_model"]


@pytest.mark.parametrize("values", [[70], [70, 71], [10, 10, 500], [10, 400, 500], [10, 500, 500]])
def test_each_path_opens_with_its_own_stock(defence_of: DefenceOf, values: list[int]) -> None:
    defence = guns(defence_of)
    found = rolled(defence, history([0.0] * 30), (70, 1))
    stock = np.resize(np.array(values), PATHS)
    found = replace(found, at_origin=replace(found.at_origin, in_hand=stock))
    counted = with_counted(defence, [found])
    met = engage(salvos(), counted, levels=with_counted_levels((), counted, [found]))
    assert met.stocks[0].opening.tolist() == stock.tolist()
