"""Origins and horizons of a backtest."""

from dataclasses import dataclass
from datetime import date, timedelta

from features.errors import InputError


@dataclass(frozen=True, slots=True)
class Band:
    """Horizons that are scored together: each day from `first` to `last`, or their total."""

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
    """The bands that a forecast of that many days covers in full."""
    return tuple(band for band in BANDS if band.last <= horizon)


def rolling_origins(first: date, last: date, every: int) -> tuple[date, ...]:
    """The origins from `first` to `last` (included where it is hit), `every` days apart.

    >>> [str(origin) for origin in rolling_origins(date(2026, 2, 1), date(2026, 2, 28), 14)]
    ['2026-02-01', '2026-02-15']
    """
    if every < 1:
        raise InputError(f"every is {every}: expected at least 1 day between origins")
    if last < first:
        raise InputError(f"origins from {first} to {last}: expected the first not to be after the last")
    return tuple(first + timedelta(days=step) for step in range(0, (last - first).days + 1, every))
