"""A comparison of scenarios for a terminal, and as tables."""

import math
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from forecasting.report.comparison_document import (
    MEASURES,
    ComparedFigure,
    ComparedScenario,
    ComparisonDocument,
    StatedRange,
)
from forecasting.report.language import ENGLISH, Translator, translator
from forecasting.report.layout import table, terminal_text, wrap_line
from forecasting.report.supply_text import borrowed_notes, holdback_lines
from forecasting.report.words import Words, assumption_prefix, theatre_name
from forecasting.salvos.spread import known_digits, known_step

if TYPE_CHECKING:
    import pandas as pd


def scenario_comparison_text(document: ComparisonDocument, language: str = ENGLISH) -> str:
    """Against what it is compared, where the scenarios differ, and what each makes of it over each horizon."""
    t = translator(language, plain=True)
    against, *others = document.scenarios
    lines = [
        wrap_line(comparison_head(document, t)),
        "",
        wrap_line(t("baseline {told}", told=told_scenario(against, document.horizon, t))),
        *(wrap_line(told_scenario(each, document.horizon, t)) for each in others),
        "",
        *(wrap_line(answer_sentence(document, each, t)) for each in others),
    ]
    if document.stated_differences:
        head = ["", t("of"), *(each.scenario for each in document.scenarios)]
        lines += [
            "",
            t("WHERE THEY DIFFER; low, most likely and high as stated"),
            *table(head, difference_rows(document, t), (0, 1)),
        ]
    elif others:
        lines += ["", t("THEY DIFFER nowhere: every number and event is stated alike")]
    for each in document.scenarios:
        if each.holdbacks:
            lines += ["", f"{each.scenario}:", *holdback_lines(each.holdbacks, Words(t))[1:]]
    for n_days in document.windows:
        lines += [
            "",
            t("DAYS 1 TO {n}; mean (80 % of the futures), of orders the quantity", n=n_days),
            *table(["", *figure_heads(document, t)], figure_rows(document, n_days, t)),
        ]
    return terminal_text([*lines, *(["", wrap_line(same_numbers(t))] if others else [])])


def comparison_head(document: ComparisonDocument, t: Translator) -> str:
    """What is compared, and by what."""
    told = t(
        "scenarios for {theatre} as of {day}, each against {baseline}; model {model}, {paths} paths, seed {seed}, "
        "defence {defence}, orders for {level} safety",
        theatre=theatre_name(document.theatre, t),
        day=t.day(document.origin),
        baseline=document.baseline,
        model=document.model_id,
        paths=t.number(document.n_paths),
        seed=document.seed,
        defence=document.defence,
        level=t.level(document.service_level),
    )
    return f"{assumption_prefix(document.scenarios[0].assumption_only, t)}{told}"


def same_numbers(t: Translator) -> str:
    """What stands below the figures."""
    return t(
        "All on the same random numbers; ± is the standard error of the difference; within two of none it is noise."
    )


def answer_sentence(document: ComparisonDocument, scenario: ComparedScenario, t: Translator) -> str:
    """What a scenario comes to: so many more drones by when, so many interceptors, for so much, unless the beds run out
    first."""
    rows = [each for each in document.figures if each.scenario == scenario.scenario and each.n_days == document.horizon]
    found = {each.measure: each for each in rows if each.layer is None}
    ordered = [
        f"{each.layer} {_more(each, t)}"
        for each in rows
        if each.measure == "order" and each.difference and not each.noise
    ]
    pieces = ", ".join(ordered) or t("of no layer is the difference beyond noise")
    told = t(
        "ANSWER: by {day}, {scenario} against {baseline}: drones launched: {drones}; armed ones that leak: {leakers}. "
        "Orders for {level} safety, in million USD: {cost}; in pieces: {pieces}.",
        day=t.day(document.origin + timedelta(days=document.horizon)),
        scenario=scenario.scenario,
        baseline=document.baseline,
        drones=_more(found["launched"], t),
        leakers=_more(found["leakers"], t),
        level=t.level(document.service_level),
        cost=_more(found["order_cost_usd"], t, 1e6),
        pieces=pieces,
    )
    return " ".join([told, *_beds(scenario, t)])


def _beds(scenario: ComparedScenario, t: Translator) -> Iterator[str]:
    """For each plant with dormitories, whether the beds run out first, and when."""
    plants = dict.fromkeys((each.facility, each.name) for each in scenario.holdbacks if each.beds is not None)
    for facility, name in plants:
        months = [each for each in scenario.holdbacks if each.facility == facility]
        short = [each for each in months if each.cause == "beds"]
        if short:
            yield t(
                "Unless the beds run out first: at {plant} they hold the output back from {day} to {last}, as stated "
                "({beds} beds, {waiting} workers without one on {day}).",
                plant=t.stated(name),
                day=t.day(short[0].day),
                last=t.day(short[-1].day),
                beds=t.number(float(f"{short[0].beds:.2g}")),
                waiting=t.number(float(f"{short[0].waiting:.2g}")),
            )
        else:
            yield t(
                "The beds do not run out first: at {plant} they hold the output back in no month until {last}, as "
                "stated.",
                plant=t.stated(name),
                last=t.day(months[-1].day),
            )


def _more(figure: ComparedFigure, t: Translator, unit: float = 1.0) -> str:
    """How much more or fewer, with its noise."""
    change, error = (figure.difference or 0.0) / unit, (figure.difference_error or 0.0) / unit
    n, noise = t.number(abs(known_digits(change, error))), t.number(error)
    told = t("{n} ± {noise} fewer", n=n, noise=noise) if change < 0 else t("{n} ± {noise} more", n=n, noise=noise)
    return t("{change} (noise)", change=told) if figure.noise else told


def told_scenario(scenario: ComparedScenario, horizon: int, t: Translator) -> str:
    """What a scenario is, whose shape it borrows, what was built up, and what the record says of it."""
    title, day = t.stated(scenario.title), t.day(scenario.as_of)
    head = t("{name}: {title} (as of {day}).", name=scenario.scenario, title=title, day=day)
    shape = borrowed_notes(scenario.shape_from, scenario.surge, horizon, t)
    return " ".join([head, *shape, Words(t).sentence(scenario.verdict)])


def difference_rows(document: ComparisonDocument, t: Translator) -> list[list[str]]:
    """Where the scenarios differ: the place, the date, and what each states there."""
    rows = []
    for each in document.stated_differences:
        stated = {one.scenario: one for one in each.ranges}
        cells = [
            _range(stated[name], t) if name in stated else "-" for name in (s.scenario for s in document.scenarios)
        ]
        rows.append([each.where, str(each.date), *cells])
    return rows


def _range(stated: StatedRange, t: Translator) -> str:
    if stated.mode is None:
        return t("yes")
    numbers = (stated.low, stated.mode, stated.high)
    told = dict.fromkeys(t.figure(number) for number in numbers if number is not None)
    unit = (stated.unit or "").replace("_", " ")
    return f"{', '.join(told)} {t(unit).replace('drones per', 'a') if unit else ''}".strip()


def figure_heads(document: ComparisonDocument, t: Translator) -> list[str]:
    """The heads of the columns of `figure_rows`, but for the first."""
    base, *others = (each.scenario for each in document.scenarios)
    return [base, *(cell for name in others for cell in (name, t("less baseline")))]


def figure_rows(document: ComparisonDocument, n_days: int, t: Translator) -> list[list[str]]:
    """A row per measure and layer; of each scenario but the baseline also how far it is from that."""
    found = {(each.scenario, each.measure, each.layer): each for each in document.figures if each.n_days == n_days}
    base, *others = (each.scenario for each in document.scenarios)
    rows = []
    for measure, layer in dict.fromkeys(key[1:] for key in found):
        figures = [found[name, measure, layer] for name in (base, *others)]
        if layer and not any(each.value for each in figures):
            continue
        cells = [_value(figures[0], t)]
        for each in figures[1:]:
            cells += [_value(each, t), _change(each, t)]
        rows.append([t(MEASURES[measure]) + (f", {layer}" if layer else ""), *cells])
    return rows


def _roughly(number: float, t: Translator) -> str:
    """To two digits, as the ends of an interval are known no better."""
    return t.number(float(f"{number:.2g}"))


def _value(figure: ComparedFigure, t: Translator) -> str:
    step = known_step(figure.value, figure.error)
    if figure.measure == "order" and step:  # rounded up: less would not keep the level
        return t.number(math.ceil(figure.value / step) * step)
    told = t.number(known_digits(round(figure.value), figure.error))
    if figure.layer or figure.low_80 is None or figure.high_80 is None:
        return told
    return f"{told} ({_roughly(figure.low_80, t)}-{_roughly(figure.high_80, t)})"


def _change(figure: ComparedFigure, t: Translator) -> str:
    if not figure.difference and not figure.difference_error:
        return "0"
    error = figure.difference_error or 0.0
    change = known_digits(figure.difference or 0.0, error)
    digits = 1 if error < 10 else 0
    sign = "+" if change > 0 else "-" if change < 0 else "+"
    told = f"{sign}{t.number(abs(change), digits)} ± {t.number(error, digits)}"
    return t("{change} noise", change=told) if figure.noise else told


def comparison_tables(document: ComparisonDocument) -> "Mapping[str, pd.DataFrame]":
    """Table name -> frame: what it rests on, the scenarios, where they differ, and the figures, a row each."""
    import pandas as pd  # half a second that who reads the text need not wait

    told = {name: value for name, value in document if isinstance(value, str | int | float) or name == "origin"}
    told |= {f"version_{name}": number for name, number in document.versions.items()}
    words = Words(translator(ENGLISH, plain=True))
    scenarios = [
        {name: value for name, value in each if name != "holdbacks"} | {"verdict": words(each.verdict)}
        for each in document.scenarios
    ]
    held = [{"scenario": each.scenario} | dict(one) for each in document.scenarios for one in each.holdbacks]
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
        **({"holdbacks": pd.DataFrame(held).convert_dtypes()} if held else {}),
        "figures": pd.DataFrame([dict(each) for each in document.figures]).convert_dtypes(),
    }
