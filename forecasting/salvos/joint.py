"""Nights of several classes of weapon together: combined strikes coincide, as they did on the nights of the record.

Each class has a forecast of its own; which of its nights are large is then settled by those of the drones. For each
path and four weeks, four weeks of the record are drawn, and what the class has on the night with the k-th most drones
has the rank that it had there on the night with the k-th most (the empirical copula of the record; Clark and others
2004, The Schaake shuffle, there over the members of an ensemble, here over the nights of a path). So every path keeps
its counts of each class, and with them its totals, and the drones stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.salvos.model import MAX_HORIZON

BLOCK = 28
"""Nights that are ranked among each other: what is large is so beside the weeks around it, whatever the level."""
RECORD_DAYS = 91
"""Nights to learn from: combined strikes became the rule within a year, and twice as many told it worse."""
FEWEST_NIGHTS = 2 * BLOCK
_STREAM = 7
"""Splits the seed of a forecast."""

Counts = NDArray[np.int64]
Record = Mapping[str, NDArray[np.float64]]
"""Class of weapon -> (n_nights,) what was launched on the same nights, the drones first."""


@dataclass(frozen=True, eq=False)
class Threat:
    """Another class of weapon in the raid. paths: (n_paths, horizon) on the nights of the drones. model_id: of its own
    forecast; None where a rate stands for it. per_week: as stated, None where the forecast is taken as it is.
    on_largest, reported_on_largest: what part of it came on the tenth of the nights with most drones, in the paths and
    in the record that they are joined by; NaN without."""

    weapon_class: str
    paths: Counts
    model_id: str | None
    per_week: float | None
    on_largest: float
    reported_on_largest: float


def nights_simulated(horizon: int) -> int:
    """Nights to simulate of every class, so that each of the horizon is ranked within whole blocks."""
    return min(-(-horizon // BLOCK) * BLOCK, MAX_HORIZON)


def same_nights(drones: LaunchHistory, others: Mapping[str, LaunchHistory]) -> Record | None:
    """What was launched on the last nights on which all are known, as known at the origin; None where they are too few
    to learn from."""
    days = np.arange(drones.launched.size)[-RECORD_DAYS:]
    counts = {drones.weapon_class: drones.launched[days]}
    for name, history in others.items():
        index = days + (drones.first_day - history.first_day).days
        within = (index >= 0) & (index < history.launched.size)
        counts[name] = np.where(within, history.launched[np.clip(index, 0, history.launched.size - 1)], np.nan)
    known = ~np.isnan(np.stack(list(counts.values()))).any(axis=0)
    return {name: launched[known] for name, launched in counts.items()} if known.sum() >= FEWEST_NIGHTS else None


def coinciding(drones: Counts, others: Mapping[str, Counts], record: Record, seed: int) -> dict[str, Counts]:
    """The paths of the other classes, their nights put in an order that goes with that of the drones.

    Parameters
    ----------
    drones : array (n_paths, n_nights)
        Paths of the forecast.
    others : mapping
        Class of weapon -> (n_paths, n_nights) paths of its own forecast.
    record : mapping
        See `same_nights`; of the drones first, then of these classes.
    seed : int
        That of the forecast.

    Returns
    -------
    dict
        Class -> (n_paths, n_nights): the counts of each block of each path, in another order.
    """
    n_paths, n_nights = drones.shape
    first, *_ = record
    found = {name: paths.copy() for name, paths in others.items()}
    for number, start in enumerate(range(0, n_nights, BLOCK)):
        nights = slice(start, min(start + BLOCK, n_nights))
        length = nights.stop - start
        rng = np.random.default_rng([seed, _STREAM, number])
        begins = rng.integers(0, record[first].size - length + 1, (n_paths, 1))
        past = begins + np.arange(length)
        ranked = _ordered(drones[:, nights], rng)
        of_past = _ordered(record[first][past], rng)
        for name, paths in others.items():
            own = np.random.default_rng([seed, _STREAM, number, crc32(name.encode())])
            ranks = np.argsort(_ordered(record[name][past], own), axis=1)
            placed = np.take_along_axis(np.sort(paths[:, nights], axis=1), np.take_along_axis(ranks, of_past, 1), 1)
            np.put_along_axis(found[name][:, nights], ranked, placed, axis=1)
    return found


def share_on_largest(
    drones: NDArray[np.int64] | NDArray[np.float64], other: NDArray[np.int64] | NDArray[np.float64]
) -> float:
    """What part of the other class came on the tenth of the nights with most drones; NaN where none came.

    drones, other: (..., n_nights), taken over all paths together.

    >>> share_on_largest(np.arange(10), np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 3]))
    0.75
    """
    n_most = -(-drones.shape[-1] // 10)
    most = np.argsort(-drones, axis=-1, kind="stable")[..., :n_most]
    total = float(other.sum())
    return float(np.take_along_axis(other, most, -1).sum()) / total if total else float("nan")


def _ordered(counts: NDArray[np.int64] | NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """(n_paths, n_nights) the nights of each row from the least count to the largest, equal ones in random order."""
    return np.argsort(counts + rng.random(counts.shape), axis=1)
