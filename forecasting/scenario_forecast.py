"""A forecast under a scenario of production: for a theatre with a record, and for one without."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.massed import massed_from
from features.scenarios import ProductionScenario
from features.stock_flow import SupplyDraws
from forecasting.assimilation import AssimilatedSupply, assimilate
from forecasting.layers import Defence
from forecasting.supply import (
    CoupledPaths,
    CouplingWeights,
    SupplyOutlook,
    borrow_shape,
    couple,
    learn_weights,
    supply_outlook,
    unrecorded_outlook,
    unrecorded_supply,
)
from forecasting.types import SalvoForecast
from forecasting.verdict import judged

N_DRAWS = 2_000
"""Draws of a scenario that meet the record."""


@dataclass(frozen=True)
class ScenarioRequest:
    """What a planner asks for: a scenario (the published state itself, or a variant) for a theatre."""

    published: ProductionScenario
    scenario: ProductionScenario
    theatre: str


@dataclass(frozen=True, eq=False)
class SuppliedForecast:
    """forecast: with the coupled paths in place of the salvo model's. scenario: as known at the origin. shape_from: the
    theatre whose record the shape is borrowed from; None where the theatre has its own."""

    forecast: SalvoForecast
    coupled: CoupledPaths
    outlook: SupplyOutlook
    scenario: ProductionScenario
    shape_from: str | None = None

    @property
    def assumption_only(self) -> bool:
        """Whether no record of the theatre stands behind the forecast."""
        return self.shape_from is not None

    def kill_factors(self, defence: Defence) -> dict[str, NDArray[np.float64]]:
        """Layer -> (n_paths, horizon) how many times its kill probability is that against the older model, for the
        layers that a switch of model names."""
        named = {name for model in self.coupled.supply.new_models for name in model.kill_probability}
        return {layer.id: self.coupled.kill_factors(layer.id) for layer in defence.layers if layer.id in named}


@dataclass(frozen=True, eq=False)
class ScenarioForecaster:
    """Forecasts under scenarios from one origin, all on the same random numbers: what differs is the scenarios' doing.

    salvos: of the salvo model, for this history. published: the state as published, by whose past record the weight of
    supply is learned.
    """

    salvos: SalvoForecast
    history: LaunchHistory
    published: ProductionScenario

    def under(
        self, scenario: ProductionScenario, theatre: str, fixed: Mapping[str, float] | None = None
    ) -> SuppliedForecast:
        """The forecast for a theatre under a scenario. Same arguments: same bytes; seeded by the forecast's seed.

        Where the theatre is not that of the history, it has no record: the shape of the salvos is borrowed from there.
        Only what was published by the origin counts, of the scenario too. fixed: see `draw_supply`.
        Raises InputError where the scenario says nothing of the theatre, or its account opens after the origin.
        """
        if theatre != self.history.theatre:
            return self._borrowed(scenario, theatre, fixed)
        salvos, n_paths, seed = self.salvos, self.salvos.n_paths, self.salvos.seed
        shared = salvos.paths, self.history, self._future, self._weights, seed
        if scenario == self.published and not fixed:
            assimilated = self._as_published
            coupled = couple(*shared)
        else:
            assimilated = assimilate(scenario, self.history, salvos.horizon, N_DRAWS, seed, fixed)
            head_start = assimilated.sustained_now(n_paths, seed) / self._as_published.sustained_now(n_paths, seed)
            coupled = couple(*shared, assimilated.future(n_paths, seed), head_start)
        outlook = supply_outlook(assimilated, judged(assimilated), self._weights, coupled)
        return SuppliedForecast(replace(salvos, paths=coupled.paths), coupled, outlook, assimilated.scenario)

    def _borrowed(
        self, scenario: ProductionScenario, theatre: str, fixed: Mapping[str, float] | None
    ) -> SuppliedForecast:
        salvos = self.salvos
        known = scenario.as_known(salvos.origin)
        supply = unrecorded_supply(known, theatre, salvos.origin, salvos.horizon, salvos.n_paths, salvos.seed, fixed)
        coupled = borrow_shape(salvos.paths, self.history, supply, salvos.seed)
        threshold = massed_from(coupled.paths[coupled.paths > 0])
        forecast = replace(salvos, theatre=theatre, paths=coupled.paths, massed_threshold=threshold)
        return SuppliedForecast(forecast, coupled, unrecorded_outlook(known, coupled), known, self.history.theatre)

    @cached_property
    def _as_published(self) -> AssimilatedSupply:
        return assimilate(self.published, self.history, self.salvos.horizon, N_DRAWS, self.salvos.seed)

    @cached_property
    def _future(self) -> SupplyDraws:
        return self._as_published.future(self.salvos.n_paths, self.salvos.seed)

    @cached_property
    def _weights(self) -> CouplingWeights:
        return learn_weights(self.published, self.history, self.salvos.horizon, self.salvos.seed)


def under_scenario(salvos: SalvoForecast, history: LaunchHistory, request: ScenarioRequest) -> SuppliedForecast:
    """One forecast under one scenario; see `ScenarioForecaster.under`."""
    return ScenarioForecaster(salvos, history, request.published).under(request.scenario, request.theatre)
