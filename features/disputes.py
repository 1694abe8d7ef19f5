"""Which reports of the ledger may be of one salvo with others, so that no sum takes them for plain ones."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.sightings import related
from features.tables import report_table, sighting_table

LONGEST_WINDOW = timedelta(days=7)
"""As `SalvoReport` allows it."""


class _Window(NamedTuple):
    theatre: str
    target_area: str
    window_start: datetime
    window_end: datetime
    source: str
    key_digest: bytes


def dispute_related(connection: Connection, series: Iterable[tuple[str, str]], first: date, last: date) -> None:
    """Marks as disputed the reports of attack days from `first` to `last` that others may tell again, and those.

    That is told by windows, areas and sources alone (`features.sightings.related`), so a mark holds at every moment.
    """
    columns = report_table.c
    for theatre, weapon_class in series:
        query = (
            sa.select(
                columns.theatre,
                columns.target_area,
                columns.window_start,
                columns.window_end,
                sighting_table.c.source,
                columns.key_digest,
            )
            .distinct()
            .join(sighting_table, sighting_table.c.report_id == columns.id)
            .where(
                columns.theatre == theatre,
                columns.weapon_class == weapon_class,
                columns.attack_day.between(first - LONGEST_WINDOW, last + LONGEST_WINDOW),
            )
        )
        windows = [_Window(*row) for row in connection.execute(query)]
        groups = related(windows, lambda one: one.source)
        _dispute(connection, [key for group in groups if len(group) > 1 for key in {one.key_digest for one in group}])


def _dispute(connection: Connection, keys: Sequence[bytes]) -> None:
    if keys:
        connection.execute(
            report_table.update()
            .where(report_table.c.key_digest == sa.bindparam("of"), report_table.c.agreed_at.is_not(None))
            .values(agreed_at=None, agreed_source=None),
            [{"of": key} for key in keys],
        )
