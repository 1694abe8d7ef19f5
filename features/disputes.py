"""Which reports of the ledger may be of one salvo with others, so that no sum takes them for plain ones."""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from features.records import LONGEST_WINDOW
from features.sightings import NEWS, Relation, Salvos, area_named, related, source_rank
from features.tables import report_table, sighting_table
from features.views import in_force

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
        told = (columns.target_area, columns.window_start, columns.window_end, sighting_table.c.source)
        query = sa.select(*told, columns.id).join(sighting_table, sighting_table.c.report_id == columns.id)
        query = query.where(
            columns.theatre == theatre, columns.weapon_class == weapon_class, columns.attack_day.between(first, last)
        )
        suspects = _suspects(connection, query, theatre)
        # Of one key all windows are the same.
        windows: dict[tuple[bytes, str], _Window] = {}
        for start in range(0, len(suspects), ROWS_AT_ONCE):
            closer = query.with_only_columns(*told, columns.key_digest)
            for row in connection.execute(closer.where(columns.id.in_(suspects[start : start + ROWS_AT_ONCE]))):
                windows[row[-1], row[-2]] = _Window(theatre, *row)
        groups = related(windows.values(), attrgetter("source"))
        _dispute(connection, [key for group in groups if len(group) > 1 for key in {one.key_digest for one in group}])


def _suspects(connection: Connection, query: sa.Select[Any], theatre: str) -> list[int]:
    """The ids of the reports that may be of one salvo with another: their windows touch, and no area tells them apart.

    Most reports of a large table are of an area and night of their own, and need no closer look. query: the area,
    window, source and id of each, which are kept as numbers, so that a million of them fit.
    """
    seconds = cache(lambda moment: int((moment - datetime.min).total_seconds()))  # many rows share a time
    numbers = tuple(array("q") for _ in range(5))
    area, start, end, rank, report_id = numbers
    for rows in connection.execute(query).partitions(ROWS_AT_ONCE):
        areas, starts, ends, sources, ids = zip(*rows, strict=True)
        area.extend([hash(area_named(text, theatre)) for text in areas])
        start.extend(map(seconds, starts))
        end.extend(map(seconds, ends))
        rank.extend(map(source_rank, sources))
        report_id.extend(ids)
    if not report_id:
        return []
    areas_of, starts_of, ends_of, ranks_of, ids_of = (np.frombuffer(each, np.int64) for each in numbers)
    # A window may end before it begins by the clock on the wall, when summer time does.
    windows = np.stack([starts_of, np.maximum(starts_of, ends_of)]) - starts_of.min()
    of_area = windows + np.unique(areas_of, return_inverse=True)[1] * (windows.max() + 1)  # no two areas touch
    found = np.zeros(ids_of.size, bool)
    for one in np.unique(ranks_of):
        mine = ranks_of == one
        if one == NEWS:
            found[mine] = _n_touching(windows[:, mine], windows) > 1
        else:
            found[mine] = _n_touching(of_area[:, mine], of_area[:, mine]) > 1
            found[mine] |= _n_touching(windows[:, mine], windows[:, ~mine]) > 0
    return sorted(set(ids_of[found].tolist()))


def _n_touching(windows: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) how many of the others, themselves included if they are among them, windows share a moment with.

    Both are (2, n): starts and ends.
    """
    starts, ends = np.sort(others)
    touching: NDArray[np.int64] = np.searchsorted(starts, windows[1], "right") - np.searchsorted(ends, windows[0])
    return touching


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
