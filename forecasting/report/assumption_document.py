"""The published form of what a plan rests on: every number of the defence, with its basis and sources."""

from datetime import date

from features.stated import Source, SourcedRange, tables
from forecasting.defence.layers import Defence
from forecasting.report.parts import Document


class Assumption(Document):
    """One number that the plan rests on. layer: "" for what is stated of the drones."""

    layer: str
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
    of_layers = ((layer.id, *each) for layer in defence.layers for each in layer.ranges.items())
    of_drones = (("", *each) for each in tables(defence.model_copy(update={"layers": (), "sources": ()})))
    return [
        Assumption(
            layer=layer,
            quantity=quantity,
            **(stated.model_dump(exclude={"at_least", "up_to"}) | {"sources": list(stated.sources)}),
        )
        for layer, quantity, stated in (*of_layers, *of_drones)
        if isinstance(stated, SourcedRange)
    ]


def used_sources(defence: Defence) -> list[Source]:
    """The sources that some number names, in the order of the file."""
    used = {name for _, stated in tables(defence) if isinstance(stated, SourcedRange) for name in stated.sources}
    return [source for source in defence.sources if source.id in used]
