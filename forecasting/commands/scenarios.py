"""`salvocast scenarios`: what can be assumed about production, what it implies, and whether the record allows it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.cli import TheatreOption, parse_day
from features.errors import InputError
from features.records import SHAHED, UKRAINE
from forecasting.commands.options import (
    DEFAULT_MODEL,
    DefenceOption,
    HorizonOption,
    ModelOption,
    OriginOption,
    PathsOption,
    PlotOption,
    SeedOption,
    check_new_file,
    check_plot,
    checked_seed,
    draw,
    filled_template,
    open_defence,
    open_history,
    today,
)

if TYPE_CHECKING:
    from features.scenarios import ProductionScenario
    from forecasting.supply.scenario_forecast import ScenarioForecaster

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
    from features.files import write_file
    from features.scenarios import parse_scenario

    open_scenario(base)
    check_new_file(file)
    beside = str(Path(base).resolve()) if base.endswith(".toml") else base
    text = filled_template("scenario_template.toml", file, base=beside)
    parse_scenario(text, str(file))
    write_file(file, text.encode())
    print(f"wrote {file}: a variant of {base}; state what differs, then: salvocast scenarios check {file}")


@scenarios.command("check")
def check_command(
    scenario: ScenarioArgument,
    origin: OriginOption = None,
    seed: SeedOption = 1,
    theatre: TheatreOption = UKRAINE,
) -> None:
    """Whether a scenario is well stated, and whether the record allows it (exit code 1 where it does not)."""
    from forecasting.report.scenarios import check_text
    from forecasting.supply.assimilation import assimilate
    from forecasting.supply.scenario_forecast import N_DRAWS
    from forecasting.supply.verdict import judged

    stated = open_scenario(scenario)
    history = open_history(theatre, SHAHED, None, parse_day(origin, "--origin"), borrow=theatre in stated.theatre_ids)
    if history.theatre != theatre:
        raise InputError(
            f"no launch against theatre {theatre} is on record: nothing to check scenario {stated.name} by; what it "
            f"implies: salvocast scenarios compare {scenario} --theatre {theatre}"
        )
    assimilated = assimilate(stated, history, 1, N_DRAWS, checked_seed(seed))
    verdict = judged(assimilated)
    print(check_text(assimilated, verdict))
    if not verdict.compatible:
        raise typer.Exit(1)


@scenarios.command("compare")
def compare_command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME|FILE.toml...", help="Scenarios to set side by side; the first is the base."),
    ],
    horizon: HorizonOption = 365,
    origin: OriginOption = None,
    model: ModelOption = DEFAULT_MODEL,
    paths: PathsOption = 2_000,
    seed: SeedOption = 1,
    theatre: TheatreOption = UKRAINE,
) -> None:
    """What scenarios imply, side by side, all on the same random numbers."""
    from forecasting.report.scenarios import comparison_text

    stated = [open_scenario(name) for name in names]
    forecaster = _forecaster(horizon, origin, model, paths, seed, theatre)
    print(comparison_text([forecaster.under(each, theatre) for each in stated]))


@scenarios.command("sensitivity")
def sensitivity_command(
    scenario: ScenarioArgument = "published",
    horizon: HorizonOption = 91,
    origin: OriginOption = None,
    model: ModelOption = DEFAULT_MODEL,
    paths: PathsOption = 500,
    seed: SeedOption = 1,
    theatre: TheatreOption = UKRAINE,
    defence: DefenceOption = None,
    plot: PlotOption = None,
) -> None:
    """Which assumption moves the demand for interceptors most: each held low and high, all else the same draws."""
    from tqdm import tqdm

    from forecasting.report.scenarios import sensitivity_text
    from forecasting.supply.sensitivity import sensitivity, uncertain

    stated = open_scenario(scenario)
    layers = open_defence(defence, theatre, SHAHED)
    check_plot(plot)
    forecaster = _forecaster(horizon, origin, model, paths, seed, theatre)
    with tqdm(total=len(uncertain(stated, theatre, forecaster.salvos)), desc="assumptions", disable=None) as bar:
        found = sensitivity(forecaster, stated, theatre, layers, bar.update)
    if plot:
        from forecasting.report.pictures import tornado_picture

        draw(tornado_picture(found), plot, f"Salvocast sensitivity of {found.scenario}")
    print(sensitivity_text(found))


def _forecaster(
    horizon: int, origin: str | None, model: str, paths: int, seed: int, theatre: str
) -> "ScenarioForecaster":
    from features.scenarios import load_scenario
    from forecasting.salvos.model import SimulationRequest, forecast, load_model
    from forecasting.supply.scenario_forecast import ScenarioForecaster

    request, chosen = SimulationRequest(horizon, paths), load_model(model)
    history = open_history(theatre, SHAHED, None, parse_day(origin, "--origin"), borrow=True)
    return ScenarioForecaster.of(
        forecast(chosen, history, request, checked_seed(seed)), history, load_scenario("published")
    )


def open_scenario(name_or_file: str) -> "ProductionScenario":
    """A scenario by name or file. Raises InputError where it is not right, or dated in the future."""
    from features.scenarios import load_scenario

    stated = load_scenario(name_or_file)
    if stated.as_of > today():
        raise InputError(
            f"{name_or_file}: scenario.as_of is {stated.as_of}, in the future: expected {today()} or earlier"
        )
    return stated
