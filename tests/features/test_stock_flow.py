"""The store: what comes in, what is launched, and what can be sustained."""

import numpy as np
import pytest

from features.records import UKRAINE
from features.stock_flow import stock_flow, sustained
from tests.features.stated_production import FIRST, drawn, event, number, on, plant, rate, scenario


class TestStockFlow:
    def test_a_store_by_hand(self) -> None:
        events = [
            event("transfer_out", 1, rate=rate(30.0), until=on(1)),
            event("store_strike", 2, drones_lost=number(1_000, "drones")),
        ]
        stated = scenario([plant()], events, opening=50.0, minimum=20.0, released=0.5, lost_before_launch=0.2)
        flow = stock_flow(drawn(stated, 4), np.array([60, 1_000, 5, 5]))
        # 50 + 50; 60 launched take 75. 25 + 50 - 30 gone; 25 above the minimum launch 20. All 70 are struck.
        assert flow.launched[0] == pytest.approx([60, 20, 0, 5])
        assert flow.lost_before_launch[0] == pytest.approx([15, 5, 0, 1.25])
        assert flow.transferred[0] == pytest.approx([0, 30, 0, 0])
        assert flow.struck[0] == pytest.approx([0, 0, 70, 0])
        assert flow.stock[0] == pytest.approx([25, 20, 0, 43.75])

    def test_what_is_certain_is_launched_first_and_without_loss(self) -> None:
        sure = plant(id="sure", name="Sure", as_stated=True, armed=(rate(10.0) | {"basis": "known"},))
        supply = drawn(scenario([plant(), sure], released=0.5, lost_before_launch=0.2), 2)
        flow = stock_flow(supply, np.array([5.0, 1_000.0]))
        # 5 of the 10 are launched; then 15 certain ones, and .8 of the 100 that the plant has put in store.
        assert flow.launched[0] == pytest.approx([5, 15 + 80])
        assert flow.lost_before_launch[0] == pytest.approx([0, 20])
        assert flow.stock[0] == pytest.approx([5 + 50, 0])
        assert sustained(supply, supply.opening, FIRST)[0] == pytest.approx([10 + 40, 10 + 40])

    def test_whole_drones_where_whole_ones_are_wanted(self) -> None:
        supply = drawn(scenario([plant(armed=(rate(2.75),))]), 2)
        assert list(stock_flow(supply, np.array([9.0, 9.0])).launched[0]) == [2, 3]
        assert list(stock_flow(supply, np.array([9.5, 0.5])).launched[0]) == [2.75, 0.5]

    def test_nothing_is_launched_in_a_pause(self) -> None:
        supply = drawn(scenario([plant()], [event("pause", 1, theatre=UKRAINE, until=on(2))]), 4)
        assert list(stock_flow(supply, np.full(4, 1_000)).launched[0]) == [100, 0, 0, 300]

    def test_rounding_never_takes_more_than_there_is(self) -> None:
        supply = drawn(scenario(opening=(1.0, 1_000.0), lost_before_launch=(0.0, 0.9)), 1, 2_000)
        stock = stock_flow(supply, np.array([1e6 + 0.5])).stock
        assert stock.min() >= 0
        assert stock.max() < 1e-9

    @pytest.mark.parametrize("wrong", [-1.0, np.nan])
    def test_negative_or_missing_wishes_are_refused(self, wrong: float) -> None:
        with pytest.raises(ValueError, match="negative or missing"):
            stock_flow(drawn(scenario(), 2), np.array([1.0, wrong]))


class TestSustained:
    def test_without_production_the_store_above_its_minimum_falls_to_1_e_in_the_drawdown(self) -> None:
        supply = drawn(scenario(opening=1_100.0, minimum=100.0, lost_before_launch=0.25), 30)
        launches = sustained(supply, supply.opening, FIRST)[0]
        assert launches[:10].sum() == pytest.approx(0.75 * 1_000 * (1 - np.exp(-1)))
        assert launches.sum() == pytest.approx(0.75 * 1_000 * (1 - np.exp(-3)))

    def test_production_is_launched_beside_the_store_from_the_day_that_is_asked(self) -> None:
        supply = drawn(scenario([plant()], opening=1e6, minimum=100.0), 5)
        launches = sustained(supply, np.array([600.0]), on(3))
        used = 1 - np.exp(-0.1)
        assert launches[0] == pytest.approx([100 + 500 * used, 100 + 500 * (1 - used) * used])

    def test_what_piles_up_in_a_pause_is_used_afterwards(self) -> None:
        supply = drawn(scenario([plant()], [event("pause", 0, theatre=UKRAINE, until=on(3))]), 6)
        launches = sustained(supply, supply.opening, FIRST)[0]
        assert list(launches[:4]) == [0, 0, 0, 0]
        assert launches[4] == pytest.approx(100 + 400 * (1 - np.exp(-0.1)))

    def test_a_store_below_its_minimum_is_filled_first(self) -> None:
        supply = drawn(scenario([plant()], minimum=150.0), 3)
        assert sustained(supply, np.zeros(1), FIRST)[0] == pytest.approx([0, 50, 100])

    def test_strikes_and_transfers_take_theirs(self) -> None:
        lost = [event("store_strike", 0, drones_lost=number(500, "drones")), event("transfer_out", 1, rate=rate(40.0))]
        supply = drawn(scenario([plant()], lost), 2)
        assert sustained(supply, np.array([300.0]), FIRST)[0] == pytest.approx([0, 60])
