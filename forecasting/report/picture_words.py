"""What the pictures say in words: names, the line under a title, and a description for those who cannot see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.language import Translator, translator
from forecasting.report.sensitivity_document import SensitivityDocument, SensitivityMeasure, Swing
from forecasting.report.words import (
    Words,
    assumption_prefix,
    capital,
    data_age,
    full_weapon_name,
    not_for_orders,
    theatre_name,
    weapon_name,
)
from forecasting.salvos.spread import LEVELS, Spread

if TYPE_CHECKING:
    from features.history import LaunchHistory
    from forecasting.record.track_record import PastForecast, TrackRecord

Days = NDArray[np.datetime64]
Counts = NDArray[np.float64]

_BETWEEN = "\u00a0· "  # a line may begin after the dot, not with it
PAST_DAYS = 60
"""Shown before the origin."""


def forecast_of(document: ForecastDocument | PlanDocument) -> ForecastDocument:
    """The forecast that a document is, or rests on."""
    return document.forecast if isinstance(document, PlanDocument) else document


def model_line(document: ForecastDocument, t: Translator) -> str:
    """Of which theatre a forecast is, and what it rests on, in one line."""
    parts = [
        *filter(None, [not_for_orders(document, t)]),
        f"{theatre_name(document.theatre, t)}, {full_weapon_name(document.weapon_class, t)}",
        t("as of {day}", day=t.day(document.origin)),
        t("model {model}", model=document.model_id),
        *([scenario_name(document, t)] if document.supply else []),
        *(
            [t("shape of the salvos from {theatre}", theatre=theatre_name(document.supply.shape_from, t))]
            if document.supply and document.supply.shape_from
            else []
        ),
        t("data {digest}", digest=document.data_digest[:12]),
    ]
    return assumption_prefix(bool(document.supply and document.supply.assumption_only), t) + _BETWEEN.join(parts)


def scenario_name(document: ForecastDocument | PlanDocument, t: Translator) -> str:
    """The scenario of a document, in words."""
    supply = forecast_of(document).supply
    return t("scenario {name}", name=supply.scenario) if supply else t("no scenario")


def measure_name(measure: SensitivityMeasure, t: Translator) -> str:
    """What a tornado is of."""
    if measure.measure == "order":
        return t("to order, {layer}", layer=measure.layer)
    return t("cost of the orders, million USD") if measure.measure == "order_cost_usd" else t("armed drones that leak")


def unit_of(measure: SensitivityMeasure) -> float:
    """In what a measure is shown."""
    return 1e6 if measure.measure == "order_cost_usd" else 1.0


TORNADO_BARS = 8


def clear_swings(found: SensitivityDocument, measure: SensitivityMeasure) -> list[Swing]:
    """The widest swings of a measure that are no noise."""
    swings = found.tornado(measure.measure, measure.layer)
    return [swing for swing in swings if not swing.noise][:TORNADO_BARS]


def sensitivity_of(found: SensitivityDocument, t: Translator) -> str:
    """Whose sensitivity it is, in one line."""
    scenario = t("scenario {name}", name=found.scenario) if found.scenario else t("the record alone")
    return f"{assumption_prefix(found.assumption_only, t)}{theatre_name(found.theatre, t)}{_BETWEEN}{scenario}"


def record_of(model_id: str, targets: "Sequence[PastForecast]", t: Translator) -> str:
    """The coverage of past forecasts, and how much better they were than the reference, in one line."""
    from forecasting.record.track_record import coverage, skill  # whose scores no other text needs

    if not targets:
        return t("nothing is known of these days yet")
    covered = t(
        "covered by the 50, 80 and 95 % intervals: {shares}",
        shares=", ".join(t.percent(coverage(targets, level)) for level in LEVELS),
    )
    better = skill(targets)
    relative = "" if better is None else t.percent(1.0 - better)
    gained = t("error (WIS) {share} of that of the reference", share=relative) if relative else ""
    n = t.plural("{n} forecast", "{n} forecasts", len(targets))
    return _BETWEEN.join(filter(None, (t("model {model}", model=model_id), n, covered, gained)))


def interval_text(shown: Spread, t: Translator) -> str:
    """The 80 % interval: 900 to 2,100 (80 %)."""
    interval = shown.rounded().interval(0.8)
    return t(
        "{low} to {high} ({level})", low=t.number(interval.low), high=t.number(interval.high), level=t.percent(0.8)
    )


def until_origin(document: ForecastDocument, past: "LaunchHistory") -> tuple[Days, Counts]:
    """The days until the origin and their launches; none for a theatre without a record, whose shape is borrowed."""
    known = past.days <= np.datetime64(document.origin, "D")
    if document.supply and document.supply.assumption_only:
        known[:] = False
    return past.days[known], past.launched[known]


def largest_before(document: ForecastDocument, past: "LaunchHistory", n_days: int) -> float | None:
    """Launches on the largest of the last n_days days until the origin; None where so many are not on record."""
    launched = until_origin(document, past)[1][-n_days:]
    return float(np.nanmax(launched)) if launched.size == n_days and not np.isnan(launched).all() else None


def running_totals(document: ForecastDocument) -> list[Spread]:
    """Of days 1 to each, as known; none in a document of before they were told."""
    return [day.total_drones for day in document.days if day.total_drones is not None]


@dataclass(frozen=True)
class TotalBefore:
    """What was reported in as many days before the origin as are forecast. running: (horizon,) their running total;
    unknown: days among them that nothing is known of, which add nothing to it."""

    running: Counts
    unknown: int


def total_before(document: ForecastDocument, past: "LaunchHistory") -> TotalBefore | None:
    """None where so many days are not on record."""
    launched = until_origin(document, past)[1][-document.horizon :]
    if launched.size < document.horizon or np.isnan(launched).all():
        return None
    return TotalBefore(np.nancumsum(launched), int(np.isnan(launched).sum()))


def before_name(before: TotalBefore, t: Translator) -> str:
    """What the line of such a total is."""
    n = before.running.size
    name = t.plural("the {n} day before", "the {n} days before", n)
    return f"{name}, {t('{n} not known', n=t.number(before.unknown))}" if before.unknown else name


def describe_forecast(document: ForecastDocument | PlanDocument, past: "LaunchHistory", *, language: str = "en") -> str:
    """The fan chart in words."""
    forecast, t = forecast_of(document), translator(language)
    first, last, window = forecast.days[0], forecast.days[-1], forecast.windows[0]
    _, launched = until_origin(forecast, past)
    reported = launched[-PAST_DAYS:][~np.isnan(launched[-PAST_DAYS:])]
    before = (
        t(
            "Reported on the last {n} days: {low} to {high} a day.",
            n=t.number(reported.size),
            low=t.number(reported.min()),
            high=t.number(reported.max()),
        )
        if reported.size
        else ""
    )
    alone = assumption_prefix(bool(forecast.supply and forecast.supply.assumption_only), t)
    told, earlier = running_totals(forecast), total_before(forecast, past)
    more = list[str]()
    if told:
        sum_told = interval_text(told[-1], t)
        more.append(t("Running total by {day}: {total}.", day=t.day(last.attack_day), total=sum_told))
    if told and earlier:
        more.append(f"{capital(before_name(earlier, t))}: {t.number(earlier.running[-1])}.")
    for each in forecast.sample_futures:
        name = capital(t("one future: total above {share} of all", share=t.percent(each.total_share)))
        more.append(t("{future}: up to {n} in a day.", future=name, n=t.number(max(each.drones))))
    return (
        alone
        + data_age(forecast, t)
        + t(
            "Fan chart of the {weapons} launched per attack day. {before} {first_day}: {first}. {last_day}: {last}. "
            "Chance of a massed strike, {threshold} or more in a day, by {window_day}: {massed}.",
            weapons=weapon_name(forecast.weapon_class, t),
            before=before,
            first_day=t.day(first.attack_day),
            first=interval_text(first.drones, t),
            last_day=t.day(last.attack_day),
            last=interval_text(last.drones, t),
            threshold=t.number(forecast.massed_strikes.threshold_drones),
            window_day=t.day(window.last_day),
            massed=t.percent(window.massed_probability),
        )
        + "".join(f" {each}" for each in more)
    )


def describe_supply(document: ForecastDocument | PlanDocument, *, language: str = "en") -> str:
    """The output and the store of a scenario in words: at the end of the horizon."""
    t, forecast = translator(language), forecast_of(document)
    if forecast.supply is None:
        return ""
    last = forecast.supply.months[-1]
    output, day = t("output that reaches the store, drones a month"), t.day(last.day)
    told = {
        f"{output}, {t('as stated')}": last.production_stated,
        t("as the record allows"): last.production_compatible,
        t("drones in store that can be launched"): last.launchable_stock,
    }
    ranges, level = list[str](), t.percent(0.9)
    for what, each in told.items():
        if each:
            low, high = t.number(each.p5), t.number(each.p95)
            ranges.append(f"{what}: {t('{low} to {high} ({level})', low=low, high=high, level=level)}")
    return t("{scenario}, {day}: {told}.", scenario=supply_line(forecast, t), day=day, told="; ".join(ranges))


def supply_line(document: ForecastDocument, t: Translator) -> str:
    """Which scenario it is, and that no record stands behind it where none does."""
    alone = bool(document.supply and document.supply.assumption_only)
    return f"{assumption_prefix(alone, t)}{capital(scenario_name(document, t))}"


def describe_stock_out(document: PlanDocument, *, language: str = "en") -> str:
    """The runway of the stocks in words."""
    t = translator(language)
    chances = [
        f"{t.stated(layer.name)} {t.percent(layer.stock_out_probability)}"
        for layer in sorted(document.layers, key=lambda layer: -(layer.stock_out_probability or 0))
        if layer.stock_out_probability is not None
    ]
    last = document.forecast.days[-1].attack_day
    return data_age(document.forecast, t) + t(
        "Chance that a stock has run short by {day}: {chances}.", day=t.day(last), chances="; ".join(chances)
    )


def describe_largest_day(
    document: ForecastDocument | PlanDocument, past: "LaunchHistory", *, language: str = "en"
) -> str:
    """The largest day in words."""
    t = translator(language)
    forecast = forecast_of(document)
    windows = []
    for window in forecast.windows:
        n_days = t.plural("{n} day", "{n} days", window.n_days)
        reported = largest_before(forecast, past, window.n_days)
        before = "" if reported is None else t(", reported in as many before {largest}", largest=t.number(reported))
        windows.append(f"{n_days}: {interval_text(window.largest_day_drones, t)}{before}")
    return data_age(forecast, t) + t("The largest attack day to expect within {windows}.", windows="; ".join(windows))


def describe_calibration(document: PlanDocument, *, language: str = "en") -> str:
    """The calibration in words."""
    t, found = translator(language), document.calibration
    words, n_nights = Words(t, document), found.n_nights if found else 0
    periods = [
        t(
            "{period}: reported {reported}, calibrated {low} to {high}",
            period=words(share.period),
            reported=t.percent(share.reported_low),
            low=t.percent(share.calibrated.p10),
            high=t.percent(share.calibrated.p90),
        )
        for share in (found.shares if found else ())
        if share.n_nights
    ]
    held = t.plural("{n} night with reported losses", "{n} nights with reported losses", n_nights)
    return t("Share of drones neutralised, {nights}. {periods}.", nights=held, periods="; ".join(periods))


def describe_plan(document: PlanDocument, past: "LaunchHistory", *, language: str = "en") -> str:
    """The whole plan in words: each of its parts."""
    parts = [describe_forecast(document, past, language=language)]
    if document.forecast.supply:
        parts.append(describe_supply(document, language=language))
    if document.stock_out:
        parts.append(describe_stock_out(document, language=language))
    if document.calibration:
        parts.append(describe_calibration(document, language=language))
    return " ".join(parts)


def describe_comparison(
    document: ForecastDocument | PlanDocument,
    other: ForecastDocument | PlanDocument,
    past: "LaunchHistory",
    *,
    language: str = "en",
) -> str:
    """Two forecasts or plans in words, one after the other."""
    t = translator(language)
    return " ".join(
        f"{capital(scenario_name(each, t))}: {describe_forecast(each, past, language=language)}"
        for each in (document, other)
    )


def describe_sensitivity(found: SensitivityDocument, *, language: str = "en") -> str:
    """The tornadoes in words: the widest bars of each."""
    t = translator(language)
    told = [
        t(
            "{measure}: {base} over all futures; {widest}",
            measure=measure_name(measure, t),
            base=t.number(measure.value / unit_of(measure)),
            widest="; ".join(_swing_words(swing, unit_of(measure), t) for swing in swings[:5]),
        )
        for measure in found.measures
        if (swings := clear_swings(found, measure))
    ]
    none = t("no assumption moves them by more than noise")
    return t("{whose}: {told}.", whose=sensitivity_of(found, t), told=". ".join(told) or none)


def _swing_words(swing: Swing, unit: float, t: Translator) -> str:
    ends = {"low": t.number(swing.low / unit), "high": t.number(swing.high / unit)}
    return t("{assumption}: {low} to {high}", assumption=swing.assumption, **ends)


def describe_track_record(record: "TrackRecord", *, language: str = "en") -> str:
    """The track record in words."""
    t = translator(language)
    return t(
        "Weekly totals: {totals}. Each attack day: {days}.",
        totals=record_of(record.model_id, record.totals, t),
        days=record_of(record.model_id, record.days, t),
    )
