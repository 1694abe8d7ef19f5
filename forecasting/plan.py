"""Request -> forecast -> calibration -> demand -> orders. Pure: no files, no clock, no MLflow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.calibration import Calibration, calibrate
from forecasting.defence import Levels, engage
from forecasting.layers import Defence
from forecasting.model import Model, SimulationRequest, forecast
from forecasting.ordering import check_service_level, cover_of, order_for_horizon
from forecasting.program import defence_program, fire_units
from forecasting.reported_losses import ReportedLosses, StatedKills
from forecasting.requirement import Requirement, requirement, value_sentences
from forecasting.rules_of_thumb import RuleOfThumb, rules_of_thumb
from forecasting.scenario_forecast import ScenarioRequest, SuppliedForecast, under_scenario
from forecasting.stock import Delivery
from forecasting.types import Engagements, InterceptorOrder, SalvoForecast

MAX_CELLS = 2_000_000
"""Paths times attack days: each layer holds several whole numbers for each of them in memory."""
CALIBRATION_DRAWS = 2_000
"""Worth about 600 independent ones for the bundled defence and record, three times what quantiles of 10 and 90 % want,
in half the time that twice as many take."""
MONTH = 28
"""Attack days with a report that the rule "last month plus 20 %" and the armed share look back on."""
ARMED_SHARE_DAYS = 91
"""A share of armed drones that was told longer ago says nothing of tonight's."""
FAR_OFF = 0.1
"""Share of the drones by which the record may exceed what the calibrated defence does before the plan says so."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """Armed drones that may leak over the horizon, on average, and the US dollars to see to it; inf: any number."""

    leakers: float
    budget_usd: float = np.inf


@dataclass(frozen=True)
class Required:
    """The least-cost mix for a target. worth: what the limits are worth, in sentences."""

    target: Target
    found: Requirement
    worth: tuple[str, ...]


@dataclass(frozen=True)
class LayerRules:
    """What the rules of thumb would order of a layer. nights: that the order has to cover."""

    layer_id: str
    nights: int
    rules: tuple[RuleOfThumb, ...]


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
    calibration: Calibration | None = None
    """Of the ranges to the reported losses; None where they are taken as stated, which `notes` says."""
    armed_share: float | None = None
    """Mean over paths and nights; None where armed drones and decoys are not told apart."""
    rules: LayerRules | None = None
    """Of the layer whose interceptors kill most; None where no layer has interceptors."""
    required: Required | None = None
    """Where there is a target."""
    notes: tuple[str, ...] = ()


def make_plan(
    model: Model,
    history: LaunchHistory,
    defence: Defence,
    request: SimulationRequest,
    *,
    service_level: float,
    seed: int,
    scenario: ScenarioRequest | None = None,
    layers: tuple[str, ...] = (),
    deliveries: Sequence[Delivery] = (),
    to_record: bool = True,
    kill_shares: Sequence[StatedKills] = (),
    target: Target | None = None,
    on_paths: Callable[[int], object] | None = None,
) -> Plan:
    """A plan from the origin, the history's last day. Same arguments: same bytes.

    scenario: the assumptions about production to forecast under; None is the salvo model alone. layers: the only ones
    to plan for, of a defence that is calibrated as a whole; none: all. deliveries: dated ones, beside the monthly
    supply; those to other layers are left out. to_record: whether the ranges are updated with the reported losses, and
    with `kill_shares`, as published; otherwise, or where no losses are reported, they are taken as stated. target: see
    `Required`. on_paths: see `forecasting.defence.engage`.
    Raises InputError where paths times horizon needs too much memory, and for what the parts refuse.
    """
    if request.n_paths * request.horizon > MAX_CELLS:
        raise InputError(
            f"{request.n_paths} paths of {request.horizon} attack days: a plan takes at most {MAX_CELLS} path days; "
            "take fewer paths or a shorter horizon"
        )
    check_service_level(service_level)  # before the work, and for a defence without any stock too
    planned = defence.only(layers) if layers else defence
    salvos = forecast(model, history, request, seed)
    supplied = None
    if scenario:
        supplied = under_scenario(salvos, history, scenario)
        salvos = supplied.forecast
    armed_share = _armed_share(history, supplied, salvos.horizon)
    calibration, notes = None, ["The ranges of the defence are taken as stated, not held against the reported losses."]
    if to_record:
        calibration, notes = _calibrated(defence, history, salvos, kill_shares, seed)
    number = {layer.id: index for index, layer in enumerate(planned.layers)}
    levels, factors = _drawn(planned, defence, salvos, calibration, supplied)
    engagements = engage(
        salvos,
        planned,
        levels=levels,
        kill_factors=factors,
        armed_share=armed_share,
        deliveries=[delivery for delivery in deliveries if delivery.layer_id in number],
        on_paths=on_paths,
    )
    orders = tuple(
        order_for_horizon(stock, planned, service_level, engagements.lead_time(number[stock.layer_id]))
        for stock in engagements.stocks
    )
    required = None
    if target:
        program = defence_program(salvos, planned, engagements, levels=levels, kill_factors=factors)
        found = requirement(program, target.leakers, budget_usd=target.budget_usd)
        worth = value_sentences(found, salvos.horizon, *fire_units(program, planned, engagements))
        required = Required(target, found, tuple(worth))
    return Plan(
        history,
        salvos,
        planned,
        engagements,
        orders,
        service_level,
        supplied,
        calibration=calibration,
        armed_share=None if armed_share is None else float(armed_share.mean()),
        rules=_rules(planned, salvos, history, engagements),
        required=required,
        notes=tuple(notes),
    )


def _armed_share(history: LaunchHistory, supplied: SuppliedForecast | None, horizon: int) -> Array | None:
    """(n_paths or 1, horizon) by the scenario; without one as reported last; None where that is not known."""
    if supplied:
        return supplied.coupled.armed_share
    reported = reported_armed_share(history)
    return None if reported is None else np.full((1, horizon), reported)


def reported_armed_share(history: LaunchHistory) -> float | None:
    """Armed drones among those launched on the last MONTH days that tell both; None where none of the last
    ARMED_SHARE_DAYS does."""
    recent = slice(-ARMED_SHARE_DAYS, None)
    share, launched = history.armed_share[recent], history.launched[recent]
    told = np.flatnonzero(~np.isnan(share) & (launched > 0))[-MONTH:]
    if not told.size:
        return None
    # A few reports tell more armed drones than drones, by those of the night before.
    return float(min(share[told] @ launched[told] / launched[told].sum(), 1.0))


def _calibrated(
    defence: Defence,
    history: LaunchHistory,
    salvos: SalvoForecast,
    kill_shares: Sequence[StatedKills],
    seed: int,
) -> tuple[Calibration | None, list[str]]:
    """The calibration and its notes; None with the reason where there is no record to calibrate to."""
    if salvos.theatre != history.theatre:
        return None, [f"No record of theatre {salvos.theatre}: the ranges of the defence are taken as stated."]
    tells_decoys = any(layer.decoy_discrimination is not None for layer in defence.layers)
    found = calibrate(
        defence,
        ReportedLosses.from_history(history),
        history.last_day,
        stated=kill_shares,
        armed_share=reported_armed_share(history) if tells_decoys else None,
        n_draws=CALIBRATION_DRAWS,
        seed=seed,
    )
    notes = list(found.notes)
    short = [each for each in found.periods if each.name.startswith("last ") and each.low - each.posterior[2] > FAR_OFF]
    if short:
        notes.append(
            f"The record says that {short[0].low:.0%} were lost, the defence reaches {short[0].posterior[2]:.0%} at "
            "the edge of its ranges: a part of the theatre's defence is better taken as stated (--no-calibrate)."
        )
    return (found if found.n_nights else None), notes


def _drawn(
    planned: Defence,
    whole: Defence,
    salvos: SalvoForecast,
    calibration: Calibration | None,
    supplied: SuppliedForecast | None,
) -> tuple[Levels, dict[str, Array]]:
    """Levels and kill factors for `engage`: the calibration's, for the planned layers, times the scenario's."""
    factors: Mapping[str, Array] = supplied.kill_factors(planned) if supplied else {}
    if calibration is None:
        return (), dict(factors)
    drawn = calibration.for_paths(salvos.paths, salvos.seed)
    by_layer = {layer.id: levels for layer, levels in zip(whole.layers, drawn.levels, strict=True)}
    return (
        tuple(by_layer[layer.id] for layer in planned.layers),
        {
            layer.id: drawn.kill_factor * factors[layer.id] if layer.id in factors else drawn.kill_factor
            for layer in planned.layers
        },
    )


def _rules(
    defence: Defence, salvos: SalvoForecast, history: LaunchHistory, engagements: Engagements
) -> LayerRules | None:
    """Of the layer with interceptors that kills most: the rules speak of the interceptor that meets most drones.

    What it used last month is not reported: it is what the paths need per drone, for the drones of the last MONTH days.
    """
    met = engagements.unlimited
    kills = met.kills.sum(axis=(1, 2)) + met.decoy_kills.sum(axis=(1, 2))
    stocked = [index for index, layer in enumerate(defence.layers) if layer.interceptor is not None]
    if not stocked:
        return None
    index = max(stocked, key=lambda each: kills[each])
    layer = defence.layers[index]
    stock = next(stock for stock in engagements.stocks if stock.layer_id == layer.id)
    lead_time = engagements.lead_time(index)
    nights = salvos.horizon
    if layer.review_days is not None:
        nights = int(np.median(lead_time)) + layer.review_days
    launched = max(float(salvos.paths.sum()), 1.0)
    last_month = history.known[-MONTH:]
    assert layer.unit_cost_usd is not None
    made = rules_of_thumb(
        cover_of(stock, layer, lead_time),
        nights=nights,
        drones=float(salvos.paths[:, :nights].sum(axis=1).mean()),
        used_last_month=float(stock.needed.sum()) / launched * float(last_month.sum()),
        days_last_month=max(last_month.size, 1),
        in_hand_and_due=stock.opening + stock.supplied[:, nights - 1],
        unit_cost_usd=layer.unit_cost_usd.mode,
    )
    return LayerRules(layer.id, nights, made)
