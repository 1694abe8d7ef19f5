"""A raid of several classes of weapon as text for a terminal."""

from forecasting.report.document import PlanDocument
from forecasting.report.language import Translator
from forecasting.report.layout import spread_range, table, wrap_line
from forecasting.report.raid_document import ThreatDocument
from forecasting.report.words import Words, capital, weapon_name
from forecasting.salvos.spread import Spread


def raid_lines(document: PlanDocument, words: Words) -> list[str]:
    """What comes, and what each class takes of the layers; none where the drones come alone."""
    if not document.raid:
        return []
    t, horizon = words.t, document.forecast.horizon
    header = [t("class"), t("launched"), t("largest night"), t("killed"), t("gets through"), t("with no shortage")]
    header.append(t("on nights with most drones"))
    uses = [
        [
            words.layer(layer.layer),
            capital(weapon_name(each.weapon_class, t)),
            spread_range(each.engagements, 0.8, t),
            spread_range(each.killed, 0.8, t),
            *(_or_none(use, t) for use in (each.interceptors_needed, each.interceptors_used)),
        ]
        for layer in document.layers
        for each in layer.by_class or []
    ]
    return [
        t.plural("THE RAID BY CLASS, over {n} attack day", "THE RAID BY CLASS, over {n} attack days", horizon),
        *table(header, [_threat_cells(each, words) for each in document.raid], left=(0,)),
        *(wrap_line(line) for line in _notes(document.raid, words)),
        "",
        t("WHAT EACH CLASS TAKES, in order of engagement"),
        *table(
            [t("layer"), t("class"), t("engaged"), t("killed"), t("interceptors needed"), t("used")], uses, left=(0, 1)
        ),
        "",
    ]


def _or_none(use: Spread | None, t: Translator) -> str:
    return "-" if use is None else spread_range(use, 0.8, t)


def _threat_cells(threat: ThreatDocument, words: Words) -> list[str]:
    t, share, reported = words.t, threat.on_largest_nights, threat.reported_on_largest_nights
    joined = "-" if share is None else t.percent(share)
    if share is not None and reported is not None:
        joined += f" ({t.percent(reported)})"
    spreads = (threat.launched, threat.largest_night, threat.killed, threat.leakers, threat.leakers_without_shortage)
    return [capital(weapon_name(threat.weapon_class, t)), *(spread_range(each, 0.8, t) for each in spreads), joined]


def _notes(raid: list[ThreatDocument], words: Words) -> list[str]:
    t = words.t
    said = [
        t(
            "80 % ranges, decoys among the drones. on nights with most drones: what part of the class comes on the "
            "tenth of the nights with most drones, and on record lately. Stocks, supply and orders are of the whole "
            "raid."
        )
    ]
    said += [
        t(
            "{weapons}: {n} a week as stated, its nights as its own forecast has them.",
            weapons=capital(weapon_name(each.weapon_class, t)),
            n=t.figure(each.stated_per_week),
        )
        for each in raid
        if each.stated_per_week is not None and each.model_id is not None
    ]
    return said
