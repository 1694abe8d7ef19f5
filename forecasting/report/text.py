"""A forecast and a plan as text for a terminal: what a planner would read aloud."""

from collections import Counter

from features.records import SHAHED, weapons
from forecasting.report.document import (
    Assumption,
    ForecastDocument,
    LayerDocument,
    PlanDocument,
    WindowForecast,
)
from forecasting.report.layout import BASIS_MARK, number, percent, table, wrapped
from forecasting.report.parts import Spread
from forecasting.report.supply_document import ASSUMPTION_ONLY
from forecasting.report.supply_text import supply_lines

DAYS_SHOWN = 7


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
            _sentence(document.forecast),
            _order_sentence(document),
            "",
            *_salvos(document.forecast),
            *_supply(document.forecast),
            "",
            *_interceptors(document),
            "",
            *_outcome(document),
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
        f"model {document.model_id}, {document.n_paths:,} paths, seed {document.seed}, "
        f"data {document.data_digest[:12]}, salvocast {document.versions['salvocast']}",
    ]


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
        f"{layer.order.quantity:,} {_plural(layer.interceptor or '')}"
        for layer in document.layers
        if layer.order and layer.order.quantity
    ]
    until = document.forecast.days[-1].attack_day
    safety = f"for {document.service_level:.0%} safety of each stock through {until}"
    if not wanted:
        return wrapped(f"Order nothing {safety}: stock and supply as stated last.")
    return wrapped(f"Order {safety}: {'; '.join(wanted)}.")


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
    header += ["days of supply", "runs out", "order", "cost, M USD"]
    return [
        f"INTERCEPTORS BY LAYER, in order of engagement, over {horizon} attack days",
        *table(header, [_layer_cells(layer, horizon) for layer in document.layers], left=(0, 2)),
        wrapped(
            f"needed: 80 % range had every layer enough, and what {level} of the paths stay within. days of supply: "
            "median, and what nine paths in ten reach. runs out: chance within the horizon. order: in hand at the "
            f"origin, so that the stock lasts on {level} of the paths. cost: of the order, low to high price. "
            "- : the layer uses no interceptor."
        ),
    ]


def _layer_cells(layer: LayerDocument, horizon: int) -> list[str]:
    cells = [layer.name, _range(layer.drones_killed, 0.8)]
    if layer.order is None or layer.interceptors_needed is None or layer.opening_stock is None:
        return [*cells, *["-"] * 9]
    assert layer.supply is not None
    assert layer.stock_out_probability is not None
    cost = [layer.order.cost_usd_low, layer.order.cost_usd_high]
    return [
        *cells,
        layer.interceptor or "",
        _range(layer.interceptors_needed, 0.8),
        f"{layer.interceptors_needed_at_service_level:,}",
        _range(layer.opening_stock, 0.8),
        _range(layer.supply, 0.8),
        f"{_days(layer.days_of_supply_median, horizon)} ({_days(layer.days_of_supply_p10, horizon)})",
        percent(layer.stock_out_probability),
        f"{layer.order.quantity:,}",
        " to ".join(f"{value / 1e6:,.1f}" for value in cost) if layer.order.quantity else "0",
    ]


def _outcome(document: PlanDocument) -> list[str]:
    outcome = document.outcome
    share = outcome.neutralised_share.interval(0.8)
    reported = outcome.reported_neutralised_share
    beside = "" if reported is None else f"; reported on the last 28 known days: {reported:.0%}"
    return [
        "WHAT GETS THROUGH",
        wrapped(
            f"Drones that no layer stops (decoys included): {_range(outcome.leakers, 0.8)} (80 %), "
            f"{_range(outcome.leakers_without_shortage, 0.8)} with no shortage of interceptors. "
            f"Neutralised: {share.low:.0%} to {share.high:.0%} modelled{beside}."
        ),
    ]


def _assumed(document: PlanDocument) -> list[str]:
    stated: dict[str, dict[str, Assumption]] = {}
    for assumption in document.assumptions:
        stated.setdefault(assumption.layer, {})[assumption.quantity] = assumption
    quantities = {
        "engaged_share": "engaged share",
        "kill_probability": "kill prob.",
        "engagements_per_night": "per night",
        "interceptors_per_engagement": "per engagement",
        "stock": "stock",
        "monthly_supply": "supply a month",
        "unit_cost_usd": "unit cost, USD",
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
    return [f"{spread.median:,.0f}", *(_range(spread, level) for level in (0.5, 0.8, 0.95))]


def _range(spread: Spread, level: float) -> str:
    interval = spread.interval(level)
    return f"{interval.low:,.0f}-{interval.high:,.0f}"


def _days(days: float | None, horizon: int) -> str:
    return f">{horizon}" if days is None else f"{days:.0f}"


def _plural(noun: str) -> str:
    return noun if noun.endswith("s") else f"{noun}s"
