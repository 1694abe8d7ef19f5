"""The published form of what a plan rests on: every number of the defence, with its basis and sources."""

from collections.abc import Iterator
from datetime import date

from pydantic import Field

from features.stated import Source, SourcedRange, tables
from forecasting.defence.layers import Defence, ranges_of
from forecasting.report.parts import Document


class Assumption(Document):
    """One number that the plan rests on.

    layer: "" for what is stated of the drones. kind: of drone; "" for the common one. Of a layer and a kind it is how
    many times as much the layer does against that kind. weapon_class: that a layer meets beside drones, in numbers of
    their own; absent for the drones.
    """

    layer: str
    kind: str = ""
    weapon_class: str = Field(default="", exclude_if=lambda name: not name)
    quantity: str
    low: float
    mode: float
    high: float
    basis: str
    confidence: str
    date: date
    sources: list[str]
    note: str


def stated_assumptions(defence: Defence) -> list[Assumption]:
    """Every number that a defence states, of its layers and of the drones."""
    return [
        Assumption(
            layer=layer,
            kind=kind,
            weapon_class=weapon_class,
            quantity=quantity,
            **(stated.model_dump(exclude={"at_least", "up_to"}) | {"sources": list(stated.sources)}),
        )
        for layer, kind, weapon_class, quantity, stated in _numbers(defence)
    ]


def _numbers(defence: Defence) -> Iterator[tuple[str, str, str, str, SourcedRange]]:
    """Layer, kind, class of weapon, quantity and range."""
    for layer in defence.layers:
        for kind, against in {"": layer, **layer.against}.items():
            yield from ((layer.id, kind, "", *each) for each in ranges_of(against).items())
        for weapon_class, met in layer.meets.items():
            yield from ((layer.id, "", weapon_class, *each) for each in ranges_of(met).items())
    yield from (("", "", "", *each) for each in ranges_of(defence).items())
    for each in defence.kinds:
        yield from (("", each.id, "", "share", point) for point in each.share)
        yield from (("", each.id, "", *stated) for stated in ranges_of(each).items())


def used_sources(defence: Defence) -> list[Source]:
    """The sources that some number names, in the order of the file."""
    used = {name for _, stated in tables(defence) if isinstance(stated, SourcedRange) for name in stated.sources}
    return [source for source in defence.sources if source.id in used]
