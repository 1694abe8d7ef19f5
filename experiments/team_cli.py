"""`salvocast team`: what the servers of a team have to hold before its first morning."""

from typing import Annotated

import typer

team = typer.Typer(help="A team's ledger and MLflow server: see experiments/deploy.", no_args_is_help=True)


@team.callback()
def _group() -> None:
    """Keeps `init` a command of its own."""


@team.command("init")
def init(
    operator: Annotated[
        list[str] | None, typer.Option(metavar="LOGIN", help="Who may change every experiment and model; repeatable.")
    ] = None,
    reader: Annotated[list[str] | None, typer.Option(metavar="LOGIN", help="Who reads alone; repeatable.")] = None,
) -> None:
    """Make what is missing: the ledger's tables, a registered model for each series, and where the MLflow server has
    logins, the role of operators and the people.

    For the administrator of the MLflow server (MLFLOW_TRACKING_USERNAME and its password), with a ledger login of an
    operator. What is there stays; run it again when a series or a person joins. A new login's password is shown once.
    """
    from features.opening import open_ledger
    from features.records import SHAHED, UKRAINE
    from forecasting.registry import make_team, tracking_uri, without_password

    with open_ledger() as ledger:
        held = {(theatre, weapon_class) for theatre, weapon_class, _ in ledger.series()}
    series = sorted({(UKRAINE, SHAHED), *held})  # the one that the page begins with always has a model
    uri = tracking_uri()
    made = make_team(uri, series, operator or [], reader or [])
    for line in made or [f"nothing was missing at {without_password(uri)}"]:
        print(line)
    print(f"series with a registered model: {', '.join(map(' '.join, series))}")
