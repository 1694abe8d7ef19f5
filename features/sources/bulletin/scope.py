"""What a message says aside: other nights and periods, the other side's losses, live alerts, captions, local sources.

A number counts only where its own clause speaks of this attack on the whole country. Everything else is set aside
before any rule reads it, so that it is neither taken for tonight's count nor spoils the good number beside it.
"""

import re
from bisect import bisect_left
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice

from features.sources.bulletin.grammar import Grammar
from features.sources.bulletin.lexer import ASIDE, Token
from features.sources.bulletin.places import told_of_places
from features.sources.bulletin.sentences import TIMES, Sentence, Sentences
from features.sources.bulletin.text import Clean
from features.sources.bulletin.types import Aside

KEPT = ("stop", "bullet", "comma")
ONE_PLACE = "one place"
LOCAL = (ONE_PLACE, "one unit", "a local source")
"""Reasons for which words are aside that still tell the night: it is the same for a region as for the country."""
DAY_BEFORE = "the day before"
"""The reason for which a summary of the last day is aside; where nothing else is told, it is what is told."""
OLD = timedelta(days=90)
"""A date with its year that is longer before the receipt is no date of news."""
SPOKEN = 12
"""Sentences that one speaker is named after, at most."""


class Scope:
    """The tokens of a message with what is aside blanked out (`tokens`), and what that was (`asides`).

    area: the reporter speaks of its own area, and what is told of a place in it counts. received: when the message
    came out. day_before: its summary of the last day counts.
    national: somebody who speaks for the whole country is named. shares: the tokens of clauses that name one place, and
    yet may count for all ("8 of them over Poltava region"); parts: of those whose counts are of a part of the country.
    """

    def __init__(
        self,
        grammar: Grammar,
        clean: Clean,
        tokens: list[Token],
        *,
        area: bool,
        received: datetime | None = None,
        day_before: bool = False,
    ) -> None:
        self._grammar, self._clean, self._given = grammar, clean, tokens
        self._starts = [token.start for token in tokens]
        self._aside: set[int] = set()
        self._local: set[int] = set()
        self.asides: list[Aside] = []
        self.shares: set[int] = set()
        self.parts: set[int] = set()
        self.sentences = Sentences(grammar, clean, tokens)
        self.national = grammar.national.search(clean.text) is not None
        if received is not None:
            self._set_old_days_aside(received.date())
        for reason, reach, pattern in grammar.asides:
            if not (area and reason in LOCAL) and not (day_before and reason == DAY_BEFORE):
                for match in pattern.finditer(clean.text):
                    self._set_aside(reason, reach, match)
        if not area:
            self._set_places_aside()
        self.tokens = self._without(self._aside)

    def told_locally(self) -> list[Token]:
        """The tokens with what is told of one place: for the night of a text that names none elsewhere."""
        return self._without(self._aside - self._local)

    def _without(self, aside: set[int]) -> list[Token]:
        return [
            replace(token, kind=ASIDE, number=None, days=(), clock=None)
            if index in aside and token.kind not in KEPT
            else token
            for index, token in enumerate(self._given)
        ]

    def _set_aside(self, reason: str, reach: str, match: re.Match[str]) -> None:
        index = bisect_left(self._starts, match.start())
        if index >= len(self._given) or self._given[index].start >= match.end() or index in self._aside:
            return
        sentence = self.sentences.of(index)
        begins = self._given[sentence.first].start
        if match.group().startswith("in ") and self._grammar.launched_from.search(
            self._clean.text[begins : match.start()]
        ):
            # "From Cape Chauda in occupied Crimea" is where drones came from, not where they were counted.
            return
        match reach:
            case "clause":
                self._mark(reason, *self.sentences.reached(index))
            case "period":
                # "The largest attack of the year" counts nothing of the year.
                if not self._grammar.superlative.search(self._clean.text, begins, match.start()):
                    first, last = self.sentences.counted_by(index)
                    # What goes on without a time of its own is of the same period.
                    goes_on = last == sentence.last and self.sentences.numbers(first, last)
                    self._mark(reason, first, self.sentences.end_of_topic(sentence) if goes_on else last)
            case "sentence":
                self._mark(reason, sentence.first, sentence.last)
            case "speech":
                self._mark(reason, *self._speech(sentence))
            case "paragraph":
                self._mark(reason, *self.sentences.rest_of_paragraph(index))

    def _set_old_days_aside(self, received: date) -> None:
        """Set the sentences aside that a date with its year puts into another season, unless there is no other."""
        old = {self.sentences.of(index) for index, token in enumerate(self._given) if _is_old(token, received)}
        if any(token.kind in TIMES and self.sentences.of(index) not in old for index, token in enumerate(self._given)):
            for sentence in sorted(old, key=lambda one: one.first):
                self._mark("another time", sentence.first, sentence.last)

    def _speech(self, sentence: Sentence) -> tuple[int, int]:
        """What a speaker said: the sentence that names him, those that go on, and those that he is named after."""
        first, last = sentence.first, sentence.last
        place = self.sentences.place(sentence)
        if self._grammar.named_after.match(self._clean.text, *self.sentences.text(sentence)):
            spoken = self.sentences.all[max(place - SPOKEN, 0) : place]
            first = next((one.first for one in spoken if one.paragraph == spoken[-1].paragraph), first)
        for one in islice(self.sentences.all, place + 1, None):
            if not self._grammar.goes_on.match(self._clean.text, *self.sentences.text(one)):
                break
            last = one.last
        return first, last

    def _set_places_aside(self) -> None:
        for told in told_of_places(self._grammar, self._clean, self._given, self.sentences, national=self.national):
            if told.place not in self._aside:
                if told.share or told.part:
                    (self.shares if told.share else self.parts).update(range(told.first, told.last))
                else:
                    self._mark(ONE_PLACE, told.first, told.last)

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


def _is_old(token: Token, received: date) -> bool:
    """Whether a token is a date with its year long before the receipt."""
    for day in token.days:
        try:
            if day.year is not None and received - date(day.year, day.month, day.day) > OLD:
                return True
        except ValueError:
            continue
    return False
