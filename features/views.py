"""What the sightings come to: the versions of a salvo, the reports in force at a moment, and their daily sums."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.history import DailySums, source_rank, without_overlaps
from features.records import KYIV, REPORT_FIELDS, SalvoReport
from features.snapshots import Gaps
from features.tables import batch_table, report_table, sighting_table


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """A report with its provenance in the ledger (times in UTC)."""

    report: SalvoReport
    published_at: datetime
    published_at_assumed: bool
    recorded_at: datetime
    revision: int
    """1 for the first counts known of a salvo, and one more for every change of them."""


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


_Told = tuple[str, int, int | None, int | None, int | None]
"""Of one day and source: the source, drones launched, neutralised, armed, and launched in reports that tell armed."""


def daily_sums(
    connection: Connection, theatre: str, weapon_classes: Sequence[str], moment: datetime, until: date
) -> dict[str, DailySums]:
    """Weapon class -> the counts by attack day as they stood published at `moment` (with zone), up to a day.

    The same as the sums of `in_force` without the overlaps. The database adds up the salvos whose sightings agree;
    looked at one by one are those that were revised, and days on which sources of different rank tell.
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
    agreed: dict[str, dict[date, list[_Told]]] = {name: {} for name in weapon_classes}
    disputed: set[str] = set()
    for weapon_class, day, source, *sums_of_day in connection.execute(query):
        if source is None:
            disputed.add(weapon_class)
        else:
            agreed[weapon_class].setdefault(day, []).append((source, *sums_of_day))
    found = {}
    for weapon_class, days in agreed.items():
        one_by_one = []
        if weapon_class in disputed:
            entries_of = in_force(connection, theatre, weapon_class, moment, columns.agreed_at.is_(None))
            one_by_one = [entry.report for entry in entries_of if entry.report.attack_day <= until]
        mixed = _days_of_several_ranks(days, one_by_one)
        if mixed:
            conditions = (columns.agreed_at <= now, columns.attack_day.in_(mixed))
            one_by_one += [e.report for e in in_force(connection, theatre, weapon_class, moment, *conditions)]
        sums = DailySums.of(without_overlaps(one_by_one))
        for day in days.keys() - mixed:
            for told in days[day]:
                sums.add(day, *told)
        found[weapon_class] = sums
    return found


def _days_of_several_ranks(days: dict[date, list[_Told]], reports: Collection[SalvoReport]) -> set[date]:
    """The days of `days` on which sources of different rank tell, here or in `reports`."""
    others: dict[date, set[int]] = {}
    for report in reports:
        others.setdefault(report.attack_day, set()).add(source_rank(report.source))
    return {
        day
        for day, told in days.items()
        if (len(told) > 1 or day in others)
        and len({source_rank(source) for source, *_ in told} | others.get(day, set())) > 1
    }


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
