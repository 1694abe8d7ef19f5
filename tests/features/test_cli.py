"""`salvocast ingest` and `salvocast data` as a person runs them: through the real entry point, in a process."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from features.sources.bundled import SNAPSHOT_DAY
from forecasting.commands.main import app, run

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
GOOD = "window_start,window_end,launched,shot_down\n2026-01-09 18:00,2026-01-10 08:00,10,7\n"
HEADER = "window_start,window_end,launched,shot_down\n"
MORE = "2026-01-10 18:00,2026-01-11 08:00,20,12\n"


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    def failed_in_one_line(self, code: int, *said: str) -> None:
        """Fails unless the command told its failure as it must."""
        assert self.code == code, self
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("salvocast: ")
        assert "Traceback" not in self.err + self.out
        assert "unexpected" not in self.err
        for text in said:
            assert text in self.err


@pytest.fixture
def salvocast(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Done]:
    """Runs a command line in this process, in an empty folder and with this test's home."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def call(*arguments: str | Path) -> Done:
        capfdbinary.readouterr()
        code = run(app, [str(argument) for argument in arguments])
        said = capfdbinary.readouterr()
        return Done(code, said.out.decode(), said.err.decode())

    return call


@pytest.fixture(scope="module")
def ledger_of_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that holds the report of GOOD, made by the command."""
    folder = tmp_path_factory.mktemp("one")
    (folder / "good.csv").write_text(GOOD, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "forecasting.commands.main", "ingest", "table", "good.csv"],
        cwd=folder,
        env={**os.environ, "SALVOCAST_HOME": str(folder)},
        capture_output=True,
        check=True,
    )
    return folder / "ledger.db"


@pytest.fixture
def kept(home: Path, ledger_of_one: Path) -> Path:
    """The ledger of the home, with one report in it."""
    home.mkdir()
    return Path(shutil.copy(ledger_of_one, home / "ledger.db"))


def held(path: Path, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    """What a ledger holds, table by table."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in tables or ("batch", "report", "sighting", "quarantine")
        }


def written(tmp_path: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# What goes well


def test_a_table_is_read_once_and_told(salvocast: Callable[..., Done], home: Path, tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + MORE)
    told = "table: read 2 = {} added + 0 revised + {} unchanged + 0 quarantined\n"
    assert salvocast("ingest", "table", path) == Done(0, told.format(2, 0), "")
    before = held(home / "ledger.db")
    assert salvocast("ingest", "table", path) == Done(0, told.format(0, 2), "")
    assert held(home / "ledger.db") == before


def test_the_installed_command_is_the_same_program(home: Path, tmp_path: Path) -> None:
    command = shutil.which("salvocast", path=str(Path(sys.executable).parent))
    assert command is not None
    path = written(tmp_path, GOOD)
    done = subprocess.run([command, "ingest", "table", path], capture_output=True, text=True, check=True)
    assert done.stdout == "table: read 1 = 1 added + 0 revised + 0 unchanged + 0 quarantined\n"
    assert (home / "ledger.db").is_file()


def test_more_shot_down_than_launched_is_kept_and_flagged(
    salvocast: Callable[..., Done], kept: Path, tmp_path: Path
) -> None:
    done = salvocast("ingest", "table", written(tmp_path, HEADER + "2026-01-10 18:00,2026-01-11 08:00,5,9\n"))
    assert (done.code, done.err) == (0, "")
    assert "1 added" in done.out
    assert "1 kept with a flag (more neutralised than launched)" in done.out
    frame = pd.read_csv(StringIO(salvocast("data", "export").out))
    assert frame["shot_down"].tolist() == [7, 9]
    assert frame["flags"].fillna("").tolist() == ["", "more_neutralised_than_launched"]


def test_an_empty_ledger_starts_with_the_bundled_reports_and_says_so(salvocast: Callable[..., Done]) -> None:
    first, second = salvocast("data", "status"), salvocast("data", "status")
    assert first.code == second.code == 0
    assert first.err.startswith("the ledger was empty: ingested the ")
    assert len(first.err.splitlines()) == 1
    assert second.err == ""
    assert second.out == first.out
    assert "ukraine shahed: " in first.out
    assert f"2022-09-29 to {SNAPSHOT_DAY}" in first.out


def test_bundled_reports_are_all_read_and_a_second_time_are_known(salvocast: Callable[..., Done], home: Path) -> None:
    assert salvocast("ingest", "bundled").code == 0
    before = held(home / "ledger.db")
    again = salvocast("ingest", "bundled")
    assert (again.code, again.err) == (0, "")
    assert "0 added + 0 revised" in again.out
    assert held(home / "ledger.db") == before
    assert before["quarantine"] == []


def test_a_dry_run_shows_what_would_be_read_and_stores_nothing(
    salvocast: Callable[..., Done], home: Path, tmp_path: Path
) -> None:
    content = "Datum,UAVs,note\n2026-01-10,10,x\n2026-01-11,-4,y\n"
    done = salvocast(
        *("ingest", "table", written(tmp_path, content), "--dry-run", "--map", "launched=UAVs", "--map", "date=Datum")
    )
    assert (done.code, done.err) == (0, "")
    assert "launched from UAVs" in done.out
    assert "not used: note" in done.out
    assert "row 2: launched is '-4'" in done.out
    assert "1 reports can be read; nothing was stored (dry run)" in done.out
    assert not (home / "ledger.db").exists()
    done = salvocast("ingest", "table", written(tmp_path, "date,launched\n2026-01-11,-4\n"), "--dry-run")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "no row that can be read" in done.err


def test_the_same_file_mapped_in_another_way_is_read_again(
    salvocast: Callable[..., Done], kept: Path, tmp_path: Path
) -> None:
    """A wrong --map, or a wrong theatre, must be possible to put right."""
    path = written(tmp_path, "date,UAVs,Missiles\n2026-01-11,20,3\n")
    assert "1 added" in salvocast("ingest", "table", path, "--map", "launched=Missiles").out
    assert "1 revised" in salvocast("ingest", "table", path, "--map", "launched=UAVs").out
    assert "1 added" in salvocast("ingest", "table", path, "--map", "launched=UAVs", "--theatre", "elsewhere").out
    assert "1 unchanged" in salvocast("ingest", "table", path, "--map", "launched=UAVs").out
    assert pd.read_csv(StringIO(salvocast("data", "export").out))["launched"].tolist() == [10, 20]


def test_an_export_read_back_gives_the_same_data(
    salvocast: Callable[..., Done], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "export.csv"
    assert salvocast("data", "export", "--out", out).code == 0
    daily = salvocast("data", "export", "--by-day").out
    monkeypatch.setenv("SALVOCAST_HOME", str(tmp_path / "other"))
    assert salvocast("ingest", "table", out).code == 0
    assert salvocast("data", "export", "--by-day").out == daily


def test_an_export_as_of_a_day_holds_what_was_published_by_then(
    salvocast: Callable[..., Done], kept: Path, tmp_path: Path
) -> None:
    content = HEADER.strip() + ",published_at\n2026-01-10 18:00,2026-01-11 08:00,500,,2026-01-13 12:00\n"
    assert salvocast("ingest", "table", written(tmp_path, content)).code == 0
    for day, launched in (("2026-01-12", [10]), ("2026-01-13", [10, 500])):
        frame = pd.read_csv(StringIO(salvocast("data", "export", "--as-of", day).out))
        assert frame["launched"].tolist() == launched
    daily = pd.read_csv(StringIO(salvocast("data", "export", "--as-of", "2026-01-12", "--by-day").out))
    assert daily["attack_day"].tolist() == ["2026-01-10", "2026-01-11", "2026-01-12"]
    assert daily["launched"].fillna(-1).tolist() == [10, -1, -1]


def test_revisions_are_listed_version_by_version(salvocast: Callable[..., Done], kept: Path, tmp_path: Path) -> None:
    assert salvocast("data", "revisions") == Done(0, "", "0 revisions\n")
    assert "1 revised" in salvocast("ingest", "table", written(tmp_path, GOOD.replace(",10,7", ",12,7"))).out
    done = salvocast("data", "revisions")
    assert (done.code, done.err) == (0, "1 revisions\n")
    first, second = done.out.splitlines()
    assert first.startswith(
        "2026-01-10 08:00  -  revision 1, public 2026-01-10 06:00 UTC (assumed), table: launched 10"
    )
    assert "revision 2" in second
    assert "launched 12, neutralised 7; changed: launched 10 -> 12" in second


def test_the_password_of_the_database_is_never_shown(
    salvocast: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALVOCAST_LEDGER_URL", "nosuchdatabase://planner:hunter2@db.example/ledger")
    done = salvocast("data", "status")
    done.failed_in_one_line(1, "SALVOCAST_LEDGER_URL")
    assert "hunter2" not in done.err


# Files that cannot be read: nothing changes


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n\n", "holds no header"),
        ("cp1251.csv", "window_start,window_end,launched\nвчора".encode("cp1251"), "is not UTF-8"),
        ("utf16.csv", GOOD.encode("utf-16"), "is UTF-16"),
        ("binary.csv", b"\x00\x01\x02\x03", "is binary"),
        ("missing.csv", b"window_start,window_end,shot_down\n2026-01-10,2026-01-11,3\n", "has no column 'launched'"),
        ("nowindow.csv", b"launched\n3\n", "has no column 'window_start'; 'window_end', or 'date'"),
        ("doubled.csv", b"date,launched,launched\n2026-01-10,3,4\n", "2 columns 'launched'"),
        ("broken.xlsx", b"PK\x03\x04 and then nothing", "is no XLSX workbook that can be read"),
    ],
)
def test_a_file_that_is_no_table_is_told_in_one_line(
    salvocast: Callable[..., Done], kept: Path, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    before = kept.read_bytes()
    done = salvocast("ingest", "table", written(tmp_path, content, name))
    done.failed_in_one_line(2, name, said)
    assert done.out == ""
    assert kept.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "table", "missing.csv"), "missing.csv does not exist"),
        (("ingest", "kaggle", "missing.csv"), "missing.csv"),
        (("ingest", "table", "."), "is a directory"),
        (("ingest", "table"), "Missing argument"),
        (("ingest", "nothing"), "No such command"),
        (("ingest", "table", "x.csv", "--frobnicate"), "No such option"),
        (("ingest", "table", "x.csv", "--map", "launched"), "expected FIELD=COLUMN"),
        (("data", "export", "--theatre", "ukrain"), "unknown theatre 'ukrain': did you mean ukraine?"),
        (("data", "export", "--weapon-class", "shahid"), "unknown weapon class 'shahid': did you mean shahed?"),
        (("data", "revisions", "--theatre", "ukrain"), "unknown theatre 'ukrain'"),
        (("data", "export", "--as-of", "2026-02-30"), "--as-of is '2026-02-30': expected a day as YYYY-MM-DD"),
        (("data", "export", "--as-of", "9999-12-31"), "--as-of is '9999-12-31'"),
        (("data", "export", "--as-of", "2020-01-01"), "before the first report"),
        (("data", "export", "--out", "missing/out.csv"), "the folder missing does not exist"),
        (("data", "export", "--quiet-days", "never"), "never"),
        (("data", "status", "--quiet-days", "never"), "never"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_command_line_is_told_in_one_line(
    salvocast: Callable[..., Done], kept: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = kept.read_bytes()
    done = salvocast(*arguments)
    done.failed_in_one_line(2, said)
    assert done.out == ""
    assert kept.read_bytes() == before


# Rows that cannot be reports: quarantined, while the rest is kept


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2026-01-11 18:00,2026-01-12 08:00,-4,1", "launched is '-4': expected a whole number"),
        ("2026-01-11 18:00,2026-01-12 08:00,4.5,1", "launched is '4.5': expected a whole number"),
        ("2026-01-11 18:00,2026-01-12 08:00,many,1", "launched is 'many'"),
        ("2026-01-11 18:00,2026-01-12 08:00,,1", "launched is missing"),
        ("2026-01-11 18:00,2026-01-12 08:00,100001,1", "launched is 100001"),
        ("2026-01-11 18:00,2026-02-30 08:00,4,1", "window_end is '2026-02-30 08:00'"),
        ("2026-01-11 18:00,2026-01-12 25:00,4,1", "window_end is '2026-01-12 25:00'"),
        ("2026-01-12 18:00,2026-01-12 08:00,4,1", "before it starts"),
        ("2026-01-01 18:00,2026-01-12 08:00,4,1", "window of 10 days"),
        ("1926-01-11 18:00,1926-01-12 08:00,4,1", "expected a day since 2014-01-01"),
        ("2026-01-10 18:00,2026-01-11 08:00,20,12", "repeats row 1"),
        ("2026-01-11 18:00,2026-01-12 08:00,4,1,5", "has 5 cells: expected 4"),
    ],
)
def test_a_row_that_is_no_report_is_quarantined_and_the_others_are_kept(
    salvocast: Callable[..., Done], kept: Path, tmp_path: Path, row: str, said: str
) -> None:
    before = held(kept)
    done = salvocast("ingest", "table", written(tmp_path, HEADER + MORE + row + "\n"))
    done.failed_in_one_line(2, "row 2 is in quarantine: ", said, "salvocast data quarantine")
    assert done.out == "table: read 2 = 1 added + 0 revised + 0 unchanged + 1 quarantined\n"
    after = held(kept)
    for table in ("batch", "report", "sighting"):
        assert after[table][: len(before[table])] == before[table]
        assert len(after[table]) == len(before[table]) + 1  # of the good row alone
    assert len(after["quarantine"]) == 1


def test_the_quarantine_lists_rows_as_they_were(salvocast: Callable[..., Done], kept: Path, tmp_path: Path) -> None:
    assert salvocast("data", "quarantine") == Done(0, "", "0 rows in quarantine\n")
    salvocast("ingest", "table", written(tmp_path, HEADER + "2026-01-11 18:00,2026-01-12 08:00,-4,1\n"))
    done = salvocast("data", "quarantine")
    assert (done.code, done.err) == (0, "1 rows in quarantine\n")
    (line,) = done.out.splitlines()
    assert line.startswith("#1  table row 1: launched is '-4': expected a whole number, 0 or more | {")
    assert '"launched": "-4"' in line


# Places that cannot be written


@pytest.mark.parametrize(
    "arguments",
    [("ingest", "table", "good.csv"), ("ingest", "bundled"), ("data", "status"), ("data", "export")],
    ids=" ".join,
)
def test_a_home_that_cannot_be_made_is_told_in_one_line(
    salvocast: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    file = written(tmp_path, "not a folder", "file")
    monkeypatch.setenv("SALVOCAST_HOME", str(file / "home"))
    written(tmp_path / "work", GOOD, "good.csv")
    done = salvocast(*arguments)
    done.failed_in_one_line(1, "cannot be made", "set SALVOCAST_HOME")
    assert done.out == ""
    assert file.read_text(encoding="utf-8") == "not a folder"


@pytest.mark.skipif(AS_ROOT, reason="root may write anywhere")
def test_a_home_that_is_read_only_is_told_in_one_line(
    salvocast: Callable[..., Done], kept: Path, tmp_path: Path
) -> None:
    before = kept.read_bytes()
    kept.parent.chmod(0o500)
    try:
        salvocast("ingest", "table", written(tmp_path, HEADER + MORE)).failed_in_one_line(1, "cannot be written to")
    finally:
        kept.parent.chmod(0o700)
    assert kept.read_bytes() == before


def test_a_ledger_that_is_no_database_is_told_in_one_line(
    salvocast: Callable[..., Done], home: Path, tmp_path: Path
) -> None:
    home.mkdir()
    path = written(home, "this is a diary\n" * 100, "ledger.db")
    for arguments in (("ingest", "bundled"), ("data", "status")):
        salvocast(*arguments).failed_in_one_line(1, "not a database")
    assert path.read_text(encoding="utf-8") == "this is a diary\n" * 100


def test_a_ledger_of_a_newer_release_is_told_in_one_line(salvocast: Callable[..., Done], kept: Path) -> None:
    with closing(sqlite3.connect(kept)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = kept.read_bytes()
    salvocast("data", "status").failed_in_one_line(1, "has schema 9999")
    assert kept.read_bytes() == before


def test_an_export_that_cannot_be_written_keeps_the_old_file(
    salvocast: Callable[..., Done], kept: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out.csv"
    folder.mkdir()
    salvocast("data", "export", "--out", folder).failed_in_one_line(2, "it is a folder")
    assert list(folder.iterdir()) == []
