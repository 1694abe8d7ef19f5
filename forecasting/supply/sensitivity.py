"""Which assumption of a scenario moves the demand for interceptors most: one at a time, all else the same draws."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from features.production import draw_supply
from features.scenarios import ProductionScenario
from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.supply.scenario_forecast import ScenarioForecaster

LOW, HIGH = 0.1, 0.9
"""Levels of an assumption's range that it is held at: one draw in ten lies further out on either side."""


@dataclass(frozen=True)
class Swing:
    """What one assumption does to the demand. low, high: interceptors of all layers together over the horizon, mean
    over the paths, with the assumption held at its 10 % and its 90 % level."""

    assumption: str
    low: float
    high: float

    @property
    def width(self) -> float:
        return abs(self.high - self.low)


@dataclass(frozen=True)
class Sensitivity:
    """base: the mean demand with every assumption drawn. swings: the widest first. assumption_only: whether no record
    of the theatre stands behind it."""

    scenario: str
    theatre: str
    assumption_only: bool
    horizon: int
    base: float
    swings: tuple[Swing, ...]


def sensitivity(
    forecaster: ScenarioForecaster,
    scenario: ProductionScenario,
    theatre: str,
    defence: Defence,
    on_step: Callable[[], object] = lambda: None,
) -> Sensitivity:
    """A tornado table (Eschenbach 1992, Interfaces 22(6)) on common random numbers: the salvos, the defence and every
    other assumption have the same draws, so that what differs is the assumption's own doing.

    The record is met anew with each assumption held: one that the record contradicts moves less than its range says.
    on_step: called after each assumption, to show progress.
    """

    def demand(fixed: dict[str, float] | None = None) -> float:
        supplied = forecaster.forecast_under(scenario, theatre, fixed)
        engaged = engage(supplied.forecast, defence, new_models=supplied.new_models)
        return float(np.sum(engaged.unlimited.interceptors) / supplied.forecast.n_paths)

    swings = []
    for assumption in uncertain(scenario, theatre, forecaster):
        swings.append(Swing(assumption, demand({assumption: LOW}), demand({assumption: HIGH})))
        on_step()
    swings.sort(key=lambda swing: (-swing.width, swing.assumption))
    return Sensitivity(
        scenario.name,
        theatre,
        theatre != forecaster.history.theatre,
        forecaster.horizon,
        demand(),
        tuple(swings),
    )


def uncertain(scenario: ProductionScenario, theatre: str, forecaster: ScenarioForecaster) -> tuple[str, ...]:
    """The assumptions of a scenario, as known at the origin, that have a range and matter for the theatre."""
    salvos = forecaster.salvos
    last_day = salvos.days[forecaster.horizon - 1]
    drawn = draw_supply(scenario.as_known(salvos.origin), theatre, last_day, 1, salvos.seed)
    return tuple(drawn.levels)
