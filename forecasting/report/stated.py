"""What a file of assumptions states, as text for a terminal: every number with its range, basis, date and sources."""

from collections import Counter
from collections.abc import Sequence

from features.stated import Source, SourcedRange, Stated, tables
from forecasting.report.layout import BASIS_MARK, ENGLISH, table, wrap_line


def stated_text(stated: Stated) -> list[str]:
    """One row per number inside `stated`, in the order of the file, and how many of them anybody has reported."""
    numbers = [(where, each) for where, each in tables(stated) if isinstance(each, SourcedRange)]
    rows = [_cells(where, each) for where, each in numbers]
    header = ["number", "range", "most likely", "unit", "of", "confidence", "sources"]
    without_units = not any(row[3] for row in rows)
    shown = [[cell for index, cell in enumerate(row) if index != 3 or not without_units] for row in [header, *rows]]
    counts = Counter(each.basis for _, each in numbers)
    return [
        "WHAT IT STATES; low to high",
        *table(shown[0], shown[1:], left=(0, *range(3, len(shown[0]))), fold=False),
        wrap_line(
            f"{counts['reported']} numbers reported as such, {counts['derived']} derived from reported ones (~), "
            f"{counts['assumed']} assumed because none is published (?)"
            + (f", {counts['known']} known to the planner (!)." if counts["known"] else ".")
        ),
    ]


def sources_text(sources: Sequence[Source]) -> list[str]:
    """One line per source; none without any."""
    if not sources:
        return []
    return [
        "",
        "SOURCES",
        *(f"{source.id}  {source.date}  {source.confidence}  {source.title}  {source.url}" for source in sources),
    ]


def _cells(where: str, stated: SourcedRange) -> list[str]:
    unit = str(getattr(stated, "unit", "")).replace("_", " ").replace("drones per", "drones a")
    return [
        where,
        f"{_range(stated)}{BASIS_MARK[stated.basis]}",
        ENGLISH.figure(stated.mode),
        unit,
        str(stated.date),
        stated.confidence,
        " ".join(stated.sources),
    ]


def _range(stated: SourcedRange) -> str:
    """A range as it was stated: 1,800-2,300, at least 5,000, up to 300."""
    if stated.at_least is not None:
        return f"at least {ENGLISH.figure(stated.at_least)}"
    if stated.up_to is not None:
        return f"up to {ENGLISH.figure(stated.up_to)}"
    return "-".join(dict.fromkeys(ENGLISH.figure(end) for end in (stated.low, stated.high)))
