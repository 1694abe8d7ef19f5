"""The languages of the outputs: texts from gettext catalogues, numbers and dates as each language writes them.

A language is its catalogues: `locale/LANGUAGE.po` for the words of the code, `locale/LANGUAGE.stated.po` for those of
the bundled files. English, which the code is written in, has none.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from features.errors import InputError, SalvocastError, unknown_name

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

ENGLISH = "en"
CATALOGUES: Traversable = resources.files("forecasting.report").joinpath("locale")
_NO_BREAK = "\u00a0"
_BABEL = {ENGLISH: "en_GB"}
"""Where Babel's own choice of country for a language is not ours."""


@dataclass(frozen=True)
class Translator:
    """The words of one language; call it with an English text of the code for the text to show.

    Parameters
    ----------
    language : str
        "en", "uk" or another that has catalogues.
    gettext, ngettext : callable
        As in the library of that name, for templates.
    gettext_stated : callable
        The same for texts of the bundled files.
    plain : bool
        For a terminal or a table: days as 2026-03-31, and no spaces that do not break.
    """

    language: str
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]
    gettext_stated: Callable[[str], str]
    plain: bool = False

    def __call__(self, text: str, /, **values: object) -> str:
        """The text, its {names} filled in. Names that people give are put in, never looked up: see `stated`."""
        found = self.gettext(text)
        return found.format(**values) if values else found

    def plural(self, one: str, many: str, n: int, /, **values: object) -> str:
        """The form of the text that goes with n; {n} is n, as a number of the language."""
        return self.ngettext(one, many, n).format(n=self.number(n), **values)

    def stated(self, text: str) -> str:
        """A text of a bundled file: the name of a layer, a title, a note. One that a person wrote stays as it is."""
        asked = " ".join(text.split())
        found = self.gettext_stated(asked) if asked else asked  # a catalogue's answer to no text is its header
        return text if found == asked else found

    def error(self, error: SalvocastError) -> str:
        """The line of an error. What was given stays as it was given; days and numbers are the language's."""
        if self.language == ENGLISH:
            return str(error)
        return _Writer(self).vformat(self.gettext(error.text), (), error.values) if error.values else self(error.text)

    def number(self, value: float, decimals: int = 0) -> str:
        """The value with so many decimals, rounded as Python does: 2,100 in English, 2 100 in Ukrainian."""
        if self.language == ENGLISH:
            return f"{value:,.{decimals}f}"
        from babel.numbers import format_decimal

        digits = f".{'0' * decimals}" if decimals else ""
        return self._spaced(
            format_decimal(float(f"{value:.{decimals}f}"), format=f"#,##0{digits}", locale=self._locale)
        )

    def figure(self, value: float) -> str:
        """A number as it was stated: 1,234 and 0.25."""
        if value >= 100:
            return self.number(value)
        return self.number(value, len(f"{value:g}".partition(".")[2])) if value >= 1e-4 else f"{value:g}"

    def percent(self, share: float) -> str:
        """A share as 66 %; a simulated one is never rounded to a certainty that its paths cannot show."""
        if 0 < share < 0.01:
            return self._spaced(f"<{self.number(1)}{_NO_BREAK}%")
        if 0.99 < share < 1:
            return self._spaced(f">{self.number(99)}{_NO_BREAK}%")
        return self._spaced(f"{self.number(100 * share)}{_NO_BREAK}%")

    def level(self, level: float) -> str:
        """A level that was asked for, as it was stated: 99.5 %."""
        return self._spaced(f"{self.figure(float(f'{100 * level:.10g}'))}{_NO_BREAK}%")

    def day(self, day: date, pattern: str = "long") -> str:
        """A date: 28 February 2026. pattern: of the Unicode locale data, where another form is wanted."""
        if self.plain:
            return str(day)
        from babel.dates import format_date

        return format_date(day, pattern, locale=self._locale)

    def month(self, day: date) -> str:
        """The month of a day: Feb 2026."""
        return f"{day:%Y-%m}" if self.plain else self.day(day, "LLL y")

    @property
    def _locale(self) -> str:
        return _BABEL.get(self.language, self.language)

    def _spaced(self, text: str) -> str:
        return text.replace(_NO_BREAK, " ").replace("\u202f", " ") if self.plain else text


class _Writer(string.Formatter):
    """Puts the values of an error into its line."""

    def __init__(self, t: Translator) -> None:
        self._t = t

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, date):
            return self._t.day(value)
        if isinstance(value, list | tuple):
            return (f" {self._t(format_spec)} " if format_spec else ", ").join(map(str, value))
        if isinstance(value, int | float):
            return self._t.figure(value)
        return str(value)


def languages() -> tuple[str, ...]:
    """English, and every language that has a catalogue."""
    found = (entry.name.removesuffix(".po") for entry in CATALOGUES.iterdir() if entry.name.endswith(".po"))
    return ENGLISH, *sorted(name for name in found if "." not in name)


def language_names() -> dict[str, str]:
    """Language -> its own name for itself."""
    from babel import Locale

    return {name: (Locale.parse(name).get_language_name(name) or name).capitalize() for name in languages()}


@cache
def translator(language: str, *, plain: bool = False) -> Translator:
    """The words of a language. Raises InputError for one without a catalogue."""
    if language not in languages():
        raise unknown_name("language", language, languages())
    if language == ENGLISH:
        words = NullTranslations()
        return Translator(language, words.gettext, words.ngettext, words.gettext, plain)
    words, stated = (_compiled(f"{language}{part}.po") for part in ("", ".stated"))
    return Translator(language, words.gettext, words.ngettext, stated.gettext, plain)


def catalogue(name: str) -> Catalog:
    """A file of translations, such as uk.po. Raises InputError where it is not well formed."""
    from babel.messages.pofile import PoFileError, read_po

    try:
        return read_po(
            BytesIO(CATALOGUES.joinpath(name).read_bytes()), locale=name.partition(".")[0], abort_invalid=True
        )
    except PoFileError as error:
        raise InputError(f"{name}: {error}: expected a gettext catalogue") from error


def _compiled(name: str) -> NullTranslations:
    from babel.messages.mofile import write_mo

    if not CATALOGUES.joinpath(name).is_file():
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalogue(name))
    compiled.seek(0)
    return GNUTranslations(compiled)
