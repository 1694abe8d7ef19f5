"""A document as tables: wide frames for spreadsheets, and one long frame for CSV."""

from datetime import date
from typing import Any, get_args

import pandas as pd
from pydantic import BaseModel

from features.messages import Message
from forecasting.report.document import ForecastDocument, PlanDocument
from forecasting.report.language import ENGLISH, Translator, translator
from forecasting.report.supply_document import Quantiles, SurgeDocument
from forecasting.report.words import Words, data_age
from forecasting.report.worth_document import By, OrderWorthDocument, beside_the_orders
from forecasting.salvos.spread import Spread

_KEYS = {
    "days": ("attack_day",),
    "windows": ("n_days",),
    "layers": ("layer",),
    "raid": ("weapon_class",),
    "raid_layers": ("layer", "weapon_class"),
    "stock_out": ("attack_day",),
    "outcome": ("measure",),
    "rules": ("rule",),
    "order_worth": ("measure",),
    "layer_worth": ("layer",),
    "frontier": ("by", "number"),
    "service_levels": ("service_level",),
    "information": ("layer", "quantity"),
    "budget_mix": ("budget_usd",),
    "policy": ("layer",),
    "policy_calendar": ("first_day", "layer"),
    "requirement": ("measure",),
    "mix": ("layer",),
    "calibration": ("measure",),
    "calibrated": ("layer", "quantity"),
    "shares": ("period", "counts", "layer"),
    "supply_at_origin": ("measure",),
    "supply": ("day",),
    "weights": ("horizon",),
    "holdbacks": ("facility", "day"),
}
"""Table -> the columns that name its rows, for the tables of computed numbers."""


def tables(document: ForecastDocument | PlanDocument, language: str = ENGLISH) -> dict[str, pd.DataFrame]:
    """Table name -> frame, a row per day, window, layer, measure, assumption or source; `about`: what they rest on.

    A spread becomes the columns x_median, x_low_50, x_high_50, ... x_high_95. Counts are Int64, probabilities and
    costs Float64, days datetime64, all missing where the document says null. language: of the sentences.
    """
    words = Words(translator(language, plain=True), document)
    forecast = document.forecast if isinstance(document, PlanDocument) else document
    made = {
        "about": _about(words, document, forecast),
        "days": _days(words, forecast),
        "windows": _frame(words, forecast.windows),
    }
    if supply := forecast.supply:
        at_origin = [{"measure": name} | dict(value) for name, value in supply if isinstance(value, Quantiles)]
        at_origin += [{"measure": f"surge_{name}"} | dict(value) for name, value in supply.surge or ()]
        made |= {
            "supply_at_origin": pd.DataFrame(at_origin),
            "supply": _frame(words, supply.months),
            "weights": _frame(words, supply.weights),
            **({"holdbacks": _frame(words, supply.holdbacks)} if supply.holdbacks else {}),
            "scenario": _frame(words, supply.numbers),
            "scenario_sources": _frame(words, supply.sources),
        }
    if isinstance(document, PlanDocument):
        made |= {"layers": _frame(words, _without_uses(document)), "outcome": _measures(words, document.outcome)}
        if document.raid:
            uses = [{"layer": one.layer} | dict(each) for one in document.layers for each in one.by_class or []]
            made |= {"raid": _frame(words, document.raid), "raid_layers": _frame(words, uses)}
        if document.stock_out:
            made["stock_out"] = _frame(words, document.stock_out)
        if document.rules_of_thumb:
            made["rules"] = _frame(words, document.rules_of_thumb.rules)
        if worth := document.order_worth:
            made |= {
                "order_worth": pd.concat([_measures(words, worth), _measures(words, worth.together, "together ")]),
                "layer_worth": _frame(words, worth.layers),
                "frontier": _frame(words, _frontier(words, worth)),
                "service_levels": _frame(words, worth.service_levels),
            }
            if worth.information:
                made["information"] = _frame(words, worth.information)
        if mix := document.budget_mix:
            made["budget_mix"] = _frame(words, [mix])
        if policy := document.policy:
            made |= {"policy": _frame(words, policy.layers), "policy_calendar": _frame(words, policy.calendar)}
        if required := document.requirement:
            made |= {"requirement": _measures(words, required), "mix": _frame(words, required.mix)}
        if found := document.calibration:
            made |= {
                "calibration": _measures(words, found),
                "calibrated": _frame(words, found.quantities),
                "shares": _frame(words, found.shares),
            }
        made |= {"assumptions": _frame(words, document.assumptions), "sources": _frame(words, document.sources)}
    return made


def _days(words: Words, forecast: ForecastDocument) -> pd.DataFrame:
    """The attack days; beside them the sample futures, a column each."""
    futures = {f"future_{each.total_share:.0%}".rstrip("%"): each.drones for each in forecast.sample_futures}
    return _frame(words, forecast.days).assign(**futures)


def _frontier(words: Words, worth: OrderWorthDocument) -> list[dict[str, Any]]:
    """The points; beside_the_orders: which of each kind is the next down from the orders in cost, and the next up."""
    beside = {
        (point.by, point.number): name
        for by in get_args(By)
        for point, name in zip(beside_the_orders(worth, by), (words.t("next down"), words.t("next up")), strict=True)
        if point is not None
    }
    return [dict(each) | {"beside_the_orders": beside.get((each.by, each.number))} for each in worth.frontier]


def _without_uses(document: PlanDocument) -> list[Any]:
    """The layers, but for what each class takes of them, which has a table of its own."""
    return [{name: value for name, value in layer if name != "by_class"} for layer in document.layers]


def long_frame(document: ForecastDocument | PlanDocument) -> pd.DataFrame:
    """One row per computed number: table, item (day, days of the window, layer), measure, value (float), and basis:
    what the numbers rest on, the record or assumptions alone."""
    parts = []
    for name, frame in tables(document).items():
        if name not in _KEYS or frame.empty:
            continue
        keys = list(_KEYS[name])
        numbers = frame.drop(columns=keys).select_dtypes("number").astype(float)
        item = frame[keys].astype("string").fillna("").agg(" ".join, axis=1).str.strip()
        part = numbers.assign(item=item).melt(id_vars="item", var_name="measure")
        part.insert(0, "table", name)
        parts.append(part.dropna(subset="value").astype({"item": str}))
    return pd.concat(parts, ignore_index=True).assign(basis=_basis(document, translator(ENGLISH, plain=True)))


def _basis(document: ForecastDocument | PlanDocument, t: Translator) -> str:
    forecast = document.forecast if isinstance(document, PlanDocument) else document
    supply, age = forecast.supply, forecast.data_age
    old = age and age.not_for_orders
    mark = t("not for orders, record of {n} days ago: ", n=str(age.days)) if age and old else ""
    if supply is None:
        return mark + t("record")
    if supply.assumption_only:
        return mark + t("assumptions only: {name}", name=supply.scenario)
    return mark + t("record, scenario {name}", name=supply.scenario)


def _about(words: Words, document: ForecastDocument | PlanDocument, forecast: ForecastDocument) -> pd.DataFrame:
    stated: dict[str, Any] = {name: value for name, value in forecast if isinstance(value, str | int | date)}
    stated |= {
        "massed_rule": words(forecast.massed_strikes.rule),
        "massed_threshold": forecast.massed_strikes.threshold_drones,
    }
    stated["data_sources"] = "; ".join(map(words.source, forecast.data_sources))
    stated["basis"] = _basis(document, words.t)
    if age := forecast.data_age:
        stated |= {"data_age": data_age(forecast, words.t).strip(), "data_age_days": age.days}
        stated["not_for_orders"] = words.t("yes") if age.not_for_orders else words.t("no")
    if supply := forecast.supply:
        stated |= {
            f"scenario_{name}": words(value) if isinstance(value, Message) else value
            for name, value in supply
            if value is not None and not isinstance(value, list | Quantiles | SurgeDocument) and name != "scenario"
        }
    if isinstance(document, PlanDocument):
        stated |= {
            "format": document.format,
            "defence": document.defence,
            "defence_as_of": document.defence_as_of,
            "defence_about": document.about,
            "service_level": document.service_level,
            "in_hand": " ".join(map(words, document.in_hand)),
            "notes": " ".join(map(words, document.notes)),
        }
        if rules := document.rules_of_thumb:
            stated["rules_of_thumb"] = words.t(
                "{layer}, for {n} nights", layer=words.layer(rules.layer), n=rules.nights
            )
        if worth := document.order_worth:
            stated["order_worth"] = " ".join(map(words.sentence, worth.says))
        if required := document.requirement:
            stated["requirement"] = words(required.obstacle) if required.obstacle else words.t("met")
            stated["requirement_worth"] = "; ".join(map(words, required.worth))
    stated |= {f"version_{name}": number for name, number in forecast.versions.items()}
    stated |= {f"unit_{name}": words.unit(unit) for name, unit in forecast.units.items()}
    return pd.DataFrame({"what": stated.keys(), "value": [str(value) for value in stated.values()]})


def _measures(words: Words, document: BaseModel, prefix: str = "") -> pd.DataFrame:
    """One row per number of the document; a number that has no spread is its median. prefix: of their names."""
    rows = []
    for name, value in document:
        by_name = {f"{name} {each}": of for each, of in value.items()} if isinstance(value, dict) else {name: value}
        rows += [
            {"measure": measure} | _flat(words, {"value": of})
            for measure, of in by_name.items()
            if isinstance(of, Spread)
        ]
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            rows.append({"measure": f"{prefix}{name}", "value_median": value})
    return pd.DataFrame(rows)


def _frame(words: Words, rows: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame([_flat(words, dict(row)) for row in rows])
    for column in frame.columns:
        if str(column).removeprefix("stock_").removeprefix("supply_") == "basis":
            frame[column] = frame[column].map(lambda basis: words.t(basis) if basis else basis)
        if column in ("attack_day", "first_day", "last_day", "date", "day"):
            frame[column] = pd.to_datetime(frame[column])
    return frame.convert_dtypes()


def _flat(words: Words, row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, bool):
            continue  # follows from the numbers beside it
        if isinstance(value, Spread):
            flat[f"{name}_median"] = value.median
            for interval in value.intervals:  # their standard errors are in the JSON; a workbook is rounded to them
                percent = f"{interval.level:.0%}".rstrip("%")
                flat[f"{name}_low_{percent}"] = interval.low
                flat[f"{name}_high_{percent}"] = interval.high
        elif isinstance(value, Message):
            flat[name] = words(value)
        elif isinstance(value, BaseModel):
            flat |= {f"{name}_{inner}": number for inner, number in _flat(words, dict(value)).items()}
        elif isinstance(value, dict):
            flat |= {f"{name}_{inner}": number for inner, number in value.items()}
        elif isinstance(value, list):
            flat[name] = " ".join(value)
        else:
            flat[name] = value
    return flat
