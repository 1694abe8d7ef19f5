"""What the sightings come to: the versions of a salvo, the reports in force at a moment, and their daily sums."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.history import DailySums
from features.records import AFTERNOON, KYIV, MORNING, REPORT_FIELDS, SalvoReport
from features.sightings import Salvos
from features.snapshots import Gaps
from features.tables import batch_table, report_table, sighting_table


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """A report with its provenance in the ledger.

    Parameters
    ----------
    report : SalvoReport
        Its counts as of this revision.
    published_at : datetime
        Since when it has been public (UTC).
    published_at_assumed : bool
        Whether that is the end of its window, for want of a stated time.
    recorded_at : datetime
        When the ledger read it (UTC).
    revision : int
        1 for the first counts known of a salvo, and one more for every change of them.
    """

    report: SalvoReport
    published_at: datetime
    published_at_assumed: bool
    recorded_at: datetime
    revision: int


def entries(
    connection: Connection, theatre: str, weapon_class: str, gaps: Gaps, *conditions: sa.ColumnElement[bool]
) -> Iterator[tuple[bytes, LedgerReport]]:
    """Each salvo's sightings that changed something, in the order of becoming known: (key digest, report).

    conditions: on columns of the report; they must hold for all versions of a salvo or for none.
    """
    columns = report_table.c
    query = (
        sa.select(
            columns.key_digest,
            columns.content_digest,
            columns.window_end_utc,
            sighting_table.c.known_at,
            sighting_table.c.stated,
            batch_table.c.recorded_at,
            *(sighting_table.c.source if name == "source" else columns[name] for name in _STORED),
        )
        .join(sighting_table, sighting_table.c.report_id == columns.id)
        .join(batch_table, batch_table.c.id == sighting_table.c.batch_id)
        .where(columns.theatre == theatre, columns.weapon_class == weapon_class, *conditions)
        # Two sources that state different counts for the same second have no order in time; any fixed one will do.
        # Of the same counts, a time that was stated goes before one that was assumed.
        .order_by(
            columns.attack_day,
            columns.key_digest,
            sighting_table.c.known_at,
            columns.content_digest,
            sighting_table.c.stated.desc(),
            sighting_table.c.source,
        )
    )
    last_key = last_content = None
    revision = 0
    for key, content, window_end, known_at, stated, recorded_at, *values in connection.execute(query):
        first = key != last_key
        if not first and content == last_content:
            continue
        revision = 1 if first else revision + 1
        last_key, last_content = key, content
        # A file that is dated before its windows end does not make them known any earlier.
        early = known_at < window_end or (first and not stated and key not in gaps.late)
        published_at = (window_end if early else known_at).replace(tzinfo=UTC)
        report = _as_stored(values, published_at if stated else None, window_end)
        yield key, LedgerReport(report, published_at, not stated, recorded_at.replace(tzinfo=UTC), revision)


def in_force(
    connection: Connection, theatre: str, weapon_class: str, moment: datetime, *conditions: sa.ColumnElement[bool]
) -> list[LedgerReport]:
    """The reports of one series as they stood published at `moment` (with zone), oldest window first."""
    now = moment.astimezone(UTC).replace(tzinfo=None)
    gaps = Gaps.of(connection, theatre, weapon_class)
    current: dict[bytes, LedgerReport] = {}
    ended = report_table.c.window_end_utc <= now
    for key, entry in entries(connection, theatre, weapon_class, gaps, ended, *conditions):
        if entry.published_at <= moment:
            current[key] = entry
    for key in gaps.hidden_at(moment):
        current.pop(key, None)
    return sorted(current.values(), key=lambda entry: (entry.report.window_end, entry.report.key))


def daily_sums(
    connection: Connection, theatre: str, weapon_classes: Sequence[str], moment: datetime, until: date
) -> dict[str, DailySums]:
    """Weapon class -> the counts by attack day as they stood published at `moment` (with zone), up to a day.

    The same as the sums of the salvos of `in_force`. The database adds up the reports whose sightings agree and that no
    other tells again; the others, which `features.disputes` marks, are looked at one by one.
    """
    columns = report_table.c
    now = moment.astimezone(UTC).replace(tzinfo=None)
    query = (
        sa.select(
            columns.weapon_class,
            columns.attack_day,
            columns.agreed_source,
            sa.func.sum(columns.launched),
            # Not known where neither is; a salvo of which one is known adds that one.
            sa.func.sum(
                sa.func.coalesce(columns.shot_down + columns.suppressed, columns.shot_down, columns.suppressed)
            ),
            sa.func.sum(columns.strike_drones),
            sa.func.sum(sa.case((columns.strike_drones.is_not(None), columns.launched))),
        )
        .where(
            columns.theatre == theatre,
            columns.weapon_class.in_(weapon_classes),
            columns.attack_day <= until,
            sa.or_(columns.agreed_at <= now, columns.agreed_at.is_(None)),
        )
        .group_by(columns.weapon_class, columns.attack_day, columns.agreed_source)
    )
    found = {name: DailySums() for name in weapon_classes}
    by_day = columns.window_start >= _at(connection, MORNING)
    more_than_night = (
        sa.select(columns.weapon_class, columns.attack_day, sa.func.sum(sa.case((by_day, columns.launched), else_=0)))
        .where(
            columns.theatre == theatre,
            columns.weapon_class.in_(weapon_classes),
            columns.attack_day <= until,
            columns.agreed_at <= now,
            columns.window_end >= _at(connection, AFTERNOON),
        )
        .group_by(columns.weapon_class, columns.attack_day)
    )
    for weapon_class, day, launched in connection.execute(more_than_night):
        found[weapon_class].add_daytime(day, launched)
    disputed: set[str] = set()
    for weapon_class, day, source, *sums_of_day in connection.execute(query):
        if source is None:
            disputed.add(weapon_class)
        else:
            found[weapon_class].add(day, source, *sums_of_day)
    for weapon_class in disputed:
        told = in_force(connection, theatre, weapon_class, moment, columns.agreed_at.is_(None))
        reports = (entry.report for entry in told if entry.report.attack_day <= until)
        for report in Salvos.of(reports).standing:
            found[weapon_class].add_report(report)
    return found


def _at(connection: Connection, clock: time) -> sa.ColumnElement[Any]:
    """An hour of the attack day, as something that a window can be compared with."""
    day = report_table.c.attack_day
    if connection.dialect.name == "sqlite":  # keeps both as text, and a date is the beginning of its moments
        return sa.type_coerce(day, sa.Text).concat(f" {clock:%H:%M}")
    return sa.type_coerce(day, sa.DateTime) + timedelta(hours=clock.hour)


DOUBLE_HOUR = 3
"""Of the clock, when summer time ends in Kyiv."""
_STORED = tuple(name for name in REPORT_FIELDS if name != "published_at")


def _as_stored(values: Sequence[object], published_at: datetime | None, window_end_utc: datetime) -> SalvoReport:
    """The report of a row of the ledger, not checked again: it was when it was read."""
    report = object.__new__(SalvoReport)
    for name, value in zip(_STORED, values, strict=True):
        object.__setattr__(report, name, value)
    object.__setattr__(report, "published_at", published_at)
    end = report.window_end
    # The moment tells which of the two hours that a clock shows twice. Of two starts the later: windows are short.
    if end.hour == DOUBLE_HOUR and end.replace(tzinfo=KYIV).astimezone(UTC).replace(tzinfo=None) != window_end_utc:
        object.__setattr__(report, "window_end", end.replace(fold=1))
        object.__setattr__(report, "window_start", report.window_start.replace(fold=int(report.window_start <= end)))
    return report
