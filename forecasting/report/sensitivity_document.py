"""The published form of a sensitivity: what each assumption of scenario and defence does to orders and leakers."""

from datetime import date
from typing import Literal

from pydantic import Field

from forecasting.report.parts import Document
from forecasting.report.supply_document import SurgeDocument, is_none
from forecasting.salvos.spread import StatedError


class SensitivityMeasure(Document):
    """What is moved, over all futures: order_cost_usd, leakers, or the order of a layer, in its own pieces."""

    measure: Literal["order_cost_usd", "leakers", "order"]
    layer: str | None = Field(description="of the order; pieces of different layers are never added")
    value: float
    error: StatedError = None


class Swing(Document):
    """What one assumption does to one measure. low, high: the measure in the fifth of the futures in which the
    assumption is lowest, and in that in which it is highest. noise: whether of as many assumptions that do nothing, one
    would look so wide in one tornado of twenty."""

    of: Literal["scenario", "defence"]
    assumption: str
    measure: Literal["order_cost_usd", "leakers", "order"]
    layer: str | None
    low: float
    high: float
    change_error: StatedError = None
    noise: bool

    @property
    def width(self) -> float:
        """How far apart the two ends are."""
        return abs(self.high - self.low)


class SensitivityDocument(Document):
    """A tornado for each measure; within each, what is no noise comes first, then the widest."""

    format: Literal["salvocast/sensitivity/1"] = "salvocast/sensitivity/1"
    theatre: str
    weapon_class: str
    origin: date
    data_digest: str = Field(description="SHA-256 of the launch history that the model saw")
    model_id: str
    seed: int
    n_paths: int
    horizon: int
    scenario: str | None = Field(description="null for the record alone")
    assumption_only: bool = Field(description="the theatre has no record")
    shape_from: str | None
    surge: SurgeDocument | None = Field(
        default=None, exclude_if=is_none, description="absent for a theatre with a record"
    )
    defence: str
    service_level: float
    measures: list[SensitivityMeasure]
    swings: list[Swing]
    versions: dict[str, str]

    def tornado(self, measure: str, layer: str | None = None) -> list[Swing]:
        """The swings of one measure, in their order."""
        return [each for each in self.swings if (each.measure, each.layer) == (measure, layer)]
