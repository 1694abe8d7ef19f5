"""The assumptions of a scenario that a person can hold: each with its range, where it is from, and a name to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from features.production import draw_supply
from features.scenarios import ProductionScenario
from features.stated import Source, SourcedRange, tables

GROUPS = ("capacity", "decoys", "workforce", "events", "stock", "theatres")


@dataclass(frozen=True)
class Holdable:
    """An assumption of a scenario.

    key: in a request's `held`. group: one of GROUPS. of: the facility or event that it is about. quantity: what of it.
    number: its range; where dated points share one level, that in force at the end of the forecast. sources: of all of
    its points. held: the level that it is held at; None where it is drawn.
    """

    key: str
    group: str
    of: str
    quantity: str
    number: SourcedRange
    sources: tuple[Source, ...]
    held: float | None

    def at(self, level: float) -> float:
        """The number at a level 0 to 1 of its range, in its unit."""
        # A rate's own quantiles are per day, whatever its unit.
        return float(SourcedRange.quantile(self.number, np.array(level)))

    @property
    def unit(self) -> str:
        """In words."""
        return str(getattr(self.number, "unit", "")).replace("_", " ")


def holdables(scenario: ProductionScenario, theatre: str, last_day: date, held: Mapping[str, float]) -> list[Holdable]:
    """The assumptions that are uncertain and matter for the theatre until last_day, in the order of GROUPS.

    scenario: as known at the origin.
    """
    stated = [(where, each) for where, each in tables(scenario) if isinstance(each, SourcedRange)]
    for row in scenario.theatres:  # `tables` does not tell the facilities of a theatre's rows apart
        where = f"theatre {row.id} of {row.facility}.share" if row.facility else f"theatre {row.id}.share"
        stated += [(f"{where} of {point.date}", point) for point in row.share]
    sources = {source.id: source for source in scenario.sources}
    made = []
    for key in draw_supply(scenario, theatre, last_day, 1, 1).levels:
        # The points of a line stand in the file as "<key> of <day>".
        points = [each for where, each in dict(stated).items() if key in (where, where.rpartition(" of ")[0])]
        inside = [point for point in points if point.date <= last_day] or points
        cited = dict.fromkeys(name for point in points for name in point.sources)
        of, quantity = readable_name(scenario, key)
        made.append(
            Holdable(
                key=key,
                group=_group(key),
                of=of,
                quantity=quantity,
                number=max(inside, key=lambda point: point.date),
                sources=tuple(sources[name] for name in cited),
                held=held.get(key),
            )
        )
    return sorted(made, key=lambda each: GROUPS.index(each.group))


def readable_name(scenario: ProductionScenario, key: str) -> tuple[str, str]:
    """The facility or event that an assumption is about, and what of it: both in words. key: as in `held`."""
    names = {f"facility {each.id}": each.name for each in scenario.facilities}
    names |= {f"event {each.id}": each.title for each in scenario.events}
    of, _, quantity = key.partition(".")
    said = (quantity or of).replace("workforce.", "").replace(".", ": ").replace("_", " ")
    kind, _, name = of.partition(" ")
    if kind != "theatre":
        return names.get(of, name.replace("_", " ")), _IN_WORDS.get(said, said)
    theatre, _, facility = name.partition(" of ")
    theatre = theatre.replace("_", " ").title()
    return (names[f"facility {facility}"], f"{said} for {theatre}") if facility else (theatre, said)


_IN_WORDS = {
    "armed": "armed drones",
    "released": "share of output that is stored",
    "opening": "opening store",
    "minimum": "store that is kept",
    "drawdown": "days to draw the store down",
    "kill probability: anti aircraft gun": "kill probability: anti-aircraft gun",
}
"""What a name of a scenario file means, where it does not say it."""


def _group(key: str) -> str:
    of, _, quantity = key.partition(".")
    kind = of.partition(" ")[0]
    if kind == "facility":
        return {"workforce": "workforce", "decoys": "decoys"}.get(quantity.partition(".")[0], "capacity")
    return {"event": "events", "stock": "stock", "theatre": "theatres"}.get(kind, "capacity")
