"""What every reader returns: the records of one file or message, and the rows that could not be one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from features.records import SalvoReport


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row as it was (`raw`: JSON of its cells), its place in the file (first data row is 1), why it is no report.

    held: it is a report whose counts the record cannot bear; it waits for a person's word.
    """

    row: int
    raw: str
    reason: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One file being read.

    rows: consumed once, streamed, so that a file of a million rows needs no memory of its size.
    digest: SHA-256 (hex) of the bytes read and of how they were read. published_at: when the file as a whole came out,
    where that is known; a count that differs from an earlier one is then known from that time on.
    covers: the (theatre, weapon class) series of which the file states every salvo, so that what it lacks is news too
    (`features.snapshots`). read_as: JSON of what else is needed to read a row of it again. passed_over: how many rows
    are no report and need no person (the alerts of a channel), by what they are; complete once `rows` are consumed.
    notes: what a person should know, or say, of the file as a whole, in a line each.
    """

    source: str
    digest: str
    rows: Iterator[SalvoReport | RejectedRow]
    published_at: datetime | None = None
    covers: tuple[tuple[str, str], ...] = ()
    read_as: str | None = None
    passed_over: Counter[str] = field(default_factory=Counter, compare=False)
    notes: tuple[str, ...] = ()
