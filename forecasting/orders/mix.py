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
Loss = Callable[[Sequence[Mix]], Sequence[float]]
"""Of each of these mixes: the engine evaluates several in less time than one after the other."""
Line = tuple[Callable[[int], Mix], int]
"""A mix for each whole number from 0 to a last one, each with as much or more of every layer."""
N_POINTS = 5
"""Of a frontier, where no other number is asked for."""
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
ON_THE_WAY = 2**12
"""Parts of the way from a start to the most of every layer."""
AT_ONCE = 32
"""Mixes of all, that are evaluated together."""
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


def least_of(loss: Loss, mixes: Sequence[Mix]) -> Mix:
    """The first of these with the least loss."""
    losses = loss(mixes)
    return mixes[min(range(len(mixes)), key=lambda number: losses[number])]


def buying_order(loss: Loss, market: Market, shortages: NDArray[np.int64]) -> list[tuple[int, int]]:
    """(layer, pieces) to buy one after the other, the most loss per dollar first, as if no layer bore on another.

    shortages: (n_layers, n_paths) pieces that the layer lacks. Of x more it uses x on a path that lacks as many, else
    all that it lacks: so what the most of a layer saves, which is evaluated, goes to the next piece in the share of the
    paths that lack more.
    """
    nothing = np.zeros_like(market.most)
    start, *alone = loss([nothing, *(changed(nothing, layer, int(market.most[layer])) for layer in market.layers)])
    parts = []
    for layer, with_most in zip(market.layers, alone, strict=True):
        saved = start - with_most
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


def starts_within(order: Sequence[tuple[int, int]], market: Market, budget_usd: float) -> list[Mix]:
    """What the budget buys in that order, and what it buys where one layer goes before all others, for each layer:
    exchanges of one piece for another do not lead from every mix to the best."""
    firsts = dict.fromkeys(layer for layer, _ in order)
    orders = [order, *(sorted(order, key=lambda part: part[0] != first) for first in firsts)]
    mixes = [bought(each, market, budget_usd) for each in orders]
    return [*{mix.tobytes(): mix for mix in mixes}.values()]


def least_loss(loss: Loss, market: Market, budget_usd: float, starts: Sequence[Mix], *, steps: int = MOST_STEPS) -> Mix:
    """The mix of least loss within the budget that exchanges lead to from any of the starts within it.

    Few mixes are all tried, those whose money is all spent; `steps` is then of no account.
    """
    if (mixes := every_mix(market)) is not None:
        left = budget_usd * (1 + HELPS) - mixes @ market.unit_cost_usd
        full = np.all((mixes >= market.most) | (left[:, np.newaxis] < market.unit_cost_usd * market.pack_size), axis=1)
        return least_of(loss, [*starts, *mixes[full & (left >= 0)]])
    return least_of(loss, [_descended(loss, market, budget_usd, start, steps) for start in starts])


def _descended(loss: Loss, market: Market, budget_usd: float, start: Mix, steps: int) -> Mix:
    best, least = start, loss([start])[0]
    while steps:
        exchanged = [
            (market.more(fewer, layer, budget_usd - market.cost(fewer)), layer)
            for fewer, layer in _exchanges(loss, market, best, steps, with_itself=True)
        ]
        tried = [mix for mix, layer in exchanged if mix[layer] > best[layer]]
        reached = np.array(loss(tried)) if tried else np.array([least])
        if reached.min() >= least - HELPS:
            break
        best, least = tried[int(reached.argmin())], float(reached.min())
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
    taken, given = list[list[Mix]](), list[list[Mix]]()
    for share in shares:
        taken.append([mix] if with_itself else [])
        for layer in market.layers:
            packs = -(-int(mix[layer]) // int(market.pack_size[layer]))
            pieces = min(max(round(share * packs), 1) * int(market.pack_size[layer]), int(mix[layer]))
            if pieces:
                taken[-1].append(changed(mix, layer, -pieces))
        given.append([market.more(mix, layer, share * market.cost(mix)) for layer in market.layers])
    every = [tried for each in (*taken, *given) for tried in each]
    known = {tried.tobytes(): lost for tried, lost in zip(every, loss(every), strict=True)}
    pairs = list[tuple[Mix, int]]()
    for fewer, more in zip(taken, given, strict=True):
        least_missed = sorted(fewer, key=lambda each: known[each.tobytes()])[:TRIED]
        helped = sorted(zip(market.layers, more, strict=True), key=lambda each: known[each[1].tobytes()])[:TRIED]
        pairs += product(least_missed, [layer for layer, _ in helped])
    return pairs


def least_cost(loss: Loss, market: Market, target: float, starts: Iterable[Mix], *, steps: int = MOST_STEPS) -> Mix:
    """The cheapest mix of at most that loss that exchanges lead to from any of the starts; the most that can be bought
    must reach the target. Few mixes are all tried, the cheapest first; starts and steps are then of no account."""
    if (mixes := every_mix(market)) is not None:
        rising: list[Mix] = list(mixes[np.argsort(mixes @ market.unit_cost_usd, kind="stable")])
        for first in range(0, len(rising), AT_ONCE):
            some = rising[first : first + AT_ONCE]
            if reaching := [mix for mix, lost in zip(some, loss(some), strict=True) if lost <= target]:
                return reaching[0]
    found = (_exchanged(loss, market, target, start, steps) for start in starts)
    return min(found, key=market.cost)


def _exchanged(loss: Loss, market: Market, target: float, start: Mix, steps: int) -> Mix:
    best = _trimmed(loss, market, target, enough(loss, market, target, start))
    while steps:
        cost = market.cost(best)
        lines = [
            _line(market, fewer, layer, int(market.more(fewer, layer, cost - market.cost(fewer))[layer]), PARTS)
            for fewer, layer in _exchanges(loss, market, best, steps, with_itself=False)
        ]
        tried = [mix for mix in first_that_reach(loss, target, lines) if mix is not None]
        found = min(tried, key=market.cost, default=best)
        if market.cost(found) >= (1 - SAVES) * cost:
            break
        best = _trimmed(loss, market, target, found)
    return best


def enough(loss: Loss, market: Market, target: float, start: Mix) -> Mix:
    """The start, or as little as will do of the way from it to the most of every layer."""

    def on_the_way(part: int) -> Mix:
        more = part / ON_THE_WAY * np.maximum(market.most - start, 0) / market.pack_size
        mix: Mix = start + np.ceil(more - 1e-9).astype(np.int64) * market.pack_size
        return mix

    if loss([start])[0] <= target:
        return start
    (found,) = first_that_reach(loss, target, [(on_the_way, ON_THE_WAY)])
    return on_the_way(ON_THE_WAY) if found is None else found


def _trimmed(loss: Loss, market: Market, target: float, mix: Mix) -> Mix:
    """The mix less what it does not need for the target, the dearest layer first."""
    for layer in sorted(market.layers, key=lambda each: -market.unit_cost_usd[each]):
        line = _line(market, changed(mix, layer, -int(mix[layer])), layer, int(mix[layer]))
        (fewer,) = first_that_reach(loss, target, [line])
        mix = mix if fewer is None else fewer
    return mix


def _line(market: Market, mix: Mix, layer: int, most: int, parts: int | None = None) -> Line:
    """The mix with more packs of a layer, up to `most` of it; in so many steps, or without that pack by pack."""
    packs = (most - int(mix[layer])) // int(market.pack_size[layer])
    step = int(market.pack_size[layer]) * max(1, packs // parts if parts else 1)
    return (lambda number: changed(mix, layer, number * step)), (most - int(mix[layer])) // step


def first_that_reach(loss: Loss, target: float, lines: Sequence[Line]) -> list[Mix | None]:
    """Of each line the first mix whose loss is at most the target; None where its last one's is more, or it has none.

    By the rule of false position and in thirds of what is left below, of all lines together.
    """
    ends = [[(-1, np.inf), (last, np.inf)] for _, last in lines]
    asked = [(number, n) for number, (_, last) in enumerate(lines) if last >= 0 for n in sorted({0, last})]
    reached = set[int]()
    while asked:
        for (number, n), lost in zip(asked, loss([lines[number][0](n) for number, n in asked]), strict=True):
            if lost <= target:
                reached.add(number)
                ends[number][1] = min(ends[number][1], (n, lost))
            else:
                ends[number][0] = max(ends[number][0], (n, lost))
        asked = [(number, n) for number in sorted(reached) for n in _between(ends[number][0], ends[number][1], target)]
    return [lines[number][0](ends[number][1][0]) if number in reached else None for number in range(len(lines))]


def _between(low: tuple[int, float], high: tuple[int, float], target: float) -> list[int]:
    """Whole numbers between these two, whose losses are above the target and at most that: where the chord meets the
    target, which is not below where a loss does that falls less and less, and below it."""
    (start, above), (end, below) = low, high
    if end - start <= 1:
        return []
    chord = start + (end - start) * (above - target) / (above - below)
    guess = min(max(int(np.ceil(chord)), start + 1), end - 1)
    return sorted({guess, *(start + (guess - start) * part // 3 for part in (1, 2))} - {start})


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
