"""Draws that several models share. All come from the generator that is handed in, day by day.

Random numbers belong to a path and a day: a longer horizon leaves the draws of the first days as they are. So each
array has a generator of its own (`Generator.spawn`), from which it takes the numbers of all paths for the first day,
then those for the second, and so on.
"""

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e7
"""No day has more drones than this, whatever a model draws: a hundred times the largest count a report may state."""


def exponential_weights(n_days: int, half_life: float) -> NDArray[np.float64]:
    """Weights that halve every so many days into the past.

    Parameters
    ----------
    n_days : int
        Number of weights.
    half_life : float
        Days.

    Returns
    -------
    (n_days,) array of float
        They sum to 1; the last is the newest.

    Examples
    --------
    >>> exponential_weights(3, half_life=1).round(3)
    array([0.143, 0.286, 0.571])
    """
    weights = 0.5 ** (np.arange(n_days)[::-1] / half_life)
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def stratified_uniforms(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniforms on (0, 1) with one value in each n_paths-th of it per day, in random order (Latin hypercube sample).

    Each day's distribution is nearly free of sampling noise; days are independent.

    Parameters
    ----------
    shape : (int, int)
        Paths and days, of this and all arrays below.
    rng : numpy.random.Generator
        Read day by day, so that a longer horizon leaves the first days as they are.

    Returns
    -------
    (n_paths, horizon) array of float

    References
    ----------
    McKay, Beckman and Conover (1979), A Comparison of Three Methods for Selecting Values of Input Variables,
    Technometrics 21(2).

    Examples
    --------
    >>> draws = stratified_uniforms((4, 1), np.random.default_rng(1))
    >>> sorted((4 * draws[:, 0]).astype(int).tolist())
    [0, 1, 2, 3]
    """
    n_paths, horizon = shape
    draws = rng.random((horizon, 2, n_paths))
    stratified: NDArray[np.float64] = ((draws[:, 0].argsort(axis=1) + draws[:, 1]) / n_paths).T
    return stratified


def stratified_normals(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Standard normal draws, stratified like `stratified_uniforms`.

    Parameters
    ----------
    shape, rng
        As of `stratified_uniforms`.

    Returns
    -------
    (n_paths, horizon) array of float
    """
    from scipy.special import ndtri  # not for who asks a model no more than its name

    normals: NDArray[np.float64] = ndtri(stratified_uniforms(shape, rng))
    return normals


def even_pairs(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniforms on (0, 1) of which a large day is followed by a small one, or follows one.

    Of each two days of a path, the first and the second and so on, one is in the lower half and one in the upper half,
    in random order. Totals of such days vary less than those of independent days.

    Parameters
    ----------
    shape, rng
        As of `stratified_uniforms`.

    Returns
    -------
    (n_paths, horizon) array of float

    Examples
    --------
    >>> pairs = even_pairs((5, 2), np.random.default_rng(1))
    >>> ((pairs > 0.5).sum(axis=1) == 1).all()
    np.True_
    """
    n_paths, horizon = shape
    draws = rng.random((-(-horizon // 2), 3, n_paths))
    upper = draws[:, 0] < 0.5
    of_pairs = np.stack([draws[:, 1] + upper, draws[:, 2] + ~upper], axis=1) / 2.0
    even: NDArray[np.float64] = of_pairs.reshape(-1, n_paths)[:horizon].T
    return even


def normals(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Independent standard normal draws.

    Parameters
    ----------
    shape, rng
        As of `stratified_uniforms`.

    Returns
    -------
    (n_paths, horizon) array of float
    """
    drawn: NDArray[np.float64] = rng.standard_normal(shape[::-1]).T
    return drawn


def uniforms(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Independent uniforms on [0, 1).

    Parameters
    ----------
    shape, rng
        As of `stratified_uniforms`.

    Returns
    -------
    (n_paths, horizon) array of float
    """
    drawn: NDArray[np.float64] = rng.random(shape[::-1]).T
    return drawn


def weighted_draws(
    values: NDArray[np.float64], weights: NDArray[np.float64], shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Stratified draws from values that are not equally likely.

    Parameters
    ----------
    values : (n_values,) array of float
        What is drawn.
    weights : (n_values,) array of float
        Each value is drawn with probability proportional to its weight.
    shape, rng
        As of `stratified_uniforms`.

    Returns
    -------
    (n_paths, horizon) array of float

    Examples
    --------
    >>> weighted_draws(np.array([10.0, 20.0]), np.array([1.0, 3.0]), (4, 1), np.random.default_rng(1)).sum()
    np.float64(70.0)
    """
    cumulative = np.cumsum(weights)
    indices = np.searchsorted(cumulative, stratified_uniforms(shape, rng) * cumulative[-1], side="right")
    draws: NDArray[np.float64] = values[np.minimum(indices, values.size - 1)]
    return draws


def log_normal_kernel(draws: NDArray[np.float64], sd: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The draws times log-normal noise of mean 1: tails do not end at the largest value seen.

    Parameters
    ----------
    draws : (n_paths, horizon) array of float
        In any unit.
    sd : float
        Standard deviation of the log of the noise.
    rng : numpy.random.Generator
        As of `stratified_uniforms`.

    Returns
    -------
    (n_paths, horizon) array of float
        In the unit of the draws.
    """
    return draws * np.exp(sd * normals(draws.shape, rng) - sd * sd / 2)


def whole_drones(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rounds each value up or down at random so that its mean is kept.

    Parameters
    ----------
    values : (n_paths, horizon) array of float
        Drones; negative ones become 0, and none is above LARGEST.
    rng : numpy.random.Generator
        As of `stratified_uniforms`.

    Returns
    -------
    (n_paths, horizon) array of int64
        Drones.

    Examples
    --------
    >>> whole_drones(np.array([[-3.0, 7.0]]), np.random.default_rng(1))
    array([[0, 7]])
    """
    clipped = np.clip(values, 0.0, LARGEST)
    whole = np.floor(clipped)
    rounded: NDArray[np.int64] = (whole + (uniforms(clipped.shape, rng) < clipped - whole)).astype(np.int64)
    return rounded
