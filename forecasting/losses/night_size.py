"""How large a night is beside the nights before it: the running level, and what of that the record has seen."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forecasting.losses.reported_losses import Array

LEVEL_NIGHTS = 28
"""Nights before a night whose mean is its running level."""


def running_levels(launched: Array, before: Array) -> Array:
    """(..., n_nights) mean of the LEVEL_NIGHTS nights before each night; of fewer, where there are no more.

    launched: (..., n_nights) drones. before: (n,) drones of the nights before the first, oldest first; of a first night
    without any, the level is the night itself.
    """
    before = before[-LEVEL_NIGHTS:]
    n = launched.shape[-1]
    series = np.concatenate([np.broadcast_to(before, (*launched.shape[:-1], before.size)), launched], axis=-1)
    so_far = np.concatenate([np.zeros((*series.shape[:-1], 1)), series.cumsum(axis=-1)], axis=-1)
    end = np.arange(n) + before.size
    start = np.maximum(end - LEVEL_NIGHTS, 0)
    level: Array = (so_far[..., end] - so_far[..., start]) / np.maximum(end - start, 1)
    return np.where(end > start, level, launched)


@dataclass(frozen=True, eq=False)
class NightSizes:
    """Sizes of nights as the log of a night over its running level. relative: (n_nights,) of the record. centre: in
    which the average drone of the record comes. recent: (n,) drones of the last nights of the record."""

    relative: Array
    centre: float
    recent: Array

    @classmethod
    def of(cls, launched: Array, used: NDArray[np.bool_]) -> Self:
        """Of the nights of a record, oldest first; used: those that tell of the defence."""
        levels = running_levels(launched, np.zeros(0))
        relative = np.log(np.maximum(launched, 1.0) / np.maximum(levels, 1.0))[used]
        drones = launched[used]
        centre = float(drones @ relative / drones.sum()) if drones.sum() else 0.0
        return cls(relative, centre, launched[-LEVEL_NIGHTS:])

    @property
    def edges(self) -> tuple[float, float]:
        """The smallest and the largest that the record has seen."""
        return (float(self.relative.min()), float(self.relative.max())) if self.relative.size else (0.0, 0.0)

    def effect_of(self, launched: Array) -> tuple[Array, float]:
        """(..., n_nights) size less that of the average drone, of nights that follow the record, held at its edges; and
        the share of the nights that lie beyond them."""
        nights = np.maximum(launched, 1.0)
        relative = np.log(nights / np.maximum(running_levels(nights, self.recent), 1.0))
        low, high = self.edges
        beyond = float(((relative < low) | (relative > high)).mean())
        return np.clip(relative, low, high) - self.centre, beyond
