"""TOML of a stranger: refused at once where it is longer or deeper than a person writes; names are printable."""

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.settings import parse_settings
from features.errors import InputError
from features.scenarios import parse_scenario
from features.toml_text import LONGEST_TOML, MOST_LEVELS, MOST_PARTS, MOST_TABLES, MOST_VALUES, parse_toml
from forecasting.defence.layers import parse_defence

BUNDLED = Path(__file__).parents[2] / "features" / "bundled"


def refusal(text: str) -> str:
    """The one line that a text is refused with, in far less than the minutes that parsing some of these takes."""
    started = time.process_time()
    with pytest.raises(InputError) as raised:
        parse_toml(text, "own.toml")
    assert time.process_time() - started < 20
    told = str(raised.value)
    assert told.startswith("own.toml")
    assert told.isprintable()
    return told


HOSTILE = {
    "a key": ".".join(["a"] * 80_000) + " = 1",
    "a spaced and quoted key": " . ".join(["a", '"b"', "'c'"] * 20_000) + " = 1",
    "a key below text": 'a = "x"\nb = """\n\\""" # """\n' + "a." * 80_000 + "a = 1",
    "a header": "[" + ".".join(["a"] * 80_000) + "]",
    "a list of tables": "[[" + ".".join(["a"] * 80_000) + "]]",
    "a key in a table": "a = { " + ".".join(["a"] * 80_000) + " = 1 }",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_key_of_many_parts_is_refused_before_it_is_parsed(text: str) -> None:
    assert f"more than {MOST_PARTS} dotted parts (line " in refusal(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "{a = " * 80_000, "[" * 100_000])
def test_brackets_without_end_are_refused(text: str) -> None:
    assert f"nested too deeply, over {MOST_LEVELS} levels (line 1)" in refusal(text)


def test_more_tables_or_values_than_a_person_writes_are_refused() -> None:
    assert f"more than {MOST_TABLES:,} tables and lists (line 5001)" in refusal("[[a]]\n" * 60_000)
    assert f"more than {MOST_VALUES:,} values" in refusal("a = [" + "1," * 200_000 + "]")
    assert f"expected TOML of at most {LONGEST_TOML:,}" in refusal("#" * 600_000)


@pytest.mark.parametrize(
    "text", ['a = """' + '\\"""' * 100_000, "a = '''" + "''x" * 100_000, 'a = "' + "\\\\" * 200_000]
)
def test_text_that_is_never_closed_is_looked_at_once(text: str) -> None:
    assert "is not TOML" in refusal(text)


@pytest.mark.parametrize("number", ["9" * 5_000, "-" + "1_" * 5_000 + "1", "0x" + "f" * 5_000, "0b" + "1" * 20_000])
def test_an_endless_number_is_refused(number: str) -> None:
    assert "a number of over 1,000 digits" in refusal(f"a = {number}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[[layer]]\nname = "a"\n[[layer]]\nname = "Light\\u0001guns"',
            "layer 2.name holds the control character U+0001",
        ),
        ('a.name = "two\\nlines"', "a.name holds the control character U+000A"),
        ('a = ["x", "\\u001b[31m"]', "a holds the control character U+001B"),
        ('"b\\u0007" = 1', "the key b\\x07 holds the control character U+0007"),
        ('a = "\\u2028"', "a holds the control character U+2028"),
    ],
)
def test_a_control_character_is_told_with_its_place(text: str, told: str) -> None:
    assert refusal(text) == f"own.toml: {told}: write it without"


def test_a_note_may_have_lines() -> None:
    assert parse_toml('note = """one\n\ttwo"""\nabout = "a\\nb"', "own.toml")["note"] == "one\n\ttwo"


@pytest.mark.parametrize("parse", [parse_scenario, parse_defence, parse_settings], ids=lambda each: each.__name__)
@pytest.mark.parametrize("text", [HOSTILE["a key"], 'a = "\\u0001"'], ids=["long key", "control character"])
def test_every_file_of_assumptions_has_these_bounds(parse: Any, text: str) -> None:
    with pytest.raises(InputError, match=r"^own\.toml(: a holds the control| is not TOML that a person would write)"):
        parse(text, "own.toml")


@pytest.mark.parametrize("path", sorted(BUNDLED.glob("scenarios/*.toml")), ids=lambda path: path.name)
def test_what_is_bundled_is_far_within_the_bounds(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert parse_toml(text, "x") == tomllib.loads(text)
    assert len(text) < LONGEST_TOML / 5
    assert text.count("{") + text.count("[") < MOST_TABLES / 5
    assert text.count(",") + text.count("=") < MOST_VALUES / 5


PIECES = st.sampled_from(
    ["a", "b.c", " . ", "'x.y'", '"q\\"."', "[", "]", "[[", "]]", "{", "}", "=", ",", "\n", "#", '"""', "'''", "1.5"]
)


@given(st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=60)))
def test_what_the_bounds_let_through_is_parsed_as_ever(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except ValueError:
        return
    if "\\" not in json.dumps(expected, default=str):  # else it may hold control characters
        assert parse_toml(text, "own.toml") == expected
