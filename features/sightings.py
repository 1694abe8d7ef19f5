"""Reports -> salvos: one night is counted once, however often it is told.

The rule, for the reports of one theatre and weapon class as they stand known at a moment. It looks at what the reports
say and when they came out, never at the order in which they were read.

1. Two reports of one rank of source and one scope (the whole theatre, or an area of the same name) are *sightings of
   one salvo* where their windows share more than half of the longer one. Chains of such pairs are one salvo. The latest
   figures stand: an update replaces the first news, and a correction replaces both. Figures that repeat older ones are
   as old as those: an outlet that quotes the first count in the afternoon takes no update back. What the latest report
   leaves out is taken from sightings with the same launches, and from no others.
2. A window that lies in a wider one of the same rank and scope by more than its half is *part of it*. The wider one
   stands, and its parts do not add to it. But parts that together cover two thirds of a count of all hours (a night and
   the day after it) stand themselves: the count of all hours is then a check on their sum, and nothing else.
3. Of bulletins, a report of an area is part of a report of the whole theatre over the same hours.
4. Where sources of several ranks tell of the same hours, the higher one stands: a team's own table before the compiled
   record, and that before the first news.

Windows that share half or less of the shorter one are two salvos, and add up: a night to 8:30 and the day from 8:00 on.
Rows that one table, or the compiled record, tells of several areas are its own, and add up as well.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import chain, groupby
from operator import attrgetter
from typing import Protocol, Self, TypeVar

from features.records import ALL_HOURS, COUNT_FIELDS, KYIV, SalvoReport

PARTS_COVER = 2 / 3
"""The share of a window of all hours that its parts must cover to stand for it: a night and the day after it do."""
LOSSES = ("shot_down", "suppressed")

_SOURCE_RANK = {"table": 0, "kaggle": 1, "bundled": 1, "bulletin": 2}
"""Whose count stands where two sources report the same salvo: a team's own table before the compiled record, and that
before the first news."""
NEWS = 2
"""The rank of reports that anybody may tell again, in other words."""


class Relation(StrEnum):
    """Why a report adds nothing: it is told anew, part of a wider one, the sum of its parts, or of a lower rank."""

    SIGHTING = "sighting"
    PART = "part"
    SUMMARY = "summary"
    OUTRANKED = "outranked"


@dataclass(frozen=True, slots=True)
class Lost:
    """A report that adds nothing, why, and the report that stands for it; of a summary the first of its parts.

    counted: drones launched that are counted in its place; of a summary, those of all its parts.
    """

    report: SalvoReport
    relation: Relation
    stands: SalvoReport
    counted: int


@dataclass(frozen=True, slots=True)
class Salvos:
    """standing: the report of each salvo, all of which add up; lost: the reports that add nothing. Both by window."""

    standing: tuple[SalvoReport, ...]
    lost: tuple[Lost, ...] = ()

    @classmethod
    def of(cls, reports: Iterable[SalvoReport]) -> Self:
        """The salvos that these reports tell of, by the rule of this module; in: of one series or of several."""
        standing: list[SalvoReport] = []
        lost: list[Lost] = []
        ordered = sorted(reports, key=_series)
        for _, series in groupby(ordered, key=_series):
            for together in related(sorted(series, key=_order), attrgetter("source")):
                if len(together) == 1:
                    standing += together
                else:
                    _one_night_once(together, standing, lost)
        return cls(tuple(sorted(standing, key=_order)), tuple(sorted(lost, key=lambda one: _order(one.report))))


class Windowed(Protocol):
    """What of a report, or of its row in the ledger, tells whether another may be of the same salvo."""

    @property
    def theatre(self) -> str: ...
    @property
    def target_area(self) -> str: ...
    @property
    def window_start(self) -> datetime: ...
    @property
    def window_end(self) -> datetime: ...


W = TypeVar("W", bound=Windowed)


def related(reports: Iterable[W], source: Callable[[W], str]) -> list[list[W]]:
    """The reports of one series in groups that may be of one salvo, by window, area and rank of source alone."""
    told = list(reports)
    if len(ranks := {source_rank(each) for each in {source(report) for report in told}}) == 1 and NEWS not in ranks:
        # Of one table, or of the compiled record, each area is a salvo of its own.
        by_area: dict[str, list[W]] = {}
        for report in told:
            by_area.setdefault(_area(report), []).append(report)
        return [group for area in by_area.values() for group in (_swept(area, source) if len(area) > 1 else [area])]
    return _swept(told, source)


def _swept(reports: Iterable[W], source: Callable[[W], str]) -> list[list[W]]:
    """The same of any reports, from the first window to the last."""
    ordered = sorted(reports, key=attrgetter("window_start"))
    joined = list(range(len(ordered)))  # a forest: each report to an earlier one of its group

    def root(number: int) -> int:
        while joined[number] != number:
            joined[number] = number = joined[joined[number]]
        return number

    active: dict[int, dict[str, list[int]]] = {}
    for number, report in enumerate(ordered):
        rank, area = source_rank(source(report)), _area(report)
        here = active.setdefault(rank, {}).setdefault(area, [])
        for other_rank, places in active.items():
            # Of one table, or of the compiled record, each area is a salvo of its own.
            for others in [here] if other_rank == rank != NEWS else places.values():
                others[:] = [other for other in others if ordered[other].window_end >= report.window_start]
                for other in others:
                    if same_hours(report, ordered[other]):
                        joined[root(number)] = root(other)
        here.append(number)
    groups: dict[int, list[W]] = {}
    for number, report in enumerate(ordered):
        groups.setdefault(root(number), []).append(report)
    return list(groups.values())


def source_rank(source: str) -> int:
    """The lower, the more its count stands; a name that is not known is a team's own."""
    return _SOURCE_RANK.get(source, 0)


def is_whole_theatre(report: Windowed) -> bool:
    """Whether a report is of the whole theatre, by the area that it names, if any."""
    return _area(report) == ""


def is_all_hours(report: Windowed) -> bool:
    return _length(report) >= ALL_HOURS


def told_at(report: SalvoReport) -> datetime:
    """When the report came out (UTC, without zone); the end of its window where nobody says."""
    moment = report.published_at or report.window_end.replace(tzinfo=KYIV)
    return moment.astimezone(UTC).replace(tzinfo=None)


def shared(one: Windowed, other: Windowed) -> timedelta:
    """The hours that two windows share; negative where they share none."""
    return min(_at(one.window_end), _at(other.window_end)) - max(_at(one.window_start), _at(other.window_start))


def _at(moment: datetime) -> datetime:
    """A time of a window; of the two hours that a clock shows twice, the second comes an hour later."""
    return moment + timedelta(hours=1) if moment.fold else moment


def _length(report: Windowed) -> timedelta:
    return _at(report.window_end) - _at(report.window_start)


def same_hours(one: Windowed, other: Windowed) -> bool:
    """Whether one window is, by more than its half, within the other.

    A date as a whole holds what ends on it: that is how days are counted, and its night began the evening before.
    """
    if _is_date(one) != _is_date(other) and is_all_hours(one) != is_all_hours(other):
        return one.window_end.date() == other.window_end.date()
    shorter = min(_length(one), _length(other))
    common = shared(one, other)
    return common > shorter / 2 if shorter else common >= timedelta(0)


def _area(report: Windowed) -> str:
    return area_named(report.target_area, report.theatre) if report.target_area else ""


def area_named(text: str, theatre: str) -> str:
    """The area as areas are compared; '' for the whole theatre."""
    area = " ".join(text.casefold().split())
    return "" if area == theatre.replace("_", " ") else area


def _is_date(report: Windowed) -> bool:
    return is_all_hours(report) and report.window_start.time() == time() and report.window_end.time() > time()


_series = attrgetter("theatre", "weapon_class")


def _order(report: SalvoReport) -> tuple[object, ...]:
    return (report.window_end, report.window_start, report.target_area, report.reporter, report.source)


def _one_night_once(reports: Sequence[SalvoReport], standing: list[SalvoReport], lost: list[Lost]) -> None:
    """Adds the salvos of related reports to `standing`, and those that add nothing to `lost`."""
    kept: list[SalvoReport] = []
    for rank in sorted({source_rank(one.source) for one in reports}):
        of_rank = []
        for report in (one for one in reports if source_rank(one.source) == rank):
            # One that lost itself hides no other.
            higher = next((one for one in kept if same_hours(one, report)), None)
            if higher is None:
                of_rank.append(report)
            else:
                lost.append(Lost(report, Relation.OUTRANKED, higher, higher.launched))
        of_rank = _without_parts(_without_retellings(of_rank, lost), lost)
        kept += _without_areas(of_rank, lost) if rank == NEWS else of_rank
    standing += kept


def _without_retellings(reports: Sequence[SalvoReport], lost: list[Lost]) -> list[SalvoReport]:
    """Step 1: the latest of the sightings of each salvo."""
    groups: list[list[SalvoReport]] = []
    for report in reports:
        alike = [group for group in groups if any(_alike(report, other) for other in group)]
        groups = [group for group in groups if group not in alike] + [[*chain.from_iterable(alike), report]]
    latest = []
    for group in groups:
        last = max(group, key=lambda one: _news(one, group))
        latest.append(_completed(last, group))
        lost += [Lost(one, Relation.SIGHTING, latest[-1], last.launched) for one in group if one is not last]
    return sorted(latest, key=_order)


def _alike(one: SalvoReport, other: SalvoReport) -> bool:
    if _area(one) != _area(other) or is_all_hours(one) != is_all_hours(other):
        return False
    longer = max(_length(one), _length(other))
    return shared(one, other) > longer / 2 or (not longer and _at(one.window_end) == _at(other.window_end))


def _news(report: SalvoReport, sightings: Sequence[SalvoReport]) -> tuple[object, ...]:
    """How new the figures of a sighting are: since when they are told, then what tells more, then anything fixed."""
    counts = [getattr(report, name) for name in COUNT_FIELDS]
    since = min(told_at(one) for one in (report, *(one for one in sightings if _repeats(report, one))))
    return (
        since,
        sum(count is not None for count in counts),
        tuple(-1 if count is None else count for count in counts),
        told_at(report),
        _order(report),
    )


def _repeats(report: SalvoReport, earlier: SalvoReport) -> bool:
    return (
        told_at(earlier) < told_at(report)
        and report.launched == earlier.launched
        and report.neutralised in (None, earlier.neutralised)
    )


def _completed(last: SalvoReport, sightings: Sequence[SalvoReport]) -> SalvoReport:
    """The report, with what it leaves out from the newest sightings of the same launches."""
    others = [one for one in sightings if one is not last and one.launched == last.launched]
    for other in sorted(others, key=lambda one: _news(one, sightings), reverse=True):
        # Shot down and suppressed are one statement: two halves of different reports are none.
        names = [name for name in COUNT_FIELDS if last.neutralised is None or name not in LOSSES]
        last = replace(last, **{name: getattr(other, name) for name in names if getattr(last, name) is None})
    return last


def _without_parts(reports: Sequence[SalvoReport], lost: list[Lost]) -> list[SalvoReport]:
    """Step 2: the widest windows, unless their parts cover them; the narrowest are looked at last."""
    standing: list[SalvoReport] = []
    summaries = []
    for report in sorted(reports, key=lambda one: (one.window_start - one.window_end, _order(one))):
        wider = next((one for one in standing if _area(one) == _area(report) and same_hours(one, report)), None)
        if wider is not None:
            lost.append(Lost(report, Relation.PART, wider, wider.launched))
            continue
        if is_all_hours(report):
            parts = [one for one in reports if _is_part(one, report)]
            if parts and _covered(report, parts) >= PARTS_COVER:
                summaries.append(report)
                continue
        standing.append(report)
    for report in summaries:
        if parts := sorted((one for one in standing if _is_part(one, report)), key=_order):
            lost.append(Lost(report, Relation.SUMMARY, parts[0], sum(one.launched for one in parts)))
        else:  # they are part of something else
            standing.append(report)
    return standing


def _is_part(report: SalvoReport, whole: SalvoReport) -> bool:
    return not is_all_hours(report) and _area(report) == _area(whole) and same_hours(whole, report)


def _covered(whole: SalvoReport, parts: Sequence[SalvoReport]) -> float:
    """The share of a window that the windows of `parts` cover together."""
    covered, until = timedelta(0), whole.window_start
    for part in sorted(parts, key=attrgetter("window_start")):
        begin, end = max(part.window_start, until), min(part.window_end, whole.window_end)
        if end > begin:
            covered += end - begin
            until = end
    return covered / (whole.window_end - whole.window_start)


def _without_areas(reports: Sequence[SalvoReport], lost: list[Lost]) -> list[SalvoReport]:
    """Step 3: an area adds nothing to the whole theatre over the same hours."""
    whole = [one for one in reports if is_whole_theatre(one)]
    standing = list(whole)
    for report in reports:
        if is_whole_theatre(report):
            continue
        if (holds := next((one for one in whole if same_hours(one, report)), None)) is not None:
            lost.append(Lost(report, Relation.PART, holds, holds.launched))
        else:
            standing.append(report)
    return standing
