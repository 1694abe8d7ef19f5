"""What orders buy, and what other money would, as text for a terminal."""

from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator
from forecasting.report.layout import plural, table, wrap_line
from forecasting.report.words import Words, money
from forecasting.report.worth_document import (
    EffectDocument,
    LayerWorthDocument,
    OrderWorthDocument,
    beside_the_orders,
    frontier_of,
)

ASKED = 5
"""Numbers to find out first, that are told."""
SHORT = (("mix_below", "mix_above"), ("next_best", "next_no_effect"), ("count_first", "find_out_first"))
"""What a short plan tells of the orders' worth, beside its sentence: of each the first that there is."""


def worth_lines(document: PlanDocument, words: Words) -> list[str]:
    """What the orders buy in all and layer by layer, the frontier of cost, and other service levels."""
    worth, t = document.order_worth, words.t
    if worth is None:
        return []
    return [
        "",
        t("WHAT THE ORDERS BUY, and what other money would"),
        *(wrap_line(f"- {words.sentence(each)}") for each in worth.says),
        "",
        *_layers(document, worth, words),
        "",
        *_frontier(worth, words),
        "",
        *_service_levels(worth, words),
        *_information(worth, words),
    ]


def short_worth_lines(document: PlanDocument, words: Words) -> list[str]:
    """What else the money would buy, where the next is best spent, and what to find out first: a line of each."""
    if document.order_worth is None:
        return []
    told = {each.code: each for each in reversed(document.order_worth.says)}
    chosen = [next((told[code] for code in codes if code in told), None) for codes in SHORT]
    lines = [wrap_line(f"- {words.sentence(each)}") for each in chosen if each is not None]
    return ["", words.t("OTHER MONEY, and what to find out first"), *lines] if lines else []


def money_mix_lines(document: PlanDocument, words: Words) -> list[str]:
    """What leaks least for the budget."""
    if document.budget_mix is None:
        return []
    head = words.t("THE BEST MIX FOR {budget}", budget=money(document.budget_mix.budget_usd, words.t))
    return ["", head, wrap_line(money_mix_sentence(document, words))]


def money_mix_sentence(document: PlanDocument, words: Words) -> str:
    """What it is, and does; nothing where there is none."""
    found, t = document.budget_mix, words.t
    if found is None:
        return ""
    interceptors = {layer.layer: plural(layer.interceptor or "") for layer in document.layers}
    bought = [
        t("{quantity} {what}", quantity=t.number(quantity), what=t.stated(interceptors[layer]))
        for layer, quantity in found.quantities.items()
    ]
    mix = t("{mix}, for {cost}", mix="; ".join(bought), cost=money(found.cost_usd, t)) if bought else t("nothing")
    return t(
        "Buy {mix}. Of {leakers} armed drones that get through with no order, it stops {avoided}; some stock runs out "
        "in {risk} of the futures.",
        mix=mix,
        leakers=t.number(found.leakers_without_order, 1),
        avoided=plus_minus(found.leakers_avoided, found.leakers_avoided_error, t),
        risk=t.percent(found.joint_risk),
    )


def _layers(document: PlanDocument, worth: OrderWorthDocument, words: Words) -> list[str]:
    t = words.t
    # The quantity as it is ordered, to its standard error, though what was tried is the number itself.
    ordered = {layer.layer: layer.order.quantity for layer in document.layers if layer.order}
    header = [t("layer"), t("its order"), t("leakers avoided"), t("per M USD"), t("the next"), t("leakers avoided")]
    header += [t("per M USD"), t("USD per armed kill")]
    rows = [
        [
            words.layer(each.layer),
            t.number(ordered[each.layer]),
            *_effect_cells(each.alone, words),
            t.number(each.more.pieces),
            *_effect_cells(each.more, words),
            cost_exchange(each, worth, t),
        ]
        for each in worth.layers
    ]
    note = t(
        "its order: alone, beside none. the next: a tenth of the order, or of the need, beside all orders. leakers "
        "avoided: armed drones over the horizon, ± two standard errors; none: not measurable."
    )
    if worth.drone_cost_usd is not None:
        low, _, high = worth.drone_cost_usd
        note += " " + t(
            "In brackets: times the price of a drone, which is stated as {low} to {high} USD.",
            low=t.number(low),
            high=t.number(high),
        )
    return [*table(header, rows), wrap_line(note)]


def cost_exchange(layer: LayerWorthDocument, worth: OrderWorthDocument, t: Translator) -> str:
    """US dollars of interceptors for each armed drone that the layer kills, to two figures, and in brackets in prices
    of a drone; - where it kills none."""
    if layer.usd_per_armed_kill is None:
        return "-"
    told = t.number(float(f"{layer.usd_per_armed_kill:.2g}"))
    if not worth.drone_cost_usd:
        return told
    _, price, _ = worth.drone_cost_usd
    return f"{told} ({t.figure(float(f'{layer.usd_per_armed_kill / price:.2g}'))})"


def _effect_cells(effect: EffectDocument, words: Words) -> list[str]:
    rate = words.t.figure(float(f"{effect.leakers_avoided_per_million_usd:.2g}"))
    return [leakers_avoided(effect, words.t), rate if effect.pieces and effect.measurable else "-"]


def leakers_avoided(effect: EffectDocument, t: Translator) -> str:
    """What so many pieces do, with twice the standard error; none where it cannot be measured, - of no pieces."""
    if not effect.pieces:
        return "-"
    if not effect.measurable:
        return t("none")
    return plus_minus(effect.leakers_avoided, effect.leakers_avoided_error, t)


def plus_minus(value: float, error: float | None, t: Translator) -> str:
    """A number with twice its standard error, to the digits that it has.

    1.73 ± 0.16; without a standard error the number alone, to two figures.
    """
    if error is None:
        return t.figure(float(f"{value:.2g}"))
    decimals = next((n for n in (0, 1, 2) if 2.0 * error * 10**n >= 1.0), 2)
    return f"{t.number(value, decimals)} ± {t.number(2.0 * error, decimals)}"


def frontier_marks(worth: OrderWorthDocument, t: Translator) -> dict[int, str]:
    """Number of a point of the fewest leakers -> where it is beside the orders, for the two next to them in cost."""
    marked = zip(beside_the_orders(worth, "leakers"), (t("next down"), t("next up")), strict=True)
    return {point.number: mark for point, mark in marked if point is not None}


def _frontier(worth: OrderWorthDocument, words: Words) -> list[str]:
    t = words.t
    header = [t("fewest leakers for the money"), t("leakers avoided"), t("some layer runs out"), ""]
    beside = frontier_marks(worth, t)
    points = [
        (each.cost_usd, each.leakers_avoided, each.leakers_avoided_error, each.joint_risk, beside.get(each.number, ""))
        for each in frontier_of(worth, "leakers")
    ]
    if (ordered := worth.together).pieces:
        these = (ordered.cost_usd, ordered.leakers_avoided, ordered.leakers_avoided_error, worth.joint_risk)
        points.append((*these, t("these orders")))
    rows = [
        [money(usd, t), plus_minus(avoided, error, t) if usd else "-", t.percent(risk), mark]
        for usd, avoided, error, risk, mark in sorted(points, key=lambda each: each[0])
    ]
    return [*table(header, rows), t("the mixes: --format json or xlsx.")]


def _service_levels(worth: OrderWorthDocument, words: Words) -> list[str]:
    t = words.t
    header = [t("safety of each stock"), t("cost"), t("leakers avoided"), t("some layer runs out")]
    rows = [
        [
            t.level(each.service_level),
            money(each.cost_usd, t),
            plus_minus(each.leakers_avoided, each.leakers_avoided_error, t) if each.cost_usd else "-",
            t.percent(each.joint_risk),
        ]
        for each in worth.service_levels
    ]
    return table(header, rows)


def _information(worth: OrderWorthDocument, words: Words) -> list[str]:
    t, rows = words.t, found_out_first(worth, words)
    return ["", *table([t("to find out first"), t("worth"), t("in leakers")], rows)] if rows else []


def found_out_first(worth: OrderWorthDocument, words: Words) -> list[list[str]]:
    """What to find out before the order is placed, what that is worth, and in leakers; a row for each number."""
    t = words.t
    return [
        [
            f"{words.layer(each.layer)}: {words.drawn_quantity(each.quantity)}" if each.layer else t("drones launched"),
            money(each.value_usd, t),
            t.figure(float(f"{each.value_leakers:.2g}")),
        ]
        for each in worth.information[:ASKED]
    ]
