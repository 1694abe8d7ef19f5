"""The defence against paths: nothing appears or vanishes, and where there is a formula it holds."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from forecasting.defence import DAYS_PER_MONTH, Engagements, engage
from forecasting.layers import Defence
from forecasting.types import SalvoForecast

SalvosOf = Callable[..., SalvoForecast]
DefenceOf = Callable[[Sequence[dict[str, Any]]], Defence]
NO_LIMIT = 10**6

Stated = float | tuple[float, float, float]


def interceptors(
    share: Stated = 1.0,
    kill: Stated = 0.5,
    capacity: Stated = NO_LIMIT,
    each: Stated = 1.0,
    stock: Stated = NO_LIMIT,
    supply: Stated = 0.0,
) -> dict[str, Stated]:
    return jammer(share, kill, capacity) | {
        "interceptors_per_engagement": each,
        "stock": stock,
        "monthly_supply": supply,
        "unit_cost_usd": 1000.0,
    }


def jammer(share: Stated = 1.0, kill: Stated = 0.5, capacity: Stated = NO_LIMIT) -> dict[str, Stated]:
    return {"engaged_share": share, "kill_probability": kill, "engagements_per_night": capacity}


def ranges(low: float, high: float) -> st.SearchStrategy[tuple[float, float, float]]:
    number = st.floats(low, high, allow_nan=False).map(lambda value: round(value, 3))
    return st.tuples(number, number, number).map(lambda three: tuple(sorted(three)))  # type: ignore[arg-type,return-value]


ANY_JAMMER = st.builds(jammer, ranges(0, 1), ranges(0, 1), ranges(0, 80))
ANY_INTERCEPTORS = st.builds(
    interceptors, ranges(0, 1), ranges(0, 1), ranges(0, 80), ranges(1, 4), ranges(0, 150), ranges(0, 300)
)
ANY_LAYERS = st.lists(ANY_JAMMER | ANY_INTERCEPTORS, min_size=1, max_size=4)
ANY_PATHS = st.integers(1, 6).flatmap(
    lambda horizon: st.lists(st.lists(st.integers(0, 120), min_size=horizon, max_size=horizon), min_size=1, max_size=8)
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(paths=ANY_PATHS, layers=ANY_LAYERS, seed=st.integers(0, 2**32))
def test_the_books_balance_on_every_path_and_night(
    paths: list[list[int]],
    layers: list[dict[str, Stated]],
    seed: int,
    salvos_of: SalvosOf,
    defence_of: DefenceOf,
) -> None:
    salvos, defence = salvos_of(paths, seed=seed), defence_of(layers)
    met = engage(salvos, defence)
    for demand in (met.actual, met.unlimited):
        assert np.array_equal(salvos.paths, demand.kills.sum(axis=0) + demand.leakers)
        assert (demand.kills <= demand.engagements).all()
        for numbers in (demand.engagements, demand.kills, demand.interceptors, demand.leakers):
            assert numbers.dtype == np.int64
            assert (numbers >= 0).all()
        come = salvos.paths
        for index, layer in enumerate(defence.layers):
            assert (demand.engagements[index] <= come).all()
            assert (demand.engagements[index] <= np.rint(layer.engagements_per_night.high)).all()
            come = come - demand.kills[index]
            if layer.interceptors_per_engagement is None:
                assert not demand.interceptors[index].any()
            else:
                fewest = np.floor(layer.interceptors_per_engagement.low)
                most = np.ceil(layer.interceptors_per_engagement.high)
                assert (demand.interceptors[index] >= fewest * demand.engagements[index]).all()
                assert (demand.interceptors[index] <= most * demand.engagements[index]).all()
    for stock in met.stocks:
        assert (np.cumsum(stock.used, axis=1) <= stock.opening[:, np.newaxis] + stock.supplied).all()
        assert (stock.at_end >= 0).all()
        assert (np.diff(stock.supplied, axis=1) >= 0).all()
    stocked = [layer.id for layer in defence.layers if layer.interceptor]
    assert [stock.layer_id for stock in met.stocks] == stocked


@settings(max_examples=60, deadline=None, derandomize=True)
@given(paths=ANY_PATHS, layers=ANY_LAYERS, seed=st.integers(0, 2**32))
def test_where_the_stock_lasts_it_changes_nothing(
    paths: list[list[int]],
    layers: list[dict[str, Stated]],
    seed: int,
    salvos_of: SalvosOf,
    defence_of: DefenceOf,
) -> None:
    plenty = [layer | {"stock": NO_LIMIT} if "stock" in layer else layer for layer in layers]
    met = engage(salvos_of(paths, seed=seed), defence_of(plenty))
    assert np.array_equal(met.actual.engagements, met.unlimited.engagements)
    assert np.array_equal(met.actual.kills, met.unlimited.kills)
    assert np.array_equal(met.actual.interceptors, met.unlimited.interceptors)
    assert np.array_equal(met.actual.leakers, met.unlimited.leakers)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(paths=ANY_PATHS, layers=ANY_LAYERS, seed=st.integers(0, 2**32))
def test_what_would_be_needed_does_not_depend_on_the_stock(
    paths: list[list[int]],
    layers: list[dict[str, Stated]],
    seed: int,
    salvos_of: SalvosOf,
    defence_of: DefenceOf,
) -> None:
    salvos = salvos_of(paths, seed=seed)
    none = [layer | {"stock": 0.0} if "stock" in layer else layer for layer in layers]
    fixed = [layer | {"stock": 50.0} if "stock" in layer else layer for layer in layers]
    assert np.array_equal(
        engage(salvos, defence_of(none)).unlimited.interceptors,
        engage(salvos, defence_of(fixed)).unlimited.interceptors,
    )


def test_a_shortage_of_one_layer_leaves_more_to_the_next(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    salvos = salvos_of(np.full((500, 5), 40))
    met = engage(salvos, defence_of([interceptors(kill=0.9, stock=30.0), jammer(kill=0.5)]))
    assert met.actual.engagements[1].sum() > 2 * met.unlimited.engagements[1].sum()


def _z(observed: float, expected: float, standard_error: float) -> float:
    return abs(observed - expected) / standard_error


def _binomial(counts: NDArray[np.int64], n: int, p: float) -> None:
    """Mean and variance within five standard errors of Binomial(n, p)."""
    variance = n * p * (1 - p)
    fourth = variance * (1 + 3 * (n - 2) * p * (1 - p))
    assert _z(counts.mean(), n * p, np.sqrt(variance / counts.size)) < 5
    assert _z(counts.var(), variance, np.sqrt((fourth - variance**2) / counts.size)) < 5


@pytest.mark.parametrize(("share", "kill"), [(0.6, 0.5), (1.0, 0.3), (0.2, 1.0)])
def test_kills_of_one_layer_are_binomial(share: float, kill: float, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of(np.full((20_000, 2), 50)), defence_of([jammer(share, kill)]))
    if share < 1:
        _binomial(met.actual.engagements[0].ravel(), 50, share)
    _binomial(met.actual.kills[0].ravel(), 50, share * kill)


def test_the_next_layer_meets_what_the_first_left(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of(np.full((20_000, 2), 50)), defence_of([jammer(0.6, 0.5), jammer(0.8, 0.25)]))
    _binomial(met.actual.kills[1].ravel(), 50, (1 - 0.3) * 0.2)
    _binomial(met.actual.leakers.ravel(), 50, (1 - 0.3) * (1 - 0.2))


def test_nothing_and_everything(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    salvos = salvos_of([[30, 0, 7]])
    assert engage(salvos, defence_of([jammer(0.0, 1.0)])).actual.leakers.tolist() == [[30, 0, 7]]
    assert engage(salvos, defence_of([jammer(1.0, 0.0)])).actual.leakers.tolist() == [[30, 0, 7]]
    assert engage(salvos, defence_of([jammer(1.0, 1.0)])).actual.leakers.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("each", [1.0, 2.3, 3.0])
def test_an_engagement_uses_that_many_interceptors_on_average(
    each: float, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    met = engage(salvos_of(np.full((5_000, 2), 50)), defence_of([interceptors(0.7, each=each)]))
    engagements = met.actual.engagements.sum()
    extra = each % 1
    expected_error = np.sqrt(max(extra * (1 - extra), 1e-18) * engagements)
    assert abs(met.actual.interceptors.sum() - each * engagements) <= 5 * expected_error


@pytest.mark.parametrize("each", [1.6, 2.0])
def test_under_shortage_too_an_engagement_uses_that_many_on_average(
    each: float, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """A bias towards the cheap engagements, when few interceptors are left, would show here."""
    met = engage(salvos_of(np.full((20_000, 1), 50)), defence_of([interceptors(each=each, stock=61.0)]))
    assert (met.actual.engagements == 30).mean() > 0.99  # 61 // 2
    assert met.actual.interceptors.sum() / met.actual.engagements.sum() == pytest.approx(each, rel=0.005)


def test_no_stock_and_no_supply_is_no_engagement(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of(np.full((50, 4), 30)), defence_of([interceptors(stock=0.0)]))
    assert not met.actual.engagements.any()
    assert not met.actual.interceptors.any()
    assert (met.actual.leakers == 30).all()
    assert met.unlimited.engagements.sum() == 50 * 4 * 30
    assert (met.stocks[0].days_of_supply == 0).all()
    assert met.stocks[0].stock_out_probability == 1.0


def test_a_stock_is_used_up_in_the_order_of_the_nights(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of(np.full((20, 4), 30)), defence_of([interceptors(each=2.0, stock=131.0)]))
    assert (met.actual.engagements[0] == [30, 30, 5, 0]).all()
    assert (met.actual.interceptors[0] == [60, 60, 10, 0]).all()
    assert (met.stocks[0].at_end == 1).all()  # one is left over: an engagement takes two


def test_supply_comes_day_by_day(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of(np.full((3, 61), 1000)), defence_of([interceptors(stock=0.0, supply=10 * DAYS_PER_MONTH)]))
    assert (met.actual.engagements[0] == 10).all()
    assert (met.stocks[0].supplied == 10 * np.arange(1, 62)).all()


@pytest.mark.parametrize("limited", [True, False])
def test_capacity_holds_night_by_night_and_with_any_stock(
    limited: bool, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    met = engage(salvos_of([[5, 100, 12]]), defence_of([interceptors(capacity=12.0)]))
    demand = met.actual if limited else met.unlimited
    assert demand.engagements[0].tolist() == [[5, 12, 12]]


def test_what_is_not_known_does_not_average_out_from_night_to_night(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """A kill probability between 0 and 1 is one number per path: good on all nights, or bad on all."""
    met = engage(salvos_of(np.full((2_000, 2), 10_000)), defence_of([jammer(1.0, (0.0, 0.5, 1.0))]))
    killed = met.actual.kills[0] / 10_000
    assert np.abs(killed[:, 0] - killed[:, 1]).max() < 0.04
    assert killed[:, 0].std() == pytest.approx(np.sqrt(1 / 24), rel=0.06)


def test_the_ranges_of_two_layers_are_drawn_apart(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    layers = [jammer(1.0, (0.0, 0.5, 1.0)), jammer(1.0, (0.0, 0.5, 1.0))]
    met = engage(salvos_of(np.full((4_000, 1), 10_000)), defence_of(layers))
    first = met.actual.kills[0, :, 0] / 10_000
    second = met.actual.kills[1, :, 0] / np.maximum(met.actual.engagements[1, :, 0], 1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(4_000)


def _same(first: Engagements, second: Engagements) -> bool:
    return all(
        np.array_equal(getattr(first.actual, name), getattr(second.actual, name))
        for name in ("engagements", "kills", "interceptors", "leakers")
    )


def test_same_seed_same_battle(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    paths: ArrayLike = np.random.default_rng(1).poisson(150, (100, 10))
    first, again = (engage(salvos_of(paths, seed=3), bundled_defence) for _ in range(2))
    assert _same(first, again)
    assert not _same(first, engage(salvos_of(paths, seed=4), bundled_defence))


def test_the_salvos_are_not_changed(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    salvos = salvos_of(np.full((10, 3), 200))
    engage(salvos, bundled_defence)
    assert (salvos.paths == 200).all()


def test_salvos_larger_than_any_seen_are_met_without_overflow(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    met = engage(salvos_of(np.full((5, 30), 10**8)), bundled_defence)
    assert (met.actual.leakers > 0).all()
    assert (met.stocks[0].needed >= 0).all()


def test_factors_of_one_change_no_byte(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    salvos = salvos_of(np.random.default_rng(1).poisson(150, (100, 10)))
    ones = {layer.id: np.ones((100, 10)) for layer in bundled_defence.layers}
    assert _same(engage(salvos, bundled_defence), engage(salvos, bundled_defence, kill_factors=ones))
    assert _same(engage(salvos, bundled_defence), engage(salvos, bundled_defence, kill_factors={}))


def test_a_lower_kill_probability_of_one_layer_leaves_more_and_changes_no_layer_before_it(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """Layer b kills half as often from the third night on."""
    salvos = salvos_of(np.full((2_000, 5), 50))
    defence = defence_of([jammer(0.5, 0.4), jammer(0.9, 0.8), jammer(0.6, 0.5)])
    factor = np.ones((2_000, 5))
    factor[:, 2:] = 0.5
    before, after = engage(salvos, defence).actual, engage(salvos, defence, kill_factors={"b": factor}).actual
    assert np.array_equal(after.kills[0], before.kills[0])
    assert np.array_equal(after.engagements[1], before.engagements[1])
    assert np.array_equal(after.kills[1, :, :2], before.kills[1, :, :2])
    engaged = after.engagements[1, :, 2:].sum()
    assert _z(after.kills[1, :, 2:].sum() / engaged, 0.4, np.sqrt(0.4 * 0.6 / engaged)) < 5
    assert after.leakers[:, 2:].sum() > 1.3 * before.leakers[:, 2:].sum()
    # The next layer meets more drones, and kills the same part of those it engages.
    engaged = after.engagements[2, :, 2:].sum()
    assert engaged > 1.3 * before.engagements[2, :, 2:].sum()
    assert _z(after.kills[2, :, 2:].sum() / engaged, 0.5, np.sqrt(0.25 / engaged)) < 5
    assert np.array_equal(salvos.paths, after.kills.sum(axis=0) + after.leakers)


def test_no_factor_makes_a_kill_more_than_certain(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of([[30, 30]]), defence_of([jammer(1.0, 0.6)]), kill_factors={"a": np.array([[1.0, 3.0]])})
    assert met.actual.kills[0, 0, 1] == 30
    assert met.actual.kills[0, 0, 0] < 30
