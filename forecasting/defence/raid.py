"""A layer against several classes of weapon in one night: the first in its order of priority, then the next with what
rounds of fire, channels and interceptors are left.

A class that comes later leaves those before it as they are. Where fewer come of one, more is left for the next: so no
more of any class pass, which the laws of `forecasting.defence.engagement` rest on. With one class it is
`forecasting.defence.night` alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.messages import Message
from forecasting.defence.layers import Defence
from forecasting.defence.night import Array, Fought, Kinds, Layer, fought, fought_anew, fought_with, mean_over
from forecasting.salvos.joint import Threat

Raid = Mapping[str, Kinds]
"""Class of weapon -> how many come, by kind."""


def fought_in_turn(layers: Mapping[str, Layer], came: Raid) -> dict[str, Fought]:
    """Class -> what the layer does to it with all the interceptors that it needs. layers: the layer as it meets each
    class, in its order of priority."""
    done: dict[str, Fought] = {}
    for name, layer in layers.items():
        done[name] = fought(_behind(layer, layers, done), came[name])
    return done


def fought_in_turn_anew(
    layers: Mapping[str, Layer], before: Mapping[str, Fought], came: Raid, came_before: Raid
) -> dict[str, Fought]:
    """`fought_in_turn(layers, came)`, where `before` is what it was with came_before."""
    done: dict[str, Fought] = {}
    for name, layer in layers.items():
        changed = [
            (now.engagements != before[first].engagements) | (now.reached != before[first].reached).any(axis=0)
            for first, now in done.items()
        ]
        done[name] = fought_anew(
            _behind(layer, layers, done),
            before[name],
            came[name],
            came_before[name],
            np.logical_or.reduce(changed) if changed else None,
        )
    return done


def fought_in_turn_with(
    layers: Mapping[str, Layer], wanted: Mapping[str, Fought], available: Array
) -> Mapping[str, Fought]:
    """The night with the interceptors that are available: the first class takes what it wants of them. `wanted` itself
    where they last."""
    if not (used_by_all(wanted) > available).any():
        return wanted
    done, left = dict[str, Fought](), available
    for name, layer in layers.items():
        done[name] = fought_with(_behind(layer, layers, dict(_until(wanted, name))), wanted[name], left)
        left = left - done[name].used
    return done


def survivors(done: Mapping[str, Fought], came: Raid) -> Raid:
    """What goes on to the next layer."""
    return {name: done[name].survivors(each) if name in done else each for name, each in came.items()}


def used_by_all(done: Mapping[str, Fought]) -> Array:
    """(n_cells,) interceptors."""
    return _sum(each.used for each in done.values())


def engaged_by_all(done: Mapping[str, Fought]) -> Array:
    """(n_cells,) engagements."""
    return _sum(each.engagements for each in done.values())


def notes_of_raid(defence: Defence, threats: Sequence[Threat]) -> tuple[Message, ...]:
    """What of a raid rests on no record, and what no layer meets."""
    met = {name for layer in defence.layers for name in layer.classes}
    stated = (
        Message.of("threat_without_series", weapons=each.weapon_class, n=each.per_week or 0.0)
        for each in threats
        if each.model_id is None
    )
    passing = (each.weapon_class for each in threats if each.weapon_class not in met)
    return (*stated, *(Message.of("threat_met_by_none", weapons=name) for name in passing))


def _sum(arrays: Iterator[Array]) -> Array:
    total = next(arrays)
    for each in arrays:
        total = total + each
    return total


def _until(done: Mapping[str, Fought], name: str) -> Iterator[tuple[str, Fought]]:
    for each, fought_each in done.items():
        if each == name:
            return
        yield each, fought_each


def _behind(layer: Layer, layers: Mapping[str, Layer], ahead: Mapping[str, Fought]) -> Layer:
    """The layer with what the classes ahead leave of it."""
    if not ahead:
        return layer
    layer = layer.taken
    fire, channels = layer.fire, layer.fire.channels
    rounds: NDArray[np.float64] = np.maximum(fire.rounds - engaged_by_all(ahead) / fire.salvo_of, 0.0)
    if channels is not None:
        targets = _sum(each.reached.sum(axis=0) for each in ahead.values())
        hours = np.zeros(targets.shape)
        for name, done in ahead.items():
            first = layers[name].taken.fire.channels
            assert first is not None
            hours += mean_over(first.service_hours, done.reached) * done.reached.sum(axis=0)
        own = channels.service_hours[0]
        held = np.where(targets > 0, hours / np.maximum(targets, 1.0), own)
        channels = replace(channels, ahead=(targets, held))
    return replace(layer, fire=replace(fire, rounds=rounds, channels=channels))
