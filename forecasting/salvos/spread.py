"""A simulated quantity as its median and central intervals."""

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

LEVELS = (0.5, 0.8, 0.95)
_PROBABILITIES = (0.5, *(end for level in LEVELS for end in ((1 - level) / 2, (1 + level) / 2)))


StatedError = Annotated[
    float | None,
    Field(
        exclude_if=lambda error: error is None,
        description="standard error of the simulation; absent where there are too few paths to tell",
    ),
]
"""Beside a simulated figure of a document."""


class Interval(BaseModel):
    """A central interval: the value lies between low and high (both included) with probability `level`."""

    model_config = ConfigDict(extra="forbid")

    level: float
    low: float
    high: float
    low_error: StatedError = None
    high_error: StatedError = None


class Spread(BaseModel):
    """A simulated quantity: its median and its central 50, 80 and 95 % intervals over the paths, with the standard
    errors that they have because there are so many paths and no more."""

    model_config = ConfigDict(extra="forbid")

    median: float
    intervals: list[Interval]
    median_error: StatedError = None

    def interval(self, level: float) -> Interval:
        """The interval of that level."""
        return next(interval for interval in self.intervals if interval.level == level)

    def rounded(self) -> "Spread":
        """What of it is known: every figure to its standard error; wider intervals still hold the narrower ones."""
        low = high = median = known_digits(self.median, self.median_error)
        intervals = []
        for each in sorted(self.intervals, key=lambda interval: interval.level):
            low = min(low, known_digits(each.low, each.low_error))
            high = max(high, known_digits(each.high, each.high_error))
            intervals.append(each.model_copy(update={"low": low, "high": high}))
        return self.model_copy(update={"median": median, "intervals": intervals})


def known_digits(value: float, standard_error: float | None) -> float:
    """The value without what is smaller than its standard error; see `known_step`.

    >>> known_digits(1_234, 12), known_digits(1_234, 0.3), known_digits(0.6666, 0.004)
    (1240.0, 1234.0, 0.665)
    """
    step = known_step(value, standard_error)
    return float(f"{round(value / step) * step:.12g}") if step else float(value)


def known_step(value: float, standard_error: float | None) -> float:
    """The unit to which a value is known: the next of 1, 2, 5, 10, ... that is no smaller than its standard error; at
    least 1 for a whole number, and 0 where nothing needs rounding."""
    if not standard_error or standard_error < 1e-9:
        return 0.0
    power = 10.0 ** math.floor(math.log10(standard_error))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= standard_error * (1 - 1e-9))
    return 0.0 if step <= 1 and value == int(value) else step


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
    n = sample.size // N_BATCHES
    batches = np.sort(sample[: n * N_BATCHES].reshape(n, N_BATCHES).astype(np.float64), axis=0)
    place = np.asarray(probabilities) * (n - 1)
    below = np.minimum(place.astype(np.intp), n - 2)
    found = batches[below] + (batches[below + 1] - batches[below]) * (place - below)[:, np.newaxis]
    errors: NDArray[np.float64] = np.std(found, axis=1, ddof=1) / np.sqrt(N_BATCHES)
    return errors


def spread(sample: NDArray[np.int64] | NDArray[np.float64]) -> Spread:
    """Median and central intervals of (n_paths,) values."""
    median, *ends = quantiles(sample, _PROBABILITIES)
    median_error, *errors = map(stated_error, standard_errors(sample, _PROBABILITIES))
    of_ends = zip(LEVELS, ends[::2], ends[1::2], errors[::2], errors[1::2], strict=True)
    return Spread(
        median=median,
        median_error=median_error,
        intervals=[
            Interval(level=level, low=low, high=high, low_error=low_error, high_error=high_error)
            for level, low, high, low_error, high_error in of_ends
        ],
    )


def stated_error(error: float) -> float | None:
    """A standard error to two digits; None where it is not known."""
    return None if np.isnan(error) else float(f"{error:.2g}")
