"""What the program of the requirement knows, from what the defence does on the sample paths with no end of stock."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.messages import Message
from features.stock_flow import NewModel
from forecasting.defence.blocks import Levels
from forecasting.defence.engagement import armed_averages
from forecasting.defence.layers import NIGHT_HOURS, Defence, DefenceLayer
from forecasting.defence.outcome import Engagements
from forecasting.orders.requirement import DefenceProgram
from forecasting.salvos.forecast import SalvoForecast

ENGAGEMENTS_OF_A_UNIT = 10.0
"""What one more fire unit adds to a layer whose capacity is stated as a number of engagements a night."""

Array = NDArray[np.float64]


def defence_program(
    forecast: SalvoForecast,
    defence: Defence,
    engagements: Engagements,
    *,
    levels: Levels = (),
    kill_factors: Mapping[str, Array] | None = None,
    new_models: Sequence[NewModel] = (),
) -> DefenceProgram:
    """The program for these paths; the same levels, kill factors and new models as were given to `engage`.

    An engagement of the program is all the fire on one armed drone: r rounds of k attempts that each hit with p kill
    with 1 - (1 - q)^r, q = 1 - (1 - p)^k, and take k (1 + (1 - q) + ... + (1 - q)^(r - 1)) attempts on average. The
    program has one kill probability a path: that of the best night, and a night that kills a share x of it has x times
    the reach and the capacity, so that it kills as many, at as many interceptors on average. Where decoys are fired at
    too, an armed drone has its share of the capacity, and the interceptors that they take are counted with it. Fire
    channels serve as many drones as there is time for (the fluid limit): waves that leave some idle are not seen. There
    is one kind of armed drone: the mix as launched, not what the layers leave of it.
    """
    met, factors = engagements.unlimited, kill_factors or {}
    came, decoys = (
        (kills.sum(axis=0) + leakers).astype(np.float64)
        for kills, leakers in ((met.kills, met.leakers), (met.decoy_kills, met.decoy_leakers))
    )
    armed, by_path = came, (len(defence.layers), forecast.n_paths)
    kill_probability, interceptors, lead_time = (np.zeros(by_path) for _ in range(3))
    capacity, available = (np.zeros((*by_path, forecast.horizon)) for _ in range(2))
    reach, of_kinds, more_each = armed_averages(forecast, defence, levels, new_models)
    stocks = {stock.layer_id: stock for stock in engagements.stocks}
    for index, layer in enumerate(defence.layers):
        drawn = engagements.draws[index]
        kill = drawn["kill_probability"][:, np.newaxis] * factors.get(layer.id, 1.0)
        kill = np.minimum(kill * of_kinds[index], 1.0)
        missed = (1.0 - kill) ** layer.salvo_of
        rounds = np.sum([missed**number for number in range(layer.rounds)], axis=0)
        killed = np.broadcast_to(1.0 - missed**layer.rounds, armed.shape)
        kill_probability[index] = killed.max(axis=1)
        best = kill_probability[index][:, np.newaxis]
        of_best = np.divide(killed, best, out=np.ones_like(armed), where=best > 0)
        fired_at = came + decoys * (1.0 - drawn.get("decoy_discrimination", np.zeros(1)))[:, np.newaxis]
        part = np.divide(came, fired_at, out=np.ones_like(came), where=fired_at > 0)
        reach[index] *= of_best
        capacity[index] = _drones_a_night(defence, layer, drawn)[:, np.newaxis] / rounds * part * of_best
        if stock := stocks.get(layer.id):
            taken = drawn["interceptors_per_engagement"][:, np.newaxis] * more_each[index] * layer.salvo_of * rounds
            interceptors[index] = _mean(taken, fired_at) / _mean(part * of_best, fired_at)
            lead_time[index] = engagements.lead_time(index)
            available[index] = stock.opening[:, np.newaxis] + stock.supplied
        came, decoys = came - met.kills[index], decoys - met.decoy_kills[index]
    prices = [layer.unit_cost_usd for layer in defence.layers]
    return DefenceProgram(
        layer_ids=tuple(layer.id for layer in defence.layers),
        armed=armed,
        reach=reach,
        kill_probability=kill_probability,
        capacity=capacity,
        interceptors=interceptors,
        lead_time=lead_time,
        available=available,
        unit_cost_usd=np.array([price.mode if price else 0.0 for price in prices]),
        limit=np.array([np.inf if price else 0.0 for price in prices]),
    )


def fire_units(
    program: DefenceProgram, defence: Defence, engagements: Engagements
) -> tuple[tuple[Message, ...], Array]:
    """Per layer: what a fire unit of it is, and how many armed drones a night one more can engage."""
    made, more = [], np.zeros(len(defence.layers))
    for index, (layer, drawn) in enumerate(zip(defence.layers, engagements.draws, strict=True)):
        units = drawn.get("fire_channels", drawn.get("engagements_per_night", np.ones(1)) / ENGAGEMENTS_OF_A_UNIT)
        more[index] = program.capacity[index].mean() / max(units.mean(), 1e-9)
        made.append(
            Message.of("fire_channel", layer=layer.id)
            if layer.fire_channels
            else Message.of("fire_unit", layer=layer.id, engagements=ENGAGEMENTS_OF_A_UNIT)
        )
    return tuple(made), more


def _drones_a_night(defence: Defence, layer: DefenceLayer, drawn: Mapping[str, Array]) -> Array:
    """(n_paths,) drones that it could fire one round at."""
    if layer.engagements_per_night is not None:
        return np.rint(drawn["engagements_per_night"]) / layer.salvo_of
    hours = sum(wave.hours for wave in defence.waves) or NIGHT_HOURS
    return np.rint(drawn["fire_channels"]) * hours * 60.0 / drawn["service_minutes"]


def _mean(values: Array, weights: Array) -> Array:
    """(n_paths,) of the nights; of all alike where the weights are 0."""
    weights = weights + 1e-9
    mean: Array = (values * weights).sum(axis=1) / weights.sum(axis=1)
    return mean
