"""How good a forecast was, over the scoringrules package. Lower is better for every score.

Observed counts of NaN (nothing was reported) are scored NaN and left out of means by whoever averages.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

QUANTILE_LEVELS = np.array([0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99])
"""The levels at which a forecast is scored."""

Scores = NDArray[np.float64]


def crps_from_paths(paths: NDArray[np.int64], observed: ArrayLike) -> Scores:
    """Continuous ranked probability score of an empirical sample (the fair estimator).

    Parameters
    ----------
    paths : (n_paths, horizon) array of int
        Simulated drones per day.
    observed : (horizon,) array_like
        Drones per day; NaN where nothing was reported, of this and all scores below.

    Returns
    -------
    (horizon,) array of float
        In drones.

    Raises
    ------
    ValueError
        Where the shapes do not match.

    References
    ----------
    Ferro (2014), Fair scores for ensemble forecasts, eq. 3, in its form by probability-weighted moments (Zamo and
    Naveau 2018), which needs no array of all pairs of paths.

    Examples
    --------
    Three paths of two days. They launch 0, 0 and 6 drones on the first: 8 that came are (8 + 8 + 2)/3 away on average,
    less half the average distance of two paths, 4. Nobody reported the second:

    >>> crps_from_paths(np.array([[0, 5], [0, 7], [6, 9]]), [8, np.nan])
    array([ 4., nan])
    """
    from scoringrules import crps_ensemble  # loads SciPy, which who reads a track record need not wait for

    values = _matching(paths, observed)
    ordered = np.sort(np.ascontiguousarray(paths.T), axis=1).astype(
        float
    )  # faster than scoringrules puts them in order
    crps = crps_ensemble(np.nan_to_num(values), ordered, estimator="pwm", sorted_ensemble=True)
    return _where_known(values, crps)


def pinball_loss(quantiles: ArrayLike, observed: ArrayLike, levels: ArrayLike) -> Scores:
    """Quantile score: level (y - q) where y >= q, (1 - level) (q - y) otherwise.

    Parameters
    ----------
    quantiles : (n_levels, horizon) array_like
        Drones per day.
    observed : (horizon,) array_like
        Drones per day.
    levels : (n_levels,) array_like
        Between 0 and 1.

    Returns
    -------
    (n_levels, horizon) array of float
        In drones.

    Raises
    ------
    ValueError
        Where the shapes do not match.

    References
    ----------
    Koenker and Bassett (1978), Regression Quantiles.

    Examples
    --------
    Ten drones more than the 95 % quantile cost nineteen times what ten fewer do:

    >>> pinball_loss([[100, 100]], [110, 90], [0.95])
    array([[9.5, 0.5]])
    """
    from scoringrules import quantile_score

    values = _matching(quantiles, observed)
    level_column = np.asarray(levels, dtype=float)[:, np.newaxis]
    losses = quantile_score(np.nan_to_num(values)[np.newaxis, :], np.asarray(quantiles, float), level_column)
    return _where_known(values, losses)


def wis(quantiles: ArrayLike, observed: ArrayLike, levels: ArrayLike = QUANTILE_LEVELS) -> Scores:
    """Weighted interval score: the mean over the levels of twice the pinball loss.

    With many levels it approaches the CRPS.

    Parameters
    ----------
    quantiles, observed, levels
        As of `pinball_loss`.

    Returns
    -------
    (horizon,) array of float
        In drones.

    References
    ----------
    Bracher, Ray, Gneiting and Reich (2021), Evaluating epidemic forecasts in an interval format, eq. 5 and 6.

    Examples
    --------
    Of the median alone it is the absolute error:

    >>> wis([[100]], [130], [0.5])
    array([30.])
    """
    mean: Scores = 2.0 * pinball_loss(quantiles, observed, levels).mean(axis=0)
    return mean


def wis_parts(quantiles: ArrayLike, observed: ArrayLike, levels: ArrayLike = QUANTILE_LEVELS) -> dict[str, Scores]:
    """The WIS as the sum of dispersion, overprediction and underprediction.

    Parameters
    ----------
    quantiles, observed
        As of `pinball_loss`.
    levels : (n_levels,) array_like
        Ascending and symmetric about 0.5, which is one of them; the pairs are the ends of central intervals.

    Returns
    -------
    dict of str to (horizon,) array of float
        In drones, for each part.

    Raises
    ------
    ValueError
        For other levels, or where the shapes do not match.

    References
    ----------
    Bracher, Ray, Gneiting and Reich (2021), eq. 4.

    Examples
    --------
    An 80 % interval of 60 to 160 about a median of 100, and 190 drones came:

    >>> parts = wis_parts([[60], [100], [160]], [190], [0.1, 0.5, 0.9])
    >>> {name: round(float(part[0]), 2) for name, part in parts.items()}
    {'dispersion': 6.67, 'overprediction': 0.0, 'underprediction': 50.0}
    """
    values = _matching(quantiles, observed)
    ends, level = np.asarray(quantiles, dtype=float), np.asarray(levels, dtype=float)
    n_pairs = level.size // 2
    if level.size % 2 == 0 or not np.allclose(level + level[::-1], 1.0):
        raise ValueError(f"levels {level}: expected an odd number of them, symmetric about 0.5")
    lower, median, upper = ends[:n_pairs], ends[n_pairs], ends[:n_pairs:-1]
    weight = 2.0 / level.size
    parts = {
        "dispersion": (level[:n_pairs, np.newaxis] * (upper - lower)).sum(axis=0),
        "overprediction": 0.5 * np.maximum(median - values, 0) + np.maximum(lower - values, 0).sum(axis=0),
        "underprediction": 0.5 * np.maximum(values - median, 0) + np.maximum(values - upper, 0).sum(axis=0),
    }
    return {name: _where_known(values, weight * part) for name, part in parts.items()}


def pit(paths: NDArray[np.int64], observed: ArrayLike, rng: np.random.Generator) -> Scores:
    """Randomised probability integral transform of counts: F(y - 1) + v (F(y) - F(y - 1)) with v uniform.

    Parameters
    ----------
    paths, observed
        As of `crps_from_paths`.
    rng : numpy.random.Generator
        Draws v.

    Returns
    -------
    (horizon,) array of float
        Uniform on (0, 1) for a calibrated forecast.

    References
    ----------
    Czado, Gneiting and Held (2009), Predictive model assessment for count data, eq. 1.

    Examples
    --------
    No path reaches what came:

    >>> pit(np.array([[10], [12]]), [30], np.random.default_rng(1))
    array([1.])
    """
    values = _matching(paths, observed)
    below, up_to = (paths < values).mean(axis=0), (paths <= values).mean(axis=0)
    return _where_known(values, below + rng.uniform(size=values.size) * (up_to - below))


def energy_score(paths: NDArray[np.int64], observed: ArrayLike) -> float:
    """Energy score of the whole path, with the fair mean over pairs.

    Parameters
    ----------
    paths, observed
        As of `crps_from_paths`; only the days that were reported count.

    Returns
    -------
    float
        In drones; NaN where no day was reported.

    References
    ----------
    Gneiting and Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation, eq. 22.

    Examples
    --------
    Two paths, 3 drones and 4 drones off on two days, are 5 off each; the distance of the two is 10, half of which is
    taken off:

    >>> energy_score(np.array([[103, 204], [97, 196]]), [100, 200])
    0.0
    """

    values = _matching(paths, observed)
    known = ~np.isnan(values)
    if not known.any():
        return float("nan")
    sample = paths[:, known].astype(float)
    return float(np.linalg.norm(sample - values[known], axis=1).mean() - 0.5 * _distances(sample).mean())


def brier_score(paths: NDArray[np.int64], observed: ArrayLike, threshold: int) -> float:
    """Brier score of the event "a day of at least so many drones within the horizon".

    Parameters
    ----------
    paths, observed
        As of `crps_from_paths`.
    threshold : int
        Drones.

    Returns
    -------
    float
        0 to 1; NaN when a day without a report leaves open whether it happened.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability.

    Examples
    --------
    Three of four paths have such a day, and one came:

    >>> brier_score(np.array([[450, 10], [10, 500], [400, 400], [10, 20]]), [430, 15], 400)
    0.0625
    """
    values = _matching(paths, observed)
    happened = bool((values >= threshold).any())
    if not happened and np.isnan(values).any():
        return float("nan")
    probability = float((paths >= threshold).any(axis=1).mean())
    return (probability - happened) ** 2


def covered(lower: ArrayLike, upper: ArrayLike, observed: ArrayLike) -> Scores:
    """Whether what came lies inside an interval; the mean is its coverage.

    Parameters
    ----------
    lower, upper : (n,) array_like
        The ends of the intervals, which belong to them.
    observed : (n,) array_like
        In the same unit.

    Returns
    -------
    (n,) array of float
        1 where lower <= observed <= upper, 0 where not, NaN where nothing was reported.

    Examples
    --------
    >>> covered([50, 50, 50], [90, 90, 90], [90, 91, np.nan])
    array([ 1.,  0., nan])
    """
    values = np.asarray(observed, dtype=float)
    return _where_known(values, ((np.asarray(lower) <= values) & (values <= np.asarray(upper))).astype(float))


_ROWS = 64
"""Paths whose distances to all others are reckoned at a time: they fit into a processor's cache."""


def _distances(sample: Scores) -> Scores:
    """(n (n - 1) / 2,) Euclidean distances of the rows of (n, n_days), in the order of `pdist`.

    Of whole drones every square and product is exact, in whatever order it is added up: what is pdist's to the last bit
    comes of matrix products, in half the time. Of counts whose squares no double holds, pdist itself.
    """
    n, n_days = sample.shape
    if 4.0 * n_days * sample.max() ** 2 >= 2.0**53 or not (sample == np.rint(sample)).all():
        from scipy.spatial.distance import pdist

        distances: Scores = pdist(sample)
        return distances
    squares, ones = (sample * sample).sum(axis=1), np.ones(n)
    left = np.column_stack([-2.0 * sample, squares, ones])
    right = np.vstack([sample.T, ones, squares])
    found, start = np.empty(n * (n - 1) // 2), 0
    for first in range(0, n, _ROWS):
        for row, of_row in enumerate(left[first : first + _ROWS] @ right[:, first:], 1):
            stop = start + n - first - row
            found[start:stop] = of_row[row:]
            start = stop
    return np.sqrt(found, out=found)


def _matching(forecast: ArrayLike, observed: ArrayLike) -> Scores:
    values = np.asarray(observed, dtype=float)
    if np.ndim(forecast) != 2 or values.ndim != 1 or np.shape(forecast)[1] != values.size:
        raise ValueError(
            f"forecast of shape {np.shape(forecast)} and observed of shape {values.shape}: "
            "expected (n, horizon) and (horizon,)"
        )
    return values


def _where_known(observed: Scores, scores: Scores) -> Scores:
    known: Scores = np.where(np.isnan(observed), np.nan, scores)
    return known
