"""What is in hand and when it ends, as text for a terminal."""

from collections.abc import Sequence
from datetime import date, timedelta

from features.stocks import StockCount
from forecasting.report.document import PlanDocument
from forecasting.report.layer_document import LayerDocument
from forecasting.report.layout import ENGLISH, spread_range, table, terminal_text, wrap_line
from forecasting.report.words import Words


def stock_text(document: PlanDocument, counts: Sequence[StockCount]) -> str:
    """The stocks of a plan, what they rest on, when they end, and how counts and model agree.

    Parameters
    ----------
    document : PlanDocument
        From the origin that is asked for.
    counts : sequence of StockCount
        All that are known, those after the origin too.

    Returns
    -------
    str
        Ending with a line break.
    """
    origin, words = document.forecast.origin, Words(ENGLISH, document)
    stocked = [layer for layer in document.layers if layer.opening_stock]
    header = ["layer", "counted", "on", "by", f"in hand {origin}", "ends", "one in ten by", "rests on"]
    lines = [
        f"IN HAND on {origin}, and when it ends without an order",
        *table(header, [_cells(layer, origin, document.forecast.horizon, words) for layer in stocked], left=(0, 3, 7)),
        wrap_line(
            "in hand: 80 %, from the last count by deliveries, supply and modelled use. ends: median, and what one "
            f"future in ten does not reach; later than {document.forecast.days[-1].attack_day}, the end of the days "
            "looked at, where a > stands."
        ),
        *(wrap_line(f"- {words(note)}") for note in document.in_hand),
    ]
    if not any(layer.count for layer in stocked):
        lines.append(
            wrap_line("No stock is counted: salvocast stock count LAYER=NUMBER --on DATE; layers: ")
            + ", ".join(layer.layer for layer in stocked)
        )
    for each in counts:
        if each.counted_on > origin:
            lines.append(
                wrap_line(
                    f"- Not used: {each.quantity:,} of {each.layer} counted on {each.counted_on}, after {origin}, the "
                    "last day with reports: ingest newer ones."
                )
            )
    return terminal_text(lines) + "\n"


def _cells(layer: LayerDocument, origin: date, horizon: int, words: Words) -> list[str]:
    t, count = words.t, layer.count
    assert layer.opening_stock is not None
    counted = [t.number(count.quantity), str(count.counted_on), count.source[:30]] if count else ["-", "-", "-"]
    return [
        layer.layer,
        *counted,
        spread_range(layer.opening_stock, 0.8, t),
        _end(layer.days_of_supply_median, origin, horizon),
        _end(layer.days_of_supply_p10, origin, horizon),
        layer.stock_basis or "-",
    ]


def _end(days: float | None, origin: date, horizon: int) -> str:
    """The first day whose night is not covered; None: beyond the horizon."""
    return f">{origin + timedelta(days=horizon)}" if days is None else str(origin + timedelta(days=int(days) + 1))
