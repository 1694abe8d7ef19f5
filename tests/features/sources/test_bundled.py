"""The embedded default is read whole, and says no more than its source did."""

import hashlib
from collections import Counter
from datetime import UTC, datetime, time
from importlib import resources

import pytest

from features.records import SalvoReport
from features.sources import ATTRIBUTION
from features.sources.bundled import read_bundled
from features.sources.reading import RejectedRow


@pytest.fixture(scope="module")
def reports() -> list[SalvoReport]:
    return [row for row in read_bundled().rows if isinstance(row, SalvoReport)]


def test_holds_every_salvo_and_missile_day(reports: list[SalvoReport]) -> None:
    assert Counter(report.weapon_class for report in reports) == {
        "shahed": 1_010,
        "cruise": 405,
        "ballistic": 441,
        "mixed": 5,
    }
    assert sum(report.launched for report in reports if report.weapon_class == "shahed") == 91_847
    assert len({report.key for report in reports}) == len(reports)
    assert {report.source for report in reports} == {"bundled"}


def test_no_row_of_our_own_data_is_rejected() -> None:
    assert [row for row in read_bundled().rows if isinstance(row, RejectedRow)] == []


def test_every_output_says_to_which_day_the_facts_go(reports: list[SalvoReport]) -> None:
    assert f"facts to {max(report.window_end for report in reports):%Y-%m-%d}," in ATTRIBUTION["bundled"]


def test_the_first_salvo_field_by_field(reports: list[SalvoReport]) -> None:
    assert reports[0] == SalvoReport(
        window_start=datetime(2022, 9, 29, 23, 0),
        window_end=datetime(2022, 9, 29, 23, 59),
        launched=7,
        shot_down=5,
        target_area="Odesa oblast and Mykolaiv oblast",
        reporter="kpszsu",
        source="bundled",
    )


def test_a_missile_total_spans_its_day(reports: list[SalvoReport]) -> None:
    first = next(report for report in reports if report.weapon_class == "cruise")

    assert first == SalvoReport(
        window_start=datetime(2022, 9, 28),
        window_end=datetime(2022, 9, 28, 23, 59),
        launched=5,
        shot_down=4,
        target_area="Ukraine",
        weapon_class="cruise",
        source="bundled",
    )


def test_no_window_ends_as_its_day_begins(reports: list[SalvoReport]) -> None:
    midnight = [
        report for report in reports if report.window_end.time() == time() and report.window_start.time() == time()
    ]
    whole_days = [r for r in reports if r.weapon_class == "shahed" and r.window_end.time() == time(23, 59)]

    assert [report for report in midnight if report.window_start == report.window_end] == []
    assert sum(report.window_start.time() == time() for report in whole_days) == 35


def test_a_telegram_link_is_the_air_force(reports: list[SalvoReport]) -> None:
    assert "https:" not in {report.reporter for report in reports}
    night = [
        report for report in reports if report.window_start == datetime(2025, 10, 12, 20) and report.launched == 82
    ]
    assert [report.reporter for report in night] == ["kpszsu"]


def test_an_unreported_missile_loss_is_not_zero(reports: list[SalvoReport]) -> None:
    day = [r for r in reports if r.attack_day.isoformat() == "2025-02-20" and r.weapon_class == "mixed"]

    assert [(report.launched, report.shot_down) for report in day] == [(14, None)]


def test_digest_and_time_of_publication() -> None:
    reading = read_bundled()
    folder = resources.files("features.bundled")
    files = [folder.joinpath(name).read_bytes() for name in ("reported_salvos.csv", "reported_missiles_daily.csv")]

    assert reading.source == "bundled"
    assert reading.digest == hashlib.sha256(files[0] + files[1]).hexdigest()
    assert reading.published_at == datetime(2026, 4, 30, 20, 59, 59, tzinfo=UTC)
