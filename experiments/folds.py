"""Origins and horizons of a backtest."""

from dataclasses import dataclass
from datetime import date, timedelta

from features.errors import InputError


@dataclass(frozen=True, slots=True)
class Band:
    """Horizons that are scored together: each day of them, or their total.

    Parameters
    ----------
    name : str
        As in tables of scores.
    first, last : int
        Attack days ahead.
    total : bool
        Whether it is the sum of its days.
    """

    name: str
    first: int
    last: int
    total: bool = False


BANDS = (
    Band("h1", 1, 1),
    Band("h2_7", 2, 7),
    Band("h8_14", 8, 14),
    Band("h15_28", 15, 28),
    Band("total_7", 1, 7, total=True),
    Band("total_28", 1, 28, total=True),
)
TOTAL_BANDS = tuple(band.name for band in BANDS if band.total)


def bands_within(horizon: int) -> tuple[Band, ...]:
    """The bands that a forecast covers in full.

    Parameters
    ----------
    horizon : int
        Attack days.

    Returns
    -------
    tuple of Band

    Examples
    --------
    >>> [band.name for band in bands_within(7)]
    ['h1', 'h2_7', 'total_7']
    """
    return tuple(band for band in BANDS if band.last <= horizon)


WINDOWS = {
    "1: from 2023-07": date(2023, 7, 5),
    "2: from 2024-07": date(2024, 7, 17),
    "3: from 2025-01": date(2025, 1, 1),
    "4: from 2025-09": date(2025, 9, 3),
    "5: from 2026-03": date(2026, 3, 1),
}
"""The windows of the evidence, each with its first origin; a window ends where the next begins. The level of the
launches, and the way they came, differ between them: a mean over all hides where a model fails."""
EARLIER = "0: before 2023-07"


def window_of(origin: date) -> str:
    """The window that an origin is in.

    Parameters
    ----------
    origin : date
        An attack day.

    Returns
    -------
    str
        A name of WINDOWS, or EARLIER.

    Examples
    --------
    >>> window_of(date(2025, 1, 1)), window_of(date(2024, 12, 31))
    ('3: from 2025-01', '2: from 2024-07')
    """
    return next((name for name, first in reversed(WINDOWS.items()) if first <= origin), EARLIER)


def rolling_origins(first: date, last: date, every: int) -> tuple[date, ...]:
    """Origins a fixed number of days apart.

    Parameters
    ----------
    first, last : date
        The last is included where it is hit.
    every : int
        Days between origins, 1 or more.

    Returns
    -------
    tuple of date
        Oldest first.

    Raises
    ------
    InputError
        For no day between origins, or a last one before the first.

    Examples
    --------
    >>> [str(origin) for origin in rolling_origins(date(2026, 2, 1), date(2026, 2, 28), 14)]
    ['2026-02-01', '2026-02-15']
    """
    if every < 1:
        raise InputError(f"every is {every}: expected at least 1 day between origins")
    if last < first:
        raise InputError(f"origins from {first} to {last}: expected the first not to be after the last")
    return tuple(first + timedelta(days=step) for step in range(0, (last - first).days + 1, every))
