"""Cleaned text to tokens: words classified by the lexicon, numbers and dates with their values."""

import re
from dataclasses import dataclass
from typing import Any

from features.errors import InputError

ENDING = r"\w{0,8}"
ADJECTIVE = re.compile(r"\w{2,40}(?:их|ими|ий|ого|ої|ою|ому|ньою|ні|ві|чі|ські)")
PLURAL = re.compile(r"(?<!other)(?<!s)s$")
PLURAL_UK = re.compile(r"(?:[ії]в|ей|ок|нь|(?<![лм])и|(?<!н)і)$")
"""Endings of nouns that a number counts: a thing of no known class is still not a drone."""
ROUND = re.compile(r"сотн\w{1,2}|hundred")
"""Words that are a number, and rarely meant as one: "a hundred drones"."""
KINDS = ("types", "kinds")
CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d\d))?")
AFTERNOON, MORNING = re.compile(r"p\.? ?m|вечора|дня"), re.compile(r"\d ?a\.? ?m")
MIDNIGHT = re.compile(r"опівн|midnight")
FIRST = ("link", "date_range", "date", "year", "time", "dotted", "percent", "age", "day_number", "one_of")
"""Shapes of digits that are looked for first; then weapon names (NAMES), then numbers (THEN), then other words."""
NAMES = (
    "indefinite",
    "some_night",
    "said_on",
    "unit",
    "shahed_jet",
    "cruise_name",
    "ballistic_name",
    "antiradar",
    "shahed",
    "decoy",
)
THEN = ("carrier", "recon", "qualifier", "digits", "number_word")
ASIDE = "aside"
"""The class of words that are set aside: no rule knows it."""
LONGEST_MONTH = 31
YEARS = range(1900, 2100)
"""A date outside them is a misread one; within them no sum of days can overflow."""


@dataclass(frozen=True, slots=True)
class Number:
    """A count as it is written: `qualifier` is exactly, about, at_least or up_to."""

    value: int
    qualifier: str = "exactly"


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar date as it is written; a missing year is for the reader to find."""

    day: int
    month: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """One classified word (or group of words); start and end are positions in the cleaned text.

    number: of a number. days, clock: of a date and of a time of day (hour, minute); what is written "8.30" has both
    where it can be both.
    """

    kind: str
    start: int
    end: int
    text: str
    number: Number | None = None
    days: tuple[Day, ...] = ()
    clock: tuple[int, int] | None = None


class Lexer:
    """The lexer of a grammar; `tokens` is what it is for."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._months = [(int(number), re.compile(stems)) for number, stems in data["months"].items()]
        self._numbers = [(int(value), re.compile(forms)) for value, forms in data["numbers"].items()]
        self._qualifiers = [(name, re.compile(forms)) for name, forms in data["qualifiers"].items()]
        self._hours = [(int(hour), re.compile(stem)) for hour, stem in data["hours"].items()]
        self._weekdays = [re.compile(stems) for stems in data["weekdays"]]
        self._pattern = _pattern(data)
        self._most = int(data["limits"]["tokens"])

    def tokens(self, text: str) -> list[Token]:
        """The classified words of a cleaned text; a qualifier is part of its number.

        Raises InputError for more of them than a bulletin can have.
        """
        found: list[Token] = []
        for match in self._pattern.finditer(text):
            if len(found) > self._most:
                raise InputError(
                    f"message of more than {self._most} words and signs: expected one bulletin; "
                    "split the file into messages"
                )
            self._append(found, self._token(str(match.lastgroup), match), text)
        if found and found[-1].kind == "qualifier":
            found.pop()
        return found

    def _token(self, kind: str, match: re.Match[str]) -> Token:
        word, start, end = match.group(), match.start(), match.end()
        match kind:
            case "digits":
                number = Number(int(re.sub(r"\D", "", word.split("-")[0])), "at_least" if "+" in word else "exactly")
                return Token("number", start, end, word, number)
            case "number_word":
                value = self._spelt(word)
                if value is None:
                    return Token("indefinite", start, end, word)
                return Token("number", start, end, word, Number(value, "about" if ROUND.fullmatch(word) else "exactly"))
            case "day_number":
                day = Day(int(re.match(r"\d+", word)[0]), 0)  # type: ignore[index]  # the shape begins with digits
                clock = (day.day, 0) if day.day < 24 else None
                return Token(kind, start, end, word, days=(day,) if 1 <= day.day <= LONGEST_MONTH else (), clock=clock)
            case "date" | "date_range" | "time" | "dotted":
                days = self._days(word) if kind != "time" else ()
                clock = self._clock(word) if kind in ("time", "dotted") else None
                return Token(kind if days or clock else "unknown", start, end, word, days=days, clock=clock)
            case "loose":
                return Token(_loose_kind(word), start, end, word)
        return Token(kind, start, end, word)

    def weekday(self, text: str) -> int:
        """The number of a day of the week, Monday 0."""
        return next(number for number, stems in enumerate(self._weekdays) if stems.search(text))

    def _clock(self, text: str) -> tuple[int, int] | None:
        """Hour and minute of a time of day; None where it is none (25:70)."""
        if MIDNIGHT.match(text):
            return (0, 0)
        spelt = next((hour for hour, stem in self._hours if stem.match(text)), None)
        parts = CLOCK.match(text)
        if parts is None and spelt is None:
            return (12, 0)
        hour, minute = (int(parts[1]), int(parts[2] or 0)) if parts else (spelt or 0, 0)
        if AFTERNOON.search(text) and hour < 12:
            hour += 12
        elif hour == 12 and (MORNING.search(text) or text.endswith("ночі")):
            hour = 0
        elif text.endswith("ночі") and 9 <= hour < 12:
            hour += 12
        return (hour, minute) if minute < 60 and (hour < 24 or (hour, minute) == (24, 0)) else None

    def _days(self, text: str) -> tuple[Day, ...]:
        """The dates a date token names: one, or the two of a range in one month; none where it names no real date."""
        month = next((number for number, stems in self._months if stems.search(text)), None)
        digits = [int(part) for part in re.findall(r"\d+", text)]
        if month is not None:
            year = digits.pop() if digits[-1] > 1900 else None
            days = [Day(day, month, year) for day in digits]
        elif digits[0] > 1900:
            days = [Day(digits[2], digits[1], digits[0])]
        else:
            year = None if len(digits) < 3 else digits[2] + (2000 if digits[2] < 100 else 0)
            days = [Day(digits[0], digits[1], year)]
        real = all(1 <= one.day <= 31 and 1 <= one.month <= 12 and (one.year or 2000) in YEARS for one in days)
        return tuple(days) if real else ()

    def _spelt(self, words: str) -> int | None:
        """The value of a number in words; None where the words do not make one number ("two three")."""
        total, lowest, group = 0, 10_000, 0
        for word in re.split(r" and |[ -]", words):
            value = next(value for value, forms in self._numbers if forms.fullmatch(word))
            if word == "hundred" or value == 1000:
                total, group = (total, (group or 1) * 100) if value == 100 else (total + (group or 1) * 1000, 0)
                lowest = value
                continue
            scale = 100 if value >= 100 else 10 if value >= 20 else 1
            if scale >= lowest or (10 <= value < 20 and lowest <= 10):
                return None
            group, lowest = group + value, scale if value != 10 else 1
        return total + group

    def _append(self, found: list[Token], token: Token, text: str) -> None:
        """Add a token, joined with its qualifier, or with the other end of its range ("3-4": indefinite)."""
        before = found[-1] if found else None
        if before is not None and before.kind == "qualifier":
            found.pop()
            if token.kind in ("number", "indefinite"):
                name = next(name for name, forms in self._qualifiers if forms.fullmatch(before.text))
                number = Number(token.number.value, name) if token.number else None
                token = Token(token.kind, before.start, token.end, text[before.start : token.end], number)
            else:
                kind = "to" if before.text in ("до", "up to") else "prep"
                found.append(Token(kind, before.start, before.end, before.text))
        elif token.kind == "indefinite" and before is not None and before.kind == "number":
            # "Four tens" is a round number of no known roundness.
            token = Token("indefinite", found.pop().start, token.end, text[before.start : token.end])
        elif token.kind == "stop" and before is not None and before.kind == "stop":
            token = Token("stop", found.pop().start, token.end, token.text)
        elif (
            before is not None
            and before.kind == "number"
            and (
                (token.kind == "word" and PLURAL.search(token.text))
                or token.text in KINDS
                or (token.kind == "other" and PLURAL_UK.search(token.text))
            )
        ):
            token = Token("unit", token.start, token.end, token.text)
        elif token.kind == "number" and len(found) > 1 and found[-2].kind in ("number", "indefinite"):
            between = text[found[-2].end : token.start].strip()
            if between in ("-", "або", "чи", "or") or (between == "to" and found[-2].kind == "number"):
                start = found[-2].start
                del found[-2:]
                token = Token("indefinite", start, token.end, text[start : token.end])
        found.append(token)


def _loose_kind(word: str) -> str:
    """The class of a word outside the lexicon: by its shape only."""
    if any(character.isdigit() for character in word):
        return "unknown"
    if any("a" <= character <= "z" for character in word):
        return "word"
    return "adj" if ADJECTIVE.fullmatch(word) else "other"


def _pattern(data: dict[str, Any]) -> re.Pattern[str]:
    """One pattern, a named group per class: the first class that fits takes the word."""
    sources = {name: words.replace(" ", r"\s") for name, words in data["lexicon"].items()} | _shapes(data)
    words = (
        f"(?P<{name}>{sources[name].replace('~', ENDING)})(?!\\w)"
        for name in dict.fromkeys([*FIRST, *NAMES, *THEN, *sources])
    )
    marks = {
        "bullet": r"(?<=[:;,])\s{0,20}\n\s{0,20}\n|•|\n(?=[^\n:]{1,40}:\s)",
        "stop": r"[.!?]+(?=\s|$)|\n\s{0,20}\n",
        "comma": "[,;]",
        "colon": ":",
        "lparen": r"\(",
        "rparen": r"\)",
        "slash": r"[/|]",
        "dash": "-",
    }
    return re.compile(
        r"(?<!\w)(?=[\w’.])(?:"
        + "|".join(words)
        + r")|(?P<loose>[\w’]{1,80}(?:-[\w’]{1,40}){0,3})|"
        + "|".join(f"(?P<{name}>{source})" for name, source in marks.items())
    )


def _shapes(data: dict[str, Any]) -> dict[str, str]:
    """The classes that are shapes of digits rather than lists of words."""
    month = "|".join(data["months"].values())
    words = "|".join(data["numbers"].values())
    year = r"(?:,? (?:19|20)\d{2}(?!\d|[:.]\d)(?: ?(?:року|р\.?|рік)(?!\w))?)?"
    day = r"\d{1,2}(?:-?(?:го|е|ого|те|th|st|nd|rd))?"
    joint = r"(?: ?[-/] ?| (?:на|to|and|та|into) )"
    hours = "|".join(data["hours"].values())
    return {
        "link": r"(?:https?://|www\.|t\.me/)\S{1,500}|[\w.]{1,60}@[\w.]{1,60}",
        "date_range": rf"{day}{joint}{day} (?:of )?(?:{month})(?!\w){year}"
        rf"|(?:{month}) {day}{joint}{day}(?!\w|[:.]\d| ?[ap]\.? ?m){year}",
        "date": rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}(?=t?\D|$)|\d{{1,2}}[./]\d{{1,2}}[./](?:20)?\d{{2}}(?: ?р\.)?"
        rf"|{day} (?:of )?(?:{month})(?!\w){year}|(?:{month}) {day}(?!\w|[:.]\d){year}",
        "year": r"(?:19|20)\d{2} ?(?:року|рік|р\.)",
        "time": r"(?:[01]?\d|2[0-4])(?::[0-5]\d){1,2}(?: ?[ap]\.? ?m\.?)?(?: год(?:ин[иу]?|\.)?)?"
        r"|(?:0?\d|1[0-2])(?:[:.][0-5]\d)? ?(?:a\.?m\.?|p\.?m\.?)(?!\w)"
        r"|(?:[01]?\d|2[0-3])(?:-?(?:ї|ій|й|та|ту|у|му|а))? (?:год(?:ин[иіу]|\.)?(?: (?:ранку|ночі))?|ранку)"
        r"|(?:[01]?\d|2[0-3]) o’clock|(?:[01]?\d|2[0-3]) (?:вечора|ночі|дня)"
        r"|опівночі|опівніч|опівдні|полудня|midnight|noon"
        rf"|(?:{hours}) (?:години? )?(?:ранку|вечора|ночі|дня)",
        "dotted": r"\d{1,2}\.\d{2}(?: год(?:ин[иу]?|\.)?)?(?!\w|\.\d)",
        "one_of": r"all but \w{1,9}|one of (?:the|our|its|his|their|these|those|\w{2,20}’s)"
        r"|(?:один|одн\w{1,3}) (?:із|з|зі)(?= (?!\d))",
        "age": r"\d{1,4}-?(?:ти|ми|х)?-?(?:річн|денн|годинн|поверхов|кілометров|метров|тонн|міс)\w{1,6}"
        r"|\d{1,4} ?-(?:years?|months?|weeks?|days?|hours?|minutes?|store?y|floor|mile|strong|member)(?:[- ]olds?)?"
        r"|\w{3,20}-year[- ]olds?|\d{1,3} years?-old"
        r"|\d{1,3} (?:років|роки|рік|years old)(?!\w)|aged \d{1,3}",
        "day_number": r"\d{1,3}-?(?:го|та|ту|ої|ою|ій|ій|те|ї|th|st|nd|rd)(?!\w)",
        "percent": r"\d{1,3}(?:[.,]\d{1,3})? ?(?:%|percent|відсотк\w{0,3})",
        "qualifier": "|".join(data["qualifiers"].values()),
        "digits": r"\d{1,3}(?:,\d{3}){1,3}|[1-9]\d{0,2}(?: \d{3})+(?!\d)"
        r"|\d{1,9}(?:-(?:м?а|[тьх]?ма|т?ьома|ми|ти|мя|х|ох|ьох|и?м|ю|ю|ть|й))?\+?",
        "number_word": f"(?:{words})(?:(?: |-| and )(?:{words}))*",
    }
