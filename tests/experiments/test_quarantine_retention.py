"""Which rows in quarantine `salvocast gc` deletes: only where nothing is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from experiments.retention import RetentionDatabase
from features.ledger import Ledger
from features.tables import batch_table, decision_table, metadata, quarantine_table
from features.waiting import RELEASED, REPAIRED

NOW = datetime.now(UTC).replace(microsecond=0)


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    made = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(made)
    yield made
    made.dispose()


ROWS = st.tuples(
    st.sampled_from(["table", "kaggle"]),  # source
    st.sampled_from([None, "columns"]),  # read_as
    st.lists(st.sampled_from(["one", "two", "three"]), max_size=3),  # raw
    st.integers(1, 400),  # days ago
)
DECISIONS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([REPAIRED, RELEASED])), max_size=3)


@given(batches=st.lists(ROWS, max_size=8), decisions=DECISIONS)
def test_a_row_in_quarantine_goes_only_where_nothing_is_lost(
    engine: sa.Engine, batches: list[tuple[str, str | None, list[str], int]], decisions: list[tuple[int, str]]
) -> None:
    rows: list[dict[str, Any]] = []
    with engine.begin() as connection:
        for table in (decision_table, quarantine_table, batch_table):
            connection.execute(table.delete())
        for batch_id, (source, read_as, raws, days) in enumerate(sorted(batches, key=lambda each: -each[3]), start=1):
            recorded = ago(days).replace(tzinfo=None)
            stated = {"id": batch_id, "source": source, "digest": "", "recorded_at": recorded, "read_as": read_as}
            counts = dict.fromkeys(("rows_read", "added", "revised", "unchanged", "quarantined"), 0)
            connection.execute(batch_table.insert().values(stated | counts))
            for raw in raws:
                row = {"id": len(rows) + 1, "batch_id": batch_id, "row": 1, "raw": raw, "reason": "why"}
                connection.execute(quarantine_table.insert().values(row))
                rows.append(row | stated | {"id": row["id"], "days": days})
        decided = {index % len(rows) + 1: kind for index, kind in decisions} if rows else {}
        for row_id, kind in decided.items():
            moment = rows[row_id - 1]["recorded_at"] + timedelta(hours=1)
            values = {"quarantine_id": row_id, "decided_at": moment, "kind": kind, "reason": "why"}
            connection.execute(decision_table.insert().values(values))

    def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return all(one[name] == other[name] for name in ("source", "read_as", "raw"))

    go = [
        row
        for row in rows
        if row["days"] > 200
        and row["id"] not in decided
        and any(alike(row, later) and later["batch_id"] > row["batch_id"] for later in rows)
    ]
    ledger, shelf = Ledger(engine), RetentionDatabase(engine)

    def waiting() -> set[tuple[str, str | None, str]]:
        return {(row["source"], row["read_as"], row["raw"]) for row in ledger.quarantine()}

    before = waiting()
    count, size, oldest = shelf.repeated_rows(ago(200))
    assert (count, size) == (len(go), sum(len(row["raw"]) for row in go))
    assert oldest == (ago(max(row["days"] for row in go)) if go else None)
    shelf.remove_repeated_rows(ago(200))
    with engine.connect() as connection:  # the ledger lists rows that are alike as one
        left = set(connection.scalars(sa.select(quarantine_table.c.id)))
    assert left == {row["id"] for row in rows} - {row["id"] for row in go}
    assert waiting() == before
    assert shelf.repeated_rows(ago(200))[0] == 0
