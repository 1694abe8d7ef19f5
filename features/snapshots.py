"""Snapshots: files that state the whole of a record, so that what they lack is news as well.

A snapshot states every salvo of its series from the oldest to the newest window that it holds. From that follow two
facts about a salvo of the same record that a snapshot lacks, whatever the order in which the files were read:

- sighted before, it was withdrawn: the compilers moved its window, say. It is hidden from that snapshot on, until a
  later one has it again, so that the old and the new row are never both counted;
- sighted only later, it was not known yet: it became public with the first snapshot that has it, not as its window
  ended.

What anything but a snapshot states (a team's table, a repaired row) is neither hidden nor held back.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from features.errors import InputError
from features.records import KYIV, SalvoReport
from features.sources.reading import Reading, RejectedRow
from features.tables import batch_table, coverage_table, report_table, sighting_table, undone

ONE_RECORD = ("bundled", "kaggle")
"""Two names of one record: what is bundled was recast from the table that `kaggle` reads."""

SHOWN = 3
"""Missing salvos that a refusal names."""


@dataclass(slots=True)
class Span:
    """The window ends from the oldest to the newest salvo of a file, as its rows pass by."""

    first: datetime = datetime.max
    last: datetime = datetime.min

    def widen(self, rows: Iterable[SalvoReport | RejectedRow]) -> None:
        for row in rows:
            if isinstance(row, SalvoReport):
                self.first, self.last = min(self.first, row.window_end), max(self.last, row.window_end)


@dataclass(frozen=True, slots=True)
class Gaps:
    """What snapshots lack of one series, by the key digest of the salvo (times in UTC, without zone).

    hidden: from when to when (None: for good) a salvo is withdrawn. late: when a salvo became public that an earlier
    snapshot lacks.
    """

    hidden: Mapping[bytes, Sequence[tuple[datetime, datetime | None]]] = field(default_factory=dict)
    late: Mapping[bytes, datetime] = field(default_factory=dict)

    def hidden_at(self, moment: datetime) -> list[bytes]:
        """The salvos that are withdrawn at a moment (with zone)."""
        now = moment.astimezone(UTC).replace(tzinfo=None)
        return [
            key
            for key, spans in self.hidden.items()
            if any(start <= now and (end is None or now < end) for start, end in spans)
        ]

    @classmethod
    def of(cls, connection: Connection, theatre: str, weapon_class: str) -> Self:
        """The gaps of one series; a record of one snapshot has none."""
        hidden: dict[bytes, list[tuple[datetime, datetime | None]]] = {}
        late: dict[bytes, datetime] = {}
        for record, snapshots in _snapshots(connection, theatre, weapon_class).items():
            suspects = _suspects(connection, theatre, weapon_class, record, snapshots)
            for key, rows in groupby(_sightings(connection, suspects), key=lambda row: row.key_digest):
                sightings = list(rows)
                spans, known_late = _gaps_of(sightings, record, snapshots)
                if spans:
                    hidden[key] = spans
                if known_late:
                    late[key] = sightings[0].known_at
        return cls(hidden, late)


def remember(connection: Connection, batch_id: int, reading: Reading, span: Span, known_at: datetime) -> None:
    """Stores what a snapshot covers; nothing for a file without a report."""
    if span.first <= span.last:
        connection.execute(
            coverage_table.insert(),
            [
                {
                    "batch_id": batch_id,
                    "known_at": known_at,
                    "theatre": theatre,
                    "weapon_class": weapon_class,
                    "first_end": span.first,
                    "last_end": span.last,
                }
                for theatre, weapon_class in reading.covers
            ],
        )


def refuse_shrunk(connection: Connection, reading: Reading, known_at: datetime, *, undated: bool) -> None:
    """Raises InputError where a snapshot, stored in this transaction, states less than the one before it.

    Less is: a column that is read is gone, or fewer salvos of a weapon class up to the last window of the one before.
    A moved window does not make it less: one salvo is gone, one has come. The one before is the newest of the same
    record that came out earlier, so snapshots can be read in any order. undated: it stands from now for want of a date.
    """
    before = connection.execute(
        sa.select(coverage_table.c.known_at, coverage_table.c.last_end, batch_table.c.read_as)
        .join(batch_table, batch_table.c.id == coverage_table.c.batch_id)
        .where(
            batch_table.c.source.in_(_record(reading.source)),
            batch_table.c.id.not_in(undone),
            coverage_table.c.known_at < known_at,
        )
        .order_by(coverage_table.c.known_at.desc(), coverage_table.c.last_end.desc())
        .limit(1)
    ).first()
    if before is None:
        return
    losses = [f"column '{name}' is gone" for name in _columns(before.read_as) if name not in _columns(reading.read_as)]
    # The bundled facts have no file whose columns could drift.
    losses = losses if reading.read_as else []
    old, new = (_counted(connection, reading.source, moment, before.last_end) for moment in (before.known_at, known_at))
    fewer = [
        series for series in sorted(old) if series in reading.covers and len(new.get(series, {})) < len(old[series])
    ]
    losses += [
        f"{weapon_class} {len(new.get((theatre, weapon_class), {})):,} salvos instead of "
        f"{len(old[theatre, weapon_class]):,}"
        for theatre, weapon_class in fewer
    ]
    if not losses:
        return
    gone = (
        f"{row.window_end:%Y-%m-%d %H:%M} {row.target_area or '-'} ({row.weapon_class}, launched {row.launched})"
        for series in fewer
        for key, row in old[series].items()
        if key not in new.get(series, {})
    )
    named = ", ".join(islice(gone, SHOWN))
    cure = "fetch it again, or pass --accept-shrink if it is right"
    if undated:
        cure = "an older one needs its date in its name, such as missile_attacks_daily.2024-10-31.csv; else " + cure
    day = before.known_at.replace(tzinfo=UTC).astimezone(KYIV).date()
    raise InputError(
        f"this snapshot states less than that of {day}: {'; '.join(losses)}{f'; gone are {named}' if named else ''}; "
        f"nothing of it was stored: {cure}"
    )


def dispute_gaps(connection: Connection, series: Iterable[tuple[str, str]]) -> None:
    """Marks the salvos that snapshots lack as disputed, so that no sum takes them for plain ones."""
    for theatre, weapon_class in series:
        gaps = Gaps.of(connection, theatre, weapon_class)
        keys = [{"of": key} for key in {*gaps.hidden, *gaps.late}]
        if keys:
            connection.execute(
                report_table.update()
                .where(report_table.c.key_digest == sa.bindparam("of"), report_table.c.agreed_at.is_not(None))
                .values(agreed_at=None, agreed_source=None),
                keys,
            )


@dataclass(frozen=True, slots=True)
class _Snapshot:
    known_at: datetime
    first_end: datetime
    last_end: datetime

    def covers(self, window_end: datetime) -> bool:
        return self.first_end <= window_end <= self.last_end


def _record(source: str) -> tuple[str, ...]:
    return ONE_RECORD if source in ONE_RECORD else (source,)


def _columns(read_as: str | None) -> list[str]:
    return list(json.loads(read_as or "{}").get("columns", ()))


def _snapshots(connection: Connection, theatre: str, weapon_class: str) -> dict[tuple[str, ...], list[_Snapshot]]:
    """Record -> its snapshots of a series, oldest first, where there are several."""
    query = (
        sa.select(batch_table.c.source, coverage_table)
        .join(batch_table, batch_table.c.id == coverage_table.c.batch_id)
        .where(
            coverage_table.c.theatre == theatre,
            coverage_table.c.weapon_class == weapon_class,
            batch_table.c.id.not_in(undone),
        )
        .order_by(coverage_table.c.known_at)
    )
    found: dict[tuple[str, ...], dict[datetime, _Snapshot]] = {}
    for row in connection.execute(query):
        of_record = found.setdefault(_record(row.source), {})
        other = of_record.get(row.known_at, row)  # two files of one moment are one snapshot
        first, last = min(row.first_end, other.first_end), max(row.last_end, other.last_end)
        of_record[row.known_at] = _Snapshot(row.known_at, first, last)
    return {record: list(snapshots.values()) for record, snapshots in found.items() if len(snapshots) > 1}


def _suspects(
    connection: Connection, theatre: str, weapon_class: str, record: tuple[str, ...], snapshots: Sequence[_Snapshot]
) -> list[bytes]:
    """The salvos that were sighted by fewer snapshots than cover them."""
    query = (
        sa.select(
            report_table.c.key_digest, report_table.c.window_end, sa.func.count(sighting_table.c.known_at.distinct())
        )
        .join(sighting_table, sighting_table.c.report_id == report_table.c.id)
        .where(
            report_table.c.theatre == theatre,
            report_table.c.weapon_class == weapon_class,
            sighting_table.c.source.in_(record),
            sighting_table.c.stated.is_(False),
        )
        .group_by(report_table.c.key_digest, report_table.c.window_end)
    )
    firsts = sorted(snapshot.first_end for snapshot in snapshots)
    lasts = sorted(snapshot.last_end for snapshot in snapshots)
    return [
        key
        for key, end, sighted in connection.execute(query)
        if sighted < bisect_right(firsts, end) - bisect_left(lasts, end)
    ]


def _sightings(connection: Connection, keys: Sequence[bytes]) -> Iterable[Row[Any]]:
    columns = (report_table.c.key_digest, report_table.c.window_end, report_table.c.window_end_utc)
    query = (
        sa.select(*columns, sighting_table.c.known_at, sighting_table.c.stated, sighting_table.c.source)
        .join(sighting_table, sighting_table.c.report_id == report_table.c.id)
        .where(report_table.c.key_digest.in_(keys))
        .order_by(report_table.c.key_digest, sighting_table.c.known_at)
    )
    return connection.execute(query) if keys else ()


def _gaps_of(
    sightings: Sequence[Row[Any]], record: tuple[str, ...], snapshots: Sequence[_Snapshot]
) -> tuple[list[tuple[datetime, datetime | None]], bool]:
    """When one salvo is hidden, and whether it became public late; sightings and snapshots are oldest first."""
    if any(row.stated or row.source not in record for row in sightings):
        return [], False
    known = [row.known_at for row in sightings]
    lacking = [
        snapshot.known_at
        for snapshot in snapshots
        if snapshot.covers(sightings[0].window_end) and snapshot.known_at not in known
    ]
    late = any(sightings[0].window_end_utc <= moment < known[0] for moment in lacking)
    spans: dict[datetime | None, datetime] = {}
    for moment in lacking:
        if moment > known[0]:
            spans.setdefault(next((later for later in known if later > moment), None), moment)
    return [(start, end) for end, start in spans.items()], late


def _counted(
    connection: Connection, source: str, known_at: datetime, last_end: datetime
) -> dict[tuple[str, str], dict[bytes, Row[Any]]]:
    """Series -> the salvos up to a window end that a snapshot of this record states, by key."""
    query = (
        sa.select(report_table)
        .join(sighting_table, sighting_table.c.report_id == report_table.c.id)
        .where(
            sighting_table.c.source.in_(_record(source)),
            sighting_table.c.stated.is_(False),
            sighting_table.c.known_at == known_at,
            report_table.c.window_end <= last_end,
        )
        .order_by(report_table.c.window_end, report_table.c.target_area)
    )
    found: dict[tuple[str, str], dict[bytes, Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault((row.theatre, row.weapon_class), {})[row.key_digest] = row
    return found
