"""The Markdown in the tree says what is there: links, commands, files, names, decisions, the examples of equations."""

import doctest
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from forecasting.commands.main import app

ROOT = Path(__file__).parents[1]
ROOMS = ("features", "forecasting", "experiments", "tests")
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(file for room in ROOMS for file in (ROOT / room).rglob("*.md")))
    if path.name != "CHANGELOG.md"  # speaks of what is gone, too
)
CONTRIBUTING, METHOD = ROOT / "CONTRIBUTING.md", ROOT / "forecasting" / "METHOD.md"
DECISIONS = sorted((path for room in ROOMS for path in (ROOT / room).glob("decisions/*")), key=lambda path: path.name)
PARTS = ["Context", "Decision", "What lost", "Consequences"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name)


def code_of(document: Path) -> Iterator[str]:
    """The lines of code blocks, without comments, and the code spans of the prose."""
    fence = ""
    for line in document.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fence = "" if fence else line.strip().removeprefix("```") or "text"
        elif fence not in {"", "math", "pycon", "sql"}:
            yield line.split("  #")[0].strip()
        elif not fence:
            yield from re.findall(r"`([^`]+)`", line)


def prose_of(document: Path) -> str:
    """The text outside of code blocks."""
    return re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def headings(document: Path) -> list[str]:
    """The headings, as they stand after their #."""
    return re.findall(r"^#+ (.+)$", prose_of(document), flags=re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_of(document)):
        if link.startswith(("https://", "http://")):
            continue
        file, _, part = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), f"{name(document)}: {link}: no such file"
        if part:
            assert part in map(anchor, headings(target)), f"{name(document)}: {link}: no such heading"


TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


@every_document
def test_make_targets_exist(document: Path) -> None:
    told = {target for code in code_of(document) for target in re.findall(r"^(?:.*&& )?make ([a-z-]+)", code)}
    assert told <= TARGETS


@cache
def commands() -> dict[str, Any]:
    """Name -> command or group of commands, those of all rooms."""
    found: dict[str, Any] = dict(get_command(app).commands)  # type: ignore[attr-defined]
    entry_points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    for command_name, place in entry_points["salvocast.commands"].items():
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, typer.Typer):
            single = typer.Typer()
            single.command(command_name)(command)
            command = single
        found[command_name] = get_command(command)
    return found


@every_document
def test_commands_and_their_options_exist(document: Path) -> None:
    for code in code_of(document):
        for line in re.findall(r"(?<!-u )(?<![\w.-])salvocast ([a-z].*)", code):
            words = re.split(r"[\s,;]+", re.split(r"[|<>`]| && ", line)[0].strip())
            where, command = f"{name(document)}: salvocast {line}", commands().get(words[0])
            assert command is not None, f"{where}: no such command"
            if re.fullmatch(r"[a-z-]+", "".join(words[1:2])) and getattr(command, "commands", None):
                command = command.commands.get(words[1])
                assert command is not None, f"{where}: no such command"
            params = command.get_params(command.context_class(command))
            options = {option for each in params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= options, where


@every_document
def test_files_and_names_in_code_exist(document: Path) -> None:
    for code in code_of(document):
        for place in re.findall(rf"(?<![\w/.-])(?:{'|'.join(ROOMS)}|\.readme|\.ci)/[\w./-]*[\w/]", code):
            if not re.search(r"[A-Z]{3}|/[nN]ame|NNN", place) or (ROOT / place).exists():
                assert (ROOT / place).exists(), f"{name(document)}: {place}: no such file"
        if re.fullmatch(rf"(?:{'|'.join(ROOMS[:3])})(?:\.\w+)+(?:\(.*\))?", code):
            assert resolved(code.split("(")[0]), f"{name(document)}: {code}: no such name"


def resolved(dotted: str) -> bool:
    """Whether the name is a module, or in one; `salvocast.commands` of pyproject.toml is no name of ours."""
    module, _, rest = dotted.partition(".")
    found: Any = import_module(module)
    for part in rest.split("."):
        if not hasattr(found, part) and find_spec(f"{module}.{part}") is None:
            return False
        module = f"{module}.{part}"
        found = getattr(found, part) if hasattr(found, part) else import_module(module)
    return True


def test_decisions_are_numbered_through_and_have_their_parts() -> None:
    assert [path.suffix for path in DECISIONS] == [".md"] * len(DECISIONS)
    assert [path.name[:4] for path in DECISIONS] == [f"{number:03}-" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        title, *parts = headings(path)
        assert title.startswith(f"{int(path.name[:3])}. "), name(path)
        assert anchor(title.partition(" ")[2]) == path.stem[4:], f"{name(path)}: its title is '{title}'"
        assert parts == PARTS, name(path)
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^Decided \d{4}-\d\d-\d\d", text, flags=re.MULTILINE), f"{name(path)}: when?"
        assert len(text.splitlines()) <= 40, f"{name(path)}: too long to be read"


def test_the_index_lists_every_decision_by_its_title() -> None:
    listed = re.findall(r"\[(\d+\. [^\]]+)\]\(([^)]+/decisions/[^)]+)\)", CONTRIBUTING.read_text(encoding="utf-8"))
    assert listed == [(headings(path)[0], name(path)) for path in DECISIONS]


def test_every_model_is_in_the_method_note() -> None:
    text = METHOD.read_text(encoding="utf-8")
    models = [*(ROOT / "forecasting" / "salvos" / "models").glob("[!_]*.py")]
    assert len(models) >= 9
    for path in models:
        assert f"`{name(path)}`" in text


def test_the_examples_of_the_method_note_are_what_the_code_gives() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```", METHOD.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 10
    told: list[str] = []
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, name(METHOD), name(METHOD), 0)
    results = doctest.DocTestRunner().run(test, out=told.append)
    assert results.failed == 0, "".join(told)
    assert results.attempted >= 30


def test_the_constants_of_the_method_note_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([\w.]+)\.([A-Z_]+)` \| ([\d.]+) \|$", prose_of(METHOD), flags=re.MULTILINE)
    assert len(rows) >= 20
    for module, constant, value in rows:
        assert getattr(import_module(module), constant) == pytest.approx(float(value), abs=5e-5), (module, constant)


def test_mathematics_in_the_prose_survives_markdown() -> None:
    """Of a backslash before punctuation, Markdown leaves but the punctuation; blocks of mathematics it leaves alone."""
    prose = prose_of(METHOD)
    spans = re.findall(r"\$[^$\n]+\$", prose)
    assert len(spans) > 50
    assert prose.count("$") == 2 * len(spans)
    assert not [span for span in spans if re.search(r"\\[^a-zA-Z]", span)]
