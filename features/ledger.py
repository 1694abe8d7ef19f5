"""The append-only ledger of reports: what was known, and since when.

The ledger is a set of sightings: "this report, with these counts, was public at that time". A set has no order, so
the same files read in any order, or twice, give the same ledger. Everything else is derived from it when asked:
revisions (the sightings of one salvo in the order in which they became known) and `as_of` (the newest sighting of
each salvo that was public by then).

When a report became public: the time its source states; else, for the first sighting of a salvo, the end of its window
(assumed); else, for a changed count, the time its file came out or, where that is unknown too, the time it was read:
a revision is never shown before anybody can have seen it.
"""

import gc
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from features.database import Database, utc
from features.disputes import dispute_related, mend
from features.errors import InputError, unknown_name
from features.history import LaunchHistory, PublishedValues
from features.plausibility import Record
from features.records import KYIV, MISSILES, SHAHED, UKRAINE, QuietDayRule, SalvoReport
from features.sightings import Lost, Salvos
from features.snapshots import Gaps, Span, dispute_gaps, refuse_shrunk, remember
from features.sources.reading import Reading, RejectedRow
from features.stocks import StockCount, read_counts, store_counts
from features.storing import IngestCounts, Storing
from features.tables import (
    batch_table,
    decision_table,
    report_table,
    stated,
    stock_table,
    total_table,
    undone_batch_table,
)
from features.totals import StatedTotal, read_totals, store_total
from features.undo import undo_batch
from features.views import LedgerReport, daily_sums, entries, in_force
from features.waiting import held_counts, own_row, quarantined, settle

CHUNK = 5_000
"""Rows looked up and written at a time: bounds the memory of an ingest."""


def end_of_day(day: date, zone: ZoneInfo = KYIV) -> datetime:
    """The moment of an origin: the reports of that day are in, those of the next night are not.

    Parameters
    ----------
    day : date
        An attack day.
    zone : ZoneInfo
        In which attack days are counted.

    Returns
    -------
    datetime
        In UTC.

    Examples
    --------
    >>> end_of_day(date(2026, 4, 30)).isoformat()
    '2026-04-30T21:00:00+00:00'
    """
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)


ONE_NIGHT_ONCE = "0004"
"""The schema of the first release that counts a night once."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What was decided about a row in quarantine: its kind (`features.waiting`), and with which cells or why."""

    row_id: int
    kind: str
    reason: str


class Ledger(Database):
    """The ledger in one database. Use `with Ledger.open(url) as ledger`.

    Every writing call is one transaction: killed at any moment, the ledger holds all of it or nothing.
    Raises SalvocastError, in one line, where the database cannot be reached, written or is locked.
    """

    def _migrate(self) -> str | None:
        before = super()._migrate()
        if before is not None and before < ONE_NIGHT_ONCE:
            from features.logs import notify

            for theatre, weapon_class, _ in self.series():
                with self._transaction() as connection:
                    if merged := mend(connection, theatre, weapon_class):
                        notify("mended", merged)
        return before

    def ingest(
        self,
        reading: Reading,
        recorded_at: datetime,
        *,
        accept_shrink: bool = False,
        settles: "Settlement | None" = None,
    ) -> IngestCounts:
        """Adds what a reading holds that the ledger does not know yet, in one transaction.

        Parameters
        ----------
        reading : Reading
            Its rows are consumed. Those that are no report are kept in the quarantine with their reason. A snapshot of
            unknown age stands from when it was read.
        recorded_at : datetime
            Now, with zone.
        accept_shrink : bool
            Whether a snapshot may state less than the one before it.
        settles : Settlement, optional
            The row in quarantine that this reading is the repair of.

        Returns
        -------
        IngestCounts
            What became of the rows.

        Raises
        ------
        InputError
            For a snapshot that states less than the one before it; nothing is stored.
        """
        recorded = utc(recorded_at)
        undated = reading.published_at is None
        if reading.covers and undated:
            reading = replace(reading, published_at=recorded_at)
        with self._transaction() as connection, _collector_paused():
            if (rejected := self._already_read(connection, reading)) is not None:
                n_rows = sum(1 for _ in reading.rows)
                return IngestCounts(
                    rows_read=n_rows, unchanged=n_rows - rejected, quarantined=rejected, rejected_before=rejected
                )
            batch_id = connection.scalars(
                batch_table.insert()
                .returning(batch_table.c.id)
                .values(
                    source=reading.source,
                    digest=reading.digest,
                    published_at=utc(reading.published_at) if reading.published_at else None,
                    recorded_at=recorded,
                    read_as=reading.read_as,
                    rows_read=0,
                    added=0,
                    revised=0,
                    unchanged=0,
                    quarantined=0,
                )
            ).one()
            counts = IngestCounts()
            storing = Storing(connection, reading, recorded, batch_id, confirmed=settles is not None)
            span = Span()
            rows = _without_future(reading.rows, recorded_at)
            while chunk := list(islice(rows, CHUNK)):
                counts += storing.store(chunk)
                if reading.covers:
                    span.widen(chunk)
                gc.collect(0)  # of what a reader leaves behind
            storing.end()
            if settles is not None:
                self._settle(connection, settles, recorded)
            if storing.anything and reading.covers and reading.published_at is not None:
                remember(connection, batch_id, reading, span, utc(reading.published_at))
                if not accept_shrink:
                    refuse_shrunk(connection, reading, utc(reading.published_at), undated=undated)
            if storing.anything:
                dispute_gaps(connection, storing.series | set(reading.covers))
                if storing.series:
                    dispute_related(connection, storing.series, *storing.days)
            # Of unknown age, it is remembered without news too: read again after a change, it would look like one.
            if storing.anything or reading.published_at is None:
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
        """The reports of one series as they stood published at a moment.

        Parameters
        ----------
        moment : datetime
            With zone; see `end_of_day`.
        theatre, weapon_class : str
            Of the series, here and below.

        Returns
        -------
        list of LedgerReport
            Oldest window first.
        """
        with self._connection() as connection:
            return in_force(connection, theatre, weapon_class, moment)

    def history(
        self,
        theatre: str = UKRAINE,
        weapon_class: str = SHAHED,
        rule: QuietDayRule | None = None,
        origin: date | None = None,
        covariates: Sequence[PublishedValues] = (),
    ) -> LaunchHistory:
        """The daily series as published by an origin.

        The same call serves a live forecast and every origin of a backtest.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.
        rule : QuietDayRule, optional
            Which silent days were quiet; None for that of `QuietDayRule.default_for`.
        origin : date, optional
            The attack day whose reports are the last that count; None for all that is known now, until the last report.
        covariates : sequence of features.covariates.Covariate
            What else is told of the same days; of each value what was public by the origin.

        Returns
        -------
        LaunchHistory
            One count a day; of drones also the missiles of the same days.

        Raises
        ------
        InputError
            For a series that is not in the ledger, and for an origin before its first report.
        """
        rule = rule or QuietDayRule.default_for(theatre, weapon_class)
        moment = end_of_day(origin) if origin else _END_OF_TIME
        # Combined strikes: what else was launched on the same days may tell about the days to come.
        others = MISSILES if weapon_class == SHAHED else ()
        with self._connection() as connection:
            sums = daily_sums(connection, theatre, (weapon_class, *others), moment, origin or date.max)
            held = held_counts(connection, theatre, weapon_class, origin or date.max)
        if not sums[weapon_class].launched:
            self.check_series(theatre, weapon_class)
            raise InputError(
                "origin {origin} is before the first report of {weapons} in theatre {theatre}, {first}: choose a later "
                "one",
                field="origin",
                origin=origin,
                weapons=weapon_class,
                theatre=theatre,
                first=self._first_day(theatre, weapon_class),
            )
        history = LaunchHistory.from_daily(theatre, weapon_class, sums[weapon_class], until=origin, rule=rule)
        seen = {each.name: each.as_of(moment, history.days) for each in covariates}
        history = replace(history, held=held, covariates=seen)
        if not others:
            return history
        missiles = Counter[date]()
        for kind in others:
            missiles.update(sums[kind].launched)
        return history.with_missiles(missiles)

    def others(self, history: LaunchHistory) -> tuple[LaunchHistory, ...]:
        """The other series, as published by the last day of a history, for models that learn from many.

        Parameters
        ----------
        history : LaunchHistory
            Of one series; its last day is the origin.

        Returns
        -------
        tuple of LaunchHistory
            By theatre and weapon class, each until the same day; a series without a report by then is left out.
        """
        found = []
        for theatre, weapon_class, _ in self.series():
            if (theatre, weapon_class) != (history.theatre, history.weapon_class):
                with suppress(InputError):
                    found.append(self.history(theatre, weapon_class, origin=history.last_day))
        return tuple(found)

    def doubts(self, reports: Sequence[SalvoReport]) -> list[str]:
        """Why reports would be held for a person's word (`features.plausibility`).

        Parameters
        ----------
        reports : sequence of SalvoReport
            Not read into the ledger yet.

        Returns
        -------
        list of str
            Of each the reason, '' where it would not be held.
        """
        with self._connection() as connection:
            return [Record(connection, one.theatre, one.weapon_class).doubts([one])[0] for one in reports]

    def revisions(self, theatre: str = UKRAINE, weapon_class: str = SHAHED) -> list[LedgerReport]:
        """Every version of every salvo whose counts changed.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        list of LedgerReport
            Salvo by salvo, each in the order of becoming known.
        """
        versions: dict[bytes, list[LedgerReport]] = {}
        for key, entry in self._entries(theatre, weapon_class):
            versions.setdefault(key, []).append(entry)
        return [entry for entries in versions.values() if len(entries) > 1 for entry in entries]

    def told_again(self, theatre: str = UKRAINE, weapon_class: str = SHAHED) -> tuple[Lost, ...]:
        """The reports that add nothing as known now.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        tuple of Lost
            Why each adds nothing, and what stands for it; oldest window first.
        """
        return self.salvos(theatre, weapon_class).lost

    def salvos(self, theatre: str = UKRAINE, weapon_class: str = SHAHED) -> Salvos:
        """The salvos of a series as known now.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        Salvos
            The reports that add up, and those that add nothing.
        """
        return Salvos.of(entry.report for entry in self.as_of(_END_OF_TIME, theatre, weapon_class))

    def state_total(self, total: StatedTotal, recorded_at: datetime) -> bool:
        """Keeps the total of a month (`features.totals`), which is no salvo of any day.

        Parameters
        ----------
        total : StatedTotal
            As somebody stated it.
        recorded_at : datetime
            Now, with zone.

        Returns
        -------
        bool
            Whether it is new.
        """
        with self._transaction() as connection:
            return store_total(connection, total, utc(recorded_at))

    def totals(self, theatre: str = UKRAINE, weapon_class: str = SHAHED) -> list[StatedTotal]:
        """The totals of months that were stated of a series.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        list of StatedTotal
            Of each source the last that it stated of a month, oldest month first.
        """
        with self._connection() as connection:
            return read_totals(connection, theatre, weapon_class)

    def count_stocks(self, counts: Sequence[StockCount], recorded_at: datetime, *, correct: bool = False) -> int:
        """Keeps counts of stocks (`features.stocks`): all of them or none.

        Parameters
        ----------
        counts : sequence of StockCount
            As somebody stated them.
        recorded_at : datetime
            Now, with zone.
        correct : bool
            Whether they may say something else than earlier counts of the same day, which are kept beside them.

        Returns
        -------
        int
            How many are new.

        Raises
        ------
        InputError
            For a count of the future, of before the first report of its theatre, and for two of a day that disagree.
        """
        with self._transaction() as connection:
            return store_counts(connection, counts, utc(recorded_at), correct=correct)

    def stock_counts(self, theatre: str = UKRAINE, origin: date | None = None) -> list[StockCount]:
        """The counts of a theatre's stocks as known by an origin.

        Parameters
        ----------
        theatre : str
            Whose they are.
        origin : date, optional
            The attack day at whose end they had to be known; None for all that is known now.

        Returns
        -------
        list of StockCount
            Of each layer and day the last, by layer and day.
        """
        with self._connection() as connection:
            return read_counts(connection, theatre, end_of_day(origin) if origin else None)

    def withdrawn(
        self, theatre: str = UKRAINE, weapon_class: str = SHAHED
    ) -> list[tuple[LedgerReport, datetime, datetime | None]]:
        """The salvos that a later snapshot lacks.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        list of (LedgerReport, datetime, datetime or None)
            The last version before it, since when, and until when it lacks (UTC; None: for good); oldest window first.
        """
        hidden = self._gaps(theatre, weapon_class).hidden
        last: dict[tuple[bytes, datetime], tuple[LedgerReport, datetime, datetime | None]] = {}
        for key, entry in self._entries(theatre, weapon_class):
            for start, end in hidden.get(key, ()):
                since, until = start.replace(tzinfo=UTC), end.replace(tzinfo=UTC) if end else None
                if entry.published_at < since:
                    last[key, start] = entry, since, until
        return sorted(last.values(), key=lambda entry: (entry[0].report.window_end, entry[0].report.key, entry[1]))

    def late(self, theatre: str = UKRAINE, weapon_class: str = SHAHED) -> list[LedgerReport]:
        """The salvos that an earlier snapshot lacks.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Returns
        -------
        list of LedgerReport
            As they first became known; oldest window first.
        """
        late = self._gaps(theatre, weapon_class).late
        first = [entry for key, entry in self._entries(theatre, weapon_class) if key in late and entry.revision == 1]
        return sorted(first, key=lambda entry: (entry.report.window_end, entry.report.key))

    def series(self) -> list[tuple[str, str, int]]:
        """The series that the ledger holds.

        Returns
        -------
        list of (str, str, int)
            Theatre, weapon class and number of salvos in force, in alphabetical order.
        """
        columns = report_table.c
        series = (columns.theatre, columns.weapon_class)
        query = sa.select(*series, sa.func.count(columns.agreed_at), sa.func.count()).where(stated).group_by(*series)
        found = []
        with self._connection() as connection:
            for theatre, weapon_class, agreed, versions in connection.execute(query.order_by(*series)).all():
                salvos = agreed
                if versions > agreed:  # only the others may be told again, withdrawn or revised
                    disputed = in_force(connection, theatre, weapon_class, _END_OF_TIME, columns.agreed_at.is_(None))
                    salvos += len(Salvos.of(entry.report for entry in disputed).standing)
                found.append((theatre, weapon_class, salvos))
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of all that was read, taken back, decided, stated and counted here, and when: equal digests, equal
        views. Reports come in batches, so these tell of them."""
        state = hashlib.sha256()
        with self._connection() as connection:
            for table in (batch_table, undone_batch_table, decision_table, total_table, stock_table):
                rows = connection.execute(sa.select(table).order_by(*table.primary_key.columns))
                state.update(repr((table.name, [tuple(row) for row in rows])).encode())
        return state.hexdigest()

    def check_series(self, theatre: str, weapon_class: str) -> None:
        """Nothing, for a series that the ledger holds.

        Parameters
        ----------
        theatre, weapon_class : str
            Of the series.

        Raises
        ------
        InputError
            For any other, with the names that are known.
        """
        series = self.series()
        if not series:
            raise InputError("the ledger is empty: ingest reports first (salvocast ingest bundled)")
        theatres = {known for known, _, _ in series}
        if theatre not in theatres:
            raise unknown_name("theatre", theatre, theatres, field="theatre")
        classes = {weapon for known, weapon, _ in series if known == theatre}
        if weapon_class not in classes:
            raise unknown_name("weapon class", weapon_class, classes, field="weapon_class")

    def batches(self) -> list[RowMapping]:
        """The files that brought something new.

        Returns
        -------
        list of RowMapping
            Oldest first: the columns of the table `batch`, times in UTC; undone_at and undone_why, where one was
            undone.
        """
        query = (
            sa.select(batch_table, undone_batch_table.c.undone_at, undone_batch_table.c.reason.label("undone_why"))
            .outerjoin(undone_batch_table, undone_batch_table.c.batch_id == batch_table.c.id)
            .order_by(batch_table.c.id)
        )
        with self._connection() as connection:
            return list(connection.execute(query).mappings())

    def quarantine(self, *, settled: bool = False) -> list[RowMapping]:
        """The rows that could not be a report and wait for a decision.

        Parameters
        ----------
        settled : bool
            Whether to list those decided about as well.

        Returns
        -------
        list of RowMapping
            id, source, row, raw, reason, held, read_as, published_at, recorded_at (UTC) and, where settled, decision,
            decided_at, decided_why. A row that several files have is one.
        """
        with self._connection() as connection:
            return quarantined(connection, settled=settled)

    def release(self, settlement: "Settlement", decided_at: datetime) -> None:
        """Marks a row in quarantine as dealt with. It is kept.

        Parameters
        ----------
        settlement : Settlement
            Which row, and what was decided.
        decided_at : datetime
            Now, with zone.
        """
        with self._transaction() as connection:
            self._settle(connection, settlement, utc(decided_at))

    def _settle(self, connection: Connection, settlement: "Settlement", decided: datetime) -> None:
        settle(connection, settlement.row_id, settlement.kind, settlement.reason, decided)

    def undo(self, batch_id: int, reason: str, moment: datetime) -> int:
        """Takes back one read (`features.undo`).

        Parameters
        ----------
        batch_id : int
            As `batches` has it.
        reason : str
            Kept beside it.
        moment : datetime
            Now, with zone.

        Returns
        -------
        int
            Number of sightings that it had stated.
        """
        with self._transaction() as connection:
            return undo_batch(connection, batch_id, reason, utc(moment))

    def _gaps(self, theatre: str, weapon_class: str) -> Gaps:
        with self._connection() as connection:
            return Gaps.of(connection, theatre, weapon_class)

    def _first_day(self, theatre: str, weapon_class: str) -> date:
        query = sa.select(sa.func.min(report_table.c.attack_day)).where(
            report_table.c.theatre == theatre, report_table.c.weapon_class == weapon_class
        )
        with self._connection() as connection:
            first: date = connection.execute(query).scalar_one()
            return first

    def _entries(self, theatre: str, weapon_class: str) -> Iterator[tuple[bytes, LedgerReport]]:
        with self._connection() as connection:
            yield from entries(connection, theatre, weapon_class, Gaps.of(connection, theatre, weapon_class))

    def _already_read(self, connection: Connection, reading: Reading) -> int | None:
        """How many of its rows were put into quarantine, of a file that was read before; None of another."""
        source = batch_table.c.source == reading.source
        query = sa.select(batch_table.c.quarantined).where(source, batch_table.c.digest == reading.digest)
        last_undone = sa.select(sa.func.max(undone_batch_table.c.undone_at)).join(batch_table).where(source)
        if (undone_at := connection.scalar(last_undone)) is not None:
            query = query.where(batch_table.c.recorded_at > undone_at)  # what two files stated was kept once
        found: int | None = connection.scalar(query)
        return found


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pauses Python's collector of cycles, which would look at every report again and again, and find none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def _without_future(
    rows: Iterator[SalvoReport | RejectedRow], recorded_at: datetime
) -> Iterator[SalvoReport | RejectedRow]:
    """The rows, with a report of a window that has not ended yet turned into a rejection: readers have no clock."""
    long_past = recorded_at.astimezone(KYIV).replace(tzinfo=None) - timedelta(days=1)  # whatever the clock shows twice
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, SalvoReport) or row.window_end < long_past:
            yield row
        elif row.window_end.replace(tzinfo=KYIV) > recorded_at:
            reason = f"window_end is {row.window_end.isoformat()}, which has not come yet: expected a past window"
            yield own_row(number, row, reason)
        else:
            yield row
