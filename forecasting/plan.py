"""Request -> forecast -> demand -> orders. Pure: no files, no clock, no MLflow.

What is learned from the record, the fitted model and the calibration of a defence, is learned before any request: it
depends neither on a request nor on its seed nor on stocks, nothing changes it, and requests and threads may share it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.messages import Message
from features.records import SHAHED
from features.scenarios import ProductionScenario
from features.stocks import StockCount
from forecasting.defence.blocks import Levels
from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence, selected_layers
from forecasting.defence.outcome import Engagements
from forecasting.defence.raid import notes_of_raid
from forecasting.defence.stock import Delivery, without_stocks
from forecasting.defence.trials import OrderTrials, nights_to_look_at
from forecasting.losses.calibrated_defence import Calibration
from forecasting.losses.calibration import LEARNED_NOW, Learning, calibrate
from forecasting.losses.on_paths import calibration_for, engagement_draws, notes_below_record, size_notes, what_if_notes
from forecasting.losses.reported_losses import ReportedLosses, StatedKills
from forecasting.orders.advice import OrderAdvice, order_advice
from forecasting.orders.inventory import CountedStock, counted_stocks, notes_of_use, with_counted, with_counted_levels
from forecasting.orders.joint import orders_for_horizon
from forecasting.orders.kept_nights import KeptNights, covers
from forecasting.orders.mix import N_POINTS
from forecasting.orders.ordering import Cover, InterceptorOrder, check_service_level
from forecasting.orders.plan_size import check_memory, nights_to_keep, notes_of_first_paths
from forecasting.orders.policy import AskedPolicy, PolicyYear, futures_of, policy_year
from forecasting.orders.program import defence_program
from forecasting.orders.requirement import DefenceProgram
from forecasting.orders.rules_of_thumb import LayerRules, layer_rules
from forecasting.orders.target import MoneyMix, Required, Target, mix_for_money, mix_for_target
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.joint import Threat
from forecasting.salvos.model import MAX_HORIZON, Fitted, Model, SimulationRequest, fit, forecast_fitted
from forecasting.supply.armed_share import armed_share_of, reported_armed_share
from forecasting.supply.coupling import learn_weights
from forecasting.supply.scenario_forecast import (
    LearnedSupply,
    Meet,
    ScenarioForecaster,
    ScenarioRequest,
    SuppliedForecast,
    Weigh,
    days_needed,
    meet_record,
)

__all__ = ["Plan", "Prepared", "Target", "make_plan", "prepare", "prepare_calibration"]

CALIBRATION_DRAWS = 2_000
"""Worth about 600 independent ones for the bundled defence and record, three times what quantiles of 10 and 90 % want,
in half the time that twice as many take."""
CALIBRATION_SEED = 1
"""Not that of a request: a calibration is learned, like a fit. Its draws are dealt to the paths by the request's."""


Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model that has learnt from a history: all that requests from that origin share.

    Parameters
    ----------
    history : LaunchHistory
        Its last day is the origin.
    model : Model
        The recipe.
    fitted : Fitted
        What it has learnt.
    weigh : callable
        What learns how much supply counts in forecasts under scenarios, or knows it.
    meet : callable
        What holds a scenario against the record, or knows the outcome.
    """

    history: LaunchHistory
    model: Model
    fitted: Fitted
    weigh: Weigh = learn_weights
    meet: Meet = meet_record
    _learned: list[LearnedSupply] = field(default_factory=list, init=False, repr=False)

    def forecast(
        self,
        request: SimulationRequest,
        seed: int,
        scenario: ScenarioRequest | None = None,
        held: Mapping[str, float] | None = None,
    ) -> tuple[SalvoForecast, SuppliedForecast | None]:
        """The forecast of this model, and what it rests on where it is under a scenario.

        Parameters
        ----------
        request : SimulationRequest
            Days ahead, and paths.
        seed : int
            Of the random numbers.
        scenario : ScenarioRequest, optional
            Without it, the record alone.
        held : mapping of str to float, optional
            Assumption of the scenario -> the level 0 to 1 of its range to hold it at.

        Returns
        -------
        (SalvoForecast, SuppliedForecast or None)
        """
        check_memory(request, under_scenario=scenario is not None)
        if scenario is None:
            return forecast_fitted(self.model, self.fitted, self.history, request, seed), None
        forecaster = self.forecaster(request, seed, scenario.published)
        supplied = forecaster.forecast_under(scenario.scenario, scenario.theatre, held)
        return supplied.forecast, supplied

    def forecaster(self, request: SimulationRequest, seed: int, published: ProductionScenario) -> ScenarioForecaster:
        """Of forecasts under scenarios, all on the same random numbers.

        What the record says of supply is learned once for requests with the same horizon that follow each other.

        Parameters
        ----------
        request : SimulationRequest
            Days ahead, and paths.
        seed : int
            Of the random numbers.
        published : ProductionScenario
            By whose past record the weight of supply is learned.

        Returns
        -------
        ScenarioForecaster
        """
        days, with_look_ahead = days_needed(request.horizon)
        learned = next(iter(self._learned), None)
        if learned is None or (learned.horizon, learned.published) != (days, published):
            learned = LearnedSupply(self.history, published, days, weigh=self.weigh, meet=self.meet)
            self._learned[:] = [learned]  # one: its draws take some hundred megabytes
        ahead = SimulationRequest(with_look_ahead, request.n_paths)
        salvos = forecast_fitted(self.model, self.fitted, self.history, ahead, seed)
        return ScenarioForecaster(salvos, learned, request.horizon)


def prepare(model: Model, history: LaunchHistory) -> Prepared:
    """Fits a model to a history.

    Parameters
    ----------
    model : Model
        The recipe.
    history : LaunchHistory
        As published by its last day, the origin.

    Returns
    -------
    Prepared

    Raises
    ------
    InputError or ModelError
        What `forecasting.salvos.model.fit` raises.
    """
    return Prepared(history, model, fit(model, history))


def prepare_calibration(
    defence: Defence,
    history: LaunchHistory,
    kill_shares: Sequence[StatedKills] = (),
    learning: Learning = LEARNED_NOW,
) -> Calibration:
    """The ranges of a defence, updated with the losses that the record reports.

    One serves every stock: defences that are equal `without_stocks`, of one history (`armed_share` included) and the
    same `kill_shares`, have the same. It is of the whole defence, also where some of its layers are planned for.

    Parameters
    ----------
    defence : Defence
        Whose ranges are the prior.
    history : LaunchHistory
        With the losses, as published by the origin.
    kill_shares : sequence of StatedKills
        Published shares of the kills by layer.
    learning : Learning
        The steps that take long, or what gives the same as they did.

    Returns
    -------
    Calibration
    """
    tells_decoys = any(layer.decoy_discrimination is not None for layer in defence.layers)
    found = calibrate(
        without_stocks(defence),
        ReportedLosses.from_history(history),
        history.last_day,
        stated=kill_shares,
        armed_share=reported_armed_share(history) if tells_decoys else None,
        n_draws=CALIBRATION_DRAWS,
        seed=CALIBRATION_SEED,
        learning=learning,
    )
    return replace(found, notes=(*found.notes, *notes_below_record(found)))


@dataclass(frozen=True, eq=False)
class Plan:
    """The whole answer: what is expected, what the defence will use of it, and what to order.

    Parameters
    ----------
    history : LaunchHistory
        What the forecast was made from.
    forecast : SalvoForecast
        The salvos.
    defence : Defence
        As planned for, what was left out included.
    engagements : Engagements
        Path by path.
    orders : tuple of InterceptorOrder
        Of the layers to report that have a stock.
    service_level : float
        Of the orders, between 0 and 1.
    supplied : SuppliedForecast, optional
        The production scenario that the forecast was made under.
    calibration : Calibration, optional
        Of the ranges to the reported losses; None where they are taken as stated, which `notes` says.
    armed_share : float, optional
        Mean over paths and nights; None where armed drones and decoys are not told apart.
    rules : LayerRules, optional
        Of the layer whose interceptors kill most; None where no layer has interceptors.
    advice : OrderAdvice, optional
        What the orders buy; None where no layer has interceptors.
    required : Required, optional
        Where there is a target.
    notes : tuple of Message
        What a reader has to know.
    layers : tuple of str
        Ids of the layers to report.
    threats : tuple of Threat
        What comes with the drones; engagements, stocks and orders are then of the whole raid.
    policy : PolicyYear, optional
        Where one is asked for.
    for_money : MoneyMix, optional
        What leaks least for a sum of money, where one is stated.
    joint : bool
        Whether the service level is of all stocks together, not of each.
    counted : tuple of CountedStock
        The stocks that start from a count.
    in_hand : tuple of Message
        Which stocks and supply are as stated or counted, in place of what the defence assumes.
    """

    history: LaunchHistory
    forecast: SalvoForecast
    defence: Defence
    engagements: Engagements
    orders: tuple[InterceptorOrder, ...]
    service_level: float
    supplied: SuppliedForecast | None = None
    calibration: Calibration | None = None
    armed_share: float | None = None
    rules: LayerRules | None = None
    advice: OrderAdvice | None = None
    required: Required | None = None
    notes: tuple[Message, ...] = ()
    layers: tuple[str, ...] = ()
    threats: tuple[Threat, ...] = ()
    policy: PolicyYear | None = None
    for_money: MoneyMix | None = None
    joint: bool = False
    counted: tuple[CountedStock, ...] = ()
    in_hand: tuple[Message, ...] = ()


def make_plan(
    prepared: Prepared,
    defence: Defence,
    request: SimulationRequest,
    *,
    service_level: float,
    seed: int,
    calibrated: Calibration | None = None,
    scenario: ScenarioRequest | None = None,
    held: Mapping[str, float] | None = None,
    layers: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    deliveries: Sequence[Delivery] = (),
    counts: Sequence[StockCount] = (),
    stated_notes: tuple[Message, ...] = (),
    target: Target | None = None,
    threats: tuple[Threat, ...] = (),
    policy: AskedPolicy | None = None,
    money_usd: float | None = None,
    joint: bool = False,
    frontier_points: int = N_POINTS,
    on_paths: Callable[[int], object] | None = None,
) -> Plan:
    """A plan from the origin, the last day of the history that was prepared. Same arguments: same bytes.

    Parameters
    ----------
    prepared : Prepared
        The fitted model.
    defence : Defence
        Whole; its layers are engaged in their order.
    request : SimulationRequest
        Days and paths.
    service_level : float
        P(no stock-out) that orders have to reach, between 0 and 1.
    seed : int
        Of salvos, engagements and scenario.
    calibrated : Calibration, optional
        What `prepare_calibration` gives for this defence and history; without it the ranges are taken as stated, and so
        they are where it rests on no night, or on the record of another theatre.
    scenario : ScenarioRequest, optional
        The assumptions about production to forecast under; None is the salvo model alone.
    held : mapping of str to float, optional
        Assumption of the scenario -> the level 0 to 1 of its range to hold it at.
    layers : tuple of str
        The ones to report and to order for, of the whole defence; empty: all.
    without : tuple of str
        What if the defence did not have these.
    deliveries : sequence of Delivery
        Dated ones, beside the monthly supply; until the origin, of layers that were counted before.
    counts : sequence of StockCount
        Of stocks, none after the origin: to start from in place of what the defence assumes.
    stated_notes : tuple of Message
        What a reader has to know of how the defence, deliveries and counts were stated.
    target : Target, optional
        To find the least-cost mix for.
    threats : tuple of Threat
        Other classes of weapon, on the same paths and nights; `target` is of the drones alone.
    policy : AskedPolicy, optional
        To find the levels of, for the service level, and to simulate on the same paths.
    money_usd : float, optional
        US dollars to find the mix for that leaks least.
    joint : bool
        Whether the service level is of all stocks together, not of each.
    frontier_points : int
        Of each frontier of cost, at most.
    on_paths : callable, optional
        See `forecasting.defence.engagement.engage`.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        Above MOST_MEMORY_GB of `orders.plan_size`, for assumptions held without a scenario, and for what parts refuse.
    """
    check_memory(request, under_scenario=scenario is not None, n_classes=len(threats))
    check_service_level(service_level)  # before the work, and for a defence without any stock too
    if held and scenario is None:
        raise InputError(
            "{given} is held without a scenario: expected one whose assumption it is",
            field="scenario",
            given=next(iter(held)),
        )
    defence = defence.facing((SHAHED, *(each.weapon_class for each in threats)))
    planned, asked = defence.without(without), selected_layers(defence, layers, without)
    history = prepared.history
    counted = counted_at_origin(prepared, planned, defence, request, seed, calibrated, deliveries, counts)
    planned, defence = with_counted(planned, counted), with_counted(defence, counted)
    deliveries = [each for each in deliveries if each.day > history.last_day]

    nights = nights_to_look_at([planned.layer(name) for name in asked], request.horizon)
    kept = nights_to_keep(request.n_paths * nights, looked_at_again=policy is not None or target is not None)

    def simulated(n_days: int, on_paths: Callable[[int], object] | None = None) -> Simulation:
        return simulate(
            prepared,
            planned,
            defence,
            SimulationRequest(n_days, request.n_paths),
            seed=seed,
            calibrated=calibrated,
            scenario=scenario,
            held=held,
            deliveries=deliveries,
            counted=counted,
            threats=threats,
            end=request.horizon,
            covered=asked if n_days == nights else (),
            nights_kept=kept,
            on_paths=on_paths,
        )

    if nights > MAX_HORIZON:
        raise InputError(
            f"lead time and review period of a layer ask for {nights} nights: expected at most {MAX_HORIZON} together",
            field="defence",
        )
    if threats and nights > request.horizon:
        raise InputError(
            f"lead time and review period of a layer ask for {nights} nights, and other classes of weapon come with "
            f"the drones: take a horizon of {nights}",
            field="horizon",
        )
    made = simulated(request.horizon, on_paths)
    further = simulated(nights) if nights > request.horizon else made
    orders = orders_for_horizon(further.covers, planned, service_level, joint=joint)
    advice = order_advice(
        planned,
        further.engagements,
        further.trials,
        orders,
        further.covers,
        further.salvos.totals(further.salvos.horizon),
        frontier_points,
    )
    rules = layer_rules(planned, further.salvos, history, further.engagements, further.covers, request.horizon)
    required = None
    if target:
        required = mix_for_target(planned, made.engagements, made.trials, made.program, target, asked)
    futures = futures_of(planned, made.kept, made.kept_salvos, history, asked) if policy else None
    by_policy = None
    if policy and futures:
        by_policy = policy_year(futures, policy.kind, policy.review, service_level, policy.budget_usd)
    for_money = None
    if money_usd is not None:
        for_money = mix_for_money(planned, made.engagements, made.trials, money_usd, asked)
    look = (Message.of("orders_look_further", nights=nights, horizon=request.horizon),) if further is not made else ()
    return Plan(
        history,
        made.salvos,
        planned,
        made.engagements,
        orders,
        service_level,
        made.supplied,
        calibration=made.calibration,
        armed_share=None if made.armed_share is None else float(made.armed_share.mean()),
        rules=rules,
        advice=advice,
        required=required,
        in_hand=(*stated_notes, *(note for each in counted for note in each.notes), *notes_of_use(counted, planned)),
        notes=(
            *look,
            *(notes_of_first_paths(made.kept_salvos.n_paths, request.n_paths) if policy else ()),
            *what_if_notes(without),
            *made.notes,
            *size_notes(made.beyond),
            *notes_of_raid(planned, threats),
        ),
        layers=asked,
        threats=threats,
        policy=by_policy,
        joint=joint,
        for_money=for_money,
        counted=counted,
    )


def counted_at_origin(
    prepared: Prepared,
    planned: Defence,
    defence: Defence,
    request: SimulationRequest,
    seed: int,
    calibrated: Calibration | None,
    deliveries: Sequence[Delivery],
    counts: Sequence[StockCount],
) -> tuple[CountedStock, ...]:
    """The counted stocks rolled forward to the origin, path by path.

    Parameters
    ----------
    prepared : Prepared
        The fitted model.
    planned : Defence
        Without what is left out.
    defence : Defence
        Whole, as it is held against the record.
    request : SimulationRequest
        Its paths are used.
    seed : int
        Of all random numbers.
    calibrated, deliveries, counts
        As in `make_plan`.

    Returns
    -------
    tuple of CountedStock
        Empty where nothing that is planned for was counted.
    """
    history = prepared.history
    if not counts:
        return ()

    def meet(past: SalvoForecast, having: Defence, due: Sequence[Delivery]) -> Engagements:
        check_memory(SimulationRequest(past.horizon, past.n_paths))
        calibration, _ = calibration_for(defence, past, history, calibrated)
        having = having.facing((SHAHED,))
        levels, factors, _ = engagement_draws(having, past, calibration)
        armed_share = armed_share_of(history, None, past.horizon)
        return engage(
            past,
            having,
            levels=levels,
            kill_factors=factors,
            armed_share=armed_share,
            deliveries=due,
            on_nights=lambda _: None,
        )

    salvos, _ = prepared.forecast(SimulationRequest(1, request.n_paths), seed)
    return counted_stocks(counts, planned, history, replace(salvos, theatre=counts[0].theatre), deliveries, meet)


@dataclass(frozen=True, eq=False)
class Simulation:
    """Salvos and what the defence does with them.

    Parameters
    ----------
    defence : Defence
        As planned for.
    salvos : SalvoForecast
        Under the scenario, where there is one.
    supplied : SuppliedForecast, optional
        What they rest on.
    armed_share : (n_paths, horizon) array, optional
        Of the drones.
    calibration : Calibration, optional
        Of the ranges of the defence.
    notes : tuple of Message
        How the ranges were taken.
    levels : Levels
        That the paths draw from the ranges.
    factors : dict of str to array
        Layer -> of its kills, night by night.
    beyond : float
        Share of the nights that are larger than any on record.
    engagements : Engagements
        Path by path.
    trials : OrderTrials
        What other stocks would do.
    kept : Engagements
        The same night by night, of all paths or, of a large plan, of the first ones.
    covers : mapping of str to Cover
        Layer -> what its order has to do, of those asked for.
    """

    defence: Defence
    salvos: SalvoForecast
    supplied: SuppliedForecast | None
    armed_share: Array | None
    calibration: Calibration | None
    notes: tuple[Message, ...]
    levels: Levels
    factors: dict[str, Array]
    beyond: float
    engagements: Engagements
    trials: OrderTrials
    kept: Engagements
    covers: Mapping[str, Cover]

    @property
    def program(self) -> DefenceProgram:
        """The program of the least-cost mix, on the paths whose nights are kept."""
        first = slice(self.kept_salvos.n_paths)
        return defence_program(
            self.kept_salvos,
            self.defence,
            self.kept,
            levels=tuple({name: values[first] for name, values in each.items()} for each in self.levels),
            kill_factors={name: values[first] for name, values in self.factors.items()},
            new_models=[
                each.pick(np.arange(self.kept_salvos.n_paths))
                for each in (self.supplied.new_models if self.supplied else ())
            ],
        )

    @property
    def kept_salvos(self) -> SalvoForecast:
        """Of the paths whose nights are kept."""
        return replace(self.salvos, paths=self.salvos.paths[: len(self.kept.actual.leakers)])


def simulate(
    prepared: Prepared,
    planned: Defence,
    defence: Defence,
    request: SimulationRequest,
    *,
    seed: int,
    end: int,
    calibrated: Calibration | None = None,
    scenario: ScenarioRequest | None = None,
    held: Mapping[str, float] | None = None,
    deliveries: Sequence[Delivery] = (),
    counted: tuple[CountedStock, ...] = (),
    threats: tuple[Threat, ...] = (),
    covered: tuple[str, ...] = (),
    nights_kept: int | None = None,
    on_paths: Callable[[int], object] | None = None,
    drawn: tuple[SalvoForecast, SuppliedForecast | None] | None = None,
    try_orders: bool = True,
) -> Simulation:
    """The part of a plan that is drawn; what is not told here is as in `make_plan`.

    Parameters
    ----------
    prepared : Prepared
        The fitted model.
    planned : Defence
        Without what is left out.
    defence : Defence
        Whole, as it is held against the record.
    request : SimulationRequest
        Nights to look at, and paths.
    seed : int
        Of all random numbers.
    end : int
        Nights of the horizon that is planned for.
    calibrated, scenario, held, deliveries, threats, on_paths
        As in `make_plan`.
    counted : tuple of CountedStock
        The stocks that start from a count.
    covered : tuple of str
        Layers whose orders are looked at.
    nights_kept : int, optional
        Paths times nights that are kept night by night, of the first paths; None: those of all.
    drawn : (SalvoForecast, SuppliedForecast or None), optional
        The forecast, where it is made already, as `prepared.forecast` makes it.
    try_orders : bool
        Whether the trials are filled; without, they say nothing of orders.

    Returns
    -------
    Simulation
    """
    salvos, supplied = drawn or prepared.forecast(request, seed, scenario, held)
    armed_share = armed_share_of(prepared.history, supplied, salvos.horizon)
    calibration, notes = calibration_for(defence, salvos, prepared.history, calibrated)
    levels, factors, beyond = engagement_draws(planned, salvos, calibration)
    levels = with_counted_levels(levels, planned, counted)
    trials = OrderTrials(planned, end=end)
    passing = KeptNights(planned, covered, end, -(-nights_kept // salvos.horizon)) if nights_kept else None
    engagements = engage(
        salvos,
        planned,
        levels=levels,
        kill_factors=factors,
        armed_share=armed_share,
        new_models=supplied.new_models if supplied else (),
        deliveries=deliveries,
        trials=trials if try_orders else None,
        others={each.weapon_class: each.paths for each in threats},
        on_paths=on_paths,
        on_nights=passing,
    )
    return Simulation(
        planned,
        salvos,
        supplied,
        armed_share,
        calibration,
        notes,
        levels,
        factors,
        beyond,
        engagements,
        trials,
        passing.first if passing else engagements,
        passing.covers if passing else covers(engagements, planned, covered, end),
    )
