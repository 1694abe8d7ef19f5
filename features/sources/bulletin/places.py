"""What a message tells of one region or town: not the whole country's, unless it counts out of a whole."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from features.sources.bulletin.grammar import Grammar
from features.sources.bulletin.lexer import Token
from features.sources.bulletin.sentences import Sentence, Sentences
from features.sources.bulletin.text import Clean

MISSILES = frozenset({"missile", "missile_one", "missile_single", "cruise_name", "ballistic_name", "missile_name"})
DRONES = frozenset({"drone", "shahed", "decoy", "shahed_jet"})
LONG = 3
"""As many places in one list are all of the country that was attacked, not a part of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """tokens[first:last] are told of the place named at `place`.

    share: they may count for the whole country ("8 of 9 over Poltava region"). part: the place is a large part of it,
    and the count its own, but not the words around.
    """

    place: int
    first: int
    last: int
    share: bool = False
    part: bool = False


def told_of_places(
    grammar: Grammar, clean: Clean, tokens: list[Token], sentences: Sentences, *, national: bool
) -> Iterator[Told]:
    """The stretches that are told of one place, in text order.

    national: somebody who speaks for the whole country is named: a place that was attacked does not narrow the count.
    """
    starts = [token.start for token in tokens]
    for sentence in sentences.all:
        begin, end = sentences.text(sentence)
        found = [*grammar.place.finditer(clean.text, begin, end)]
        places = [bisect_left(starts, match.start()) for match in found]
        alone = len(sentences.numbers(sentence.first, sentence.last)) < 2
        told = Told(-1, -1, -1)
        official = any(one.kind in ("asof", "merged") for one in tokens[sentence.first : sentence.last])
        for match, place in zip(found, places, strict=True):
            if place >= sentence.last or sentences.reached(place) == (told.first, told.last):
                continue
            told = _told(match, place, sentence, tokens, sentences)
            listed = bisect_left(places, told.last) - bisect_left(places, told.first)
            listed += _further(grammar, clean.text, match.end(), end)
            target = match["target"]
            country = match["part"] if official else None
            if match["subject"] or (match["part"] and not country):
                yield told
            elif country or listed >= LONG or (target and (listed > 1 or _of_missiles(tokens[told.first : told.last]))):
                continue
            elif target and national:
                # What was sent at one town gives way to what was sent at the country.
                if told.first < place:
                    yield replace(told, last=sentence.last, share=True, part=False)
            elif listed > 1 and alone and told.first < place:
                yield replace(told, part=not told.share)
            elif target or not _in_relative_clause(told, tokens):
                yield told


def _further(grammar: Grammar, text: str, begin: int, end: int) -> int:
    """How many places a list goes on with after its first."""
    if regions := grammar.more_regions.match(text, begin, end):
        return regions.group().count(",") + 1
    number = 0
    while number < LONG and (another := grammar.next_place.match(text, begin, end)):
        number, begin = number + 1, another.end()
    return number


def _told(match: re.Match[str], place: int, sentence: Sentence, tokens: list[Token], sentences: Sentences) -> Told:
    """What is told of a place: the count before it up to the next, or its clause where it comes before any."""
    if match["subject"]:
        return Told(place, sentence.first, sentence.last)
    first, last = sentences.reached(place)
    before, after = sentences.numbers(first, place), sentences.numbers(place, last)
    if not before:
        return Told(place, first, last, share=_of_missiles(tokens[first:last]), part=bool(match["part"]))
    item = (_whole(tokens, before[-1]), min(after, default=last))
    out_of_whole = not match["target"] and _out_of_whole(tokens[first:last])
    share = out_of_whole or _of_missiles(tokens[slice(*item)])
    return Told(place, *item, share=share, part=bool(match["part"]) and not share)


def _whole(tokens: list[Token], index: int) -> int:
    """Where "8 of 9" begins, of which a number is the second."""
    return index - 2 if index > 1 and tokens[index - 1].kind == "of" and tokens[index - 2].number else index


def _of_missiles(tokens: list[Token]) -> bool:
    """Whether words speak of missiles alone: these are told with their places, and rarely otherwise."""
    kinds = {one.kind for one in tokens}
    return bool(kinds & MISSILES) and not kinds & DRONES


def _out_of_whole(tokens: list[Token]) -> bool:
    """Whether words count out of a whole: "8 of them", "all 9", "8 of 9"."""
    return any(one.kind in ("all", "ofthem") for one in tokens) or any(
        one.number is not None and two.kind == "of" for one, two in pairwise(tokens)
    )


def _in_relative_clause(told: Told, tokens: list[Token]) -> bool:
    """Whether the place is that of what the drones did ("9 drones that damaged homes in Kyiv"), not of the count."""
    before = tokens[told.first : told.place]
    turn = next((index for index, one in enumerate(before) if one.kind == "which"), 0)
    return any(one.number is not None for one in before[:turn])  # "he said that over the region 17 drones" is none
