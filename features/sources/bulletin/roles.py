"""What each count of a message stands for: launched, shot down, suppressed, places hit, ..."""

import re
from collections.abc import Iterator
from itertools import takewhile

from features.sources.bulletin.grammar import Grammar
from features.sources.bulletin.lexer import Number
from features.sources.bulletin.nodes import DRONES, Count, Node

SUBSETS = ("strike_drones", "jet_drones", "decoys")
NEUTRALISED = ("shot_down", "suppressed", "still_airborne")
NEAR = 12
"""Words before a number in which its noun may stand."""
DONE, SKIPPED, PASSED = "done", "skipped", "other"
"""What a node is to later rules: a count with its role, one whose role cannot be told, an ordinary word."""


class Roles:
    """The roles of the counts of one message, in `counts`; `merged` tells that one verb stands for both losses."""

    def __init__(self, grammar: Grammar, nodes: list[Node]) -> None:
        self._grammar, self._nodes = grammar, nodes
        self.counts: list[Count] = []
        self.merged = False
        self._used_verbs: set[int] = set()
        self._verb_after: set[int] = set()
        self._role_at: dict[int, str] = {}
        self._merge_verbs()
        self._chain_states()
        self._kinds = [node.kind for node in nodes]
        self._line = [grammar.line([kind]) for kind in self._kinds]
        for pattern in grammar.roles:
            self._apply(pattern)
        self._assign_by_verb_before()
        self._assign_total()
        self.counts.sort(key=lambda one: one.node)

    def _merge_verbs(self) -> None:
        """Make "shot down or suppressed" one verb, except between two numbers: "65 shot down and suppressed 35"."""
        nodes = self._nodes
        for match in self._grammar.merge.finditer(self._grammar.line(node.kind for node in nodes)):
            before, after = nodes[max(0, match.start() - 3) : match.start()], nodes[match.end() : match.end() + 1]
            apart = any(node.kind in ("stop", "bullet", "comma") for node in before)
            if not apart and any(node.number for node in before) and any(node.number for node in after):
                continue
            for node in nodes[match.start() : match.end()]:
                node.kind = PASSED
            nodes[match.end() - 1].kind = "merged"

    def _chain_states(self) -> None:
        """For every node the role of the last verb before it; a list carries it over the end of a sentence."""
        state, chain = "", 0
        seen: frozenset[str] = frozenset()
        near: frozenset[str] = frozenset()
        earlier = near
        verbs = self._grammar.verbs
        for index, node in enumerate(self._nodes):
            after = [one.kind for one in self._nodes[index + 1 : index + 3]] if node.kind == "stop" else []
            if node.kind == "stop" and after[:1] != ["bullet"]:
                chain, near, earlier = chain + 1, frozenset(), near or earlier
                state = state if after[:1] == ["more"] or after == ["conj", "more"] else ""
            elif node.kind in verbs and node.kind != "airspace" and not _gives_way(node.kind, state):
                state = verbs[node.kind]
            node.state, node.chain, node.seen, node.near = state, chain, seen, near or earlier
            thing = "drones" if node.kind in SUBSETS else node.kind
            if thing in (*DRONES, "missiles", "targets") and thing not in near:
                seen, near = seen | {thing}, near | {thing}

    def _apply(self, pattern: re.Pattern[str]) -> None:
        line, position = "".join(self._line), 0
        while match := pattern.search(line, position):
            caught = {name: match.start(name) for name in match.groupdict() if match[name]}
            free = not any(self._kinds[index] in (DONE, SKIPPED) for index in caught.values())
            if free and self._assign(caught, match):
                position = max(match.end() - 1, match.start() + 1)
            else:
                position = match.start() + 1

    def _assign(self, caught: dict[str, int], match: re.Match[str]) -> bool:
        """Give the captured nodes their roles; whether the rule does apply here."""
        if "part" in caught:
            return self._assign_part(caught["part"], caught["launched"])
        if "verb" in caught:
            return self._assign_verb(caught["verb"], caught["count"])
        for name, index in caught.items():
            node = self._nodes[index]
            if name in ("every", "every_drone", "no_impact"):
                last = self._nodes[match.end() - 1].last
                self.counts.append(Count(name, "", Number(0), index, self._nodes[match.start()].first, last))
            elif name == "unclear" or (name in SUBSETS and node.state not in ("", "launched")):
                self._mark(index, SKIPPED)
            else:
                self._count(name, index)
        return True

    def _assign_part(self, index: int, total: int) -> bool:
        """ "26 of 28 drones": the total is what was launched, the part waits for its verb."""
        part, whole = self._nodes[index], self._nodes[total]
        if part.number is None or whole.number is None or part.number.value > whole.number.value:
            return False
        poor, rich = (part, whole) if part.kind == "bare" else (whole, part)
        if poor.kind == "bare":
            poor.kind, poor.missiles, poor.name = rich.kind, rich.missiles, rich.name
        whole.whole = True
        self._count("launched", total)
        self._mark(index, part.kind)
        for place in range(index + 1, total + 1):
            self._mark(place, PASSED)
        for place in range(total + 1, min(total + 10, len(self._kinds))):
            if self._kinds[place] in ("stop", "comma") or self._nodes[place].number:
                break
            if self._kinds[place] == "attack":
                self._mark(place, PASSED)
        return True

    def _assign_verb(self, verb: int, index: int) -> bool:
        kind = self._kinds[verb]
        if verb in self._used_verbs and verb > index:
            return False
        self.merged |= kind == "merged"
        if verb > index:
            self._verb_after.add(index)
        if "colon" not in self._kinds[verb:index]:
            self._used_verbs.add(verb)
        state = self._nodes[index].state
        if verb > index and kind == "attack" and state in NEUTRALISED and "which" in self._kinds[index:verb]:
            # "Shot down 15 drones that Russia launched" does not say how many those were.
            self._count(state, index)
            return True
        self._count(state if _gives_way(kind, state) else self._grammar.verbs[kind], index)
        return True

    def _assign_by_verb_before(self) -> None:
        """Counts that no rule took have the role of the last verb before them, or of the count they are joined to."""
        for index in range(len(self._nodes) - 1, -1, -1):
            node = self._nodes[index]
            if node.number is None or self._kinds[index] in (DONE, "bare", SKIPPED, PASSED):
                continue
            following, by_its_verb = self._role_of_next(index)
            role = "shot_down" if node.downed else following if by_its_verb else node.state or following
            if role:
                self._count(role, index)

    def _role_of_next(self, index: int) -> tuple[str, bool]:
        """The role of the count this one is joined to ("12 missiles and 96 drones were shot down"), and whether a verb
        after both gives it."""
        following = range(index + 1, min(index + 8, len(self._nodes)))
        after = [place for place in following if self._kinds[place] not in (PASSED, "all", "article")]
        if len(after) < 2 or self._nodes[after[0]].kind not in ("conj", "comma"):
            return "", False
        joined = self._nodes[after[0]].kind == "conj" and after[1] in self._verb_after
        return self._role_at.get(after[1], ""), joined

    def _assign_total(self) -> None:
        """Drones without a verb, said before and not fewer than those shot down, are those launched: "UAVs: 127"."""
        drones = [one for one in self.counts if one.object in DRONES and one.role in ("launched", *NEUTRALISED)]
        if any(one.role == "launched" for one in drones):
            return
        least = max((one.number.value for one in drones), default=1)
        before = min((one.node for one in drones), default=0)
        loose = [self._nodes[index] for index in range(before) if self._kinds[index] in DRONES]
        values = {node.number.value for node in loose if node.number}
        if len(values) != 1 or min(values) < least:
            return
        chains = {node.chain for node in loose}
        for index in range(before):
            if self._nodes[index].chain in chains and self._kinds[index] in (*DRONES, "missiles"):
                self._count("launched", index)

    def _count(self, role: str, index: int) -> None:
        node = self._nodes[index]
        self._mark(index, DONE)
        self._role_at[index] = role
        if node.number is None:
            return
        thing = node.kind if node.kind != "bare" else self._object_before(index)
        following = self._nodes[index + 1].kind if index + 1 < len(self._nodes) else ""
        if role == "launched" and node.kind == "bare" and following == PASSED:
            thing = "unclear"
        self.counts.append(Count(role, thing, node.number, index, node.first, node.last))

    def _mark(self, index: int, kind: str) -> None:
        """Change what a node is to later rules."""
        self._kinds[index], self._line[index] = kind, self._grammar.line([kind])

    def _sentence_before(self, index: int) -> Iterator[int]:
        """The nodes before one, back to the last stop."""
        return takewhile(lambda place: self._nodes[place].kind != "stop", range(index - 1, max(index - NEAR, -1), -1))

    def _object_before(self, index: int) -> str:
        """What a number without a noun counts: drones, unless the text before it also counts other things."""
        seen, near = self._nodes[index].seen, self._nodes[index].near
        before = {self._nodes[place].kind for place in self._sentence_before(index)}
        if before & {"drone", "shahed"} and not any("missile" in kind or kind.endswith("_name") for kind in before):
            return "drones"
        if seen <= set(DRONES) or (near and near <= set(DRONES)):
            return "drones"
        return "targets" if near == {"targets"} else "unclear"


def _gives_way(kind: str, state: str) -> bool:
    """Whether a verb says nothing against one before it: "shot down: 30 in all", "hits are recorded of 5"."""
    return (kind == "record" and state == "hits") or (kind == "total" and state not in ("", "launched"))
