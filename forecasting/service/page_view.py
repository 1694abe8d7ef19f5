"""What the planner's page shows, from the published documents: tables as they are read, names, addresses."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from features.errors import InputError
from features.history import LaunchHistory
from features.scenarios import PUBLISHED, ProductionScenario, bundled_scenarios
from features.stated import Source
from forecasting.layers import Defence, parse_defence
from forecasting.model import MODELS
from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator, translator
from forecasting.report.layout import QUANTITIES
from forecasting.report.parts import LEVELS, Spread
from forecasting.report.picture_words import period_name
from forecasting.report.sentence import duty_sentence
from forecasting.request import CHAMPION, NO_SCENARIO, PlanRequest, Text
from forecasting.scoreboard import DAY_BANDS, TOTALS
from forecasting.service.answering import asked_scenario, bundled_defence
from forecasting.service.champions import Champion
from forecasting.service.page_assumptions import GROUPS, Holdable, holdables
from forecasting.service.page_link import DUE, DUE_PARTS, OWN, SAFETY, STOCK, Asked, Query, Wrong
from forecasting.track_record import PastForecast, TrackRecord, coverage, skill

ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""Name -> media type of the files that the page loads."""
NARROW = "(max-width: 600px)"
BLANK_ROWS = 2
"""Of deliveries, for the planner to fill."""
DEFAULTS = {"days": "28", SAFETY: "95", "scenario": NO_SCENARIO, "model": CHAMPION, "paths": "2000", "seed": "1"}


@dataclass(frozen=True)
class Record:
    """How good forecasts have been. model: the one that is served, over the last 90 days. issued: the rows of the
    scoreboard (`Scoreboard.overall`) of the forecasts that were given out."""

    model: TrackRecord
    issued: list[dict[str, Any]]


@dataclass(frozen=True)
class Shown:
    """What a page shows. query: what its form holds. plan: None where something is wrong.

    other: the plan beside it. past: the record that the plan rests on. issued: when it was issued, where it was.
    own_text: of a scenario that could not be read.
    """

    asked: Asked
    language: str
    query: Query = ()
    wrong: Mapping[str, Wrong] = field(default_factory=dict)
    own_text: str = ""
    plan: PlanDocument | None = None
    plan_id: str = ""
    other: PlanDocument | None = None
    past: LaunchHistory | None = None
    champion: Champion | None = None
    record: Record | None = None
    issued: datetime | None = None


@dataclass(frozen=True)
class Compared:
    """One row of the comparison of two plans."""

    name: str
    left: str
    right: str
    difference: str = ""


@dataclass(frozen=True)
class Scored:
    """How good forecasts of one kind have been. covered: share of the outcomes inside the 50, 80 and 95 % range.
    better: 1 less their error over the reference's. ahead: days."""

    name: str
    n: int
    covered: tuple[float, ...]
    better: float | None
    ahead: str = ""


def page(shown: Shown) -> str:
    """The page as HTML."""
    t = translator(shown.language)
    form: dict[str, str] = DEFAULTS | dict(shown.query)
    request = shown.asked.request
    scenario, defence = _stated(lambda: asked_scenario(request.scenario)), _stated(lambda: _defence(request))
    if isinstance(request.scenario, Text):
        form["scenario"] = OWN
    stocked = [layer for layer in defence.layers if layer.interceptor] if defence else []
    errors = {name: str(Wrong(wrong.given, t(wrong.message))) for name, wrong in shown.wrong.items()}
    fields = {*_FIELDS, *(f"{STOCK}{layer.id}" for layer in stocked)}
    context: dict[str, Any] = _common(shown.asked, t) | {
        "form": _Form(form),
        "errors": errors,
        "alerts": [line for name, line in errors.items() if name not in fields],
        "notices": [],
        "plan": shown.plan,
        "scenarios": [asked_scenario(name) for name in bundled_scenarios()],
        "models": [CHAMPION, *MODELS],
        "scenario": None,
        "supply": None,
        "holdable": [],
        "own_name": scenario.name if scenario and isinstance(request.scenario, Text) else "",
        "own_text": shown.own_text or _own_text(request, scenario),
        "own_open": "scenario" in errors and bool(shown.own_text or isinstance(request.scenario, Text)),
        "stocked": stocked,
        "due_rows": _due_rows(shown.query),
        "shown": lambda value: _short(value, t),
    }
    if scenario and shown.plan:
        last_day = shown.plan.forecast.days[-1].attack_day
        known = scenario.as_known(shown.plan.forecast.origin)
        found = holdables(known, request.theatre, last_day, request.held)
        context |= {"scenario": known, "holdable": _grouped(found, t)}
    if shown.plan:
        context |= _of_plan(shown, shown.plan, defence, t)
    return _environment().get_template("page.html").render(context)


def trouble(status: int, line: str, language: str, again: str) -> str:
    """A page that tells why there is no other. status: of HTTP. again: the address to try again."""
    t = translator(language)
    headings = {404: t("There is no such page"), 422: t("This cannot be planned"), 503: t("Too much to do just now")}
    heading = headings.get(status, t("The service failed"))
    context = _common(Asked(PlanRequest(), lang=language), t) | {"heading": heading, "line": line, "again": again}
    return _environment().get_template("trouble.html").render(context)


def asset(name: str) -> bytes:
    """A file that the page loads."""
    return resources.files("forecasting.service").joinpath("static", name).read_bytes()


_FIELDS = ("days", SAFETY, "origin", "scenario", DUE, "leak", "budget", "model", "paths", "seed")
"""Of the form, that can tell what is wrong with them; the stocks can too."""


class _Form(dict[str, str]):
    """What the fields hold; nothing where nothing was stated."""

    def __missing__(self, name: str) -> str:
        return ""

    def __getattr__(self, name: str) -> str:
        return self[name]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("forecasting.service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = _asset_url
    return made


@cache
def _asset_url(name: str) -> str:
    """It changes with the file, which browsers may therefore keep for good."""
    return f"/static/{name}?{hashlib.sha256(asset(name)).hexdigest()[:12]}"


def _common(asked: Asked, t: Translator) -> dict[str, Any]:
    """What every page uses."""
    view = replace(asked, request=PlanRequest(), compare="", id="")
    return {
        "t": t,
        "asked": asked,
        "home": f"?{view.query}" if view.query else "",
        "url": lambda **changes: f"/?{replace(asked, **changes).query}",
    }


def _of_plan(shown: Shown, plan: PlanDocument, defence: Defence | None, t: Translator) -> dict[str, Any]:
    """What is shown of a plan that was made."""
    forecast, asked = plan.forecast, shown.asked
    supply = forecast.supply
    layers = {layer.layer: layer for layer in plan.layers}
    by_day = {each.attack_day: each.probability for each in plan.stock_out}
    pinned = asked.pinned(forecast.origin, "")
    stated = {layer.id: layer for layer in defence.layers} if defence else {}

    def picture_url(name: str, theme: str, narrow: bool, suffix: str = "svg") -> str:
        # How good the model has been is asked for as the page asks for it: what was computed for one is there for both.
        of = asked if name == "track_record" else pinned
        query = replace(of, lang=t.language, theme=theme, compare=asked.compare if name == "comparison" else "").query
        return f"/picture/{name}.{suffix}?{query}{'&narrow=1' if narrow else ''}"

    def layer_name(layer_id: str) -> str:
        return t(layers[layer_id].name) if layer_id in layers else layer_id

    counts = Counter(assumption.basis for assumption in plan.assumptions)
    notices = []
    if asked.id and asked.id != shown.plan_id:
        notices.append(
            t(
                "The link was made from plan {id}. The record, the model or the program has changed since, and so have "
                "the numbers.",
                id=asked.id[:12],
            )
        )
    return {
        "forecast": forecast,
        "plan_id": shown.plan_id,
        "alone": bool(supply and supply.assumption_only),
        "trained": _trained(shown, plan, t),
        "notices": notices,
        "sentence": duty_sentence(plan, t.language),
        "ordered": [layer for layer in plan.layers if layer.order],
        "placeholders": any(
            layer.stock and layer.stock.basis == "assumed" and layer.id not in asked.request.stock
            for layer in stated.values()
        ),
        "lasts": lambda days: f">{forecast.horizon}" if days is None else t.number(days),
        "out_by": lambda day, layer: by_day[day][layer],
        "rules_layer": layers[plan.rules_of_thumb.layer] if plan.rules_of_thumb else None,
        "layer_name": layer_name,
        "supply": supply,
        "supply_now": supply and (supply.capacity_compatible or supply.capacity_stated),
        "counts": {name: counts[name] for name in ("reported", "derived", "assumed")},
        "quantities": QUANTITIES,
        "period": lambda name: period_name(name, t),
        "counted": lambda name: layer_name(name) if name in layers else t(name.replace("_", " ")),
        "cited": sorted({each.id: each for each in _cited(plan)}.values(), key=lambda each: each.id),
        "alts": _alts(shown, plan, t.language),
        "sources": _picture_sources(asked.theme),
        "fallback_theme": asked.theme or "light",
        "picture_url": picture_url,
        "other": shown.other,
        "compared": list(_compared(plan, shown.other, t)) if shown.other else [],
        "name_of": lambda each: t(each.forecast.supply.title) if each.forecast.supply else t("none: the record alone"),
        "record": list(_scored(shown.record.model, t)) if shown.record else None,
        "scoreboard": list(_scored_issued(shown.record.issued, t)) if shown.record else None,
        "pinned": pinned.query,
        "permalink": asked.pinned(forecast.origin, shown.plan_id).query,
        "issued": shown.issued,
    }


def _trained(shown: Shown, plan: PlanDocument, t: Translator) -> str:
    """How old what the model has learned is, and whether it is the champion."""
    known = plan.forecast.last_attack_day_known
    fitted = t("fitted through {day}", day=t.day(known))
    if shown.asked.request.model != CHAMPION:
        return fitted
    if shown.champion is None:
        return f"{fitted}, {t('no champion is registered yet')}"
    since = t.day(shown.champion.registered_at.date())
    return f"{fitted}, {t('champion {n} since {day}', n=shown.champion.version, day=since)}"


def _picture_sources(theme: str) -> list[tuple[str, str, bool]]:
    """(media query, theme, narrow) of the variants of a picture, the first that fits; a chosen theme is kept to."""
    if theme:
        return [("print", "light", False), (NARROW, theme, True)]
    dark = "(prefers-color-scheme: dark)"
    return [
        ("print", "light", False),
        (f"{NARROW} and {dark}", "dark", True),
        (NARROW, "light", True),
        (dark, "dark", False),
    ]


def _alts(shown: Shown, plan: PlanDocument, language: str) -> dict[str, str]:
    """Picture -> what it shows, in words."""
    from forecasting.report import picture_words as words

    assert shown.past is not None
    alts = {
        "forecast": words.describe_forecast(plan, shown.past, language=language),
        "stock_out": words.describe_stock_out(plan, language=language),
        "largest_day": words.describe_largest_day(plan, shown.past, language=language),
        "calibration": words.describe_calibration(plan, language=language),
    }
    if shown.other:
        alts["comparison"] = words.describe_comparison(plan, shown.other, shown.past, language=language)
    alts["track_record"] = translator(language)("Forecasts of the last 90 days against what came")
    if shown.record:
        alts["track_record"] = words.describe_track_record(shown.record.model, language=language)
    return alts


def _cited(plan: PlanDocument) -> Iterable[Source]:
    yield from plan.sources
    if plan.forecast.supply:
        yield from plan.forecast.supply.sources


def _compared(left: PlanDocument, right: PlanDocument, t: Translator) -> Iterable[Compared]:
    """Two plans, row by row. Their windows and layers are the same: only the scenario differs."""

    def spreads(name: str, one: Spread, other: Spread) -> Compared:
        change = _change(one.median, other.median, t)
        return Compared(name, _median_between(one, t), _median_between(other, t), change)

    def numbers(name: str, one: float, other: float, decimals: int = 0) -> Compared:
        return Compared(name, t.number(one, decimals), t.number(other, decimals), _change(one, other, t))

    for window, beside in zip(left.forecast.windows, right.forecast.windows, strict=True):
        name = t.plural("drones in {n} day", "drones in {n} days", window.n_days)
        yield spreads(name, window.total_drones, beside.total_drones)
    last, beside = left.forecast.windows[-1], right.forecast.windows[-1]
    yield spreads(t("largest day"), last.largest_day_drones, beside.largest_day_drones)
    yield Compared(t("a massed strike"), t.percent(last.massed_probability), t.percent(beside.massed_probability))
    yield spreads(t("armed drones through"), left.outcome.leakers, right.outcome.leakers)
    for layer, same in zip(left.layers, right.layers, strict=True):
        if layer.order and same.order:
            yield numbers(t("order, {layer}", layer=t(layer.name)), layer.order.quantity, same.order.quantity)
    costs = left.outcome.orders_cost_usd_mode / 1e6, right.outcome.orders_cost_usd_mode / 1e6
    yield numbers(t("orders, M USD"), *costs, decimals=1)


def _median_between(spread: Spread, t: Translator) -> str:
    interval = spread.interval(0.8)
    return f"{t.number(spread.median)} ({t.number(interval.low)}–{t.number(interval.high)})"


def _change(before: float, after: float, t: Translator) -> str:
    """In per cent of what was before; in units where that is nothing."""
    if before == after:
        return "0"
    if before == 0:
        return f"+{t.number(after)}"
    sign = "+" if after > before else "−"
    changed = abs(after / before - 1)
    return f"{sign}{t.percent(changed) if changed < 0.01 else f'{t.number(100 * changed)} %'}"


def _scored(record: TrackRecord, t: Translator) -> Iterable[Scored]:
    def scored(name: str, targets: tuple[PastForecast, ...]) -> Scored:
        return Scored(name, len(targets), tuple(coverage(targets, level) for level in LEVELS), skill(targets))

    if record.days:
        yield scored(t("each attack day, 1 to 7 days ahead"), record.days)
    if record.totals:
        yield scored(t("totals of 7 attack days"), record.totals)


def _scored_issued(rows: list[dict[str, Any]], t: Translator) -> Iterable[Scored]:
    bands = {name: f"{first}–{last}" for name, (first, last) in DAY_BANDS.items()}
    bands |= {"h1": "1", "h29_on": "29+"}
    bands |= {f"total_{n}": t("total of {n} attack days", n=n) for n in TOTALS}
    for row in rows:
        covered = tuple(row[f"coverage_{round(100 * level)}"] for level in LEVELS)
        yield Scored(row["model"], row["n"], covered, row["skill"], bands[row["band"]])


def _grouped(found: list[Holdable], t: Translator) -> list[tuple[str, str, list[Holdable]]]:
    titles = {
        "capacity": t("Capacity"),
        "decoys": t("Decoys"),
        "workforce": t("Workforce"),
        "events": t("Events"),
        "stock": t("Store and launches"),
        "theatres": t("Theatres"),
    }
    groups = [(group, titles[group], [each for each in found if each.group == group]) for group in GROUPS]
    return [each for each in groups if each[2]]


def _due_rows(query: Query) -> list[tuple[str, str, str]]:
    """The rows of deliveries that the form shows: those that were stated, and some to fill."""
    rows = [(*value.split(":"), "", "", "")[:3] for name, value in query if name == DUE]
    rows += zip(*([value for name, value in query if name == part] for part in DUE_PARTS), strict=False)
    stated = [(layer, day, quantity) for layer, day, quantity in rows if day or quantity]
    return stated + [("", "", "")] * BLANK_ROWS


def _stated(read: Callable[[], Any]) -> Any:
    """What is stated, where it can be read; where not, the plan says what is wrong with it."""
    try:
        return read()
    except InputError:
        return None


def _defence(request: PlanRequest) -> Defence:
    if isinstance(request.defence, Text):
        return parse_defence(request.defence.toml, "the defence given")
    return bundled_defence(request.defence)


def _own_text(request: PlanRequest, scenario: ProductionScenario | None) -> str:
    """The planner's own scenario; without one, a text to begin with: a variant of the scenario that is shown."""
    if isinstance(request.scenario, Text):
        return request.scenario.toml
    base = scenario or asked_scenario(PUBLISHED)
    template = resources.files("features.bundled").joinpath("scenario_template.toml").read_text(encoding="utf-8")
    _, _, text = template.partition("#\n")  # what stands above is about files and commands
    return text.format(name="my_scenario", base=base.name, as_of=base.as_of)


def _short(value: float, t: Translator) -> str:
    """A stated number: 1,234; 0.25."""
    return t.number(value) if value >= 100 or value == int(value) else t.number(value, 2)
