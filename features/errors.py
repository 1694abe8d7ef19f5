"""The errors a person sees: one line that says what was given, what was expected and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class SalvocastError(Exception):
    """A failure that is told in one line. The command line exits with `exit_code`."""

    exit_code = 1


class InputError(SalvocastError, ValueError):
    """What was given cannot be used (usage or data): exit code 2."""

    exit_code = 2


def unknown_name(kind: str, given: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not known, with the nearest known names first."""
    names = sorted(known)
    near = get_close_matches(given, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return InputError(f"unknown {kind} '{given}': {hint}known are {', '.join(names)}")


LONGEST_MESSAGE = 1_000
"""Characters; of a longer error, the beginning and the end are shown."""


def one_line(message: str) -> InputError:
    """The error of a message that quotes a file: on one line, however many the quoted text has, and not endless."""
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in message)
    return InputError(
        shown if len(shown) <= LONGEST_MESSAGE else f"{shown[: LONGEST_MESSAGE - 200]} ... {shown[-195:]}"
    )
