"""A read is taken back: what it said counts no more, nothing is deleted, and it can be read again."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from features.errors import InputError
from features.ledger import Ledger
from features.sources.reading import RejectedRow
from tests.conftest import NOW
from tests.features.conftest import MakeReading, MakeReport


def test_a_read_is_undone_and_can_be_read_again(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    first, second = make_report("2026-01-10", 1), make_report("2026-01-11", 2)
    wrong = [make_report("2026-01-10", 9), make_report("2026-01-12", 9)]
    ledger.ingest(make_reading([first, second], datetime(2026, 1, 20, tzinfo=UTC)), NOW)
    before = ledger.history().digest
    ledger.ingest(make_reading(wrong, datetime(2026, 1, 21, tzinfo=UTC), digest="wrong"), NOW)
    assert ledger.history().launched.tolist() == [9, 2, 9]
    batch = ledger.batches()[-1]["id"]
    assert ledger.undo(batch, "the file of another team", NOW) == 2
    assert ledger.history().digest == before
    assert ledger.series() == [("ukraine", "shahed", 2)]
    assert ledger.batches()[-1]["undone_why"] == "the file of another team"
    for number, said in ((batch, f"read {batch} was undone on {NOW:%Y-%m-%d}"), (77_777, "there is no read 77777")):
        with pytest.raises(InputError, match=said):
            ledger.undo(number, "again", NOW)
    again = ledger.ingest(make_reading(wrong, datetime(2026, 1, 21, tzinfo=UTC), digest="wrong"), NOW)
    assert (again.added, again.revised) == (1, 1)
    assert ledger.history().launched.tolist() == [9, 2, 9]


def test_what_two_files_stated_comes_back_with_the_one_that_stands(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    report = make_report("2026-01-10", 1, published_at=datetime(2026, 1, 10, 9, tzinfo=UTC))
    files = [make_reading([report, make_report(day, 2)], digest=day) for day in ("2026-01-11", "2026-01-12")]
    ledger.ingest(files[0], NOW)
    ledger.ingest(files[1], NOW)
    ledger.undo(ledger.batches()[0]["id"], "wrong file", NOW + timedelta(hours=1))
    assert ledger.history().launched.tolist() == [2]
    second = make_reading([report, make_report("2026-01-12", 2)], digest="2026-01-12")
    assert ledger.ingest(second, NOW + timedelta(hours=2)).added == 1
    assert np.nan_to_num(ledger.history().launched).tolist() == [1, 0, 2]


def test_the_rows_of_an_undone_read_wait_no_longer(ledger: Ledger, make_reading: MakeReading) -> None:
    rows = [RejectedRow(1, '{"launched": "x"}', "no report")]
    ledger.ingest(make_reading(rows), NOW)
    ledger.undo(ledger.batches()[0]["id"], "wrong file", NOW)
    assert ledger.quarantine() == []
    assert ledger.ingest(make_reading(rows), NOW + timedelta(hours=1)).rejected_before == 0
    assert len(ledger.quarantine()) == 1
