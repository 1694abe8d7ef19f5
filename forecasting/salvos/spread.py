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
