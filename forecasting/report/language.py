"""English and Ukrainian: texts from a gettext catalogue, numbers and dates as each language writes them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from io import BytesIO

from babel import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from features.errors import unknown_name

LANGUAGES = {"en": "en_GB", "uk": "uk_UA"}
"""Language -> its locale. English is what the code is written in; every other has locale/<language>.po."""
_NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Translator:
    """The words of one language; call it with an English text for the text to show.

    gettext, ngettext: as in the library of that name, for templates. A text that is not in the catalogue, such as the
    name of a planner's own layer, stays as it is.
    """

    language: str
    locale: Locale
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]

    def __call__(self, text: str, /, **values: object) -> str:
        """The text, its {names} filled in."""
        found = self.gettext(text)
        return found.format(**values) if values else found

    def plural(self, one: str, many: str, n: int, /, **values: object) -> str:
        """The form of the text that goes with n; {n} is n, as a number of the language."""
        return self.ngettext(one, many, n).format(n=self.number(n), **values)

    def number(self, value: float, decimals: int = 0) -> str:
        """The value with so many decimals: 2,100 in English, 2 100 in Ukrainian."""
        digits = f".{'0' * decimals}" if decimals else ""
        return format_decimal(value, format=f"#,##0{digits}", locale=self.locale)

    def percent(self, share: float) -> str:
        """A share as 66 %; a simulated one is never rounded to a certainty that its paths cannot show."""
        if 0 < share < 0.01:
            return f"<{self.number(1)}{_NO_BREAK}%"
        if 0.99 < share < 1:
            return f">{self.number(99)}{_NO_BREAK}%"
        return f"{self.number(100 * share)}{_NO_BREAK}%"

    def day(self, day: date, pattern: str = "d MMMM y") -> str:
        """A date: 28 February 2026. pattern: of the Unicode locale data, where another form is wanted."""
        return format_date(day, pattern, locale=self.locale)


@lru_cache
def translator(language: str) -> Translator:
    """The words of "en" or "uk". Raises InputError for another language."""
    if language not in LANGUAGES:
        raise unknown_name("language", language, LANGUAGES)
    locale = Locale.parse(LANGUAGES[language])
    words = NullTranslations() if language == "en" else _catalogue(language)
    return Translator(language, locale, words.gettext, words.ngettext)


def _catalogue(language: str) -> GNUTranslations:
    text = resources.files("forecasting.report").joinpath("locale", f"{language}.po").read_bytes()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(text), locale=LANGUAGES[language]))
    compiled.seek(0)
    return GNUTranslations(compiled)
