"""What commands ask for in the same way: a day is checked before anything else is done."""

import pytest

from features.errors import InputError
from features.options import parse_day


@pytest.mark.parametrize("text", ["2026-02-30", "yesterday", "", "28.02.2026", "2100-01-01"])
def test_a_day_is_checked(text: str) -> None:
    with pytest.raises(InputError, match=r"^--origin is '"):
        parse_day(text, "--origin")
    assert parse_day(None, "--origin") is None
