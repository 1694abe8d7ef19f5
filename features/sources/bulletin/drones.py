"""The drones of a window: launched, shot down and so on, each stated once or always alike."""

import math
from collections.abc import Sequence
from itertools import takewhile

from features.sources.bulletin.findings import Findings
from features.sources.bulletin.lexer import Number
from features.sources.bulletin.nodes import DRONES, Count, Node

FURTHER = ("strike_drones", "jet_drones", "impact_sites", "debris_sites", "launch_areas")
PARTS = ("ofthem", "including", "lparen", "which")
"""What says that a count is of a part of those before it."""
PART_ROLES = ("strike_drones", "decoys", "jet_drones")
OTHERS = ("targets", "other_drones", "bombs", "antiradar")
"""Objects that are no part of a salvo: their counts are fields only."""


def drone_counts(counts: Sequence[Count], nodes: list[Node], findings: Findings) -> dict[str, Number]:
    """The numbers of a report of drones, by its field names, and the fields that tell them."""
    found: dict[str, Number] = {}

    def agreed(name: str, mine: Sequence[Count]) -> None:
        """Enter the one value that counts agree on; an exact statement wins over a rounded one of the same thing."""
        exact = [one for one in mine if one.number.qualifier == "exactly"] or mine
        if len({one.number.value for one in exact}) == 1 and all(_allows(one.number, exact[0].number) for one in mine):
            found[name] = exact[0].number
            for one in mine:
                findings.take_count(name, one)

    def of(role: str, objects: Sequence[str]) -> list[Count]:
        return [one for one in counts if one.role == role and one.object in objects]

    launched, decoys = of("launched", DRONES), of("launched", ("decoys",))
    armed = _armed_apart(launched, decoys, nodes)
    listed = _items_of_total(launched, counts, nodes)
    if listed:
        found["launched"] = Number(sum(one.number.value for one in listed))
        findings.take("launched", found["launched"].value, listed[0].first, listed[-1].last)
    elif (whole_of := _whole_of_kinds(launched, decoys, counts, nodes)) is not None:
        agreed("launched", [whole_of])
    elif armed:
        total = Number(armed[0].number.value + decoys[0].number.value)
        agreed("strike_drones", armed)
        found["launched"] = total
        findings.take("launched", total.value, armed[0].first, decoys[0].last)
    else:
        parts = _rounded_parts(launched)
        whole = [one for one in launched if one not in parts]
        agreed("launched", whole)
        agreed("strike_drones", parts)
        jets = [one for one in counts if one.role == "jet_drones" and nodes[one.node].state == "launched"]
        if len({one.number.value for one in jets}) == 1 and not (whole and _part_of(jets[0], counts, nodes)):
            _add_jets(found, jets[0], whole, counts, findings)
    agreed("decoys", [*decoys, *of("decoys", ("decoys", "drones"))])
    for one in of("left_airspace", DRONES):
        findings.take_count("left_airspace", one)
    suppressed = of("suppressed", (*DRONES, "decoys"))
    shot_down = _without_sum(of("shot_down", DRONES), suppressed)
    shot_down = _without_sum(shot_down, of("shot_down", ("other_drones",)))
    agreed("shot_down", _at_most(shot_down, found.get("launched")))
    agreed("suppressed", suppressed)
    agreed("still_airborne", of("still_airborne", DRONES))
    for name in FURTHER:
        if name not in found:
            agreed(name, [one for one in counts if one.role == name])
    found.pop("decoys", None)
    _take_hits(found, counts, findings)
    for role in ("launched", "shot_down", "suppressed"):
        for one in of(role, OTHERS):
            findings.take_count(f"{one.object}_{role}", one)
    first_missile = min((one.node for one in counts if one.object == "missiles"), default=len(nodes))
    every = [one for one in counts if one.role == "every_drone" or (one.role == "every" and one.node < first_missile)]
    if every and "launched" in found and "shot_down" not in found:
        found["shot_down"] = found["launched"]
        findings.take("shot_down", found["launched"].value, every[0].first, every[0].last)
    all_of = [one for one in of("shot_down", DRONES) if one.node and nodes[one.node - 1].kind == "all"]
    if all_of and "launched" not in found and not launched and "shot_down" in found:
        # "Destroyed all 16" says how many there were.
        agreed("launched", all_of)
    return found


def _at_most(losses: Sequence[Count], launched: Number | None) -> Sequence[Count]:
    """The counts of losses without those told after them of more than were launched, which are of another attack."""
    most = math.inf if launched is None else launched.value
    possible = [one for one in losses if one.number.value <= most]
    others = [one.node for one in losses if one.number.value > most]
    return possible if possible and others and min(others) > possible[-1].node else losses


def _allows(bound: Number, number: Number) -> bool:
    """Whether a number can be what a bound says of the same thing: "over 60" is not 47."""
    match bound.qualifier:
        case "at_least":
            return number.value >= bound.value
        case "up_to":
            return number.value <= bound.value
    return True


def _part_of(jets: Count, counts: Sequence[Count], nodes: list[Node]) -> bool:
    """Whether jet drones are a part of the drones before them ("19 of them"), and not one more item of a list."""
    before = list(takewhile(lambda one: one.number is None and one.kind != "stop", nodes[jets.node - 1 :: -1]))
    place = jets.node - len(before) - 1
    beside_part = any(one.node == place and one.role in PART_ROLES for one in counts)
    around = [*before, *nodes[jets.node + 1 : jets.node + 3]]
    return not before or beside_part or any(one.kind in PARTS for one in around) or before[-1].kind == "dash"


def _add_jets(
    found: dict[str, Number], jets: Count, whole: Sequence[Count], counts: Sequence[Count], findings: Findings
) -> None:
    """Add jet drones that are listed apart to the total; alone they are all of it."""
    if whole and "launched" not in found:
        return
    total = jets.number.value + (found["launched"].value if whole else 0)
    targets = {one.number.value for one in counts if one.role == "launched" and one.object == "targets"}
    missiles = any(one.role == "launched" and one.object == "missiles" for one in counts)
    if whole and targets and not missiles and targets != {total}:
        if targets != {found["launched"].value}:
            del found["launched"]
            findings.problems.append(f"the drones listed are {total}, of {max(targets)} stated in all")
        return
    found["launched"] = Number(total, jets.number.qualifier if not whole else found["launched"].qualifier)
    findings.take("launched", total, min(jets.first, *(one.first for one in whole or [jets])), jets.last)


def _armed_apart(launched: Sequence[Count], decoys: Sequence[Count], nodes: list[Node]) -> list[Count]:
    """The armed drones where one sentence counts them and the decoys apart: "70 Shaheds and 30 decoys"."""
    apart = len(decoys) == 1 and len({one.number.value for one in launched}) == 1
    chains = {nodes[one.node].chain for one in launched}
    if not apart or any(one.object == "drones" for one in launched) or nodes[decoys[0].node].chain not in chains:
        return []
    return list(launched)


def _whole_of_kinds(
    launched: Sequence[Count], decoys: Sequence[Count], counts: Sequence[Count], nodes: list[Node]
) -> Count | None:
    """The total that is stated beside its kinds: "60 Shaheds, 11 jets, 20 decoys: 91 in all"."""
    values = {one.number.value for one in launched}
    jets = {one.number.value for one in counts if one.role == "jet_drones" and nodes[one.node].state == "launched"}
    apart = sum(jets) + sum({one.number.value for one in decoys})
    if len(values) != 2 or not apart or max(values) != min(values) + apart:
        return None
    return next(one for one in launched if one.number.value == max(values))


def _items_of_total(launched: Sequence[Count], counts: Sequence[Count], nodes: list[Node]) -> list[Count]:
    """Different items of drones in one list, where all its items add up to the total of targets stated with them."""
    chains = {nodes[one.node].chain for one in launched}
    if len({one.number.value for one in launched}) < 2 or len(chains) > 1:
        return []
    items = [one for one in counts if one.role == "launched" and nodes[one.node].chain in chains]
    totals = {one.number.value for one in items if one.object == "targets"}
    weapons = sum(one.number.value for one in items if one.object not in ("targets", "aircraft"))
    return list(launched) if totals == {weapons} else []


def _rounded_parts(launched: Sequence[Count]) -> list[Count]:
    """The counts of armed drones that a total is stated beside: "100 drones, about 60 Shaheds"."""
    totals = {one.number.value for one in launched if one.object == "drones"}
    parts = [one for one in launched if one.object != "drones"]
    rounded = all(one.number.qualifier in ("about", "at_least") for one in parts)
    if len(totals) != 1 or not rounded or any(one.number.value > min(totals) for one in parts):
        return []
    return parts


def _without_sum(shot_down: Sequence[Count], others: Sequence[Count]) -> Sequence[Count]:
    """The counts shot down, without one that is their sum with others: "43 neutralised: 23 shot down, 20 lost"."""
    parts = {one.number.value for one in shot_down}
    beside = sum(one.number.value for one in {one.number.value: one for one in others}.values())
    sums = {part + beside for part in parts if beside} & parts
    return [one for one in shot_down if one.number.value not in sums] if len(parts) == 2 else shot_down


def _take_hits(found: dict[str, Number], counts: Sequence[Count], findings: Findings) -> None:
    """Hits are fields; only places are a count of the report, except that no hit is no place."""
    hits = [one for one in counts if "hits" in (one.role, one.object)]
    none = [one for one in counts if one.role == "no_impact"]
    for one in hits:
        findings.take_count("hits", one)
    for one in none:
        findings.take("impact_sites", 0, one.first, one.last)
    if none or any(one.object == "hits" and one.number.value == 0 for one in hits):
        found.setdefault("impact_sites", Number(0))
