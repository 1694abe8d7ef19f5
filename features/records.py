"""The records everything else is built on: frozen, and checked when they are made."""

import re
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

from features.errors import InputError

UKRAINE = "ukraine"
SHAHED = "shahed"
MISSILES = ("cruise", "ballistic", "mixed")
"""The weapon classes that are counted as missiles; "mixed" where a report bundles both kinds."""


def weapons(weapon_class: str) -> str:
    """What the weapons of a class are called, in the plural: "drones" for the Shahed-type ones."""
    if weapon_class == SHAHED:
        return "drones"
    words = weapon_class.replace("_", " ")
    return f"{words} missiles" if weapon_class in MISSILES else f"{words}s"


KYIV = ZoneInfo("Europe/Kyiv")
"""Windows are stated in this local time; an attack day is a date of it."""

EARLIEST_DAY = date(2014, 1, 1)
"""No window before this can be a report of this war: an earlier date is a misread one."""
_EARLIEST_MOMENT = datetime.combine(EARLIEST_DAY, time())
LONGEST_WINDOW = timedelta(days=7)
LARGEST_COUNT = 100_000
"""More than a hundred times the largest salvo on record: a larger count is a misread one."""


class ReportingRegime(StrEnum):
    """What the reporter's counts of lost drones mean.

    The Ukrainian Air Force reported only drones shot down until 2024-06, shot down and suppressed (jammed or lost
    from radar) apart from 2024-07 to 2025-07, and both merged into one count since 2025-08.
    """

    SHOT_DOWN_ONLY = "shot_down_only"
    APART = "shot_down_and_suppressed_apart"
    MERGED = "shot_down_and_suppressed_merged"
    UNSPECIFIED = "unspecified"

    @classmethod
    def of(cls, theatre: str, attack_day: date) -> "ReportingRegime":
        """The regime in force for the reports of a day; only Ukraine's is known.

        Parameters
        ----------
        theatre : str
            Such as "ukraine".
        attack_day : date
            Local calendar date on which the reported window ends.

        Returns
        -------
        ReportingRegime
            UNSPECIFIED for every theatre but Ukraine.
        """
        if theatre != UKRAINE:
            return cls.UNSPECIFIED
        if attack_day < date(2024, 7, 1):
            return cls.SHOT_DOWN_ONLY
        return cls.APART if attack_day < date(2025, 8, 1) else cls.MERGED


class QuietDayRule(StrEnum):
    """When a day without any report, inside the reported span, counts as a day without launches.

    Until the end of 2024 the Air Force did not report nights without drones, so silence was quiet. Since 2025 it has
    reported nearly every day: most of the few silent days are pauses, but a lost report looks the same.
    """

    BEFORE_2025 = "before-2025"
    ALL = "all"
    NONE = "none"

    @classmethod
    def default_for(cls, theatre: str, weapon_class: str) -> "QuietDayRule":
        """The rule where nobody states one: how the Ukrainian Air Force reports says nothing of another theatre.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        QuietDayRule
            In Ukraine BEFORE_2025 for the drones that are reported every day, ALL for weapons that are reported when
            they come; elsewhere NONE, since whoever reports there may be asked.
        """
        if theatre != UKRAINE:
            return cls.NONE
        return cls.BEFORE_2025 if weapon_class == SHAHED else cls.ALL

    @classmethod
    def defaults_text(cls) -> str:
        """Which rule holds where nobody states one.

        Returns
        -------
        str
            In a line, for the help of options and the API.
        """
        rules = (cls.default_for(UKRAINE, SHAHED), cls.default_for(UKRAINE, ""), cls.default_for("", ""))
        return "in {3} {0} for {4} and {1} for others, elsewhere {2}".format(*rules, UKRAINE, SHAHED)

    def applies_to(self, day: date) -> bool:
        """Whether a silent day counts as a day without launches.

        Parameters
        ----------
        day : date
            An attack day inside the reported span, of which there is no report.

        Returns
        -------
        bool
        """
        return self is QuietDayRule.ALL or (self is QuietDayRule.BEFORE_2025 and day < date(2025, 1, 1))


LONGEST_TEXTS = {"target_area": 200, "reporter": 200, "source": 40, "shot_down_by_area": 2_000}
"""Characters of the texts of a report: what both databases, the API and a workbook can hold."""

MORNING, AFTERNOON = time(5), time(14)
"""A window that begins after the one is by day; one that ends after the other tells of more than the night."""
ALL_HOURS = timedelta(hours=20)
"""A window of so many hours or more is of all hours: the longest nights on record, with late updates, have 19."""


class Hours(StrEnum):
    """What hours of its date a report speaks of; with its area, its scope. Its window tells it: it is not stored."""

    NIGHT = "night"
    PART_OF_DAY = "part_of_day"
    ALL = "all_hours"

    @classmethod
    def of(cls, window_start: datetime, window_end: datetime) -> "Hours":
        """The scope of a window: a night ends by the afternoon, and begins before the morning."""
        if window_end - window_start >= ALL_HOURS:
            return cls.ALL
        begins_by_day = window_start >= datetime.combine(window_end, MORNING)
        return cls.PART_OF_DAY if begins_by_day or window_end.time() >= AFTERNOON else cls.NIGHT


class Bound(StrEnum):
    """How a total is stated."""

    EXACTLY = "exactly"
    ABOUT = "about"
    AT_LEAST = "at_least"
    UP_TO = "up_to"


_SERIES_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@lru_cache(256)
def _is_series_name(text: str) -> bool:
    """A file has the same few in each of its rows."""
    return _SERIES_NAME.fullmatch(text) is not None


@lru_cache(1_000)
def _ended(window_end: datetime, _fold: int) -> datetime:
    """The end of a window in UTC; `_fold` tells the two hours of one clock apart, which are equal.

    In UTC: two times of one zone are compared by the clock on the wall, which lies when summer time begins.
    """
    return window_end.replace(tzinfo=KYIV).astimezone(UTC)


COUNT_FIELDS = (
    "launched",
    "shot_down",
    "suppressed",
    "still_airborne",
    "strike_drones",
    "jet_drones",
    "impact_sites",
    "debris_sites",
    "launch_areas",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SalvoReport:
    """One reported window of launches, as the reporter gave it.

    Parameters
    ----------
    window_start, window_end : datetime
        Local wall-clock time of the theatre, without zone; in the hour that comes twice when summer time ends, `fold`
        is 1 for the second (as datetime has it).
    launched : int
        Drones, decoys included.
    shot_down, suppressed : int, optional
        Drones destroyed by fire, and jammed or lost from radar. None where nothing was reported, here and below.
    still_airborne : int, optional
        Drones in the air when the report came out.
    strike_drones, jet_drones : int, optional
        Of those launched: the reported armed part, and the part with jet engines.
    impact_sites, debris_sites, launch_areas : int, optional
        Number of places.
    target_area : str
        Coarse area that the report speaks of; empty for the whole theatre.
    shot_down_by_area : str, optional
        As the source words it.
    reporter : str
        Who reported, where the source tells.
    theatre, weapon_class : str
        The series: names of lower-case letters, digits and underscores.
    source : str
        Name of the reader that made the record.
    published_at : datetime, optional
        When the report came out, with zone; None where the source does not say.

    Raises
    ------
    InputError
        Where a field cannot be true. More drones shot down than launched does occur in the record: it is kept, and
        listed in `flags`.
    """

    window_start: datetime
    window_end: datetime
    launched: int
    shot_down: int | None = None
    suppressed: int | None = None
    still_airborne: int | None = None
    strike_drones: int | None = None
    jet_drones: int | None = None
    impact_sites: int | None = None
    debris_sites: int | None = None
    launch_areas: int | None = None
    target_area: str = ""
    shot_down_by_area: str | None = None
    reporter: str = ""
    theatre: str = UKRAINE
    weapon_class: str = SHAHED
    source: str
    published_at: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("theatre", "weapon_class"):
            if not _is_series_name(getattr(self, name)):
                raise InputError(
                    f"{name} is '{getattr(self, name)}': expected a name of lower-case letters, digits and underscores"
                )
        for name, longest in LONGEST_TEXTS.items():
            if not (text := getattr(self, name)):
                continue
            if len(text) > longest:
                raise InputError(f"{name} has {len(text)} characters: expected at most {longest}")
            if not text.isprintable() and any(category(character)[0] == "C" for character in text):
                raise InputError(f"{name} is {text!r}: expected characters that can be printed")
        window_start, window_end = self.window_start, self.window_end
        for name, value in (("window_start", window_start), ("window_end", window_end)):
            if value.tzinfo is not None:
                raise InputError(f"{name} {value.isoformat()}: expected local time without a zone")
            if value < _EARLIEST_MOMENT:
                raise InputError(f"{name} {value.isoformat()}: expected a day since {EARLIEST_DAY}")
        if self._backwards:
            raise InputError(f"window ends ({window_end.isoformat()}) before it starts ({window_start.isoformat()})")
        if window_end - window_start > LONGEST_WINDOW:
            raise InputError(
                f"window of {(window_end - window_start).days} days "
                f"({window_start.isoformat()} to {window_end.isoformat()}): expected at most {LONGEST_WINDOW.days}"
            )
        if self.launched is None:
            raise InputError("launched is missing: expected a whole number of drones")
        for name in COUNT_FIELDS:
            count = getattr(self, name)
            if count is not None and not (isinstance(count, int) and 0 <= count <= LARGEST_COUNT):
                raise InputError(f"{name} is {count!r}: expected a whole number, 0 to {LARGEST_COUNT}")
        if self.published_at is not None:
            if self.published_at.tzinfo is None:
                raise InputError(f"published_at {self.published_at.isoformat()}: expected a time with its zone")
            if self.published_at.astimezone(UTC) < _ended(window_end, window_end.fold):
                raise InputError(
                    f"published_at {self.published_at.isoformat()} is before the window ends "
                    f"({self.window_end.isoformat()} local time)"
                )

    @property
    def _backwards(self) -> bool:
        start, end = self.window_start, self.window_end
        if start.fold == end.fold:
            return end < start
        return end.replace(tzinfo=KYIV).astimezone(UTC) < start.replace(tzinfo=KYIV).astimezone(UTC)

    @property
    def attack_day(self) -> date:
        """The local calendar date on which the window ends."""
        return self.window_end.date()

    @property
    def hours(self) -> Hours:
        """The hours that it speaks of."""
        return Hours.of(self.window_start, self.window_end)

    @property
    def neutralised(self) -> int | None:
        """Drones shot down plus suppressed, as far as the reporting regime tells; None where neither is reported."""
        if self.shot_down is None and self.suppressed is None:
            return None
        return (self.shot_down or 0) + (self.suppressed or 0)

    @property
    def regime(self) -> ReportingRegime:
        """What its counts of lost drones mean."""
        return ReportingRegime.of(self.theatre, self.attack_day)

    @property
    def flags(self) -> tuple[str, ...]:
        """What is odd about a report that is kept all the same."""
        flags = []
        if (self.neutralised or 0) > self.launched:
            flags.append("more_neutralised_than_launched")
        if (self.strike_drones or 0) > self.launched:
            flags.append("more_strike_drones_than_launched")
        return tuple(flags)

    @property
    def key(self) -> tuple[str, str, datetime, datetime, str, str, int]:
        """What makes two rows reports of the same salvo: two areas of one night are two salvos."""
        window = (self.window_start, self.window_end)
        # Datetimes of the two hours of one clock are equal.
        return (self.theatre, self.weapon_class, *window, self.target_area, self.reporter, self.window_end.fold)

    @property
    def content(self) -> tuple[Any, ...]:
        """What a revision may change: everything but the key, the source and the times of publication."""
        return tuple(getattr(self, name) for name in (*COUNT_FIELDS, "shot_down_by_area"))


REPORT_FIELDS = tuple(field.name for field in fields(SalvoReport))
