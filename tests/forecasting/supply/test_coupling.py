"""Paths under a scenario of production."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.records import UKRAINE
from features.scenarios import ProductionScenario, load_scenario
from features.stock_flow import SupplyDraws, sustained
from forecasting.supply.assimilation import assimilate, scale_output
from forecasting.supply.coupling import (
    CouplingWeights,
    borrow_shape,
    couple,
    learn_weights,
    supply_outlook,
    unrecorded_outlook,
    unrecorded_supply,
)
from forecasting.supply.verdict import scenario_verdict
from tests.forecasting.supply.stated_supply import (
    N_PATHS,
    full_weight,
    no_weight,
    number,
    on,
    rate,
    record,
    salvos_like,
    scenario,
    within_stock,
)


def in_plenty(draws: SupplyDraws) -> SupplyDraws:
    return replace(draws, opening=draws.opening + 1e6, drawdown=draws.drawdown + 1e9)


def massed_history(n_days: int = 280) -> LaunchHistory:
    """Days of about 80 drones and, every tenth, one of 280: 100 a day on average."""
    counts = np.random.default_rng(5).poisson(80.0, n_days).astype(float)
    counts[::10] = 280.0
    return record(counts)


def test_without_weight_and_with_stock_the_paths_are_the_salvo_models() -> None:
    history = massed_history()
    salvos = salvos_like(history, 60).paths
    future = in_plenty(assimilate(scenario(), history, 60, 200, 1).future(N_PATHS, 1))
    assert (couple(salvos, history, future, no_weight(60), 1).paths == salvos).all()


def test_with_full_weight_the_level_is_what_is_sustained_and_the_shape_is_kept() -> None:
    history = massed_history()
    salvos = salvos_like(history, 365).paths
    published = assimilate(scenario(), history, 365, 200, 1)
    future = replace(published.future(N_PATHS, 1), armed=np.full((N_PATHS, 365), 300.0), opening=np.full(N_PATHS, 3e3))
    coupled = couple(salvos, history, future, full_weight(365), 1).paths
    assert coupled[:, 60:].mean() == pytest.approx(300.0, rel=0.05)
    peak = [np.median(paths[:, 60:].max(axis=1) / paths[:, 60:].mean(axis=1)) for paths in (salvos, coupled)]
    assert peak[1] == pytest.approx(peak[0], rel=0.15)
    ordinary = [np.median(paths[:, 60:] / paths[:, 60:].mean(axis=1, keepdims=True)) for paths in (salvos, coupled)]
    assert ordinary[1] == pytest.approx(ordinary[0], rel=0.1)


def test_output_is_what_the_path_tells_of_it_as_long_as_it_follows_the_salvo_model() -> None:
    history = massed_history()
    salvos = 3 * salvos_like(history, 90).paths
    future = assimilate(scenario(), history, 90, 200, 1).future(N_PATHS, 1)
    coupled = couple(salvos, history, future, no_weight(90), 1)
    assert coupled.paths.sum() > 0.93 * salvos.sum()
    assert np.median(coupled.supply.armed[:, 30:]) == pytest.approx(300.0, rel=0.1)


@given(
    seed=st.integers(0, 2**32),
    made=st.floats(0, 300),
    opening=st.floats(0, 2_000),
    weight=st.floats(0, 1),
)
@settings(deadline=None, max_examples=40)
def test_no_path_launches_more_than_its_stock_and_production(
    seed: int, made: float, opening: float, weight: float
) -> None:
    history = massed_history(56)
    salvos = salvos_like(history, 40, 20).paths
    future = assimilate(scenario(rate((made, 2 * made)), opening=opening), history, 40, 20, seed).future(20, seed)
    coupled = couple(salvos, history, future, CouplingWeights(np.full(40, weight), 0, np.ones(40)), seed)
    borrowed = borrow_shape(salvos, history, future, seed)
    for each in (coupled, borrowed):
        assert within_stock(each)
        assert each.paths.dtype == np.int64
        assert each.paths.min() >= 0
        assert (each.stock >= -1e-6).all()


def test_no_path_makes_more_than_its_ceiling_whatever_it_launches_beside_what_is_certain() -> None:
    history = massed_history()
    salvos = 3 * salvos_like(history, 90).paths
    future = assimilate(scenario(), history, 90, 200, 1).future(N_PATHS, 1)
    ceiling = np.linspace(150.0, 250.0, 90)
    sure = replace(future, armed_as_stated=future.armed_as_stated + 40.0)
    for weights in (no_weight(90), full_weight(90)):
        free, held = (couple(salvos, history, future, weights, 1, sure, ceiling=each) for each in (np.inf, ceiling))
        assert (free.supply.weighed_inflow > ceiling).any()
        assert (held.supply.weighed_inflow <= ceiling + 1e-6).all()
        assert held.supply.as_stated == pytest.approx(40.0)
        assert within_stock(held)
        untouched = (free.supply.weighed_inflow <= ceiling).all(axis=1)
        assert (held.paths[untouched] == free.paths[untouched]).all()


def variants(base: ProductionScenario, other: ProductionScenario, weights: CouplingWeights) -> list[NDArray[np.int64]]:
    history = massed_history()
    horizon = weights.by_day.size
    salvos = salvos_like(history, horizon).paths
    published, what_if = (assimilate(each, history, horizon, 200, 1).future(N_PATHS, 1) for each in (base, other))
    return [couple(salvos, history, published, weights, 1, each).paths for each in (published, what_if)] + [
        couple(salvos, history, published, weights, 1).paths
    ]


def test_the_same_scenario_as_a_variant_changes_nothing() -> None:
    published, same, alone = variants(scenario(), scenario(), no_weight(90))
    assert (published == alone).all()
    assert (same == alone).all()


def test_the_first_month_is_that_of_the_salvo_model_however_little_the_account_says_is_in_store() -> None:
    history, weights = massed_history(), no_weight(60)
    salvos = salvos_like(history, 60).paths
    future = assimilate(scenario(), history, 60, 200, 1).future(N_PATHS, 1)
    empty = replace(future, opening=np.zeros(N_PATHS))
    coupled = couple(salvos, history, empty, weights, 1).paths
    assert coupled[:, :28].sum() == pytest.approx(salvos[:, :28].sum(), rel=0.005)
    assert coupled[:, :28].max() == pytest.approx(salvos[:, :28].max(), abs=1)
    # What a variant loses from the store is no news of more: its launches fall short.
    struck = replace(empty, struck=np.full(empty.armed.shape, 50.0))
    assert couple(salvos, history, empty, weights, 1, struck).paths[:, :28].sum() < 0.8 * salvos[:, :28].sum()


def test_what_two_scenarios_differed_in_at_the_origin_is_no_doing_of_the_variant() -> None:
    history, weights = massed_history(), no_weight(60)
    salvos = salvos_like(history, 60).paths
    published = assimilate(scenario(), history, 60, 200, 1).future(N_PATHS, 1)
    lower = scale_output(published, np.full(published.armed.shape, 0.8))
    expected = couple(salvos, history, published, weights, 1).paths.sum()
    levelled = couple(salvos, history, published, weights, 1, lower, np.full(N_PATHS, 0.8)).paths.sum()
    assert levelled == pytest.approx(expected, rel=0.01)
    assert couple(salvos, history, published, weights, 1, lower).paths.sum() < 0.9 * expected


def test_what_is_sustained_now_is_what_the_first_day_sustains_as_long_as_nothing_happens() -> None:
    found = assimilate(scenario(opening=(0.0, 500.0)), massed_history(), 30, 200, 1)
    future = found.future(N_PATHS, 1)
    first = sustained(future, future.opening, future.first_day)[:, 0]
    # One day of the walk lies between them: .4 per 28 days on the log scale.
    assert np.log(first / found.sustained_now(N_PATHS, 1)).std() < 0.4 / np.sqrt(28) * 1.1
    assert np.log(first / found.sustained_now(N_PATHS, 1)).mean() == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("weights", [no_weight(200), full_weight(200)])
def test_what_a_variant_makes_more_is_launched_whatever_the_weights(weights: CouplingWeights) -> None:
    grown = scenario(rate(100.0), rate(100.0, 320), rate(200.0, 321))
    published, more, _ = variants(scenario(), grown, weights)
    assert more[:, :30].sum() == pytest.approx(published[:, :30].sum(), rel=0.01)
    assert more[:, 100:].sum() == pytest.approx(2 * published[:, 100:].sum(), rel=0.05)


def test_nothing_is_launched_in_a_pause_and_what_piled_up_comes_after_it() -> None:
    pause = {"id": "truce", "title": "Truce", "kind": "pause", "theatre": UKRAINE, "date": on(290), "until": on(309)}
    published, paused, _ = variants(scenario(), scenario(events=(pause,)), no_weight(120))
    assert (paused[:, 10:30] == 0).all()
    assert (paused[:, :10] == published[:, :10]).all()
    assert paused[:, 30:50].sum() > 1.3 * published[:, 30:50].sum()
    assert paused.sum() <= 1.02 * published.sum()


def test_a_pause_of_the_published_state_piles_up_too() -> None:
    pause = {"id": "truce", "title": "Truce", "kind": "pause", "theatre": UKRAINE, "date": on(290), "until": on(309)}
    truce = scenario(events=(pause,))
    calm, paused = (variants(each, each, no_weight(120))[2] for each in (scenario(), truce))
    assert (paused[:, 10:30] == 0).all()
    assert paused[:, 30:50].sum() > 1.3 * calm[:, 30:50].sum()
    assert paused.sum() <= 1.02 * calm.sum()


def test_the_shortest_of_everything_is_enough() -> None:
    opened_today = scenario(opening=10.0, stock={"opening": number(500.0, "drones", 27)})
    history = record(np.full(28, 100.0))
    salvos = salvos_like(history, 1, 5).paths
    found = assimilate(opened_today, history, 1, 5, 1)
    weights = learn_weights(opened_today, history, 1, 1)
    coupled = couple(salvos, history, found.future(5, 1), weights, 1)
    assert coupled.paths.shape == (5, 1)
    assert scenario_verdict(found).compatible
    assert list(supply_outlook(found, scenario_verdict(found), weights, coupled).weights) == []


# ---------------------------------------------------------------- theatres without a record, new models


def test_a_theatre_without_a_record_has_all_it_got_in_store_and_the_shape_of_another() -> None:
    shares = (
        {"id": UKRAINE, "share": (number(0.9, "share"),)},
        {"id": "south_korea", "share": (number(0.1, "share"),)},
    )
    stated = scenario(opening=500.0, theatres=shares)
    history = massed_history()
    draws = unrecorded_supply(stated, "south_korea", history.last_day, 200, N_PATHS, 1)
    assert draws.first_day == history.last_day + timedelta(days=1)
    assert draws.opening == pytest.approx(np.full(N_PATHS, 50.0 + 280 * 10.0))
    salvos = salvos_like(history, 200).paths
    borrowed = borrow_shape(salvos, history, draws, 1).paths
    # The store is used up in some weeks; then 10 a day are left, in days of 8 and of 28.
    assert borrowed[:, :28].sum(axis=1).mean() > 1_500
    assert borrowed[:, 120:].mean() == pytest.approx(10.0, rel=0.05)
    peak = [np.median(paths[:, 120:].max(axis=1) / paths[:, 120:].mean(axis=1)) for paths in (salvos, borrowed)]
    assert peak[1] == pytest.approx(peak[0], rel=0.2)


def test_a_new_model_is_told_per_path_and_day() -> None:
    switch = {
        "id": "jet",
        "title": "Jet",
        "kind": "model_switch",
        "date": on(280),
        "share": number(0.5, "share"),
        "ramp_up": number(0.0, "days"),
        "kill_probability": {"gun": number(0.4, "ratio")},
    }
    history = massed_history()
    future = assimilate(scenario(events=(switch,)), history, 30, 50, 1).future(N_PATHS, 1)
    future = replace(future, decoys=future.armed * 3.0)
    coupled = couple(salvos_like(history, 30).paths, history, future, no_weight(30), 1)
    assert coupled.armed_share == pytest.approx(np.full((N_PATHS, 30), 0.25))
    (jet,) = coupled.supply.new_models
    assert jet.share == pytest.approx(np.full((N_PATHS, 30), 0.5))
    assert jet.factors["kill_probability", "gun"] == pytest.approx(np.full(N_PATHS, 0.4))


# ---------------------------------------------------------------- the bundled scenarios


@pytest.fixture(scope="module")
def total_of(bundled_history: LaunchHistory) -> Callable[[str], NDArray[np.int64]]:
    """The paths of 180 days under a bundled scenario, as a variant of the published one."""
    salvos = salvos_like(bundled_history, 180).paths
    published = assimilate(load_scenario("published"), bundled_history, 180, 400, 1).future(N_PATHS, 1)

    def paths(name: str) -> NDArray[np.int64]:
        what_if = assimilate(load_scenario(name), bundled_history, 180, 400, 1).future(N_PATHS, 1)
        return couple(salvos, bundled_history, published, no_weight(180), 1, what_if).paths

    return paths


@pytest.mark.parametrize(
    ("more", "less"),
    [("published", "imports_stopped"), ("published", "repeated_strikes"), ("workers_25000", "workers_12000")],
)
def test_the_bundled_variants_move_the_totals_the_right_way(
    more: str, less: str, total_of: Callable[[str], NDArray[np.int64]]
) -> None:
    totals = [np.median(total_of(name).sum(axis=1)) for name in (more, less)]
    assert totals[0] > 1.01 * totals[1]


def test_the_outlook_tells_the_account_of_the_paths(bundled_history: LaunchHistory) -> None:
    weights = no_weight(60)
    found = assimilate(load_scenario("published"), bundled_history, 60, 300, 1)
    coupled = couple(salvos_like(bundled_history, 60).paths, bundled_history, found.future(N_PATHS, 1), weights, 1)
    outlook = supply_outlook(found, scenario_verdict(found), weights, coupled)
    assert list(outlook.weights) == [7, 28]
    assert [month.day for month in outlook.months] == [date(2026, 3, 31), date(2026, 4, 29)]
    drawn = coupled.supply
    launched = coupled.paths.sum(axis=1) / (1 - drawn.lost_before_launch)
    left = np.minimum(drawn.struck + drawn.transferred, 0).sum(axis=1)
    left += drawn.opening + drawn.inflow.sum(axis=1) - launched - drawn.minimum
    assert outlook.months[-1].launchable_stock[2] == pytest.approx(
        np.median(np.maximum(left, 0) * (1 - drawn.lost_before_launch)), rel=1e-6
    )
    assert outlook.stock_compatible is not None
    assert outlook.capacity_compatible is not None
    for quantiles in (outlook.stock_compatible, outlook.capacity_compatible, outlook.months[-1].production_stated):
        assert list(quantiles) == sorted(quantiles)
    # The record of the last months: about 5,000 a month.
    assert 4_000 < outlook.capacity_compatible[2] < 6_500 < outlook.capacity_stated[2]


def test_an_outlook_without_a_record_has_nothing_that_a_record_would_say() -> None:
    shares = ({"id": UKRAINE, "share": (number(0.9, "share"),)}, {"id": "korea", "share": (number(0.1, "share"),)})
    stated, history = scenario(theatres=shares), massed_history()
    draws = unrecorded_supply(stated, "korea", history.last_day, 40, N_PATHS, 1)
    outlook = unrecorded_outlook(stated, borrow_shape(salvos_like(history, 40).paths, history, draws, 1))
    told = (outlook.compatible, outlook.effective_sample_size, outlook.stock_compatible, outlook.output_ratio)
    assert told == (None, None, None, None)
    assert outlook.capacity_stated == pytest.approx((10.0 * 365.25 / 12,) * 5)
    assert outlook.months[-1].production_compatible is None
    late = scenario(theatres=shares, stock={"opening": number(0.0, "drones", 300)})
    with pytest.raises(InputError, match="opens on 2025-10-28: expected a day until the origin, 2025-10-07"):
        unrecorded_supply(late, "korea", history.last_day, 40, N_PATHS, 1)
    with pytest.raises(InputError, match="unknown theatre 'mars'"):
        unrecorded_supply(stated, "mars", history.last_day, 40, N_PATHS, 1)
