"""What the published documents are made of: spreads of simulated quantities."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

LEVELS = (0.5, 0.8, 0.95)


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Interval(Document):
    """A central interval: the value lies between low and high (both included) with probability `level`."""

    level: float
    low: float
    high: float


class Spread(Document):
    """A simulated quantity: its median and its central 50, 80 and 95 % intervals over the paths."""

    median: float
    intervals: list[Interval]

    def interval(self, level: float) -> Interval:
        """The interval of that level."""
        return next(interval for interval in self.intervals if interval.level == level)


def quantile(sample: NDArray[np.int64] | NDArray[np.float64], probability: float) -> float:
    """The smallest sample value that at least this share of the sample does not exceed: whole drones stay whole."""
    return float(np.quantile(sample, probability, method="inverted_cdf"))


def spread(sample: NDArray[np.int64] | NDArray[np.float64]) -> Spread:
    """Median and central intervals of (n_paths,) values."""
    return Spread(
        median=quantile(sample, 0.5),
        intervals=[
            Interval(level=level, low=quantile(sample, (1 - level) / 2), high=quantile(sample, (1 + level) / 2))
            for level in LEVELS
        ],
    )
