"""The `salvocast` command: its own commands, and those that other rooms hang into it by entry point."""

import errno
import gc
import os
import sys
from importlib.metadata import distribution
from typing import Annotated

import typer
from typer.exceptions import TyperException

from features.cli import data
from features.complaints import complain
from features.errors import SalvocastError
from features.ingest_cli import ingest
from forecasting.commands.brief import brief_command
from forecasting.commands.defence import defences
from forecasting.commands.demo import demo_command
from forecasting.commands.plan import answer_command
from forecasting.commands.request_options import request_command
from forecasting.commands.scenarios import MOVED, scenarios, sensitivity_command
from forecasting.commands.stock import stocks

FIRST_STEPS = """Salvocast forecasts drone salvos, and the interceptors to order against them.
What one does:

  salvocast plan --issue               plan from what is reported, and keep it
  salvocast ingest bulletin FILE       read the Air Force's report of the night
  salvocast plan --issue --since last  plan again, and see what has changed
  salvocast brief --out brief.pdf      one page for whoever signs
  salvocast serve                      all of it as a page in the browser

All commands: salvocast --help"""

COLLECT_AFTER = 50_000
"""Objects, after which Python looks for those out of reach: loading a command makes many that stay, and going over them
after each 700 takes a sixth of its time."""

app = typer.Typer(
    help="Forecasts of Shahed-type drone salvos, and of the interceptors a defence needs against them.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def first_steps(context: typer.Context) -> None:
    """Without a command: what one does with it."""
    if context.invoked_subcommand is None:
        print(FIRST_STEPS)


app.add_typer(ingest, name="ingest")
app.add_typer(data, name="data")
app.add_typer(scenarios, name="scenarios")
app.add_typer(defences, name="defence")
app.add_typer(stocks, name="stock")

app.command("forecast", cls=request_command("ForecastRequest"), help="Forecast the drones launched per attack day.")(
    answer_command
)
app.command(
    "plan",
    cls=request_command("PlanRequest", defence=None),
    help="Forecast the drones, the interceptors each layer needs against them, and what to order.",
)(answer_command)
app.command("brief", cls=request_command("PlanRequest", defence=None), help="Write a plan as one page A4, a PDF.")(
    brief_command
)
app.command("demo")(demo_command)

app.command("sensitivity", cls=request_command("SensitivityRequest", *MOVED, defence=None))(sensitivity_command)


@app.command("schema")
def schema_command(
    document: Annotated[
        str, typer.Argument(metavar="forecast|plan|comparison|sensitivity|verdicts", help="Which document's schema.")
    ] = "plan",
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
    gc.set_threshold(COLLECT_AFTER)
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
        return _tell_failure(str(error), error.exit_code)
    except TyperException as error:  # the command line itself
        return _tell_failure(f"{error.format_message()} (see salvocast --help)", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _tell_failure("stopped; nothing was left half done", 130)
    except BrokenPipeError:  # the reader of the pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("SALVOCAST_DEBUG"):
            raise
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            where = error.filename or "the home or of the temporary files"
            return _tell_failure(f"the disk of {where} is full: make room and run it again", 1)
        return _tell_failure(f"unexpected {type(error).__name__}: {error} (SALVOCAST_DEBUG=1 shows where)", 1)
    return result if isinstance(result, int) else 0


def _tell_failure(message: str, exit_code: int) -> int:
    complain(message)
    return exit_code


if __name__ == "__main__":
    main()
