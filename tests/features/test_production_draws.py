"""The same levels give the same paths, of a whole scenario or of a window of it; errors say what is wrong."""

from typing import Any

import numpy as np
import pytest

from features import production
from features.errors import InputError
from features.records import UKRAINE
from features.stock_flow import stock_flow
from tests.features.stated_production import (
    FIRST,
    KEYS,
    SEED,
    UNSURE,
    arrays,
    assert_same,
    drawn,
    event,
    on,
    plant,
    rate,
    scenario,
    share,
    split,
    switch,
)


class TestLevels:
    def test_every_uncertain_assumption_has_a_level_of_its_own(self) -> None:
        levels = drawn(scenario(**UNSURE), 60, 2_000).levels
        assert set(levels) == KEYS
        correlation = np.corrcoef(list(levels.values())) - np.eye(len(levels))
        assert np.abs(correlation).max() < 0.1
        assert all(abs(level.mean() - 0.5) < 0.03 for level in levels.values())

    def test_what_is_certain_or_of_another_theatre_has_none(self) -> None:
        rows = [split(UKRAINE, share(1.0)), split("elsewhere", share(1.0), facility="plant")]
        stated = scenario([plant(armed=(rate((1.0, 2.0)),))], (), rows, opening=(1.0, 2.0))
        assert set(drawn(stated, 2).levels) == {"stock.opening"}

    def test_changing_an_assumption_changes_that_one_alone(self) -> None:
        whole = drawn(scenario(**UNSURE), 60, 50)
        other_rates = drawn(scenario(**{**UNSURE, "released": (0.1, 0.2)}), 60, 50)
        np.testing.assert_array_equal(whole.armed, other_rates.armed)
        without = drawn(scenario(**{**UNSURE, "events": UNSURE["events"][1:]}), 60, 50)
        assert set(whole.levels) - set(without.levels) == {key for key in KEYS if key.startswith("event strike.")}
        for key, level in without.levels.items():
            np.testing.assert_array_equal(whole.levels[key], level)
        np.testing.assert_array_equal(whole.armed[:, :5], without.armed[:, :5])
        assert (whole.armed[:, 5:] <= without.armed[:, 5:] + 1e-9).all()

    def test_the_points_of_a_line_stay_at_one_level(self) -> None:
        supply = drawn(scenario([plant(armed=(rate((0.0, 100.0)), rate((200.0, 400.0), 10)))]), 11, 100)
        level = supply.levels["facility plant.armed"]
        for day in (0, 10):
            np.testing.assert_array_equal(np.argsort(supply.armed[:, day]), np.argsort(level))

    def test_same_seed_same_bytes_another_seed_others(self) -> None:
        stated = scenario(**UNSURE)
        assert_same(drawn(stated, 60, 50), drawn(stated, 60, 50))
        assert not np.isin(drawn(stated, 60, 50).opening, drawn(stated, 60, 50, seed=SEED + 1).opening).any()

    def test_more_draws_more_days_or_smaller_blocks_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stated = scenario(**UNSURE)
        whole = drawn(stated, 60, 50)
        assert_same(drawn(stated, 60, 80).pick(np.arange(50)), whole)
        assert_same(drawn(stated, 90, 50).window(FIRST, on(59)), whole)
        monkeypatch.setattr(production, "_AT_ONCE", 60 * 7)
        assert_same(drawn(stated, 60, 50), whole)

    def test_an_assumption_is_held_at_a_level_and_the_others_stay(self) -> None:
        whole = drawn(scenario(**UNSURE), 60, 20)
        held = drawn(scenario(**UNSURE), 60, 20, fixed={"stock.opening": 0.5, "theatre ukraine.share": 0.0})
        # A symmetric triangle has its median in the middle; of the lowest share, 0.7 on the first day.
        assert held.opening == pytest.approx(1_000 * 0.7)
        for key in KEYS - {"stock.opening", "theatre ukraine.share"}:
            np.testing.assert_array_equal(held.levels[key], whole.levels[key])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"theatre": "ukrane"}, "unknown theatre 'ukrane': did you mean ukraine? known are elsewhere, ukraine"),
        ({"n_days": 0}, "supply through 2024-12-31 is asked for: expected a day from 2025-01-01 on, when the account"),
        ({"fixed": {"stock.openin": 0.1}}, "unknown assumption 'stock.openin': did you mean stock.opening"),
    ],
)
def test_errors_say_what_is_wrong(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as error:
        drawn(scenario(**UNSURE), **{"n_days": 3, **asked})
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


class TestWindow:
    def test_an_account_goes_on_from_the_stock_of_the_day_before(self) -> None:
        supply = drawn(scenario(**UNSURE), 60, 20)
        wanted = np.random.default_rng(1).poisson(150.0, (20, 60))
        whole = stock_flow(supply, wanted)
        first = stock_flow(supply.window(FIRST, on(24)), wanted[:, :25])
        rest = stock_flow(supply.window(on(25), on(59), opening=first.stock[:, -1]), wanted[:, 25:])
        for name in vars(whole):
            joined = np.hstack([getattr(first, name), getattr(rest, name)])
            np.testing.assert_array_equal(getattr(whole, name), joined)

    def test_shares_of_new_models_and_pauses_are_of_the_same_days(self) -> None:
        supply = drawn(scenario([plant()], [switch(0, 0.5, 10.0), event("pause", 6, theatre=UKRAINE)]), 9)
        later = supply.window(on(4), on(7), opening=np.zeros(1))
        assert (later.first_day, later.last_day, later.n_days) == (on(4), on(7), 4)
        np.testing.assert_array_equal(later.new_models[0].share, supply.new_models[0].share[:, 4:8])
        assert list(later.paused) == [False, False, True, True]

    def test_picked_draws_repeat_as_asked(self) -> None:
        supply = drawn(scenario(**UNSURE), 30, 5)
        picked = supply.pick(np.array([3, 0, 3]))
        assert picked.n_draws == 3
        for mine, theirs in zip(arrays(picked), arrays(supply), strict=True):
            if theirs.dtype != bool:
                np.testing.assert_array_equal(mine, theirs[[3, 0, 3]])

    def test_days_that_were_not_drawn_or_a_missing_opening_are_refused(self) -> None:
        supply = drawn(scenario(), 5)
        with pytest.raises(InputError, match="expected 2025-01-01 to 2025-01-05"):
            supply.window(FIRST, on(5))
        with pytest.raises(InputError, match="the stock on 2025-01-02 is missing"):
            supply.window(on(1), on(4))
