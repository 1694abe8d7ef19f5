"""The scores of issued forecasts: by hand, and that only what was said beforehand, and first, counts."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import ArrayLike, NDArray

from features.history import LaunchHistory
from features.records import QuietDayRule
from forecasting.record.scoreboard import (
    BANDS,
    DAY_BANDS,
    STATED_LEVELS,
    Scoreboard,
    StatedQuantiles,
    binomial_band,
    n_apart,
    reference,
    score_targets,
    scoreboard,
)
from forecasting.report.document import forecast_document
from forecasting.salvos.forecast import SalvoForecast

FIRST_DAY = date(2026, 1, 1)
ORIGIN = date(2026, 2, 1)
MORNING = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
SPREAD = np.arange(1, 200)
"""Its stated quantiles are 5, 20, 50, 100, 150, 180 and 195."""


def known(after: ArrayLike, before: float = 100.0) -> LaunchHistory:
    """`before` drones a day up to the origin, and then these."""
    days = (ORIGIN - FIRST_DAY).days + 1
    launched = np.concatenate([np.full(days, before), np.asarray(after, dtype=float)])
    nothing = np.full(launched.shape, np.nan)
    return LaunchHistory("ukraine", "shahed", QuietDayRule.NONE, FIRST_DAY, launched, nothing, ("table",))


def made(paths: NDArray[np.int64]) -> SalvoForecast:
    return SalvoForecast(
        theatre="ukraine",
        weapon_class="shahed",
        origin=ORIGIN,
        last_day_known=ORIGIN,
        paths=paths.copy(),
        model_id="two_regime",
        data_sources=("table",),
        data_digest="d" * 64,
        quiet_day_rule=QuietDayRule.NONE,
        massed_threshold=400,
        seed=1,
    )


def told(paths: NDArray[np.int64]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(forecast_document(made(paths)).model_dump_json())
    return document


def same_every_day(horizon: int) -> NDArray[np.int64]:
    return np.tile(SPREAD[:, np.newaxis], horizon)


@dataclass(frozen=True)
class Kept:
    """An issued forecast, as the archive tells of it."""

    number: int
    paths: NDArray[np.int64]
    issued_at: datetime = MORNING
    model_id: str = "two_regime"
    scenario: str | None = None
    request: str = "{}"
    origin: date = ORIGIN

    @property
    def id(self) -> str:
        return str(self.number)

    @property
    def horizon(self) -> int:
        return int(self.paths.shape[1])


def board(issued: list[Kept], truth: LaunchHistory, **options: Any) -> Scoreboard:
    documents = {each.id: json.dumps(told(each.paths)).encode() for each in issued}
    return scoreboard(issued, documents.__getitem__, truth, lambda _: truth.until(ORIGIN), **options)


def test_one_day_by_hand() -> None:
    row = score_targets(StatedQuantiles.of_document(told(same_every_day(1))), known([160]), None).iloc[0]
    # Twice the pinball losses: .05 155, .2 140, .5 110, 1 60, 1.5 10, .2 20 and .05 35; their mean.
    assert row["wis"] == pytest.approx((7.75 + 28 + 55 + 60 + 15 + 4 + 1.75) / 7)
    assert (row["median"], row["observed"], row["band"]) == (100, 160, "h1")
    assert (row["coverage_50"], row["coverage_80"], row["coverage_95"]) == (0, 1, 1)
    assert (row["n_below"], row["n_up_to"]) == (5, 5)
    assert (row["first_day"], row["last_day"]) == (ORIGIN + timedelta(days=1),) * 2


def test_the_ends_of_an_interval_are_inside_it() -> None:
    row = score_targets(StatedQuantiles.of_document(told(same_every_day(1))), known([150]), None).iloc[0]
    assert (row["coverage_50"], row["n_below"], row["n_up_to"]) == (1, 4, 5)


def test_the_reference_is_fitted_to_what_was_known_at_the_origin_and_skill_is_against_it() -> None:
    truth = known([160])
    summary = board([Kept(1, same_every_day(1))], truth).overall.iloc[0]
    # 28 days of 100 before: it states 100 seven times, and the levels are 0.5 on average.
    assert summary["wis_reference"] == pytest.approx(2 * 0.5 * 60)
    assert summary["skill"] == pytest.approx(1 - 24.5 / 60)


def test_without_a_reference_there_is_no_skill() -> None:
    assert reference(lambda _: known([]).since(ORIGIN), ORIGIN, 1) is None
    issued = Kept(1, same_every_day(1))
    document = json.dumps(told(issued.paths)).encode()
    without = scoreboard([issued], lambda _: document, known([160]), None)
    assert np.isnan(without.overall["skill"].iloc[0])
    assert without.as_document()["overall"][0]["skill"] is None
    json.dumps(without.as_document(), allow_nan=False)


def test_skill_is_over_the_targets_that_both_were_scored_on() -> None:
    scores = board([Kept(1, same_every_day(3))], known([160, 160, 160])).scores
    scores.loc[scores["horizon"] == 2, "wis_reference"] = np.nan
    scores.loc[scores["horizon"] == 2, "wis"] = 10_000.0
    later = Scoreboard(scores, ORIGIN, 1, 0, 0, 0, 0).overall.set_index("band").loc["h2_7"]
    assert later["skill"] == pytest.approx(1 - 24.5 / 60)


def test_bands_and_totals() -> None:
    scores = board([Kept(1, same_every_day(40))], known(np.full(40, 100))).scores
    sizes = scores.groupby("band").size().to_dict()
    assert sizes == {"h1": 1, "h2_7": 6, "h8_14": 7, "h15_28": 14, "h29_on": 12, "total_7": 1, "total_28": 1}
    totals = scores.set_index("band").loc[["total_7", "total_28"]]
    assert totals["observed"].tolist() == [700, 2800]
    assert totals["median"].tolist() == [700, 2800]  # a path is the same every day
    assert totals["first_day"].tolist() == [ORIGIN + timedelta(days=1)] * 2
    assert totals["last_day"].tolist() == [ORIGIN + timedelta(days=7), ORIGIN + timedelta(days=28)]
    assert set(BANDS) == set(sizes)
    covered = sorted(day for first, last in DAY_BANDS.values() for day in (first, last))
    assert covered[0] == 1
    assert all(after - before == 1 for before, after in zip(covered[1::2][1:-1], covered[2::2][1:], strict=False))


def test_a_day_that_is_not_known_is_not_scored_nor_a_total_with_it() -> None:
    result = board([Kept(1, same_every_day(7))], known([100, np.nan, 100, 100, 100]))
    assert result.scores["horizon"].tolist() == [1, 3, 4, 5]
    assert set(result.scores["band"]) == {"h1", "h2_7"}
    assert board([Kept(1, same_every_day(7))], known([])).n_waiting == 1


def test_a_corrected_report_corrects_the_score() -> None:
    issued = [Kept(1, same_every_day(1))]
    before, after = (board(issued, known([count])).overall["wis"].iloc[0] for count in (160, 100))
    assert after < before


def test_of_one_origin_and_model_the_first_issued_counts() -> None:
    later = MORNING + timedelta(hours=1)
    issued = [
        Kept(1, same_every_day(1)),
        Kept(2, same_every_day(1) + 1_000, later),
        Kept(3, same_every_day(1) + 2_000, later, model_id="local_level"),
    ]
    result = board(issued, known([160]))
    assert result.scores["number"].tolist() == [1, 3]
    assert result.n_repeated == 1


def test_one_that_looks_further_ahead_counts_beyond_the_first() -> None:
    result = board([Kept(1, same_every_day(2)), Kept(2, same_every_day(4) + 1_000)], known([160] * 4))
    assert result.scores[["number", "horizon"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 3], [2, 4]]
    assert result.n_repeated == 0


def test_a_day_that_was_over_when_its_forecast_was_issued_counts_in_hindsight_only() -> None:
    kyiv_midnight = datetime(2026, 2, 2, 22, tzinfo=UTC)  # of 2026-02-03, in winter
    before, after = (Kept(1, same_every_day(7), kyiv_midnight + timedelta(seconds=s)) for s in (-1, 0))
    truth = known([100] * 7)
    assert board([before], truth).scores["horizon"].tolist() == [1, 2, 3, 4, 5, 6, 7, 7]
    assert board([after], truth).scores["horizon"].tolist() == [2, 3, 4, 5, 6, 7]  # and no total from day 1
    assert len(board([after], truth, hindsight=True).scores) == 8
    long_after = Kept(1, same_every_day(7), kyiv_midnight + timedelta(days=90))
    result = board([long_after], truth)
    assert (len(result.scores), result.n_hindsight, result.n_waiting) == (0, 1, 0)


def test_scenarios_are_scored_apart_and_held_assumptions_never() -> None:
    issued = [
        Kept(1, same_every_day(1)),
        Kept(2, same_every_day(1), scenario="surge", request='{"held": {"stock.fill": 0.9}}'),
        Kept(3, same_every_day(1), scenario="surge"),
    ]
    truth = known([160])
    assert board(issued, truth).scores["number"].tolist() == [1]
    assert board(issued, truth, scenario="surge").scores["number"].tolist() == [3]
    assert board(issued, truth).n_scenario == 2


def test_months_are_of_the_issue_in_kyiv() -> None:
    new_year = Kept(1, same_every_day(1), datetime(2026, 1, 31, 22, 30, tzinfo=UTC))
    assert board([new_year], known([160])).by_month["month"].tolist() == ["2026-02"]


def test_nothing_issued_is_an_empty_scoreboard() -> None:
    empty = board([], known([160]))
    assert empty.overall.empty
    assert empty.by_month.empty
    assert empty.as_document()["n_scored"] == 0


@given(arrays(np.int64, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(0, 2_000)))
def test_a_document_states_the_quantiles_of_its_paths(paths: NDArray[np.int64]) -> None:
    """The reference is taken from paths, an issued forecast from its document: they must be alike."""
    stated, taken = StatedQuantiles.of_document(told(paths)), StatedQuantiles.of_paths(made(paths))
    assert np.array_equal(stated.days, taken.days)
    assert stated.totals.keys() == taken.totals.keys()
    assert all(np.array_equal(stated.totals[n_days], taken.totals[n_days]) for n_days in taken.totals)
    assert (np.diff(stated.days, axis=0) >= 0).all()


def test_a_plan_is_scored_by_the_forecast_in_it_and_a_newer_field_does_no_harm() -> None:
    forecast = told(same_every_day(8))
    plan = {"format": "salvocast/plan/1", "forecast": forecast | {"new": 1}, "layers": []}
    one, other = StatedQuantiles.of_document(forecast), StatedQuantiles.of_document(plan)
    assert np.array_equal(one.days, other.days)
    assert one.totals.keys() == other.totals.keys() == {7}


def test_the_levels_are_those_of_the_median_and_three_intervals() -> None:
    assert pytest.approx([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]) == STATED_LEVELS


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), min_size=1, max_size=7))
def test_the_targets_apart_are_the_largest_choice_without_a_shared_day(spans: list[tuple[int, int]]) -> None:
    days = [(FIRST_DAY + timedelta(days=a), FIRST_DAY + timedelta(days=a + n - 1)) for a, n in spans]
    largest = max(
        size
        for size in range(1, len(days) + 1)
        for chosen in combinations(days, size)
        if all(one[1] < other[0] or other[1] < one[0] for one, other in combinations(chosen, 2))
    )
    assert n_apart(pd.DataFrame(days, columns=["first_day", "last_day"])) == largest


@pytest.mark.parametrize(("level", "n"), [(0.5, 90), (0.8, 30), (0.95, 400)])
def test_a_calibrated_share_lies_in_its_binomial_band(level: float, n: int) -> None:
    low, high = binomial_band(level, n)
    shares = np.random.default_rng(1).binomial(n, level, 20_000) / n
    assert 0.94 < ((low <= shares) & (shares <= high)).mean() < 0.985
    assert ((low < shares) & (shares < high)).mean() < 0.95
