"""What it is worth to find out a number before the order is placed: the expected value of perfect information.

Of the decisions d with utilities U(d), EVPPI(x) = E_x[max_d E[U(d) | x]] - max_d E[U(d)]: how much better the best
decision for each x does than the one that is best on average. The inner expectation is a regression of U(d) on x over
the draws of the simulation (Strong, Oakley and Brennan 2014, Estimating multiparameter partial expected value of
perfect information from a probabilistic sensitivity analysis sample, Medical Decision Making 34), here on a cubic
spline. A regression fits noise too, which looks like information: what it finds in draws of x that are shuffled is
taken off, and how much that varies is the error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KNOTS = (1 / 3, 2 / 3)
"""Quantiles of x at which the spline bends."""
SHUFFLED = 16
SEED = 7
"""Of the shuffling: what is found is not to depend on the seed of a request."""


@dataclass(frozen=True, slots=True)
class Information:
    """What knowing one number is worth. layer_id: "" where it is of no layer. value: in the unit of the utilities; 0
    where it is no more than shuffled draws show. error: its standard error."""

    layer_id: str
    quantity: str
    value: float
    error: float

    @property
    def measurable(self) -> bool:
        """Whether it is more than four standard errors: what chance finds is skewed, and there are fifty numbers."""
        return self.value > 4.0 * self.error


def perfect_information(drawn: Mapping[tuple[str, str], Array], utilities: Array) -> list[Information]:
    """What each number is worth, the most first.

    Parameters
    ----------
    drawn : mapping of (str, str) to (n_paths,) array
        (layer, quantity) -> the value that each path has drawn; one that does not vary is left out.
    utilities : (n_decisions, n_paths) array
        Of each decision on each path, all in one unit.

    Returns
    -------
    list of Information

    Examples
    --------
    To act gains x, to do nothing gains nothing. Who knows x acts where it is positive, which is worth E[max(x, 0)], 0.4
    for a standard normal x; another number is worth nothing:

    >>> rng = np.random.default_rng(1)
    >>> x, other, noise = rng.standard_normal((3, 5_000))
    >>> found = perfect_information({("", "x"): x, ("", "other"): other}, np.stack([x + noise, np.zeros(5_000)]))
    >>> [(each.quantity, round(each.value, 1), each.measurable) for each in found]
    [('x', 0.4, True), ('other', 0.0, False)]
    """
    rng = np.random.default_rng(SEED)
    best = utilities[int(utilities.mean(axis=1).argmax())]
    gains = utilities - best  # beside the decision that is best on average
    gains = gains[np.ptp(gains, axis=1) > 0.0]
    shuffles = [np.arange(best.size), *(rng.permutation(best.size) for _ in range(SHUFFLED))]
    shuffled = np.stack([each[order] for each in gains for order in shuffles], axis=1) if gains.size else gains
    found = []
    for (layer_id, quantity), values in drawn.items():
        if np.ptp(values) == 0.0:
            continue
        basis, _ = np.linalg.qr(_spline(values))
        value, *by_chance = _best_known(basis, shuffled, len(gains))
        surplus = max(float(value - np.mean(by_chance)), 0.0)
        found.append(Information(layer_id, quantity, surplus, float(np.std(by_chance, ddof=1))))
    return sorted(found, key=lambda each: -each.value)


def _best_known(basis: Array, gains: Array, n_decisions: int) -> Array:
    """(n_orders,) for each order of the paths: the mean over the paths of the largest gain that is expected at their x.
    gains: (n_paths, n_decisions * n_orders); the best decision gains nothing, and no other more on average."""
    most = np.zeros((len(basis), 1 + SHUFFLED))
    if n_decisions:
        expected = basis @ (basis.T @ gains)
        for each in np.split(expected, n_decisions, axis=1):
            np.maximum(most, each, out=most)
    known: Array = most.mean(axis=0)
    return known


def _spline(values: Array) -> Array:
    """(n_paths, n_terms) of a cubic spline."""
    scaled = (values - values.mean()) / values.std()
    terms: Sequence[Array] = [scaled**power for power in range(4)]
    bends = [np.maximum(scaled - knot, 0.0) ** 3 for knot in np.quantile(scaled, KNOTS)]
    return np.stack([*terms, *bends], axis=1)
