"""How many launch areas a message names: coarse directions are counted, their names are not kept."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import takewhile

from features.sources.bulletin.findings import Findings
from features.sources.bulletin.grammar import Grammar
from features.sources.bulletin.lexer import Number
from features.sources.bulletin.nodes import DRONES, Count, Node
from features.sources.bulletin.types import ReadField

LONGEST_LIST = 800
"""Characters within which a list of areas ends."""


class Areas:
    """The launch areas of one message; `count` is what it is for."""

    def __init__(self, grammar: Grammar, nodes: list[Node], findings: Findings) -> None:
        self._nodes, self._findings, self._clean = nodes, findings, findings.clean
        self._tokens = findings.tokens
        self._words: dict[str, str] = grammar.data["areas"]
        self._cue = re.compile(self._words["cue"])
        self._plain = re.compile(rf"{self._words['plain']}(?: {self._words['lead']}){{0,3}} ")
        self._places = [token.start for token in self._tokens]
        self._plain_words = grammar.members("in_area")
        self._stops = [token.start for token in self._tokens if token.kind == "stop"]
        self._without_number = [one for one in nodes if one.kind in ("drone", "shahed") and one.state == "launched"]
        self._firsts = [one.first for one in self._without_number]
        self._missiles = [self._tokens[one.first].start for one in nodes if one.kind == "missiles"]
        self._skipped = grammar.members("before_area")
        over = grammar.members("after_areas")
        self._ends = [
            self._tokens[node.first].start
            for node in nodes
            if node.kind in over or (node.number is not None and node.kind != "areas")
        ]

    def count(self, counts: Sequence[Count], first: int, last: int) -> Number | None:
        """The number of areas named with the drones launched in tokens[first:last]; None where none are.

        A list of names says more than a count of directions, but must not contradict it.
        """
        stated = {one.number.value for one in counts if one.role == "launch_areas"}
        launched = [self._nodes[one.node] for one in counts if one.role == "launched" and one.object in DRONES]
        place = bisect_left(self._firsts, first)
        launched = launched[:3] + self._without_number[place : place + 2]
        lists = (self._list(node, last) for node in launched if node.first < last)
        begin, limit, count = next((found for found in lists if found[2]), (0, 0, 0))
        if not count or stated - {count}:
            return Number(next(iter(stated))) if len(stated) == 1 and not count else None
        span = self._clean.span(begin, limit)
        self._findings.fields.append(ReadField("launch_areas", count, span.start, span.end))
        self._findings.mark(bisect_right(self._places, begin) - 1, bisect_left(self._places, limit))
        return Number(count)

    def _list(self, launched: Node, last: int) -> tuple[int, int, int]:
        """Where the list of areas begins and ends in the cleaned text, and how many it names; 0 where there is none."""
        start, over = self._tokens[launched.last - 1].end, self._tokens[last - 1].end
        place = bisect_right(self._stops, self._tokens[launched.first].start)
        head, limit = self._stops[place - 1] if place else 0, min([*self._stops[place : place + 1], over])
        # A list after missiles is theirs: the areas of the drones come before the next missiles, after the last.
        before = bisect_left(self._missiles, start)
        head, limit = (
            max([head, *self._missiles[max(before - 1, 0) : before]]),
            min([limit, *self._missiles[before : before + 1]]),
        )
        begin = self._cued(start, limit) or self._plain_cue(launched, limit)
        if begin is None and (begin := self._cued(head, self._tokens[launched.first].start)):
            limit = self._tokens[launched.first].start
        if begin is None and (
            begin := self._cued(limit, min([over, limit + LONGEST_LIST, *self._missiles[before : before + 1]]))
        ):
            place = bisect_right(self._stops, begin)
            limit = min([*self._stops[place : place + 1], over])
        if begin is None:
            before = bisect_left(self._missiles, head)
            first = max([0, head - LONGEST_LIST, *self._missiles[max(before - 1, 0) : before]])
            begin, limit = self._cued(first, head), head
        if begin is None:
            return 0, 0, 0
        if self._clean.text[begin : begin + 2] == " (":
            begin += 2
            closing = self._clean.text.find(")", begin, limit)
            limit = closing if closing > 0 else limit
        place = bisect_left(self._ends, begin)
        limit = min([limit, *self._ends[place : place + 1]])
        if limit <= begin:
            return 0, 0, 0
        return begin, limit, named_areas(self._clean.given(begin, limit).strip(" :–—-\n"), self._words)

    def _cued(self, begin: int, end: int) -> int | None:
        found = self._cue.search(self._clean.text, begin, end)
        return found.end() if found else None

    def _plain_cue(self, launched: Node, limit: int) -> int | None:
        """The end of a bare "from" or "(" after the drones and their types, when a capitalised name comes next."""
        inside = False
        for token in self._tokens[launched.last : launched.last + 30]:
            if token.kind == "lparen" and (names := self._names_in_brackets(token.end, limit)):
                return names
            inside = (inside or token.kind == "lparen") and token.kind != "rparen"
            if inside and token.kind != "stop":
                continue
            if token.start >= limit or token.kind not in self._skipped:
                return None
            found = self._plain.match(self._clean.text, token.start, limit)
            if found and found.end() < limit and self._clean.given(found.end(), found.end() + 1).isupper():
                return token.end
        return None

    def _names_in_brackets(self, begin: int, limit: int) -> int | None:
        """Where capitalised names of no known class begin, when there is nothing but them up to the parenthesis."""
        first = bisect_left(self._places, begin)
        inside = list(
            takewhile(lambda one: one.kind != "rparen" and one.start < limit, self._tokens[first : first + 30])
        )
        if not all(token.kind in self._plain_words for token in inside):
            return None
        names = (one.start for one in inside if self._clean.given(one.start, one.start + 1).isupper())
        return next(names, None)


def named_areas(text: str, words: dict[str, str]) -> int:
    """The number of areas a list names: capitalised names between commas; a country after a name is a note."""
    flags = re.IGNORECASE
    text = re.sub(r"\([^()]{0,200}\)", " ", text[:LONGEST_LIST]).split(")")[0]
    count, last = 0, ""
    for segment in re.split(words["separator"], text, flags=flags):
        name, *notes = re.split(r"\s[-–—]\s", segment.strip(" \n.:«»\"'*"))
        while (lead := re.match(rf"{words['lead']}\s+", name, flags)) is not None:
            name = name[lead.end() :]
        if re.search(rf"\b{words['saying']}\b", name, flags):
            break
        if not name or re.match(rf"{words['note']}\b", name, flags) or re.fullmatch(words["common"], name, flags):
            continue
        if re.fullmatch(words["crimea"], name, flags) and re.match(words["in_crimea"], last, flags):
            continue
        if not any(word[0].isupper() for word in name.split()):
            break
        count, last = count + 1, name
        if notes and not re.match(rf"{words['note']}\b|{words['crimea']}\b", notes[0].strip(), flags):
            break
    return count
