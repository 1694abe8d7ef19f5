"""A stock that was built up and is launched within days: what a theatre without a record has to expect of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.supply.coupling import CoupledPaths

USED_UP = 0.1
"""Share of the stock at the origin that is left when the surge is over."""


@dataclass(frozen=True, eq=False)
class Surge:
    """Path by path, (n_paths,). stock: drones that could be launched at the origin. days: until a tenth of them is
    left, or one more than the horizon where more is left at its end. in_surge: launches a day until then.
    afterwards: drones a day that output alone sustains on the last day of the horizon."""

    stock: NDArray[np.float64]
    days: NDArray[np.float64]
    in_surge: NDArray[np.float64]
    afterwards: NDArray[np.float64]


def surge_of(coupled: CoupledPaths) -> Surge:
    """How the stock of the origin is used up on the paths."""
    supply, horizon = coupled.supply, coupled.paths.shape[1]
    usable = 1.0 - supply.lost_before_launch
    stock = np.maximum(supply.opening - supply.minimum, 0.0) * usable
    over = coupled.launchable <= USED_UP * stock[:, np.newaxis]
    days = np.where(over.any(axis=1), over.argmax(axis=1) + 1, horizon + 1)
    within = np.minimum(days, horizon)
    so_far = np.take_along_axis(coupled.paths.cumsum(axis=1), within[:, np.newaxis] - 1, axis=1)[:, 0]
    afterwards = supply.weighed_inflow[:, -1] * usable + supply.as_stated[:, -1]
    return Surge(stock, days.astype(np.float64), so_far / within, afterwards)
