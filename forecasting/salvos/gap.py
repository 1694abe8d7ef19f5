"""Months without a report: how models are fitted across them. How unsure they are afterwards: `soundness`."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory

LONGEST_GAP = 28
"""Beyond so many unknown days the level before them says little about the days after them, and no model is learned or
scored there (`experiments.held_out`). An origin that far on is answered, as unsure as `soundness.level_doubt` has
it."""
MOST_GAP = 730
"""Beyond so many unknown days nothing is said."""


def bridge_gap(history: LaunchHistory) -> LaunchHistory:
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
        floor=history.floor[keep],
        covariates={name: values[keep] for name, values in history.covariates.items()},
    )


def _runs(where: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, one past the last) of each run of true values."""
    edges = np.flatnonzero(np.diff(where.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
