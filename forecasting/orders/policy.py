"""Orders over a year: what each future orders at its own reviews, of what it has shown until then.

Under periodic review every R nights, a layer whose inventory position (in hand, on order, and what is expected to be
delivered until the next order arrives) is at or below its reorder point s is ordered up to S; base stock is s = S
(Snyder and Shen 2019, Fundamentals of Supply Chain Theory, 4.3). An order arrives after the lead time of its path. What
is missing is not fired later: the drones have passed (lost sales).

A decision sees the day, what is in hand and on order on its path, and the launches until the day before; levels are
found once, for all paths and days together, so that the share of the cycles without a stock-out is the service level. A
cycle is the nights from the arrival of one order to that of the next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from forecasting.orders.ordering import check_service_level

Array = NDArray[np.float64]
Kind = Literal["base_stock", "adjusted_base_stock", "reorder_point"]

HALF_LIFE = 28.0
"""Days after which a launch counts half in the level that a path has shown."""
PARTS = 256
"""Of what a layer uses for a drone on average: how finely the factor of an adjusted base stock is looked for."""
MOST_FACTOR = 64


@dataclass(frozen=True, eq=False)
class Futures:
    """What a policy is simulated on.

    Parameters
    ----------
    needed : (n_layers, n_paths, horizon) array of int64
        Interceptors a night, had every layer enough.
    opening : (n_layers, n_paths) array of int64
        In hand at the origin.
    supplied : (n_layers, n_paths, horizon) array of int64
        Delivered since the origin by the start of each night, without these orders.
    lead_time : (n_layers, n_paths) array of int64
        Whole nights from an order to the first that it can be used in.
    launched : (n_paths, horizon) array of int64
        Drones.
    level : float
        Drones a day that the record shows at the origin.
    unit_cost_usd : (n_layers, n_paths) array of float
        US dollars.
    pack_size, minimum_stock : (n_layers,) array of int64
        Interceptors.
    """

    needed: NDArray[np.int64]
    opening: NDArray[np.int64]
    supplied: NDArray[np.int64]
    lead_time: NDArray[np.int64]
    launched: NDArray[np.int64]
    level: float
    unit_cost_usd: Array
    pack_size: NDArray[np.int64]
    minimum_stock: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Levels:
    """Reorder point and order-up-to level of each layer, review and path, (n_layers, n_reviews, n_paths or 1)."""

    reorder: Array
    up_to: Array


@dataclass(frozen=True, eq=False)
class Simulated:
    """What became of the futures. (n_layers, n_paths, n_reviews): pieces ordered. (n_layers, n_paths, horizon): in_hand
    after each night, missing in it. short: (n_layers, n_paths, n_cycles) whether the stock runs out, or below its
    minimum, in a cycle; cycles that do not end within the horizon are left out, and all are as many as the layer with
    the longest lead time has."""

    ordered: NDArray[np.int64]
    in_hand: NDArray[np.int64]
    missing: NDArray[np.int64]
    short: NDArray[np.bool_]

    @property
    def service(self) -> Array:
        """(n_layers,) share of the cycles without a stock-out."""
        served: Array = 1.0 - self.short.mean(axis=(1, 2))
        return served

    @property
    def joint_service(self) -> float:
        """Share of the paths on which no layer runs out in any cycle."""
        return float(1.0 - self.short.any(axis=(0, 2)).mean())


@dataclass(frozen=True, eq=False)
class PolicyYear:
    """A policy with the levels found for it, and what it does.

    factor: (n_layers,) what the levels were found as: S of a base stock, s of a reorder point; of an adjusted base
    stock the interceptors in S for each drone that the level shown promises for the nights to cover.
    """

    kind: Kind
    review: int
    service_level: float
    budget_usd: float
    factor: Array
    levels: Levels
    simulated: Simulated


def reviews_within(horizon: int, review: int) -> NDArray[np.int64]:
    """The nights before which is ordered."""
    return np.arange(0, horizon, review)


def simulate(futures: Futures, review: int, levels: Levels, budget_usd: float = np.inf) -> Simulated:
    """The futures under order-up-to levels, night by night.

    Parameters
    ----------
    futures : Futures
        See there.
    review : int
        Nights from one review to the next; the first is before the first night.
    levels : Levels
        For each review.
    budget_usd : float
        US dollars that may be ordered for at each review, at the prices of the path; beyond it every layer gets the
        same share of what it would order, in whole packs. What is not spent lapses.

    Returns
    -------
    Simulated

    Raises
    ------
    InputError
        Where no cycle ends within the horizon.

    Examples
    --------
    Ten a night, thirty in hand and a lead time of one night. Up to forty are ordered every second night:

    >>> futures = Futures(
    ...     needed=np.full((1, 1, 6), 10), opening=np.full((1, 1), 30), supplied=np.zeros((1, 1, 6), np.int64),
    ...     lead_time=np.full((1, 1), 1), launched=np.full((1, 6), 10), level=10.0, unit_cost_usd=np.ones((1, 1)),
    ...     pack_size=np.ones(1, np.int64), minimum_stock=np.zeros(1, np.int64),
    ... )
    >>> forty = np.full((1, 3, 1), 40.0)
    >>> made = simulate(futures, 2, Levels(forty, forty))
    >>> made.ordered[0, 0], made.in_hand[0, 0], made.service
    (array([10, 20, 20]), array([20, 20, 10, 20, 10, 20]), array([1.]))
    """
    n_layers, n_paths, horizon = futures.needed.shape
    nights = reviews_within(horizon, review)
    n_cycles = int((horizon - futures.lead_time.max()) // review)
    if review < 1 or n_cycles < 1:
        raise InputError(
            "orders every {given} nights, each of which arrives after up to {lead}: the first of them would have to "
            "last for longer than the horizon, {horizon}: take a longer one, such as 365",
            field="review",
            given=review,
            lead=int(futures.lead_time.max()),
            horizon=horizon,
        )
    pack = futures.pack_size[:, np.newaxis]
    supply = np.diff(futures.supplied, axis=2, prepend=0)
    cover = np.rint(futures.lead_time.mean(axis=1)).astype(np.int64) + review
    expected = futures.supplied.mean(axis=1)
    arrivals = np.zeros((n_layers, n_paths, horizon), np.int64)
    ordered = np.zeros((n_layers, n_paths, nights.size), np.int64)
    in_hand, missing = np.empty_like(futures.needed), np.empty_like(futures.needed)
    held, pending = futures.opening.copy(), np.zeros((n_layers, n_paths), np.int64)
    which, path = np.meshgrid(np.arange(n_layers), np.arange(n_paths), indexing="ij")
    for night in range(horizon):
        held += supply[:, :, night] + arrivals[:, :, night]
        pending -= arrivals[:, :, night]
        if night % review == 0:
            number = night // review
            until = np.minimum(night + cover, horizon) - 1
            due = expected[np.arange(n_layers), until] - expected[:, night]
            position = held + pending + due[:, np.newaxis]
            wanted = np.where(position <= levels.reorder[:, number], levels.up_to[:, number] - position, 0.0)
            order = np.ceil(np.maximum(wanted, 0.0) / pack - 1e-9).astype(np.int64) * pack
            usd = (order * futures.unit_cost_usd).sum(axis=0)
            dear = usd > budget_usd
            if dear.any():
                share = np.where(dear, budget_usd / np.maximum(usd, 1e-12), 1.0)
                order = np.where(dear, np.floor(order * share / pack + 1e-9).astype(np.int64) * pack, order)
            ordered[:, :, number] = order
            at_once = futures.lead_time == 0
            held += np.where(at_once, order, 0)
            later = np.where(at_once, 0, order)
            arriving = night + futures.lead_time
            within = arriving < horizon
            np.add.at(arrivals, (which[within], path[within], arriving[within]), later[within])
            pending += later
        used = np.minimum(futures.needed[:, :, night], held)
        missing[:, :, night] = futures.needed[:, :, night] - used
        held = held - used
        in_hand[:, :, night] = held
    out = (missing > 0) | (in_hand < futures.minimum_stock[:, np.newaxis, np.newaxis])
    return Simulated(ordered, in_hand, missing, _by_cycle(out, futures.lead_time, review, n_cycles))


def _by_cycle(out: NDArray[np.bool_], lead_time: NDArray[np.int64], review: int, n_cycles: int) -> NDArray[np.bool_]:
    """Whether any night of a cycle is out: sums up to its end less those up to its start."""
    so_far = np.concatenate([np.zeros((*out.shape[:2], 1), np.int64), np.cumsum(out, axis=2)], axis=2)
    starts = lead_time[:, :, np.newaxis] + review * np.arange(n_cycles)
    within: NDArray[np.bool_] = np.take_along_axis(so_far, starts + review, 2) > np.take_along_axis(so_far, starts, 2)
    return within


def shown_level(futures: Futures, review: int) -> Array:
    """(n_reviews, n_paths) drones a day: the exponential mean of what a path has shown before each review."""
    keep = 0.5 ** (1.0 / HALF_LIFE)
    level, shown = np.full(futures.launched.shape[0], futures.level), []
    for night in range(futures.launched.shape[1]):
        if night % review == 0:
            shown.append(level)
        level = keep * level + (1.0 - keep) * futures.launched[:, night]
    return np.stack(shown)


def policy_year(
    futures: Futures, kind: Kind, review: int, service_level: float, budget_usd: float = np.inf
) -> PolicyYear:
    """A policy whose levels are the least that keep the service level, and what it does within the budget.

    Parameters
    ----------
    futures : Futures
        See there.
    kind : {"base_stock", "adjusted_base_stock", "reorder_point"}
        One level S for all reviews; a multiple of what the level of launches that the path has shown would use until
        the next order is used up; or s with S = s and what one review period uses on average.
    review : int
        Nights from one review to the next.
    service_level : float
        Share of the cycles without a stock-out that is asked for, without regard to the budget.
    budget_usd : float
        For each review; see `simulate`.

    Returns
    -------
    PolicyYear

    Raises
    ------
    InputError
        For a service level or a budget that cannot be, and what `simulate` raises.
    """
    check_service_level(service_level)
    if not budget_usd > 0:
        raise InputError("budget is {given} USD: expected more than 0", field="budget", given=budget_usd)
    levels_of, top = _family(futures, kind, review)
    low, high = np.full(top.shape, -1), top
    while (high - low > 1).any():
        middle = np.where(high - low > 1, (low + high) // 2, high)
        enough = simulate(futures, review, levels_of(middle)).service >= service_level - 1e-12
        low, high = (
            np.where(enough, low, np.minimum(middle, high - 1)),
            np.where(enough, np.minimum(middle, high), high),
        )
    found = levels_of(high)
    factor = high / PARTS * _used_per_drone(futures) if kind == "adjusted_base_stock" else high.astype(np.float64)
    return PolicyYear(
        kind, review, service_level, budget_usd, factor, found, simulate(futures, review, found, budget_usd)
    )


def _used_per_drone(futures: Futures) -> Array:
    used: Array = futures.needed.sum(axis=(1, 2)) / max(float(futures.launched.sum()), 1.0)
    return used


def _family(
    futures: Futures, kind: Kind, review: int
) -> tuple[Callable[[NDArray[np.int64]], Levels], NDArray[np.int64]]:
    """(whole numbers by layer -> levels that rise with them, numbers that are enough)."""
    n_reviews = reviews_within(futures.needed.shape[2], review).size
    minimum = futures.minimum_stock.astype(np.float64)[:, np.newaxis, np.newaxis]
    if kind == "adjusted_base_stock":
        cover = futures.lead_time.mean(axis=1) + review
        of_one = (_used_per_drone(futures) * cover)[:, np.newaxis, np.newaxis] * shown_level(futures, review)

        def adjusted(number: NDArray[np.int64]) -> Levels:
            up_to = (number / PARTS)[:, np.newaxis, np.newaxis] * of_one + minimum
            return Levels(up_to, up_to)

        return adjusted, np.full(len(futures.needed), PARTS * MOST_FACTOR)
    most = futures.needed.sum(axis=2).max(axis=1) + futures.minimum_stock
    per_review = futures.needed.mean(axis=(1, 2)) * review if kind == "reorder_point" else np.zeros(len(most))

    def fixed(number: NDArray[np.int64]) -> Levels:
        reorder = np.broadcast_to(number.astype(np.float64)[:, np.newaxis, np.newaxis], (len(most), n_reviews, 1))
        return Levels(reorder, reorder + per_review[:, np.newaxis, np.newaxis])

    return fixed, most
