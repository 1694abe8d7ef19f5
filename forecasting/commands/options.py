"""What several commands share: an option, and what they check and write."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError
from features.files import check_folder
from forecasting.report.forms import FORMS
from forecasting.report.language import ENGLISH, languages

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PLOT_SUFFIXES = (".png", ".svg", ".html")

PlotOption = Annotated[
    Path | None, typer.Option(metavar="FILE.png|.svg|.html", help="Also draw a picture into this file.")
]
LanguageOption = Annotated[
    str, typer.Option(metavar="|".join(languages()), help="Language of the table, the workbook and the picture.")
]

Format = StrEnum("Format", {name.upper(): name for name in FORMS})  # type: ignore[misc]
"""How a result is written."""
TABLE = Format("table")
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the result.")]
OutOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write; without it, to stdout.")]


def check_files(output: Format, out: Path | None, plot: Path | None) -> None:
    """Refuses, before the work is done, what could not be written after it."""
    if FORMS[output].binary and out is None:
        raise InputError(f"--format {output} needs a file: add --out FILE{FORMS[output].suffix}")
    by_suffix = {form.suffix: form.name for form in FORMS.values() if form.accepted}
    if (
        out is not None
        and by_suffix.get(out.suffix, output) != output
        and not FORMS[output].suffix.endswith(out.suffix)
    ):
        raise InputError(f"--out {out} would not be what its name says: add --format {by_suffix[out.suffix]}")
    check_plot(plot)
    check_folder(out)


def check_plot(plot: Path | None) -> None:
    """Refuses, before the work is done, a picture that could not be drawn after it."""
    if plot is not None and plot.suffix not in PLOT_SUFFIXES:
        raise InputError(f"--plot {plot}: expected a name that ends in {', '.join(PLOT_SUFFIXES)}")
    check_folder(plot)


def check_brief_file(out: Path) -> None:
    """Refuses, before the work is done, a file that no brief could be written into."""
    if out.suffix != ".pdf":
        raise InputError(f"--out {out}: expected a name that ends in .pdf")
    check_folder(out)


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
    return text.format(name=filled_name(path), file=path, as_of=today(), **values)


def filled_name(path: Path) -> str:
    """What is stated in a file of that path is called, as long as nobody calls it something else."""
    return "".join(letter if letter.isalnum() else "_" for letter in path.stem.lower())


def today() -> date:
    """The date by which nothing can have been published later."""
    return datetime.now(UTC).date()


SHOWN_AFTER = 1.5
"""Seconds of work after which it is shown how far it is."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], object]]:
    """What is told of so many more done; on a terminal alone, on stderr, and only where it takes a while."""
    from tqdm import tqdm

    with tqdm(total=total, desc=what, disable=None, delay=SHOWN_AFTER, leave=False) as bar:
        yield bar.update


def draw(figure: "Figure", path: Path, title: str, language: str = ENGLISH) -> None:
    """Writes the picture into the file. language: of the title and of what is drawn."""
    from features.files import write_file
    from forecasting.report.pictures import render

    write_file(path, render(figure, path.suffix, title, language=language))
