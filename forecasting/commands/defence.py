"""`salvocast defence`: what the plan assumes about the defence, and a file of one's own to start from."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError
from features.opening import open_ledger
from features.options import name_and_value
from features.records import UKRAINE
from forecasting.commands.options import check_new_file, filled_name, filled_template, today
from forecasting.commands.request_options import defence_value, request_command

if TYPE_CHECKING:
    from forecasting.defence.layers import Defence

defences = typer.Typer(help="Layers, stocks and supply of the defence.", no_args_is_help=True)

_MORE = "LAYER.QUANTITY=NUMBER, such as interceptor_drone.stock=+500"
OwnFileArgument = Annotated[Path, typer.Argument(metavar="FILE.toml", help="A defence of your own.")]


@defences.command("new")
def new_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The file to write; its name is the defence's.")],
    base: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME", help="A bundled defence to edit; without it, an example of everything."),
    ] = None,
) -> None:
    """Write a file to start from: a bundled defence, or an example of everything that can be stated."""
    from features.files import write_file
    from forecasting.defence.layers import parse_defence

    check_new_file(file)
    text = filled_template("defence_template.toml", file) if base is None else _bundled_text(base, file)
    parse_defence(text, str(file))
    write_file(file, text.encode())
    print(f"wrote {file}: put in your own numbers, then: salvocast defence check {shlex.quote(str(file))}")


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


@defences.command(
    "compare",
    cls=request_command(
        "PlanRequest", "theatre", "origin", "horizon", "model", "scenario", "paths", "seed", "calibrate", theatre=None
    ),
)
def compare_command(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A", help="A bundled defence, or FILE.toml.")],
    second: Annotated[
        str | None, typer.Argument(metavar="[B]", help="The other; without it, A with what --add says.")
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--add",
            metavar="LAYER.QUANTITY=NUMBER",
            help="What B has more, such as interceptor_drone.stock=+500; repeatable.",
        ),
    ] = None,
) -> None:
    """What B lets through, uses and costs more or less than A, against the same salvos, with the noise of it.

    A is held against the record; B has the same levels of the ranges of the layers that both have.
    """
    from forecasting.answers.local import local_answering, local_context
    from forecasting.defence.comparison import with_more
    from forecasting.report.defence import differences_text

    if second is None and not more:
        raise InputError(f"one defence and nothing to add: expected a second one, or --add {_MORE}")
    other = _defence(second or first)
    for change in more or ():
        key, value = name_and_value(change, f"--add {_MORE}")
        layer, _, quantity = key.partition(".")
        other = with_more(other, layer, quantity, _number(change, value))
    theatre = {} if "theatre" in context.obj.model_fields_set else {"theatre": _defence(first).theatre}
    stated = context.obj.model_dump(exclude_unset=True) | theatre | {"defence": defence_value(first)}
    request = type(context.obj).model_validate(stated)
    with open_ledger() as ledger:
        found = local_answering(ledger).defences_compared(request, other, local_context(request))
    print(differences_text(found, f"{request.horizon} attack days, mean of {request.paths:,} paths"))


def _number(change: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise InputError(f"--add {change[:80]}: '{value[:40]}': expected a number such as +500") from error


def _bundled_text(name: str, file: Path) -> str:
    """The text of a bundled defence under the name of the new file."""
    from forecasting.answers.defences import bundled_defence, bundled_defence_text

    bundled = bundled_defence(name)
    own = filled_name(file)
    head = f"# The bundled defence {name} of {bundled.as_of}, to edit: put in your own numbers, stocks first.\n"
    return head + bundled_defence_text(name).replace(f'name = "{bundled.name}"', f'name = "{own}"', 1)


def _defence(name_or_file: str) -> "Defence":
    from forecasting.answers.defences import stated_defence
    from forecasting.answers.request import PlanRequest

    return stated_defence(PlanRequest.model_validate({"defence": defence_value(name_or_file)}).defence)
