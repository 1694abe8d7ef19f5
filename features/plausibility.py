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
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from functools import cache

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
        self._largest: dict[date, int] = {}
        self._shares: dict[date, float] = {}
        for day, launched, lost, of_launched in connection.execute(query):
            self._largest[day] = launched
            if of_launched:
                self._shares[day] = lost / of_launched
        if len(self._largest) < FEWEST_DAYS and (theatre, weapon_class) == (UKRAINE, SHAHED):
            for row in _bundled_drones():
                self._add(row)

    def doubts(self, reports: Sequence[SalvoReport]) -> list[str]:
        """Why each report is held, '' where it is not; those that are not are part of the record from then on.

        The smallest first: what a file tells besides is known to its larger counts, and no slip hides another.
        """
        said = [""] * len(reports)
        days = sorted({*self._largest, *(report.attack_day for report in reports)})
        place = {day: index for index, day in enumerate(days)}
        largest = np.array([float(self._largest.get(day, 0)) for day in days])
        shares = {**self._shares}
        told = largest.copy()
        for report in reports:
            index = place[report.attack_day]
            if report.launched > told[index]:
                told[index] = report.launched
            if report.launched and report.neutralised is not None:
                shares.setdefault(report.attack_day, report.neutralised / report.launched)
        most: dict[int, float] = {}  # of the year around a day, at least so many: what is known of it only grows
        for number, report in sorted(enumerate(reports), key=lambda one: one[1].launched):
            index = place[report.attack_day]
            around = slice(max(index - YEAR, 0), index + YEAR + 1)
            usual = _is_usual(report.launched, most.get(index, 0.0))
            if not usual:
                most[index] = float(largest[around].max())
                usual = _is_usual(report.launched, most[index])
            said[number] = (
                _parts_exceed(report)
                or ("" if usual else _too_many(report, largest[around], days[around]))
                or (_is_of_a_night(report) and self._too_few_for_a_night(report, told, around, index))
                or _lost_too_few(report, shares, days, around)
            )
            if not said[number]:
                largest[index] = max(largest[index], report.launched)
                self._add(report)
        return said

    def _add(self, report: SalvoReport) -> None:
        day = report.attack_day
        self._largest[day] = max(self._largest.get(day, 0), report.launched)
        if report.launched and report.neutralised is not None:
            self._shares.setdefault(day, report.neutralised / report.launched)

    def _too_few_for_a_night(self, report: SalvoReport, told: NDArray[np.float64], around: slice, index: int) -> str:
        others = told[around.start : index], told[index + 1 : around.stop]
        return _too_few(report, others) or self._below_the_same_night(report)

    def _below_the_same_night(self, report: SalvoReport) -> str:
        known = self._largest.get(report.attack_day, 0)
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


def _is_of_a_night(report: SalvoReport) -> bool:
    """Whether the report is of the whole theatre and begins before midnight: other parts may be as small as can be."""
    return is_whole_theatre(report) and report.window_start < datetime.combine(report.window_end, time())


def _parts_exceed(report: SalvoReport) -> str:
    neutralised, most = report.neutralised, PARTS_RATIO * report.launched + SLACK
    if (neutralised or 0) <= most and (report.strike_drones or 0) <= most and (report.jet_drones or 0) <= most:
        return ""
    parts = {"neutralised": neutralised, "strike_drones": report.strike_drones, "jet_drones": report.jet_drones}
    name, part = max(parts.items(), key=lambda one: one[1] or 0)
    return f"{name} {part:,} is more than twice launched {report.launched:,}"


def _is_usual(launched: int, most: float) -> bool:
    """Whether a count is not above what is never too many beside the largest one around it."""
    return launched <= LARGEST_RATIOS[0] * most + SLACK


def _too_many(report: SalvoReport, largest: NDArray[np.float64], days: Sequence[date]) -> str:
    most = float(largest.max())
    known = largest[largest > 0]
    if known.size < FEWEST_DAYS:
        return ""
    _, median, high = np.quantile(known, SPREAD_QUANTILES)
    ratio = min(max(math.sqrt(high / median), LARGEST_RATIOS[0]), LARGEST_RATIOS[1])
    if report.launched <= ratio * most + SLACK:
        return ""
    return (
        f"launched {report.launched:,} is {report.launched / most:.1f} times the largest count around it, "
        f"{most:,.0f} on {days[int(largest.argmax())]}"
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


def _lost_too_few(report: SalvoReport, shares: Mapping[date, float], days: Sequence[date], around: slice) -> str:
    if report.neutralised is None or report.launched < FEWEST_LAUNCHED:
        return ""
    share = report.neutralised / report.launched
    if share * SHARE_RATIO >= 1:  # no share of the record can be three times as high: most reports end here
        return ""
    known = [shares[day] for day in days[around] if day in shares and day != report.attack_day]
    if len(known) < FEWEST_DAYS or share * SHARE_RATIO >= (usual := float(np.quantile(known, SHARE_QUANTILE))):
        return ""
    return (
        f"neutralised {report.neutralised:,} of {report.launched:,} {weapons(report.weapon_class)} is {share:.0%}, "
        f"where nine days in ten have {usual:.0%} or more"
    )
