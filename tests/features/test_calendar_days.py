"""The calendar of days: against the published one of the moon, and of the holidays of Ukraine."""

import numpy as np
import pytest

from features.calendar_days import holidays, lit_share_of_moon, weekdays
from features.errors import InputError


def test_the_moon_is_that_of_the_book_and_of_the_almanac() -> None:
    """Meeus, example 48.a: .6786 on 1992-04-12 at 0h; full and new moons of 2025 as almanacs have them, in UTC."""
    made = lit_share_of_moon(np.array(["1992-04-12"], dtype="datetime64[D]"))
    assert made[0] == pytest.approx(0.6786, abs=0.005)
    full = np.array(["2025-01-13T22:27", "2025-03-14T06:55", "2025-09-07T18:09"], dtype="datetime64[s]")
    new = np.array(["2025-01-29T12:36", "2025-03-29T10:58", "2025-09-21T19:54"], dtype="datetime64[s]")
    assert (lit_share_of_moon(full) > 0.99).all()
    assert (lit_share_of_moon(new) < 0.01).all()
    half = np.array(["2025-03-06T16:32", "2025-03-22T11:29"], dtype="datetime64[s]")  # first and last quarter
    np.testing.assert_allclose(lit_share_of_moon(half), 0.5, atol=0.02)


def test_weekdays_and_holidays_by_theatre() -> None:
    days = np.arange("2025-08-20", "2025-08-27", dtype="datetime64[D]")
    assert weekdays(days).tolist() == [day.weekday() for day in days.astype(object)] == [2, 3, 4, 5, 6, 0, 1]
    assert days[holidays(days, "ukraine")].astype(str).tolist() == ["2025-08-24"]
    in_poland = holidays(np.array(["2025-11-11", "2025-08-24"], dtype="datetime64[D]"), "poland")
    assert in_poland.tolist() == [True, False]
    with pytest.raises(InputError, match="no holidays are known of theatre lowland: expected the name of a country"):
        holidays(days, "lowland")
