"""Supply draws and the account of the store, against examples worked by hand, and laws of the account."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import production
from features.errors import InputError
from features.production import draw_supply
from features.records import UKRAINE
from features.scenario_parts import DAYS_PER_MONTH
from features.scenarios import ProductionScenario
from features.stock_flow import SupplyDraws, stock_flow, sustained

FIRST = date(2025, 1, 1)
SEED = 7


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def number(value: float | tuple[float, float], unit: str, day: int = 0) -> dict[str, Any]:
    """What is certain, or a range that is likeliest halfway."""
    low, high = value if isinstance(value, tuple) else (value, value)
    rest = {"basis": "assumed", "sources": (), "confidence": "D"}
    return {"low": low, "mode": (low + high) / 2, "high": high, "unit": unit, "date": on(day), **rest}


def rate(value: float | tuple[float, float], day: int = 0) -> dict[str, Any]:
    return number(value, "drones_per_day", day)


def share(value: float | tuple[float, float], day: int = 0) -> dict[str, Any]:
    return number(value, "share", day)


def days(value: float | tuple[float, float]) -> dict[str, Any]:
    return number(value, "days")


def plant(**given: Any) -> dict[str, Any]:
    """A plant that makes 100 armed drones a day, unless said otherwise."""
    return {"id": "plant", "name": "Plant", "utilisation": share(1.0), "armed": (rate(100.0),), **given}


def event(kind: str, day: int, **given: Any) -> dict[str, Any]:
    of_plant = {"facility": "plant"} if kind in {"facility_strike", "sanctions", "new_line"} else {}
    return {"id": kind, "title": kind, "kind": kind, "date": on(day), **of_plant, **given}


def strike(day: int, lost: Any, half_life: Any, name: str = "strike") -> dict[str, Any]:
    return event("facility_strike", day, id=name, capacity_lost=share(lost), recovery_half_life=days(half_life))


def sanctions(day: int, lost: Any, half_life: Any) -> dict[str, Any]:
    return event("sanctions", day, parts_lost=share(lost), recovery_half_life=days(half_life))


def new_line(day: int, capacity: Any, ramp_up: Any, line: str = "armed") -> dict[str, Any]:
    return event("new_line", day, capacity=rate(capacity), ramp_up=days(ramp_up), line=line)


def switch(day: int, part: Any, ramp_up: Any, name: str = "switch", **factors: Any) -> dict[str, Any]:
    ratios = {layer: number(factor, "ratio") for layer, factor in factors.items()}
    return event("model_switch", day, id=name, share=share(part), ramp_up=days(ramp_up), kill_probability=ratios)


def workers(arrivals: Sequence[dict[str, Any]], **given: Any) -> dict[str, Any]:
    """Workers who make one drone a day each from the first, unless said otherwise."""
    return {
        "arrivals": tuple(arrivals),
        "training": days(0),
        "output": number(DAYS_PER_MONTH, "drones_per_worker_month"),
        "starting_output": share(1.0),
        "learning_half_life": days(30),
        **given,
    }


def arrive(count: Any, day: int = 0) -> dict[str, Any]:
    return number(count, "workers", day)


def split(theatre: str, *points: dict[str, Any], facility: str | None = None) -> dict[str, Any]:
    return {"id": theatre, "facility": facility, "share": points}


def scenario(
    facilities: Sequence[dict[str, Any]] = (),
    events: Sequence[dict[str, Any]] = (),
    theatres: Sequence[dict[str, Any]] = (),
    output_ratio: dict[str, Any] | None = None,
    **stock: Any,
) -> ProductionScenario:
    """An empty store of which everything may be launched, unless said otherwise."""
    given = {"opening": 0.0, "minimum": 0.0, "released": 1.0, "lost_before_launch": 0.0, "drawdown": 10.0, **stock}
    units = {"opening": "drones", "minimum": "drones", "drawdown": "days"}
    return ProductionScenario.model_validate(
        {
            "name": "example",
            "title": "Example",
            "as_of": on(0),
            "about": "Worked by hand.",
            "output_ratio": output_ratio,
            "stock": {name: number(value, units.get(name, "share")) for name, value in given.items()},
            "facilities": tuple(facilities),
            "events": tuple(events),
            "theatres": tuple(theatres),
        }
    )


def drawn(
    stated: ProductionScenario, n_days: int, n_draws: int = 1, theatre: str = UKRAINE, **more: Any
) -> SupplyDraws:
    return draw_supply(stated, theatre, on(n_days - 1), n_draws, **{"seed": SEED, **more})


def armed(facility: dict[str, Any], n_days: int, *events: dict[str, Any]) -> list[float]:
    """Armed drones per day of a plant about which everything is certain."""
    return list(drawn(scenario([facility], events), n_days).armed[0])


class TestLines:
    def test_linear_ramp_joins_points_in_any_order_and_the_last_stands(self) -> None:
        made = armed(plant(armed=(rate(60.0, 6), rate(20.0, 2))), 9)
        assert made == pytest.approx([0, 0, 20, 30, 40, 50, 60, 60, 60])

    def test_a_ramp_that_began_before_the_account_is_under_way(self) -> None:
        assert armed(plant(armed=(rate(20.0, -2), rate(60.0, 2))), 4) == pytest.approx([40, 50, 60, 60])

    def test_logistic_ramp_meets_both_points_along_an_s(self) -> None:
        made = armed(plant(ramp="logistic", armed=(rate(20.0), rate(60.0, 12))), 14)
        # z = -3 a quarter of the way: (1/(1+e^3) - 1/(1+e^6)) / (1/(1+e^-6) - 1/(1+e^6)) = 0.0451767
        assert made[3] == pytest.approx(20 + 40 * 0.0451767, abs=1e-5)
        assert made[6] == pytest.approx(40)
        assert made[9] == pytest.approx(60 - 40 * 0.0451767, abs=1e-5)
        assert [made[0], made[12], made[13]] == [20, 60, 60]

    def test_utilisation_of_armed_and_decoys_per_month(self) -> None:
        monthly = {**rate(3_043.75), "unit": "drones_per_month"}
        supply = drawn(scenario([plant(utilisation=share(0.8), armed=(monthly,), decoys=(rate(50.0),))]), 2)
        assert supply.armed[0] == pytest.approx([80, 80])
        assert supply.decoys[0] == pytest.approx([40, 40])

    def test_new_line_grows_from_nothing_and_is_used_like_the_others(self) -> None:
        half_used = plant(utilisation=share(0.5))
        assert armed(half_used, 6, new_line(1, 40.0, 4.0)) == pytest.approx([50, 50, 55, 60, 65, 70])
        assert armed(half_used, 3, new_line(1, 40.0, 0.0)) == pytest.approx([50, 70, 70])
        assert armed(half_used, 3, new_line(-3, 40.0, 4.0)) == pytest.approx([65, 70, 70])

    def test_new_line_of_decoys_where_there_was_none(self) -> None:
        supply = drawn(scenario([plant()], [new_line(0, 30.0, 0.0, "decoys")]), 1)
        assert (supply.armed[0, 0], supply.decoys[0, 0]) == (100, 30)

    def test_output_ratio_is_of_what_is_made_not_of_imports(self) -> None:
        imports = event("imports", 0, line="decoys", rate=rate(10.0))
        stated = scenario([plant(decoys=(rate(20.0),))], [imports], output_ratio=number(1.5, "ratio"))
        supply = drawn(stated, 1)
        assert (supply.armed[0, 0], supply.decoys[0, 0]) == (150, 40)

    def test_several_facilities_add_up(self) -> None:
        supply = drawn(scenario([plant(), plant(id="other", armed=(rate(7.0),))]), 1)
        assert supply.armed[0, 0] == 107


class TestStrikesAndSanctions:
    def test_half_of_the_loss_is_back_after_each_half_life(self) -> None:
        made = armed(plant(), 22, strike(1, 0.4, 10.0))
        assert [made[0], made[1], made[11], made[21]] == pytest.approx([100, 60, 80, 90])

    def test_strikes_multiply_and_one_before_the_account_is_still_felt(self) -> None:
        made = armed(plant(), 2, strike(-10, 0.4, 10.0), strike(0, 0.5, 1.0, "second"))
        assert made == pytest.approx([100 * 0.8 * 0.5, 100 * (1 - 0.4 * 2**-1.1) * 0.75])

    def test_half_life_of_nothing_is_back_at_once(self) -> None:
        assert armed(plant(), 3, strike(1, 0.4, 0.0)) == [100, 100, 100]

    def test_sanctions_cut_parts_and_parts_cut_only_where_they_are_the_least(self) -> None:
        with_parts = plant(decoys=(rate(100.0),), parts=(rate(300.0), rate(500.0, 2)))
        supply = drawn(scenario([with_parts], [sanctions(1, 0.8, 1.0)]), 4)
        # Parts for 300, 400 x 0.2, 500 x 0.6, 500 x 0.8 drones; the lines make 200.
        assert supply.armed[0] == pytest.approx([100, 40, 100, 100])
        assert supply.decoys[0] == pytest.approx([100, 40, 100, 100])

    def test_sanctions_without_stated_parts_cut_the_lines(self) -> None:
        assert armed(plant(), 3, sanctions(1, 0.8, 1.0)) == pytest.approx([100, 20, 60])

    def test_parts_suffice_before_the_first_day_for_which_they_are_stated(self) -> None:
        assert armed(plant(parts=(rate(30.0, 1),)), 3) == pytest.approx([100, 30, 30])


class TestWorkforce:
    def test_learning_curve(self) -> None:
        learning = workers([arrive(40)], training=days(30), starting_output=share(0.5), learning_half_life=days(20))
        made = armed(plant(workforce=learning), 71)
        assert made[29] == 0
        assert [made[30], made[50], made[70]] == pytest.approx([20, 30, 35])

    def test_full_experience_at_once_where_the_half_life_is_nothing(self) -> None:
        learning = workers([arrive(40)], starting_output=share(0.5), learning_half_life=days(0))
        assert armed(plant(workforce=learning), 2) == pytest.approx([40, 40])

    def test_25_000_workers_four_to_a_room_wait_for_a_bed_and_then_train(self) -> None:
        housed = workers(
            [arrive(25_000)],
            rooms=(number(5_000, "rooms"), number(7_000, "rooms", 3)),
            occupants=number(4, "workers_per_room"),
            training=days(2),
        )
        made = armed(plant(armed=(rate(1e6),), workforce=housed), 7)
        assert made == pytest.approx([0, 0, 20_000, 20_000, 20_000, 25_000, 25_000])

    def test_who_loses_the_bed_leaves_for_good_and_the_rest_keep_their_experience(self) -> None:
        housed = workers(
            [arrive(60, -10), arrive(40, 0)],
            rooms=(number(100, "rooms", -10), number(50, "rooms", 1), number(100, "rooms", 3)),
            occupants=number(1, "workers_per_room"),
            starting_output=share(0.5),
            learning_half_life=days(10),
        )
        made = armed(plant(armed=(rate(1e6),), workforce=housed), 5)

        def one(worked: int) -> float:
            return float(1 - 0.5 * 2 ** (-worked / 10))

        assert made == pytest.approx(
            [60 * one(10 + t) * (k := 1 if t < 1 else 0.5) + 40 * k * one(t) for t in range(5)]
        )

    def test_before_there_are_rooms_all_wait(self) -> None:
        housed = workers([arrive(50)], rooms=(number(100, "rooms", 2),), occupants=number(1, "workers_per_room"))
        assert armed(plant(workforce=housed), 4) == pytest.approx([0, 0, 50, 50])

    def test_too_few_workers_cut_armed_and_decoys_alike(self) -> None:
        supply = drawn(scenario([plant(decoys=(rate(300.0),), workforce=workers([arrive(100), arrive(100)]))]), 1)
        assert (supply.armed[0, 0], supply.decoys[0, 0]) == pytest.approx((50, 150))

    def test_more_workers_than_the_lines_take_make_no_more(self) -> None:
        assert armed(plant(workforce=workers([arrive(500)])), 1) == [100]


class TestTheatres:
    def test_rows_of_a_facility_and_rows_of_everything_else(self) -> None:
        everything = [
            event("imports", 0, line="armed", rate=rate(10.0)),
            event("transfer_out", 0, rate=rate(20.0)),
            event("store_strike", 1, drones_lost=number(30, "drones")),
        ]
        rows = [
            split(UKRAINE, share(0.9)),
            split("elsewhere", share(0.1)),
            split("elsewhere", share(0.5, 1), share(0.7, 3), facility="plant"),
        ]
        stated = scenario([plant(), plant(id="other")], everything, rows, opening=1_000.0, minimum=200.0)
        there, here = (drawn(stated, 4, theatre=theatre) for theatre in ("elsewhere", UKRAINE))
        assert there.armed[0] == pytest.approx([50 + 10 + 1, 50 + 10 + 1, 60 + 10 + 1, 70 + 10 + 1])
        assert here.armed[0] == pytest.approx([90 + 9] * 4)
        assert (there.opening[0], there.minimum[0]) == pytest.approx((100, 20))
        assert there.transferred[0] == pytest.approx([2] * 4)
        assert there.struck[0] == pytest.approx([0, 3, 0, 0])

    def test_drawn_shares_are_no_more_than_the_whole(self) -> None:
        rows = [split(UKRAINE, share((0.4, 0.8))), split("elsewhere", share((0.2, 0.6)))]
        here, there = (drawn(scenario([plant()], (), rows), 1, 500, theatre) for theatre in (UKRAINE, "elsewhere"))
        whole = here.armed + there.armed
        assert whole.max() == pytest.approx(100)
        assert whole.min() < 99  # where they add up to less, the rest goes to nobody
        np.testing.assert_array_equal(here.levels["theatre ukraine.share"], there.levels["theatre ukraine.share"])

    def test_what_no_row_speaks_of_is_for_ukraine(self) -> None:
        stated = scenario([plant()], (), [split("elsewhere", share(0.25), facility="plant")], opening=80.0)
        here, there = (drawn(stated, 1, theatre=theatre) for theatre in (UKRAINE, "elsewhere"))
        assert (here.armed[0, 0], here.opening[0]) == (0, 80)
        assert (there.armed[0, 0], there.opening[0]) == (25, 0)

    def test_the_first_share_stands_before_its_day_and_the_last_one_after(self) -> None:
        rows = [split(UKRAINE, share(0.4, 4), share(0.8, 2))]
        assert drawn(scenario([plant()], (), rows), 6).armed[0] == pytest.approx([80, 80, 80, 60, 40, 40])

    def test_the_split_of_a_facility_is_an_assumption_of_its_own(self) -> None:
        rows = [split(UKRAINE, share((0.2, 0.8))), split(UKRAINE, share((0.2, 0.8)), facility="plant")]
        levels = drawn(scenario([plant()], (), rows), 1, 5).levels
        assert set(levels) == {"theatre ukraine.share", "theatre ukraine of plant.share"}

    def test_a_pause_is_of_its_theatre(self) -> None:
        rows = [split(UKRAINE, share(0.5)), split("elsewhere", share(0.5))]
        stated = scenario((), [event("pause", 1, theatre=UKRAINE, until=on(2))], rows)
        assert list(drawn(stated, 4).paused) == [False, True, True, False]
        assert not drawn(stated, 4, theatre="elsewhere").paused.any()


def test_imports_and_transfers_come_in_their_period() -> None:
    imports = event("imports", 1, line="decoys", rate=rate(5.0), until=on(2))
    endless = event("transfer_out", 2, rate=rate(4.0))
    past = event("imports", -9, id="past", line="armed", rate=rate(5.0), until=on(-1))
    supply = drawn(scenario((), [imports, endless, past]), 4)
    assert list(supply.decoys[0]) == [0, 5, 5, 0]
    assert list(supply.transferred[0]) == [0, 0, 4, 4]
    assert not supply.armed.any()


def test_what_happens_on_the_first_day_counts_and_what_was_lost_before_does_not() -> None:
    lost = [event("store_strike", day, id=f"at_{day + 1}", drones_lost=number(9, "drones")) for day in (-1, 0, 3)]
    assert list(drawn(scenario((), lost), 3).struck[0]) == [9, 0, 0]


def test_new_models_change_the_kills_on_average_over_the_drones() -> None:
    switches = [switch(0, 0.2, 2.0, guns=0.5, jammers=1.5), switch(1, 0.5, 0.0, "second", guns=0.0)]
    supply = drawn(scenario([plant()], switches), 3)
    assert supply.kill_factors("guns")[0] == pytest.approx([1, (1 - 0.1 * 0.5) * 0.5, (1 - 0.2 * 0.5) * 0.5])
    assert supply.kill_factors("jammers")[0] == pytest.approx([1, 1.05, 1.1])
    assert supply.kill_factors("unnamed")[0] == pytest.approx([1, 1, 1])
    assert supply.new_model[0] == pytest.approx([0, 1 - 0.9 * 0.5, 1 - 0.8 * 0.5])


UNSURE: dict[str, Any] = {
    "facilities": [
        plant(
            utilisation=share((0.5, 1.0)),
            armed=(rate((50.0, 150.0)), rate((100.0, 400.0), 40)),
            decoys=(rate((10.0, 90.0)),),
            parts=(rate((100.0, 400.0)),),
            workforce=workers(
                [arrive((100, 300), -20), arrive((100, 300), 20)],
                rooms=(number((50, 100), "rooms", -20),),
                occupants=number((3, 5), "workers_per_room"),
                training=days((5, 20)),
                output=number((20, 40), "drones_per_worker_month"),
                starting_output=share((0.2, 0.6)),
                learning_half_life=days((10, 40)),
            ),
        )
    ],
    "events": [
        strike(5, (0.2, 0.6), (10, 40)),
        sanctions(10, (0.2, 0.6), (10, 40)),
        new_line(15, (10.0, 60.0), (5, 15)),
        event("imports", 0, line="armed", rate=rate((1.0, 9.0))),
        event("transfer_out", 0, rate=rate((1.0, 9.0))),
        event("store_strike", 30, drones_lost=number((50, 150), "drones")),
        switch(20, (0.1, 0.3), (5, 15), guns=(0.4, 0.8)),
    ],
    "theatres": [split(UKRAINE, share((0.7, 0.9)), share((0.6, 0.8), 50)), split("elsewhere", share((0.1, 0.2)))],
    "output_ratio": number((0.8, 1.2), "ratio"),
    "opening": (500.0, 1_500.0),
    "minimum": (50.0, 150.0),
    "released": (0.8, 1.0),
    "lost_before_launch": (0.0, 0.1),
    "drawdown": (5.0, 25.0),
}
KEYS = {
    *(f"stock.{name}" for name in ("opening", "minimum", "released", "lost_before_launch", "drawdown")),
    *(f"facility plant.{name}" for name in ("utilisation", "armed", "decoys", "parts")),
    *(f"facility plant.workforce.{name}" for name in ("arrivals", "rooms", "occupants", "training", "output")),
    *(f"facility plant.workforce.{name}" for name in ("starting_output", "learning_half_life")),
    *("event strike.capacity_lost", "event strike.recovery_half_life"),
    *("event sanctions.parts_lost", "event sanctions.recovery_half_life"),
    *("event new_line.capacity", "event new_line.ramp_up", "event imports.rate", "event transfer_out.rate"),
    *("event store_strike.drones_lost", "event switch.share", "event switch.ramp_up"),
    *("event switch.kill_probability.guns", "theatre ukraine.share", "theatre elsewhere.share", "output_ratio"),
}


def arrays(supply: SupplyDraws) -> list[Any]:
    """All that was drawn, in one list."""
    names = ("armed", "decoys", "released", "struck", "transferred", "opening", "minimum", "lost_before_launch")
    return [
        *(getattr(supply, name) for name in (*names, "drawdown", "paused")),
        *(each for model in supply.new_models for each in (model.share, *model.kill_probability.values())),
        *supply.levels.values(),
    ]


def assert_same(one: SupplyDraws, other: SupplyDraws) -> None:
    for mine, theirs in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


class TestLevels:
    def test_every_uncertain_assumption_has_a_level_of_its_own(self) -> None:
        levels = drawn(scenario(**UNSURE), 60, 2_000).levels
        assert set(levels) == KEYS
        correlation = np.corrcoef(list(levels.values())) - np.eye(len(levels))
        assert np.abs(correlation).max() < 0.1
        assert all(abs(level.mean() - 0.5) < 0.03 for level in levels.values())

    def test_what_is_certain_or_of_another_theatre_has_none(self) -> None:
        rows = [split(UKRAINE, share(1.0)), split("elsewhere", share(1.0), facility="plant")]
        stated = scenario([plant(armed=(rate((1.0, 2.0)),))], (), rows, opening=(1.0, 2.0))
        assert set(drawn(stated, 2).levels) == {"stock.opening"}

    def test_changing_an_assumption_changes_that_one_alone(self) -> None:
        whole = drawn(scenario(**UNSURE), 60, 50)
        other_rates = drawn(scenario(**{**UNSURE, "released": (0.1, 0.2)}), 60, 50)
        np.testing.assert_array_equal(whole.armed, other_rates.armed)
        without = drawn(scenario(**{**UNSURE, "events": UNSURE["events"][1:]}), 60, 50)
        assert set(whole.levels) - set(without.levels) == {key for key in KEYS if key.startswith("event strike.")}
        for key, level in without.levels.items():
            np.testing.assert_array_equal(whole.levels[key], level)
        np.testing.assert_array_equal(whole.armed[:, :5], without.armed[:, :5])
        assert (whole.armed[:, 5:] <= without.armed[:, 5:] + 1e-9).all()

    def test_the_points_of_a_line_stay_at_one_level(self) -> None:
        supply = drawn(scenario([plant(armed=(rate((0.0, 100.0)), rate((200.0, 400.0), 10)))]), 11, 100)
        level = supply.levels["facility plant.armed"]
        for day in (0, 10):
            np.testing.assert_array_equal(np.argsort(supply.armed[:, day]), np.argsort(level))

    def test_same_seed_same_bytes_another_seed_others(self) -> None:
        stated = scenario(**UNSURE)
        assert_same(drawn(stated, 60, 50), drawn(stated, 60, 50))
        assert not np.isin(drawn(stated, 60, 50).opening, drawn(stated, 60, 50, seed=SEED + 1).opening).any()

    def test_more_draws_more_days_or_smaller_blocks_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stated = scenario(**UNSURE)
        whole = drawn(stated, 60, 50)
        assert_same(drawn(stated, 60, 80).pick(np.arange(50)), whole)
        assert_same(drawn(stated, 90, 50).window(FIRST, on(59)), whole)
        monkeypatch.setattr(production, "_AT_ONCE", 60 * 7)
        assert_same(drawn(stated, 60, 50), whole)

    def test_an_assumption_is_held_at_a_level_and_the_others_stay(self) -> None:
        whole = drawn(scenario(**UNSURE), 60, 20)
        held = drawn(scenario(**UNSURE), 60, 20, fixed={"stock.opening": 0.5, "theatre ukraine.share": 0.0})
        # A symmetric triangle has its median in the middle; of the lowest share, 0.7 on the first day.
        assert held.opening == pytest.approx(1_000 * 0.7)
        for key in KEYS - {"stock.opening", "theatre ukraine.share"}:
            np.testing.assert_array_equal(held.levels[key], whole.levels[key])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"theatre": "ukrane"}, "unknown theatre 'ukrane': did you mean ukraine? known are elsewhere, ukraine"),
        ({"n_days": 0}, "supply through 2024-12-31 is asked for: expected a day from 2025-01-01 on, when the account"),
        ({"fixed": {"stock.openin": 0.1}}, "unknown assumption 'stock.openin': did you mean stock.opening"),
    ],
)
def test_errors_say_what_is_wrong(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as error:
        drawn(scenario(**UNSURE), **{"n_days": 3, **asked})
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)


class TestWindow:
    def test_an_account_goes_on_from_the_stock_of_the_day_before(self) -> None:
        supply = drawn(scenario(**UNSURE), 60, 20)
        wanted = np.random.default_rng(1).poisson(150.0, (20, 60))
        whole = stock_flow(supply, wanted)
        first = stock_flow(supply.window(FIRST, on(24)), wanted[:, :25])
        rest = stock_flow(supply.window(on(25), on(59), opening=first.stock[:, -1]), wanted[:, 25:])
        for name in vars(whole):
            joined = np.hstack([getattr(first, name), getattr(rest, name)])
            np.testing.assert_array_equal(getattr(whole, name), joined)

    def test_shares_of_new_models_and_pauses_are_of_the_same_days(self) -> None:
        supply = drawn(scenario([plant()], [switch(0, 0.5, 10.0), event("pause", 6, theatre=UKRAINE)]), 9)
        later = supply.window(on(4), on(7), opening=np.zeros(1))
        assert (later.first_day, later.last_day, later.n_days) == (on(4), on(7), 4)
        np.testing.assert_array_equal(later.new_model, supply.new_model[:, 4:8])
        assert list(later.paused) == [False, False, True, True]

    def test_picked_draws_repeat_as_asked(self) -> None:
        supply = drawn(scenario(**UNSURE), 30, 5)
        picked = supply.pick(np.array([3, 0, 3]))
        assert picked.n_draws == 3
        for mine, theirs in zip(arrays(picked), arrays(supply), strict=True):
            if theirs.dtype != bool:
                np.testing.assert_array_equal(mine, theirs[[3, 0, 3]])

    def test_days_that_were_not_drawn_or_a_missing_opening_are_refused(self) -> None:
        supply = drawn(scenario(), 5)
        with pytest.raises(InputError, match="expected 2025-01-01 to 2025-01-05"):
            supply.window(FIRST, on(5))
        with pytest.raises(InputError, match="the stock on 2025-01-02 is missing"):
            supply.window(on(1), on(4))


class TestStockFlow:
    def test_a_store_by_hand(self) -> None:
        events = [
            event("transfer_out", 1, rate=rate(30.0), until=on(1)),
            event("store_strike", 2, drones_lost=number(1_000, "drones")),
        ]
        stated = scenario([plant()], events, opening=50.0, minimum=20.0, released=0.5, lost_before_launch=0.2)
        flow = stock_flow(drawn(stated, 4), np.array([60, 1_000, 5, 5]))
        # 50 + 50; 60 launched take 75. 25 + 50 - 30 gone; 25 above the minimum launch 20. All 70 are struck.
        assert flow.launched[0] == pytest.approx([60, 20, 0, 5])
        assert flow.lost_before_launch[0] == pytest.approx([15, 5, 0, 1.25])
        assert flow.transferred[0] == pytest.approx([0, 30, 0, 0])
        assert flow.struck[0] == pytest.approx([0, 0, 70, 0])
        assert flow.stock[0] == pytest.approx([25, 20, 0, 43.75])

    def test_whole_drones_where_whole_ones_are_wanted(self) -> None:
        supply = drawn(scenario([plant(armed=(rate(2.75),))]), 2)
        assert list(stock_flow(supply, np.array([9.0, 9.0])).launched[0]) == [2, 3]
        assert list(stock_flow(supply, np.array([9.5, 0.5])).launched[0]) == [2.75, 0.5]

    def test_nothing_is_launched_in_a_pause(self) -> None:
        supply = drawn(scenario([plant()], [event("pause", 1, theatre=UKRAINE, until=on(2))]), 4)
        assert list(stock_flow(supply, np.full(4, 1_000)).launched[0]) == [100, 0, 0, 300]

    def test_rounding_never_takes_more_than_there_is(self) -> None:
        supply = drawn(scenario(opening=(1.0, 1_000.0), lost_before_launch=(0.0, 0.9)), 1, 2_000)
        stock = stock_flow(supply, np.array([1e6 + 0.5])).stock
        assert stock.min() >= 0
        assert stock.max() < 1e-9

    @pytest.mark.parametrize("wrong", [-1.0, np.nan])
    def test_negative_or_missing_wishes_are_refused(self, wrong: float) -> None:
        with pytest.raises(ValueError, match="negative or missing"):
            stock_flow(drawn(scenario(), 2), np.array([1.0, wrong]))


class TestSustained:
    def test_without_production_the_store_above_its_minimum_falls_to_1_e_in_the_drawdown(self) -> None:
        supply = drawn(scenario(opening=1_100.0, minimum=100.0, lost_before_launch=0.25), 30)
        launches = sustained(supply, supply.opening, FIRST)[0]
        assert launches[:10].sum() == pytest.approx(0.75 * 1_000 * (1 - np.exp(-1)))
        assert launches.sum() == pytest.approx(0.75 * 1_000 * (1 - np.exp(-3)))

    def test_production_is_launched_beside_the_store_from_the_day_that_is_asked(self) -> None:
        supply = drawn(scenario([plant()], opening=1e6, minimum=100.0), 5)
        launches = sustained(supply, np.array([600.0]), on(3))
        used = 1 - np.exp(-0.1)
        assert launches[0] == pytest.approx([100 + 500 * used, 100 + 500 * (1 - used) * used])

    def test_what_piles_up_in_a_pause_is_used_afterwards(self) -> None:
        supply = drawn(scenario([plant()], [event("pause", 0, theatre=UKRAINE, until=on(3))]), 6)
        launches = sustained(supply, supply.opening, FIRST)[0]
        assert list(launches[:4]) == [0, 0, 0, 0]
        assert launches[4] == pytest.approx(100 + 400 * (1 - np.exp(-0.1)))

    def test_a_store_below_its_minimum_is_filled_first(self) -> None:
        supply = drawn(scenario([plant()], minimum=150.0), 3)
        assert sustained(supply, np.zeros(1), FIRST)[0] == pytest.approx([0, 50, 100])

    def test_strikes_and_transfers_take_theirs(self) -> None:
        lost = [event("store_strike", 0, drones_lost=number(500, "drones")), event("transfer_out", 1, rate=rate(40.0))]
        supply = drawn(scenario([plant()], lost), 2)
        assert sustained(supply, np.array([300.0]), FIRST)[0] == pytest.approx([0, 60])


# Laws of the account, over scenarios of all kinds.


@st.composite
def ranges(draw: st.DrawFn, most: float) -> tuple[float, float]:
    ends = st.floats(0, most, allow_subnormal=False)
    low, high = sorted((draw(ends), draw(ends)))
    return low, high


def at(first: int = -30, last: int = 50) -> st.SearchStrategy[int]:
    return st.integers(first, last)


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """What `scenario` takes: two plants, events of all kinds, two theatres."""

    def some(most: float) -> tuple[float, float]:
        return draw(ranges(most))

    def dated(make: Any, most: float, fewest: int = 0) -> tuple[dict[str, Any], ...]:
        when = draw(st.lists(at(), min_size=fewest, max_size=3, unique=True))
        return tuple(make(some(most), day) for day in when)

    def housing() -> dict[str, Any]:
        return {
            "rooms": dated(lambda value, day: number(value, "rooms", day), 100, 1),
            "occupants": number(some(6), "workers_per_room"),
        }

    def team() -> dict[str, Any]:
        return workers(
            dated(lambda value, day: arrive(value, day), 500, 1),
            training=days(some(30)),
            output=number(some(60), "drones_per_worker_month"),
            starting_output=share(some(1)),
            learning_half_life=days(some(60)),
            **(housing() if draw(st.booleans()) else {}),
        )

    plants = [
        plant(
            id=name,
            ramp=draw(st.sampled_from(["linear", "logistic"])),
            utilisation=share(some(1)),
            armed=dated(rate, 200, 1),
            decoys=dated(rate, 200),
            parts=dated(rate, 300),
            workforce=team() if draw(st.booleans()) else None,
        )
        for name in ("plant", "other")
    ]

    def one_event(kind: str, name: str) -> dict[str, Any]:
        day, line = draw(at()), draw(st.sampled_from(["armed", "decoys"]))
        until = draw(st.none() | st.integers(0, 20).map(lambda later: on(day + later)))
        given = {
            "facility_strike": lambda: strike(day, some(1), some(60)),
            "sanctions": lambda: sanctions(day, some(1), some(60)),
            "new_line": lambda: new_line(day, some(100), some(30), line),
            "imports": lambda: event(kind, day, line=line, rate=rate(some(50)), until=until),
            "transfer_out": lambda: event(kind, day, rate=rate(some(50)), until=until),
            "store_strike": lambda: event(kind, day, drones_lost=number(some(500), "drones")),
            "pause": lambda: event(kind, day, theatre=UKRAINE, until=until),
        }
        return {**given[kind](), "id": name}

    kinds = ("facility_strike", "sanctions", "new_line", "imports", "transfer_out", "store_strike")
    chosen = [*draw(st.lists(st.sampled_from(kinds), max_size=6)), *(["pause"] if draw(st.booleans()) else [])]
    theatres = [split(UKRAINE, *dated(lambda value, day: share((value[0], 1.0 - value[0] / 2), day), 0.5, 1))]
    return {
        "facilities": plants,
        "events": [one_event(kind, f"event_{index}") for index, kind in enumerate(chosen)],
        "theatres": theatres if draw(st.booleans()) else [],
        "opening": some(2_000),
        "minimum": some(300),
        "released": some(1),
        "lost_before_launch": some(0.9),
        "drawdown": tuple(1 + end for end in some(60)),
    }


N_DRAWS, N_DAYS = 4, 45
WANTED = st.builds(
    lambda seed, mean, whole: (
        np.random.default_rng(seed).poisson(mean, (N_DRAWS, N_DAYS))
        if whole
        else np.random.default_rng(seed).exponential(mean, (N_DRAWS, N_DAYS))
    ),
    st.integers(0, 1_000),
    st.sampled_from([1.0, 50.0, 500.0]),
    st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(scenarios(), WANTED)
def test_every_drone_is_accounted_for_and_nothing_is_negative(stated: dict[str, Any], wanted: Any) -> None:
    supply = drawn(scenario(**stated), N_DAYS, N_DRAWS)
    flow = stock_flow(supply, wanted)
    for name in ("armed", "decoys", "struck", "transferred", "opening", "minimum"):
        assert (getattr(supply, name) >= 0).all(), name
    for name, drones in vars(flow).items():
        assert (drones >= 0).all(), name
    gone = flow.launched + flow.lost_before_launch + flow.struck + flow.transferred
    came = supply.opening[:, None] + np.cumsum(supply.inflow, axis=1)
    np.testing.assert_allclose(flow.stock + np.cumsum(gone, axis=1), came, rtol=1e-9, atol=1e-6)
    assert (flow.launched <= wanted).all()
    assert not flow.launched[:, supply.paused].any()
    whole = wanted == np.floor(wanted)
    assert (flow.launched[whole] == np.floor(flow.launched[whole])).all()
    # Launches alone never break into what is to be kept.
    assert (flow.stock >= supply.minimum[:, None] - 1e-6)[flow.launched > 0].all()
    # What is kept from being launched is kept for a reason: the wish is met, or less than a drone is left above it.
    left = (flow.stock - supply.minimum[:, None]) * (1 - supply.lost_before_launch[:, None])
    assert ((flow.launched == wanted) | (left < 1 + 1e-6) | supply.paused).all()


@settings(max_examples=80, deadline=None)
@given(scenarios(), WANTED, st.floats(0, 200), at(), st.sampled_from(["armed", "decoys"]))
def test_more_capacity_never_lowers_launches(
    stated: dict[str, Any], wanted: Any, capacity: float, day: int, line: str
) -> None:
    """Launches so far: a drone more in store may be launched a day sooner, and then not on the next."""
    more = [*stated["events"], {**new_line(day, capacity, 10.0, line), "id": "more"}]
    before, after = (
        drawn(scenario(**{**stated, "events": events}), N_DAYS, N_DRAWS) for events in (stated["events"], more)
    )
    total = before.armed + before.decoys
    assert (after.armed + after.decoys >= total - 1e-9 * (1 + total)).all()
    launched = [np.cumsum(stock_flow(supply, wanted).launched, axis=1) for supply in (before, after)]
    # A rounded sum just below a whole drone keeps that drone for a day.
    assert (launched[1] >= launched[0] - 1e-6 - (wanted == np.floor(wanted)).all()).all()


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_what_is_sustained_is_never_more_than_there_is(stated: dict[str, Any]) -> None:
    supply = drawn(scenario(**stated), N_DAYS, N_DRAWS)
    launches = sustained(supply, supply.opening, FIRST)
    assert (launches >= 0).all()
    # The store gives the same launches when they are asked of it, to the drone.
    flow = stock_flow(supply, np.where(launches == np.floor(launches), launches, launches * (1 - 1e-9)))
    np.testing.assert_allclose(np.cumsum(flow.launched, 1), np.cumsum(launches, 1), rtol=1e-6, atol=1.0)


@settings(max_examples=30, deadline=None)
@given(scenarios(), st.integers(1, 30))
def test_a_plant_makes_no_more_than_its_lines_take(stated: dict[str, Any], seed: int) -> None:
    plants = [{**each, "workforce": None, "parts": ()} for each in stated["facilities"]]
    bound = [each for each in stated["events"] if each["kind"] in {"new_line", "imports"}]
    limited = drawn(scenario(**stated), N_DAYS, N_DRAWS, seed=seed)
    free = drawn(scenario(**{**stated, "facilities": plants, "events": bound}), N_DAYS, N_DRAWS, seed=seed)
    assert (limited.armed <= free.armed + 1e-9).all()
    assert (limited.decoys <= free.decoys + 1e-9).all()


def test_a_supply_can_be_stated_without_a_scenario() -> None:
    """Other rooms build supplies by hand: what is optional has no effect."""
    supply = drawn(scenario([plant()]), 2)
    bare = replace(supply, new_models=(), levels={})
    assert bare.kill_factors("guns") == pytest.approx(np.ones((1, 2)))
    assert not bare.new_model.any()
