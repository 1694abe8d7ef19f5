"""The published form of a raid of several classes of weapon: what comes, what each class takes, what gets through."""

import math
from typing import TYPE_CHECKING

from pydantic import Field

from forecasting.report.parts import Document
from forecasting.salvos.spread import Spread, spread

if TYPE_CHECKING:  # a kept document is read and told without what computes one
    from forecasting.defence.outcome import StockOutlook
    from forecasting.plan import Plan


class ThreatDocument(Document):
    """One class of weapon over the whole horizon, decoys among the drones."""

    weapon_class: str
    model_id: str | None = Field(description="of its own forecast; null where a stated rate stands for it")
    stated_per_week: float | None = Field(description="null where it is as its own forecast says")
    launched: Spread
    largest_night: Spread
    killed: Spread
    leakers: Spread = Field(description="that no layer kills, with the stock there is")
    leakers_without_shortage: Spread
    on_largest_nights: float | None = Field(
        description="part of the class on the tenth of the nights with most drones; null for the drones"
    )
    reported_on_largest_nights: float | None = Field(description="of the nights it was learned from; null as above")


class ClassUse(Document):
    """What one class of weapon takes of a layer. What concerns interceptors is null for a layer that uses none."""

    weapon_class: str
    engagements: Spread
    killed: Spread
    interceptors_needed: Spread | None = Field(description="had every layer enough of them")
    interceptors_used: Spread | None


def raid_document(plan: "Plan") -> list[ThreatDocument] | None:
    """What comes, the drones first; None where they come alone."""
    raid = plan.engagements.raid
    if raid is None:
        return None
    by_class = {each.weapon_class: each for each in plan.threats}
    made = []
    for number, name in enumerate(raid.classes):
        threat = by_class.get(name)
        paths = plan.forecast.paths if threat is None else threat.paths
        made.append(
            ThreatDocument(
                weapon_class=name,
                model_id=plan.forecast.model_id if threat is None else threat.model_id,
                stated_per_week=None if threat is None else threat.per_week,
                launched=spread(raid.launched[number]),
                largest_night=spread(paths.max(axis=1)),
                killed=spread(raid.actual.kills[number].sum(axis=0)),
                leakers=spread(raid.actual.leakers[number]),
                leakers_without_shortage=spread(raid.unlimited.leakers[number]),
                on_largest_nights=None if threat is None else _share_or_none(threat.on_largest),
                reported_on_largest_nights=None if threat is None else _share_or_none(threat.reported_on_largest),
            )
        )
    return made


def class_uses(plan: "Plan", index: int, stock: "StockOutlook | None") -> list[ClassUse] | None:
    """What each class that the layer of that number meets takes of it; None where the drones come alone."""
    raid = plan.engagements.raid
    if raid is None:
        return None
    return [
        ClassUse(
            weapon_class=name,
            engagements=spread(raid.actual.engagements[number, index]),
            killed=spread(raid.actual.kills[number, index]),
            interceptors_needed=spread(raid.unlimited.interceptors[number, index]) if stock else None,
            interceptors_used=spread(raid.actual.interceptors[number, index]) if stock else None,
        )
        for number, name in enumerate(raid.classes)
        if name in plan.defence.layers[index].classes
    ]


def _share_or_none(share: float) -> float | None:
    return None if math.isnan(share) else share
