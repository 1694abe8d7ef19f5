"""Counts that the record cannot bear: held for a person's word instead of used.

A report is held where one of these is so. The limits are of the series itself, by its known days of a year before and
after. None of them holds a row of the bundled record.

- More than 1.5 to 2.5 times the largest day: the more, the wider the days are spread above their median.
- Of the whole theatre and a night: less than a third of the smallest day, and as far below the median.
- A fifth or less of what is known of the same night: 81 for 810.
- Losses, or parts, of more than twice the launches: 81 launched, 747 shot down.
- A share of losses of less than a third of what nine days in ten exceed: 1,230 launched, 101 shot down.

A reported zero is never held, nor is what the ledger knows already: one confirmation is enough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from operator import attrgetter
from typing import Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from features.records import SHAHED, UKRAINE, SalvoReport, weapons
from features.sightings import is_whole_theatre
from features.tables import report_table, stated

YEAR = 365
"""Known days before, and after, that a count is held against."""
FEWEST_DAYS = 30
"""Known days without which nothing can be said."""
SPREADS, SPREAD_QUANTILES = 2.5, (0.1, 0.5, 0.9)
LARGEST_RATIOS, SLACK = (1.5, 2.5), 10
PARTS_RATIO = 2
SMALLEST_RATIO, SAME_NIGHT_RATIO = 3, 5
SHARE_RATIO, SHARE_QUANTILE, FEWEST_LAUNCHED = 3, 0.1, 50
"""Of a few drones, any share may be lost, and any part may be all that an early report knows."""


class Record:
    """What is known of one series, by attack day: `doubts` holds reports against it as they are read."""

    def __init__(self, connection: Connection, theatre: str, weapon_class: str) -> None:
        """The record in the ledger; of Ukraine's drones what is bundled, where that is too short."""
        self._connection, self._series = connection, (theatre, weapon_class)
        columns = report_table.c
        neutralised = sa.func.coalesce(columns.shot_down + columns.suppressed, columns.shot_down, columns.suppressed)
        query = (
            sa.select(
                columns.attack_day,
                sa.func.max(columns.launched),
                sa.func.sum(neutralised),
                sa.func.sum(sa.case((neutralised.is_not(None), columns.launched))),
            )
            .where(columns.theatre == theatre, columns.weapon_class == weapon_class, stated)
            .group_by(columns.attack_day)
        )
        self._largest: dict[int, float] = {}  # by day (ordinal)
        self._shares: dict[int, float] = {}
        for day, launched, lost, of_launched in connection.execute(query):
            self._largest[day.toordinal()] = launched
            if of_launched:
                self._shares[day.toordinal()] = lost / of_launched
        if len(self._largest) < FEWEST_DAYS and (theatre, weapon_class) == (UKRAINE, SHAHED):
            bundled = _Counts.of(_bundled_drones())
            self._learn(bundled, np.arange(bundled.day.size))

    def doubts(self, reports: Sequence[SalvoReport]) -> list[str]:
        """Why each report is held, '' where it is not; those that are not are part of the record from then on.

        The smallest first: what a file tells besides is known to its larger counts, and no slip hides another.
        """
        said = [""] * len(reports)
        told = _Counts.of(reports)
        days = np.union1d(np.fromiter(self._largest, int), told.day)
        index = np.searchsorted(days, told.day)
        largest = np.array([self._largest.get(day, 0.0) for day in days.tolist()])
        shares = np.array([self._shares.get(day, np.nan) for day in days.tolist()])
        most_told = largest.copy()
        np.maximum.at(most_told, index, told.launched)
        _fill(shares, index, told.share)

        order = np.argsort(told.launched, kind="stable")
        suspects = _suspects(reports, told, index, largest, most_told)[order]
        done = 0
        for place in np.flatnonzero(suspects).tolist():
            plain, number = order[done:place], int(order[place])
            np.maximum.at(largest, index[plain], told.launched[plain])
            done = place + 1
            said[number] = self._doubt(reports[number], int(index[number]), days, largest, most_told, shares)
            if not said[number]:
                largest[index[number]] = max(largest[index[number]], told.launched[number])
        self._learn(told, order[[not said[number] for number in order.tolist()]] if any(said) else order)
        return said

    def _doubt(
        self,
        report: SalvoReport,
        index: int,
        days: NDArray[np.int64],
        largest: NDArray[np.float64],
        told: NDArray[np.float64],
        shares: NDArray[np.float64],
    ) -> str:
        """Why a report of the day days[index] is held. (n_days,) largest, told: counts known, and all that are told."""
        around = _around(index)
        others = slice(around.start, index), slice(index + 1, around.stop)
        return (
            _parts_exceed(report)
            or _too_many(report, largest[around], days[around])
            or (
                _is_of_a_night(report)
                and (
                    _too_few(report, [told[part] for part in others])
                    or self._below_the_same_night(report, largest[index])
                )
            )
            or _lost_too_few(report, np.concatenate([shares[part] for part in others]))
        )

    def _learn(self, told: "_Counts", order: NDArray[np.int64]) -> None:
        """Adds reports to the record; of a day whose share is not known, the first that tells one has it."""
        days, index = np.unique(told.day[order], return_inverse=True)
        largest, shares = np.zeros(days.size), np.full(days.size, np.nan)
        np.maximum.at(largest, index, told.launched[order])
        _fill(shares, index, told.share[order])
        for day, launched, share in zip(days.tolist(), largest.tolist(), shares.tolist(), strict=True):
            self._largest[day] = max(self._largest.get(day, 0), launched)
            if not math.isnan(share):
                self._shares.setdefault(day, share)

    def _below_the_same_night(self, report: SalvoReport, known: float) -> str:
        if not FEWEST_LAUNCHED <= known >= SAME_NIGHT_RATIO * report.launched > 0:
            return ""
        columns = report_table.c
        theatre, weapon_class = self._series
        query = sa.select(sa.func.max(columns.launched)).where(
            columns.theatre == theatre,
            columns.weapon_class == weapon_class,
            columns.attack_day == report.attack_day,
            columns.window_start <= datetime.combine(report.attack_day, time()),
            stated,
        )
        night = self._connection.scalar(query) or 0
        if night < SAME_NIGHT_RATIO * report.launched:
            return ""
        times = night / report.launched
        return f"launched {report.launched:,} is {times:.0f} times less than is known of the same night, {night:,}"


@cache
def _bundled_drones() -> tuple[SalvoReport, ...]:
    from features.sources.bundled import read_bundled  # seldom needed

    rows = (row for row in read_bundled().rows if isinstance(row, SalvoReport))
    return tuple(row for row in rows if row.weapon_class == SHAHED)


@dataclass(frozen=True, slots=True)
class _Counts:
    """What reports tell, (n_reports,) each. first_day, day: on which windows begin and end (ordinals); parts: the most
    of what is a part of the launches, share: what was lost of them, both NaN where that is not told."""

    first_day: NDArray[np.int64]
    day: NDArray[np.int64]
    launched: NDArray[np.float64]
    parts: NDArray[np.float64]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, reports: Sequence[SalvoReport]) -> Self:
        names = ("launched", "shot_down", "suppressed", "strike_drones", "jet_drones")
        told = np.array([*map(attrgetter(*names), reports)], float).reshape(-1, len(names)).T
        launched, shot_down, suppressed, strike_drones, jet_drones = told
        lost = np.fmax(shot_down + suppressed, np.fmax(shot_down, suppressed))  # NaN where neither is told
        return cls(
            np.array([report.window_start.toordinal() for report in reports], int),
            np.array([report.window_end.toordinal() for report in reports], int),
            launched,
            np.fmax(lost, np.fmax(strike_drones, jet_drones)),
            np.divide(lost, launched, out=np.full(launched.size, np.nan), where=launched > 0),
        )


def _suspects(
    reports: Sequence[SalvoReport],
    counts: _Counts,
    index: NDArray[np.int64],
    largest: NDArray[np.float64],
    told: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """(n_reports,) which of them may have to be held, whatever of the others is: most need no closer look.

    index: of the day of each in (n_days,) `largest`, what is known before, and `told`, what will be known at most.
    """
    launched = counts.launched
    most, fewest = np.zeros(told.size), np.full(told.size, np.inf)  # around each day, and of the others around it
    positive = np.where(told > 0, told, np.inf)
    for place in np.unique(index).tolist():
        around = _around(place)
        most[place] = largest[around].max()
        before, after = positive[around.start : place], positive[place + 1 : around.stop]
        fewest[place] = min(before.min(initial=np.inf), after.min(initial=np.inf))
    below_all = fewest[index] > SMALLEST_RATIO * launched + SLACK
    below_night = (told[index] >= FEWEST_LAUNCHED) & (told[index] >= SAME_NIGHT_RATIO * launched)
    few = (launched > 0) & (counts.first_day < counts.day) & (below_all | below_night)
    few[few] = [is_whole_theatre(reports[number]) for number in np.flatnonzero(few).tolist()]
    return (
        few
        | (launched > LARGEST_RATIOS[0] * most[index] + SLACK)
        | (counts.parts > PARTS_RATIO * launched + SLACK)
        | ((launched >= FEWEST_LAUNCHED) & (counts.share * SHARE_RATIO < 1))
    )


def _around(index: int) -> slice:
    """The known days of a year before and after a day."""
    return slice(max(index - YEAR, 0), index + YEAR + 1)


def _fill(values: NDArray[np.float64], index: NDArray[np.int64], found: NDArray[np.float64]) -> None:
    """Sets what is NaN in values[index] to what was found first, if anything was."""
    told = np.flatnonzero(~np.isnan(found))
    places, first = np.unique(index[told], return_index=True)
    unknown = np.isnan(values[places])
    values[places[unknown]] = found[told[first[unknown]]]


def _is_of_a_night(report: SalvoReport) -> bool:
    """Whether the report is of the whole theatre and begins before midnight: other parts may be as small as can be."""
    return is_whole_theatre(report) and report.window_start.date() < report.attack_day


def _parts_exceed(report: SalvoReport) -> str:
    neutralised, most = report.neutralised, PARTS_RATIO * report.launched + SLACK
    if (neutralised or 0) <= most and (report.strike_drones or 0) <= most and (report.jet_drones or 0) <= most:
        return ""
    parts = {"neutralised": neutralised, "strike_drones": report.strike_drones, "jet_drones": report.jet_drones}
    name, part = max(parts.items(), key=lambda one: one[1] or 0)
    return f"{name} {part:,} is more than twice launched {report.launched:,}"


def _too_many(report: SalvoReport, largest: NDArray[np.float64], days: NDArray[np.int64]) -> str:
    most = float(largest.max())
    known = largest[largest > 0]
    if report.launched <= LARGEST_RATIOS[0] * most + SLACK or known.size < FEWEST_DAYS:
        return ""
    _, median, high = np.quantile(known, SPREAD_QUANTILES)
    ratio = min(max(math.sqrt(high / median), LARGEST_RATIOS[0]), LARGEST_RATIOS[1])
    if report.launched <= ratio * most + SLACK:
        return ""
    return (
        f"launched {report.launched:,} is {report.launched / most:.1f} times the largest count around it, "
        f"{most:,.0f} on {date.fromordinal(int(days[largest.argmax()]))}"
    )


def _too_few(report: SalvoReport, others: Sequence[NDArray[np.float64]]) -> str:
    if not report.launched:
        return ""
    limit = SMALLEST_RATIO * report.launched + SLACK
    if any(((part > 0) & (part <= limit)).any() for part in others):
        return ""
    known = np.concatenate([part[part > 0] for part in others])
    if known.size < FEWEST_DAYS:
        return ""
    low, median, _ = np.quantile(np.log(known), SPREAD_QUANTILES)
    if math.log(report.launched) >= median - SPREADS * (median - low):
        return ""
    return f"launched {report.launched:,} is less than a third of the smallest count around it, {known.min():,.0f}"


def _lost_too_few(report: SalvoReport, shares: NDArray[np.float64]) -> str:
    if report.neutralised is None or report.launched < FEWEST_LAUNCHED:
        return ""
    share = report.neutralised / report.launched
    if share * SHARE_RATIO >= 1:  # no share of the record can be three times as high
        return ""
    known = shares[~np.isnan(shares)]
    if known.size < FEWEST_DAYS or share * SHARE_RATIO >= (usual := float(np.quantile(known, SHARE_QUANTILE))):
        return ""
    return (
        f"neutralised {report.neutralised:,} of {report.launched:,} {weapons(report.weapon_class)} is {share:.0%}, "
        f"where nine days in ten have {usual:.0%} or more"
    )
