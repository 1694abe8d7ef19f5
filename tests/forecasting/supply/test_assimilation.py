"""What the record says of a scenario: its output, its store, its weight."""

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.history import LaunchHistory
from features.records import UKRAINE
from features.scenarios import ProductionScenario, load_scenario
from forecasting.supply import assimilation
from forecasting.supply import coupling as supply
from forecasting.supply.assimilation import assimilate, assimilate_at
from forecasting.supply.coupling import (
    learn_weights,
)
from forecasting.supply.verdict import scenario_verdict
from tests.forecasting.supply.stated_supply import N_PATHS, number, on, rate, record, scenario
from tests.said import said


def test_one_block_is_the_update_of_a_kalman_filter_by_hand() -> None:
    # 28 days of 100 made, 50 launched: sustained 2,800, launched 1,400, one drone more on both sides of the logarithm.
    found = assimilate(scenario(), record(np.full(28, 50.0)), 1, 3, seed=1)
    slope = 2800 / 2801
    before = assimilation.FIRST_DOUBT**2 + found.walk**2
    gain = before * slope / (slope**2 * before + assimilation.LAUNCH_SPREAD**2)
    ratio = gain * math.log(1401 / 2801)
    assert np.unique(found.walk).size == 3
    assert found.log_ratio == pytest.approx(ratio)
    assert found.log_ratio_variance == pytest.approx(before * (1 - gain * slope))
    assert found.stock == pytest.approx(2800 * np.exp(ratio) - 1400)


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
    left_open = 2 * 1.2816 * np.sqrt(found.weights @ found.log_ratio_variance)
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
    walked = (logs[:, 299] - logs[:, 0]).var()
    # Of the walks that the record has left: less than half of what was thought before it, which stood still.
    assert walked == pytest.approx(float(found.weights @ found.walk**2) * 299 / 28, rel=0.25)
    assert walked < 0.5 * float(np.mean(found.walk**2)) * 299 / 28
    assert np.isin(future.opening, found.stock).all()
    assert future.first_day == found.origin + timedelta(days=1)


def test_how_fast_output_changes_unannounced_is_learned_from_the_record() -> None:
    """Of the same statement, 100 a day: a record that stands still, and one that doubles or halves every two blocks."""
    jumps = 100.0 * 2.0 ** np.repeat([0, 1, 0, -1, 0, 1, 2, 1, 0, -1], 56)
    calm, jumpy = (assimilate(scenario(), record(each), 1, 500, 1) for each in (np.full(560, 100.0), jumps))
    assert calm.walk == pytest.approx(jumpy.walk)
    [low], [high] = (each.quantiles(each.walk, [0.5]) for each in (calm, jumpy))
    assert low < 0.8 * np.median(calm.walk)
    assert high > 1.15 * np.median(calm.walk)


def test_what_is_made_does_not_grow_by_being_unsure() -> None:
    """Output as stated stands still: so does its mean, while the median falls behind it."""
    made = assimilate(scenario(rate(100.0)), record(np.full(560, 100.0)), 90, 50, seed=1).future(20_000, 1).armed
    assert made.mean(axis=0) == pytest.approx(np.full(90, made[:, 0].mean()), rel=0.03)
    assert np.median(made[:, -1]) < 0.97 * np.median(made[:, 0])


def test_a_pause_that_the_record_refutes_was_none() -> None:
    """Launches of 28 days in which a scenario says that nothing was launched: nothing was saved up in them."""
    truce = {"id": "truce", "title": "Truce", "kind": "pause", "theatre": UKRAINE, "date": on(112), "until": on(139)}
    counts = np.full(140, 100.0)
    plain, refuted = (assimilate(scenario(**given), record(counts), 1, 10, 1) for given in ({}, {"events": (truce,)}))
    assert refuted.log_ratio == pytest.approx(plain.log_ratio)
    assert refuted.stock == pytest.approx(plain.stock)
    counts[112:] = 0.0
    kept = assimilate(scenario(events=(truce,)), record(counts), 1, 10, 1)
    assert (kept.stock > plain.stock + 1_000).all()


# ---------------------------------------------------------------- verdict


def test_a_scenario_that_could_have_made_the_launches_is_allowed() -> None:
    verdict = scenario_verdict(assimilate(scenario(), record(np.full(200, 100.0)), 1, 50, 1))
    assert verdict.compatible
    assert verdict.share == 1.0
    assert said(verdict.reason).startswith("the record allows it: 100 %")
    assert verdict.stock == pytest.approx(np.zeros(50))


def test_a_scenario_that_few_of_its_draws_bear_out_is_allowed_at_the_edge_of_its_ranges() -> None:
    # 100 a day were launched; a triangle from 70 to 105 reaches 95, the error of the counts, in one draw in ten.
    found = assimilate(scenario(rate((70.0, 105.0)), opening=0.0), record(np.full(200, 100.0)), 1, 500, 1)
    verdict = scenario_verdict(found)
    assert 0.05 < verdict.share < 0.25
    assert verdict.compatible
    assert said(verdict.reason).startswith("the record allows it only at the edge of its ranges: ")


def test_a_shortage_is_told_in_drones_with_the_opening_stock_that_would_mend_it() -> None:
    # 10 a day made and launched for 84 days, then 50 a day for 28: 28 x 40 less the 100 of the opening are missing.
    counts = np.concatenate([np.full(84, 10.0), np.full(28, 50.0)])
    verdict = scenario_verdict(assimilate(scenario(rate(10.0), opening=100.0), record(counts), 1, 50, 1))
    assert not verdict.compatible
    assert said(verdict.reason) == (
        "the record does not allow it: launches from 2025-03-26 to 2025-04-22 exceed stock plus production by 1,020 "
        "(median draw); the opening stock would have to be at least 1,120"
    )
    mended = scenario_verdict(assimilate(scenario(rate(10.0), opening=1_120.0), record(counts), 1, 50, 1))
    assert mended.compatible


def test_a_surplus_is_told_as_what_was_made_and_not_launched() -> None:
    verdict = scenario_verdict(assimilate(scenario(), record(np.full(400, 10.0)), 1, 50, 1))
    assert not verdict.compatible
    assert said(verdict.reason) == (
        "the record makes it unlikely: over the last 365 days the output stated is 10.0 times what was launched; of "
        "100 drones made, 10 were launched, and 36,000 would be in store, 3,600 days of launches (median draw)"
    )


@pytest.mark.parametrize(("launched", "allowed"), [(104.0, True), (107.0, False)])
def test_the_error_of_the_counts_is_allowed_for(launched: float, allowed: bool) -> None:
    verdict = scenario_verdict(assimilate(scenario(), record(np.full(168, launched)), 1, 50, 1))
    assert verdict.compatible is allowed


def test_unknown_days_are_no_surplus() -> None:
    counts = np.full(1_000, 100.0)
    counts[100:900] = np.nan
    verdict = scenario_verdict(assimilate(scenario(), record(counts), 1, 50, 1))
    assert verdict.compatible
    assert verdict.stated_over_launched == 1.0


def test_what_was_stated_is_set_against_the_launches_of_the_last_year_alone() -> None:
    counts = np.concatenate([np.full(300, 500.0), np.full(365, 80.0)])
    verdict = scenario_verdict(assimilate(scenario(), record(counts), 1, 50, 1))
    assert verdict.stated_over_launched == pytest.approx(100.0 / 80.0)


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


def test_origins_that_share_their_draws_say_what_each_says_alone(bundled_history: LaunchHistory) -> None:
    published = load_scenario("published")
    origins = [bundled_history.last_day - timedelta(days=28 * back) for back in (2, 3, 4, 5, 8)]
    horizons = {origin: 30 + 7 * number for number, origin in enumerate(origins)}
    for found in assimilate_at(published, bundled_history, horizons, 20, 1):
        alone = assimilate(published, bundled_history.until(found.origin), horizons[found.origin], 20, 1)
        assert (found.scenario, found.drawn.last_day) == (alone.scenario, alone.drawn.last_day)
        for name in ("weights", "stock", "log_ratio", "log_ratio_variance", "walk", "record"):
            np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))
        for name in ("inflow", "as_stated", "paused"):
            np.testing.assert_array_equal(getattr(found.drawn, name), getattr(alone.drawn, name))
