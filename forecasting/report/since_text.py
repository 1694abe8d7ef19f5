"""What has changed since an issued plan, as lines for a terminal."""

from collections.abc import Mapping

from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator
from forecasting.report.layout import plural, wrap_line
from forecasting.report.since_document import Change, SinceDocument
from forecasting.report.words import Words, weapon_name

NEW_SHOWN = 3
"""New reports named, the largest of them."""
CAUSE_WORDS: Mapping[str, str] = {
    "program": "by the program and the model that serves",
    "day_passed": "because days have passed",
    "new_reports": "by new reports",
    "stock": "by stock, supply and deliveries",
    "defence": "by the defence or the scenario",
    "asked": "by what else is asked",
}


def since_lines(document: PlanDocument, words: Words) -> list[str]:
    """Every change with its parts, in the order in which they were tried; none where nobody asked."""
    since, t = document.since, words.t
    if since is None:
        return []
    head = t(
        "SINCE THE PLAN of {day} ({id}), issued on {issued}",
        day=t.day(since.origin),
        id=since.id[:12],
        issued=t.day(since.issued_at.date()),
    )
    lines = [wrap_line(new_reports_line(since, t))]
    lines += [wrap_line(f"- {change_line(each, document, words)}") for each in since.changes]
    if not since.changes:
        lines.append(t("Nothing else has changed."))
    return [
        "",
        head,
        *lines,
        wrap_line(t("One thing is changed at a time, in this order, with the same random numbers.")),
    ]


def new_reports_line(since: SinceDocument, t: Translator) -> str:
    """How many reports are new, and the largest of them."""
    largest = sorted(since.new_reports, key=lambda each: -each.launched)[:NEW_SHOWN]
    told = "; ".join(t("{n} on {day}", n=t.number(each.launched), day=t.day(each.attack_day)) for each in largest)
    new = t.plural("{n} new report", "{n} new reports", len(since.new_reports))
    return f"{new}: {told}." if told else f"{new}."


def change_line(change: Change, document: PlanDocument, words: Words) -> str:
    """27 -> 31 air-to-air missiles: +5 by new reports, -1 because days have passed; noise 1."""
    t = words.t
    what = t("{weapons} over the whole horizon", weapons=weapon_name(document.forecast.weapon_class, t))
    if change.layer is not None:
        names = {layer.layer: layer.interceptor for layer in document.layers}
        what = t.stated(plural(names.get(change.layer) or change.layer))
    parts = [f"{_signed(value, words)} {t(CAUSE_WORDS[cause])}" for cause, value in change.parts.items()]
    said = f"{t.number(change.before)} -> {t.number(change.after)} {what}: {', '.join(parts)}"
    return said + ("" if change.noise is None else t("; noise {n}", n=t.number(change.noise))) + "."


def _signed(value: float, words: Words) -> str:
    return f"{'+' if value > 0 else '-'}{words.t.number(abs(value))}"
