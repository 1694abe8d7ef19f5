"""Numbers as people type them, in either language: the one reader of command, page and API."""

import math
import re
from decimal import Decimal

from features.errors import InputError

_SPACED = re.compile(r"[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f]\d{3})+(?:[.,]\d+)?", re.ASCII)
_GROUPED = re.compile(
    r"[1-9]\d{0,2}(?:(?:,\d{3}){2,}(?:\.\d+)?|(?:\.\d{3}){2,}(?:,\d+)?|,\d{3}\.\d+|\.\d{3},\d+)", re.ASCII
)
_ONE_GROUP = re.compile(r"(?P<whole>[1-9]\d{0,2})[.,](?P<rest>\d{3})", re.ASCII)
_PLAIN = re.compile(r"(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
LONGEST = 40
"""Characters of a number."""


def typed_number(text: str) -> int | float:
    """The number that a person typed.

    Parameters
    ----------
    text : str
        With a point or a comma before the decimals, and thousands apart or not.

    Returns
    -------
    int or float
        Whole where it is.

    Raises
    ------
    InputError
        For a text that is no number, and for one such as '12.000', which may be twelve or twelve thousand.

    Examples
    --------
    >>> [typed_number(text) for text in ("28", "99,5", "0.95", "1,000,000", "12 000", "1.234,5")]
    [28, 99.5, 0.95, 1000000, 12000, 1234.5]
    """
    given = text.strip()
    sign, digits = (given[:1], given[1:]) if given[:1] in ("+", "-") else ("", given)
    if match := _ONE_GROUP.fullmatch(digits):
        whole, rest = match["whole"], match["rest"]
        small = f"{whole}.{rest}".rstrip("0").rstrip(".")
        raise InputError(
            "'{given}' may be {small} or {large}: write {small} or {large}",
            given=given[:LONGEST],
            small=sign + small,
            large=f"{sign}{whole}{rest}",
        )
    if len(given) <= LONGEST:
        if _SPACED.fullmatch(digits) or _GROUPED.fullmatch(digits):
            decimal = max(digits.rfind("."), digits.rfind(","))
            if len(digits) - decimal == 4 and len(re.findall(re.escape(digits[decimal]), digits)) > 1:
                decimal = -1  # the mark stands before every group
            parts = (digits, "") if decimal < 0 else (digits[:decimal], digits[decimal + 1 :])
            return _number(f"{sign}{re.sub('[^0-9]', '', parts[0])}.{parts[1] or '0'}")
        if _PLAIN.fullmatch(digits):
            return _number(sign + digits.replace(",", "."))
    raise InputError("'{given}': expected a number", given=given[:LONGEST])


def unmistakable(number: str) -> str:
    """A number with a point as it is read again: 12.3450 for 12.345, which may be two.

    Parameters
    ----------
    number : str
        As Python writes it.

    Returns
    -------
    str
    """
    return f"{number}0" if _ONE_GROUP.fullmatch(number) else number


def typed_count(text: str) -> int:
    """The whole number, 0 or more, that a person typed.

    Parameters
    ----------
    text : str
        As `typed_number` reads it.

    Returns
    -------
    int

    Raises
    ------
    InputError
        As `typed_number` does, and for a number that is negative or no whole one.
    """
    number = typed_number(text)
    if number < 0 or not isinstance(number, int):
        raise InputError("'{given}': expected a whole number, 0 or more", given=text.strip()[:LONGEST])
    return number


def typed_share(text: str) -> float:
    """The share that a person typed, in per cent or as a part of 1.

    Parameters
    ----------
    text : str
        With or without the sign for per cent; without it, a number below 1 is a part of 1.

    Returns
    -------
    float
        Of 1, between the two ends.

    Raises
    ------
    InputError
        For a text that is no number, for '1', which may be one per cent or all, and for nothing, all and beyond.

    Examples
    --------
    >>> [typed_share(text) for text in ("95", "95 %", "0.95", "0,95", "99,5", "0.5 %")]
    [0.95, 0.95, 0.95, 0.95, 0.995, 0.005]
    """
    given = text.strip()
    plain = given.removesuffix("%").strip()
    in_per_cent = plain != given
    # No share has thousands: whatever stands before three digits begins the decimals.
    number = float(plain.replace(",", ".")) if _ONE_GROUP.fullmatch(plain) else float(typed_number(plain))
    if number == 1 and not in_per_cent:
        raise InputError(
            "'{given}' may be {small} or {large}: write {small} or {large}", given=given, small="1 %", large="100 %"
        )
    share = float(Decimal(str(number)) / 100) if number > 1 or in_per_cent else number
    if not 0 < share < 1:
        raise InputError("'{given}': expected more than 0 and less than 100 %", given=given[:LONGEST])
    return share


def _number(plain: str) -> int | float:
    number = Decimal(plain)
    if not math.isfinite(float(number)):
        raise InputError("'{given}': expected a number", given=plain)
    whole = number == number.to_integral_value() and number.adjusted() < LONGEST
    return int(number) if whole else float(number)
