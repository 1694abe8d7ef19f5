"""Supply draws against examples worked by hand: lines, strikes, sanctions, workers, theatres."""

import numpy as np
import pytest

from features.records import UKRAINE
from tests.features.stated_production import (
    armed,
    arrive,
    days,
    drawn,
    event,
    new_line,
    number,
    on,
    plant,
    rate,
    sanctions,
    scenario,
    share,
    split,
    strike,
    switch,
    workers,
)


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
        made = armed(plant(armed=(rate(1e6, -10),), workforce=housed), 5)

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


def test_a_switch_brings_a_kind_with_its_share_and_what_layers_do_to_it() -> None:
    jet = switch(0, 0.2, 2.0, guns=0.5, jammers=1.5) | {"model": "jet", "reach": {"guns": number(0.1, "ratio")}}
    heavy = switch(1, 0.5, 0.0, "second") | {"warhead_kg": number(90, "kg")}
    first, second = drawn(scenario([plant()], [jet, heavy]), 3).new_models
    assert (first.kind, second.kind) == ("jet", "second")
    assert first.share[0] == pytest.approx([0, 0.1, 0.2])
    assert second.share[0] == pytest.approx([0, 0.5, 0.5])
    assert {key: ratio[0] for key, ratio in first.factors.items()} == {
        ("reach", "guns"): 0.1,
        ("kill_probability", "guns"): 0.5,
        ("kill_probability", "jammers"): 1.5,
    }
    assert first.warhead_kg is None
    assert second.warhead_kg == pytest.approx([90.0])
    assert not second.factors


def test_a_warhead_without_a_mass_is_told() -> None:
    weightless = switch(0, 0.2, 2.0) | {"warhead_kg": number(0, "kg")}
    with pytest.raises(ValueError, match="a mass from 0 kg: expected more than 0"):
        scenario([plant()], [weightless])


CERTAIN = {"basis": "known"}


def test_what_is_certain_keeps_its_number_whatever_holds_the_rest_back() -> None:
    """The scenario's own ratio, what is held back and a worn plant halve the rest; strikes and theatres are said."""
    sure = plant(id="sure", name="Sure", as_stated=True, armed=(rate(100.0) | CERTAIN,))
    line = new_line(0, 10.0, 0.0) | {"capacity": rate(10.0) | CERTAIN, "as_stated": True}
    bought = event("imports", 0, line="decoys", rate=rate(5.0) | CERTAIN, as_stated=True)
    stated = scenario([plant(), sure], [line, bought], output_ratio=number(0.5, "ratio"), released=0.8)
    supply = drawn(stated, 1)
    assert supply.armed[0] == pytest.approx([50.0])
    assert supply.armed_as_stated[0] == pytest.approx([110.0])
    assert supply.decoys_as_stated[0] == pytest.approx([5.0])
    assert supply.inflow[0] == pytest.approx([0.8 * 50.0 + 115.0])
    hit = scenario([plant(), sure], [line, strike(0, 0.3, 1e6), strike(0, 0.2, 1e6, "b") | {"facility": "sure"}])
    assert drawn(hit, 1).armed_as_stated[0] == pytest.approx([0.8 * 100.0 + 0.7 * 10.0], rel=1e-4)
    shared = scenario([sure], (), [split(UKRAINE, share(0.25))])
    assert drawn(shared, 1).armed_as_stated[0] == pytest.approx([25.0])
