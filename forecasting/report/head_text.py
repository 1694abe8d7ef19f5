"""The first lines of a forecast or a plan for a terminal: what it is, as of when, and what it was made by."""

from forecasting.report.assumption_text import shape_from
from forecasting.report.document import ForecastDocument
from forecasting.report.language import Translator
from forecasting.report.layout import wrap_line
from forecasting.report.supply_text import supply_notes
from forecasting.report.words import Words, assumption_prefix, cautions, full_weapon_name, theatre_name


def head_lines(title: str, document: ForecastDocument, words: Words) -> list[str]:
    """What it is, as of when, and what it was made by."""
    t = words.t
    silent = t("silent days: {rule}", rule=document.quiet_day_rule)
    scope = f"; {words(document.scope)}" if document.scope and not document.scope.values else ""
    return [
        _what(title, document, t),
        wrap_line(f"{t('as of {day}', day=t.day(document.origin))} ({_record(document, t)}; {silent}{scope})"),
        ", ".join(_made_by(document, t)),
        *map(wrap_line, (*supply_notes(document, t), *cautions(document, t))),
    ]


def short_head_lines(title: str, document: ForecastDocument, words: Words) -> list[str]:
    """The same without what is taken for a day without a report."""
    t = words.t
    as_of = f"{t('as of {day}', day=t.day(document.origin))} ({_record(document, t)})"
    return [
        _what(title, document, t),
        wrap_line(", ".join((as_of, *_made_by(document, t)))),
        *map(wrap_line, (*supply_notes(document, t), *cautions(document, t))),
    ]


def _what(title: str, document: ForecastDocument, t: Translator) -> str:
    supply = document.supply
    what = [
        f"{title}: {full_weapon_name(document.weapon_class, t)}",
        t("theatre {theatre}", theatre=theatre_name(document.theatre, t)),
        t.plural("{n} attack day", "{n} attack days", document.horizon),
        *([t("scenario {name}", name=supply.scenario)] if supply else []),
    ]
    return assumption_prefix(bool(supply and supply.assumption_only), t) + ", ".join(what)


def _record(document: ForecastDocument, t: Translator) -> str:
    known, borrowed = document.last_attack_day_known, shape_from(document)
    gap = (document.origin - known).days
    if borrowed:
        shape = t("shape of the salvos from {theatre}", theatre=theatre_name(borrowed, t))
        record = [shape, t("last attack day known there {day}", day=t.day(known))]
    else:
        record = [t("last attack day known {day}", day=t.day(known))]
    if gap:
        record.append(t.plural("{n} day before the origin", "{n} days before the origin", gap))
    return ", ".join(record)


def _made_by(document: ForecastDocument, t: Translator) -> tuple[str, ...]:
    return (
        t("model {model}", model=document.model_id) + _chosen(document, t),
        t.plural("{n} path", "{n} paths", document.n_paths),
        t("seed {seed}", seed=document.seed),
        t("data {digest}", digest=document.data_digest[:12]),
        f"salvocast {document.versions['salvocast']}",
    )


def _chosen(document: ForecastDocument, t: Translator) -> str:
    """Why it is this model, where the request did not name it."""
    choice = document.model_choice
    if choice is None or choice.reason == "named":
        return ""
    if choice.reason == "champion":
        return f" ({t('champion, version {version}', version=choice.version)})"
    return f" ({t('no champion is registered yet')})"
