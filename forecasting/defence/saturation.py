"""How many of the drones that come in a night find a free fire channel."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def engset(channels: Array, drones: Array, busy: Array) -> Array:
    """Mean number of busy channels where each of so many drones would hold one with probability `busy`, apart from the
    others, but finds only so many: the mean of Bin(drones, busy) given that it is at most `channels`.

    channels: whole numbers, of a shape that broadcasts to that of `drones`, which is that of the result. Formula:
    Engset (1918); of an endless stream with the same load, in drones per service time, it is Erlang's load (1 - B).
    """
    with np.errstate(divide="ignore"):
        odds = busy / (1.0 - busy)
    full = _all_busy(channels, drones.shape, lambda c: np.maximum(drones - (c - 1), 0.0) * odds)
    carried: Array = busy * (drones - np.maximum(drones - channels, 0.0) * full)
    return carried


def _all_busy(channels: Array, shape: tuple[int, ...], offered: Callable[[int], Array]) -> Array:
    """Share of the time that all channels are busy. offered(c): load that comes while c - 1 of them are.

    By the recursion for the inverse of that share, 1/B(c) = 1 + c/offered(c) 1/B(c - 1), 1/B(0) = 1 (Jagerman 1974,
    Some properties of the Erlang loss function).
    """
    wanted = np.broadcast_to(channels, shape)
    inverse, found = np.ones(shape), np.ones(shape)
    # Without load, or far below the number of channels, the inverse runs to inf: they are never all busy.
    with np.errstate(divide="ignore", over="ignore"):
        for c in range(1, int(wanted.max(initial=0)) + 1):
            inverse = 1.0 + inverse * (c / offered(c))
            np.copyto(found, inverse, where=wanted == c)
    return 1.0 / found


def served(drones: Array, channels: Array, service_hours: Array, waves: Sequence[tuple[float, float]]) -> Array:
    """Expected number, of so many drones that come in a night, that find a free fire channel. (n_paths, horizon).

    channels, service_hours: how many there are, and how long a drone holds one on average; shapes that broadcast to
    (n_paths, horizon). waves: (share of the drones, hours); the drones of a wave come at any moment of it, and meet
    free channels, as where waves lie further apart than a few service times.

    Of r drones in a wave of h hours, each would hold a channel at its end with probability b = t/h (1 - exp(-h/t)), t
    the service time; with that, Engset's formula holds as in a queue that has settled (modified offered load: Massey
    and Whitt 1994, An analysis of the modified offered-load approximation). A massed strike, r b > c, fills the
    channels before that: in the fluid limit all are served until s = -t ln(1 - c h/(r t)), and from then on c/t an hour
    (Newell 1982, Applications of Queueing Theory, ch. 2). There b is what gives that limit in a settled queue:

        served = engset(c, r, b)/b,   b = t/h (1 - exp(-h/t)), or c/fluid where r b > c,   fluid = r s/h + (h - s) c/t

    In a long wave this is Erlang's loss; where all come at once it is exact.
    """
    free = np.broadcast_to(channels, drones.shape)
    total = np.zeros(drones.shape)
    for share, hours in waves:
        coming = drones * share
        busy = service_hours / hours * -np.expm1(-hours / service_hours)
        with np.errstate(divide="ignore", invalid="ignore"):
            filled = -service_hours * np.log1p(-free * hours / (coming * service_hours))
            fluid = coming * (filled / hours) + (hours - filled) * (free / service_hours)
            busy = np.where(coming * busy > free, free / fluid, busy)
            found = engset(channels, drones, share * busy) / busy
        total += np.where(free > 0, found, 0.0)
    return np.minimum(total, drones)  # but for rounding, no more are served than come
