"""New reports from the configured sources, and what speaks against learning from them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

from experiments.report_sources import (
    Severity,
    check_history,
    ingest_sources,
    refuse_files_for_folders,
    source_problems,
)
from experiments.settings import BulletinSource, KaggleSource, TableSource, parse_settings
from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.sources import kaggle
from features.sources.reading import Reading
from features.sources.table import read_table

NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
TABLE = "date,launched\n2026-03-07,90\n2026-03-08,110\n"
SNAPSHOT = (
    "time_start,time_end,model,launched,destroyed,source\n"
    "2026-03-08 18:00,2026-03-09 08:00,Shahed-136/131,120,100,kpszsu/posts/1\n"
)
BULLETIN = """2026-03-10 09:00

Вночі противник атакував 91-м ударним БпЛА типу Shahed. Станом на 08:30 збито 80 ворожих БпЛА.
"""


def test_every_source_is_read_and_a_second_time_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text("day,UAVs\n2026-03-06,50\n", encoding="utf-8")
    (tmp_path / "tables" / ".hidden").write_text("no table", encoding="utf-8")
    (tmp_path / "one.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "missile_attacks_daily.2026-03-09.csv").write_text(SNAPSHOT, encoding="utf-8")
    sources = [
        TableSource(kind="table", path="tables", map={"date": "day", "launched": "UAVs"}),
        TableSource(kind="table", path="o*.csv"),
        KaggleSource(kind="kaggle", path="missile_attacks_daily.2026-03-09.csv"),
    ]
    assert ingest_sources(ledger, sources, tmp_path, NOW) == ()
    assert ledger.history().launched.tolist() == [50, 90, 110, 120]
    n_batches = len(ledger.batches())
    assert ingest_sources(ledger, sources, tmp_path, NOW) == ()
    assert len(ledger.batches()) == n_batches == 3


def test_bulletins_come_in_as_the_command_reads_them(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "morning.txt").write_text(BULLETIN, encoding="utf-8")
    assert (
        ingest_sources(ledger, [BulletinSource(kind="bulletin", path=str(tmp_path / "*.txt"))], Path("elsewhere"), NOW)
        == ()
    )
    history = ledger.history()
    assert (history.last_day, history.launched.tolist()) == (date(2026, 3, 10), [91])


def test_the_newest_snapshot_is_downloaded_where_no_path_is_given(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "snapshot.csv").write_text(SNAPSHOT, encoding="utf-8")
    monkeypatch.setattr("experiments.report_sources.download_newest", lambda: tmp_path / "snapshot.csv")
    assert ingest_sources(ledger, [KaggleSource(kind="kaggle")], tmp_path, NOW) == ()
    (batch,) = ledger.batches()
    assert (batch["source"], batch["published_at"]) == (kaggle.SOURCE, NOW.replace(tzinfo=None))


def test_a_broken_source_is_told_and_the_others_are_read(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    sources = [
        BulletinSource(kind="bulletin", path="inbox/*.txt"),
        BulletinSource(kind="bulletin", path="empty"),
        TableSource(kind="table", path="one.csv", map={"launched": "UAVs"}),
        TableSource(kind="table", path="one.csv"),
    ]
    findings = ingest_sources(ledger, sources, tmp_path, NOW)
    assert [finding.text.partition(":")[0] for finding in findings] == [
        "source bulletin inbox/*.txt failed",
        "source bulletin empty failed",
        "source table one.csv failed",
    ]
    assert {finding.severity for finding in findings} == {Severity.FAILURE}
    assert ledger.history().launched.tolist() == [90, 110]


def test_one_odd_file_of_a_folder_stops_neither_the_others_nor_the_morning(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("a", "no table"), ("b", "date,launched\n2026-03-06,50\n"), ("c", TABLE), ("d", TABLE)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")

    def unlucky(path: Path, **options: object) -> Reading:
        if path.stem == "c":
            raise ZeroDivisionError("odd\nindeed")
        return read_table(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("experiments.report_sources.read_table", unlucky)
    findings = ingest_sources(ledger, [TableSource(kind="table", path="*.csv")], tmp_path, NOW)
    assert "a.csv has no column 'launched'" in findings[0].text
    assert findings[1].text == r"source table *.csv failed: unexpected ZeroDivisionError: odd\nindeed"
    assert [finding.severity for finding in findings] == [Severity.FAILURE] * 2
    assert ledger.history().launched.tolist() == [50, 90, 110]


def test_a_table_is_read_as_the_command_reads_it_and_its_question_is_a_note(ledger: Ledger, tmp_path: Path) -> None:
    rows = [
        f"2026-02-{day:02},{part},{kind},{day}\n" for day in (1, 4, 9, 11, 20) for part in "ab" for kind in ("S", "K")
    ]
    text = "Staff\ndate,part of it,model,launched\n" + "".join(rows)
    (tmp_path / "one.csv").write_text(text, encoding="utf-8")
    settings = """
        [[source]]
        kind = "table"
        path = "one.csv"
        map = {weapon_class = "model"}
        classes = {S = "shahed"}
        only = {model = ["S"]}
        sum = true
        skip_rows = 1
        """
    [source] = parse_settings(settings, "settings.toml").source
    [note] = ingest_sources(ledger, [source], tmp_path, NOW)
    assert "has rows for 5 of the 20 days" in note.text
    assert note.severity is Severity.NOTE
    [source] = parse_settings(settings + 'quiet_days = "all"', "settings.toml").source
    assert ingest_sources(ledger, [source], tmp_path, NOW) == ()
    assert ledger.history().launched.tolist()[:4] == [2, 0, 0, 8]


def test_rows_in_quarantine_are_told_once(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(TABLE + "2026-03-09,many\n2026-03-10,\n", encoding="utf-8")
    source = TableSource(kind="table", path="one.csv")
    (finding,) = ingest_sources(ledger, [source], tmp_path, NOW)
    assert finding.text.startswith("2 more rows wait in quarantine: table row 3: launched is 'many'")
    assert finding.severity is Severity.FAILURE
    assert ingest_sources(ledger, [source], tmp_path, NOW) == ()


History = Callable[[ArrayLike], LaunchHistory]
STEADY = np.full(100, 100.0)
"""From 2025-01-01 to 2025-04-10."""
MORNING = datetime(2025, 4, 10, 7, tzinfo=UTC)


def test_a_steady_record_passes(history_from: History) -> None:
    assert check_history(history_from(STEADY), None, MORNING) == ()
    assert check_history(history_from(STEADY), date(2025, 4, 9), MORNING) == ()


@pytest.mark.parametrize(("hour", "overdue"), [(16, False), (18, True)])
def test_reports_are_overdue_36_hours_after_the_last_night(history_from: History, hour: int, overdue: bool) -> None:
    """The night to 2025-04-10 ended at 08:00 in Kyiv, 05:00 UTC: 36 hours later it is 17:00 UTC of the 11th."""
    findings = check_history(history_from(STEADY), None, datetime(2025, 4, 11, hour, tzinfo=UTC))
    assert [finding.text for finding in findings] == ["no report since 2025-04-10: reports are overdue"] * overdue
    assert all(finding.severity is Severity.NOTE for finding in findings)


def test_what_a_person_confirmed_is_not_doubted_again(history_from: History) -> None:
    counts = STEADY.copy()
    counts[99] = 5_000
    assert check_history(history_from(counts), date(2025, 4, 9), MORNING) == ()


def test_a_record_shorter_than_what_the_champion_learned_from_stops(history_from: History) -> None:
    (finding,) = check_history(history_from(STEADY), date(2025, 4, 11), MORNING)
    assert finding.severity is Severity.STOP
    assert "the record ends on 2025-04-10, the champion was trained through 2025-04-11" in finding.text


def test_a_ledger_that_fails_is_no_finding(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken ledger must stop the retraining, not look like a broken file."""
    from features.errors import SalvocastError

    (tmp_path / "one.csv").write_text(TABLE, encoding="utf-8")

    def fail(*_: object) -> None:
        raise SalvocastError("disk full")

    monkeypatch.setattr(ledger, "ingest", fail)
    with pytest.raises(SalvocastError, match="disk full") as error:
        ingest_sources(ledger, [TableSource(kind="table", path="one.csv")], tmp_path, NOW)
    assert not isinstance(error.value, InputError)


def test_a_place_that_cannot_be_a_source_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("no folder", encoding="utf-8")
    (tmp_path / "there").mkdir()
    paths = ("inbox/*.txt", "inbox/", "inbox/of/*/a.txt", "gone", "gone/*.txt", "there/*.txt", "th*/a.txt", "there")
    sources = [BulletinSource(kind="bulletin", path=path) for path in (*paths, "inbox")]
    a_file = f"{tmp_path / 'inbox'} is a file: expected a folder"
    assert source_problems([*sources, KaggleSource(kind="kaggle")], tmp_path) == [
        ("bulletin inbox/*.txt", a_file),
        ("bulletin inbox/", a_file),
        ("bulletin inbox/of/*/a.txt", a_file),
        ("bulletin gone", f"{tmp_path / 'gone'} is missing: put it there"),
        ("bulletin gone/*.txt", f"{tmp_path / 'gone'} is missing: put it there"),
    ]
    refuse_files_for_folders(sources[3:], tmp_path / "settings.toml")  # what is missing may still come
    with pytest.raises(InputError) as error:
        refuse_files_for_folders(sources, tmp_path / "settings.toml")
    assert str(error.value) == f"{tmp_path / 'settings.toml'}: source 1 (bulletin inbox/*.txt): {a_file}"
