"""Draws from a posterior whose unknowns are standard normal beforehand, by importance sampling.

From the normal approximation at the mode (Geweke 1989, Bayesian inference in econometric models using Monte Carlo
integration), then from a normal distribution with the moments of the draws so far (adaptive: Oh and Berger 1992), each
mixed with the prior so that no weight runs away (defensive: Owen and Zhou 2000, Safe and effective importance
sampling).
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Fit = Callable[[Array], Array]
"""(n_points, n) scores, standard normal beforehand -> (n_points,) log-likelihood, up to a constant."""
Sampler = Callable[[Fit, int, int, np.random.Generator], tuple[Array, float]]
"""`sample_posterior`, or what gives the same."""

_STEP = 0.25
_MOST_STEPS = 12
_FRACTIONS = 0.5 ** np.arange(6.0)
_LEAST_GAIN = 0.02
_SHARPNESS = 0.4
"""Part of the curvature at the mode that the first proposal has: its tails are the heavier."""
_STAGES = 3
_WIDENED = 1.1
_FROM_PRIOR = 0.1


def sample_posterior(fit: Fit, n: int, n_draws: int, rng: np.random.Generator) -> tuple[Array, float]:
    """(n_draws, n) equally likely draws, some of them several times, and how many independent ones they are worth (the
    effective sample size: Kong 1992, A note on importance sampling using standardized weights).
    """
    center, scale = _mode(fit, n)
    for stage in range(_STAGES):
        scores, log_prior_odds = _proposed(center, scale, n_draws, rng)
        log_weights = fit(scores) + log_prior_odds
        if stage < _STAGES - 1:
            center, scale = _moments(scores, center, scale, log_weights)
    weights = _normalised(log_weights)
    return scores[_resampled(weights, n_draws, rng)], float(1.0 / (weights @ weights))


def _mode(fit: Fit, n: int) -> tuple[Array, Array]:
    """(n,) the scores of highest posterior density, by Newton's method with differences over _STEP, and (n, n) the
    scale of a normal distribution there, wider than the second derivatives say where the likelihood tells.

    The scale is the symmetric root, which is unique: eigenvectors are not, and another processor gives others. With
    them the same seed would make other draws there.
    """
    steps = _STEP * np.eye(n)
    first, second = np.triu_indices(n, 1)
    around = np.concatenate([np.zeros((1, n)), steps, -steps, steps[first] + steps[second]])
    at, curvature = np.zeros(n), np.zeros((n, n))
    for _ in range(_MOST_STEPS):
        here, up, down, both = np.split(fit(at + around), [1, 1 + n, 1 + 2 * n])
        slope = (up - down) / (2.0 * _STEP) - at
        curvature = np.diag(2.0 * here - up - down)
        curvature[first, second] = curvature[second, first] = up[first] + up[second] - here - both
        curvature /= _STEP * _STEP
        move = np.linalg.solve(_raised(curvature) + np.eye(n), slope)
        trials = at + move * _FRACTIONS[:, np.newaxis]
        heights = fit(trials) - 0.5 * (trials**2).sum(axis=1)
        best = int(heights.argmax())
        gain = heights[best] - (here[0] - 0.5 * at @ at)
        if gain > 0:
            at = trials[best]
        if gain < _LEAST_GAIN:
            break
    values, vectors = np.linalg.eigh(_raised(curvature))
    return at, (vectors / np.sqrt(1.0 + _SHARPNESS * np.maximum(values, 0.0))) @ vectors.T


def _raised(curvature: Array) -> Array:
    """The nearest symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(curvature)
    found: Array = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return found


def _proposed(center: Array, scale: Array, n_draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """(n_draws, n) scores from Normal(center, scale scale'), and for a part from the prior; and (n_draws,) the log of
    prior over proposal density."""
    standard = rng.standard_normal((n_draws, center.size))
    from_prior = rng.random(n_draws) < _FROM_PRIOR
    scores = np.where(from_prior[:, np.newaxis], standard, center + standard @ scale.T)
    log_prior = -0.5 * (scores**2).sum(axis=1)
    log_normal = -0.5 * (np.linalg.solve(scale, (scores - center).T) ** 2).sum(axis=0) - np.linalg.slogdet(scale)[1]
    log_mixture = np.logaddexp(math.log1p(-_FROM_PRIOR) + log_normal, math.log(_FROM_PRIOR) + log_prior)
    return scores, log_prior - log_mixture


def _moments(scores: Array, center: Array, scale: Array, log_weights: Array) -> tuple[Array, Array]:
    """The center and scale of the weighted scores, the covariance drawn to the one that they were proposed with by as
    much as it rests on few of them."""
    weights = _tempered(log_weights)
    standard = np.linalg.solve(scale, (scores - center).T).T
    mean = weights @ standard
    own = float((weights @ weights) * center.size)
    covariance = (standard - mean).T @ ((standard - mean) * weights[:, np.newaxis])
    mixed = (covariance + own * np.eye(center.size)) / (1.0 + own)
    return center + scale @ mean, scale @ np.linalg.cholesky(_WIDENED * mixed)


def _normalised(log_weights: Array) -> Array:
    weights = np.exp(log_weights - log_weights.max())
    found: Array = weights / weights.sum()
    return found


def _tempered(log_weights: Array) -> Array:
    """The weights to the highest power, 1 at most, at which they are worth a twentieth of the draws."""
    power = 1.0
    while True:
        weights = _normalised(power * log_weights)
        if 1.0 / (weights @ weights) >= weights.size / 20:
            return weights
        power *= 0.9


def _resampled(weights: Array, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Systematic resampling (Kitagawa 1996): each draw n times its weight, rounded up or down."""
    points = (np.arange(n) + rng.random()) / n
    return np.minimum(np.searchsorted(np.cumsum(weights), points), weights.size - 1)
