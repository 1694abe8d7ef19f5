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
