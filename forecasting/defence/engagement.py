"""Drone paths -> interceptors used and drones leaked, per layer, path and night.

A night in one layer. Of the a armed drones and d decoys that come to it, r ~ Binomial(a, s) and Binomial(d, s (1 - t))
are reached: s the share that it engages, times the share that comes in its hours, and 0 where the weather forbids it; t
the share of the decoys that it tells apart. Of these it engages as many as capacity or free fire channels
(`forecasting.defence.saturation`) and the stock allow; armed drones and decoys are let pass in proportion. An
engagement kills with probability p; a round is `salvo_of` of them at once on each drone, and kills with 1 - (1 -
p)^salvo_of; the drones that live are engaged again, up to `rounds` times. What is left comes to the next layer, and
what the last leaves leaks (thinning of a layered defence; Przemieniecki 2000, Mathematical Methods in Defense Analyses,
ch. 6). An engagement uses floor(m) or floor(m) + 1 interceptors, m on average.

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
lack them tomorrow. So may a higher kill probability where it frees channels that fire several rounds. And where armed
drones and decoys share fire channels it holds but for the rounding of their shares, a drone a night.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.stated import SourcedRange
from forecasting.defence.layers import NIGHT_HOURS, Defence, DefenceLayer
from forecasting.defence.night import (
    Ammunition,
    Array,
    Fire,
    FireChannels,
    Fought,
    Kinds,
    Layer,
    fought,
    fought_anew,
    fought_with,
)
from forecasting.defence.outcome import Engagements, EngagementTotals, InterceptorDemand, StockOutlook
from forecasting.defence.stock import Delivery, available_by_night, supplied_by_night
from forecasting.defence.thinning import binomial_quantile, keep_freed_memory
from forecasting.salvos.forecast import SalvoForecast

Levels = Sequence[Mapping[str, Array]]

BLOCK = 500
"""Paths that have random numbers of their own: what a path meets depends neither on how many there are nor on who
computes them."""
_AT_ONCE = 2**16
"""Paths times nights that are computed together, or those of a block, if more: fewer, and the time goes into calling
NumPy; more, and their arrays leave the processor's cache."""
_DEFENCE_STREAM = 2
"""Splits the seed, so that another defence meets the same salvos."""
_ALL_LAYERS = -1
"""In place of the number of a layer."""
_PURPOSES = ("ranges", "reach", "kill", "passing", "interceptors", "armed", "weather", "daylight")
_RANGES = tuple(
    name
    for name, field in DefenceLayer.model_fields.items()
    if SourcedRange in get_args(field.annotation) or field.annotation is SourcedRange
)
"""Each quantity has random numbers of its own, whether it is stated or not."""


def engage(
    forecast: SalvoForecast,
    defence: Defence,
    *,
    levels: Levels = (),
    kill_factors: Mapping[str, Array] | None = None,
    armed_share: Array | None = None,
    deliveries: Sequence[Delivery] = (),
    on_paths: Callable[[int], object] | None = None,
) -> Engagements:
    """Meets every path of the forecast with the defence, once with its stock and once with no end of it.

    levels: per layer, quantity -> (n_paths,) the level 0 to 1 at which its range is taken, as
    `forecasting.losses.calibration` gives them; what is left out is drawn here. kill_factors: layer -> (n_paths or 1,
    horizon) how many times its kill probability is what the layer states (a new model of drone); the product is cut to
    1. armed_share: (n_paths or 1, horizon) share of the launched drones that is armed; the others are decoys. Without
    it, decoys are not told apart: every drone counts as armed. deliveries: dated ones, beside the layers' monthly
    supply. on_paths: told, now and then, of so many more paths done.

    Both runs use the same random numbers: where the stock lasts on every path they are equal. Seeded by the forecast's
    seed. Raises InputError for a factor or a delivery of a layer that there is none of, numbers that are no shares or
    factors, and a delivery that is not after the origin.
    """
    done = 0
    whole = _room(defence, *forecast.paths.shape, with_decoys=armed_share is not None)
    for block in _blocks(forecast, defence, levels, kill_factors or {}, armed_share, deliveries):
        n_paths = block.forecast.n_paths
        block.meet(whole.rows(slice(done, done + n_paths)))
        done += n_paths
        if on_paths:
            on_paths(n_paths)
    return whole


def engage_in_total(
    forecast: SalvoForecast,
    defence: Defence,
    through: Sequence[int] = (),
    *,
    levels: Levels = (),
    kill_factors: Mapping[str, Array] | None = None,
    armed_share: Array | None = None,
    deliveries: Sequence[Delivery] = (),
    on_paths: Callable[[int], object] | None = None,
    map_blocks: Callable[..., Iterable[EngagementTotals]] = map,
) -> EngagementTotals:
    """What `engage(...).totals(through)` gives, with the nights of a few blocks of paths in memory at a time.

    map_blocks: `map`, or that of an executor (ProcessPoolExecutor(2).map): the result is the same. Otherwise as
    `engage`.
    """
    blocks = _blocks(forecast, defence, levels, kill_factors or {}, armed_share, deliveries)
    parts = []
    for totals in map_blocks(partial(_block_totals, through=tuple(through)), blocks):
        parts.append(totals)
        if on_paths:
            on_paths(totals.actual.leakers.shape[-1])
    return EngagementTotals.joined(parts)


def armed_reach(forecast: SalvoForecast, defence: Defence, levels: Levels = ()) -> Array:
    """(n_layers, n_paths, horizon) share, of the armed drones that come to a layer, that `engage` lets it reach: of its
    range, hours and weather."""
    blocks = _blocks(forecast, defence, levels, {}, None, ())
    by_block = [
        [block.reach(index, block.drawn(index))[0].reshape(block.shape) for index in range(len(defence.layers))]
        for block in blocks
    ]
    return np.concatenate([np.stack(each) for each in by_block], axis=1)


def _block_totals(block: "_Blocks", through: tuple[int, ...]) -> EngagementTotals:
    nights = _room(block.defence, *block.shape, with_decoys=block.armed_share is not None)
    block.meet(nights)
    return nights.totals(through)


def _blocks(
    forecast: SalvoForecast,
    defence: Defence,
    levels: Levels,
    kill_factors: Mapping[str, Array],
    armed_share: Array | None,
    deliveries: Sequence[Delivery],
) -> Iterator["_Blocks"]:
    """The paths in blocks. What is given is checked before the first."""
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
    for name, values in named.items():
        if values.shape not in {forecast.paths.shape, (1, forecast.horizon)}:
            raise InputError(
                f"{name} has the shape {values.shape}: expected ({forecast.n_paths} or 1, {forecast.horizon})"
            )
        if not ((values >= 0) & (values < np.inf)).all():
            raise InputError(
                f"{name} has numbers from {values.min()} to {values.max()}: expected finite ones from 0 on"
            )
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

    def part(values: Array, rows: slice) -> Array:
        return values if values.shape[0] == 1 else values[rows]

    at_once = BLOCK * max(1, _AT_ONCE // (BLOCK * forecast.horizon))
    for first in range(0, forecast.n_paths, at_once):
        rows = slice(first, first + at_once)
        yield _Blocks(
            first // BLOCK,
            replace(forecast, paths=forecast.paths[rows]),
            defence,
            tuple({quantity: values[rows] for quantity, values in stated.items()} for stated in levels),
            {name: part(values, rows) for name, values in kill_factors.items()},
            None if armed_share is None else part(armed_share, rows),
            deliveries,
        )


def _room(defence: Defence, n_paths: int, horizon: int, *, with_decoys: bool) -> Engagements:
    """Arrays for that many paths, to be filled block by block."""
    shape = (len(defence.layers), n_paths, horizon)
    none = np.broadcast_to(np.int64(0), shape)  # takes no memory

    def room() -> NDArray[np.int64]:
        return np.empty(shape, np.int64)

    def demand(unmet: NDArray[np.int64]) -> InterceptorDemand:
        return InterceptorDemand(
            layer_ids=tuple(layer.id for layer in defence.layers),
            engagements=room(),
            kills=room(),
            decoy_kills=room() if with_decoys else none,
            interceptors=room(),
            unmet=unmet,
            leakers=np.empty(shape[1:], np.int64),
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
    return Engagements(actual, unlimited, stocks, draws)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The paths of some blocks and all their nights; arrays that are given by path hold these paths alone. first: the
    number of the first block."""

    first: int
    forecast: SalvoForecast
    defence: Defence
    levels: Levels
    kill_factors: Mapping[str, Array]
    armed_share: Array | None
    deliveries: Sequence[Delivery]

    @property
    def shape(self) -> tuple[int, int]:
        """(n_paths, horizon)."""
        return self.forecast.n_paths, self.forecast.horizon

    def meet(self, out: Engagements) -> None:
        """Fills `out` with what these paths meet."""
        keep_freed_memory()
        stocks = {stock.layer_id: stock for stock in out.stocks}
        came = came_unlimited = self.by_kind(self.forecast.paths.astype(np.float64))
        for index, layer in enumerate(self.defence.layers):
            drawn = self.drawn(index)
            for quantity, values in drawn.items():
                out.draws[index][quantity][:] = values
            cells = self.layer(index, drawn)
            unlimited = fought(cells, came_unlimited)
            # Until a layer has run short, what comes with the stock and without end of it is the same.
            wanted = unlimited if came is came_unlimited else fought_anew(cells, unlimited, came, came_unlimited)
            actual = wanted
            if layer.interceptor is not None:
                stock, needed = stocks[layer.id], wanted.used.reshape(self.shape)
                stock.opening[:] = np.rint(drawn["stock"])
                stock.supplied[:] = self.supplied(index, drawn)
                assert stock.wanted is not None
                stock.wanted[:] = needed
                available = available_by_night(stock.opening, stock.supplied, needed)
                actual = fought_with(cells, wanted, available.ravel())
            _write(out.unlimited, index, unlimited, unlimited)
            _write(out.actual, index, actual, wanted)
            left = unlimited.survivors(came_unlimited)
            came = left if actual is unlimited and came is came_unlimited else actual.survivors(came)
            came_unlimited = left
        for demand, leakers in ((out.actual, came), (out.unlimited, came_unlimited)):
            demand.leakers[:] = leakers[0].reshape(self.shape)
            if len(leakers) > 1:
                demand.decoy_leakers[:] = leakers[1].reshape(self.shape)

    def uniforms(self, layer: int, purpose: str, shape: tuple[int, ...], *which: int) -> Array:
        """Uniform numbers on [0, 1) of that layer and purpose; the first rows are the same however many there are."""
        uniforms = np.empty(shape)
        for number, start in enumerate(range(0, shape[0], BLOCK), self.first):
            seed = [self.forecast.seed, _DEFENCE_STREAM, number, layer + 1, _PURPOSES.index(purpose), *which]
            np.random.default_rng(seed).random(out=uniforms[start : start + BLOCK])
        return uniforms

    def by_kind(self, launched: Array) -> Kinds:
        """The launched drones, by kind where the kinds are known."""
        if self.armed_share is None:
            return launched.reshape(1, -1)
        armed = binomial_quantile(self.uniforms(_ALL_LAYERS, "armed", self.shape), launched, self.armed_share)
        return np.stack([armed.ravel(), (launched - armed).ravel()])

    def drawn(self, index: int) -> dict[str, Array]:
        """Quantity -> (n_paths,) its value on each path; a range with higher numbers gives a higher one."""
        uniforms = self.uniforms(index, "ranges", (self.shape[0], len(_RANGES)))
        given = self.levels[index] if self.levels else {}
        return {
            quantity: stated.quantile(given.get(quantity, uniforms[:, _RANGES.index(quantity)]))
            for quantity, stated in self.defence.layers[index].ranges.items()
        }

    def supplied(self, index: int, drawn: Mapping[str, Array]) -> NDArray[np.int64]:
        """(n_paths, horizon) interceptors delivered by the start of each night."""
        layer_id, monthly = self.defence.layers[index].id, drawn["monthly_supply"]
        return supplied_by_night(
            self.shape[1],
            monthly,
            drawn.get("monthly_supply_later", monthly),
            drawn.get("ramp_months", np.zeros(self.shape[0])),
            [delivery for delivery in self.deliveries if delivery.layer_id == layer_id],
            self.forecast.origin,
        )

    def layer(self, index: int, drawn: Mapping[str, Array]) -> Layer:
        """The layer on these paths and nights, in one row."""
        layer = self.defence.layers[index]
        kill = drawn["kill_probability"][:, np.newaxis]
        factor = self.kill_factors.get(layer.id)
        now = kill if factor is None else np.minimum(kill * factor, 1.0)

        def uniforms(purpose: str, *which: int) -> Array:
            return self.uniforms(index, purpose, self.shape, *which).ravel()

        def by_kind(purpose: str, *which: int) -> Kinds:
            return np.stack([uniforms(purpose, *which, kind) for kind in range(1 if self.armed_share is None else 2)])

        return Layer(
            reach=self.reach(index, drawn),
            for_reach=by_kind("reach"),
            fire=Fire(
                salvo_of=layer.salvo_of,
                kill=self._cells(1.0 - (1.0 - now) ** layer.salvo_of),
                rounds=self._cells(
                    np.floor(np.rint(drawn["engagements_per_night"]) / layer.salvo_of)
                    if layer.engagements_per_night is not None
                    else np.full(self.shape[0], np.inf)
                ),
                channels=self._channels(layer, drawn) if layer.fire_channels is not None else None,
                ammunition=(
                    Ammunition(self._cells(drawn["interceptors_per_engagement"]), uniforms("interceptors"))
                    if layer.interceptor is not None
                    else None
                ),
                for_kill=tuple(by_kind("kill", number) for number in range(layer.rounds)),
                for_passing=uniforms("passing"),
            ),
        )

    def reach(self, index: int, drawn: Mapping[str, Array]) -> Kinds:
        """By kind, share of the drones that come to the layer that it can engage."""
        layer, stated = self.defence.layers[index], self.defence.daylight_share
        reach = drawn["engaged_share"][:, np.newaxis]
        if layer.works != "always" and stated is not None:
            daylight = stated.quantile(self.uniforms(_ALL_LAYERS, "daylight", (self.shape[0], 1)))
            reach = reach * (daylight if layer.works == "day" else 1.0 - daylight)
        if layer.weather_share is not None:
            # One number for all layers: bad weather is bad for each of them.
            weather = self.uniforms(_ALL_LAYERS, "weather", self.shape)
            reach = reach * (weather < drawn["weather_share"][:, np.newaxis])
        if self.armed_share is None:
            return self._cells(reach)[np.newaxis]
        told_apart = drawn["decoy_discrimination"][:, np.newaxis] if layer.decoy_discrimination is not None else 0.0
        return np.stack([self._cells(reach), self._cells(reach * (1.0 - told_apart))])

    def _channels(self, layer: DefenceLayer, drawn: Mapping[str, Array]) -> FireChannels:
        misses = (1.0 - drawn["kill_probability"]) ** layer.salvo_of
        rounds = sum((misses**number for number in range(1, layer.rounds)), start=np.ones(self.shape[0]))
        return FireChannels(
            self._cells(np.rint(drawn["fire_channels"])),
            self._cells(drawn["service_minutes"] / 60.0 * rounds),
            tuple((wave.share, wave.hours) for wave in self.defence.waves) or ((1.0, NIGHT_HOURS),),
        )

    def _cells(self, values: Array) -> Array:
        """(n_paths,), or what broadcasts to (n_paths, horizon), in one row."""
        if values.ndim == 1:
            values = values[:, np.newaxis]
        return np.broadcast_to(values, self.shape).ravel()


def _write(demand: InterceptorDemand, index: int, done: Fought, wanted: Fought) -> None:
    shape = demand.leakers.shape
    demand.engagements[index] = done.engagements.reshape(shape)
    demand.kills[index] = done.killed[0].reshape(shape)
    if len(done.killed) > 1:
        demand.decoy_kills[index] = done.killed[1].reshape(shape)
    demand.interceptors[index] = done.used.reshape(shape)
    if done is not wanted:
        demand.unmet[index] = (wanted.engagements - done.engagements).reshape(shape)
