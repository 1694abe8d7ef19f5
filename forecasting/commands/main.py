"""The `salvocast` command: its own commands, and those that other rooms hang into it by entry point."""

import math
import os
import sys
from datetime import date
from enum import StrEnum
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from features.cli import (
    QuietDaysOption,
    TheatreOption,
    WeaponClassOption,
    data,
    parse_day,
)
from features.errors import InputError, SalvocastError
from features.ingest_cli import ingest
from features.records import SHAHED, UKRAINE, weapons
from forecasting.commands.defence import defences
from forecasting.commands.issue import IssueOption, issue, issued_request
from forecasting.commands.options import (
    DEFAULT_MODEL,
    DefenceOption,
    HorizonOption,
    LanguageOption,
    ModelOption,
    OriginOption,
    PathsOption,
    PlotOption,
    SeedOption,
    check_folder,
    check_plot,
    checked_seed,
    draw,
    open_defence,
    open_history,
)
from forecasting.commands.scenarios import scenarios
from forecasting.report.language import ENGLISH, translator

if TYPE_CHECKING:
    from forecasting.defence.layers import Defence
    from forecasting.defence.stock import Delivery
    from forecasting.losses.reported_losses import StatedKills
    from forecasting.plan import Target
    from forecasting.report.document import ForecastDocument, PlanDocument
    from forecasting.supply.scenario_forecast import ScenarioRequest

app = typer.Typer(
    help="Forecasts of Shahed-type drone salvos, and of the interceptors a defence needs against them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(ingest, name="ingest")
app.add_typer(data, name="data")
app.add_typer(scenarios, name="scenarios")
app.add_typer(defences, name="defence")

NO_SCENARIO = "none"


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


FormatOption = Annotated[Format, typer.Option("--format", help="How to write the result.")]
OutOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write; without it, to stdout.")]
ScenarioOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE.toml|none",
        help="Assumptions about production (see `salvocast scenarios list`); none is the salvo model alone.",
    ),
]


@app.command("forecast")
def forecast_command(
    horizon: HorizonOption = 28,
    origin: OriginOption = None,
    model: ModelOption = DEFAULT_MODEL,
    scenario: ScenarioOption = NO_SCENARIO,
    paths: PathsOption = 2_000,
    seed: SeedOption = 1,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    quiet_days: QuietDaysOption = None,
    output: FormatOption = Format.TABLE,
    out: OutOption = None,
    plot: PlotOption = None,
    language: LanguageOption = ENGLISH,
    issued: IssueOption = False,
) -> None:
    """Forecast the drones launched per attack day."""
    from forecasting.salvos.model import SimulationRequest, forecast, load_model

    request = SimulationRequest(horizon, paths)
    chosen = load_model(model)
    t = translator(language, plain=True)  # refuses an unknown one before the work
    _check_files(output, out, plot)
    stated = _scenario_request(scenario, theatre, weapon_class)
    history = open_history(theatre, weapon_class, quiet_days, parse_day(origin, "--origin"), borrow=stated is not None)
    asked = (
        issued_request(
            "forecast",
            scenario=scenario,
            theatre=theatre,
            weapon_class=weapon_class,
            origin=parse_day(origin, "--origin"),
            horizon=horizon,
            model=model,
            quiet_days=quiet_days,
            paths=paths,
            seed=seed,
        )
        if issued
        else None
    )
    salvos = forecast(chosen, history, request, checked_seed(seed))
    supplied = None
    if stated:
        from forecasting.supply.scenario_forecast import under_scenario

        supplied = under_scenario(salvos, history, stated)
        salvos = supplied.forecast

    from forecasting.report.document import forecast_document

    document = forecast_document(salvos, supplied)
    if plot:
        from forecasting.report.pictures import forecast_picture

        title = t("Salvocast forecast as of {day}", day=document.origin)
        draw(forecast_picture(document, history, language=language), plot, title, language)
    if asked:
        issue(document, asked)
    _write(document, output, out, language)


@app.command("plan")
def plan_command(
    horizon: HorizonOption = 28,
    origin: OriginOption = None,
    model: ModelOption = DEFAULT_MODEL,
    scenario: ScenarioOption = NO_SCENARIO,
    paths: PathsOption = 2_000,
    seed: SeedOption = 1,
    theatre: TheatreOption = "ukraine",
    weapon_class: WeaponClassOption = "shahed",
    quiet_days: QuietDaysOption = None,
    defence: DefenceOption = None,
    layer: Annotated[
        list[str] | None, typer.Option(metavar="LAYER", help="Only this layer of the defence; repeatable.")
    ] = None,
    stock: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Your stocks at the origin: columns layer and quantity.")
    ] = None,
    deliveries: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Dated deliveries, beside the supply: columns layer, date and quantity."),
    ] = None,
    service_level: Annotated[
        float, typer.Option(help="Probability that an ordered stock lasts until the next order, between 0 and 1.")
    ] = 0.95,
    leak_target: Annotated[
        float | None,
        typer.Option(metavar="DRONES", help="Armed drones that may leak over the horizon: adds the least-cost mix."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="USD", help="Of the least-cost mix; needs --leak-target.")
    ] = None,
    calibrate: Annotated[
        bool, typer.Option(help="Update the defence with the reported losses; not for a part of the theatre's defence.")
    ] = True,
    output: FormatOption = Format.TABLE,
    out: OutOption = None,
    plot: PlotOption = None,
    language: LanguageOption = ENGLISH,
    issued: IssueOption = False,
) -> None:
    """Forecast the drones, the interceptors each layer needs against them, and what to order."""
    from tqdm import tqdm

    from forecasting.plan import make_plan, prepare, prepare_calibration
    from forecasting.salvos.model import SimulationRequest, load_model

    request = SimulationRequest(horizon, paths)
    chosen = load_model(model)
    target = _target(leak_target, budget)
    stated = open_defence(defence, theatre, weapon_class)
    if layer:
        stated.only(tuple(layer))  # refuses an unknown one before the work
    t = translator(language, plain=True)  # refuses an unknown one before the work
    _check_files(output, out, plot)
    assumed = _scenario_request(scenario, theatre, weapon_class)
    history = open_history(theatre, weapon_class, quiet_days, parse_day(origin, "--origin"), borrow=assumed is not None)
    stated, counts, delivered = _in_hand(stated, stock, deliveries, history.last_day)
    asked = (
        issued_request(
            "plan",
            scenario=scenario,
            defence=defence,
            theatre=theatre,
            weapon_class=weapon_class,
            origin=parse_day(origin, "--origin"),
            horizon=horizon,
            model=model,
            quiet_days=quiet_days,
            paths=paths,
            seed=seed,
            layers=tuple(layer or ()),
            stock=counts,
            deliveries=[{"layer": due.layer_id, "date": due.day, "quantity": due.quantity} for due in delivered],
            service_level=service_level,
            leak_target=leak_target,
            budget=budget,
            calibrate=calibrate,
        )
        if issued
        else None
    )
    prepared = prepare(chosen, history)
    calibrated = None
    if calibrate and history.theatre == theatre:
        calibrated = prepare_calibration(stated, history, _kill_shares(theatre, weapon_class))
    # Only a plan that takes a while shows the bar.
    with tqdm(total=paths, desc="paths", disable=None, delay=1.5, leave=False) as bar:
        made = make_plan(
            prepared,
            stated,
            request,
            service_level=service_level,
            seed=checked_seed(seed),
            calibrated=calibrated,
            scenario=assumed,
            layers=tuple(layer or ()),
            deliveries=delivered,
            target=target,
            on_paths=bar.update,
        )

    from forecasting.report.document import plan_document

    document = plan_document(made)
    if plot:
        from forecasting.report.pictures import plan_picture

        title = t("Salvocast plan as of {day}", day=document.forecast.origin)
        draw(plan_picture(document, history, language=language), plot, title, language)
    if asked:
        issue(document, asked)
    _write(document, output, out, language)


@app.command("schema")
def schema_command(
    document: Annotated[str, typer.Argument(metavar="forecast|plan", help="Which document's schema.")] = "plan",
) -> None:
    """Print the JSON Schema that --format json follows."""
    from features.errors import unknown_name
    from forecasting.report.schema import SCHEMAS, published_schema

    if document not in SCHEMAS:
        raise unknown_name("document", document, SCHEMAS)
    print(published_schema(document), end="")


def main() -> None:
    """The entry point: runs the command, and tells every failure in one line on stderr (exit code 2 or 1)."""
    for library in ("OMP", "OPENBLAS", "MKL"):  # before NumPy loads: more threads give sums of other last digits
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    for entry_point in distribution("salvocast").entry_points.select(group="salvocast.commands"):
        command = entry_point.load()
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=entry_point.name)
        else:
            app.command(entry_point.name)(command)
    sys.exit(run(app))


def run(command: typer.Typer, arguments: list[str] | None = None) -> int:
    """Runs a command line; returns its exit code."""
    try:
        result = command(arguments, prog_name="salvocast", standalone_mode=False)
    except SalvocastError as error:
        return _tell(str(error), error.exit_code)
    except TyperException as error:  # the command line itself
        return _tell(f"{error.format_message()} (see salvocast --help)", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _tell("stopped; nothing was left half done", 130)
    except BrokenPipeError:  # the reader of the pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("SALVOCAST_DEBUG"):
            raise
        return _tell(f"unexpected {type(error).__name__}: {error} (SALVOCAST_DEBUG=1 shows where)", 1)
    return result if isinstance(result, int) else 0


def _tell(message: str, exit_code: int) -> int:
    print("salvocast: " + " ".join(message.split()), file=sys.stderr)
    return exit_code


def _scenario_request(name: str, theatre: str, weapon_class: str) -> "ScenarioRequest | None":
    if name == NO_SCENARIO:
        return None
    if weapon_class != SHAHED:
        raise InputError(
            f"--scenario {name}: scenarios are of {weapons(SHAHED)}, not of {weapons(weapon_class)}: use --scenario "
            f"{NO_SCENARIO}"
        )
    from features.scenarios import PUBLISHED, load_scenario
    from forecasting.commands.scenarios import open_scenario
    from forecasting.supply.scenario_forecast import ScenarioRequest

    return ScenarioRequest(load_scenario(PUBLISHED), open_scenario(name), theatre)


def _target(leak_target: float | None, budget: float | None) -> "Target | None":
    from forecasting.plan import Target

    if leak_target is not None:
        return Target(leak_target, math.inf if budget is None else budget)
    if budget is not None:
        raise InputError(
            f"--budget {budget:.10g}: it limits the mix that --leak-target asks for: add --leak-target DRONES"
        )
    return None


def _in_hand(
    defence: "Defence", stock: Path | None, deliveries: Path | None, origin: date
) -> "tuple[Defence, dict[str, int], tuple[Delivery, ...]]":
    """The defence with the planner's own stocks, these stocks by layer, and the deliveries that are due."""
    from features.stated import read_stated
    from forecasting.defence.stock import parse_deliveries, parse_stock, with_stock

    due = parse_deliveries(read_stated(deliveries, "CSV"), str(deliveries), defence, origin) if deliveries else ()
    if stock is None:
        return defence, {}, due
    counts = parse_stock(read_stated(stock, "CSV"), str(stock), defence)
    return with_stock(defence, counts, origin, stock.name), counts, due


def _kill_shares(theatre: str, weapon_class: str) -> "tuple[StatedKills, ...]":
    """Published shares of kills by layer: the bundled ones, of Ukraine alone."""
    from importlib import resources

    from forecasting.losses.reported_losses import parse_kill_shares

    if (theatre, weapon_class) != (UKRAINE, SHAHED):
        return ()
    bundled = resources.files("features.bundled").joinpath("kill_shares.csv")
    return parse_kill_shares(bundled.read_text(encoding="utf-8"), bundled.name)


def _check_files(output: Format, out: Path | None, plot: Path | None) -> None:
    """Refuses, before the work is done, what could not be written after it."""
    if output is Format.XLSX and out is None:
        raise InputError("--format xlsx needs a file: add --out FILE.xlsx")
    check_plot(plot)
    check_folder(out)


def _write(document: "ForecastDocument | PlanDocument", output: Format, out: Path | None, language: str) -> None:
    from features.files import write_or_print

    if output is Format.JSON:
        from forecasting.report.document import document_json

        content = document_json(document)
    elif output is Format.TABLE:
        from forecasting.report.text import document_text

        content = document_text(document, language).encode() + b"\n"
    else:
        from forecasting.report.frames import long_frame, workbook

        if output is Format.CSV:
            content = long_frame(document).to_csv(index=False, lineterminator="\n").encode()
        else:
            content = workbook(document, language)
    write_or_print(content, out)


if __name__ == "__main__":
    main()
