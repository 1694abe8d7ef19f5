"""The errors a person sees: one line that says what was given, what was expected and what to do."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from string import Formatter
from typing import Any


class SalvocastError(Exception):
    """A failure that is told in one line. The command line exits with `exit_code`.

    Parameters
    ----------
    text : str
        The line in English, with a {name} for each of the values; what a translation is looked up by.
    field : str
        The field of a request that is wrong, such as "model" or "deliveries"; empty where it is not one alone.
    **values
        Name -> what is put into the line: a number, a day, a text that was given, or several texts, of which {name:or}
        makes "a or b".

    Examples
    --------
    >>> str(InputError("seed is {seed}: expected 0 or more", field="seed", seed=-1))
    'seed is -1: expected 0 or more'
    """

    exit_code = 1

    def __init__(self, text: str = "", *, field: str = "", **values: Any) -> None:
        super().__init__(text)
        self.text, self.field, self.values = text, field, values

    def __str__(self) -> str:
        return _English().vformat(self.text, (), self.values) if self.values else self.text


class InputError(SalvocastError, ValueError):
    """What was given cannot be used (usage or data): exit code 2. Its arguments are those of `SalvocastError`."""

    exit_code = 2


class NotPermittedError(SalvocastError):
    """What the rights of this account do not allow, such as an INSERT for a database role that only reads: it was
    understood and refused, so that trying again is of no use. Its arguments are those of `SalvocastError`."""


def unknown_name(kind: str, given: str, known: Iterable[str], *, field: str = "") -> InputError:
    """The error for a name that is not known, with the nearest known names first.

    kind: "model", "layer" and the like. field: of the request; see `InputError`.
    """
    names = sorted(known)
    near = get_close_matches(given, names, n=3, cutoff=0.4)
    hint = "did you mean {near:or}? " if near else ""
    kind = kind.replace("{", "{{").replace("}", "}}")
    # The kind is part of the sentence, for each language to decline; names and what was given are put in.
    text = f"unknown {kind} '{{given}}': {hint}known are {{known}}"
    return InputError(text, field=field, given=given, known=names, **({"near": near} if near else {}))


@contextmanager
def at_field(field: str) -> Iterator[None]:
    """What goes wrong inside is of that field of a request, unless it knows its own."""
    try:
        yield
    except SalvocastError as error:
        error.field = error.field or field
        raise


class _English(Formatter):
    """Several texts are joined by commas, or by the word that the {name} asks for."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return (f" {format_spec} " if format_spec else ", ").join(map(str, value))
        return super().format_field(value, format_spec) if format_spec else str(value)


LONGEST_MESSAGE = 1_000
"""Characters; of a longer error, the beginning and the end are shown."""


def one_line(message: str) -> InputError:
    """The error of a message that quotes a file: on one line, however many the quoted text has, and not endless."""
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in message)
    return InputError(
        shown if len(shown) <= LONGEST_MESSAGE else f"{shown[: LONGEST_MESSAGE - 200]} ... {shown[-195:]}"
    )
