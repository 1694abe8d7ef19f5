"""A message as paragraphs, sentences and clauses: how far what a word says goes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from features.sources.bulletin.grammar import Grammar
from features.sources.bulletin.lexer import Token
from features.sources.bulletin.text import Clean

HEADING = 120
"""Characters that a heading has at most."""
TIMES = frozenset({"night", "day", "date", "date_range", "dotted", "time", "today", "yesterday", "asof"})
"""Classes of words that say when."""
LONGEST_LIST = 8
"""Clauses before a word that can belong to the list that it ends."""


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
        following = self.clauses[place + 1 : place + 2]
        return self.clauses[place], following[0] if following else self.last


class Sentences:
    """The sentences of a message (`all`); a range of tokens is (first, last), last excluded.

    heading: how many tokens the heading has. corrected: the tokens of corrections, from the word that announces one to
    the end of its paragraph.
    """

    def __init__(self, grammar: Grammar, clean: Clean, tokens: list[Token]) -> None:
        self._grammar, self._clean, self._tokens = grammar, clean, tokens
        self.all = list(self._found())
        self._firsts = [one.first for one in self.all]
        self._ends = {one.paragraph: one.last for one in self.all}
        self._numbers = [index for index, token in enumerate(tokens) if token.number is not None]
        opens = [True, *(token.kind != "lparen" for token in tokens)]
        self._turns = [index for index, token in enumerate(tokens) if opens[index] and self._is_turn(token)]
        self.heading = self._heading()
        self.corrected = self._corrected()

    def of(self, index: int) -> Sentence:
        """The sentence of a token."""
        return self.all[max(bisect_right(self._firsts, index) - 1, 0)]

    def place(self, sentence: Sentence) -> int:
        """The number of a sentence, in `all`."""
        return bisect_left(self._firsts, sentence.first)

    def text(self, sentence: Sentence) -> tuple[int, int]:
        """Where a sentence begins and ends in the cleaned text."""
        return self._tokens[sentence.first].start, self._tokens[sentence.last - 1].end

    def numbers(self, first: int, last: int) -> list[int]:
        """The numbers in tokens[first:last], by their indices."""
        return self._numbers[bisect_left(self._numbers, first) : bisect_left(self._numbers, last)]

    def reached(self, index: int) -> tuple[int, int]:
        """How far a word holds: for its clause, or, where it opens a sentence, up to a "while" or "but"."""
        sentence = self.of(index)
        first, last = sentence.clause(index)
        return first, self._next_turn(sentence, index) if first == sentence.first else last

    def counted_by(self, index: int) -> tuple[int, int]:
        """What a period counts: all that follows it, or the list that it ends ("5 bombs and 9 drones this week")."""
        sentence = self.of(index)
        first, last = sentence.clause(index)
        if not self.numbers(first, index):
            return index, self._next_turn(sentence, index)
        place = bisect_right(sentence.clauses, index) - 1
        end = index
        for _ in range(LONGEST_LIST):
            verbs = any(one.kind in self._grammar.verbs for one in self._tokens[first:end])
            if verbs or not place or self._is_turn(self._tokens[first]):
                break
            place -= 1
            first, end = sentence.clauses[place], first
        return first, last

    def rest_of_paragraph(self, index: int) -> tuple[int, int]:
        """From the sentence of a token to the end of its paragraph; to that of the message after a title of its own."""
        sentence = self.of(index)
        after = self._tokens[sentence.last - 1].end
        title = sentence.last - sentence.first <= 3 and "\n" in self._clean.text[after : after + 3]
        return sentence.first, self.all[-1].last if title else self._ends[sentence.paragraph]

    def end_of_topic(self, sentence: Sentence) -> int:
        """The end of the sentences from this one on, in its paragraph, of which none has a time of its own."""
        last = sentence.last
        for one in islice(self.all, self.place(sentence) + 1, None):
            timed = any(token.kind in TIMES for token in self._tokens[one.first : one.last])
            if one.paragraph != sentence.paragraph or timed:
                break
            last = one.last
        return last

    def _next_turn(self, sentence: Sentence, index: int) -> int:
        """Where a sentence turns to something else, after a token; its end where it does not."""
        place = bisect_right(self._turns, index)
        return min([*self._turns[place : place + 1], sentence.last])

    def _found(self) -> Iterator[Sentence]:
        first, paragraph = 0, 0
        clauses = [0]
        for index, token in enumerate(self._tokens):
            if token.kind == "stop":
                if first < index:
                    yield Sentence(first, index, paragraph, tuple(clauses))
                first, clauses = index + 1, [index + 1]
                following = self._tokens[index + 1 : index + 2]
                end = following[0].start if following else len(self._clean.text)
                paragraph += "\n" in self._clean.text[token.start : end]
            elif index > first and self._opens_clause(index):
                clauses.append(index)
        if first < len(self._tokens):
            yield Sentence(first, len(self._tokens), paragraph, tuple(clauses))

    def _opens_clause(self, index: int) -> bool:
        before, token = self._tokens[index - 1], self._tokens[index]
        also = any(one.kind == "more" for one in self._tokens[index + 1 : index + 2])
        return before.kind in ("comma", "colon") or token.kind == "bullet" or (self._is_turn(token) and not also)

    def _is_turn(self, token: Token) -> bool:
        return token.kind == "conj" and token.text in self._grammar.adversatives

    def _heading(self) -> int:
        """How many tokens stand in a first line of its own, where there is more than that line."""
        last = self._ends[self.all[0].paragraph] if self.all else 0
        alone = bool(self.all) and last < self.all[-1].last and self._tokens[last - 1].end <= HEADING
        return last if alone else 0

    def _corrected(self) -> frozenset[int]:
        found: set[int] = set()
        for index, token in enumerate(self._tokens):
            if token.kind == "correction" and index not in found:
                found.update(range(index, self._ends[self.of(index).paragraph]))
        return frozenset(found)
