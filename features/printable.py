"""Text of users as a person may see it: what steers a terminal, or breaks a workbook or a picture, shown as a box."""

import unicodedata

SHOWN = "\ufffd"
"""In place of a character that no output can hold."""


def printable(text: str, *, keep: str = "") -> str:
    """The text without control characters, halves of characters, and code points that are none.

    XML 1.0, which workbooks and pictures are made of, allows none of them but tab and line breaks. keep: those of them
    that stay, such as a line break.

    >>> printable("Bell \\a rings")
    'Bell � rings'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character in keep or not _unprintable(character) else SHOWN for character in text)


def _unprintable(character: str) -> bool:
    # Cc: control; Cs: surrogate. The bidirectional ones (in Cf) would turn the rest of a line around.
    return (
        unicodedata.category(character) in ("Cc", "Cs")
        or character in "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        or ord(character) & 0xFFFE == 0xFFFE
    )
