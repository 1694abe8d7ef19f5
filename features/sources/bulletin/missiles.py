"""The missiles of a kind: the items of a list add up, a total that is stated beside them does not."""

from collections.abc import Sequence

from features.sources.bulletin.findings import Findings
from features.sources.bulletin.lexer import Number
from features.sources.bulletin.nodes import Count, Node

LIST_OPENERS = ("colon", "lparen", "including", "dash", "ofthem")


def inherit_kind(counts: Sequence[Count], nodes: list[Node]) -> None:
    """Missiles shot down are of the kind launched, where the text names no other: "3 Iskander-M; 1 missile downed"."""
    mine = [(one.role == "launched", nodes[one.node]) for one in counts if one.object == "missiles"]
    kinds = {node.missiles for launched, node in mine if launched}
    if len(kinds) == 1:
        for launched, node in mine:
            node.missiles = node.missiles or ("" if launched else next(iter(kinds)))


def missile_counts(kind: str, counts: Sequence[Count], nodes: list[Node], findings: Findings) -> dict[str, Number]:
    """Launched, shot down, suppressed and airborne missiles of a kind ("" where the text tells none)."""
    found: dict[str, Number] = {}
    for role in ("launched", "shot_down", "suppressed", "still_airborne"):
        mine = [
            one for one in counts if one.object == "missiles" and one.role == role and nodes[one.node].missiles == kind
        ]
        total = _total(mine, nodes)
        if total is not None:
            found[role] = total
            for one in mine:
                findings.take_count(f"{kind or 'missiles'}_{role}", one)
    return found


def _total(items: Sequence[Count], nodes: list[Node]) -> Number | None:
    """What the counts of one role come to; None where there are none or they do not agree."""
    qualifiers = {one.number.qualifier for one in items} - {"exactly"}
    if not items or len(qualifiers) > 1:
        return None
    named = [one for one in items if nodes[one.node].name]
    whole = [one for one in items if not nodes[one.node].name]
    total = _sum_by_name(named, nodes)
    if total is not None and whole:
        total = _with_whole(whole, total if named else None, {nodes[one.node].chain for one in items}, nodes)
    return None if total is None else Number(total, next(iter(qualifiers), "exactly"))


def _sum_by_name(named: Sequence[Count], nodes: list[Node]) -> int | None:
    """The sum over names; a name that is counted in several sentences must have the same count in each."""
    groups: dict[tuple[str, int], int] = {}
    for one in named:
        key = (nodes[one.node].name, nodes[one.node].chain)
        groups[key] = groups.get(key, 0) + one.number.value
    sums: dict[str, int] = {}
    for (name, _), value in groups.items():
        if sums.setdefault(name, value) != value:
            return None
    return sum(sums.values())


def _with_whole(whole: Sequence[Count], named: int | None, chains: set[int], nodes: list[Node]) -> int | None:
    """The total of counts without a name and of those with one: is the first the sum of the second, or a part?"""
    values = {one.number.value for one in whole}
    if values == {named}:
        return named
    if named is None:
        return sum(one.number.value for one in whole) if len(chains) == 1 else min(values) if len(values) == 1 else None
    if any(nodes[one.node].whole for one in whole):
        return None
    opens = all(_opens_list(one.node, nodes) for one in whole)
    if opens and len(values) == 1 and min(values) >= named:
        return min(values)
    return named + sum(one.number.value for one in whole) if not opens and len(chains) == 1 else None


def _opens_list(index: int, nodes: list[Node]) -> bool:
    return any(node.kind in LIST_OPENERS for node in nodes[index + 1 : index + 4])
