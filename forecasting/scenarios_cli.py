"""`salvocast scenarios`: what can be assumed about production, what it implies, and whether the record allows it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.cli import parse_day
from features.errors import InputError

if TYPE_CHECKING:
    from features.scenarios import ProductionScenario

scenarios = typer.Typer(help="Assumptions about the production of drones.", no_args_is_help=True)

ScenarioArgument = Annotated[
    str, typer.Argument(metavar="NAME|FILE.toml", help="A bundled scenario, or a file of your own.")
]


@scenarios.command("list")
def list_command() -> None:
    """The bundled scenarios."""
    from features.scenarios import bundled_scenarios, load_scenario
    from forecasting.report.scenarios import scenario_list

    print(scenario_list(load_scenario(name) for name in bundled_scenarios()))


@scenarios.command("show")
def show_command(
    scenario: ScenarioArgument,
    origin: Annotated[str | None, typer.Option(metavar="DATE", help="Only what was published by that day.")] = None,
) -> None:
    """What a scenario says: its paragraph, every number with unit, date, confidence and source."""
    from forecasting.report.scenarios import scenario_text

    day = parse_day(origin, "--origin")
    stated = open_scenario(scenario)
    # As known on its own day too: statements that later ones have replaced would only confuse.
    print(scenario_text(stated.as_known(day or stated.as_of)))


@scenarios.command("new")
def new_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The file to write; its name is the scenario's.")],
    base: Annotated[
        str, typer.Option("--from", metavar="NAME|FILE.toml", help="What it is a variant of.")
    ] = "published",
) -> None:
    """Write a file to start from: a variant of a scenario, with an example of everything that can be stated."""
    from importlib import resources

    from features.files import write_file
    from features.scenarios import parse_scenario

    open_scenario(base)
    if file.suffix != ".toml":
        raise InputError(f"{file}: expected a file name that ends in .toml")
    if file.exists():
        raise InputError(f"{file} exists: choose another name, or remove it first")
    template = resources.files("features.bundled").joinpath("scenario_template.toml").read_text(encoding="utf-8")
    beside = str(Path(base).resolve()) if base.endswith(".toml") else base
    name = "".join(letter if letter.isalnum() else "_" for letter in file.stem.lower())
    text = template.format(name=name, base=beside, as_of=today(), file=file)
    parse_scenario(text, str(file))
    write_file(file, text.encode())
    print(f"wrote {file}: a variant of {base}; state what differs, then: salvocast scenarios check {file}")


def open_scenario(name_or_file: str) -> "ProductionScenario":
    """A scenario by name or file. Raises InputError where it is not right, or dated in the future."""
    from features.scenarios import load_scenario

    stated = load_scenario(name_or_file)
    if stated.as_of > today():
        raise InputError(
            f"{name_or_file}: scenario.as_of is {stated.as_of}, in the future: expected {today()} or earlier"
        )
    return stated


def today() -> date:
    """The date by which nothing can have been published later."""
    return datetime.now(UTC).date()
