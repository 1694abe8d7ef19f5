"""Request -> forecast -> demand -> orders. Pure: no files, no clock, no MLflow."""

from collections.abc import Callable
from dataclasses import dataclass

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.defence import engage
from forecasting.layers import Defence
from forecasting.model import Model, SimulationRequest, forecast
from forecasting.ordering import check_service_level, order_for_horizon
from forecasting.scenario_forecast import ScenarioRequest, SuppliedForecast, under_scenario
from forecasting.types import Engagements, InterceptorOrder, SalvoForecast

MAX_CELLS = 2_000_000
"""Paths times attack days: each layer holds several whole numbers for each of them in memory."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The whole answer: what is expected, what the defence will use of it, and what to order."""

    history: LaunchHistory
    forecast: SalvoForecast
    defence: Defence
    engagements: Engagements
    orders: tuple[InterceptorOrder, ...]
    service_level: float
    supplied: SuppliedForecast | None = None
    """The production scenario that the forecast was made under."""


def make_plan(
    model: Model,
    history: LaunchHistory,
    defence: Defence,
    request: SimulationRequest,
    *,
    service_level: float,
    seed: int,
    scenario: ScenarioRequest | None = None,
    on_paths: Callable[[int], object] | None = None,
) -> Plan:
    """A plan from the origin, the history's last day. Same arguments: same bytes.

    scenario: the assumptions about production to forecast under; None is the salvo model alone. on_paths: see
    `forecasting.defence.engage`. Raises InputError where paths times horizon needs too much memory.
    """
    if request.n_paths * request.horizon > MAX_CELLS:
        raise InputError(
            f"{request.n_paths} paths of {request.horizon} attack days: a plan takes at most {MAX_CELLS} path days; "
            "take fewer paths or a shorter horizon"
        )
    check_service_level(service_level)  # before the work, and for a defence without any stock too
    salvos = forecast(model, history, request, seed)
    supplied = None
    if scenario:
        supplied = under_scenario(salvos, history, scenario)
        salvos = supplied.forecast
    engagements = engage(
        salvos,
        defence,
        kill_factors=supplied.kill_factors(defence) if supplied else None,
        on_paths=on_paths,
    )
    orders = tuple(order_for_horizon(stock, defence, service_level) for stock in engagements.stocks)
    return Plan(history, salvos, defence, engagements, orders, service_level, supplied)
