"""The rest of `salvocast ingest` and `salvocast data` as a person runs them: bulletins, snapshots, repairs, checks."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from forecasting.commands.main import app, run

if sys.platform != "win32":
    import pty

MESSAGE = """\
In the night of 10 January 2026 (from 18:00 on 9 January), the enemy attacked with 57 Shahed drones.
Air defence shot down or suppressed 40 drones.
"""
UNREADABLE = "A quiet morning in the editorial office."
COLUMNS = ("time_start", "time_end", "model", "target", "launched", "destroyed", "source")
NIGHT = {"model": "Shahed-136", "target": "south", "destroyed": "1", "source": "kpszsu/posts/1"}


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def salvocast(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Done]:
    """Runs a command line in this process, with this test's home and this text on stdin."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        capfdbinary.readouterr()
        code = run(app, [str(argument) for argument in arguments])
        said = capfdbinary.readouterr()
        assert b"Traceback" not in said.err
        return Done(code, said.out.decode(), said.err.decode())

    return call


def written(tmp_path: Path, content: str, name: str) -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def snapshot(folder: Path, day: str, nights: dict[str, str]) -> Path:
    path = folder / f"missile_attacks_daily.{day}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for night, launched in nights.items():
            times = {"time_start": f"{night} 00:30", "time_end": f"{night} 06:00"}
            writer.writerow({**NIGHT, **times, "launched": launched})
    return path


def test_a_message_on_stdin_is_read(salvocast: Callable[..., Done]) -> None:
    done = salvocast("ingest", "bulletin", "--received", "2026-01-10 08:30", stdin=MESSAGE)
    assert done == (0, "bulletin: read 1 = 1 added + 0 revised + 0 unchanged + 0 quarantined\n", "")
    assert "57" in salvocast("data", "export").out


def test_messages_of_a_file_are_read_one_by_one_and_none_is_lost(
    salvocast: Callable[..., Done], tmp_path: Path
) -> None:
    second = MESSAGE.replace("10 January", "11 January").replace("9 January", "10 January").replace("57", "66")
    texts = {"2026-01-10 08:30": MESSAGE, "2026-01-11 08:30": second, "2026-01-12 08:30": UNREADABLE}
    path = written(tmp_path, "\n".join(f"{stamp}\n{text}" for stamp, text in texts.items()), "messages.txt")
    done = salvocast("ingest", "bulletin", path)
    assert done.code == 2
    assert "bulletin: read 3 = 2 added + 0 revised + 0 unchanged + 1 quarantined\n" in done.out
    assert "message 3 is in quarantine" in done.err
    assert UNREADABLE in salvocast("data", "quarantine").out


def test_what_no_rule_could_read_is_printed(salvocast: Callable[..., Done]) -> None:
    text = MESSAGE + "Lancet 7318 told otherwise.\n"
    done = salvocast("ingest", "bulletin", "--received", "2026-01-10 08:30", stdin=text)
    assert "message 1 unread: " in done.out
    assert "7318" in done.out


def test_a_review_without_a_terminal_shows_and_stores_nothing(salvocast: Callable[..., Done], home: Path) -> None:
    done = salvocast("ingest", "bulletin", "--review", "--received", "2026-01-10 08:30", stdin=MESSAGE)
    assert (done.code, done.err) == (0, "nothing was stored\n")
    assert MESSAGE.splitlines()[0] in done.out
    assert "launched 57" in done.out
    assert not (home / "ledger.db").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("answer", "stored"), [(b"y\n", True), (b"n\n", False)])
def test_a_review_in_a_terminal_asks_first(home: Path, tmp_path: Path, answer: bytes, stored: bool) -> None:
    path = written(tmp_path, MESSAGE, "message.txt")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "forecasting.commands.main", "ingest", "bulletin", path, "--review"]
    os.write(ours, answer)
    try:
        done = subprocess.run(
            [*command, "--received", "2026-01-10 08:30"], stdin=theirs, capture_output=True, timeout=120, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert b"store these reports?" in done.stdout + done.stderr
    assert (b"1 added" in done.stdout) is stored
    assert (home / "ledger.db").exists() is stored


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "bulletin", "missing.txt"), "missing.txt does not exist"),
        (("ingest", "bulletin"), "the text is empty"),
        (("ingest", "bulletin", "-", "--received", "yesterday"), "--received is 'yesterday'"),
        (("ingest", "table", "table.csv", "--timezone", "Kyiv"), "--timezone is 'Kyiv'"),
        (("ingest", "table", "table.csv", "--published", "soon"), "--published is 'soon'"),
        (("ingest", "table", "table.csv", "--only", "launched"), "expected COLUMN=TEXT"),
        (("ingest", "table", "table.csv", "--class", "=shahed"), "expected TEXT=CLASS"),
        (("ingest", "table", "/dev/zero"), "/dev/zero is not a regular file"),
        (("data", "quarantine", "repair", "1"), "Missing argument"),
        (("data", "quarantine", "repair", "1", "launched"), "expected CELL=VALUE"),
        (("data", "quarantine", "release", "1"), "Missing option"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_command_line_is_told_in_one_line(
    salvocast: Callable[..., Done], tmp_path: Path, home: Path, arguments: tuple[str, ...], said: str
) -> None:
    written(tmp_path, "date,launched\n2026-01-10,3\n", "table.csv")
    done = salvocast(*arguments, stdin="" if "--received" not in arguments else MESSAGE)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1), done
    assert said in done.err
    assert not (home / "ledger.db").exists()


def test_a_table_of_another_zone_that_came_out_later(salvocast: Callable[..., Done], tmp_path: Path) -> None:
    """20:30 to 23:30 in Lisbon is past midnight in Kyiv, so the attack day is the next one."""
    path = written(tmp_path, "window_start,window_end,launched\n2026-01-09 20:30,2026-01-09 23:30,9\n", "lisbon.csv")
    table = ("ingest", "table", path, "--timezone", "Europe/Lisbon", "--published", "2026-01-20 12:00")
    assert salvocast(*table).code == 0
    out = salvocast("data", "export").out.splitlines()[1]
    assert out.startswith("2026-01-09T22:30,2026-01-10T01:30,9,")
    written(tmp_path, "window_start,window_end,launched\n2026-01-09 20:30,2026-01-09 23:30,12\n", "lisbon.csv")
    assert "1 revised" in salvocast(*table[:-1], "2026-02-02").out
    assert ",9," in salvocast("data", "export", "--as-of", "2026-02-01").out
    assert ",12," in salvocast("data", "export", "--as-of", "2026-02-02").out


def test_a_shrunk_snapshot_is_refused_with_the_difference(salvocast: Callable[..., Done], tmp_path: Path) -> None:
    nights = {f"2026-01-{day}": f"{day}" for day in range(10, 15)}
    assert salvocast("ingest", "kaggle", snapshot(tmp_path, "2026-01-20", nights)).code == 0
    nights.pop("2026-01-12")
    later = snapshot(tmp_path, "2026-01-30", nights)
    done = salvocast("ingest", "kaggle", later)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "less than that of 2026-01-20: shahed 4 salvos instead of 5; gone are 2026-01-12 06:00 south" in done.err
    assert salvocast("ingest", "kaggle", later, "--accept-shrink").code == 0
    done = salvocast("data", "revisions")
    assert "2026-01-12 06:00  south  withdrawn from 2026-01-30 21:59 UTC, kaggle: launched 12" in done.out
    assert done.err == "0 revisions; 1 salvos withdrawn, 0 added late\n"
    assert "2026-01-12T06:00" not in salvocast("data", "export").out
    assert "2026-01-12T06:00" in salvocast("data", "export", "--as-of", "2026-01-29").out


def test_a_row_goes_from_quarantine_into_the_ledger_or_out_of_sight(
    salvocast: Callable[..., Done], tmp_path: Path
) -> None:
    path = written(tmp_path, "date,launched\n2026-01-10,1O\n2026-01-11,none of\n2026-01-12,3\n", "table.csv")
    assert salvocast("ingest", "table", path).code == 2
    assert [line[:2] for line in salvocast("data", "quarantine").out.splitlines()] == ["#1", "#2"]
    done = salvocast("data", "quarantine", "repair", "1", "launched=10")
    assert done == (0, "row #1 repaired: read 1 = 1 added + 0 revised + 0 unchanged + 0 quarantined\n", "")
    assert salvocast("data", "quarantine", "release", "2", "--reason", "no count was told").code == 0
    assert salvocast("data", "quarantine") == (0, "", "0 rows in quarantine\n")
    everything = salvocast("data", "quarantine", "--all").out.splitlines()
    assert "repaired on " in everything[0]
    assert '"launched": "1O"' in everything[0]
    assert "released on " in everything[1]
    assert "no count was told" in everything[1]
    assert salvocast("data", "quarantine", "repair", "2", "launched=1").code == 2


def test_the_check_shows_every_month_and_flags_without_failing(salvocast: Callable[..., Done]) -> None:
    assert salvocast("ingest", "bundled").code == 0
    stated = ("data", "total", "2026-02", "9000", "--source", "Air Force", "--published", "2026-03-01")
    kept = "2026-02 9,000 launched, all hours (Air Force, 2026-03-01)"
    assert salvocast(*stated).out.startswith(f"{kept}: kept; ")
    assert salvocast(*stated).out.startswith(f"{kept}: known already; ")
    done = salvocast("data", "check")
    assert any(line.startswith(f"{kept}: its 28 days that are known have ") for line in done.out.splitlines())
    assert (done.code, done.err) == (0, "")
    assert "2025-08" in done.out
    assert "<- FLAG" in done.out
    assert "6 of 38 totals are off by more than the tolerance" in done.out


def test_the_daily_export_has_the_honest_series(salvocast: Callable[..., Done], tmp_path: Path) -> None:
    path = written(tmp_path, "date,launched,shot_down,strike_drones\n2024-06-30,9,3,\n2025-08-01,9,3,6\n", "table.csv")
    assert salvocast("ingest", "table", path).code == 0
    rows = list(csv.DictReader(salvocast("data", "export", "--by-day").out.splitlines()))
    told = [(row["neutralised_comparable"], row["armed_share"]) for row in (rows[0], rows[-1])]
    assert told == [("False", ""), ("True", "0.6667")]


def test_a_colleagues_sheet_is_read_with_its_kinds_parts_and_totals(
    salvocast: Callable[..., Done], tmp_path: Path
) -> None:
    rows = "Staff table\nday,model,shift,UAVs\n2026-01-09,Shahed-136/131,night,9\n2026-01-09,Shahed-136/131,day,4\n"
    path = written(tmp_path, rows + "2026-01-09,X-101,night,8\n2026-01-09,Shahed-136/131,total,13\n", "sheet.csv")
    table = ("ingest", "table", path, "--skip-rows", "1", "--map", "date=day", "--map", "launched=UAVs")
    done = salvocast(*table)
    assert (done.code, done.out) == (2, "")
    assert "rows 1, 2, 3, ... speak of one salvo (2026-01-09) and differ" in done.err
    table += ("--map", "weapon_class=model", "--map", "part=shift", "--class", "Shahed-136/131=shahed")
    table += ("--only", "model=Shahed-136/131", "--only", "shift=night", "--only", "shift=day")
    assert salvocast(*table, "--dry-run").out.endswith("2 reports can be read; nothing was stored (dry run)\n")
    assert salvocast(*table).code == 0
    assert salvocast("data", "export", "--by-day").out.splitlines()[1].startswith("2026-01-09,13,")


def test_a_number_of_rows_below_none_is_told_in_our_words(salvocast: Callable[..., Done], tmp_path: Path) -> None:
    done = salvocast("ingest", "table", written(tmp_path, "date,launched\n", "table.csv"), "--skip-rows", "-1")
    assert (done.code, done.out) == (2, "")
    assert done.err == "salvocast: --skip-rows is -1: expected a whole number from 0 on\n"


def test_days_of_events_are_asked_about_at_reading(salvocast: Callable[..., Done], tmp_path: Path) -> None:
    days = "".join(f"2026-01-{day:02},5\n" for day in (1, 5, 6, 11, 20))
    path = written(tmp_path, "date,launched\n" + days, "table.csv")
    done = salvocast("ingest", "table", path, "--theatre", "lowland")
    assert done.code == 0
    assert "lowland shahed has rows for 5 of the 20 days from 2026-01-01 to 2026-01-20" in done.err
    assert "--quiet-days all" in done.err
    done = salvocast("ingest", "table", path, "--theatre", "lowland", "--quiet-days", "all")
    assert done == (0, "table: read 20 = 15 added + 0 revised + 5 unchanged + 0 quarantined\n", "")
    assert len(salvocast("data", "export", "--by-day", "--theatre", "lowland").out.splitlines()) == 21


def test_a_row_of_a_table_that_is_added_up_is_mended_in_the_table(
    salvocast: Callable[..., Done], tmp_path: Path
) -> None:
    """Repaired alone, it would stand for the whole date."""
    rows = "date,launched\n2026-01-09,9\n2026-01-09,many\n2026-01-10,3\n"
    assert salvocast("ingest", "table", written(tmp_path, rows, "table.csv"), "--sum").code == 2
    done = salvocast("data", "quarantine", "repair", "1", "launched=4")
    assert (done.code, done.out) == (2, "")
    assert "the rows of this table are added up: correct the table, and read it again" in done.err


def test_a_report_that_tells_a_night_again_is_listed_beside_the_one_that_stands(
    salvocast: Callable[..., Done], tmp_path: Path
) -> None:
    head = "window_start,window_end,launched,published_at\n"
    for name, row in (("a", "08:30,88,2026-01-10 09:00"), ("b", "08:00,90,2026-01-10 12:00")):
        (tmp_path / f"{name}.csv").write_text(f"{head}2026-01-09 18:00,2026-01-10 {row}\n", encoding="utf-8")
        salvocast("ingest", "table", f"{name}.csv")
    assert salvocast("data", "export", "--by-day").out.splitlines()[1].startswith("2026-01-10,90,")
    done = salvocast("data", "revisions")
    assert "launched 88, neutralised None, adds nothing: it tells of the salvo of 2026-01-09 18:00" in done.out
    assert done.err == "0 revisions; 1 reports that tell a salvo again\n"


def test_a_read_is_undone_by_its_number(salvocast: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("date,launched\n2026-01-10,12\n", encoding="utf-8")
    salvocast("ingest", "table", "a.csv")
    done = salvocast("data", "undo", "1", "--reason", "another team's")
    assert (done.code, done.out) == (0, "read 1 undone: 1 reports of it count no more; it can be read again\n")
    assert salvocast("data", "undo", "1").code == 2
    assert "1 added" in salvocast("ingest", "table", "a.csv").out
