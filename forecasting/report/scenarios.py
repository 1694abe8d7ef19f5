"""Scenarios of production as text for a terminal."""

from collections import Counter
from collections.abc import Iterable

from features.scenarios import ProductionScenario
from features.stated import SourcedRange, tables
from forecasting.report.layout import BASIS_MARK, number, table, wrapped


def scenario_list(scenarios: Iterable[ProductionScenario]) -> str:
    """One row per scenario."""
    rows = [[each.name, str(each.as_of), ", ".join(each.theatre_ids), each.title] for each in scenarios]
    return "\n".join(table(["name", "as of", "theatres", "what is assumed"], rows, left=(0, 1, 2, 3)))


def scenario_text(scenario: ProductionScenario) -> str:
    """What a scenario says: its paragraph, each number with unit and source, and the sources."""
    numbers = [(where, stated) for where, stated in tables(scenario) if isinstance(stated, SourcedRange)]
    counts = Counter(stated.basis for _, stated in numbers)
    return "\n".join(
        [
            f"{scenario.name}: {scenario.title}",
            f"as of {scenario.as_of}; theatres: {', '.join(scenario.theatre_ids)}"
            + (f"; a variant of {scenario.based_on}" if scenario.based_on else ""),
            "",
            wrapped(" ".join(scenario.about.split())),
            "",
            "WHAT IT STATES; low to high",
            *table(
                ["number", "range", "most likely", "unit", "of", "confidence", "sources"],
                [_cells(where, stated) for where, stated in numbers],
                left=(0, 3, 4, 5, 6),
            ),
            wrapped(
                f"{counts['reported']} numbers reported as such, {counts['derived']} derived from reported ones (~), "
                f"{counts['assumed']} assumed because none is published (?)."
            ),
            *_events(scenario),
            "",
            "SOURCES",
            *(
                f"{source.id}  {source.date}  {source.confidence}  {source.title}  {source.url}"
                for source in scenario.sources
            ),
        ]
    )


def _cells(where: str, stated: SourcedRange) -> list[str]:
    unit = str(getattr(stated, "unit", "")).replace("_", " ").replace("drones per", "drones a")
    return [
        where,
        f"{range_text(stated)}{BASIS_MARK[stated.basis]}",
        number(stated.mode),
        unit,
        str(stated.date),
        stated.confidence,
        " ".join(stated.sources),
    ]


def range_text(stated: SourcedRange) -> str:
    """A range as it was stated: 1,800-2,300, at least 5,000, up to 300."""
    if stated.at_least is not None:
        return f"at least {number(stated.at_least)}"
    if stated.up_to is not None:
        return f"up to {number(stated.up_to)}"
    return "-".join(dict.fromkeys(number(end) for end in (stated.low, stated.high)))


def _events(scenario: ProductionScenario) -> list[str]:
    if not scenario.events:
        return []
    rows = [
        [
            str(event.date),
            str(getattr(event, "until", None) or ""),
            event.kind.replace("_", " "),
            event.title,
            " ".join(event.sources),
        ]
        for event in sorted(scenario.events, key=lambda event: event.date)
    ]
    return ["", "EVENTS", *table(["from", "until", "kind", "what", "sources"], rows, left=(0, 1, 2, 3, 4))]
