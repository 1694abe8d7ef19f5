"""What several commands share: options, and how a history, a defence and a picture are come by."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.cli import open_ledger
from features.errors import InputError
from features.records import SHAHED, UKRAINE, QuietDayRule, weapons
from forecasting.report.language import ENGLISH, languages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from features.history import LaunchHistory
    from forecasting.defence.layers import Defence

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
LanguageOption = Annotated[
    str, typer.Option(metavar="|".join(languages()), help="Language of the table, the workbook and the picture.")
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
    from forecasting.defence.layers import parse_defence

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


def check_new_file(path: Path) -> None:
    """Refuses a file of assumptions that would replace another, or that no command would read."""
    if path.suffix != ".toml":
        raise InputError(f"{path}: expected a file name that ends in .toml")
    if path.exists():
        raise InputError(f"{path} exists: choose another name, or remove it first")
    check_folder(path)


def filled_template(template: str, path: Path, **values: str) -> str:
    """The text of a bundled template for a file of that path: its name, day and `values` filled in."""
    from importlib import resources

    text = resources.files("features.bundled").joinpath(template).read_text(encoding="utf-8")
    name = "".join(letter if letter.isalnum() else "_" for letter in path.stem.lower())
    return text.format(name=name, file=path, as_of=today(), **values)


def today() -> date:
    """The date by which nothing can have been published later."""
    return datetime.now(UTC).date()


def draw(figure: "Figure", path: Path, title: str, language: str = ENGLISH) -> None:
    """Writes the picture into the file. language: of the title and of what is drawn."""
    from features.files import write_file
    from forecasting.report.pictures import rendered

    write_file(path, rendered(figure, path.suffix, title, language=language))
