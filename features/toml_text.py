"""TOML that a person gives: bounded before it is parsed, and without characters that no page or workbook can hold."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from typing import Any

from features.errors import InputError, one_line

LONGEST_TOML = 500_000
"""Characters; ten times the longest file of assumptions that is bundled."""
MOST_PARTS = 16
"""Of a dotted key: the parser takes time and memory by the square of them."""
MOST_LEVELS = 16
"""Of brackets within brackets."""
MOST_TABLES = 10_000
"""Tables and lists together, ten times those of the longest bundled file."""
MOST_VALUES = 50_000

_PROSE = frozenset({"about", "note"})
"""Keys whose text may have lines."""

# Python refuses to write, and so to tell, numbers that are much longer.
_ENDLESS_NUMBER = re.compile(r"\b\d[xob]?[\da-fA-F_]{1000}")
# Possessive throughout: each character is looked at once, also in a string that is never closed.
_TOKEN = re.compile(
    r"""
      (?P<text>\"{3}(?:[^"\\]++|\\.|"(?!""))*+(?:\"{3,5}|\\?\Z) | '{3}(?:[^']++|'(?!''))*+(?:'{3,5}|\Z)
              |"(?:[^"\\\n]++|\\[^\n])*+"? | '[^'\n]*+'? | [\w+-]++)
    | (?P<skipped>[ \t]++|\#[^\n]*+)
    | (?P<dot>\.)
    | (?P<open>[\[{])
    | (?P<close>[\]}])
    | (?P<value>[=,])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def parse_toml(text: str, file_name: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises InputError, naming the file, for text that is no TOML, that is longer or more deeply nested than a person
    writes, or that holds a control character.
    """
    _check_bounds(text, file_name)
    try:
        stated = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise one_line(f"{file_name} is not TOML: {error}") from error
    for where, key, value in _texts(stated):
        allowed = "\n\t" if key in _PROSE else ""
        for character in value:
            if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") and character not in allowed:
                raise one_line(
                    f"{file_name}: {where} holds the control character U+{ord(character):04X}: write it without"
                )
    return stated


def _check_bounds(text: str, file_name: str) -> None:
    if len(text) > LONGEST_TOML:
        raise InputError(f"{file_name} has {len(text):,} characters: expected TOML of at most {LONGEST_TOML:,}")
    if _ENDLESS_NUMBER.search(text):
        raise InputError(f"{file_name} is not TOML that a person would write: it has a number of over 1,000 digits")
    parts = levels = tables = values = 0
    after_dot = False
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "skipped":
            continue
        if kind == "text":
            parts = parts + 1 if after_dot else 1
        elif kind == "open":
            levels, tables = levels + 1, tables + 1
        elif kind == "close":
            levels -= 1
        elif kind == "value":
            values += 1
        after_dot = kind == "dot"
        if parts > MOST_PARTS or levels > MOST_LEVELS or tables > MOST_TABLES or values > MOST_VALUES:
            line = text.count("\n", 0, token.start()) + 1
            problem = (
                f"a key of more than {MOST_PARTS} dotted parts"
                if parts > MOST_PARTS
                else f"brackets nested too deeply, over {MOST_LEVELS} levels"
                if levels > MOST_LEVELS
                else f"more than {MOST_TABLES:,} tables and lists"
                if tables > MOST_TABLES
                else f"more than {MOST_VALUES:,} values"
            )
            raise InputError(f"{file_name} is not TOML that a person would write: it has {problem} (line {line})")


def _texts(value: object, where: str = "", key: str = "") -> Iterator[tuple[str, str, str]]:
    """(where it stands, its key, text) for each text of a parsed file, keys among them."""
    if isinstance(value, str):
        yield where, key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            path = f"{where}.{name}" if where else name
            yield f"the key {path}", "", name
            yield from _texts(inner, path, name)
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _texts(inner, f"{where} {number}" if isinstance(inner, dict) else where, key)
