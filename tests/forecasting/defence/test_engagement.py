"""The defence against paths: nothing appears or vanishes, and where there is a formula it holds."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from features.errors import InputError
from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.defence.saturation import served
from forecasting.defence.stock import DAYS_PER_MONTH, Delivery
from tests.forecasting.defence.defence_layers import (
    DefenceOf,
    SalvosOf,
    assert_binomial,
    deviations_of,
    interceptors,
    jammer,
    same,
)


def test_a_shortage_of_one_layer_leaves_more_to_the_next(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    salvos = salvos_of(np.full((500, 5), 40))
    met = engage(salvos, defence_of([interceptors(kill=0.9, stock=30.0), jammer(kill=0.5)]))
    assert met.actual.engagements[1].sum() > 2 * met.unlimited.engagements[1].sum()


@pytest.mark.parametrize(("share", "kill"), [(0.6, 0.5), (1.0, 0.3), (0.2, 1.0)])
def test_kills_of_one_layer_are_binomial(share: float, kill: float, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of(np.full((20_000, 2), 50)), defence_of([jammer(share, kill)]))
    if share < 1:
        assert_binomial(met.actual.engagements[0].ravel(), 50, share)
    assert_binomial(met.actual.kills[0].ravel(), 50, share * kill)


def test_the_next_layer_meets_what_the_first_left(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of(np.full((20_000, 2), 50)), defence_of([jammer(0.6, 0.5), jammer(0.8, 0.25)]))
    assert_binomial(met.actual.kills[1].ravel(), 50, (1 - 0.3) * 0.2)
    assert_binomial(met.actual.leakers.ravel(), 50, (1 - 0.3) * (1 - 0.2))


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
    assert (met.actual.interceptors == 61).mean() > 0.99
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
    assert (met.actual.interceptors[0] == [60, 60, 11, 0]).all()
    assert (met.actual.engagements[0][:, [0, 1, 3]] == [30, 30, 0]).all()
    assert set(met.actual.engagements[0][:, 2]) == {5, 6}  # 11 are enough for 5.5: 5 or 6, as chance has it
    assert np.array_equal(met.actual.unmet[0], 30 - met.actual.engagements[0])
    assert (met.stocks[0].at_end == 0).all()
    assert (met.stocks[0].days_of_supply == 2).all()


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


def test_same_seed_same_battle(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    paths: ArrayLike = np.random.default_rng(1).poisson(150, (100, 10))
    first, again = (engage(salvos_of(paths, seed=3), bundled_defence) for _ in range(2))
    assert same(first, again)
    assert not same(first, engage(salvos_of(paths, seed=4), bundled_defence))


def test_the_salvos_are_not_changed(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    salvos = salvos_of(np.full((10, 3), 200))
    engage(salvos, bundled_defence)
    assert (salvos.paths == 200).all()


def test_salvos_larger_than_any_seen_are_met_without_overflow(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    met = engage(salvos_of(np.full((5, 30), 10**8)), bundled_defence)
    assert (met.actual.leakers > 0).all()
    assert (met.stocks[0].needed >= 0).all()


def test_decoys_and_armed_drones_are_thinned_apart(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """Of 100 drones 30 % are armed; the layer reaches half, lets 80 % of the decoys in reach pass, and kills 60 %."""
    salvos = salvos_of(np.full((10_000, 2), 100))
    told_apart = jammer(0.5, 0.6) | {"decoy_discrimination": 0.8}
    met = engage(salvos, defence_of([told_apart]), armed_share=np.full((1, 2), 0.3))
    assert_binomial((met.actual.kills[0] + met.actual.leakers).ravel(), 100, 0.3)
    assert_binomial(met.actual.kills[0].ravel(), 100, 0.3 * 0.5 * 0.6)
    assert_binomial(met.actual.decoy_kills[0].ravel(), 100, 0.7 * 0.5 * 0.2 * 0.6)
    assert_binomial(met.actual.leakers.ravel(), 100, 0.3 * (1 - 0.5 * 0.6))
    assert_binomial(met.actual.decoy_leakers.ravel(), 100, 0.7 * (1 - 0.5 * 0.2 * 0.6))
    assert_binomial(met.actual.engagements[0].ravel(), 100, 0.3 * 0.5 + 0.7 * 0.5 * 0.2)


def test_armed_drones_and_decoys_share_what_capacity_there_is(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(
        salvos_of(np.full((4_000, 1), 100)), defence_of([jammer(1.0, 1.0, 40.0)]), armed_share=np.full((1, 1), 0.3)
    )
    assert (met.actual.engagements == 40).all()
    assert abs(met.actual.kills.mean() - 12) < 5 * np.sqrt(100 * 0.3 * 0.7 / 4_000)


@pytest.mark.parametrize(("salvo_of", "kill"), [(1, 0.3), (2, 0.3), (3, 0.6)])
def test_a_salvo_kills_unless_all_of_it_miss(
    salvo_of: int, kill: float, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    layer = interceptors(0.7, kill, each=2.0) | {"salvo_of": salvo_of}
    met = engage(salvos_of(np.full((10_000, 2), 50)), defence_of([layer]))
    assert_binomial(met.actual.kills[0].ravel(), 50, 0.7 * (1 - (1 - kill) ** salvo_of))
    assert_binomial(met.actual.engagements[0].ravel() // salvo_of, 50, 0.7)
    assert np.array_equal(met.actual.interceptors, 2 * met.actual.engagements)


@pytest.mark.parametrize(("rounds", "salvo_of", "kill"), [(2, 1, 0.4), (4, 1, 0.25), (3, 2, 0.3)])
def test_shoot_look_shoot_fires_again_at_what_lives(
    rounds: int, salvo_of: int, kill: float, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """Kills 1 - (1 - P)^r with (1 - (1 - P)^r)/P rounds on average, P = 1 - (1 - p)^k."""
    layer = interceptors(1.0, kill) | {"salvo_of": salvo_of, "rounds": rounds}
    met = engage(salvos_of(np.full((10_000, 2), 50)), defence_of([layer]))
    kills = 1 - (1 - kill) ** salvo_of
    assert_binomial(met.actual.kills[0].ravel(), 50, 1 - (1 - kills) ** rounds)
    assert met.actual.engagements.mean() == pytest.approx(50 * salvo_of * (1 - (1 - kills) ** rounds) / kills, rel=5e-3)


def test_a_second_round_takes_what_capacity_the_first_leaves(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of([[5, 8, 30]]), defence_of([jammer(1.0, 0.0, 10.0) | {"rounds": 2}]))
    assert met.actual.engagements[0].tolist() == [[10, 10, 10]]


def test_in_the_deterministic_limit_the_leakers_are_those_of_hughes_salvo_equation(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """Hughes (1995), A salvo model of warships in missile combat: of alpha A missiles, B ships that each stop b3 let
    alpha A - b3 B through, or none. Here: 12 batteries that stop 4 each, behind 5 that stop 10 each."""
    salvos = salvos_of([[120, 98, 97, 0, 400]])
    met = engage(salvos, defence_of([interceptors(1.0, 1.0, 5 * 10.0), jammer(1.0, 1.0, 12 * 4.0)]))
    assert met.actual.leakers.tolist() == [[22, 0, 0, 0, 302]]


def test_800_drones_a_night_take_1_000_interceptors(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """At least 1,000 a day against 800 a night (reference D122): with two for each drone (D120), that is what it takes
    where 37.5 % of them have been lost to jamming before; against all 800 it takes the 1,600 of D120."""
    salvos = salvos_of(np.full((4_000, 1), 800))
    jammed = engage(salvos, defence_of([jammer(1.0, 0.375), interceptors(each=2.0)]))
    assert jammed.stocks[0].needed.mean() == pytest.approx(1_000, rel=2e-3)
    assert (engage(salvos, defence_of([interceptors(each=2.0)])).stocks[0].needed == 1_600).all()


def test_1_000_a_day_at_two_per_drone_last_against_500_a_night(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """The planning norm of reference D090 and D100: 28 nights of 500 drones never run out, 28 of 510 do at once, and
    ten drones a night pass from then on."""
    stated = defence_of([interceptors(1.0, 0.68, each=2.0, stock=0.0, supply=1_000 * DAYS_PER_MONTH)])
    enough, short = (engage(salvos_of(np.full((50, 28), drones)), stated) for drones in (500, 510))
    assert enough.stocks[0].stock_out_probability == 0.0
    assert short.stocks[0].stock_out_by_day[0] == 1.0
    assert (short.actual.unmet == 10).all()


def test_a_factor_on_the_kill_probability_holds_on_its_days_and_paths(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    salvos = salvos_of(np.full((6_000, 3), 50))
    factors = np.broadcast_to([1.0, 0.5, 5.0], (6_000, 3)).copy()
    factors[3_000:] *= 0.0
    met = engage(salvos, defence_of([jammer(1.0, 0.4), jammer(1.0, 0.4)]), kill_factors={"a": factors})
    for night, kill in enumerate((0.4, 0.2, 1.0)):
        killed = met.actual.kills[0, :3_000, night]
        if kill < 1:
            assert_binomial(killed, 50, kill)
        else:
            assert (killed == 50).all()
    assert not met.actual.kills[0, 3_000:].any()
    assert_binomial(met.actual.kills[1, 3_000:].ravel(), 50, 0.4)


def test_bad_weather_closes_a_layer_for_the_night_and_the_same_night_for_all(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    layers = [jammer(1.0, 0.0) | {"weather_share": share} for share in (0.3, 0.3, 0.6)] + [jammer(1.0, 0.0)]
    met = engage(salvos_of(np.full((20_000, 1), 10)), defence_of(layers))
    worked = met.actual.engagements[:, :, 0] == 10
    assert (worked | (met.actual.engagements[:, :, 0] == 0)).all()
    assert np.array_equal(worked[0], worked[1])
    assert (worked[2] >= worked[1]).all()
    assert worked[3].all()
    for index, share in ((0, 0.3), (2, 0.6)):
        assert deviations_of(worked[index].mean(), share, np.sqrt(share * (1 - share) / 20_000)) < 5


def test_a_layer_meets_the_drones_of_its_hours(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    layers = [jammer(0.5, 0.0) | {"works": hours} for hours in ("day", "night", "always")]
    met = engage(salvos_of(np.full((10_000, 2), 50)), defence_of(layers, daylight_share=0.2))
    for index, share in enumerate((0.1, 0.4, 0.5)):
        assert_binomial(met.actual.engagements[index].ravel(), 50, share)


def test_fire_channels_serve_as_many_as_the_shortcut_says(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """50 drones evenly over 14 hours, 3 channels, 30 minutes each on average: two rounds at 50 % are 1.5 of 20."""
    layer = {"engaged_share": 1.0, "kill_probability": 0.5, "fire_channels": 3.0, "service_minutes": 20.0, "rounds": 2}
    met = engage(salvos_of(np.full((10_000, 1), 50)), defence_of([layer]))
    expected = served(np.full((1, 1), 50.0), np.array(3.0), np.array(0.5), ((1.0, 14.0),))[0, 0]
    assert 40 < expected < 49
    assert met.actual.engagements.mean() == pytest.approx(1.5 * expected, rel=3e-3)


def test_drones_that_come_in_waves_find_fewer_free_channels(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    layer = {"engaged_share": 1.0, "kill_probability": 1.0, "fire_channels": 5.0, "service_minutes": 30.0}
    salvos = salvos_of(np.full((200, 1), 100))
    evenly = engage(salvos, defence_of([layer])).actual.leakers.mean()
    massed = engage(salvos, defence_of([layer], waves=({"share": 1.0, "hours": 2.0},))).actual.leakers.mean()
    assert evenly < 20
    assert massed == pytest.approx(100 - 5 - 5 * 4, abs=2)  # all channels taken, then ten an hour


def test_dated_deliveries_come_on_their_day(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    salvos = salvos_of(np.full((3, 5), 10))
    deliveries = [
        Delivery("a", salvos.origin + timedelta(days=day), quantity) for day, quantity in ((2, 7), (2, 3), (4, 4))
    ]
    met = engage(salvos, defence_of([interceptors(stock=0.0)]), deliveries=deliveries)
    assert met.stocks[0].supplied[0].tolist() == [0, 10, 10, 14, 14]
    assert met.actual.engagements[0].tolist() == [[0, 10, 0, 4, 0]] * 3


def test_a_stock_out_upstream_brings_the_next_one_forward(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """The second layer would last ten nights had the first enough; as it is, all 10 drones a night come to it."""
    layers = [interceptors(1.0, 1.0, capacity=8.0, stock=16.0), interceptors(1.0, 1.0, stock=20.0)]
    met = engage(salvos_of(np.full((2, 10), 10)), defence_of(layers))
    assert (met.stocks[1].shortfall == 0).all()
    assert (met.stocks[1].days_of_supply == 3).all()  # 2, 2, 10 of 20; then 6 for 10
    assert met.stocks[1].stock_out_by_day.tolist() == [0.0] * 3 + [1.0] * 7
    assert (met.actual.leakers == [[0, 0, 0, 4] + [10] * 6]).all()
    assert not met.unlimited.leakers.any()


ORIGIN = date(2026, 2, 28)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "factor of no layer": ({"kill_factors": {"b": np.ones((1, 4))}}, "unknown layer 'b'.*known are a"),
    "negative factor": ({"kill_factors": {"a": np.full((1, 4), -1.0)}}, "kill factor of layer a.*from -1"),
    "no number": ({"kill_factors": {"a": np.full((1, 4), np.nan)}}, "kill factor of layer a.*finite"),
    "shape": ({"kill_factors": {"a": np.ones((2, 4))}}, r"shape \(2, 4\): expected \(3 or 1, 4\)"),
    "share": ({"armed_share": np.full((1, 4), 1.5)}, "armed share reaches 1.5: expected 0 to 1"),
    "delivery before the origin": (
        {"deliveries": [Delivery("a", ORIGIN - timedelta(days=1), 5)]},
        "delivery of 2026-02-27 to layer a is not after the origin, 2026-02-28",
    ),
    "delivery to no layer": ({"deliveries": [Delivery("z", ORIGIN + timedelta(days=1), 5)]}, "unknown layer 'z'"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_what_cannot_be_is_told(mistake: str, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    stated, told = WRONG[mistake]
    with pytest.raises(InputError, match=told):
        engage(salvos_of(np.full((3, 4), 10)), defence_of([interceptors()]), **stated)


def test_a_delivery_to_a_layer_without_interceptors_is_told(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    salvos = salvos_of([[10]])
    with pytest.raises(InputError, match="a delivery to layer a: it uses no interceptors"):
        engage(salvos, defence_of([jammer()]), deliveries=[Delivery("a", salvos.days[0], 5)])


def test_factors_of_one_change_no_byte(salvos_of: SalvosOf, bundled_defence: Defence) -> None:
    salvos = salvos_of(np.random.default_rng(1).poisson(150, (100, 10)))
    ones = {layer.id: np.ones((100, 10)) for layer in bundled_defence.layers}
    assert same(engage(salvos, bundled_defence), engage(salvos, bundled_defence, kill_factors=ones))
    assert same(engage(salvos, bundled_defence), engage(salvos, bundled_defence, kill_factors={}))


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
    assert deviations_of(after.kills[1, :, 2:].sum() / engaged, 0.4, np.sqrt(0.4 * 0.6 / engaged)) < 5
    assert after.leakers[:, 2:].sum() > 1.3 * before.leakers[:, 2:].sum()
    # The next layer meets more drones, and kills the same part of those it engages.
    engaged = after.engagements[2, :, 2:].sum()
    assert engaged > 1.3 * before.engagements[2, :, 2:].sum()
    assert deviations_of(after.kills[2, :, 2:].sum() / engaged, 0.5, np.sqrt(0.25 / engaged)) < 5
    assert np.array_equal(salvos.paths, after.kills.sum(axis=0) + after.leakers)


def test_no_factor_makes_a_kill_more_than_certain(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    met = engage(salvos_of([[30, 30]]), defence_of([jammer(1.0, 0.6)]), kill_factors={"a": np.array([[1.0, 3.0]])})
    assert met.actual.kills[0, 0, 1] == 30
    assert met.actual.kills[0, 0, 0] < 30
