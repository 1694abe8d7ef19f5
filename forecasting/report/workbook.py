"""A document as a workbook: first what to act on, then its tables, typed and formatted, on few pages."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from features.printable import printable
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.frames import tables
from forecasting.report.language import ENGLISH, Translator, translator
from forecasting.report.layer_document import LayerDocument
from forecasting.report.picture_words import forecast_of, model_line
from forecasting.report.rounding import rounded
from forecasting.report.sentence import duty_sentence
from forecasting.report.supply_text import supply_notes
from forecasting.report.words import Words, not_for_orders

_NUMBERED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_OTHER_LEVELS = re.compile(r"_(50|95)$")
_SHARES = ("probability", "share", "risk", "service_level", "shortage", "discrimination")
"""What a share is called; money ends in usd."""
WIDEST, WIDEST_OF_FEW = 60, 80
"""Characters of a text on a line; in a table of at most five columns."""
LONGEST_CELL = 32_767
"""Characters."""
SHEETS = {
    "worth": (
        *("layer_worth", "order_worth", "service_levels", "frontier", "information", "budget_mix"),
        *("rules", "requirement", "mix", "policy", "policy_calendar"),
    ),
    "totals": ("windows", "outcome", "layers", "raid", "raid_layers"),
    "calibration": ("calibration", "calibrated", "shares"),
    "supply": ("supply_at_origin", "supply", "weights", "holdbacks", "scenario"),
}
"""Sheet -> the tables that stand below each other on it; any other table has a sheet of its own."""
TURNED = {"windows", "layers", "layer_worth", "service_levels", "frontier", "supply", "budget_mix", "shares"}
"""Tables with many measures of few things: a row per measure, which a page has room for."""
_LONGEST_HEAD = 12
"""Characters of a head beside each other."""
_POINTS = 13.0
"""How high a line is on the screen."""
_CHARACTER, _LINE, _LONG, _SHORT = 1.9, 4.5, 277.0, 190.0
"""Millimetres that a character is wide and a line high as printed in full size, and that the sides of A4 have."""

_Blocks = Sequence[tuple[str, pd.DataFrame]]
"""(name, table) of the tables on a sheet."""


def workbook(
    document: ForecastDocument | PlanDocument, language: str = ENGLISH, asked: Mapping[str, str] | None = None
) -> bytes:
    """The document as an XLSX workbook; names of tables, columns and measures are those of the API.

    Columns without any value are left out. Of the layers and of running totals the 80 % ranges alone are told: the
    others are in CSV and JSON. What belongs together stands on one sheet, and the chances of running short beside the
    days. language: of the sentences. asked: what is known of the document beside it, such as the request; it heads the
    sheet `about`.
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
    days = frames["days"]
    running = [name for name in map(str, days) if name.startswith("total_") and _OTHER_LEVELS.search(name)]
    frames["days"] = days.drop(columns=running)
    if "stock_out" in frames:
        frames["days"] = frames["days"].merge(frames.pop("stock_out"), on="attack_day")
    if "scenario_sources" in frames:
        cited = [frames.pop("scenario_sources"), *([frames["sources"]] if "sources" in frames else [])]
        frames["sources"] = pd.concat(cited, ignore_index=True).drop_duplicates("id").sort_values("id")
    _translate(frames, translator(language, plain=True))
    if asked:
        head = pd.DataFrame({"what": asked.keys(), "value": [_in_a_cell(value, language) for value in asked.values()]})
        frames["about"] = pd.concat([head, frames["about"]], ignore_index=True)
    frames["summary"] = _summary(shown, duty_sentence(document, language), language)
    line = model_line(forecast_of(shown), translator(language, plain=True))
    return _book(dict(_sheets(frames)), line)


def _translate(frames: Mapping[str, pd.DataFrame], t: Translator) -> None:
    """Puts what defence and scenario state in words into the language; titles of sources stay in their own."""
    for table, frame in frames.items():
        columns = {"about": ["value"], "sources": []}.get(table, ["name", "interceptor", "note"])
        for column in (each for each in columns if each in frame):
            frame[column] = [t.stated(each) if isinstance(each, str) else each for each in frame[column]]


def _sheets(frames: dict[str, pd.DataFrame]) -> Iterator[tuple[str, _Blocks]]:
    """(name, what stands on it) of the sheets in the order in which they are read."""
    for name in ("summary", "about"):
        yield name, [(name, frames.pop(name))]
    together = {each for members in SHEETS.values() for each in members}
    if "orders" in frames:
        yield "orders", [("orders", frames.pop("orders"))]
    for sheet, members in SHEETS.items():
        blocks = [(name, frames[name]) for name in members if name in frames and len(frames[name])]
        if blocks:
            yield sheet, blocks
    for name, frame in frames.items():
        if name not in together and len(frame):
            yield name, [(name, frame)]


def workbook_of(frames: Mapping[str, pd.DataFrame]) -> bytes:
    """Sheet name -> frame, as an XLSX workbook."""
    return _book({name: [(name, frame)] for name, frame in frames.items()})


def _book(sheets: Mapping[str, _Blocks], line: str = "") -> bytes:
    """line: what stands on top of a sheet of several tables, whose heads differ."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, blocks in sheets.items():
        sheet, widths = book.create_sheet(name), dict[int, int]()
        if name in SHEETS:
            sheet.append([_cell(line)])
        for table, frame in blocks:
            if name in SHEETS:
                sheet.append([])
                sheet.append([table])
                sheet.cell(sheet.max_row, 1).font = Font(bold=True, size=13)
            _write(sheet, _filled(frame), widths, turned=table in TURNED and name in SHEETS)
        for number, width in widths.items():
            sheet.column_dimensions[get_column_letter(number)].width = width + 2
        _set_page(sheet, sum(widths.values()) + 2 * len(widths))
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns with a value."""
    if frame.empty:
        return frame
    return frame.loc[:, (frame.notna() & (frame.astype("string") != "").fillna(value=False)).any()]


def _write(sheet: Worksheet, frame: pd.DataFrame, widths: dict[int, int], *, turned: bool) -> None:
    """The table under what stands on the sheet. turned: with a row per column, whose first names what the others are
    of. widths: of the columns of the sheet, which grow."""
    names = [*map(str, frame)]
    rows = [[_plain(value) for value in row] for row in frame.astype(object).itertuples(index=False, name=None)]
    of_columns = not turned
    widest = WIDEST_OF_FEW if of_columns and len(names) <= 5 else WIDEST
    if turned:
        names, *rows = ([name, *column] for name, column in zip(names, zip(*rows, strict=True), strict=True))
    top = sheet.max_row if sheet.max_row > 1 or sheet["A1"].value is not None else 0
    for below, row in enumerate([names, *rows], 1):
        for number, value in enumerate(row, 1):
            cell = sheet.cell(top + below, number)
            assert isinstance(cell, Cell)  # none of ours are merged
            cell.value = _cell(value)
            measure = names[number - 1] if of_columns else row[0]
            width = _format(cell, str(measure), widest, head=below == 1 or (turned and number == 1))
            widths[number] = max(widths.get(number, 0), width)


def _plain(value: Any) -> Any:
    """A value of a frame as a cell takes it."""
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def _in_a_cell(text: str, language: str) -> str:
    """The text, or how long it is: half of a request would be another."""
    if len(text) <= LONGEST_CELL:
        return text
    return translator(language, plain=True)("{n} characters, more than a cell holds", n=f"{len(text):,}")


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


def _format(cell: Cell, measure: str, widest: int, *, head: bool) -> int:
    """Shares as per cent, money and thousands with their separators, dates as such; how wide it is, in characters,
    of which a text has at most so many on a line."""
    value = cell.value
    if cell.data_type == "f":
        cell.data_type = "s"  # a title that begins with "=" is a title
    if head:
        cell.font = Font(bold=True)
        # The name of a column may go on below; that of a row stands beside its numbers.
        long = cell.column > 1 and not hasattr(value, "year")
        cell.alignment = Alignment(wrap_text=long, vertical="bottom")
        return min(len(str(value or "")), _LONGEST_HEAD if long else widest)
    if isinstance(value, int | float):
        cell.number_format = _number_format(measure, value)
        return len(f"{value:,.2f}" if value != int(value) else f"{value:,.0f}") + 5 * ("usd" in measure.split("_"))
    if isinstance(value, str):
        cell.alignment = Alignment(wrap_text=len(value) > widest, vertical="top")
        return min(len(value), widest)
    if value is not None:
        cell.number_format = "YYYY-MM-DD"
    return 10


def _lines(cell: Cell | MergedCell, width: float) -> int:
    return math.ceil(1.1 * len(str(cell.value or "")) / width) or 1 if cell.alignment.wrap_text else 1


def _set_page(sheet: Worksheet, width: int) -> None:
    """Heads that stay, and pages that take all columns side by side; the rows in as few as can still be read."""
    n_lines = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        lines = max(
            _lines(cell, sheet.column_dimensions[get_column_letter(at)].width) for at, cell in enumerate(row, 1)
        )
        n_lines += lines
        if lines > 1:  # not every program makes room by itself
            sheet.row_dimensions[number].height = _POINTS * lines
    across, down = _CHARACTER * width, _LINE * n_lines
    upright = down > across
    room, height = (_SHORT, _LONG) if upright else (_LONG, _SHORT)
    sheet.freeze_panes = "B2"
    sheet.page_setup.orientation = "portrait" if upright else "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = max(1, math.ceil(min(1.0, room / max(across, 1.0)) * down / height - 0.7))
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"
    sheet.print_area = sheet.dimensions
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.page_margins.top = sheet.page_margins.bottom = 0.4


def _number_format(name: str, value: float) -> str:
    if any(word in name for word in _SHARES) and 0 <= value <= 1:
        return "0%" if value == 0 or value >= 0.01 else "0.0%"
    if "usd" in name.split("_") and "per_million" not in name:
        return '#,##0" USD"' if abs(value) >= 100 or value == 0 else '0.00" USD"'
    return "#,##0" if value == int(value) else "#,##0.##"


def _cell(value: Any) -> Any:
    """Text is shown as it is, also where a part of it looks like the number of a character."""
    return _NUMBERED.sub("_x005F_", printable(value, keep="\n\t")) if isinstance(value, str) else value
