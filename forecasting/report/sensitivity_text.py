"""A sensitivity for a terminal, and as tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecasting.report.layout import ENGLISH, table, terminal_text, wrap_line
from forecasting.report.sensitivity_document import SensitivityDocument, SensitivityMeasure, Swing
from forecasting.report.supply_document import ASSUMPTION_ONLY
from forecasting.report.supply_text import borrowed_notes
from forecasting.salvos.spread import known_digits

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 8
"""Assumptions of each tornado; the others are counted."""
TITLES = {"order_cost_usd": "COST OF THE ORDERS, million USD", "leakers": "ARMED DRONES THAT LEAK"}


def sensitivity_text(document: SensitivityDocument) -> str:
    """A tornado as a table for each measure, the widest swing first; what is noise is only counted."""
    alone = f"{ASSUMPTION_ONLY}: " if document.assumption_only else ""
    lines = [
        wrap_line(
            f"{alone}WHAT MOVES ORDERS AND LEAKERS, theatre {document.theatre}, scenario "
            f"{document.scenario or 'none'}, defence {document.defence}, next {document.horizon} attack days from "
            f"{document.origin}, orders for {document.service_level:.0%} safety, {document.n_paths:,} paths, seed "
            f"{document.seed}"
        ),
        *map(wrap_line, borrowed_notes(document.shape_from, document.surge, document.horizon, ENGLISH)),
    ]
    for measure in document.measures:
        lines += ["", *_tornado(document, measure)]
    held = (
        "Low and high: the fifth of the futures in which the assumption is lowest, and that in which it is highest, "
        "all else as it then is with the record met; ± is the standard error of the change."
    )
    return terminal_text([*lines, "", wrap_line(held)])


def _tornado(document: SensitivityDocument, measure: SensitivityMeasure) -> list[str]:
    swings = document.tornado(measure.measure, measure.layer)
    told = [swing for swing in swings if not swing.noise]
    shown = told[:SHOWN]
    unit = 1e6 if measure.measure == "order_cost_usd" else 1.0
    title = TITLES.get(measure.measure, f"TO ORDER, {measure.layer}, pieces")
    lines = [f"{title}: {_number(measure.value, measure.error, unit)} over all futures"]
    if shown:
        header = ["assumption", "of", "low", "high", "change"]
        lines += table(header, [_row(swing, unit) for swing in shown], (0, 1))
    rest = [f"{len(told) - len(shown)} more move it less"] if len(told) > len(shown) else []
    rest += [f"{len(swings) - len(told)} within noise"] if len(swings) > len(told) else []
    return [*lines, f"({'; '.join(rest)})"] if rest else lines


def _row(swing: Swing, unit: float) -> list[str]:
    error = swing.change_error
    change = swing.high - swing.low
    digits = 1 if error is not None and error / unit < 10 else 0
    return [
        swing.assumption,
        swing.of,
        _number(swing.low, error, unit),
        _number(swing.high, error, unit),
        f"{known_digits(change, error) / unit:+,.{digits}f} ± {(error or 0.0) / unit:,.{digits}f}",
    ]


def _number(value: float, error: float | None, unit: float) -> str:
    digits = 1 if unit > 1 and (error or 0.0) / unit < 1 else 0
    return f"{known_digits(value, error) / unit:,.{digits}f}"


def sensitivity_tables(document: SensitivityDocument) -> "Mapping[str, pd.DataFrame]":
    """Table name -> frame: what it rests on, the measures, and a row per assumption and measure."""
    import pandas as pd

    told = {name: value for name, value in document if isinstance(value, str | int | float) or name == "origin"}
    told |= {f"version_{name}": number for name, number in document.versions.items()}
    return {
        "about": pd.DataFrame({"what": told.keys(), "value": [str(value) for value in told.values()]}),
        "measures": pd.DataFrame([dict(each) for each in document.measures]).convert_dtypes(),
        "swings": pd.DataFrame([dict(each) for each in document.swings]).convert_dtypes(),
    }
