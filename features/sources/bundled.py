"""The embedded default: salvos and missiles reported to 2026-04-30, recast from the table that `kaggle` reads."""

import hashlib
from collections.abc import Iterator
from datetime import date
from importlib import resources
from io import StringIO

from features.records import MISSILES as MISSILE_CLASSES
from features.records import SHAHED, UKRAINE, SalvoReport
from features.sources.cells import csv_rows, last_second_of
from features.sources.reading import Reading, RejectedRow
from features.sources.rows import reports
from features.sources.table import RowReader, match_columns

SOURCE = "bundled"
SNAPSHOT_DAY = date(2026, 4, 30)
"""The day of the public table's snapshot that the facts were recast from."""
SALVOS = "reported_salvos.csv"
MISSILES = "reported_missiles_daily.csv"
COVERS = tuple((UKRAINE, weapon_class) for weapon_class in (SHAHED, *MISSILE_CLASSES))


def read_bundled() -> Reading:
    """The salvos (weapon_class "shahed"), then the missiles by day and kind ("cruise", "ballistic", "mixed").

    Returns
    -------
    Reading
        Keys and contents are those that `read_kaggle` makes of the snapshot of the same day.

    Examples
    --------
    >>> reading = read_bundled()
    >>> reading.source, next(reading.rows).weapon_class
    ('bundled', 'shahed')
    """
    texts = [resources.files("features.bundled").joinpath(name).read_bytes() for name in (SALVOS, MISSILES)]
    digest = hashlib.sha256(b"".join(texts)).hexdigest()
    rows = _rows(*(text.decode() for text in texts))
    return Reading(SOURCE, digest, rows, last_second_of(SNAPSHOT_DAY), COVERS)


def _rows(salvos: str, missiles: str) -> Iterator[SalvoReport | RejectedRow]:
    yield from _table(salvos)
    yield from _table(missiles)


def _table(text: str) -> Iterator[SalvoReport | RejectedRow]:
    rows = csv_rows(StringIO(text, newline=""))
    header, _ = next(rows)
    columns = match_columns(header, {}, SOURCE)
    reader = RowReader(header, columns, theatre=UKRAINE, weapon_class=SHAHED, source=SOURCE)
    return reports(header, rows, reader.report)
