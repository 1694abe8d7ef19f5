"""The published form of a comparison of production scenarios, all on the same random numbers."""

from datetime import date
from typing import Literal

from pydantic import Field

from features.messages import Message
from forecasting.report.parts import Document
from forecasting.report.supply_document import HoldbackDocument, SurgeDocument, is_none
from forecasting.salvos.spread import StatedError

MEASURES = {
    "output": "drones that reach the store",
    "launched": "drones launched",
    "largest_day": "drones on the largest day",
    "leakers": "armed drones that leak",
    "leaked_warhead_kg": "leaked warheads, kg",
    "interceptors_needed": "interceptors needed",
    "order": "to order",
    "order_cost_usd": "cost of the orders, USD",
}
"""What is compared -> its name. Orders are those of the service level until the end of each horizon."""


class ComparedScenario(Document):
    """One of the scenarios. compatible: with the record, as stated; null for a theatre without one."""

    scenario: str
    title: str
    as_of: date
    compatible: bool | None
    verdict: Message
    assumption_only: bool
    shape_from: str | None = Field(description="theatre whose record the shape of the salvos is borrowed from")
    surge: SurgeDocument | None = Field(
        default=None, exclude_if=is_none, description="absent for a theatre with a record"
    )
    holdbacks: list[HoldbackDocument] = Field(
        default=[], exclude_if=lambda holdbacks: not holdbacks, description="what holds each plant back, month by month"
    )


class StatedRange(Document):
    """What one scenario states at a place; nothing but its name for an event, which is there."""

    scenario: str
    low: float | None = None
    mode: float | None = None
    high: float | None = None
    unit: str | None = None


class StatedDifference(Document):
    """A number or an event that the scenarios do not all state alike. where: facility, stock or event, and the number.

    ranges: of the scenarios that state it; one that is missing says nothing there.
    """

    where: str
    date: date
    ranges: list[StatedRange]


class ComparedFigure(Document):
    """One measure of one scenario over the attack days 1 to n_days.

    value: the mean over the paths; of an order, the quantity. low_80, high_80: the central 80 % of the paths; null for
    an order. difference: to the baseline; null for the baseline itself. difference_error: its standard error, on
    common random numbers; noise: whether the difference is within two standard errors of none.
    """

    scenario: str
    n_days: int
    measure: str
    layer: str | None = Field(description="of the defence; null for a measure of all together")
    value: float
    error: StatedError = None
    low_80: float | None
    high_80: float | None
    difference: float | None
    difference_error: StatedError = None
    noise: bool | None


class ComparisonDocument(Document):
    """Scenarios side by side, each against the baseline."""

    format: Literal["salvocast/comparison/1"] = "salvocast/comparison/1"
    theatre: str
    weapon_class: str
    origin: date
    data_digest: str = Field(description="SHA-256 of the launch history that the model saw")
    model_id: str
    seed: int
    n_paths: int
    horizon: int
    defence: str
    service_level: float
    baseline: str = Field(description="the scenario that the differences are to")
    scenarios: list[ComparedScenario] = Field(description="the baseline first")
    stated_differences: list[StatedDifference]
    figures: list[ComparedFigure]
    versions: dict[str, str]

    @property
    def windows(self) -> list[int]:
        """The days that the figures are over, in order."""
        return [*dict.fromkeys(each.n_days for each in self.figures)]
