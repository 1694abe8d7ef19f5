"""Writing one file into the ledger: what of it is new, chunk by chunk, inside the transaction of its ingest."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from features.database import utc
from features.plausibility import Record
from features.records import COUNT_FIELDS, KYIV, SalvoReport
from features.sources.reading import Reading, RejectedRow
from features.tables import report_table, sighting_table
from features.waiting import Waiting, own_row


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """What became of the rows of one file: rows_read = added + revised + unchanged + quarantined."""

    rows_read: int = 0
    added: int = 0
    revised: int = 0
    unchanged: int = 0
    quarantined: int = 0
    flagged: int = 0
    """Of the rows kept, those with something odd about them (SalvoReport.flags)."""
    rejected_before: int = 0
    """Of the rows in quarantine, those that were there before this file was read."""
    first_rejection: RejectedRow | None = None
    """Of those that were not."""

    def __add__(self, other: "IngestCounts") -> "IngestCounts":
        return IngestCounts(
            self.rows_read + other.rows_read,
            self.added + other.added,
            self.revised + other.revised,
            self.unchanged + other.unchanged,
            self.quarantined + other.quarantined,
            self.flagged + other.flagged,
            self.rejected_before + other.rejected_before,
            self.first_rejection or other.first_rejection,
        )


class Storing:
    """One batch being written. Nobody else writes meanwhile, so the ids of its reports can be given here.

    recorded: when the file was read (UTC, without zone). anything: whether anything was new; series: the (theatre,
    weapon class) of the reports that were; days: their first and last attack day.
    """

    def __init__(
        self, connection: Connection, reading: Reading, recorded: datetime, batch_id: int, *, confirmed: bool
    ) -> None:
        self._connection = connection
        self._recorded = recorded
        self._published = utc(reading.published_at) if reading.published_at else None
        self._batch_id = batch_id
        self._waiting = Waiting(connection, reading, batch_id, recorded)
        self._confirmed = confirmed
        self._records: dict[tuple[str, str], Record] = {}
        self._rows_before = 0
        self._ends: dict[tuple[datetime, int], datetime] = {}
        self._next_id = (connection.scalar(sa.select(sa.func.max(report_table.c.id))) or 0) + 1
        self.anything = False
        self.series: set[tuple[str, str]] = set()
        self.days = (date.max, date.min)

    def store(self, chunk: Sequence[SalvoReport | RejectedRow]) -> IngestCounts:
        """Stores what is new of a chunk of rows, and counts them."""
        rejected = [row for row in chunk if isinstance(row, RejectedRow)]
        numbered = enumerate(chunk, start=self._rows_before + 1)
        keyed = [(number, _digest(_key(row)), row) for number, row in numbered if isinstance(row, SalvoReport)]
        self._rows_before += len(chunk)
        salvos = self._known([key for _, key, _ in keyed])
        held = {} if self._confirmed else self._held(keyed, salvos)
        rejected += held.values()
        reports = [(key, row) for number, key, row in keyed if number not in held]
        changed: dict[bytes, _Salvo] = {}
        new_reports: list[dict[str, Any]] = []
        new_sightings: list[dict[str, Any]] = []
        added = revised = unchanged = flagged = 0
        for key, report in reports:
            content = _content(report)
            content_digest = _digest(content)
            stated = report.published_at is not None
            dated = utc(report.published_at) if report.published_at is not None else self._published
            sighting = (dated or self._recorded, content_digest, not stated, report.source)
            flagged += bool(report.flags)
            salvo = salvos.get(key)
            if salvo is None:
                salvo = salvos[key] = _Salvo(self._in_utc(report.window_end))
            if not salvo.sightings:
                added += 1
            else:
                seen = sighting in salvo.sightings
                in_force = salvo.in_force(sighting[0])
                if seen or in_force == content_digest:
                    unchanged += 1
                else:
                    revised += 1
                # A file of unknown age does not say since when its counts were public, so only a change is news.
                if seen or (dated is None and in_force == content_digest):
                    continue
            report_id = salvo.report_ids.get(content_digest)
            if report_id is None:
                report_id = salvo.report_ids[content_digest] = self._next_id
                self._next_id += 1
                new_reports.append(_report_row(report, key, content_digest, content, salvo.window_end_utc, report_id))
            salvo.sightings.add(sighting)
            changed[key] = salvo
            new_sightings.append(
                {
                    "report_id": report_id,
                    "batch_id": self._batch_id,
                    "known_at": sighting[0],
                    "stated": stated,
                    "source": report.source,
                }
            )
            self.series.add((report.theatre, report.weapon_class))
            self.days = min(self.days[0], report.attack_day), max(self.days[1], report.attack_day)
        self._write(new_reports, new_sightings, changed)
        new_rejected = self._waiting.add(rejected)
        self._waiting.take_reports(report for _, report in reports)
        self.anything |= bool(new_sightings or new_rejected)
        return IngestCounts(
            rows_read=len(chunk),
            added=added,
            revised=revised,
            unchanged=unchanged,
            quarantined=len(rejected),
            flagged=flagged,
            rejected_before=len(rejected) - len(new_rejected),
            first_rejection=new_rejected[0] if new_rejected else None,
        )

    def _in_utc(self, window_end: datetime) -> datetime:
        """The end of a window in UTC: many reports share it."""
        end = window_end, window_end.fold
        if end not in self._ends:
            self._ends[end] = utc(window_end.replace(tzinfo=KYIV))
        return self._ends[end]

    def end(self) -> None:
        """To be called after the last chunk: rows that waited, and stand right in this file, wait no longer."""
        self._waiting.settle()

    def _held(
        self, reports: Sequence[tuple[int, bytes, SalvoReport]], salvos: "Mapping[bytes, _Salvo]"
    ) -> dict[int, RejectedRow]:
        """Row number -> the report that the record cannot bear; what the ledger knows already it can."""
        new: dict[tuple[str, str], list[tuple[int, SalvoReport]]] = {}
        for number, key, report in reports:
            content = _digest(_content(report))
            if key not in salvos or all(content != known for _, known, *_ in salvos[key].sightings):
                new.setdefault((report.theatre, report.weapon_class), []).append((number, report))
        held = {}
        for series, rows in new.items():
            if series not in self._records:
                self._records[series] = Record(self._connection, *series)
            doubts = self._records[series].doubts([report for _, report in rows])
            for (number, report), doubt in zip(rows, doubts, strict=True):
                if doubt:
                    held[number] = own_row(number, report, doubt, held=True)
        return held

    def _write(
        self,
        new_reports: Sequence[dict[str, Any]],
        new_sightings: Sequence[dict[str, Any]],
        changed: "Mapping[bytes, _Salvo]",
    ) -> None:
        for row in new_reports:
            row["agreed_at"], row["agreed_source"] = changed[row["key_digest"]].agreed
        if new_reports:
            _insert(self._connection, report_table, new_reports)
        if new_sightings:
            _insert(self._connection, sighting_table, new_sightings)
        first_new = new_reports[0]["id"] if new_reports else self._next_id
        stale = [
            {"of": report_id, "at": salvo.agreed[0], "by": salvo.agreed[1]}
            for salvo in changed.values()
            for report_id in salvo.report_ids.values()
            if report_id < first_new
        ]
        if stale:
            self._connection.execute(
                report_table.update()
                .where(report_table.c.id == sa.bindparam("of"))
                .values(agreed_at=sa.bindparam("at"), agreed_source=sa.bindparam("by")),
                stale,
            )

    def _known(self, keys: Sequence[bytes]) -> "dict[bytes, _Salvo]":
        if self._next_id == 1:  # nothing is in the ledger yet
            return {}
        query = (
            sa.select(
                report_table.c.key_digest,
                report_table.c.content_digest,
                report_table.c.id,
                report_table.c.window_end_utc,
                sighting_table.c.known_at,
                sighting_table.c.stated,
                sighting_table.c.source,
            )
            # Versions without a sighting were undone: their rows are there to be used again.
            .outerjoin(sighting_table, sighting_table.c.report_id == report_table.c.id)
            .where(report_table.c.key_digest.in_(keys))
        )
        salvos: dict[bytes, _Salvo] = {}
        for key, content, report_id, window_end, known_at, stated, source in self._connection.execute(query):
            salvo = salvos.get(key)
            if salvo is None:
                salvo = salvos[key] = _Salvo(window_end)
            salvo.report_ids[content] = report_id
            if known_at is not None:
                salvo.sightings.add((known_at, content, not stated, source))
        return salvos


_Sighting = tuple[datetime, bytes, bool, str]
"""Since when known (UTC), content digest, whether that time is assumed, source: sorted as they became known.

Two sources that state different counts for the same second have no order in time; any fixed one will do. Of the same
counts, a time that was stated goes before one that was assumed.
"""


@dataclass(slots=True)
class _Salvo:
    """What the ledger holds of one salvo: its versions (content digest to report id) and their sightings."""

    window_end_utc: datetime
    report_ids: dict[bytes, int] = field(default_factory=dict)
    sightings: set[_Sighting] = field(default_factory=set)

    def in_force(self, moment: datetime) -> bytes:
        """The content known at `moment`; before the first sighting, that of the first one."""
        ordered = sorted(self.sightings)
        earlier = [sighting for sighting in ordered if sighting[0] <= moment]
        return (earlier[-1] if earlier else ordered[0])[1]

    @property
    def agreed(self) -> tuple[datetime | None, str | None]:
        """Since when, and from which source, the counts are known that all sightings agree on; None if they differ."""
        if len(self.report_ids) > 1:
            return None, None
        known_at, _, assumed, source = min(self.sightings)
        return (self.window_end_utc if assumed else known_at), source


def _insert(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows of the same columns. The times in them may be turned into what the database keeps."""
    if connection.dialect.name != "sqlite":
        connection.execute(table.insert(), rows)
        return
    # Straight to the driver: SQLAlchemy's binding of every value would take longer than all the rest of an ingest.
    times = [name for name in rows[0] if isinstance(table.c[name].type, sa.DateTime)]
    days = [name for name in rows[0] if isinstance(table.c[name].type, sa.Date)]
    texts: dict[date | None, str | None] = {None: None}  # many rows share a time
    for row in rows:
        for name in times:
            if (moment := row[name]) not in texts:
                texts[moment] = moment.isoformat(" ", "microseconds")
            row[name] = texts[moment]
        for name in days:
            if (day := row[name]) not in texts:
                texts[day] = day.isoformat()
            row[name] = texts[day]
    names = list(rows[0])
    places = ", ".join("?" * len(names))
    insert = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})"
    connection.exec_driver_sql(insert, [tuple(row.values()) for row in rows])


_content = attrgetter(*COUNT_FIELDS, "shot_down_by_area")
_COLUMNS = (*COUNT_FIELDS, "shot_down_by_area")


def _report_row(
    report: SalvoReport,
    key: bytes,
    content_digest: bytes,
    content: Iterable[Any],
    window_end_utc: datetime,
    report_id: int,
) -> dict[str, Any]:
    row = dict(zip(_COLUMNS, content, strict=True))
    row["id"] = report_id
    row["key_digest"] = key
    row["content_digest"] = content_digest
    row["theatre"] = report.theatre
    row["weapon_class"] = report.weapon_class
    row["window_start"] = report.window_start
    row["window_end"] = report.window_end
    row["window_end_utc"] = window_end_utc
    row["attack_day"] = report.attack_day
    row["target_area"] = report.target_area
    row["reporter"] = report.reporter
    return row


def _key(report: SalvoReport) -> tuple[str, ...]:
    return (
        report.theatre,
        report.weapon_class,
        report.window_start.isoformat(),
        report.window_end.isoformat() + "+" * report.window_end.fold,  # ISO has no word for the second of two hours
        report.target_area,
        report.reporter,
    )


def _digest(values: tuple[Any, ...]) -> bytes:
    return hashlib.blake2b(repr(values).encode(), digest_size=16).digest()
