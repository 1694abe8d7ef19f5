"""Mixes that are bought, exchanged and trimmed: beside every mix there is, in small cases."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.defence.trials import OrderOutcome
from forecasting.orders import mix
from forecasting.orders.effect import effect, order_worth, standard_error
from forecasting.orders.mix import Market, bought, buying_order, least_cost, least_loss, starts_within, undominated
from tests.forecasting.orders.programs import fought_night_by_night, random_program

PACKS = 7
SHARES = (0.2, 0.6)
"""Of the leakers that can be prevented, the share that a target leaves."""


class SmallCase:
    """A small defence fought night by night, and every mix of up to seven packs of each layer."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.program = random_program(seed, n_layers=2 + seed % 2, n_paths=4, horizon=4)
        n_layers, shape = len(self.program.layer_ids), self.program.armed.shape
        self.known: dict[bytes, float] = {}
        stocked = self.program.interceptors.max(axis=1) > 0
        pack = rng.integers(3, 30, n_layers)
        self.market = Market(self.program.unit_cost_usd, pack, np.where(stocked, pack * PACKS, 0))
        grid = product(*[range(PACKS + 1) if each else [0] for each in stocked])
        self.mixes = [np.array(packs) * pack for packs in grid]
        self.losses = np.array(self.loss(self.mixes))
        self.costs = np.array([self.market.cost(mix) for mix in self.mixes])
        coming = fought_night_by_night(self.program, np.zeros(n_layers), unlimited=True)[1]
        each = np.broadcast_to(self.program.interceptors, (n_layers, shape[0]))[:, :, np.newaxis]
        used = np.minimum(self.program.reach * coming, self.program.capacity) * each
        lacking = (used.cumsum(axis=2) - self.program.available).max(axis=2)
        self.order = buying_order(self.loss, self.market, np.ceil(np.maximum(lacking, 0)).astype(np.int64))

    def loss(self, mixes: Sequence[NDArray[np.int64]]) -> list[float]:
        return [self.of_one(mix) for mix in mixes]

    def of_one(self, mix: NDArray[np.int64]) -> float:
        key = np.asarray(mix, dtype=np.int64).tobytes()
        if key not in self.known:
            self.known[key] = float(fought_night_by_night(self.program, mix.astype(float))[0].mean())
        return self.known[key]


@pytest.fixture(scope="module")
def cases() -> list[SmallCase]:
    return [SmallCase(seed) for seed in range(60)]


def starts(case: SmallCase, target: float) -> list[NDArray[np.int64]]:
    """What is bought in the order of the slopes until the target is met, nothing, and all there is."""
    nothing = np.zeros_like(case.market.most)
    so_far = nothing.copy()
    for layer, pieces in case.order:
        if case.of_one(so_far) > target:
            so_far[layer] += pieces
    return [so_far, nothing, case.market.most]


def gap(case: SmallCase, share: float) -> float:
    """What the mix for a target costs beyond the cheapest there is, in parts of that."""
    target = case.losses.min() + share * (case.losses.max() - case.losses.min())
    found = least_cost(case.loss, case.market, target, starts(case, target))
    assert case.of_one(found) <= target
    assert (found % case.market.pack_size == 0).all()
    return case.market.cost(found) / float(case.costs[case.losses <= target].min()) - 1.0


def left_over(case: SmallCase) -> float:
    """What the mix for a budget leaks beyond the best there is, in parts of what can be prevented."""
    budget = 0.3 * float(case.costs.max())
    found = least_loss(case.loss, case.market, budget, starts_within(case.order, case.market, budget))
    assert case.market.cost(found) <= budget * (1 + 1e-9)
    best = float(case.losses[case.costs <= budget].min())
    return (case.of_one(found) - best) / float(case.losses.max() - case.losses.min())


def test_no_mix_is_better_where_there_are_few(cases: list[SmallCase]) -> None:
    """120 targets and 60 budgets."""
    assert max(gap(case, share) for case, share in product(cases, SHARES)) < 0.001
    assert max(map(left_over, cases)) < 0.001


def test_exchanges_come_near_the_best_where_not_all_mixes_are_tried(
    cases: list[SmallCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    """120 targets, seeds 0 to 59: none costs 5 % more than the cheapest of all mixes. Packs are coarse here, seven of
    each layer: one too many costs more than it would in a plan."""
    monkeypatch.setattr(mix, "MOST_MIXES", 0)
    gaps = [gap(case, share) for case, share in product(cases, SHARES)]
    assert max(gaps) < 0.05
    assert np.mean([left_over(case) for case in cases]) < 0.01


def test_money_goes_to_the_layer_that_saves_most_for_it_until_fewer_paths_use_it() -> None:
    """The dear layer saves two a piece and the cheap one one, at a tenth of the price; half of the paths lack ten."""
    shortages = np.array([[0, 10], [10, 10]])
    market = Market.of(np.array([10.0, 1.0]), np.array([1, 2]), shortages.max(axis=1))

    def loss(mixes: Sequence[NDArray[np.int64]]) -> list[float]:
        used = [np.minimum(mix[:, np.newaxis], shortages) for mix in mixes]
        return [float((100.0 - 2.0 * dear - cheap).mean()) for dear, cheap in used]

    order = buying_order(loss, market, shortages)
    assert [layer for layer, _ in order[:1]] == [1]
    assert sum(pieces for layer, pieces in order if layer == 0) == 10
    assert bought(order, market, 9.0).tolist() == [0, 8]
    assert bought(order, market, 35.0).tolist() == [2, 10]


def test_only_a_dearer_mix_with_a_smaller_loss_stays() -> None:
    assert undominated([5.0, 0.0, 5.0, 3.0, 4.0], [1.0, 9.0, 2.0, 4.0, 4.0]) == [1, 3, 0]


def test_an_effect_is_measured_path_by_path_and_told_apart_from_noise() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 5.0, 400)
    without = OrderOutcome(100.0 + noise, None, np.zeros((1, 400), bool))
    always = effect(without, OrderOutcome(99.0 + noise, None, np.zeros((1, 400), bool)), 10, 2e6)
    assert (always.leakers, always.measurable) == (pytest.approx(1.0), True)
    assert always.leakers_error == pytest.approx(0.0, abs=1e-12)
    assert (always.leakers_per_piece, always.leakers_per_million_usd) == (pytest.approx(0.1), pytest.approx(0.5))
    assert np.isnan(always.warhead_kg)
    other = OrderOutcome(100.0 + rng.normal(0.0, 5.0, 400), None, np.zeros((1, 400), bool))
    assert not effect(without, other, 10, 2e6).measurable
    assert not effect(without, without, 10, 2e6).measurable  # nothing, without any noise
    values = rng.standard_normal(10_000)
    assert standard_error(values) == pytest.approx(0.01, rel=0.3)
    assert np.isnan(standard_error(values[:39]))


def test_what_an_order_buys_is_told_in_all_by_layer_and_at_the_margin() -> None:
    """Each of the first ten pieces of a stops one leaker, each of the first five of b two; from ten on, a lasts."""

    def outcome(mix: NDArray[np.int64]) -> OrderOutcome:
        left = 100.0 - min(mix[0], 10) - 2.0 * min(mix[1], 5)
        return OrderOutcome(np.full(40, left), np.full(40, 50.0 * left), np.full((1, 40), mix[0] < 10))

    def trials(mixes: Sequence[NDArray[np.int64]]) -> list[OrderOutcome]:
        return [outcome(mix) for mix in mixes]

    found = order_worth(trials, ("a", "b"), np.array([8, 5]), np.array([1e6, 2e6]), np.array([4, 1]))
    assert (found.leakers, found.together.leakers, found.together.pieces) == (100.0, 18.0, 13)
    assert (found.together.cost_usd, found.together.warhead_kg) == (18e6, 900.0)
    assert (found.joint_risk_without, found.joint_risk) == (1.0, 1.0)
    assert [(each.alone.leakers, each.more.leakers) for each in found.layers] == [(8.0, 2.0), (10.0, 0.0)]
    assert [each.more.leakers_per_million_usd for each in found.layers] == [0.5, 0.0]
