"""Orders: enough for the service level, and one fewer is not; base stocks against the textbook and `stockpyl`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from stockpyl import newsvendor

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import StockOutlook
from forecasting.orders.ordering import cover, cover_of, order_for_horizon
from forecasting.plan import make_plan, prepare, prepare_calibration
from forecasting.salvos.model import SimulationRequest, load_model

DefenceOf = Callable[[Sequence[dict[str, Any]]], Defence]


@pytest.fixture(scope="module")
def defence(defence_of: DefenceOf) -> Defence:
    missiles = {
        "engaged_share": 0.5,
        "kill_probability": 0.5,
        "engagements_per_night": 10.0,
        "interceptors_per_engagement": 1.0,
        "stock": 10.0,
        "monthly_supply": 0.0,
        "unit_cost_usd": (100.0, 200.0, 400.0),
    }
    return defence_of([missiles])


def stock_that_needs(shortfalls: Sequence[int], opening: int = 10) -> StockOutlook:
    """One night; each path needs that many more than there are."""
    needed = np.array(shortfalls)[:, np.newaxis] + opening
    n_paths = len(shortfalls)
    supplied = np.zeros((n_paths, 1), dtype=np.int64)
    return StockOutlook("a", np.full(n_paths, opening), supplied, np.minimum(needed, opening), needed)


def lasting_share(stock: StockOutlook, order: int) -> float:
    """Share of the paths that never run short with the order added to the opening stock; night by night, anew."""
    lasts = 0
    for path in range(stock.opening.size):
        left_of_stock = int(stock.opening[path]) + order
        needed_so_far = 0
        good = True
        for night in range(stock.needed.shape[1]):
            needed_so_far += int(stock.needed[path, night])
            good &= needed_so_far <= left_of_stock + int(stock.supplied[path, night])
        lasts += good
    return lasts / stock.opening.size


def test_an_order_worked_by_hand(defence: Defence) -> None:
    """Ten paths fall short by 0, 0, 0, 1, 2, 3, 5, 8, 13, 21: 13 is enough on nine of ten, 12 only on eight."""
    stock = stock_that_needs([21, 0, 5, 0, 13, 1, 8, 0, 2, 3])
    order = order_for_horizon(stock, defence, 0.9)
    assert order.quantity == 13
    assert order.cost_usd == (1_300.0, 2_600.0, 5_200.0)
    assert (order.layer_id, order.service_level) == ("a", 0.9)
    assert order_for_horizon(stock, defence, 0.91).quantity == 21
    assert order_for_horizon(stock, defence, 0.89).quantity == 13
    assert order_for_horizon(stock, defence, 0.8).quantity == 8
    assert order_for_horizon(stock, defence, 0.3).quantity == 0
    assert order_for_horizon(stock, defence, 0.31).quantity == 1


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    data=st.data(),
    n_paths=st.integers(1, 30),
    horizon=st.integers(1, 6),
    service_level=st.floats(0.0001, 0.9999) | st.sampled_from([1e-12, 0.5, 0.9, 0.95, 0.99]),
)
def test_the_order_is_enough_and_one_fewer_is_not(
    data: st.DataObject, n_paths: int, horizon: int, service_level: float, defence: Defence
) -> None:
    numbers = st.lists(st.integers(0, 40), min_size=horizon, max_size=horizon)
    needed = np.array(data.draw(st.lists(numbers, min_size=n_paths, max_size=n_paths)))
    supplied = np.cumsum(data.draw(st.lists(numbers, min_size=n_paths, max_size=n_paths)), axis=1)
    opening = np.array(data.draw(st.lists(st.integers(0, 60), min_size=n_paths, max_size=n_paths)))
    stock = StockOutlook("a", opening, supplied, np.zeros_like(needed), needed)
    quantity = order_for_horizon(stock, defence, service_level).quantity
    assert quantity >= 0
    assert lasting_share(stock, quantity) >= service_level - 1e-9
    if quantity > 0:
        assert lasting_share(stock, quantity - 1) < service_level


def test_no_order_where_the_stock_lasts(defence: Defence) -> None:
    order = order_for_horizon(stock_that_needs([-3, 0, -10]), defence, 0.99)
    assert (order.quantity, order.cost_usd) == (0, (0.0, 0.0, 0.0))


def test_more_safety_never_costs_less(defence: Defence) -> None:
    stock = stock_that_needs(np.random.default_rng(1).poisson(30, 999).tolist())
    quantities = [order_for_horizon(stock, defence, level).quantity for level in np.linspace(0.01, 0.999, 200)]
    assert quantities == sorted(quantities)
    assert quantities[-1] > quantities[0]


def test_the_orders_of_a_plan_keep_their_promise_on_its_own_paths(
    bundled_history: LaunchHistory, bundled_defence: Defence
) -> None:
    made = make_plan(
        prepare(load_model("empirical_window"), bundled_history),
        bundled_defence,
        SimulationRequest(28, 400),
        service_level=0.9,
        seed=1,
        calibrated=prepare_calibration(bundled_defence, bundled_history),
    )
    ordered = {order.layer_id: order.quantity for order in made.orders}
    assert list(ordered) == [layer.id for layer in bundled_defence.layers if layer.interceptor]
    assert any(ordered.values())
    for stock in made.engagements.stocks:
        quantity = ordered[stock.layer_id]
        assert lasting_share(stock, quantity) >= 0.9
        assert quantity == 0 or lasting_share(stock, quantity - 1) < 0.9


def stock_outs(
    needed: NDArray[np.int64],
    available: NDArray[np.int64],
    order: int,
    lead_time: int,
    review_period: int,
    minimum: int,
) -> tuple[list[bool], list[bool]]:
    """Whether each path has a stock-out before the order is there, and after; a stock kept night by night, anew."""
    before, after = [], []
    for path in range(needed.shape[0]):
        left, was = 0, 0
        out = [False, False]
        for night in range(lead_time + review_period):
            left += int(available[path, night]) - was
            was = int(available[path, night])
            if night == lead_time:
                left += order
            missed = int(needed[path, night]) > left
            left = max(left - int(needed[path, night]), 0)
            out[night >= lead_time] |= missed or left < minimum
        before.append(out[0])
        after.append(out[1])
    return before, after


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 100_000),
    n_paths=st.integers(1, 25),
    lead_time=st.integers(0, 4),
    review_period=st.integers(1, 4),
    minimum=st.sampled_from([0, 0, 5, 30]),
    service_level=st.floats(0.01, 0.999),
)
def test_an_order_covers_the_lead_time_and_the_review_period(
    seed: int, n_paths: int, lead_time: int, review_period: int, minimum: int, service_level: float
) -> None:
    """The least order that keeps the stock from its arrival on; what is short before does not depend on it."""
    rng = np.random.default_rng(seed)
    horizon = lead_time + review_period + int(rng.integers(0, 3))
    needed = rng.poisson(rng.uniform(0, 15), (n_paths, horizon))
    available = rng.integers(0, 60, (n_paths, 1)) + np.cumsum(rng.poisson(rng.uniform(0, 12), needed.shape), axis=1)
    needs = cover(needed, available, lead_time=lead_time, review_period=review_period, minimum_stock=minimum)
    order = needs.order_up_to(service_level)
    before, after = stock_outs(needed, available, order, lead_time, review_period, minimum)
    assert 1 - np.mean(after) >= service_level - 1e-9
    if order > 0:
        fewer = stock_outs(needed, available, order - 1, lead_time, review_period, minimum)[1]
        assert 1 - np.mean(fewer) < service_level
    assert needs.unavoidable_shortage == pytest.approx(np.mean(before))
    assert needs.stock_out_probability(order) == pytest.approx(np.mean(np.array(before) | np.array(after)))


def test_what_was_missed_before_the_arrival_is_not_made_up_for() -> None:
    """Six a night, ten in stock: two are missing on the second night, six on the third, then the order is there for
    nights four and five. It needs 12; made up for, it would need 20."""
    needed, available = np.full((1, 5), 6), np.full((1, 5), 10)
    needs = cover(needed, available, lead_time=3, review_period=2)
    assert needs.least_order.tolist() == [12]
    assert needs.unavoidable_shortage == 1.0
    assert needs.order_up_to(0.95) == 12
    assert (needs.stock_out_probability(12), needs.stock_out_probability(11)) == (1.0, 1.0)
    in_time = cover(needed, available, lead_time=1, review_period=4)
    assert (in_time.least_order.tolist(), in_time.unavoidable_shortage) == ([20], 0.0)
    assert (in_time.stock_out_probability(20), in_time.stock_out_probability(19)) == (0.0, 1.0)


def test_each_path_may_have_its_own_lead_time() -> None:
    needed, available = np.full((2, 5), 6), np.full((2, 5), 10)
    needs = cover(needed, available, lead_time=[3, 1], review_period=2)
    assert needs.least_order.tolist() == [12, 8]
    assert needs.short_before.tolist() == [True, False]
    to_the_end = cover(needed, available, lead_time=[3, 1])
    assert to_the_end.least_order.tolist() == [12, 20]


def normal_paths(mean: float, deviation: float, n_paths: int) -> NDArray[np.int64]:
    """(n_paths, 1) demands: the quantiles of a normal distribution at even levels, rounded up."""
    levels = (np.arange(n_paths) + 0.5) / n_paths
    demands: NDArray[np.int64] = np.ceil(norm.ppf(levels, mean, deviation)).astype(np.int64)[:, np.newaxis]
    return demands


def test_the_base_stock_of_the_textbook() -> None:
    """Snyder and Shen (2019), example 4.3: holding costs .18 and a stock-out .70 per unit, demand is normal with mean
    50 and standard deviation 8: the best base stock is 56.6."""
    demands = normal_paths(50, 8, 20_000)
    assert cover(demands, np.zeros_like(demands), review_period=1).order_up_to(0.70 / 0.88) == 57
    finer = normal_paths(50_000, 8_000, 20_000)
    assert cover(finer, np.zeros_like(finer), review_period=1).order_up_to(0.70 / 0.88) == pytest.approx(56_604, abs=2)


@pytest.mark.parametrize(("lead_time", "review_period"), [(0, 1), (0, 7), (4, 7), (6, 3)])
@pytest.mark.parametrize("service_level", [0.8, 0.95, 0.99])
def test_base_stocks_are_those_of_stockpyl(lead_time: int, review_period: int, service_level: float) -> None:
    """Poisson demand, 40 a night: the base stock covers the demand of lead time and review period; what is on hand
    lasts until the order comes, so that backorders and lost sales are the same. Within the sampling error."""
    nights = lead_time + review_period
    expected, _ = newsvendor.newsvendor_poisson(1 - service_level, service_level, 40.0 * nights)
    needed = np.random.default_rng(1).poisson(40, (100_000, nights))
    on_hand = 40 * lead_time + 8 * int(np.ceil(np.sqrt(40 * lead_time)))
    needs = cover(needed, np.full_like(needed, on_hand), lead_time=lead_time, review_period=review_period)
    assert needs.unavoidable_shortage == 0
    assert on_hand + needs.order_up_to(service_level) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("service_level", [0.8, 0.95])
def test_base_stocks_with_lead_time_are_those_of_stockpyl(service_level: float) -> None:
    """Reviewed every night with a lead time of 9: normal demand of ten nights, one review period and the lead time."""
    expected, _ = newsvendor.newsvendor_normal(1 - service_level, service_level, 1_000.0, 50.0, lead_time=9)
    sampled = np.random.default_rng(2).normal(1_000, 50, (100_000, 10))
    needed = np.rint(sampled).astype(np.int64)
    on_hand = 9 * 1_000 + 5 * 150
    needs = cover(needed, np.full_like(needed, on_hand), lead_time=9, review_period=1)
    assert on_hand + needs.order_up_to(service_level) == pytest.approx(expected, abs=3)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"lead_time": -1, "review_period": 2}, "lead time -1, review period 2, minimum stock 0: expected"),
        ({"review_period": 0}, "lead time 0, review period 0, minimum stock 0: expected"),
        ({"review_period": 2, "minimum_stock": -1}, "minimum stock -1: expected"),
        ({"lead_time": 5}, "together are longer than the horizon, 5 nights: take a longer horizon"),
        ({"lead_time": 3, "review_period": 3}, "together are longer than the horizon, 5 nights: take a longer horizon"),
    ],
)
def test_nights_that_make_no_sense_are_refused(numbers: dict[str, int], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        cover(np.ones((2, 5), dtype=np.int64), np.ones((2, 5), dtype=np.int64), **numbers)


def reviewed(defence: Defence, **stated: Any) -> Defence:
    """The defence whose layer states when it is reviewed, or what should always be left."""
    return defence.model_copy(update={"layers": (defence.layers[0].model_copy(update=stated),)})


def six_a_night() -> StockOutlook:
    """Ten in hand, six needed on each of five nights, on both of two paths."""
    needed = np.full((2, 5), 6)
    return StockOutlook("a", np.full(2, 10), np.zeros((2, 5), dtype=np.int64), needed, needed)


def test_an_order_covers_what_its_layer_states(defence: Defence) -> None:
    """Without a review it lasts to the end: 20. With one after two nights it lasts these: 2; and leaves three: 5."""
    stock = six_a_night()
    assert order_for_horizon(stock, defence, 0.9).quantity == 20
    assert order_for_horizon(stock, reviewed(defence, review_days=2), 0.9).quantity == 2
    assert order_for_horizon(stock, reviewed(defence, review_days=2, minimum_stock=3), 0.9).quantity == 5
    assert cover_of(stock, reviewed(defence, review_days=2).layers[0]).least_order.tolist() == [2, 2]


def test_an_order_tells_what_it_cannot_help(defence: Defence) -> None:
    """It comes after one night on the first path, and after three on the second, which is short before."""
    order = order_for_horizon(six_a_night(), reviewed(defence, review_days=2), 0.5, lead_time=[1, 3])
    assert (order.quantity, order.unavoidable_shortage, order.stock_out_probability) == (8, 0.5, 0.5)
    late = order_for_horizon(six_a_night(), reviewed(defence, review_days=2), 0.9, lead_time=[1, 3])
    assert (late.quantity, late.unavoidable_shortage, late.stock_out_probability) == (12, 0.5, 0.5)


def test_the_layer_is_named_whose_order_does_not_fit(defence: Defence) -> None:
    told = "^layer a: lead time 5 and review period 1 together are longer than the horizon, 5 nights: take a longer"
    with pytest.raises(InputError, match=told):
        order_for_horizon(six_a_night(), defence, 0.9, lead_time=5)
    with pytest.raises(InputError, match=r"^layer a: lead time 4 and review period 2 together"):
        order_for_horizon(six_a_night(), reviewed(defence, review_days=2), 0.9, lead_time=4)


BAD_LEVELS = [0.0, 1.0, -0.1, 1.5, 95.0, float("nan"), float("inf")]


@pytest.mark.parametrize("service_level", BAD_LEVELS)
def test_a_service_level_that_is_no_probability_is_refused(service_level: float, defence: Defence) -> None:
    with pytest.raises(InputError, match="expected more than 0 and less than 1, such as"):
        order_for_horizon(stock_that_needs([1]), defence, service_level)


@pytest.mark.parametrize("service_level", BAD_LEVELS)
def test_it_is_refused_for_a_defence_without_stocks_too(
    service_level: float, bundled_history: LaunchHistory, bundled_defence: Defence
) -> None:
    jamming = bundled_defence.model_copy(update={"layers": bundled_defence.layers[:1]})
    prepared = prepare(load_model("empirical_window"), bundled_history)
    with pytest.raises(InputError, match="service level is"):
        make_plan(prepared, jamming, SimulationRequest(7, 10), service_level=service_level, seed=1)
