"""The duty officer's sentence: its numbers are the document's, in both languages."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forecasting.plan import Plan
from forecasting.report.document import ForecastDocument, PlanDocument, forecast_document, plan_document
from forecasting.report.layer_document import LayerDocument
from forecasting.report.rounding import rounded
from forecasting.report.sentence import days_of_supply, duty_sentence, upper_quartile_day
from forecasting.salvos.forecast import SalvoForecast


@pytest.fixture(scope="module")
def document(bundled_plan: Plan) -> PlanDocument:
    return plan_document(bundled_plan)


def said(document: PlanDocument | ForecastDocument, language: str = "en") -> str:
    return duty_sentence(document, language).replace("\u00a0", " ").replace("\u202f", " ")


def with_order(layer: LayerDocument, **changes: Any) -> LayerDocument:
    assert layer.order is not None
    return layer.model_copy(update={"order": layer.order.model_copy(update=changes)})


@pytest.fixture(scope="module")
def one_stock(document: PlanDocument) -> Callable[..., PlanDocument]:
    """A plan with interceptor drones alone, whose stock runs short as `chances` has it; changes of its order."""

    def make(chances: list[float], **order: Any) -> PlanDocument:
        (layer,) = (layer for layer in document.layers if layer.layer == "interceptor_drone")
        days = [
            day.model_copy(update={"probability": {layer.layer: chance}})
            for day, chance in zip(document.stock_out, chances, strict=True)
        ]
        return document.model_copy(update={"layers": [with_order(layer, **order)], "stock_out": days})

    return make


RAMP = [*np.linspace(0.0, 0.099, 11), *np.linspace(0.1, 0.89, 8), *np.linspace(0.9, 1.0, 9)]


def test_it_reads_as_an_officer_would_say_it(one_stock: Callable[..., PlanDocument]) -> None:
    plan = one_stock(RAMP, quantity=31_000, quantity_error=None).model_copy(update={"order_worth": None})
    total = rounded(plan).forecast.windows[0].total_drones.interval(0.8)
    night = upper_quartile_day(plan.forecast)
    assert said(plan) == (
        f"1 to 7 March 2026: {total.low:,.0f} to {total.high:,.0f} drones (80 %). "
        f"One night in four above {night:,.0f}. "
        "Interceptor drones last 11 to 19 days; order 31,000 for 95 % safety through 28 March."
    )
    low, high = (f"{value:,.0f}".replace(",", " ") for value in (total.low, total.high))
    assert said(plan, "uk") == (
        f"1 – 7 березня 2026 р.: БпЛА — від {low} до {high} (80 %). Кожної четвертої ночі — понад {night:.0f}. "
        "Дрони-перехоплювачі: запасу вистачить на строк від 11 до 19 діб; замовити 31 000 для надійності 95 % "
        "до 28 березня включно."
    )


@pytest.mark.parametrize(
    ("chances", "lasts", "ukrainian"),
    [
        ([0.0] * 28, "last more than 28 days;", "вистачить більш ніж на 28 діб;"),
        ([0.0] * 10 + [0.5] * 18, "last 10 to more than 28 days;", "на 10, а можливо, більш ніж на 28 діб;"),
        ([0.0] * 21 + [1.0] * 7, "last 21 days;", "вистачить на 21 добу;"),
        ([0.2] + [0.9] * 27, "last 0 to 1 day;", "від 0 до 1 доби;"),
    ],
)
def test_how_long_a_stock_lasts(
    chances: list[float], lasts: str, ukrainian: str, one_stock: Callable[..., PlanDocument]
) -> None:
    plan = one_stock(chances, quantity=5, quantity_error=None)
    assert lasts in said(plan)
    assert ukrainian in said(plan, "uk")


def test_days_of_supply_agree_with_those_of_the_document(document: PlanDocument) -> None:
    stocks = [layer for layer in document.layers if layer.order]
    assert any(layer.days_of_supply_p10 for layer in stocks)
    for layer in stocks:
        assert days_of_supply(document, layer.layer, 0.1) == layer.days_of_supply_p10
        assert days_of_supply(document, layer.layer, 0.5) == layer.days_of_supply_median


def test_what_runs_out_first_is_told_and_what_is_dearest(document: PlanDocument) -> None:
    stocks = [layer for layer in document.layers if layer.order and layer.order.quantity]
    first = min(stocks, key=lambda each: (each.days_of_supply_p10 or 99, -(each.stock_out_probability or 0)))
    assert len(stocks) > 3
    for dearest in stocks:
        layers = [
            with_order(layer, cost_usd_mode=2.0 if layer is dearest else 1.0) if layer.order else layer
            for layer in document.layers
        ]
        sentence = said(document.model_copy(update={"layers": layers}))
        assert f"{first.interceptor}s last".capitalize() in sentence
        assert f"and run out first; order {rounded(first.order).quantity:,} for" in sentence  # type: ignore[union-attr]
        told = f"Dearest are {dearest.interceptor}s: order {rounded(dearest.order).quantity:,}, "  # type: ignore[union-attr]
        assert (told in sentence) == (dearest is not first)
        others = len(stocks) - len({first.layer, dearest.layer})
        assert f"{others} other stocks need orders. Of " in sentence
        assert sentence.endswith("with no order.")


def test_of_two_that_run_out_on_one_day_the_likelier_is_first(document: PlanDocument) -> None:
    """Light missiles last 23 days with the greater risk: not those of medium range, which are dearer."""
    light, medium = (
        next(layer for layer in document.layers if layer.layer == name)
        for name in ("short_range_missile", "medium_range_missile")
    )
    days = [
        day.model_copy(update={"probability": {light.layer: 0.2 * (n >= 23), medium.layer: 0.15 * (n >= 23)}})
        for n, day in enumerate(document.stock_out)
    ]
    layers = [
        with_order(layer.model_copy(update={"stock_out_probability": chance}), cost_usd_mode=cost, quantity=10)
        for layer, chance, cost in ((medium, 0.15, 9e7), (light, 0.2, 1e7))
    ]
    sentence = said(document.model_copy(update={"layers": layers, "stock_out": days}))
    assert "Light missiles last 23 to more than 28 days and run out first; order 10 for" in sentence
    assert "Dearest are medium-range missiles: order 10, " in sentence


def test_without_an_order_the_stock_that_runs_out_first_is_told(document: PlanDocument) -> None:
    layers = [with_order(layer, quantity=0, cost_usd_mode=0.0) if layer.order else layer for layer in document.layers]
    sentence = said(document.model_copy(update={"layers": layers}))
    stocks = [layer for layer in document.layers if layer.order]
    first = min(stocks, key=lambda each: (each.days_of_supply_p10 or 99, -(each.stock_out_probability or 0)))
    assert first.interceptor is not None
    assert f"{first.interceptor}s last".lower() in sentence.lower()
    assert "order nothing for 95 % safety" in sentence
    assert "Dearest" not in sentence


def test_a_shortage_that_no_order_prevents_is_told(one_stock: Callable[..., PlanDocument]) -> None:
    late = "Chance that they run short before an order arrives: 12 %."
    assert late in said(one_stock(RAMP, quantity=5, unavoidable_shortage=0.12))
    assert "before an order arrives" not in said(one_stock(RAMP, quantity=5, unavoidable_shortage=0.009))


def test_an_order_with_a_review_period_lasts_until_the_next(one_stock: Callable[..., PlanDocument]) -> None:
    sentence = said(one_stock(RAMP, quantity=5, review_days=14))
    assert "order 5 for 95 % safety until the next order arrives." in sentence
    assert "through 2" not in sentence


def test_a_forecast_alone_says_what_to_expect(document: PlanDocument) -> None:
    assert re.fullmatch(
        r"1 to 7 March 2026: .* drones \(80 %\)\. One night in four above \d+\.", said(document.forecast)
    )
    supply = {"assumption_only": True}
    alone = document.forecast.model_copy(update={"supply": type("Supply", (), supply)()})
    assert said(alone).startswith("ASSUMPTIONS ONLY: 1 to 7 March")
    assert said(alone, "uk").startswith("ЛИШЕ ПРИПУЩЕННЯ: 1 – 7 березня")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("horizon", [1, 3, 40])
def test_one_night_in_four_is_that_of_the_paths(
    salvos_of: Callable[..., SalvoForecast], seed: int, horizon: int
) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.uniform(20, 400, size=horizon)
    paths = rng.negative_binomial(2, 2 / (2 + levels), size=(2_000, horizon))
    found = upper_quartile_day(forecast_document(salvos_of(paths)))
    exact = np.quantile(paths[:, : min(horizon, 7)], 0.75)
    assert abs(found / exact - 1) < 0.08  # two digits, and straight lines between seven quantiles
    assert found == float(f"{found:.2g}")


def test_steady_nights_are_told_exactly(salvos_of: Callable[..., SalvoForecast]) -> None:
    assert upper_quartile_day(forecast_document(salvos_of(np.full((50, 7), 240)))) == 240
