"""What was known, and since when: look-ahead, revisions, quarantine, and the schema the ledger lives in."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.ledger import IngestCounts, Ledger, end_of_day
from features.records import KYIV, QuietDayRule, SalvoReport
from features.sources.bundled import read_bundled
from features.sources.reading import Reading, RejectedRow
from features.sources.table import read_table
from tests.conftest import NOW
from tests.features.conftest import FreshLedger, MakeReading, MakeReport

JANUARY_20 = datetime(2026, 1, 20, 21, 59, tzinfo=UTC)
FEBRUARY_1 = datetime(2026, 2, 1, 21, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def launched_at(ledger: Ledger, moment: datetime) -> list[int]:
    return [entry.report.launched for entry in ledger.as_of(moment)]


def split(counts: IngestCounts) -> tuple[int, int, int, int]:
    return counts.added, counts.revised, counts.unchanged, counts.quarantined


def test_a_revision_is_not_visible_before_it_was_public(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    """Two snapshots of one table: the later one changed a count, and no origin before it may know."""
    ledger.ingest(make_reading([make_report("2026-01-10", 10)], JANUARY_20), NOW)
    ledger.ingest(make_reading([make_report("2026-01-10", 25)], FEBRUARY_1), NOW)
    assert launched_at(ledger, FEBRUARY_1 - SECOND) == [10]
    assert launched_at(ledger, FEBRUARY_1) == [25]
    assert ledger.history(origin=date(2026, 1, 31)).launched[0] == 10
    assert ledger.history(origin=date(2026, 2, 1)).launched[0] == 25
    assert ledger.history().launched[0] == 25


def test_a_file_of_unknown_age_changes_a_count_only_from_when_it_was_read(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    ledger.ingest(make_reading([make_report("2026-01-10", 10)]), NOW)
    ledger.ingest(make_reading([make_report("2026-01-10", 25)]), NOW + timedelta(days=1))
    assert launched_at(ledger, NOW + timedelta(days=1) - SECOND) == [10]
    assert launched_at(ledger, NOW + timedelta(days=1)) == [25]


def test_a_stated_time_of_publication_is_when_it_is_known(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    stated = datetime(2026, 1, 13, 9, tzinfo=UTC)
    late = make_report("2026-01-10", 500, published_at=stated)
    ledger.ingest(make_reading([make_report("2026-01-09", 7), late], JANUARY_20), NOW)
    assert launched_at(ledger, stated - SECOND) == [7]
    assert launched_at(ledger, stated) == [7, 500]
    for origin in (date(2026, 1, 10), date(2026, 1, 12)):
        assert np.nansum(ledger.history(origin=origin).launched) == 7
    assert np.nansum(ledger.history(origin=date(2026, 1, 13)).launched) == 507
    entry = ledger.as_of(stated)[1]
    assert (entry.published_at, entry.published_at_assumed, entry.report.published_at) == (stated, False, stated)


def test_a_report_without_a_time_was_public_when_its_window_ended(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    ledger.ingest(make_reading([make_report("2026-01-10")], JANUARY_20), NOW)
    ended = datetime(2026, 1, 10, 6, tzinfo=UTC)
    assert ledger.as_of(ended - SECOND) == []
    (entry,) = ledger.as_of(ended)
    assert (entry.published_at, entry.published_at_assumed) == (ended, True)
    assert entry.report.published_at is None
    assert entry.recorded_at == NOW


@pytest.mark.parametrize(
    ("window_end", "utc"),
    [
        ("2025-03-29T08:00", "2025-03-29T06:00"),
        ("2025-03-30T02:59", "2025-03-30T00:59"),
        ("2025-03-30T04:00", "2025-03-30T01:00"),
        ("2025-03-30T08:00", "2025-03-30T05:00"),
        ("2025-10-25T08:00", "2025-10-25T05:00"),
        ("2025-10-26T02:59", "2025-10-25T23:59"),
        ("2025-10-26T04:00", "2025-10-26T02:00"),
        ("2025-10-26T08:00", "2025-10-26T06:00"),
    ],
)
def test_assumed_publication_follows_the_clocks_of_kyiv(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading, window_end: str, utc: str
) -> None:
    end = datetime.fromisoformat(window_end)
    report = make_report(window_start=end - timedelta(hours=6), window_end=end)
    ledger.ingest(make_reading([report], JANUARY_20), NOW)
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert ledger.as_of(moment - SECOND) == []
    assert [entry.published_at for entry in ledger.as_of(moment)] == [moment]


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        ("2026-01-10", "2026-01-10T22:00"),
        ("2025-07-01", "2025-07-01T21:00"),
        ("2025-03-29", "2025-03-29T22:00"),
        ("2025-03-30", "2025-03-30T21:00"),
        ("2025-10-25", "2025-10-25T21:00"),
        ("2025-10-26", "2025-10-26T22:00"),
    ],
)
def test_an_origin_ends_at_midnight_in_kyiv(day: str, utc: str) -> None:
    assert end_of_day(date.fromisoformat(day)) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_an_origin_knows_its_own_day_and_not_the_next_night(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    last_of_day = make_report(window_start=datetime(2026, 1, 10, 18), window_end=datetime(2026, 1, 10, 23, 59))
    ledger.ingest(make_reading([last_of_day, make_report("2026-01-11", 500)], JANUARY_20), NOW)
    history = ledger.history(origin=date(2026, 1, 10))
    assert (history.last_day, history.launched.tolist()) == (date(2026, 1, 10), [10])


def test_the_same_counts_seen_again_are_no_revision(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    for launched, published in ((10, JANUARY_20), (10, FEBRUARY_1), (12, FEBRUARY_1 + timedelta(days=1))):
        ledger.ingest(make_reading([make_report("2026-01-10", launched)], published), NOW)
    assert [(entry.revision, entry.report.launched) for entry in ledger.revisions()] == [(1, 10), (2, 12)]


def test_a_count_that_goes_back_is_a_revision_of_its_own(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    times = [JANUARY_20 + timedelta(days=day) for day in range(3)]
    for launched, published in zip((10, 12, 10), times, strict=True):
        ledger.ingest(make_reading([make_report("2026-01-10", launched)], published), NOW)
    assert [launched_at(ledger, moment) for moment in times] == [[10], [12], [10]]
    assert [(entry.revision, entry.published_at_assumed) for entry in ledger.revisions()] == [
        (1, True),
        (2, True),
        (3, True),
    ]


def test_an_older_snapshot_read_later_takes_its_place_before(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    assert split(ledger.ingest(make_reading([make_report("2026-01-10", 25)], FEBRUARY_1), NOW)) == (1, 0, 0, 0)
    assert launched_at(ledger, JANUARY_20) == [25]
    assert split(ledger.ingest(make_reading([make_report("2026-01-10", 10)], JANUARY_20), NOW)) == (0, 1, 0, 0)
    assert launched_at(ledger, JANUARY_20) == [10]
    assert launched_at(ledger, FEBRUARY_1) == [25]


@pytest.mark.parametrize("stated_first", [True, False])
def test_of_the_same_counts_at_the_same_time_the_stated_one_counts(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading, stated_first: bool
) -> None:
    """Otherwise the order in which two files were read would decide since when a salvo is known."""
    readings = [
        make_reading([make_report("2026-01-10", published_at=JANUARY_20)], None, "bulletin"),
        make_reading([make_report("2026-01-10")], JANUARY_20),
    ]
    for reading in readings if stated_first else reversed(readings):
        ledger.ingest(reading, NOW)
    assert [(e.published_at, e.published_at_assumed) for e in ledger.as_of(NOW)] == [(JANUARY_20, False)]


def test_the_source_of_a_report_does_not_depend_on_the_order_of_reading(
    fresh_ledger: FreshLedger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    told = []
    for order in (("bulletin", "table"), ("table", "bulletin")):
        with fresh_ledger() as ledger:
            for source in order:
                ledger.ingest(make_reading([make_report(source=source)], JANUARY_20, source), NOW)
            told.append([entry.report.source for entry in ledger.as_of(NOW)])
    assert told[0] == told[1]


def test_two_areas_of_a_night_are_two_salvos(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    rows = [make_report(launched=3, target_area="south"), make_report(launched=4, target_area="east")]
    assert split(ledger.ingest(make_reading(rows, JANUARY_20), NOW)) == (2, 0, 0, 0)
    assert ledger.series() == [("ukraine", "shahed", 2)]
    assert ledger.history().launched.tolist() == [7]


def test_every_field_comes_back_as_it_was_read(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    full = make_report(
        launched=30,
        shot_down=20,
        suppressed=5,
        still_airborne=1,
        strike_drones=18,
        jet_drones=2,
        impact_sites=4,
        debris_sites=3,
        launch_areas=2,
        target_area="Одеська область",
        shot_down_by_area='{"схід": 2}',
        reporter="kpszsu",
        published_at=JANUARY_20,
    )
    ledger.ingest(make_reading([full]), NOW)
    assert [entry.report for entry in ledger.as_of(NOW)] == [full]


def test_as_of_is_sorted_by_window_whatever_the_order_of_reading(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    days = ["2026-01-12", "2026-01-10", "2026-01-11"]
    ledger.ingest(make_reading([make_report(day) for day in days], JANUARY_20), NOW)
    assert [f"{entry.report.attack_day}" for entry in ledger.as_of(NOW)] == sorted(days)


def test_a_rejected_row_is_kept_in_quarantine_with_its_reason(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    bad = RejectedRow(2, '{"launched": "-4"}', "launched is '-4'")
    counts = ledger.ingest(make_reading([make_report(), bad], JANUARY_20), NOW)
    assert split(counts) == (1, 0, 0, 1)
    assert counts.first_rejection == bad
    (kept,) = ledger.quarantine()
    assert (kept["source"], kept["row"], kept["raw"], kept["reason"]) == ("table", bad.row, bad.raw, bad.reason)
    assert kept["recorded_at"] == NOW.replace(tzinfo=None)


def test_a_file_of_rejected_rows_alone_is_remembered_and_not_kept_twice(
    ledger: Ledger, make_reading: MakeReading
) -> None:
    for _ in range(2):
        ledger.ingest(make_reading([RejectedRow(1, "{}", "no")]), NOW)
    assert len(ledger.quarantine()) == 1
    assert [batch["quarantined"] for batch in ledger.batches()] == [1]


def test_reports_that_are_odd_are_kept_and_counted(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    odd = make_report(launched=3, shot_down=4)
    counts = ledger.ingest(make_reading([odd, make_report("2026-01-11")]), NOW)
    assert (counts.flagged, counts.added) == (1, 2)
    assert ledger.as_of(NOW)[0].report.flags == ("more_neutralised_than_launched",)


def test_a_batch_is_told_with_its_times_and_counts(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    ledger.ingest(make_reading([make_report("2026-01-10", 10), make_report("2026-01-11", 5)], JANUARY_20), NOW)
    rows = [make_report("2026-01-10", 12), make_report("2026-01-11", 5), make_report("2026-01-12", 1)]
    ledger.ingest(make_reading([*rows, RejectedRow(4, "{}", "no")], FEBRUARY_1, digest="f" * 64), NOW)
    names = ("rows_read", "added", "revised", "unchanged", "quarantined")
    assert [tuple(batch[name] for name in names) for batch in ledger.batches()] == [(2, 2, 0, 0, 0), (4, 1, 1, 1, 1)]
    last = ledger.batches()[-1]
    assert (last["source"], last["digest"]) == ("table", "f" * 64)
    assert (last["published_at"], last["recorded_at"]) == (FEBRUARY_1.replace(tzinfo=None), NOW.replace(tzinfo=None))


def test_a_report_that_is_known_is_unchanged_whichever_count_of_its_second_stands(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    """Two counts of one second have no order in time, so one of them never stands; it is no news all the same."""
    rows = [make_report("2026-01-10", launched, published_at=JANUARY_20) for launched in (1, 2)]
    ledger.ingest(make_reading(rows), NOW)
    for row in rows:
        assert split(ledger.ingest(make_reading([row]), NOW)) == (0, 0, 1, 0)


@pytest.mark.parametrize(("published_at", "batches"), [(JANUARY_20, 1), (None, 2)])
def test_a_file_that_brings_nothing_new_leaves_no_batch_unless_its_age_is_unknown(
    ledger: Ledger,
    make_report: MakeReport,
    make_reading: MakeReading,
    published_at: datetime | None,
    batches: int,
) -> None:
    """One of unknown age is remembered: read again after a change, it would look like news."""
    ledger.ingest(make_reading([make_report()], published_at), NOW)
    again = make_reading([make_report()], published_at, digest="another file")
    assert split(ledger.ingest(again, NOW + SECOND)) == (0, 0, 1, 0)
    assert len(ledger.batches()) == batches


def test_two_versions_within_one_file_of_many_chunks_are_told_apart(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of a salvo carries over from chunk to chunk."""
    monkeypatch.setattr("features.ledger.CHUNK", 2)
    times = [JANUARY_20 + timedelta(days=day) for day in range(5)]
    rows = [make_report("2026-01-10", 10 + day // 2, published_at=time) for day, time in enumerate(times)]
    assert split(ledger.ingest(make_reading(rows), NOW)) == (1, 2, 2, 0)
    assert [(e.revision, e.report.launched) for e in ledger.revisions()] == [(1, 10), (2, 11), (3, 12)]


def test_a_failure_within_a_file_keeps_none_of_it(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.ledger.CHUNK", 1)
    ledger.ingest(make_reading([make_report("2026-01-09")], JANUARY_20), NOW)
    before = ledger.as_of(NOW)

    def rows() -> Iterator[SalvoReport]:
        yield make_report("2026-01-09", 99)
        yield make_report("2026-01-10")
        raise InputError("the file ends in the middle")

    with pytest.raises(InputError, match="in the middle"):
        ledger.ingest(Reading("table", "d", rows(), FEBRUARY_1), NOW)
    assert ledger.as_of(NOW) == before
    assert len(ledger.batches()) == 1


def test_a_name_that_is_not_in_the_ledger_is_told_with_the_ones_that_are(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    with pytest.raises(InputError, match=r"the ledger is empty: ingest reports first"):
        ledger.history()
    ledger.ingest(make_reading([make_report()], JANUARY_20), NOW)
    with pytest.raises(InputError, match=r"unknown theatre 'ukrain': did you mean ukraine\? known are ukraine"):
        ledger.history("ukrain")
    with pytest.raises(InputError, match=r"unknown weapon class 'mars'.*known are shahed"):
        ledger.history("ukraine", "mars")
    with pytest.raises(InputError, match=r"origin 2026-01-09 is before the first report .*2026-01-10: choose a later"):
        ledger.history(origin=date(2026, 1, 9))


def test_history_takes_the_rule_and_ends_on_the_origin(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    ledger.ingest(make_reading([make_report("2026-01-10", 5), make_report("2026-01-12", 7)], JANUARY_20), NOW)
    none = ledger.history(rule=QuietDayRule.NONE, origin=date(2026, 1, 14)).launched
    every = ledger.history(rule=QuietDayRule.ALL, origin=date(2026, 1, 14)).launched
    np.testing.assert_array_equal(none, [5, np.nan, 7, np.nan, np.nan])
    np.testing.assert_array_equal(every, [5, 0, 7, np.nan, np.nan])


def test_the_bundled_reports_read_twice_are_in_the_ledger_once(ledger: Ledger) -> None:
    first = ledger.ingest(read_bundled(), NOW)
    digest = ledger.history().digest
    again = ledger.ingest(read_bundled(), NOW + timedelta(days=1))
    assert first.added == again.unchanged + again.quarantined - first.quarantined
    assert (again.added, again.revised) == (0, 0)
    assert ledger.history().digest == digest
    assert len(ledger.batches()) == 1


def test_the_offsets_of_the_hour_that_comes_twice_are_kept(ledger: Ledger, tmp_path: Path) -> None:
    """On 2025-10-26 clocks in Kyiv show 3 to 4 twice: three windows, the last from the first hour into the second."""
    rows = [
        ("2025-10-26T03:10+03:00", "2025-10-26T03:40+03:00", 12),
        ("2025-10-26T03:10+02:00", "2025-10-26T03:40+02:00", 19),
        ("2025-10-26T00:50Z", "2025-10-26T01:20Z", 7),
    ]
    path = tmp_path / "table.csv"
    path.write_text(
        "window_start,window_end,launched\n" + "".join(f"{a},{b},{n}\n" for a, b, n in rows), encoding="utf-8"
    )
    counts = ledger.ingest(read_table(path), NOW)
    assert (counts.added, counts.quarantined) == (3, 0)
    assert ledger.ingest(read_table(path), NOW).unchanged == 3
    assert ledger.history().launched.tolist() == [38]
    stored = [entry.report for entry in ledger.as_of(NOW)]
    windows = [
        tuple(
            each.replace(tzinfo=KYIV).astimezone(UTC).strftime("%H:%M") for each in (one.window_start, one.window_end)
        )
        for one in stored
    ]
    assert sorted(windows) == [("00:10", "00:40"), ("00:50", "01:20"), ("01:10", "01:40")]
