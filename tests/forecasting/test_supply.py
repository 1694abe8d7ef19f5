"""Assimilation, verdict and coupling, against examples worked by hand, laws, and the bundled scenarios."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.records import UKRAINE, QuietDayRule
from features.scenarios import ProductionScenario, load_scenario
from features.stock_flow import SupplyDraws, sustained
from forecasting import assimilation, supply
from forecasting.assimilation import assimilate, scaled
from forecasting.model import SimulationRequest, forecast, load_model
from forecasting.supply import (
    CoupledPaths,
    CouplingWeights,
    borrow_shape,
    couple,
    learn_weights,
    supply_outlook,
    unrecorded_outlook,
    unrecorded_supply,
)
from forecasting.types import SalvoForecast
from forecasting.verdict import judged

FIRST = date(2025, 1, 1)
N_PATHS = 200


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def number(value: float | tuple[float, float], unit: str, day: int = 0, source: str | None = None) -> dict[str, Any]:
    low, high = value if isinstance(value, tuple) else (value, value)
    basis = {"basis": "reported", "sources": (source,)} if source else {"basis": "assumed", "sources": ()}
    rest = {"date": on(day), "confidence": "D"}
    return {"low": low, "mode": (low + high) / 2, "high": high, "unit": unit, **basis, **rest}


def rate(value: float | tuple[float, float], day: int = 0, source: str | None = None) -> dict[str, Any]:
    return number(value, "drones_per_day", day, source)


def scenario(*armed: dict[str, Any], opening: float | tuple[float, float] = 0.0, **given: Any) -> ProductionScenario:
    """A plant that makes 100 drones a day unless given otherwise; nothing is lost, held back or kept in store."""
    stock = {
        "opening": number(opening, "drones"),
        "minimum": number(0.0, "drones"),
        "released": number(1.0, "share"),
        "lost_before_launch": number(0.0, "share"),
        "drawdown": number(20.0, "days"),
    }
    plant = {"id": "plant", "name": "Plant", "utilisation": number(1.0, "share"), "armed": armed or (rate(100.0),)}
    stated = {
        "name": "case",
        "title": "Case",
        "as_of": date(2027, 12, 31),
        "about": "A case.",
        "stock": stock | given.pop("stock", {}),
        "facilities": (plant,),
    }
    return ProductionScenario.model_validate(stated | given)


def record(counts: ArrayLike) -> LaunchHistory:
    """A history from the first day of the account."""
    launched = np.array(counts, dtype=float)
    return LaunchHistory(UKRAINE, "shahed", QuietDayRule.NONE, FIRST, launched, np.full(launched.shape, np.nan))


def salvos_like(history: LaunchHistory, horizon: int, n_paths: int = N_PATHS, seed: int = 1) -> SalvoForecast:
    return forecast(load_model("empirical_window"), history, SimulationRequest(horizon, n_paths), seed)


def no_weight(horizon: int) -> CouplingWeights:
    return CouplingWeights(np.zeros(horizon), 0)


def full_weight(horizon: int) -> CouplingWeights:
    return CouplingWeights(np.ones(horizon), 0)


def within_stock(coupled: CoupledPaths) -> bool:
    there = coupled.supply.opening[:, np.newaxis] + coupled.supply.inflow.cumsum(axis=1)
    return bool((coupled.paths.cumsum(axis=1) <= there + 1e-6).all())


# ---------------------------------------------------------------- assimilation


def test_one_block_is_the_update_of_a_kalman_filter_by_hand() -> None:
    # 28 days of 100 made, 50 launched: sustained 2,800, launched 1,400, one drone more on both sides of the logarithm.
    found = assimilate(scenario(), record(np.full(28, 50.0)), 1, 3, seed=1)
    slope = 2800 / 2801
    before = assimilation.FIRST_DOUBT**2 + assimilation.OUTPUT_WALK**2
    gain = before * slope / (slope**2 * before + assimilation.LAUNCH_SPREAD**2)
    ratio = gain * math.log(1401 / 2801)
    assert found.log_ratio == pytest.approx(np.full(3, ratio))
    assert found.log_ratio_variance == pytest.approx(np.full(3, before * (1 - gain * slope)))
    assert found.stock == pytest.approx(np.full(3, 2800 * math.exp(ratio) - 1400))


@pytest.mark.parametrize("stated", [50.0, 100.0, 200.0])
def test_output_follows_the_record_where_the_statement_is_off(stated: float) -> None:
    found = assimilate(scenario(rate(stated)), record(np.full(560, 100.0)), 1, 50, seed=1)
    ratio = found.quantiles(found.output_ratio, [0.5])[0]
    assert ratio == pytest.approx(100.0 / stated, rel=0.1)
    assert found.quantiles(found.capacity, [0.5])[0] == pytest.approx(100.0 * 365.25 / 12, rel=0.1)
    assert found.capacity_stated == pytest.approx(np.full(50, stated * 365.25 / 12))


def test_the_record_narrows_what_is_stated_in_wide_ranges() -> None:
    found = assimilate(scenario(rate((20.0, 400.0)), opening=(0.0, 5000.0)), record(np.full(280, 100.0)), 1, 500, 1)
    prior = np.quantile(found.capacity_stated, [0.1, 0.9])
    posterior = found.quantiles(found.capacity, [0.1, 0.9])
    assert np.log(posterior[1] / posterior[0]) < 0.7 * np.log(prior[1] / prior[0])
    assert found.quantiles(found.capacity, [0.5])[0] == pytest.approx(100.0 * 365.25 / 12, rel=0.05)
    # What the filter leaves open is in the range that is told: 80 % are 2 * 1.2816 standard deviations.
    left_open = 2 * 1.2816 * np.sqrt(found.log_ratio_variance.mean())
    assert np.log(posterior[1] / posterior[0]) == pytest.approx(left_open, rel=0.15)


def test_draws_that_met_the_launches_weigh_more_than_draws_that_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a doubt about output a draw can only be right or wrong: the record picks the draws near 100 a day.
    monkeypatch.setattr(assimilation, "FIRST_DOUBT", 0.01)
    monkeypatch.setattr(assimilation, "OUTPUT_WALK", 0.01)
    found = assimilate(scenario(rate((50.0, 200.0))), record(np.full(28, 100.0)), 1, 2_000, seed=1)
    near = np.abs(np.log(found.capacity_stated / (100.0 * 365.25 / 12))) < 0.2
    assert found.weights[near].mean() > 1.8 * found.weights[~near].mean()
    assert 1.0 < found.effective_sample_size < 2_000
    picked = np.log(found.future(2_000, 1).armed[:, 0] / 100.0)
    assert np.abs(picked).mean() < 0.9 * np.abs(np.log(found.drawn.armed[:, 0] / 100.0)).mean()


def test_days_without_a_report_are_unknown_and_not_quiet() -> None:
    known = np.full(140, 100.0)
    gap, quiet = known.copy(), known.copy()
    gap[84:112], quiet[84:112] = np.nan, 0.0
    as_known, with_gap, with_quiet = (assimilate(scenario(), record(each), 1, 10, 1) for each in (known, gap, quiet))
    assert with_gap.log_ratio == pytest.approx(as_known.log_ratio, abs=0.02)
    assert (with_gap.log_ratio_variance > as_known.log_ratio_variance).all()
    assert (with_quiet.log_ratio < as_known.log_ratio - 0.1).all()


@given(
    counts=st.lists(st.one_of(st.integers(0, 900), st.just(None)), min_size=1, max_size=120),
    opening=st.floats(0, 3_000),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=60)
def test_the_store_is_never_below_its_minimum_and_weights_are_weights(
    counts: list[int | None], opening: float, seed: int
) -> None:
    stated = scenario(rate((10.0, 200.0)), opening=opening, stock={"minimum": number((0.0, 300.0), "drones")})
    found = assimilate(stated, record([np.nan if count is None else count for count in counts]), 5, 20, seed)
    ended_with_launches = counts[-1] is not None
    assert found.weights.sum() == pytest.approx(1.0)
    assert 1.0 <= found.effective_sample_size <= 20.0 + 1e-9
    assert (found.log_ratio_variance > 0).all()
    assert (found.stock >= found.drawn.minimum - 1e-6).all() or not ended_with_launches


def test_a_massed_strike_proves_that_its_drones_were_there() -> None:
    counts = np.full(84, 100.0)
    counts[70] = 3_000.0
    stock = assimilate(scenario(), record(counts), 1, 5, 1).stock
    calm = assimilate(scenario(), record(np.full(84, 100.0)), 1, 5, 1).stock
    # After the strike the store holds what has come since, at most; before it, it held nearly 3,000.
    assert (stock < 1_500).all()
    assert assimilate(scenario(), record(counts[:70]), 1, 5, 1).stock == pytest.approx(calm, abs=300)


def test_nothing_that_was_published_after_the_origin_is_seen() -> None:
    sources = tuple(
        {"id": name, "title": name, "date": day, "url": "https://example.org", "confidence": "A"}
        for name, day in (("before", on(-1)), ("after", on(200)))
    )
    history = record(np.full(140, 100.0))
    alone = scenario(rate(90.0, 0, "before"), sources=sources)
    planted = scenario(rate(90.0, 0, "before"), rate(9_000.0, 10, "after"), sources=sources)
    found, expected = (assimilate(each, history, 100, 20, 1) for each in (planted, alone))
    assert found.future(10, 1).armed == pytest.approx(expected.future(10, 1).armed)
    later = assimilate(planted, record(np.full(202, 100.0)), 100, 20, 1)
    assert (later.capacity_stated > 10 * found.capacity_stated).all()


def test_an_account_that_opens_after_the_origin_is_refused_in_one_line() -> None:
    late = scenario(stock={"opening": number(0.0, "drones", 50)})
    with pytest.raises(InputError, match="opens on 2025-02-20: expected a day until the origin 2025-01-28"):
        assimilate(late, record(np.full(28, 1.0)), 1, 5, 1)


def test_a_variant_differs_only_from_its_own_day_on() -> None:
    history = record(np.random.default_rng(1).poisson(100.0, 200))
    base, grown = (rate((80.0, 120.0)),), (rate((80.0, 120.0)), rate((80.0, 120.0), 240), rate((400.0, 600.0), 241))
    published, variant = (assimilate(scenario(*each), history, 90, 300, 1) for each in (base, grown))
    assert variant.weights == pytest.approx(published.weights)
    one, other = published.future(N_PATHS, 7), variant.future(N_PATHS, 7)
    assert other.opening == pytest.approx(one.opening)
    assert other.armed[:, :40] == pytest.approx(one.armed[:, :40])
    assert (other.armed[:, 42:] > 3 * one.armed[:, 42:]).all()
    assert (published.future(N_PATHS, 8).armed != one.armed).any()


def test_the_future_goes_on_from_what_the_record_says_and_grows_less_sure() -> None:
    stated = scenario(rate(200.0), opening=(500.0, 1000.0))
    found = assimilate(stated, record(np.full(560, 100.0)), 300, 50, seed=1)
    future = found.future(2_000, 1)
    logs = np.log(future.armed)
    assert np.median(logs[:, 0]) == pytest.approx(np.log(100.0), abs=0.1)
    walked = logs[:, 299].var() - logs[:, 0].var()
    assert walked == pytest.approx(assimilation.OUTPUT_WALK**2 * 299 / 28, rel=0.15)
    assert np.isin(future.opening, found.stock).all()
    assert future.first_day == found.origin + timedelta(days=1)


# ---------------------------------------------------------------- verdict


def test_a_scenario_that_could_have_made_the_launches_is_allowed() -> None:
    verdict = judged(assimilate(scenario(), record(np.full(200, 100.0)), 1, 50, 1))
    assert verdict.compatible
    assert verdict.share == 1.0
    assert verdict.text.startswith("the record allows it: 100%")
    assert verdict.stock == pytest.approx(np.zeros(50))


def test_a_scenario_that_few_of_its_draws_bear_out_is_allowed_at_the_edge_of_its_ranges() -> None:
    # 100 a day were launched; a triangle from 70 to 105 reaches 95, the error of the counts, in one draw in ten.
    found = assimilate(scenario(rate((70.0, 105.0)), opening=0.0), record(np.full(200, 100.0)), 1, 500, 1)
    verdict = judged(found)
    assert 0.05 < verdict.share < 0.25
    assert verdict.compatible
    assert verdict.text.startswith("the record allows it only at the edge of its ranges: ")


def test_a_shortage_is_told_in_drones_with_the_opening_stock_that_would_mend_it() -> None:
    # 10 a day made and launched for 84 days, then 50 a day for 28: 28 x 40 less the 100 of the opening are missing.
    counts = np.concatenate([np.full(84, 10.0), np.full(28, 50.0)])
    verdict = judged(assimilate(scenario(rate(10.0), opening=100.0), record(counts), 1, 50, 1))
    assert not verdict.compatible
    assert verdict.text == (
        "the record does not allow it: launches from 2025-03-26 to 2025-04-22 exceed stock plus production by 1,020 "
        "(median draw); the opening stock would have to be at least 1,120"
    )
    mended = judged(assimilate(scenario(rate(10.0), opening=1_120.0), record(counts), 1, 50, 1))
    assert mended.compatible


def test_a_surplus_is_told_as_what_was_made_and_not_launched() -> None:
    verdict = judged(assimilate(scenario(), record(np.full(400, 10.0)), 1, 50, 1))
    assert not verdict.compatible
    assert verdict.text == (
        "the record makes it unlikely: over the last 365 days the output stated is 10.0 times what was launched; of "
        "100 drones made, 10 were launched, and 36,000 would be in store, 3,600 days of launches (median draw)"
    )


@pytest.mark.parametrize(("launched", "allowed"), [(104.0, True), (107.0, False)])
def test_the_error_of_the_counts_is_allowed_for(launched: float, allowed: bool) -> None:
    verdict = judged(assimilate(scenario(), record(np.full(168, launched)), 1, 50, 1))
    assert verdict.compatible is allowed


def test_unknown_days_are_no_surplus() -> None:
    counts = np.full(1_000, 100.0)
    counts[100:900] = np.nan
    assert judged(assimilate(scenario(), record(counts), 1, 50, 1)).compatible


# ---------------------------------------------------------------- weights


def test_with_no_past_the_prior_decides() -> None:
    weights = learn_weights(scenario(), record(np.full(100, 100.0)), 365, 1)
    assert weights.n_origins == 0
    for day in (1, 90, 365):
        expected = sum(
            share * -math.expm1(-((day / tau) ** 2)) for share, tau in zip(supply.PRIOR, supply.SCALES, strict=True)
        )
        assert weights.by_day[day - 1] == pytest.approx(expected)


def announced(true_growth: bool) -> tuple[ProductionScenario, LaunchHistory]:
    """Output said, from the first day on, to double every 180 days; and a record that does, or does not."""
    points = [rate(50.0 * 2 ** (day / 180), day) for day in range(0, 1200, 60)]
    growth = 2 ** (np.arange(730) / 180) if true_growth else np.ones(730)
    return scenario(*points), record(np.random.default_rng(3).poisson(50.0 * growth))


def test_supply_that_told_the_level_gets_weight_and_supply_that_did_not_loses_it() -> None:
    prior = learn_weights(scenario(), record(np.full(100, 100.0)), 365, 1).by_day[-1]
    right, wrong = (learn_weights(*announced(each), 365, 1) for each in (True, False))
    assert right.n_origins == wrong.n_origins > 10
    assert right.by_day[-1] > 1.3 * prior
    assert wrong.by_day[-1] < 0.8 * prior
    for weights in (right, wrong):
        assert (np.diff(weights.by_day) >= -1e-12).all()
        assert weights.by_day[0] < 0.01
        assert 0.0 <= weights.by_day.min() <= weights.by_day.max() <= 1.0


def test_weights_see_no_day_after_the_origin() -> None:
    stated, history = announced(true_growth=True)
    spike = record(np.concatenate([history.launched, np.full(100, 9_000.0)]))
    assert learn_weights(stated, spike.until(history.last_day), 90, 1).by_day == pytest.approx(
        learn_weights(stated, history, 90, 1).by_day
    )


# ---------------------------------------------------------------- coupling


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
    coupled = couple(salvos, history, future, CouplingWeights(np.full(40, weight), 0), seed)
    borrowed = borrow_shape(salvos, history, future, seed)
    for each in (coupled, borrowed):
        assert within_stock(each)
        assert each.paths.dtype == np.int64
        assert each.paths.min() >= 0
        assert (each.stock >= -1e-6).all()


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
    lower = scaled(published, np.full(published.armed.shape, 0.8))
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
    assert judged(found).compatible
    assert list(supply_outlook(found, judged(found), weights, coupled).weights) == []


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
    # A quarter of the drones is armed, half of those new: an eighth is killed with .4 times the probability.
    assert coupled.kill_factors("gun") == pytest.approx(np.full((N_PATHS, 30), 1.0 - 0.6 / 8))
    assert coupled.kill_factors("missile") == pytest.approx(np.ones((N_PATHS, 30)))


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
    outlook = supply_outlook(found, judged(found), weights, coupled)
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
