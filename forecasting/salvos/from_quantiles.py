"""Joint paths from quantiles of single days: totals, stocks and orders rest on how the days go together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.lags import exponential_mean

LEVEL_HALF_LIFE = 28.0
WINDOW_DAYS = 730
"""Past days whose windows show how days go together."""
FEWEST_WINDOWS = 20
OUTERMOST = 0.05
"""Beyond the outermost level nothing is told of a tail: it must not be further in than this."""


def past_windows(history: LaunchHistory, horizon: int) -> NDArray[np.float64]:
    """How runs of days went together in the past, each relative to the level before it.

    Parameters
    ----------
    history : LaunchHistory
        As published by the origin; of it the last two years.
    horizon : int
        Attack days of a window.

    Returns
    -------
    (n_windows, horizon) array of float
        Counts over the exponentially weighted mean (half-life 28 days) up to the day before the window, so that a level
        that grew does not pass for dependence. Windows with an unknown day, or after a level of 0, are left out.
    """
    counts = history.launched
    levels = exponential_mean(counts, LEVEL_HALF_LIFE)
    starts = np.arange(max(1, counts.size - WINDOW_DAYS), counts.size - horizon + 1)
    windows = counts[starts[:, np.newaxis] + np.arange(horizon)]
    before = levels[starts - 1]
    usable = ~np.isnan(windows).any(axis=1) & (before > 0.0)
    kept: NDArray[np.float64] = windows[usable] / before[usable, np.newaxis]
    return kept


def paths_from_quantiles(
    quantiles: ArrayLike,
    levels: ArrayLike,
    n_paths: int,
    rng: np.random.Generator,
    *,
    order: ArrayLike | float,
) -> NDArray[np.int64]:
    """Joint paths that have given quantiles on each day.

    Parameters
    ----------
    quantiles : (n_levels, horizon) array_like
        Drones per day; sorted where they cross, straight between the levels, and flat beyond the outermost.
    levels : (n_levels,) array_like
        Ascending, between 0 and 1; the outermost at most 0.05 and at least 0.95.
    n_paths : int
        Simulated futures.
    rng : numpy.random.Generator
        Draws the order.
    order : (n_windows, horizon) array_like, or float
        What joins the days: past windows, such as `past_windows`, whose ranks are copied (Schaake shuffle); or the
        correlation of neighbouring days of a Gaussian copula, 0 for independent days and 1 for days that are all high
        or all low together.

    Returns
    -------
    (n_paths, horizon) array of int64
        Whole drones. Each column has the values of its day, whatever joins them.

    Raises
    ------
    InputError
        For quantiles, levels or an order that do not fit together.

    References
    ----------
    Clark, Gangopadhyay, Hay, Rajagopalan and Wilby (2004), The Schaake Shuffle, J. Hydrometeorology 5.

    Examples
    --------
    The days all high or all low together: the total of a path is one value twice.

    >>> days = [[0, 0], [10, 10], [20, 20]]
    >>> paths_from_quantiles(days, [0.05, 0.5, 0.95], 3, np.random.default_rng(1), order=1.0).sum(axis=1).tolist()
    [6, 20, 34]
    """
    values, probabilities = np.asarray(quantiles, dtype=float), np.asarray(levels, dtype=float)
    if values.ndim != 2 or probabilities.shape != values.shape[:1]:
        raise InputError(f"quantiles {values.shape} and levels {probabilities.shape}: expected a row for each level")
    if not (np.diff(probabilities) > 0).all() or probabilities[0] <= 0 or probabilities[-1] >= 1:
        raise InputError(f"levels {probabilities.tolist()}: expected ascending shares between 0 and 1")
    if probabilities[0] > OUTERMOST or probabilities[-1] < 1 - OUTERMOST:
        raise InputError(
            f"levels from {probabilities[0]:g} to {probabilities[-1]:g}: expected them to reach from {OUTERMOST:g} to "
            f"{1 - OUTERMOST:g}, or the tails would be made up"
        )
    if not np.isfinite(values).all() or values.min() < 0:
        raise InputError("a quantile is negative, or no number: expected drones")
    horizon = values.shape[1]
    shares = (np.arange(n_paths) + 0.5) / n_paths
    of_days = np.stack([np.interp(shares, probabilities, np.sort(of_day)) for of_day in values.T], axis=1)
    keys = _keys(order, (n_paths, horizon), rng)
    joined = np.empty((n_paths, horizon), dtype=np.int64)
    np.put_along_axis(joined, keys.argsort(axis=0, kind="stable"), np.rint(of_days).astype(np.int64), axis=0)
    return joined


def _keys(order: ArrayLike | float, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_paths, horizon) whose ranks on each day are those of the paths."""
    given = np.asarray(order, dtype=float)
    if given.ndim == 0:
        if not 0.0 <= given <= 1.0:
            raise InputError(
                f"order is {given}: expected a correlation of neighbouring days of 0 to 1, or past windows"
            )
        normals = rng.standard_normal(shape)
        keys = normals.copy()
        for day in range(1, shape[1]):
            keys[:, day] = given * keys[:, day - 1] + np.sqrt(1.0 - given**2) * normals[:, day]
        if given == 1.0:
            keys = np.repeat(np.sort(normals[:, :1], axis=0), shape[1], axis=1)
        return keys
    if given.ndim != 2 or given.shape[1] != shape[1] or len(given) < FEWEST_WINDOWS:
        raise InputError(
            f"past windows {given.shape}: expected at least {FEWEST_WINDOWS} of {shape[1]} days; or state a "
            "correlation of neighbouring days"
        )
    # Each window about equally often; ranks of equal values at random.
    chosen = np.concatenate([rng.permutation(len(given)) for _ in range(-(-shape[0] // len(given)))])[: shape[0]]
    windows = given[chosen]
    ties = rng.random(shape)
    ordered = np.lexsort((ties, windows), axis=0)
    ranks = np.empty(shape)
    np.put_along_axis(ranks, ordered, np.arange(shape[0], dtype=float)[:, np.newaxis], axis=0)
    return ranks
