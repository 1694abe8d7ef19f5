"""What an order buys: leakers and warheads that it keeps away, on the same random numbers, with the error of that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.defence.trials import OrderOutcome

Array = NDArray[np.float64]
Trials = Callable[[Sequence[NDArray[np.int64]]], Sequence[OrderOutcome]]
"""What becomes of the paths with so many interceptors ordered of each layer, (n_layers,), for each such order."""

N_BATCHES = 20
MILLION = 1e6


def standard_error(values: Array) -> float:
    """Of the mean of (n_paths,) values, from the means of 20 batches into which the paths are dealt.

    As `forecasting.salvos.spread.standard_errors` has it for quantiles (Asmussen and Glynn 2007, Stochastic Simulation,
    IV.5). NaN where there are fewer than 40 paths.

    >>> round(standard_error(np.random.default_rng(1).standard_normal(2_000)), 3)
    0.025
    """
    if values.size < 2 * N_BATCHES:
        return float("nan")
    means = [values[batch::N_BATCHES].mean() for batch in range(N_BATCHES)]
    return float(np.std(means, ddof=1) / np.sqrt(N_BATCHES))


@dataclass(frozen=True, slots=True)
class Effect:
    """What so many pieces more do.

    pieces: interceptors. cost_usd: at the most likely prices. leakers: armed drones fewer that leak over the horizon,
    on average; leakers_error: the standard error of that, NaN where there are too few paths to say. warhead_kg: of
    theirs, NaN where no mass is stated.
    """

    pieces: int
    cost_usd: float
    leakers: float
    leakers_error: float
    warhead_kg: float = float("nan")
    warhead_kg_error: float = float("nan")

    @property
    def measurable(self) -> bool:
        """Whether it is more than twice its standard error."""
        return self.leakers > 2.0 * self.leakers_error

    @property
    def leakers_per_piece(self) -> float:
        """Armed leakers fewer for each interceptor; 0 where none is bought."""
        return self.leakers / self.pieces if self.pieces else 0.0

    @property
    def leakers_per_million_usd(self) -> float:
        """Armed leakers fewer for each million US dollars; 0 where nothing is paid."""
        return self.leakers / self.cost_usd * MILLION if self.cost_usd else 0.0


def effect(without: OrderOutcome, with_it: OrderOutcome, pieces: int, cost_usd: float) -> Effect:
    """Of the pieces by which two orders differ, path by path."""
    fewer = without.leakers - with_it.leakers
    mass = (float("nan"), float("nan"))
    if without.warhead_kg is not None and with_it.warhead_kg is not None:
        lighter = without.warhead_kg - with_it.warhead_kg
        mass = (float(lighter.mean()), standard_error(lighter))
    return Effect(pieces, cost_usd, float(fewer.mean()), standard_error(fewer), *mass)


@dataclass(frozen=True, slots=True)
class LayerWorth:
    """Of one layer. alone: its order and no other. more: the next pieces beside the whole order."""

    layer_id: str
    alone: Effect
    more: Effect


@dataclass(frozen=True, slots=True)
class OrderWorth:
    """What an order buys. n_paths: that it was tried on.

    leakers: armed drones that leak without it, on average. joint_risk: probability that some layer runs out, or below
    its minimum stock, before its next order arrives; joint_risk_without: without the order.
    """

    n_paths: int
    leakers: float
    together: Effect
    joint_risk: float
    joint_risk_without: float
    layers: tuple[LayerWorth, ...]


def compared_orders(quantities: NDArray[np.int64], more: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """No order, the whole one, that of each layer alone, and the whole one with its next pieces of each; see
    `order_worth`."""
    own, further = (np.diag(each)[more > 0] for each in (quantities, more))
    return [np.zeros_like(quantities), quantities, *own, *(quantities + further)]


def order_worth(
    trials: Trials,
    layer_ids: Sequence[str],
    quantities: NDArray[np.int64],
    unit_cost_usd: Array,
    more: NDArray[np.int64],
) -> OrderWorth:
    """What the order, (n_layers,) interceptors, buys in all and layer by layer.

    unit_cost_usd: (n_layers,). more: (n_layers,) the next pieces whose worth is asked; a layer with 0 is left out.
    """
    asked = np.flatnonzero(more).tolist()
    without, with_all, *tried = trials(compared_orders(quantities, more))
    layers = []
    for index, its_own, beside in zip(asked, tried[: len(asked)], tried[len(asked) :], strict=True):
        own, further, price = int(quantities[index]), int(more[index]), float(unit_cost_usd[index])
        layers.append(
            LayerWorth(
                layer_ids[index],
                effect(without, its_own, own, own * price),
                effect(with_all, beside, further, further * price),
            )
        )
    return OrderWorth(
        n_paths=without.leakers.size,
        leakers=float(without.leakers.mean()),
        together=effect(without, with_all, int(quantities.sum()), float(quantities @ unit_cost_usd)),
        joint_risk=with_all.joint_risk,
        joint_risk_without=without.joint_risk,
        layers=tuple(layers),
    )
