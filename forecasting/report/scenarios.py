"""Scenarios of production as text for a terminal."""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from features.binding import holdbacks
from features.scenario_words import workforce_sentences
from features.scenarios import DAYS_PER_MONTH, Imports, NewLine, ProductionScenario
from forecasting.report.layout import ENGLISH, table, terminal_text, wrap_line
from forecasting.report.stated import sources_text, stated_text
from forecasting.report.supply_document import holdback_documents
from forecasting.report.supply_text import holdback_lines
from forecasting.report.words import Words
from forecasting.supply.assimilation import AssimilatedSupply
from forecasting.supply.scenario_forecast import LEARNING_SEED
from forecasting.supply.verdict import Verdict

NO_GROWTH = "Nothing is added: launches do not go on growing, as they did, beyond what is stated."


def scenario_list(scenarios: Iterable[ProductionScenario]) -> str:
    """One row per scenario."""
    rows = [[each.name, str(each.as_of), ", ".join(each.theatre_ids), each.title] for each in scenarios]
    lines = table(["name", "as of", "theatres", "what is assumed"], rows, left=(0, 1, 2, 3), fold=False)
    return terminal_text(lines, fold=False)


def scenario_text(scenario: ProductionScenario) -> str:
    """What a scenario says: its paragraph, each number with unit and source, and the sources."""
    return terminal_text(
        [
            f"{scenario.name}: {scenario.title}",
            f"as of {scenario.as_of}; theatres: {', '.join(scenario.theatre_ids)}"
            + (f"; a variant of {scenario.based_on}" if scenario.based_on else ""),
            "",
            wrap_line(" ".join(scenario.about.split())),
            "",
            *stated_text(scenario),
            *_events(scenario),
            *sources_text(scenario.sources),
        ],
        fold=False,  # a number stands beside its sources, and an address is whole
    )


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
    return ["", "EVENTS", *table(["from", "until", "kind", "what", "sources"], rows, left=(0, 1, 2, 3, 4), fold=False)]


def check_text(assimilated: AssimilatedSupply, verdict: Verdict) -> str:
    """What the record says of a scenario: the verdict, and what is left of each range once the record is met; and what
    it says of workers and beds, and of what holds a plant back in the year after the record."""
    scenario, origin = assimilated.scenario, assimilated.origin
    days = [origin + timedelta(days=step) for step in range(30, 366, 30)]
    held = holdback_documents(scenario, holdbacks(scenario, assimilated.drawn.theatre, days, LEARNING_SEED))
    outcome = "compatible with the record" if verdict.compatible else "NOT COMPATIBLE with the record"
    summary = [
        ("drones in store at the origin", verdict.stock, assimilated.stock),
        ("output that reaches the store, drones a month", assimilated.capacity_stated, assimilated.capacity),
    ]
    rows = [
        [
            name,
            _quantiles_text(np.quantile(stated, _SHOWN)),
            _quantiles_text(assimilated.quantiles(compatible, _SHOWN)),
        ]
        for name, stated, compatible in summary
    ]
    ratio = assimilated.quantiles(assimilated.output_ratio, _SHOWN)
    levels = assimilated.drawn.levels
    moved = sorted(levels, key=lambda key: -abs(float(assimilated.weights @ levels[key]) - 0.5))[:_MOST_MOVED]
    return terminal_text(
        [
            f"{scenario.name}: well stated; {outcome} until {assimilated.origin}",
            wrap_line(Words(ENGLISH).sentence(verdict.reason)),
            "",
            *table(["median (90 %)", "as stated", "as the record has it"], rows, fold=False),
            wrap_line(
                f"True output is {ratio[1]:.2g} times what is stated (90 %: {ratio[0]:.2g} to {ratio[2]:.2g}). "
                f"Weighted by the record, the {assimilated.drawn.n_draws:,} draws say as much as "
                f"{assimilated.effective_sample_size:,.0f} of equal weight."
            ),
            *_certain(scenario, ratio),
            *([] if scenario.unannounced_growth else ["", wrap_line(NO_GROWTH)]),
            *_workforces(scenario),
            *holdback_lines(held, Words(ENGLISH)),
            "",
            "WHAT THE RECORD MOVES MOST; the mean level, 0 to 1, within the range as stated (.5 before)",
            *table(
                ["assumption", "with the record"],
                [[key, f"{float(assimilated.weights @ levels[key]):.2f}"] for key in moved],
            ),
        ],
        fold=False,
    )


def _workforces(scenario: ProductionScenario) -> list[str]:
    """Who builds the drones, in words."""
    told = [*workforce_sentences(scenario)]
    return ["", "WORKERS AND BEDS, as stated", *map(wrap_line, told)] if told else []


def _certain(scenario: ProductionScenario, ratio: NDArray[np.float64]) -> list[str]:
    """What counts as stated, beside what it would count for, were it weighed by the record as the rest is."""
    lines = [
        (f"{each.id}, {line}", max(points, key=lambda point: point.date))
        for each in scenario.facilities
        if each.as_stated
        for line, points in (("armed", each.armed), ("decoys", each.decoys))
        if points
    ]
    for event in scenario.events:
        if isinstance(event, NewLine | Imports) and event.as_stated:
            lines.append((f"{event.id}, {event.line}", event.capacity if isinstance(event, NewLine) else event.rate))
    if not lines:
        return []
    levels = np.array([0.0, 0.5, 1.0])
    monthly = [(name, number.quantile(levels) * DAYS_PER_MONTH) for name, number in lines]
    return [
        "",
        "CERTAIN: counts as stated, drones a month once it is all there",
        *table(
            ["part", "as stated", "were it weighed"],
            [[name, _range(each), _range(each[1] * ratio)] for name, each in monthly],
        ),
    ]


def _range(values: NDArray[np.float64]) -> str:
    low, middle, high = values
    return f"{middle:,.0f}" if low == high else f"{middle:,.0f} ({low:,.0f}-{high:,.0f})"


_SHOWN = (0.05, 0.5, 0.95)
_MOST_MOVED = 5


def _quantiles_text(values: NDArray[np.float64]) -> str:
    return f"{values[1]:,.0f} ({values[0]:,.0f}-{values[2]:,.0f})"
