"""Reports are checked when they are made."""

from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from features.errors import InputError
from features.records import COUNT_FIELDS, KYIV, LARGEST_COUNT, Hours, QuietDayRule, ReportingRegime
from tests.features.conftest import MakeReport


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"launched": None}, "launched is missing"),
        ({"launched": -1}, "launched is -1: expected a whole number"),
        ({"launched": 2.5}, "launched is 2.5: expected a whole number"),
        ({"launched": float("nan")}, "launched is nan: expected a whole number"),
        ({"launched": LARGEST_COUNT + 1}, "launched is 100001"),
        ({"shot_down": -3}, "shot_down is -3"),
        ({"window_end": datetime(2026, 1, 9, 17)}, "before it starts"),
        ({"window_start": datetime(2026, 1, 1, 18)}, "window of 8 days"),
        (
            {"window_start": datetime(2013, 12, 31, 18), "window_end": datetime(2014, 1, 1, 8)},
            "window_start 2013-12-31",
        ),
        ({"window_end": datetime(2026, 1, 10, 8, tzinfo=UTC)}, "window_end .*: expected local time without a zone"),
        ({"window_start": datetime(2026, 1, 9, 18, tzinfo=UTC)}, "window_start .*: expected local time without a zone"),
        ({"published_at": datetime(2026, 1, 10, 9)}, "published_at .*: expected a time with its zone"),
        ({"published_at": datetime(2026, 1, 10, 5, 59, tzinfo=UTC)}, "before the window ends"),
    ],
)
def test_a_report_that_cannot_be_true_is_refused(make_report: MakeReport, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        make_report(**fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", COUNT_FIELDS)
def test_every_count_is_a_whole_number_within_reason(make_report: MakeReport, name: str) -> None:
    for count in (-1, LARGEST_COUNT + 1, 0.5):
        with pytest.raises(InputError, match=f"^{name} is "):
            make_report(**{name: count})
    for count in (0, LARGEST_COUNT):
        assert getattr(make_report(**{name: count}), name) == count


def test_a_report_may_come_out_the_moment_its_window_ends(make_report: MakeReport) -> None:
    ends = datetime(2026, 1, 10, 6, tzinfo=UTC)  # 08:00 in Kyiv
    assert make_report(published_at=ends).published_at == ends
    with pytest.raises(InputError, match="before the window ends"):
        make_report(published_at=ends - timedelta(seconds=1))


def test_publication_is_compared_in_true_time_whatever_its_zone(make_report: MakeReport) -> None:
    """03:30 does not exist in the night when summer time begins: it stands for 01:30 UTC, 04:00 Kyiv for 01:00 UTC."""
    window = {"window_start": datetime(2025, 3, 29, 18), "window_end": datetime(2025, 3, 30, 3, 30)}
    for zone in (UTC, KYIV, timezone(timedelta(hours=-5))):
        moment = datetime(2025, 3, 30, 1, 0, tzinfo=UTC).astimezone(zone)
        with pytest.raises(InputError, match="before the window ends"):
            make_report(published_at=moment, **window)
        later = datetime(2025, 3, 30, 1, 30, tzinfo=UTC).astimezone(zone)
        assert make_report(published_at=later, **window).published_at == later


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"source": "x" * 41}, "source has 41 characters: expected at most 40"),
        ({"target_area": "x" * 201}, "target_area has 201 characters"),
        ({"reporter": "half \ud83d"}, "reporter is .*expected characters that can be printed"),
        ({"target_area": "south\0"}, "target_area is 'south.x00': expected characters that can be printed"),
        ({"target_area": "a line\nand another"}, "expected characters that can be printed"),
    ],
)
def test_a_text_is_what_both_databases_can_keep(make_report: MakeReport, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_report(**fields)
    assert make_report(target_area="Київ\u00a0та область", source="x" * 40).source == "x" * 40


def test_a_report_is_frozen(make_report: MakeReport) -> None:
    report = make_report()
    with pytest.raises(FrozenInstanceError):
        report.launched = 3  # type: ignore[misc]


def test_the_attack_day_is_the_day_on_which_the_window_ends(make_report: MakeReport) -> None:
    assert make_report("2026-01-10").attack_day == date(2026, 1, 10)
    midnight = make_report(window_start=datetime(2026, 1, 9, 18), window_end=datetime(2026, 1, 10, 0, 0))
    assert midnight.attack_day == date(2026, 1, 10)
    before = make_report(window_start=datetime(2026, 1, 9, 18), window_end=datetime(2026, 1, 9, 23, 59))
    assert before.attack_day == date(2026, 1, 9)


@pytest.mark.parametrize(
    ("shot_down", "suppressed", "neutralised"),
    [(None, None, None), (0, None, 0), (7, None, 7), (None, 2, 2), (7, 2, 9)],
)
def test_neutralised_adds_what_is_reported(
    make_report: MakeReport, shot_down: int | None, suppressed: int | None, neutralised: int | None
) -> None:
    assert make_report(shot_down=shot_down, suppressed=suppressed).neutralised == neutralised


def test_what_is_odd_is_kept_and_flagged(make_report: MakeReport) -> None:
    assert make_report(launched=9, shot_down=6, suppressed=3, strike_drones=9).flags == ()
    assert make_report(launched=9, shot_down=6, suppressed=4).flags == ("more_neutralised_than_launched",)
    assert make_report(launched=9, strike_drones=10).flags == ("more_strike_drones_than_launched",)


@pytest.mark.parametrize(
    ("day", "regime"),
    [
        ("2024-06-30", ReportingRegime.SHOT_DOWN_ONLY),
        ("2024-07-01", ReportingRegime.APART),
        ("2025-07-31", ReportingRegime.APART),
        ("2025-08-01", ReportingRegime.MERGED),
    ],
)
def test_the_reporting_regime_changes_on_its_days(make_report: MakeReport, day: str, regime: ReportingRegime) -> None:
    assert make_report(day).regime is regime
    assert make_report(day, theatre="elsewhere").regime is ReportingRegime.UNSPECIFIED


def test_a_salvo_is_named_by_window_area_and_reporter_and_a_revision_by_its_counts(make_report: MakeReport) -> None:
    report = make_report()
    stated = make_report(published_at=datetime(2026, 1, 11, tzinfo=UTC), source="kaggle")
    assert (stated.key, stated.content) == (report.key, report.content)
    for other in (
        make_report(target_area="south"),
        make_report(reporter="kpszsu"),
        make_report(theatre="elsewhere"),
        make_report(weapon_class="cruise"),
        make_report(window_start=datetime(2026, 1, 9, 19)),
        make_report(window_end=datetime(2026, 1, 10, 7)),
    ):
        assert other.key != report.key
        assert other.content == report.content
    for name in COUNT_FIELDS:
        other = make_report(**{name: 4})
        assert other.key == report.key
        assert other.content != report.content
    assert make_report(shot_down_by_area='{"south": 2}').content != report.content


def test_the_rule_of_quiet_days_before_2025_ends_with_2024() -> None:
    last, first = date(2024, 12, 31), date(2025, 1, 1)
    assert [QuietDayRule.BEFORE_2025.applies_to(day) for day in (last, first)] == [True, False]
    assert [QuietDayRule.ALL.applies_to(day) for day in (last, first)] == [True, True]
    assert [QuietDayRule.NONE.applies_to(day) for day in (last, first)] == [False, False]


def test_the_hour_that_comes_twice_is_two_hours(make_report: MakeReport) -> None:
    """03:10 to 03:40 on 2025-10-26 is 00:10 UTC by summer time, and 01:10 UTC by winter time."""
    first, second = (datetime(2025, 10, 26, 3, 10, fold=fold) for fold in (0, 1))
    half_an_hour = timedelta(minutes=30)
    reports = [
        make_report(window_start=start, window_end=(start + half_an_hour).replace(fold=start.fold))
        for start in (first, second)
    ]
    assert len({report.key for report in reports}) == 2
    assert make_report(window_start=first + half_an_hour, window_end=second).window_end.fold == 1
    with pytest.raises(InputError, match="before it starts"):
        make_report(window_start=second, window_end=first + half_an_hour)


@pytest.mark.parametrize(
    ("theatre", "weapon_class", "rule"),
    [
        ("ukraine", "shahed", QuietDayRule.BEFORE_2025),
        ("ukraine", "ballistic", QuietDayRule.ALL),
        ("lowland", "shahed", QuietDayRule.NONE),
        ("lowland", "ballistic", QuietDayRule.NONE),
    ],
)
def test_what_silence_means_belongs_to_the_theatre(theatre: str, weapon_class: str, rule: QuietDayRule) -> None:
    assert QuietDayRule.default_for(theatre, weapon_class) is rule
    assert QuietDayRule.defaults_text() == "in ukraine before-2025 for shahed and all for others, elsewhere none"


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-01-09 18:00", "2026-01-10 08:00", Hours.NIGHT),
        ("2026-01-10 00:30", "2026-01-10 04:00", Hours.NIGHT),
        ("2026-01-10 09:00", "2026-01-10 12:00", Hours.PART_OF_DAY),
        ("2026-01-09 20:00", "2026-01-10 14:00", Hours.PART_OF_DAY),
        ("2026-01-10 00:00", "2026-01-10 23:59", Hours.ALL),
    ],
)
def test_the_window_of_a_report_tells_what_hours_it_speaks_of(start: str, end: str, hours: Hours) -> None:
    assert Hours.of(datetime.fromisoformat(start), datetime.fromisoformat(end)) is hours
