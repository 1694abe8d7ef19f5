"""Layers of a defence in a few words, and what the tests of the engine share."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.salvos.forecast import SalvoForecast

SalvosOf = Callable[..., SalvoForecast]
DefenceOf = Callable[..., Defence]
NO_LIMIT = 1e6

Stated = float | str | tuple[float, float, float]


def interceptors(
    share: Stated = 1.0,
    kill: Stated = 0.5,
    capacity: Stated = NO_LIMIT,
    each: Stated = 1.0,
    stock: Stated = NO_LIMIT,
    supply: Stated = 0.0,
) -> dict[str, Stated]:
    return jammer(share, kill, capacity) | {
        "interceptors_per_engagement": each,
        "stock": stock,
        "monthly_supply": supply,
        "unit_cost_usd": 1000.0,
    }


def jammer(share: Stated = 1.0, kill: Stated = 0.5, capacity: Stated = NO_LIMIT) -> dict[str, Stated]:
    return {"engaged_share": share, "kill_probability": kill, "engagements_per_night": capacity}


def armed(share: float | None, salvos: SalvoForecast) -> NDArray[np.float64] | None:
    return None if share is None else np.full((1, salvos.horizon), share)


def deviations_of(observed: float, expected: float, standard_error: float) -> float:
    return abs(observed - expected) / standard_error


def assert_binomial(counts: NDArray[np.int64], n: int, p: float) -> None:
    """Mean and variance within five standard errors of Binomial(n, p)."""
    variance = n * p * (1 - p)
    fourth = variance * (1 + 3 * (n - 2) * p * (1 - p))
    assert deviations_of(counts.mean(), n * p, np.sqrt(variance / counts.size)) < 5
    assert deviations_of(counts.var(), variance, np.sqrt((fourth - variance**2) / counts.size)) < 5


def same(first: Engagements, second: Engagements) -> bool:
    return all(
        np.array_equal(getattr(first.actual, name), getattr(second.actual, name))
        for name in ("engagements", "kills", "interceptors", "leakers")
    )
