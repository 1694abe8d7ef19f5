"""What the reported losses did to the ranges of a defence, as text for a terminal."""

from forecasting.report.calibration_document import CalibrationDocument, Central, ComparedShare
from forecasting.report.document import PlanDocument
from forecasting.report.layout import QUANTITIES, number, table, wrapped


def calibration_lines(document: PlanDocument) -> list[str]:
    """The ranges as stated and as the record has them, beside each other; reported shares beside modelled ones."""
    head = ["", "HELD AGAINST THE RECORD OF LOSSES"]
    notes = [wrapped(note) for note in document.notes]
    found = document.calibration
    if found is None:
        return [*head, *notes]
    return [
        *head,
        *_quantities(document, found),
        "",
        *table(
            ["share of the drones", "reported", "ranges as stated", "calibrated"],
            [_share_cells(document, share) for share in found.shares],
        ),
        wrapped(
            f"80 % ranges, as stated -> calibrated to {found.n_nights} nights with reported losses, the last ones "
            "most; of each period, what the defence as of the origin would make of its nights. The calibrated draws "
            f"are worth {found.effective_sample_size:,.0f} independent ones.{_size_effect(found)} Night by night, "
            f"losses vary with {found.overdispersion:.1f} times the variance of chance alone."
        ),
        *notes,
    ]


def _quantities(document: PlanDocument, found: CalibrationDocument) -> list[str]:
    cells = {
        (each.layer, each.quantity): f"{_range(each.stated)} -> {_range(each.calibrated)}" for each in found.quantities
    }
    shown = [name for name in QUANTITIES if any(quantity == name for _, quantity in cells)]
    if not shown:
        return []
    rows = [[layer.name, *(cells.get((layer.layer, name), "-") for name in shown)] for layer in document.layers]
    return table(["layer", *(QUANTITIES[name] for name in shown)], rows)


def _size_effect(found: CalibrationDocument) -> str:
    effect = next((each.calibrated for each in found.quantities if each.quantity == "size_effect"), None)
    if effect is None:
        return ""
    low, high = 2**effect.p10, 2**effect.p90
    return (
        f" A night twice as large as those before it multiplies the odds of being neutralised by {low:.2f} to "
        f"{high:.2f}, beyond what the layers' limits do."
    )


def _share_cells(document: PlanDocument, share: ComparedShare) -> list[str]:
    names = {layer.layer: layer.name for layer in document.layers}
    what = {"lost": "neutralised", "shot_down": "shot down"}.get(share.counts)
    name = f"{what}, {share.period}" if share.n_nights else f"killed by {names.get(share.counts, share.counts)}"
    reported = dict.fromkeys(f"{value:.0%}" for value in (share.reported_low, share.reported_high))
    return [name, " to ".join(reported), _shares(share.stated), _shares(share.calibrated)]


def _range(central: Central) -> str:
    ends = (number(float(f"{value:.2g}")) if value < 100 else number(value) for value in (central.p10, central.p90))
    return "-".join(dict.fromkeys(ends))


def _shares(central: Central) -> str:
    return f"{central.p10:.0%} to {central.p90:.0%}"
