"""Nights as reported, and layers to explain them, in a few words."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.defence.expected_kills import expected_kill_shares
from forecasting.defence.layers import Defence
from forecasting.losses.calibrated_defence import Calibration, Comparison
from forecasting.losses.reported_losses import ReportedLosses
from forecasting.losses.variation import Variation

ORIGIN = date(2026, 2, 28)
NO_LIMIT = 1e6
ALMOST_BINOMIAL = Variation(1.0001, 0.2)
STEADY = Variation(4.0, 0.01)
"""So little drift that all blocks tell of the same defence."""
Defences = Callable[..., Defence]


def jamming(kill: float | tuple[float, float, float]) -> dict[str, Any]:
    return {
        "id": "electronic_warfare",
        "engaged_share": 1.0,
        "kill_probability": kill,
        "engagements_per_night": NO_LIMIT,
    }


def firing(kill: float | tuple[float, float, float]) -> dict[str, Any]:
    return {"engaged_share": 1.0, "kill_probability": kill, "engagements_per_night": NO_LIMIT}


def losses(
    launched: Sequence[float] | NDArray[np.int64],
    shot_down: Sequence[float] | NDArray[np.float64] | None = None,
    suppressed: Sequence[float] | NDArray[np.float64] | None = None,
    neutralised: Sequence[float] | NDArray[np.float64] | None = None,
    last_day: date = ORIGIN,
) -> ReportedLosses:
    """Nights without a gap until the last day; what is not given was not told."""
    n = len(launched)

    def counts(given: Sequence[float] | NDArray[np.float64] | None) -> NDArray[np.float64]:
        return np.full(n, np.nan) if given is None else np.asarray(given, dtype=float)

    days = np.datetime64(last_day) - np.arange(n)[::-1]
    told = counts(shot_down), counts(suppressed), counts(neutralised)
    return ReportedLosses(days, np.asarray(launched, dtype=float), *told, counts(None))


def joined(*records: ReportedLosses) -> ReportedLosses:
    named = {each.name: [getattr(record, each.name) for record in records] for each in fields(ReportedLosses)}
    return ReportedLosses(**{name: np.concatenate(values) for name, values in named.items()})


def kill_draws(found: Calibration, layer: int = 0) -> NDArray[np.float64]:
    values: NDArray[np.float64] = found.posterior.values(found.defence)[layer]["kill_probability"]
    return values


def lost_share(found: Calibration) -> NDArray[np.float64]:
    """Of a small night, without chance."""
    values = found.posterior.values(found.defence)
    shares: NDArray[np.float64] = expected_kill_shares(found.defence, values, np.array([1.0])).sum(axis=0)[:, 0]
    return shares


def of(comparisons: Sequence[Comparison], period: str) -> Comparison:
    """The comparison of the nights of that code."""
    return next(each for each in comparisons if each.period.code == period)
