"""What a message says of one window: night or day, hours and dates, and whether two mentions can be of the same."""

from dataclasses import dataclass, field
from datetime import date
from typing import Self

from features.sources.bulletin.lexer import Day

END_DAYS = ("night_date", "day_date", "plain_date", "asof_date", "end_date")
"""The names of days that can be the last of a window, the most telling first."""
LEAP, LENGTH_OF_YEAR = 2024, 366


@dataclass(slots=True)
class Moments:
    """What the text says of a window; `cue` is night, day or nothing; tokens: where it says so.

    told_on: the day on which somebody said it ("the air force said on Friday").
    """

    cue: str = ""
    told_on: Day | None = None
    clocks: dict[str, tuple[int, int]] = field(default_factory=dict)
    days: dict[str, Day] = field(default_factory=dict)
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def anchored(self) -> bool:
        """Whether this can open the report of a window of its own."""
        return bool(self.cue) or "start_time" in self.clocks

    def contradicts(self, later: Self) -> bool:
        """Whether a later mention cannot be about the same window."""
        return (
            bool(self.cue and later.cue and self.cue != later.cue)
            or any(self.clocks.get(name, clock) != clock for name, clock in later.clocks.items())
            or any(_differ(self.days.get(name, day), day) for name, day in later.days.items())
        )

    def is_of_another_attack(self, later: Self) -> bool:
        """Whether a mention is of another night or day than this; an hour of an update is not."""
        ends = [[said.days[name] for name in END_DAYS if name in said.days] for said in (self, later)]
        return (
            bool(self.cue and later.cue and self.cue != later.cue)
            or any(_differ(self.days.get(name, day), day) for name, day in later.days.items())
            or any(_far_apart(one, other) for one in ends[0] for other in ends[1])
        )

    def with_evening(self) -> Self:
        """The same, with the evening of a date as what it begins, a night, or as a time of that day."""
        if "evening_date" in self.days:
            name = "night_from" if self.cue == "night" else "plain_date"
            self.days.setdefault(name, self.days.pop("evening_date"))
            self.tokens.setdefault(name, self.tokens.pop("evening_date"))
        return self

    def add(self, later: Self) -> None:
        """Add a later mention: what was said first counts."""
        self.told_on = self.told_on or later.told_on
        if later.cue and not self.cue:
            self.cue, self.tokens["cue"] = later.cue, later.tokens["cue"]
        if "start_time" in later.clocks and "start_time" in self.clocks:
            return
        for name, clock in later.clocks.items():
            if self.clocks.setdefault(name, clock) == clock:
                self.tokens.setdefault(name, later.tokens[name])
        for name, day in later.days.items():
            if not _differ(self.days.setdefault(name, day), day):
                self.tokens.setdefault(name, later.tokens[name])


def _differ(one: Day, other: Day) -> bool:
    """Whether two days cannot be the same; what one of them leaves out, month or year, it may share."""
    return (
        one.day != other.day
        or (one.month != other.month and 0 not in (one.month, other.month))
        or (one.year != other.year and None not in (one.year, other.year))
    )


def _far_apart(one: Day, other: Day) -> bool:
    """Whether two days of a year are more than a day apart; a day without its month is near any."""
    try:
        days = abs((date(LEAP, one.month, one.day) - date(LEAP, other.month, other.day)).days)
    except ValueError:
        return False
    return days > 1 and days < LENGTH_OF_YEAR - 1
