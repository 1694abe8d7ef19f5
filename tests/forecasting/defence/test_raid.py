"""Several classes of weapon against the same launchers: by hand, and beside simulations target by target."""

from typing import Any

import numpy as np
import pytest

from features.errors import InputError
from forecasting.answers import defences
from forecasting.defence.engagement import engage
from forecasting.defence.stock import without_stocks
from tests.forecasting.defence.defence_layers import (
    NO_LIMIT,
    DefenceOf,
    SalvosOf,
    armed,
    assert_binomial,
    interceptors,
    jammer,
    same,
)

SURE = {"engaged_share": 1.0, "kill_probability": 1.0}


def meeting(layer: dict[str, Any], *priority: str, **meets: dict[str, Any]) -> dict[str, Any]:
    return layer | {"meets": meets, "priority": priority}


@pytest.mark.parametrize(
    ("priority", "drones", "missiles"),
    [(("cruise", "shahed"), [5, 5, 0, 0], [10, 10, 10, 0]), (("shahed", "cruise"), [15, 15, 10, 0], [0, 0, 0, 0])],
)
def test_the_first_class_takes_capacity_and_stock_before_the_second(
    priority: tuple[str, ...], drones: list[int], missiles: list[int], salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """20 drones and 10 missiles, 15 engagements a night, 40 interceptors at one each, every one a kill."""
    layer = meeting(interceptors(1.0, 1.0, 15.0, 1.0, 40.0), *priority, cruise=SURE)
    met = engage(salvos_of(np.full((4, 4), 20)), defence_of([layer]), others={"cruise": np.full((4, 4), 10)})
    assert met.raid is not None
    assert met.raid.classes == ("shahed", "cruise")
    assert met.actual.kills[0, 0].tolist() == drones
    assert met.stocks[0].used[0].tolist() == [sum(each) for each in zip(drones, missiles, strict=True)]
    assert met.raid.launched[:, 0].tolist() == [80, 40]
    assert met.raid.actual.kills[:, 0, 0].tolist() == [sum(drones), sum(missiles)]
    assert met.raid.actual.interceptors[:, 0, 0].tolist() == [sum(drones), sum(missiles)]
    assert met.raid.actual.leakers[:, 0].tolist() == [80 - sum(drones), 40 - sum(missiles)]
    assert met.raid.unlimited.leakers[:, 0].tolist() == ([60, 0] if priority[0] == "cruise" else [20, 40])
    assert met.actual.unmet[0, 0].sum() == 20


def test_a_class_passes_the_layers_that_do_not_meet_it_and_has_numbers_of_its_own_in_the_others(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    layers = [
        jammer(1.0, 0.5),
        meeting(
            jammer(0.5, 0.5) | {"salvo_of": 2},
            "cruise",
            "shahed",
            cruise={"engaged_share": 0.8, "kill_probability": 0.3},
        ),
    ]
    cruise = np.full((3_000, 2), 40)
    met = engage(salvos_of(np.full((3_000, 2), 30)), defence_of(layers), others={"cruise": cruise})
    assert met.raid is not None
    assert not met.raid.actual.engagements[1, 0].any()
    assert_binomial(met.raid.actual.leakers[1], 80, 1 - 0.8 * (1 - 0.7**2))
    assert_binomial(met.actual.leakers.ravel(), 30, 0.5 * (1 - 0.5 * 0.75))


def test_without_missiles_a_layer_that_could_meet_them_is_as_it_was(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """Where none come or none are asked for the drones are met alike, and so they are by what meets no missile."""
    salvos = salvos_of(np.full((50, 6), 60))
    plain = [interceptors(0.7, (0.3, 0.5, 0.8), 30.0, 1.5, 300.0), jammer(0.6, 0.4)]
    meets = [meeting(plain[0], "cruise", "shahed", cruise=SURE), plain[1]]
    alone = engage(salvos, defence_of(plain), armed_share=armed(0.6, salvos))
    none = {"cruise": np.zeros((50, 6), np.int64)}
    assert same(engage(salvos, defence_of(meets), armed_share=armed(0.6, salvos), others=none), alone)
    assert same(engage(salvos, defence_of(meets).facing(("shahed",)), armed_share=armed(0.6, salvos)), alone)
    some = engage(salvos, defence_of(plain), armed_share=armed(0.6, salvos), others={"cruise": np.full((50, 6), 9)})
    assert same(some, alone)


def test_shares_of_stock_and_supply_add_up_to_all_of_it(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    layer = interceptors(stock=1_000.0, supply=3_000.0) | {"available_share": 0.3}
    layer = meeting(layer, "ballistic", "cruise", "shahed", cruise=SURE | {"available_share": 0.2}, ballistic=SURE)
    salvos, defence = salvos_of(np.zeros((1, 1))), defence_of([layer])
    none = np.zeros((1, 1), np.int64)
    opening = [
        engage(salvos, defence, others=dict.fromkeys(others, none)).stocks[0].opening[0]
        for others in ((), ("cruise",), ("cruise", "ballistic"))
    ]
    assert opening == [300, 500, 1_000]


class TestFacing:
    def test_a_plan_of_drones_alone_has_no_layer_that_meets_none(self, defence_of: DefenceOf) -> None:
        layers = [jammer(), meeting(jammer(0.0, 0.0), "ballistic", ballistic=SURE)]
        defence = defence_of(layers)
        assert defence.facing(("shahed",)).ids == ("a",)
        assert defence.facing(("shahed", "ballistic")).ids == ("a", "b")
        assert without_stocks(defence) == without_stocks(defence_of(layers[:1]))
        with pytest.raises(InputError, match="no layer of the defence test meets drones"):
            defence_of(layers[1:]).facing(("shahed",))

    def test_the_bundled_defence_meets_missiles_before_drones(self) -> None:
        met = {layer.id: layer.classes for layer in defences.bundled_defence("ukraine").layers if layer.meets}
        assert met == {
            **dict.fromkeys(("fighter", "short_range_missile", "medium_range_missile"), ("cruise", "shahed")),
            "long_range_missile": ("ballistic",),
        }


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (
            meeting(jammer(), cruise=SURE),
            'priority is missing: expected the order of engagement, such as \\["cruise", "shahed"\\]',
        ),
        (meeting(jammer(), "shahed", cruise=SURE), "priority forgets cruise: expected each of shahed, cruise once"),
        (meeting(jammer(), "cruise", cruise=SURE), "priority forgets shahed"),
        (meeting(jammer(), "cruise", "cruise", "shahed", cruise=SURE), "priority names cruise twice"),
        (meeting(jammer(), "cruse", "shahed", cruise=SURE), "unknown class 'cruse': did you mean cruise"),
        (meeting(jammer(), "shahed", shahed=SURE), "meets.shahed: the layer itself says what it does to drones"),
        (
            meeting(jammer(), "cruise", "shahed", cruise=SURE | {"available_share": 0.5}),
            "meets.cruise takes interceptors",
        ),
        (
            meeting(jammer(), "cruise", "shahed", cruise=SURE | {"kill_probability": 1.2}),
            "kill_probability reaches 1.2",
        ),
        (
            meeting(interceptors(), "cruise", "shahed", cruise=SURE | {"interceptors_per_engagement": 0.5}),
            "interceptors_per_engagement is below 1",
        ),
    ],
)
def test_what_cannot_be_is_told(layer: dict[str, Any], told: str, defence_of: DefenceOf) -> None:
    if not layer["priority"]:
        layer = {name: value for name, value in layer.items() if name != "priority"}
    with pytest.raises(ValueError, match=told):
        defence_of([layer])


class TestTargetByTarget:
    """An independent simulation: one target after the other through two layers, missiles first in each."""

    N_NIGHTS = 4_000
    LAYERS = (
        meeting(
            interceptors(0.8, 0.5, 30.0, 1.6, stock=60.0),
            "cruise",
            "shahed",
            cruise={"engaged_share": 0.9, "kill_probability": 0.6, "interceptors_per_engagement": 2.5},
        ),
        meeting(
            jammer(0.7, 0.4, 16.0) | {"rounds": 2},
            "shahed",
            "cruise",
            cruise={"engaged_share": 0.5, "kill_probability": 0.3},
        ),
    )

    def simulated(self, came: dict[str, int]) -> tuple[dict[str, float], dict[str, float]]:
        """Mean leakers by class, and interceptors used by class, of a night."""
        rng = np.random.default_rng(8)
        leaked, used = dict.fromkeys(came, 0.0), dict.fromkeys(came, 0.0)
        for _ in range(self.N_NIGHTS):
            alive, stock = dict(came), 60.0
            for layer in self.LAYERS:
                shots = float(layer["engagements_per_night"])
                for name in layer["priority"]:
                    of = layer if name == "shahed" else layer["meets"][name]
                    targets = int(rng.binomial(alive[name], of["engaged_share"]))
                    for _ in range(layer.get("rounds", 1)):
                        again = 0
                        for _ in range(targets):
                            if shots < 1:
                                continue
                            if "stock" in layer:
                                each = of.get("interceptors_per_engagement", layer["interceptors_per_engagement"])
                                taken = np.floor(each) + (rng.random() < each % 1)
                                if stock < taken:
                                    continue
                                stock -= taken
                                used[name] += taken
                            shots -= 1
                            if rng.random() < of["kill_probability"]:
                                alive[name] -= 1
                            else:
                                again += 1
                        targets = again
            for name, number in alive.items():
                leaked[name] += number
        return tuple({name: value / self.N_NIGHTS for name, value in each.items()} for each in (leaked, used))  # type: ignore[return-value]

    @pytest.mark.parametrize("came", [{"shahed": 12, "cruise": 5}, {"shahed": 40, "cruise": 20}])
    def test_the_engine_leaves_what_it_leaves_of_each_class(
        self, came: dict[str, int], salvos_of: SalvosOf, defence_of: DefenceOf
    ) -> None:
        """17 targets are few for every limit but the last; 60 reach them all, and the stock."""
        expected, used = self.simulated(came)
        salvos = salvos_of(np.full((8_000, 1), came["shahed"]))
        met = engage(salvos, defence_of([*self.LAYERS]), others={"cruise": np.full((8_000, 1), came["cruise"])})
        assert met.raid is not None
        assert met.raid.actual.leakers.mean(axis=1) == pytest.approx([*expected.values()], rel=0.02, abs=0.08)
        assert met.raid.actual.interceptors[:, 0].mean(axis=1) == pytest.approx([*used.values()], rel=0.02, abs=0.6)


class TestChannels:
    """Hour by hour: a missile takes the fire channel of a drone where none is free, and that drone passes."""

    CHANNELS, HOURS, NIGHT = 4, 0.5, 14.0

    def simulated(self, drones: int, missiles: int, n_nights: int = 400) -> tuple[float, float]:
        """Mean drones and missiles a night that are served to the end."""
        rng, served = np.random.default_rng(drones), np.zeros(2)
        for _ in range(n_nights):
            first = np.repeat([False, True], [drones, missiles])
            arrivals, lengths = rng.random(first.size) * self.NIGHT, rng.exponential(self.HOURS, first.size)
            busy: list[tuple[float, bool]] = []
            for index in np.argsort(arrivals):
                now, missile = arrivals[index], bool(first[index])
                for end, kind in [each for each in busy if each[0] <= now]:
                    busy.remove((end, kind))
                    served[int(kind)] += 1
                held_by_drones = [each for each in busy if not each[1]]
                if len(busy) >= self.CHANNELS and missile and held_by_drones:
                    busy.remove(held_by_drones[0])
                if len(busy) < self.CHANNELS:
                    busy.append((now + lengths[index], missile))
            for _, kind in busy:
                served[int(kind)] += 1
        return served[0] / n_nights, served[1] / n_nights

    @pytest.mark.parametrize(("drones", "missiles"), [(30, 10), (120, 40), (60, 200)])
    def test_missiles_are_served_first(
        self, drones: int, missiles: int, salvos_of: SalvosOf, defence_of: DefenceOf
    ) -> None:
        channels = {"fire_channels": float(self.CHANNELS), "service_minutes": 60 * self.HOURS}
        layer = meeting(SURE | channels, "cruise", "shahed", cruise=SURE)
        salvos = salvos_of(np.full((400, 1), drones))
        met = engage(salvos, defence_of([layer]), others={"cruise": np.full((400, 1), missiles)})
        assert met.raid is not None
        found = met.raid.actual.kills[:, 0].mean(axis=1)
        assert found == pytest.approx(self.simulated(drones, missiles), rel=0.04, abs=0.04 * drones)


def test_capacity_is_never_more_than_stated_all_classes_together(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    layer = meeting(interceptors(1.0, 0.2, 25.0, 1.0, NO_LIMIT) | {"rounds": 3}, "cruise", "shahed", cruise=SURE)
    others = {"cruise": np.random.default_rng(1).poisson(12, (40, 5))}
    met = engage(salvos_of(np.full((40, 5), 60)), defence_of([layer]), others=others)
    assert (met.actual.engagements == 25).all()
    assert met.raid is not None
    assert np.array_equal(met.raid.actual.engagements.sum(axis=0), met.actual.engagements.sum(axis=2))
