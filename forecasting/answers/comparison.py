"""Scenarios of production side by side: what each makes, launches, lets through and asks for, beside a baseline.

All are simulated on the same random numbers, so that what differs is the scenarios' doing. Every figure keeps what each
path adds to its error (its influence; Hampel 1974, JASA 69), so that the error of a difference is that of paired paths.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.scenarios import ProductionScenario
from features.stated import SourcedRange, tables
from forecasting.orders.ordering import cover_of, order_for_horizon
from forecasting.plan import Simulation
from forecasting.report.comparison_document import (
    ComparedFigure,
    ComparedScenario,
    ComparisonDocument,
    StatedDifference,
    StatedRange,
)
from forecasting.report.document import versions
from forecasting.report.supply_document import holdback_documents, surge_document
from forecasting.salvos.spread import quantiles, stated_error
from forecasting.supply.scenario_forecast import SuppliedForecast

HORIZONS = (28, 90, 180, 365)
"""Days over which scenarios are compared, as far as the horizon goes, beside the horizon itself."""
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A simulated figure. influence: (n_paths,) how far each path moves it; its mean is 0."""

    value: float
    influence: Array
    sample: Array | None = None

    @property
    def error(self) -> float:
        """Standard error."""
        n_paths = self.influence.size
        return float(self.influence.std(ddof=1) / np.sqrt(n_paths)) if n_paths > 1 else np.nan

    def less(self, other: "Estimate") -> "Estimate":
        """The difference of two figures on the same paths."""
        return Estimate(self.value - other.value, self.influence - other.influence)


def mean_estimate(sample: NDArray[Any]) -> Estimate:
    """The mean of (n_paths,) values."""
    values = np.asarray(sample, dtype=np.float64)
    return Estimate(float(values.mean()), values - values.mean(), values)


def quantile_estimate(value: float, sample: NDArray[Any], level: float) -> Estimate:
    """A quantile of (n_paths,) values, as `value` has it rounded to packs.

    Its influence is (level - [sample <= quantile]) over the density there (Bahadur 1966, Ann. Math. Stat. 37), which is
    taken from the values one standard error of the rank below and above (Woodruff 1952, JASA 47).
    """
    n, spread = sample.size, np.sqrt(level * (1.0 - level))
    ranks = np.clip(np.array([level * n - spread * np.sqrt(n), level * n, level * n + spread * np.sqrt(n)]), 1, n)
    low, at, high = np.sort(sample)[np.ceil(ranks).astype(np.int64) - 1].astype(np.float64)
    below = (sample <= at).astype(np.float64)
    return Estimate(value, (high - low) / 2.0 * np.sqrt(n) / spread * (below.mean() - below))


def comparison_document(
    simulations: Sequence[Simulation], service_level: float, horizon: int, layers: tuple[str, ...]
) -> ComparisonDocument:
    """The comparison of simulations under scenarios, each against the first.

    Parameters
    ----------
    simulations : sequence of Simulation
        As many paths of each, with the same seed, of the nights that orders look at.
    service_level : float
        Of the orders.
    horizon : int
        Attack days.
    layers : tuple of str
        The ones to report.

    Returns
    -------
    ComparisonDocument
    """
    windows = [*(n_days for n_days in HORIZONS if n_days < horizon), horizon]
    supplied = [each.supplied for each in simulations if each.supplied is not None]
    first, base = simulations[0], supplied[0]
    figures = []
    for n_days in windows:
        by_scenario = [dict(_estimates(each, n_days, service_level, layers)) for each in simulations]
        for scenario, estimates in zip(supplied, by_scenario, strict=True):
            against = {} if scenario is base else by_scenario[0]
            figures += [
                _figure(scenario.scenario.name, n_days, place, estimate, against.get(place))
                for place, estimate in estimates.items()
            ]
    return ComparisonDocument(
        theatre=base.forecast.theatre,
        weapon_class=base.forecast.weapon_class,
        origin=base.forecast.origin,
        data_digest=base.forecast.data_digest,
        model_id=base.forecast.model_id,
        seed=base.forecast.seed,
        n_paths=base.forecast.n_paths,
        horizon=horizon,
        defence=first.defence.name,
        service_level=service_level,
        baseline=base.scenario.name,
        scenarios=[_scenario(each) for each in supplied],
        stated_differences=stated_differences([each.scenario for each in supplied]),
        figures=figures,
        versions=versions(),
    )


def _scenario(supplied: SuppliedForecast) -> ComparedScenario:
    scenario = supplied.scenario
    return ComparedScenario(
        scenario=scenario.name,
        title=scenario.title,
        as_of=scenario.as_of,
        compatible=supplied.outlook.compatible,
        verdict=supplied.outlook.verdict,
        assumption_only=supplied.assumption_only,
        shape_from=supplied.shape_from,
        surge=surge_document(supplied),
        holdbacks=holdback_documents(scenario, supplied.holdbacks),
    )


Place = tuple[str, str | None]
"""Measure, and layer where it is of one."""


def _estimates(
    simulation: Simulation, n_days: int, service_level: float, layers: tuple[str, ...]
) -> Iterator[tuple[Place, Estimate]]:
    """What a simulation says of the days 1 to n_days."""
    assert simulation.supplied is not None
    met, defence = simulation.engagements, simulation.defence
    launched = simulation.salvos.paths[:, :n_days]
    yield ("output", None), mean_estimate(simulation.supplied.coupled.supply.inflow[:, :n_days].sum(axis=1))
    yield ("launched", None), mean_estimate(launched.sum(axis=1))
    yield ("largest_day", None), mean_estimate(launched.max(axis=1))
    yield ("leakers", None), mean_estimate(met.actual.leakers[:, :n_days].sum(axis=1))
    if met.warhead_kg is not None:
        by_kind = met.actual.leakers_by_kind[:, :, :n_days].sum(axis=2)
        yield ("leaked_warhead_kg", None), mean_estimate((by_kind * met.warhead_kg).sum(axis=0))
    cost, influence = 0.0, np.zeros(launched.shape[0])
    for stock in met.stocks:
        if stock.layer_id not in layers:
            continue
        layer, index = defence.layer(stock.layer_id), defence.ids.index(stock.layer_id)
        lead_time = met.lead_time(index)
        order = order_for_horizon(stock, defence, service_level, lead_time, n_days)
        found = cover_of(stock, layer, lead_time, n_days)
        ordered = quantile_estimate(order.quantity, found.least_order, service_level)
        yield ("interceptors_needed", layer.id), mean_estimate(stock.needed[:, :n_days].sum(axis=1))
        yield ("order", layer.id), ordered
        assert layer.unit_cost_usd is not None
        cost += order.cost_usd[1]
        influence += layer.unit_cost_usd.mode * ordered.influence
    yield ("order_cost_usd", None), Estimate(cost, influence)


def _figure(scenario: str, n_days: int, place: Place, found: Estimate, base: Estimate | None) -> ComparedFigure:
    low, high = (None, None) if found.sample is None else quantiles(found.sample, [0.1, 0.9])
    change = None if base is None else found.less(base)
    return ComparedFigure(
        scenario=scenario,
        n_days=n_days,
        measure=place[0],
        layer=place[1],
        value=found.value,
        error=stated_error(found.error),
        low_80=low,
        high_80=high,
        difference=None if change is None else change.value,
        difference_error=None if change is None else stated_error(change.error),
        noise=None if change is None else bool(abs(change.value) <= 2.0 * change.error),
    )


def stated_differences(scenarios: Sequence[ProductionScenario]) -> list[StatedDifference]:
    """The numbers and events that not all of the scenarios state alike, with where and when.

    A note, a source or a confidence that differs changes no figure, and is left out.

    Parameters
    ----------
    scenarios : sequence of ProductionScenario
        As known on the same day.

    Returns
    -------
    list of StatedDifference
        In the order of the files.
    """
    stated = [dict(_stated(scenario)) for scenario in scenarios]
    places = dict.fromkeys(place for each in stated for place in each)
    grow = [StatedRange(scenario=each.name) for each in scenarios if each.unannounced_growth]
    day = max(each.as_of for each in scenarios)
    unannounced = [StatedDifference(where="unannounced_growth", date=day, ranges=grow)]
    return (unannounced if 0 < len(grow) < len(scenarios) else []) + [
        StatedDifference(
            where=place[0],
            date=place[1],
            ranges=[
                StatedRange(scenario=scenario.name, **each[place])
                for scenario, each in zip(scenarios, stated, strict=True)
                if place in each
            ],
        )
        for place in places
        if any(each.get(place) != stated[0].get(place) for each in stated[1:])
    ]


def _stated(scenario: ProductionScenario) -> Iterator[tuple[tuple[str, Any], dict[str, Any]]]:
    for where, table in tables(scenario):
        place = where.partition(" of ")[0]
        if isinstance(table, SourcedRange):
            said = {name: getattr(table, name) for name in ("low", "mode", "high")}
            yield (place, table.date), said | {"unit": getattr(table, "unit", None)}
    for event in scenario.events:
        yield (f"event {event.id} ({event.kind.replace('_', ' ')})", event.date), {}
