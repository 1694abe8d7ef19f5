"""The plan that a planner gets without any option, number by number and line by line.

Whole numbers may be off by one and others by a thousandth: BLAS and NumPy round differently on another processor, and
what is optimised and drawn from that passes it on. On one machine the bytes are the same (`test_plan.py`).

A change that is meant: SALVOCAST_REWRITE_GOLDEN=1 .venv/bin/python -m pytest tests/forecasting/test_plan_golden.py
rewrites the two files in `golden/`; read their diff before committing it.
"""

import json
import os
import re
from itertools import zip_longest
from pathlib import Path

import pytest

from forecasting.plan import Plan
from forecasting.report.document import plan_document
from forecasting.report.text import document_text

GOLDEN = Path(__file__).parent / "golden"


NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?!\w)")
DAY = re.compile(r"\d{4}-\d\d(?:-\d\d)?|(?<![\d,-])(?:0\d|1[0-2])-[0-3]\d(?!\d)")
LETTERS = str.maketrans("0123456789", "abcdefghij")


def _compare(path: Path, made: str) -> None:
    if os.environ.get("SALVOCAST_REWRITE_GOLDEN") == "1":
        path.write_text(made, encoding="utf-8")
        pytest.skip(f"{path.name} was rewritten: read the diff")
    lines = [DAY.sub(lambda day: day[0].translate(LETTERS), text) for text in (made, path.read_text(encoding="utf-8"))]
    pairs = zip_longest(*(text.splitlines() for text in lines), fillvalue="(no line)")
    for number, (line, expected) in enumerate(pairs, 1):
        numbers = zip(NUMBER.findall(line), NUMBER.findall(expected), strict=False)
        alike = _words(line) == _words(expected) and all(_alike(*each) for each in numbers)
        assert alike, f"{path.name}, line {number}: {line}, expected {expected}"


def _words(line: str) -> list[str]:
    """The line without its numbers and without the spaces that their widths bring."""
    return NUMBER.sub("#", line).split()


def _alike(number: str, expected: str) -> bool:
    """Whether they differ by a thousandth at most, or by one in the last place of a number that was rounded."""
    decimals = len(expected.partition(".")[2])
    place = 10.0**-decimals if decimals < 4 else 0.0
    given, wanted = (float(each.replace(",", "")) for each in (number, expected))
    return abs(given - wanted) <= max(1e-3 * abs(wanted), 1.001 * place)


def test_the_document(bundled_plan: Plan) -> None:
    document = plan_document(bundled_plan).model_dump(mode="json")
    versions = document["forecast"].pop("versions")
    assert set(versions) == {"python", "salvocast", "numpy", "scipy", "statsmodels"}
    _compare(GOLDEN / "plan.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def test_the_table(bundled_plan: Plan) -> None:
    text = document_text(plan_document(bundled_plan))
    text, replaced = re.subn(r"\bsalvocast \d\S*", "salvocast VERSION", text)
    assert replaced == 1
    _compare(GOLDEN / "plan.txt", text + "\n")
