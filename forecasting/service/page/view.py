"""What the planner's page shows, from the published documents: tables as they are read, names, addresses."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from features.errors import SalvocastError
from features.history import LaunchHistory
from features.scenarios import ProductionScenario
from features.stated import Source
from forecasting.answers.defences import BUNDLED_DEFENCES
from forecasting.answers.request import CHAMPION, PlanRequest, Text
from forecasting.record.track_record import TrackRecord
from forecasting.registry import Champion
from forecasting.report.comparison_document import ComparisonDocument
from forecasting.report.comparison_text import (
    answer_sentence,
    comparison_head,
    difference_rows,
    figure_heads,
    figure_rows,
    same_numbers,
    told_scenario,
)
from forecasting.report.data_age import numbers_id
from forecasting.report.document import PlanDocument
from forecasting.report.forms import FORMS
from forecasting.report.language import Translator, language_names, translator
from forecasting.report.order_text import arrives
from forecasting.report.rounding import rounded
from forecasting.report.sentence import duty_sentence
from forecasting.report.supply_text import supply_notes
from forecasting.report.words import Words, cautions, not_for_orders, theatre_name, weapon_name
from forecasting.report.worth_text import (
    cost_exchange,
    found_out_first,
    frontier_marks,
    leakers_avoided,
    money_mix_sentence,
)
from forecasting.service.page.assumptions import GROUPS, Holdable, holdables, readable_name
from forecasting.service.page.defences import defence_rows
from forecasting.service.page.form import SubmittedForm, form_context
from forecasting.service.page.link import PageQuery
from forecasting.service.page.pictures import picture_alts, picture_sources, picture_urls
from forecasting.service.page.since import Since, since_context
from forecasting.service.page.status import StatusCheck
from forecasting.service.page.tables import comparison_rows, issued_score_rows, score_rows
from forecasting.service.workers.jobs import Job

_DATED = re.compile(r" of \d{4}-\d{2}-\d{2}$")
ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""Name -> media type of the files that the page loads."""


@dataclass(frozen=True)
class Record:
    """How good forecasts have been. model: the one that is served, over the last 90 days. issued: the rows of the
    scoreboard (`Scoreboard.overall`) of the forecasts that were given out."""

    model: TrackRecord
    issued: list[dict[str, Any]]


@dataclass(frozen=True)
class PlanView:
    """What a page shows of a plan that was made.

    plan, other: it, and the one beside it. plan_id: of the plan. past: the record that it rests on. today: the day on
    which it is looked at. issued: when it was issued, where it was. since: the
    plans before it. differences: of an own defence from the bundled one, as JSON.
    """

    plan: PlanDocument
    plan_id: str
    past: LaunchHistory
    today: date
    other: PlanDocument | None = None
    champion: Champion | None = None
    record: Record | None = None
    issued: datetime | None = None
    since: Since | None = None
    differences: bytes | None = None


def page(asked: PageQuery, language: str, sent: SubmittedForm, shown: PlanView | None = None) -> str:
    """The page as HTML: of the plan that was made, or with what is wrong with the request."""
    t = translator(language)
    form = form_context(asked.request, sent, t)
    context: dict[str, Any] = (
        _common(asked, t)
        | form
        | {"plan": None, "supply": None, "holdable": [], "notices": [], "own_defence": False, "differences": []}
    )
    context |= {"shown": lambda value: _short(value, t), "theatre_name": lambda name: theatre_name(name, t)}
    context["weapon_name"] = lambda name: weapon_name(name, t)
    context["scenario"] = form["chosen"]
    if shown:
        context |= _of_plan(asked, shown, t)
        if form["chosen"]:
            known = form["chosen"].as_known(shown.plan.forecast.origin)
            last_day = shown.plan.forecast.days[-1].attack_day
            found = holdables(known, asked.request.theatre, last_day, asked.request.held)
            context |= {"scenario": known, "holdable": _assumption_groups(found, t)}
            context["number_name"] = lambda key: _number_name(form["chosen"], key, t)
        stated = {layer.id: layer for layer in form["layers"]}
        context["placeholders"] = any(
            layer.stock and layer.stock.basis == "assumed" and layer.id not in asked.request.stock
            for layer in stated.values()
        )
    return _environment().get_template("page.html").render(context)


def problem_page(status: int, line: str, language: str, again: str) -> str:
    """A page that tells why there is no other. status: of HTTP. again: the address to try again."""
    t = translator(language)
    headings = {
        404: t("There is no such page"),
        410: t("This link has expired"),
        422: t("This cannot be planned"),
        503: t("Too much to do just now"),
    }
    heading = headings.get(status, t("The service failed"))
    context = _common(PageQuery(PlanRequest(), lang=language), t) | {"heading": heading, "line": line, "again": again}
    return _environment().get_template("trouble.html").render(context)


def job_page(job: Job, language: str) -> str:
    """The page of an answer that is being computed."""
    t = translator(language)
    so_far, all_of_it = round(job.elapsed), max(round(job.seconds), 1)
    line = (
        t("{seconds} s of about {expected} s", seconds=t.number(so_far), expected=t.number(all_of_it))
        if so_far <= all_of_it
        else t(
            "{seconds} s so far, longer than the {expected} s that it should take",
            seconds=t.number(so_far),
            expected=t.number(all_of_it),
        )
    )
    context = _common(PageQuery(PlanRequest(), lang=language), t) | {"job": job, "line": line}
    return _environment().get_template("job.html").render(context)


def comparison_page(
    asked: PageQuery,
    language: str,
    document: ComparisonDocument | None,
    error: SalvocastError | None,
    form: Mapping[str, Any],
) -> str:
    """The page of scenarios side by side: what is asked, and the document, or what is wrong."""
    t = translator(language)
    context: dict[str, Any] = _common(asked, t) | {"document": document, "line": error and t.error(error)} | dict(form)
    if document:
        others = document.scenarios[1:]
        context |= {
            "head": comparison_head(document, t),
            "told": [told_scenario(each, document.horizon, t) for each in document.scenarios],
            "answers": [answer_sentence(document, each, t) for each in others],
            "differing": difference_rows(document, t),
            "heads": figure_heads(document, t),
            "figures": [(n_days, figure_rows(document, n_days, t)) for n_days in document.windows],
            "same": same_numbers(t),
            "not_for_orders": None,
        }
    return _environment().get_template("scenarios.html").render(context)


def status_page(checks: Sequence[StatusCheck], language: str) -> str:
    """The page that tells whether all is well."""
    t = translator(language)
    found = {check.health for check in checks}
    worst = (
        t("Something has failed: see to it now.")
        if "failure" in found
        else t("Something needs a person.")
        if "warning" in found
        else t("All is well.")
    )
    healths = {"ok": t("well"), "warning": t("see to it"), "failure": t("has failed")}
    context = _common(PageQuery(PlanRequest(), lang=language), t)
    context |= {"checks": checks, "worst": worst, "healths": healths}
    return _environment().get_template("status.html").render(context)


def asset(name: str) -> bytes:
    """A file that the page loads."""
    return resources.files("forecasting.service.page").joinpath("static", name).read_bytes()


def compile_templates() -> None:
    """Makes what pages are written by: the first one written waits for it otherwise."""
    for name in _environment().list_templates():
        _environment().get_template(name)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("forecasting.service.page"),
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


def _common(asked: PageQuery, t: Translator) -> dict[str, Any]:
    """What every page uses."""
    view = replace(asked, request=PlanRequest(), compare="", id="", since="", beside="")
    return {
        "t": t,
        "asked": asked,
        "languages": language_names().items(),
        "home": f"?{view.query}" if view.query else "",
        "url": lambda **changes: f"/?{replace(asked, **changes).query}",
    }


def _of_plan(asked: PageQuery, shown: PlanView, t: Translator) -> dict[str, Any]:
    """What is shown of a plan that was made."""
    plan, other, record = rounded(shown.plan), shown.other, shown.record
    worth = plan.order_worth
    forecast = plan.forecast
    supply = forecast.supply
    layers = {layer.layer: layer for layer in plan.layers}
    by_day = {each.attack_day: each.probability for each in plan.stock_out}
    pinned = asked.permanent(forecast.origin, "")

    words = Words(t, plan)
    counts = Counter(assumption.basis for assumption in plan.assumptions)
    notices = [*supply_notes(forecast, t), *cautions(forecast, t)]
    lasting = numbers_id(shown.plan)
    if asked.id and asked.id not in (shown.plan_id, lasting):
        notices.append(
            t(
                "The link was made from plan {id}. The record, the model or the program has changed since, and so have "
                "the numbers.",
                id=asked.id[:12],
            )
        )
    return {
        "plan": plan,
        "forecast": forecast,
        "plan_id": shown.plan_id,
        "alone": bool(supply and supply.assumption_only),
        "last_report": _last_report(asked, shown, t),
        "trained": _model_age(asked, shown, t),
        "notices": notices,
        "not_for_orders": not_for_orders(forecast, t),
        "sentence": duty_sentence(plan, t.language),
        "ordered": [layer for layer in plan.layers if layer.order],
        "lasts": lambda days: f">{forecast.horizon}" if days is None else t.number(days),
        "arrives": lambda order: arrives(order, forecast, t),
        "out_by": lambda day, layer: by_day[day][layer],
        "rules_layer": layers[plan.rules_of_thumb.layer] if plan.rules_of_thumb else None,
        "layer_name": words.layer,
        "stops": lambda effect: leakers_avoided(effect, t),
        "frontier_marks": frontier_marks(worth, t) if worth else {},
        "cost_exchange": lambda layer: cost_exchange(layer, worth, t) if worth else "",
        "budget_mix": money_mix_sentence(plan, words),
        "find_out_first": found_out_first(plan.order_worth, words) if plan.order_worth else [],
        "ordered_of": {layer.layer: layer.order.quantity for layer in plan.layers if layer.order},
        "words": words,
        "supply": supply,
        "supply_now": supply and (supply.capacity_compatible or supply.capacity_stated),
        "counts": {name: counts[name] for name in ("reported", "derived", "assumed")},
        "cited": sorted({each.id: each for each in _cited_sources(plan)}.values(), key=lambda each: each.id),
        "alts": picture_alts(plan, other, shown.past, record.model if record else None, t.language),
        "sources": picture_sources(asked.theme),
        "fallback_theme": asked.theme or "light",
        "picture_url": picture_urls(asked, pinned, t.language),
        "other": other,
        "compared": list(comparison_rows(shown.plan, other, t)) if other else [],
        "name_of": lambda each: _scenario_title(each, t),
        "record": list(score_rows(record.model, t)) if record else None,
        "scoreboard": list(issued_score_rows(record.issued, t)) if record else None,
        "pinned": pinned.query,
        "downloads": [form for form in FORMS.values() if form.accepted],
        "permalink": asked.permanent(forecast.origin, lasting).query,
        "issued": shown.issued,
        "differences": defence_rows(shown.differences, asked.request, t),
        "own_defence": isinstance(asked.request.defence, Text) and forecast.theatre in BUNDLED_DEFENCES,
        **since_context(shown.since, plan, t),
    }


def _scenario_title(plan: PlanDocument, t: Translator) -> str:
    """What a plan was made under."""
    return t.stated(plan.forecast.supply.title) if plan.forecast.supply else t("none: the record alone")


def _last_report(asked: PageQuery, shown: PlanView, t: Translator) -> str:
    """Of which day the last report is, and how long ago that was where the newest was asked for."""
    forecast = shown.plan.forecast
    known = forecast.last_attack_day_known
    told = t("the last report") if known == forecast.origin else t("last report {day}", day=t.day(known))
    ago = (shown.today - known).days
    if asked.request.origin is not None or ago < 1:
        return told
    return f"{told}, {t.plural('{n} day ago', '{n} days ago', ago)}"


def _model_age(asked: PageQuery, shown: PlanView, t: Translator) -> str:
    """How old what the model has learned is, and whether it is the champion."""
    fitted = t("fitted through {day}", day=t.day(shown.plan.forecast.last_attack_day_known))
    if asked.request.model != CHAMPION:
        return fitted
    if shown.champion is None:
        return f"{fitted}, {t('no champion is registered yet')}"
    since = t.day(shown.champion.registered_at.date())
    return f"{fitted}, {t('champion {n} since {day}', n=shown.champion.version, day=since)}"


def _cited_sources(plan: PlanDocument) -> Iterable[Source]:
    yield from plan.sources
    if plan.forecast.supply:
        yield from plan.forecast.supply.sources


def _assumption_groups(found: list[Holdable], t: Translator) -> list[tuple[str, str, list[Holdable]]]:
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


def _number_name(scenario: ProductionScenario, key: str, t: Translator) -> str:
    """A number of a scenario: what it is about, what of it, and of which day where it has dated points."""
    key, _, day = key.partition(" of ") if _DATED.search(key) else (key, "", "")
    of, quantity = readable_name(scenario, key)
    said = f"{t.stated(of)}: {t(quantity)}" if of else t(quantity)
    return f"{said}, {t.day(date.fromisoformat(day))}" if day else said


def _short(value: float, t: Translator) -> str:
    """A stated number: 1,234; 0.25."""
    return t.number(value) if value >= 100 or value == int(value) else t.number(value, 2)
