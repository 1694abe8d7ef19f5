"""How good a forecast was, over the scoringrules package. Lower is better for every score.

Observed counts of NaN (nothing was reported) are scored NaN and left out of means by whoever averages.
"""

import numpy as np
import scoringrules
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist

QUANTILE_LEVELS = np.array([0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99])
"""The levels at which a forecast is scored."""

Scores = NDArray[np.float64]


def crps_from_paths(paths: NDArray[np.int64], observed: ArrayLike) -> Scores:
    """Continuous ranked probability score of an empirical sample.

    paths: (n_paths, horizon) drones per day; observed: (horizon,) drones per day, NaN where nothing was reported.
    Returns (horizon,) in drones. Raises ValueError when the shapes do not match. Fair estimator, Ferro (2014), eq. 3,
    in its form by probability-weighted moments (Zamo and Naveau 2018), which needs no array of all pairs of paths.

    Three paths of two days. They launch 0, 0 and 6 drones on the first: 8 that came are (8 + 8 + 2)/3 away on average,
    less half the average distance of two paths, 4. Nobody reported the second:

    >>> crps_from_paths(np.array([[0, 5], [0, 7], [6, 9]]), [8, np.nan])
    array([ 4., nan])
    """
    values = _matching(paths, observed)
    return _where_known(
        values, scoringrules.crps_ensemble(np.nan_to_num(values), paths.T.astype(float), estimator="pwm")
    )


def pinball_loss(quantiles: ArrayLike, observed: ArrayLike, levels: ArrayLike) -> Scores:
    """Quantile score (Koenker and Bassett 1978): level (y - q) where y >= q, (1 - level) (q - y) otherwise.

    quantiles: (n_levels, horizon); observed: (horizon,); levels: (n_levels,). Returns (n_levels, horizon) in drones.

    Ten drones more than the 95 % quantile cost nineteen times what ten fewer do:

    >>> pinball_loss([[100, 100]], [110, 90], [0.95])
    array([[9.5, 0.5]])
    """
    values = _matching(quantiles, observed)
    level_column = np.asarray(levels, dtype=float)[:, np.newaxis]
    losses = scoringrules.quantile_score(
        np.nan_to_num(values)[np.newaxis, :], np.asarray(quantiles, float), level_column
    )
    return _where_known(values, losses)


def wis(quantiles: ArrayLike, observed: ArrayLike, levels: ArrayLike = QUANTILE_LEVELS) -> Scores:
    """Weighted interval score: the mean over the levels of twice the pinball loss (Bracher et al. 2021, eq. 5 and 6).

    Shapes as `pinball_loss`; returns (horizon,) in drones. With many levels it approaches the CRPS. Of the median alone
    it is the absolute error:

    >>> wis([[100]], [130], [0.5])
    array([30.])
    """
    mean: Scores = 2.0 * pinball_loss(quantiles, observed, levels).mean(axis=0)
    return mean


def wis_parts(quantiles: ArrayLike, observed: ArrayLike, levels: ArrayLike = QUANTILE_LEVELS) -> dict[str, Scores]:
    """The WIS as the sum of dispersion, overprediction and underprediction (Bracher et al. 2021, eq. 4).

    levels: ascending and symmetric about 0.5, which is one of them; the pairs are the ends of central intervals.
    Returns (horizon,) in drones for each part.

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
    """Randomised probability integral transform of counts, uniform on (0, 1) for a calibrated forecast.

    F(y - 1) + v (F(y) - F(y - 1)) with v uniform (Czado, Gneiting and Held 2009, eq. 1). Shapes as `crps_from_paths`.
    """
    values = _matching(paths, observed)
    below, up_to = (paths < values).mean(axis=0), (paths <= values).mean(axis=0)
    return _where_known(values, below + rng.uniform(size=values.size) * (up_to - below))


def energy_score(paths: NDArray[np.int64], observed: ArrayLike) -> float:
    """Energy score of the whole path (Gneiting and Raftery 2007, eq. 22, with the fair mean over pairs), in drones.

    Shapes as `crps_from_paths`; only the days that were reported count. NaN when none was. Two paths, 3 drones and 4
    drones off on two days, are 5 off each; the distance of the two is 10, half of which is taken off:

    >>> energy_score(np.array([[103, 204], [97, 196]]), [100, 200])
    0.0
    """
    values = _matching(paths, observed)
    known = ~np.isnan(values)
    if not known.any():
        return float("nan")
    sample = paths[:, known].astype(float)
    return float(np.linalg.norm(sample - values[known], axis=1).mean() - 0.5 * pdist(sample).mean())


def brier_score(paths: NDArray[np.int64], observed: ArrayLike, threshold: int) -> float:
    """Brier (1950) score of the event "a day of at least `threshold` drones within the horizon".

    Shapes as `crps_from_paths`. NaN when a day without a report leaves open whether it happened.

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
    """1 where lower <= observed <= upper, 0 where not, NaN where nothing was reported; its mean is the coverage.

    >>> covered([50, 50, 50], [90, 90, 90], [90, 91, np.nan])
    array([ 1.,  0., nan])
    """
    values = np.asarray(observed, dtype=float)
    return _where_known(values, ((np.asarray(lower) <= values) & (values <= np.asarray(upper))).astype(float))


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
