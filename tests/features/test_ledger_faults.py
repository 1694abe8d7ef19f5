"""A ledger keeps what it has: two writers at once, kills in the middle, locks, full disks."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features import ledger as ledger_module
from features.errors import SalvocastError
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading

MakeReport = Callable[..., SalvoReport]
MakeReading = Callable[..., Reading]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
N_ROWS = 50_000

INGEST = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
import sqlalchemy as sa
from features.ledger import Ledger
from features.records import SalvoReport
from features.sources.reading import Reading

url, n_rows, stop_at = sys.argv[1], int(sys.argv[2]), sys.argv[3]
first = datetime(2020, 1, 1)

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def rows():
    for number in range(n_rows):
        if str(number) == stop_at:
            die()
        end = first + timedelta(hours=number)
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


def ingesting(path: Path, n_rows: int, stop_at: str) -> subprocess.Popen[str]:
    """A process that ingests the same synthetic file as every other one of so many rows."""
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, f"sqlite:///{path}", str(n_rows), stop_at],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows_in(path: Path) -> tuple[int, int, int]:
    """Batches, reports and sightings; the database itself must be sound."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("batch", "report", "sighting")
        ]
    return counts[0], counts[1], counts[2]


@pytest.mark.parametrize("attempt", range(3))
def test_processes_that_ingest_one_file_at_once_into_a_new_ledger_do_not_double_it(
    tmp_path: Path, attempt: int
) -> None:
    path, n_rows = tmp_path / "ledger.db", 3_000
    processes = [ingesting(path, n_rows, "together") for _ in range(2)]
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
    assert rows_in(path) == (1, n_rows, n_rows)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_an_ingest_killed_at_any_moment_leaves_all_or_nothing_and_a_rerun_completes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    nothing, everything = (0, 0, 0), (1, N_ROWS, N_ROWS)
    chance = random.Random(20_260_301)
    for stop_at in (str(chance.randrange(5_000, N_ROWS)), "last row", "commit"):
        process = ingesting(path, N_ROWS, stop_at)
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        assert rows_in(path) == nothing
    for delay in (chance.uniform(0.0, 1.0), chance.uniform(1.0, 3.0)):
        process = ingesting(path, N_ROWS, "any moment")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        assert rows_in(path) in (nothing, everything)
    process = ingesting(path, N_ROWS, "never")
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (0, "")
    assert stdout in (f"{N_ROWS} {N_ROWS} 0 0 0\n", f"{N_ROWS} 0 0 {N_ROWS} 0\n")
    assert rows_in(path) == everything


def with_pragma(monkeypatch: pytest.MonkeyPatch, pragma: str) -> None:
    """Every connection opened from now on has this setting."""
    prepare = ledger_module._prepare_sqlite

    def prepared(connection: Any, record: object) -> None:
        prepare(connection, record)
        connection.execute(pragma)

    monkeypatch.setattr(ledger_module, "_prepare_sqlite", prepared)


@pytest.fixture
def filled(home: Path, make_report: MakeReport, make_reading: MakeReading) -> Path:
    """The file of a ledger that holds one report."""
    home.mkdir()
    path = home / "ledger.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        ledger.ingest(make_reading([make_report("2026-01-10", 7)]), NOW)
    return path


def many(make_report: MakeReport) -> list[SalvoReport]:
    return [make_report("2026-01-11", 9, target_area=f"area {number}") for number in range(3_000)]


def test_a_locked_ledger_is_told_in_one_line_and_nothing_changes(
    filled: Path, monkeypatch: pytest.MonkeyPatch, make_report: MakeReport, make_reading: MakeReading
) -> None:
    with_pragma(monkeypatch, "PRAGMA busy_timeout = 50")
    before = filled.read_bytes()
    with Ledger.open(f"sqlite:///{filled}") as ledger:
        with closing(sqlite3.connect(filled, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(
                SalvocastError, match=r"another process is writing to it; nothing was changed"
            ) as caught:
                ledger.ingest(make_reading([make_report("2026-01-11")]), NOW)
            assert "\n" not in str(caught.value)
            assert caught.value.exit_code == 1
            assert [entry.report.launched for entry in ledger.as_of(NOW)] == [7]  # reading goes on
            other.execute("ROLLBACK")
        assert filled.read_bytes() == before
        assert ledger.ingest(make_reading([make_report("2026-01-11")]), NOW).added == 1


def test_a_locked_new_ledger_is_told_in_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_pragma(monkeypatch, "PRAGMA busy_timeout = 50")
    home.mkdir()
    path = home / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SalvocastError, match="another process is writing to it"):
            Ledger.open(f"sqlite:///{path}")
    with Ledger.open(f"sqlite:///{path}") as ledger:
        assert ledger.series() == []


def test_the_ledger_waits_for_another_writer(filled: Path, make_report: MakeReport, make_reading: MakeReading) -> None:
    """Two scheduled jobs meet now and then: the later one waits its turn, for up to 20 seconds."""
    with Ledger.open(f"sqlite:///{filled}") as ledger, ledger._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 20_000


@pytest.mark.slow
def test_the_command_tells_of_a_lock_in_one_line_after_its_wait(filled: Path, tmp_path: Path) -> None:
    table = tmp_path / "salvos.csv"
    table.write_text("date,launched\n2026-01-12,5\n", encoding="utf-8")
    before = filled.read_bytes()
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = subprocess.run(
            [sys.executable, "-m", "forecasting.cli", "ingest", "table", str(table)],
            capture_output=True,
            text=True,
            env={**os.environ, "SALVOCAST_HOME": str(filled.parent)},
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "locked" in done.stderr
    assert filled.read_bytes() == before


def test_a_full_disk_is_told_in_one_line_and_nothing_is_lost(
    filled: Path, monkeypatch: pytest.MonkeyPatch, make_report: MakeReport, make_reading: MakeReading
) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        n_pages = connection.execute("PRAGMA page_count").fetchone()[0]
    with monkeypatch.context() as patch:
        with_pragma(patch, f"PRAGMA max_page_count = {n_pages + 20}")
        with Ledger.open(f"sqlite:///{filled}") as ledger:
            with pytest.raises(SalvocastError, match="make room on its disk; nothing was changed") as caught:
                ledger.ingest(make_reading(many(make_report)), NOW)
            assert "\n" not in str(caught.value)
            assert caught.value.exit_code == 1
            assert [entry.report.launched for entry in ledger.as_of(NOW)] == [7]
    assert rows_in(filled) == (1, 1, 1)
    with Ledger.open(f"sqlite:///{filled}") as ledger:
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


def test_an_interrupted_reading_leaves_the_ledger_open_for_the_next(
    filled: Path, make_report: MakeReport, make_reading: MakeReading
) -> None:
    """Ctrl-C in the middle of a file: rolled back, unlocked."""

    def rows() -> Iterator[SalvoReport]:
        yield from many(make_report)
        raise KeyboardInterrupt

    with Ledger.open(f"sqlite:///{filled}") as ledger:
        with pytest.raises(KeyboardInterrupt):
            ledger.ingest(Reading("table", "d", rows()), NOW)
        assert ledger.ingest(make_reading([make_report("2026-01-12")]), NOW).added == 1
    assert rows_in(filled) == (2, 2, 2)


def test_a_ledger_that_may_only_be_read_says_so(
    filled: Path, make_report: MakeReport, make_reading: MakeReading
) -> None:
    with Ledger.open(f"sqlite:///file:{filled}?mode=ro&uri=true") as ledger:
        assert [entry.report.launched for entry in ledger.as_of(NOW)] == [7]
        with pytest.raises(
            SalvocastError, match=r"failed \(attempt to write a readonly database\): see that"
        ) as caught:
            ledger.ingest(make_reading([make_report("2026-01-12")]), NOW)
        assert "\n" not in str(caught.value)
