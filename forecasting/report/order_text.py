"""What a plan says to buy as text for a terminal."""

from forecasting.orders.requirement import money
from forecasting.report.document import LayerDocument, PlanDocument
from forecasting.report.layout import millions, percent, plural, spread_range, table, wrapped

VALUES_SHOWN = 3


def order_lines(document: PlanDocument) -> list[str]:
    """What to order, how likely the stocks run out with it and without, and what rules of thumb would order."""
    ordered = [layer for layer in document.layers if layer.order]
    if not ordered:
        return []
    windows = document.forecast.windows
    dates = [window.last_day for window in windows]
    level = f"{document.service_level:.0%}"
    header = ["layer", "order", "cost, M USD", *(f"out by {day:%m-%d}" for day in dates), "with the order"]
    header += ["before it arrives", "unmet engagements", "arrives in", "covers"]
    by_day = {each.attack_day: each.probability for each in document.stock_out}
    rows = [_order_cells(layer, [by_day[day][layer.layer] for day in dates]) for layer in ordered]
    return [
        "",
        f"ORDERS for {level} safety, and the chance that a stock runs out",
        *table(header, rows),
        wrapped(
            "out by: without an order. with the order: at any time before the next one arrives, or below the minimum "
            "stock where one is stated. before it arrives: whatever is ordered. unmet engagements: 80 %, without an "
            "order. arrives in, covers: days; to the end where no review period is stated."
        ),
        *_rules(document),
    ]


def _order_cells(layer: LayerDocument, by_date: list[float]) -> list[str]:
    order = layer.order
    assert order is not None
    assert layer.unmet_engagements is not None
    arrives = dict.fromkeys((order.lead_time_days_low, order.lead_time_days_high))
    return [
        layer.name,
        f"{order.quantity:,}",
        millions(order.cost_usd_low, order.cost_usd_high),
        *map(percent, by_date),
        percent(order.stock_out_probability),
        percent(order.unavoidable_shortage),
        spread_range(layer.unmet_engagements, 0.8),
        "-".join(map(str, arrives)),
        "to the end" if order.review_days is None else str(order.review_days),
    ]


def _rules(document: PlanDocument) -> list[str]:
    made = document.rules_of_thumb
    if made is None:
        return []
    layer = next(layer for layer in document.layers if layer.layer == made.layer)
    assert layer.order is not None
    ours = (layer.order.quantity, layer.order.cost_usd_mode, layer.order.stock_out_probability)
    head = (
        f"BESIDE RULES OF THUMB: {plural(layer.interceptor or '')}, the layer whose interceptors kill most, "
        f"for {made.nights} nights"
    )
    if not any((layer.order.quantity, *(rule.quantity for rule in made.rules))):
        names = ", ".join(rule.rule for rule in made.rules)
        return [
            "",
            head,
            wrapped(f"None of them ({names}) orders any: what is in hand and due is more than they want."),
        ]
    rows = [("this plan", *ours), *((r.rule, r.quantity, r.cost_usd, r.stock_out_probability) for r in made.rules)]
    return [
        "",
        head,
        *table(
            ["rule", "order", "cost", "runs out"],
            [[name, f"{quantity:,}", money(cost), percent(out)] for name, quantity, cost, out in rows],
        ),
        wrapped("order: what the rule wants to have, less what is in hand and due. cost: at the most likely price."),
    ]


def requirement_lines(document: PlanDocument) -> list[str]:
    """The least-cost mix for the target of leakers, whether it does, and what the limits are worth."""
    required = document.requirement
    if required is None:
        return []
    nights = document.forecast.horizon
    names = {layer.layer: plural(layer.interceptor or "") for layer in document.layers}
    bought = [f"{part.quantity:,} {names[part.layer]}" for part in required.mix if part.quantity]
    mix = f"{'; '.join(bought)}, for {money(required.cost_usd)}" if bought else "nothing"
    budget = "" if required.budget_usd is None else f", budget {money(required.budget_usd)}"
    if required.met:
        said = f"Least-cost mix: buy {mix}. Then {required.leakers:,.0f} armed drones leak on average."
    else:
        said = f"Not met: {required.obstacle}. The mix that leaks least: {mix}."
    return [
        "",
        f"TO KEEP ARMED LEAKERS AT {required.leak_target:,.10g} OR BELOW over {nights} nights{budget}",
        wrapped(said),
        *(wrapped(f"- {sentence}") for sentence in required.worth[:VALUES_SHOWN]),
    ]
