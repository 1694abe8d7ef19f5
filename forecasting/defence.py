"""Drone paths -> interceptors used and drones leaked, per layer, path and night.

A night in one layer: of the n drones that come to it, r ~ Binomial(n, engaged share) can be reached; it engages
e = min(r, capacity, what the stock allows); each engagement kills with the kill probability, k ~ Binomial(e, p); the
n - k that are left go to the next layer, and what the last layer leaves leaks (thinning of a layered defence;
Przemieniecki 2000, Mathematical Methods in Defense Analyses, ch. 6). An engagement uses floor(m) or floor(m) + 1
interceptors, m on average.

The ranges stand for what is not known: each path draws its own value of each from the triangular distribution and keeps
it over all nights, because not knowing a kill probability does not average out from night to night.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.layers import Defence, DefenceLayer
from forecasting.types import InterceptorDemand, SalvoForecast, StockOutlook

DAYS_PER_MONTH = 365.25 / 12
_DEFENCE_STREAM = 2
"""Splits the seed, so that another defence meets the same salvos."""


@dataclass(frozen=True, eq=False)
class _LayerDraw:
    """One layer's numbers, (n_paths,) each."""

    engaged_share: NDArray[np.float64]
    kill_probability: NDArray[np.float64]  # (n_paths, 1), or (n_paths, horizon) where it changes with the days
    capacity: NDArray[np.int64]
    per_engagement: NDArray[np.float64] | None
    opening: NDArray[np.int64]
    supplied: NDArray[np.int64]  # (n_paths, horizon), cumulative


@dataclass(frozen=True, eq=False)
class Engagements:
    """What the defence does with the stock it has, what it would need, and the stock of each layer that has one."""

    actual: InterceptorDemand
    unlimited: InterceptorDemand
    stocks: tuple[StockOutlook, ...]


def engage(
    forecast: SalvoForecast,
    defence: Defence,
    on_layer: Callable[[], object] = lambda: None,
    kill_factors: Mapping[str, NDArray[np.float64]] | None = None,
) -> Engagements:
    """Meets every path of the forecast with the defence, once with its stock and once with no end of it.

    kill_factors: layer -> (n_paths, horizon) how many times its kill probability is what the defence states, because
    the drones have changed; a layer without any keeps its own.

    on_layer: called after each of the 2 n_layers runs of a layer, to show progress.

    Both runs use the same draws: where the stock lasts on every path they are equal. Seeded by the forecast's seed.
    """
    seeds = np.random.SeedSequence([forecast.seed, _DEFENCE_STREAM]).spawn(2 * len(defence.layers))
    factors = kill_factors or {}
    draws = [
        _draw(layer, forecast.n_paths, forecast.horizon, factors.get(layer.id), np.random.default_rng(seed))
        for layer, seed in zip(defence.layers, seeds[::2], strict=True)
    ]
    layer_ids = tuple(layer.id for layer in defence.layers)
    actual = _run(forecast.paths, layer_ids, draws, seeds[1::2], on_layer, limited=True)
    unlimited = _run(forecast.paths, layer_ids, draws, seeds[1::2], on_layer, limited=False)
    stocks = tuple(
        StockOutlook(
            layer_id=layer_id,
            opening=draw.opening,
            supplied=draw.supplied,
            used=actual.interceptors[index],
            needed=unlimited.interceptors[index],
        )
        for index, (layer_id, draw) in enumerate(zip(layer_ids, draws, strict=True))
        if draw.per_engagement is not None
    )
    return Engagements(actual, unlimited, stocks)


def _draw(
    layer: DefenceLayer,
    n_paths: int,
    horizon: int,
    kill_factor: NDArray[np.float64] | None,
    rng: np.random.Generator,
) -> _LayerDraw:
    drawn = {name: stated.draw(rng, n_paths) for name, stated in layer.ranges.items()}
    none = np.zeros(n_paths)
    kill = drawn["kill_probability"][:, np.newaxis]
    per_day = drawn.get("monthly_supply", none) / DAYS_PER_MONTH
    days = np.arange(1, horizon + 1)
    return _LayerDraw(
        engaged_share=drawn["engaged_share"],
        kill_probability=kill if kill_factor is None else np.minimum(kill * kill_factor, 1.0),
        capacity=np.rint(drawn["engagements_per_night"]).astype(np.int64),
        per_engagement=drawn.get("interceptors_per_engagement"),
        opening=np.rint(drawn.get("stock", none)).astype(np.int64),
        supplied=np.floor(per_day[:, np.newaxis] * days).astype(np.int64),
    )


def _run(
    paths: NDArray[np.int64],
    layer_ids: tuple[str, ...],
    draws: list[_LayerDraw],
    seeds: list[np.random.SeedSequence],
    on_layer: Callable[[], object],
    *,
    limited: bool,
) -> InterceptorDemand:
    shape = (len(layer_ids), *paths.shape)
    engagements, kills, interceptors = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    remaining = paths.copy()
    for index, (draw, seed) in enumerate(zip(draws, seeds, strict=True)):
        rng = np.random.default_rng(seed)
        # All nights at once: what a layer can reach and its capacity do not depend on the nights before.
        reached = rng.binomial(remaining, draw.engaged_share[:, np.newaxis])
        wanted = np.minimum(reached, draw.capacity[:, np.newaxis])
        if draw.per_engagement is None:
            engagements[index] = wanted
        else:
            engagements[index], interceptors[index] = _spend(wanted, draw, limited, rng)
        kills[index] = rng.binomial(engagements[index], draw.kill_probability)
        remaining = remaining - kills[index]
        on_layer()
    return InterceptorDemand(layer_ids, engagements, kills, interceptors, remaining)


def _spend(
    wanted: NDArray[np.int64], draw: _LayerDraw, limited: bool, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Engagements that happen and interceptors they use, (n_paths, horizon) each.

    A night that would use more than there is engages only while the most that an engagement may use is at hand, so the
    last few interceptors can be left over.
    """
    assert draw.per_engagement is not None
    fewest = np.floor(draw.per_engagement).astype(np.int64)
    extra_share = draw.per_engagement - fewest
    extra = rng.binomial(wanted, extra_share[:, np.newaxis])
    used = wanted * fewest[:, np.newaxis] + extra
    if not limited:
        return wanted, used
    most = fewest + (extra_share > 0)
    engaged = wanted.copy()
    left = draw.opening.copy()
    for night in range(wanted.shape[1]):
        available = left + draw.supplied[:, night]
        short = used[:, night] > available
        if short.any():
            fits = available[short] // most[short]
            # Of the engagements that were wanted, which `fits` happen is chance, so which needed one more is too.
            needed_extra = rng.hypergeometric(extra[short, night], (wanted - extra)[short, night], fits)
            engaged[short, night] = fits
            used[short, night] = fits * fewest[short] + needed_extra
        left -= used[:, night]
    return engaged, used
