"""What a message says aside: other nights, periods and places, the other side's losses, live alerts, captions.

A number counts only where its own clause speaks of this attack on the whole country. Everything else is set aside
before any rule reads it, so that it is neither taken for tonight's count nor spoils the good number beside it.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from features.sources.bulletin.grammar import Grammar
from features.sources.bulletin.lexer import Token
from features.sources.bulletin.nodes import DRONES as COUNTED
from features.sources.bulletin.nodes import Count
from features.sources.bulletin.text import Clean
from features.sources.bulletin.types import Aside

ASIDE = "aside"
"""The class of words that are set aside: no rule knows it."""
LOCAL = ("one place", "a local source")
"""Reasons for which words are aside that still tell the night: it is the same for a region as for the country."""
KEPT = ("stop", "bullet", "comma")
MISSILES = frozenset({"missile", "missile_one", "missile_single", "cruise_name", "ballistic_name", "missile_name"})
DRONES = frozenset({"drone", "shahed", "decoy", "shahed_jet"})
LIST = 3
"""As many places in one clause are all of the country that was attacked, not a part of it."""
DRONES_COUNTED = "drones"
HEADING = 120
"""Characters that a heading has at most."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """tokens[first:last]; paragraph: its number. clauses: where each of its clauses begins."""

    first: int
    last: int
    paragraph: int
    clauses: tuple[int, ...]

    def clause(self, index: int) -> tuple[int, int]:
        """The clause of a token, from the comma or conjunction before it to the next."""
        place = bisect_right(self.clauses, index) - 1
        return self.clauses[place], [*self.clauses, self.last][place + 1]


class Scope:
    """The tokens of a message with what is aside blanked out (`tokens`), and what that was (`asides`).

    told_locally: the tokens with what is told of one place, for the night of a text that names none elsewhere.

    area: the reporter speaks of its own area, and what is told of a place in it counts.
    heading: how many tokens the heading has. shares: the tokens of clauses that name one place, and yet may count for
    all ("8 of them over Poltava region"). corrected: those of a correction, which wins over what it corrects.
    """

    def __init__(self, grammar: Grammar, clean: Clean, tokens: list[Token], *, area: bool) -> None:
        self._grammar, self._clean, self._given = grammar, clean, tokens
        self._starts = [token.start for token in tokens]
        self.asides: list[Aside] = []
        self.national = grammar.national.search(clean.text) is not None
        self.shares: set[int] = set()
        self._aside: set[int] = set()
        self._local: set[int] = set()
        self._sentences = list(self._found_sentences())
        self.heading = self._heading()
        self.corrected = self._corrected()
        for reason, reach, pattern in grammar.asides:
            for match in pattern.finditer(clean.text) if not (area and reach == "speech") else ():
                self._set_aside(reason, reach, match)
        if not area:
            self._places()
        self.tokens = self._without(self._aside)
        self.told_locally = self._without(self._aside - self._local)

    def _without(self, aside: set[int]) -> list[Token]:
        return [
            replace(token, kind=ASIDE, number=None, days=(), clock=None)
            if index in aside and token.kind not in KEPT
            else token
            for index, token in enumerate(self._given)
        ]

    def sifted(self, counts: Sequence[Count]) -> list[Count]:
        """The counts that stand where others of their role do: a correction for what it corrects, the whole for a part.

        A heading also counts what the text tells apart (reconnaissance drones), or more than the text has launched: then
        it is no count of these drones.
        """
        kept: list[Count] = []
        for thing, mine in groupby(sorted(counts, key=_thing), key=_thing):
            same = list(mine)
            same = [one for one in same if one.first in self.corrected] or same
            same = [one for one in same if one.first not in self.shares] or same
            if thing == ("shot_down", DRONES_COUNTED):
                same = [one for one in same if one.first >= self.heading or not self._explained(one, same, counts)]
            kept += same
        return sorted(kept, key=lambda one: one.node)

    def _explained(self, heading: Count, same: Sequence[Count], counts: Sequence[Count]) -> bool:
        """Whether a heading's count of drones shot down is one of more than the drones of this salvo."""
        others = [one.number.value for one in counts if one.role == "shot_down" and one.object == "other_drones"]
        launched = [one.number.value for one in counts if one.role == "launched" and one.object in COUNTED]
        told = {one.number.value for one in same if one.first >= self.heading}
        value = heading.number.value
        return bool(others and (not told or value - sum(others) in told)) or bool(
            not told and launched and value > max(launched)
        )

    def sentence_of(self, index: int) -> Sentence:
        """The sentence of a token."""
        return self._sentences[max(bisect_right([one.first for one in self._sentences], index) - 1, 0)]

    def _found_sentences(self) -> Iterator[Sentence]:
        first, paragraph = 0, 0
        clauses = [0]
        for index, token in enumerate(self._given):
            if token.kind == "stop":
                if first < index:
                    yield Sentence(first, index, paragraph, tuple(clauses))
                first, clauses = index + 1, [index + 1]
                paragraph += "\n" in self._clean.text[token.start : self._next_start(index)]
            elif index > first and self._opens_clause(index):
                clauses.append(index)
        if first < len(self._given):
            yield Sentence(first, len(self._given), paragraph, tuple(clauses))

    def _next_start(self, index: int) -> int:
        return self._given[index + 1].start if index + 1 < len(self._given) else len(self._clean.text)

    def _opens_clause(self, index: int) -> bool:
        before, token = self._given[index - 1], self._given[index]
        after = self._given[index + 1].kind if index + 1 < len(self._given) else ""
        return (
            before.kind in ("comma", "colon")
            or (token.kind == "bullet")
            or (token.kind == "conj" and token.text in self._grammar.adversatives and after != "more")
        )

    def _heading(self) -> int:
        """How many tokens stand in a first line of its own, where there is more than that line."""
        if len(self._sentences) < 2:
            return 0
        lines = [one for one in self._sentences if one.paragraph == self._sentences[0].paragraph]
        end = self._given[lines[-1].last - 1].end
        return lines[-1].last if len(lines) < len(self._sentences) and end <= HEADING else 0

    def _corrected(self) -> frozenset[int]:
        """The tokens after the word that announces a correction, up to the end of its paragraph."""
        found: set[int] = set()
        for index, token in enumerate(self._given):
            if token.kind == "correction":
                mine = self.sentence_of(index)
                found.update(range(index, max(one.last for one in self._sentences if one.paragraph == mine.paragraph)))
        return frozenset(found)

    def _set_aside(self, reason: str, reach: str, match: re.Match[str]) -> None:
        index = bisect_left(self._starts, match.start())
        if index >= len(self._given) or self._given[index].start >= match.end():
            return
        sentence = self.sentence_of(index)
        match reach:
            case "clause":
                self._mark(reason, *self._reached(sentence, index))
            case "period":
                self._mark(reason, *self._period(sentence, index))
            case "sentence":
                self._mark(reason, sentence.first, sentence.last)
            case "speech":
                self._mark(reason, *self._speech(sentence, match))
            case "paragraph":
                alone = sentence.last - sentence.first <= 3 and "\n" in self._clean.text[match.end() : match.end() + 3]
                same = [one for one in self._sentences if one.paragraph == sentence.paragraph or alone]
                self._mark(reason, sentence.first, max(one.last for one in same))

    def _reached(self, sentence: Sentence, index: int) -> tuple[int, int]:
        """The clause of a token; what opens a sentence holds for it up to a "while" or "but"."""
        first, last = sentence.clause(index)
        if first == sentence.first:
            turns = [one for one in sentence.clauses[1:] if one > index and self._turns(one)]
            last = min([*turns, sentence.last])
        return first, last

    def _period(self, sentence: Sentence, index: int) -> tuple[int, int]:
        """What a period counts: all that follows it, and the items of the list that it ends, up to a "while" or "but"."""
        place = bisect_right(sentence.clauses, index) - 1
        first = sentence.clauses[place]
        if self._numbers(first, index):
            while place and not self._turns(first) and not self._verbs(first, index):
                place -= 1
                first, index = sentence.clauses[place], first
            return first, sentence.clause(index)[1] if self._numbers(index, sentence.last) else sentence.last
        turns = [one for one in sentence.clauses if one > index and self._turns(one)]
        return first, min([*turns, sentence.last])

    def _numbers(self, first: int, last: int) -> list[int]:
        return [one for one in range(first, last) if self._given[one].number is not None]

    def _verbs(self, first: int, last: int) -> bool:
        return any(one.kind in self._grammar.verbs for one in self._given[first:last])

    def _turns(self, index: int) -> bool:
        return self._given[index].kind == "conj" and self._given[index].text in self._grammar.adversatives

    def _speech(self, sentence: Sentence, match: re.Match[str]) -> tuple[int, int]:
        """What a speaker said: the sentence that names him, those that go on, and those that he is named after."""
        first, last = sentence.first, sentence.last
        text = self._clean.text[self._given[first].start : self._given[last - 1].end]
        if self._grammar.named_after.match(text):
            place = self._sentences.index(sentence)
            before = self._sentences[place - 1].paragraph if place else -1
            first = min([first, *(one.first for one in self._sentences[:place] if one.paragraph == before)])
        for one in self._sentences:
            if one.first == last + 1 and self._grammar.goes_on.match(
                self._clean.text[self._given[one.first].start : self._given[one.last - 1].end]
            ):
                last = one.last
        return first, last

    def _places(self) -> None:
        """Set aside what is told of one region or town; the places of a long list are the whole country."""
        for sentence in self._sentences:
            start, end = self._given[sentence.first].start, self._given[sentence.last - 1].end
            found = [*self._grammar.place.finditer(self._clean.text, start, end)]
            places = [bisect_left(self._starts, match.start()) for match in found]
            for match, index in zip(found, places, strict=True):
                if index >= sentence.last or index in self._aside:
                    continue
                if match["subject"]:
                    self._mark("one place", sentence.first, sentence.last)
                    continue
                first, last = self._reached(sentence, index)
                before, after = self._numbers(first, index), self._numbers(index, last)
                leads = not before
                # What stands before the count of the place ("5 missiles over Sumy region") is not told of it.
                item = (first, last) if leads else (self._whole(before[-1]), min(after, default=last))
                if match["part"]:
                    self.shares.update(range(*item))
                    continue
                elsewhere = before and any(one.kind == "which" for one in self._given[before[-1] : index])
                listed = sum(item[0] <= one < item[1] for one in places)
                listed += self._grammar.next_place.match(self._clean.text, match.end(), end) is not None
                alone = len(self._numbers(sentence.first, sentence.last)) < 2
                if (elsewhere and not match["target"]) or listed >= LIST:
                    continue
                if listed > 1 and (match["target"] or (not leads and alone)):
                    continue
                all_told = not leads and self._all_told(first, last)
                self._of_one_place(*item, all_told=all_told, target=bool(match["target"]), national=self.national)

    def _of_one_place(self, first: int, last: int, *, all_told: bool, target: bool, national: bool) -> None:
        """Set aside what is told of one place, unless it may speak of the whole country all the same."""
        missiles = self._counts_missiles(first, last)
        if target:
            if not national and not missiles:
                self._mark("one place", first, last)
        elif all_told or missiles:
            self.shares.update(range(first, last))
        else:
            self._mark("one place", first, last)

    def _whole(self, index: int) -> int:
        """Where "8 of 9" begins, of which a number is the second."""
        given = self._given
        return index - 2 if index > 1 and given[index - 1].kind == "of" and given[index - 2].number else index

    def _counts_missiles(self, first: int, last: int) -> bool:
        """Whether a clause speaks of missiles alone."""
        kinds = {one.kind for one in self._given[first:last]}
        return bool(kinds & MISSILES) and not kinds & DRONES

    def _all_told(self, first: int, last: int) -> bool:
        """Whether a clause counts out of a whole: "8 of them", "all 9", "8 of 9"."""
        return any(
            one.kind in ("all", "ofthem") or (one.kind == "of" and self._given[index - 1].number is not None)
            for index, one in enumerate(self._given[first:last], start=first)
        )

    def _mark(self, reason: str, first: int, last: int) -> None:
        fresh = [one for one in range(first, last) if one not in self._aside]
        if not fresh:
            return
        self._aside.update(fresh)
        if reason in LOCAL:
            self._local.update(fresh)
        if any(self._given[one].number is not None for one in fresh):
            span = self._clean.span(self._given[fresh[0]].start, self._given[fresh[-1]].end)
            self.asides.append(Aside(reason, span.start, span.end))


def _thing(count: Count) -> tuple[str, str]:
    """Role and kind of what is counted: drones of a salvo are one kind, however they are called."""
    return count.role, DRONES_COUNTED if count.object in COUNTED else count.object
