"""The public API changes on purpose only."""

import ast
import importlib

import pytest

from tests.public_api import EVERYTHING, LISTING, PUBLIC, definitions, lines_of, listing, public


def test_it_is_what_is_listed() -> None:
    listed, found = LISTING.read_text(encoding="utf-8").splitlines(), listing().splitlines()
    changed = [f"- {line}" for line in listed if line not in found] + [
        f"+ {line}" for line in found if line not in listed
    ]
    assert listed == found, "\n".join(
        ["the public API changed: where that is meant, run `make api`, and tell it in CHANGELOG.md", *changed]
    )


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_can_be_imported_and_says_what_it_is(module: str) -> None:
    loaded = importlib.import_module(module)
    for name, node in public(module, PUBLIC[module]).items():
        assert hasattr(loaded, name)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            assert ast.get_docstring(node), f"{module}.{name} has no docstring"


def shown(source: str) -> list[str]:
    return [line for name, node in definitions(ast.parse(source).body).items() for line in lines_of(name, node)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(a: int) -> None: ...", "def f(a: int, b: int = 1) -> None: ..."),
        ("def f(a: int = 1) -> None: ...", "def f(a: int = 2) -> None: ..."),
        ("def f(a: int) -> None: ...", "def f(*, a: int) -> None: ..."),
        ("def f(a: int) -> int: ...", "def f(a: int) -> float: ..."),
        ("class C:\n    a: int\n    b: int", "class C:\n    b: int\n    a: int"),
        ("class C:\n    @property\n    def a(self) -> int: ...", "class C:\n    def a(self) -> int: ..."),
        ("@dataclass(frozen=True)\nclass C:\n    a: int", "@dataclass\nclass C:\n    a: int"),
        ("class C(StrEnum):\n    A = 'a'", "class C(StrEnum):\n    A = 'b'"),
        ("LEVELS = (0.5,)", "LEVELS = (0.5, 0.9)"),
    ],
)
def test_a_change_that_a_caller_would_notice_is_noticed(before: str, after: str) -> None:
    assert shown(before) != shown(after)


def test_what_no_caller_sees_is_not_listed() -> None:
    assert shown("class C:\n    _a: int\n    def b(self) -> int:\n        return 1") == [
        ".C",
        ".C.b(self) -> int",
    ]


def test_a_public_name_that_is_gone_is_told() -> None:
    with pytest.raises(LookupError, match=r"forecasting.salvos.model.Oracle: public, but no longer there"):
        public("forecasting.salvos.model", ("Model", "Oracle"))
    with pytest.raises(LookupError, match=r"forecasting.oracles is public, but is no longer there"):
        public("forecasting.oracles", EVERYTHING)
