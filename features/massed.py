"""Which days count as massed strikes."""

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.messages import Message

MULTIPLE = 2.5
WINDOW = 91
BORROWED_RULE = Message.of("massed_by_forecast_days", multiple=MULTIPLE)
"""Where the theatre has no record. Days of a pause, or of an empty store, would bring the line down to one drone."""
RULE = Message.of("massed_by_known_days", multiple=MULTIPLE, window=WINDOW)
"""Told beside every figure about massed strikes. Relative, because the ordinary level grew tenfold in a year; the
median, because the massed strikes themselves must not move the line."""
QUIET_RULE = Message.of("massed_by_launch_days", multiple=MULTIPLE, window=WINDOW)
"""Where most of these days are quiet: their median is none, and every drone would be a massed strike."""


def is_mostly_quiet(history: LaunchHistory) -> bool:
    """Whether QUIET_RULE holds after this history, and not RULE."""
    known = history.known[-WINDOW:]
    return bool(known.size) and not np.median(known)


def massed_threshold(history: LaunchHistory) -> int:
    """The smallest count that the rule calls a massed strike on the day after the history.

    Parameters
    ----------
    history : LaunchHistory
        Its last 91 known days are the ordinary level; where most of them are quiet, the days with launches alone.

    Returns
    -------
    int
        Drones a day, at least 1: 2.5 times the median.

    Raises
    ------
    InputError
        Where no attack day is known.
    """
    known = history.known[-WINDOW:]
    if not known.size:
        raise InputError("no attack day is known: expected at least one report")
    return massed_from(known[known > 0] if is_mostly_quiet(history) else known)


def massed_from(counts: NDArray[np.float64] | NDArray[np.int64]) -> int:
    """The smallest count, in drones, that is a massed strike where these are the days to compare with; at least 1, also
    where there are none.

    >>> massed_from(np.array([80.0, 100.0, 900.0]))
    250
    """
    return max(1, int(np.ceil(MULTIPLE * np.median(counts)))) if counts.size else 1
