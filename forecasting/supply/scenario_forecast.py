"""A forecast under a scenario of production: for a theatre with a record, and for one without."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from features.binding import Holdback, holdbacks
from features.history import LaunchHistory
from features.massed import massed_from
from features.scenarios import ProductionScenario
from features.stock_flow import NewModel, SupplyDraws
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import MAX_HORIZON
from forecasting.supply.assimilation import BLOCK, AssimilatedSupply, assimilate
from forecasting.supply.ceiling import learn_headroom, output_ceiling
from forecasting.supply.coupling import (
    LOOK_AHEAD,
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
from forecasting.supply.verdict import Verdict, scenario_verdict

N_DRAWS = 2_000
"""Draws of a scenario that meet the record."""
LEARNING_SEED = 1
"""Not that of a request: what the record says of a scenario is learned, like a fit, and serves every request. Its draws
are dealt to the paths by the request's seed."""


Weigh = Callable[[ProductionScenario, LaunchHistory, int, int], CouplingWeights]
"""(published state, history, horizon, seed) -> the weights; see `learn_weights`."""


class Meet(Protocol):
    """Holds a scenario against the record; see `assimilate`. n_draws: of the scenario. fixed: see `draw_supply`."""

    def __call__(
        self,
        scenario: ProductionScenario,
        history: LaunchHistory,
        horizon: int,
        n_draws: int,
        seed: int,
        fixed: Mapping[str, float] | None = None,
        /,
    ) -> tuple[AssimilatedSupply, Verdict]:
        """What the record allows of it, without the days that no forecast looks at, and the verdict."""


def meet_record(
    scenario: ProductionScenario,
    history: LaunchHistory,
    horizon: int,
    n_draws: int,
    seed: int,
    fixed: Mapping[str, float] | None = None,
) -> tuple[AssimilatedSupply, Verdict]:
    """What the record allows of a scenario, for forecasts, and the verdict; see `Meet`."""
    met = assimilate(scenario, history, horizon, n_draws, seed, fixed)
    return met.recent(), scenario_verdict(met)


@dataclass(frozen=True)
class ScenarioRequest:
    """What a planner asks for.

    Parameters
    ----------
    published : ProductionScenario
        By whose past record the weight of supply is learned.
    scenario : ProductionScenario
        To forecast under: the published state itself, or a variant.
    theatre : str
        At which the drones are launched; another than that of the record has its shape borrowed.
    """

    published: ProductionScenario
    scenario: ProductionScenario
    theatre: str


@dataclass(frozen=True, eq=False)
class SuppliedForecast:
    """A forecast under a scenario.

    Parameters
    ----------
    forecast : SalvoForecast
        With the coupled paths in place of the salvo model's.
    coupled : CoupledPaths
        The paths, and the supply that they are launched from.
    outlook : SupplyOutlook
        What the scenario says of supply beside the record.
    scenario : ProductionScenario
        As known at the origin.
    shape_from : str, optional
        The theatre whose record the shape is borrowed from; None where the theatre has its own.
    held : mapping of str to float, optional
        Assumption -> the level 0 to 1 of its range at which it is held.
    """

    forecast: SalvoForecast
    coupled: CoupledPaths
    outlook: SupplyOutlook
    scenario: ProductionScenario
    shape_from: str | None = None
    held: Mapping[str, float] | None = None

    @cached_property
    def holdbacks(self) -> tuple[Holdback, ...]:
        """What holds each plant back at the end of each month of the outlook, as stated."""
        days = [month.day for month in self.outlook.months]
        return holdbacks(self.scenario, self.forecast.theatre, days, LEARNING_SEED, self.held)

    @property
    def assumption_only(self) -> bool:
        """Whether no record of the theatre stands behind the forecast."""
        return self.shape_from is not None

    @property
    def new_models(self) -> tuple[NewModel, ...]:
        """The kinds of armed drone that the scenario brings, a draw for each path."""
        return self.coupled.supply.new_models


@dataclass(frozen=True, eq=False)
class LearnedSupply:
    """What the record says of the state as published, for forecasts so many days ahead: learned when first needed.

    n_draws: that meet the record, of every scenario; fewer are for a first look, at some cost in precision. weigh: what
    learns the weights of supply, or knows them; meet: what holds a scenario against the record, or knows the outcome.
    """

    history: LaunchHistory
    published: ProductionScenario
    horizon: int
    n_draws: int = N_DRAWS
    weigh: Weigh = learn_weights
    meet: Meet = meet_record

    def met(
        self, scenario: ProductionScenario, fixed: Mapping[str, float] | None = None
    ) -> tuple[AssimilatedSupply, Verdict]:
        """A scenario, held against the record, and the verdict."""
        if scenario == self.published and not fixed:
            return self._published_met
        return self.meet(scenario, self.history, self.horizon, self.n_draws, LEARNING_SEED, fixed)

    @cached_property
    def _published_met(self) -> tuple[AssimilatedSupply, Verdict]:
        return self.meet(self.published, self.history, self.horizon, self.n_draws, LEARNING_SEED)

    @cached_property
    def weights(self) -> CouplingWeights:
        """By how much supply counts at each horizon."""
        return self.weigh(self.published, self.history, self.horizon, LEARNING_SEED)

    @cached_property
    def headroom(self) -> float:
        """How many times the largest output on record could be made unannounced."""
        return learn_headroom(self.published, self.history)


@dataclass(frozen=True, eq=False)
class ScenarioForecaster:
    """Forecasts under scenarios from one origin, all on the same random numbers: what differs is the scenarios' doing.

    salvos: of the salvo model, for the history of `learned`, as many days ahead, or LOOK_AHEAD more. n_days: of the
    forecasts; None is as many as learned for. What a day is like rests on the month around it, and what is in store
    on the launches of the first month: with `days_needed` learned and simulated, no day depends on the horizon.
    """

    salvos: SalvoForecast
    learned: LearnedSupply
    n_days: int | None = None

    @classmethod
    def of(cls, salvos: SalvoForecast, history: LaunchHistory, published: ProductionScenario) -> Self:
        """For this forecast alone. published: by whose past record the weight of supply is learned."""
        return cls(salvos, LearnedSupply(history, published, salvos.horizon))

    @property
    def history(self) -> LaunchHistory:
        """What the forecast was made from."""
        return self.learned.history

    def forecast_under(
        self, scenario: ProductionScenario, theatre: str, fixed: Mapping[str, float] | None = None
    ) -> SuppliedForecast:
        """The forecast for a theatre under a scenario. Same arguments: same bytes; seeded by the forecast's seed.

        Where the theatre is not that of the history, it has no record: the shape of the salvos is borrowed from there.
        Only what was published by the origin counts, of the scenario too. fixed: see `draw_supply`.
        Raises InputError where the scenario says nothing of the theatre, or its account opens after the origin.
        """
        if theatre != self.history.theatre:
            return self._with_borrowed_shape(scenario, theatre, fixed)
        salvos, n_paths, seed = self.salvos, self.salvos.n_paths, self.salvos.seed
        weights, (published, _) = self.learned.weights, self.learned.met(self.learned.published)
        if not scenario.unannounced_growth:
            weights = replace(weights, growth=np.ones_like(weights.growth))
        assimilated, verdict = self.learned.met(scenario, fixed)
        shared = salvos.paths, self.history, self._future, weights, seed
        if assimilated is published:
            certain = published.certain_of_paths(n_paths, seed)
            coupled = couple(*shared, certain_now=certain, ceiling=self.ceiling(scenario))
        else:
            # One drone more on both sides: a scenario may have nothing but what is certain.
            head_start = (assimilated.sustained_now(n_paths, seed) + 1.0) / (
                published.sustained_now(n_paths, seed) + 1.0
            )
            certain = assimilated.certain_of_paths(n_paths, seed)
            # How fast output changes unannounced is of the record, not of the variant: it has no past.
            future = assimilated.future(n_paths, seed, published.walk_of_paths(n_paths, seed))
            coupled = couple(*shared, future, head_start, certain, self.ceiling(scenario))
        coupled = coupled.first(self.horizon)
        outlook = supply_outlook(assimilated, verdict, weights, coupled)
        forecast = replace(salvos, paths=coupled.paths)
        return SuppliedForecast(forecast, coupled, outlook, assimilated.scenario, held=fixed)

    def _with_borrowed_shape(
        self, scenario: ProductionScenario, theatre: str, fixed: Mapping[str, float] | None
    ) -> SuppliedForecast:
        salvos = self.salvos
        known = scenario.as_known(salvos.origin)
        days = self.learned.horizon
        supply = unrecorded_supply(known, theatre, salvos.origin, days, salvos.n_paths, salvos.seed, fixed)
        coupled = borrow_shape(salvos.paths, self.history, supply, salvos.seed).first(self.horizon)
        threshold = massed_from(coupled.paths[coupled.paths > 0])
        forecast = replace(salvos, theatre=theatre, paths=coupled.paths, massed_threshold=threshold, days_before=())
        outlook = unrecorded_outlook(known, coupled)
        return SuppliedForecast(forecast, coupled, outlook, known, self.history.theatre, fixed)

    @property
    def horizon(self) -> int:
        """Days of the forecasts."""
        return self.learned.horizon if self.n_days is None else self.n_days

    def ceiling(self, scenario: ProductionScenario) -> NDArray[np.float64]:
        """(days,) drones per day that could be made at most under a scenario, beside what is certain."""
        learned = self.learned
        last_day = self.history.last_day + timedelta(days=learned.horizon)
        return output_ceiling(scenario, self.history, last_day, learned.headroom)

    @cached_property
    def _future(self) -> SupplyDraws:
        return self.learned.met(self.learned.published)[0].future(self.salvos.n_paths, self.salvos.seed)


def days_needed(horizon: int) -> tuple[int, int]:
    """Days of supply, and of salvos, from which a forecast so many days ahead is made; see `ScenarioForecaster`."""
    learned = max(horizon, BLOCK)
    return learned, min(learned + LOOK_AHEAD, MAX_HORIZON)


def under_scenario(salvos: SalvoForecast, history: LaunchHistory, request: ScenarioRequest) -> SuppliedForecast:
    """One forecast under one scenario; see `ScenarioForecaster.forecast_under`.

    Parameters
    ----------
    salvos : SalvoForecast
        Of the salvo model alone.
    history : LaunchHistory
        That it was made from.
    request : ScenarioRequest
        The scenario and the theatre.

    Returns
    -------
    SuppliedForecast

    Raises
    ------
    InputError
        Where the scenario says nothing of the theatre, or its account opens after the origin.
    """
    return ScenarioForecaster.of(salvos, history, request.published).forecast_under(request.scenario, request.theatre)
