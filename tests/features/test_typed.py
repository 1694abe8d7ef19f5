"""Numbers as people type them: one reader, which asks where two are meant."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.typed import typed_count, typed_number, typed_share, unmistakable


@pytest.mark.parametrize("written", ["95", "95 %", "95%", "0.95", "0,95", "95,0"])
def test_a_share_is_the_same_however_it_is_typed(written: str) -> None:
    assert typed_share(written) == 0.95


@pytest.mark.parametrize(("written", "share"), [("99,5", 0.995), ("0.5 %", 0.005), ("12.345", 0.12345), ("1%", 0.01)])
def test_a_share_has_decimals_and_no_thousands(written: str, share: float) -> None:
    assert typed_share(written) == share


@pytest.mark.parametrize("written", ["150", "100", "100 %", "0", "0 %", "-5", "-0.1", "1e300"])
def test_a_share_beyond_its_ends_is_told_as_it_was_typed(written: str) -> None:
    with pytest.raises(InputError, match=f"^'{re.escape(written)}': expected more than 0 and less than 100 %$"):
        typed_share(written)


@pytest.mark.parametrize("written", ["12.000", "12,000", "-1.500", "999,999"])
def test_what_may_be_two_numbers_is_asked_about(written: str) -> None:
    with pytest.raises(InputError, match=r"may be .* or .*: write"):
        typed_number(written)


@pytest.mark.parametrize("written", ["", "twelve", "12 00", "1.2.3", "1,00,000", "--5", "nan", "inf", "1e400", "١٢"])
def test_what_is_no_number_is_told(written: str) -> None:
    with pytest.raises(InputError, match="expected a number"):
        typed_number(written)


@pytest.mark.parametrize("written", ["-3", "2.5", "2,5"])
def test_pieces_are_whole(written: str) -> None:
    with pytest.raises(InputError, match="expected a whole number, 0 or more"):
        typed_count(written)


@given(st.integers(1, 10**15))
def test_thousands_are_read_with_blanks_and_whole_numbers_as_they_are(number: int) -> None:
    assert typed_number(f"{number:,}".replace(",", " ")) == typed_number(str(number)) == number


@given(st.floats(0, 1e15))
def test_what_python_writes_is_read_again(number: float) -> None:
    assert typed_number(unmistakable(repr(number))) == number
