"""Tokens to nodes: every number joined to the words of the thing it counts."""

from dataclasses import dataclass

from features.sources.bulletin.grammar import Grammar
from features.sources.bulletin.lexer import Number, Token

DRONES = ("drones", "shaheds", "strike_drones")
"""Objects that count drones of a salvo, or its armed part; decoys and jet drones are told apart."""


@dataclass(slots=True)
class Node:
    """A token, or a number with what it counts: kind is a class or an object; tokens[first:last] make it.

    missiles: the kind of missiles counted (cruise, ballistic, mixed), or nothing where the words do not tell.
    downed: the words say so ("18 downed drones"). whole: this is the total in "26 of 28".
    state: the role of the last verb before it; chain: the number of its sentence or list. seen: the objects counted
    before it in the text; near: before it in the same chain, or in the last that counted anything.
    """

    kind: str
    first: int
    last: int
    number: Number | None = None
    missiles: str = ""
    name: str = ""
    downed: bool = False
    whole: bool = False
    state: str = ""
    chain: int = 0
    seen: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Count:
    """A number with its role (launched, shot_down, ...): tokens[first:last], at nodes[node]."""

    role: str
    object: str
    number: Number
    node: int
    first: int
    last: int


def nodes_of(tokens: list[Token], grammar: Grammar) -> list[Node]:
    """The tokens as nodes: "twelve enemy drones" is one, counting twelve of the object "drones"."""
    kinds = [token.kind for token in tokens]
    nodes: list[Node] = []
    done = 0
    for match in grammar.phrase.finditer(grammar.line(kinds)):
        nodes += _single(tokens, done, match.start())
        done = match.end()
        nodes.append(_counted(str(grammar.objects[(match.lastindex or 1) - 1]), tokens, match.start(), done))
    nodes += _single(tokens, done, len(tokens))
    return nodes


def _single(tokens: list[Token], first: int, last: int) -> list[Node]:
    return [
        Node("bare" if one.number else one.kind, index, index + 1, one.number)
        for index, one in enumerate(tokens[first:last], start=first)
    ]


def _counted(kind: str, tokens: list[Token], first: int, last: int) -> Node:
    inside = tokens[first:last]
    number = next((one.number for one in inside if one.number), Number(1))
    node = Node(kind, first, last, number, downed=any(one.kind == "downed" for one in inside))
    if kind == "missiles":
        node.missiles = _missile_kind(inside)
        node.name = " ".join(one.text for one in inside if one.kind.endswith("_name"))
    return node


def _missile_kind(tokens: list[Token]) -> str:
    """What kind of missiles the words tell; a name tells more than an adjective ("ballistic" of a Kh-22)."""
    named = {token.kind.removesuffix("_name") for token in tokens if token.kind in ("cruise_name", "ballistic_name")}
    kinds = named or {token.kind for token in tokens if token.kind in ("cruise", "ballistic")}
    return "mixed" if len(kinds) > 1 else next(iter(kinds), "")
