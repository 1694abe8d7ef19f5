"""What is shown of simulated figures: the digits that they are known to, in every output that a person reads."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.plan import Plan
from forecasting.report.document import PlanDocument, plan_document
from forecasting.report.language import translator
from forecasting.report.rounding import rounded
from forecasting.report.text import document_text
from forecasting.report.workbook import workbook
from forecasting.salvos.spread import Interval, Spread, known_digits, spread, standard_errors
from forecasting.service.page.tables import comparison_rows
from tests.workbook_tables import tables_of


@pytest.fixture(scope="module")
def document(bundled_plan: Plan) -> PlanDocument:
    return plan_document(bundled_plan)


@given(st.floats(0, 1e7), st.floats(1e-6, 1e5))
def test_a_figure_is_told_to_its_error_and_no_further(value: float, error: float) -> None:
    told = known_digits(value, error)
    assert abs(told - value) <= 1.26 * error + 1e-9 * value
    unit = 10.0 ** math.floor(math.log10(error))
    assert told == pytest.approx(round(told / unit) * unit)


@pytest.mark.parametrize(
    ("value", "error", "told"),
    [(1_234, 12, 1_240), (1_234, 50, 1_250), (1_234, 51, 1_200), (1_234, 1.0, 1_234), (7, 0.4, 7), (7, None, 7)],
)
def test_some_figures(value: float, error: float | None, told: float) -> None:
    assert known_digits(value, error) == told


@given(
    st.lists(st.integers(0, 3_000), min_size=7, max_size=7).map(sorted),
    st.lists(st.floats(0, 900), min_size=7, max_size=7),
)
def test_wider_intervals_hold_the_narrower_ones(ends: list[int], errors: list[float]) -> None:
    made = Spread(
        median=ends[3],
        median_error=errors[3],
        intervals=[
            Interval(level=level, low=ends[at], high=ends[6 - at], low_error=errors[at], high_error=errors[6 - at])
            for level, at in ((0.5, 2), (0.8, 1), (0.95, 0))
        ],
    ).rounded()
    fifty, eighty, most = made.intervals
    told = [most.low, eighty.low, fifty.low, made.median, fifty.high, eighty.high, most.high]
    assert told == sorted(told)


def test_standard_errors_are_those_that_seeds_show() -> None:
    """Of 400 samples of 2,000 exponential numbers, whose quantiles scatter by what one of them states."""
    draws = np.random.default_rng(1).exponential(100.0, (400, 2_000))
    scatter = np.quantile(draws, (0.1, 0.5, 0.95), axis=1).std(axis=1)
    stated = np.mean([standard_errors(sample, (0.1, 0.5, 0.95)) for sample in draws[:100]], axis=0)
    assert stated == pytest.approx(scatter, rel=0.2)
    assert spread(draws[0, :39]).median_error is None  # too few to say


def test_every_quantile_and_order_of_a_plan_has_its_error(document: PlanDocument) -> None:
    spreads = [window.total_drones for window in document.forecast.windows]
    spreads += [day.drones for day in document.forecast.days] + [document.outcome.leakers]
    for shown in spreads:
        assert shown.median_error is not None
        assert all(each.low_error is not None and each.high_error is not None for each in shown.intervals)
    orders = [layer.order for layer in document.layers if layer.order]
    assert orders
    assert all(order.quantity_error is not None for order in orders)
    assert any(order.quantity_error for order in orders)


def test_text_and_workbook_tell_the_rounded_figures(document: PlanDocument) -> None:
    raw, told = (each.forecast.windows[0].total_drones for each in (document, rounded(document)))
    assert raw.median_error is not None
    assert told.median == known_digits(raw.median, raw.median_error)
    numbers = translator("en", plain=True).number
    low, high = (numbers(getattr(told.interval(0.8), end)) for end in ("low", "high"))
    assert f"{low} to {high} drones (80 %), most likely about {numbers(told.median)}." in " ".join(
        document_text(document).split()
    )
    assert tables_of(workbook(document))["windows"][0]["total_drones_median"] == told.median


def test_orders_are_rounded_up(document: PlanDocument) -> None:
    for exact, shown in zip(document.layers, rounded(document).layers, strict=True):
        if exact.order and shown.order:
            assert exact.order.quantity <= shown.order.quantity
            assert shown.order.quantity - exact.order.quantity <= 2.5 * (exact.order.quantity_error or 0.0) + 1


def test_a_difference_within_the_noise_is_told_as_such(document: PlanDocument) -> None:
    window = document.forecast.windows[-1]
    error = window.total_drones.median_error
    assert error

    def beside(factor: float) -> str:
        total = window.total_drones.model_copy(update={"median": window.total_drones.median + factor * error})
        windows = [*document.forecast.windows[:-1], window.model_copy(update={"total_drones": total})]
        forecast = document.forecast.model_copy(update={"windows": windows})
        rows = comparison_rows(document, document.model_copy(update={"forecast": forecast}), translator("en"))
        return next(row.difference for row in rows if row.name == f"drones in {window.n_days} days")

    assert beside(1.0).endswith(", within noise")
    assert "noise" not in beside(5.0)
