"""A forecast and a plan as text for a terminal: what a planner would read aloud, and all that a plan holds."""

from features.records import SHAHED
from forecasting.report.assumption_text import assumption_lines, launch_counts
from forecasting.report.calibration_text import calibration_lines
from forecasting.report.document import ForecastDocument, PlanDocument, WindowForecast
from forecasting.report.head_text import head_lines, short_head_lines
from forecasting.report.language import ENGLISH, Translator, translator
from forecasting.report.layer_document import LayerDocument
from forecasting.report.layout import (
    millions,
    plural,
    spread_range,
    table,
    terminal_text,
    wrap_line,
)
from forecasting.report.order_text import order_lines, requirement_lines, short_order_lines
from forecasting.report.policy_text import policy_lines
from forecasting.report.raid_text import raid_lines
from forecasting.report.rounding import rounded
from forecasting.report.sentence import duty_sentence
from forecasting.report.since_text import since_lines
from forecasting.report.supply_text import supply_lines
from forecasting.report.words import (
    Words,
    data_age,
    few_known_days,
    weapon_name,
)
from forecasting.report.worth_text import money_mix_lines, short_worth_lines, worth_lines
from forecasting.salvos.spread import Spread

DAYS_SHOWN = 7
LATE = 0.01
"""A chance of a shortage that no order can prevent is told first from there on."""


def short_text(document: ForecastDocument | PlanDocument, language: str = ENGLISH) -> str:
    """What is read of a plan every morning: the sentence, what is stated and counted in hand, the orders, what else the
    money would buy and what to find out first, seven days and totals; of a forecast all there is."""
    if isinstance(document, ForecastDocument):
        return document_text(document, language)
    sentence = duty_sentence(document, language)
    document = rounded(document)
    words = Words(translator(language, plain=True), document)
    return terminal_text(
        [
            *short_head_lines(words.t("Salvocast plan"), document.forecast, words),
            "",
            wrap_line(sentence.replace("\u00a0", " ").replace("\u202f", " ")),
            *(wrap_line(words(note)) for note in document.in_hand),
            *short_order_lines(document, words),
            *short_worth_lines(document, words),
            *since_lines(document, words),
            "",
            *_short_salvos(document.forecast, words),
            "",
            words.t("(all that the plan holds: --full; its numbers: --format json, csv or xlsx)"),
            launch_counts(document, words),
        ]
    )


def document_text(document: ForecastDocument | PlanDocument, language: str = ENGLISH) -> str:
    """The forecast or the plan in that language, all of it, ending without a line break."""
    document = rounded(document)
    words = Words(translator(language, plain=True), document)
    if isinstance(document, ForecastDocument):
        return terminal_text(
            [
                *head_lines(words.t("Salvocast forecast"), document, words),
                "",
                wrap_line(data_age(document, words.t) + few_known_days(document, words.t) + _sentence(document, words)),
                "",
                *_salvos(document, words),
                *_supply(document, words),
            ]
        )
    return terminal_text(
        [
            *head_lines(words.t("Salvocast plan"), document.forecast, words),
            "",
            wrap_line(
                data_age(document.forecast, words.t)
                + few_known_days(document.forecast, words.t)
                + _order_sentence(document, words)
            ),
            *(wrap_line(words(note)) for note in document.in_hand),
            wrap_line(_sentence(document.forecast, words)),
            "",
            *_salvos(document.forecast, words),
            *_supply(document.forecast, words),
            "",
            *raid_lines(document, words),
            *_interceptors(document, words),
            *order_lines(document, words),
            *worth_lines(document, words),
            *money_mix_lines(document, words),
            *policy_lines(document, words),
            *since_lines(document, words),
            "",
            *_outcome(document, words),
            *requirement_lines(document, words),
            *calibration_lines(document, words),
            "",
            *assumption_lines(document, words),
        ]
    )


def _sentence(document: ForecastDocument, words: Words) -> str:
    window, t = document.windows[0], words.t
    total, largest = window.total_drones.interval(0.8), window.largest_day_drones
    return (
        t(
            "{first} to {last}: {low} to {high} {weapons} (80 %), most likely about {median}.",
            first=document.days[0].attack_day,
            last=window.last_day,
            low=t.number(total.low),
            high=t.number(total.high),
            weapons=weapon_name(document.weapon_class, t),
            median=t.number(window.total_drones.median),
        )
        + " "
        + t(
            "A massed strike (at least {threshold} in a day) within them: {chance}. Largest day to expect: {median}, "
            "with one chance in ten of {high} or more.",
            threshold=t.number(document.massed_strikes.threshold_drones),
            chance=t.percent(window.massed_probability),
            median=t.number(largest.median),
            high=t.number(largest.interval(0.8).high),
        )
    )


def _order_sentence(document: PlanDocument, words: Words) -> str:
    t = words.t
    wanted = [
        t("{quantity} {what}", quantity=t.number(layer.order.quantity), what=t.stated(plural(layer.interceptor or "")))
        for layer in document.layers
        if layer.order and layer.order.quantity
    ]
    level = t.level(document.service_level)
    if any(layer.order and layer.order.review_days for layer in document.layers):
        safety = t("for {level} safety of each stock until the next order arrives", level=level)
        if document.safety_of:
            safety = t("for {level} safety of all stocks together until the next order arrives", level=level)
    else:
        last = t.day(document.forecast.days[-1].attack_day)
        safety = t("for {level} safety of each stock through {day}", level=level, day=last)
        if document.safety_of:
            safety = t("for {level} safety of all stocks together through {day}", level=level, day=last)
    buys = "".join(f" {words.sentence(each)}" for each in document.order_worth.says[:1]) if document.order_worth else ""
    if not wanted:
        return t("Order nothing {safety}: stock and supply as stated last.", safety=safety) + buys
    outcome = document.outcome
    said = t(
        "Order {safety}: {wanted}. Cost: {cost} M USD.",
        safety=safety,
        wanted="; ".join(wanted),
        cost=millions(outcome.orders_cost_usd_low, outcome.orders_cost_usd_high, t),
    )
    late = [
        t(
            "{chance} for {interceptors}",
            chance=t.percent(layer.order.unavoidable_shortage),
            interceptors=t.stated(plural(layer.interceptor or "")),
        )
        for layer in document.layers
        if layer.order and layer.order.unavoidable_shortage >= LATE
    ]
    if late:
        too_late = "No order arrives in time to prevent a shortage with a chance of {chances}."
        said += " " + t(too_late, chances="; ".join(late))
    at_once = [
        t.stated(plural(layer.interceptor or ""))
        for layer in document.layers
        if layer.order and layer.order.quantity and layer.order.lead_time_stated is False
    ]
    if at_once:
        no_lead_time = "To be in hand on day 1 ({day}), as no lead time is stated: {interceptors}."
        day = t.day(document.forecast.days[0].attack_day)
        said += " " + t(no_lead_time, day=day, interceptors="; ".join(at_once))
    return said + buys


def _short_salvos(document: ForecastDocument, words: Words) -> list[str]:
    """The first days and the totals in one table."""
    t = words.t
    totals = [
        [t("total to {day}", day=each.last_day), *_cells(each.total_drones, t), t.percent(each.massed_probability)]
        for each in document.windows
    ]
    said = "massed: a day of {threshold} or more in the first week; totals: at least one."
    threshold = t.number(document.massed_strikes.threshold_drones)
    return [
        _launched(document, t),
        *table(_day_header(t), [*_day_rows(document, t), *totals]),
        wrap_line(t(said, threshold=threshold)),
    ]


def _launched(document: ForecastDocument, t: Translator) -> str:
    decoys = f" ({t('decoys included')})" if document.weapon_class == SHAHED else ""
    return t("{weapons} LAUNCHED PER ATTACK DAY", weapons=weapon_name(document.weapon_class, t).upper()) + decoys


def _day_header(t: Translator) -> list[str]:
    return [t("attack day"), *_level_heads(t), t("massed")]


def _level_heads(t: Translator) -> list[str]:
    return [t("median"), *map(t.percent, (0.5, 0.8, 0.95))]


def _day_rows(document: ForecastDocument, t: Translator) -> list[list[str]]:
    return [
        [str(day.attack_day), *_cells(day.drones, t), t.percent(day.massed_probability)]
        for day in document.days[:DAYS_SHOWN]
    ]


def _salvos(document: ForecastDocument, words: Words) -> list[str]:
    t, rows = words.t, _day_rows(document, words.t)
    lines = table(_day_header(t), rows)
    if later := len(document.days) - len(rows):
        more = t.plural(
            "and {n} more day to {day}", "and {n} more days to {day}", later, day=document.days[-1].attack_day
        )
        lines.append(t("({days}: --format csv or json)", days=more))
    massed = t(
        "massed: {rule}, {threshold} in the first week; the chance of at least one such day, and how many to expect.",
        rule=words(document.massed_strikes.rule),
        threshold=t.number(document.massed_strikes.threshold_drones),
    )
    header = [t("days"), t("until"), *_level_heads(t), t("largest day, 80 %"), t("massed"), t("massed days")]
    return [
        _launched(document, t),
        *lines,
        "",
        t("TOTALS ({weapons} launched) AND THE LARGEST DAY", weapons=weapon_name(document.weapon_class, t)),
        *table(header, [_window_cells(window, t) for window in document.windows]),
        wrap_line(massed),
    ]


def _supply(document: ForecastDocument, words: Words) -> list[str]:
    return ["", *supply_lines(document.supply, words)] if document.supply else []


def _window_cells(window: WindowForecast, t: Translator) -> list[str]:
    return [
        f"1-{window.n_days}",
        str(window.last_day),
        *_cells(window.total_drones, t),
        spread_range(window.largest_day_drones, 0.8, t),
        t.percent(window.massed_probability),
        t.number(window.massed_days_expected, 1),
    ]


def _interceptors(document: PlanDocument, words: Words) -> list[str]:
    horizon, t = document.forecast.horizon, words.t
    level = t.level(document.service_level)
    header = [t("layer"), t("kills"), t("interceptor"), t("needed"), t("needed {level}", level=level)]
    header += [t("opening stock"), t("supply"), t("days of supply"), t("used, M USD")]
    return [
        t.plural(
            "INTERCEPTORS BY LAYER, in order of engagement, over {n} attack day",
            "INTERCEPTORS BY LAYER, in order of engagement, over {n} attack days",
            horizon,
        ),
        *table(header, [_layer_cells(layer, horizon, words) for layer in document.layers], left=(0, 2)),
        wrap_line(
            t(
                "80 % ranges. needed: had every layer enough, and what {level} of the paths stay within. days of "
                "supply: median, and what nine paths in ten reach. used: with the stock there is, at the price of each "
                "path. - : the layer uses no interceptor.",
                level=level,
            )
        ),
    ]


def _layer_cells(layer: LayerDocument, horizon: int, words: Words) -> list[str]:
    t = words.t
    cells = [words.layer(layer.layer), spread_range(layer.drones_killed, 0.8, t)]
    if layer.interceptors_needed is None or layer.opening_stock is None:
        return [*cells, *["-"] * 7]
    assert layer.supply is not None
    assert layer.interceptors_used_cost_usd is not None
    assert layer.interceptors_needed_at_service_level is not None
    used = layer.interceptors_used_cost_usd.interval(0.8)
    median, tenth = (
        f">{horizon}" if days is None else t.number(days)
        for days in (layer.days_of_supply_median, layer.days_of_supply_p10)
    )
    return [
        *cells,
        t.stated(layer.interceptor or ""),
        spread_range(layer.interceptors_needed, 0.8, t),
        t.number(layer.interceptors_needed_at_service_level),
        spread_range(layer.opening_stock, 0.8, t),
        spread_range(layer.supply, 0.8, t),
        f"{median} ({tenth})",
        millions(used.low, used.high, t),
    ]


def _outcome(document: PlanDocument, words: Words) -> list[str]:
    outcome, t = document.outcome, words.t
    share, cost = outcome.neutralised_share.interval(0.8), outcome.interceptors_used_cost_usd.interval(0.8)
    leak = {
        "leakers": spread_range(outcome.leakers, 0.8, t),
        "without": spread_range(outcome.leakers_without_shortage, 0.8, t),
    }
    if outcome.decoy_leakers is None:
        said = [
            t(
                "Drones that no layer stops (decoys included): {leakers} (80 %), {without} with no shortage of "
                "interceptors.",
                **leak,
            )
        ]
    else:
        said = [
            t(
                "Armed drones that no layer stops ({share} of the drones are taken as armed): {leakers} (80 %), "
                "{without} with no shortage of interceptors.",
                share=t.percent(outcome.armed_share or 0.0),
                **leak,
            )
        ]
    if outcome.leaked_warhead_kg is not None and outcome.leaked_warhead_kg_without_shortage is not None:
        low, high = _tonnes(outcome.leaked_warhead_kg, t)
        least, most = _tonnes(outcome.leaked_warhead_kg_without_shortage, t)
        masses = {"low": low, "high": high, "least": least, "most": most}
        said.append(t("Their warheads: {low} to {high} t, {least} to {most} t with no shortage.", **masses))
    if outcome.decoy_leakers is not None:
        said.append(t("Decoys: {leakers}.", leakers=spread_range(outcome.decoy_leakers, 0.8, t)))
    modelled = {"low": t.percent(share.low), "high": t.percent(share.high)}
    if outcome.reported_neutralised_share is None:
        said.append(t("Neutralised: {low} to {high} modelled.", **modelled))
    else:
        reported = t.percent(outcome.reported_neutralised_share)
        text = "Neutralised: {low} to {high} modelled; reported on the last 28 known days: {reported}."
        said.append(t(text, reported=reported, **modelled))
    said.append(t("Interceptors used: {cost} M USD.", cost=millions(cost.low, cost.high, t)))
    return [t("WHAT GETS THROUGH"), wrap_line(" ".join(said))]


def _tonnes(kilograms: Spread, t: Translator) -> tuple[str, str]:
    """The ends of the 80 % interval."""
    interval = kilograms.interval(0.8)
    return t.number(interval.low / 1e3, 1), t.number(interval.high / 1e3, 1)


def _cells(spread: Spread, t: Translator) -> list[str]:
    return [t.number(spread.median), *(spread_range(spread, level, t) for level in (0.5, 0.8, 0.95))]
