"""Monthly totals of the ledger beside those that others published, with the breaks of definition told apart."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from io import StringIO
from itertools import groupby
from operator import itemgetter
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.sightings import Lost, Relation

FACTS, TRACKERS = "monthly_totals.csv", "trackers.csv"
BOUNDS = {"exactly": "", "about": "~", "at_least": "≥", "up_to": "≤"}
"""How a total is stated -> the sign before it. An `at_least` figure can only be too high, an `up_to` only too low."""
BREAKS = {
    "partial": "covers part of the month; the ledger is summed over the same days",
    "shot_down": "counts drones shot down only; the ledger adds suppressed ones since 2024-07, when reports tell them",
    "overnight": "adds up overnight reports only; the ledger holds daytime windows too",
    "all_hours": "counts all hours and every drone seen; the ledger holds what the daily reports told, mostly nights",
    "armed": "counts armed drones; the ledger's sum is of the windows that tell them, a part of the month",
    "derived": "was worked out from a rounded change on another month",
    "estimate": "is an estimate, not a sum of reports",
    "rounded": "is a rounded figure",
    "at_least": "is a lower bound, off only where the ledger has less",
    "up_to": "is an upper bound, off only where the ledger has more",
}
SCOPE_PERCENT, FEWEST_COMMON, FEWEST_MONTHS = 25.0, 5, 2
"""Two sources that differ by more over so many reports of a month, in so many months, count different things."""
_BREAK_OF_BOUND = {"about": ("rounded",), "at_least": ("at_least",), "up_to": ("up_to",)}


@dataclass(frozen=True, slots=True)
class MonthlyTotal:
    """What a tracker published of one month: drones from first_day to last_day; source with title, date and link."""

    id: str
    first_day: date
    last_day: date
    measure: str
    bound: str
    value: int
    breaks: tuple[str, ...]
    tracker: str
    source_title: str
    source_date: date
    source_url: str
    confidence: str
    tolerance_percent: float
    tolerance_reason: str

    def __post_init__(self) -> None:
        if self.measure not in _SERIES or self.bound not in BOUNDS or not set(self.breaks) <= set(BREAKS):
            raise InputError(f"{self.id}: unknown measure, bound or break in {self}")
        if self.value <= 0 or self.last_day < self.first_day:
            raise InputError(f"{self.id}: expected a positive total of at least one day")

    @classmethod
    def of(cls, row: Mapping[str, str], tolerance_percent: float, tolerance_reason: str) -> Self:
        """The total in a row of the bundled facts. Raises InputError for a row that cannot be one."""
        return cls(
            id=row["id"],
            first_day=date.fromisoformat(row["first_day"]),
            last_day=date.fromisoformat(row["last_day"]),
            measure=row["measure"],
            bound=row["bound"],
            value=int(row["value"]),
            breaks=(*row["breaks"].split(), *_BREAK_OF_BOUND.get(row["bound"], ())),
            tracker=row["tracker"],
            source_title=row["source_title"],
            source_date=date.fromisoformat(row["source_date"]),
            source_url=row["source_url"],
            confidence=row["confidence"],
            tolerance_percent=tolerance_percent,
            tolerance_reason=tolerance_reason,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published total, the ledger's of the same days (None where it does not reach), and the days not known."""

    fact: MonthlyTotal
    ledger: int | None
    unknown_days: int

    @property
    def difference_percent(self) -> float | None:
        """How much more (or less) the ledger has, in per cent of the published total."""
        return None if self.ledger is None else 100 * (self.ledger / self.fact.value - 1)

    @property
    def flagged(self) -> bool:
        """Whether it is off by more than the tolerance of its tracker, on the side on which it can be."""
        difference = self.difference_percent
        if difference is None:
            return False
        too_low = difference < -self.fact.tolerance_percent and self.fact.bound != "up_to"
        return too_low or (difference > self.fact.tolerance_percent and self.fact.bound != "at_least")


def monthly_totals() -> list[MonthlyTotal]:
    """The bundled totals, oldest month first."""
    tolerances = {row["tracker"]: (float(row["tolerance_percent"]), row["reason"]) for row in _bundled(TRACKERS)}
    return [MonthlyTotal.of(row, *tolerances[row["tracker"]]) for row in _bundled(FACTS)]


def compare_months(history: LaunchHistory, facts: Iterable[MonthlyTotal]) -> list[Comparison]:
    """Each total beside the sum of the history over the same days; unknown days add nothing and are counted."""
    days = history.days.tolist()
    comparisons = []
    for fact in facts:
        inside = np.array([fact.first_day <= day <= fact.last_day for day in days])
        unknown = (fact.last_day - fact.first_day).days + 1 - int((~np.isnan(history.launched[inside])).sum())
        counts = _SERIES[fact.measure](history)[inside]
        reaches = history.first_day <= fact.last_day and fact.first_day <= history.last_known_day
        total = round(float(np.nansum(counts))) if reaches and not np.isnan(counts).all() else None
        comparisons.append(Comparison(fact, total, unknown))
    return comparisons


def comparison_text(comparisons: Iterable[Comparison]) -> str:
    """The months as a table, then every flag with its source, then what the trackers count in another way."""
    lines = [
        f"{'month':<9}{'ledger':>7}{'tracker':>9}{'differs':>10}{'allowed':>9}  {'fact':<6}tracker, what it counts"
    ]
    flags, used = [], set[str]()
    n_compared = 0
    for one in comparisons:
        fact, difference = one.fact, one.difference_percent
        n_compared += difference is not None
        used |= set(fact.breaks)
        ways = dict.fromkeys((fact.measure, *fact.breaks))
        counts = ", ".join((fact.tracker, *(way for way in ways if way != "launched")))
        days = f"; {one.unknown_days} days unknown" if one.ledger is not None and one.unknown_days else ""
        lines.append(
            f"{fact.first_day:%Y-%m}{'':<2}{'-' if one.ledger is None else format(one.ledger, ','):>7}"
            f"{BOUNDS[fact.bound] + format(fact.value, ','):>9}"
            f"{'-' if difference is None else format(difference, '+.1f') + ' %':>10}"
            f"{format(fact.tolerance_percent, 'g') + ' %':>9}  {fact.id:<6}{counts}{days}"
            f"{'  <- FLAG' if one.flagged else ''}"
        )
        if one.flagged:
            why = "; ".join(f"it {BREAKS[name]}" for name in fact.breaks) or "no known break of definition explains it"
            flags.append(
                f"{fact.id} {fact.first_day:%Y-%m} {difference:+.1f} %, more than {fact.tolerance_percent:g} % "
                f"({fact.tracker}: {fact.tolerance_reason}): {why}{days}. "
                f"{fact.source_title}, {fact.source_date}, {fact.source_url}"
            )
    lines += ["", f"{len(flags)} of {n_compared} totals are off by more than the tolerance of their tracker", *flags]
    lines += [
        "",
        "what trackers count in another way:",
        *(f"  {name}: {BREAKS[name]}" for name in BREAKS if name in used),
    ]
    return "\n".join(lines) + "\n"


def sources_compared(lost: Iterable[Lost]) -> str:
    """Month by month, what two sources tell of the same hours; flagged where they count different things.

    lost: as `Ledger.told_again` gives them. A source that tells nights alone beside one of all hours shows here, and
    from which month on. The report that stands is the one that is counted.
    """
    lines = []
    for (source, standing, month), told, counted, reports in _months_of_pairs(lost):
        difference = 100 * (told / counted - 1)
        flag = "  <- FLAG: another scope, such as nights beside all hours?" if abs(difference) > SCOPE_PERCENT else ""
        lines.append(
            f"{month}  {source} {told:,}, {standing} {counted:,}, which is counted ({difference:+.0f} %, {reports} "
            f"reports of the same hours){flag}"
        )
    return "".join(f"{line}\n" for line in lines)


def _months_of_pairs(lost: Iterable[Lost]) -> list[tuple[tuple[str, str, str], int, int, int]]:
    """(source, the source that stands, month), drones of each of the hours that both tell, reports of them."""
    months: dict[tuple[str, str, str], list[Lost]] = {}
    for one in lost:
        if one.relation is Relation.OUTRANKED:
            pair = (one.report.source, one.stands.source, f"{one.report.attack_day:%Y-%m}")
            months.setdefault(pair, []).append(one)
    sums = [
        (pair, sum(one.report.launched for one in both), sum(one.counted for one in both), len(both))
        for pair, both in sorted(months.items())
    ]
    return [one for one in sums if one[3] >= FEWEST_COMMON and one[2]]


def scope_regimes(lost: Iterable[Lost]) -> str:
    """Since when one source has told other hours than another: a regime with its first and last month, a line each.

    It begins with the first of two or more months in a row in which the two differ by more than `SCOPE_PERCENT`, by the
    days that both tell.
    """
    pairs: dict[tuple[str, str], list[tuple[str, bool, int, int]]] = {}
    for (source, standing, month), told, counted, _ in _months_of_pairs(lost):
        differs = abs(told / counted - 1) > SCOPE_PERCENT / 100
        pairs.setdefault((source, standing), []).append((month, differs, told, counted))
    lines = []
    for (source, standing), months in pairs.items():
        for differs, run in groupby(months, key=itemgetter(1)):
            regime = list(run)
            if differs and len(regime) >= FEWEST_MONTHS:
                first, last = regime[0][0], regime[-1][0]
                share = sum(one[2] for one in regime) / sum(one[3] for one in regime)
                ends = "on" if last == months[-1][0] else f"to {last}"
                lines.append(
                    f"regime  from {first} {ends}: {source} tells {share:.0%} of what {standing} tells of "
                    f"the same days: they count other hours, so do not join their series at {first}\n"
                )
    return "".join(lines)


def _armed(history: LaunchHistory) -> NDArray[np.float64]:
    return history.armed_share * history.launched


_SERIES = {
    "launched": lambda history: history.launched,
    "shot_down": lambda history: history.neutralised,
    "armed": _armed,
}


def _bundled(name: str) -> list[dict[str, str]]:
    text = resources.files("features.bundled").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(StringIO(text)))
