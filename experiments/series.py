"""Which series a command is about: names with commas between them, or all that the ledger holds."""

from itertools import product
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import InputError
from features.logs import notify

if TYPE_CHECKING:
    from features.ledger import Ledger

ALL = "all"

TheatresOption = Annotated[str, typer.Option("--theatre", metavar="A,B|all", help="Theatres of the reports.")]
WeaponClassesOption = Annotated[
    str, typer.Option("--weapon-class", metavar="A,B|all", help="Weapon classes of the reports.")
]


def names(text: str, option: str) -> tuple[str, ...] | None:
    """The names in an option, each once; None for all. Raises InputError where there is none."""
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise InputError(f"{option} is empty: expected names with commas between them, or {ALL}")
    return None if found == (ALL,) else found


def chosen_series(
    ledger: "Ledger", theatres: tuple[str, ...] | None, weapon_classes: tuple[str, ...] | None
) -> list[tuple[str, str]]:
    """(theatre, weapon class) of each series that is asked for; None stands for all that the ledger holds.

    Raises InputError for a theatre or weapon class that is not there, and for a pair that is not where both are named.
    """
    held = {(theatre, weapon_class) for theatre, weapon_class, _ in ledger.series()}
    known_theatres, known_classes = (set(each) for each in zip(*held, strict=True))
    pairs = list(product(theatres or sorted(known_theatres), weapon_classes or sorted(known_classes)))
    for theatre, weapon_class in pairs:
        named = theatres and weapon_classes  # with "all", a theatre need not have every weapon class
        if named or theatre not in known_theatres or weapon_class not in known_classes:
            ledger.check_series(theatre, weapon_class)
    chosen = [pair for pair in pairs if pair in held]
    if not (theatres and weapon_classes):
        told = f"taken of the ledger's {len(held)} series: {', '.join(map(' '.join, chosen)) or 'none'}"
        notify("series", told, series=[" ".join(pair) for pair in chosen])
    return chosen
