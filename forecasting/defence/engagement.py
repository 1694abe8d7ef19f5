"""Drone paths -> interceptors used and drones leaked, per layer, path and night.

A night in one layer. Of the a armed drones and d decoys that come to it, r ~ Binomial(a, s) and Binomial(d, s (1 - t))
are reached: s the share that it engages, times the share that comes in its hours, and 0 where the weather forbids it; t
the share of the decoys that it tells apart. Of these it engages as many as capacity or free fire channels
(`forecasting.defence.saturation`) and the stock allow; armed drones and decoys are let pass in proportion. An
engagement kills with probability p; a round is `salvo_of` of them at once on each drone, and kills with 1 - (1 -
p)^salvo_of; the drones that live are engaged again, up to `rounds` times. What is left comes to the next layer, and
what the last leaves leaks (thinning of a layered defence; Przemieniecki 2000, Mathematical Methods in Defense Analyses,
ch. 6). An engagement uses floor(m) or floor(m) + 1 interceptors, m on average.

Armed drones are of kinds: the common one, those that the defence names, and the new models of a scenario. Each has its
share of them, and against it each layer has s, p and m times a factor. Every kind is followed apart through all layers,
so what survives is rightly rich in the hard ones; an averaged p would have each layer meet the mix of the launches.

The ranges stand for what is not known: each path draws its own value of each from the triangular distribution and keeps
it over all nights, because not knowing a kill probability does not average out from night to night.

Common random numbers. Every draw is a quantile (`forecasting.defence.thinning`) at a uniform number that belongs to its
path, night, layer and purpose, whatever the defence. So of two defences that differ in one layer alone, on every path
and night, with more stock or supply (or the same earlier), or a higher kill probability,

    no layer meets more drones of either kind, no other layer needs more interceptors, and no more drones leak.

Because: let fewer drones come to a layer. It then lets no more pass for want of capacity or stock, and of those that it
engages no more survive, as one drone more is at most one kill more (the quantile of Binomial(n + 1, p) is that of n, or
one more). So no more go on to the next layer, which needs no more, so no less is left of its stock for the nights that
follow (`forecasting.defence.stock`), and so on by induction over nights and layers.

It holds of more capacity or fire channels too while that layer has interceptors: what engages more drones tonight may
lack them tomorrow. So may a higher kill probability where it frees channels that fire several rounds. And where several
kinds share fire channels it holds but for the rounding of their shares, a drone a night. Where kinds take different
numbers of interceptors, or hold channels for different times, who takes the place of an easy drone may be a hard one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.records import SHAHED
from features.stock_flow import NewModel
from forecasting.defence.blocks import Levels, PathBlocks
from forecasting.defence.kinds import kind_ids
from forecasting.defence.layers import Defence
from forecasting.defence.night import Array, Kinds
from forecasting.defence.outcome import (
    ClassCounts,
    Engagements,
    EngagementTotals,
    InterceptorDemand,
    RaidOutcome,
    StockOutlook,
)
from forecasting.defence.stock import Delivery
from forecasting.defence.summed import joined, without_nights
from forecasting.defence.trials import OrderTrials
from forecasting.salvos.forecast import SalvoForecast


def engage(
    forecast: SalvoForecast,
    defence: Defence,
    *,
    levels: Levels = (),
    kill_factors: Mapping[str, Array] | None = None,
    armed_share: Array | None = None,
    new_models: Sequence[NewModel] = (),
    deliveries: Sequence[Delivery] = (),
    trials: OrderTrials | None = None,
    others: Mapping[str, NDArray[np.int64]] = MappingProxyType({}),
    on_paths: Callable[[int], object] | None = None,
    on_nights: Callable[[Engagements], object] | None = None,
) -> Engagements:
    """Meets every path of the forecast with the defence, once with its stock and once with no end of it.

    levels: per layer, quantity -> (n_paths,) the level 0 to 1 at which its range is taken, as
    `forecasting.losses.calibration` gives them; what is left out is drawn here. kill_factors: layer -> (n_paths or 1,
    horizon) how many times its kill probability is what the layer states; the product is cut to 1. armed_share:
    (n_paths or 1, horizon) share of the launched drones that is armed; the others are decoys. Without it, decoys are
    not told apart: every drone counts as armed. new_models: of a scenario, a draw for each path, in the order in which
    they take over; what the defence says of a kind goes before what they say. deliveries: dated ones, beside the
    layers' monthly supply. others: class of weapon -> (n_paths, horizon) how many come with the drones. trials: to be
    filled, so that it can say what orders would do. on_paths: told, now and then, of so many more paths done.
    on_nights: told the nights of a few blocks of paths at a time; what is returned is then without nights
    (`forecasting.defence.summed`), and takes memory by path alone.

    Layers that meet nothing of what comes are left out (`Defence.facing`). Both runs use the same random numbers: where
    the stock lasts on every path they are equal. Seeded by the forecast's seed. Raises InputError for a factor or a
    delivery of a layer that there is none of, numbers that are no shares or factors, and a delivery that is not after
    the origin.
    """
    defence, parts = defence.facing((SHAHED, *others)), list[Engagements]()
    room = partial(
        _room, defence=defence, new_models=new_models, others=tuple(others), with_decoys=armed_share is not None
    )
    whole, done = None if on_nights else room(forecast, new_models=new_models), 0
    for block in _blocks(forecast, defence, levels, kill_factors or {}, armed_share, new_models, deliveries, others):
        n_paths = block.forecast.n_paths
        nights = whole.rows(slice(done, done + n_paths)) if whole else room(block.forecast, new_models=block.new_models)
        block.meet(nights, trials)
        done += n_paths
        if on_nights:
            on_nights(nights)
            parts.append(without_nights(nights))
        if on_paths:
            on_paths(n_paths)
    return whole or joined(parts)


def engage_in_total(
    forecast: SalvoForecast,
    defence: Defence,
    through: Sequence[int] = (),
    *,
    levels: Levels = (),
    kill_factors: Mapping[str, Array] | None = None,
    armed_share: Array | None = None,
    new_models: Sequence[NewModel] = (),
    deliveries: Sequence[Delivery] = (),
    others: Mapping[str, NDArray[np.int64]] = MappingProxyType({}),
    on_paths: Callable[[int], object] | None = None,
    map_blocks: Callable[..., Iterable[EngagementTotals]] = map,
) -> EngagementTotals:
    """What `engage(...).totals(through)` gives, with the nights of a few blocks of paths in memory at a time.

    map_blocks: `map`, or that of an executor (ProcessPoolExecutor(2).map): the result is the same. Otherwise as
    `engage`.
    """
    defence = defence.facing((SHAHED, *others))
    blocks = _blocks(forecast, defence, levels, kill_factors or {}, armed_share, new_models, deliveries, others)
    parts = []
    for totals in map_blocks(partial(_block_totals, through=tuple(through)), blocks):
        parts.append(totals)
        if on_paths:
            on_paths(totals.actual.leakers.shape[-1])
    return EngagementTotals.joined(parts)


def armed_averages(
    forecast: SalvoForecast, defence: Defence, levels: Levels = (), new_models: Sequence[NewModel] = ()
) -> tuple[Array, Array, Array]:
    """(n_layers, n_paths, horizon) each, on average over the kinds of armed drone as launched: the share, of those that
    come to a layer, that `engage` lets it reach, of its range, hours and weather; and how many times its kill
    probability and its interceptors per engagement are those against the common one."""
    defence = defence.facing((SHAHED,))
    layers = range(len(defence.layers))
    blocks = list(_blocks(forecast, defence, levels, {}, None, new_models, (), {}))

    def averages(of: Callable[[PathBlocks, int, dict[str, Array]], Kinds]) -> Array:
        found = [[block.averaged(of(block, index, block.drawn(index))) for index in layers] for block in blocks]
        return np.concatenate([np.stack(each) for each in found], axis=1)

    return (
        averages(lambda block, index, drawn: block.reach(index, drawn)),
        averages(lambda block, index, drawn: block.factor(index, drawn, "kill_probability")),
        averages(lambda block, index, drawn: block.factor(index, drawn, "interceptors")),
    )


def _block_totals(block: PathBlocks, through: tuple[int, ...]) -> EngagementTotals:
    with_decoys = block.armed_share is not None
    nights = _room(block.forecast, block.defence, block.new_models, tuple(block.others), with_decoys=with_decoys)
    block.meet(nights)
    return nights.totals(through)


def _blocks(
    forecast: SalvoForecast,
    defence: Defence,
    levels: Levels,
    kill_factors: Mapping[str, Array],
    armed_share: Array | None,
    new_models: Sequence[NewModel],
    deliveries: Sequence[Delivery],
    others: Mapping[str, NDArray[np.int64]],
) -> Iterator[PathBlocks]:
    """The paths in blocks, after a check of what is given."""
    if levels and len(levels) != len(defence.layers):
        raise InputError(f"levels of {len(levels)} layers: expected those of {len(defence.layers)}")
    for layer, stated in zip(defence.layers, levels, strict=bool(levels)):
        for quantity, values in stated.items():
            if values.shape != (forecast.n_paths,) or not ((values >= 0) & (values <= 1)).all():
                raise InputError(
                    f"levels of {quantity} of layer {layer.id}: expected {forecast.n_paths} numbers from 0 to 1"
                )
    named = {f"kill factor of layer {name}": values for name, values in kill_factors.items()}
    if armed_share is not None:
        named["armed share"] = armed_share
        if (armed_share > 1).any():
            raise InputError(f"armed share reaches {armed_share.max()}: expected 0 to 1")
    for model in new_models:
        named[f"share of kind {model.kind}"] = model.share
        if (model.share > 1).any():
            raise InputError(f"share of kind {model.kind} reaches {model.share.max()}: expected 0 to 1")
        if model.share.shape[0] != forecast.n_paths:
            raise InputError(f"share of kind {model.kind} has {model.share.shape[0]} draws: expected one for each path")
    for name, values in named.items():
        if values.shape not in {forecast.paths.shape, (1, forecast.horizon)}:
            raise InputError(
                f"{name} has the shape {values.shape}: expected ({forecast.n_paths} or 1, {forecast.horizon})"
            )
        if not ((values >= 0) & (values < np.inf)).all():
            raise InputError(
                f"{name} has numbers from {values.min()} to {values.max()}: expected finite ones from 0 on"
            )
    for name, paths in others.items():
        if paths.shape != forecast.paths.shape:
            raise InputError(f"{name} has paths of shape {paths.shape}: expected {forecast.paths.shape}")
    for name in kill_factors:
        defence.layer(name)
    for delivery in deliveries:
        if defence.layer(delivery.layer_id).interceptor is None:
            raise InputError(f"a delivery to layer {delivery.layer_id}: it uses no interceptors", field="deliveries")
        if delivery.day <= forecast.origin:
            raise InputError(
                f"the delivery of {delivery.day} to layer {delivery.layer_id} is not after the origin, "
                f"{forecast.origin}: count it in the stock at the origin",
                field="deliveries",
            )

    return PathBlocks.of(forecast, defence, levels, kill_factors, armed_share, new_models, deliveries, others)


def _room(
    forecast: SalvoForecast,
    defence: Defence,
    new_models: Sequence[NewModel],
    others: tuple[str, ...],
    *,
    with_decoys: bool,
) -> Engagements:
    """Arrays for that many paths, to be filled block by block."""
    kinds, n_paths = kind_ids(defence, forecast.origin, new_models), forecast.n_paths
    shape = (len(defence.layers), *forecast.paths.shape)
    none = np.broadcast_to(np.int64(0), shape)  # takes no memory

    def room() -> NDArray[np.int64]:
        return np.empty(shape, np.int64)

    def demand(unmet: NDArray[np.int64]) -> InterceptorDemand:
        leakers = np.empty(shape[1:], np.int64)
        return InterceptorDemand(
            layer_ids=tuple(layer.id for layer in defence.layers),
            engagements=room(),
            kills=room(),
            decoy_kills=room() if with_decoys else none,
            interceptors=room(),
            unmet=unmet,
            leakers=leakers,
            leakers_by_kind=leakers[np.newaxis] if len(kinds) == 1 else np.empty((len(kinds), *shape[1:]), np.int64),
            decoy_leakers=np.empty(shape[1:], np.int64) if with_decoys else none[0],
        )

    actual, unlimited = demand(unmet=np.zeros(shape, np.int64)), demand(unmet=none)
    stocks = tuple(
        StockOutlook(
            layer_id=layer.id,
            opening=np.empty(n_paths, np.int64),
            supplied=np.empty(shape[1:], np.int64),
            used=actual.interceptors[index],
            needed=unlimited.interceptors[index],
            wanted=np.empty(shape[1:], np.int64),
        )
        for index, layer in enumerate(defence.layers)
        if layer.interceptor is not None
    )
    draws = tuple({quantity: np.empty(n_paths) for quantity in layer.ranges} for layer in defence.layers)
    warheads = None if defence.warhead_kg is None else np.empty((len(kinds), n_paths))
    raid = None
    if others:
        classes = (SHAHED, *others)
        counts = [ClassCounts.room(classes, shape[0], n_paths) for _ in range(2)]
        raid = RaidOutcome(np.empty((len(classes), n_paths), np.int64), *counts)
    return Engagements(actual, unlimited, stocks, draws, kinds, warheads, raid)
