"""Whether most days of a series are unknown, which neither a forecast nor an order should keep to itself."""

from dataclasses import dataclass

import numpy as np

from features.history import LaunchHistory

WINDOW = 365
ADVICE = (
    "{unknown} of the last {days} days are unknown, so the level is hardly known: if nothing was launched on days "
    "without a report, say so (--quiet-days all); else read their reports"
)
FEWEST = 14
"""Of fewer unknown days, the last attack day known says enough."""
RECENT, FEWEST_KNOWN = 91, 28
"""Of the last 91 days, what a level rests on, at least so many are to be known."""


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
    """The unknown days of the last year, where they are more than half of the days since the first of them, or where
    so many of the last days are unknown that a level hardly rests on anything."""
    unknown = np.isnan(history.launched[-WINDOW:])
    since = unknown[int(unknown.argmax()) :]
    count = int(since.sum())
    recent = unknown[-RECENT:]
    few_known = recent.size == RECENT and int((~recent).sum()) < FEWEST_KNOWN
    return UnknownDays(count, since.size) if few_known or (count >= FEWEST and 2 * count > since.size) else None
