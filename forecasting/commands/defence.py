"""`salvocast defence`: what the plan assumes about the defence, and a file of one's own to start from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.records import UKRAINE
from forecasting.commands.options import check_new_file, filled_template, today
from forecasting.commands.request_options import defence_value

if TYPE_CHECKING:
    from forecasting.defence.layers import Defence

defences = typer.Typer(help="Layers, stocks and supply of the defence.", no_args_is_help=True)

OwnFileArgument = Annotated[Path, typer.Argument(metavar="FILE.toml", help="A defence of your own.")]


@defences.command("new")
def new_command(file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The file to write.")]) -> None:
    """Write a file to start from, with an example of everything that can be stated."""
    from features.files import write_file
    from forecasting.defence.layers import parse_defence

    check_new_file(file)
    text = filled_template("defence_template.toml", file)
    parse_defence(text, str(file))
    write_file(file, text.encode())
    print(f"wrote {file}: put in your own numbers, then: salvocast defence check {file}")


@defences.command("check")
def check_command(file: OwnFileArgument) -> None:
    """Whether a defence is well stated (exit code 2 where not), and what in it a plan should not rest on unseen."""
    from forecasting.report.defence import check_text

    print(check_text(_defence(str(file)), today()))


@defences.command("show")
def show_command(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.toml]", help="Without it, the bundled defence of Ukraine.")
    ] = None,
) -> None:
    """What a defence says: its layers in order, every number with range, basis, date, confidence and sources."""
    from forecasting.report.defence import defence_text

    print(defence_text(_defence(UKRAINE if file is None else str(file))))


def _defence(name_or_file: str) -> "Defence":
    from forecasting.answers.answering import stated_defence
    from forecasting.answers.request import PlanRequest

    return stated_defence(PlanRequest.model_validate({"defence": defence_value(name_or_file)}).defence)
