"""A forecast and a plan as text for a terminal: what a planner would read aloud."""

from collections import Counter

from features.records import SHAHED, weapons
from features.unknown_days import UnknownDays
from forecasting.report.assumption_document import Assumption
from forecasting.report.calibration_text import calibration_lines
from forecasting.report.document import (
    ForecastDocument,
    LayerDocument,
    PlanDocument,
    WindowForecast,
)
from forecasting.report.layout import (
    BASIS_MARK,
    QUANTITIES,
    millions,
    number,
    percent,
    plural,
    spread_range,
    table,
    wrapped,
)
from forecasting.report.order_text import order_lines, requirement_lines
from forecasting.report.supply_document import ASSUMPTION_ONLY
from forecasting.report.supply_text import supply_lines
from forecasting.salvos.spread import Spread

DAYS_SHOWN = 7
LATE = 0.01
"""A chance of a shortage that no order can prevent is told first from there on."""


def document_text(document: ForecastDocument | PlanDocument) -> str:
    """The forecast or the plan, ending without a line break."""
    if isinstance(document, ForecastDocument):
        return "\n".join(
            [
                *_head("Salvocast forecast", document),
                "",
                _sentence(document),
                "",
                *_salvos(document),
                *_supply(document),
            ]
        )
    return "\n".join(
        [
            *_head("Salvocast plan", document.forecast),
            "",
            _order_sentence(document),
            _sentence(document.forecast),
            "",
            *_salvos(document.forecast),
            *_supply(document.forecast),
            "",
            *_interceptors(document),
            *order_lines(document),
            "",
            *_outcome(document),
            *requirement_lines(document),
            *calibration_lines(document),
            "",
            *_assumed(document),
        ]
    )


def _head(title: str, document: ForecastDocument) -> list[str]:
    known, borrowed = document.last_attack_day_known, _shape_from(document)
    gap = (document.origin - known).days
    kind = "shahed drones" if document.weapon_class == SHAHED else weapons(document.weapon_class)
    warning = f", {gap} days before the origin" if gap else ""
    scenario = f", scenario {document.supply.scenario}" if document.supply else ""
    alone = f"{ASSUMPTION_ONLY}: " if document.supply and document.supply.assumption_only else ""
    return [
        f"{alone}{title}: {kind}, theatre {document.theatre}, {document.horizon} attack day"
        f"{'s' * (document.horizon > 1)}{scenario}",
        f"as of {document.origin} ({f'shape of the salvos from {borrowed}, ' if borrowed else ''}last attack day known "
        f"{'there ' if borrowed else ''}{known}{warning}; silent days: {document.quiet_day_rule})",
        f"model {document.model_id}{_chosen(document)}, {document.n_paths:,} paths, seed {document.seed}, "
        f"data {document.data_digest[:12]}, salvocast {document.versions['salvocast']}",
        *_unknown_days(document),
        *(
            wrapped(
                f"Held: {one.launched:,} launched on {one.attack_day} are not used until confirmed ({one.reason}): "
                f"salvocast data quarantine release {one.row} --reason TEXT"
            )
            for one in document.held
        ),
    ]


def _unknown_days(document: ForecastDocument) -> list[str]:
    told = document.unknown_days
    return [wrapped(f"Note: {UnknownDays(told.unknown, told.days).advice}.")] if told else []


def _chosen(document: ForecastDocument) -> str:
    """Why it is this model, where the request did not name it."""
    choice = document.model_choice
    if choice is None or choice.reason == "named":
        return ""
    return f" (champion, version {choice.version})" if choice.reason == "champion" else " (no champion is registered)"


def _sentence(document: ForecastDocument) -> str:
    window = document.windows[0]
    total = window.total_drones.interval(0.8)
    threshold = document.massed_strikes.threshold_drones
    largest = window.largest_day_drones
    days = "attack day" if window.n_days == 1 else f"{window.n_days} attack days"
    return wrapped(
        f"Next {days}: {total.low:,.0f} to {total.high:,.0f} {weapons(document.weapon_class)} (80 %), most likely "
        f"about {window.total_drones.median:,.0f}. A massed strike (at least {threshold:,} in a day) within them: "
        f"{percent(window.massed_probability)}. Largest day to expect: {largest.median:,.0f}, with one chance in ten "
        f"of {largest.interval(0.8).high:,.0f} or more."
    )


def _order_sentence(document: PlanDocument) -> str:
    wanted = [
        f"{layer.order.quantity:,} {plural(layer.interceptor or '')}"
        for layer in document.layers
        if layer.order and layer.order.quantity
    ]
    orders = [layer.order for layer in document.layers if layer.order]
    reviewed = any(order.review_days for order in orders)
    until = "until the next order arrives" if reviewed else f"through {document.forecast.days[-1].attack_day}"
    safety = f"for {document.service_level:.0%} safety of each stock {until}"
    if not wanted:
        return wrapped(f"Order nothing {safety}: stock and supply as stated last.")
    outcome = document.outcome
    cost = millions(outcome.orders_cost_usd_low, outcome.orders_cost_usd_high)
    late = [
        f"{percent(layer.order.unavoidable_shortage)} for {plural(layer.interceptor or '')}"
        for layer in document.layers
        if layer.order and layer.order.unavoidable_shortage >= LATE
    ]
    too_late = f" No order arrives in time to prevent a shortage with a chance of {'; '.join(late)}." if late else ""
    return wrapped(f"Order {safety}: {'; '.join(wanted)}. Cost: {cost} M USD.{too_late}")


def _salvos(document: ForecastDocument) -> list[str]:
    rows = [
        [str(day.attack_day), *_cells(day.drones), percent(day.massed_probability)]
        for day in document.days[:DAYS_SHOWN]
    ]
    lines = table(["attack day", "median", "50 %", "80 %", "95 %", "massed"], rows)
    decoys = " (decoys included)" if document.weapon_class == SHAHED else ""
    later = len(document.days) - len(rows)
    if later:
        lines.append(f"(and {later} more days to {document.days[-1].attack_day}: --format csv or json)")
    return [
        f"{weapons(document.weapon_class).upper()} LAUNCHED PER ATTACK DAY{decoys}",
        *lines,
        "",
        f"TOTALS ({weapons(document.weapon_class)} launched) AND THE LARGEST DAY",
        *table(
            ["days", "until", "median", "50 %", "80 %", "95 %", "largest day, 80 %", "massed", "massed days"],
            [_window_cells(window) for window in document.windows],
        ),
        wrapped(
            f"massed: {document.massed_strikes.rule}, {document.massed_strikes.threshold_drones:,} here; "
            "the chance of at least one such day, and how many to expect."
        ),
    ]


def _supply(document: ForecastDocument) -> list[str]:
    return ["", *supply_lines(document.supply)] if document.supply else []


def _window_cells(window: WindowForecast) -> list[str]:
    largest = window.largest_day_drones.interval(0.8)
    return [
        f"1-{window.n_days}",
        str(window.last_day),
        *_cells(window.total_drones),
        f"{largest.low:,.0f}-{largest.high:,.0f}",
        percent(window.massed_probability),
        f"{window.massed_days_expected:.1f}",
    ]


def _interceptors(document: PlanDocument) -> list[str]:
    horizon = document.forecast.horizon
    level = f"{document.service_level:.0%}"
    header = ["layer", "kills", "interceptor", "needed", f"needed {level}", "opening stock", "supply"]
    header += ["days of supply", "used, M USD"]
    return [
        f"INTERCEPTORS BY LAYER, in order of engagement, over {horizon} attack days",
        *table(header, [_layer_cells(layer, horizon) for layer in document.layers], left=(0, 2)),
        wrapped(
            f"80 % ranges. needed: had every layer enough, and what {level} of the paths stay within. days of supply: "
            "median, and what nine paths in ten reach. used: with the stock there is, at the price of each path. "
            "- : the layer uses no interceptor."
        ),
    ]


def _layer_cells(layer: LayerDocument, horizon: int) -> list[str]:
    cells = [layer.name, spread_range(layer.drones_killed, 0.8)]
    if layer.interceptors_needed is None or layer.opening_stock is None:
        return [*cells, *["-"] * 7]
    assert layer.supply is not None
    assert layer.interceptors_used_cost_usd is not None
    used = layer.interceptors_used_cost_usd.interval(0.8)
    return [
        *cells,
        layer.interceptor or "",
        spread_range(layer.interceptors_needed, 0.8),
        f"{layer.interceptors_needed_at_service_level:,}",
        spread_range(layer.opening_stock, 0.8),
        spread_range(layer.supply, 0.8),
        f"{_days(layer.days_of_supply_median, horizon)} ({_days(layer.days_of_supply_p10, horizon)})",
        millions(used.low, used.high),
    ]


def _outcome(document: PlanDocument) -> list[str]:
    outcome = document.outcome
    share, cost = outcome.neutralised_share.interval(0.8), outcome.interceptors_used_cost_usd.interval(0.8)
    reported = outcome.reported_neutralised_share
    beside = "" if reported is None else f"; reported on the last 28 known days: {reported:.0%}"
    kind, decoys = "Drones that no layer stops (decoys included)", ""
    if outcome.decoy_leakers is not None:
        kind = f"Armed drones that no layer stops ({outcome.armed_share:.0%} of the drones are taken as armed)"
        decoys = f" Decoys: {spread_range(outcome.decoy_leakers, 0.8)}."
    warheads = ""
    if outcome.leaked_warhead_kg is not None and outcome.leaked_warhead_kg_without_shortage is not None:
        masses = (outcome.leaked_warhead_kg, outcome.leaked_warhead_kg_without_shortage)
        with_it, without = (
            f"{each.low / 1e3:,.1f} to {each.high / 1e3:,.1f} t" for each in (m.interval(0.8) for m in masses)
        )
        warheads = f" Their warheads: {with_it}, {without} with no shortage."
    plenty = spread_range(outcome.leakers_without_shortage, 0.8)
    return [
        "WHAT GETS THROUGH",
        wrapped(
            f"{kind}: {spread_range(outcome.leakers, 0.8)} (80 %), {plenty} with no shortage of interceptors."
            f"{warheads}{decoys} "
            f"Neutralised: {share.low:.0%} to {share.high:.0%} modelled{beside}. "
            f"Interceptors used: {millions(cost.low, cost.high)} M USD."
        ),
    ]


def _assumed(document: PlanDocument) -> list[str]:
    stated: dict[str, dict[str, Assumption]] = {}
    for assumption in document.assumptions:
        stated.setdefault(assumption.layer, {})[assumption.quantity] = assumption
    quantities = {
        quantity: name
        for quantity, name in QUANTITIES.items()
        if any(assumption.quantity == quantity for assumption in document.assumptions)
    }
    rows = [
        [layer.name, *(_assumption_cell(stated[layer.layer].get(quantity)) for quantity in quantities)]
        for layer in document.layers
    ]
    counts = Counter(assumption.basis for assumption in document.assumptions)
    dates = [source.date for source in document.sources]
    span = f", published {min(dates)} to {max(dates)}" if dates else ""
    borrowed = _shape_from(document.forecast)
    counted = f"Launch counts of {borrowed}, for the shape of the salvos alone" if borrowed else "Launch counts"
    return [
        f"WHAT WAS ASSUMED: {document.defence} (as of {document.defence_as_of}); low to high",
        *table(["layer", *quantities.values()], rows),
        wrapped(
            f"{counts['reported']} numbers reported as such, {counts['derived']} derived from reported ones (~), "
            f"{counts['assumed']} assumed because none is published (?): put in your own with --defence FILE. "
            f"{len(document.sources)} sources{span}; each number's sources, date, confidence and reason: --format json."
        ),
        "",
        wrapped(document.about),
        "",
        wrapped(f"{counted}: {'; '.join(document.forecast.data_sources)}."),
    ]


def _shape_from(document: ForecastDocument) -> str | None:
    return document.supply.shape_from if document.supply else None


def _assumption_cell(assumption: Assumption | None) -> str:
    if assumption is None:
        return "-"
    ends = dict.fromkeys(number(value) for value in (assumption.low, assumption.high))
    return "-".join(ends) + BASIS_MARK[assumption.basis]


def _cells(spread: Spread) -> list[str]:
    return [f"{spread.median:,.0f}", *(spread_range(spread, level) for level in (0.5, 0.8, 0.95))]


def _days(days: float | None, horizon: int) -> str:
    return f">{horizon}" if days is None else f"{days:.0f}"
