"""The production scenario of a forecast as text for a terminal."""

from forecasting.report.document import ForecastDocument
from forecasting.report.language import Translator
from forecasting.report.layout import span, table, wrap_line
from forecasting.report.supply_document import HoldbackDocument, Quantiles, SupplyDocument, SurgeDocument
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
        *holdback_lines(document.holdbacks, words),
    ]


def holdback_lines(holdbacks: list[HoldbackDocument], words: Words) -> list[str]:
    """What holds each plant back, month by month; nothing where only lines are stated."""
    if not holdbacks:
        return []
    t = words.t

    def cell(value: float | None) -> str:
        return "-" if value is None else t.number(value)

    beds = any(each.beds is not None for each in holdbacks)
    return [
        "",
        t("WHAT HOLDS A PLANT BACK; medians as stated, drones a month"),
        *table(
            [
                t("on"),
                t("plant"),
                t("the least"),
                t("of the draws"),
                t("lines"),
                t("parts"),
                t("workforce"),
                *([t("beds"), t("wait for one")] if beds else []),
            ],
            [
                [
                    str(each.day),
                    t.stated(each.name),
                    words.holdback(each.cause),
                    t.percent(each.share),
                    *map(cell, (each.line, each.parts, each.workforce)),
                    *(map(cell, (each.beds, each.waiting)) if beds else []),
                ]
                for each in holdbacks
            ],
            left=(0, 1, 2),
        ),
    ]


def _surge_sentence(surge: SurgeDocument | None, horizon: int, t: Translator) -> str:
    """What a stock that was built up comes to; nothing where a document of before does not tell."""
    if surge is None:
        return ""

    def told(quantiles: Quantiles, most: float = float("inf")) -> str:
        low, middle, high = (
            f">{t.number(most)}" if each > most else t.number(float(f"{each:.2g}"))
            for each in (quantiles.p5, quantiles.p50, quantiles.p95)
        )
        return t("{middle} ({low} to {high})", middle=middle, low=low, high=high)

    return t(
        "Built up: {stock} drones that can be launched. The surge: {rate} a day for {days} days, until a tenth of them "
        "is left. Afterwards output alone sustains {after} a day. Median (90 %).",
        stock=told(surge.stock),
        rate=told(surge.in_surge),
        days=told(surge.days, horizon),
        after=told(surge.afterwards),
    )


def supply_notes(forecast: ForecastDocument, t: Translator) -> list[str]:
    """What every output says of a theatre without a record: whose shape, how it is scaled, and the surge."""
    supply = forecast.supply
    return borrowed_notes(supply.shape_from, supply.surge, forecast.horizon, t) if supply else []


def borrowed_notes(shape_from: str | None, surge: SurgeDocument | None, horizon: int, t: Translator) -> list[str]:
    """Whose shape is borrowed, how it is scaled, and the surge; nothing of a theatre with a record."""
    if shape_from is None:
        return []
    borrowed = t(
        "The shape of the salvos is that of {theatre}: each day as a multiple of the month around it, scaled to what "
        "the stock and the output of this scenario sustain from the first day.",
        theatre=theatre_name(shape_from, t),
    )
    return [borrowed, *filter(None, [_surge_sentence(surge, horizon, t)])]


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
    return " ".join([moved, learned, *_growth(document, words), counted, limit])


def _growth(document: SupplyDocument, words: Words) -> list[str]:
    """A sentence on growth that nobody announced, where any is taken to come."""
    t = words.t
    if not document.growth:
        return []
    ratios = ", ".join(
        t.plural("{ratio} in {n} day", "{ratio} in {n} days", each.horizon, ratio=t.figure(float(f"{each.ratio:.2f}")))
        for each in document.growth
    )
    return [t("Unannounced, the level goes on changing as it did, ever less: times {ratios}.", ratios=ratios)]
