"""A supply as people state it: 800/week."""

from features.errors import InputError
from features.scenario_parts import DAYS_PER_MONTH
from features.stated import LARGEST_NUMBER
from features.typed import typed_number, unmistakable

DAYS_OF = {"day": 1.0, "week": 7.0, "month": DAYS_PER_MONTH}
"""Unit of a supply -> days."""


def stated_supply(given: str) -> str:
    """A supply as it is kept: 800/week. Raises ValueError where it is none."""
    amount, slash, unit = (part.strip() for part in given.partition("/"))
    if not slash or unit not in DAYS_OF:
        raise ValueError(f"expected interceptors with their unit, such as 800/week ({', '.join(DAYS_OF)})")
    try:
        number = typed_number(amount)
    except InputError as error:
        raise ValueError(str(error)) from error
    if not 0 <= number <= LARGEST_NUMBER:
        raise ValueError(f"expected 0 to {LARGEST_NUMBER:,.0f} interceptors")
    return f"{unmistakable(str(number))}/{unit}"


def per_month(stated: str) -> float:
    """Interceptors a month of a supply as it is kept.

    >>> round(per_month("7/week"), 1) == round(per_month("1/day"), 1)
    True
    """
    amount, unit = stated.split("/")
    return float(amount) / DAYS_OF[unit] * DAYS_PER_MONTH
