"""A simulated quantity as its median and central intervals."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

LEVELS = (0.5, 0.8, 0.95)
_PROBABILITIES = (0.5, *(end for level in LEVELS for end in ((1 - level) / 2, (1 + level) / 2)))


class Interval(BaseModel):
    """A central interval: the value lies between low and high (both included) with probability `level`."""

    model_config = ConfigDict(extra="forbid")

    level: float
    low: float
    high: float


class Spread(BaseModel):
    """A simulated quantity: its median and its central 50, 80 and 95 % intervals over the paths."""

    model_config = ConfigDict(extra="forbid")

    median: float
    intervals: list[Interval]

    def interval(self, level: float) -> Interval:
        """The interval of that level."""
        return next(interval for interval in self.intervals if interval.level == level)


def quantile(sample: NDArray[np.int64] | NDArray[np.float64], probability: float) -> float:
    """The smallest sample value that at least this share of the sample does not exceed: whole drones stay whole."""
    return quantiles(sample, [probability])[0]


def quantiles(sample: NDArray[np.int64] | NDArray[np.float64], probabilities: Sequence[float]) -> list[float]:
    """`quantile` at several probabilities at once, which takes little longer than at one."""
    found: list[float] = np.quantile(sample, probabilities, method="inverted_cdf").astype(float).tolist()
    return found


N_BATCHES = 20


def standard_errors(
    sample: NDArray[np.int64] | NDArray[np.float64], probabilities: Sequence[float]
) -> NDArray[np.float64]:
    """How far quantiles of a simulation may be off because it has so many paths and no more, by batch means.

    The paths are dealt into 20 batches; the standard deviation of a quantile over the batches, divided by the root of
    their number, is its standard error (Asmussen and Glynn 2007, Stochastic Simulation, IV.5). Of stratified paths it
    is an upper bound: a batch has not the strata of the whole.

    Parameters
    ----------
    sample : (n_paths,) array
        Simulated values, such as drones in all or interceptors needed; at least 40.
    probabilities : sequence of n floats
        Between 0 and 1.

    Returns
    -------
    (n,) array
        In the unit of the sample; NaN where there are fewer than 40 paths.

    Examples
    --------
    The median of 2,000 standard normal draws is known to about 1.25 / sqrt(2,000) = 0.028:

    >>> draws = np.random.default_rng(1).standard_normal(2_000)
    >>> standard_errors(draws, [0.5]).round(3)
    array([0.03])
    """
    if sample.size < 2 * N_BATCHES:
        return np.full(len(probabilities), np.nan)
    batches = [np.quantile(sample[batch::N_BATCHES], probabilities) for batch in range(N_BATCHES)]
    errors: NDArray[np.float64] = np.std(batches, axis=0, ddof=1) / np.sqrt(N_BATCHES)
    return errors


def spread(sample: NDArray[np.int64] | NDArray[np.float64]) -> Spread:
    """Median and central intervals of (n_paths,) values."""
    median, *ends = quantiles(sample, _PROBABILITIES)
    return Spread(
        median=median,
        intervals=[
            Interval(level=level, low=low, high=high)
            for level, low, high in zip(LEVELS, ends[::2], ends[1::2], strict=True)
        ],
    )
