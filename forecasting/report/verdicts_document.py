"""The published form of what the record, as known at the end of each month, said of a scenario."""

from datetime import date
from typing import Literal

from pydantic import Field

from features.messages import Message
from forecasting.report.parts import Document
from forecasting.report.supply_document import Quantiles


class MonthVerdict(Document):
    """The verdict at the end of a month: reports and statements published later are not in it."""

    origin: date = Field(description="the last day of the month")
    compatible: bool = Field(description="the scenario as stated, with the record")
    share: float = Field(description="of its draws, as stated, that could have made the launches on record")
    stated_over_launched: float = Field(
        description="drones made as stated over drones launched, on the known days of the last year; median draw"
    )
    output_ratio: Quantiles = Field(description="true output over what is stated, as the record has it")
    verdict: Message


class VerdictsDocument(Document):
    """What the record said of a scenario month by month."""

    format: Literal["salvocast/verdicts/1"] = "salvocast/verdicts/1"
    theatre: str
    weapon_class: str
    origin: date = Field(description="no month ends later")
    data_digest: str = Field(description="SHA-256 of the launch history as known at the origin")
    seed: int
    scenario: str
    title: str
    as_of: date = Field(description="the day that the scenario was written")
    known_from: date = Field(description="the first day by which its opening stock was published; no month ends before")
    months: list[MonthVerdict]
    versions: dict[str, str]
