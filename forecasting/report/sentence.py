"""What a duty officer would say of a forecast or a plan, in one line."""

from datetime import date

import numpy as np

from forecasting.report.document import ForecastDocument, LayerDocument, PlanDocument
from forecasting.report.hub import quantiles
from forecasting.report.language import Translator, translator
from forecasting.report.layout import plural
from forecasting.report.picture_words import forecast_of
from forecasting.report.rounding import rounded
from forecasting.report.words import Words, assumption_prefix, capital, few_known_days, weapon_name

LATE = 0.01
"""A chance of a shortage that no order can prevent is told from there on."""


def duty_sentence(document: ForecastDocument | PlanDocument, language: str = "en") -> str:
    """What to expect of the first window; of a plan also how long a stock lasts, and what to order of it.

    The stock is the one whose order costs most; where nothing is to be ordered, the one likeliest to run short. Of the
    others it is told how many need an order, and then what all orders buy. All numbers are the document's; the night of
    one in four is read off its quantiles (see `upper_quartile_day`).
    """
    document = rounded(document)
    t, forecast = translator(language), forecast_of(document)
    said = [_expected_drones(forecast, t)]
    if isinstance(document, PlanDocument) and (stocks := [layer for layer in document.layers if layer.order]):
        said.append(_largest_order(document, stocks, t))
        if document.order_worth:
            said += map(Words(t, document).sentence, document.order_worth.says[:1])
    alone = assumption_prefix(bool(forecast.supply and forecast.supply.assumption_only), t)
    return alone + few_known_days(forecast, t) + " ".join(said)


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


def _expected_drones(document: ForecastDocument, t: Translator) -> str:
    window = document.windows[0]
    total = window.total_drones.interval(0.8)
    return " ".join(
        (
            t.plural(
                "Next {n} day: {low} to {high} {weapons} ({level}).",
                "Next {n} days: {low} to {high} {weapons} ({level}).",
                window.n_days,
                low=t.number(total.low),
                high=t.number(total.high),
                weapons=weapon_name(document.weapon_class, t),
                level=t.percent(total.level),
            ),
            t("One night in four above {n}.", n=t.number(upper_quartile_day(document))),
        )
    )


def _largest_order(document: PlanDocument, stocks: list[LayerDocument], t: Translator) -> str:
    def urgency(layer: LayerDocument) -> tuple[float, float]:
        assert layer.order is not None
        return layer.order.cost_usd_mode, layer.stock_out_probability or 0.0

    layer = max(stocks, key=urgency)
    order = layer.order
    assert order is not None
    level = safety_level(document, t)
    if order.review_days:
        safety = t("for {level} safety until the next order arrives", level=level)
    else:
        safety = t("for {level} safety through {day}", level=level, day=_day(document, t))
    lasts = _lasts(document, layer, t)
    if not order.quantity:
        return t("{lasts}; order nothing {safety}.", lasts=lasts, safety=safety)
    said = [t("{lasts}; order {quantity} {safety}.", lasts=lasts, quantity=t.number(order.quantity), safety=safety)]
    if order.unavoidable_shortage >= LATE:
        chance = t.percent(order.unavoidable_shortage)
        said.append(t("Chance that they run short before an order arrives: {chance}.", chance=chance))
    others = sum(bool(each.order and each.order.quantity) for each in stocks) - 1
    if others:
        said.append(t.plural("{n} other stock needs an order.", "{n} other stocks need orders.", others))
    return " ".join(said)


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


def _day(document: PlanDocument, t: Translator) -> str:
    last: date = document.forecast.days[-1].attack_day
    return t.day(last, "d MMMM" if last.year == document.forecast.origin.year else "long")


def safety_level(document: PlanDocument, t: Translator) -> str:
    """The service level, and whether it is of all stocks together."""
    level = t.percent(document.service_level)
    return t("{level} joint", level=level) if document.safety_of else level
