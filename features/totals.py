"""Totals of a month as somebody stated them: no salvo of any day, but what the days must come to.

A total is kept with its scope. Models never see it: it checks the days that are known, and bounds those that are not.
"""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Self

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.errors import InputError
from features.history import LaunchHistory
from features.records import LARGEST_COUNT, LONGEST_TEXTS, Bound, Hours, SalvoReport
from features.tables import total_table

TOLERANCE = 0.03
"""Late corrections of daily reports move a month by one or two per cent."""


@dataclass(frozen=True, slots=True)
class StatedTotal:
    """What `source` said on a day of the drones from first_day to last_day; hours: what it counts of each."""

    theatre: str
    weapon_class: str
    first_day: date
    last_day: date
    launched: int
    bound: Bound
    hours: Hours
    source: str
    published_on: date

    @classmethod
    def of_month(
        cls,
        month: str,
        launched: int,
        bound: Bound,
        hours: Hours,
        source: str,
        published_on: date,
        theatre: str,
        weapon_class: str,
    ) -> Self:
        """The total of a month given as YYYY-MM. Raises InputError for one that cannot be."""
        try:
            first = date.fromisoformat(f"{month}-01")
        except ValueError as error:
            raise InputError(f"month '{month}': expected YYYY-MM, such as 2026-03") from error
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        if published_on < last:
            raise InputError(f"the total of {month} is published on {published_on}: expected a day since {last}")
        if not 0 < launched <= LARGEST_COUNT:
            raise InputError(f"launched is {launched}: expected a whole number, 1 to {LARGEST_COUNT}")
        if not source or len(source) > LONGEST_TEXTS["reporter"] or not source.isprintable():
            raise InputError(
                f"source is {source!r}: expected who says so, up to {LONGEST_TEXTS['reporter']} characters"
            )
        return cls(theatre, weapon_class, first, last, launched, bound, hours, source, published_on)

    def __str__(self) -> str:
        stated = "" if self.bound is Bound.EXACTLY else f"{self.bound.replace('_', ' ')} "
        return (
            f"{self.first_day:%Y-%m} {stated}{self.launched:,} launched, {self.hours.replace('_', ' ')} "
            f"({self.source}, {self.published_on})"
        )


def store_total(connection: Connection, total: StatedTotal, recorded: datetime) -> bool:
    """Adds a total; whether it was not known yet. recorded: now, in UTC, without zone."""
    if total in read_totals(connection, total.theatre, total.weapon_class, everything=True):
        return False
    values = {name: getattr(total, name) for name in _NAMES}
    connection.execute(total_table.insert().values(**values, recorded_at=recorded))
    return True


def read_totals(
    connection: Connection, theatre: str, weapon_class: str, *, everything: bool = False
) -> list[StatedTotal]:
    """The totals of a series, oldest month first: of each source the last that it stated of a month and its hours."""
    columns = total_table.c
    query = (
        sa.select(*(columns[name] for name in _NAMES))
        .where(columns.theatre == theatre, columns.weapon_class == weapon_class)
        .order_by(columns.first_day, columns.source, columns.hours, columns.published_on, columns.id)
    )
    found = [
        StatedTotal(**{**row, "bound": Bound(row["bound"]), "hours": Hours(row["hours"])})
        for row in connection.execute(query).mappings()
    ]
    if everything:
        return found
    return list({(one.first_day, one.source, one.hours): one for one in found}.values())


def totals_text(totals: Iterable[StatedTotal], history: LaunchHistory, standing: Sequence[SalvoReport]) -> str:
    """Each total beside the sum of its days, a line each: what it says of the days that are not known, or a flag.

    standing: the reports that add up to the history, of which a total of nights takes the nights alone.
    """
    lines = []
    for total in totals:
        mine = history
        if total.hours is not Hours.ALL:
            reports = [one for one in standing if one.hours is total.hours]
            if not reports:
                lines.append(f"{total}: the ledger has no report of such hours")
                continue
            mine = LaunchHistory.from_reports(reports, rule=history.quiet_day_rule)
        lines.append(f"{total}: {_said_of(total, mine)}")
    return "".join(f"{line}\n" for line in lines)


def _said_of(total: StatedTotal, history: LaunchHistory) -> str:
    days = history.days.astype(object)
    inside = (days >= total.first_day) & (days <= total.last_day)
    launched, floor = history.launched[inside], history.floor[inside]
    n_days = (total.last_day - total.first_day).days + 1
    known, floors = ~np.isnan(launched), ~np.isnan(floor)
    if not known.any() and not floors.any():
        return "none of its days is known"
    summed = round(float(np.nansum(launched) + np.nansum(floor)))
    unknown = n_days - int(known.sum()) - int(floors.sum())
    left = total.launched - summed
    has = f"its {int(known.sum() + floors.sum())} days that are known have {summed:,}"
    slack = TOLERANCE * total.launched
    if left < -slack and total.bound is not Bound.AT_LEAST:
        return f"{has}, {-left:,} more than all of it  <- FLAG: another scope, or a day told twice?"
    open_days = [f"{unknown} unknown days"] * bool(unknown)
    open_days += [f"what came by day on {int(floors.sum())} days"] * bool(floors.any())
    if open_days:
        if left <= 0:
            return f"{has}, which leaves {' and '.join(open_days)} open"
        sign = {Bound.AT_LEAST: "at least ", Bound.UP_TO: "at most ", Bound.ABOUT: "about "}.get(total.bound, "")
        return f"{has}, so {' and '.join(open_days)} had {sign}{left:,}"
    if left > slack and total.bound is not Bound.UP_TO:
        return f"{has}, {left:,} fewer  <- FLAG: another scope, or a report that is missing?"
    return f"{has}, as it should be"


_NAMES = tuple(field.name for field in fields(StatedTotal))
