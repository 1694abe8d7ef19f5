"""One night is counted once, however often and by whomever it is told, and in whatever order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import KYIV, SalvoReport
from features.sightings import Relation, Salvos
from features.sources.reading import Reading
from tests.conftest import NOW
from tests.databases import Database
from tests.features.conftest import FreshLedger


def told(window: str, launched: int, at: str = "", **fields: Any) -> SalvoReport:
    """Of a window such as "16T18:00 17T08:30" of April 2026, told at such a time, by default by a bulletin."""
    start, end = (datetime.fromisoformat(f"2026-04-{moment}") for moment in window.split())
    published = datetime.fromisoformat(f"2026-04-{at}").replace(tzinfo=KYIV) if at else None
    fields = {"source": "bulletin", "target_area": "Ukraine", **fields}
    return SalvoReport(window_start=start, window_end=end, launched=launched, published_at=published, **fields)


NIGHT, DAY, DATE = "16T18:00 17T08:30", "17T08:30 17T18:00", "17T00:00 17T23:59"


def counted(*reports: SalvoReport) -> list[int]:
    return [report.launched for report in Salvos.of(reports).standing]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        pytest.param(
            [told(NIGHT, 88, "17T08:52"), told("16T18:00 17T08:00", 88, "17T10:05"), told(NIGHT, 90, "17T12:10")],
            [90],
            id="a post, an outlet without times, an update",
        ),
        pytest.param(
            [told("16T18:00 17T06:30", 58, "17T06:40"), told("16T18:00 17T11:30", 73, "17T11:40")],
            [73],
            id="as of an earlier and a later hour",
        ),
        pytest.param(
            [told(NIGHT, 73, "17T08:52"), told(NIGHT, 71, "17T13:00")], [71], id="a correction downwards replaces"
        ),
        pytest.param(
            [told(NIGHT, 73, "17T08:52"), told(NIGHT, 76, "17T12:00"), told("16T19:00 17T08:00", 73, "17T15:00")],
            [76],
            id="who quotes the first count late takes no update back",
        ),
        pytest.param([told(NIGHT, 73), told("16T18:00 17T04:00", 60)], [73], id="undated: the later end is the later"),
        pytest.param([told(NIGHT, 73), told(DAY, 29)], [73, 29], id="night and day add up"),
        pytest.param(
            [told("16T18:00 17T11:30", 76), told(DAY, 29)], [76, 29], id="a late night and a day that share hours"
        ),
        pytest.param(
            [told(NIGHT, 73), told(DAY, 29), told(DATE, 104)], [73, 29], id="a sum is a check where its parts are known"
        ),
        pytest.param([told(NIGHT, 73), told(DATE, 104)], [104], id="a sum stands where a part alone is known"),
        pytest.param(
            [told(NIGHT, 73), told("17T08:00 18T08:00", 90), told("17T18:00 18T08:00", 61), told(DAY, 29)],
            [73, 29, 61],
            id="a sum from morning to morning",
        ),
        pytest.param(
            [told(NIGHT, 73), told("17T02:00 17T04:00", 20, "17T12:00")], [73], id="a wave is part of a night"
        ),
        pytest.param(
            [told(NIGHT, 73), told(NIGHT, 17, target_area="south", reporter="PvKPivden")],
            [73],
            id="a part of the country is in the country's count",
        ),
        pytest.param(
            [told(NIGHT, 17, target_area="south"), told(NIGHT, 9, target_area="east")],
            [9, 17],
            id="two areas of one night",
        ),
        pytest.param(
            [told(NIGHT, 5, source="kaggle", target_area="Sumy oblast"), told(NIGHT, 73, source="kaggle")],
            [5, 73],
            id="the compiled record tells its rows apart itself",
        ),
        pytest.param(
            [told("17T00:00 17T09:00", 40, source="table"), told(DATE, 55, source="table")],
            [55],
            id="a date read in the morning and read again when it is over",
        ),
        pytest.param(
            [told(DATE, 80, source="table"), told(NIGHT, 73), told("17T18:00 18T08:00", 61)],
            [80, 61],
            id="a team's date holds what ends on it, and not the next night",
        ),
        pytest.param(
            [told(NIGHT, 73), told(NIGHT, 4, weapon_class="cruise"), told(NIGHT, 8, theatre="lowland")],
            [4, 8, 73],
            id="of other weapons and theatres",
        ),
    ],
)
def test_the_worked_examples(reports: list[SalvoReport], expected: list[int]) -> None:
    assert sorted(counted(*reports)) == sorted(expected)
    assert sorted(counted(*reversed(reports))) == sorted(expected)


def test_what_the_latest_report_leaves_out_is_taken_from_the_same_launches_alone() -> None:
    full = told(NIGHT, 73, "17T08:52", shot_down=61, strike_drones=40)
    bare = told("16T18:00 17T08:00", 73, "17T10:05", launch_areas=3)
    more = told(NIGHT, 76, "17T12:00")
    (standing,) = Salvos.of([full, bare]).standing
    assert (standing.shot_down, standing.strike_drones) == (61, 40)
    (standing,) = Salvos.of([full, bare, more]).standing
    assert (standing.launched, standing.shot_down, standing.strike_drones) == (76, None, None)


def test_losses_of_two_reports_are_never_put_together() -> None:
    apart = told(NIGHT, 73, "17T08:52", suppressed=20)
    shot = told("16T18:00 17T08:00", 73, "17T10:05", shot_down=41)
    (standing,) = Salvos.of([apart, shot]).standing
    assert (standing.shot_down, standing.suppressed) == (41, None)


def test_what_adds_nothing_is_kept_with_its_reason() -> None:
    night, day, date = told(NIGHT, 73, "17T08:52"), told(DAY, 29, "17T18:20"), told(DATE, 104, "18T00:30")
    quoted = told("16T19:00 17T08:00", 73, "17T09:40")
    south = told(NIGHT, 17, target_area="south")
    table = told(NIGHT, 75, source="table", target_area="")
    found = Salvos.of([night, day, date, quoted, south])
    assert {(one.report.launched, one.relation, one.counted) for one in found.lost} == {
        (73, Relation.SIGHTING, 73),
        (104, Relation.SUMMARY, 102),
        (17, Relation.PART, 73),
    }
    outranked = Salvos.of([night, table])
    assert [(one.report, one.relation, one.stands) for one in outranked.lost] == [(night, Relation.OUTRANKED, table)]


HOURS = [-6, -5, 0, 2, 8, 9, 18, 24]
"""Of a date: the evening before, midnight, night, morning, evening."""


@st.composite
def reports_of_some_days(draw: st.DrawFn) -> list[SalvoReport]:
    """Windows that overlap, touch and lie within each other, told by everybody."""
    reports = []
    for _ in range(draw(st.integers(1, 9))):
        midnight = datetime(2026, 4, draw(st.integers(16, 18)))
        first, last = sorted(draw(st.lists(st.sampled_from(HOURS), min_size=2, max_size=2)))
        start = midnight + timedelta(hours=first)
        end = max(start, midnight + timedelta(hours=last) - timedelta(minutes=last == 24))
        ended = end.replace(tzinfo=KYIV).astimezone(UTC)
        reports.append(
            SalvoReport(
                window_start=start,
                window_end=end,
                launched=draw(st.integers(0, 3)),
                shot_down=draw(st.sampled_from([None, 0, 2])),
                suppressed=draw(st.sampled_from([None, 1])),
                target_area=draw(st.sampled_from(["", "Ukraine", "south"])),
                reporter=draw(st.sampled_from(["", "outlet"])),
                source=draw(st.sampled_from(["table", "kaggle", "bulletin", "bulletin"])),
                published_at=draw(st.none() | st.sampled_from([ended + timedelta(hours=hour) for hour in (0, 1, 24)])),
            )
        )
    return reports


@settings(deadline=None, max_examples=60)
@given(st.data(), reports_of_some_days())
def test_the_order_of_reports_does_not_matter(data: st.DataObject, reports: list[SalvoReport]) -> None:
    shuffled = data.draw(st.permutations(reports))
    assert repr(Salvos.of(shuffled).standing) == repr(Salvos.of(reports).standing)


@settings(deadline=None, max_examples=60)
@given(reports_of_some_days())
def test_every_report_stands_or_is_listed_and_none_is_invented(reports: list[SalvoReport]) -> None:
    found = Salvos.of(reports)
    assert len(found.standing) + len(found.lost) == len(reports)
    keys = {report.key for report in reports}
    assert all(report.key in keys for report in found.standing)
    assert {(report.attack_day, report.launched) for report in found.standing} <= {
        (report.attack_day, report.launched) for report in reports
    }


@settings(deadline=None, max_examples=40)
@given(reports_of_some_days())
def test_who_tells_it_all_again_adds_nothing(reports: list[SalvoReport]) -> None:
    """Another outlet copies every report an hour later: no count of a day moves."""
    again = [
        replace(one, reporter="copied", published_at=(one.published_at or _ended(one)) + timedelta(hours=1))
        for one in reports
    ]
    once, twice = LaunchHistory.from_reports(reports), LaunchHistory.from_reports([*reports, *again])
    assert twice.launched.tolist() == once.launched.tolist() or str(twice.launched) == str(once.launched)


def _ended(report: SalvoReport) -> datetime:
    return report.window_end.replace(tzinfo=KYIV).astimezone(UTC)


@settings(deadline=None, max_examples=8)
@given(st.data(), reports_of_some_days())
def test_the_ledger_says_the_same_in_every_order_of_reading(
    fresh_ledger: FreshLedger, data: st.DataObject, reports: list[SalvoReport]
) -> None:
    dated = [one if one.published_at else replace(one, published_at=_ended(one)) for one in reports]
    digests = set()
    for order in (dated, data.draw(st.permutations(dated))):
        with fresh_ledger() as ledger:
            for number, report in enumerate(order):
                ledger.ingest(Reading(report.source, f"{number}", iter([report])), NOW + timedelta(days=60))
            digests.add(ledger.history().digest)
    assert len(digests) == 1


def test_an_existing_ledger_is_mended_and_says_what_was_counted_twice(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [told(NIGHT, 88, "17T08:52"), told("16T18:00 17T08:00", 88, "17T10:05"), told(DAY, 29, "17T18:20")]
    url = database.migrated()
    with Ledger.open(url) as ledger:
        ledger.ingest(Reading("bulletin", "posts", iter(reports)), NOW + timedelta(days=60))
        with ledger._engine.begin() as connection:  # as the release before left it
            connection.exec_driver_sql("UPDATE report SET agreed_at = window_end_utc, agreed_source = 'bulletin'")
        assert ledger.history().launched.tolist() == [205]
        with ledger._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
            connection.exec_driver_sql("ALTER TABLE quarantine DROP COLUMN held")
            for name in ("undone_sighting", "undone_batch", "stated_total", "stock_count"):
                connection.exec_driver_sql(f"DROP TABLE {name}")
    with Ledger.open(url) as ledger:
        assert ledger.history().launched.tolist() == [117]
        assert len(ledger.as_of(NOW + timedelta(days=60))) == 3  # nothing was deleted
    mended = capsys.readouterr().err
    assert "1 report of ukraine shahed told a night again" in mended
    assert "2026-04-17 205 -> 117" in mended
    with Ledger.open(url):
        assert capsys.readouterr().err == ""  # once
    database.drop(url)
