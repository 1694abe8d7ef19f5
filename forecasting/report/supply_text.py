"""The production scenario of a forecast as text for a terminal."""

from forecasting.report.layout import span, table, wrap_line
from forecasting.report.supply_document import Quantiles, SupplyDocument
from forecasting.report.words import Words, assumption_prefix, theatre_name


def supply_lines(document: SupplyDocument, words: Words) -> list[str]:
    """What the scenario assumes, what the record says of it, and what it implies month by month."""
    t = words.t

    def cell(quantiles: Quantiles | None) -> str:
        return "-" if quantiles is None else f"{t.number(quantiles.p50)} ({span(quantiles.p5, quantiles.p95, t)})"

    certain = any(month.certain is not None for month in document.months)
    rows = [
        [t("drones in store"), cell(document.stock_stated), cell(document.stock_compatible)],
        [
            t("output that reaches the store, drones a month"),
            cell(document.capacity_stated),
            cell(document.capacity_compatible),
        ],
    ]
    head = t(
        "PRODUCTION: scenario {name}: {title} (as of {day})",
        name=document.scenario,
        title=t.stated(document.title),
        day=t.day(document.as_of),
    )
    return [
        wrap_line(head),
        wrap_line(_verdict(document, words)),
        "",
        *table([t("at the origin, median (90 %)"), t("as stated"), t("as the record has it")], rows),
        *_ratio(document, words),
        "",
        t("STORE AND OUTPUT, median (90 %)"),
        *table(
            [
                t("on"),
                t("launchable drones"),
                t("output a month, stated"),
                t("on the paths"),
                *([t("of it certain, as stated")] if certain else []),
            ],
            [
                [
                    str(month.day),
                    *map(cell, (month.launchable_stock, month.production_stated, month.production_compatible)),
                    *([cell(month.certain)] if certain else []),
                ]
                for month in document.months
            ],
        ),
        wrap_line(_weights(document, words)),
    ]


def _verdict(document: SupplyDocument, words: Words) -> str:
    t = words.t
    if document.assumption_only:
        text = t(
            "no launch against this theatre is on record. The level is what the scenario's stock and output sustain "
            "from the first day, the shape of the salvos is that of {theatre}.",
            theatre=theatre_name(document.shape_from or "", t),
        )
        return f"{assumption_prefix(True, t)}{text} {words.sentence(document.verdict)}"
    assert document.effective_sample_size is not None
    weighed = t(
        "Weighted by the record, the {n} draws say as much as {effective} of equal weight.",
        n=t.number(document.n_draws),
        effective=t.number(document.effective_sample_size),
    )
    return f"{words.sentence(document.verdict)} {weighed}"


def _ratio(document: SupplyDocument, words: Words) -> list[str]:
    ratio, t = document.output_ratio, words.t
    if ratio is None:
        return []
    middle, low, high = (t.figure(float(f"{value:.2g}")) for value in (ratio.p50, ratio.p5, ratio.p95))
    text = t("True output is {ratio} times what is stated (90 %: {low} to {high}).", ratio=middle, low=low, high=high)
    return [wrap_line(text)]


def _weights(document: SupplyDocument, words: Words) -> str:
    t = words.t
    limit = t("No path launches more than its stock and output.")
    if document.assumption_only:
        return limit
    weights = ", ".join(
        t.plural("{share} {n} day ahead", "{share} {n} days ahead", each.horizon, share=t.percent(each.share))
        for each in document.weights
    )
    learned = t.plural("Learned from {n} past origin.", "Learned from {n} past origins.", document.n_past_origins)
    moved = t("Paths whose level is that of supply: {weights}; the rest follow the salvo model.", weights=weights)
    counted = t("What a variant changes against the published state counts in full.")
    return f"{moved} {learned} {counted} {limit}"
