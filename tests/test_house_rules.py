"""Rules of the house that no linter knows: short files, and reasons beside exceptions."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ROOMS = ("features", "forecasting", "experiments", "tests")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
LONGEST = 400
LONGER = {
    "forecasting/defence/engagement.py": "a night is read as one piece: who is met, which random numbers, put where",
}
"""File -> why it is longer."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def n_lines(path: Path) -> int:
    """Of the file, without docstrings: what is said of a public name at length need not be held to read the code."""
    text = path.read_text(encoding="utf-8")
    of_docstrings = sum(
        node.body[0].end_lineno - node.body[0].lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if ast.get_docstring(node) is not None and node.body[0].end_lineno is not None
    )
    return len(text.splitlines()) - of_docstrings


def test_no_file_is_longer_than_a_reader_holds_without_a_reason() -> None:
    assert {name(path): n_lines(path) for path in FILES if n_lines(path) > LONGEST and name(path) not in LONGER} == {}


def test_no_reason_outlives_its_file() -> None:
    assert {each for each in LONGER if not (ROOT / each).exists()} == set()


UNEXPLAINED = re.compile(r"#\s*pragma: no (cover|branch)(?!\s*--\s*\w)")
"""A pragma leaves lines out of the coverage: the reason stands behind it."""


def test_a_line_that_no_test_need_run_says_why() -> None:
    lines = [
        f"{name(path)}:{number}"
        for path in FILES
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if UNEXPLAINED.search(line)
    ]
    assert lines == []


@pytest.mark.parametrize(
    ("line", "explained"),
    [
        ("x = 1  # pragma: no cover", False),
        ("x = 1  # pragma: no branch --", False),
        ("x = 1  # pragma: no cover -- another platform", True),
    ],
)
def test_what_an_explanation_is(line: str, explained: bool) -> None:
    assert bool(UNEXPLAINED.search(line)) != explained


def test_the_hooks_run_all_that_make_check_runs_and_download_nothing() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [each["repo"] for each in hooks] == ["local"]
    assert {hook["language"] for hook in hooks[0]["hooks"]} == {"system"}
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe
    checks = {line.strip().replace("$(BIN)", ".venv/bin").removesuffix(" .") for line in recipe[1].splitlines()}
    assert {hook["entry"].removesuffix(" .") for hook in hooks[0]["hooks"]} >= checks
