"""What the published documents have in common."""

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
