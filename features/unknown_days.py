"""Whether most days of a series are unknown, which neither a forecast nor an order should keep to itself."""

from dataclasses import dataclass

import numpy as np

from features.history import LaunchHistory
from features.messages import Message

WINDOW = 365
RECENT, FEWEST_KNOWN = 91, 28
"""Of the last 91 days, what a level rests on, at least so many are to be known."""
ADVICE = (
    "{unknown} of the last {days} days are unknown, so the level is hardly known: if nothing was launched on days "
    "without a report, say so (--quiet-days all); else read their reports"
)
FEWEST = 14
"""Of fewer unknown days, the last attack day known says enough."""


@dataclass(frozen=True, slots=True)
class UnknownDays:
    """unknown: of the last `days` days, since the first of them within a year that is unknown."""

    unknown: int
    days: int

    @property
    def advice(self) -> str:
        """What is the matter and what to do, in one line of English."""
        return ADVICE.format(unknown=self.unknown, days=self.days)


def mostly_unknown(history: LaunchHistory) -> UnknownDays | None:
    """The unknown days of the last year, where they are more than half of the days since the first of them; else those
    of the last quarter, where fewer than four weeks of it are known."""
    unknown = np.isnan(history.launched[-WINDOW:])
    since = unknown[int(unknown.argmax()) :]
    count = int(since.sum())
    if count >= FEWEST and 2 * count > since.size:
        return UnknownDays(count, since.size)
    recent = unknown[-RECENT:]
    count = int(recent.sum())
    return UnknownDays(count, recent.size) if count >= FEWEST and recent.size - count < FEWEST_KNOWN else None


def nights_alone(history: LaunchHistory) -> int:
    """Of the last quarter, the days of which the night alone is known where it is a part: floors, and left out."""
    return int((~np.isnan(history.floor[-RECENT:])).sum())


def scope(nights: int) -> Message:
    """What the counts of a record are of, where `nights` of the last quarter are left out."""
    return Message.of("nights_left_out", nights=nights, days=RECENT) if nights else Message.of("all_hours")
