"""What a PostgreSQL server does to a ledger: its disk is full, a right is revoked, it ends the connection."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from features.errors import SalvocastError
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading
from tests.conftest import NOW
from tests.features.conftest import MakeReading, MakeReport
from tests.features.past_the_ledger import connected, held_in, many, of_one_report, rows_in


@pytest.fixture
def on_server(postgresql: Any, make_report: MakeReport, make_reading: MakeReading) -> Iterator[sa.URL]:
    """A PostgreSQL ledger that holds one report."""
    yield from of_one_report(postgresql, make_report, make_reading)


@pytest.mark.postgresql
def test_a_full_disk_of_the_server_is_told_in_one_line_and_nothing_is_lost(
    postgresql: Any, make_report: MakeReport, make_reading: MakeReading
) -> None:
    if postgresql.small_disk is None:
        pytest.skip("a small disk for PostgreSQL cannot be mounted here: it takes root and a mount namespace")
    url = postgresql.empty()
    on_small_disk = url.update_query_dict({"options": f"-c default_tablespace={postgresql.small_disk}"})
    with connected(on_small_disk) as connection:
        connection.exec_driver_sql("CREATE TABLE ballast AS SELECT generate_series(1, 30000)")
    with Ledger.open(on_small_disk) as ledger:
        ledger.ingest(make_reading([make_report("2026-01-10", 7)]), NOW)
        rows = many(make_report, 20_000)
        with pytest.raises(SalvocastError, match=r"No space left.*: make room on its disk; nothing was") as caught:
            ledger.ingest(make_reading(rows), NOW)
        assert "\n" not in str(caught.value)
        assert [entry.report.launched for entry in ledger.as_of(NOW)] == [7]
        assert rows_in(url) == (1, 1, 1)
        with connected(url) as connection:
            connection.exec_driver_sql("DROP TABLE ballast")
        assert ledger.ingest(make_reading(rows[:100]), NOW).added == 100
    postgresql.drop(url)


@pytest.mark.postgresql
def test_a_revoked_permission_is_told_in_one_line_and_nothing_changes(
    postgresql: Any, on_server: sa.URL, make_report: MakeReport, make_reading: MakeReading
) -> None:
    with connected(on_server) as connection:
        connection.exec_driver_sql("CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk")
        connection.exec_driver_sql("GRANT INSERT, DELETE ON batch, sighting TO clerk")
        connection.exec_driver_sql("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk")
    before = held_in(on_server)
    with Ledger.open(on_server.set(username="clerk", password="clerk")) as ledger:
        assert [entry.report.launched for entry in ledger.as_of(NOW)] == [7]
        with pytest.raises(SalvocastError, match=r"permission denied for table report\): this account may") as caught:
            ledger.ingest(make_reading([make_report("2026-01-12")]), NOW)
        assert "\n" not in str(caught.value)
    assert held_in(on_server) == before
    with connected(on_server) as connection:
        connection.exec_driver_sql("DROP OWNED BY clerk")
        connection.exec_driver_sql("DROP ROLE clerk")


@pytest.mark.postgresql
def test_a_server_that_ends_the_connection_is_told_in_one_line_and_keeps_nothing_of_the_file(
    on_server: sa.URL, make_report: MakeReport, make_reading: MakeReading
) -> None:
    def rows() -> Iterator[SalvoReport]:
        yield from many(make_report) * 2
        with connected(on_server) as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        yield make_report("2026-01-13")

    before = held_in(on_server)
    with Ledger.open(on_server) as ledger:
        with pytest.raises(SalvocastError, match=r"failed .*: see that it can be reached") as caught:
            ledger.ingest(Reading("table", "d", rows()), NOW)
        assert "\n" not in str(caught.value)
        assert held_in(on_server) == before
        assert ledger.ingest(make_reading([make_report("2026-01-12")]), NOW).added == 1
