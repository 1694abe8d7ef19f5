"""What the published documents have in common."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ModelChoice(Document):
    """Why it is this model that answers."""

    reason: Literal["champion", "none_registered", "named"] = Field(
        description="champion: it serves; none_registered: it stands in for a champion; named: by the request"
    )
    version: int | None = Field(default=None, description="of the champion in the registry")


class DataAge(Document):
    """How old the record was when the document was asked for."""

    asked_on: date = Field(description="Kyiv date of the request")
    days: int = Field(description="from the last attack day known to the day of the request, or to a later origin")
    not_for_orders: bool = Field(description="the record is too old to order by")
    newer_reports: str = Field(description="the command that reads newer reports")


class UnknownDaysDocument(Document):
    """How many days of the last ones have no count."""

    unknown: int
    days: int = Field(description="the last days, since the first unknown one within a year")


class HeldCountDocument(Document):
    """A reported count that the forecast does not use, because the record cannot bear it: a person is to confirm it."""

    row: int = Field(description="in the quarantine")
    attack_day: date
    launched: int
    reason: str
