"""Policies over a year: beside `stockpyl`'s simulation and newsvendor, by hand, and without a look ahead."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson
from stockpyl import newsvendor
from stockpyl.sim import simulation
from stockpyl.supply_chain_network import single_stage_system

from features.errors import InputError
from forecasting.orders.policy import Futures, Levels, policy_year, shown_level, simulate


def futures_of(
    needed: NDArray[np.int64], opening: int, lead_time: int = 0, *, pack: int = 1, minimum: int = 0, price: float = 1.0
) -> Futures:
    """One layer that uses an interceptor a drone. needed: (n_paths, horizon)."""
    n_paths = len(needed)
    return Futures(
        layer_ids=("a",),
        needed=needed[np.newaxis],
        opening=np.full((1, n_paths), opening),
        supplied=np.zeros((1, *needed.shape), np.int64),
        lead_time=np.full((1, n_paths), lead_time),
        launched=needed,
        level=float(needed.mean()),
        unit_cost_usd=np.full((1, n_paths), price),
        pack_size=np.array([pack]),
        minimum_stock=np.array([minimum]),
    )


def fixed(reorder: float, up_to: float, n_reviews: int) -> Levels:
    return Levels(np.full((1, n_reviews, 1), reorder), np.full((1, n_reviews, 1), up_to))


@pytest.mark.parametrize(
    ("levels", "policy"),
    [
        ((60.0, 60.0), {"policy_type": "BS", "base_stock_level": 60}),
        ((45.0, 70.0), {"policy_type": "sS", "reorder_point": 45, "order_up_to_level": 70}),
    ],
)
def test_a_year_is_that_of_stockpyl(levels: tuple[float, float], policy: dict[str, object]) -> None:
    """Base stock and (s, S), reviewed every night. stockpyl orders when a night is over, and so a night before it is
    ordered here; nothing is ever short, so backorders and lost sales are alike."""
    demand = np.random.default_rng(1).poisson(10, 365)
    system = single_stage_system(
        demand_type="D", demand_list=demand.tolist(), shipment_lead_time=2, initial_inventory_level=60, **policy
    )
    simulation(system, 365, progress_bar=False)
    states = system.nodes[0].state_vars[:365]
    made = simulate(futures_of(demand[np.newaxis], 60, 1), 1, fixed(*levels, 365))
    assert made.in_hand[0, 0].tolist() == [next(iter(state.inventory_level.values())) for state in states]
    (supplier,) = next(iter(states[0].order_quantity.values()))
    ordered = [next(iter(state.order_quantity.values()))[supplier] for state in states]
    assert made.ordered[0, 0, 1:].tolist() == ordered[:-1]
    assert made.in_hand.min() > 0


@pytest.mark.parametrize("service_level", [0.8, 0.95])
@pytest.mark.parametrize("kind", ["base_stock", "reorder_point"])
def test_the_least_base_stock_for_a_service_level_is_the_newsvendor_s(kind: str, service_level: float) -> None:
    """Without a lead time every night begins with S: it has to be the quantile of a night's demand. Of (s, S) it is s
    that is not more than it, as the position falls to s at times alone."""
    n = 2_000
    demand = np.random.default_rng(2).permutation(poisson.ppf((np.arange(n) + 0.5) / n, 20)).astype(np.int64)
    found = policy_year(futures_of(demand.reshape(40, 50), 30), kind, 1, service_level)  # type: ignore[arg-type]
    textbook, _ = newsvendor.newsvendor_poisson(1.0 - service_level, service_level, 20)
    if kind == "base_stock":
        assert found.factor[0] == textbook
    else:
        assert found.factor[0] <= textbook
    assert found.simulated.service[0] >= service_level


def test_a_budget_is_shared_in_whole_packs_and_lapses() -> None:
    """Two layers that would order 40 each at 1 and 3 USD; half of that money buys 20 of each, in packs of eight 16."""
    one = futures_of(np.full((1, 8), 10), 0, pack=8)
    both = Futures(
        **{
            **one.__dict__,
            **{name: np.concatenate([getattr(one, name)] * 2) for name in ("needed", "opening", "supplied")},
            **{name: np.concatenate([getattr(one, name)] * 2) for name in ("lead_time", "pack_size", "minimum_stock")},
            "layer_ids": ("a", "b"),
            "unit_cost_usd": np.array([[1.0], [3.0]]),
        }
    )
    levels = Levels(np.full((2, 2, 1), 40.0), np.full((2, 2, 1), 40.0))
    made = simulate(both, 4, levels, budget_usd=80.0)
    assert made.ordered[:, 0].tolist() == [[16, 16], [16, 16]]
    assert made.missing.sum(axis=2).ravel().tolist() == [48, 48]
    assert made.service.tolist() == [0.0, 0.0]
    assert made.joint_service == 0.0


def test_a_cycle_that_ends_below_the_minimum_stock_is_a_stock_out() -> None:
    """Up to 60, of 40 and then of 20 in hand, a night later: ten are left before the next order, and ten have to be."""
    futures = futures_of(np.full((1, 9), 10), 40, 1, minimum=10)
    made = simulate(futures, 4, fixed(60.0, 60.0, 3))
    assert made.in_hand[0, 0].tolist() == [30, 40, 30, 20, 10, 40, 30, 20, 10]
    assert made.short[0, 0].tolist() == [False, False]
    assert simulate(futures, 4, fixed(59.0, 59.0, 3)).short[0, 0].tolist() == [True, True]


def test_nothing_that_comes_later_changes_an_order() -> None:
    rng = np.random.default_rng(3)
    needed = rng.poisson(8, (5, 60))
    other = needed.copy()
    other[:, 28:] = rng.poisson(30, (5, 32))
    made = []
    for each in (needed, other):
        futures = futures_of(each, 100, 3)
        futures = Futures(**{**futures.__dict__, "level": 8.0})
        up_to = 20.0 * shown_level(futures, 14)[np.newaxis]
        made.append(simulate(futures, 14, Levels(up_to, up_to)).ordered[0])
    assert np.array_equal(made[0][:, :3], made[1][:, :3])
    assert (made[0][:, 3:] != made[1][:, 3:]).any()


def test_a_level_that_follows_what_a_path_shows_holds_less_for_the_same_service() -> None:
    """Some futures see five a night and some fifty: one level for all has to be that of the fifty."""
    rng = np.random.default_rng(4)
    needed = rng.poisson(np.linspace(5, 50, 60)[:, np.newaxis], (60, 196))
    held = {}
    for kind in ("base_stock", "adjusted_base_stock"):
        found = policy_year(futures_of(needed, 700), kind, 14, 0.9)  # type: ignore[arg-type]
        assert found.simulated.service[0] == pytest.approx(0.9, abs=0.01)
        held[kind] = float(found.simulated.in_hand.mean())
    assert held["adjusted_base_stock"] < 0.75 * held["base_stock"]


def test_an_order_that_never_lasts_to_the_next_is_refused() -> None:
    futures = futures_of(np.full((1, 28), 10), 40, 7)
    with pytest.raises(InputError, match=r"orders every 28 nights, each of which arrives after up to 7: .* 28: take"):
        simulate(futures, 28, fixed(1.0, 1.0, 1))
    with pytest.raises(InputError, match="service level is 1"):
        policy_year(futures, "base_stock", 7, 1.0)
    with pytest.raises(InputError, match="budget is 0"):
        policy_year(futures, "base_stock", 7, 0.9, 0.0)
