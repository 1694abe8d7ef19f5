"""A comparison of scenarios for a terminal, and as tables."""

import math
from collections.abc import Mapping
from datetime import timedelta

import pandas as pd

from forecasting.report.comparison_document import (
    MEASURES,
    ComparedFigure,
    ComparedScenario,
    ComparisonDocument,
    StatedRange,
)
from forecasting.report.layout import ENGLISH, table, terminal_text, wrap_line
from forecasting.report.supply_document import ASSUMPTION_ONLY
from forecasting.report.words import Words
from forecasting.salvos.spread import known_digits, known_step


def scenario_comparison_text(document: ComparisonDocument) -> str:
    """Against what it is compared, where the scenarios differ, and what each makes of it over each horizon."""
    names = [each.scenario for each in document.scenarios]
    alone = f"{ASSUMPTION_ONLY}: " if document.scenarios[0].assumption_only else ""
    against, *others = document.scenarios
    lines = [
        wrap_line(
            f"{alone}scenarios for {document.theatre} as of {document.origin}, each against {against.scenario}; model "
            f"{document.model_id}, {document.n_paths:,} paths, seed {document.seed}, defence {document.defence}, "
            f"orders for {document.service_level:.0%} safety"
        ),
        "",
        wrap_line(f"baseline {_told(against)}"),
        *(wrap_line(_told(each)) for each in others),
        "",
        *(wrap_line(_answer(document, each.scenario)) for each in others),
    ]
    if document.stated_differences:
        rows = [[each.where, str(each.date), *_ranges(each.ranges, names)] for each in document.stated_differences]
        lines += [
            "",
            "WHERE THEY DIFFER; low, most likely and high as stated",
            *table(["", "of", *names], rows, (0, 1)),
        ]
    elif others:
        lines += ["", "THEY DIFFER nowhere: every number and event is stated alike"]
    for n_days in dict.fromkeys(each.n_days for each in document.figures):
        lines += [
            "",
            f"DAYS 1 TO {n_days}; mean (80 % of the futures), of orders the quantity",
            *_figures(document, n_days),
        ]
    same = "All on the same random numbers; ± is the standard error of the difference; within two of none it is noise."
    return terminal_text([*lines, *(["", wrap_line(same)] if others else [])])


def _answer(document: ComparisonDocument, name: str) -> str:
    """What a scenario comes to, in a sentence: so many more drones by when, so many interceptors, for so much."""
    rows = [each for each in document.figures if each.scenario == name and each.n_days == document.horizon]
    found = {each.measure: each for each in rows if each.layer is None}
    last_day = document.origin + timedelta(days=document.horizon)
    ordered = [
        _more(each, f"of {each.layer}")
        for each in rows
        if each.measure == "order" and each.difference and not each.noise
    ]
    pieces = f": {', '.join(ordered)}." if ordered else "; of no layer is the difference beyond noise."
    return (
        f"ANSWER: by {last_day}, {name} has {_more(found['launched'], 'drones')} launched than {document.baseline}, "
        f"and {_more(found['leakers'], 'armed ones')} leak. Orders for {document.service_level:.0%} safety cost "
        f"{_more(found['order_cost_usd'], '(million USD)', 1e6)}{pieces}"
    )


def _more(figure: ComparedFigure, what: str, unit: float = 1.0) -> str:
    """How much more or fewer, with its noise."""
    change, error = (figure.difference or 0.0) / unit, (figure.difference_error or 0.0) / unit
    word = "fewer" if change < 0 else "more"
    noise = ", which is noise," if figure.noise else ""
    return f"{abs(known_digits(change, error)):,.0f} ± {error:,.0f} {word} {what}{noise}"


def _told(scenario: ComparedScenario) -> str:
    borrowed = f", shape borrowed from {scenario.shape_from}" if scenario.shape_from else ""
    verdict = Words(ENGLISH).sentence(scenario.verdict)
    return f"{scenario.scenario}: {scenario.title} (as of {scenario.as_of}{borrowed}). {verdict}"


def _ranges(ranges: list[StatedRange], names: list[str]) -> list[str]:
    by_name = {each.scenario: each for each in ranges}
    return [_range(by_name[name]) if name in by_name else "-" for name in names]


def _range(stated: StatedRange) -> str:
    if stated.mode is None:
        return "yes"
    numbers = (stated.low, stated.mode, stated.high)
    told = dict.fromkeys(ENGLISH.figure(number) for number in numbers if number is not None)
    return f"{', '.join(told)} {(stated.unit or '').replace('_', ' ').replace('drones per', 'a')}".strip()


def _figures(document: ComparisonDocument, n_days: int) -> list[str]:
    """A row per measure and layer; of each scenario but the baseline also how far it is from that."""
    found = {(each.scenario, each.measure, each.layer): each for each in document.figures if each.n_days == n_days}
    base, *others = (each.scenario for each in document.scenarios)
    rows = []
    for measure, layer in dict.fromkeys(key[1:] for key in found):
        figures = [found[name, measure, layer] for name in (base, *others)]
        if layer and not any(each.value for each in figures):
            continue
        cells = [_value(figures[0])]
        for each in figures[1:]:
            cells += [_value(each), _change(each)]
        rows.append([MEASURES[measure] + (f", {layer}" if layer else ""), *cells])
    header = [base, *(cell for name in others for cell in (name, "less baseline"))]
    return table(["", *header], rows)


def _roughly(number: float) -> str:
    """To two digits, as the ends of an interval are known no better."""
    return f"{float(f'{number:.2g}'):,.0f}"


def _value(figure: ComparedFigure) -> str:
    step = known_step(figure.value, figure.error)
    if figure.measure == "order" and step:  # rounded up: less would not keep the level
        return f"{math.ceil(figure.value / step) * step:,.0f}"
    told = f"{known_digits(round(figure.value), figure.error):,.0f}"
    if figure.layer or figure.low_80 is None or figure.high_80 is None:
        return told
    return f"{told} ({_roughly(figure.low_80)}-{_roughly(figure.high_80)})"


def _change(figure: ComparedFigure) -> str:
    if not figure.difference and not figure.difference_error:
        return "0"
    error = figure.difference_error or 0.0
    change = known_digits(figure.difference or 0.0, error)
    digits = 1 if error < 10 else 0
    return f"{change:+,.{digits}f} ± {error:,.{digits}f}{' noise' if figure.noise else ''}"


def comparison_tables(document: ComparisonDocument) -> Mapping[str, pd.DataFrame]:
    """Table name -> frame: what it rests on, the scenarios, where they differ, and the figures, a row each."""
    told = {name: value for name, value in document if isinstance(value, str | int | float) or name == "origin"}
    told |= {f"version_{name}": number for name, number in document.versions.items()}
    words = Words(ENGLISH)
    scenarios = [dict(each) | {"verdict": words(each.verdict)} for each in document.scenarios]
    differing = [
        {"where": each.where, "date": each.date} | dict(stated)
        for each in document.stated_differences
        for stated in each.ranges
    ]
    columns = ["where", "date", *StatedRange.model_fields]
    return {
        "about": pd.DataFrame({"what": told.keys(), "value": [str(value) for value in told.values()]}),
        "scenarios": pd.DataFrame(scenarios).convert_dtypes(),
        "differing": pd.DataFrame(differing, columns=columns).convert_dtypes(),
        "figures": pd.DataFrame([dict(each) for each in document.figures]).convert_dtypes(),
    }
