"""A message in one alphabet of signs, and the way back to the places in the original."""

import re
import unicodedata
from functools import cache

from features.sources.bulletin.types import Span

APOSTROPHES = "'’ʼ‘`´′"
DASHES = "-‐‑‒–—―−"
MARKUP = '"«»„“”‹›*_~'
KEPT = ".,:;()/%+!?|="
BULLETS = "•▪▫●◦‣·"
DASH, SYMBOL = "\x00", "\x01"
"""Stand-ins for signs that are bullets at the start of a line and something else within it."""
LATIN, CYRILLIC = "aceiopxykmtbh", "асеіорхукмтвн"
TO_CYRILLIC, TO_LATIN = str.maketrans(LATIN, CYRILLIC), str.maketrans(CYRILLIC, LATIN)
NEW_SENTENCE = re.compile(
    r"(?<![,:;(\-–—\s])[^\S\n]{0,9}(?P<line>\n)(?![^\n:]{1,40}:)(?=[^\w\n]{0,9}[A-ZА-ЯҐЄІЇ][\w’'-]{0,30}(?:[^\S\n]{1,3}[^\s]{1,40}){3})"
)
"""The end of a line where the next one begins with a capital and has some words: no item of a list of names."""
WORD = re.compile(r"[^\W\d_]{2,60}")
LATIN_ONLY = re.compile(f"[a-z](?<![{LATIN}])")
CYRILLIC_ONLY = re.compile(f"[а-яґєії](?<![{CYRILLIC}])")


class Clean:
    """A text in lower case with one kind of dash, apostrophe and space, without markup and look-alike letters.

    A line that begins a sentence of its own is set off by an empty line, as a paragraph is.
    """

    def __init__(self, original: str) -> None:
        breaks = {match.start("line") for match in NEW_SENTENCE.finditer(original)}
        characters: list[str] = []
        places: list[int] = []
        line_starts = True
        for position, given in enumerate(original):
            if given in "~≈" and original[position + 1 : position + 2].isdigit():
                signs = "about "
            elif unicodedata.combining(given):
                composed = unicodedata.normalize("NFC", characters[-1] + given) if characters else ""
                if composed in ("й", "ї"):
                    characters[-1] = composed
                continue
            else:
                signs = _signs(given)
            for sign in signs:
                if sign in (DASH, SYMBOL):
                    sign = "•" if line_starts else "-" if sign == DASH else " "
                if sign == " " and characters[-1:] in ([" "], ["\n"]):
                    continue
                line_starts = sign == "\n" or (line_starts and sign == " ")
                characters.append(sign)
                places.append(position)
            if position in breaks:
                characters.append("\n")
                places.append(position)
        self.original = original
        self.text = _one_script("".join(characters))
        self._places = places

    def span(self, start: int, end: int) -> Span:
        """The place in the original text of `text[start:end]`."""
        return Span(self._places[start], self._places[end - 1] + 1)

    def given(self, start: int, end: int) -> str:
        """The words of `text[start:end]` as they were given, in their own case."""
        span = self.span(start, end)
        return self.original[span.start : span.end]


@cache
def _signs(given: str) -> str:
    """What stands for a character in the cleaned text: nothing for markup, one space for a sign without meaning."""
    return "".join(_sign(character) for character in unicodedata.normalize("NFKC", given))


def _sign(character: str) -> str:
    category = unicodedata.category(character)
    if character in APOSTROPHES:
        return "’"
    if character in DASHES:
        return DASH
    if character in MARKUP or category in ("Cf", "Mn", "Me"):
        return ""
    if character in BULLETS:
        return "•"
    if character in "\r\n\u2028\u2029":
        return "\n"
    if character.isalnum() or character in KEPT:
        return character.lower()
    return SYMBOL if category in ("So", "Sm") else " "


def _one_script(text: str) -> str:
    """Look-alike letters of the other script replaced, word by word, where the rest of the word shows its script."""

    def folded(match: re.Match[str]) -> str:
        word = match.group()
        latin, cyrillic = bool(LATIN_ONLY.search(word)), bool(CYRILLIC_ONLY.search(word))
        if latin == cyrillic:
            return word
        return word.translate(TO_LATIN if latin else TO_CYRILLIC)

    return WORD.sub(folded, text)
