"""The cheapest mix: against the same program written out in full, by hand, against brute force, and by its laws."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from features.errors import InputError
from forecasting.requirement import DefenceProgram, Requirement, leakers_with, money, requirement, value_sentences

Array = NDArray[np.float64]


def program_of(
    armed: list[list[float]],
    layers: list[tuple[float, float, float, float, float, float]],
    *,
    lead_time: int = 0,
    limit: float = np.inf,
) -> DefenceProgram:
    """Layers as (reach, kill probability, capacity, interceptors per engagement, opening stock, unit cost); no
    deliveries."""
    launched = np.array(armed, dtype=float)
    reach, kill, capacity, interceptors, stock, cost = np.array(layers, dtype=float).T
    return DefenceProgram(
        layer_ids=tuple("abcdefgh"[: len(layers)]),
        armed=launched,
        reach=reach[:, None, None],
        kill_probability=kill[:, None],
        capacity=capacity[:, None, None],
        interceptors=interceptors[:, None],
        lead_time=np.full((1, 1), lead_time),
        available=np.broadcast_to(stock[:, None, None], (len(layers), *launched.shape)),
        unit_cost_usd=cost,
        limit=np.full(len(layers), limit),
    )


def random_program(seed: int, *, n_layers: int = 3, n_paths: int = 12, horizon: int = 6) -> DefenceProgram:
    """Every number differs by path; deliveries come night by night, orders late, some layers use no interceptors."""
    rng = np.random.default_rng(seed)
    shape = (n_layers, n_paths)
    interceptors = np.where(rng.random(n_layers) < 0.3, 0.0, 1.0)[:, None] * rng.uniform(1, 3, shape)
    interceptors[0] = rng.uniform(1, 3, n_paths)
    delivered = rng.poisson(1.5, (*shape, horizon)).cumsum(axis=2)
    return DefenceProgram(
        layer_ids=tuple("abcdefgh"[:n_layers]),
        armed=rng.negative_binomial(1, 1 / 31, (n_paths, horizon)).astype(float),
        reach=rng.uniform(0.2, 0.9, (*shape, 1)),
        kill_probability=rng.uniform(0.3, 0.9, shape),
        capacity=rng.uniform(5, 40, (*shape, 1)),
        interceptors=interceptors,
        lead_time=rng.integers(0, 3, (n_layers, 1)).astype(float),
        available=rng.integers(0, 15, (*shape, 1)) + delivered.astype(float),
        unit_cost_usd=rng.uniform(1_000, 50_000, n_layers),
        limit=np.full(n_layers, np.inf),
    )


def fought_night_by_night(program: DefenceProgram, bought: Array, *, unlimited: bool = False) -> tuple[Array, Array]:
    """(n_paths,) armed leakers when every layer fires while it has something to fire, and (n_layers, n_paths, horizon)
    what comes to each layer; written out night by night."""
    shape = (len(program.layer_ids), *program.armed.shape)
    reach, capacity = np.broadcast_to(program.reach, shape), np.broadcast_to(program.capacity, shape)
    kill, per, lead = (
        np.broadcast_to(each, shape[:2]) for each in (program.kill_probability, program.interceptors, program.lead_time)
    )
    coming, leakers = np.zeros(shape), np.zeros(shape[1])
    for path in range(shape[1]):
        used = np.zeros(shape[0])
        for night in range(shape[2]):
            drones = program.armed[path, night]
            for layer in range(shape[0]):
                coming[layer, path, night] = drones
                engaged = min(reach[layer, path, night] * drones, capacity[layer, path, night])
                if per[layer, path] > 0 and not unlimited:
                    stock = program.available[layer, path, night] - used[layer]
                    stock += bought[layer] * (night >= lead[layer, path])
                    engaged = min(engaged, stock / per[layer, path])
                    used[layer] += engaged * per[layer, path]
                drones -= kill[layer, path] * engaged
            leakers[path] += drones
    return leakers, coming


def in_full(program: DefenceProgram, target: float, tail_level: float) -> float | None:
    """The least cost by one linear program with every path, layer and night in it; None where the target is out of
    reach. Variables: bought (l), engaged (l, i, n), left (l, i), and of the CVaR its quantile and excesses."""
    n_layers, n_paths, horizon = shape = (len(program.layer_ids), *program.armed.shape)
    reach, capacity = np.broadcast_to(program.reach, shape), np.broadcast_to(program.capacity, shape)
    kill, per, lead = (
        np.broadcast_to(each, shape[:2]) for each in (program.kill_probability, program.interceptors, program.lead_time)
    )
    coming = fought_night_by_night(program, np.zeros(n_layers), unlimited=True)[1]
    totals = coming.sum(axis=2, keepdims=True)
    share = np.divide(coming, totals, out=np.zeros(shape), where=totals > 0)
    engaged = n_layers + np.arange(n_layers * n_paths * horizon).reshape(shape)
    left = engaged.max() + 1 + np.arange(n_layers * n_paths).reshape(shape[:2])
    quantile = left.max() + 1
    excess = quantile + 1 + np.arange(n_paths)
    n = int(excess[-1]) + 1
    equal: list[tuple[dict[int, float], float]] = []
    most: list[tuple[dict[int, float], float]] = []
    for layer, path in product(range(n_layers), range(n_paths)):
        before = {} if layer == 0 else {int(left[layer - 1, path]): 1.0}
        launched = float(program.armed[path].sum()) if layer == 0 else 0.0
        # left = before - kill engaged
        row = {int(left[layer, path]): 1.0} | dict.fromkeys(before, -1.0)
        equal.append((row | {int(each): kill[layer, path] for each in engaged[layer, path]}, launched))
        for night in range(horizon):
            part = reach[layer, path, night] * share[layer, path, night]
            most.append(({int(engaged[layer, path, night]): 1.0} | dict.fromkeys(before, -part), part * launched))
            if per[layer, path] > 0:
                stock = {int(each): per[layer, path] for each in engaged[layer, path, : night + 1]}
                if night >= lead[layer, path]:
                    stock[layer] = -1.0
                most.append((stock, program.available[layer, path, night]))
    tail = (1 - tail_level) * n_paths
    most.append(({int(quantile): 1.0} | {int(each): 1 / tail for each in excess}, target))
    for path in range(n_paths):
        most.append(({int(left[-1, path]): 1.0, int(quantile): -1.0, int(excess[path]): -1.0}, 0.0))

    def matrix(rows: list[tuple[dict[int, float], float]]) -> tuple[sparse.csr_matrix, list[float]]:
        entries = [(row, column, value) for row, (terms, _) in enumerate(rows) for column, value in terms.items()]
        row, column, value = zip(*entries, strict=True)
        return sparse.csr_matrix((value, (row, column)), shape=(len(rows), n)), [each for _, each in rows]

    bounds: list[tuple[float | None, float | None]] = [(0.0, None)] * n
    bounds[:n_layers] = [(0.0, each) for each in program.limit]
    for index, each in zip(engaged.ravel(), capacity.ravel(), strict=True):
        bounds[index] = (0.0, each)
    bounds[quantile] = (None, None)
    cost = np.zeros(n)
    cost[:n_layers] = program.unit_cost_usd
    a_ub, b_ub = matrix(most)
    a_eq, b_eq = matrix(equal)
    solved = linprog(cost, A_ub=a_ub, b_ub=b_ub, A_eq=a_eq, b_eq=b_eq, bounds=bounds, method="highs-ds")
    assert solved.status in (0, 2), solved.message
    return float(solved.fun) if solved.status == 0 else None


def cvar(leakers: Array, level: float) -> float:
    """Rockafellar and Uryasev (2000), eq. 17, minimised over the sample values."""
    return min(float(each + np.maximum(leakers - each, 0).mean() / (1 - level)) for each in leakers)


def least(program: DefenceProgram) -> float:
    return float(leakers_with(program, np.full(len(program.layer_ids), 1e9)).mean())


def none_bought(program: DefenceProgram) -> float:
    return float(leakers_with(program, np.zeros(len(program.layer_ids))).mean())


def between(program: DefenceProgram, share: float) -> float:
    """A target: that share of the way from the fewest leakers to those without any order."""
    return least(program) + share * (none_bought(program) - least(program))


# ---------------------------------------------------------------- what it finds


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
    assert value_sentences(found, 6, ("a", "b", "c"), np.ones(3)) == []
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


# ---------------------------------------------------------------- what stands in the way


SIMPLE = [(1.0, 0.5, 60.0, 2.0, 20.0, 1_000.0)]
"""One layer: of 100 drones 60 are engaged, with 20 in stock 10 of them; each kill costs 4,000 USD."""


def test_the_budget_is_the_limit() -> None:
    program = program_of([[100]], SIMPLE)
    found = requirement(program, 80, budget_usd=40_000)
    assert not found.met
    assert (found.quantities.tolist(), found.leakers) == ([40], 85)
    assert found.obstacle == (
        "the budget of 40,000 USD is the limit: with it 85 armed drones leak; "
        "the target of 80 needs 60,000 USD, 20,000 USD more"
    )
    assert np.isnan(found.leaker_price_usd)
    assert found.budget_value == pytest.approx(1 / 4_000)
    assert value_sentences(found, 1, ("missiles",), np.ones(1)) == [
        "one more million USD stops up to 250 more armed drones over the 1 nights"
    ]
    assert requirement(program, 80, budget_usd=60_000).met


def test_no_budget_at_all() -> None:
    found = requirement(program_of([[100]], SIMPLE), 80, budget_usd=0)
    assert (found.met, found.quantities.tolist(), found.cost_usd) == (False, [0], 0)
    assert "the budget of 0 USD is the limit: with it 95 armed drones leak" in found.obstacle
    assert requirement(program_of([[100]], SIMPLE), 95, budget_usd=0).met


def test_deliveries_are_the_limit() -> None:
    found = requirement(program_of([[100]], SIMPLE, limit=30), 80)
    assert (found.met, found.quantities.tolist(), found.leakers) == (False, [30], 87.5)
    assert found.obstacle == (
        "with all that can be bought 88 armed drones leak, the target is 80: "
        "deliveries are the limit, 30 a more would do"
    )
    assert found.limit_value[0] == pytest.approx(0.25)


def test_the_lead_time_is_the_limit() -> None:
    found = requirement(program_of([[100, 100]], SIMPLE, lead_time=1), 145)
    assert found.obstacle == (
        "with all that can be bought 165 armed drones leak, the target is 145: "
        "the lead time is the limit, with orders at hand on the first night 140 would leak"
    )


def test_capacity_is_the_limit() -> None:
    found = requirement(program_of([[100], [100]], SIMPLE), 60)
    assert found.obstacle == (
        "with all that can be bought 70 armed drones leak, the target is 60: "
        "capacity is the limit, 20 more engagements a night of a would do"
    )
    assert found.capacity_value[0] == pytest.approx(0.5)
    assert value_sentences(found, 1, ("missiles",), np.full(1, 6.0)) == [
        "one more fire unit of missiles stops up to 3 more armed drones over the 1 nights"
    ]
    # A second layer gains more by it: alone it leaves 28, with the first 20.
    two = program_of([[100]], [*SIMPLE, (1.0, 0.6, 10.0, 1.0, 0.0, 1.0)])
    assert "limit, 40 more engagements a night of b would do" in requirement(two, 40).obstacle
    assert "limit, 36 more engagements a night of b and a would do" in requirement(two, 25).obstacle


def test_reach_and_kill_probability_are_the_limit() -> None:
    found = requirement(program_of([[100]], SIMPLE), 41)
    assert found.obstacle == (
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
        obstacle="",
        leaker_price_usd=312_345.0,
        capacity_value=np.array([120_000.0, 0.0]),
        limit_value=np.array([0.0, 25.0]),
        budget_value=0.0,
        rounds=1,
    )
    assert value_sentences(found, 28, ("interceptor drones", "missiles"), np.array([10.0, 5.0])) == [
        "one armed leaker fewer costs 312,000 USD or more",
        "one more fire unit of interceptor drones saves up to 1.2 M USD over the 28 nights",
        "one more thousand missiles that can be bought saves up to 25,000 USD over the 28 nights",
    ]


@pytest.mark.parametrize(
    ("usd", "told"), [(0.0, "0 USD"), (999.6, "1,000 USD"), (45_649.0, "45,600 USD"), (1_234_567.0, "1.23 M USD")]
)
def test_money_is_told_to_three_figures(usd: float, told: str) -> None:
    assert money(usd) == told


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
