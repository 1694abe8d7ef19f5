"""How much to order for a service level."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.errors import InputError
from forecasting.defence.layers import Defence, DefenceLayer
from forecasting.defence.outcome import StockOutlook
from forecasting.defence.trials import covered_until
from forecasting.salvos.spread import standard_errors


def check_service_level(service_level: float) -> None:
    """Raises InputError where it is not between 0 and 1."""
    if not 0 < service_level < 1:
        raise InputError(
            "service level is {given}: expected more than 0 and less than 1, such as 0.95 (no stock covers every path "
            "with certainty)",
            field="service_level",
            given=service_level,
        )


@dataclass(frozen=True, slots=True)
class InterceptorOrder:
    """The least order of one layer that meets the service level from its arrival to the end of its review period.

    Parameters
    ----------
    layer_id : str
        Whose order it is.
    quantity : int
        Interceptors.
    service_level : float
        Asked for, between 0 and 1.
    cost_usd : (float, float, float)
        US dollars: quantity times low, mode and high of the unit cost.
    unavoidable_shortage : float
        Share of the paths on which the stock is out before the order arrives.
    stock_out_probability : float
        Share of the paths with a stock-out at any time until the review period ends, with it.
    quantity_error : float
        Standard error of the quantity, as there are so many paths and no more; NaN with fewer than 40.
    """

    layer_id: str
    quantity: int
    service_level: float
    cost_usd: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0))
    unavoidable_shortage: float = 0.0
    stock_out_probability: float = 0.0
    quantity_error: float = math.nan


@dataclass(frozen=True, eq=False)
class Cover:
    """What an order that is placed now, and no other, has to do on each path.

    A stock-out is a night after which less than the minimum stock is left; with a minimum of 0, one on which an
    interceptor is missing.

    Parameters
    ----------
    least_order : (n_paths,) array of int64
        The least order without a stock-out from its arrival to the end of the review period.
    short_before : (n_paths,) array of bool
        Whether the stock is out before it arrives, whatever is ordered.
    """

    least_order: NDArray[np.int64]
    short_before: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence["Cover"]) -> "Cover":
        """Of paths that follow each other.

        Parameters
        ----------
        parts : sequence of Cover
            Each of some of the paths, in their order.

        Returns
        -------
        Cover
            Of all these paths.
        """
        return cls(
            np.concatenate([part.least_order for part in parts]), np.concatenate([part.short_before for part in parts])
        )

    @property
    def unavoidable_shortage(self) -> float:
        """Share of the paths on which the stock is out before an order can arrive."""
        return float(self.short_before.mean())

    def stock_out_probability(self, quantity: float) -> float:
        """How likely a stock-out is at any time, before the arrival or after.

        Parameters
        ----------
        quantity : float
            Interceptors ordered.

        Returns
        -------
        float
            Share of the paths.
        """
        return float((self.short_before | (self.least_order > quantity)).mean())

    def order_up_to(self, service_level: float) -> int:
        """The least order with P(no stock-out from its arrival to the end of the review period) >= service_level.

        The sample quantile of what the paths need: the base stock of an order-up-to policy under periodic review, which
        covers the lead time and the review period, less what is in hand and due. Shortage before the arrival is not
        counted, as no order can help it.

        Parameters
        ----------
        service_level : float
            Between 0 and 1.

        Returns
        -------
        int
            Interceptors.

        Raises
        ------
        InputError
            Where service_level is not between 0 and 1.

        References
        ----------
        Snyder and Shen (2019), Fundamentals of Supply Chain Theory, 4.3.4.
        """
        check_service_level(service_level)
        # The smallest sample value that at least this share of the paths does not exceed; no interpolation below it.
        rank = max(1, math.ceil(service_level * self.least_order.size - 1e-9))
        return int(np.sort(self.least_order)[rank - 1])


def cover(
    needed: NDArray[np.int64],
    available: NDArray[np.int64],
    *,
    lead_time: ArrayLike = 0,
    review_period: ArrayLike | None = None,
    minimum_stock: int = 0,
) -> Cover:
    """What an order placed at the origin has to cover: lead_time + review_period nights, until the next one arrives.

    What is missing is not fired later: the drones have passed. So a shortage before the arrival leaves less to replace
    (lost sales; the stock after night t is available - needed, summed, plus the largest shortage so far).

    Parameters
    ----------
    needed : (n_paths, horizon) array of int64
        Interceptors a night had there been enough.
    available : (n_paths, horizon) array of int64
        Opening stock and all deliveries by the start of the night.
    lead_time : int or (n_paths,) array_like
        Whole nights before the order can be used.
    review_period : int or (n_paths,) array_like, optional
        Nights from one order to the next; None: to the end of the horizon.
    minimum_stock : int
        Interceptors that should always be left; they are fired when nothing else is.

    Returns
    -------
    Cover

    Raises
    ------
    InputError
        Where the nights do not fit into the horizon, or a number is below 0.

    References
    ----------
    Lindley (1952), The theory of queues with a single server.

    Examples
    --------
    Ten in hand, and three paths of three nights. An order that is there from the second night on:

    >>> needed = np.array([[2, 3, 1], [4, 4, 6], [12, 1, 1]])
    >>> needs = cover(needed, np.full((3, 3), 10), lead_time=1)
    >>> needs.least_order
    array([0, 4, 2])

    The third path is short by two before the order can arrive, whatever is ordered:

    >>> needs.short_before
    array([False, False,  True])
    >>> needs.order_up_to(0.6), round(needs.stock_out_probability(2), 2)
    (2, 0.67)
    """
    n_paths, horizon = needed.shape
    arrival = np.broadcast_to(np.asarray(lead_time, dtype=np.int64), n_paths)[:, np.newaxis]
    review = np.asarray(1 if review_period is None else review_period, dtype=np.int64)
    last = np.full_like(arrival, horizon)
    if review_period is not None:
        last = arrival + np.broadcast_to(review, n_paths)[:, np.newaxis]
    if arrival.min() < 0 or minimum_stock < 0 or review.min() < 1:
        raise InputError(
            f"lead time {arrival.min()}, review period {review.min()}, minimum stock {minimum_stock}: expected a lead "
            "time and a minimum stock of 0 or more, and a review period of 1 night or more"
        )
    if max(last.max(), arrival.max() + 1) > horizon:
        raise InputError(
            f"lead time {arrival.max()} and review period {review.max()} together are longer than the horizon, "
            f"{horizon} nights: take a longer horizon"
        )
    missing = np.cumsum(needed, axis=1) - available
    night = np.arange(horizon)
    before = night < arrival
    covered = ~before & (night < last)
    lost = np.where(before, missing, 0).max(axis=1, initial=0)
    deepest = missing.max(axis=1, where=covered, initial=np.iinfo(np.int64).min // 2)
    return Cover(
        least_order=np.maximum(deepest + minimum_stock - lost, 0),
        short_before=np.any(before & (missing + minimum_stock > 0), axis=1),
    )


def cover_of(outlook: StockOutlook, layer: DefenceLayer, lead_time: ArrayLike = 0, end: int | None = None) -> Cover:
    """What an order for the layer has to cover: from its arrival to the end of the review period that the layer states,
    or else as `forecasting.defence.trials.covered_until` has it.

    lead_time: whole nights to its arrival, one number or (n_paths,). end: of the horizon that is planned for, where
    the outlook goes further; None: where it does not. Raises InputError where these nights do not fit
    into the horizon.
    """
    available, lead_time = outlook.opening[:, np.newaxis] + outlook.supplied, np.asarray(lead_time)
    try:
        return cover(
            outlook.needed,
            available,
            lead_time=lead_time,
            review_period=layer.review_days if end is None else covered_until(layer, lead_time, end) - lead_time,
            minimum_stock=layer.minimum_stock,
        )
    except InputError as error:
        raise InputError(f"layer {layer.id}: {error}") from error


def order_for_horizon(
    outlook: StockOutlook, defence: Defence, service_level: float, lead_time: ArrayLike = 0, end: int | None = None
) -> InterceptorOrder:
    """The least order of whole packs with P(no stock-out from its arrival to the end of the review period) >=
    service_level.

    lead_time, end: see `cover_of`. Raises InputError where service_level is not between 0 and 1.
    """
    layer = defence.layer(outlook.layer_id)
    return least_order(cover_of(outlook, layer, lead_time, end), layer, service_level)


def least_order(needs: Cover, layer: DefenceLayer, service_level: float) -> InterceptorOrder:
    """The same for what the order of a layer has to cover."""
    return order_of(needs, layer, needs.order_up_to(service_level), service_level)


def order_of(
    needs: Cover, layer: DefenceLayer, wanted: int, service_level: float, layer_level: float | None = None
) -> InterceptorOrder:
    """The order of whole packs of so many interceptors that are wanted.

    service_level: asked for. layer_level: that of this layer alone, of which the interceptors are the quantile.
    """
    quantity = -(-wanted // layer.pack_size) * layer.pack_size
    unit_cost = layer.unit_cost_usd
    assert unit_cost is not None
    level = service_level if layer_level is None else layer_level
    return InterceptorOrder(
        layer_id=layer.id,
        quantity=quantity,
        service_level=service_level,
        cost_usd=(quantity * unit_cost.low, quantity * unit_cost.mode, quantity * unit_cost.high),
        unavoidable_shortage=needs.unavoidable_shortage,
        stock_out_probability=needs.stock_out_probability(quantity),
        quantity_error=float(standard_errors(needs.least_order, [level])[0]) if level < 1 else math.nan,
    )
