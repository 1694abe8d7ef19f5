"""Plans in one call."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from features.history import LaunchHistory
from forecasting.defence.layers import Defence
from forecasting.losses.reported_losses import StatedKills
from forecasting.plan import Plan, make_plan
from forecasting.report.document import plan_document
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import SimulationRequest, load_model
from tests.learning import calibrated, prepared

ORIGIN = date(2026, 2, 28)
DefenceOf = Callable[..., Defence]
HistoryOf = Callable[[Any], LaunchHistory]
SalvosOf = Callable[..., SalvoForecast]


def planned(
    history: LaunchHistory,
    defence: Defence,
    *,
    horizon: int = 28,
    n_paths: int = 200,
    calibrate: bool = True,
    kill_shares: Sequence[StatedKills] = (),
    **given: Any,
) -> Plan:
    fitted, request = prepared(load_model("empirical_window"), history), SimulationRequest(horizon, n_paths)
    found = calibrated(defence, history, kill_shares) if calibrate else None
    given = {"service_level": 0.95, "seed": 1, "calibrated": found} | given
    return make_plan(fitted, defence, request, **given)


def stocked(stock: float, **more: Any) -> dict[str, Any]:
    """A layer that kills every drone that it has an interceptor for."""
    return {
        "engaged_share": 1.0,
        "kill_probability": 1.0,
        "engagements_per_night": 1e6,
        "interceptors_per_engagement": 1.0,
        "stock": stock,
        "monthly_supply": 0.0,
        "unit_cost_usd": 1_000.0,
    } | more


def json_of(plan: Plan) -> str:
    return plan_document(plan).model_dump_json()
