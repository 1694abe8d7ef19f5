"""Shared by the tests of the readers."""

from features.records import SalvoReport
from features.sources.reading import Reading, RejectedRow


def parted(reading: Reading) -> tuple[list[SalvoReport], list[RejectedRow]]:
    """The reports of a file, and the rows that are none."""
    rows = list(reading.rows)
    return [row for row in rows if isinstance(row, SalvoReport)], [row for row in rows if isinstance(row, RejectedRow)]
