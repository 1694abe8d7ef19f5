"""What a reader, a planner and an operator can do in the team's ledger, and cannot."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from experiments.slots import JobSlots
from features.errors import NotPermittedError, SalvocastError
from features.ledger import Ledger
from features.sources.reading import Reading
from forecasting.record.archive import Archive
from forecasting.service.api.bodies import ReportsRequest
from forecasting.service.api.data import reading_of
from forecasting.service.server import not_permitted
from forecasting.service.workers.settings import Settings
from tests.experiments.team import Team, engine_of, salvocast


def denied(url: sa.URL, statement: str) -> None:
    refused = pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|must be owner")
    with engine_of(url) as engine, engine.connect() as connection, refused:
        connection.exec_driver_sql(statement)


def sent(launched: int, hour: int) -> Reading:
    """What the reports desk sends at an hour of a night of so many drones."""
    night = {"window_start": "2026-03-02T18:00", "window_end": "2026-03-03T08:00", "launched": launched}
    return reading_of(ReportsRequest.model_validate({"rows": [night], "received": f"2026-03-03T{hour:02}:00:00+02:00"}))


TABLES = ("batch", "report", "sighting", "quarantine", "decision", "coverage", "issued_forecast", "job_slot")


@pytest.mark.slow
@pytest.mark.postgresql
class TestParties:
    """What a reader, a planner and an operator can do in the ledger, and cannot."""

    @pytest.mark.parametrize("login", ["olena", "petro"])
    @pytest.mark.parametrize("table", TABLES)
    def test_readers_and_planners_change_nothing(self, team: Team, login: str, table: str) -> None:
        url = team.ledger(login)
        denied(url, f"DELETE FROM {table}")
        denied(url, f"DROP TABLE {table}")
        denied(url, f"TRUNCATE {table}")
        column = {"report": "theatre", "job_slot": "job", "issued_forecast": "theatre"}.get(table)
        if column:
            denied(url, f"UPDATE {table} SET {column} = 'x'")
        if table != "issued_forecast" or login == "olena":
            denied(url, f"INSERT INTO {table} DEFAULT VALUES")

    @pytest.mark.parametrize("login", ["olena", "petro"])
    def test_all_read_and_get_a_forecast(self, team: Team, login: str) -> None:
        done = salvocast(team.ledger(login), "forecast", "--horizon", "7", "--paths", "200", "--format", "csv")
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) > 7

    def test_a_planner_issues_and_a_reader_does_not(self, team: Team) -> None:
        forecast = ("forecast", "--horizon", "7", "--paths", "200", "--issue")
        refused = salvocast(team.ledger("olena"), *forecast)
        assert refused.returncode == 1
        assert "permission denied for table issued_forecast" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        done = salvocast(team.ledger("petro"), *forecast)
        assert done.returncode == 0, done.stderr
        with Archive.open(team.ledger("olena")) as archive:
            (issued,) = archive.list()
        assert issued.id in done.stdout + done.stderr

    def test_readers_and_planners_do_not_ingest(self, team: Team, tmp_path: Path) -> None:
        table = tmp_path / "counts.csv"
        table.write_text("window_start,window_end,launched\n2026-03-01T18:00,2026-03-02T08:00,99\n", encoding="utf-8")
        for login, code in (("olena", 1), ("petro", 1), ("anna", 0)):
            done = salvocast(team.ledger(login), "ingest", "table", str(table))
            assert done.returncode == code, done.stderr
            assert ("permission denied" in done.stderr) is (code == 1)

    def test_the_service_adds_what_the_reports_desk_sends_and_changes_no_report(self, team: Team) -> None:
        """The whole way of a report: added, revised, held, said again, and read again without news."""
        with Ledger.open(team.ledger("serving")) as ledger:
            assert not_permitted(ledger, Settings(accept_reports=True)) == []
            told = ((101, "added"), (105, "revised"), (105, "unchanged"), (30_000, "quarantined"))
            for hour, (launched, counted) in enumerate(told, start=10):
                counts = ledger.ingest(sent(launched, hour), datetime(2026, 3, 3, hour, tzinfo=UTC))
                assert getattr(counts, counted) == 1, counts
            assert ledger.history().launched[-1] == 105
        url = team.ledger("serving")
        for statement in ("DELETE FROM report", "UPDATE report SET launched = 1", "DELETE FROM sighting"):
            denied(url, statement)
        with engine_of(url) as engine, engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
            connection.exec_driver_sql("DELETE FROM batch")  # what brought reports is held by them

    def test_what_an_account_may_not_do_is_refused_and_said_at_the_start(self, team: Team) -> None:
        with Ledger.open(team.ledger("petro")) as ledger:
            (reports,) = not_permitted(ledger, Settings(accept_reports=True))
            with pytest.raises(NotPermittedError, match=r"permission denied for table batch.*deploy/grants\.sql"):
                ledger.ingest(sent(99, 9), datetime(2026, 3, 4, tzinfo=UTC))
        assert reports.startswith("this server cannot add reports: its account may not add to batch, report, ")
        with Ledger.open(team.ledger("olena")) as ledger:
            (issuing,) = not_permitted(ledger, Settings())
        assert "may not add to issued_forecast" in issuing

    def test_nobody_changes_what_was_issued_not_even_an_operator(self, team: Team) -> None:
        for login in ("petro", "anna", "retraining"):
            for statement in ("DELETE FROM issued_forecast", "UPDATE issued_forecast SET theatre = 'x'"):
                denied(team.ledger(login), statement)

    def test_one_operator_changes_the_tables_that_another_made(self, team: Team) -> None:
        with engine_of(team.ledger("retraining")) as engine, engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE batch ADD COLUMN checked_by_test INTEGER")
            connection.exec_driver_sql("ALTER TABLE batch DROP COLUMN checked_by_test")

    def test_a_table_of_a_later_release_can_be_read_at_once(self, team: Team) -> None:
        with engine_of(team.ledger("retraining")) as engine, engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE of_later (number INTEGER)")
        with engine_of(team.ledger("olena")) as engine, engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT * FROM of_later").all() == []
        with engine_of(team.ledger("anna")) as engine, engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE of_later")

    @pytest.mark.parametrize("login", ["olena", "petro", "anna"])
    def test_the_other_database_is_closed(self, team: Team, login: str) -> None:
        refused = pytest.raises(sa.exc.OperationalError, match="permission denied for database")
        with engine_of(team.ledger(login).set(database="mlflow")) as engine, refused:
            engine.connect()

    def test_operators_claim_slots_and_planners_do_not(self, team: Team) -> None:
        slot = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
        with JobSlots.open(team.ledger("petro")) as slots, pytest.raises(Exception, match="permission denied"):
            slots.claim("retrain", slot, slot)
        with JobSlots.open(team.ledger("anna")) as slots:
            slots.claim("retrain", slot, slot)
        with JobSlots.open(team.ledger("olena")) as slots:
            assert len(slots.history()) == 1

    def test_a_restored_dump_is_the_same_ledger_with_the_same_rights(self, team: Team, tmp_path: Path) -> None:
        """Backup and restore as the README says, into a database beside the first."""
        copy = team.administrator.set(database="restored")
        with engine_of(team.administrator) as engine, engine.connect() as connection:
            free = connection.execution_options(isolation_level="AUTOCOMMIT")
            free.exec_driver_sql("CREATE DATABASE restored OWNER salvocast_operator TEMPLATE template0")
        dump = str(tmp_path / "salvocast.dump")
        team.run("pg_dump", "-Fc", "-f", dump, "-d", "salvocast")
        team.run("pg_restore", "-d", "restored", dump)
        team.psql("grants.sql", "restored")
        with Ledger.open(team.ledger("olena")) as ledger, Ledger.open(copy) as restored:
            assert restored.history().digest == ledger.history().digest
            assert restored.batches() == ledger.batches()
        with Archive.open(team.ledger("olena")) as archive, Archive.open(copy) as restored_archive:
            assert restored_archive.list() == archive.list()
        denied(team.ledger("anna").set(database="restored"), "DELETE FROM issued_forecast")

    def test_a_password_is_changed_without_a_restart(
        self, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of an address without one: PostgreSQL's own library reads the file at every connection."""
        url = team.ledger("olena")
        stated = sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
        file = tmp_path / "pgpass"
        monkeypatch.setenv("PGPASSFILE", str(file))

        def holds(password: str) -> None:
            file.write_text(f"{url.host}:{url.port}:{url.database}:{url.username}:{password}\n", encoding="utf-8")
            file.chmod(0o600)

        def series() -> int:
            with Ledger.open(stated) as ledger:
                return len(ledger.series())

        holds(team.passwords["olena"])
        before = series()
        with engine_of(team.administrator) as engine, engine.begin() as connection:
            connection.exec_driver_sql("ALTER ROLE olena PASSWORD 'another-of-these-days'")
        team.passwords["olena"] = "another-of-these-days"
        with pytest.raises(SalvocastError, match="password authentication failed"):
            series()
        holds("another-of-these-days")
        assert series() == before
