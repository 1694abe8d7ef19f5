"""Months of the ledger beside the totals of others: what is off is flagged, and only on the side on which it can be."""

import csv
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.cross_check import (
    BREAKS,
    MonthlyTotal,
    compare_months,
    comparison_text,
    monthly_totals,
    scope_regimes,
    sources_compared,
)
from features.errors import InputError
from features.history import LaunchHistory
from features.records import QuietDayRule
from features.sightings import Salvos
from tests.features.conftest import MakeReport

REFERENCE = Path(__file__).with_name("reference_facts.csv")
"""The facts as they were collected, each from its source; what is bundled was made from them by hand."""


def total(value: int = 3100, **fields: object) -> MonthlyTotal:
    base = MonthlyTotal(
        id="T1",
        first_day=date(2026, 1, 1),
        last_day=date(2026, 1, 31),
        measure="launched",
        bound="exactly",
        value=value,
        breaks=(),
        tracker="a newspaper",
        source_title="title",
        source_date=date(2026, 2, 1),
        source_url="https://news.example/1",
        confidence="A",
        tolerance_percent=3.0,
        tolerance_reason="adds up the daily reports",
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def january(per_day: float = 100, neutralised: float = 60, **fields: object) -> LaunchHistory:
    """A hundred a day from 2025-12-15 to 2026-02-15."""
    counts = np.full(63, per_day)
    base = LaunchHistory("ukraine", "shahed", QuietDayRule.NONE, date(2025, 12, 15), counts, np.full(63, neutralised))
    return replace(base, **fields)  # type: ignore[arg-type]


def test_the_days_of_the_fact_are_summed_and_no_others() -> None:
    whole, partial = compare_months(january(), [total(), total(last_day=date(2026, 1, 27))])
    assert (whole.ledger, whole.difference_percent, whole.unknown_days) == (3100, 0.0, 0)
    assert partial.ledger == 2700


@pytest.mark.parametrize(
    ("bound", "value", "flagged"),
    [
        ("exactly", 3100, False),
        ("exactly", 3010, False),
        ("exactly", 3000, True),
        ("exactly", 3190, False),
        ("exactly", 3200, True),
        ("about", 3000, True),
        ("about", 3200, True),
        ("at_least", 2000, False),
        ("at_least", 3150, False),
        ("at_least", 3200, True),
        ("up_to", 5000, False),
        ("up_to", 3050, False),
        ("up_to", 3000, True),
    ],
)
def test_a_bound_is_off_on_one_side_only(bound: str, value: int, flagged: bool) -> None:
    (one,) = compare_months(january(), [total(value, bound=bound)])
    assert one.flagged is flagged


def test_the_tolerance_is_that_of_the_tracker() -> None:
    strict, lax = compare_months(january(), [total(3000), total(3000, tolerance_percent=10.0)])
    assert (strict.flagged, lax.flagged) == (True, False)


def test_each_measure_is_compared_with_its_own_series() -> None:
    history = january(armed_share=np.r_[np.full(20, np.nan), np.full(43, 0.5)])
    facts = [total(), total(measure="shot_down"), total(measure="armed")]
    # The first three days of January are before the armed part was told.
    assert [one.ledger for one in compare_months(history, facts)] == [3100, 1860, 28 * 50]


def test_a_month_that_the_ledger_does_not_reach_is_not_compared() -> None:
    facts = [total(first_day=date(2024, 1, 1), last_day=date(2024, 1, 31)), total(measure="armed")]
    for one in compare_months(january(), facts):
        assert (one.ledger, one.difference_percent, one.flagged) == (None, None, False)


def test_unknown_days_are_counted() -> None:
    counts = np.full(63, 100.0)
    counts[20:23] = np.nan
    (one,) = compare_months(january(launched=counts), [total()])
    assert (one.ledger, one.unknown_days) == (2800, 3)
    assert "3 days unknown" in comparison_text([one])


def test_a_flag_is_told_with_its_break_and_its_source() -> None:
    explained = total(9000, breaks=("all_hours",), id="T2")
    text = comparison_text(compare_months(january(), [total(), explained, total(9000, id="T3")]))
    assert "2 of 3 totals are off by more than the tolerance of their tracker" in text
    (line,) = [line for line in text.splitlines() if line.startswith("T2 ")]
    assert "-65.6 %, more than 3 %" in line
    assert BREAKS["all_hours"] in line
    assert "https://news.example/1" in line
    (line,) = [line for line in text.splitlines() if line.startswith("T3 ")]
    assert "no known break" in line


@pytest.mark.parametrize("fields", [{"measure": "lost"}, {"bound": "roughly"}, {"breaks": ("x",)}, {"value": 0}])
def test_a_fact_that_cannot_be_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InputError):
        total(**fields)  # type: ignore[arg-type]


def test_the_bundled_totals_are_sourced_and_tolerated() -> None:
    facts = monthly_totals()
    assert len({fact.id for fact in facts}) == len(facts) == 38
    for fact in facts:
        assert fact.source_url.startswith("https://")
        assert fact.source_title
        assert fact.tolerance_reason
        assert 0 < fact.tolerance_percent <= 25
        assert fact.last_day - fact.first_day < timedelta(days=31)


def test_the_bundled_totals_are_those_of_the_campaign_facts() -> None:
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        totals = [row for row in csv.DictReader(file) if row["topic"] == "monthly_total"]
    # Sums of the public table, from which the bundled record is, would be held against themselves.
    rows = {row["id"]: row for row in totals if row["tracker"] != "Air Force (compiled)"}
    assert {fact.id for fact in monthly_totals()} == rows.keys()
    for fact in monthly_totals():
        row = rows[fact.id]
        given = (row["date"], row["period_end"], row["value"], row["tracker"], row["source_date"], row["source_url"])
        assert given == (
            *(str(fact.first_day), str(fact.last_day), str(fact.value)),
            *(fact.tracker, str(fact.source_date), fact.source_url),
        )


def test_the_bundled_reports_against_the_bundled_totals(bundled_history: LaunchHistory) -> None:
    """Every flag of today is known; a new one means that the reports or the facts have changed."""
    comparisons = compare_months(bundled_history, monthly_totals())
    assert [one.fact.id for one in comparisons if one.flagged] == ["C013", "C018", "C021", "C026", "C032", "C130"]
    assert all(one.ledger is not None for one in comparisons)


def test_a_month_that_lost_a_week_is_flagged(bundled_history: LaunchHistory) -> None:
    counts = bundled_history.launched.copy()
    counts[-50:-43] = np.nan
    lost = compare_months(replace(bundled_history, launched=counts), monthly_totals())
    assert next(one for one in lost if one.fact.id == "C036").flagged


def test_a_source_of_another_scope_is_flagged_from_its_month_on(make_report: MakeReport) -> None:
    """A table of all hours beside bulletins of nights: alike in April, half in May."""
    reports = []
    for month, by_table in ((4, 100), (5, 200)):
        for day in range(1, 8):
            night = f"2026-{month:02}-{day:02}"
            start = datetime.fromisoformat(f"{night}T00:00")
            window = {"window_start": start, "window_end": start + timedelta(hours=23, minutes=59)}
            reports += [make_report(night, 100, source="bulletin"), make_report(launched=by_table, **window)]
    april, may = sources_compared(Salvos.of(reports).lost).splitlines()
    assert april == "2026-04  bulletin 700, table 700, which is counted (+0 %, 7 reports of the same hours)"
    assert may.startswith("2026-05  bulletin 700, table 1,400, which is counted (-50 %")
    assert "FLAG: another scope" in may
    assert sources_compared([]) == ""


def test_a_change_of_scope_is_a_regime_with_its_first_month(make_report: MakeReport) -> None:
    reports = []
    for month, by_table in (("2026-03", 100), ("2026-04", 200), ("2026-05", 180), ("2026-06", 100)):
        for day in range(1, 8):
            night = f"{month}-{day:02}"
            start = datetime.fromisoformat(f"{night}T00:00")
            window = {"window_start": start, "window_end": start + timedelta(hours=23, minutes=59)}
            reports += [make_report(night, 100, source="bulletin"), make_report(launched=by_table, **window)]
    told_of = Salvos.of(reports).lost
    (regime,) = scope_regimes(told_of).splitlines()
    assert regime.startswith("regime  from 2026-04 to 2026-05: bulletin tells 53% of what table tells of the same days")
    ongoing = [one for one in told_of if one.report.attack_day < date(2026, 6, 1)]
    assert "from 2026-04 on:" in scope_regimes(ongoing)
    single = [one for one in told_of if one.report.attack_day.month != 5]
    assert scope_regimes(single) == ""
