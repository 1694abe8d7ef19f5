"""The published form of a forecast and of a plan. Quantiles are taken here and nowhere before.

The JSON Schemas beside this file (forecast.schema.json, plan.schema.json) are these classes; a test holds them equal.
"""

import platform
from datetime import date
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from features.massed import BORROWED_RULE, QUIET_RULE, RULE
from features.messages import Message
from features.stated import Source
from features.unknown_days import scope
from forecasting.report.assumption_document import Assumption, stated_assumptions, used_sources
from forecasting.report.calibration_document import CalibrationDocument, calibration_document
from forecasting.report.layer_document import LayerDocument, layer_document
from forecasting.report.order_document import (
    RequirementDocument,
    RulesDocument,
    requirement_document,
    rules_document,
)
from forecasting.report.parts import DataAge, Document, HeldCountDocument, ModelChoice, UnknownDaysDocument
from forecasting.report.policy_document import PolicyDocument, policy_document
from forecasting.report.raid_document import ThreatDocument, raid_document
from forecasting.report.since_document import SinceDocument
from forecasting.report.supply_document import SupplyDocument, supply_document
from forecasting.report.worth_document import (
    MoneyMixDocument,
    OrderWorthDocument,
    money_mix_document,
    worth_document,
)
from forecasting.salvos.spread import Spread, quantiles, spread

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from features.history import LaunchHistory
    from forecasting.plan import Plan
    from forecasting.salvos.forecast import SalvoForecast
    from forecasting.supply.scenario_forecast import SuppliedForecast

WINDOWS = (7, 28, 90, 180)
"""Days over which totals are told, beside the whole horizon."""

SAMPLE_SHARES = (0.2, 0.5, 0.8)
"""Of the totals: a low, a middling and a high future are shown as they were simulated."""

UNITS = {
    "drones": "launched_weapons",
    "attack_day": "kyiv_date",
    "interceptors": "interceptors",
    "days_of_supply": "attack_days",
    "cost_usd": "us_dollars",
    "leakers": "armed_drones",
    "warhead_kg": "kilograms",
    "probability": "share_of_paths",
}
"""What is measured -> the unit, which `report.words` words."""


class DayForecast(Document):
    """One attack day. total_drones: days 1 to this one together; absent in documents of before. massed_probability:
    that the day is a massed strike. massed_from_drones: the count that makes it one, on the median path; absent in
    documents of before."""

    attack_day: date
    horizon: int
    drones: Spread
    total_drones: Spread | None = Field(default=None, exclude_if=lambda total: total is None)
    massed_probability: float
    massed_from_drones: int | None = Field(default=None, exclude_if=lambda count: count is None)


class WindowForecast(Document):
    """Days 1 to n_days together. massed_probability: of at least one massed strike in them."""

    n_days: int
    last_day: date
    total_drones: Spread
    largest_day_drones: Spread
    massed_probability: float
    massed_days_expected: float


class SampleFuture(Document):
    """One of the paths, as simulated. total_share: its total over the horizon is the quantile of that share; of equal
    totals the first path. drones: of each attack day."""

    total_share: float
    drones: list[int]


class MassedStrikes(Document):
    """What counts as a massed strike here. threshold_drones: in the first week."""

    rule: Message
    threshold_drones: int


class ForecastDocument(Document):
    """A salvo forecast as published."""

    format: Literal["salvocast/forecast/2"] = "salvocast/forecast/2"
    theatre: str
    weapon_class: str
    origin: date = Field(description="attack day whose reports are the last that the forecast may have used")
    last_attack_day_known: date
    data_age: DataAge | None = Field(
        default=None,
        exclude_if=lambda age: age is None,
        description="how old the record was when this was asked for; absent while it is younger than three days",
    )
    quiet_day_rule: str
    scope: Message | None = Field(default=None, description="what the counts are of, and which days are left out")
    unknown_days: UnknownDaysDocument | None = Field(default=None, description="where most of the last days are")
    held: list[HeldCountDocument] = Field(default=[], description="reported counts that wait for a person's word")
    data_sources: list[str] = Field(description="names of the sources of the launch counts")
    data_digest: str = Field(description="SHA-256 of the launch history that the model saw")
    model_id: str
    model_choice: ModelChoice | None = Field(default=None, description="null where no request was answered")
    seed: int
    n_paths: int
    horizon: int
    massed_strikes: MassedStrikes
    days: list[DayForecast]
    windows: list[WindowForecast]
    sample_futures: list[SampleFuture] = Field(
        default=[],
        exclude_if=lambda futures: not futures,
        description="three futures as they were simulated, bursts and all; absent in documents of before",
    )
    supply: SupplyDocument | None = Field(description="null without a production scenario")
    units: dict[str, str] = UNITS
    versions: dict[str, str]


class StockOutDay(Document):
    """Layer -> probability that its stock has run short by the end of that attack day, without an order."""

    attack_day: date
    probability: dict[str, float]


class Outcome(Document):
    """What becomes of the drones over the horizon, modelled beside reported."""

    armed_share: float | None = Field(description="of the drones; null: not told apart, every drone counts as armed")
    leakers: Spread = Field(description="armed drones that no layer kills, with the stock there is")
    leakers_without_shortage: Spread
    leakers_by_kind: dict[str, Spread] = Field(description="kind of armed drone -> those that no layer kills")
    leaked_warhead_kg: Spread | None = Field(description="of the armed leakers; null where the defence states no mass")
    leaked_warhead_kg_without_shortage: Spread | None
    decoy_leakers: Spread | None = Field(description="null where decoys are not told apart")
    decoy_leakers_without_shortage: Spread | None
    interceptors_used_cost_usd: Spread
    orders_cost_usd_low: float
    orders_cost_usd_mode: float
    orders_cost_usd_high: float
    neutralised_share: Spread = Field(description="of all drones launched, decoys included")
    reported_neutralised_share: float | None = Field(description="last 28 known days; null where not reported")


class PlanDocument(Document):
    """A plan as published: the forecast, what the defence needs against it, and what that rests on."""

    format: Literal["salvocast/plan/2"] = "salvocast/plan/2"
    forecast: ForecastDocument
    defence: str
    defence_as_of: date
    about: str
    service_level: float
    safety_of: Literal["all"] | None = Field(
        default=None,
        exclude_if=lambda of: of is None,
        description="all: the service level is that all stocks last; absent where it is of each",
    )
    outcome: Outcome
    raid: list[ThreatDocument] | None = Field(
        default=None,
        exclude_if=lambda threats: threats is None,
        description="classes of weapon that come together, the drones first; what interceptors are needed and used, "
        "stocks and orders are then of all; absent where the drones come alone",
    )
    layers: list[LayerDocument]
    stock_out: list[StockOutDay] = Field(description="empty where no layer has interceptors")
    rules_of_thumb: RulesDocument | None = Field(description="null where no layer has interceptors")
    requirement: RequirementDocument | None = Field(description="null without a target for the leakers")
    order_worth: OrderWorthDocument | None = Field(
        default=None, description="what the orders buy; null where no layer has interceptors"
    )
    policy: PolicyDocument | None = Field(
        default=None,
        exclude_if=lambda policy: policy is None,
        description="orders at every review; absent where no policy is asked for, or no layer has interceptors",
    )
    budget_mix: MoneyMixDocument | None = Field(
        default=None,
        exclude_if=lambda mix: mix is None,
        description="what leaks least for the budget; absent without one, or where a target or a policy has it",
    )
    calibration: CalibrationDocument | None = Field(description="null where the ranges are taken as stated")
    since: SinceDocument | None = Field(
        default=None,
        exclude_if=lambda since: since is None,
        description="what has changed since a plan that was issued; absent where nobody asked",
    )
    in_hand: list[Message] = Field(
        default=[],
        exclude_if=lambda notes: not notes,
        description="stocks and supply as stated or counted, and what they go before; absent where all are assumed",
    )
    notes: list[Message] = Field(description="what a reader should know of how the ranges were taken")
    assumptions: list[Assumption]
    sources: list[Source]


def forecast_document(
    forecast: "SalvoForecast", supplied: "SuppliedForecast | None" = None, model_choice: ModelChoice | None = None
) -> ForecastDocument:
    """The published form of a forecast.

    Parameters
    ----------
    forecast : SalvoForecast
        Under the scenario, where there is one.
    supplied : SuppliedForecast, optional
        The scenario that it was made under.
    model_choice : ModelChoice, optional
        Why this model answers; None where no request was answered.

    Returns
    -------
    ForecastDocument
        Quantiles and probabilities; notes as coded messages.
    """
    windows = sorted({n_days for n_days in WINDOWS if n_days < forecast.horizon} | {forecast.horizon})
    massed, massed_from = forecast.massed, np.median(forecast.massed_thresholds, axis=0)
    running = forecast.paths.cumsum(axis=1)
    return ForecastDocument(
        theatre=forecast.theatre,
        weapon_class=forecast.weapon_class,
        origin=forecast.origin,
        last_attack_day_known=forecast.last_day_known,
        quiet_day_rule=forecast.quiet_day_rule.value,
        scope=scope(forecast.nights_alone),
        unknown_days=(
            UnknownDaysDocument(unknown=forecast.unknown_days.unknown, days=forecast.unknown_days.days)
            if forecast.unknown_days
            else None
        ),
        held=[
            HeldCountDocument(row=one.row_id, attack_day=one.attack_day, launched=one.launched, reason=one.reason)
            for one in forecast.held
        ],
        data_sources=list(forecast.data_sources),
        data_digest=forecast.data_digest,
        model_id=forecast.model_id,
        model_choice=model_choice,
        seed=forecast.seed,
        n_paths=forecast.n_paths,
        horizon=forecast.horizon,
        massed_strikes=MassedStrikes(
            rule=_massed_rule(forecast, supplied),
            threshold_drones=forecast.massed_threshold,
        ),
        days=[
            DayForecast(
                attack_day=day,
                horizon=step + 1,
                drones=spread(forecast.paths[:, step]),
                total_drones=spread(running[:, step]),
                massed_probability=float(massed[:, step].mean()),
                massed_from_drones=int(massed_from[step]),
            )
            for step, day in enumerate(forecast.days)
        ],
        windows=[
            WindowForecast(
                n_days=n_days,
                last_day=forecast.days[n_days - 1],
                total_drones=spread(forecast.totals(n_days)),
                largest_day_drones=spread(forecast.paths[:, :n_days].max(axis=1)),
                massed_probability=float(massed[:, :n_days].any(axis=1).mean()),
                massed_days_expected=float(massed[:, :n_days].sum(axis=1).mean()),
            )
            for n_days in windows
        ],
        sample_futures=[
            SampleFuture(total_share=share, drones=forecast.paths[np.argmax(running[:, -1] == total)].tolist())
            for share, total in zip(SAMPLE_SHARES, quantiles(running[:, -1], SAMPLE_SHARES), strict=True)
        ],
        supply=supply_document(supplied) if supplied else None,
        versions=versions(),
    )


def _massed_rule(forecast: "SalvoForecast", supplied: "SuppliedForecast | None") -> Message:
    if supplied and supplied.assumption_only:
        return BORROWED_RULE
    return QUIET_RULE if forecast.mostly_quiet else RULE


def plan_document(plan: "Plan", model_choice: ModelChoice | None = None) -> PlanDocument:
    """The published form of a plan.

    Parameters
    ----------
    plan : Plan
        As `forecasting.plan.make_plan` gives it.
    model_choice : ModelChoice, optional
        As of `forecast_document`.

    Returns
    -------
    PlanDocument
    """
    unlimited, actual = plan.engagements.unlimited, plan.engagements.actual
    stocks = {stock.layer_id: stock for stock in plan.engagements.stocks}
    orders = {order.layer_id: order for order in plan.orders}
    launched = plan.forecast.paths.sum(axis=1)
    leakers, decoy_leakers = actual.leakers.sum(axis=1), actual.decoy_leakers.sum(axis=1)
    costs = {
        layer.id: plan.engagements.draws[index]["unit_cost_usd"] * actual.interceptors[index].sum(axis=1)
        for index, layer in enumerate(plan.defence.layers)
        if layer.interceptor is not None
    }
    decoys_apart = plan.armed_share is not None
    layers = [
        layer_document(plan, index, stocks.get(layer.id), orders.get(layer.id), costs.get(layer.id))
        for index, layer in enumerate(plan.defence.layers)
        if layer.id in plan.layers
    ]
    return PlanDocument(
        forecast=forecast_document(plan.forecast, plan.supplied, model_choice),
        defence=plan.defence.title,
        defence_as_of=plan.defence.as_of,
        about=" ".join(plan.defence.about.split()),
        service_level=plan.service_level,
        safety_of="all" if plan.joint else None,
        outcome=Outcome(
            armed_share=plan.armed_share,
            leakers=spread(leakers),
            leakers_without_shortage=spread(unlimited.leakers.sum(axis=1)),
            leakers_by_kind={
                kind: spread(leaked.sum(axis=1))
                for kind, leaked in zip(plan.engagements.kinds, actual.leakers_by_kind, strict=True)
            },
            leaked_warhead_kg=_spread_or_none(plan.engagements.leaked_warhead_kg(actual)),
            leaked_warhead_kg_without_shortage=_spread_or_none(plan.engagements.leaked_warhead_kg(unlimited)),
            decoy_leakers=spread(decoy_leakers) if decoys_apart else None,
            decoy_leakers_without_shortage=spread(unlimited.decoy_leakers.sum(axis=1)) if decoys_apart else None,
            interceptors_used_cost_usd=spread(sum(costs.values(), start=np.zeros(plan.forecast.n_paths))),
            orders_cost_usd_low=sum((order.cost_usd[0] for order in plan.orders), start=0.0),
            orders_cost_usd_mode=sum((order.cost_usd[1] for order in plan.orders), start=0.0),
            orders_cost_usd_high=sum((order.cost_usd[2] for order in plan.orders), start=0.0),
            neutralised_share=spread(1.0 - (leakers + decoy_leakers) / np.maximum(launched, 1)),
            # The record of another theatre, whose shape is borrowed, says nothing of this one's defence.
            reported_neutralised_share=(
                reported_neutralised_share(plan.history) if plan.history.theatre == plan.forecast.theatre else None
            ),
        ),
        raid=raid_document(plan),
        layers=layers,
        stock_out=_stock_out(plan),
        rules_of_thumb=rules_document(plan.rules) if plan.rules else None,
        requirement=requirement_document(plan.required, plan.defence.layers) if plan.required else None,
        order_worth=worth_document(plan.advice, plan.defence) if plan.advice else None,
        budget_mix=money_mix_document(plan.for_money, plan.defence) if plan.for_money else None,
        policy=policy_document(plan.policy, plan.forecast.origin) if plan.policy else None,
        calibration=calibration_document(plan.calibration) if plan.calibration else None,
        in_hand=list(plan.in_hand),
        notes=list(plan.notes),
        assumptions=stated_assumptions(plan.defence),
        sources=used_sources(plan.defence),
    )


def document_json(document: Document) -> bytes:
    """The document as it is given out and archived, whoever asks.

    Parameters
    ----------
    document : ForecastDocument, PlanDocument or ComparisonDocument
        Any.

    Returns
    -------
    bytes
        JSON in UTF-8, with a line end.
    """
    return document.model_dump_json(indent=2).encode() + b"\n"


def reported_neutralised_share(history: "LaunchHistory", n_days: int = 28) -> float | None:
    """Neutralised over launched on the last n_days days on which both are known; None where there is none.

    Only days whose reports count suppressed drones as well: a share of those shot down alone says something else.
    """
    usable = ~np.isnan(history.launched) & history.neutralised_comparable
    launched = history.launched[usable][-n_days:].sum()
    if not launched:
        return None
    return float(history.neutralised[usable][-n_days:].sum() / launched)


@cache
def versions() -> dict[str, str]:
    """What computed the numbers; read once, because looking them up takes as long as all quantiles of a forecast."""
    packages = ("salvocast", "numpy", "scipy", "statsmodels")
    return {"python": platform.python_version()} | {package: version(package) for package in packages}


def _spread_or_none(values: NDArray[np.float64] | None) -> Spread | None:
    return None if values is None else spread(values)


def _stock_out(plan: "Plan") -> list[StockOutDay]:
    by_layer = {
        stock.layer_id: stock.stock_out_by_day.tolist()
        for stock in plan.engagements.stocks
        if stock.layer_id in plan.layers
    }
    if not by_layer:
        return []
    return [
        StockOutDay(attack_day=day, probability={layer: shares[step] for layer, shares in by_layer.items()})
        for step, day in enumerate(plan.forecast.days)
    ]
