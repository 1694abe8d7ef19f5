"""A policy over the horizon as text for a terminal."""

from itertools import groupby

from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator
from forecasting.report.layout import millions, spread_range, table, wrap_line
from forecasting.report.words import Words, money


def policy_lines(document: PlanDocument, words: Words) -> list[str]:
    """What is ordered at the reviews, what that keeps to, and a calendar."""
    policy, t = document.policy, words.t
    if policy is None:
        return []
    cost = policy.cost_usd.interval(0.8)
    said = t(
        "{kind}: {low} to {high} in {n} days; no layer runs out in {joint} of the futures once orders arrive.",
        kind=policy_names(t)[policy.kind],
        low=money(cost.low, t),
        high=money(cost.high, t),
        n=document.forecast.horizon,
        joint=t.percent(policy.joint_service),
    )
    if policy.budget_usd is not None:
        said += " " + t("At most {budget} at each review.", budget=money(policy.budget_usd, t))
    header = [t("layer"), t("up to, first"), t("up to, last"), t("safety kept"), t("needs filled"), t("ordered")]
    header += [t("cost, M USD"), t("left at the end")]
    rows = [
        [
            words.layer(each.layer),
            t.number(each.order_up_to_first),
            t.number(each.order_up_to_last),
            t.percent(each.cycle_service),
            "-" if each.fill_rate is None else t.percent(each.fill_rate),
            spread_range(each.ordered, 0.8, t),
            millions(each.cost_usd.interval(0.8).low, each.cost_usd.interval(0.8).high, t),
            spread_range(each.stock_at_end, 0.8, t),
        ]
        for each in policy.layers
    ]
    months = [
        [t.day(first), *(t.number(each.ordered.median) for each in of_month)]
        for first, of_month in groupby(policy.calendar, key=lambda each: each.first_day)
    ]
    return [
        "",
        t(
            "ORDERS AGAIN AND AGAIN for {level} safety, days between them: {n}",
            level=t.percent(policy.service_level),
            n=policy.review_days,
        ),
        wrap_line(said),
        *table(header, rows),
        wrap_line(
            t(
                "safety kept: of the times from one arrival to the next. Each future orders by what it has shown until "
                "that day; 80 % ranges."
            )
        ),
        "",
        *table([t("ordered from"), *(words.layer(each.layer) for each in policy.layers)], months),
        t("medians by month; cost and stock: --format json or xlsx."),
    ]


def policy_names(t: Translator) -> dict[str, str]:
    """Kind of policy -> what it does."""
    return {
        "base_stock": t("Ordered up to one level"),
        "adjusted_base_stock": t("Ordered up to a level that follows the launches"),
        "reorder_point": t("Ordered where little is left"),
    }
