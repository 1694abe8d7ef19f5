"""The cheapest mix: against the same program written out in full, by hand, against brute force, and by its laws."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.messages import Message
from forecasting.orders.requirement import DefenceProgram, _Recourse, requirement, values_of_limits
from tests.forecasting.orders.programs import (
    between,
    cvar,
    fought_night_by_night,
    in_full,
    leakers_with,
    least,
    none_bought,
    program_of,
    random_program,
)


def test_worked_by_hand() -> None:
    """100 and 200 armed drones on two paths. Layer a reaches half and kills half at 2 interceptors and 10 USD each;
    layer b reaches all and kills .8 at 1 interceptor and 100 USD. A kill costs 40 USD in a, 125 USD in b; but a kill in
    a is worth less where b meets the drone anyway.

    Without any, 150 leak on average. For 90, 60 more kills are needed. a can kill 25 and 50, 37.5 on average, with 200
    interceptors; the rest are kills of b, 22.5 on average: the same number on both paths, so 28.125 interceptors.
    """
    program = program_of([[100], [200]], [(0.5, 0.5, np.inf, 2, 0, 10), (1, 0.8, np.inf, 1, 0, 100)])
    found = requirement(program, 90)
    assert found.met
    assert found.quantities.tolist() == [200, 29]
    assert found.cost_usd == 200 * 10 + 29 * 100
    # In b alone a leaker costs 125 USD; a beyond 100 interceptors serves the second path alone, 40 / .5 = 80 USD.
    assert found.leaker_price_usd == pytest.approx(125)
    assert requirement(program, 130).quantities.tolist() == [80, 0]  # .25 x 80 = 20 kills on either path
    assert requirement(program, 130).leaker_price_usd == pytest.approx(40)
    assert requirement(program, 118).quantities.tolist() == [100 + 56, 0]  # 25 on either, 7 more on average on one
    assert requirement(program, 118).leaker_price_usd == pytest.approx(80)
    # The mean of the worst half is the second path: 40 USD a kill up to 50, then b.
    worst = requirement(program, 150, tail_level=0.5)
    assert (worst.quantities.tolist(), worst.leakers) == ([200, 0], 150)
    assert worst.leaker_price_usd in (pytest.approx(40), pytest.approx(125))


def test_what_an_engagement_is_worth_worked_by_hand() -> None:
    """One more engagement of a kills .5, of which b, which kills .4 of what comes, would have left .3; c kills one for
    125 USD."""
    program = program_of([[100]], [(1, 0.5, 60, 0, 0, 0), (0.5, 0.8, np.inf, 0, 0, 0), (1, 0.8, np.inf, 1, 0, 100)])
    found = requirement(program, 30)
    assert (found.quantities.tolist(), found.leakers) == ([0, 0, 15], pytest.approx(30))
    np.testing.assert_allclose(found.capacity_value, [0.3 * 125, 0, 0])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("tail_level", [0.0, 0.7])
def test_it_is_the_linear_program_in_full(seed: int, tail_level: float) -> None:
    program = random_program(seed)
    lowest, highest = (cvar(leakers_with(program, np.full(3, each)), tail_level) for each in (1e9, 0.0))
    for share in (0.05, 0.3, 0.8):
        target = lowest + share * (highest - lowest)
        whole, fraction = requirement(program, target, tail_level=tail_level), in_full(program, target, tail_level)
        assert whole.met
        assert fraction is not None
        # Whole interceptors cost at most one of each kind more, and the tolerance on the target.
        slack = program.unit_cost_usd.sum() + 2e-4 * target * whole.leaker_price_usd
        assert fraction - 1e-6 * fraction <= whole.cost_usd <= fraction + slack
        assert whole.leakers <= target * (1 + 1e-9)
    assert in_full(program, lowest * 0.99, tail_level) is None
    assert not requirement(program, lowest * 0.99, tail_level=tail_level).met


@pytest.mark.parametrize("seed", range(6))
def test_it_costs_no_more_than_any_mix_tried(seed: int) -> None:
    """Brute force over mixes in whole steps, and the greedy buyer who takes what kills most per dollar."""
    program = random_program(seed, n_layers=2)
    target = between(program, 0.4)
    found = requirement(program, target)
    steps = np.linspace(0, 400, 41)
    good = [
        program.unit_cost_usd @ np.array(mix)
        for mix in product(steps, steps)
        if leakers_with(program, np.array(mix)).mean() <= target
    ]
    assert found.cost_usd <= min(good) + program.unit_cost_usd.sum()
    greedy = np.zeros(2)
    while leakers_with(program, greedy).mean() > target:
        now = leakers_with(program, greedy).mean()
        gains = [
            (now - leakers_with(program, greedy + one).mean()) / (program.unit_cost_usd @ one) for one in np.eye(2)
        ]
        greedy[int(np.argmax(gains))] += 1
    assert found.cost_usd <= program.unit_cost_usd @ greedy + program.unit_cost_usd.sum()


@pytest.mark.parametrize("seed", range(10))
def test_the_leakers_are_those_of_nights_fought_one_by_one(seed: int) -> None:
    """Exactly so for a single layer, whatever its stock and deliveries; for several, as long as what a layer that has
    run out lets pass does not change how the nights compare, so to a few per cent."""
    single = random_program(seed, n_layers=1)
    for bought in (0.0, 7.0, 40.0, 1e6):
        np.testing.assert_allclose(
            leakers_with(single, np.array([bought])), fought_night_by_night(single, np.array([bought]))[0], rtol=1e-9
        )
    several = random_program(seed, n_layers=4)
    bought = np.full(4, 25.0)
    exact = fought_night_by_night(several, bought)[0].mean()
    assert leakers_with(several, bought).mean() == pytest.approx(exact, rel=0.03)
    enough = np.full(4, 1e6)
    at_once = replace(several, lead_time=np.zeros((1, 1)))
    np.testing.assert_allclose(leakers_with(at_once, enough), fought_night_by_night(at_once, enough)[0], rtol=1e-9)


# ---------------------------------------------------------------- laws


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), share=st.floats(0.02, 0.9), tail_level=st.sampled_from([0.0, 0.5, 0.9]))
def test_a_tighter_target_never_costs_less(seed: int, share: float, tail_level: float) -> None:
    program = random_program(seed)
    loose, tight = (
        requirement(program, between(program, each), tail_level=tail_level) for each in (share + 0.1, share)
    )
    if loose.met and tight.met:
        rounding = program.unit_cost_usd.sum() + 2e-4 * loose.leakers * max(loose.leaker_price_usd, 0)
        assert tight.cost_usd >= loose.cost_usd - rounding
    else:
        assert not tight.met


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), budget=st.floats(0, 2e6), tail_level=st.sampled_from([0.0, 0.8]))
def test_a_bigger_budget_never_leaks_more_and_is_never_overspent(seed: int, budget: float, tail_level: float) -> None:
    program = random_program(seed)
    target = least(program)  # of the mean: the budget decides
    small, large = (
        requirement(program, target, budget_usd=each, tail_level=tail_level) for each in (budget, 2 * budget)
    )
    assert small.cost_usd <= budget
    assert large.cost_usd <= 2 * budget
    # Whole interceptors: at most one of each kind is left out.
    one_each = program.kill_probability.max() / program.interceptors[program.interceptors > 0].min() * 3
    assert large.leakers <= small.leakers * (1 + 2e-3) + one_each


@pytest.mark.parametrize("seed", range(6))
def test_the_marginal_values_are_what_a_small_change_does(seed: int) -> None:
    """Interceptors are counted in ten-thousandths, so that rounding does not hide it."""
    coarse = random_program(seed, n_paths=40)
    program = replace(
        coarse,
        interceptors=coarse.interceptors * 1e4,
        available=coarse.available * 1e4,
        unit_cost_usd=coarse.unit_cost_usd / 1e4,
    )
    target = between(program, 0.4)
    found = requirement(program, target)

    def saved(changed: DefenceProgram, changed_target: float = target) -> float:
        return found.cost_usd - requirement(changed, changed_target).cost_usd

    blur = 3e-4 * target * found.leaker_price_usd
    step = 0.02 * target
    # Convex: a step down costs at least the marginal price, a step up saves at most that.
    assert -saved(program, target - step) >= found.leaker_price_usd * step - blur
    assert saved(program, target + step) <= found.leaker_price_usd * step + blur
    assert found.leaker_price_usd > 0
    # The capacity of the last layer, as that of another also changes how the nights compare for those behind it.
    for change in (1.0, -1.0):
        capacity = program.capacity.copy()
        capacity[-1] += change
        worth = found.capacity_value[-1] * change
        assert saved(replace(program, capacity=capacity)) <= worth + blur


@pytest.mark.parametrize("tail_level", [0.0, 0.6])
def test_the_risk_alone_is_that_of_the_plane(tail_level: float) -> None:
    for seed in range(20):
        recourse = _Recourse(random_program(seed), tail_level)
        for share in (0.0, 0.3, 1.0):
            bought = share * np.minimum(recourse.upper, 50.0)
            assert recourse.risk(bought) == recourse.plane(bought).risk


def test_worse_paths_weigh_in_the_tail_alone() -> None:
    program = random_program(3)
    target = between(program, 0.5)
    mean, tail = requirement(program, target), requirement(program, target, tail_level=0.75)
    assert tail.leakers == pytest.approx(cvar(leakers_with(program, tail.quantities.astype(float)), 0.75))
    assert not tail.met or tail.cost_usd > mean.cost_usd


def test_nothing_to_buy() -> None:
    program = random_program(1)
    found = requirement(program, none_bought(program) + 1)
    assert (found.met, found.quantities.tolist(), found.cost_usd) == (True, [0, 0, 0], 0.0)
    assert found.leaker_price_usd == 0
    assert values_of_limits(found, 6, (Message.of("fire_channel", layer="a"),) * 3, np.ones(3)) == ()
    quiet = replace(program, armed=np.zeros((12, 6)))
    assert requirement(quiet, 0.0).met


def test_a_layer_without_interceptors_is_never_bought() -> None:
    program = program_of([[100.0]], [(1, 0.5, np.inf, 0, 0, 1), (1, 0.5, np.inf, 1, 0, 10)])
    assert requirement(program, 30).quantities.tolist() == [0, 40]


def test_orders_that_come_late_help_the_later_nights_only() -> None:
    program = program_of([[50, 50, 50]], [(1, 1, np.inf, 1, 0, 10)], lead_time=2)
    found = requirement(program, 100)
    assert (found.met, found.quantities.tolist()) == (True, [50])
    assert not requirement(program, 99).met


@pytest.mark.parametrize(
    ("target", "options", "expected"),
    [
        (-1.0, {}, "leak target is -1.0: expected"),
        (float("nan"), {}, "leak target is nan: expected"),
        (float("inf"), {}, "leak target is inf: expected"),
        (1.0, {"budget_usd": -5.0}, "budget is -5.0 USD: expected 0 or more"),
        (1.0, {"budget_usd": float("nan")}, "budget is nan USD: expected 0 or more"),
        (1.0, {"tail_level": 1.0}, "tail level is 1.0: expected 0"),
        (1.0, {"tail_level": -0.1}, "tail level is -0.1: expected 0"),
    ],
)
def test_what_makes_no_sense_is_refused(target: float, options: dict[str, float], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        requirement(random_program(1), target, **options)
