"""How good a model has been of late: what it would have said each week, with what was known then, and what came."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from features.errors import SalvocastError
from features.history import LaunchHistory
from forecasting.record.scores import QUANTILE_LEVELS, wis
from forecasting.salvos.model import REFERENCE_MODEL, Model, SimulationRequest, forecast, load_model
from forecasting.salvos.spread import Spread, spread

PERIOD_DAYS = 90
EVERY_DAYS = 7
"""Between origins, and how far ahead each forecast looks: the outcomes of two origins share no day."""


@dataclass(frozen=True)
class PastForecast:
    """One target of a past forecast, and what came. Drones.

    horizon: the day `origin` + horizon, or the total of the days until then. wis, reference_wis: weighted interval
    score of the forecast, and of the reference model from the same origin.
    """

    origin: date
    horizon: int
    forecast: Spread
    observed: float
    wis: float
    reference_wis: float

    def is_covered(self, level: float) -> bool:
        """Whether what came lies within the central interval of that level."""
        interval = self.forecast.interval(level)
        return interval.low <= self.observed <= interval.high


@dataclass(frozen=True)
class TrackRecord:
    """The forecasts of one model from weekly origins, oldest first; targets that are not known yet are left out.

    totals: of 7 attack days, one per origin. days: each of them alone. failures: origin and reason, where the model or
    the reference could not be fitted; no other model stands in for it.
    """

    model_id: str
    totals: tuple[PastForecast, ...]
    days: tuple[PastForecast, ...]
    failures: tuple[tuple[date, str], ...]


def coverage(targets: Sequence[PastForecast], level: float) -> float:
    """Share of the targets, at least one, within their central interval of that level."""
    return sum(target.is_covered(level) for target in targets) / len(targets)


def skill(targets: Sequence[PastForecast]) -> float | None:
    """1 less the WIS over that of the reference: 0.1 is a tenth better. None where the reference was never wrong."""
    reference = sum(target.reference_wis for target in targets)
    return 1.0 - sum(target.wis for target in targets) / reference if reference else None


def track_record(
    model: Model,
    history_at: Callable[[date], LaunchHistory],
    truth: LaunchHistory,
    *,
    n_paths: int = 500,
    seed: int = 1,
) -> TrackRecord:
    """The record of a model over the last 90 days of `truth`: fitted anew each week, scored by what is known now.

    history_at: what was published by an origin (Ledger.history). The model that is served has learnt from these very
    days; a fit at each origin has not, so that this is what its recipe is worth and not how well it remembers.
    """
    request = SimulationRequest(EVERY_DAYS, n_paths)
    reference = load_model(REFERENCE_MODEL)
    totals: list[PastForecast] = []
    days: list[PastForecast] = []
    failures = []
    for back in range(PERIOD_DAYS // EVERY_DAYS * EVERY_DAYS, 0, -EVERY_DAYS):
        origin = truth.last_day - timedelta(days=back)
        if origin < truth.first_day:
            continue
        try:
            history = history_at(origin)
            made, simple = (forecast(each, history, request, seed).paths for each in (model, reference))
        except SalvocastError as error:
            failures.append((origin, str(error)))
            continue
        came = truth.since(origin + timedelta(days=1)).launched[:EVERY_DAYS]
        days += _targets(origin, range(1, EVERY_DAYS + 1), made, simple, came)
        totals += _targets(origin, [EVERY_DAYS], *(each.sum(axis=-1, keepdims=True) for each in (made, simple, came)))
    return TrackRecord(model.model_id, tuple(totals), tuple(days), tuple(failures))


def _targets(
    origin: date,
    horizons: Sequence[int],
    paths: NDArray[np.int64],
    reference: NDArray[np.int64],
    came: NDArray[np.float64],
) -> list[PastForecast]:
    """paths, reference: (n_paths, n) drones; horizons, came: (n,), NaN where not known."""
    error, simple = (wis(np.quantile(each, QUANTILE_LEVELS, axis=0), came) for each in (paths, reference))
    return [
        PastForecast(
            origin, horizon, spread(paths[:, step]), float(came[step]), float(error[step]), float(simple[step])
        )
        for step, horizon in enumerate(horizons)
        if not np.isnan(came[step])
    ]
