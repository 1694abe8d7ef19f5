"""Lines and tables for a terminal."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from features.printable import printable
from forecasting.report.language import Translator, translator
from forecasting.salvos.spread import Spread

WIDTH, NARROWEST = 80, 40
"""Characters of a line where nothing else is known, and where a terminal is narrower than a table can be."""
LONGEST_NAME = 26
"""Characters of a name in a table that does not fit."""
_width = ContextVar("width", default=WIDTH)
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


@contextmanager
def lines_of(width: int) -> Iterator[None]:
    """Texts made meanwhile have lines of at most so many characters, and no less than NARROWEST."""
    token = _width.set(max(width, NARROWEST))
    try:
        yield
    finally:
        _width.reset(token)


def terminal_text(lines: Iterable[str], *, fold: bool = True) -> str:
    """The lines, ending without a line break; nothing that a person wrote moves the cursor or rings the bell.

    Lines that are too long for the terminal go on below, but without `fold`.
    """
    parts = [part for line in lines for part in printable(line, keep="\n").split("\n")]
    return "\n".join(wrap_line(line) if fold and len(line) > _width.get() else line for line in parts)


def wrap_line(text: str) -> str:
    """The text in lines that fit."""
    return textwrap.fill(text, _width.get(), break_on_hyphens=False)


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,), *, fold: bool = True
) -> list[str]:
    """The rows under their header, columns aligned to the right but those of `left`; a row a line without `fold`.

    Where they do not fit, words of the header and of the columns to the left stand below each other; where that is not
    enough, the columns that are left over follow under another header, beside the first column again.
    """
    columns = [*zip(map(printable, header), *([printable(cell) for cell in row] for row in rows), strict=True)]
    widths = [max(map(len, column)) for column in columns]
    room = _width.get() if fold else sum(widths) + 2 * len(widths)
    if _total(widths) > room:
        widths = [
            max(_longest_word(head), *((_longest_word(cell) if index in left else len(cell)) for cell in cells), 1)
            for index, (head, *cells) in enumerate(columns)
        ]
        # What the words of a name do not need, they may have: as far as there is room beside the other columns.
        spare = room - _total(widths)
        for index in left:
            wanted = max(min(LONGEST_NAME, max(map(len, columns[index]))) - widths[index], 0)
            more = min(wanted, spare) if spare >= 0 else wanted
            widths[index], spare = widths[index] + more, spare - more if spare >= 0 else spare
    lines = list[str]()
    for block in _blocks(widths, room):
        shown = [
            [textwrap.wrap(cell, widths[index], break_on_hyphens=False) or [""] for cell in columns[index]]
            for index in block
        ]
        lines += [""] * bool(lines)
        for number, row in enumerate(zip(*shown, strict=True)):
            height = max(map(len, row))
            empty = [[""] * (height - len(cell)) for cell in row]
            # The last words of the header stand on the line above the numbers; a name begins beside them.
            padded = [
                [*above, *cell] if number == 0 else [*cell, *above] for cell, above in zip(row, empty, strict=True)
            ]
            lines += [
                "  ".join(
                    text.ljust(widths[index]) if index in left else text.rjust(widths[index])
                    for index, text in zip(block, line, strict=True)
                ).rstrip()
                for line in zip(*padded, strict=True)
            ]
    return lines


def _blocks(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    """The columns that stand beside each other in so many characters, the first of them in every block."""
    block = [0]
    for index in range(1, len(widths)):
        if len(block) > 1 and _total([widths[each] for each in (*block, index)]) > room:
            yield block
            block = [0]
        block.append(index)
    yield block


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def span(low: float, high: float, t: Translator) -> str:
    """A range of whole numbers: 1,060-1,465; one number where both ends are the same."""
    return t.number(low) if low == high else f"{t.number(low)}-{t.number(high)}"


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
