"""What has changed since a plan that was issued, split into its causes."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from forecasting.report.parts import Document

Cause = Literal["program", "day_passed", "new_reports", "stock", "defence", "asked"]
CAUSES: tuple[Cause, ...] = ("program", "day_passed", "new_reports", "stock", "defence", "asked")
"""In the order in which one after the other is changed: each change is what it adds to those before it."""


class NewReport(Document):
    """A count that the plan of then did not know."""

    attack_day: date
    launched: float


class Change(Document):
    """What has changed of the drones over the whole horizon (their median), or of a layer's order.

    The parts add up to after - before: the old request is answered again with one thing changed at a time, with the
    same random numbers.
    """

    layer: str | None = Field(description="null: the drones")
    before: float
    after: float
    parts: dict[Cause, float] = Field(description="cause -> what it adds; causes that change nothing are left out")
    noise: float | None = Field(description="two standard errors of before and after together; null where not known")


class SinceDocument(Document):
    """The plan that was issued then, and what has changed since."""

    id: str
    issued_at: datetime
    origin: date
    new_reports: list[NewReport]
    changes: list[Change]
