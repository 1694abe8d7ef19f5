"""A ledger keeps what it has: two writers at once, kills in the middle, locks, full disks."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features import database as database_module
from features.errors import SalvocastError
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading
from forecasting.commands.main import app, run
from tests.conftest import NOW
from tests.features.conftest import MakeReading, MakeReport
from tests.features.past_the_ledger import connected, held_in, many, of_one_report, rows_in

N_ROWS = 8_000

INGEST = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
import sqlalchemy as sa
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading

url, n_rows, stop_at = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def rows():
    for number in range(n_rows):
        if str(number) == stop_at:
            die()
        end = datetime(2020, 1, 1) + timedelta(hours=number)
        yield SalvoReport(window_start=end - timedelta(hours=1), window_end=end, launched=number % 90, source="table")
    if stop_at == "last row":
        die()

if stop_at == "together":
    print("ready", flush=True)
    sys.stdin.readline()
ledger = Ledger.open(url)
if stop_at == "commit":
    sa.event.listen(ledger._engine, "commit", die)
if stop_at == "any moment":
    print("ready", flush=True)
reading = Reading("table", "d", rows(), datetime(2026, 1, 1, tzinfo=UTC))
counts = ledger.ingest(reading, datetime(2026, 3, 1, tzinfo=UTC))
print(counts.rows_read, counts.added, counts.revised, counts.unchanged, counts.quarantined)
"""


def ingesting(url: sa.URL, n_rows: int, stop_at: str) -> subprocess.Popen[str]:
    """A process that ingests the same synthetic file as every other one of so many rows."""
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, url.render_as_string(hide_password=False), str(n_rows), stop_at],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("attempt", range(3))
def test_processes_that_ingest_one_file_at_once_into_a_new_ledger_do_not_double_it(database: Any, attempt: int) -> None:
    url, n_rows = database.empty(), 3_000
    processes = [ingesting(url, n_rows, "together") for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert [stderr for _, stderr in told] == ["", ""]
    assert sorted(stdout for stdout, _ in told) == [
        f"{n_rows} 0 0 {n_rows} 0\n",
        f"{n_rows} {n_rows} 0 0 0\n",
    ]
    assert rows_in(url) == (1, n_rows, n_rows)
    database.drop(url)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_an_ingest_killed_at_any_moment_leaves_all_or_nothing_and_a_rerun_completes(database: Any) -> None:
    url = database.empty()
    nothing, everything = (0, 0, 0), (1, N_ROWS, N_ROWS)
    chance = random.Random(20_260_301)
    for stop_at in (str(chance.randrange(2_000, N_ROWS)), "last row", "commit"):
        process = ingesting(url, N_ROWS, stop_at)
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        assert rows_in(url) == nothing
    for delay in (chance.uniform(0.0, 0.5), chance.uniform(0.5, 1.5)):
        process = ingesting(url, N_ROWS, "any moment")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        assert rows_in(url) in (nothing, everything)
    process = ingesting(url, N_ROWS, "never")
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (0, "")
    assert stdout in (f"{N_ROWS} {N_ROWS} 0 0 0\n", f"{N_ROWS} 0 0 {N_ROWS} 0\n")
    assert rows_in(url) == everything
    database.drop(url)


def with_pragma(monkeypatch: pytest.MonkeyPatch, pragma: str) -> None:
    """Every connection opened from now on has this setting."""
    prepare = database_module._prepare_sqlite

    def prepared(connection: Any, record: object) -> None:
        prepare(connection, record)
        connection.execute(pragma)

    monkeypatch.setattr(database_module, "_prepare_sqlite", prepared)


@pytest.fixture
def filled(database: Any, make_report: MakeReport, make_reading: MakeReading) -> Iterator[sa.URL]:
    """A ledger that holds one report."""
    yield from of_one_report(database, make_report, make_reading)


@contextmanager
def written_by_another(url: sa.URL) -> Iterator[None]:
    """As when another process is in the middle of an ingest."""
    with connected(url) as other:
        if url.get_backend_name() == "sqlite":
            other.exec_driver_sql("BEGIN IMMEDIATE")
            yield
            other.exec_driver_sql("ROLLBACK")
        else:
            other.exec_driver_sql(f"SELECT pg_advisory_lock({database_module._ADVISORY_LOCK})")
            yield
            other.exec_driver_sql(f"SELECT pg_advisory_unlock({database_module._ADVISORY_LOCK})")


def test_a_locked_ledger_is_told_in_one_line_and_nothing_changes(
    filled: sa.URL, monkeypatch: pytest.MonkeyPatch, make_report: MakeReport, make_reading: MakeReading
) -> None:
    monkeypatch.setattr(database_module, "LOCK_WAIT_MS", 50)
    before = held_in(filled)
    with Ledger.open(filled) as ledger:
        with written_by_another(filled):
            with pytest.raises(
                SalvocastError, match=r"another process is writing to it; nothing was changed"
            ) as caught:
                ledger.ingest(make_reading([make_report("2026-01-11")]), NOW)
            assert "\n" not in str(caught.value)
            assert caught.value.exit_code == 1
            assert [entry.report.launched for entry in ledger.as_of(NOW)] == [7]  # reading goes on
        assert held_in(filled) == before
        assert ledger.ingest(make_reading([make_report("2026-01-11")]), NOW).added == 1


def test_a_locked_new_ledger_is_told_in_one_line(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.empty()
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:  # another program's table: SQLite makes no file before
        connection.exec_driver_sql("CREATE TABLE others (id INTEGER)")
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "LOCK_WAIT_MS", 50)
        with written_by_another(url), pytest.raises(SalvocastError, match="another process is writing to it"):
            Ledger.open(url)
    with Ledger.open(url) as ledger:
        assert ledger.series() == []
    database.drop(url)


def test_the_ledger_waits_for_another_writer(filled: sa.URL) -> None:
    """Two scheduled jobs meet now and then: the later one waits its turn, for up to 20 seconds."""
    setting = "PRAGMA busy_timeout" if filled.get_backend_name() == "sqlite" else "SHOW lock_timeout"
    with Ledger.open(filled) as ledger, ledger._transaction() as connection:
        assert connection.exec_driver_sql(setting).scalar() in (20_000, "20s")


def test_the_command_tells_of_a_lock_in_one_line_after_its_wait(
    filled: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(database_module, "LOCK_WAIT_MS", 50)
    monkeypatch.setenv("SALVOCAST_LEDGER_URL", filled.render_as_string(hide_password=False))
    table = tmp_path / "salvos.csv"
    table.write_text("date,launched\n2026-01-12,5\n", encoding="utf-8")
    before = held_in(filled)
    with written_by_another(filled):
        code = run(app, ["ingest", "table", str(table)])
    told = capfd.readouterr()
    assert (code, told.out) == (1, "")
    assert len(told.err.splitlines()) == 1
    assert "another process is writing to it" in told.err
    assert str(filled.password) not in told.err
    assert held_in(filled) == before


def test_an_interrupted_reading_leaves_the_ledger_open_for_the_next(
    filled: sa.URL, make_report: MakeReport, make_reading: MakeReading
) -> None:
    """Ctrl-C in the middle of a file: rolled back, unlocked."""

    def rows() -> Iterator[SalvoReport]:
        yield from many(make_report)
        raise KeyboardInterrupt

    with Ledger.open(filled) as ledger:
        with pytest.raises(KeyboardInterrupt):
            ledger.ingest(Reading("table", "d", rows()), NOW)
        assert ledger.ingest(make_reading([make_report("2026-01-12")]), NOW).added == 1
    assert rows_in(filled) == (2, 2, 2)


# What only one of the two can be made to suffer


@pytest.fixture
def file(home: Path, make_report: MakeReport, make_reading: MakeReading) -> sa.URL:
    """An SQLite ledger that holds one report."""
    home.mkdir()
    url = sa.URL.create("sqlite", database=str(home / "ledger.db"))
    with Ledger.open(url) as ledger:
        ledger.ingest(make_reading([make_report("2026-01-10", 7)]), NOW)
    return url


def test_a_full_disk_is_told_in_one_line_and_nothing_is_lost(
    file: sa.URL, monkeypatch: pytest.MonkeyPatch, make_report: MakeReport, make_reading: MakeReading
) -> None:
    with connected(file) as connection:
        n_pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with monkeypatch.context() as patch:
        with_pragma(patch, f"PRAGMA max_page_count = {n_pages + 20}")
        with Ledger.open(file) as ledger:
            with pytest.raises(SalvocastError, match="make room on its disk; nothing was changed") as caught:
                ledger.ingest(make_reading(many(make_report)), NOW)
            assert "\n" not in str(caught.value)
            assert caught.value.exit_code == 1
            assert [entry.report.launched for entry in ledger.as_of(NOW)] == [7]
    assert rows_in(file) == (1, 1, 1)
    with Ledger.open(file) as ledger:
        assert ledger.ingest(make_reading(many(make_report)), NOW).added == 3_000


def test_a_disk_that_is_full_from_the_start_leaves_no_half_made_ledger(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    path = home / "ledger.db"
    with monkeypatch.context() as patch:
        with_pragma(patch, "PRAGMA max_page_count = 4")
        with pytest.raises(SalvocastError, match="make room on its disk"):
            Ledger.open(f"sqlite:///{path}")
    with Ledger.open(f"sqlite:///{path}") as ledger:
        assert ledger.series() == []


def test_a_ledger_that_may_only_be_read_says_so(
    file: sa.URL, make_report: MakeReport, make_reading: MakeReading
) -> None:
    with Ledger.open(f"sqlite:///file:{file.database}?mode=ro&uri=true") as ledger:
        assert [entry.report.launched for entry in ledger.as_of(NOW)] == [7]
        with pytest.raises(
            SalvocastError, match=r"failed \(attempt to write a readonly database\): see that"
        ) as caught:
            ledger.ingest(make_reading([make_report("2026-01-12")]), NOW)
        assert "\n" not in str(caught.value)
