"""The paths in blocks: their random numbers, what they draw, and what they meet in each layer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, get_args
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from features.records import SHAHED
from features.stated import SourcedRange
from features.stock_flow import NewModel
from forecasting.defence.branches import MetLayer, WithStock
from forecasting.defence.kinds import combined_shares, kind_ids
from forecasting.defence.layers import COMMON, DECOY, NIGHT_HOURS, Defence, DefenceLayer
from forecasting.defence.night import Ammunition, Array, Fire, FireChannels, Fought, Kinds, Layer
from forecasting.defence.outcome import Engagements
from forecasting.defence.raid import (
    Raid,
    engaged_by_all,
    fought_in_turn,
    fought_in_turn_anew,
    fought_in_turn_with,
    survivors,
    used_by_all,
)
from forecasting.defence.stock import Delivery, available_by_night, available_share, opening_stock, supplied_by_night
from forecasting.defence.thinning import binomial_quantile, keep_freed_memory
from forecasting.defence.trials import OrderTrials
from forecasting.salvos.forecast import SalvoForecast

Levels = Sequence[Mapping[str, Array]]

BLOCK = 500
"""Paths that have random numbers of their own: what a path meets depends neither on how many there are nor on who
computes them."""
AT_ONCE = 2**16
"""Paths times nights that are computed together, or those of a block, if more: fewer, and the time goes into calling
NumPy; more, and their arrays leave the processor's cache."""
_DEFENCE_STREAM = 2
"""Splits the seed, so that another defence meets the same salvos."""
_ALL_LAYERS = ""
"""In place of the id of a layer."""
_PURPOSES = (
    *("ranges", "reach", "kill", "passing", "interceptors", "armed", "weather", "daylight"),
    *("kinds", "range"),
)
_BY_PATH = {"ranges", "range", "daylight"}
"""What is drawn once for a path: in each block one number in each of BLOCK equal parts of (0, 1), in random order, so
that orders of two seeds differ less (Latin hypercube; McKay, Beckman and Conover 1979)."""
_RANGES = tuple(
    name
    for name, field in DefenceLayer.model_fields.items()
    if (SourcedRange in get_args(field.annotation) or field.annotation is SourcedRange) and name != "available_share"
)
"""Each quantity has random numbers of its own, whether it is stated or not: these together, any other a stream."""


@dataclass(frozen=True, eq=False)
class PathBlocks:
    """The paths of some blocks and all their nights; arrays that are given by path hold these paths alone. first: the
    number of the first block. The others: see `forecasting.defence.engagement.engage`."""

    first: int
    forecast: SalvoForecast
    defence: Defence
    levels: Levels
    kill_factors: Mapping[str, Array]
    armed_share: Array | None
    new_models: Sequence[NewModel]
    deliveries: Sequence[Delivery]
    others: Mapping[str, NDArray[np.int64]]

    @classmethod
    def of(
        cls,
        forecast: SalvoForecast,
        defence: Defence,
        levels: Levels,
        kill_factors: Mapping[str, Array],
        armed_share: Array | None,
        new_models: Sequence[NewModel],
        deliveries: Sequence[Delivery],
        others: Mapping[str, NDArray[np.int64]],
    ) -> Iterator[Self]:
        """All the paths, a few blocks at a time."""

        def part(values: Array, rows: slice) -> Array:
            return values if values.shape[0] == 1 else values[rows]

        at_once = BLOCK * max(1, AT_ONCE // (BLOCK * forecast.horizon))
        for first in range(0, forecast.n_paths, at_once):
            rows = slice(first, first + at_once)
            yield cls(
                first // BLOCK,
                replace(forecast, paths=forecast.paths[rows]),
                defence,
                tuple({quantity: values[rows] for quantity, values in stated.items()} for stated in levels),
                {name: part(values, rows) for name, values in kill_factors.items()},
                None if armed_share is None else part(armed_share, rows),
                tuple(model.pick(np.arange(forecast.n_paths)[rows]) for model in new_models),
                deliveries,
                {name: paths[rows] for name, paths in others.items()},
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(n_paths, horizon)."""
        return self.forecast.n_paths, self.forecast.horizon

    def meet(self, out: Engagements, trials: OrderTrials | None = None) -> None:
        """Fills `out` with what these paths meet. trials: to be told of them, while it wants more."""
        keep_freed_memory()
        kept: list[tuple[MetLayer, WithStock]] | None = [] if trials and trials.wants_more else None
        stocks = {stock.layer_id: stock for stock in out.stocks}
        drones = self.by_kind(self.forecast.paths.astype(np.float64))
        launched: Raid = {SHAHED: drones} | {
            name: paths.astype(np.float64).reshape(1, -1) for name, paths in self.others.items()
        }
        came = came_unlimited = launched
        for index, layer in enumerate(self.defence.layers):
            drawn = self.drawn(index)
            for quantity, values in drawn.items():
                out.draws[index][quantity][:] = values
            cells = self.layers(index, drawn)
            unlimited: Mapping[str, Fought] = fought_in_turn(cells, came_unlimited)
            # Until a layer has run short, what comes with the stock and without end of it is the same.
            wanted = unlimited
            if came is not came_unlimited:
                wanted = fought_in_turn_anew(cells, unlimited, came, came_unlimited)
            actual, available = wanted, None
            if layer.interceptor is not None:
                stock, needed = stocks[layer.id], used_by_all(wanted).reshape(self.shape)
                stock.opening[:] = opening_stock(layer, drawn)
                stock.supplied[:] = self.supplied(index, drawn)
                assert stock.wanted is not None
                stock.wanted[:] = needed
                available = available_by_night(stock.opening, stock.supplied, needed).ravel()
                actual = fought_in_turn_with(cells, wanted, available)
            if kept is not None:
                kept.append((MetLayer(cells, unlimited, came_unlimited), WithStock(came, wanted, available)))
            for demand, done in ((out.unlimited, unlimited), (out.actual, actual)):
                demand.write(index, done)
            if actual is not wanted:
                out.actual.unmet[index] = (engaged_by_all(wanted) - engaged_by_all(actual)).reshape(self.shape)
            if out.raid is not None:
                out.raid.unlimited.write(index, unlimited)
                out.raid.actual.write(index, actual)
            left = survivors(unlimited, came_unlimited)
            came = left if actual is unlimited and came is came_unlimited else survivors(actual, came)
            came_unlimited = left
        n_armed = len(self.armed_kinds)
        for demand, leakers in ((out.actual, came[SHAHED]), (out.unlimited, came_unlimited[SHAHED])):
            demand.leakers_by_kind[:] = leakers[:n_armed].reshape(n_armed, *self.shape)
            if n_armed > 1:
                demand.leakers[:] = demand.leakers_by_kind.sum(axis=0)
            if len(leakers) > n_armed:
                demand.decoy_leakers[:] = leakers[-1].reshape(self.shape)
        if out.raid is not None:
            out.raid.write_ends(launched, came, came_unlimited)
        if out.warhead_kg is not None:
            out.warhead_kg[:] = self.warheads()
        if trials and kept is not None:
            trials.add(out, [met for met, _ in kept], came_unlimited, [run for _, run in kept], came)

    def uniforms(self, layer_id: str, purpose: str, shape: tuple[int, ...], *which: int) -> Array:
        """Uniform numbers on [0, 1) of that layer and purpose, by its id, whatever other layers there are.

        Those of all paths come night by night: the first paths and the first nights are the same however many there
        are.
        """
        uniforms, of_layer = np.empty(shape), crc32(layer_id.encode())
        for number, start in enumerate(range(0, shape[0], BLOCK), self.first):
            seed = [self.forecast.seed, _DEFENCE_STREAM, number, of_layer, _PURPOSES.index(purpose), *which]
            rows, rng = uniforms[start : start + BLOCK], np.random.default_rng(seed)
            drawn = rng.random((*shape[1:], BLOCK))
            if purpose in _BY_PATH:
                drawn = (drawn.argsort(axis=-1) + rng.random(drawn.shape)) / BLOCK
            rows[:] = drawn[..., : len(rows)].T
        return uniforms

    def row(self, layer: int, purpose: str, *which: int) -> Array:
        """One for each path and night, in one row."""
        return self.uniforms(self.defence.layers[layer].id, purpose, self.shape, *which).ravel()

    @cached_property
    def armed_kinds(self) -> tuple[str, ...]:
        """Of armed drone, the common one first."""
        return kind_ids(self.defence, self.forecast.origin, self.new_models)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those, and decoys where they are told apart."""
        return self.armed_kinds if self.armed_share is None else (*self.armed_kinds, DECOY)

    @cached_property
    def shares(self) -> dict[str, Array]:
        """Kind -> (n_paths, horizon) share of the armed drones, but for the common one."""
        stated = {}
        for kind in self.defence.kinds_known(self.forecast.origin):
            if kind.share:
                level = self.uniforms(_ALL_LAYERS, "range", (self.shape[0],), crc32(f"{kind.id}.share".encode()))
                stated[kind.id] = kind.share_on(self.forecast.days, level)
        return combined_shares(stated, self.new_models)

    def by_kind(self, launched: Array) -> Kinds:
        """The launched drones, by kind where the kinds are known."""
        armed = launched
        if self.armed_share is not None:
            armed = binomial_quantile(self.uniforms(_ALL_LAYERS, "armed", self.shape), launched, self.armed_share)
        kinds, left, rest = [], armed, np.ones(self.shape)
        for kind in self.armed_kinds[1:]:
            share = self.shares[kind]
            part = np.divide(share, rest, out=np.zeros(self.shape), where=rest > 0).clip(0.0, 1.0)
            kinds.append(binomial_quantile(self.uniforms(_ALL_LAYERS, "kinds", self.shape, _number(kind)), left, part))
            left, rest = left - kinds[-1], rest - share
        decoys = [] if self.armed_share is None else [launched - armed]
        return np.stack([each.ravel() for each in (left, *kinds, *decoys)])

    def warheads(self) -> Array:
        """(n_kinds, n_paths) kilograms, by kind of armed drone; what is not stated is as of the common one."""
        stated = {COMMON: self.defence.warhead_kg} | {kind.id: kind.warhead_kg for kind in self.defence.kinds}
        brought = {model.kind: model.warhead_kg for model in self.new_models}
        found: list[Array] = []
        for kind in self.armed_kinds:
            mass, own = stated.get(kind), brought.get(kind)
            if own is None and mass is not None:
                own = mass.quantile(
                    self.uniforms(_ALL_LAYERS, "range", (self.shape[0],), crc32(f"{kind}.warhead_kg".encode()))
                )
            found.append(found[0] if own is None else own)
        return np.stack(found)

    def drawn(self, index: int) -> dict[str, Array]:
        """Quantity -> (n_paths,) its value on each path; a range with higher numbers gives a higher one."""
        layer_id = self.defence.layers[index].id
        uniforms = self.uniforms(layer_id, "ranges", (self.shape[0], len(_RANGES)))
        given = self.levels[index] if self.levels else {}

        def level(quantity: str) -> Array:
            if quantity in _RANGES:
                return uniforms[:, _RANGES.index(quantity)]
            return self.uniforms(layer_id, "range", (self.shape[0],), crc32(quantity.encode()))

        return {
            quantity: stated.quantile(given[quantity] if quantity in given else level(quantity))
            for quantity, stated in self.defence.layers[index].ranges.items()
        }

    def supplied(self, index: int, drawn: Mapping[str, Array]) -> NDArray[np.int64]:
        """(n_paths, horizon) interceptors delivered by the start of each night."""
        layer, monthly = self.defence.layers[index], drawn["monthly_supply"]
        share = 1.0 if layer.supply_is_stated else available_share(layer, drawn)
        return supplied_by_night(
            self.shape[1],
            monthly * share,
            drawn.get("monthly_supply_later", monthly) * share,
            drawn.get("ramp_months", np.zeros(self.shape[0])),
            [delivery for delivery in self.deliveries if delivery.layer_id == layer.id],
            self.forecast.origin,
        )

    def layers(self, index: int, drawn: Mapping[str, Array]) -> dict[str, Layer]:
        """The layer on these paths and nights as it meets each class, in its order of priority."""
        return {
            name: self.layer(index, drawn) if name == SHAHED else self.layer_meeting(name, index, drawn)
            for name in self.defence.layers[index].classes
        }

    def layer_meeting(self, name: str, index: int, drawn: Mapping[str, Array]) -> Layer:
        """The layer as it meets a class beside the drones, in one row."""
        layer, number, channels, ammunition = self.defence.layers[index], _number(name), None, None
        kill = drawn[f"meets.{name}.kill_probability"]
        reach = self.in_weather(index, drawn, drawn[f"meets.{name}.engaged_share"][:, np.newaxis])
        if layer.interceptor is not None:
            common = drawn["interceptors_per_engagement"]
            each = self.cells(drawn.get(f"meets.{name}.interceptors_per_engagement", common))
            ammunition = Ammunition(each[np.newaxis], self.row(index, "interceptors", number)[np.newaxis])
        if layer.fire_channels is not None:
            channels = self.channels(index, drawn, [kill[:, np.newaxis]])
        return Layer(
            reach=self.cells(reach)[np.newaxis],
            for_reach=self.row(index, "reach", number)[np.newaxis],
            fire=Fire(
                salvo_of=layer.salvo_of,
                kill=self.cells(1.0 - (1.0 - kill) ** layer.salvo_of)[np.newaxis],
                rounds=self.rounds(index, drawn),
                channels=channels,
                ammunition=ammunition,
                for_kill=tuple(self.row(index, "kill", again, number)[np.newaxis] for again in range(layer.rounds)),
                for_passing=self.row(index, "passing", number),
            ),
        )

    def rounds(self, index: int, drawn: Mapping[str, Array]) -> Array:
        """The most rounds of fire of a night, in one row."""
        layer = self.defence.layers[index]
        if layer.engagements_per_night is None:
            return self.cells(np.full(self.shape[0], np.inf))
        return self.cells(np.floor(np.rint(drawn["engagements_per_night"]) / layer.salvo_of))

    def layer(self, index: int, drawn: Mapping[str, Array]) -> Layer:
        """The layer as it meets drones on these paths and nights, in one row."""
        layer = self.defence.layers[index]
        kill = drawn["kill_probability"][:, np.newaxis]
        factor = self.kill_factors.get(layer.id)
        now = kill if factor is None else np.minimum(kill * factor, 1.0)
        kills = self.by_factor(index, drawn, "kill_probability", now, most=1.0)

        def by_kind(purpose: str, *which: int) -> Kinds:
            return np.stack([self.row(index, purpose, *which, _number(kind)) for kind in self.kinds])

        return Layer(
            reach=self.reach(index, drawn),
            for_reach=by_kind("reach"),
            fire=Fire(
                salvo_of=layer.salvo_of,
                kill=np.stack([self.cells(1.0 - (1.0 - each) ** layer.salvo_of) for each in kills]),
                rounds=self.rounds(index, drawn),
                channels=self.channels(index, drawn) if layer.fire_channels is not None else None,
                ammunition=self.ammunition(index, drawn) if layer.interceptor is not None else None,
                for_kill=tuple(by_kind("kill", number) for number in range(layer.rounds)),
                for_passing=self.row(index, "passing"),
            ),
        )

    def reach(self, index: int, drawn: Mapping[str, Array]) -> Kinds:
        """By kind, share of the drones that come to the layer that it can engage."""
        layer, stated = self.defence.layers[index], self.defence.daylight_share
        reach = drawn["engaged_share"][:, np.newaxis]
        if layer.works != "always" and stated is not None:
            daylight = stated.quantile(self.uniforms(_ALL_LAYERS, "daylight", (self.shape[0], 1)))
            reach = reach * (daylight if layer.works == "day" else 1.0 - daylight)
        by_kind = self.by_factor(index, drawn, "reach", self.in_weather(index, drawn, reach), most=1.0)
        rows = by_kind if len(by_kind) > 1 else by_kind * len(self.kinds)
        if self.armed_share is not None and layer.decoy_discrimination is not None:
            rows[-1] = rows[-1] * (1.0 - drawn["decoy_discrimination"][:, np.newaxis])
        return np.stack([self.cells(row) for row in rows])

    def in_weather(self, index: int, drawn: Mapping[str, Array], reach: Array) -> Array:
        """The reach, 0 on nights whose weather forbids it: bad weather is bad for each layer that it concerns."""
        if self.defence.layers[index].weather_share is None:
            return reach
        weather = self.uniforms(_ALL_LAYERS, "weather", self.shape)  # one number for all layers
        return reach * (weather < drawn["weather_share"][:, np.newaxis])

    def by_factor(
        self,
        index: int,
        drawn: Mapping[str, Array],
        quantity: str,
        values: Array,
        least: float = 0.0,
        most: float = np.inf,
    ) -> list[Array]:
        """By kind, `values` against the common armed drone times what the layer's quantity is against that kind; one
        for all where none differs. values: of a shape that broadcasts to (n_paths, horizon)."""
        layer = self.defence.layers[index]
        brought = {model.kind: model.factors for model in self.new_models}
        factors = [
            drawn.get(f"against.{kind}.{quantity}", brought.get(kind, {}).get((quantity, layer.id)))
            for kind in self.kinds
        ]
        if all(factor is None for factor in factors):
            return [values]
        return [(values if each is None else values * each[:, np.newaxis]).clip(least, most) for each in factors]

    def channels(self, index: int, drawn: Mapping[str, Array], kills: Sequence[Array] | None = None) -> FireChannels:
        """What fire channels the layer has. kills: of an engagement, by kind; without it, of drones."""
        layer = self.defence.layers[index]
        if kills is None:
            kill = drawn["kill_probability"][:, np.newaxis]
            kills = self.by_factor(index, drawn, "kill_probability", kill, most=1.0)
        misses = [(1.0 - kill) ** layer.salvo_of for kill in kills]
        rounds = [
            sum((miss**number for number in range(1, layer.rounds)), start=np.ones(miss.shape)) for miss in misses
        ]
        minutes = drawn["service_minutes"][:, np.newaxis]
        return FireChannels(
            self.cells(np.rint(drawn["fire_channels"])),
            np.stack([self.cells(minutes / 60.0 * each) for each in rounds]),
            tuple((wave.share, wave.hours) for wave in self.defence.waves) or ((1.0, NIGHT_HOURS),),
        )

    def ammunition(self, index: int, drawn: Mapping[str, Array]) -> Ammunition:
        """What an engagement takes: one interceptor at least."""
        each = drawn["interceptors_per_engagement"][:, np.newaxis]
        rows = [self.cells(row) for row in self.by_factor(index, drawn, "interceptors", each, least=1.0)]
        which = [(), *((_number(kind),) for kind in self.kinds[1:])][: len(rows)]
        rounding = [self.row(index, "interceptors", *number) for number in which]
        return Ammunition(np.stack(rows), np.stack(rounding))

    def factor(self, index: int, drawn: Mapping[str, Array], quantity: str) -> Kinds:
        """By kind, how many times the layer's quantity is that against the common armed drone."""
        return np.stack([self.cells(row) for row in self.by_factor(index, drawn, quantity, np.ones((1, 1)))])

    def averaged(self, values: Kinds) -> Array:
        """(n_paths, horizon) on average over the kinds of armed drone, as launched."""
        common: Array = values[0].reshape(self.shape)
        if len(values) == 1:
            return common
        other = zip(self.armed_kinds[1:], values[1:], strict=False)  # decoys come last
        found: Array = common + sum(self.shares[kind] * (each.reshape(self.shape) - common) for kind, each in other)
        return found

    def cells(self, values: Array) -> Array:
        """(n_paths,), or what broadcasts to (n_paths, horizon), in one row."""
        if values.ndim == 1:
            values = values[:, np.newaxis]
        return np.broadcast_to(values, self.shape).ravel()


def _number(kind: str) -> int:
    """That of the random numbers of a kind, whatever others there are."""
    return {COMMON: 0, DECOY: 1}.get(kind, 2 + crc32(kind.encode()))
