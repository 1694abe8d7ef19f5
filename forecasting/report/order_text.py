"""What a plan says to buy as text for a terminal."""

from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.language import Translator
from forecasting.report.layer_document import LayerDocument
from forecasting.report.layout import millions, plural, spread_range, table, wrap_line
from forecasting.report.order_document import OrderDocument
from forecasting.report.sentence import safety_level
from forecasting.report.words import Words, money

VALUES_SHOWN = 3


def order_lines(document: PlanDocument, words: Words) -> list[str]:
    """What to order, how likely the stocks run out with it and without, and what rules of thumb would order."""
    ordered, t = [layer for layer in document.layers if layer.order], words.t
    if not ordered:
        return []
    dates = [window.last_day for window in document.forecast.windows]
    header = [t("layer"), t("order"), t("cost, M USD"), *(t("out by {day}", day=f"{day:%m-%d}") for day in dates)]
    header += [t("with the order"), t("before it arrives"), t("unmet engagements"), t("arrives"), t("covers")]
    by_day = {each.attack_day: each.probability for each in document.stock_out}
    rows = [_order_cells(layer, [by_day[day][layer.layer] for day in dates], document, words) for layer in ordered]
    level = safety_level(document, t)
    return [
        "",
        t("ORDERS for {level} safety, and the chance that a stock runs out", level=level),
        *table(header, rows),
        wrap_line(
            t(
                "out by: without an order. with the order: at any time before the next one arrives, or below the "
                "minimum stock where one is stated. before it arrives: whatever is ordered. unmet engagements: 80 %, "
                "without an order. arrives: in so many days, or the day to have it in hand where no lead time is "
                "stated. covers: days; to the end where no review period is stated."
            )
        ),
        *_rules(document, words),
    ]


def short_order_lines(document: PlanDocument, words: Words) -> list[str]:
    """What is in hand and how long it lasts, what to order, what it costs, and the chance that a stock runs out."""
    t, horizon = words.t, document.forecast.horizon
    rows = []
    for layer in document.layers:
        if order := layer.order:
            assert layer.opening_stock is not None
            lasts = layer.days_of_supply_p10
            rows.append(
                [
                    words.layer(layer.layer),
                    spread_range(layer.opening_stock, 0.8, t),
                    f">{horizon}" if lasts is None else t.number(lasts),
                    t.number(order.quantity),
                    millions(order.cost_usd_low, order.cost_usd_high, t),
                    f"{t.percent(layer.stock_out_probability or 0.0)}, {t.percent(order.stock_out_probability)}",
                ]
            )
    if not rows:
        return []
    header = [t("layer"), t("in hand"), t("days left"), t("order"), t("cost, M USD"), t("runs out")]
    outcome = document.outcome
    cost = millions(outcome.orders_cost_usd_low, outcome.orders_cost_usd_high, t)
    head = "ORDERS for {level} safety" if document.safety_of else "ORDERS for {level} safety of each stock"
    return [
        "",
        f"{t(head, level=safety_level(document, t))}, {t('{cost} M USD', cost=cost)}",
        *table(header, rows),
        wrap_line(
            t("in hand: 80 %. days left: 9 futures in 10. runs out: with no order, and with it.")
            + _assumed_in_hand(document, words)
        ),
    ]


def _assumed_in_hand(document: PlanDocument, words: Words) -> str:
    """Whose stock nobody counted or stated."""
    basis = {words.layer(each.layer): each.stock_basis for each in document.layers if each.stock_basis}
    assumed = [layer for layer, its_basis in basis.items() if its_basis == "assumed"]
    if not assumed:
        return ""
    if len(assumed) == len(basis):
        return words.t(" All of it is assumed, not counted: salvocast stock count.")
    return words.t(" Assumed, not counted: {layers}: salvocast stock count.", layers=", ".join(assumed))


def arrives(order: OrderDocument, forecast: ForecastDocument, t: Translator) -> str:
    """When an order arrives: in so many days, or the day by which it has to be in hand where no lead time is stated."""
    if order.lead_time_stated is False:
        return t("by {day}", day=t.day(forecast.days[0].attack_day, "d MMM"))
    days = "-".join(map(str, dict.fromkeys((order.lead_time_days_low, order.lead_time_days_high))))
    if order.lead_time_days_low >= forecast.horizon:
        return t("{days}, after these {n} days", days=days, n=forecast.horizon)
    return days


def _order_cells(layer: LayerDocument, by_date: list[float], document: PlanDocument, words: Words) -> list[str]:
    order, t = layer.order, words.t
    assert order is not None
    assert layer.unmet_engagements is not None
    return [
        words.layer(layer.layer),
        t.number(order.quantity),
        millions(order.cost_usd_low, order.cost_usd_high, t),
        *map(t.percent, by_date),
        t.percent(order.stock_out_probability),
        t.percent(order.unavoidable_shortage),
        spread_range(layer.unmet_engagements, 0.8, t),
        arrives(order, document.forecast, t),
        t("to the end") if order.review_days is None else str(order.review_days),
    ]


def _rules(document: PlanDocument, words: Words) -> list[str]:
    made, t = document.rules_of_thumb, words.t
    if made is None:
        return []
    layer = next(layer for layer in document.layers if layer.layer == made.layer)
    assert layer.order is not None
    ours = (layer.order.quantity, layer.order.cost_usd_mode, layer.order.stock_out_probability)
    head = t.plural(
        "BESIDE RULES OF THUMB: {interceptors}, the layer whose interceptors kill most, for {n} night",
        "BESIDE RULES OF THUMB: {interceptors}, the layer whose interceptors kill most, for {n} nights",
        made.nights,
        interceptors=t.stated(plural(layer.interceptor or "")),
    )
    rules = [(words(rule.rule), rule) for rule in made.rules]
    if not any((layer.order.quantity, *(rule.quantity for _, rule in rules))):
        names = ", ".join(name for name, _ in rules)
        none = t("None of them ({names}) orders any: what is in hand and due is more than they want.", names=names)
        return ["", head, wrap_line(none)]
    rows = [
        (t("this plan"), *ours),
        *((name, rule.quantity, rule.cost_usd, rule.stock_out_probability) for name, rule in rules),
    ]
    return [
        "",
        head,
        *table(
            [t("rule"), t("order"), t("cost"), t("runs out")],
            [[name, t.number(quantity), money(cost, t), t.percent(out)] for name, quantity, cost, out in rows],
        ),
        wrap_line(
            t("order: what the rule wants to have, less what is in hand and due. cost: at the most likely price.")
        ),
    ]


def requirement_lines(document: PlanDocument, words: Words) -> list[str]:
    """The least-cost mix for the target of leakers, whether it does, and what the limits are worth."""
    required, t = document.requirement, words.t
    if required is None:
        return []
    interceptors = {layer.layer: plural(layer.interceptor or "") for layer in document.layers}
    bought = [
        t("{quantity} {what}", quantity=t.number(part.quantity), what=t.stated(interceptors[part.layer]))
        for part in required.mix
        if part.quantity
    ]

    def decimal(leakers: float) -> str:
        return t.number(leakers, 1)

    mix = t("nothing")
    if bought:
        mix = t("{mix}, for {cost}", mix="; ".join(bought), cost=money(required.cost_usd, t))
    head = t.plural(
        "TO KEEP ARMED LEAKERS AT {target} OR BELOW over {n} night",
        "TO KEEP ARMED LEAKERS AT {target} OR BELOW over {n} nights",
        document.forecast.horizon,
        target=t.figure(required.leak_target),
    )
    if required.budget_usd is not None:
        head = t("{target}, budget {budget}", target=head, budget=money(required.budget_usd, t))
    if required.obstacle is None:
        said = t(
            "Least-cost mix: buy {mix}. Then {leakers} armed drones leak on average.",
            mix=mix,
            leakers=decimal(required.leakers),
        )
    else:
        said = t(
            "Not met: {obstacle}. The best that can be had: {leakers} with {mix}.",
            obstacle=words(required.obstacle),
            mix=mix,
            leakers=decimal(required.leakers),
        )
    if required.leakers_without_order is not None:
        before = t("With nothing bought, {leakers} leak on average.", leakers=decimal(required.leakers_without_order))
        said = f"{before} {said}"
    return ["", head, wrap_line(said), *(wrap_line(f"- {words(worth)}") for worth in required.worth[:VALUES_SHOWN])]
