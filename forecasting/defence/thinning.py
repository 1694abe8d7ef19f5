"""Binomial draws by inversion: one uniform number per draw, whatever the count and the probability.

X(n, p) = the least k with P(Bin(n, p) <= k) >= u. For one u it never falls as n or p grows, and X(n + 1, p) is X(n, p)
or one more, because Bin(n, p) is so ordered stochastically and inversion keeps the order (Shaked and Shanthikumar 2007,
Stochastic Orders, 1.A.1). So two defences that meet the same uniforms can be compared drone by drone: what a change
does is not mixed with what chance does. NumPy's own generator rejects, and has no such order.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtri

Array = NDArray[np.float64]

_SPREAD = 8.0
"""Variance from which on the quantile is found by its expansion, and below which by counting up from 0."""
_MOST_COUNTED = 128
"""Where the variance is below 8 and p <= .5 the mean is at most 16: beyond this there is no probability (1e-60)."""
_ROUND = 4
_LEAST_LEVEL = 2.0**-54


def binomial_quantile(uniform: Array, count: Array, probability: Array) -> Array:
    """X(n, p) as above: uniform [0, 1) and whole numbers `count`, (n_paths, horizon) each; probability 0 to 1 of a
    shape that broadcasts to them. Returns whole numbers as float64, exact but for rounding in the 12th digit of u.
    """
    flipped = (probability > 0.5).astype(np.float64)
    rarer = np.minimum(probability, 1.0 - probability)
    # P(n - Bin(n, 1 - p) <= k) is P(Bin(n, 1 - p) >= n - k): the rarer outcome is counted from the other end of u.
    level = np.abs(flipped - uniform).ravel()  # 1 - u, or u
    np.clip(level, _LEAST_LEVEL, 1.0 - 2.0 * _LEAST_LEVEL, out=level)
    variance = (count * (rarer * (1.0 - rarer))).ravel()
    rarer, counts = np.broadcast_to(rarer, count.shape), count.ravel()
    found = np.zeros(count.shape)  # and 0 it is where none comes, or none is hit
    for quantile, cells in (
        (_summed_quantile, np.flatnonzero((variance > 0.0) & (variance < _SPREAD))),
        (_expanded_quantile, np.flatnonzero(variance >= _SPREAD)),
    ):
        if cells.size:
            found.reshape(-1)[cells] = quantile(*(values.take(cells) for values in (level, counts, rarer)))
    return np.abs(flipped * count - found)  # n less what was found, or that


def keep_freed_memory() -> None:
    """Makes the C library keep what temporary arrays free, where it is glibc; otherwise does nothing of note.

    glibc gives freed memory back to the system, and each array of a few hundred kB is then mapped anew, which takes
    eight times as long as the arithmetic in it. Freeing one block of nearly 32 MB tells it to keep up to twice as much
    (mallopt(3), the dynamic mmap threshold).
    """
    np.empty(31 << 17)


def _summed_quantile(level: Array, count: Array, probability: Array) -> Array:
    """The quantile by adding up probabilities from 0 on (Devroye 1986, Non-Uniform Random Variate Generation, X.4)."""
    mass = np.log(1.0 - probability)  # four times as fast as log1p, and p is not so small that it mattered
    mass *= count
    np.exp(mass, out=mass)
    rest = level - mass
    found = np.zeros(level.size, np.uint8)
    index = np.flatnonzero(rest > 0)
    mass, rest, odds = (values.take(index) for values in (mass, rest, probability))
    odds /= 1.0 - odds
    factor = (count.take(index) + 1.0) * odds
    steps = np.zeros(index.size, np.uint8)
    change = np.empty(index.size)
    k = 0
    while index.size and k < _MOST_COUNTED:
        # A few steps for all that are left, then only those that are not done: taking them out costs more than a step.
        for _ in range(_ROUND):
            k += 1
            steps += (rest > 0).view(np.uint8)
            np.multiply(factor, 1.0 / k, out=change)
            change -= odds
            mass *= change
            rest -= mass
        left = np.flatnonzero(rest > 0)
        if left.size < 0.8 * index.size:
            found[index] = steps
            index, steps = index.take(left), steps.take(left)
            mass, rest, odds, factor = (values.take(left) for values in (mass, rest, odds, factor))
            change = change[: left.size]
    found[index] = steps
    return np.minimum(found.astype(np.float64), count)


def _expanded_quantile(level: Array, count: Array, probability: Array) -> Array:
    """The quantile by its expansion about the normal distribution, and by the exact probability where that is not sure.

    Expansion: Cornish and Fisher (1938), Moments and cumulants in the specification of distributions, to the third
    order; the cumulants less those of the rounding (Kolassa and McCullagh 1990, Edgeworth series for lattice
    distributions). Its error was measured to be below a third of `doubt` for all variances above 8 and 5 deviations.
    """
    product = probability * (1.0 - probability)
    variance = count * product
    deviation = np.sqrt(variance)
    skew = 1.0 - 2.0 * probability
    z = ndtri(level)
    square = z * z
    first = skew * (square - 1.0) / 6.0
    second = z * (14.0 * product - 2.0 - square * (1.0 + 2.0 * product)) / 72.0
    third = skew * (2.0 + product) * ((3.0 * square + 7.0) * square - 16.0) / 1620.0
    boundary = count * probability + deviation * z + first + (second + third / deviation) / deviation - 0.5
    reach = square + 6.0  # cubed by hand: NumPy's ** 3 takes as long as all the rest
    doubt = 1e-12 * count + 0.001 * (reach * reach * reach) / (variance * deviation)
    nearest = np.rint(boundary)
    found = np.ceil(boundary)
    unsure = np.flatnonzero(np.abs(boundary - nearest) < doubt)
    if unsure.size:
        found[unsure] = _searched_quantile(level[unsure], count[unsure], probability[unsure], nearest[unsure])
    clipped: Array = np.minimum(np.maximum(found, 0.0), count)
    return clipped


def _searched_quantile(level: Array, count: Array, probability: Array, guess: Array) -> Array:
    """The quantile from a guess that is near, by the distribution function itself."""
    low, high = np.full(guess.shape, -1.0), count.copy()
    trial = np.clip(guess, 0.0, count - 1.0)
    step = np.ones(guess.shape)
    # P(X <= low) < u <= P(X <= high) all along; steps away from the guess double until both ends are known.
    active = np.arange(guess.size)
    while active.size:
        k = trial[active]
        reached = betainc(count[active] - k, k + 1.0, 1.0 - probability[active]) >= level[active]
        high[active] = np.where(reached, k, high[active])
        low[active] = np.where(reached, low[active], k)
        outward = np.where(reached, k - step[active], k + step[active])
        within = (outward > low[active]) & (outward < high[active])
        middle = np.floor((low[active] + high[active]) / 2.0)
        trial[active] = np.where(within, outward, middle)
        step[active] *= 2.0
        active = active[high[active] - low[active] > 1.0]
    return high
