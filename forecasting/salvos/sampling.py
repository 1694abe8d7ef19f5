"""Draws that several models share. All come from the generator that is handed in, day by day.

Random numbers belong to a path and a day: a longer horizon leaves the draws of the first days as they are. So each
array has a generator of its own (`Generator.spawn`), from which it takes the numbers of all paths for the first day,
then those for the second, and so on.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

LARGEST = 1e7
"""No day has more drones than this, whatever a model draws: a hundred times the largest count a report may state."""


def exponential_weights(n_days: int, half_life: float) -> NDArray[np.float64]:
    """(n_days,) weights that halve every half_life days into the past and sum to 1; the last is the newest.

    >>> exponential_weights(3, half_life=1).round(3)
    array([0.143, 0.286, 0.571])
    """
    weights = 0.5 ** (np.arange(n_days)[::-1] / half_life)
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def stratified_uniforms(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniforms on (0, 1) with one value in each n_paths-th of it per column, in random order (Latin hypercube sample,
    McKay, Beckman and Conover 1979): each day's distribution is nearly free of sampling noise, days are independent."""
    n_paths, horizon = shape
    draws = rng.random((horizon, 2, n_paths))
    stratified: NDArray[np.float64] = ((draws[:, 0].argsort(axis=1) + draws[:, 1]) / n_paths).T
    return stratified


def stratified_normals(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Standard normal draws (shape), stratified like `stratified_uniforms`."""
    normals: NDArray[np.float64] = ndtri(stratified_uniforms(shape, rng))
    return normals


def even_pairs(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniforms on (0, 1) (shape) of which each two days of a path, the first and the second and so on, have one in the
    lower half and one in the upper half, in random order: a large day is followed by a small one, or follows one.

    Totals of such days vary less than those of independent days.
    """
    n_paths, horizon = shape
    draws = rng.random((-(-horizon // 2), 3, n_paths))
    upper = draws[:, 0] < 0.5
    of_pairs = np.stack([draws[:, 1] + upper, draws[:, 2] + ~upper], axis=1) / 2.0
    even: NDArray[np.float64] = of_pairs.reshape(-1, n_paths)[:horizon].T
    return even


def normals(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Independent standard normal draws (shape)."""
    drawn: NDArray[np.float64] = rng.standard_normal(shape[::-1]).T
    return drawn


def uniforms(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Independent uniforms on [0, 1) (shape)."""
    drawn: NDArray[np.float64] = rng.random(shape[::-1]).T
    return drawn


def weighted_draws(
    values: NDArray[np.float64], weights: NDArray[np.float64], shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Stratified draws (shape) from the values, each with probability proportional to its weight."""
    cumulative = np.cumsum(weights)
    indices = np.searchsorted(cumulative, stratified_uniforms(shape, rng) * cumulative[-1], side="right")
    draws: NDArray[np.float64] = values[np.minimum(indices, values.size - 1)]
    return draws


def log_normal_kernel(draws: NDArray[np.float64], sd: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The draws times log-normal noise of mean 1: tails do not end at the largest value seen."""
    return draws * np.exp(sd * normals(draws.shape, rng) - sd * sd / 2)


def whole_drones(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rounds each value up or down at random so that its mean is kept; negative ones become 0."""
    clipped = np.clip(values, 0.0, LARGEST)
    whole = np.floor(clipped)
    rounded: NDArray[np.int64] = (whole + (uniforms(clipped.shape, rng) < clipped - whole)).astype(np.int64)
    return rounded
