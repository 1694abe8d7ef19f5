"""Kinds of armed drone: shares, what layers do to each, and what two kinds alone were before there were more."""

from collections.abc import Mapping
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.errors import InputError
from features.stated import Source
from features.stock_flow import NewModel
from forecasting.defence.engagement import armed_averages, engage
from forecasting.defence.expected_kills import expected_kill_shares
from forecasting.defence.kinds import combined_shares, kind_ids, mean_shares
from forecasting.defence.layers import Defence, DroneKind
from forecasting.defence.night import Fire, Layer, fought
from tests.forecasting.defence.defence_layers import (
    DefenceOf,
    SalvosOf,
    armed,
    assert_binomial,
    interceptors,
    jammer,
)

Array = NDArray[np.float64]
ORIGIN = date(2026, 2, 28)


def points(*shares: tuple[date, float, tuple[str, ...]]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"low": share, "mode": share, "high": share, "date": day, "sources": sources}
        | {"basis": "reported" if sources else "assumed", "confidence": "B" if sources else "D"}
        for day, share, sources in shares
    )


def with_jets(defence: Defence, *shares: tuple[date, float, tuple[str, ...]]) -> Defence:
    kind = DroneKind.model_validate({"id": "jet", "name": "Jets", "share": points(*shares)})
    return defence.model_copy(update={"kinds": (kind,)})


def jets(share: float, n_paths: int, horizon: int, kind: str = "jet", **factors: Mapping[str, float]) -> NewModel:
    by_key = {
        (quantity, layer): np.full(n_paths, factor) for quantity, of in factors.items() for layer, factor in of.items()
    }
    return NewModel(kind, np.full((n_paths, horizon), share), by_key)


@pytest.mark.parametrize(
    ("share", "digest"),
    [(None, "39b8d776a9ebf41176495acd4e8bf84f"), (0.6, "4c36396f9e797cdd5265ac022d527984")],
    ids=["one kind", "armed and decoys"],
)
def test_one_kind_and_two_give_the_bytes_of_before_there_were_more(
    share: float | None, digest: str, salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """Digests of before there were more, on the random numbers of 2026-11-30: salvos, rounds, decoys told, channels,
    weather, hours, short stocks."""
    doctrine = {"salvo_of": 2, "rounds": 2, "decoy_discrimination": (0.1, 0.3, 0.5)}
    channels = {"fire_channels": (3.0, 6.0, 9.0), "service_minutes": (10.0, 20.0, 40.0), "rounds": 2, "works": "night"}
    light = interceptors(
        (0.3, 0.5, 0.7), (0.4, 0.6, 0.8), 1.0, (1.0, 2.0, 3.0), (50.0, 100.0, 300.0), (0.0, 30.0, 60.0)
    )
    del light["engagements_per_night"]
    many = interceptors(
        (0.4, 0.6, 0.8),
        (0.3, 0.5, 0.7),
        (60.0, 100.0, 140.0),
        (1.0, 1.4, 2.0),
        (200.0, 400.0, 800.0),
        (300.0, 600.0, 900.0),
    )
    layers: list[dict[str, Any]] = [
        jammer((0.5, 0.7, 0.9), (0.2, 0.3, 0.5)),
        many | doctrine,
        light | channels | {"weather_share": (0.5, 0.7, 0.9)},
    ]
    salvos = salvos_of(np.random.default_rng(5).integers(0, 400, (700, 9)), seed=11)
    factors = {"b": np.linspace(0.5, 1.5, 9)[np.newaxis]}
    met = engage(salvos, defence_of(layers, daylight_share=0.2), armed_share=armed(share, salvos), kill_factors=factors)
    found = sha256()
    for demand in (met.actual, met.unlimited):
        for name in ("engagements", "kills", "decoy_kills", "interceptors", "unmet", "leakers", "decoy_leakers"):
            found.update(np.ascontiguousarray(getattr(demand, name)).tobytes())
    assert found.hexdigest().startswith(digest)


def test_every_kind_is_thinned_by_what_the_layers_do_to_it(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    """100 drones, 60 % armed, of those 30 % jets: the first layer reaches half of what it would, the second kills a
    quarter as often, and decoys it does not kill."""
    layers: list[dict[str, Any]] = [
        jammer(0.8, 0.5) | {"against": {"jet": {"reach": 0.5}}},
        jammer(1.0, 0.6) | {"against": {"jet": {"kill_probability": 0.25}, "decoy": {"kill_probability": 0.0}}},
    ]
    salvos = salvos_of(np.full((10_000, 2), 100))
    met = engage(salvos, defence_of(layers, {"jet": 0.3}), armed_share=armed(0.6, salvos))
    assert met.kinds == ("armed", "jet")
    common, jet = met.actual.leakers_by_kind
    assert_binomial(common.ravel(), 100, 0.6 * 0.7 * (1 - 0.8 * 0.5) * (1 - 0.6))
    assert_binomial(jet.ravel(), 100, 0.6 * 0.3 * (1 - 0.4 * 0.5) * (1 - 0.15))
    assert_binomial(met.actual.decoy_leakers.ravel(), 100, 0.4 * (1 - 0.8 * 0.5))
    assert np.array_equal(met.actual.leakers, common + jet)


def test_an_averaged_kill_probability_counts_other_leakers_than_two_true_kinds(
    salvos_of: SalvosOf, defence_of: DefenceOf
) -> None:
    """Four layers kill .3 of the drones each, and a tenth of that of the 30 % that are jets. On average .219 is killed
    in each, which would leave .372 of all; truly it is .7 of .7^4 and .3 of .97^4: the survivors are mostly jets."""
    hard = jammer(1.0, 0.3) | {"against": {"jet": {"kill_probability": 0.1}}}
    salvos = salvos_of(np.full((4_000, 1), 300))
    leakers = engage(salvos, defence_of([hard] * 4, {"jet": 0.3})).actual.leakers_by_kind.mean(axis=(1, 2))
    assert leakers == pytest.approx([210 * 0.7**4, 90 * 0.97**4], rel=0.01)
    assert abs(leakers.sum() - 300 * 0.781**4) > 10


def test_a_hard_kind_takes_more_interceptors_of_each_engagement(salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
    layer = interceptors(1.0, 0.5, each=1.5) | {
        "against": {"jet": {"interceptors": 2.0}, "decoy": {"interceptors": 0.1}}
    }
    salvos = salvos_of(np.full((4_000, 1), 100))
    met = engage(salvos, defence_of([layer], {"jet": 0.5}), armed_share=armed(0.8, salvos))
    # 40 common drones take 1.5 each, 40 jets 3, and 20 decoys no less than one.
    assert met.actual.interceptors.mean() == pytest.approx(40 * 1.5 + 40 * 3 + 20, rel=0.005)
    short = engage(salvos, defence_of([layer | {"stock": 50.0}], {"jet": 0.5}), armed_share=armed(0.8, salvos)).actual
    assert (short.interceptors == 50).all()
    assert short.engagements.mean() == pytest.approx(50 / 2.0, rel=0.01)


class TestSharingALimit:
    """What passes for want of capacity or stock: `forecasting.defence.night`."""

    def passing(self, came: list[int], capacity: float, rounding: float) -> Array:
        """Of a layer that reaches all and kills what it engages."""
        drones = np.array(came, dtype=float)[:, np.newaxis]
        whole = np.ones(drones.shape)
        fire = Fire(1, whole[:1], np.array([capacity]), None, None, (whole * 0.5,), np.array([rounding]))
        return fought(Layer(whole, whole * 0.5, fire), drones).survivors(drones)[:, 0]

    @settings(max_examples=300, deadline=None)
    @given(
        came=st.lists(st.integers(0, 40), min_size=2, max_size=6),
        capacity=st.integers(0, 60) | st.floats(0, 60),
        rounding=st.integers(0, 9_999).map(lambda number: (number + 0.5) / 10_000),
        which=st.integers(0, 5),
    )
    def test_one_drone_more_is_one_more_that_passes_and_no_kind_has_fewer(
        self, came: list[int], capacity: float, rounding: float, which: int
    ) -> None:
        more = [*came]
        more[which % len(came)] += 1
        before, after = (self.passing(drones, capacity, rounding) for drones in (came, more))
        assert (after >= before).all()
        assert ((before >= 0) & (before <= came)).all()
        over = max(sum(came) - capacity, 0.0)
        assert before.sum() in (np.floor(over), np.ceil(over))
        if over and not capacity % 1:
            assert (np.abs(before - np.array(came) * (over / sum(came))) < 2).all()

    def test_every_kind_has_its_part_of_them_on_average(self) -> None:
        came = [50, 7, 3, 13]
        passing = np.mean([self.passing(came, 20, number) for number in (np.arange(500) + 0.5) / 500], axis=0)
        assert passing == pytest.approx(np.array(came) * (53 / 73), abs=0.05)


class TestEventByEvent:
    """An independent simulation: one drone after the other, in the order of time, through all the layers."""

    N_NIGHTS = 3_000
    KINDS = ("armed", "jet", "heavy", "decoy")
    PARTS = (0.42, 0.12, 0.06, 0.4)
    LAYERS: tuple[dict[str, Any], ...] = (
        jammer(0.8, 0.3) | {"against": {"jet": {"kill_probability": 0.5}, "decoy": {"kill_probability": 1.5}}},
        interceptors(0.9, 0.6, 40.0, 1.6, stock=90.0)
        | {"against": {"jet": {"reach": 0.3, "interceptors": 2.0}, "heavy": {"kill_probability": 0.7}}},
        jammer(0.5, 0.4, 12.0) | {"rounds": 2, "against": {"jet": {"reach": 2.0}}},
    )

    def simulated(self, n_drones: int) -> tuple[Array, Array]:
        """Mean leakers by kind, and interceptors used, of a night."""
        rng = np.random.default_rng(4)
        leaked, used = np.zeros(len(self.KINDS)), 0.0
        for _ in range(self.N_NIGHTS):
            capacity = [float(layer["engagements_per_night"]) for layer in self.LAYERS]
            stock = 90.0
            drones = rng.choice(len(self.KINDS), n_drones, p=self.PARTS)
            alive = list(drones)
            for number, layer in enumerate(self.LAYERS):
                left, again = [], []
                for kind in alive:
                    factor = {"reach": 1.0, "kill_probability": 1.0, "interceptors": 1.0}
                    factor |= layer["against"].get(self.KINDS[kind], {})
                    kill = min(layer["kill_probability"] * factor["kill_probability"], 1.0)
                    if rng.random() >= layer["engaged_share"] * factor["reach"] or capacity[number] < 1:
                        left.append(kind)
                        continue
                    if "stock" in layer:
                        each = layer["interceptors_per_engagement"] * factor["interceptors"]
                        taken = np.floor(each) + (rng.random() < each % 1)
                        if stock < taken:
                            left.append(kind)
                            continue
                        stock -= taken
                        used += taken
                    capacity[number] -= 1
                    if rng.random() >= kill:
                        (again if layer.get("rounds") == 2 else left).append(
                            (kind, kill) if layer.get("rounds") == 2 else kind
                        )
                for kind, kill in again:
                    capacity[number] -= 1
                    if capacity[number] < 0 or rng.random() >= kill:
                        left.append(kind)
                alive = list(rng.permutation(left))
            leaked += np.bincount(alive, minlength=len(self.KINDS))
        return leaked / self.N_NIGHTS, np.array(used / self.N_NIGHTS)

    @pytest.mark.parametrize("n_drones", [40, 140])
    def test_the_engine_leaves_what_it_leaves_of_each_kind(
        self, n_drones: int, salvos_of: SalvosOf, defence_of: DefenceOf
    ) -> None:
        """40 drones are few for every limit but the last; 140 reach them all, and the stock."""
        expected, used = self.simulated(n_drones)
        salvos = salvos_of(np.full((6_000, 1), n_drones))
        shares = {"jet": 0.12 / 0.6, "heavy": 0.06 / 0.6}
        met = engage(salvos, defence_of([*self.LAYERS], shares), armed_share=armed(0.6, salvos))
        found = [*met.actual.leakers_by_kind.mean(axis=(1, 2)), met.actual.decoy_leakers.mean()]
        assert found == pytest.approx(expected, rel=0.02, abs=0.06)
        assert met.actual.interceptors.sum() / 6_000 == pytest.approx(used, rel=0.015)


class TestShares:
    def test_a_new_model_takes_its_share_from_all_alike_and_has_it_at_least(self) -> None:
        stated = {"jet": np.full((1, 2), 0.2), "heavy": np.full((1, 2), 0.4)}
        after = combined_shares(
            stated, [NewModel("jet", np.array([[0.1, 0.6]])), NewModel("mesh", np.array([[0.0, 0.5]]))]
        )
        assert {kind: share[0].tolist() for kind, share in after.items()} == {
            "heavy": pytest.approx([0.4, 0.1]),  # of the .8 that are no jets before, .4 are left, then half
            "jet": pytest.approx([0.2, 0.3]),
            "mesh": pytest.approx([0.0, 0.5]),
        }

    def test_draws_that_add_up_to_more_than_all_are_taken_in_proportion(self) -> None:
        after = combined_shares({"a": np.array([[0.9]]), "b": np.array([[0.6]])}, [])
        assert after["a"] == pytest.approx(np.array([[0.6]]))
        assert sum(after.values()) == pytest.approx(np.array([[1.0]]))

    def test_a_share_moves_between_its_points_and_stands_beyond(
        self, salvos_of: SalvosOf, defence_of: DefenceOf
    ) -> None:
        later = ORIGIN + timedelta(days=11)
        defence = with_jets(defence_of([jammer(0.0)]), (later, 0.5, ()), (ORIGIN + timedelta(days=1), 0.0, ()))
        jet = engage(salvos_of(np.full((2_000, 13), 1_000)), defence).actual.leakers_by_kind[1].mean(axis=0)
        assert jet == pytest.approx([*np.linspace(0, 500, 11), 500, 500], abs=3)

    def test_what_was_published_after_the_origin_is_not_known(self, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
        published = ORIGIN + timedelta(days=1)
        sources = (Source(id="X", title="X", date=published, url="", confidence="B"),)
        base = defence_of([jammer(0.0)]).model_copy(update={"sources": sources})
        late = with_jets(base, (ORIGIN, 0.5, ("X",)))
        assert kind_ids(late, ORIGIN) == ("armed",)
        assert kind_ids(late, published) == ("armed", "jet")
        assert mean_shares(late, published) == {"jet": pytest.approx(0.5)}
        assert engage(salvos_of([[10]]), late).kinds == ("armed",)

    def test_a_scenario_brings_a_kind_and_the_defence_knows_it(
        self, salvos_of: SalvosOf, defence_of: DefenceOf
    ) -> None:
        """What the defence says of it goes before what the scenario says; of the other layer the scenario's holds."""
        salvos = salvos_of(np.full((4_000, 2), 100))
        layers = [jammer(1.0, 0.5) | {"against": {"jet": {"kill_probability": 0.0}}}, jammer(1.0, 0.5)]
        model = jets(0.4, 4_000, 2, kill_probability={"a": 1.0, "b": 0.5})
        met = engage(salvos, defence_of(layers, {"jet": 0.0}), new_models=[model])
        assert_binomial(met.actual.leakers_by_kind[1].ravel(), 100, 0.4 * 0.75)
        assert_binomial(met.actual.leakers_by_kind[0].ravel(), 100, 0.6 * 0.25)

    @pytest.mark.parametrize(
        ("model", "told"),
        [
            (jets(1.5, 3, 4), "share of kind jet reaches 1.5: expected 0 to 1"),
            (jets(0.5, 1, 4), "share of kind jet has 1 draws: expected one for each path"),
            (jets(0.5, 3, 5), r"share of kind jet has the shape \(3, 5\)"),
        ],
    )
    def test_shares_that_cannot_be_are_told(
        self, model: NewModel, told: str, salvos_of: SalvosOf, defence_of: DefenceOf
    ) -> None:
        with pytest.raises(InputError, match=told):
            engage(salvos_of(np.full((3, 4), 10)), defence_of([jammer()]), new_models=[model])


class TestWarheads:
    def test_what_leaks_is_weighed_by_kind(self, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
        """Jets without a mass of their own have that of the common drone; heavy ones that of the scenario."""
        salvos = salvos_of(np.full((500, 3), 40))
        defence = defence_of([jammer(1.0, 0.5)], {"jet": 0.25}, warhead_kg=50.0)
        heavy = NewModel("heavy", np.full((500, 3), 0.5), {}, np.linspace(80.0, 100.0, 500))
        met = engage(salvos, defence, new_models=[heavy])
        assert met.kinds == ("armed", "jet", "heavy")
        leaked = met.actual.leakers_by_kind.sum(axis=2)
        assert met.leaked_warhead_kg(met.actual) == pytest.approx(
            50 * (leaked[0] + leaked[1]) + np.linspace(80, 100, 500) * leaked[2]
        )

    def test_without_a_stated_mass_nothing_is_weighed(self, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
        met = engage(salvos_of([[10]]), defence_of([jammer()]))
        assert met.leaked_warhead_kg(met.actual) is None


class TestAverages:
    LAYER: Mapping[str, Any] = interceptors(0.5, 0.4, each=2.0) | {
        "against": {"jet": {"reach": 0.5, "kill_probability": 0.2, "interceptors": 1.5}}
    }

    def test_the_program_of_the_orders_has_the_mix_as_launched(
        self, salvos_of: SalvosOf, defence_of: DefenceOf
    ) -> None:
        salvos = salvos_of(np.full((3, 2), 10))
        found = armed_averages(salvos, defence_of([dict(self.LAYER)], {"jet": 0.3}))
        for values, expected in zip(found, (0.5 * 0.85, 1 - 0.3 * 0.8, 1 + 0.3 * 0.5), strict=True):
            assert values == pytest.approx(np.full((1, 3, 2), expected))

    def test_the_cascade_in_expectation_is_the_mean_of_what_is_drawn(
        self, salvos_of: SalvosOf, defence_of: DefenceOf
    ) -> None:
        """Kinds in every doctrine, on small nights and on nights that the limits cut into."""
        against = {"jet": {"reach": 0.6, "kill_probability": 0.4}, "decoy": {"kill_probability": 1.3}}
        layers: list[dict[str, Any]] = [
            jammer(0.7, (0.2, 0.3, 0.4)) | {"against": against},
            jammer(0.8, 0.5, 60.0) | {"against": against, "rounds": 2, "salvo_of": 2, "decoy_discrimination": 0.3},
            {"engaged_share": 0.9, "kill_probability": 0.5, "fire_channels": 6.0, "service_minutes": 25.0, "rounds": 2}
            | {"against": {"jet": {"reach": (0.5, 0.7, 0.9), "kill_probability": (0.1, 0.5, 0.6)}}},
        ]
        defence, sizes = defence_of(layers, {"jet": 0.3}), np.array([20, 80, 200, 500])
        salvos = salvos_of(np.tile(sizes, (6_000, 1)))
        met = engage(salvos, defence, armed_share=armed(0.6, salvos))
        drawn = (met.unlimited.kills + met.unlimited.decoy_kills).mean(axis=1) / sizes
        expected = expected_kill_shares(defence, met.draws, sizes.astype(float), 0.6, mean_shares(defence, ORIGIN))
        assert expected.mean(axis=1) == pytest.approx(drawn, abs=0.008)
