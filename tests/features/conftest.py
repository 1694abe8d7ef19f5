"""Shared by the tests of the lower room: reports, readings and ledgers in one line each.

The factories are of session scope, so that property tests may use them too.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading, RejectedRow
from features.tables import metadata
from tests.databases import Database

MakeReport = Callable[..., SalvoReport]
MakeReading = Callable[..., Reading]
FreshLedger = Callable[[], AbstractContextManager[Ledger]]


@pytest.fixture(scope="session")
def make_report() -> Callable[..., SalvoReport]:
    """make_report("2026-01-10", 12): the usual night window, 18:00 to 08:00, that ends on that day."""

    def make(day: str = "2026-01-10", launched: int = 10, **fields: Any) -> SalvoReport:
        end = datetime.fromisoformat(f"{day}T08:00")
        window = {"window_start": end - timedelta(hours=14), "window_end": end, "source": "table"}
        return SalvoReport(**{**window, "launched": launched, **fields})

    return make


@pytest.fixture(scope="session")
def make_reading() -> Callable[..., Reading]:
    """A file of these rows. Its digest is of what it holds, unless another is given."""

    def make(
        rows: Sequence[SalvoReport | RejectedRow],
        published_at: datetime | None = None,
        source: str = "table",
        digest: str | None = None,
    ) -> Reading:
        held = hashlib.sha256(repr((list(rows), published_at)).encode()).hexdigest()
        return Reading(source, digest or held, iter(rows), published_at)

    return make


@pytest.fixture(scope="session")
def fresh_ledger(database: Database) -> Callable[[], AbstractContextManager[Ledger]]:
    """A new, empty ledger at every call. Use it in a `with`, and leave its schema alone: it is used again, emptied."""
    free: list[sa.URL] = []

    @contextmanager
    def fresh() -> Iterator[Ledger]:
        url = free.pop() if free else database.migrated()
        with Ledger.open(url) as ledger:
            yield ledger
            with ledger._engine.begin() as connection:
                for table in reversed(metadata.sorted_tables):
                    connection.execute(table.delete())
        free.append(url)

    return fresh


@pytest.fixture
def ledger(fresh_ledger: Callable[[], AbstractContextManager[Ledger]]) -> Iterator[Ledger]:
    """An empty ledger."""
    with fresh_ledger() as ledger:
        yield ledger
