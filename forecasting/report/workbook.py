"""A document as a workbook: first what to act on, then every table as a sheet whose cells are typed and formatted."""

import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pandas as pd
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from features.printable import printable
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.frames import tables
from forecasting.report.language import ENGLISH, translator
from forecasting.report.layer_document import LayerDocument
from forecasting.report.picture_words import forecast_of
from forecasting.report.rounding import rounded
from forecasting.report.sentence import duty_sentence
from forecasting.report.supply_text import supply_notes
from forecasting.report.words import Words, not_for_orders

_NUMBERED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_OTHER_LEVELS = re.compile(r"_(50|95)$")
_SHARES = ("probability", "share", "risk", "service_level", "shortage", "discrimination")
"""What a share is called; money ends in usd."""
WIDEST = 60
LONGEST_CELL = 32_767
"""Characters."""


def workbook(
    document: ForecastDocument | PlanDocument, language: str = ENGLISH, asked: Mapping[str, str] | None = None
) -> bytes:
    """The document as an XLSX workbook; names of sheets, columns and measures are those of the API.

    Columns without any value are left out. Of the layers the 80 % ranges alone are told, and what is ordered has a
    sheet of its own: the others are in CSV and JSON. language: of the sentences. asked: what is known of the document
    beside it, such as the request; it heads the sheet `about`.
    """
    shown = rounded(document)
    frames = tables(shown, language)
    if "layers" in frames:
        layers = frames["layers"]
        layers = layers[[name for name in map(str, layers) if not _OTHER_LEVELS.search(name)]]
        ordering = [name for name in map(str, layers) if name.startswith("order_")]
        frames["layers"] = layers.drop(columns=ordering)
        orders = layers[["layer", "interceptor", *ordering]]
        if ordering:
            orders = orders[orders["order_quantity"].notna()]
            frames["orders"] = orders.rename(columns=lambda name: name.removeprefix("order_"))
    if asked:
        head = pd.DataFrame({"what": asked.keys(), "value": [_in_a_cell(value, language) for value in asked.values()]})
        frames["about"] = pd.concat([head, frames["about"]], ignore_index=True)
    first = {"summary": _summary(shown, duty_sentence(document, language), language), "about": frames["about"]}
    return workbook_of(first | ({"orders": frames["orders"]} if "orders" in frames else {}) | frames)


def _in_a_cell(text: str, language: str) -> str:
    """The text, or how long it is: half of a request would be another."""
    if len(text) <= LONGEST_CELL:
        return text
    return translator(language, plain=True)("{n} characters, more than a cell holds", n=f"{len(text):,}")


def workbook_of(frames: Mapping[str, pd.DataFrame]) -> bytes:
    """Sheet name -> frame, as an XLSX workbook."""
    buffer = BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl", date_format="YYYY-MM-DD", datetime_format="YYYY-MM-DD") as writer:
        for name, frame in frames.items():
            filled = frame
            if len(frame):
                filled = frame.loc[:, (frame.notna() & (frame.astype("string") != "").fillna(value=False)).any()]
            _writable(filled).to_excel(writer, sheet_name=name, index=False)
            _format(writer.sheets[name])
    return buffer.getvalue()


def _summary(document: ForecastDocument | PlanDocument, sentence: str, language: str) -> pd.DataFrame:
    """What to act on: the sentence, the totals, and a row per order."""
    words, forecast = Words(translator(language, plain=True), document), forecast_of(document)
    t = words.t
    rows: list[dict[str, Any]] = []
    if mark := not_for_orders(forecast, t):
        rows.append({"what": mark})
    rows.append({"what": sentence.replace("\u00a0", " ").replace("\u202f", " ")})
    rows += [{"what": note} for note in supply_notes(forecast, t)]
    for window in forecast.windows:
        total = window.total_drones.interval(0.8)
        what = t("drones launched, {first} to {last}", first=forecast.days[0].attack_day, last=window.last_day)
        rows.append({"what": what, "median": window.total_drones.median, "low_80": total.low, "high_80": total.high})
    if isinstance(document, PlanDocument):
        rows += [_summary_order(layer, words) for layer in document.layers if layer.order]
        cost = document.outcome
        rows.append(
            {
                "what": t("all"),
                "cost_usd_low": cost.orders_cost_usd_low,
                "cost_usd_mode": cost.orders_cost_usd_mode,
                "cost_usd_high": cost.orders_cost_usd_high,
            }
        )
    return pd.DataFrame(rows)


def _summary_order(layer: LayerDocument, words: Words) -> dict[str, Any]:
    order = layer.order
    assert order is not None
    return {
        "what": words.layer(layer.layer),
        "order": order.quantity,
        "cost_usd_low": order.cost_usd_low,
        "cost_usd_mode": order.cost_usd_mode,
        "cost_usd_high": order.cost_usd_high,
        "days_of_supply_p10": layer.days_of_supply_p10,
        "runs_out_probability": layer.stock_out_probability,
        "with_the_order_probability": order.stock_out_probability,
    }


def _format(sheet: Worksheet) -> None:
    """Shares as per cent, money and thousands with their separators, columns as wide as what they hold, and a page
    that takes all of them side by side."""
    sheet.freeze_panes = "B2"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"
    for number, (head, *cells) in enumerate(sheet.iter_cols(), 1):
        longest = len(str(head.value))
        for cell in cells:
            value = cell.value
            if cell.data_type == "f":
                cell.data_type = "s"  # a title that begins with "=" is a title
            if isinstance(value, int | float):
                cell.number_format = _number_format(str(head.value), value)
                longest = max(longest, len(f"{value:,.2f}") + 1)
            elif isinstance(value, str):
                longest = max(longest, len(value))
                if len(value) > WIDEST:
                    cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.column_dimensions[get_column_letter(number)].width = min(longest + 2, WIDEST)


def _number_format(name: str, value: float) -> str:
    if any(word in name for word in _SHARES) and 0 <= value <= 1:
        return "0%" if value == 0 or value >= 0.01 else "0.0%"
    if "usd" in name.split("_") and "per_million" not in name:
        return '#,##0" USD"' if abs(value) >= 100 or value == 0 else '0.00" USD"'
    return "#,##0" if value == int(value) else "#,##0.##"


def _writable(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text that a workbook can hold."""
    texts = list(frame.select_dtypes(["object", "string"]))
    return frame.assign(**{str(name): frame[name].map(_cell) for name in texts})


def _cell(value: Any) -> Any:
    """Text is shown as it is, also where a part of it looks like the number of a character."""
    return _NUMBERED.sub("_x005F_", printable(value, keep="\n\t")) if isinstance(value, str) else value
