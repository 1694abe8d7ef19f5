"""`salvocast scenarios`: what can be assumed about production, what it implies, and whether the record allows it."""

import shlex
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from features.errors import InputError
from features.files import write_or_print
from features.opening import open_ledger
from features.options import parse_day
from forecasting.commands.options import (
    TABLE,
    Format,
    FormatOption,
    OutOption,
    PlotOption,
    check_files,
    check_new_file,
    draw,
    filled_name,
    filled_template,
    progress,
    today,
)
from forecasting.commands.request_options import request_command, scenario_value, with_values
from forecasting.report.forms import FORMS
from forecasting.report.language import ENGLISH

if TYPE_CHECKING:
    from features.scenarios import ProductionScenario
    from forecasting.answers.request import ForecastRequest, SensitivityRequest

Request = TypeVar("Request", bound="ForecastRequest")
scenarios = typer.Typer(help="Assumptions about the production of drones.", no_args_is_help=True)

ScenarioArgument = Annotated[
    str, typer.Argument(metavar="NAME|FILE.toml", help="A bundled scenario, or a file of your own.")
]


MOVED = (
    "scenario",
    "held",
    "defence",
    "horizon",
    "origin",
    "model",
    "paths",
    "seed",
    "theatre",
    "layers",
    "without",
    "stock",
    "deliveries",
    "service_level",
    "calibrate",
)
"""The fields of a request that are options."""


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
    name: Annotated[Path, typer.Argument(metavar="NAME[.toml]", help="The file to write, or its name without .toml.")],
    base: Annotated[
        str | None, typer.Option("--from", metavar="NAME|FILE.toml", help="What it is a variant of: published.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FACILITY.QUANTITY=NUMBER@DAY",
            help="What differs, such as alabuga.capacity=2000..5000@2026-09-01; repeatable. Of a facility: capacity, "
            "decoys, parts, new_line, workers, beds, strike, sanctions; of the store: stock.opening, stock.minimum, "
            "stock.drawdown, stock.released; of neither: imports, store_strike, warhead. A number, low..high or "
            "low..mode..high; drones a month, or with /day or /year.",
        ),
    ] = None,
) -> None:
    """Write a scenario: a variant that differs in what --set says, asked for on a terminal where nothing is said; or,
    with --from alone, a file to edit with an example of everything that can be stated."""
    from features.files import write_file
    from features.scenario_settings import parse_setting, settings_text
    from features.scenarios import PUBLISHED, parse_scenario

    file = name if name.suffix else name.with_suffix(".toml")
    check_new_file(file)
    if base is None and not settings and sys.stdin.isatty():
        base, settings = _asked()
    base = base or PUBLISHED
    open_scenario(base)
    beside = str(Path(base).resolve()) if base.endswith(".toml") else base
    if settings:
        read = [parse_setting(each, today()) for each in settings]
        text = settings_text(filled_name(file), beside, read, today())
    else:
        text = filled_template("scenario_template.toml", file, base=beside)
    parse_scenario(text, str(file))
    write_file(file, text.encode())
    state = "" if settings else "state what differs, then: "
    print(f"wrote {file}: a variant of {base}; {state}salvocast scenarios check {shlex.quote(str(file))}")


def _asked() -> tuple[str, list[str]]:
    """What a scenario is a variant of, and its settings, as a person types them."""
    from features.scenario_settings import OF_FACILITY, main_facility, parse_setting
    from features.scenarios import PUBLISHED

    base = typer.prompt("A variant of which scenario?", default=PUBLISHED)
    stated = open_scenario(base)
    first = main_facility(stated)
    facility = typer.prompt("Of which plant do you assume something? (a new name is a new plant)", default=first)
    settings = []
    print("A number, or a range such as 2000..5000, @ the day from which it holds; nothing where it stays as it is.")
    plain = [each.id for each in stated.facilities if each.workforce is None]
    for what, quantity in OF_FACILITY.items():
        if what in ("workers", "beds") and facility in plain:
            continue  # who works there already is not stated: more are for new halls
        words = quantity.words.format(n="HOW MANY", per="a month", day="WHICH DAY")
        while answer := typer.prompt(f"{what}: {words}", default="", show_default=False).strip():
            try:
                parse_setting(f"{facility}.{what}={answer}", today())
            except InputError as error:
                print(error)
            else:
                settings.append(f"{facility}.{what}={answer}")
                break
    return base, settings


@scenarios.command("check", cls=request_command("ForecastRequest", "origin", "seed", "theatre"))
def check_command(context: typer.Context, scenario: ScenarioArgument) -> None:
    """Whether a scenario is well stated, and whether the record allows it (exit code 1 where it does not)."""
    from features.scenario_settings import likely_slips
    from features.scenarios import PUBLISHED, load_scenario
    from forecasting.answers.local import local_answering, local_context
    from forecasting.report.scenarios import check_text
    from forecasting.supply.verdict import scenario_verdict

    request = _with_scenario(context.obj, scenario)
    with open_ledger() as ledger:
        assimilated = local_answering(ledger).assimilated_supply(request, local_context(request))
    verdict = scenario_verdict(assimilated)
    print(check_text(assimilated, verdict))
    for line in likely_slips(open_scenario(scenario), load_scenario(PUBLISHED)):
        print(f"warning: {line}")
    if not verdict.compatible:
        raise typer.Exit(1)


@scenarios.command("verdicts", cls=request_command("ForecastRequest", "origin", "seed", "theatre"))
def verdicts_command(
    context: typer.Context,
    scenario: ScenarioArgument = "published",
    output: FormatOption = TABLE,
    out: OutOption = None,
) -> None:
    """What the record said of a scenario at the end of each month, by what was published until then."""
    from forecasting.answers.local import local_answering, local_context
    from forecasting.answers.verdicts import past_verdicts

    check_files(output, out, None)
    request = _with_scenario(context.obj, scenario)
    with open_ledger() as ledger:
        document = past_verdicts(local_answering(ledger), request, local_context(request), _with_progress)
    write_or_print(FORMS[output].write(document, ENGLISH), out)


@scenarios.command(
    "compare",
    cls=request_command(
        "ComparisonRequest",
        "baseline",
        "horizon",
        "origin",
        "model",
        "paths",
        "seed",
        "theatre",
        "defence",
        "layers",
        "without",
        "stock",
        "deliveries",
        "service_level",
        "calibrate",
        defence=None,
    ),
)
def compare_command(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME|FILE.toml...", help="Scenarios to set against the baseline.")
    ],
    output: FormatOption = TABLE,
    out: OutOption = None,
    plot: PlotOption = None,
) -> None:
    """Where scenarios differ, and what each makes, launches, lets through and asks for, all on the same random
    numbers, with the noise of each difference."""
    from forecasting.answers.local import local_answering, local_context
    from forecasting.answers.scenarios import compared_scenarios

    check_files(output, out, plot)
    request = with_values(context.obj, scenarios=[*map(scenario_value, names)])
    with open_ledger() as ledger, progress("paths", request.paths * len(compared_scenarios(request))) as on_paths:
        document = local_answering(ledger).comparison(request, local_context(request), on_paths)
    if plot:
        from forecasting.report.comparison_picture import scenarios_picture

        draw(scenarios_picture(document), plot, f"Salvocast scenarios as of {document.origin}")
    write_or_print(FORMS[output].write(document, ENGLISH), out)


@scenarios.command("sensitivity", cls=request_command("SensitivityRequest", *MOVED[1:], defence=None))
def sensitivity_of_command(
    context: typer.Context,
    scenario: ScenarioArgument = "published",
    output: FormatOption = TABLE,
    out: OutOption = None,
    plot: PlotOption = None,
) -> None:
    """The same as `salvocast sensitivity --scenario`."""
    _tell_sensitivity(_with_scenario(context.obj, scenario), output, out, plot)


def sensitivity_command(
    context: typer.Context, output: FormatOption = TABLE, out: OutOption = None, plot: PlotOption = None
) -> None:
    """Which assumption of production and of the defence moves the orders, in USD and in pieces of each layer, and the
    leakers most."""
    _tell_sensitivity(context.obj, output, out, plot)


def _tell_sensitivity(request: "SensitivityRequest", output: Format, out: Path | None, plot: Path | None) -> None:
    """Answers the request, into a file or onto the terminal."""
    from forecasting.answers.local import local_answering, local_context

    check_files(output, out, plot)
    with open_ledger() as ledger, progress("paths", request.paths) as on_paths:
        document = local_answering(ledger).sensitivity(request, local_context(request), on_paths)
    if plot:
        from forecasting.report.pictures import tornado_picture

        draw(tornado_picture(document), plot, f"Salvocast sensitivity as of {document.origin}")
    write_or_print(FORMS[output].write(document, ENGLISH), out)


def _with_progress(months: list[date]) -> Iterator[date]:
    """The months, one by one; on a terminal with how far it is."""
    with progress("months", len(months)) as done:
        for month in months:
            yield month
            done(1)


def _with_scenario(request: "Request", name_or_file: str) -> "Request":
    """The request under that scenario."""
    return with_values(request, scenario=scenario_value(name_or_file))


def open_scenario(name_or_file: str) -> "ProductionScenario":
    """A scenario by name or file. Raises InputError where it is not right, or dated in the future."""
    from features.scenarios import load_scenario

    stated = load_scenario(name_or_file)
    if stated.as_of > today():
        raise InputError(
            f"{name_or_file}: scenario.as_of is {stated.as_of}, in the future: expected {today()} or earlier"
        )
    return stated
