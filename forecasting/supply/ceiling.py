"""What could be made at most: the output of no path is above it.

A walk on the logarithm has no upper end, but plants do. What is announced can be made at the upper ends of what is
stated of lines, workers and parts. What is not announced can only be told by how far output outran past statements.
"""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.production import draw_supply
from features.scenarios import ProductionScenario
from forecasting.supply.assimilation import BLOCK, FEWEST_KNOWN, FIRST_DOUBT, FORGETTING, blocks

Draws = NDArray[np.float64]

YEAR = 365
EVERY = 3 * BLOCK
"""Days between the past origins at which it is asked how far output outran what could be made as stated."""
LEAST_LATER = 6 * BLOCK
"""Days after a past origin before it is asked."""
STATED_ORIGINS = 4.0
"""For how many of them the scenario's own doubt of its numbers counts: a year of origins."""
SURELY = 2.58
"""Standard deviations of that excess which the ceiling allows for: 99 % of a half-normal. With 1.96 five of 27 past
origins had a month of the year after above their ceiling, with this one."""
_LESS_IS_MORE = {"capacity_lost", "parts_lost", "recovery_half_life", "ramp_up", "training", "learning_half_life"}


def output_ceiling(scenario: ProductionScenario, history: LaunchHistory, last_day: date, headroom: float) -> Draws:
    """(n_days,) drones per day that could reach the store at most, from the day after the history through last_day:
    what is stated at the upper ends, or `headroom` times the largest output on record, whichever is more."""
    origin = history.last_day
    made = most_stated(scenario.as_known(origin), history.theatre, origin, last_day)
    ceiling: Draws = np.maximum(made, headroom * largest_output(history))
    return ceiling


def learn_headroom(published: ProductionScenario, history: LaunchHistory) -> float:
    """How many times the largest output on record could be made without an announcement.

    At past origins, with what was published by then: by how much the largest block of the year after was above the
    ceiling without headroom, nothing where it was not. The logarithm of it is taken to be half-normal; before anything
    is known its scale is that of the published ratio of true to stated output.
    """
    ratio = published.output_ratio
    stated = FIRST_DOUBT if ratio is None else float(np.log(ratio.high / ratio.mode))
    weights, squares = [STATED_ORIGINS], [STATED_ORIGINS * stated**2]
    for back in range(LEAST_LATER, history.launched.size - LEAST_LATER + 1, EVERY):
        origin = history.last_day - timedelta(days=back)
        if origin < published.stock.opening.date:
            break
        last_day = min(origin + timedelta(days=YEAR), history.last_day)
        most = output_ceiling(published, history.until(origin), last_day, 1.0)
        later = history.after(origin, most.size)
        excess = max((np.log(each / most[days].mean()) for days, each in launches_by_block(later)), default=0.0)
        weights.append(FORGETTING ** (back / BLOCK))
        squares.append(weights[-1] * max(float(excess), 0.0) ** 2)
    return float(np.exp(SURELY * np.sqrt(sum(squares) / sum(weights))))


def most_stated(known: ProductionScenario, theatre: str, origin: date, last_day: date) -> Draws:
    """(n_days,) drones per day from the day after the origin, with every assumption of the scenario at that end of its
    range at which most is made."""
    bare = known.model_copy(update={"output_ratio": None})
    assumptions = draw_supply(bare, theatre, last_day, 1, 1).levels
    ends = {key: float(key.rpartition(".")[2] not in _LESS_IS_MORE) for key in assumptions}
    drawn = draw_supply(bare, theatre, last_day, 1, 1, ends)
    most: Draws = drawn.weighed_inflow[0, (origin - drawn.first_day).days + 1 :]
    return most


def largest_output(history: LaunchHistory) -> float:
    """Drones per day in the block of the record with most launches."""
    return max((each for _, each in launches_by_block(history.launched)), default=0.0)


def launches_by_block(launched: Draws) -> list[tuple[slice, float]]:
    """Launches per day in the blocks of which enough days are known."""
    known = [(days, launched[days][~np.isnan(launched[days])]) for days in blocks(launched.size)]
    return [(days, max(float(each.mean()), 1e-9)) for days, each in known if each.size >= FEWEST_KNOWN * BLOCK]
