"""Origins and bands."""

from datetime import date

import pytest

from experiments.folds import BANDS, bands_within, rolling_origins
from features.errors import InputError


def test_origins_are_evenly_apart_and_the_last_is_included_where_it_is_hit() -> None:
    assert rolling_origins(date(2025, 1, 1), date(2025, 1, 29), 14) == (
        date(2025, 1, 1),
        date(2025, 1, 15),
        date(2025, 1, 29),
    )
    assert rolling_origins(date(2025, 1, 1), date(2025, 1, 28), 14) == (date(2025, 1, 1), date(2025, 1, 15))
    assert rolling_origins(date(2025, 1, 1), date(2025, 1, 1), 14) == (date(2025, 1, 1),)
    assert len(rolling_origins(date(2024, 1, 1), date(2024, 12, 31), 1)) == 366


@pytest.mark.parametrize("every", [0, -7])
def test_origins_less_than_a_day_apart_are_refused(every: int) -> None:
    with pytest.raises(InputError, match=f"every is {every}: expected at least 1 day"):
        rolling_origins(date(2025, 1, 1), date(2025, 2, 1), every)


def test_origins_that_run_backwards_are_refused() -> None:
    with pytest.raises(InputError, match="expected the first not to be after the last"):
        rolling_origins(date(2025, 1, 2), date(2025, 1, 1), 1)


def test_the_daily_bands_cover_four_weeks_once() -> None:
    days = [day for band in BANDS if not band.total for day in range(band.first, band.last + 1)]
    assert days == list(range(1, 29))


def test_only_bands_that_the_horizon_covers_in_full() -> None:
    assert [band.name for band in bands_within(1)] == ["h1"]
    assert [band.name for band in bands_within(6)] == ["h1"]
    assert [band.name for band in bands_within(7)] == ["h1", "h2_7", "total_7"]
    assert [band.name for band in bands_within(27)] == ["h1", "h2_7", "h8_14", "total_7"]
    assert bands_within(28) == bands_within(730) == BANDS
