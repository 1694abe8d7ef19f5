"""A row that could not be read waits until somebody repairs or releases it, and is never deleted."""

import csv
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.errors import InputError
from features.ledger import Ledger
from features.quarantine import release, repair
from features.records import SalvoReport
from features.sources.bulletin import read_bulletins
from features.sources.kaggle import read_kaggle
from features.sources.reading import Reading, RejectedRow
from features.sources.table import read_table
from tests.conftest import NOW

LATER = NOW + timedelta(days=1)
KAGGLE = ("time_start", "time_end", "model", "target", "launched", "destroyed", "source")
ROW = {
    "time_start": "2026-01-09 18:00",
    "time_end": "2026-01-10 08:00",
    "model": "Shahed-136",
    "target": "Ukraine",
    "launched": "10",
    "destroyed": "7",
    "source": "kpszsu/posts/1",
}


def kaggle(folder: Path, rows: Iterable[dict[str, str]], day: str = "2026-01-31") -> Reading:
    path = folder / f"missile_attacks_daily.{day}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, KAGGLE)
        writer.writeheader()
        writer.writerows(rows)
    return read_kaggle(path)


def table(folder: Path, text: str, **options: object) -> Reading:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path, **options)  # type: ignore[arg-type]


def only_row(ledger: Ledger) -> int:
    (row,) = ledger.quarantine()
    return int(row["id"])


def test_a_row_of_the_public_table_is_repaired_by_its_own_rules(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ingest(kaggle(tmp_path, [{**ROW, "launched": "1O"}]), NOW)
    counts = repair(ledger, only_row(ledger), {"launched": "10"}, LATER)
    assert (counts.rows_read, counts.added, counts.quarantined) == (1, 1, 0)
    (entry,) = ledger.as_of(LATER)
    report = entry.report
    assert (report.launched, report.shot_down, report.reporter, report.source) == (10, 7, "kpszsu", "kaggle")


def test_a_repaired_row_is_known_from_the_repair_on(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ingest(kaggle(tmp_path, [{**ROW, "launched": "1O"}, {**ROW, "target": "south"}]), NOW)
    repair(ledger, only_row(ledger), {"launched": "900"}, LATER)
    assert sum(entry.report.launched for entry in ledger.as_of(LATER - timedelta(seconds=1))) == 10
    assert sum(entry.report.launched for entry in ledger.as_of(LATER)) == 910


def test_a_repaired_row_is_kept_and_no_longer_waits(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ingest(kaggle(tmp_path, [{**ROW, "launched": "1O"}]), NOW)
    row = only_row(ledger)
    repair(ledger, row, {"launched": "10"}, LATER)
    assert ledger.quarantine() == []
    (kept,) = ledger.quarantine(settled=True)
    assert json.loads(kept["raw"])["launched"] == "1O"
    assert (kept["decision"], json.loads(kept["decided_why"])) == ("repaired", {"launched": "10"})
    with pytest.raises(InputError, match=f"row {row} was repaired on {LATER:%Y-%m-%d}"):
        repair(ledger, row, {"launched": "11"}, LATER)
    assert [entry.report.launched for entry in ledger.as_of(LATER)] == [10]


def test_a_repair_that_is_no_report_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ingest(kaggle(tmp_path, [{**ROW, "launched": "1O"}]), NOW)
    row, before = only_row(ledger), ledger.batches()
    for corrections, said in (
        ({"launched": "-1"}, "launched is '-1'"),
        ({"lanched": "10"}, "unknown cell of row .* 'lanched': did you mean launched"),
        ({"launched": "10", "model": "Orlan-11"}, "model is 'Orlan-11'"),
        ({"launched": "10", "time_end": "2026-03-09 08:00", "time_start": "2026-03-08"}, "before the window ends"),
    ):
        with pytest.raises(InputError, match=said):
            repair(ledger, row, corrections, LATER)
    assert (only_row(ledger), ledger.batches()) == (row, before)
    with pytest.raises(InputError, match="row 77777 is not in quarantine"):
        repair(ledger, 77_777, {"launched": "10"}, LATER)


def test_a_repaired_missile_row_joins_the_total_of_its_day(ledger: Ledger, tmp_path: Path) -> None:
    missile = {**ROW, "model": "Kalibr"}
    ledger.ingest(kaggle(tmp_path, [missile, {**missile, "target": "south", "launched": ""}]), NOW)
    counts = repair(ledger, only_row(ledger), {"launched": "4", "destroyed": "2"}, LATER)
    assert (counts.added, counts.revised) == (0, 1)
    (total,) = ledger.as_of(LATER, weapon_class="cruise")
    assert (total.report.launched, total.report.shot_down) == (14, 9)
    (before,) = ledger.as_of(NOW, weapon_class="cruise")
    assert before.report.launched == 10


def test_a_repaired_row_outlives_the_next_snapshot(ledger: Ledger, tmp_path: Path) -> None:
    """The public table still has the row as it was; the repair must not be withdrawn with it."""
    rows = [{**ROW, "target": "south"}, {**ROW, "launched": "1O"}, {**ROW, "target": "east"}]
    ledger.ingest(kaggle(tmp_path, rows), NOW - timedelta(days=2))
    repair(ledger, only_row(ledger), {"launched": "500"}, NOW - timedelta(days=1))
    ledger.ingest(kaggle(tmp_path, rows, "2026-02-28"), NOW)
    assert sorted(entry.report.launched for entry in ledger.as_of(LATER)) == [10, 10, 500]
    assert ledger.quarantine() == []  # the same row is one entry, and was dealt with


def test_a_released_row_stays_released_in_later_snapshots(ledger: Ledger, tmp_path: Path) -> None:
    rows = [{**ROW, "target": "south"}, {**ROW, "launched": "1O"}]
    ledger.ingest(kaggle(tmp_path, rows), NOW)
    row = only_row(ledger)
    release(ledger, row, "told twice", LATER)
    counts = ledger.ingest(kaggle(tmp_path, rows, "2026-02-15"), LATER + timedelta(days=1))
    assert (counts.quarantined, counts.rejected_before, counts.first_rejection) == (1, 1, None)
    assert ledger.quarantine() == []
    assert [row["decided_why"] for row in ledger.quarantine(settled=True)] == ["told twice"]
    with pytest.raises(InputError, match="was released"):
        release(ledger, row, "again", LATER)


def test_a_release_needs_a_reason(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ingest(kaggle(tmp_path, [{**ROW, "launched": "1O"}]), NOW)
    with pytest.raises(InputError, match="--reason is empty"):
        release(ledger, only_row(ledger), " ", LATER)
    assert len(ledger.quarantine()) == 1


def test_a_row_of_a_mapped_table_is_read_as_the_table_was(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ingest(
        table(
            tmp_path,
            "Tag,UAVs,Ort\n2026-01-10,viele,Nord\n",
            mapping={"date": "Tag", "launched": "UAVs", "target_area": "Ort"},
            theatre="elsewhere",
            weapon_class="glider",
        ),
        NOW,
    )
    assert repair(ledger, only_row(ledger), {"UAVs": "1.234,0"}, LATER).added == 1
    (entry,) = ledger.as_of(LATER, "elsewhere", "glider")
    assert (entry.report.launched, entry.report.target_area, entry.report.source) == (1234, "Nord", "table")


def test_cells_beyond_the_columns_are_dropped_only_on_request(ledger: Ledger, tmp_path: Path) -> None:
    """An unquoted thousands separator moves every cell after it: all of them need a look."""
    ledger.ingest(table(tmp_path, "date,launched,shot_down\n2026-01-10,1,234,9\n"), NOW)
    row = only_row(ledger)
    with pytest.raises(InputError, match=r"has cells beyond its columns \('9'\).*surplus="):
        repair(ledger, row, {"launched": "1234"}, LATER)
    repair(ledger, row, {"launched": "1234", "shot_down": "9", "surplus": ""}, LATER)
    (entry,) = ledger.as_of(LATER)
    assert (entry.report.launched, entry.report.shot_down) == (1234, 9)


def test_a_row_that_the_ledger_turned_away_is_repaired_by_field(
    ledger: Ledger, make_report: Callable[..., SalvoReport], make_reading: Callable[..., Reading]
) -> None:
    """A window that has not ended: no reader has a clock."""
    future = make_report("2026-03-05", 10, strike_drones=6, target_area="south")
    ledger.ingest(make_reading([future]), NOW)
    repair(ledger, only_row(ledger), {"window_start": "2026-02-04 18:00", "window_end": "2026-02-05 08:00"}, LATER)
    (entry,) = ledger.as_of(LATER)
    report = entry.report
    assert (report.launched, report.strike_drones, report.target_area) == (10, 6, "south")
    assert report.window_end == datetime(2026, 2, 5, 8)


def test_a_message_is_repaired_by_its_text_or_its_date(ledger: Ledger) -> None:
    text = "In the night of 10 January, the enemy attacked with many Shahed drones. Air defence shot down 40 of them."
    ledger.ingest(read_bulletins(text, received=datetime(2026, 1, 10, 7, tzinfo=UTC)), NOW)
    row = only_row(ledger)
    with pytest.raises(InputError):
        repair(ledger, row, {"received": "2026-01-10 10:00"}, LATER)
    repair(ledger, row, {"text": text.replace("many Shahed", "57 Shahed")}, LATER)
    (entry,) = ledger.as_of(LATER)
    assert (entry.report.launched, entry.report.shot_down, entry.report.source) == (57, 40, "bulletin")
    assert ledger.quarantine() == []


def test_the_same_cells_of_another_table_wait_for_a_decision_of_their_own(ledger: Ledger, tmp_path: Path) -> None:
    text = "date,launched\n2026-01-10,many\n"
    ledger.ingest(table(tmp_path, text), NOW)
    release(ledger, only_row(ledger), "no report", LATER)
    ledger.ingest(table(tmp_path, text, theatre="elsewhere"), LATER)
    assert len(ledger.quarantine()) == 1


def test_a_repair_that_fails_half_way_leaves_the_row_waiting(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report and the decision are one transaction: a missile total must not be added to twice."""
    ledger.ingest(kaggle(tmp_path, [{**ROW, "launched": "1O"}]), NOW)
    row = only_row(ledger)

    def fail(*_: object) -> None:
        raise InputError("pulled the plug")

    monkeypatch.setattr(Ledger, "_settle", fail)
    with pytest.raises(InputError, match="pulled the plug"):
        repair(ledger, row, {"launched": "10"}, LATER)
    assert ledger.as_of(LATER) == []
    assert only_row(ledger) == row


def test_the_same_bad_row_of_ten_snapshots_is_one_entry(ledger: Ledger, tmp_path: Path) -> None:
    bad = {**ROW, "launched": "1O"}
    for day in range(10, 20):
        rows = [bad, *({**ROW, "target": f"area {number}"} for number in range(day))]
        counts = ledger.ingest(kaggle(tmp_path, rows, f"2026-02-{day}"), NOW)
        assert counts.rows_read == counts.added + counts.revised + counts.unchanged + counts.quarantined
        assert (counts.first_rejection is None) == (day > 10)
    assert len(ledger.quarantine()) == 1


def test_a_row_that_a_later_file_has_right_leaves_by_itself(ledger: Ledger, tmp_path: Path) -> None:
    text = "date,launched\n2026-01-10,many\n2026-01-11,few\n"
    ledger.ingest(table(tmp_path, text), NOW)
    ledger.ingest(table(tmp_path, text.replace("many", "12")), LATER)
    (waiting,) = ledger.quarantine()
    assert json.loads(waiting["raw"])["date"] == "2026-01-11"
    decided = [row for row in ledger.quarantine(settled=True) if row["decision"]]
    assert [(row["decision"], row["decided_why"]) for row in decided] == [
        ("corrected", "a later file has it right: launched 12")
    ]


def test_a_row_that_contradicts_one_of_its_own_file_goes_on_waiting(ledger: Ledger, tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "launched": "17"}]
    ledger.ingest(kaggle(tmp_path, rows, "2026-01-31"), NOW)
    ledger.ingest(kaggle(tmp_path, [*rows, {**ROW, "target": "east"}], "2026-02-15"), LATER)
    assert len(ledger.quarantine()) == 1


def test_a_row_that_a_newer_snapshot_has_no_more_leaves_by_itself(ledger: Ledger, tmp_path: Path) -> None:
    rows = [{**ROW, "target": "south"}, {**ROW, "launched": "1O"}]
    ledger.ingest(kaggle(tmp_path, rows, "2026-01-31"), NOW)
    ledger.ingest(kaggle(tmp_path, [*rows[:1], {**ROW, "target": "east"}], "2026-02-15"), LATER)
    assert ledger.quarantine() == []
    assert ledger.quarantine(settled=True)[0]["decided_why"] == "the snapshot of 2026-02-15 has it no more"


def test_a_file_read_again_counts_its_rows_as_before(ledger: Ledger, tmp_path: Path) -> None:
    text = "date,launched\n2026-01-10,many\n2026-01-11,4\n"
    first, again = ledger.ingest(table(tmp_path, text), NOW), ledger.ingest(table(tmp_path, text), LATER)
    assert (first.added, first.quarantined, first.rejected_before) == (1, 1, 0)
    assert (again.rows_read, again.unchanged, again.quarantined, again.rejected_before) == (2, 1, 1, 1)


def test_a_row_with_half_a_character_is_kept_by_both_databases(ledger: Ledger) -> None:
    raw = json.dumps({"text": "\ud83d ...\0", "date": None}, ensure_ascii=False)
    ledger.ingest(Reading("bulletin", "odd", iter([RejectedRow(1, raw, "no report: \ud83d\0")])), NOW)
    (row,) = ledger.quarantine()
    assert json.loads(row["raw"])["text"] == "\ud83d ...\0"
