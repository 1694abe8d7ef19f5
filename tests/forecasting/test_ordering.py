"""Orders: enough for the service level, and one fewer is not."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.layers import Defence
from forecasting.model import SimulationRequest, load_model
from forecasting.ordering import order_for_horizon
from forecasting.plan import make_plan
from forecasting.types import StockOutlook

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
        load_model("empirical_window"),
        bundled_history,
        bundled_defence,
        SimulationRequest(28, 400),
        service_level=0.9,
        seed=1,
    )
    ordered = {order.layer_id: order.quantity for order in made.orders}
    assert list(ordered) == [layer.id for layer in bundled_defence.layers if layer.interceptor]
    assert any(ordered.values())
    for stock in made.engagements.stocks:
        quantity = ordered[stock.layer_id]
        assert lasting_share(stock, quantity) >= 0.9
        assert quantity == 0 or lasting_share(stock, quantity - 1) < 0.9


BAD_LEVELS = [0.0, 1.0, -0.1, 1.5, 95.0, float("nan"), float("inf")]


@pytest.mark.parametrize("service_level", BAD_LEVELS)
def test_a_service_level_that_is_no_probability_is_refused(service_level: float, defence: Defence) -> None:
    with pytest.raises(InputError, match="expected more than 0 and less than 1, such as"):
        order_for_horizon(stock_that_needs([1]), defence, service_level)


@pytest.mark.parametrize("service_level", BAD_LEVELS)
def test_it_is_refused_for_a_defence_without_stocks_too(
    service_level: float, bundled_history: LaunchHistory, bundled_defence: Defence
) -> None:
    jamming = bundled_defence.only(("electronic_warfare",))
    with pytest.raises(InputError, match="service level is"):
        make_plan(
            load_model("empirical_window"),
            bundled_history,
            jamming,
            SimulationRequest(7, 10),
            service_level=service_level,
            seed=1,
        )
