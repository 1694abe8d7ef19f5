"""The rules of `features/bundled/bulletin_grammar.toml`, compiled to regular expressions over classes of tokens."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from features.sources.bulletin.lexer import Lexer


class Grammar:
    """The compiled grammar: a lexer, and patterns over classes of tokens.

    Every repetition in the data is bounded, so that reading takes time in proportion to the length of the text.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self._symbols: dict[str, str] = {}
        self._sets: dict[str, str] = data["sets"]
        self.lexer = Lexer(data)
        rules = [*data["phrases"], *data["reversed"], *data["singular"]]
        self.objects = [str(rule["object"]) for rule in rules]
        self.phrase = re.compile("|".join(f"({self._source(rule['pattern'])})" for rule in rules))
        """One group per rule, in the order of `objects`: the first rule that fits at a place is the one that counts."""
        self.windows = [
            (pattern, rule.get("cue", ""))
            for pattern, rule in zip(self._patterns("windows"), data["windows"], strict=True)
        ]
        """Patterns of windows, each with what its words say of night or day."""
        self.roles = self._patterns("roles")
        (self.merge,) = self._patterns("merge")
        self.verbs: dict[str, str] = data["verbs"]
        self.asides = [(one["reason"], one["reach"], _words(one["words"])) for one in data["asides"]]
        """Reason, reach and pattern of what is told aside, over the cleaned text."""
        self._russian = _words(data["languages"]["russian"])
        scope = data["scope"]
        self.national, self.named_after, self.goes_on, self.superlative, self.launched_from = (
            re.compile(scope[name]) for name in ("national", "named_after", "goes_on", "superlative", "launched_from")
        )
        self.adversatives = frozenset(scope["adversatives"])
        places = "|".join([*scope["regions"], *scope["towns"]])
        self.place = re.compile(
            rf"(?<!\w)(?:(?:{scope['over']}|(?P<target>{scope['at']})) (?:{places})|"
            rf"(?P<subject>{'|'.join(scope['towns'])}){scope['suffers']}|(?P<part>{scope['part']}))(?!\w)"
        )
        """A place within the country: what was attacked (`target`), suffered (`subject`), or a large `part` of it."""
        joined = r"(?:,|,? (?:and|or|та|і|й|а також|as well as)) "
        self.next_place = re.compile(rf"{joined}(?:{places}|інш\w{{1,3}}|other|several)(?!\w)")
        """A further place, after one."""
        self.more_regions = re.compile(
            rf"(?:{joined}(?:the )?[\w’-]{{3,25}}(?: [\w’-]{{3,20}})?){{1,20}} "
            r"(?:regions|oblasts|provinces|областях|областей)"
        )
        """The rest of a list of regions that ends with their common noun."""
        self.reporters = [(rule["name"], rule["area"], re.compile(rule["pattern"])) for rule in data["reporters"]]

    def is_russian(self, text: str) -> bool:
        """Whether a cleaned text is in Russian: its words, and no more letters that only Ukrainian has."""
        words = self._russian.findall(text)
        return len(words) > 1 and len(words) > sum(map(text.count, "іїєґ"))

    def line(self, kinds: Iterable[str]) -> str:
        """Classes as a string that patterns run over, one character each."""
        return "".join(map(self._symbol, kinds))

    def members(self, name: str) -> frozenset[str]:
        """The classes of a set of the data."""
        return frozenset(
            member
            for part in self._sets[name].split("|")
            for member in (self.members(part[1:]) if part.startswith("@") else (part,))
        )

    def _symbol(self, kind: str) -> str:
        return self._symbols.get(kind) or self._symbols.setdefault(kind, chr(0xE000 + len(self._symbols)))

    def _patterns(self, name: str) -> list[re.Pattern[str]]:
        return [re.compile(self._source(rule["pattern"])) for rule in self.data[name]]

    def _source(self, pattern: str) -> str:
        """A pattern of the data as a regular expression over symbols."""

        def element(match: re.Match[str]) -> str:
            classes: set[str] = set()
            for name in match["classes"].split("|"):
                classes |= self.members(name[1:]) if name.startswith("@") else {name}
            inside = f"[{match['negated'] or ''}{''.join(sorted(map(self._symbol, classes)))}]"
            return f"(?P<{match['name']}>{inside})" if match["name"] else inside

        compact = pattern.replace(" ", "")
        return re.sub(r"<(?:(?P<name>\w+)=)?(?P<negated>\^)?(?P<classes>[\w|@]+)>", element, compact)


def _words(alternatives: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)")


@cache
def bulletin_grammar() -> Grammar:
    """The bundled grammar of Air Force bulletins, read and compiled once."""
    source = files("features.bundled").joinpath("bulletin_grammar.toml").read_text(encoding="utf-8")
    return Grammar(tomllib.loads(source))
