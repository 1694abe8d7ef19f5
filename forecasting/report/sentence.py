"""What a duty officer would say of a forecast or a plan, in one line."""

from datetime import date

import numpy as np

from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.hub import quantiles
from forecasting.report.language import Translator, translator
from forecasting.report.layer_document import LayerDocument
from forecasting.report.layout import millions, plural
from forecasting.report.picture_words import forecast_of
from forecasting.report.rounding import rounded
from forecasting.report.words import Words, assumption_prefix, capital, data_age, few_known_days, weapon_name

LATE = 0.01
"""A chance of a shortage that no order can prevent is told from there on."""


def duty_sentence(document: ForecastDocument | PlanDocument, language: str = "en") -> str:
    """What to expect of the first window; of a plan also which stock runs out first, and what to order of it.

    Where another order costs most, it is told too; of the others it is told how many need an order, and then what all
    orders buy. All numbers are the document's; the night of
    one in four is read off its quantiles (see `upper_quartile_day`).
    """
    document = rounded(document)
    t, forecast = translator(language), forecast_of(document)
    said = [expected_drones(forecast, t)]
    if isinstance(document, PlanDocument) and (stocks := [layer for layer in document.layers if layer.order]):
        said.append(_first_out(document, stocks, t))
        if document.order_worth:
            said += map(Words(t, document).sentence, document.order_worth.says[:1])
    alone = assumption_prefix(bool(forecast.supply and forecast.supply.assumption_only), t)
    return alone + data_age(forecast, t) + few_known_days(forecast, t) + " ".join(said)


def upper_quartile_day(document: ForecastDocument) -> float:
    """Drones that one attack day in four of the first window exceeds, to two digits.

    The days' quantiles are joined by straight lines to one quantile function each, and these are pooled: every day
    counts as much as the others.
    """
    window = document.windows[0]
    levels = np.linspace(0.0, 1.0, 401)[1::2]
    pooled = []
    for day in document.days[: window.n_days]:
        known = quantiles(day.drones)
        pooled.append(np.interp(levels, list(known), list(known.values())))
    return float(f"{np.quantile(pooled, 0.75):.2g}")


def days_of_supply(document: PlanDocument, layer: str, probability: float) -> int | None:
    """Attack days that the stock of the layer covers in full, at that quantile; None where beyond the horizon."""
    short = (step for step, day in enumerate(document.stock_out) if day.probability[layer] >= probability)
    return next(short, None)


def expected_drones(document: ForecastDocument, t: Translator) -> str:
    """What to expect of the first window, and of one night in four."""
    window = document.windows[0]
    total = window.total_drones.interval(0.8)
    return " ".join(
        (
            t(
                "{days}: {low} to {high} {weapons} ({level}).",
                days=_days(document.days[0].attack_day, window.last_day, t),
                low=t.number(total.low),
                high=t.number(total.high),
                weapons=weapon_name(document.weapon_class, t),
                level=t.percent(total.level),
            ),
            t("One night in four above {n}.", n=t.number(upper_quartile_day(document))),
        )
    )


def _first_out(document: PlanDocument, stocks: list[LayerDocument], t: Translator) -> str:
    layer = min(stocks, key=lambda each: _runs_out(document, each))
    dearest = max(stocks, key=_cost)
    order = layer.order
    assert order is not None
    level = safety_level(document, t)
    if order.review_days:
        safety = t("for {level} safety until the next order arrives", level=level)
    else:
        safety = t("for {level} safety through {day}", level=level, day=_day(document, t))
    lasts = _lasts(document, layer, t)
    if len(stocks) > 1 and layer.stock_out_probability:
        lasts = t("{lasts} and run out first", lasts=lasts)
    told = {"lasts": lasts, "quantity": t.number(order.quantity), "safety": safety}
    said = [
        t("{lasts}; order {quantity} {safety}.", **told)
        if order.quantity
        else t("{lasts}; order nothing {safety}.", **told)
    ]
    if order.unavoidable_shortage >= LATE:
        chance = t.percent(order.unavoidable_shortage)
        said.append(t("Chance that they run short before an order arrives: {chance}.", chance=chance))
    if dearest is not layer and _cost(dearest):
        assert dearest.order is not None
        said.append(
            t(
                "Dearest are {what}: order {quantity}, {cost} M USD.",
                what=t.stated(plural(dearest.interceptor or "")),
                quantity=t.number(dearest.order.quantity),
                cost=millions(dearest.order.cost_usd_low, dearest.order.cost_usd_high, t),
            )
        )
    others = [each for each in stocks if each not in (layer, dearest) and each.order and each.order.quantity]
    if others:
        said.append(t.plural("{n} other stock needs an order.", "{n} other stocks need orders.", len(others)))
    return " ".join(said)


def _runs_out(document: PlanDocument, layer: LayerDocument) -> tuple[float, float]:
    """The day on which one path in ten has run short, and of those of one day the likeliest to run short first."""
    soonest = days_of_supply(document, layer.layer, 0.1)
    return (float("inf") if soonest is None else soonest, -(layer.stock_out_probability or 0.0))


def _cost(layer: LayerDocument) -> float:
    return layer.order.cost_usd_mode if layer.order else 0.0


def _lasts(document: PlanDocument, layer: LayerDocument, t: Translator) -> str:
    """How long the stock lasts, on eight paths of ten."""
    what = capital(t.stated(plural(layer.interceptor or "")))
    low, high = (days_of_supply(document, layer.layer, probability) for probability in (0.1, 0.9))
    if low is None:
        horizon = document.forecast.horizon
        return t.plural("{what} last more than {n} day", "{what} last more than {n} days", horizon, what=what)
    if high is None:
        return t.plural(
            "{what} last {low} to more than {n} day",
            "{what} last {low} to more than {n} days",
            document.forecast.horizon,
            what=what,
            low=t.number(low),
        )
    if low == high:
        return t.plural("{what} last {n} day", "{what} last {n} days", low, what=what)
    return t.plural("{what} last {low} to {n} day", "{what} last {low} to {n} days", high, what=what, low=t.number(low))


def _days(first: date, last: date, t: Translator) -> str:
    """1 to 7 March 2026; a first day of another year with its own."""
    if first == last:
        return t.day(last)
    if first.year != last.year:
        return t("{first} to {last}", first=t.day(first), last=t.day(last))
    return t("{first} to {last}", first=t.day(first, "d MMMM" if first.month != last.month else "d"), last=t.day(last))


def _day(document: PlanDocument, t: Translator) -> str:
    last: date = document.forecast.days[-1].attack_day
    return t.day(last, "d MMMM" if last.year == document.forecast.origin.year else "long")


def safety_level(document: PlanDocument, t: Translator) -> str:
    """The service level, and whether it is of all stocks together."""
    level = t.level(document.service_level)
    return t("{level} joint", level=level) if document.safety_of else level
