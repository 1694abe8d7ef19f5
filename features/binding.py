"""What holds a plant back, and when: its lines, its parts, its workforce, or the beds that the workforce waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import numpy as np

from features.production import Assumptions, Limit, Spell, Supply
from features.scenario_parts import DAYS_PER_MONTH, Facility
from features.scenarios import ProductionScenario
from features.stock_flow import Draws

Cause = Literal["line", "parts", "workforce", "beds"]
"""What can hold a plant back; `beds`: its workforce, while workers who have come wait for a bed."""
N_DRAWS = 300
"""As stated, not weighed by the record: a share is known to within three points of per cent (standard error)."""
FELT = 0.99
"""Of what the lines can make: a limit above that is not felt."""


@dataclass(frozen=True)
class Holdback:
    """What holds a plant back on a day. Numbers are medians over the draws, as stated.

    Parameters
    ----------
    facility : str
        Its id.
    day : date
        The day.
    cause : {"line", "parts", "workforce", "beds"}
        What is the least in most draws.
    share : float
        In how many of the draws it is, 0 to 1.
    allowed : mapping of str to float
        Limit -> drones a month that it allows; what is not stated is left out.
    beds, waiting : float, optional
        Beds, and workers who have come and wait for one; None where no rooms are stated.
    """

    facility: str
    day: date
    cause: Cause
    share: float
    allowed: Mapping[Limit, float]
    beds: float | None = None
    waiting: float | None = None


def holdbacks(
    scenario: ProductionScenario,
    theatre: str,
    days: Sequence[date],
    seed: int,
    fixed: Mapping[str, float] | None = None,
) -> tuple[Holdback, ...]:
    """What holds back each plant that has more than its lines stated and makes drones for a theatre.

    Parameters
    ----------
    scenario : ProductionScenario
        As known.
    theatre : str
        Its id.
    days : sequence of date
        To look at, in order; none before the account opens.
    seed : int
        Of the draws: those of `draw_supply` with this seed.
    fixed : mapping of str to float, optional
        See `draw_supply`.

    Returns
    -------
    tuple of Holdback
        Plant by plant, in the order of the file, and day by day.
    """
    first_day = scenario.stock.opening.date
    assumed = Assumptions(N_DRAWS, seed, fixed or {})
    drawn = Supply(scenario, theatre, (days[-1] - first_day).days + 1, assumed)
    found: list[Holdback] = []
    for facility in scenario.facilities:
        if not drawn.share_of(facility).any():
            continue
        limits = drawn.limits(facility)[1]
        if len(limits) == 1:
            continue
        spells = _spells(drawn, facility)
        each = [_on(facility.id, limits, spells, day, (day - first_day).days) for day in days]
        # What is left of a blow years ago holds nobody back.
        if facility.workforce or facility.parts or any(one.cause != "line" for one in each):
            found += each
    return tuple(found)


def _spells(drawn: Supply, facility: Facility) -> Sequence[Spell]:
    """Of the beds of a facility; none where no rooms are stated."""
    if facility.workforce is None or not facility.workforce.rooms:
        return ()
    return [*drawn.housing(f"facility {facility.id}.workforce", facility.workforce)]


def _on(facility: str, limits: Mapping[Limit, Draws], spells: Sequence[Spell], day: date, index: int) -> Holdback:
    allowed = {name: made[:, index] for name, made in limits.items()}
    least = np.minimum.reduce([*allowed.values()])
    causes = np.array([*allowed])[np.argmin([*allowed.values()], axis=0)].astype(object)
    causes[least >= FELT * allowed["line"]] = "line"
    beds = waiting = None
    if spells:
        beds = waiting = 0.0
        if now := [spell for spell in spells if spell.first <= index]:
            causes[(causes == "workforce") & (now[-1].waiting[:, 0] > 0)] = "beds"
            beds, waiting = (float(np.median(each)) for each in (now[-1].beds, now[-1].waiting))
    shares = {cause: float((causes == cause).mean()) for cause in get_args(Cause)}
    cause = max(shares, key=lambda each: shares[each])
    medians = {name: float(np.median(made)) * DAYS_PER_MONTH for name, made in allowed.items()}
    return Holdback(facility, day, cause, shares[cause], medians, beds, waiting)
