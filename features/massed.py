"""Which days count as massed strikes."""

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.messages import Message

MULTIPLE = 2.5
WINDOW = 91
ROWS_AT_ONCE = 10_000
"""Paths whose lines are found together: memory does not grow with more."""
BORROWED_RULE = Message.of("massed_by_forecast_days", multiple=MULTIPLE)
"""Where the theatre has no record. Days of a pause, or of an empty store, would bring the line down to one drone."""
RULE = Message.of("massed_by_days_before", multiple=MULTIPLE, window=WINDOW)
"""Told beside every figure about massed strikes. Relative, because the ordinary level grew tenfold in a year; the
median, because the massed strikes themselves must not move the line."""
QUIET_RULE = Message.of("massed_by_launch_days_before", multiple=MULTIPLE, window=WINDOW)
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


def massed_thresholds(
    first: int, before: NDArray[np.float64], paths: NDArray[np.int64], step: int = 7
) -> NDArray[np.int64]:
    """The smallest count that is a massed strike on each day of each path, by the level that the path has by then.

    The line of a week is that of the last 91 days before it, known and of the path: a path whose level doubles has no
    massed strike every night, and one whose level halves has some still.

    Parameters
    ----------
    first : int
        The line of the first week, in drones.
    before : (n,) array
        Drones on the last known days, oldest first; with none the line stays as it is.
    paths : (n_paths, horizon) array
        Drones per attack day.
    step : int
        Days for which a line holds.

    Returns
    -------
    (n_paths, horizon) array
        In drones, at least 1.

    Examples
    --------
    Ten drones a day until now, 20 a day from now on:

    >>> massed_thresholds(25, np.full(2, 10.0), np.full((1, 9), 20)).tolist()
    [[25, 25, 25, 25, 25, 25, 25, 50, 50]]
    """
    lines = np.full(paths.shape, first)
    if not before.size:
        return lines
    for rows in (slice(start, start + ROWS_AT_ONCE) for start in range(0, len(paths), ROWS_AT_ONCE)):
        known = np.broadcast_to(before[-WINDOW:], (len(paths[rows]), before[-WINDOW:].size))
        series = np.concatenate([known, paths[rows]], axis=1)
        for day in range(step, paths.shape[1], step):
            window = series[:, max(known.shape[1] + day - WINDOW, 0) : known.shape[1] + day]
            median = np.median(window, axis=1)
            quiet = median == 0.0  # mostly: the line is that of the other days
            median[quiet] = _median_of_launches(window[quiet])
            lines[rows, day : day + step] = np.maximum(np.ceil(MULTIPLE * median), 1.0)[:, np.newaxis]
    return lines


def _median_of_launches(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) median of the numbers above 0 of each row; 0 where there are none."""
    ascending = np.sort(counts, axis=1)
    n = (ascending > 0).sum(axis=1)[:, np.newaxis]
    first = counts.shape[1] - n
    middle = np.minimum(first + np.concatenate([np.maximum(n - 1, 0) // 2, n // 2], axis=1), counts.shape[1] - 1)
    median: NDArray[np.float64] = np.take_along_axis(ascending, middle, axis=1).mean(axis=1)
    return median


def massed_from(counts: NDArray[np.float64] | NDArray[np.int64]) -> int:
    """The smallest count, in drones, that is a massed strike where these are the days to compare with; at least 1, also
    where there are none.

    >>> massed_from(np.array([80.0, 100.0, 900.0]))
    250
    """
    return max(1, int(np.ceil(MULTIPLE * np.median(counts)))) if counts.size else 1
