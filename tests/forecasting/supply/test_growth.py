"""Growth that nobody announced: a damped trend of the record's months, beside statsmodels' own forecast."""

import numpy as np
import pytest
from statsmodels.tsa.holtwinters import Holt

from features.history import LaunchHistory
from forecasting.supply.growth import DAMPING, FEWEST_BLOCKS, damped_growth
from tests.forecasting.supply.stated_supply import on, record

MONTHS = 40.0 * 1.08 ** np.arange(20) - 1.0
GROWN = np.repeat(MONTHS, 28)
HISTORY: LaunchHistory = record(GROWN)


def test_it_is_the_damped_trend_of_the_months_from_the_second_one_on() -> None:
    growth = damped_growth(HISTORY, 365)
    assert (growth[:28] == 1.0).all()  # the first month is the salvo model's
    # Level and trend are those of the last month: all of either is news.
    fitted = Holt(np.log(MONTHS + 1.0), damped_trend=True, initialization_method="estimated").fit(
        smoothing_level=1.0, smoothing_trend=1.0, damping_trend=DAMPING, optimized=False
    )
    ahead = fitted.forecast(12) - np.log(MONTHS[-1] + 1.0)
    assert np.log(growth[27::28]) == pytest.approx(np.concatenate([[0.0], ahead]))


def test_growth_and_decline_end_within_four_months_of_it() -> None:
    grows, falls = (damped_growth(record(each), 730) for each in (GROWN, GROWN[::-1]))
    assert (np.diff(grows[27:]) > 0).all()
    assert grows[-1] == pytest.approx(1.08**4, rel=0.01)
    assert falls == pytest.approx(1 / grows)


def test_no_day_depends_on_the_horizon_and_none_on_what_came_later() -> None:
    assert (damped_growth(HISTORY, 365)[:100] == damped_growth(HISTORY, 100)).all()
    later = record(np.concatenate([GROWN, np.full(100, 9_000.0)]))
    assert (damped_growth(later.until(on(GROWN.size - 1)), 365) == damped_growth(HISTORY, 365)).all()
    assert damped_growth(later, 365)[-1] > 2 * damped_growth(HISTORY, 365)[-1]


@pytest.mark.parametrize("counts", [GROWN[: 28 * (FEWEST_BLOCKS - 1)], np.full(560, 50.0)])
def test_a_record_too_short_or_without_growth_has_none(counts: np.ndarray) -> None:
    assert (damped_growth(record(counts), 365) == 1.0).all()
