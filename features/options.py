"""What commands of every room say of a series and a day, and how they tell what became of a file."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError
from features.records import QuietDayRule

if TYPE_CHECKING:
    from features.storing import IngestCounts

LATEST_YEAR = 2099
"""A later day is a mistyped one, and the end of the calendar has no next day."""


def _lower(name: str) -> str:
    return name.lower()


TheatreOption = Annotated[str, typer.Option(help="Theatre of the reports.", callback=_lower)]
WeaponClassOption = Annotated[str, typer.Option(help="Weapon class of the reports.", callback=_lower)]
QuietDaysOption = Annotated[
    QuietDayRule | None,
    typer.Option(
        help="Which days without a report count as days without launches.",
        show_default=QuietDayRule.defaults_text(),
    ),
]


def parse_day(text: str | None, option: str) -> date | None:
    """A day given as YYYY-MM-DD, or None. Raises InputError for anything else."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} is '{text}': expected a day as YYYY-MM-DD, such as 2026-02-28") from error
    if day.year > LATEST_YEAR:
        raise InputError(f"{option} is '{text}': expected a day until {LATEST_YEAR}-12-31")
    return day


def name_and_value(text: str, expected: str) -> tuple[str, str]:
    """Of NAME=VALUE. Raises InputError, which says what was expected."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InputError(f"'{text}': expected {expected}")
    return name, value


def counts_text(source: str, counts: "IngestCounts") -> str:
    """What became of the rows of a file, in one line."""
    flagged = f"; {counts.flagged:,} kept with a flag (more neutralised than launched)" if counts.flagged else ""
    before = f" ({counts.rejected_before:,} of them before)" if counts.rejected_before else ""
    return (
        f"{source}: read {counts.rows_read:,} = {counts.added:,} added + {counts.revised:,} revised + "
        f"{counts.unchanged:,} unchanged + {counts.quarantined:,} quarantined{before}{flagged}"
    )


def whole_number(least: int, most: int | None = None) -> Callable[[typer.CallbackParam, int], int]:
    """A callback of an option that takes whole numbers from `least` to `most`, or without an upper end: what is outside
    is told as every other error is."""
    expected = f"a whole number from {least:,} on" if most is None else f"a whole number from {least:,} to {most:,}"

    def checked(parameter: typer.CallbackParam, given: int) -> int:
        if given < least or (most is not None and given > most):
            raise InputError(f"{parameter.opts[0]} is {given}: expected {expected}")
        return given

    return checked
