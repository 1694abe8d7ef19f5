"""Growth that nobody announced: what was launched has outrun what was stated, and may go on doing so for a while.

Neither the salvo model nor the statements know of it. A damped trend of the record's months carries it on, ever less.
"""

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.supply.assimilation import BLOCK, FORGETTING
from forecasting.supply.ceiling import launches_by_block

Draws = NDArray[np.float64]

DAMPING = 0.8
"""Share of a month's growth that the next one has: the strongest damping that is customary (.8 to .98; Hyndman and
Athanasopoulos 2021, sec. 8.2), as growth that nobody announced is not to be relied on. Four months of it come."""
FEWEST_BLOCKS = 7
"""Months of 28 days without which nothing is said of growth: half a year of it."""


def damped_growth(history: LaunchHistory, horizon: int) -> Draws:
    """(horizon,) times the level of each day ahead: 1 in the first month, which is the salvo model's own, and from
    there on a damped trend of the logarithm of the record's months (Gardner and McKenzie 1985).

    The trend is the mean growth from month to month until the origin, recent ones counting more. It may be a decline.
    """
    # One drone more, so that a month without launches has a logarithm too.
    steps = np.diff(np.log([each + 1.0 for _, each in launches_by_block(history.launched)]))
    if steps.size + 1 < FEWEST_BLOCKS:
        return np.ones(horizon)
    trend = np.average(steps, weights=FORGETTING ** np.arange(steps.size)[::-1])
    months = np.arange(horizon // BLOCK + 2)
    grown = trend * (DAMPING - DAMPING ** (months + 1)) / (1.0 - DAMPING)
    growth: Draws = np.exp(np.interp(np.arange(1, horizon + 1), BLOCK * (months + 1), grown))
    return growth
