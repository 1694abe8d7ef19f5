"""What part of the drones is armed: as reported last, and as a scenario moves it from there."""

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.supply.scenario_forecast import SuppliedForecast

Array = NDArray[np.float64]
LAST_NIGHTS = 28
"""Days with a report that the share is taken from."""
ARMED_SHARE_DAYS = 91
"""A share of armed drones that was told longer ago says nothing of tonight's."""


def armed_share_of(history: LaunchHistory, supplied: SuppliedForecast | None, horizon: int) -> Array | None:
    """(n_paths or 1, horizon) as reported last, and moved from there by as much as the scenario moves it; where nothing
    is reported, as the scenario has it; None where neither says.

    A share that falls keeps that part of the armed drones, a share that rises that part of the decoys, which leaves it
    between 0 and 1.
    """
    reported = None if supplied and supplied.assumption_only else reported_armed_share(history)
    if supplied is None:
        return None if reported is None else np.full((1, horizon), reported)
    share = supplied.coupled.armed_share
    if reported is None:
        return share
    first = share[:, :1]
    kept = np.divide(share, first, out=np.ones_like(share), where=first > 0)
    decoys = np.divide(1.0 - share, 1.0 - first, out=np.ones_like(share), where=first < 1)
    return np.where(share <= first, reported * kept, 1.0 - (1.0 - reported) * decoys)


def reported_armed_share(history: LaunchHistory) -> float | None:
    """Armed drones among those launched on the last LAST_NIGHTS days that tell both; None where none of the last
    ARMED_SHARE_DAYS does."""
    recent = slice(-ARMED_SHARE_DAYS, None)
    share, launched = history.armed_share[recent], history.launched[recent]
    told = np.flatnonzero(~np.isnan(share) & (launched > 0))[-LAST_NIGHTS:]
    if not told.size:
        return None
    # A few reports tell more armed drones than drones, by those of the night before.
    return float(min(share[told] @ launched[told] / launched[told].sum(), 1.0))
