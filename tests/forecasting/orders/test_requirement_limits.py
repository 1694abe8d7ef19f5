"""What stands in the way of a target, and what it would be worth."""

import numpy as np
import pytest

from features.messages import Message
from forecasting.orders.requirement import Requirement, requirement, values_of_limits
from forecasting.report.language import translator
from forecasting.report.words import money
from tests.forecasting.orders.programs import program_of
from tests.said import said

CHANNEL = Message.of("fire_channel", layer="a")
SIMPLE = [(1.0, 0.5, 60.0, 2.0, 20.0, 1_000.0)]
"""One layer: of 100 drones 60 are engaged, with 20 in stock 10 of them; each kill costs 4,000 USD."""


def test_the_budget_is_the_limit() -> None:
    program = program_of([[100]], SIMPLE)
    found = requirement(program, 80, budget_usd=40_000)
    assert not found.met
    assert (found.quantities.tolist(), found.leakers) == ([40], 85)
    assert said(found.obstacle) == (
        "the budget of 40,000 USD is the limit: with it 85 armed drones leak; "
        "the target of 80 needs 60,000 USD, 20,000 USD more"
    )
    assert np.isnan(found.leaker_price_usd)
    assert found.budget_value == pytest.approx(1 / 4_000)
    assert [said(each) for each in values_of_limits(found, 1, (CHANNEL,), np.ones(1))] == [
        "one more million USD stops up to 250 more armed drones over the 1 night"
    ]
    assert requirement(program, 80, budget_usd=60_000).met


def test_no_budget_at_all() -> None:
    found = requirement(program_of([[100]], SIMPLE), 80, budget_usd=0)
    assert (found.met, found.quantities.tolist(), found.cost_usd) == (False, [0], 0)
    assert "the budget of 0 USD is the limit: with it 95 armed drones leak" in said(found.obstacle)
    assert requirement(program_of([[100]], SIMPLE), 95, budget_usd=0).met


def test_deliveries_are_the_limit() -> None:
    found = requirement(program_of([[100]], SIMPLE, limit=30), 80)
    assert (found.met, found.quantities.tolist(), found.leakers) == (False, [30], 87.5)
    assert said(found.obstacle) == (
        "with all that can be bought 88 armed drones leak, the target is 80: "
        "deliveries are the limit, 30 a more would do"
    )
    assert found.limit_value[0] == pytest.approx(0.25)


def test_the_lead_time_is_the_limit() -> None:
    found = requirement(program_of([[100, 100]], SIMPLE, lead_time=1), 145)
    assert said(found.obstacle) == (
        "with all that can be bought 165 armed drones leak, the target is 145: "
        "the lead time is the limit, with orders at hand on the first night 140 would leak"
    )


def test_capacity_is_the_limit() -> None:
    found = requirement(program_of([[100], [100]], SIMPLE), 60)
    assert said(found.obstacle) == (
        "with all that can be bought 70 armed drones leak, the target is 60: "
        "capacity is the limit, 20 more engagements a night of a would do"
    )
    assert found.capacity_value[0] == pytest.approx(0.5)
    assert [said(each) for each in values_of_limits(found, 1, (CHANNEL,), np.full(1, 6.0))] == [
        "one more fire unit of a, a fire channel, stops up to 3 more armed drones over the 1 night"
    ]
    # A second layer gains more by it: alone it leaves 28, with the first 20.
    two = program_of([[100]], [*SIMPLE, (1.0, 0.6, 10.0, 1.0, 0.0, 1.0)])
    assert "limit, 40 more engagements a night of b would do" in said(requirement(two, 40).obstacle)
    assert "limit, 36 more engagements a night of b and a would do" in said(requirement(two, 25).obstacle)


def test_reach_and_kill_probability_are_the_limit() -> None:
    found = requirement(program_of([[100]], SIMPLE), 41)
    assert said(found.obstacle) == (
        "with all that can be bought 70 armed drones leak, the target is 41: "
        "reach and kill probability are the limit, 50 leak with any stock and capacity"
    )
    assert found.quantities.tolist() == [100]
    # The mix is the cheapest of those that leak about least: it does not pay any price for the last thousandth.
    dear = program_of([[100]], [*SIMPLE, (0.001, 0.5, np.inf, 1.0, 0.0, 1e9)])
    assert requirement(dear, 41).quantities.tolist() == [100, 0]


def test_what_limits_are_worth_is_told_in_words() -> None:
    found = Requirement(
        layer_ids=("a", "b"),
        quantities=np.array([1, 2]),
        cost_usd=1.0,
        leakers=1.0,
        met=True,
        obstacle=None,
        leaker_price_usd=312_345.0,
        capacity_value=np.array([120_000.0, 0.0]),
        limit_value=np.array([0.0, 25.0]),
        budget_value=0.0,
        rounds=1,
    )
    units = (Message.of("fire_unit", layer="a", engagements=10.0), Message.of("fire_channel", layer="b"))
    assert [said(each) for each in values_of_limits(found, 28, units, np.array([10.0, 5.0]))] == [
        "one armed leaker fewer costs 312,000 USD or more",
        "one more fire unit of a, 10 engagements a night, saves up to 1.2 M USD over the 28 nights",
        "one more thousand interceptors of b that can be bought saves up to 25,000 USD over the 28 nights",
    ]


@pytest.mark.parametrize(
    ("usd", "told"), [(0.0, "0 USD"), (999.6, "1,000 USD"), (45_649.0, "45,600 USD"), (1_234_567.0, "1.23 M USD")]
)
def test_money_is_told_to_three_figures(usd: float, told: str) -> None:
    assert money(usd, translator("en")) == told
