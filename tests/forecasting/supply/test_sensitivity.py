"""The tornado: what matters is on top, what the record pins is not, and nothing else is drawn anew."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from features.history import LaunchHistory
from features.records import UKRAINE, QuietDayRule
from features.scenarios import ProductionScenario
from forecasting.defence.layers import Defence
from forecasting.report.scenarios import sensitivity_text
from forecasting.salvos.model import SimulationRequest, forecast, load_model
from forecasting.supply.scenario_forecast import ScenarioForecaster
from forecasting.supply.sensitivity import Sensitivity, sensitivity, uncertain

FIRST = date(2025, 1, 1)
N_DAYS, HORIZON = 280, 40
TOP = "event hall.capacity"


def number(low: float, high: float, unit: str, day: int = 0) -> dict[str, Any]:
    rest = {"basis": "assumed", "sources": (), "date": FIRST + timedelta(days=day), "confidence": "D"}
    return {"low": low, "mode": (low + high) / 2, "high": high, "unit": unit, **rest}


def stated(*events: dict[str, Any], theatres: tuple[dict[str, Any], ...] = ()) -> ProductionScenario:
    """100 a day, of which the record is exactly what there is; the output ratio is said to be anywhere from .5 to 2."""
    return ProductionScenario.model_validate(
        {
            "name": "case",
            "title": "Case",
            "as_of": FIRST,
            "about": "A case.",
            "output_ratio": number(0.5, 2.0, "ratio"),
            "stock": {
                "opening": number(0, 0, "drones"),
                "minimum": number(0, 0, "drones"),
                "released": number(1, 1, "share"),
                "lost_before_launch": number(0, 0.01, "share"),
                "drawdown": number(20, 20, "days"),
            },
            "facilities": (
                {
                    "id": "plant",
                    "name": "Plant",
                    "utilisation": number(1, 1, "share"),
                    "armed": (number(100, 100, "drones_per_day"),),
                },
            ),
            "events": events,
            "theatres": theatres,
        }
    )


HALL = {
    "id": "hall",
    "title": "A new hall",
    "kind": "new_line",
    "facility": "plant",
    "line": "armed",
    "date": FIRST + timedelta(days=N_DAYS),
    "capacity": number(0, 200, "drones_per_day"),
    "ramp_up": number(0, 0, "days"),
}


@pytest.fixture(scope="module")
def forecaster() -> ScenarioForecaster:
    counts = np.full(N_DAYS, 100.0)
    history = LaunchHistory(UKRAINE, "shahed", QuietDayRule.NONE, FIRST, counts, np.full(N_DAYS, np.nan))
    salvos = forecast(load_model("empirical_window"), history, SimulationRequest(HORIZON, 200), 1)
    return ScenarioForecaster.of(salvos, history, stated())


@pytest.fixture(scope="module")
def one_each(defence_of: Callable[[Sequence[dict[str, Any]]], Defence]) -> Defence:
    """Every drone is engaged with one interceptor: the demand is what is launched."""
    rest = {"interceptors_per_engagement": 1.0, "stock": 0.0, "monthly_supply": 0.0, "unit_cost_usd": 1.0}
    return defence_of([{"engaged_share": 1.0, "kill_probability": 1.0, "engagements_per_night": 1e6} | rest])


@pytest.fixture(scope="module")
def found(forecaster: ScenarioForecaster, one_each: Defence) -> Sensitivity:
    return sensitivity(forecaster, stated(HALL), UKRAINE, one_each)


def test_what_certainly_matters_is_on_top_and_what_the_record_pins_is_not(found: Sensitivity) -> None:
    widths = {swing.assumption: swing.width for swing in found.swings}
    assert list(widths) == sorted(widths, key=lambda name: -widths[name])
    assert next(iter(widths)) == TOP
    assert set(widths) == {TOP, "output_ratio", "stock.lost_before_launch"}
    # As stated, the ratio would quadruple the demand; the record says what it was.
    assert widths["output_ratio"] < 0.1 * widths[TOP]
    assert found.swings[0].low < found.base < found.swings[0].high


def test_the_demand_is_what_is_launched_with_the_assumption_held(
    found: Sensitivity, forecaster: ScenarioForecaster
) -> None:
    assert found.base == forecaster.forecast_under(stated(HALL), UKRAINE).forecast.totals(HORIZON).mean()
    for end, level in (("low", 0.1), ("high", 0.9)):
        held = forecaster.forecast_under(stated(HALL), UKRAINE, {TOP: level}).forecast
        assert getattr(found.swings[0], end) == held.totals(HORIZON).mean()


def test_the_same_again_is_the_same(found: Sensitivity, forecaster: ScenarioForecaster, one_each: Defence) -> None:
    steps: list[int] = []
    assert sensitivity(forecaster, stated(HALL), UKRAINE, one_each, lambda: steps.append(1)) == found
    assert len(steps) == len(found.swings) == len(uncertain(stated(HALL), UKRAINE, forecaster))


def test_the_text_shows_what_moves_and_counts_the_rest(found: Sensitivity) -> None:
    text = sensitivity_text(found)
    assert text.startswith(f"WHAT MOVES THE DEMAND FOR INTERCEPTORS, theatre ukraine, scenario case, next {HORIZON} ")
    shown = [swing for swing in found.swings if swing.width >= 0.005 * found.base]
    for swing in shown:
        assert f"{swing.low:,.0f}" in text
        assert f"{swing.high - found.base:+,.0f}" in text
    assert f"\n({len(found.swings) - len(shown)} more assumptions move it by less than 0.5 %)\n" in text
    still = sensitivity_text(replace(found, swings=found.swings[-1:]))
    assert "\n(1 assumption moves it by less than 0.5 %)\n" in still
    assert "demand at" not in still


def test_without_a_record_the_text_says_so_first(forecaster: ScenarioForecaster, one_each: Defence) -> None:
    shares = tuple(
        {"id": name, "share": (number(share, share, "share"),)} for name, share in ((UKRAINE, 0.9), ("korea", 0.1))
    )
    borrowed = sensitivity(forecaster, stated(HALL, theatres=shares), "korea", one_each)
    assert sensitivity_text(borrowed).startswith("ASSUMPTIONS ONLY: ")
    # No record pins the ratio here.
    assert borrowed.swings[0].assumption == "output_ratio"
