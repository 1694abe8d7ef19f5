"""How much the share of drones lost varies where nothing is wrong: by night, phi, and from block to block, the drift.

Fitted to the record itself, without any defence; both are those of `forecasting.losses.calibration`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.special import expit, gammaln

from forecasting.losses.reported_losses import Array, ReportedLosses

BLOCK_DAYS = 28
VARIATION_DAYS = 364
"""Of the record that tells how much nights and blocks vary."""
USUAL_DRIFT, USUAL_DRIFT_COUNTS = 0.35, 4
"""Step of a block as it was from 2022-10 to 2024-08, and the number of steps that this counts for beside newer ones."""
LEAST_DRIFT = 0.05


@dataclass(frozen=True, slots=True)
class Variation:
    """How much shares vary where nothing is wrong. overdispersion: phi. drift: of the logit share, a block."""

    overdispersion: float
    drift: float


Vary = Callable[[ReportedLosses, date], Variation]
"""`fitted_variation`, or what gives the same."""


def fitted_variation(record: ReportedLosses, origin: date) -> Variation:
    """Of the record by itself, in the year before the origin.

    phi is the mode of its posterior, where every block of a style of reporting has a logit share of its own, and all
    have one slope in log size; phi - 1 is log-normal beforehand, around 5 by a factor e. The squared drift is the mean
    squared step from one block to the next of its style less what phi explains (a moment estimator, as DerSimonian and
    Laird 1986, Meta-analysis in clinical trials), steps weighed by how well they are known, and `USUAL_DRIFT_COUNTS` of
    the usual size beside them.
    """
    ages = record.ages(origin)
    year = (ages >= 0) & (ages < VARIATION_DAYS)
    record = record[year]
    groups, group = np.unique(
        np.stack([record.counts_all, ages[year] // BLOCK_DAYS]).astype(int), axis=1, return_inverse=True
    )
    n, size = groups.shape[1], np.log(record.launched / np.exp(np.log(record.launched).mean() if year.any() else 0.0))
    counts = np.stack([record.lost, record.launched - record.lost])
    member = np.arange(n)[:, np.newaxis] == group.ravel()

    def cost(parameters: Array) -> float:
        share = expit(parameters[:n] @ member + parameters[n] * size)
        fit = log_likelihood(counts, np.stack([share, 1.0 - share]), 1.0 + math.exp(parameters[n + 1]))
        held = np.append((parameters[:n] - 1.5) / 1.5, [parameters[n], parameters[n + 1] - math.log(5.0)])
        return float(0.5 * held @ held - fit.sum())

    from scipy.optimize import minimize  # of what is learned, which is kept

    best = minimize(cost, [1.5] * n + [0.0, math.log(5.0)], method="L-BFGS-B").x
    overdispersion, share = 1.0 + math.exp(float(best[n + 1])), expit(best[:n] @ member + best[n] * size)
    chance = overdispersion / (member @ (record.launched * share * (1.0 - share)))
    same = groups[0, 1:] == groups[0, :-1]
    by_chance = (chance[1:] + chance[:-1])[same]
    squares = (np.diff(best[:n])[same] ** 2 - by_chance) / np.diff(groups[1])[same]
    told = (1.0 + by_chance / USUAL_DRIFT**2) ** -2
    squared = (USUAL_DRIFT_COUNTS * USUAL_DRIFT**2 + told @ squares) / (USUAL_DRIFT_COUNTS + told.sum())
    return Variation(overdispersion, math.sqrt(max(squared, LEAST_DRIFT**2)))


def precision_of(launched: Array, overdispersion: float) -> Array:
    """(n_nights,) a + b of the beta distribution of the share; where a night is no larger than phi, that of a night
    of twice phi: all its drones but share one fate."""
    precision: Array = (np.maximum(launched, 2.0 * overdispersion) - overdispersion) / (overdispersion - 1.0)
    return precision


def log_likelihood(counts: Array, shares: Array, overdispersion: float) -> Array:
    """(..., n_nights) log-probability of the counts, (n_kinds, n_nights), but for what does not depend on the shares or
    phi. shares: (n_kinds, ..., n_nights), expected; both with the rest as a kind, so they sum to launched, and to 1."""
    launched = counts.sum(axis=0)
    precision = precision_of(launched, overdispersion)
    found: Array = np.asarray(gammaln(precision) - gammaln(precision + launched))
    for count, share in zip(counts, shares, strict=True):
        mass = np.maximum(share, 1e-6) * precision
        found = found + gammaln(count + mass) - gammaln(mass)
    return found
