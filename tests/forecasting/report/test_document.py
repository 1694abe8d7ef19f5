"""Documents, tables and files: the same numbers everywhere, in the published form."""

import json
import math
from collections.abc import Callable
from datetime import date
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from openpyxl import load_workbook
from pydantic import BaseModel

from features.history import LaunchHistory
from features.massed import BORROWED_RULE
from forecasting.defence.layers import Defence
from forecasting.plan import Plan
from forecasting.report.document import (
    ForecastDocument,
    PlanDocument,
    forecast_document,
    reported_neutralised_share,
)
from forecasting.report.frames import long_frame
from forecasting.report.language import translator
from forecasting.report.layout import WIDTH, lines_of, spread_range
from forecasting.report.rounding import rounded
from forecasting.report.schema import SCHEMAS, current_schema, published_schema
from forecasting.report.sentence import duty_sentence
from forecasting.report.text import document_text, short_text
from forecasting.report.words import Words
from forecasting.report.workbook import workbook
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import SimulationRequest, forecast, load_model
from forecasting.salvos.spread import Spread, quantile, spread
from tests.forecasting.report.conftest import planned
from tests.workbook_tables import tables_of


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_published_schema_is_that_of_the_code(name: str) -> None:
    assert published_schema(name) == current_schema(name)


def test_what_is_written_follows_the_published_schema(document: Any) -> None:
    name = "plan" if isinstance(document, PlanDocument) else "forecast"
    schema = json.loads(published_schema(name))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    written = json.loads(document.model_dump_json())
    assert not list(validator.iter_errors(written))
    # The schema is not one that lets everything pass.
    assert list(validator.iter_errors(written | {"surplus": 1}))
    assert list(validator.iter_errors({key: value for key, value in written.items() if key != "format"})) or (
        "format" not in schema["required"]
    )
    head = "forecast" if name == "plan" else "model_id"
    assert list(validator.iter_errors({key: value for key, value in written.items() if key != head}))


def test_a_document_reads_back_as_itself(document: Any) -> None:
    assert type(document).model_validate_json(document.model_dump_json()) == document


def spreads_of(value: Any) -> list[Spread]:
    if isinstance(value, Spread):
        return [value]
    if isinstance(value, list):
        return [found for each in value for found in spreads_of(each)]
    if isinstance(value, BaseModel):
        return [found for _, each in value for found in spreads_of(each)]
    return []


def test_medians_lie_within_intervals_and_intervals_within_wider_ones(document: Any) -> None:
    found = spreads_of(document)
    assert len(found) > 28
    for each in found:
        assert [interval.level for interval in each.intervals] == [0.5, 0.8, 0.95]
        lows = [interval.low for interval in each.intervals]
        highs = [interval.high for interval in each.intervals]
        assert lows[2] <= lows[1] <= lows[0] <= each.median <= highs[0] <= highs[1] <= highs[2]


def test_the_numbers_are_those_of_the_paths(bundled_plan: Plan, plan: PlanDocument) -> None:
    paths = np.sort(bundled_plan.forecast.paths, axis=0)  # 2,000 paths: the k-th smallest is index k - 1
    for step, day in enumerate(plan.forecast.days):
        assert day.drones.median == paths[999, step]
        assert (day.drones.interval(0.8).low, day.drones.interval(0.8).high) == (paths[199, step], paths[1799, step])
        assert day.horizon == step + 1
    week, month = plan.forecast.windows
    assert (week.n_days, month.n_days) == (7, 28)
    assert week.total_drones.median == np.sort(bundled_plan.forecast.paths[:, :7].sum(axis=1))[999]
    assert week.massed_probability == (bundled_plan.forecast.paths[:, :7].max(axis=1) >= 308).mean()
    assert month.last_day == plan.forecast.days[-1].attack_day


def test_what_is_launched_is_killed_or_leaks(bundled_plan: Plan, plan: PlanDocument) -> None:
    actual = bundled_plan.engagements.actual
    launched = bundled_plan.forecast.paths.sum(axis=1)
    leaked = launched - actual.kills.sum(axis=(0, 2)) - actual.decoy_kills.sum(axis=(0, 2))
    armed, decoys = (leakers.sum(axis=1) for leakers in (actual.leakers, actual.decoy_leakers))
    np.testing.assert_array_equal(armed + decoys, leaked)
    assert plan.outcome.leakers == spread(armed)
    assert plan.outcome.decoy_leakers == spread(decoys)
    assert plan.outcome.neutralised_share.median == quantile(1 - leaked / launched, 0.5)
    for index, layer in enumerate(plan.layers):
        assert layer.drones_killed == spread((actual.kills[index] + actual.decoy_kills[index]).sum(axis=1))


def test_what_is_used_costs_the_price_that_the_path_has_drawn(bundled_plan: Plan, plan: PlanDocument) -> None:
    engaged, costs = bundled_plan.engagements, np.zeros(2_000)
    for index, layer in enumerate(plan.layers):
        if layer.interceptor is None:
            assert layer.interceptors_used_cost_usd is None
            continue
        cost = engaged.actual.interceptors[index].sum(axis=1) * engaged.draws[index]["unit_cost_usd"]
        assert layer.interceptors_used_cost_usd == spread(cost)
        costs = costs + cost
    assert plan.outcome.interceptors_used_cost_usd == spread(costs)
    orders = [layer.order for layer in plan.layers if layer.order]
    assert plan.outcome.orders_cost_usd_mode == sum(order.cost_usd_mode for order in orders) > 0


def test_the_chance_of_a_stock_out_by_date_ends_in_that_of_the_horizon(plan: PlanDocument) -> None:
    assert [each.attack_day for each in plan.stock_out] == [day.attack_day for day in plan.forecast.days]
    for layer in plan.layers:
        if layer.interceptor is None:
            assert layer.layer not in plan.stock_out[0].probability
            continue
        chances = [each.probability[layer.layer] for each in plan.stock_out]
        assert chances == sorted(chances)
        assert chances[-1] == layer.stock_out_probability


def test_prior_and_posterior_stand_beside_each_other(bundled_plan: Plan, plan: PlanDocument) -> None:
    assert bundled_plan.calibration is not None
    assert plan.calibration is not None
    stated = {(each.layer, each.quantity): each for each in plan.calibration.quantities}
    for each in bundled_plan.calibration.quantities:
        beside = stated[each.layer_id, each.quantity]
        assert (beside.stated.p10, beside.stated.p50, beside.stated.p90) == each.prior
        assert (beside.calibrated.p10, beside.calibrated.p50, beside.calibrated.p90) == each.posterior
    share = next(each for each in plan.calibration.shares if each.period.code == "last_nights")
    assert share.reported_low == share.reported_high == plan.outcome.reported_neutralised_share
    text = document_text(plan)
    assert "neutralised, last 28" in text
    assert f"{100 * share.stated.p10:.0f} % to {100 * share.stated.p90:.0f} %" in text
    assert f"worth {plan.calibration.effective_sample_size:,.0f} independent ones" in " ".join(text.split())


def test_the_order_comes_first(plan: PlanDocument) -> None:
    body = document_text(plan).split("\n\n")[1]
    assert body.startswith("Order for 95 % safety of each stock through 2026-03-28: ")


def test_quantiles_of_whole_drones_are_whole_and_of_the_sample() -> None:
    assert quantile(np.array([1, 2, 3, 4]), 0.5) == 2.0
    assert quantile(np.array([1, 2, 3, 4]), 0.51) == 3.0
    assert quantile(np.array([5]), 0.975) == 5.0


def test_a_short_horizon_has_one_window(bundled_plan: Plan, bundled_history: LaunchHistory) -> None:
    for horizon, windows in ((1, [1]), (7, [7]), (8, [7, 8]), (28, [7, 28]), (29, [7, 28, 29])):
        made = forecast(load_model("empirical_window"), bundled_history, SimulationRequest(horizon, 5), 1)
        document = forecast_document(made)
        assert [window.n_days for window in document.windows] == windows
        assert len(document.days) == horizon
        assert document_text(document)


def test_the_reported_share_is_that_of_the_last_four_weeks(bundled_history: LaunchHistory) -> None:
    launched = bundled_history.launched[-28:]
    neutralised = bundled_history.neutralised[-28:]
    assert not np.isnan(launched + neutralised).any()
    assert reported_neutralised_share(bundled_history) == neutralised.sum() / launched.sum()


def test_no_reported_share_where_none_is_reported(history_of: Callable[[Any], LaunchHistory]) -> None:
    assert reported_neutralised_share(history_of(np.arange(30))) is None


def test_a_plan_against_no_drones_divides_by_nothing(
    history_of: Callable[[Any], LaunchHistory], bundled_defence: Defence
) -> None:
    document = planned(history_of(np.zeros(30)), bundled_defence)
    assert document.outcome.leakers.interval(0.95).high == 0
    assert math.isfinite(document.outcome.neutralised_share.median)
    assert all(layer.order is None or layer.order.quantity == 0 for layer in document.layers)
    assert "NaN" not in document.model_dump_json()


def test_the_text_says_what_the_document_says(plan: PlanDocument) -> None:
    text = document_text(plan)
    for layer in plan.layers:
        assert layer.name in text
        if layer.order and layer.order.quantity:
            assert f"{rounded(layer.order).quantity:,} {layer.interceptor}" in " ".join(text.split())
    assert plan.forecast.data_digest[:12] in text
    assert "as of 2026-02-28" in text


@pytest.mark.parametrize("language", ["en", "uk"])
@pytest.mark.parametrize("write", [document_text, short_text])
def test_no_line_is_wider_than_the_terminal(write: Callable[..., str], language: str, document: Any) -> None:
    assert max(map(len, write(document, language).splitlines())) <= WIDTH == 80
    for width in (60, 120):
        with lines_of(width):
            text = write(document, language)
        assert max(map(len, text.splitlines())) <= width
        # Folding moves words to other lines, and repeats headers and names: it adds no other, and loses none.
        assert set(text.split()) == set(write(document, language).split())
    assert "\x1b" not in text


def test_the_short_plan_says_whose_stock_nobody_counted(plan: PlanDocument) -> None:
    def said(of: PlanDocument) -> str:
        return " ".join(short_text(of).split())

    stocked = [each.layer for each in plan.layers if each.opening_stock is not None]
    assert "All of it is assumed, not counted: salvocast stock count." in said(plan)
    for counted in (stocked[:1], stocked):
        layers = [
            each.model_copy(update={"stock_basis": "counted"}) if each.layer in counted else each
            for each in plan.layers
        ]
        some = plan.model_copy(update={"layers": layers})
        names = ", ".join(each.name for each in layers if each.layer in stocked[len(counted) :])
        assert (f"Assumed, not counted: {names}: salvocast stock count." in said(some)) == bool(names)
        assert "All of it is assumed" not in said(some)


def test_the_short_plan_has_what_is_acted_on(plan: PlanDocument) -> None:
    text, whole = short_text(plan), document_text(plan)
    said = " ".join(text.split())
    assert " ".join(duty_sentence(plan).replace("\u00a0", " ").split()) in said
    assert sum(line.startswith("2026-03-") for line in text.splitlines()) == 7
    for layer in plan.layers:
        assert (f"\n{layer.name} " in text) == (layer.order is not None)
    assert "--full" in text
    assert len(text.splitlines()) < 58 < len(whole.splitlines())
    # What is in hand and when it ends, the order, what else the money buys and what to ask for come before the days.
    places = [text.index(head) for head in ("in hand", "ORDERS", "OTHER MONEY", "find out first", "LAUNCHED PER")]
    assert places[1] < places[0] < places[2] < places[3] < places[4]
    for layer in rounded(plan).layers:
        if layer.opening_stock is not None:
            assert spread_range(layer.opening_stock, 0.8, translator("en", plain=True)) in text
    assert "WHAT WAS ASSUMED" in whole


def test_the_scenario_is_told_with_its_verdict_stock_and_output(scenario_plan: PlanDocument) -> None:
    text, supply = document_text(scenario_plan), scenario_plan.forecast.supply
    assert supply is not None
    said = " ".join(text.split())
    assert "40 attack days, scenario truce_30_days as of" in said
    assert f"PRODUCTION: scenario truce_30_days: {supply.title} (as of 2026-02-28)" in said
    assert Words(translator("en", plain=True)).sentence(supply.verdict) in said
    assert supply.stock_compatible is not None
    for told in (supply.stock_stated, supply.stock_compatible, *(month.launchable_stock for month in supply.months)):
        assert f" {told.p50:,.0f} ({told.p5:,.0f}-{told.p95:,.0f})" in text
    assert [month.day for month in supply.months] == [date(2026, 3, 31), date(2026, 4, 9)]
    assert [(each.horizon, each.share > 0) for each in supply.weights] == [(7, True), (28, True)]
    assert "ASSUMPTIONS ONLY" not in text


def test_every_number_of_the_scenario_has_unit_date_confidence_and_a_listed_source(scenario_plan: PlanDocument) -> None:
    supply = scenario_plan.forecast.supply
    assert supply is not None
    listed = {source.id for source in supply.sources}
    for stated in supply.numbers:
        assert stated.unit
        assert stated.low <= stated.mode <= stated.high
        assert stated.confidence in set("ABCD")
        assert set(stated.sources) <= listed
        assert stated.sources or stated.basis == "assumed"
    content = workbook(scenario_plan)
    assert [(row["number"], row["low"], row["high"], row["unit"]) for row in tables_of(content)["scenario"]] == [
        (stated.number, stated.low, stated.high, stated.unit) for stated in supply.numbers
    ]
    assert {row["id"] for row in tables_of(content)["sources"]} >= listed


BASES = {
    "plan": "record",
    "forecast": "record",
    "scenario plan": "record, scenario truce_30_days",
    "scenario forecast": "record, scenario truce_30_days",
    "assumed": "assumptions only: north_korea_line",
    "assumed plan": "assumptions only: north_korea_line",
}


def test_what_the_numbers_rest_on_stands_on_every_output(document: Any, request: pytest.FixtureRequest) -> None:
    basis = BASES[request.node.callspec.params["document"]]
    assumed = basis.startswith("assumptions only")
    assert set(long_frame(document)["basis"]) == {basis}
    about = {row[0]: row[1] for row in load_workbook(BytesIO(workbook(document)))["about"].iter_rows(values_only=True)}
    assert about["basis"] == basis
    written = json.loads(document.model_dump_json())
    supply = written.get("forecast", written)["supply"]
    assert bool(supply and supply["assumption_only"]) == assumed
    lines = document_text(document).splitlines()
    assert lines[0].startswith("ASSUMPTIONS ONLY: Salvocast ") == assumed
    assert lines[0].startswith("Salvocast ") != assumed


def test_the_record_of_another_theatre_is_told_to_be_that(assumed_plan: PlanDocument, plan: PlanDocument) -> None:
    assert plan.outcome.reported_neutralised_share is not None
    assert assumed_plan.outcome.reported_neutralised_share is None
    said = " ".join(document_text(assumed_plan).split())
    assert "reported on the last" not in said
    assert "as of 2026-02-28 (shape of the salvos from Ukraine, last attack day known there 2026-02-28;" in said
    assert "Launch counts of Ukraine, for the shape of the salvos alone: daily reports of" in said
    assert assumed_plan.forecast.massed_strikes.rule == BORROWED_RULE
    assert assumed_plan.forecast.supply is not None
    assert assumed_plan.forecast.supply.shape_from == "ukraine"


def test_days_beyond_the_first_week_are_told_to_be_elsewhere(salvos: ForecastDocument) -> None:
    assert "(and 21 more days to 2026-03-28: --format csv or json)" in document_text(salvos)


def test_a_stale_origin_is_told(history_of: Callable[[Any], LaunchHistory]) -> None:
    history = history_of(np.r_[np.arange(60.0), np.full(5, np.nan)])
    made: SalvoForecast = forecast(load_model("empirical_window"), history, SimulationRequest(3, 10), 1)
    assert "(last attack day known 2026-02-23, 5 days before the origin;" in document_text(forecast_document(made))


def test_the_reported_share_is_told_only_of_days_that_count_suppressed_drones(bundled_history: LaunchHistory) -> None:
    assert reported_neutralised_share(bundled_history) == pytest.approx(0.87, abs=0.01)
    assert reported_neutralised_share(bundled_history.until(date(2024, 6, 30))) is None
    july = bundled_history.until(date(2024, 7, 31)).since(date(2024, 7, 1))
    told = ~np.isnan(july.neutralised)
    assert reported_neutralised_share(bundled_history.until(date(2024, 7, 31))) == pytest.approx(
        july.neutralised[told].sum() / july.launched[told].sum()
    )
