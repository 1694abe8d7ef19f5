"""What several commands share: options, and how a history, a defence and a picture are come by."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.cli import open_ledger
from features.errors import InputError
from features.records import SHAHED, UKRAINE, QuietDayRule, weapons

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from features.history import LaunchHistory
    from forecasting.layers import Defence

DEFAULT_MODEL = "salvo_ensemble"
PLOT_SUFFIXES = (".png", ".svg", ".html")

HorizonOption = Annotated[int, typer.Option(help="Attack days to forecast, 1 to 730.")]
OriginOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="Forecast from that attack day, with what was published by then.")
]
ModelOption = Annotated[str, typer.Option(metavar="NAME", help="Model of the salvos.")]
PathsOption = Annotated[int, typer.Option(help="Simulated futures, 1 to 100,000.")]
SeedOption = Annotated[int, typer.Option(help="Same seed, same data, same request: same numbers.")]
PlotOption = Annotated[
    Path | None, typer.Option(metavar="FILE.png|.svg|.html", help="Also draw a picture into this file.")
]
DefenceOption = Annotated[
    Path | None, typer.Option(metavar="FILE.toml", help="Your defence; without it, the bundled one of Ukraine.")
]


def open_history(
    theatre: str, weapon_class: str, rule: QuietDayRule | None, origin: date | None, *, borrow: bool = False
) -> "LaunchHistory":
    """The record of a theatre as of the origin.

    borrow: of a theatre without any record, that of Ukraine, whose shape a scenario may borrow.
    """
    with open_ledger() as ledger:
        if borrow and (theatre, weapon_class) not in {series[:2] for series in ledger.series()}:
            theatre = UKRAINE
        return ledger.history(theatre, weapon_class, rule, origin)


def open_defence(path: Path | None, theatre: str, weapon_class: str) -> "Defence":
    """The defence of a file; without one, the bundled defence of Ukraine."""
    from importlib import resources

    from features.stated import read_stated
    from forecasting.layers import parse_defence

    if path is None:
        if (theatre, weapon_class) != (UKRAINE, SHAHED):
            raise InputError(
                f"there is no bundled defence of theatre {theatre} against {weapons(weapon_class)}: state yours with "
                "--defence FILE"
            )
        bundled = resources.files("features.bundled").joinpath("defence_ukraine.toml")
        return parse_defence(bundled.read_text(encoding="utf-8"), "defence_ukraine.toml")
    return parse_defence(read_stated(path), str(path))


def checked_seed(seed: int) -> int:
    """The seed. Raises InputError where it is negative."""
    if seed < 0:
        raise InputError(f"seed is {seed}: expected 0 or more")
    return seed


def check_plot(plot: Path | None) -> None:
    """Refuses, before the work is done, a picture that could not be drawn after it."""
    if plot is not None and plot.suffix not in PLOT_SUFFIXES:
        raise InputError(f"--plot {plot}: expected a name that ends in {', '.join(PLOT_SUFFIXES)}")
    check_folder(plot)


def check_folder(path: Path | None) -> None:
    """Refuses a file in a folder that does not exist."""
    if path is not None and not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.parent} does not exist")


def draw(figure: "Figure", path: Path, title: str) -> None:
    """Writes the picture into the file."""
    from features.files import write_file
    from forecasting.report.pictures import rendered

    write_file(path, rendered(figure, path.suffix, title))
