"""What every reader returns: the records of one file or message, and the rows that could not be one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from features.records import SalvoReport


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is no report, or one that waits for a person's word.

    Parameters
    ----------
    row : int
        Its place in the file; the first row of data is 1.
    raw : str
        JSON of its cells as they were.
    reason : str
        Why it is no report.
    held : bool
        Whether it is a report whose counts the record cannot bear.
    """

    row: int
    raw: str
    reason: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One file being read.

    Parameters
    ----------
    source : str
        Name of the reader, or of whose reports they are.
    digest : str
        SHA-256 (hex) of the bytes read and of how they were read.
    rows : Iterator of SalvoReport or RejectedRow
        Consumed once, streamed, so that a file of a million rows needs no memory of its size.
    published_at : datetime, optional
        When the file as a whole came out, with zone, where that is known; a count that differs from an earlier one is
        then known from that time on.
    covers : tuple of (str, str)
        The (theatre, weapon class) series of which the file states every salvo, so that what it lacks is news too
        (`features.snapshots`).
    read_as : str, optional
        JSON of what else is needed to read a row of it again.
    passed_over : Counter of str
        How many rows are no report and need no person (the alerts of a channel), by what they are; complete once `rows`
        are consumed.
    notes : tuple of str
        What a person should know, or say, of the file as a whole, in a line each.
    """

    source: str
    digest: str
    rows: Iterator[SalvoReport | RejectedRow]
    published_at: datetime | None = None
    covers: tuple[tuple[str, str], ...] = ()
    read_as: str | None = None
    passed_over: Counter[str] = field(default_factory=Counter, compare=False)
    notes: tuple[str, ...] = ()
