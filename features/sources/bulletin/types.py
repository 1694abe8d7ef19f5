"""What reading a bulletin returns."""

from dataclasses import dataclass
from datetime import datetime

from features.records import ReportingRegime, SalvoReport


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text as it was given: `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReadField:
    """One thing read: `text[start:end]` says that `name` is `value`.

    `qualifier` tells how a count is stated (exactly, about, at_least, up_to). The value of `window_assumed` lists what
    of the window ("start", "end", "date") the text does not state: the usual window or the day of receipt did.
    """

    name: str
    value: int | str | datetime
    start: int
    end: int
    qualifier: str = "exactly"


@dataclass(frozen=True, slots=True)
class Aside:
    """A stretch of the text, `text[start:end]`, whose numbers do not speak of this attack, and why."""

    reason: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Bulletin:
    """One message as it was read.

    reports: one of the drones per window and one per kind of missiles. fields: all that was read, in text order.
    unread: digits, number words and weapon names that no rule took. problems: why there is no (other) report.
    asides: stretches whose numbers speak of something else. foreign: the language is one that is not read.
    """

    text: str
    reports: tuple[SalvoReport, ...]
    fields: tuple[ReadField, ...]
    unread: tuple[Span, ...]
    regime: ReportingRegime
    problems: tuple[str, ...] = ()
    asides: tuple[Aside, ...] = ()
    foreign: bool = False
