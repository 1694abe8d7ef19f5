"""The house's one direction: features <- forecasting <- experiments, a pure core, and MLflow in two places only."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("features", "forecasting", "experiments")
SERVED = "forecasting/registry/served_model.py"
REGISTRY = "forecasting/registry/"
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Of a file, but for what is neither imported nor called."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom | ast.Call))


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    """The modules that a file imports; with top_level_only, those that importing the file loads."""
    nodes = [node for node in nodes_of(path) if not top_level_only or node.col_offset == 0]  # type: ignore[attr-defined]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def roots(modules: set[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def offenders(files: Iterable[Path], forbidden: Callable[[Path], Iterable[str]]) -> dict[str, list[str]]:
    """File -> what it names and must not."""
    return {name(path): found for path in files if (found := sorted(forbidden(path)))}


def test_no_room_imports_a_higher_one() -> None:
    def higher(path: Path) -> set[str]:
        return roots(imports(path)) & (set(ROOMS[ROOMS.index(name(path).split("/")[0]) + 1 :]) | {"tests"})

    assert offenders(FILES, higher) == {}


def test_mlflow_is_imported_only_by_the_registry_and_the_tracker_and_only_when_used() -> None:
    def loads_mlflow(path: Path) -> set[str]:
        when_used = name(path).startswith(REGISTRY) or name(path) == "experiments/tracking.py"
        return roots(imports(path, top_level_only=when_used)) & {"mlflow"}

    others = [path for path in FILES if name(path) != SERVED]  # MLflow loads it, nobody else does
    assert offenders(others, loads_mlflow) == {}


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path for path in FILES}
    graph = {module: (imports(path) | _named_beside(path)) & set(files) - {module} for module, path in files.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def _named_beside(path: Path) -> set[str]:
    """`from a.b import c`: c may be a module of the folder a.b."""
    nodes = nodes_of(path)
    return {f"{node.module}.{each.name}" for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names}


CORE = [
    path
    for path in FILES
    if name(path).startswith("forecasting/")
    and name(path) not in {"forecasting/record/archive.py", "forecasting/answers/local.py", SERVED}
    and not name(path).startswith(REGISTRY)
    and not name(path).startswith("forecasting/commands/")
    and not name(path).startswith("forecasting/service/")
]


def test_the_core_reads_no_file_no_clock_and_no_network() -> None:
    modules = {"pathlib", "os", "time", "sqlite3", "sqlalchemy", "socket", "urllib", "requests", "http", "tempfile"}
    functions = {"open", "now", "today", "utcnow", "read_csv", "write_text", "write_bytes"}

    def impure(path: Path) -> set[str]:
        called = {
            node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            for node in nodes_of(path)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
        }
        return roots(imports(path)) & modules | called & functions

    assert offenders(CORE, impure) == {}


COMMANDS = [path for path in FILES if path.parent.name == "commands" or path.stem.split("_")[-1] == "cli"]
SHARED = {"forecasting/commands/options.py", "forecasting/commands/request_options.py"}
"""What commands have in common."""
ROOT_COMMAND = "forecasting/commands/main.py"
"""What puts them together."""


def module_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")


def test_nothing_imports_a_command() -> None:
    def commands(path: Path) -> set[str]:
        own = {module_of(each) for each in COMMANDS if not (path in COMMANDS and name(each) in SHARED)}
        return (imports(path) | _named_beside(path)) & own

    assert offenders([path for path in FILES if name(path) != ROOT_COMMAND], commands) == {}


SERVICE = ("workers", "http", "api page", "")
"""The rooms of the service, from below: a room knows those below it, and none beside it."""


def test_the_rooms_of_the_service_know_only_those_below() -> None:
    def floor(room: str) -> int:
        return next(number for number, rooms in enumerate(SERVICE) if room in (rooms.split() or [""]))

    def room_of(module: str) -> str:
        parts = module.split(".")
        return parts[2] if len(parts) > 3 or (len(parts) == 3 and (ROOT / Path(*parts)).is_dir()) else ""

    def beside_or_above(path: Path) -> set[str]:
        own = room_of(module_of(path))
        others = {room_of(each) for each in imports(path) if each.startswith("forecasting.service.")} - {own}
        return {room for room in others if floor(room) >= floor(own)}

    assert offenders([each for each in FILES if name(each).startswith("forecasting/service/")], beside_or_above) == {}


def test_the_rooms_of_forecasting_point_one_way_and_stay_few() -> None:
    """Whoever opens the folder sees the way of a request: no room knows one that knows it."""

    def room_of(module: str) -> str:
        parts = module.split(".")[1:]
        if not (ROOT / "forecasting" / Path(*parts)).is_dir():
            parts = parts[:-1] or parts  # a file on the top floor is a room of its own
        return ".".join(parts[: 2 if parts[0] == "service" else 1])

    arrows: dict[str, set[str]] = {}
    for path in FILES:
        if name(path).startswith("forecasting/") and name(path) != "forecasting/__init__.py":
            known = {each for each in imports(path) | _named_beside(path) if each.startswith("forecasting.")}
            modules = {each for each in known if (ROOT / Path(*each.split("."))).with_suffix(".py").exists()}
            own = room_of(module_of(path))
            arrows.setdefault(own, set()).update({room_of(each) for each in modules} - {own})
    TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle
    assert len(arrows) <= 16  # the aim is 14, with 50 arrows
    assert sum(map(len, arrows.values())) <= 62


@pytest.mark.parametrize("room", ["answers", "registry"])
def test_the_core_of_answers_knows_no_door(room: str) -> None:
    doors = ("forecasting.service", "forecasting.commands", "experiments")
    for path in (ROOT / "forecasting" / room).glob("*.py"):
        assert not [each for each in imports(path) if each.startswith(doors)]


SLOW = {"pandas", "statsmodels", "sklearn", "mlflow", "matplotlib", "scoringrules", "alembic", "openpyxl", "fpdf"}
"""Libraries that are loaded where they are used, and by none of these starts."""
ENGINE = {"scipy", "forecasting.answers.answering", "forecasting.plan"}
WEB = {"fastapi", "jinja2", "uvicorn", "prometheus_client"}
STORES = {"numpy", "pydantic", "sqlalchemy"}


def slow_modules_of(program: str, *arguments: str) -> set[str]:
    """Those of the modules above that a program has loaded in the end."""
    told = f"{program}\nimport sys; print(*({SLOW | ENGINE | WEB | STORES!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split()) if done.stderr.strip() else set()


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("forecasting.service.workers.pool", SLOW | ENGINE | WEB | STORES),  # with it the server begins to load
        ("forecasting.service.server", SLOW | ENGINE | WEB),
        ("forecasting.service.app", SLOW | ENGINE),
        ("forecasting.service.workers.preloaded", SLOW | WEB),
        ("features.cli", SLOW | ENGINE | WEB | STORES),
    ],
)
def test_what_starts_loads_none_of_what_it_does_not_need(module: str, never: set[str]) -> None:
    assert not slow_modules_of(f"import {module}") & never


def test_a_plan_that_was_made_before_is_told_without_what_makes_one(
    home: Path, filled_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("SALVOCAST_LEDGER_URL", f"sqlite:///{filled_ledger}")
    program = "import sys; from forecasting.commands.main import app, run; sys.exit(run(app, sys.argv[1:]))"
    plan = ("plan", "--horizon=5", "--paths=20", "--model=local_level", "--no-calibrate")
    loaded = [slow_modules_of(program.replace("sys.exit(", "print("), *plan) for _ in range(2)]
    assert loaded[0] >= {"scipy", "statsmodels", "forecasting.plan"}
    assert not loaded[1] & (SLOW | ENGINE | WEB)


def test_help_loads_none_of_the_slow_libraries() -> None:
    program = "from forecasting.commands.main import main\ntry: main()\nexcept SystemExit as end: assert not end.code"
    assert not slow_modules_of(program, "--help")
