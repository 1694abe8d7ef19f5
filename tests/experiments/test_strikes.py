"""The event study of strikes: a planted effect is found, and none is found where there is none."""

from datetime import timedelta

import numpy as np
import pytest

from experiments.benchmarks.strikes import BLOCK, published_strikes, strike_study
from features.history import LaunchHistory
from tests.forecasting.supply.stated_supply import FIRST, record

STRUCK = (400, 600, 620)


def launches(left: float, growth: float = 1.0) -> LaunchHistory:
    """A record that grows so many times in a year, of which each strike leaves that part for a month."""
    level = 100.0 * growth ** (np.arange(1_200) / 365)
    for day in STRUCK:
        level[day + 1 : day + 1 + BLOCK] *= left
    return record(np.random.default_rng(1).negative_binomial(4, 4 / (4 + level)))


@pytest.mark.parametrize("growth", [1.0, 3.0])
def test_a_planted_effect_is_found_whatever_the_growth_and_nothing_where_there_is_none(growth: float) -> None:
    days = [FIRST + timedelta(days=day) for day in STRUCK]
    hit, none = (strike_study(launches(left, growth), days) for left in (0.4, 1.0))
    assert hit.low < hit.effect < hit.high < 0.9
    assert none.low < 1.0 < none.high
    assert (hit.strikes["rank"] < 0.05).any()


def test_a_strike_is_set_against_the_known_days_on_either_side() -> None:
    counts = np.full(400, 50.0)
    counts[201:229] = 20.0
    counts[[180, 205]] = np.nan
    study = strike_study(record(counts), [FIRST + timedelta(days=200)])
    row = study.strikes.iloc[0]
    assert (row["before"], row["after"]) == (50.0, 20.0)
    assert study.effect == pytest.approx(21.0 / 51.0)
    assert row["rank"] == 0.0


def test_a_record_without_other_dates_is_refused() -> None:
    with pytest.raises(ValueError, match="no placebo dates are left"):
        strike_study(record(np.full(80, 50.0)), [FIRST + timedelta(days=40)])


def test_the_strikes_on_plants_are_those_of_the_published_scenario() -> None:
    assert "2025-06-15" in map(str, published_strikes())
    assert "2024-06-21" not in map(str, published_strikes())  # on a store
