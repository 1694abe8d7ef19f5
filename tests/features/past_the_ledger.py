"""What the tests of faults share: connections past the ledger, all that one holds, and reports to fill it with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from features.ledger import Ledger
from features.records import SalvoReport
from features.tables import metadata
from tests.conftest import NOW
from tests.features.conftest import MakeReading, MakeReport


@contextmanager
def connected(url: sa.URL) -> Iterator[sa.Connection]:
    """A connection past the ledger, where every statement stands at once."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def rows_in(url: sa.URL) -> tuple[int, int, int]:
    """Batches, reports and sightings; the database itself must be sound."""
    with connected(url) as connection:
        if url.get_backend_name() == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
        if not sa.inspect(connection).has_table("sighting"):
            return 0, 0, 0
        counts = [
            connection.execute(sa.select(sa.func.count()).select_from(metadata.tables[table])).scalar_one()
            for table in ("batch", "report", "sighting")
        ]
    return counts[0], counts[1], counts[2]


def held_in(url: sa.URL) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with connected(url) as connection:
        return {
            name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for name, table in metadata.tables.items()
        }


def of_one_report(database: Any, make_report: MakeReport, make_reading: MakeReading) -> Iterator[sa.URL]:
    url = database.migrated()
    with Ledger.open(url) as ledger:
        ledger.ingest(make_reading([make_report("2026-01-10", 7)]), NOW)
    yield url
    database.drop(url)


def many(make_report: MakeReport, n_reports: int = 3_000) -> list[SalvoReport]:
    return [make_report("2026-01-11", 9, target_area=f"area {number}") for number in range(n_reports)]
