"""Classes of weapon on the nights of the drones: what is kept, what coincides, and what is learned from."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.history import LaunchHistory
from features.records import QuietDayRule
from forecasting.salvos.joint import BLOCK, RECORD_DAYS, coinciding, nights_simulated, same_nights, share_on_largest

RNG = np.random.default_rng(5)
N_NIGHTS = 2 * BLOCK
DRONES, CRUISE = (RNG.permuted(np.tile(np.arange(N_NIGHTS), (400, 1)), axis=1) for _ in range(2))
PAST = RNG.permutation(RECORD_DAYS) + 1.0


def joined(record_of_cruise: Any, seed: int = 1) -> Any:
    return coinciding(DRONES, {"cruise": CRUISE}, {"shahed": PAST, "cruise": record_of_cruise}, seed)["cruise"]


def test_every_path_keeps_its_counts_block_by_block_and_the_same_seed_the_order() -> None:
    made = joined(PAST)
    for start in range(0, N_NIGHTS, BLOCK):
        nights = slice(start, start + BLOCK)
        assert np.array_equal(np.sort(made[:, nights], axis=1), np.sort(CRUISE[:, nights], axis=1))
    apart = RNG.permutation(PAST)
    assert np.array_equal(joined(apart), joined(apart))
    assert not np.array_equal(joined(apart), joined(apart, seed=2))


def test_what_came_together_comes_together_and_what_came_apart_apart() -> None:
    assert np.array_equal(ranks(joined(PAST)), ranks(DRONES))
    assert np.array_equal(ranks(joined(-PAST)), BLOCK - 1 - ranks(DRONES))
    apart = joined(RNG.permutation(PAST))
    assert abs(np.corrcoef(ranks(apart).ravel(), ranks(DRONES).ravel())[0, 1]) < 0.25
    assert share_on_largest(DRONES, joined(PAST)) > 1.4 * share_on_largest(DRONES, apart)


def ranks(counts: Any) -> Any:
    """Of the nights of the first block, path by path."""
    return np.argsort(np.argsort(counts[:, :BLOCK], axis=1), axis=1)


def test_classes_coincide_with_each_other_as_on_the_nights_of_the_record() -> None:
    """Two classes that came on the same nights, whatever the drones did, come on the same nights."""
    others = {"cruise": CRUISE, "ballistic": CRUISE[::-1].copy()}
    apart = RNG.permutation(PAST)
    made = coinciding(DRONES, others, {"shahed": PAST, "cruise": apart, "ballistic": apart}, 1)
    assert np.array_equal(ranks(made["cruise"]), ranks(made["ballistic"]))
    assert np.mean(ranks(made["cruise"]) == ranks(DRONES)) < 0.2


@given(horizon=st.integers(1, 730))
def test_each_night_of_the_horizon_is_ranked_within_a_whole_block(horizon: int) -> None:
    assert horizon <= nights_simulated(horizon) <= 730
    assert nights_simulated(horizon) % BLOCK == 0 or nights_simulated(horizon) == 730


def test_a_longer_horizon_leaves_the_nights_before_as_they_are() -> None:
    record = {"shahed": PAST, "cruise": PAST}
    short = coinciding(DRONES[:, :BLOCK], {"cruise": CRUISE[:, :BLOCK]}, record, 1)["cruise"]
    assert np.array_equal(short, joined(PAST)[:, :BLOCK])


def history(weapon_class: str, first: date, counts: Any) -> LaunchHistory:
    launched = np.array(counts, dtype=float)
    return LaunchHistory("ukraine", weapon_class, QuietDayRule.NONE, first, launched, np.full(launched.shape, np.nan))


def test_the_record_is_of_the_last_nights_on_which_all_are_known() -> None:
    first = date(2025, 10, 1)
    drones = np.arange(200.0)
    drones[-3] = np.nan
    cruise = history(
        "cruise", first + timedelta(days=10), np.arange(10.0, 198.0)
    )  # the last two days are not known yet
    found = same_nights(history("shahed", first, drones), {"cruise": cruise})
    assert found is not None
    assert found["shahed"].tolist() == found["cruise"].tolist() == list(range(200 - RECORD_DAYS, 197))
    short = history("cruise", first + timedelta(days=150), np.ones(50))
    assert same_nights(history("shahed", first, drones), {"cruise": short}) is None


def test_shares_on_the_largest_nights() -> None:
    assert share_on_largest(np.array([[5, 1], [1, 5]]), np.array([[3, 1], [1, 3]])) == pytest.approx(0.75)
    assert np.isnan(share_on_largest(DRONES, np.zeros_like(DRONES)))
