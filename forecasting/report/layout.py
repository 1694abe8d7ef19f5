"""Lines and tables for a terminal."""

import textwrap
from collections.abc import Iterable, Sequence

from features.printable import printable
from forecasting.report.language import Translator, translator
from forecasting.salvos.spread import Spread

WIDTH = 110
BASIS_MARK = {"reported": "", "derived": "~", "assumed": "?", "known": "!"}
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
ENGLISH = translator("en", plain=True)
"""Of the commands that speak no other language."""


def terminal_text(lines: Iterable[str]) -> str:
    """The lines, ending without a line break; nothing that a person wrote moves the cursor or rings the bell."""
    return "\n".join(printable(line, keep="\n") for line in lines)


def wrap_line(text: str) -> str:
    """The text in lines of at most WIDTH characters."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """The rows under their header, columns aligned to the right but those of `left`."""
    header, rows = [*map(printable, header)], [[*map(printable, row)] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    ]


def span(low: float, high: float, t: Translator) -> str:
    """A range of whole numbers: 1,060-1,465."""
    return f"{t.number(low)}-{t.number(high)}"


def spread_range(spread: Spread, level: float, t: Translator) -> str:
    """The interval of that level: 1,060-1,465."""
    interval = spread.interval(level)
    return span(interval.low, interval.high, t)


def millions(low: float, high: float, t: Translator) -> str:
    """US dollars, in millions: 0.6 to 1.1; 0 where there is nothing to pay."""
    return t("{low} to {high}", low=t.number(low / 1e6, 1), high=t.number(high / 1e6, 1)) if high else "0"


def plural(noun: str) -> str:
    """Missiles, interceptor drones, rounds of 35 mm: the noun that the rest is said of takes the s.

    >>> plural("interceptor drone"), plural("round of 35 mm")
    ('interceptor drones', 'rounds of 35 mm')
    """
    head, of, rest = noun.partition(" of ")
    return f"{head.removesuffix('s')}s{of}{rest}"
