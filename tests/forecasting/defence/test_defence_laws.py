"""Laws of the engine under any defence: books balance, more never lets more through, a stock that lasts is no limit."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.defence.outcome import Engagements
from tests.forecasting.defence.defence_layers import NO_LIMIT, DefenceOf, SalvosOf, armed, interceptors, jammer


def ranges(low: float, high: float) -> st.SearchStrategy[tuple[float, float, float]]:
    number = st.floats(low, high, allow_nan=False).map(lambda value: round(value, 3))
    return st.tuples(number, number, number).map(lambda three: tuple(sorted(three)))  # type: ignore[arg-type,return-value]


ANY_JAMMER = st.builds(jammer, ranges(0, 1), ranges(0, 1), ranges(0, 80))
ANY_INTERCEPTORS = st.builds(
    interceptors, ranges(0, 1), ranges(0, 1), ranges(0, 80), ranges(1, 4), ranges(0, 150), ranges(0, 300)
)
ANY_DOCTRINE = st.fixed_dictionaries({"salvo_of": st.integers(1, 3), "rounds": st.integers(1, 3)})
ANY_CHANNELS = st.fixed_dictionaries({"fire_channels": ranges(0, 20), "service_minutes": ranges(1, 200)})
ANY_AVAILABILITY = st.fixed_dictionaries(
    {}, optional={"decoy_discrimination": ranges(0, 1), "weather_share": ranges(0, 1), "works": st.just("night")}
)


KINDS = ("jet", "heavy", "mesh")
FACTORS = {"reach": ranges(0, 2), "kill_probability": ranges(0, 2), "interceptors": ranges(0.5, 3)}
ANY_AGAINST = st.dictionaries(
    st.sampled_from([*KINDS, "decoy"]), st.fixed_dictionaries({}, optional=FACTORS), max_size=4
)
CLASSES = ("cruise", "ballistic")
ANY_MEETS = st.dictionaries(
    st.sampled_from(CLASSES),
    st.fixed_dictionaries(
        {"engaged_share": ranges(0, 1), "kill_probability": ranges(0, 1)},
        optional={"interceptors_per_engagement": ranges(1, 4)},
    ),
    max_size=2,
)
ANY_KINDS = st.lists(ranges(0, 0.4), max_size=3).map(lambda shares: dict(zip(KINDS, shares, strict=False)))


def joined(
    layer: dict[str, Any],
    doctrine: dict[str, Any],
    availability: dict[str, Any],
    channels: Any,
    against: Any,
    meets: dict[str, Any],
    priority: tuple[str, ...],
) -> dict[str, Any]:
    if "engagements_per_night" in layer:
        low, mode, high = layer["engagements_per_night"]
        layer = layer | {"engagements_per_night": (low, mode, max(high, doctrine["salvo_of"]))}
    if channels:
        layer = {name: value for name, value in layer.items() if name != "engagements_per_night"} | channels
    if meets:
        taken = {"engaged_share", "kill_probability"} | ({"interceptors_per_engagement"} if "stock" in layer else set())
        met = {name: {key: of[key] for key in of if key in taken} for name, of in meets.items()}
        layer = layer | {"meets": met, "priority": tuple(name for name in priority if name in ("shahed", *met))}
    return layer | doctrine | availability | {"against": against}


ANY_LAYER = st.builds(
    joined,
    ANY_JAMMER | ANY_INTERCEPTORS,
    ANY_DOCTRINE,
    ANY_AVAILABILITY,
    st.just({}) | ANY_CHANNELS,
    st.just({}) | ANY_AGAINST,
    st.just({}) | ANY_MEETS,
    st.permutations(("shahed", *CLASSES)).map(tuple),
)
ANY_LAYERS = st.lists(ANY_LAYER, min_size=1, max_size=4)
ANY_PATHS = st.integers(1, 6).flatmap(
    lambda horizon: st.lists(st.lists(st.integers(0, 120), min_size=horizon, max_size=horizon), min_size=1, max_size=8)
)


@dataclass(frozen=True)
class Raid:
    """Drones and missiles, and the defence that they meet. others: class of weapon -> of which so many a night come on
    average."""

    paths: list[list[int]]
    layers: list[dict[str, Any]]
    kinds: dict[str, Any]
    others: dict[str, float]
    share: float | None
    seed: int

    def met(
        self, salvos_of: SalvosOf, defence_of: DefenceOf, layers: list[dict[str, Any]] | None = None, **more: Any
    ) -> Engagements:
        salvos = salvos_of(self.paths, seed=self.seed)
        rng = np.random.default_rng(self.seed)
        others = {name: rng.poisson(mean, salvos.paths.shape) for name, mean in self.others.items()}
        defence = self.defence(defence_of, layers)
        return engage(salvos, defence, armed_share=armed(self.share, salvos), others=others, **more)

    def defence(self, defence_of: DefenceOf, layers: list[dict[str, Any]] | None = None) -> Defence:
        return stated(defence_of, layers or self.layers, self.kinds)


ANY_RAID = st.builds(
    Raid,
    paths=ANY_PATHS,
    layers=ANY_LAYERS,
    kinds=ANY_KINDS,
    others=st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 40), max_size=2),
    share=st.none() | st.floats(0, 1),
    seed=st.integers(0, 2**32),
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(raid=ANY_RAID)
def test_the_books_balance_on_every_path_and_night(raid: Raid, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    salvos, defence, kinds, share = salvos_of(raid.paths), raid.defence(defence_of), raid.kinds, raid.share
    met = raid.met(salvos_of, defence_of)
    check_classes(met, defence, raid)
    assert met.kinds == ("armed", *kinds)
    launched = [demand.kills.sum(axis=0) + demand.leakers for demand in (met.actual, met.unlimited)]
    assert np.array_equal(*launched)
    for demand in (met.actual, met.unlimited):
        assert np.array_equal(demand.leakers_by_kind.sum(axis=0), demand.leakers)
        decoys = demand.decoy_kills.sum(axis=0) + demand.decoy_leakers
        assert np.array_equal(salvos.paths, launched[0] + decoys)
        if share is None:
            assert not decoys.any()
        for numbers in (
            *(demand.engagements, demand.kills, demand.decoy_kills, demand.interceptors, demand.unmet),
            *(demand.leakers, demand.leakers_by_kind, demand.decoy_leakers),
        ):
            assert numbers.dtype == np.int64
            assert (numbers >= 0).all()
        come = salvos.paths
        missiles = 0 if met.raid is None else met.raid.launched[1:].sum(axis=0)[:, np.newaxis]
        for index, layer in enumerate(defence.layers):
            killed = demand.kills[index] + demand.decoy_kills[index]
            assert (killed <= demand.engagements[index]).all()
            assert (demand.engagements[index] <= (come + missiles) * layer.salvo_of * layer.rounds).all()
            if layer.engagements_per_night is not None:
                assert (demand.engagements[index] <= np.rint(layer.engagements_per_night.high)).all()
            come = come - killed
    stocks = {stock.layer_id: stock for stock in met.stocks}
    for index, layer in enumerate(defence.layers):
        if layer.interceptors_per_engagement is None:
            assert layer.id not in stocks
            assert not met.actual.interceptors[index].any()
            assert not met.actual.unmet[index].any()
            continue
        stock = stocks[layer.id]
        assert (np.cumsum(stock.used, axis=1) <= stock.opening[:, np.newaxis] + stock.supplied).all()
        assert (stock.at_end >= 0).all()
        assert (np.diff(stock.supplied, axis=1) >= 0).all()
        assert stock.wanted is not None
        assert (stock.used <= stock.wanted).all()
        assert not met.actual.unmet[index][stock.used == stock.wanted].any()
        each = layer.interceptors_per_engagement
        factors = [against.interceptors for against in layer.against.values() if against.interceptors is not None]
        own = [met_class.interceptors_per_engagement or each for met_class in layer.meets.values()]
        fewest = np.floor(
            max(min([each.low * factor.low for factor in factors] + [each.low, *(of.low for of in own)]), 1.0)
        )
        most = np.ceil(max([each.high * factor.high for factor in factors] + [each.high, *(of.high for of in own)]))
        for used, engagements in (
            (stock.needed, met.unlimited.engagements[index]),
            (stock.wanted, met.actual.engagements[index] + met.actual.unmet[index]),
        ):
            assert (used >= fewest * engagements).all()
            assert (used <= most * engagements).all()


def check_classes(met: Engagements, defence: Defence, raid: Raid) -> None:
    """What each class takes adds up to what all take, and what comes of it is killed or gets through."""
    if met.raid is None:
        assert not raid.others
        return
    assert met.raid.classes == ("shahed", *raid.others)
    for counts, demand in ((met.raid.actual, met.actual), (met.raid.unlimited, met.unlimited)):
        assert np.array_equal(counts.kills.sum(axis=1) + counts.leakers, met.raid.launched)
        assert np.array_equal(counts.kills[0], (demand.kills + demand.decoy_kills).sum(axis=2))
        for name in ("engagements", "interceptors"):
            assert np.array_equal(getattr(counts, name).sum(axis=0), getattr(demand, name).sum(axis=2))
        for number, name in enumerate(met.raid.classes):
            strange = [name not in layer.classes for layer in defence.layers]
            assert not counts.engagements[number, strange].any()


def stated(defence_of: DefenceOf, layers: list[dict[str, Any]], kinds: dict[str, Any]) -> Defence:
    """A defence of these layers against these kinds, and against decoys."""
    known = (*kinds, "decoy")
    mine = [
        layer | {"against": {kind: factors for kind, factors in layer["against"].items() if kind in known}}
        for layer in layers
    ]
    return defence_of(mine, kinds, daylight_share=0.2)


def alike(layer: dict[str, Any]) -> dict[str, Any]:
    """The layer where every target takes as many interceptors, and where several classes share them, a whole number."""
    name = "interceptors_per_engagement"
    against = {kind: {each: of[each] for each in of if each != "interceptors"} for kind, of in layer["against"].items()}
    layer = layer | {"against": against}
    if "meets" in layer:
        layer["meets"] = {each: {key: of[key] for key in of if key != name} for each, of in layer["meets"].items()}
        if name in layer:
            layer[name] = 2.0
    return layer


def shifted(value: Any, by: float, most: float) -> Any:
    low, mode, high = value if isinstance(value, tuple) else (value, value, value)
    return tuple(min(number + by, most) for number in (low, mode, high))


MORE = {
    "stock": (40.0, NO_LIMIT),
    "monthly_supply": (90.0, NO_LIMIT),
    "kill_probability": (0.1, 1.0),
    "engagements_per_night": (15.0, NO_LIMIT),
    "fire_channels": (2.0, 1_000.0),
}


@pytest.mark.parametrize("quantity", MORE)
@settings(max_examples=120, deadline=None, derandomize=True)
@given(raid=ANY_RAID, which=st.integers(0, 3))
def test_more_never_lets_more_through_nor_asks_more_of_the_other_layers(
    quantity: str, raid: Raid, which: int, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """On every path and night, not on average: the common random numbers of `forecasting.defence.engagement`."""
    changed = which % len(raid.layers)
    if quantity not in raid.layers[changed]:
        return
    if any("fire_channels" in layer for layer in raid.layers):
        # Kinds and classes together are rounded to one more or less there.
        raid = replace(raid, share=None, kinds={}, others={})
    # Who takes the place of an easy drone may be a hard one, which takes more interceptors.
    layers = [alike(layer) for layer in raid.layers]
    more = [*layers]
    more[changed] = layers[changed] | {quantity: shifted(layers[changed][quantity], *MORE[quantity])}
    before, after = (raid.met(salvos_of, defence_of, each) for each in (layers, more))
    # What engages more drones tonight may lack the interceptors tomorrow: that is no more of the same but a choice.
    uses_more = quantity in ("engagements_per_night", "fire_channels") or (
        quantity == "kill_probability" and "fire_channels" in layers[changed] and layers[changed]["rounds"] > 1
    )
    runs = [(before.unlimited, after.unlimited)]
    if not (uses_more and "stock" in layers[changed]):
        runs.append((before.actual, after.actual))
        check_others_leak_no_more(before, after)
    for then, now in runs:
        assert (now.leakers_by_kind <= then.leakers_by_kind).all()
        assert (now.decoy_leakers <= then.decoy_leakers).all()
    for then_stock, now_stock in zip(before.stocks, after.stocks, strict=True):
        if then_stock.layer_id != "abcd"[changed] or (quantity == "kill_probability" and not uses_more):
            assert (now_stock.needed <= then_stock.needed).all()
            if len(runs) > 1:
                assert then_stock.wanted is not None
                assert now_stock.wanted is not None
                assert (now_stock.wanted <= then_stock.wanted).all()
                assert (now_stock.days_of_supply >= then_stock.days_of_supply).all()
    if quantity in ("stock", "monthly_supply"):
        assert np.array_equal(after.unlimited.leakers, before.unlimited.leakers)


def check_others_leak_no_more(before: Engagements, after: Engagements) -> None:
    if before.raid is not None and after.raid is not None:
        assert (after.raid.actual.leakers <= before.raid.actual.leakers).all()
        assert (after.raid.unlimited.leakers <= before.raid.unlimited.leakers).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(raid=ANY_RAID)
def test_where_the_stock_lasts_it_changes_nothing(raid: Raid, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = raid.met(salvos_of, defence_of, with_stock(raid.layers, NO_LIMIT))
    for name in ("engagements", "kills", "interceptors", "leakers_by_kind"):
        assert np.array_equal(getattr(met.actual, name), getattr(met.unlimited, name))
    if met.raid is not None:
        assert np.array_equal(met.raid.actual.leakers, met.raid.unlimited.leakers)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(raid=ANY_RAID)
def test_what_would_be_needed_does_not_depend_on_the_stock(
    raid: Raid, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    none, fixed = (raid.met(salvos_of, defence_of, with_stock(raid.layers, stock)) for stock in (0.0, 50.0))
    assert np.array_equal(none.unlimited.interceptors, fixed.unlimited.interceptors)
    if none.raid is not None and fixed.raid is not None:
        assert np.array_equal(none.raid.unlimited.interceptors, fixed.raid.unlimited.interceptors)


def with_stock(layers: list[dict[str, Any]], stock: float) -> list[dict[str, Any]]:
    return [layer | {"stock": stock} if "stock" in layer else layer for layer in layers]
