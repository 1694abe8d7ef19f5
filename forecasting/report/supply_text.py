"""The production scenario of a forecast as text for a terminal."""

from forecasting.report.layout import percent, table, wrapped
from forecasting.report.supply_document import ASSUMPTION_ONLY, Quantiles, SupplyDocument


def supply_lines(document: SupplyDocument) -> list[str]:
    """What the scenario assumes, what the record says of it, and what it implies month by month."""
    rows = [
        ["drones in store", _cell(document.stock_stated), _cell(document.stock_compatible)],
        [
            "output that reaches the store, drones a month",
            _cell(document.capacity_stated),
            _cell(document.capacity_compatible),
        ],
    ]
    return [
        wrapped(f"PRODUCTION: scenario {document.scenario}: {document.title} (as of {document.as_of})"),
        wrapped(_verdict(document)),
        "",
        *table(["at the origin, median (90 %)", "as stated", "as the record has it"], rows),
        *_ratio(document),
        "",
        "STORE AND OUTPUT, median (90 %)",
        *table(
            ["on", "launchable drones", "output a month, stated", "on the paths"],
            [
                [
                    str(month.day),
                    *map(_cell, (month.launchable_stock, month.production_stated, month.production_compatible)),
                ]
                for month in document.months
            ],
        ),
        wrapped(_weights(document)),
    ]


def _verdict(document: SupplyDocument) -> str:
    if document.assumption_only:
        return (
            f"{ASSUMPTION_ONLY}: no launch against this theatre is on record. The level is what the scenario's stock "
            f"and output sustain from the first day, the shape of the salvos is that of {document.shape_from}. "
            f"{_sentence(document.verdict)}"
        )
    assert document.effective_sample_size is not None
    return (
        f"{_sentence(document.verdict)} Weighted by the record, the {document.n_draws:,} draws say as much as "
        f"{document.effective_sample_size:,.0f} of equal weight."
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _ratio(document: SupplyDocument) -> list[str]:
    ratio = document.output_ratio
    if ratio is None:
        return []
    return [wrapped(f"True output is {ratio.p50:.2g} times what is stated (90 %: {ratio.p5:.2g} to {ratio.p95:.2g}).")]


def _weights(document: SupplyDocument) -> str:
    if document.assumption_only:
        return "No path launches more than its stock and output."
    weights = ", ".join(f"{percent(each.share)} {each.horizon} days ahead" for each in document.weights)
    return (
        f"Paths whose level is that of supply: {weights}; the rest follow the salvo model. Learned from "
        f"{document.n_past_origins} past origins. What a variant changes against the published state counts in full. "
        "No path launches more than its stock and output."
    )


def _cell(quantiles: Quantiles | None) -> str:
    return "-" if quantiles is None else f"{quantiles.p50:,.0f} ({quantiles.p5:,.0f}-{quantiles.p95:,.0f})"
