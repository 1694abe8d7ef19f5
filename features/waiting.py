"""The quarantine while a file is read: a bad row is one entry for ever, and leaves when a later file has it right."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from features.database import utc
from features.errors import InputError
from features.history import HeldCount
from features.records import COUNT_FIELDS, REPORT_FIELDS, SHAHED, UKRAINE, SalvoReport
from features.sources import kaggle, table
from features.sources.reading import Reading, RejectedRow
from features.tables import batch_table, decision_table, quarantine_table, undone

REPAIRED, RELEASED, CONFIRMED, CORRECTED = "repaired", "released", "confirmed", "corrected"
"""What was decided about a row: read anew with other cells, no report, a report as it was, right in a later file."""
AS_FIELDS = json.dumps(
    {
        "columns": {name: name for name in REPORT_FIELDS},
        "theatre": UKRAINE,
        "weapon_class": SHAHED,
        "zone": "Europe/Kyiv",
    }
)
"""How a row is read that the ledger itself turned away: its cells are the fields of the report."""


def storable(text: str) -> str:
    """The text in what both databases can keep: half a character and the character zero are written out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


def own_row(number: int, report: SalvoReport, reason: str, *, held: bool = False) -> RejectedRow:
    """A report that the ledger turns away: its cells are its fields."""
    cells = {name: str(value) for name in REPORT_FIELDS if (value := getattr(report, name)) is not None}
    return RejectedRow(number, json.dumps(cells, ensure_ascii=False), reason, held)


def is_own(cells: Mapping[str, Any]) -> bool:
    """Whether the ledger itself turned a row away."""
    return {"theatre", "weapon_class", "source", "window_end"} <= set(cells) <= set(REPORT_FIELDS)


def quarantined(connection: Connection, *conditions: sa.ColumnElement[bool], settled: bool) -> list[RowMapping]:
    """The rows that wait for a decision; with `settled`, those decided about as well. In the order of reading.

    A row that was read several times, from one source in one way, is one: its first entry, with its last decision.
    """
    same, same_batch = quarantine_table.alias(), batch_table.alias()
    alike = (
        sa.select(sa.func.min(same.c.id))
        .join(same_batch, same_batch.c.id == same.c.batch_id)
        .where(
            same.c.raw == quarantine_table.c.raw,
            same_batch.c.source == batch_table.c.source,
            same_batch.c.read_as.is_not_distinct_from(batch_table.c.read_as),
        )
        .where(same_batch.c.id.not_in(undone))
        .correlate(quarantine_table, batch_table)
    )
    decided = alike.with_only_columns(sa.func.max(decision_table.c.id)).join(
        decision_table, decision_table.c.quarantine_id == same.c.id
    )
    query = (
        sa.select(
            quarantine_table,
            *(batch_table.c[name] for name in ("source", "read_as", "published_at", "recorded_at")),
            decision_table.c.kind.label("decision"),
            decision_table.c.decided_at,
            decision_table.c.reason.label("decided_why"),
        )
        .join(batch_table, batch_table.c.id == quarantine_table.c.batch_id)
        .outerjoin(decision_table, decision_table.c.id == decided.scalar_subquery())
        .where(quarantine_table.c.id == alike.scalar_subquery(), *conditions)
        .order_by(quarantine_table.c.id)
    )
    if not settled:
        query = query.where(decision_table.c.id.is_(None))
    return list(connection.execute(query).mappings())


def held_counts(connection: Connection, theatre: str, weapon_class: str, until: date) -> tuple[HeldCount, ...]:
    """The counts of a series, up to a day, that wait for a person's word."""
    found = []
    for row in quarantined(connection, quarantine_table.c.held, settled=False):
        report = table.read_cells(json.loads(row["raw"]), AS_FIELDS)
        if (report.theatre, report.weapon_class) == (theatre, weapon_class) and report.attack_day <= until:
            found.append(HeldCount(row["id"], report.attack_day, report.launched, row["reason"]))
    return tuple(found)


def settle(connection: Connection, row_id: int, kind: str, reason: str, decided: datetime) -> None:
    """Stores what was decided about a row, and when (UTC, without zone). The row itself is kept."""
    connection.execute(
        decision_table.insert().values(quarantine_id=row_id, decided_at=decided, kind=kind, reason=reason)
    )


class Waiting:
    """The rows of one source that were turned away before, while a file of it is read."""

    def __init__(self, connection: Connection, reading: Reading, batch_id: int, recorded: datetime) -> None:
        self._connection, self._reading = connection, reading
        self._batch_id, self._recorded = batch_id, recorded
        self._known: dict[str, int] = {}
        self._open: dict[tuple[Any, ...], list[int]] = {}
        self._again: set[int] = set()
        self._right: dict[int, SalvoReport] = {}
        of_source = batch_table.c.source == reading.source
        for row in quarantined(connection, of_source, settled=True):
            if row["read_as"] == reading.read_as:
                self._known[row["raw"]] = row["id"]
            if row["decision"] is None and (key := _key(row)) is not None:
                self._open.setdefault(key, []).append(row["id"])

    def add(self, rejected: Sequence[RejectedRow]) -> list[RejectedRow]:
        """Stores the rows that were never turned away before, and returns them."""
        new: dict[str, RejectedRow] = {}
        for row in rejected:
            raw = storable(row.raw)
            if (known := self._known.get(raw)) is not None:
                self._again.add(known)
            else:
                new.setdefault(raw, row)
        for raw, row in new.items():
            (self._known[raw],) = self._connection.scalars(
                quarantine_table.insert().returning(quarantine_table.c.id),
                [
                    {
                        "batch_id": self._batch_id,
                        "row": row.row,
                        "raw": raw,
                        "reason": storable(row.reason),
                        "held": row.held,
                    }
                ],
            )
            self._again.add(self._known[raw])
        return list(new.values())

    def take_reports(self, reports: Iterable[SalvoReport]) -> None:
        """Notes the reports that can be read now, and could not before."""
        if self._open:
            for report in reports:
                for row_id in self._open.get(report.key, ()):
                    self._right[row_id] = report

    def settle(self) -> None:
        """What stands right in this file waits no longer; nor what a newer snapshot has no more."""
        for row_id, report in self._right.items():
            if row_id not in self._again:
                why = f"a later file has it right: launched {report.launched:,}"
                settle(self._connection, row_id, CORRECTED, why, self._recorded)
        if not self._reading.covers or self._reading.published_at is None:
            return
        for row in quarantined(self._connection, batch_table.c.source == self._reading.source, settled=False):
            newer = row["published_at"] is not None and row["published_at"] < utc(self._reading.published_at)
            if newer and row["id"] not in self._again:
                why = f"the snapshot of {self._reading.published_at:%Y-%m-%d} has it no more"
                settle(self._connection, row["id"], CORRECTED, why, self._recorded)


def _key(row: RowMapping) -> tuple[Any, ...] | None:
    """What the report of a row would be known by, its counts left aside; None where that cannot be read either."""
    cells = json.loads(row["raw"])
    read_as = AS_FIELDS if is_own(cells) else row["read_as"]
    used = json.loads(read_as or "{}").get("columns", {}) if row["source"] != kaggle.SOURCE else kaggle.COUNT_COLUMNS
    counts = dict.fromkeys((column for name, column in used.items() if name in COUNT_FIELDS), "")
    try:
        if row["source"] == kaggle.SOURCE and not is_own(cells):
            return kaggle.read_cells({**cells, **counts, used["launched"]: "0"}).key
        if read_as is None or "launched" not in used:
            return None
        return table.read_cells({**cells, **counts, used["launched"]: "0"}, read_as).key
    except (InputError, AttributeError, KeyError, TypeError):
        return None
