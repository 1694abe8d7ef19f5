"""Forecasts under scenarios: what a scenario changes, what it must not, and theatres without a record."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.history import LaunchHistory
from features.massed import massed_from
from features.records import UKRAINE
from features.scenario_parts import DAYS_PER_MONTH
from features.scenarios import bundled_scenarios, load_scenario, parse_scenario
from forecasting.answers.learned import Remember, remembered_weights
from forecasting.answers.learned_supply import remembered_supply
from forecasting.salvos.model import SimulationRequest, forecast, load_model
from forecasting.supply.scenario_forecast import LearnedSupply, ScenarioForecaster, SuppliedForecast
from tests.learning import remember

HORIZON, N_PATHS = 120, 60
KOREA = "south_korea"
Under = Callable[..., SuppliedForecast]


def forecaster(
    history: LaunchHistory, horizon: int = HORIZON, seed: int = 1, remember: Remember = remember
) -> ScenarioForecaster:
    salvos = forecast(load_model("empirical_window"), history, SimulationRequest(horizon, N_PATHS), seed)
    weigh, meet = remembered_weights(remember), remembered_supply(remember)
    learned = LearnedSupply(history, load_scenario("published"), salvos.horizon, weigh=weigh, meet=meet)
    return ScenarioForecaster(salvos, learned)


@pytest.fixture(scope="module")
def now(bundled_history: LaunchHistory) -> ScenarioForecaster:
    return forecaster(bundled_history)


@pytest.fixture(scope="module")
def under(now: ScenarioForecaster) -> Under:
    """The forecast under a bundled scenario; made once."""
    made: dict[tuple[str, str], SuppliedForecast] = {}

    def forecast_under(name: str, theatre: str = UKRAINE) -> SuppliedForecast:
        if (name, theatre) not in made:
            made[name, theatre] = now.forecast_under(load_scenario(name), theatre)
        return made[name, theatre]

    return forecast_under


def same(one: SuppliedForecast, other: SuppliedForecast) -> bool:
    return one.forecast.paths.tobytes() == other.forecast.paths.tobytes()


def test_a_variant_that_changes_nothing_is_the_published_state(now: ScenarioForecaster, under: Under) -> None:
    copied = now.forecast_under(load_scenario("published").model_copy(update={"name": "copied"}), UKRAINE)
    assert same(copied, under("published"))
    assert copied.outlook == replace(under("published").outlook, scenario="copied")


def test_the_seed_decides(bundled_history: LaunchHistory) -> None:
    truce, past = load_scenario("truce_30_days"), bundled_history.until(date(2024, 3, 31))
    first, other = (forecaster(past, 30, seed).forecast_under(truce, UKRAINE) for seed in (1, 2))
    again = forecaster(past, 30, remember=lambda _, make: make()).forecast_under(truce, UKRAINE)
    assert same(first, again)
    assert first.outlook == again.outlook
    assert not same(first, other)


def test_scenarios_share_their_random_numbers_until_they_differ(now: ScenarioForecaster, under: Under) -> None:
    published, truce = under("published").forecast, under("truce_30_days").forecast
    first, last = (published.days.index(day) for day in (date(2026, 3, 15), date(2026, 4, 13)))
    assert (truce.paths[:, :first] == published.paths[:, :first]).all()
    assert not truce.paths[:, first : last + 1].any()
    assert published.paths[:, first : last + 1].any(axis=0).all()
    assert truce.paths[:, last + 1 : last + 29].sum() > published.paths[:, last + 1 : last + 29].sum()


def test_no_path_is_above_the_physical_ceiling_of_its_scenario(
    bundled_history: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecasting.supply.scenario_forecast.learn_headroom", lambda *_: 1.0)  # so that it binds
    past = forecaster(bundled_history.until(date(2024, 9, 30)), 90)
    for name in ("published", "flat_2000"):
        supplied = past.forecast_under(load_scenario(name), UKRAINE)
        made, most = supplied.coupled.supply.weighed_inflow, past.ceiling(load_scenario(name))
        assert (made <= most * (1 + 1e-9)).all()
        assert (made > 0.999 * most).any(axis=1).mean() > 0.05


@pytest.mark.parametrize("name", bundled_scenarios())
def test_no_path_launches_more_than_its_stock_and_output(name: str, under: Under) -> None:
    supplied = under(name)
    supply = supplied.coupled.supply
    there = supply.opening[:, np.newaxis] + supply.inflow.cumsum(axis=1)
    assert (supplied.forecast.paths.cumsum(axis=1) <= there + 1e-6).all()
    assert supplied.forecast.paths is supplied.coupled.paths
    # What is asserted is no empty bound: by the end most of what was there has been launched.
    assert np.median(supplied.forecast.totals(HORIZON) / there[:, -1]) > 0.5


LATER = """
[scenario]
name = "later"
title = "Imports that were published later"
as_of = 2026-02-28
based_on = "published"
about = "Five times as many."
[[event]]
id = "windfall"
kind = "imports"
title = "Windfall"
date = 2026-01-05
line = "armed"
rate = { low = 9000, mode = 9000, high = 9000, unit = "drones_per_month", basis = "reported", \
sources = ["Z1"], date = 2026-01-05, confidence = "B", note = "" }
sources = ["Z1"]
[[source]]
id = "Z1"
title = "Windfall"
date = 2026-01-10
url = "https://example.org"
confidence = "B"
"""


def test_what_was_published_after_the_origin_changes_no_byte(bundled_history: LaunchHistory, tmp_path: Path) -> None:
    file = tmp_path / "later.toml"
    file.write_text(LATER)
    later = load_scenario(str(file))
    before, after = (forecaster(bundled_history.until(day), 30) for day in (date(2026, 1, 9), date(2026, 1, 10)))
    published = load_scenario("published")
    unaware = before.forecast_under(later, UKRAINE)
    assert same(unaware, before.forecast_under(published, UKRAINE))
    assert "windfall" not in {event.id for event in unaware.scenario.events}
    aware = after.forecast_under(later, UKRAINE)
    assert "windfall" in {event.id for event in aware.scenario.events}
    assert not same(aware, after.forecast_under(published, UKRAINE))


CERTAIN_PLANT = """
[scenario]
name = "certain"
title = "A certain plant"
as_of = 2026-02-28
based_on = "flat_2000"
about = "2,000 a month on top."
[[facility]]
id = "second"
name = "Second plant"
as_stated = true
utilisation = { low = 1, mode = 1, high = 1, unit = "share", basis = "known", sources = [], date = 2026-03-01, \
confidence = "A" }
armed = [{ low = 2000, mode = 2000, high = 2000, unit = "drones_per_month", basis = "known", sources = [], \
date = 2026-03-01, confidence = "A" }]
"""


def test_a_certain_plant_of_2000_a_month_launches_2000_a_month_more(now: ScenarioForecaster, under: Under) -> None:
    """At every quantile, and not 2,000 times what the record has learned of other numbers."""
    base, certain = under("flat_2000"), now.forecast_under(parse_scenario(CERTAIN_PLANT, "certain.toml"), UKRAINE)
    for n_days in (7, 28, HORIZON):
        expected = 2_000 / DAYS_PER_MONTH * n_days
        totals = [np.quantile(each.forecast.totals(n_days), [0.1, 0.5, 0.9]) for each in (base, certain)]
        assert totals[1] - totals[0] == pytest.approx(np.full(3, expected), rel=0.03)
    assert all(month.certain == pytest.approx((2_000.0,) * 5) for month in certain.outlook.months)
    assert all(month.certain is None for month in base.outlook.months)
    assert base.outlook.capacity_compatible == certain.outlook.capacity_compatible  # it is not there at the origin yet
    assert certain.coupled.armed_share[:, 40:].mean() > base.coupled.armed_share[:, 40:].mean()


@pytest.mark.parametrize(("since", "within"), [("2025-12-01", 0.1), ("2025-06-01", 0.02)])
def test_a_certain_plant_that_is_in_the_record_already_is_not_counted_twice(
    since: str, within: float, now: ScenarioForecaster, under: Under
) -> None:
    earlier = CERTAIN_PLANT.replace("2026-03-01", since)
    for n_days in (28, HORIZON):
        base, other = (
            np.median(each.forecast.totals(n_days))
            for each in (under("flat_2000"), now.forecast_under(parse_scenario(earlier, "certain.toml"), UKRAINE))
        )
        # Counted twice it were 37 % more. Of a plant that is said to have come lately, and left no trace in the
        # launches, some is taken to be in store; of one that has been there for long, nothing is.
        assert other == pytest.approx(base, rel=within)


def test_growth_that_nobody_announced_comes_on_top_unless_a_scenario_leaves_it_out(
    now: ScenarioForecaster, under: Under
) -> None:
    grows = under("published")
    still = now.forecast_under(load_scenario("published").model_copy(update={"unannounced_growth": False}), UKRAINE)
    expected = now.learned.weights.growth
    assert expected[-1] > 1.05
    assert grows.outlook.growth == {90: expected[89]}
    assert still.outlook.growth == under("flat_2000").outlook.growth == {}
    assert (grows.forecast.paths[:, :28] == still.forecast.paths[:, :28]).all()
    totals = [each.forecast.paths.sum(axis=0) for each in (grows, still)]
    assert totals[0][28:].sum() / totals[1][28:].sum() == pytest.approx(expected[28:].mean(), rel=0.02)


def test_a_theatre_without_a_record_has_assumptions_alone(
    bundled_history: LaunchHistory, now: ScenarioForecaster, under: Under
) -> None:
    assert not under("north_korea_line").assumption_only
    assert under("north_korea_line").shape_from is None
    korea = forecaster(bundled_history, 400).forecast_under(load_scenario("north_korea_line"), KOREA)
    assert korea.assumption_only
    assert (korea.shape_from, korea.forecast.theatre) == (UKRAINE, KOREA)
    assert (korea.outlook.compatible, korea.outlook.stock_compatible, dict(korea.outlook.weights)) == (None, None, {})
    # The line starts in July, and what it makes is kept until the end of the year.
    new_year = (date(2027, 1, 1) - korea.forecast.origin - timedelta(days=1)).days
    assert not korea.forecast.paths[:, :new_year].any()
    assert korea.forecast.paths[:, new_year:].sum(axis=1).min() > 0
    # Days on which nothing is launched do not make a massed strike of every single drone.
    launched = korea.forecast.paths[korea.forecast.paths > 0]
    assert korea.forecast.massed_threshold == massed_from(launched) > 1
    assert korea.forecast.massed.sum() < 0.5 * launched.size


def test_a_theatre_that_the_scenario_does_not_name_is_refused(now: ScenarioForecaster) -> None:
    with pytest.raises(InputError, match="unknown theatre 'south_corea': did you mean south_korea"):
        now.forecast_under(load_scenario("north_korea_line"), "south_corea")
    with pytest.raises(InputError, match="unknown theatre 'south_korea'"):
        now.forecast_under(load_scenario("published"), KOREA)


@pytest.mark.parametrize("theatre", [UKRAINE, KOREA])
def test_an_account_that_opens_after_the_origin_is_refused(now: ScenarioForecaster, theatre: str) -> None:
    stated = load_scenario("north_korea_line")
    opening = stated.stock.opening.model_copy(update={"date": date(2026, 3, 5)})
    late = stated.model_copy(update={"stock": stated.stock.model_copy(update={"opening": opening})})
    with pytest.raises(InputError, match=r"north_korea_line opens on 2026-03-05: expected a day until the origin"):
        now.forecast_under(late, theatre)


def test_an_assumption_can_be_held_and_one_that_is_not_stated_cannot(now: ScenarioForecaster) -> None:
    published = load_scenario("published")
    for key in ("stock.drawdown", "facility kupol.armed"):
        held = [now.forecast_under(published, UKRAINE, {key: level}) for level in (0.1, 0.9)]
        assert [set(each.coupled.supply.levels[key]) for each in held] == [{0.1}, {0.9}]
        assert not same(*held)
    with pytest.raises(InputError, match=r"unknown assumption 'stock\.drawdwn': did you mean stock\.drawdown"):
        now.forecast_under(published, UKRAINE, {"stock.drawdwn": 0.5})


def test_a_new_model_comes_with_a_draw_for_each_path(under: Under) -> None:
    supplied = under("published")
    (jet,) = supplied.new_models
    (switch,) = [event for event in supplied.scenario.events if event.kind == "model_switch"]
    assert jet.share.shape == (N_PATHS, HORIZON)
    assert {layer for _, layer in jet.factors} == switch.kill_probability.keys() != set()
    for factor in jet.factors.values():
        assert factor.shape == (N_PATHS,)
        assert ((factor > 0) & (factor <= 1)).all()


def test_days_of_months_of_the_outlook_follow_one_another(under: Under) -> None:
    days = [month.day for month in under("published").outlook.months]
    assert all(one < other for one, other in pairwise(days))
    assert days[-1] == under("published").forecast.days[-1]
