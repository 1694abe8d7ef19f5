"""The duty officer's sentence: its numbers are the document's, in both languages."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forecasting.plan import Plan
from forecasting.report.document import ForecastDocument, LayerDocument, PlanDocument, forecast_document, plan_document
from forecasting.report.rounding import rounded
from forecasting.report.sentence import days_of_supply, duty_sentence, upper_quartile_day
from forecasting.salvos.forecast import SalvoForecast


@pytest.fixture(scope="module")
def document(bundled_plan: Plan) -> PlanDocument:
    return plan_document(bundled_plan)


def said(document: PlanDocument | ForecastDocument, language: str = "en") -> str:
    return duty_sentence(document, language).replace("\u00a0", " ")


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
        f"Next 7 days: {total.low:,.0f} to {total.high:,.0f} drones (80 %). One night in four above {night:,.0f}. "
        "Interceptor drones last 11 to 19 days; order 31,000 for 95 % safety through 28 March."
    )
    low, high = (f"{value:,.0f}".replace(",", " ") for value in (total.low, total.high))
    assert said(plan, "uk") == (
        f"Найближчі 7 діб: БпЛА — від {low} до {high} (80 %). Кожної четвертої ночі — понад {night:.0f}. "
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


def test_the_order_that_costs_most_is_told_and_how_many_others_there_are(document: PlanDocument) -> None:
    stocks = [layer for layer in document.layers if layer.order and layer.order.quantity]
    assert len(stocks) > 2
    for dearest in stocks:
        layers = [
            with_order(layer, cost_usd_mode=2.0 if layer is dearest else 1.0) if layer.order else layer
            for layer in document.layers
        ]
        sentence = said(document.model_copy(update={"layers": layers}))
        assert dearest.order is not None
        assert dearest.interceptor is not None
        assert f"{dearest.interceptor}s last" in sentence.lower()
        assert f"order {rounded(dearest.order).quantity:,} for" in sentence
        assert f"{len(stocks) - 1} other stocks need orders. Of " in sentence
        assert sentence.endswith("with no order.")


def test_without_an_order_the_stock_likeliest_to_run_short_is_told(document: PlanDocument) -> None:
    layers = [with_order(layer, quantity=0, cost_usd_mode=0.0) if layer.order else layer for layer in document.layers]
    sentence = said(document.model_copy(update={"layers": layers}))
    likeliest = max(document.layers, key=lambda layer: layer.stock_out_probability or 0)
    assert likeliest.interceptor is not None
    assert f"{likeliest.interceptor}s last".lower() in sentence.lower()
    assert "order nothing for 95 % safety" in sentence


def test_a_shortage_that_no_order_prevents_is_told(one_stock: Callable[..., PlanDocument]) -> None:
    late = "Chance that they run short before an order arrives: 12 %."
    assert late in said(one_stock(RAMP, quantity=5, unavoidable_shortage=0.12))
    assert "before an order arrives" not in said(one_stock(RAMP, quantity=5, unavoidable_shortage=0.009))


def test_an_order_with_a_review_period_lasts_until_the_next(one_stock: Callable[..., PlanDocument]) -> None:
    sentence = said(one_stock(RAMP, quantity=5, review_days=14))
    assert "order 5 for 95 % safety until the next order arrives." in sentence
    assert "March" not in sentence


def test_a_forecast_alone_says_what_to_expect(document: PlanDocument) -> None:
    assert re.fullmatch(r"Next 7 days: .* drones \(80 %\)\. One night in four above \d+\.", said(document.forecast))
    supply = {"assumption_only": True}
    alone = document.forecast.model_copy(update={"supply": type("Supply", (), supply)()})
    assert said(alone).startswith("ASSUMPTIONS ONLY: Next 7 days")
    assert said(alone, "uk").startswith("ЛИШЕ ПРИПУЩЕННЯ: Найближчі")


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
