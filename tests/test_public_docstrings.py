"""The docstrings of the public API have the sections of numpydoc, and the sections say what the code has."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.public_api import PUBLIC, definitions, public

Function = ast.FunctionDef
NAMES = [
    pytest.param(node, id=f"{module}.{name}")
    for module, names in PUBLIC.items()
    for name, node in public(module, names).items()
    if isinstance(node, Function | ast.ClassDef)
]
RULE = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)


def sections(node: ast.AST) -> dict[str, str]:
    """Title -> text of each section. Of "" the summary."""
    assert isinstance(node, Function | ast.ClassDef)
    parts = RULE.split(ast.get_docstring(node) or "")
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def described(section: str) -> list[str]:
    """The names that a section of parameters describes: "a, b : int" or "a, b", with something said of them below."""
    found = []
    for entry in re.split(r"\n(?=\S)", section.strip("\n")):
        head, _, text = entry.partition("\n")
        assert text.strip(), f"nothing is said of {head}"
        found += [name.strip().lstrip("*") for name in head.partition(" : ")[0].split(",")]
    return found


def arguments(node: Function) -> list[str]:
    every = node.args
    named = [*every.posonlyargs, *every.args, *([every.vararg] if every.vararg else []), *every.kwonlyargs]
    named += [every.kwarg] if every.kwarg else []
    return [each.arg for each in named if each.arg not in ("self", "cls")]


def decorators(node: Function) -> set[str]:
    return {ast.unparse(each) for each in node.decorator_list}


def methods(node: ast.ClassDef) -> Iterator[Function]:
    return (each for each in definitions(node.body).values() if isinstance(each, Function))


def what_makes(node: ast.ClassDef) -> list[str]:
    """What a class is made from: the fields of a record, or the arguments of its `__init__`."""
    for method in methods(node):
        if method.name == "__init__":
            return arguments(method)
    return [
        each.target.id
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and not each.target.id.startswith("_")
    ]


def raised(node: ast.AST) -> set[str]:
    """The errors that its own lines raise: `raise InputError(...)`, or by a function that makes one."""
    return {
        each.exc.func.id if each.exc.func.id[0].isupper() else "InputError"
        for each in ast.walk(node)
        if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call) and isinstance(each.exc.func, ast.Name)
    }


def faults(node: ast.AST) -> list[str]:
    """What the docstring lacks, or says of something that is not there."""
    found = sections(node)
    if not found[""].strip():
        return ["no docstring"]
    if isinstance(node, ast.ClassDef):
        wanted, errors, returns = what_makes(node), set[str](), False
        errors |= {error for each in methods(node) if each.name == "__post_init__" for error in raised(each)}
    else:
        assert isinstance(node, Function)
        wanted, errors = arguments(node), raised(node)
        returns = node.returns is not None and ast.unparse(node.returns) != "None"
    told = described(found["Parameters"]) if "Parameters" in found else []
    return [
        *(f"{name} is not described" for name in wanted if name not in told),
        *(f"{name} is described, and not there" for name in told if name not in wanted),
        *(["no Returns"] if returns and not {"Returns", "Yields"} & set(found) else []),
        *(f"{error} is raised, and not told" for error in sorted(errors) if error not in found.get("Raises", "")),
    ]


@pytest.mark.parametrize("node", NAMES)
def test_a_public_name_says_what_goes_in_what_comes_out_and_what_it_raises(node: ast.AST) -> None:
    assert faults(node) == []
    if isinstance(node, ast.ClassDef):
        of_methods = {}
        for method in methods(node):
            if method.name.startswith("_"):
                continue
            if decorators(method) & {"property", "cached_property"}:
                assert ast.get_docstring(method), f"{node.name}.{method.name} has no docstring"
            else:
                of_methods[method.name] = faults(method)
        assert {name: found for name, found in of_methods.items() if found} == {}


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("def f(a: int) -> None: 'Says.'", "a is not described"),
        ("def f() -> int: 'Says.'", "no Returns"),
        ("def f() -> None:\n 'Says.'\n raise InputError('no')", "InputError is raised, and not told"),
        (
            "def f() -> None:\n '''Says.\n\n Parameters\n ----------\n b : int\n     More.\n '''",
            "b is described, and not there",
        ),
        ("@dataclass\nclass C:\n 'Says.'\n a: int", "a is not described"),
        ("def f() -> None: ...", "no docstring"),
    ],
)
def test_what_a_docstring_lacks_is_found(code: str, fault: str) -> None:
    assert faults(ast.parse(code).body[0]) == [fault]
