"""The line above which a day counts as a massed strike."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.history import LaunchHistory
from features.massed import (
    BORROWED_RULE,
    MULTIPLE,
    QUIET_RULE,
    RULE,
    WINDOW,
    is_mostly_quiet,
    massed_from,
    massed_threshold,
    massed_thresholds,
)
from features.records import QuietDayRule
from tests.said import said


def history(launched: list[float]) -> LaunchHistory:
    nothing = np.full(len(launched), np.nan)
    return LaunchHistory("ukraine", "shahed", QuietDayRule.NONE, date(2026, 1, 1), np.array(launched), nothing)


@pytest.mark.parametrize(
    ("launched", "threshold"),
    [
        ([40.0] * 91, 100),
        ([41.0] * 91, 103),  # 102.5: the smallest whole count that is not below the line
        ([10.0, 20.0, 30.0], 50),
        ([10.0, 30.0], 50),
        ([0.0] * 91, 1),
        ([0.0] * 80 + [20.0, 40.0, 60.0], 100),  # most days are quiet: the line is that of the others
        ([0.0] * 45 + [40.0] * 46, 100),
        ([5.0], 13),
    ],
)
def test_the_threshold_is_two_and_a_half_medians_rounded_up(launched: list[float], threshold: int) -> None:
    assert massed_threshold(history(launched)) == threshold


def test_massed_strikes_do_not_move_the_line() -> None:
    assert massed_threshold(history([40.0] * 60 + [900.0] * 31)) == massed_threshold(history([40.0] * 91)) == 100


def test_only_the_last_91_known_days_count() -> None:
    assert massed_threshold(history([4000.0] * 500 + [40.0] * 91)) == 100
    gaps = [value for _ in range(91) for value in (40.0, np.nan)]
    assert massed_threshold(history([4000.0] * 500 + gaps)) == 100
    # One day short of a whole window, an older day is looked back to.
    assert massed_threshold(history([9000.0] * 46 + [40.0] * 45)) == 22_500


def test_unknown_days_are_not_zeros() -> None:
    assert massed_threshold(history([np.nan] * 80 + [40.0] * 11)) == 100


def test_without_a_known_day_there_is_no_line() -> None:
    with pytest.raises(InputError, match="no attack day is known"):
        massed_threshold(history([np.nan, np.nan]))


def test_the_rule_that_is_told_is_the_rule_that_is_used() -> None:
    assert (MULTIPLE, WINDOW) == (2.5, 91)
    assert "2.5 times the median of the last 91 attack days before its week, known or forecast" in said(RULE)
    assert "2.5 times the median of the forecast days with launches" in said(BORROWED_RULE)
    assert "91 attack days before its week, known or forecast, of those with launches" in said(QUIET_RULE)
    assert is_mostly_quiet(history([0.0] * 46 + [40.0] * 45))
    assert not is_mostly_quiet(history([0.0] * 46 + [40.0] * 46))


@pytest.mark.parametrize(("counts", "threshold"), [([], 1), ([0, 0, 0], 1), ([3, 3, 90], 8), ([4, 5], 12)])
def test_the_line_of_any_days_is_two_and_a_half_medians_rounded_up(counts: list[int], threshold: int) -> None:
    assert massed_from(np.array(counts, dtype=np.int64)) == threshold


def test_a_path_is_measured_by_its_own_level() -> None:
    """100 a day until now. Paths of 200, of 100 and of 40 a day: after a quarter each has its own line."""
    paths = np.repeat([[200], [100], [40]], 120, axis=1)
    lines = massed_thresholds(250, np.full(91, 100.0), paths)
    assert (lines[:, :7] == 250).all()
    assert lines[:, -1].tolist() == [500, 250, 100]
    # The median of 91 days moves when the 46th of them is a new one, and then the line of the week after.
    assert [int(np.flatnonzero(line != 250)[0]) for line in lines[[0, 2]]] == [49, 49]


@given(st.lists(st.integers(0, 40), min_size=8, max_size=40), st.lists(st.integers(0, 40), min_size=1, max_size=120))
def test_the_line_of_a_week_is_that_of_a_record_that_ends_before_it(ahead: list[int], before: list[int]) -> None:
    lines = massed_thresholds(7, np.array(before, dtype=np.float64), np.array([ahead]))[0]
    for day in range(7, len(ahead)):
        until = [float(count) for count in (*before, *ahead[: day // 7 * 7])]
        assert lines[day] == massed_threshold(history(until))


def test_without_days_before_one_line_holds() -> None:
    assert (massed_thresholds(300, np.zeros(0), np.full((2, 30), 9)) == 300).all()
