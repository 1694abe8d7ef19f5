"""Lines and tables for a terminal."""

import textwrap
from collections.abc import Sequence

from forecasting.salvos.spread import Spread

WIDTH = 110
BASIS_MARK = {"reported": "", "derived": "~", "assumed": "?"}
"""A number that nobody has reported must look it wherever it is printed."""
QUANTITIES = {
    "engaged_share": "engaged share",
    "decoy_discrimination": "decoys told",
    "weather_share": "weather",
    "kill_probability": "kill prob.",
    "engagements_per_night": "per night",
    "fire_channels": "channels",
    "service_minutes": "service, min",
    "interceptors_per_engagement": "per engagement",
    "stock": "stock",
    "monthly_supply": "supply a month",
    "monthly_supply_later": "later",
    "ramp_months": "ramp, months",
    "lead_time_days": "lead time, days",
    "unit_cost_usd": "unit cost, USD",
}
"""What a layer states -> the heading of its column."""


def wrapped(text: str) -> str:
    """The text in lines of at most WIDTH characters."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """The rows under their header, columns aligned to the right but those of `left`."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    ]


def number(value: float) -> str:
    """1,234 and 0.25: thousands grouped, small numbers as stated."""
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"


def percent(probability: float) -> str:
    """Simulated shares are rounded, and never to a certainty that a finite number of paths cannot show."""
    if 0 < probability < 0.01:
        return "<1 %"
    if 0.99 < probability < 1:
        return ">99 %"
    return f"{100 * probability:.0f} %"


def spread_range(spread: Spread, level: float) -> str:
    """The interval of that level: 1,060-1,465."""
    interval = spread.interval(level)
    return f"{interval.low:,.0f}-{interval.high:,.0f}"


def millions(low: float, high: float) -> str:
    """US dollars, in millions: 0.6 to 1.1; 0 where there is nothing to pay."""
    return f"{low / 1e6:,.1f} to {high / 1e6:,.1f}" if high else "0"


def plural(noun: str) -> str:
    """Rounds, missiles, interceptor drones."""
    return noun if noun.endswith("s") else f"{noun}s"
