"""Months without a report: how models are fitted across them, and how wide their forecasts are afterwards."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.salvos.sampling import whole_drones

if TYPE_CHECKING:
    from forecasting.salvos.model import Fitted, SimulationRequest

LONGEST_GAP = 28
"""Beyond so many unknown days the level before them says nothing about the days after them any more."""
WALK = 0.04
"""Daily standard deviation of the log level while nobody reports: that of a calm year, so rather too little."""
SETTLED_DAYS = 91
"""Known days after which a gap says nothing more."""
OFFSET_SHARE = 0.2
"""Of the median count, added before the logarithm, so that quiet days do not rule it."""


def bridged(history: LaunchHistory) -> LaunchHistory:
    """The history with what is before a long gap moved up: whole weeks of it are left out until some 28 days remain.

    Models weigh days by their age. After months without a report all weight would be on the few days since, and a
    single one would make the ranges narrower than months of reports did. How much one day differs from another is, as
    far as anybody knows, still what it was.
    """
    unknown = np.isnan(history.launched)
    keep = np.ones(unknown.size, dtype=bool)
    for start, stop in _runs(unknown):
        keep[start : start + max(0, stop - start - LONGEST_GAP) // 7 * 7] = False
    if keep.all():
        return history
    return replace(
        history,
        first_day=history.first_day + timedelta(days=int((~keep).sum())),
        launched=history.launched[keep],
        neutralised=history.neutralised[keep],
        missiles=None if history.missiles is None else history.missiles[keep],
        armed_share=history.armed_share[keep],
    )


def level_spread(history: LaunchHistory) -> float:
    """The standard deviation of the log level that a long gap has left, after what is known since; 0 without one.

    While nobody reported, the level walked on; each day known since tells it, as well as one day can. Formula: normal
    prior and likelihood, 1 / (1 / (WALK^2 gap) + n / noise).
    """
    unknown = np.isnan(history.launched)
    gaps = [(start, stop) for start, stop in _runs(unknown) if stop - start > LONGEST_GAP]
    if not gaps or gaps[-1][0] == 0:
        return 0.0
    start, stop = gaps[-1]
    logs = np.log(history.known + max(1.0, OFFSET_SHARE * float(np.median(history.known))))
    noise, n_since = float(np.var(logs)), int((~unknown[stop:]).sum())
    if not noise or n_since >= SETTLED_DAYS:
        return 0.0
    return float((1.0 / (WALK**2 * (stop - start)) + n_since / noise) ** -0.5)


def _runs(where: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, one past the last) of each run of true values."""
    edges = np.flatnonzero(np.diff(where.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


@dataclass(frozen=True)
class AcrossGap:
    """A model fitted across a long gap. spread: standard deviation of the log level that it does not know of."""

    fitted: "Fitted"
    spread: float

    def simulate(self, request: "SimulationRequest", rng: np.random.Generator) -> NDArray[np.int64]:
        paths = self.fitted.simulate(request, rng).astype(np.float64)
        return whole_drones(paths * np.exp(self.spread * rng.standard_normal((request.n_paths, 1))), rng)
