"""The cascade of `forecasting.defence.engagement` in expectation: what each layer kills on average, drawing nothing."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from forecasting.defence.layers import NIGHT_HOURS, Defence, DefenceLayer
from forecasting.defence.saturation import served

Array = NDArray[np.float64]


def expected_kill_shares(
    defence: Defence, values: Sequence[Mapping[str, Array]], launched: Array, armed_share: float | None = None
) -> Array:
    """(n_layers, n_draws, n_sizes) share of the drones of a night of `launched`, (n_sizes,), that each layer kills on
    average, with no end of interceptors.

    values: see `Draws.values`. The means of `forecasting.defence.engagement`, with the drones that a layer reaches
    taken as normal where its limit cuts into their spread, and daylight_share at its mean.
    """
    weather = any(layer.weather_share is not None for layer in defence.layers)
    # Bad weather is the same for all layers: averaged over its level, not layer by layer.
    levels = (np.arange(8) + 0.5) / 8 if weather else np.array([0.0])
    shares: Array = np.mean([_kill_shares(defence, values, launched, armed_share, level) for level in levels], axis=0)
    return shares


def _kill_shares(
    defence: Defence, values: Sequence[Mapping[str, Array]], launched: Array, armed_share: float | None, weather: float
) -> Array:
    n_draws = next(iter(values[0].values())).size
    sizes = np.broadcast_to(np.maximum(launched, 1e-9), (n_draws, launched.size))
    came = [sizes] if armed_share is None else [sizes * armed_share, sizes * (1.0 - armed_share)]
    shares = np.empty((len(defence.layers), n_draws, launched.size))
    for index, (layer, drawn) in enumerate(zip(defence.layers, values, strict=True)):
        reach = _reach(defence, layer, drawn, weather)
        reached = [drones * reach[:, np.newaxis] for drones in came]
        if len(reached) > 1 and layer.decoy_discrimination is not None:
            reached[1] = reached[1] * (1.0 - drawn["decoy_discrimination"])[:, np.newaxis]
        total = reached[0] if len(reached) == 1 else reached[0] + reached[1]
        killed = _kills(defence, layer, drawn, total, sizes)
        shares[index] = killed / sizes
        if len(came) == 1:
            came = [came[0] - killed]
        else:
            part = killed / np.maximum(total, 1e-9)
            came = [drones - part * hit for drones, hit in zip(came, reached, strict=True)]
    return shares


def _reach(defence: Defence, layer: DefenceLayer, drawn: Mapping[str, Array], weather: float) -> Array:
    reach = drawn["engaged_share"]
    if layer.works != "always" and (light := defence.daylight_share) is not None:
        daylight = (light.low + light.mode + light.high) / 3.0
        reach = reach * (daylight if layer.works == "day" else 1.0 - daylight)
    return reach * (weather < drawn["weather_share"]) if layer.weather_share is not None else reach


def _kills(defence: Defence, layer: DefenceLayer, drawn: Mapping[str, Array], reached: Array, sizes: Array) -> Array:
    """(n_draws, n_sizes) drones killed of those reached, on average."""
    missed = (1.0 - drawn["kill_probability"]) ** layer.salvo_of
    kill = (1.0 - missed)[:, np.newaxis]
    engaged, left = reached, np.full((reached.shape[0], 1), np.inf)
    if layer.engagements_per_night is not None:
        left = np.floor(np.rint(drawn["engagements_per_night"]) / layer.salvo_of)[:, np.newaxis]
    killed = np.zeros(reached.shape)
    for number in range(layer.rounds):
        if number == 0 and layer.fire_channels is not None:
            hours = drawn["service_minutes"] / 60.0 * sum(missed**attempt for attempt in range(layer.rounds))
            waves = [(wave.share, wave.hours) for wave in defence.waves] or [(1.0, NIGHT_HOURS)]
            engaged = served(reached, np.rint(drawn["fire_channels"])[:, np.newaxis], hours[:, np.newaxis], waves)
        engaged = _least(engaged, engaged * (1.0 - engaged / sizes), left)
        killed += engaged * kill
        left = np.maximum(left - engaged, 0.0)
        engaged = engaged * (1.0 - kill)
    return killed


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
