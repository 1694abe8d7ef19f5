"""What the calendar tells of a day, long before it: the day of the week, the moon, the holidays of a theatre.

A model may know them at any origin, of days to come too. Of a history that a model is fitted to, the days before a gap
of more than 28 days are moved up by whole weeks (`forecasting.salvos.gap`): weekdays stay right there, moon and
holidays do not.
"""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

_MONDAY = np.datetime64("2024-01-01", "D")
_J2000 = np.datetime64("2000-01-01T12:00", "s")


def weekdays(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The day of the week.

    Parameters
    ----------
    days : (n,) array of datetime64[D]
        Such as `LaunchHistory.days`.

    Returns
    -------
    (n,) array of int64
        0 is Monday, 6 is Sunday.
    """
    return (days - _MONDAY).astype(np.int64) % 7


def lit_share_of_moon(days: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """The share of the moon's disc that is lit.

    Meeus, Astronomical Algorithms (2nd edition, 1998), chapter 48, with the phase angle of eq. 48.4, which is good to
    about .01; dynamical time is taken for UTC.

    Parameters
    ----------
    days : (n,) array of datetime64
        At midnight where they are days.

    Returns
    -------
    (n,) array of float
        0 is a new moon, 1 a full one.
    """
    centuries = (days.astype("datetime64[s]") - _J2000) / np.timedelta64(36_525 * 86_400, "s")
    elongation = np.radians(297.8501921 + 445_267.1114034 * centuries)
    sun = np.radians(357.5291092 + 35_999.0502909 * centuries)
    moon = np.radians(134.9633964 + 477_198.8675055 * centuries)
    phase = np.pi - elongation
    for degrees, angle in (
        (-6.289, moon),
        (2.100, sun),
        (-1.274, 2 * elongation - moon),
        (-0.658, 2 * elongation),
        (-0.214, 2 * moon),
        (-0.110, elongation),
    ):
        phase = phase + np.radians(degrees) * np.sin(angle)
    lit: NDArray[np.float64] = (1.0 + np.cos(phase)) / 2.0
    return lit


def holidays(days: NDArray[np.datetime64], theatre: str) -> NDArray[np.bool_]:
    """Which days are public holidays, or would be but for martial law, under which they are worked.

    Parameters
    ----------
    days : (n,) array of datetime64[D]
        Past or to come.
    theatre : str
        The name of a country.

    Returns
    -------
    (n,) array of bool

    Raises
    ------
    InputError
        For a theatre that is no country.

    Examples
    --------
    >>> holidays(np.array(["2025-08-24", "2025-08-25"], dtype="datetime64[D]"), "ukraine").tolist()
    [True, False]
    """
    from holidays import PUBLIC, WORKDAY, country_holidays
    from holidays.registry import COUNTRIES

    if theatre not in COUNTRIES:
        raise InputError(f"no holidays are known of theatre {theatre}: expected the name of a country, such as ukraine")
    code = COUNTRIES[theatre][1]
    as_dates: list[date] = days.astype("datetime64[D]").tolist()
    categories = set(country_holidays(code).supported_categories) & {PUBLIC, WORKDAY}
    found = country_holidays(code, years={day.year for day in as_dates}, categories=categories)
    return np.array([day in found for day in as_dates], dtype=bool)
