"""Draws that several models share. All come from the generator that is handed in."""

import numpy as np
from numpy.typing import NDArray

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
    ranks = rng.random(shape).argsort(axis=0)
    uniforms: NDArray[np.float64] = (ranks + rng.random(shape)) / shape[0]
    return uniforms


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
    return draws * np.exp(sd * rng.standard_normal(draws.shape) - sd * sd / 2)


def whole_drones(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rounds each value up or down at random so that its mean is kept; negative ones become 0."""
    clipped = np.clip(values, 0.0, LARGEST)
    whole = np.floor(clipped)
    rounded: NDArray[np.int64] = (whole + (rng.random(clipped.shape) < clipped - whole)).astype(np.int64)
    return rounded
