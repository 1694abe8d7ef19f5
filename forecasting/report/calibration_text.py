"""What the reported losses did to the ranges of a defence, as text for a terminal."""

from forecasting.report.calibration_document import CalibrationDocument, Central, ComparedShare
from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator
from forecasting.report.layout import QUANTITIES, table, wrap_line
from forecasting.report.words import Words


def calibration_lines(document: PlanDocument, words: Words) -> list[str]:
    """The ranges as stated and as the record has them, beside each other; reported shares beside modelled ones."""
    t = words.t
    head = ["", t("HELD AGAINST THE RECORD OF LOSSES")]
    notes = [wrap_line(words(note)) for note in document.notes]
    found = document.calibration
    if found is None:
        return [*head, *notes]
    explained = (
        t.plural(
            "80 % ranges, as stated -> calibrated to {n} night with reported losses; of each period, what the defence "
            "as of the origin would make of its nights.",
            "80 % ranges, as stated -> calibrated to {n} nights with reported losses, the last ones most; of each "
            "period, what the defence as of the origin would make of its nights.",
            found.n_nights,
        ),
        t("The calibrated draws are worth {n} independent ones.", n=t.number(found.effective_sample_size)),
        *_size_effect(found, t),
        t(
            "Night by night, losses vary with {ratio} times the variance of chance alone.",
            ratio=t.number(found.overdispersion, 1),
        ),
    )
    return [
        *head,
        *_quantities(document, found, words),
        "",
        *table(
            [t("share of the drones"), t("reported"), t("ranges as stated"), t("calibrated")],
            [_share_cells(share, words) for share in found.shares],
        ),
        wrap_line(" ".join(explained)),
        *notes,
    ]


def _quantities(document: PlanDocument, found: CalibrationDocument, words: Words) -> list[str]:
    t = words.t
    cells = {
        (each.layer, each.quantity): f"{_range(each.stated, t)} -> {_range(each.calibrated, t)}"
        for each in found.quantities
    }
    shown = [name for name in QUANTITIES if any(quantity == name for _, quantity in cells)]
    if not shown:
        return []
    rows = [
        [words.layer(layer.layer), *(cells.get((layer.layer, name), "-") for name in shown)]
        for layer in document.layers
    ]
    return table([t("layer"), *(t(QUANTITIES[name]) for name in shown)], rows)


def _size_effect(found: CalibrationDocument, t: Translator) -> list[str]:
    effect = next((each.calibrated for each in found.quantities if each.quantity == "size_effect"), None)
    if effect is None:
        return []
    text = t(
        "A night twice as large as those before it multiplies the odds of being neutralised by {low} to {high}, "
        "beyond what the layers' limits do.",
        low=t.number(2**effect.p10, 2),
        high=t.number(2**effect.p90, 2),
    )
    return [text]


def _share_cells(share: ComparedShare, words: Words) -> list[str]:
    t = words.t
    counted = words.compared_drones(share.counts, share.layer)
    name = counted if share.counts == "kills" else f"{counted}, {words(share.period)}"
    ends = share.reported_low, share.reported_high
    reported = t.percent(ends[0]) if ends[0] == ends[1] else _percent_range(*ends, t)
    return [name, reported, *(_percent_range(each.p10, each.p90, t) for each in (share.stated, share.calibrated))]


def _range(central: Central, t: Translator) -> str:
    ends = (t.figure(float(f"{value:.2g}") if value < 100 else value) for value in (central.p10, central.p90))
    return "-".join(dict.fromkeys(ends))


def _percent_range(low: float, high: float, t: Translator) -> str:
    return t("{low} to {high}", low=t.percent(low), high=t.percent(high))
