"""Whatever befalls a file: it is a scenario, or told in one line."""

import json
import tomllib
from copy import deepcopy
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.scenarios import (
    parse_scenario,
)
from tests.features.scenario_texts import GOOD, consistent, good

NASTY = st.sampled_from(
    [
        "0", "-1", "1e400", "nan", "-inf", "true", '""', '"text"', '"a\\nb"', "[]", "[[]]", "[1, 2]", "{}",
        "2026-02-30", "9999-12-31", "0001-01-01", "2026-02-28T12:00:00Z", "12:00:00", "9" * 500, "0x" + "f" * 2_000,
        '"\\u2028"', "[{}]", "[{id = 1}]", "{a = {b = 1}}", '"own.toml"', '"main"', "", "=",
    ]
)  # fmt: skip
KEYS = {line.split(" ")[0] for line in GOOD.splitlines() if " = " in line}
WORDS = st.sampled_from(sorted(KEYS | {"low", "a.b", '"\\n"'}))


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """The good file after some accidents: values and keys exchanged, lines lost, doubled, moved or broken."""
    lines = GOOD.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(lines) - 1))
        line = lines[index]
        key, _, value = line.partition(" = ")
        match draw(st.integers(0, 6)):
            case 0 if value:
                lines[index] = f"{key} = {draw(NASTY)}"
            case 1 if value:
                lines[index] = f"{draw(WORDS)} = {value}"
            case 2:
                inner = line.split(", ")
                part = draw(st.integers(0, len(inner) - 1))
                inner[part] = f"{inner[part].partition(' = ')[0]} = {draw(NASTY)}"
                lines[index] = ", ".join(inner)
            case 3:
                del lines[index]
            case 4:
                lines.insert(draw(st.integers(0, len(lines))), line)
            case 5:
                lines[index] = line.replace(draw(st.sampled_from(["[", "]", '"', "=", "e"])), draw(st.text(max_size=2)))
            case _:
                lines.insert(index, f"{draw(WORDS)} = {draw(NASTY)}")
    return "\n".join(lines)


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        0, -1, 1e300, 10**400, float("nan"), True, "", "text", "a\nb", "own.toml", "main", [], [[]], [1], {}, {"a": {}},
        date(2026, 2, 28), date(1, 1, 1), date.max, datetime(2026, 2, 28, 12), time(12),
    ]
)  # fmt: skip


def toml(value: Any) -> str:
    """The value as inline TOML."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(toml(each) for each in value) + "]"
        case date() | time():
            return value.isoformat()
        case float():
            return repr(value)
        case _:
            return json.dumps(value)


@st.composite
def misstated(draw: st.DrawFn) -> str:
    """A file of good TOML in which some keys, at any depth, have another name or value, or are gone."""
    stated = tomllib.loads(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        table: Any = stated
        while table:
            key = draw(st.sampled_from(list(table) if isinstance(table, dict) else range(len(table))))
            if isinstance(table[key], dict | list) and draw(st.integers(0, 9)):
                table = table[key]
                continue
            match draw(st.integers(0, 4)):
                case 0:
                    del table[key]
                case 1 if isinstance(table, dict):
                    table[draw(st.sampled_from([key[:-1], key + "s", "a\nb", "id", "kind", "low"]))] = table.pop(key)
                case 2 if isinstance(table, list):
                    table.append(deepcopy(table[key]))
                case _:
                    table[key] = deepcopy(draw(VALUES))
            break
    return "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in stated.items())


def test_what_is_not_misstated_is_good() -> None:
    text = "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in tomllib.loads(GOOD).items())
    assert parse_scenario(text, "own.toml") == good()


@settings(max_examples=400, deadline=None)
@given(st.one_of(spoilt(), misstated()))
def test_a_spoilt_file_is_a_scenario_or_told_in_one_line(text: str) -> None:
    try:
        scenario = parse_scenario(text, "own.toml")
    except InputError as error:
        message = str(error)
        assert message.startswith("own.toml")
        assert len(message.splitlines()) == 1
        assert message.isprintable()
        assert "Input should" not in message
    else:
        consistent(scenario)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_spoilt_variant_is_a_scenario_or_told_in_one_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "spoilt"
    folder.mkdir(exist_ok=True)
    (folder / "base.toml").write_text(data.draw(st.one_of(st.just(GOOD), misstated())), encoding="utf-8")
    text = data.draw(misstated()).replace('"about"', '"based_on" = "base.toml", "about"', 1)
    try:
        consistent(parse_scenario(text, str(folder / "variant.toml")))
    except InputError as error:
        message = str(error)
        assert message.startswith(str(folder))
        assert len(message.splitlines()) == 1
        assert message.isprintable()
