"""Scenarios, records and salvo paths in a few words."""

from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from features.history import LaunchHistory
from features.records import UKRAINE, QuietDayRule
from features.scenarios import ProductionScenario
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import SimulationRequest, forecast, load_model
from forecasting.supply.coupling import (
    CoupledPaths,
    CouplingWeights,
)

FIRST = date(2025, 1, 1)
N_PATHS = 200


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def number(value: float | tuple[float, float], unit: str, day: int = 0, source: str | None = None) -> dict[str, Any]:
    low, high = value if isinstance(value, tuple) else (value, value)
    basis = {"basis": "reported", "sources": (source,)} if source else {"basis": "assumed", "sources": ()}
    rest = {"date": on(day), "confidence": "D"}
    return {"low": low, "mode": (low + high) / 2, "high": high, "unit": unit, **basis, **rest}


def rate(value: float | tuple[float, float], day: int = 0, source: str | None = None) -> dict[str, Any]:
    return number(value, "drones_per_day", day, source)


def scenario(*armed: dict[str, Any], opening: float | tuple[float, float] = 0.0, **given: Any) -> ProductionScenario:
    """A plant that makes 100 drones a day unless given otherwise; nothing is lost, held back or kept in store."""
    stock = {
        "opening": number(opening, "drones"),
        "minimum": number(0.0, "drones"),
        "released": number(1.0, "share"),
        "lost_before_launch": number(0.0, "share"),
        "drawdown": number(20.0, "days"),
    }
    plant = {"id": "plant", "name": "Plant", "utilisation": number(1.0, "share"), "armed": armed or (rate(100.0),)}
    stated = {
        "name": "case",
        "title": "Case",
        "as_of": date(2027, 12, 31),
        "about": "A case.",
        "stock": stock | given.pop("stock", {}),
        "facilities": (plant,),
    }
    return ProductionScenario.model_validate(stated | given)


def record(counts: ArrayLike) -> LaunchHistory:
    """A history from the first day of the account."""
    launched = np.array(counts, dtype=float)
    return LaunchHistory(UKRAINE, "shahed", QuietDayRule.NONE, FIRST, launched, np.full(launched.shape, np.nan))


def salvos_like(history: LaunchHistory, horizon: int, n_paths: int = N_PATHS, seed: int = 1) -> SalvoForecast:
    return forecast(load_model("empirical_window"), history, SimulationRequest(horizon, n_paths), seed)


def no_weight(horizon: int) -> CouplingWeights:
    return CouplingWeights(np.zeros(horizon), 0, np.ones(horizon))


def full_weight(horizon: int) -> CouplingWeights:
    return CouplingWeights(np.ones(horizon), 0, np.ones(horizon))


def within_stock(coupled: CoupledPaths) -> bool:
    there = coupled.supply.opening[:, np.newaxis] + coupled.supply.inflow.cumsum(axis=1)
    return bool((coupled.paths.cumsum(axis=1) <= there + 1e-6).all())
