"""A request -> its document: in the processes that compute for the service, and for whoever wants the same bytes.

What does not depend on the request alone (histories, fitted models, calibrations) is kept between requests.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from cachetools import LRUCache
from threadpoolctl import threadpool_limits

from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import SHAHED, UKRAINE, weapons
from features.scenarios import PUBLISHED
from features.stocks import StockCount
from forecasting.answers.cache import get_or_make
from forecasting.answers.comparison import comparison_document
from forecasting.answers.context import FALLBACK_MODEL, AnswerContext
from forecasting.answers.defences import against_another, defence_of, kill_shares
from forecasting.answers.in_hand import as_stated
from forecasting.answers.learned import (
    Remember,
    prepare_remembered,
    remembered_learning,
    remembered_weights,
)
from forecasting.answers.learned_supply import remembered_supply
from forecasting.answers.raid import threats_of
from forecasting.answers.request import (
    CHAMPION,
    NO_SCENARIO,
    ComparisonRequest,
    ForecastRequest,
    PlanRequest,
    SensitivityRequest,
    Text,
)
from forecasting.answers.scenarios import (
    bundled_scenario,
    compared_scenarios,
    stated_scenario,
    unknown_theatre,
)
from forecasting.answers.sensitivity import sensitivity_document
from forecasting.answers.size import check_cells
from forecasting.defence.comparison import Difference, differences
from forecasting.defence.layers import Defence, selected_layers
from forecasting.defence.stock import without_stocks
from forecasting.defence.trials import nights_to_look_at
from forecasting.losses.calibrated_defence import Calibration
from forecasting.orders.inventory import with_counted
from forecasting.orders.plan_size import check_memory
from forecasting.orders.policy import AskedPolicy
from forecasting.orders.target import Target
from forecasting.plan import (
    Plan,
    Prepared,
    Simulation,
    counted_at_origin,
    make_plan,
    prepare,
    prepare_calibration,
    simulate,
)
from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.data_age import with_data_age
from forecasting.report.document import ForecastDocument, PlanDocument, forecast_document, plan_document
from forecasting.report.parts import ModelChoice
from forecasting.report.published import Published
from forecasting.report.sensitivity_document import SensitivityDocument
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.joint import Threat
from forecasting.salvos.model import Model, SimulationRequest, is_global, load_model
from forecasting.salvos.saved import SavedModel
from forecasting.supply.assimilation import AssimilatedSupply, assimilate
from forecasting.supply.scenario_forecast import N_DRAWS, ScenarioRequest, SuppliedForecast

KEPT = 32
"""Histories, prepared models and calibrations kept of each kind: some megabytes."""


class Answerer:
    """Answers requests from one ledger.

    load_champion: digest of a registered champion -> what was saved of it. today: the date by which nothing can have
    been published later. remember: keeps what is learned from a record; None: nothing is kept but in memory.
    """

    def __init__(
        self,
        ledger: Ledger,
        load_champion: Callable[[str], SavedModel],
        today: Callable[[], date],
        remember: Remember | None = None,
    ) -> None:
        self.ledger, self._load_champion, self._today, self._remember = ledger, load_champion, today, remember
        self._champions: LRUCache[object, SavedModel] = LRUCache(KEPT)
        self._histories: LRUCache[object, LaunchHistory] = LRUCache(KEPT)
        self._models: LRUCache[object, Prepared] = LRUCache(KEPT)
        self._calibrations: LRUCache[object, Calibration] = LRUCache(KEPT)

    def document(
        self, request: ForecastRequest, context: AnswerContext, on_paths: Callable[[int], object] | None = None
    ) -> Published:
        """What is asked for. Same request, same context: same bytes.

        on_paths: see `plan`.

        Raises InputError for a request that cannot be answered, and what the parts raise.
        """
        choice = model_choice(request, context)
        with threadpool_limits(1):  # sums of several threads have other last digits
            if isinstance(request, ComparisonRequest):
                return self.comparison(request, context, on_paths)
            if isinstance(request, SensitivityRequest):
                return self.sensitivity(request, context, on_paths)
            if isinstance(request, PlanRequest):
                made: ForecastDocument | PlanDocument = plan_document(self.plan(request, context, on_paths), choice)
            else:
                made = forecast_document(*self.forecast(request, context), choice)
            return with_data_age(made, context.asked_on)

    def forecast(
        self, request: ForecastRequest, context: AnswerContext
    ) -> tuple[SalvoForecast, SuppliedForecast | None]:
        """The forecast that is asked for, and the scenario that it is under, where there is one."""
        scenario = self._scenario(request)
        simulated = SimulationRequest(request.horizon, request.paths)
        return self.prepared(request, context).forecast(simulated, request.seed, scenario, request.held)

    def assimilated_supply(self, request: ForecastRequest, context: AnswerContext) -> AssimilatedSupply:
        """What the record says of the scenario that is asked for. Raises InputError without a record to say it."""
        scenario, history = self._scenario(request), self.history(request, context)
        if scenario is None:
            raise InputError("scenario is none: expected one to hold against the record")
        if history.theatre != request.theatre:
            name = request.scenario if isinstance(request.scenario, str) else "FILE.toml"
            raise InputError(
                f"no launch against theatre {request.theatre} is on record: nothing to check scenario "
                f"{scenario.scenario.name} by; what it implies: salvocast scenarios compare {name} --theatre "
                f"{request.theatre}"
            )
        return assimilate(scenario.scenario, history, 1, N_DRAWS, request.seed)

    def sensitivity(
        self, request: SensitivityRequest, context: AnswerContext, on_paths: Callable[[int], object] | None = None
    ) -> SensitivityDocument:
        """Which assumption of the scenario and of the defence that are asked for moves orders and leakers most.
        on_paths: see `plan`."""
        made, asked = self._simulations(request, context, (request.scenario,), on_paths)
        return sensitivity_document(made[0], request.service_level, request.horizon, asked)

    def plan(
        self,
        request: PlanRequest,
        context: AnswerContext,
        on_paths: Callable[[int], object] | None = None,
        *,
        counted: bool = True,
    ) -> Plan:
        """The plan that is asked for; see `document`. on_paths: see `forecasting.plan.make_plan`. counted: whether
        stocks start from their counts."""
        scenario, stated = self._scenario(request), defence_of(request)
        selected_layers(stated, request.layers, request.without)  # refuses an unknown one before the work
        sized = SimulationRequest(request.horizon, request.paths)
        check_memory(sized, under_scenario=scenario is not None, n_classes=len(request.rates))
        prepared = self.prepared(request, context)
        recorded = prepared.history.theatre == request.theatre
        calibrated = self._calibrated(request, stated, prepared.history) if request.calibrate and recorded else None
        origin = prepared.history.last_day
        hand = as_stated(stated, request, origin, self._counts(request, origin) if counted else ())
        target = None
        if request.leak_target is not None:
            budget = None if request.policy else request.budget
            target = Target(request.leak_target, float("inf") if budget is None else budget)
        policy = None
        if request.policy is not None:
            policy = AskedPolicy(
                request.policy, request.review, float("inf") if request.budget is None else request.budget
            )
        return make_plan(
            prepared,
            hand.defence,
            sized,
            service_level=request.service_level,
            seed=request.seed,
            calibrated=calibrated,
            scenario=scenario,
            held=request.held,
            layers=request.layers,
            without=request.without,
            deliveries=hand.deliveries,
            counts=hand.counts,
            stated_notes=hand.notes,
            target=target,
            policy=policy,
            money_usd=request.money_for_a_mix,
            joint=request.safety_of == "all",
            frontier_points=request.frontier_points,
            threats=self._threats(request, context, prepared, stated),
            on_paths=on_paths,
        )

    def comparison(
        self, request: ComparisonRequest, context: AnswerContext, on_paths: Callable[[int], object] | None = None
    ) -> ComparisonDocument:
        """The scenarios that are asked for, each against the baseline; see `document`. on_paths: see `plan`; the paths
        of each scenario are told."""
        made, asked = self._simulations(request, context, compared_scenarios(request), on_paths)
        return comparison_document(made, request.service_level, request.horizon, asked)

    def _simulations(
        self,
        request: PlanRequest,
        context: AnswerContext,
        sides: Sequence[str | Text],
        on_paths: Callable[[int], object] | None,
    ) -> tuple[list[Simulation], tuple[str, ...]]:
        """The plan's simulation under each of these scenarios, on the same random numbers, and the layers to report."""
        whole = defence_of(request)
        asked = selected_layers(whole, request.layers, request.without)
        check_cells(request, whole)
        scenarios = [self._scenario(request.model_copy(update={"scenario": each})) for each in sides]
        prepared = self.prepared(request.model_copy(update={"scenario": sides[0]}), context)
        recorded = prepared.history.theatre == request.theatre
        calibrated = self._calibrated(request, whole, prepared.history) if request.calibrate and recorded else None
        origin = prepared.history.last_day
        hand = as_stated(whole, request, origin, self._counts(request, origin))
        asked_for = SimulationRequest(request.horizon, request.paths)
        whole, planned = hand.defence, hand.defence.without(request.without)
        counted = counted_at_origin(
            prepared, planned, whole, asked_for, request.seed, calibrated, hand.deliveries, hand.counts
        )
        whole, planned = with_counted(whole, counted), with_counted(planned, counted)
        deliveries = [each for each in hand.deliveries if each.day > origin]
        nights = nights_to_look_at([planned.layer(name) for name in asked], request.horizon)
        simulated = SimulationRequest(nights, request.paths)
        first = scenarios[0]
        check_memory(simulated, under_scenario=first is not None)
        forecaster = prepared.forecaster(simulated, request.seed, first.published) if first else None

        def drawn(scenario: ScenarioRequest | None) -> tuple[SalvoForecast, SuppliedForecast] | None:
            """On the same salvos as those of the others."""
            if forecaster is None or scenario is None:
                return None
            supplied = forecaster.forecast_under(scenario.scenario, scenario.theatre, request.held)
            return supplied.forecast, supplied

        made = [
            simulate(
                prepared,
                planned,
                whole,
                simulated,
                seed=request.seed,
                end=request.horizon,
                calibrated=calibrated,
                scenario=each,
                held=request.held,
                deliveries=deliveries,
                counted=counted,
                on_paths=on_paths,
                drawn=drawn(each),
                try_orders=False,
            )
            for each in scenarios
        ]
        return made, asked

    def _counts(self, request: PlanRequest, origin: date) -> list[StockCount]:
        """The counts of stocks that a plan may know of."""
        known = self.ledger.stock_counts(request.theatre, request.origin)
        return [count for count in known if count.counted_on <= origin]

    def _threats(
        self, request: PlanRequest, context: AnswerContext, prepared: Prepared, defence: Defence
    ) -> tuple[Threat, ...]:
        """What comes with the drones, as known at their origin; of the model that is named, or else the fallback."""

        def of_class(name: str) -> Prepared:
            stated = {"weapon_class": name, "origin": prepared.history.last_day, "scenario": NO_SCENARIO}
            stated |= {"held": {}, "quiet_days": None}
            return self.prepared(request.model_copy(update=stated), replace(context, champion=None))

        recorded = [weapon_class for theatre, weapon_class, _ in self.ledger.series() if theatre == request.theatre]
        met = [name for layer in defence.layers for name in layer.classes]
        return threats_of(request, prepared, recorded, met, of_class)

    def defences_compared(self, request: PlanRequest, other: Defence, context: AnswerContext) -> tuple[Difference, ...]:
        """What another defence does more or less than that of the request, against the same salvos; each with the
        stocks that it states."""
        made = self.plan(request, context, counted=False)
        return tuple(differences(made.engagements, against_another(made, other.facing(request.classes))))

    def history(self, request: ForecastRequest, context: AnswerContext) -> LaunchHistory:
        """The record that a request is answered from: of its theatre as of its origin; of a theatre without a record,
        that of Ukraine, whose shape a scenario borrows."""
        borrows = request.scenario != NO_SCENARIO
        asked = (request.theatre, request.weapon_class, request.quiet_days, request.origin, borrows)

        def read() -> LaunchHistory:
            theatre, recorded = request.theatre, {series[:2] for series in self.ledger.series()}
            theatres = {each for each, _ in recorded}
            if borrows and (theatre, request.weapon_class) not in recorded:
                theatre = UKRAINE
            elif theatres and theatre not in theatres:
                raise unknown_theatre(theatre, theatres)
            until = context.reported_until
            known = self.ledger.history(theatre, request.weapon_class, request.quiet_days, until or request.origin)
            return known.waiting_until(request.origin) if until and request.origin else known

        return get_or_make(self._histories, (context.data_version, context.reported_until, *asked), read)

    def prepared(self, request: ForecastRequest, context: AnswerContext) -> Prepared:
        """The model that a request asks for, fitted to the record that it is answered from."""
        history = self.history(request, context)
        champion = context.champion if request.model == CHAMPION else None
        name = FALLBACK_MODEL if request.model == CHAMPION else request.model
        if champion is not None and request.origin is None and history.last_day < champion.origin:
            raise InputError(  # as the retraining and the plan of the morning refuse it
                f"the record of {request.weapon_class} in {request.theatre} ends on {history.last_day}, and the "
                f"champion was trained through {champion.origin}: reports are missing from this ledger; read them "
                f"again, or name a model, such as {FALLBACK_MODEL}, or an origin",
                field="model",
            )
        saved: SavedModel | None = None
        if champion is not None:
            digest = champion.digest
            saved = get_or_make(self._champions, digest, lambda: self._load_champion(digest))
        recipe = saved.model if saved else load_model(name)
        history = self.with_others(recipe, history)

        def learn() -> Prepared:
            prepared = fitted()
            if self._remember is None:
                return prepared
            return replace(prepared, weigh=remembered_weights(self._remember), meet=remembered_supply(self._remember))

        def fitted() -> Prepared:
            if champion is None or saved is None:
                return self._prepare(recipe, history, name)
            if (saved.data_digest, saved.origin) == (history.digest, history.last_day):
                return Prepared(history, saved.model, saved.fitted)
            # Its recipe won; what it learnt then is not what is known now.
            return self._prepare(saved.model, history, champion.digest)

        return get_or_make(self._models, (*_seen(history), champion.digest if champion else name), learn)

    def with_others(self, model: Model, history: LaunchHistory) -> LaunchHistory:
        """The history, with the other series of its origin where the model learns from them."""
        return replace(history, others=self.ledger.others(history)) if is_global(model) else history

    def _prepare(self, model: Model, history: LaunchHistory, name: str) -> Prepared:
        # The code of a model of somebody's own may change without ours.
        if self._remember is None or not type(model).__module__.startswith("forecasting."):
            return prepare(model, history)
        return prepare_remembered(model, history, name, self._remember)

    def calibrated(self, request: PlanRequest, context: AnswerContext) -> Calibration:
        """What the record of losses says of the defence that is asked for."""
        return self._calibrated(request, defence_of(request), self.history(request, context))

    def _calibrated(self, request: PlanRequest, stated: Defence, history: LaunchHistory) -> Calibration:
        killing = without_stocks(stated)
        shares = kill_shares(request.theatre, request.weapon_class)
        text = killing.model_dump_json()

        def learn() -> Calibration:
            if self._remember is None:
                return prepare_calibration(killing, history, shares)
            learning = remembered_learning(history, f"{text}\n{shares!r}", self._remember)
            return prepare_calibration(killing, history, shares, learning)

        return get_or_make(self._calibrations, (*_seen(history), text, bool(shares)), learn)

    def _scenario(self, request: ForecastRequest) -> ScenarioRequest | None:
        if request.scenario == NO_SCENARIO:
            return None
        if request.weapon_class != SHAHED:
            raise InputError(
                f"scenario: scenarios are of {weapons(SHAHED)}, not of {weapons(request.weapon_class)}: expected "
                f"'{NO_SCENARIO}'",
                field="scenario",
            )
        stated = stated_scenario(request.scenario)
        if stated.as_of > self._today():
            raise InputError(
                f"scenario {stated.name}: as_of is {stated.as_of}, in the future: expected {self._today()} or earlier",
                field="scenario",
            )
        if request.theatre not in (known := {UKRAINE, *stated.theatre_ids}):
            raise unknown_theatre(request.theatre, known)
        return ScenarioRequest(bundled_scenario(PUBLISHED), stated, request.theatre)


def model_choice(request: ForecastRequest, context: AnswerContext) -> ModelChoice:
    """Why the model of the answer is the one it is."""
    if request.model != CHAMPION:
        return ModelChoice(reason="named")
    if context.champion is None:
        return ModelChoice(reason="none_registered")
    return ModelChoice(reason="champion", version=context.champion.version)


def _seen(history: LaunchHistory) -> tuple[object, ...]:
    """All that can be learned from a history: its digest leaves out what only some parts of a plan look at."""
    series = (history.neutralised, history.armed_share, history.floor)
    return history.digest, *(one.tobytes() for one in series), history.sources, history.held
