"""When most days of a series are unknown, and what is said of it."""

from datetime import date

import numpy as np
import pytest
from numpy.typing import ArrayLike

from features.history import LaunchHistory
from features.records import QuietDayRule
from features.unknown_days import UnknownDays, mostly_unknown

NAN = np.nan


def history(launched: ArrayLike) -> LaunchHistory:
    counts = np.asarray(launched, dtype=float)
    return LaunchHistory("lowland", "shahed", QuietDayRule.NONE, date(2025, 1, 1), counts, np.full(counts.size, NAN))


@pytest.mark.parametrize(
    ("launched", "told"),
    [
        ([9.0] * 60 + [NAN] * 278 + [9.0], UnknownDays(278, 279)),
        ([9.0, NAN, NAN] * 20 + [9.0], UnknownDays(40, 60)),
        ([9.0] * 400, None),
        ([9.0] * 60 + [NAN] * 13, None),  # the last attack day known says as much
        ([9.0] * 60 + [NAN] * 14, UnknownDays(14, 14)),
        ([9.0, NAN, 9.0] * 20, None),
        ([NAN] * 300 + [9.0] * 400, None),  # long ago
        ([9.0] * 300 + [NAN] * 64 + [9.0] * 27, UnknownDays(64, 91)),
        ([9.0] * 300 + [NAN] * 63 + [9.0] * 70, None),
        ([9.0] * 60 + [0.0] * 200 + [9.0], None),  # none is not unknown
    ],
)
def test_more_than_half_since_the_first_unknown_day_of_a_year(launched: list[float], told: UnknownDays | None) -> None:
    assert mostly_unknown(history(launched)) == told


def test_the_advice_has_the_figures_and_a_way_out() -> None:
    told = UnknownDays(278, 279).advice
    assert told.startswith("278 of the last 279 days are unknown")
    assert "--quiet-days all" in told
