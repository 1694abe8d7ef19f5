"""The brief: one page A4 for whoever signs, as a PDF that needs no browser."""

from datetime import UTC, date, datetime, time
from io import BytesIO

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from matplotlib.font_manager import FontProperties, findfont

from features.errors import InputError
from features.printable import printable
from forecasting.report.assumption_document import Assumption
from forecasting.report.document import PlanDocument
from forecasting.report.forms import NOTHING, Asked
from forecasting.report.language import Translator, translator
from forecasting.report.layer_document import LayerDocument
from forecasting.report.layout import millions, plural
from forecasting.report.pictures import render, stock_out_picture
from forecasting.report.reading import read_document
from forecasting.report.rounding import rounded
from forecasting.report.sentence import expected_drones
from forecasting.report.supply_text import supply_notes
from forecasting.report.words import Words, data_age, theatre_name

MARGIN, WIDTH, FOOT = 18.0, 174.0, 282.0
"""Millimetres of A4."""
ROWS, ASSUMED = 8, 2
"""Orders listed, those that cost most, and assumed numbers named."""
LONGEST_LINK = 100
"""Characters that a line of the foot holds; nobody types a longer one."""


def brief_of(document: bytes, language: str, printed: date, asked: Asked = NOTHING) -> bytes:
    """`brief`, of a plan given as its JSON. Raises InputError for another document."""
    plan = read_document(document)
    if not isinstance(plan, PlanDocument):
        raise InputError("a brief is of a plan: expected a plan, not a forecast")
    return brief(plan, language, printed, asked)


def brief(document: PlanDocument, language: str, printed: date, asked: Asked = NOTHING) -> bytes:
    """One page: three sentences, the order and its cost, what it buys, the risk of not ordering, a picture, the age of
    the data, and the two assumed numbers that matter most. printed: the day that stands on it; same day, same bytes.
    asked: as of a workbook; day of issue and link stand at the foot.
    """
    plan, t = rounded(document), translator(language)
    words = Words(t, plan)
    page = _Page(printed)
    forecast = plan.forecast
    title = t("Interceptors to order, theatre {theatre}", theatre=theatre_name(forecast.theatre, t))
    page.line(title, 15, bold=True)
    page.line(
        data_age(forecast, t) or t("The record used ends on {known}.", known=t.day(forecast.last_attack_day_known)),
        10,
        bold=forecast.data_age is not None,
    )
    page.line(" ".join([expected_drones(forecast, t), _order(plan, t), _buys(plan, words)]), 10.5)
    for note in supply_notes(forecast, t):
        page.line(note, 9)
    page.head(t("The order and its cost"))
    page.table(
        [t("Layer"), t("Order"), t("Cost, M USD"), t("Runs out"), t("with order")],
        [_row(layer, words) for layer in _dearest(plan)],
    )
    page.head(t("If nothing is ordered"))
    page.line(_risk(plan, words), 10)
    page.head(t("Assumed, and decisive"))
    for stated in _decisive(plan):
        low, high = t.figure(stated.low), t.figure(stated.high)
        name = f"{words.layer(stated.layer)}: {words.quantity(stated)}"
        page.line(t("{name}: {low} to {high}, published by nobody", name=name, low=low, high=high), 10)
    if plan.stock_out:
        page.picture(render(stock_out_picture(plan, language=language), ".png", title))
    page.foot(
        t(
            "Plan as of {origin}, data {digest}, salvocast {version}; printed on {day}",
            day=t.day(printed),
            origin=t.day(forecast.origin),
            digest=forecast.data_digest[:12],
            version=forecast.versions["salvocast"],
        ),
        *([t("Issued at {time}", time=asked["issued_at"])] if "issued_at" in asked else []),
        *([link] if len(link := asked.get("link", "")) <= LONGEST_LINK else []),
    )
    return page.content()


def _order(plan: PlanDocument, t: Translator) -> str:
    wanted = [
        t("{quantity} {what}", quantity=t.number(layer.order.quantity), what=t.stated(plural(layer.interceptor or "")))
        for layer in plan.layers
        if layer.order and layer.order.quantity
    ]
    level, outcome = t.percent(plan.service_level), plan.outcome
    if not wanted:
        return t("Nothing is to be ordered for {level} safety of each stock.", level=level)
    return t(
        "Order {wanted}, for {cost} M USD and {level} safety of each stock.",
        wanted="; ".join(wanted),
        cost=millions(outcome.orders_cost_usd_low, outcome.orders_cost_usd_high, t),
        level=level,
    )


def _buys(plan: PlanDocument, words: Words) -> str:
    return " ".join(map(words.sentence, plan.order_worth.says[:1])) if plan.order_worth else ""


def _dearest(plan: PlanDocument) -> list[LayerDocument]:
    ordered = [layer for layer in plan.layers if layer.order and layer.order.quantity]
    return sorted(ordered, key=lambda layer: -(layer.order.cost_usd_mode if layer.order else 0.0))[:ROWS]


def _row(layer: LayerDocument, words: Words) -> list[str]:
    order, t = layer.order, words.t
    assert order is not None
    return [
        words.layer(layer.layer),
        t.number(order.quantity),
        millions(order.cost_usd_low, order.cost_usd_high, t),
        t.percent(layer.stock_out_probability or 0.0),
        t.percent(order.stock_out_probability),
    ]


def _risk(plan: PlanDocument, words: Words) -> str:
    t = words.t
    at_risk = sorted(
        (layer for layer in plan.layers if layer.stock_out_probability),
        key=lambda layer: -(layer.stock_out_probability or 0.0),
    )[:3]
    if not at_risk:
        return t("No stock runs out in any of the futures.")
    chances = "; ".join(
        f"{t.stated(plural(layer.interceptor or ''))} {t.percent(layer.stock_out_probability or 0.0)}"
        for layer in at_risk
    )
    last = t.day(plan.forecast.days[-1].attack_day)
    return t("Chance that a stock has run short by {day}: {chances}.", day=last, chances=chances)


def _decisive(plan: PlanDocument) -> list[Assumption]:
    """The assumed numbers that it is worth most to know; then the stocks of what costs most."""
    assumed = {(each.layer, each.quantity): each for each in plan.assumptions if each.basis == "assumed"}
    asked = [(each.layer, each.quantity) for each in (plan.order_worth.information if plan.order_worth else [])]
    asked += [(layer.layer, "stock") for layer in _dearest(plan)]
    found = [assumed[key] for key in dict.fromkeys(asked) if key in assumed]
    return found[:ASSUMED]


class _Page:
    """One page that is filled from above; what is left is the picture's."""

    def __init__(self, printed: date) -> None:
        self._pdf = FPDF(format="A4")
        self._pdf.set_creation_date(datetime.combine(printed, time(), UTC))
        for style, weight in (("", "normal"), ("B", "bold")):  # Matplotlib's own, with the letters of Ukrainian
            self._pdf.add_font("DejaVu", style, findfont(FontProperties(family="DejaVu Sans", weight=weight)))
        self._pdf.set_margins(MARGIN, MARGIN)
        self._pdf.set_auto_page_break(False)
        self._pdf.add_page()

    def line(self, text: str, size: float, *, bold: bool = False) -> None:
        self._pdf.set_font("DejaVu", "B" if bold else "", size)
        self._pdf.multi_cell(WIDTH, size * 0.47, printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._pdf.ln(1.5)

    def head(self, text: str) -> None:
        self._pdf.ln(1.5)
        self.line(text, 11, bold=True)

    def table(self, header: list[str], rows: list[list[str]]) -> None:
        widths = (66.0, 22.0, 34.0, 24.0, 28.0)
        for number, row in enumerate([header, *rows]):
            self._pdf.set_font("DejaVu", "B" if number == 0 else "", 9)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
                self._pdf.cell(width, 5, printable(cell), align="R" if index else "L")
            self._pdf.ln(5)

    def picture(self, png: bytes) -> None:
        """As large as what is left of the page."""
        self._pdf.ln(2)
        left = FOOT - self._pdf.get_y() - 4
        self._pdf.image(BytesIO(png), x=MARGIN, w=WIDTH, h=max(left, 1.0), keep_aspect_ratio=True)

    def foot(self, text: str, *more: str) -> None:
        self._pdf.set_y(FOOT)
        self.line(text, 8)
        if more:
            self._pdf.set_y(FOOT + 4)
            self.line("; ".join(more), 7)

    def content(self) -> bytes:
        """The PDF."""
        return bytes(self._pdf.output())
