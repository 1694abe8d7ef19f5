"""Opening a ledger: its schema, and databases that are none, newer, or out of reach."""

import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from features.errors import SalvocastError
from features.ledger import Ledger
from features.sources.bundled import read_bundled
from features.tables import SCHEMA_REVISION, metadata
from tests.conftest import NOW
from tests.features.conftest import MakeReading, MakeReport


def test_the_migrations_make_the_schema_that_the_code_uses(ledger: Ledger) -> None:
    with ledger._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        inspector = sa.inspect(connection)
        assert set(inspector.get_table_names()) == {*metadata.tables, "alembic_version"}
        for table in metadata.sorted_tables:
            uniques = {tuple(constraint["column_names"]) for constraint in inspector.get_unique_constraints(table.name)}
            assert uniques == {
                tuple(column.name for column in constraint.columns)
                for constraint in table.constraints
                if isinstance(constraint, sa.UniqueConstraint)
            }
            assert inspector.get_pk_constraint(table.name)["constrained_columns"] == table.primary_key.columns.keys()
            keys = {tuple(key["constrained_columns"]) for key in inspector.get_foreign_keys(table.name)}
            assert keys == {(column.name,) for column in table.columns if column.foreign_keys}


def test_the_schema_revision_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "features:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [SCHEMA_REVISION]


def test_opening_twice_keeps_what_is_there(ledger: Ledger, make_report: MakeReport, make_reading: MakeReading) -> None:
    ledger.ingest(make_reading([make_report()], NOW), NOW)
    with Ledger.open(ledger._engine.url) as again:
        assert again.as_of(NOW) == ledger.as_of(NOW) != []


def test_an_empty_database_becomes_a_ledger(database: Any) -> None:
    url = database.empty()
    with Ledger.open(url) as ledger:
        assert ledger.ingest(read_bundled(), NOW).added > 0
    database.drop(url)


def test_a_ledger_of_a_newer_release_is_told_in_one_line_and_left_alone(
    database: Any, make_report: MakeReport, make_reading: MakeReading
) -> None:
    url = database.migrated()
    with Ledger.open(url) as ledger:
        ledger.ingest(make_reading([make_report()], NOW), NOW)
        with ledger._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(
            SalvocastError, match=f"has schema 9999, this release knows up to {SCHEMA_REVISION}"
        ) as told:
            Ledger.open(url)
        assert "\n" not in str(told.value)
        assert told.value.exit_code == 1
        with ledger._engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == ["9999"]
            assert set(sa.inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
        assert [entry.report.launched for entry in ledger.as_of(NOW)] == [10]
    database.drop(url)


def test_a_missing_driver_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SalvocastError, match=r"driver .* not installed .*psycopg\[binary\]") as caught:
        Ledger.open("postgresql+psycopg://nobody:secret@127.0.0.1:1/ledger")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.postgresql
def test_a_server_that_does_not_answer_is_told_in_one_line() -> None:
    pytest.importorskip("psycopg", exc_type=ImportError)
    with pytest.raises(SalvocastError, match=r"postgresql\+psycopg://nobody:\*\*\*@.* failed") as caught:
        Ledger.open("postgresql+psycopg://nobody:secret@127.0.0.1:1/ledger")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["nonsense", "nosuchdatabase:///ledger", "postgresql+nosuchdriver://host/ledger", "sqlite:////no/such/ledger.db"],
)
def test_an_url_that_leads_nowhere_is_told_in_one_line(url: str) -> None:
    with pytest.raises(SalvocastError, match="SALVOCAST_LEDGER_URL") as caught:
        Ledger.open(url)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("window_start,window_end,launched\n" * 100, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(SalvocastError, match="not a database"):
        Ledger.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_an_empty_file_is_named_and_not_begun_anew(tmp_path: Path) -> None:
    """Of a full disk or a broken copy: to seed it with the bundled reports would hide the loss."""
    path = tmp_path / "ledger.db"
    path.touch()
    with pytest.raises(SalvocastError, match=r"ledger\.db is an empty file, so what it held is lost"):
        Ledger.open(f"sqlite:///{path}")
    assert path.stat().st_size == 0


def test_a_new_ledger_is_its_owners_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        assert ledger.series() == []
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600


def test_a_making_that_was_killed_leaves_a_ledger_that_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "_migrate", killed)
        with pytest.raises(Killed):
            Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert not (tmp_path / "ledger.db").exists()
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        assert ledger.series() == []
