"""Orders tried on nights that are kept: as if the whole defence were fought again with them."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.defence.engagement import engage
from forecasting.defence.outcome import Engagements
from forecasting.defence.stock import Delivery
from forecasting.defence.trials import OrderOutcome, OrderTrials
from tests.forecasting.defence.defence_layers import DefenceOf, SalvosOf
from tests.forecasting.defence.test_defence_laws import ANY_RAID, Raid
from tests.forecasting.plans import ORIGIN, stocked


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    raid=ANY_RAID,
    bought=st.lists(st.integers(0, 200), min_size=4, max_size=4),
    lead_time=st.integers(0, 2),
)
def test_an_order_does_what_a_delivery_of_the_day_it_arrives_does(
    raid: Raid, bought: list[int], lead_time: int, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    lead = {"lead_time_days": float(lead_time)}
    layers = [layer | (lead if "stock" in layer else {}) for layer in raid.layers]
    defence = raid.defence(defence_of, layers)
    trials = OrderTrials(defence)
    met = raid.met(salvos_of, defence_of, layers, trials=trials)
    quantities = np.array([n if layer.interceptor else 0 for n, layer in zip(bought, defence.layers, strict=False)])

    def with_it(ordered: NDArray[np.int64]) -> Engagements:
        due = [
            Delivery(layer.id, ORIGIN + timedelta(days=1 + lead_time), int(n))
            for layer, n in zip(defence.layers, ordered, strict=True)
            if n and lead_time < met.actual.leakers.shape[1]
        ]
        return raid.met(salvos_of, defence_of, layers, deliveries=due)

    def agrees(outcome: OrderOutcome, ordered: NDArray[np.int64]) -> bool:
        found = with_it(ordered)
        left = {
            each.layer_id: each.opening[:, np.newaxis] + each.supplied - np.cumsum(each.used, 1)
            for each in found.stocks
        }
        lacks = {each.layer_id: (each.wanted > each.used) for each in found.stocks if each.wanted is not None}
        short = [
            np.any(lacks[layer.id] | (left[layer.id] < layer.minimum_stock), axis=1)
            if layer.interceptor
            else np.zeros(len(outcome.leakers), bool)
            for layer in defence.layers
        ]
        return np.array_equal(outcome.leakers, found.actual.leakers.sum(axis=1)) and np.array_equal(
            outcome.short, short
        )

    half, more = quantities // 2, np.where(np.arange(quantities.size) % 2, 2 * quantities, quantities)
    bought_it, nothing = trials([quantities, np.zeros_like(quantities)])
    assert agrees(bought_it, quantities)
    assert np.array_equal(nothing.leakers, met.actual.leakers.sum(axis=1))
    assert np.array_equal(trials.first(1)([quantities])[0].leakers, bought_it.leakers[:1])
    # What an order did for a path is not worked out again where another does the same.
    together = trials([half, quantities, more])
    for ordered, outcome in zip((half, quantities, more), together, strict=True):
        assert agrees(outcome, ordered)


def test_what_is_remembered_of_nights_changes_nothing(
    salvos_of: SalvosOf, defence_of: DefenceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders one after the other, in all and on the first paths; states of nights kept, forgotten each time, and never
    kept where interceptors are short."""
    layers = [stocked(15.0, monthly_supply=60.0, kill_probability=0.6)] * 3
    defence = defence_of(layers)
    salvos = salvos_of(np.random.default_rng(3).integers(0, 30, (40, 6)))
    orders = np.random.default_rng(4).integers(0, 40, (9, 3))

    def outcomes() -> list[OrderOutcome]:
        trials = OrderTrials(defence)
        engage(salvos, defence, trials=trials)
        some = trials.first(25)([*orders[::3]])
        return [*some, *(trials([order])[0] for order in orders), *trials([*(orders + 1)])]

    kept = outcomes()
    assert np.ptp([outcome.leakers.sum() for outcome in kept[3:12]]) > 0
    for name, most in (("trials.MOST_STATES", 0), ("branches.MOST_IN_HAND", 0.0), ("trials.AT_ONCE", 1)):
        with monkeypatch.context() as patched:
            patched.setattr(f"forecasting.defence.{name}", most)
            for remembered, anew in zip(kept, outcomes(), strict=True):
                assert np.array_equal(remembered.leakers, anew.leakers)
                assert np.array_equal(remembered.short, anew.short)


def test_a_stock_runs_out_until_the_next_order_arrives_and_not_later(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """Ten a night and 20 in hand; an order comes after one night, the next one two nights later."""
    defence = defence_of([stocked(20.0, lead_time_days=1.0, review_days=2, minimum_stock=2)])
    trials = OrderTrials(defence)
    engage(salvos_of(np.full((3, 5), 10)), defence, trials=trials)
    short = {bought: bool(trials([np.array([bought])])[0].short.all()) for bought in (0, 10, 11, 12, 30)}
    assert short == {0: True, 10: True, 11: True, 12: False, 30: False}
    assert [found.leakers[0] for found in trials([np.array([bought]) for bought in (0, 10, 12, 40)])] == [
        30.0,
        20.0,
        18.0,
        0.0,
    ]


@pytest.mark.parametrize("most_cells", [1, 2**16])
def test_of_a_large_plan_the_first_paths_are_tried(most_cells: int, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    salvos, defence = salvos_of(np.full((1_000, 70), 10)), defence_of([stocked(20.0)])
    trials = OrderTrials(defence, most_cells)
    met = engage(salvos, defence, trials=trials)
    assert trials.n_paths == (500 if most_cells == 1 else 1_000)
    leaked = met.actual.leakers.sum(axis=1)[: trials.n_paths]
    assert np.array_equal(trials([np.zeros(1)])[0].leakers, leaked)
