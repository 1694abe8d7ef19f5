"""What money buys, as curves: the frontier of cost against armed leakers, and against the risk of a stock-out."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.errors import InputError
from forecasting.report.document import PlanDocument
from forecasting.report.drawing import PictureStyle, picture_style
from forecasting.report.language import translator
from forecasting.report.words import data_age, money
from forecasting.report.worth_document import (
    By,
    FrontierPointDocument,
    OrderWorthDocument,
    beside_the_orders,
    frontier_of,
)

MILLION = 1e6


def frontier_picture(
    document: PlanDocument, *, theme: str = "light", language: str = "en", narrow: bool = False
) -> Figure:
    """Both frontiers, the orders of the plan, and the points next down and up from them in cost.

    Raises InputError for a plan without stocks.
    """
    worth = _worth_of(document)
    drawn = picture_style(theme, language, narrow=narrow)
    figure = drawn.figure(7.6 if narrow else 4.2)
    leakers, risk = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
    t = drawn.words
    _panel(leakers, drawn, worth, "leakers", t("Armed drones that get through"), beside=1 if narrow else 2)
    _panel(risk, drawn, worth, "joint_risk", t("Some stock runs out"), beside=1 if narrow else 2)
    drawn.shared_legend(figure)
    return figure


def describe_frontier(document: PlanDocument, *, language: str = "en") -> str:
    """The frontier in words."""
    worth, t = _worth_of(document), translator(language)
    ends = [frontier_of(worth, "leakers")[number] for number in (0, -1)]
    return data_age(document.forecast, t) + t(
        "What money buys: {leakers} armed drones get through with no order, {fewest} with the best mix for {cost}.",
        leakers=t.number(ends[0].leakers, 1),
        fewest=t.number(ends[1].leakers, 1),
        cost=money(ends[1].cost_usd, t),
    )


def _worth_of(document: PlanDocument) -> OrderWorthDocument:
    if document.order_worth is None:
        raise InputError("no layer of this plan has interceptors: there is no frontier to draw")
    return document.order_worth


def _panel(
    axes: Axes,
    drawn: PictureStyle,
    worth: OrderWorthDocument,
    by: By,
    title: str,
    *,
    beside: int,
) -> None:
    t, points = drawn.words, frontier_of(worth, by)

    def height(point: FrontierPointDocument) -> float:
        return point.leakers if by == "leakers" else 100 * point.joint_risk

    axes.plot(
        [each.cost_usd / MILLION for each in points],
        [*map(height, points)],
        "o-",
        ms=4,
        color=drawn.theme.blue,
        label=t("the best mix for the money"),
    )
    for point, marker, label in zip(beside_the_orders(worth, by), "v^", (t("next down"), t("next up")), strict=True):
        if point is not None:
            place = point.cost_usd / MILLION, height(point)
            axes.plot(*place, marker, ms=9, color=drawn.theme.blue, ls="none", label=label)
    ordered = worth.leakers_without_order - worth.together.leakers_avoided
    axes.plot(
        worth.together.cost_usd / MILLION,
        ordered if by == "leakers" else 100 * worth.joint_risk,
        "D",
        ms=7,
        color=drawn.theme.orange,
        ls="none",
        label=t("these orders"),
    )
    axes.set_xlim(left=min(0.0, -0.02 * points[-1].cost_usd / MILLION))
    drawn.count_axis(axes, percent=by == "joint_risk")
    axes.set_xlabel(t("million USD"), color=drawn.theme.faint, fontsize=drawn.size)
    drawn.frame(axes, title, beside=beside)
