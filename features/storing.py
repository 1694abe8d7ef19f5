"""Writing one file into the ledger: what of it is new, chunk by chunk, inside the transaction of its ingest."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
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
        self._windows: dict[tuple[str, str, datetime, datetime, int], _Window] = {}
        self._next_id = (connection.scalar(sa.select(sa.func.max(report_table.c.id))) or 0) + 1
        self._written = _Written() if self._next_id == 1 else None
        self.anything = False
        self.series: set[tuple[str, str]] = set()
        self.days = (date.max, date.min)

    def store(self, chunk: Sequence[SalvoReport | RejectedRow]) -> IngestCounts:
        """Stores what is new of a chunk of rows, and counts them."""
        rejected = [row for row in chunk if isinstance(row, RejectedRow)]
        numbered = enumerate(chunk, start=self._rows_before + 1)
        told = [self._told(number, row) for number, row in numbered if isinstance(row, SalvoReport)]
        self._rows_before += len(chunk)
        salvos = self._known([one.key for one in told])
        if not self._confirmed and (held := self._held(told, salvos)):
            rejected += held.values()
            told = [one for one in told if one.number not in held]
        changed: dict[bytes, _Salvo] = {}  # of those that are known
        new_reports: list[tuple[_Salvo, tuple[Any, ...]]] = []
        new_sightings: list[tuple[Any, ...]] = []
        added = revised = unchanged = flagged = 0
        for _, report, window, key, content, content_digest in told:
            stated = report.published_at is not None
            dated = utc(report.published_at) if report.published_at is not None else self._published
            sighting = (dated or self._recorded, content_digest, not stated, report.source)
            flagged += bool(report.flags)
            salvo = salvos.get(key)
            if is_first := salvo is None:
                salvo = salvos[key] = _Salvo(window.end_utc)
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
                of_salvo = (report.theatre, report.weapon_class, report.window_start, report.window_end)
                where = (window.end_utc, window.day, report.target_area, report.reporter)
                new_reports.append((salvo, (report_id, key, content_digest, *of_salvo, *where, *content)))
            salvo.sightings.add(sighting)
            if not is_first:
                changed[key] = salvo
            new_sightings.append((report_id, self._batch_id, sighting[0], stated, report.source))
            self.series.add((report.theatre, report.weapon_class))
            if window.day < self.days[0] or window.day > self.days[1]:
                self.days = min(self.days[0], window.day), max(self.days[1], window.day)
        self._write(new_reports, new_sightings, changed)
        new_rejected = self._waiting.add(rejected)
        self._waiting.take_reports(one.report for one in told)
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

    def _told(self, number: int, report: SalvoReport) -> "_Told":
        start, end = report.window_start, report.window_end
        of_window = (report.theatre, report.weapon_class, start, end, end.fold)
        window = self._windows.get(of_window)
        if window is None:
            # ISO has no word for the second of two hours.
            named = (*of_window[:2], start.isoformat(), end.isoformat() + "+" * end.fold)
            window = _Window(repr(named).removesuffix(")"), utc(end.replace(tzinfo=KYIV)), report.attack_day)
            self._windows[of_window] = window
        key = _digest(f"{window.named}, {report.target_area!r}, {report.reporter!r})")
        content = _content(report)
        return _Told(number, report, window, key, content, _digest(repr(content)))

    def end(self) -> None:
        """To be called after the last chunk: rows that waited, and stand right in this file, wait no longer."""
        self._waiting.settle()

    def _held(self, told: "Sequence[_Told]", salvos: "Mapping[bytes, _Salvo]") -> dict[int, RejectedRow]:
        """Row number -> the report that the record cannot bear; what the ledger knows already it can."""
        new: dict[tuple[str, str], list[tuple[int, SalvoReport]]] = {}
        for number, report, _, key, _, content in told:
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
        new_reports: "Sequence[tuple[_Salvo, tuple[Any, ...]]]",
        new_sightings: Sequence[tuple[Any, ...]],
        changed: "Mapping[bytes, _Salvo]",
    ) -> None:
        _insert(self._connection, report_table, _REPORT, [(*row, *salvo.agreed) for salvo, row in new_reports])
        _insert(self._connection, sighting_table, _SIGHTING, new_sightings)
        first_new = new_reports[0][1][0] if new_reports else self._next_id
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
        if self._written is not None:
            keys = self._written.of(keys)
        if not keys:
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


class _Written:
    """What of an empty ledger this batch has filled: most keys of a large file are new, and need not be looked up."""

    def __init__(self) -> None:
        self._beginnings = np.zeros(1 << 24, bool)  # of keys, by three bytes

    def of(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those that may have been asked for before: all that were, and of a million one new key in sixteen."""
        if not keys:
            return []
        beginnings = np.frombuffer(b"".join(keys), ">u4")[:: KEY_BYTES // 4] >> 8
        before = np.flatnonzero(self._beginnings[beginnings])
        self._beginnings[beginnings] = True
        return [keys[index] for index in before.tolist()]


class _Window(NamedTuple):
    """What the reports of one series and window have in common. named: how the keys of their salvos begin."""

    named: str
    end_utc: datetime
    day: date


class _Told(NamedTuple):
    """A report, its place in the file, and what it is known by: the digests of its key and of its content."""

    number: int
    report: SalvoReport
    window: _Window
    key: bytes
    content: tuple[Any, ...]
    content_digest: bytes


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


_CONTENT = (*COUNT_FIELDS, "shot_down_by_area")
_REPORT = (
    *("id", "key_digest", "content_digest", "theatre", "weapon_class", "window_start", "window_end"),
    *("window_end_utc", "attack_day", "target_area", "reporter", *_CONTENT, "agreed_at", "agreed_source"),
)
_SIGHTING = ("report_id", "batch_id", "known_at", "stated", "source")
_content = attrgetter(*_CONTENT)


def _insert(connection: Connection, table: sa.Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts rows of these columns."""
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])
        return
    # Straight to the driver: SQLAlchemy's binding of every value would take longer than all the rest of an ingest. For
    # anything but int, float, str and bytearray the driver looks for an adapter, which takes as long as two columns.
    columns: dict[str, Iterable[Any]] = {}
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        match table.c[name].type:
            case _ if column[0] is None and column.count(None) == len(column):
                continue  # it is null where it is not named
            case sa.Date() | sa.DateTime():
                texts = {moment: _text(moment) for moment in set(column)}  # many rows share a time
                columns[name] = [texts[moment] for moment in column]
            case sa.LargeBinary():
                columns[name] = map(bytearray, column)
            case sa.Boolean():
                columns[name] = map(int, column)
            case _:
                columns[name] = column
    insert = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    connection.exec_driver_sql(insert, list(zip(*columns.values(), strict=True)))


def _text(moment: date | None) -> str | None:
    """A time, or a day, as SQLAlchemy writes it into SQLite."""
    if isinstance(moment, datetime):
        return moment.isoformat(" ", "microseconds")
    return moment.isoformat() if moment is not None else None


KEY_BYTES = 16


def _digest(text: str) -> bytes:
    """Of a tuple of values as Python writes it."""
    return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()
