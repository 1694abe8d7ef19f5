"""Which assumption of the scenario and of the defence moves orders and leakers most, from one simulation.

Every future of a plan has drawn each assumption from its range, as the record allows. The futures in which an
assumption is in its lowest fifth, and those in which it is in its highest, are two samples of what it does, with all
else as it then is: nothing is simulated again (Saltelli et al. 2008, Global Sensitivity Analysis, 1.2.5).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forecasting.answers.comparison import Estimate, mean_estimate, quantile_estimate
from forecasting.orders.ordering import cover_of
from forecasting.plan import Simulation
from forecasting.report.document import versions
from forecasting.report.sensitivity_document import SensitivityDocument, SensitivityMeasure, Swing
from forecasting.report.supply_document import surge_document
from forecasting.salvos.spread import quantile, stated_error

SHARE = 0.2
"""Of the futures, at either end of an assumption."""
CHANCE = 0.05
"""That a tornado of assumptions that do nothing shows one of them (Bonferroni)."""
Place = tuple[Literal["order_cost_usd", "leakers", "order"], str | None]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Stocked:
    """What the orders of a layer rest on. least_order: (n_paths,)."""

    layer: str
    least_order: NDArray[np.int64]
    pack_size: int
    unit_cost: float


def sensitivity_document(
    simulation: Simulation, service_level: float, horizon: int, layers: tuple[str, ...]
) -> SensitivityDocument:
    """The tornadoes of a simulation.

    Parameters
    ----------
    simulation : Simulation
        With or without a scenario, of the nights that orders look at.
    service_level : float
        Of the orders.
    horizon : int
        Attack days.
    layers : tuple of str
        The ones to order for.

    Returns
    -------
    SensitivityDocument
    """
    forecast, supplied = simulation.salvos, simulation.supplied
    leakers = simulation.engagements.actual.leakers[:, :horizon].sum(axis=1)
    stocked = list(_stocked(simulation, horizon, layers))
    everywhere = np.arange(leakers.size)
    base = _estimates(leakers, stocked, service_level, everywhere, {})
    swings = []
    assumptions = list(_assumptions(simulation))
    clear = NormalDist().inv_cdf(1.0 - CHANCE / (2 * max(len(assumptions), 1)))
    for of, name, values in assumptions:
        order = np.argsort(values, kind="stable")
        n = max(int(SHARE * order.size), 1)
        ends = [
            _estimates(leakers, stocked, service_level, rows, _held_price(name, values[rows]))
            for rows in (order[:n], order[-n:])
        ]
        drawn = [values[rows] for rows in (order[:n], order[-n:])]
        told = [(place, ends[0][place], ends[1][place]) for place in base]
        swings += [_swing(of, name, place, low, high, drawn, clear) for place, low, high in told]
    places = list(base)
    swings.sort(key=lambda each: (places.index((each.measure, each.layer)), each.noise, -each.width, each.assumption))
    return SensitivityDocument(
        theatre=forecast.theatre,
        weapon_class=forecast.weapon_class,
        origin=forecast.origin,
        data_digest=forecast.data_digest,
        model_id=forecast.model_id,
        seed=forecast.seed,
        n_paths=forecast.n_paths,
        horizon=horizon,
        scenario=supplied.scenario.name if supplied else None,
        assumption_only=bool(supplied and supplied.assumption_only),
        shape_from=supplied.shape_from if supplied else None,
        surge=surge_document(supplied) if supplied else None,
        defence=simulation.defence.name,
        service_level=service_level,
        measures=[
            SensitivityMeasure(measure=place[0], layer=place[1], value=found.value, error=stated_error(found.error))
            for place, found in base.items()
        ],
        swings=swings,
        versions=versions(),
    )


def _assumptions(simulation: Simulation) -> Iterator[tuple[Literal["scenario", "defence"], str, Array]]:
    """(of what, name, what each path has drawn of it) of all that has a range."""
    if simulation.supplied:
        for name, levels in simulation.supplied.coupled.supply.levels.items():
            if np.ptp(levels) > 0:
                yield "scenario", name, levels
    for layer, drawn in zip(simulation.defence.layers, simulation.engagements.draws, strict=True):
        for quantity, values in drawn.items():
            if np.ptp(values) > 0:
                yield "defence", f"{layer.id}.{quantity}", values


def _stocked(simulation: Simulation, horizon: int, layers: tuple[str, ...]) -> Iterator[_Stocked]:
    defence = simulation.defence
    for stock in simulation.engagements.stocks:
        if stock.layer_id in layers:
            layer = defence.layer(stock.layer_id)
            lead_time = simulation.engagements.lead_time(defence.ids.index(layer.id))
            assert layer.unit_cost_usd is not None
            needs = cover_of(stock, layer, lead_time, horizon)
            yield _Stocked(layer.id, needs.least_order, layer.pack_size, layer.unit_cost_usd.mode)


def _held_price(name: str, values: Array) -> Mapping[str, float]:
    """Layer -> its price, where it is the assumption that is looked at; orders have the stated mode otherwise."""
    layer, _, quantity = name.rpartition(".")
    return {layer: float(values.mean())} if quantity == "unit_cost_usd" else {}


def _estimates(
    leakers: NDArray[Any], stocked: list[_Stocked], level: float, rows: NDArray[np.int64], prices: Mapping[str, float]
) -> dict[Place, Estimate]:
    """What some of the paths say."""
    orders: dict[Place, Estimate] = {}
    cost, influence = 0.0, np.zeros(rows.size)
    for each in stocked:
        needed = each.least_order[rows]
        ordered = int(-(-quantile(needed, level) // each.pack_size) * each.pack_size)
        found = quantile_estimate(ordered, needed, level)
        orders["order", each.layer] = found
        price = prices.get(each.layer, each.unit_cost)
        cost, influence = cost + price * ordered, influence + price * found.influence
    told: dict[Place, Estimate] = {}
    told["order_cost_usd", None] = Estimate(cost, influence)
    told["leakers", None] = mean_estimate(leakers[rows])
    return told | orders


def _swing(
    of: Literal["scenario", "defence"],
    name: str,
    place: Place,
    low: Estimate,
    high: Estimate,
    drawn: Sequence[Array],
    clear: float,
) -> Swing:
    """drawn: what the paths of either end have drawn. clear: standard errors from which a change is no noise."""
    errors = [_clustered_error(each.influence, values) for each, values in zip((low, high), drawn, strict=True)]
    error = float(np.hypot(errors[0], errors[1]))  # no path is in both
    return Swing(
        of=of,
        assumption=name,
        measure=place[0],
        layer=place[1],
        low=low.value,
        high=high.value,
        change_error=stated_error(error),
        noise=not abs(high.value - low.value) > clear * error,
    )


def _clustered_error(influence: Array, drawn: Array) -> float:
    """Standard error where several paths share a draw that the record allows: these count together (Liang and Zeger
    1986, Biometrika 73)."""
    _, draw = np.unique(drawn, return_inverse=True)
    summed = np.bincount(draw, weights=influence)
    return float(np.sqrt((summed**2).sum()) / influence.size)
