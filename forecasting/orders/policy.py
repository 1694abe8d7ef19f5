"""Orders over a year: what each future orders at its own reviews, of what it has shown until then.

Under periodic review every R nights, a layer whose inventory position (in hand, on order, and what is expected to be
delivered until the next order arrives) is at or below its reorder point s is ordered up to S; base stock is s = S
(Snyder and Shen 2019, Fundamentals of Supply Chain Theory, 4.3). An order arrives after the lead time of its path. What
is missing is not fired later: the drones have passed (lost sales).

A decision sees the day, what is in hand and on order on its path, and the launches until the day before; levels are
found once, for all paths and days together, so that the share of the cycles without a stock-out is the service level. A
cycle is the nights from the arrival of one order to that of the next.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from forecasting.orders.ordering import check_service_level
from forecasting.salvos.forecast import SalvoForecast

Array = NDArray[np.float64]
Kind = Literal["base_stock", "adjusted_base_stock", "reorder_point"]

HALF_LIFE = 28.0
"""Days after which a launch counts half in the level that a path has shown."""
SHOWN_BEFORE = 28
"""Known days before the origin, whose mean is the level there."""
PARTS = 256
"""Of what a layer uses for a drone on average: how finely the factor of an adjusted base stock is looked for."""
MOST_FACTOR = 64


@dataclass(frozen=True)
class AskedPolicy:
    """Orders at every review.

    Parameters
    ----------
    kind : {"base_stock", "adjusted_base_stock", "reorder_point"}
        See the module.
    review : int
        Nights from one review to the next.
    budget_usd : float
        US dollars for each review; inf: any number.
    """

    kind: Kind
    review: int
    budget_usd: float = np.inf


@dataclass(frozen=True, eq=False)
class Futures:
    """What a policy is simulated on.

    Parameters
    ----------
    layer_ids : tuple of str
        In order of engagement.
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

    layer_ids: tuple[str, ...]
    needed: NDArray[np.int64]
    opening: NDArray[np.int64]
    supplied: NDArray[np.int64]
    lead_time: NDArray[np.int64]
    launched: NDArray[np.int64]
    level: float
    unit_cost_usd: Array
    pack_size: NDArray[np.int64]
    minimum_stock: NDArray[np.int64]

    def is_out(self, lacking: NDArray[np.int64], in_hand: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a stock is out after a night.

        Parameters
        ----------
        lacking, in_hand : (n_layers, n_paths) array of int64
            Missing in the night, and in hand after it.

        Returns
        -------
        (n_layers, n_paths) array of bool
        """
        return (lacking > 0) | (in_hand < self.minimum_stock[:, np.newaxis])

    @cached_property
    def by_night(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(horizon, n_layers, n_paths) needed, and delivered since the night before."""
        supply = np.diff(self.supplied, axis=2, prepend=0)
        needed, delivered = (np.ascontiguousarray(np.moveaxis(each, 2, 0)) for each in (self.needed, supply))
        return needed, delivered


@dataclass(frozen=True, eq=False)
class Levels:
    """Reorder point and order-up-to level of each layer, review and path, (n_layers, n_reviews, n_paths or 1)."""

    reorder: Array
    up_to: Array


@dataclass(frozen=True, eq=False)
class Simulated:
    """What became of the futures.

    ordered: (n_layers, n_paths, n_reviews) pieces. in_hand, missing: (n_layers, n_paths, horizon) after each night, and
    in it. out: the same shape, whether a piece is missing or less than the minimum stock is left. short: (n_layers,
    n_paths, n_cycles) whether it is out on some night of a cycle; every layer has as many as the one with the longest
    lead time has within the horizon.
    """

    ordered: NDArray[np.int64]
    in_hand: NDArray[np.int64]
    missing: NDArray[np.int64]
    out: NDArray[np.bool_]
    short: NDArray[np.bool_]

    @property
    def service(self) -> Array:
        """(n_layers,) share of the cycles without a stock-out."""
        return _served(self.short)

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
    futures: Futures
    factor: Array
    levels: Levels
    simulated: Simulated

    @property
    def layer_ids(self) -> tuple[str, ...]:
        """In order of engagement."""
        return self.futures.layer_ids


def futures_of(
    defence: Defence, engagements: Engagements, salvos: SalvoForecast, history: LaunchHistory, asked: Container[str]
) -> Futures | None:
    """Of the layers asked for that use interceptors; None where there is none."""
    stocks = [stock for stock in engagements.stocks if stock.layer_id in asked]
    if not stocks:
        return None
    numbers = [defence.ids.index(stock.layer_id) for stock in stocks]
    return Futures(
        layer_ids=tuple(stock.layer_id for stock in stocks),
        needed=np.stack([stock.needed for stock in stocks]),
        opening=np.stack([stock.opening for stock in stocks]),
        supplied=np.stack([stock.supplied for stock in stocks]),
        lead_time=np.stack([engagements.lead_time(number) for number in numbers]),
        launched=salvos.paths.astype(np.int64),
        level=float(np.mean(history.known[-SHOWN_BEFORE:])) if history.known.size else 0.0,
        unit_cost_usd=np.stack([engagements.draws[number]["unit_cost_usd"] for number in numbers]),
        pack_size=np.array([defence.layers[number].pack_size for number in numbers]),
        minimum_stock=np.array([defence.layers[number].minimum_stock for number in numbers]),
    )


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
    ...     layer_ids=("a",), needed=np.full((1, 1, 6), 10), opening=np.full((1, 1), 30),
    ...     supplied=np.zeros((1, 1, 6), np.int64), lead_time=np.full((1, 1), 1),
    ...     launched=np.full((1, 6), 10), level=10.0, unit_cost_usd=np.ones((1, 1)), pack_size=np.ones(1, np.int64),
    ...     minimum_stock=np.zeros(1, np.int64),
    ... )
    >>> forty = np.full((1, 3, 1), 40.0)
    >>> made = simulate(futures, 2, Levels(forty, forty))
    >>> made.ordered[0, 0], made.in_hand[0, 0], made.service
    (array([10, 20, 20]), array([20, 20, 10, 20, 10, 20]), array([1.]))
    """
    n_layers, n_paths, horizon = futures.needed.shape
    ordered = np.zeros((n_layers, n_paths, reviews_within(horizon, review).size), np.int64)
    in_hand, missing = (np.empty((horizon, n_layers, n_paths), np.int64) for _ in range(2))
    out = np.empty(in_hand.shape, bool)
    for night, (order, lacking, held) in enumerate(_night_by_night(futures, review, levels, budget_usd)):
        if order is not None:
            ordered[:, :, night // review] = order
        missing[night], in_hand[night], out[night] = lacking, held, futures.is_out(lacking, held)
    short = _by_cycle(out, futures.lead_time, review)
    return Simulated(ordered, np.moveaxis(in_hand, 0, 2), np.moveaxis(missing, 0, 2), np.moveaxis(out, 0, 2), short)


def _service(futures: Futures, review: int, levels: Levels) -> Array:
    """(n_layers,) that of `simulate`, without its nights."""
    out = [futures.is_out(lacking, held) for _, lacking, held in _night_by_night(futures, review, levels, np.inf)]
    return _served(_by_cycle(np.stack(out), futures.lead_time, review))


def _night_by_night(
    futures: Futures, review: int, levels: Levels, budget_usd: float
) -> Iterator[tuple[NDArray[np.int64] | None, NDArray[np.int64], NDArray[np.int64]]]:
    """(n_layers, n_paths) each, of every night: what is ordered before it, None where there is no review; what is
    missing in it, and what is left in hand, good until the next night."""
    n_layers, n_paths, horizon = futures.needed.shape
    if review < 1 or _n_cycles(futures.lead_time, horizon, review) < 1:
        raise InputError(
            "orders every {given} nights, each of which arrives after up to {lead}: the first of them would have to "
            "last for longer than the horizon, {horizon}: take a longer one, such as 365",
            field="review",
            given=review,
            lead=int(futures.lead_time.max()),
            horizon=horizon,
        )
    pack = futures.pack_size[:, np.newaxis]
    cover = np.rint(futures.lead_time.mean(axis=1)).astype(np.int64) + review
    expected = _delivered(futures, int(cover.max()), review)
    at_once, later = futures.lead_time == 0, np.flatnonzero(futures.lead_time.ravel() > 0)
    needed, supply = futures.by_night
    arrivals = np.zeros((horizon, n_layers * n_paths), np.int64)
    held, pending = futures.opening.copy(), np.zeros((n_layers, n_paths), np.int64)
    for night in range(horizon):
        arrived = arrivals[night].reshape(held.shape)
        held += supply[night] + arrived
        pending -= arrived
        order: NDArray[np.int64] | None = None
        if night % review == 0:
            number = night // review
            due = expected[np.arange(n_layers), night + cover - 1] - expected[:, night]
            position = held + pending + due[:, np.newaxis]
            wanted = np.where(position <= levels.reorder[:, number], levels.up_to[:, number] - position, 0.0)
            order = np.ceil(np.maximum(wanted, 0.0) / pack - 1e-9).astype(np.int64) * pack
            usd = (order * futures.unit_cost_usd).sum(axis=0)
            if (dear := usd > budget_usd).any():
                share = np.where(dear, budget_usd / np.maximum(usd, 1e-12), 1.0)
                order = np.where(dear, np.floor(order * share / pack + 1e-9).astype(np.int64) * pack, order)
            held += order * at_once
            pending += order * ~at_once
            arriving = night + futures.lead_time.ravel()[later]
            within = arriving < horizon
            # A path places one order of a layer at a time, so no cell is named twice.
            arrivals[arriving[within], later[within]] += order.ravel()[later[within]]
        used = np.minimum(needed[night], held)
        held -= used
        yield order, needed[night] - used, held


def _delivered(futures: Futures, further: int, review: int) -> Array:
    """(n_layers, nights) interceptors delivered by the start of each night, on average over the paths; so many nights
    further than the horizon at the rate of the last review period."""
    so_far = futures.supplied.mean(axis=1)
    span = min(review, so_far.shape[1] - 1)  # what the first night begins with is no delivery
    rate = (so_far[:, -1] - so_far[:, -1 - span]) / max(span, 1)
    return np.concatenate([so_far, so_far[:, -1:] + rate[:, np.newaxis] * np.arange(1, further + 1)], axis=1)


def _n_cycles(lead_time: NDArray[np.int64], horizon: int, review: int) -> int:
    return int((horizon - lead_time.max()) // review)


def _served(short: NDArray[np.bool_]) -> Array:
    served: Array = 1.0 - short.mean(axis=(1, 2))
    return served


def _by_cycle(out: NDArray[np.bool_], lead_time: NDArray[np.int64], review: int) -> NDArray[np.bool_]:
    """(n_layers, n_paths, n_cycles) whether any night of a cycle is out, of (horizon, n_layers, n_paths): the nights up
    to its end less those up to its start."""
    so_far = np.concatenate([np.zeros((1, *out.shape[1:]), np.int16), np.cumsum(out, axis=0, dtype=np.int16)])
    n_cycles = _n_cycles(lead_time, len(out), review)
    starts = lead_time + review * np.arange(n_cycles + 1)[:, np.newaxis, np.newaxis]
    within: NDArray[np.bool_] = np.moveaxis(np.diff(np.take_along_axis(so_far, starts, 0), axis=0) > 0, 0, 2)
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
        enough = _service(futures, review, levels_of(middle)) >= service_level - 1e-12
        low, high = (
            np.where(enough, low, np.minimum(middle, high - 1)),
            np.where(enough, np.minimum(middle, high), high),
        )
    found = levels_of(high)
    factor = high / PARTS * _used_per_drone(futures) if kind == "adjusted_base_stock" else high.astype(np.float64)
    return PolicyYear(
        kind, review, service_level, budget_usd, futures, factor, found, simulate(futures, review, found, budget_usd)
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
