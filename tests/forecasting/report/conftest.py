"""Documents of every kind: plan, forecast, under a scenario, of a theatre without a record."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from features.history import LaunchHistory
from features.records import UKRAINE
from features.scenarios import load_scenario
from forecasting.defence.layers import Defence
from forecasting.plan import Plan, make_plan
from forecasting.report.document import (
    ForecastDocument,
    PlanDocument,
    forecast_document,
    plan_document,
)
from forecasting.salvos.model import SimulationRequest, load_model
from forecasting.supply.scenario_forecast import ScenarioRequest
from tests.learning import calibrated, prepared

DefenceOf = Callable[[Sequence[dict[str, Any]]], Defence]
Numbers = dict[tuple[str, str, str], float]
PUBLISHED = load_scenario("published")


@pytest.fixture(scope="session")
def plan(bundled_plan: Plan) -> PlanDocument:
    return plan_document(bundled_plan)


@pytest.fixture(scope="session")
def salvos(bundled_plan: Plan) -> ForecastDocument:
    return forecast_document(bundled_plan.forecast)


@pytest.fixture(scope="session")
def scenario_plan(bundled_history: LaunchHistory, bundled_defence: Defence) -> PlanDocument:
    """A plan under a scenario of production."""
    return planned(
        bundled_history,
        bundled_defence,
        40,
        scenario=ScenarioRequest(PUBLISHED, load_scenario("truce_30_days"), UKRAINE),
    )


@pytest.fixture(scope="session")
def assumed_plan(bundled_history: LaunchHistory, defence_of: DefenceOf) -> PlanDocument:
    """A plan for a theatre without a record, from the day on which a line elsewhere has begun to work."""
    own = defence_of([{"engaged_share": 0.5, "kill_probability": 0.5, "engagements_per_night": 100.0}])
    request = ScenarioRequest(PUBLISHED, load_scenario("north_korea_line"), "south_korea")
    return planned(bundled_history, own, 400, scenario=request)


@pytest.fixture(
    scope="session", params=["plan", "forecast", "scenario plan", "scenario forecast", "assumed", "assumed plan"]
)
def document(
    request: pytest.FixtureRequest,
    plan: PlanDocument,
    salvos: ForecastDocument,
    scenario_plan: PlanDocument,
    assumed_plan: PlanDocument,
) -> Any:
    return {
        "plan": plan,
        "forecast": salvos,
        "scenario plan": scenario_plan,
        "scenario forecast": scenario_plan.forecast,
        "assumed": assumed_plan.forecast,
        "assumed plan": assumed_plan,
    }[request.param]


def planned(
    history: LaunchHistory, defence: Defence, horizon: int = 3, *, calibrate: bool = True, **given: Any
) -> PlanDocument:
    fitted, request = prepared(load_model("empirical_window"), history), SimulationRequest(horizon, 50)
    found = calibrated(defence, history) if calibrate else None
    return plan_document(make_plan(fitted, defence, request, service_level=0.95, seed=1, calibrated=found, **given))
