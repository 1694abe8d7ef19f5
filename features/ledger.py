"""The append-only ledger of reports: what was known, and since when.

The ledger is a set of sightings: "this report, with these counts, was public at that time". A set has no order, so
the same files read in any order, or twice, give the same ledger. Everything else is derived from it when asked:
revisions (the sightings of one salvo in the order in which they became known) and `as_of` (the newest sighting of
each salvo that was public by then).

When a report became public: the time its source states; else, for the first sighting of a salvo, the end of its window
(assumed); else, for a changed count, the time its file came out or, where that is unknown too, the time it was read:
a revision is never shown before anybody can have seen it.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Self
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from features.errors import InputError, SalvocastError, unknown_name
from features.history import LaunchHistory
from features.records import KYIV, MISSILES, REPORT_FIELDS, SHAHED, UKRAINE, QuietDayRule, SalvoReport
from features.sources.reading import Reading, RejectedRow

SCHEMA_REVISION = "0001"
"""The newest migration. Compared before Alembic is loaded, because loading it costs more than the whole query."""

CHUNK = 5_000
"""Rows looked up and written at a time: bounds the memory of an ingest."""

metadata = sa.MetaData()

batch_table = sa.Table(
    "batch",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("published_at", sa.DateTime, comment="UTC"),
    sa.Column("recorded_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("rows_read", sa.Integer, nullable=False),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("revised", sa.Integer, nullable=False),
    sa.Column("unchanged", sa.Integer, nullable=False),
    sa.Column("quarantined", sa.Integer, nullable=False),
)
report_table = sa.Table(
    "report",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key_digest", sa.LargeBinary(16), nullable=False),
    sa.Column("content_digest", sa.LargeBinary(16), nullable=False),
    sa.Column("theatre", sa.String(40), nullable=False),
    sa.Column("weapon_class", sa.String(40), nullable=False),
    sa.Column("window_start", sa.DateTime, nullable=False, comment="local time of the theatre"),
    sa.Column("window_end", sa.DateTime, nullable=False, comment="local time of the theatre"),
    sa.Column("window_end_utc", sa.DateTime, nullable=False),
    sa.Column("target_area", sa.Text, nullable=False),
    sa.Column("reporter", sa.Text, nullable=False),
    sa.Column("launched", sa.Integer, nullable=False),
    sa.Column("shot_down", sa.Integer),
    sa.Column("suppressed", sa.Integer),
    sa.Column("still_airborne", sa.Integer),
    sa.Column("strike_drones", sa.Integer),
    sa.Column("jet_drones", sa.Integer),
    sa.Column("impact_sites", sa.Integer),
    sa.Column("debris_sites", sa.Integer),
    sa.Column("launch_areas", sa.Integer),
    sa.Column("shot_down_by_area", sa.Text),
    sa.UniqueConstraint("key_digest", "content_digest", name="uq_report_version"),
)
sa.Index("ix_report_series", report_table.c.theatre, report_table.c.weapon_class, report_table.c.window_end_utc)
sighting_table = sa.Table(
    "sighting",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("report_id", sa.ForeignKey("report.id"), nullable=False),
    sa.Column("batch_id", sa.ForeignKey("batch.id"), nullable=False),
    sa.Column("known_at", sa.DateTime, nullable=False, comment="UTC"),
    sa.Column("stated", sa.Boolean, nullable=False),
    sa.Column("source", sa.String(40), nullable=False),
    sa.UniqueConstraint("report_id", "known_at", "stated", "source", name="uq_sighting"),
)
quarantine_table = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("batch_id", sa.ForeignKey("batch.id"), nullable=False),
    sa.Column("row", sa.Integer, nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)


def end_of_day(day: date, zone: ZoneInfo = KYIV) -> datetime:
    """The moment of an origin `day`: its reports are in, those of the next night are not (UTC)."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)


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
    first_rejection: RejectedRow | None = None

    def __add__(self, other: "IngestCounts") -> "IngestCounts":
        return IngestCounts(
            self.rows_read + other.rows_read,
            self.added + other.added,
            self.revised + other.revised,
            self.unchanged + other.unchanged,
            self.quarantined + other.quarantined,
            self.flagged + other.flagged,
            self.first_rejection or other.first_rejection,
        )


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """A report with its provenance in the ledger (times in UTC)."""

    report: SalvoReport
    published_at: datetime
    published_at_assumed: bool
    recorded_at: datetime
    revision: int
    """1 for the first counts known of a salvo, and one more for every change of them."""


class Ledger:
    """The ledger in one database. Use `with Ledger.open(url) as ledger`.

    Every writing call is one transaction: killed at any moment, the ledger holds all of it or nothing.
    Raises SalvocastError, in one line, where the database cannot be reached, written or is locked.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str | sa.URL) -> Self:
        """Opens the ledger at an SQLAlchemy URL and brings its schema up to date."""
        try:
            engine = sa.create_engine(url)
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
            raise SalvocastError(
                "SALVOCAST_LEDGER_URL is not a database that can be opened "
                f"({_first_line(error)}): expected an SQLAlchemy URL such as sqlite:////path/ledger.db"
            ) from error
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
        ledger = cls(engine)
        ledger._migrate()
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def ingest(self, reading: Reading, recorded_at: datetime) -> IngestCounts:
        """Adds what `reading` holds that the ledger does not know yet, in one transaction.

        recorded_at: now, with zone. Rows that are no report are kept in the quarantine with their reason.
        """
        recorded = _utc(recorded_at)
        with self._transaction() as connection:
            if self._already_read(connection, reading):
                n_rows = sum(1 for _ in reading.rows)
                return IngestCounts(rows_read=n_rows, unchanged=n_rows)
            batch_id = connection.scalars(
                batch_table.insert()
                .returning(batch_table.c.id)
                .values(
                    source=reading.source,
                    digest=reading.digest,
                    published_at=_utc(reading.published_at) if reading.published_at else None,
                    recorded_at=recorded,
                    rows_read=0,
                    added=0,
                    revised=0,
                    unchanged=0,
                    quarantined=0,
                )
            ).one()
            counts = IngestCounts()
            stored = False
            rows = _without_future(reading.rows, recorded_at)
            while chunk := list(islice(rows, CHUNK)):
                chunk_counts, chunk_stored = self._store(connection, chunk, reading, recorded, batch_id)
                counts += chunk_counts
                stored |= chunk_stored
            if stored:
                connection.execute(
                    batch_table.update()
                    .where(batch_table.c.id == batch_id)
                    .values(
                        rows_read=counts.rows_read,
                        added=counts.added,
                        revised=counts.revised,
                        unchanged=counts.unchanged,
                        quarantined=counts.quarantined,
                    )
                )
            else:
                connection.execute(batch_table.delete().where(batch_table.c.id == batch_id))
            return counts

    def as_of(self, moment: datetime, theatre: str = UKRAINE, weapon_class: str = SHAHED) -> list[LedgerReport]:
        """The reports of one series as they stood published at `moment` (with zone), oldest window first."""
        current: dict[bytes, LedgerReport] = {}
        for key, entry in self._entries(theatre, weapon_class):
            if entry.published_at <= moment:
                current[key] = entry
        return sorted(current.values(), key=lambda entry: (entry.report.window_end, entry.report.key))

    def history(
        self,
        theatre: str = UKRAINE,
        weapon_class: str = SHAHED,
        rule: QuietDayRule = QuietDayRule.BEFORE_2025,
        origin: date | None = None,
    ) -> LaunchHistory:
        """The daily series as published by `origin`; without one, as known now, until the last report.

        The same call serves a live forecast and every origin of a backtest. Raises InputError for a series that is not
        in the ledger, and for an origin before its first report.
        """
        self.check_series(theatre, weapon_class)
        moment = end_of_day(origin) if origin else _END_OF_TIME
        reports = [entry.report for entry in self.as_of(moment, theatre, weapon_class)]
        if not reports:
            first = self.as_of(_END_OF_TIME, theatre, weapon_class)[0]
            raise InputError(
                f"origin {origin} is before the first report of {weapon_class} in theatre {theatre}, "
                f"{first.report.attack_day}: choose a later one"
            )
        history = LaunchHistory.from_reports(reports, until=origin, rule=rule)
        if weapon_class != SHAHED:
            return history
        # Combined strikes: what else was launched on the same days may tell about the days to come.
        missiles = [entry.report for kind in MISSILES for entry in self.as_of(moment, theatre, kind)]
        return history.with_missiles(missiles)

    def revisions(self, theatre: str = UKRAINE, weapon_class: str = SHAHED) -> list[LedgerReport]:
        """Every version of every salvo whose counts changed, salvo by salvo in the order of becoming known."""
        versions: dict[bytes, list[LedgerReport]] = {}
        for key, entry in self._entries(theatre, weapon_class):
            versions.setdefault(key, []).append(entry)
        return [entry for entries in versions.values() if len(entries) > 1 for entry in entries]

    def series(self) -> list[tuple[str, str, int]]:
        """The (theatre, weapon class, number of salvos) that the ledger holds."""
        columns = report_table.c
        query = (
            sa.select(columns.theatre, columns.weapon_class, sa.func.count(columns.key_digest.distinct()))
            .group_by(columns.theatre, columns.weapon_class)
            .order_by(columns.theatre, columns.weapon_class)
        )
        with self._connection() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    def check_series(self, theatre: str, weapon_class: str) -> None:
        """Raises InputError, with the names that are known, for a series that the ledger does not hold."""
        series = self.series()
        if not series:
            raise InputError("the ledger is empty: ingest reports first (salvocast ingest bundled)")
        theatres = {known for known, _, _ in series}
        if theatre not in theatres:
            raise unknown_name("theatre", theatre, theatres)
        classes = {weapon for known, weapon, _ in series if known == theatre}
        if weapon_class not in classes:
            raise unknown_name("weapon class", weapon_class, classes)

    def batches(self) -> list[RowMapping]:
        """The files that brought something new, oldest first (columns of the table `batch`, times in UTC)."""
        with self._connection() as connection:
            return list(connection.execute(sa.select(batch_table).order_by(batch_table.c.id)).mappings())

    def quarantine(self) -> list[RowMapping]:
        """The rows that could not be a report: source, row, raw, reason, recorded_at (UTC)."""
        query = (
            sa.select(quarantine_table, batch_table.c.source, batch_table.c.recorded_at)
            .join(batch_table, batch_table.c.id == quarantine_table.c.batch_id)
            .order_by(quarantine_table.c.id)
        )
        with self._connection() as connection:
            return list(connection.execute(query).mappings())

    def _entries(self, theatre: str, weapon_class: str) -> Iterator[tuple[bytes, LedgerReport]]:
        """Each salvo's sightings that changed something, in the order of becoming known."""
        query = (
            sa.select(
                report_table,
                sighting_table.c.known_at,
                sighting_table.c.stated,
                sighting_table.c.source,
                batch_table.c.recorded_at,
            )
            .join(sighting_table, sighting_table.c.report_id == report_table.c.id)
            .join(batch_table, batch_table.c.id == sighting_table.c.batch_id)
            .where(report_table.c.theatre == theatre, report_table.c.weapon_class == weapon_class)
            # Two sources that state different counts for the same second have no order in time; any fixed one will do.
            # Of the same counts, a time that was stated goes before one that was assumed.
            .order_by(
                report_table.c.key_digest,
                sighting_table.c.known_at,
                report_table.c.content_digest,
                sighting_table.c.stated.desc(),
                sighting_table.c.source,
            )
        )
        key = content = None
        revision = 0
        with self._connection() as connection:
            for row in connection.execute(query).mappings():
                first = row["key_digest"] != key
                if not first and row["content_digest"] == content:
                    continue
                revision = 1 if first else revision + 1
                key, content = row["key_digest"], row["content_digest"]
                assumed = not row["stated"]
                published = row["window_end_utc"] if first and assumed else row["known_at"]
                published_at = published.replace(tzinfo=UTC)
                report = SalvoReport(
                    **{name: row[name] for name in REPORT_FIELDS if name != "published_at"},
                    published_at=None if assumed else published_at,
                )
                yield key, LedgerReport(report, published_at, assumed, row["recorded_at"].replace(tzinfo=UTC), revision)

    def _already_read(self, connection: Connection, reading: Reading) -> bool:
        query = sa.select(batch_table.c.id).where(
            batch_table.c.source == reading.source, batch_table.c.digest == reading.digest
        )
        return connection.execute(query).first() is not None

    def _store(
        self,
        connection: Connection,
        chunk: Sequence[SalvoReport | RejectedRow],
        reading: Reading,
        recorded: datetime,
        batch_id: int,
    ) -> tuple[IngestCounts, bool]:
        """Stores what is new of a chunk of rows; returns its counts and whether anything was stored."""
        rejected = [row for row in chunk if isinstance(row, RejectedRow)]
        reports = [(_digest(row.key), row) for row in chunk if isinstance(row, SalvoReport)]
        salvos = self._known(connection, [key for key, _ in reports])
        new_reports: list[dict[str, Any]] = []
        new_sightings: list[tuple[bytes, _Sighting]] = []
        added = revised = unchanged = 0
        for key, report in reports:
            dated = report.published_at or reading.published_at
            stated = report.published_at is not None
            sighting = _Sighting(_digest(report.content), _utc(dated or recorded), stated, report.source)
            salvo = salvos.setdefault(key, _Salvo())
            in_force = salvo.in_force(sighting.known_at)
            if in_force is None:
                added += 1
            elif in_force == sighting.content:
                unchanged += 1
            else:
                revised += 1
            # A file of unknown age does not say since when its counts were public, so only a change is news.
            if sighting in salvo.sightings or (dated is None and in_force == sighting.content):
                continue
            if sighting.content not in salvo.report_ids:
                salvo.report_ids[sighting.content] = len(new_reports)  # replaced below by the database's id
                new_reports.append(_report_row(report, key, sighting.content))
            salvo.sightings.add(sighting)
            new_sightings.append((key, sighting))
        if new_reports:
            ids = connection.scalars(
                report_table.insert().returning(report_table.c.id, sort_by_parameter_order=True), new_reports
            )
            for row, report_id in zip(new_reports, ids, strict=True):
                salvos[row["key_digest"]].report_ids[row["content_digest"]] = report_id
        if new_sightings:
            connection.execute(
                sighting_table.insert(),
                [
                    {
                        "report_id": salvos[key].report_ids[sighting.content],
                        "batch_id": batch_id,
                        "known_at": sighting.known_at,
                        "stated": sighting.stated,
                        "source": sighting.source,
                    }
                    for key, sighting in new_sightings
                ],
            )
        if rejected:
            connection.execute(
                quarantine_table.insert(),
                [{"batch_id": batch_id, "row": row.row, "raw": row.raw, "reason": row.reason} for row in rejected],
            )
        counts = IngestCounts(
            rows_read=len(chunk),
            added=added,
            revised=revised,
            unchanged=unchanged,
            quarantined=len(rejected),
            flagged=sum(1 for _, report in reports if report.flags),
            first_rejection=rejected[0] if rejected else None,
        )
        return counts, bool(new_sightings or rejected)

    def _known(self, connection: Connection, keys: Sequence[bytes]) -> "dict[bytes, _Salvo]":
        query = (
            sa.select(
                report_table.c.key_digest,
                report_table.c.content_digest,
                report_table.c.id,
                sighting_table.c.known_at,
                sighting_table.c.stated,
                sighting_table.c.source,
            )
            .join(sighting_table, sighting_table.c.report_id == report_table.c.id)
            .where(report_table.c.key_digest.in_(keys))
        )
        salvos: dict[bytes, _Salvo] = {}
        for key, content, report_id, known_at, stated, source in connection.execute(query):
            salvo = salvos.setdefault(key, _Salvo())
            salvo.report_ids[content] = report_id
            salvo.sightings.add(_Sighting(content, known_at, stated, source))
        return salvos

    def _migrate(self) -> None:
        with self._connection() as connection:
            if _schema_revision(connection) == SCHEMA_REVISION:
                return
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "features:migrations")
        with self._transaction() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise SalvocastError(
                    f"the ledger has schema {_schema_revision(connection)}, this release knows up to "
                    f"{SCHEMA_REVISION}: use the release that wrote it, or a newer one"
                ) from error

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (sa.exc.DBAPIError, sa.exc.InterfaceError) as error:
            raise SalvocastError(self._told(error)) from error

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One writer at a time: a second ingest waits, and then sees what the first one wrote."""
        with self._connection() as connection:
            writing = connection.execution_options(salvocast_writes=True)
            with writing.begin():
                if writing.dialect.name == "postgresql":
                    writing.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                yield writing

    def _told(self, error: Exception) -> str:
        url = self._engine.url.render_as_string(hide_password=True)
        reason = _first_line(error)
        advice = "see that it can be reached and written, or set SALVOCAST_LEDGER_URL or SALVOCAST_HOME"
        if "locked" in reason:
            advice = "another process is writing to it; nothing was changed, try again"
        elif "full" in reason or "disk I/O" in reason:
            advice = "make room on its disk; nothing was changed"
        return f"the ledger {url} failed ({reason}): {advice}"


_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_ADVISORY_LOCK = 7_258_822_78
"""Any number, so long as every Salvocast uses the same one on a PostgreSQL server."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    content: bytes
    known_at: datetime
    stated: bool
    source: str


@dataclass(slots=True)
class _Salvo:
    """What the ledger holds of one salvo: its versions (content digest to report id) and their sightings."""

    report_ids: dict[bytes, int] = field(default_factory=dict)
    sightings: set[_Sighting] = field(default_factory=set)

    def in_force(self, moment: datetime) -> bytes | None:
        """The content known at `moment`; before the first sighting, that of the first one; None without any."""
        if not self.sightings:
            return None
        ordered = sorted(self.sightings, key=lambda sighting: (sighting.known_at, sighting.content))
        earlier = [sighting for sighting in ordered if sighting.known_at <= moment]
        return (earlier[-1] if earlier else ordered[0]).content


def _without_future(
    rows: Iterator[SalvoReport | RejectedRow], recorded_at: datetime
) -> Iterator[SalvoReport | RejectedRow]:
    """The rows, with a report of a window that has not ended yet turned into a rejection: readers have no clock."""
    for number, row in enumerate(rows, start=1):
        if isinstance(row, SalvoReport) and row.window_end.replace(tzinfo=KYIV) > recorded_at:
            raw = {name: str(value) for name in REPORT_FIELDS if (value := getattr(row, name)) is not None}
            reason = f"window_end is {row.window_end.isoformat()}, which has not come yet: expected a past window"
            yield RejectedRow(number, json.dumps(raw, ensure_ascii=False), reason)
        else:
            yield row


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling commits before DDL and defers locks; the "begin" event below does neither.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 20000")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("salvocast_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _schema_revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


def _report_row(report: SalvoReport, key: bytes, content: bytes) -> dict[str, Any]:
    row = {name: getattr(report, name) for name in REPORT_FIELDS if name not in ("published_at", "source")}
    window_end_utc = _utc(report.window_end.replace(tzinfo=KYIV))
    return row | {"key_digest": key, "content_digest": content, "window_end_utc": window_end_utc}


def _digest(values: tuple[Any, ...]) -> bytes:
    return hashlib.blake2b(repr(values).encode(), digest_size=16).digest()


def _utc(moment: datetime) -> datetime:
    """The moment in UTC without its zone, as the database keeps it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
