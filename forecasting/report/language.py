"""English and Ukrainian: texts from a gettext catalogue, numbers and dates as each language writes them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from io import BytesIO

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from features.errors import unknown_name

LANGUAGES = {"en": "en_GB", "uk": "uk_UA"}
"""Language -> its locale. English is what the code is written in; every other has locale/<language>.po, and for what
documents and bundled files say in words locale/<language>.documents.po."""
_NO_BREAK = "\u00a0"
_FIGURE = re.compile(r"(?<!\w)(?:(?P<day>\d{4}-\d{2}-\d{2})|(?P<number>\d+(?:,\d{3})*(?:\.\d+)?))(?P<percent>%?)(?!\w)")
"""A day or a number in an English sentence."""
_JOINTS = ("and", "or")
_JOINED = re.compile(rf" ({'|'.join(_JOINTS)}) ")
_AS_GIVEN = {"given", "known"}
"""What is put into a sentence and is no word of any language."""


@dataclass(frozen=True)
class Translator:
    """The words of one language; call it with an English text for the text to show.

    gettext, ngettext: as in the library of that name, for templates. A text that is not in the catalogue, such as the
    name of a planner's own layer, stays as it is. sentences: those that documents hold, with their translations.
    """

    language: str
    locale: Locale
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]
    sentences: tuple[tuple[re.Pattern[str], str], ...] = field(default=(), repr=False)

    def __call__(self, text: str, /, **values: object) -> str:
        """The text, its {names} filled in."""
        found = self.gettext(text)
        return found.format(**values) if values else found

    def plural(self, one: str, many: str, n: int, /, **values: object) -> str:
        """The form of the text that goes with n; {n} is n, as a number of the language."""
        return self.ngettext(one, many, n).format(n=self.number(n), **values)

    def said(self, text: str) -> str:
        """A text that stands in a document or a bundled file, where it is in words of its own and not in fields.

        It is looked up whole, or else as one of the sentences into which numbers and names were put; what was put in
        is written as the language does. A text that is neither stays as it is.
        """
        asked = " ".join(text.split())
        if (found := self.gettext(asked)) != asked:
            return found
        for sentence, translation in self.sentences:
            if match := sentence.fullmatch(asked):
                parts = match.groupdict().items()
                return translation.format(
                    **{name: part if name in _AS_GIVEN else self._put_in(part) for name, part in parts}
                )
        return text

    def _put_in(self, value: str) -> str:
        """What was put into a sentence: names, numbers, days, a part of the sentence, or several of these."""
        if (found := self.said(value)) != value:
            return found
        parts = _JOINED.split(value)
        if len(parts) > 1:
            return "".join(f" {self.gettext(each)} " if each in _JOINTS else self._put_in(each) for each in parts)
        quantity, _, name = value.partition(" ")
        if name and _FIGURE.fullmatch(quantity):
            return f"{self.said(name)}: {self._put_in(quantity)}"  # no form of the name goes with the number

        def figure(found: re.Match[str]) -> str:
            if found["day"]:
                return self.day(date.fromisoformat(found["day"]))
            _, _, decimals = found["number"].partition(".")
            number = self.number(float(found["number"].replace(",", "")), len(decimals))
            return f"{number}{_NO_BREAK}%" if found["percent"] else number

        return _FIGURE.sub(figure, value)

    def number(self, value: float, decimals: int = 0) -> str:
        """The value with so many decimals, rounded as the command does: 2,100 in English, 2 100 in Ukrainian."""
        digits = f".{'0' * decimals}" if decimals else ""
        return format_decimal(float(f"{value:.{decimals}f}"), format=f"#,##0{digits}", locale=self.locale)

    def percent(self, share: float) -> str:
        """A share as 66 %; a simulated one is never rounded to a certainty that its paths cannot show."""
        if 0 < share < 0.01:
            return f"<{self.number(1)}{_NO_BREAK}%"
        if 0.99 < share < 1:
            return f">{self.number(99)}{_NO_BREAK}%"
        return f"{self.number(100 * share)}{_NO_BREAK}%"

    def day(self, day: date, pattern: str = "long") -> str:
        """A date: 28 February 2026. pattern: of the Unicode locale data, where another form is wanted."""
        return format_date(day, pattern, locale=self.locale)


@lru_cache
def translator(language: str) -> Translator:
    """The words of "en" or "uk". Raises InputError for another language."""
    if language not in LANGUAGES:
        raise unknown_name("language", language, LANGUAGES)
    locale = Locale.parse(LANGUAGES[language])
    if language == "en":
        words = NullTranslations()
        return Translator(language, locale, words.gettext, words.ngettext)
    texts, documents = (catalogue(f"{language}{part}.po") for part in ("", ".documents"))
    words = _compiled(texts)
    words.add_fallback(_compiled(documents))
    # Where a text fits several sentences, the first in the file is meant.
    sentences = [
        (_sentence(message.id), str(message.string))
        for message in documents
        if isinstance(message.id, str) and "{" in message.id
    ]
    return Translator(language, locale, words.gettext, words.ngettext, tuple(sentences))


def catalogue(name: str) -> Catalog:
    """A file of translations, such as uk.po."""
    text = resources.files("forecasting.report").joinpath("locale", name).read_bytes()
    return read_po(BytesIO(text), locale=LANGUAGES[name.partition(".")[0]], abort_invalid=True)


def _compiled(texts: Catalog) -> GNUTranslations:
    compiled = BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _sentence(template: str) -> re.Pattern[str]:
    """What finds again what was put into the {names} of a sentence; {n} is a number."""
    pattern = re.escape(template).replace(r"\{n\}", r"(?P<n>[\d,.]+)")
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", pattern))
