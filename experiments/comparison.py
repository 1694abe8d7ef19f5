"""Whether one model is better than another: paired over the same origins, with its uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

GROUPS = 8
"""Of neighbouring origins, whose means are compared: few enough that each spans several times the overlap."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean score of a model less that of another over the same origins; negative means the model is better.

    Parameters
    ----------
    n : int
        Origins.
    mean : float
        In the unit of the scores.
    standard_error : float
        Of the mean, with the overlap of neighbouring origins allowed for.
    p_value : float
        Two-sided, that the mean is 0.
    low, high : float
        95 % interval of the mean: the differences that the test does not reject at 5 %, so that the two always agree.
    """

    n: int
    mean: float
    standard_error: float
    p_value: float
    low: float
    high: float


def diebold_mariano(differences: NDArray[np.float64], overlap: int) -> tuple[float, float]:
    """Standard error of a mean difference, and the p-value of the Diebold-Mariano test that it is zero.

    Long-run variance with the Bartlett kernel, which cannot be negative; correction for small samples and Student's t
    with n - 1 degrees of freedom.

    Parameters
    ----------
    differences : (n_origins,) array of float
        Score of one model less that of the other, in the order of the origins.
    overlap : int
        How many later origins share outcomes with one (28 days from origins 14 days apart: 1).

    Returns
    -------
    (float, float)
        Standard error in the unit of the scores, and the two-sided p-value.

    References
    ----------
    Diebold and Mariano (1995), Comparing Predictive Accuracy; Harvey, Leybourne and Newbold (1997), Testing the
    equality of prediction mean squared errors.

    Examples
    --------
    Four origins that share no outcome:

    >>> error, p_value = diebold_mariano(np.array([-2.0, -1.0, -3.0, -2.0]), overlap=0)
    >>> round(error, 3), round(p_value, 3)
    (0.408, 0.016)
    """
    n = differences.size
    centred = differences - differences.mean()
    variance = float(centred @ centred) / n
    for lag in range(1, min(overlap, n - 1) + 1):
        variance += 2.0 * (1.0 - lag / (overlap + 1)) * float(centred[lag:] @ centred[:-lag]) / n
    steps = overlap + 1
    correction = (n + 1 - 2 * steps + steps * (steps - 1) / n) / n
    if variance <= 0.0 or correction <= 0.0:
        return 0.0, 1.0 if differences.mean() == 0.0 else float("nan")
    error = float(np.sqrt(variance / n / correction))
    return error, float(2.0 * student_t.sf(abs(differences.mean()) / error, df=n - 1))


def p_value_of_groups(differences: NDArray[np.float64], overlap: int) -> float:
    """One-sided p-value against "the model is no better", from the means of groups of neighbouring origins.

    Student's t on the means of up to GROUPS groups, each of more origins than overlap: it asks nothing of the
    dependence within a group, nor of equal variances, as where the level grows. With 52 weekly origins of 28 days it
    keeps small levels, which `diebold_mariano` does not.

    Parameters
    ----------
    differences, overlap
        As of `diebold_mariano`.

    Returns
    -------
    float
        1 where the groups cannot tell: there are not two, or all are equal.

    References
    ----------
    Ibragimov and Müller (2010), t-Statistic Based Correlation and Heterogeneity Robust Inference, J. Business &
    Economic Statistics 28.
    """
    n_groups = min(GROUPS, differences.size // (overlap + 1))
    if n_groups < 2:
        return 1.0
    means = np.array([group.mean() for group in np.array_split(differences, n_groups)])
    error = float(means.std(ddof=1) / np.sqrt(n_groups))
    if error <= 1e-12 * float(np.abs(means).max()):
        return 1.0
    return float(student_t.cdf(means.mean() / error, df=n_groups - 1))


def paired_difference(model: NDArray[np.float64], other: NDArray[np.float64], overlap: int) -> PairedDifference:
    """Compares the scores of two models over the same origins.

    Parameters
    ----------
    model, other : (n_origins,) array of float
        Scores in the order of the origins, lower is better.
    overlap : int
        As of `diebold_mariano`.

    Returns
    -------
    PairedDifference

    Raises
    ------
    ValueError
        For scores of other shapes, or of fewer than two origins.
    """
    if model.shape != other.shape or model.ndim != 1 or model.size < 2:
        raise ValueError(f"scores of shape {model.shape} and {other.shape}: expected the same origins, at least two")
    differences = model - other
    error, p_value = diebold_mariano(differences, overlap)
    mean = float(differences.mean())
    half = float("nan") if np.isnan(p_value) else error * float(student_t.ppf(0.975, df=differences.size - 1))
    return PairedDifference(differences.size, mean, error, p_value, mean - half, mean + half)
