"""Which counts stand where a message has several of one kind: corrections, shares of a whole, headings."""

from collections.abc import Sequence
from itertools import groupby

from features.sources.bulletin.nodes import DRONES, Count
from features.sources.bulletin.scope import Scope

TOTALS = ("launched", "shot_down", "suppressed", "still_airborne")
"""Roles of counts that are of the whole country, or nothing."""


def sifted(counts: Sequence[Count], scope: Scope) -> list[Count]:
    """The counts without those that others overrule, in text order.

    A correction overrules what it corrects, and what is told of the whole what is told of one place. A heading that
    counts more than the drones of the salvo (reconnaissance drones too, or more than were launched) is none of them.
    """
    kept: list[Count] = []
    for (role, drones), mine in groupby(sorted(counts, key=_kind), key=_kind):
        same = list(mine)
        if role in TOTALS:
            same = [one for one in same if one.first not in scope.parts]
        if role == "launched":
            # "A hundred drones", says the heading of 119.
            same = [one for one in same if one.first >= scope.sentences.heading or one.number.qualifier == "exactly"]
        same = [one for one in same if one.first in scope.sentences.corrected] or same
        same = [one for one in same if one.first not in scope.shares] or same
        if role == "shot_down" and drones == DRONES[0]:
            heading = scope.sentences.heading
            told = {one.number.value for one in same if one.first >= heading}
            same = [one for one in same if one.first >= heading or not _counts_more(one, told, counts)]
        kept += same
    return sorted(kept, key=lambda one: one.node)


def _kind(count: Count) -> tuple[str, str]:
    """Role and kind of what is counted: drones of a salvo are one kind, however they are called."""
    return count.role, DRONES[0] if count.object in DRONES else count.object


def _counts_more(heading: Count, told: set[int], counts: Sequence[Count]) -> bool:
    """Whether a heading's count of drones shot down is one of more than the drones of this salvo."""
    value = heading.number.value
    others = sum(one.number.value for one in counts if one.role == "shot_down" and one.object == "other_drones")
    launched = [one.number.value for one in counts if one.role == "launched" and one.object in DRONES]
    if told:
        return bool(others) and value - others in told
    return bool(others) or bool(launched and value > max(launched))
