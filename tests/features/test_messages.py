"""Errors know their field and cross from a worker; text that no output can hold is shown as a box."""

import pickle
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError, SalvocastError, at_field, unknown_name
from features.messages import Message
from features.printable import SHOWN, printable


def test_an_error_knows_its_field_and_what_was_put_into_its_line() -> None:
    error = InputError("origin {origin} is {days} days late", field="origin", origin=date(2026, 3, 1), days=1_200)
    assert str(error) == "origin 2026-03-01 is 1200 days late"
    assert (error.field, error.values["days"], error.exit_code) == ("origin", 1_200, 2)


@given(st.text(), st.text())
def test_a_line_that_holds_braces_is_told_as_it_is(line: str, given_name: str) -> None:
    assert str(InputError(line)) == line
    assert str(InputError("{given}", given=given_name)) == given_name
    assert repr(given_name)[1:-1] or not given_name
    assert f"'{given_name}'" in str(unknown_name(given_name, given_name, ["a"]))


def test_names_near_and_known_are_joined_by_what_the_line_asks_for() -> None:
    error = unknown_name("layer", "gun", ["guns", "gum", "missile"], field="layers")
    assert str(error) == "unknown layer 'gun': did you mean guns or gum? known are gum, guns, missile"
    assert error.field == "layers"


def test_an_error_of_a_worker_arrives_with_its_field() -> None:
    sent = InputError("unknown {kind}", field="model", kind="x")
    arrived = pickle.loads(pickle.dumps(sent))
    assert (type(arrived), str(arrived), arrived.field) == (InputError, "unknown x", "model")


def test_what_fails_inside_is_of_the_field_unless_it_knows_its_own() -> None:
    with pytest.raises(SalvocastError) as told, at_field("defence"):
        raise InputError("no TOML")
    assert told.value.field == "defence"
    with pytest.raises(SalvocastError) as told, at_field("defence"):
        raise InputError("no such layer", field="layers")
    assert told.value.field == "layers"


def test_a_message_holds_what_json_can_and_comes_back_the_same() -> None:
    made = Message.of("x", day=date(2026, 3, 1), n=3, share=0.5, parts=(Message.of("y"), "z"))
    assert made.values["day"] == "2026-03-01"
    assert Message.model_validate_json(made.model_dump_json()) == made


@given(st.text())
def test_printable_text_is_the_same_but_for_what_cannot_be_shown(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert all(each in (was, SHOWN) for each, was in zip(shown, text, strict=True))
    assert printable(shown) == shown


@pytest.mark.parametrize("given_text", ["a\x07b", "a\x1bb", "a\nb", "a\x00b", "a\ufffeb", "a\u202eb", "a\x9bb"])
def test_what_steers_a_terminal_or_breaks_a_file_is_a_box(given_text: str) -> None:
    assert printable(given_text) == f"a{SHOWN}b"
    assert printable("a\nb", keep="\n") == "a\nb"
