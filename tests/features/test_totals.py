"""The total of a month: kept as what it is, held against its days, and no part of any of them."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from features.errors import InputError
from features.history import LaunchHistory
from features.ledger import Ledger
from features.records import Bound, Hours, QuietDayRule
from features.totals import StatedTotal, totals_text
from tests.features.conftest import MakeReading, MakeReport

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOTAL = StatedTotal(
    "ukraine",
    "shahed",
    date(2026, 1, 1),
    date(2026, 1, 31),
    3100,
    Bound.EXACTLY,
    Hours.ALL,
    "Air Force",
    date(2026, 2, 1),
)


def january(unknown: int = 0, floors: int = 0) -> LaunchHistory:
    """A hundred a day, of which the first days are unknown, and of the last the night alone is known: sixty."""
    launched = np.full(31, 100.0)
    launched[:unknown] = np.nan
    floor = np.full(31, np.nan)
    if floors:
        launched[-floors:], floor[-floors:] = np.nan, 60
    return LaunchHistory(
        "ukraine", "shahed", QuietDayRule.NONE, date(2026, 1, 1), launched, np.full(31, np.nan), floor=floor
    )


@pytest.mark.parametrize(
    ("total", "history", "said"),
    [
        (TOTAL, january(), "have 3,100, as it should be"),
        (replace(TOTAL, launched=4000), january(), "have 3,100, 900 fewer  <- FLAG"),
        (replace(TOTAL, launched=2500), january(), "have 3,100, 600 more than all of it  <- FLAG"),
        (replace(TOTAL, launched=2500, bound=Bound.AT_LEAST), january(), "as it should be"),
        (replace(TOTAL, launched=4000, bound=Bound.UP_TO), january(), "as it should be"),
        (TOTAL, january(unknown=3), "its 28 days that are known have 2,800, so 3 unknown days had 300"),
        (replace(TOTAL, bound=Bound.AT_LEAST), january(unknown=3), "so 3 unknown days had at least 300"),
        (TOTAL, january(floors=10), "have 2,700, so what came by day on 10 days had 400"),
        (replace(TOTAL, first_day=date(2025, 6, 1), last_day=date(2025, 6, 30)), january(), "none of its days"),
    ],
)
def test_a_total_checks_the_days_that_are_known_and_bounds_the_others(
    total: StatedTotal, history: LaunchHistory, said: str
) -> None:
    assert said in totals_text([total], history, ())


def test_a_total_of_nights_is_totals_text_nights_alone(make_report: MakeReport) -> None:
    day = make_report(launched=40, window_start=datetime(2026, 1, 10, 9), window_end=datetime(2026, 1, 10, 17))
    standing = [make_report(launched=70), day]
    nights = replace(TOTAL, first_day=date(2026, 1, 10), last_day=date(2026, 1, 10), launched=70, hours=Hours.NIGHT)
    history = LaunchHistory.from_reports(standing)
    assert "have 70, as it should be" in totals_text([nights], history, standing)
    assert "have 110, 40 more" in totals_text([replace(nights, hours=Hours.ALL)], history, standing)


def test_the_ledger_keeps_a_total_once_beside_the_days_and_the_last_of_a_source_stands(
    ledger: Ledger, make_report: MakeReport, make_reading: MakeReading
) -> None:
    ledger.ingest(make_reading([make_report()], NOW), NOW)
    digest = ledger.history().digest
    assert [ledger.state_total(TOTAL, NOW), ledger.state_total(TOTAL, NOW)] == [True, False]
    later = replace(TOTAL, launched=3200, published_on=date(2026, 2, 5))
    assert ledger.state_total(later, NOW)
    assert ledger.totals() == [later]
    assert ledger.totals(weapon_class="cruise") == []
    assert ledger.history().digest == digest


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"month": "2026-13"}, "expected YYYY-MM"),
        ({"published_on": date(2026, 1, 30)}, "expected a day since 2026-01-31"),
        ({"launched": 0}, "expected a whole number"),
        ({"source": ""}, "expected who says so"),
    ],
)
def test_a_total_that_cannot_be_is_refused(fields: dict[str, object], said: str) -> None:
    stated = {"month": "2026-01", "launched": 3100, "source": "Air Force", "published_on": date(2026, 2, 1), **fields}
    with pytest.raises(InputError, match=said):
        StatedTotal.of_month(
            bound=Bound.EXACTLY,
            hours=Hours.ALL,
            theatre="ukraine",
            weapon_class="shahed",
            **stated,  # type: ignore[arg-type]
        )
