"""What a plan assumes of the defence, and whose facts its launch counts are, as text for a terminal."""

from collections import Counter

from forecasting.report.assumption_document import Assumption
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.language import Translator
from forecasting.report.layout import BASIS_MARK, QUANTITIES, table, wrap_line
from forecasting.report.words import Words, theatre_name


def assumption_lines(document: PlanDocument, words: Words) -> list[str]:
    """Every layer with its ranges, and how many of them nobody has published."""
    t = words.t
    stated: dict[str, dict[str, Assumption]] = {}
    for assumption in (each for each in document.assumptions if not each.kind and not each.weapon_class):
        stated.setdefault(assumption.layer, {})[assumption.quantity] = assumption
    quantities = {
        quantity: t(name)
        for quantity, name in QUANTITIES.items()
        if any(assumption.quantity == quantity for assumption in document.assumptions)
    }
    rows = [
        [
            words.layer(layer.layer),
            *(_assumption_cell(stated[layer.layer].get(quantity), t) for quantity in quantities),
        ]
        for layer in document.layers
    ]
    counts = Counter(assumption.basis for assumption in document.assumptions)
    dates = [source.date for source in document.sources]
    counted = t(
        "{reported} numbers reported as such, {derived} derived from reported ones (~), {assumed} assumed because none "
        "is published (?): put in your own with --defence FILE.",
        **{name: counts[name] for name in BASIS_MARK},
    )
    sources = t.plural("{n} source", "{n} sources", len(document.sources))
    if dates:
        sources = t("{sources}, published {first} to {last}", sources=sources, first=min(dates), last=max(dates))
    where = t("each number's sources, date, confidence and reason: --format json.")
    title = t(
        "WHAT WAS ASSUMED: {defence} (as of {day}); low to high",
        defence=t.stated(document.defence),
        day=t.day(document.defence_as_of),
    )
    return [
        title,
        *table([t("layer"), *quantities.values()], rows),
        wrap_line(f"{counted} {sources}; {where}"),
        "",
        wrap_line(t.stated(document.about)),
        "",
        launch_counts(document, words),
    ]


def launch_counts(document: PlanDocument, words: Words) -> str:
    """Whose facts they are."""
    borrowed, t = shape_from(document.forecast), words.t
    launches = t("Launch counts")
    if borrowed:
        launches = t("Launch counts of {theatre}, for the shape of the salvos alone", theatre=theatre_name(borrowed, t))
    return wrap_line(f"{launches}: {'; '.join(map(words.source, document.forecast.data_sources))}.")


def _assumption_cell(assumption: Assumption | None, t: Translator) -> str:
    if assumption is None:
        return "-"
    ends = dict.fromkeys(t.figure(value) for value in (assumption.low, assumption.high))
    return "-".join(ends) + BASIS_MARK[assumption.basis]


def shape_from(document: ForecastDocument) -> str | None:
    """The theatre whose shape is borrowed; None where it is the forecast's own."""
    return document.supply.shape_from if document.supply else None
