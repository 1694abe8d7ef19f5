"""The cascade of `forecasting.defence.engagement` in expectation: what each layer kills on average, drawing nothing."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from features.stated import SourcedRange
from forecasting.defence.layers import COMMON, DECOY, NIGHT_HOURS, Defence, DefenceLayer
from forecasting.defence.saturation import served

Array = NDArray[np.float64]


def expected_kill_shares(
    defence: Defence,
    values: Sequence[Mapping[str, Array]],
    launched: Array,
    armed_share: float | None = None,
    kind_shares: Mapping[str, float] | None = None,
) -> Array:
    """(n_layers, n_draws, n_sizes) share of the drones of a night of `launched`, (n_sizes,), that each layer kills on
    average, with no end of interceptors.

    values: see `Draws.values`. kind_shares: kind of armed drone, beside the common one -> its share of them. The means
    of `forecasting.defence.engagement`, with the drones that a layer reaches taken as normal where its limit cuts into
    their spread, and daylight_share, and what layers do to other kinds where `values` do not say, at their means.
    """
    parts = dict(kind_shares or {})
    parts = {COMMON: 1.0 - sum(parts.values()), **parts}
    if armed_share is not None:
        parts = {kind: part * armed_share for kind, part in parts.items()} | {DECOY: 1.0 - armed_share}
    weather = any(layer.weather_share is not None for layer in defence.layers)
    # Bad weather is the same for all layers: averaged over its level, not layer by layer.
    levels = (np.arange(8) + 0.5) / 8 if weather else np.array([0.0])
    shares: Array = np.mean([_kill_shares(defence, values, launched, parts, level) for level in levels], axis=0)
    return shares


def _kill_shares(
    defence: Defence,
    values: Sequence[Mapping[str, Array]],
    launched: Array,
    parts: Mapping[str, float],
    weather: float,
) -> Array:
    n_draws = next(iter(values[0].values())).size
    sizes = np.broadcast_to(np.maximum(launched, 1e-9), (n_draws, launched.size))
    came = {kind: sizes if part == 1.0 else sizes * part for kind, part in parts.items()}
    shares = np.empty((len(defence.layers), n_draws, launched.size))
    for index, (layer, drawn) in enumerate(zip(defence.layers, values, strict=True)):
        reach = _reach(defence, layer, drawn, weather)
        groups: dict[str, dict[str, Array]] = {}
        for kind, drones in came.items():
            reached = drones * (reach * _factor(layer, drawn, kind, "reach"))[:, np.newaxis].clip(0.0, 1.0)
            if kind == DECOY and layer.decoy_discrimination is not None:
                reached = reached * (1.0 - drawn["decoy_discrimination"])[:, np.newaxis]
            # Kinds that a layer kills alike are one to it.
            alike = kind if _ranged(layer, kind, "kill_probability") else COMMON
            groups.setdefault(alike, {})[kind] = reached
        totals = [_sum(group.values()) for group in groups.values()]
        kills = [
            np.minimum(drawn["kill_probability"] * _factor(layer, drawn, kind, "kill_probability"), 1.0)
            for kind in groups
        ]
        killed = _kills(defence, layer, drawn, totals, kills, sizes)
        shares[index] = _sum(killed) / sizes
        for group, total, hits in zip(groups.values(), totals, killed, strict=True):
            part = hits / np.maximum(total, 1e-9)
            for kind, reached in group.items():
                came[kind] = came[kind] - (hits if len(came) == 1 else part * reached)
    return shares


def _sum(arrays: Iterable[Array]) -> Array:
    return reduce(np.add, arrays)


def _ranged(layer: DefenceLayer, kind: str, quantity: str) -> SourcedRange | None:
    """What a layer states of a quantity against a kind, where that differs."""
    return layer.ranges.get(f"against.{kind}.{quantity}")


def _factor(layer: DefenceLayer, drawn: Mapping[str, Array], kind: str, quantity: str) -> Array | float:
    """How many times a quantity of the layer is that against the common armed drone."""
    stated = _ranged(layer, kind, quantity)
    if stated is None:
        return 1.0
    return drawn.get(f"against.{kind}.{quantity}", stated.mean)


def _reach(defence: Defence, layer: DefenceLayer, drawn: Mapping[str, Array], weather: float) -> Array:
    reach = drawn["engaged_share"]
    if layer.works != "always" and (light := defence.daylight_share) is not None:
        daylight = light.mean
        reach = reach * (daylight if layer.works == "day" else 1.0 - daylight)
    return reach * (weather < drawn["weather_share"]) if layer.weather_share is not None else reach


def _kills(
    defence: Defence,
    layer: DefenceLayer,
    drawn: Mapping[str, Array],
    reached: Sequence[Array],
    kills: Sequence[Array],
    sizes: Array,
) -> list[Array]:
    """(n_draws, n_sizes) each, drones killed of those reached, on average, by group of kinds that are killed alike.

    kills: (n_draws,) each, how likely an engagement kills one of the group.
    """
    missed = [(1.0 - kill) ** layer.salvo_of for kill in kills]
    engaged, left = list(reached), np.full((sizes.shape[0], 1), np.inf)
    if layer.engagements_per_night is not None:
        left = np.floor(np.rint(drawn["engagements_per_night"]) / layer.salvo_of)[:, np.newaxis]
    killed = [np.zeros(sizes.shape) for _ in reached]
    for number in range(layer.rounds):
        total = _sum(engaged)
        allowed = total
        if number == 0 and layer.fire_channels is not None:
            hours = [
                drawn["service_minutes"] / 60.0 * sum(miss**attempt for attempt in range(layer.rounds))
                for miss in missed
            ]
            mean = hours[0][:, np.newaxis] if len(hours) == 1 else _mean(hours, engaged)
            waves = [(wave.share, wave.hours) for wave in defence.waves] or [(1.0, NIGHT_HOURS)]
            allowed = served(total, np.rint(drawn["fire_channels"])[:, np.newaxis], mean, waves)
        allowed = _least(allowed, allowed * (1.0 - allowed / sizes), left)
        # All in one group: no rounding by a share that is 1.
        part = allowed / np.maximum(total, 1e-9)
        engaged = [allowed] if len(engaged) == 1 else [each * part for each in engaged]
        for group, miss in enumerate(missed):
            kill = (1.0 - miss)[:, np.newaxis]
            killed[group] += engaged[group] * kill
            engaged[group] = engaged[group] * (1.0 - kill)
        left = np.maximum(left - allowed, 0.0)
    return killed


def _mean(values: Sequence[Array], drones: Sequence[Array]) -> Array:
    """(n_draws, n_sizes) average over the drones of values (n_draws,) by group."""
    whole = _sum(value[:, np.newaxis] * each for value, each in zip(values, drones, strict=True))
    mean: Array = np.maximum(whole, 1e-9) / np.maximum(_sum(drones), 1e-9)
    return mean


def _least(mean: Array, variance: Array, limit: Array) -> Array:
    """E min(X, limit) of a normal X (Clark 1961, The greatest of a finite set of random variables, eq. 2)."""
    if np.isinf(limit).all():
        return mean
    deviation = np.sqrt(variance)
    near = np.flatnonzero(np.abs(mean - limit) < 4.0 * deviation)
    least: Array = np.minimum(mean, limit)
    at, spread = mean.take(near), deviation.take(near)
    z = (np.broadcast_to(limit, mean.shape).take(near) - at) / spread
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    least.put(near, at + spread * (z * ndtr(-z) - density))
    # A normal number may be negative, a number of drones is not.
    return np.maximum(least, 0.0)
