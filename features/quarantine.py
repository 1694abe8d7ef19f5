"""Rows that could not be a report: repaired, or released with a reason. Neither deletes one.

`salvocast gc` deletes only old ones that stand again in a later file, and that no decision refers to.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import RowMapping

from features.errors import InputError, unknown_name
from features.ledger import Ledger, Settlement
from features.records import KYIV, REPORT_FIELDS, SHAHED, SalvoReport
from features.sources import bulletin, kaggle, table
from features.sources.cells import instant
from features.sources.reading import Reading
from features.storing import IngestCounts
from features.waiting import AS_FIELDS, CONFIRMED, RELEASED, REPAIRED, is_own

SURPLUS = "surplus"
"""What the cells beyond the columns of a row are called in a correction; `surplus=` drops them."""


def repair(ledger: Ledger, row_id: int, corrections: Mapping[str, str], now: datetime) -> IngestCounts:
    """Reads a row again with the corrected cells, by the rules of its source, and adds what it says.

    corrections: cell -> text, at least one; of a bulletin `text` and `received`. The report is public from the repair
    on: nobody can have known it before. A row that the source counts into a total (missiles of a day) is added to the
    total as it stands. now: with zone. Raises InputError, and changes nothing, where the row is still no report, was
    dealt with before, or has no such cell.
    """
    row = _open_row(ledger, row_id)
    cells = json.loads(row["raw"])
    if SURPLUS in corrections and "" in cells:
        if corrections[SURPLUS]:
            raise InputError(f"{SURPLUS} is '{corrections[SURPLUS]}': expected nothing after {SURPLUS}=, to drop it")
        del cells[""]
    names = {**dict.fromkeys(_cells_read(row)), **dict.fromkeys(name for name in cells if name)}
    given = {name: text for name, text in corrections.items() if name != SURPLUS or SURPLUS in names}
    for name in given:
        if name not in names:
            raise unknown_name(f"cell of row {row_id}", name, names)
    if "" in cells:
        surplus = ", ".join(f"'{text}'" for text in cells[""])
        raise InputError(
            f"row {row_id} has cells beyond its columns ({surplus}): "
            f"give the cells that they belong to, and drop them with {SURPLUS}="
        )
    reports = _read(ledger, row, {**cells, **given}, now)
    told = json.dumps(dict(corrections), ensure_ascii=False)
    digest = hashlib.sha256(f"repair|{row_id}|{now.isoformat()}|{told}".encode()).hexdigest()
    reading = Reading(row["source"], digest, iter([replace(report, published_at=now) for report in reports]))
    return ledger.ingest(reading, now, settles=Settlement(row_id, REPAIRED, told))


def release(ledger: Ledger, row_id: int, reason: str, now: datetime) -> IngestCounts | None:
    """Marks a row as dealt with, for good: it is kept, and no longer waits.

    A report that was held is confirmed by that, and stored as it was: public since its source says, or since its file
    came out. Raises InputError as `repair` does. Returns what became of a held report, None for other rows.
    """
    if not reason.strip():
        raise InputError("--reason is empty: say why the row needs no report, or why the count that is held is right")
    row = _open_row(ledger, row_id)
    if not row["held"]:
        ledger.release(Settlement(row_id, RELEASED, reason.strip()), now)
        return None
    report = table.read_cells(json.loads(row["raw"]), AS_FIELDS)
    if report.published_at is None:
        public = (row["published_at"] or row["recorded_at"]).replace(tzinfo=UTC)
        report = replace(report, published_at=max(public, report.window_end.replace(tzinfo=KYIV)))
    digest = hashlib.sha256(f"confirmed|{row_id}|{row['raw']}".encode()).hexdigest()
    reading = Reading(row["source"], digest, iter([report]))
    return ledger.ingest(reading, now, settles=Settlement(row_id, CONFIRMED, reason.strip()))


def _open_row(ledger: Ledger, row_id: int) -> RowMapping:
    for row in ledger.quarantine(settled=True):
        if row["id"] == row_id:
            if row["decision"] is not None:
                raise InputError(
                    f"row {row_id} was {row['decision']} on {row['decided_at']:%Y-%m-%d} ({row['decided_why']}): "
                    "it waits for nothing"
                )
            return row
    raise InputError(f"row {row_id} is not in quarantine: expected an id that salvocast data quarantine lists")


def _cells_read(row: RowMapping) -> list[str]:
    """The cells that the reader of a row looks at, whether or not the row has them."""
    if is_own(json.loads(row["raw"])):
        return list(REPORT_FIELDS)
    if row["source"] == kaggle.SOURCE:
        return sorted(kaggle.READ_COLUMNS)
    if row["source"] == table.SOURCE and row["read_as"]:
        return list(json.loads(row["read_as"])["columns"].values())
    return []


def _read(ledger: Ledger, row: RowMapping, cells: Mapping[str, Any], now: datetime) -> list[SalvoReport]:
    if is_own(json.loads(row["raw"])):
        return [_ended(table.read_cells(cells, AS_FIELDS), now)]
    if row["source"] == kaggle.SOURCE:
        return [_with_its_total(ledger, _ended(kaggle.read_cells(cells), now))]
    if row["source"] == bulletin.SOURCE:
        received = instant("received", cells["received"]) if cells.get("received") else None
        read = bulletin.parse_bulletin(cells["text"], received=received)
        if not read.reports:
            raise InputError("; ".join(read.problems) or "no report in this message")
        return [_ended(report, now) for report in read.reports]
    return [_ended(table.read_cells(cells, row["read_as"] or AS_FIELDS), now)]


def _ended(report: SalvoReport, now: datetime) -> SalvoReport:
    """The report, made anew as of now: raises InputError where its window has not ended."""
    return replace(report, published_at=now.astimezone(UTC))


def _with_its_total(ledger: Ledger, report: SalvoReport) -> SalvoReport:
    if report.weapon_class == SHAHED:
        return report
    part = kaggle.part_of_total(report)
    standing = ledger.as_of(datetime.max.replace(tzinfo=UTC), part.theatre, part.weapon_class)
    return kaggle.total_of(part, next((entry.report for entry in standing if entry.report.key == part.key), None))
