"""The published form of a production scenario, and of what the record says of it."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from features.binding import Cause, Holdback
from features.messages import Message
from features.scenarios import ProductionScenario
from features.stated import Source, SourcedRange, tables
from forecasting.report.parts import Document

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from forecasting.supply.scenario_forecast import SuppliedForecast

ASSUMPTION_ONLY = "ASSUMPTIONS ONLY"
"""What a forecast is called that no record of its theatre stands behind; on every output."""


def is_none(value: object) -> bool:
    """Whether a field says nothing, and is left out."""
    return value is None


class Quantiles(Document):
    """Quantiles over the draws of a production scenario, at 5, 25, 50, 75 and 95 %."""

    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


class ScenarioNumber(Document):
    """One number that a production scenario states. number: the table of the scenario that it stands in."""

    number: str
    low: float
    mode: float
    high: float
    unit: str
    basis: str
    confidence: str
    date: date
    sources: list[str]
    note: str


class SupplyWeight(Document):
    """Share of the paths whose level, so many days ahead, is that of supply and not that of the salvo model."""

    horizon: int
    share: float


class SupplyGrowth(Document):
    """Times what the level would be without growth that nobody announced, so many days ahead."""

    horizon: int
    ratio: float


class SupplyMonth(Document):
    """One day of the outlook. Drones in store that can be launched; drones a month that reach the store."""

    day: date
    launchable_stock: Quantiles
    production_stated: Quantiles
    production_compatible: Quantiles | None = Field(description="with the record; null for a theatre without one")
    certain: Quantiles | None = Field(
        default=None,
        exclude_if=is_none,
        description="the part of them that counts as stated; absent where nothing is certain",
    )


class HoldbackDocument(Document):
    """What holds a plant back at the end of a month; numbers are medians over the draws, as stated.

    cause: the least of its lines, parts and workforce; `beds`: its workforce, while workers wait for a bed.
    """

    facility: str
    name: str
    day: date
    cause: Cause
    share: float = Field(description="of the draws in which it is that")
    line: float = Field(description="drones a month that the lines can make")
    parts: float | None = Field(default=None, exclude_if=is_none, description="for which the parts suffice")
    workforce: float | None = Field(default=None, exclude_if=is_none, description="that the workers can build")
    beds: float | None = Field(default=None, exclude_if=is_none)
    waiting: float | None = Field(default=None, exclude_if=is_none, description="workers who have come, without a bed")


class SurgeDocument(Document):
    """A stock that was built up, and how long it lasts; quantiles over the paths."""

    stock: Quantiles = Field(description="drones that can be launched at the origin")
    days: Quantiles = Field(description="until a tenth of it is left; more than the horizon: it is not used up in it")
    in_surge: Quantiles = Field(description="launches a day until then")
    afterwards: Quantiles = Field(description="drones a day that output alone sustains at the end of the horizon")


class SupplyDocument(Document):
    """The production scenario that the forecast rests on, and what the record says of it."""

    scenario: str
    title: str
    as_of: date = Field(description="nothing published later is in it")
    about: str
    assumption_only: bool = Field(description="the theatre has no record: nothing but assumptions carries the level")
    shape_from: str | None = Field(description="theatre whose record the shape of the salvos is borrowed from")
    compatible: bool | None = Field(description="with the record, as stated; null for a theatre without one")
    verdict: Message = Field(description="why the record allows the scenario, or does not")
    n_draws: int
    effective_sample_size: float | None = Field(description="of the draws, weighted by the record")
    stock_stated: Quantiles = Field(description="drones in store at the origin, had output been as stated")
    stock_compatible: Quantiles | None
    capacity_stated: Quantiles = Field(description="drones a month that reach the store at the origin")
    capacity_compatible: Quantiles | None
    output_ratio: Quantiles | None = Field(description="true output over what is stated, as the record has it")
    weights: list[SupplyWeight]
    growth: list[SupplyGrowth] = Field(
        default=[],
        exclude_if=lambda growth: not growth,
        description="beyond what is announced, as the record grew; absent where none is taken to come",
    )
    n_past_origins: int = Field(description="from which the weights were learned")
    months: list[SupplyMonth]
    holdbacks: list[HoldbackDocument] = Field(
        default=[],
        exclude_if=lambda holdbacks: not holdbacks,
        description="what holds each plant back, month by month; absent where nothing but lines is stated",
    )
    surge: SurgeDocument | None = Field(
        default=None, exclude_if=is_none, description="absent for a theatre with a record"
    )
    numbers: list[ScenarioNumber]
    sources: list[Source]


def supply_document(supplied: "SuppliedForecast") -> SupplyDocument:
    """The published form of the scenario that a forecast was made under."""
    scenario, outlook = supplied.scenario, supplied.outlook
    return SupplyDocument(
        scenario=scenario.name,
        title=scenario.title,
        as_of=scenario.as_of,
        about=" ".join(scenario.about.split()),
        assumption_only=supplied.assumption_only,
        shape_from=supplied.shape_from,
        compatible=outlook.compatible,
        verdict=outlook.verdict,
        n_draws=outlook.n_draws,
        effective_sample_size=outlook.effective_sample_size,
        stock_stated=quantiles(outlook.stock_stated),
        stock_compatible=_quantiles_if(outlook.stock_compatible),
        capacity_stated=quantiles(outlook.capacity_stated),
        capacity_compatible=_quantiles_if(outlook.capacity_compatible),
        output_ratio=_quantiles_if(outlook.output_ratio),
        weights=[SupplyWeight(horizon=horizon, share=share) for horizon, share in outlook.weights.items()],
        growth=[SupplyGrowth(horizon=horizon, ratio=ratio) for horizon, ratio in outlook.growth.items()],
        n_past_origins=outlook.n_past_origins,
        months=[
            SupplyMonth(
                day=month.day,
                launchable_stock=quantiles(month.launchable_stock),
                production_stated=quantiles(month.production_stated),
                production_compatible=_quantiles_if(month.production_compatible),
                certain=_quantiles_if(month.certain),
            )
            for month in outlook.months
        ],
        holdbacks=holdback_documents(supplied.scenario, supplied.holdbacks),
        surge=surge_document(supplied),
        numbers=[
            ScenarioNumber(number=where, unit=getattr(stated, "unit", ""), **_range(stated))
            for where, stated in tables(scenario)
            if isinstance(stated, SourcedRange)
        ],
        sources=list(scenario.sources),
    )


def holdback_documents(scenario: ProductionScenario, found: Iterable[Holdback]) -> list[HoldbackDocument]:
    """The published form of what holds the plants of a scenario back."""
    names = {facility.id: facility.name for facility in scenario.facilities}
    return [
        HoldbackDocument(
            facility=each.facility,
            name=names[each.facility],
            day=each.day,
            cause=each.cause,
            share=each.share,
            beds=each.beds,
            waiting=each.waiting,
            **{str(limit): made for limit, made in each.allowed.items()},
        )
        for each in found
    ]


def surge_document(supplied: "SuppliedForecast") -> SurgeDocument | None:
    """What was built up and how long it lasts, for a theatre without a record; None for one with."""
    if not supplied.assumption_only:
        return None
    from forecasting.supply.coupling import LEVELS
    from forecasting.supply.surge import surge_of

    found = surge_of(supplied.coupled)
    return SurgeDocument(
        **{each.name: quantiles(np.quantile(getattr(found, each.name), LEVELS)) for each in fields(found)}
    )


def _range(stated: SourcedRange) -> dict[str, Any]:
    fields = ("low", "mode", "high", "basis", "confidence", "date", "note")
    return {name: getattr(stated, name) for name in fields} | {"sources": list(stated.sources)}


def quantiles(values: Iterable[float]) -> Quantiles:
    """The published form of the quantiles at 5, 25, 50, 75 and 95 %."""
    return Quantiles(**dict(zip(Quantiles.model_fields, map(float, values), strict=True)))


def _quantiles_if(values: tuple[float, ...] | None) -> Quantiles | None:
    return None if values is None else quantiles(values)
