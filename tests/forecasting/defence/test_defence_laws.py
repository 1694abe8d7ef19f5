"""Laws of the engine under any defence: books balance, more never lets more through, a stock that lasts is no limit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
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
ANY_KINDS = st.lists(ranges(0, 0.4), max_size=3).map(lambda shares: dict(zip(KINDS, shares, strict=False)))


def joined(
    layer: dict[str, Any], doctrine: dict[str, Any], availability: dict[str, Any], channels: Any, against: Any
) -> dict[str, Any]:
    if "engagements_per_night" in layer:
        low, mode, high = layer["engagements_per_night"]
        layer = layer | {"engagements_per_night": (low, mode, max(high, doctrine["salvo_of"]))}
    if channels:
        layer = {name: value for name, value in layer.items() if name != "engagements_per_night"} | channels
    return layer | doctrine | availability | {"against": against}


ANY_LAYER = st.builds(
    joined,
    ANY_JAMMER | ANY_INTERCEPTORS,
    ANY_DOCTRINE,
    ANY_AVAILABILITY,
    st.just({}) | ANY_CHANNELS,
    st.just({}) | ANY_AGAINST,
)
ANY_LAYERS = st.lists(ANY_LAYER, min_size=1, max_size=4)
ANY_ARMED_SHARE = st.none() | st.floats(0, 1)
ANY_PATHS = st.integers(1, 6).flatmap(
    lambda horizon: st.lists(st.lists(st.integers(0, 120), min_size=horizon, max_size=horizon), min_size=1, max_size=8)
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(paths=ANY_PATHS, layers=ANY_LAYERS, kinds=ANY_KINDS, share=ANY_ARMED_SHARE, seed=st.integers(0, 2**32))
def test_the_books_balance_on_every_path_and_night(
    paths: list[list[int]],
    layers: list[dict[str, Any]],
    kinds: dict[str, Any],
    share: float | None,
    seed: int,
    salvos_of: SalvosOf,
    defence_of: DefenceOf,
) -> None:
    salvos, defence = salvos_of(paths, seed=seed), stated(defence_of, layers, kinds)
    met = engage(salvos, defence, armed_share=armed(share, salvos))
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
        for index, layer in enumerate(defence.layers):
            killed = demand.kills[index] + demand.decoy_kills[index]
            assert (killed <= demand.engagements[index]).all()
            assert (demand.engagements[index] <= come * layer.salvo_of * layer.rounds).all()
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
        fewest = np.floor(max(each.low * min([1.0, *(factor.low for factor in factors)]), 1.0))
        most = np.ceil(each.high * max([1.0, *(factor.high for factor in factors)]))
        for used, engagements in (
            (stock.needed, met.unlimited.engagements[index]),
            (stock.wanted, met.actual.engagements[index] + met.actual.unmet[index]),
        ):
            assert (used >= fewest * engagements).all()
            assert (used <= most * engagements).all()


def stated(defence_of: DefenceOf, layers: list[dict[str, Any]], kinds: dict[str, Any]) -> Defence:
    """A defence of these layers against these kinds, and against decoys."""
    known = (*kinds, "decoy")
    mine = [
        layer | {"against": {kind: factors for kind, factors in layer["against"].items() if kind in known}}
        for layer in layers
    ]
    return defence_of(mine, kinds, daylight_share=0.2)


def without(against: dict[str, Any], name: str) -> dict[str, Any]:
    return {kind: {each: factor for each, factor in of.items() if each != name} for kind, of in against.items()}


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
@given(
    paths=ANY_PATHS,
    layers=ANY_LAYERS,
    kinds=ANY_KINDS,
    which=st.integers(0, 3),
    share=ANY_ARMED_SHARE,
    seed=st.integers(0, 2**32),
)
def test_more_never_lets_more_through_nor_asks_more_of_the_other_layers(
    quantity: str,
    paths: list[list[int]],
    layers: list[dict[str, Any]],
    kinds: dict[str, Any],
    which: int,
    share: float | None,
    seed: int,
    salvos_of: SalvosOf,
    defence_of: DefenceOf,
) -> None:
    """On every path and night, not on average: the common random numbers of `forecasting.defence.engagement`."""
    salvos, changed = salvos_of(paths, seed=seed), which % len(layers)
    if quantity not in layers[changed]:
        return
    if any("fire_channels" in layer for layer in layers):
        share, kinds = None, {}  # kinds together are rounded to one drone more or less there
    # Who takes the place of an easy drone may be a hard one, which takes more interceptors.
    layers = [layer | {"against": without(layer["against"], "interceptors")} for layer in layers]
    more = [*layers]
    more[changed] = layers[changed] | {quantity: shifted(layers[changed][quantity], *MORE[quantity])}
    before, after = (
        engage(salvos, stated(defence_of, each, kinds), armed_share=armed(share, salvos)) for each in (layers, more)
    )
    # What engages more drones tonight may lack the interceptors tomorrow: that is no more of the same but a choice.
    uses_more = quantity in ("engagements_per_night", "fire_channels") or (
        quantity == "kill_probability" and "fire_channels" in layers[changed] and layers[changed]["rounds"] > 1
    )
    runs = [(before.unlimited, after.unlimited)]
    if not (uses_more and "stock" in layers[changed]):
        runs.append((before.actual, after.actual))
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


@settings(max_examples=60, deadline=None, derandomize=True)
@given(paths=ANY_PATHS, layers=ANY_LAYERS, kinds=ANY_KINDS, seed=st.integers(0, 2**32))
def test_where_the_stock_lasts_it_changes_nothing(
    paths: list[list[int]],
    layers: list[dict[str, Any]],
    kinds: dict[str, Any],
    seed: int,
    salvos_of: SalvosOf,
    defence_of: DefenceOf,
) -> None:
    plenty = [layer | {"stock": NO_LIMIT} if "stock" in layer else layer for layer in layers]
    met = engage(salvos_of(paths, seed=seed), stated(defence_of, plenty, kinds))
    assert np.array_equal(met.actual.engagements, met.unlimited.engagements)
    assert np.array_equal(met.actual.kills, met.unlimited.kills)
    assert np.array_equal(met.actual.interceptors, met.unlimited.interceptors)
    assert np.array_equal(met.actual.leakers_by_kind, met.unlimited.leakers_by_kind)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(paths=ANY_PATHS, layers=ANY_LAYERS, kinds=ANY_KINDS, seed=st.integers(0, 2**32))
def test_what_would_be_needed_does_not_depend_on_the_stock(
    paths: list[list[int]],
    layers: list[dict[str, Any]],
    kinds: dict[str, Any],
    seed: int,
    salvos_of: SalvosOf,
    defence_of: DefenceOf,
) -> None:
    salvos = salvos_of(paths, seed=seed)
    none = [layer | {"stock": 0.0} if "stock" in layer else layer for layer in layers]
    fixed = [layer | {"stock": 50.0} if "stock" in layer else layer for layer in layers]
    assert np.array_equal(
        engage(salvos, stated(defence_of, none, kinds)).unlimited.interceptors,
        engage(salvos, stated(defence_of, fixed, kinds)).unlimited.interceptors,
    )
