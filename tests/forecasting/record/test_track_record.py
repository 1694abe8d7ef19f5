"""The track record of a model: its origins, that it sees nothing later, and its figures."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.record.scores import QUANTILE_LEVELS, wis
from forecasting.record.track_record import coverage, skill, track_record
from forecasting.salvos.model import ModelError, SimulationRequest, load_model

HistoryOf = Callable[[Any], LaunchHistory]
LAST_DAY = date(2026, 2, 28)


@dataclass(frozen=True)
class Given:
    """Says the same sample of every day: 0 to 99 drones; it needs some known days."""

    model_id: str = "given"
    fewest: int = 0

    def fit(self, history: LaunchHistory) -> "Given":
        if history.known.size < self.fewest:
            raise ModelError(f"only {history.known.size} days")
        return self

    def simulate(self, request: SimulationRequest, _: np.random.Generator) -> NDArray[np.int64]:
        return np.repeat(np.arange(100)[: request.n_paths, np.newaxis], request.horizon, axis=1)


def test_the_origins_are_weekly_and_share_no_day(history_of: HistoryOf) -> None:
    truth = history_of(np.full(300, 50.0))
    record = track_record(Given(), truth.until, truth, n_paths=100)
    origins = [target.origin for target in record.totals]
    assert origins == [LAST_DAY - timedelta(days=7 * week) for week in range(12, 0, -1)]
    days = [target.origin + timedelta(days=target.horizon) for target in record.days]
    assert days == [LAST_DAY - timedelta(days=back) for back in range(83, -1, -1)]
    assert record.failures == ()


def test_each_target_is_scored_by_what_came(history_of: HistoryOf) -> None:
    counts = np.arange(300.0) % 90
    truth = history_of(counts)
    record = track_record(Given(), truth.until, truth, n_paths=100)
    np.testing.assert_array_equal([target.observed for target in record.days], counts[-84:])
    np.testing.assert_array_equal([target.observed for target in record.totals], counts[-84:].reshape(12, 7).sum(1))
    sample = np.arange(100)
    for target in record.days:
        assert target.forecast.interval(0.8).low == 9
        assert target.forecast.interval(0.8).high == 89
        expected = wis(np.quantile(sample, QUANTILE_LEVELS)[:, np.newaxis], [target.observed])[0]
        assert target.wis == pytest.approx(expected)
    totals = 7 * sample
    for target in record.totals:
        assert target.wis == pytest.approx(
            wis(np.quantile(totals, QUANTILE_LEVELS)[:, np.newaxis], [target.observed])[0]
        )


def test_coverage_counts_both_ends_of_an_interval(history_of: HistoryOf) -> None:
    counts = np.full(300, 50.0)
    counts[-7:] = [8, 9, 89, 90, 24, 25, 200]  # the 80 % interval is 9 to 89, the 50 % one 24 to 74
    truth = history_of(counts)
    record = track_record(Given(), truth.until, truth, n_paths=100)
    last = record.days[-7:]
    assert [target.is_covered(0.8) for target in last] == [False, True, True, False, True, True, False]
    assert coverage(last, 0.8) == pytest.approx(4 / 7)
    assert coverage(last, 0.5) == pytest.approx(2 / 7)


def test_nothing_later_than_an_origin_is_seen(history_of: HistoryOf) -> None:
    counts = np.random.default_rng(1).integers(50, 150, size=300).astype(float)
    spiked = counts.copy()
    spiked[-7:] = 5_000
    model = load_model("exponential_empirical")
    plain, other = (
        track_record(model, history_of(each).until, history_of(each), n_paths=50) for each in (counts, spiked)
    )
    assert [target.forecast for target in plain.days] == [target.forecast for target in other.days]
    assert [target.observed for target in plain.days][:-7] == [target.observed for target in other.days][:-7]


def test_the_history_is_what_was_known_then_and_not_a_part_of_what_is_known_now(history_of: HistoryOf) -> None:
    truth = history_of(np.full(300, 50.0))
    asked: list[date] = []

    def history_at(origin: date) -> LaunchHistory:
        asked.append(origin)
        counts = np.full(300 - (LAST_DAY - origin).days, 80.0)  # later corrected to 50
        first = history_of(np.full(300, 50.0)).first_day
        return LaunchHistory("ukraine", "shahed", truth.quiet_day_rule, first, counts, np.full(counts.size, np.nan))

    record = track_record(load_model("empirical_window"), history_at, truth, n_paths=50)
    assert asked == [target.origin for target in record.totals]
    assert {target.forecast.median for target in record.days} == {80.0}
    assert {target.observed for target in record.days} == {50.0}


def test_the_reference_has_no_skill_against_itself(history_of: HistoryOf) -> None:
    truth = history_of(np.random.default_rng(2).integers(50, 150, size=300).astype(float))
    record = track_record(load_model("empirical_window"), truth.until, truth, n_paths=50)
    assert skill(record.days) == 0.0
    assert skill(record.totals) == 0.0
    worse = track_record(Given(), truth.until, truth, n_paths=100)
    found = skill(worse.days)
    assert found is not None
    assert found < -0.2  # far too low a sample
    total = sum(target.wis for target in worse.days) / sum(target.reference_wis for target in worse.days)
    assert found == pytest.approx(1 - total)
    quiet = history_of(np.full(300, 50.0))
    assert skill(track_record(Given(), quiet.until, quiet, n_paths=100).days) is None


def test_what_is_not_known_is_left_out_and_a_total_needs_all_its_days(history_of: HistoryOf) -> None:
    counts = np.full(300, 50.0)
    counts[-3] = np.nan
    truth = history_of(counts)
    record = track_record(Given(), truth.until, truth, n_paths=100)
    assert len(record.days) == 83
    assert len(record.totals) == 11
    assert LAST_DAY - timedelta(days=7) not in {target.origin for target in record.totals}


def test_an_origin_where_the_model_fails_is_told(history_of: HistoryOf) -> None:
    truth = history_of(np.full(300, 50.0))
    record = track_record(Given(fewest=250), truth.until, truth, n_paths=100)
    failed = [LAST_DAY - timedelta(days=7 * week) for week in (12, 11, 10, 9, 8)]
    assert [origin for origin, _ in record.failures] == failed
    assert record.failures[0][1] == "only 216 days"
    assert len(record.totals) == 7


def test_a_short_record_has_few_origins(history_of: HistoryOf) -> None:
    truth = history_of(np.full(20, 50.0))
    record = track_record(Given(), truth.until, truth, n_paths=100)
    assert [target.origin for target in record.totals] == [LAST_DAY - timedelta(days=7)]
    assert [origin for origin, _ in record.failures] == [LAST_DAY - timedelta(days=14)]

    def empty(origin: date) -> LaunchHistory:
        raise InputError("there are no reports")

    assert track_record(Given(), empty, truth).totals == ()
