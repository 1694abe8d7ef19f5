"""Reports -> one count per attack day: nothing lost, nothing counted twice, and a gap stays a gap."""

import hashlib
import struct
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.history import LaunchHistory
from features.records import QuietDayRule, ReportingRegime, SalvoReport
from features.sightings import Salvos
from tests.features.conftest import MakeReport

FIRST = date(2024, 12, 20)


@st.composite
def report_lists(draw: st.DrawFn) -> list[SalvoReport]:
    """Reports of one source over some weeks around the turn of 2025, several a day, with days that have none."""
    drawn = draw(
        st.lists(
            st.tuples(st.integers(0, 24), st.integers(0, 300), st.none() | st.integers(0, 300), st.sampled_from("abc")),
            min_size=1,
            max_size=25,
            unique_by=lambda drawn: (drawn[0], drawn[3]),  # an area of a night is told once: see test_sightings.py
        )
    )
    reports = []
    for offset, launched, shot_down, area in drawn:
        end = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=offset, hours=8)
        reports.append(
            SalvoReport(
                window_start=end - timedelta(hours=14),
                window_end=end,
                launched=launched,
                shot_down=shot_down,
                target_area=area,
                source="bundled",
            )
        )
    return reports


RULES = st.sampled_from(list(QuietDayRule))


@settings(deadline=None, max_examples=100)
@given(report_lists(), RULES)
def test_no_drone_is_lost_and_none_is_added(reports: list[SalvoReport], rule: QuietDayRule) -> None:
    history = LaunchHistory.from_reports(reports, rule=rule)
    assert np.nansum(history.launched) == sum(report.launched for report in reports)
    assert np.nansum(history.neutralised) == sum(report.neutralised or 0 for report in reports)
    for index, day in enumerate(history.days.tolist()):
        that_day = [report for report in reports if report.attack_day == day]
        if that_day:
            assert history.launched[index] == sum(report.launched for report in that_day)


@settings(deadline=None, max_examples=100)
@given(report_lists(), RULES, st.integers(0, 10))
def test_a_day_without_a_report_is_what_the_rule_says(
    reports: list[SalvoReport], rule: QuietDayRule, beyond: int
) -> None:
    last_reported = max(report.attack_day for report in reports)
    history = LaunchHistory.from_reports(reports, rule=rule, until=last_reported + timedelta(days=beyond))
    reported = {report.attack_day for report in reports}
    with_losses = {report.attack_day for report in reports if report.neutralised is not None}
    for index, day in enumerate(history.days.tolist()):
        if day not in reported:
            quiet = day < last_reported and (
                rule is QuietDayRule.ALL or (rule is QuietDayRule.BEFORE_2025 and day.year < 2025)
            )
            assert history.launched[index] == 0 if quiet else np.isnan(history.launched[index])
        assert np.isnan(history.neutralised[index]) == (day not in with_losses)


@settings(deadline=None, max_examples=50)
@given(report_lists(), RULES, st.integers(0, 10))
def test_the_days_run_without_gaps_from_the_first_report_to_the_last(
    reports: list[SalvoReport], rule: QuietDayRule, beyond: int
) -> None:
    last_reported = max(report.attack_day for report in reports)
    until = last_reported + timedelta(days=beyond)
    history = LaunchHistory.from_reports(reports, rule=rule, until=until)
    days = history.days.tolist()
    assert days[0] == history.first_day == min(report.attack_day for report in reports)
    assert days[-1] == history.last_day == until
    assert {later - earlier for earlier, later in pairwise(days)} <= {timedelta(days=1)}
    assert len(days) == history.launched.size == history.neutralised.size == len(history.regimes)
    assert history.last_known_day == last_reported


@settings(deadline=None, max_examples=50)
@given(st.data(), report_lists(), RULES)
def test_the_order_of_reports_does_not_matter(
    data: st.DataObject, reports: list[SalvoReport], rule: QuietDayRule
) -> None:
    history = LaunchHistory.from_reports(reports, rule=rule)
    shuffled = LaunchHistory.from_reports(data.draw(st.permutations(reports)), rule=rule)
    assert shuffled.digest == history.digest
    assert shuffled.sources == history.sources
    np.testing.assert_array_equal(shuffled.launched, history.launched)


@settings(deadline=None, max_examples=100)
@given(st.data(), report_lists(), RULES)
def test_the_digest_changes_with_the_data(data: st.DataObject, reports: list[SalvoReport], rule: QuietDayRule) -> None:
    history = LaunchHistory.from_reports(reports, rule=rule)
    index = data.draw(st.integers(0, len(reports) - 1))
    more = [*reports]
    more[index] = replace(reports[index], launched=reports[index].launched + 1)
    assert LaunchHistory.from_reports(more, rule=rule).digest != history.digest
    losses = [*reports]
    losses[index] = replace(reports[index], shot_down=(reports[index].shot_down or 0) + 1)
    assert LaunchHistory.from_reports(losses, rule=rule).digest != history.digest
    longer = LaunchHistory.from_reports(reports, rule=rule, until=history.last_day + timedelta(days=1))
    assert longer.digest != history.digest


@settings(deadline=None, max_examples=50)
@given(report_lists(), RULES)
def test_the_digest_changes_with_nothing_but_the_data(reports: list[SalvoReport], rule: QuietDayRule) -> None:
    history = LaunchHistory.from_reports(reports, rule=rule)
    elsewhere = [
        replace(report, source="kaggle", reporter="kpszsu", published_at=datetime(2026, 1, 1, tzinfo=UTC))
        for report in reports
    ]
    assert LaunchHistory.from_reports(elsewhere, rule=rule).digest == history.digest


def series(launched: list[float], **fields: object) -> LaunchHistory:
    base = LaunchHistory(
        "ukraine", "shahed", QuietDayRule.NONE, date(2026, 1, 1), np.array(launched), np.full(len(launched), np.nan)
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def test_the_digest_names_series_rule_and_first_day_too() -> None:
    digests = {
        series([3, 4]).digest,
        series([3, 4], theatre="elsewhere").digest,
        series([3, 4], weapon_class="cruise").digest,
        series([3, 4], quiet_day_rule=QuietDayRule.ALL).digest,
        series([3, 4], first_day=date(2026, 1, 2)).digest,
        series([4, 3]).digest,
        series([3, np.nan]).digest,
        series([3, 0]).digest,
    }
    assert len(digests) == 8


def test_every_nan_is_the_same_to_the_digest() -> None:
    other_nan = np.array([0x7FF8000000000123], dtype=np.uint64).view(np.float64)
    odd = series([3.0, float(other_nan[0])])
    odd = replace(odd, launched=np.concatenate([[3.0], other_nan]), neutralised=odd.neutralised.copy())
    assert odd.launched.tobytes() != series([3.0, np.nan]).launched.tobytes()
    assert odd.digest == series([3.0, np.nan]).digest


def test_the_digest_is_that_of_its_definition() -> None:
    """Stored with every forecast: a new definition means that forecasts can no longer be told by their data."""
    nan = struct.pack("<Q", 0x7FF8000000000000)
    launched = struct.pack("<d", 3) + nan + struct.pack("<d", 7)
    defined = hashlib.sha256(b"ukraine|shahed|none|2026-01-01|" + launched + 3 * nan).hexdigest()
    assert series([3, np.nan, 7]).digest == defined


def test_a_history_cannot_be_changed() -> None:
    history = series([3, 4])
    with pytest.raises(ValueError, match="read-only"):
        history.launched[0] = 9


@pytest.mark.parametrize(
    ("launched", "neutralised", "said"),
    [
        (np.array([]), np.array([]), "at least one day"),
        (np.array([1.0, 2.0]), np.array([1.0]), "same length"),
        (np.array([[1.0]]), np.array([[1.0]]), "expected two series"),
        (np.array([1.0, -1.0]), np.array([np.nan, np.nan]), "negative"),
        (np.array([np.nan, -1.0]), np.array([np.nan, np.nan]), "negative"),
    ],
)
def test_a_history_that_cannot_be_is_refused(launched: np.ndarray, neutralised: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LaunchHistory("ukraine", "shahed", QuietDayRule.NONE, date(2026, 1, 1), launched, neutralised)


def test_no_reports_are_no_history(make_report: MakeReport) -> None:
    with pytest.raises(InputError, match="there are no reports: ingest some"):
        LaunchHistory.from_reports([])
    with pytest.raises(InputError, match="there are no reports until 2026-01-09: choose a later origin"):
        LaunchHistory.from_reports([make_report("2026-01-10")], until=date(2026, 1, 9))


def test_two_series_are_not_summed(make_report: MakeReport) -> None:
    with pytest.raises(InputError, match="reports of several series"):
        LaunchHistory.from_reports([make_report(), make_report("2026-01-11", weapon_class="cruise")])


def test_reports_of_later_days_are_left_out(make_report: MakeReport) -> None:
    reports = [make_report("2026-01-10", 5), make_report("2026-01-12", 500)]
    history = LaunchHistory.from_reports(reports, until=date(2026, 1, 11))
    np.testing.assert_array_equal(history.launched, [5, np.nan])


def test_a_reported_quiet_day_is_a_zero_under_every_rule(make_report: MakeReport) -> None:
    reports = [make_report("2026-01-10", 5), make_report("2026-01-11", 0), make_report("2026-01-13", 7)]
    history = LaunchHistory.from_reports(reports, rule=QuietDayRule.NONE)
    np.testing.assert_array_equal(history.launched, [5, 0, np.nan, 7])
    np.testing.assert_array_equal(history.known, [5, 0, 7])


def test_until_cuts_and_never_cuts_from_the_wrong_end() -> None:
    history = series([3, 4, 5])
    np.testing.assert_array_equal(history.until(date(2026, 1, 2)).launched, [3, 4])
    assert history.until(date(2026, 1, 2)).last_day == date(2026, 1, 2)
    for day in (date(2025, 12, 31), date(2025, 12, 30), date(2025, 1, 1)):
        with pytest.raises(InputError, match="at least one day"):
            history.until(day)


def test_the_frame_says_day_count_and_regime(make_report: MakeReport) -> None:
    frame = LaunchHistory.from_reports(
        [make_report("2025-07-30", 5, shot_down=4), make_report("2025-08-01", 7)], rule=QuietDayRule.NONE
    ).to_frame()
    assert [f"{day:%Y-%m-%d}" for day in frame["attack_day"]] == ["2025-07-30", "2025-07-31", "2025-08-01"]
    assert frame["launched"].fillna(-1).tolist() == [5, -1, 7]
    assert frame["neutralised"].fillna(-1).tolist() == [4, -1, -1]
    assert frame["regime"].tolist() == [ReportingRegime.APART, ReportingRegime.APART, ReportingRegime.MERGED]


def test_one_salvo_told_by_two_sources_is_counted_once(make_report: MakeReport) -> None:
    """By the higher-ranked one: a team's own table, then the compiled record, then the first news."""
    bulletin = make_report("2026-01-10", 90, source="bulletin", window_start=datetime(2026, 1, 9, 17))
    kaggle = make_report("2026-01-10", 100, source="kaggle")
    table = make_report("2026-01-10", 110, source="table", window_end=datetime(2026, 1, 10, 9))
    for reports, expected in (
        ([bulletin, kaggle, table], 110),
        ([table, kaggle, bulletin], 110),
        ([bulletin, kaggle], 100),
        ([bulletin, table], 110),
        ([bulletin], 90),
    ):
        assert LaunchHistory.from_reports(reports).launched.tolist() == [expected]


def test_bundled_and_kaggle_are_one_record_and_rank_alike(make_report: MakeReport) -> None:
    both = [make_report(launched=3, source="bundled"), make_report(launched=4, source="kaggle", target_area="south")]
    assert LaunchHistory.from_reports(both).launched.tolist() == [7]


def test_what_does_not_overlap_is_kept_whatever_its_rank(make_report: MakeReport) -> None:
    night = make_report("2026-01-10", 100, source="table")
    noon = make_report(
        launched=8, source="bulletin", window_start=datetime(2026, 1, 10, 12), window_end=datetime(2026, 1, 10, 13)
    )
    next_night = make_report("2026-01-11", 20, source="bulletin")
    history = LaunchHistory.from_reports([noon, night, next_night])
    assert history.launched.tolist() == [108, 20]


def test_a_window_that_begins_as_another_ends_does_not_overlap_it(make_report: MakeReport) -> None:
    """The Air Force reports the night to 08:00 and the day from 08:00: two salvos."""
    night = make_report("2026-01-10", 100, source="table")
    day = make_report(
        launched=8, source="bulletin", window_start=datetime(2026, 1, 10, 8), window_end=datetime(2026, 1, 10, 18)
    )
    assert LaunchHistory.from_reports([night, day]).launched.tolist() == [108]


@pytest.mark.parametrize("minute", [0, 30])
def test_a_window_without_length_overlaps_the_window_it_lies_in(make_report: MakeReport, minute: int) -> None:
    moment = datetime(2026, 1, 10, 7, 30) + timedelta(minutes=minute)
    point = make_report(launched=100, source="bulletin", window_start=moment, window_end=moment)
    assert Salvos.of([make_report(launched=8), point]).standing == (make_report(launched=8),)


def test_two_series_never_hide_each_other(make_report: MakeReport) -> None:
    reports = [make_report(source="table"), make_report(source="bulletin", weapon_class="cruise")]
    assert set(Salvos.of(reports).standing) == set(reports)


def test_the_bundled_history_is_the_sum_of_the_bundled_facts(bundled_history: LaunchHistory) -> None:
    assert bundled_history.first_day == date(2022, 9, 29)
    assert bundled_history.last_day == date(2026, 2, 28)
    assert bundled_history.sources == ("bundled",)
    silent_since_2025 = int(np.isnan(bundled_history.launched).sum())
    assert silent_since_2025 == 6
    assert not np.isnan(bundled_history.until(date(2024, 12, 31)).launched).any()
