"""Which days count as massed strikes."""

import numpy as np

from features.errors import InputError
from features.history import LaunchHistory

MULTIPLE = 2.5
WINDOW = 91
RULE = f"a day of at least {MULTIPLE} times the median of the last {WINDOW} known attack days"
"""Told beside every figure about massed strikes. Relative, because the ordinary level grew tenfold in a year; the
median, because the massed strikes themselves must not move the line."""


def massed_threshold(history: LaunchHistory) -> int:
    """The smallest count, in drones, that the rule calls a massed strike on the day after the history; at least 1."""
    known = history.known[-WINDOW:]
    if not known.size:
        raise InputError("no attack day is known: expected at least one report")
    return max(1, int(np.ceil(MULTIPLE * np.median(known))))
