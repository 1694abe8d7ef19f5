"""Which interceptors to buy: mixes that are found by linear programs and then evaluated, exchanged and corrected.

A loss, such as the mean number of leakers, is evaluated by the engine for whole mixes; nothing is known of it but that
more of any layer does not raise it. A start is found as if layers did not bear on each other, each of them saving less
with every piece: then the least loss for a budget is a linear program, whose solution is to buy by slope (Dantzig 1957,
Discrete-variable extremum problems). Then pieces are exchanged between layers, in ever smaller
steps, while the engine says that it helps: a pattern search (Kolda, Lewis and Torczon 2003, Optimization by direct
search).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mix = NDArray[np.int64]
"""(n_layers,) interceptors."""
Loss = Callable[[Mix], float]
SMALLER = 4
"""Each step of the search moves a quarter of what the one before did."""
MOST_STEPS = 6
TRIED = 3
"""Layers to take from, and to give to, in each exchange."""
MOST_MIXES = 1_500
"""Up to which all are tried."""
HELPS = 1e-9
SAVES = 1e-3
"""Share of the cost that an exchange has to save."""
PARTS = 16
"""Of what may be added of a layer: how finely an exchange is tried."""
SHARES = (*np.linspace(0.0, 0.9, 10), 0.95, 0.98, 0.99, 1.0)
"""Of the paths: where a layer's pieces are parted, as the next ones are used on fewer paths."""


@dataclass(frozen=True, eq=False)
class Market:
    """What can be bought: price of a piece in US dollars, pieces to a pack, and the most that any path could use, in
    whole packs; (n_layers,) each, with 0 as the most of a layer that nothing is bought for."""

    unit_cost_usd: Array
    pack_size: Mix
    most: Mix

    @classmethod
    def of(cls, unit_cost_usd: Array, pack_size: Mix, wanted: Mix) -> "Market":
        """wanted: the most that any path could use, rounded up to packs here."""
        return cls(unit_cost_usd, pack_size, -(-wanted // pack_size) * pack_size)

    @cached_property
    def layers(self) -> list[int]:
        """Those that can be bought for."""
        return [int(each) for each in np.flatnonzero(self.most > 0)]

    def cost(self, mix: Mix) -> float:
        """US dollars."""
        return float(mix @ self.unit_cost_usd)

    def whole(self, layer: int, pieces: float) -> int:
        """As many of these pieces as make whole packs."""
        pack = int(self.pack_size[layer])
        return int(np.floor(pieces / pack + 1e-9)) * pack

    def for_money(self, layer: int, usd: float) -> int:
        """Whole packs that the money buys."""
        price = float(self.unit_cost_usd[layer])
        return self.whole(layer, usd / price) if price > 0 else int(self.most[layer])

    def more(self, mix: Mix, layer: int, usd: float) -> Mix:
        """The mix with as much more of a layer as the money buys, or as can be used."""
        return changed(mix, layer, min(self.for_money(layer, usd), int(self.most[layer] - mix[layer])))


def changed(mix: Mix, layer: int, pieces: int) -> Mix:
    """The mix with so many pieces more of a layer."""
    mix = mix.copy()
    mix[layer] += pieces
    return mix


def buying_order(loss: Loss, market: Market, shortages: NDArray[np.int64]) -> list[tuple[int, int]]:
    """(layer, pieces) to buy one after the other, the most loss per dollar first, as if no layer bore on another.

    shortages: (n_layers, n_paths) pieces that the layer lacks. Of x more it uses x on a path that lacks as many, else
    all that it lacks: so what the most of a layer saves, which is evaluated, goes to the next piece in the share of the
    paths that lack more.
    """
    nothing = np.zeros_like(market.most)
    start, parts = loss(nothing), []
    for layer in market.layers:
        saved = start - loss(changed(nothing, layer, int(market.most[layer])))
        lacking = np.minimum(shortages[layer], market.most[layer])
        if saved <= 0 or not lacking.any():
            continue
        of_a_piece = saved / float(lacking.mean()) / max(float(market.unit_cost_usd[layer]), 1e-12)
        ends = sorted({market.whole(layer, each) for each in np.quantile(lacking, SHARES)} | {int(market.most[layer])})
        for low, high in zip([0, *ends], ends, strict=False):
            if high > low:
                used = np.clip(lacking - low, 0, high - low).mean() / (high - low)
                parts.append((-of_a_piece * float(used), layer, high - low))
    return [(layer, pieces) for slope, layer, pieces in sorted(parts) if slope < 0]


def bought(order: Sequence[tuple[int, int]], market: Market, budget_usd: float) -> Mix:
    """What the budget buys in that order; of the part that it does not pay in full, as many packs as it does."""
    mix, left = np.zeros_like(market.most), budget_usd
    for layer, pieces in order:
        taken = min(market.for_money(layer, left), pieces)
        mix[layer] += taken
        left -= taken * float(market.unit_cost_usd[layer])
    return mix


def least_loss(loss: Loss, market: Market, budget_usd: float, start: Mix, *, steps: int = MOST_STEPS) -> Mix:
    """The mix of least loss within the budget that exchanges lead to from a start within it.

    Few mixes are all tried, those whose money is all spent; `steps` is then of no account.
    """
    if (mixes := every_mix(market)) is not None:
        left = budget_usd * (1 + HELPS) - mixes @ market.unit_cost_usd
        full = np.all((mixes >= market.most) | (left[:, np.newaxis] < market.unit_cost_usd * market.pack_size), axis=1)
        return min([start, *mixes[full & (left >= 0)]], key=loss)
    best, least = start, loss(start)
    while steps:
        found = None
        for fewer, layer in _exchanges(loss, market, best, steps, with_itself=True):
            tried = market.more(fewer, layer, budget_usd - market.cost(fewer))
            if tried[layer] > best[layer] and (reached := loss(tried)) < least - HELPS:
                found, least = tried, reached
        if found is None:
            break
        best = found
    return best


def every_mix(market: Market) -> NDArray[np.int64] | None:
    """(n_mixes, n_layers) of whole packs; None where there are more than MOST_MIXES."""
    packs = market.most // market.pack_size + 1
    if np.prod(packs.astype(np.float64)) > MOST_MIXES:
        return None
    mixes: NDArray[np.int64] = np.stack(np.unravel_index(np.arange(packs.prod()), packs), axis=1) * market.pack_size
    return mixes


def _exchanges(loss: Loss, market: Market, mix: Mix, steps: int, *, with_itself: bool) -> list[tuple[Mix, int]]:
    """(a mix with less of one layer, a layer to have more of instead): of those whose pieces are missed least, and
    those that the same money helps most by itself.

    steps: from a quarter of a layer, or a pack, down to so many quarterings of it; all of it beside.
    """
    shares = [SMALLER**-step for step in range(1, steps + 1)] + ([1.0] if steps > 1 else [])
    pairs = list[tuple[Mix, int]]()
    for share in shares:
        usd, fewer = share * market.cost(mix), [mix] if with_itself else []
        for layer in market.layers:
            packs = -(-int(mix[layer]) // int(market.pack_size[layer]))
            pieces = min(max(round(share * packs), 1) * int(market.pack_size[layer]), int(mix[layer]))
            if pieces:
                fewer.append(changed(mix, layer, -pieces))

        def helped(layer: int, usd: float = usd) -> float:
            return loss(market.more(mix, layer, usd))

        pairs += product(sorted(fewer, key=loss)[:TRIED], sorted(market.layers, key=helped)[:TRIED])
    return pairs


def least_cost(loss: Loss, market: Market, target: float, starts: Iterable[Mix], *, steps: int = MOST_STEPS) -> Mix:
    """The cheapest mix of at most that loss that exchanges lead to from any of the starts; the most that can be bought
    must reach the target. Few mixes are all tried, the cheapest first; starts and steps are then of no account."""
    if (mixes := every_mix(market)) is not None:
        rising = np.argsort(mixes @ market.unit_cost_usd, kind="stable")
        return next(mix for mix in mixes[rising] if loss(mix) <= target)
    found = (_exchanged(loss, market, target, start, steps) for start in starts)
    return min(found, key=market.cost)


def _exchanged(loss: Loss, market: Market, target: float, start: Mix, steps: int) -> Mix:
    best = _trimmed(loss, market, target, enough(loss, market, target, start))
    while steps:
        cost = found_cost = market.cost(best)
        found = None
        for fewer, layer in _exchanges(loss, market, best, steps, with_itself=False):
            most = market.more(fewer, layer, found_cost - market.cost(fewer))
            tried = _least_of(loss, market, target, fewer, layer, int(most[layer]), parts=PARTS)
            if tried is not None and market.cost(tried) < found_cost - SAVES * cost:
                found, found_cost = tried, market.cost(tried)
        if found is None:
            break
        best = _trimmed(loss, market, target, found)
    return best


def enough(loss: Loss, market: Market, target: float, start: Mix) -> Mix:
    """The start, or as little as will do of the way from it to the most of every layer."""
    if loss(start) <= target:
        return start

    def on_the_way(part: float) -> Mix:
        packs = np.ceil(part * np.maximum(market.most - start, 0) / market.pack_size - 1e-9).astype(np.int64)
        mix: Mix = start + packs * market.pack_size
        return mix

    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if loss(on_the_way(middle)) <= target else (middle, high)
    return on_the_way(high)


def _trimmed(loss: Loss, market: Market, target: float, mix: Mix) -> Mix:
    """The mix less what it does not need for the target, the dearest layer first."""
    for layer in sorted(market.layers, key=lambda each: -market.unit_cost_usd[each]):
        fewer = _least_of(loss, market, target, changed(mix, layer, -int(mix[layer])), layer, int(mix[layer]))
        mix = mix if fewer is None else fewer
    return mix


def _least_of(
    loss: Loss, market: Market, target: float, mix: Mix, layer: int, most: int, *, parts: int | None = None
) -> Mix | None:
    """The mix with the fewest more packs of a layer, up to `most` of it, that reach the target; None where none do.

    parts: to so many parts of what may be added; without it, to the pack.
    """
    packs = (most - int(mix[layer])) // int(market.pack_size[layer])
    step = int(market.pack_size[layer]) * max(1, packs // parts if parts else 1)
    low, high = -1, (most - int(mix[layer])) // step
    if high < 0 or loss(changed(mix, layer, high * step)) > target:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if loss(changed(mix, layer, middle * step)) <= target else (middle, high)
    return changed(mix, layer, high * step)


def undominated(costs: Sequence[float], losses: Sequence[float]) -> list[int]:
    """Which points are on the frontier: each dearer than the one before, with a smaller loss.

    >>> undominated([0.0, 3.0, 1.0, 2.0], [9.0, 4.0, 7.0, 7.0])
    [0, 2, 1]
    """
    kept: list[int] = []
    for index in sorted(range(len(costs)), key=lambda each: (costs[each], losses[each])):
        if not kept or losses[index] < losses[kept[-1]] - HELPS:
            kept.append(index)
    return kept
