"""Which reports of the ledger may be of one salvo with others, so that no sum takes them for plain ones."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.sightings import Relation, Salvos, related
from features.tables import report_table, sighting_table
from features.views import in_force

LONGEST_WINDOW = timedelta(days=7)
"""As `SalvoReport` allows it."""
ROWS_AT_ONCE = 10_000
"""As the database gives them: each takes more memory than what is kept of it."""
SHOWN = 7
"""Days whose count changed that are named when a ledger is mended."""


class _Window(NamedTuple):
    theatre: str
    target_area: str
    window_start: datetime
    window_end: datetime
    source: str
    key_digest: bytes


def dispute_related(
    connection: Connection, series: Iterable[tuple[str, str]], first: date = date.min, last: date = date.max
) -> None:
    """Marks as disputed the reports of attack days from `first` to `last` that others may tell again, and those.

    That is told by windows, areas and sources alone (`features.sightings.related`), so a mark holds at every moment.
    """
    columns = report_table.c
    first = max(first, date.min + LONGEST_WINDOW) - LONGEST_WINDOW
    last = min(last, date.max - LONGEST_WINDOW) + LONGEST_WINDOW
    for theatre, weapon_class in series:
        query = (
            sa.select(
                columns.target_area,
                columns.window_start,
                columns.window_end,
                sighting_table.c.source,
                columns.key_digest,
            )
            .join(sighting_table, sighting_table.c.report_id == columns.id)
            .where(
                columns.theatre == theatre,
                columns.weapon_class == weapon_class,
                columns.attack_day.between(first, last),
            )
        )
        # Of one key all windows are the same.
        windows: dict[tuple[bytes, str], _Window] = {}
        for rows in connection.execute(query).partitions(ROWS_AT_ONCE):
            windows.update({(row[-1], row[-2]): _Window(theatre, *row) for row in rows})
        groups = related(windows.values(), attrgetter("source"))
        _dispute(connection, [key for group in groups if len(group) > 1 for key in {one.key_digest for one in group}])


def mend(connection: Connection, theatre: str, weapon_class: str) -> str | None:
    """Marks the nights of a series that an earlier release added up though they were told again.

    Returns what that changes, in one line; None where it changes nothing. No report is deleted.
    """
    reports = [entry.report for entry in in_force(connection, theatre, weapon_class, datetime.max.replace(tzinfo=UTC))]
    salvos = Salvos.of(reports)
    dispute_related(connection, [(theatre, weapon_class)])
    told_again = [one for one in salvos.lost if one.relation is not Relation.OUTRANKED]  # those never were added
    if not told_again:
        return None
    before, after = Counter[date](), Counter[date]()
    for total, counted in ((before, reports), (after, salvos.standing)):
        for report in counted:
            total[report.attack_day] += report.launched
    days = sorted({day for one in told_again for day in (one.report.attack_day, one.stands.attack_day)})
    changes = [f"{day} {before[day]:,} -> {after[day]:,}" for day in days if before[day] != after[day]]
    more = f" and {len(changes) - SHOWN:,} more days" if len(changes) > SHOWN else ""
    many = len(told_again) > 1
    return (
        f"the ledger counted nights more than once: {len(told_again):,} report{'s' if many else ''} of {theatre} "
        f"{weapon_class} told a night again, and {'add' if many else 'adds'} nothing from now on "
        f"(launched: {', '.join(changes[:SHOWN]) or 'no day changes'}{more}); see salvocast data revisions"
    )


def _dispute(connection: Connection, keys: Sequence[bytes]) -> None:
    if keys:
        connection.execute(
            report_table.update()
            .where(report_table.c.key_digest == sa.bindparam("of"), report_table.c.agreed_at.is_not(None))
            .values(agreed_at=None, agreed_source=None),
            [{"of": key} for key in keys],
        )
