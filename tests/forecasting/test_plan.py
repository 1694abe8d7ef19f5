"""The plan as a whole: what its parts hand to each other."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from features.messages import Message
from features.records import UKRAINE
from features.scenarios import NewLine, load_scenario
from forecasting.defence.blocks import Levels
from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.defence.stock import with_stock, without_stocks
from forecasting.losses.calibrated_defence import Calibration
from forecasting.losses.reported_losses import StatedKills
from forecasting.plan import (
    CALIBRATION_DRAWS,
    Plan,
    Prepared,
    make_plan,
    prepare,
    prepare_calibration,
)
from forecasting.report.document import plan_document
from forecasting.salvos.model import SimulationRequest, load_model
from forecasting.supply.armed_share import reported_armed_share
from forecasting.supply.scenario_forecast import ScenarioRequest
from tests.forecasting.plans import ORIGIN, DefenceOf, HistoryOf, SalvosOf, json_of, planned, stocked
from tests.learning import prepared
from tests.said import said


class TestPrepared:
    """What is learned from the record is learned once, whatever is asked for."""

    REQUEST = SimulationRequest(horizon=28, n_paths=200)

    def test_requests_that_share_it_give_the_bytes_that_each_gives_alone(
        self,
        bundled_history: LaunchHistory,
        bundled_defence: Defence,
        bundled_kill_shares: tuple[StatedKills, ...],
    ) -> None:
        """In several threads at once too."""
        model = load_model("salvo_ensemble")
        asked: list[dict[str, Any]] = [{"seed": 1}, {"seed": 2}, {"seed": 1, "layers": ("fighter",)}, {"seed": 2}]

        def learned() -> tuple[Prepared, Calibration]:
            calibrated = prepare_calibration(bundled_defence, bundled_history, bundled_kill_shares)
            return prepare(model, bundled_history), calibrated

        def made(prepared: Prepared, calibrated: Calibration, given: dict[str, Any]) -> str:
            plan = make_plan(
                prepared, bundled_defence, self.REQUEST, service_level=0.95, calibrated=calibrated, **given
            )
            return json_of(plan)

        alone = [made(*learned(), given) for given in asked]
        shared = learned()
        with ThreadPoolExecutor(2) as threads:
            again = list(threads.map(partial(made, *shared), asked))
        assert again == alone
        assert len(set(alone)) == 3

    def test_a_calibration_serves_every_stock(
        self,
        bundled_prepared: Prepared,
        bundled_calibrated: Calibration,
        bundled_defence: Defence,
        bundled_history: LaunchHistory,
        bundled_kill_shares: tuple[StatedKills, ...],
    ) -> None:
        """Supply, prices, lead times and minimum stocks are none of its business either; kill ranges are."""
        other = with_stock(bundled_defence, {"fighter": 7}, ORIGIN)
        changes = {"minimum_stock": 3, "review_days": 5, "unit_cost_usd": other.layers[3].unit_cost_usd}
        mine = other.layers[1].model_copy(update=changes)
        other = other.model_copy(update={"layers": (other.layers[0], mine, *other.layers[2:])})
        assert without_stocks(other) == without_stocks(bundled_defence) == bundled_calibrated.defence
        found = prepare_calibration(other, bundled_history, bundled_kill_shares)
        assert found.quantities == bundled_calibrated.quantities
        assert found.posterior.size_effect.tobytes() == bundled_calibrated.posterior.size_effect.tobytes()
        plans = [
            make_plan(bundled_prepared, other, self.REQUEST, service_level=0.9, seed=3, calibrated=calibrated)
            for calibrated in (bundled_calibrated, found)
        ]
        assert json_of(plans[0]) == json_of(plans[1])
        assert plans[0].engagements.stocks[0].opening.tolist() == [7] * 200

    @pytest.mark.parametrize("changed", ["engaged_share", "kill_probability", "engagements_per_night", "rounds"])
    def test_one_of_other_kills_is_refused(
        self, changed: str, bundled_prepared: Prepared, bundled_calibrated: Calibration, bundled_defence: Defence
    ) -> None:
        first = bundled_defence.layers[0]
        value = 5 if changed == "rounds" else getattr(bundled_defence.layers[3], changed)
        assert value != getattr(first, changed)
        layers = (first.model_copy(update={changed: value}), *bundled_defence.layers[1:])
        other = bundled_defence.model_copy(update={"layers": layers})
        with pytest.raises(ValueError, match="the calibration is of another defence"):
            make_plan(bundled_prepared, other, self.REQUEST, service_level=0.9, seed=1, calibrated=bundled_calibrated)

    def test_the_calibration_does_not_depend_on_the_seed_of_a_request_and_what_the_paths_get_of_it_does(
        self, bundled_prepared: Prepared, bundled_calibrated: Calibration, bundled_defence: Defence
    ) -> None:
        plans = [
            make_plan(
                bundled_prepared,
                bundled_defence,
                SimulationRequest(7, CALIBRATION_DRAWS),
                service_level=0.9,
                seed=seed,
                calibrated=bundled_calibrated,
            )
            for seed in (1, 2)
        ]
        documents = [plan_document(plan).calibration for plan in plans]
        assert documents[0] == documents[1]
        drawn = [plan.engagements.draws[3]["kill_probability"] for plan in plans]
        assert not np.array_equal(*drawn)
        np.testing.assert_array_equal(*(np.sort(values) for values in drawn))


class TestHeld:
    def planned(self, history: LaunchHistory, defence: Defence, **given: Any) -> Plan:
        return planned(history, defence, horizon=14, n_paths=50, calibrate=False, **given)

    def test_an_assumption_of_the_scenario_is_held_at_its_level(
        self, bundled_history: LaunchHistory, bundled_defence: Defence
    ) -> None:
        scenario = ScenarioRequest(load_scenario("published"), load_scenario("published"), UKRAINE)
        held = self.planned(bundled_history, bundled_defence, scenario=scenario, held={"stock.drawdown": 0.1})
        assert held.supplied is not None
        levels = held.supplied.coupled.supply.levels
        assert set(levels["stock.drawdown"]) == {0.1}
        assert len(set(levels["stock.opening"])) > 10
        with pytest.raises(InputError, match=r"unknown assumption 'stock\.drawdwn': did you mean stock\.drawdown"):
            self.planned(bundled_history, bundled_defence, scenario=scenario, held={"stock.drawdwn": 0.5})

    def test_without_a_scenario_there_is_nothing_to_hold(
        self, bundled_history: LaunchHistory, bundled_defence: Defence
    ) -> None:
        with pytest.raises(InputError, match=r"stock\.drawdown is held without a scenario"):
            self.planned(bundled_history, bundled_defence, held={"stock.drawdown": 0.5})


class TestCalibration:
    def test_without_it_the_ranges_are_those_of_the_file(
        self, bundled_history: LaunchHistory, bundled_defence: Defence
    ) -> None:
        made = planned(bundled_history, bundled_defence, calibrate=False)
        assert made.calibration is None
        share = np.full((1, 28), reported_armed_share(bundled_history))
        met = engage(made.forecast, bundled_defence, armed_share=share)
        np.testing.assert_array_equal(made.engagements.actual.leakers, met.actual.leakers)

    def test_with_it_the_plan_neutralises_what_was_reported(
        self, bundled_plan: Plan, bundled_history: LaunchHistory, bundled_defence: Defence
    ) -> None:
        """Of large nights, where the ranges alone and the record say the most different things."""
        stated = planned(bundled_history, bundled_defence, n_paths=2_000, calibrate=False)
        large = bundled_history.launched[-168:] >= 400
        launched, lost = bundled_history.launched[-168:][large], bundled_history.neutralised[-168:][large]

        def neutralised(plan: Plan) -> float:
            nights, met = plan.forecast.paths >= 400, plan.engagements.unlimited
            leaked = (met.leakers + met.decoy_leakers)[nights].sum()
            return float(1 - leaked / plan.forecast.paths[nights].sum())

        reported = lost.sum() / launched.sum()
        assert abs(neutralised(bundled_plan) - reported) < 0.03
        assert abs(neutralised(stated) - reported) > 0.045

    def test_the_levels_of_the_paths_are_those_of_the_posterior(self, bundled_plan: Plan) -> None:
        found = bundled_plan.calibration
        assert found is not None
        drawn = found.for_paths(bundled_plan.forecast.paths, bundled_plan.forecast.seed)
        for index, layer in enumerate(bundled_plan.defence.layers):
            for quantity, levels in drawn.levels[index].items():
                expected = layer.ranges[quantity].quantile(levels)
                np.testing.assert_array_equal(bundled_plan.engagements.draws[index][quantity], expected)

    def test_a_single_layer_is_calibrated_with_all_the_others(
        self,
        bundled_plan: Plan,
        bundled_history: LaunchHistory,
        bundled_defence: Defence,
        bundled_kill_shares: tuple[StatedKills, ...],
    ) -> None:
        """By itself it would have to kill all that the whole defence does."""
        made = planned(
            bundled_history,
            bundled_defence,
            n_paths=2_000,
            layers=("interceptor_drone",),
            kill_shares=bundled_kill_shares,
        )
        assert made.layers == ("interceptor_drone",)
        for quantity in ("engaged_share", "kill_probability"):
            np.testing.assert_array_equal(
                made.engagements.draws[3][quantity], bundled_plan.engagements.draws[3][quantity]
            )

    def test_a_part_of_the_defence_that_cannot_do_what_was_reported_is_told(
        self, bundled_plan: Plan, bundled_history: LaunchHistory, bundled_defence: Defence
    ) -> None:
        jamming = bundled_defence.model_copy(update={"layers": bundled_defence.layers[:1]})
        made = planned(bundled_history, jamming)
        [below] = [note for note in made.notes if note.code == "defence_below_record"]
        assert said(below).startswith("The record says that 87 % were lost, the defence reaches 5")
        assert "defence_below_record" not in {note.code for note in bundled_plan.notes}

    def test_without_reported_losses_that_is_said(self, history_of: HistoryOf, bundled_defence: Defence) -> None:
        made = planned(history_of(np.full(100, 50.0)), bundled_defence)
        assert made.calibration is None
        assert Message.of("no_reported_losses") in made.notes


class TestLevels:
    LAYERS: Sequence[dict[str, Any]] = (stocked(1e6, kill_probability=(0.2, 0.5, 0.8)), stocked(40.0))

    def met(self, salvos_of: SalvosOf, defence_of: DefenceOf, levels: Levels) -> Any:
        return engage(salvos_of(np.full((600, 3), 30)), defence_of(self.LAYERS), levels=levels)

    def test_they_stand_in_place_of_what_is_drawn(self, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
        """In each block of paths its own."""
        levels = np.linspace(0.0, 1.0, 600)
        met = self.met(salvos_of, defence_of, [{"kill_probability": levels}, {}])
        stated = defence_of(self.LAYERS).layers[0].kill_probability
        np.testing.assert_array_equal(met.draws[0]["kill_probability"], stated.quantile(levels))
        without = self.met(salvos_of, defence_of, ())
        assert not np.array_equal(met.draws[0]["kill_probability"], without.draws[0]["kill_probability"])
        higher = self.met(salvos_of, defence_of, [{"kill_probability": np.ones(600)}, {}])
        assert (higher.actual.leakers <= met.actual.leakers).all()

    @pytest.mark.parametrize(
        ("levels", "told"),
        [
            ([{}], "levels of 1 layers: expected those of 2"),
            (
                [{"kill_probability": np.full(3, 0.5)}, {}],
                "levels of kill_probability of layer a: expected 600 numbers",
            ),
            ([{}, {"stock": np.full(600, 1.5)}], "levels of stock of layer b: expected 600 numbers from 0 to 1"),
        ],
    )
    def test_others_are_refused(self, levels: Levels, told: str, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
        with pytest.raises(InputError, match=told):
            self.met(salvos_of, defence_of, levels)


class TestLayersAskedFor:
    def test_one_layer_is_reported_in_the_whole_defence(
        self, bundled_history: LaunchHistory, bundled_defence: Defence
    ) -> None:
        """Its needs and what leaks are those of the plan of all layers; it alone is ordered for."""
        whole, one = (
            planned(bundled_history, bundled_defence, calibrate=False, layers=layers)
            for layers in ((), ("medium_range_missile",))
        )
        document, of_whole = plan_document(one), plan_document(whole)
        assert [layer.layer for layer in document.layers] == ["medium_range_missile"]
        assert document.layers[0] == of_whole.layers[-1]
        assert document.outcome.leakers == of_whole.outcome.leakers
        assert [order.layer_id for order in one.orders] == ["medium_range_missile"]
        assert {*document.stock_out[0].probability} == {"medium_range_missile"}
        assert one.rules is not None
        assert one.rules.layer_id == "medium_range_missile"

    def test_what_if_a_layer_were_not_there(self, bundled_history: LaunchHistory, bundled_defence: Defence) -> None:
        """Layers before it are as they were, drone by drone; more comes to those behind it, and leaks."""
        whole, without = (
            planned(bundled_history, bundled_defence, calibrate=False, without=left_out)
            for left_out in ((), ("interceptor_drone",))
        )
        index = bundled_defence.ids.index("interceptor_drone")
        before, after = whole.engagements.unlimited, without.engagements.unlimited
        np.testing.assert_array_equal(after.kills[:index], before.kills[:index])
        assert not after.engagements[index].any()
        assert (after.leakers >= before.leakers).all()
        assert after.leakers.sum() > 1.3 * before.leakers.sum()
        assert without.layers == tuple(name for name in bundled_defence.ids if name != "interceptor_drone")
        assert without.notes[0] == Message.of("planned_without", layers=("interceptor_drone",))

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"layers": ("fightr",)}, "unknown layer 'fightr': did you mean fighter"),
            ({"without": ("fightr",)}, "unknown layer 'fightr': did you mean fighter"),
            ({"layers": ("fighter",), "without": ("fighter",)}, "layer fighter is to be reported and to be left out"),
        ],
    )
    def test_a_layer_that_cannot_be_asked_for_is_told(
        self, given: dict[str, Any], told: str, bundled_history: LaunchHistory, bundled_defence: Defence
    ) -> None:
        with pytest.raises(InputError, match=told):
            planned(bundled_history, bundled_defence, calibrate=False, **given)


class TestArmedShare:
    def test_it_is_that_of_the_last_days_that_tell_it(self, history_of: HistoryOf) -> None:
        """27 days of 100 drones at .5 and one of 300 at .75; what was told before does not count."""
        launched, share = np.full(200, 100.0), np.full(200, np.nan)
        share[150:180], share[185], launched[185] = 0.5, 0.75, 300.0
        share[120:150] = 0.1
        history = replace(history_of(launched), armed_share=share)
        assert reported_armed_share(history) == pytest.approx((27 * 50 + 225) / (27 * 100 + 300))

    def test_one_that_was_told_long_ago_says_nothing(self, history_of: HistoryOf) -> None:
        share = np.full(200, np.nan)
        share[:109] = 0.5
        assert reported_armed_share(replace(history_of(np.full(200, 100.0)), armed_share=share)) is None

    @pytest.mark.parametrize("scenario", ["published", "workers_25000", "north_korea_line"])
    def test_under_a_scenario_it_starts_from_what_was_reported(
        self, scenario: str, bundled_prepared: Prepared, bundled_defence: Defence, bundled_history: LaunchHistory
    ) -> None:
        asked = ScenarioRequest(load_scenario("published"), load_scenario(scenario), UKRAINE)
        request = SimulationRequest(28, 200)
        made = make_plan(bundled_prepared, bundled_defence, request, service_level=0.95, seed=1, scenario=asked)
        met = made.engagements.unlimited
        armed = (met.kills.sum(axis=0) + met.leakers).sum(axis=0) / made.forecast.paths.sum(axis=0)
        assert armed[0] == pytest.approx(reported_armed_share(bundled_history), abs=0.02)
        assert made.armed_share == pytest.approx(reported_armed_share(bundled_history), abs=0.05)

    def test_where_it_moves_it_moves_as_the_scenario_does(
        self, bundled_prepared: Prepared, bundled_defence: Defence
    ) -> None:
        """An own scenario with a line of decoys from the second week on, as large as all that is made."""
        stated = load_scenario("published")
        line = {"id": "more", "title": "More", "kind": "new_line", "facility": "alabuga", "line": "decoys"}
        number = {"basis": "assumed", "sources": (), "date": ORIGIN, "confidence": "D"}
        capacity = number | {"low": 9_000, "mode": 9_000, "high": 9_000, "unit": "drones_per_month"}
        ramp = number | {"low": 0, "mode": 0, "high": 0, "unit": "days"}
        event = NewLine.model_validate(
            line | {"date": ORIGIN + timedelta(days=8), "capacity": capacity, "ramp_up": ramp}
        )
        more = stated.model_copy(update={"events": (*stated.events, event)})
        asked = ScenarioRequest(stated, more, UKRAINE)
        met = make_plan(
            bundled_prepared, bundled_defence, SimulationRequest(14, 200), service_level=0.95, seed=1, scenario=asked
        ).engagements.unlimited
        armed = met.kills.sum(axis=0) + met.leakers
        share = armed.sum(axis=0) / (armed + met.decoy_kills.sum(axis=0) + met.decoy_leakers).sum(axis=0)
        assert share[:7] == pytest.approx(np.full(7, share[0]), abs=0.03)
        assert share[8:].max() < 0.7 * share[0]
        assert share.min() > 0

    def test_without_any_every_drone_counts_as_armed(self, history_of: HistoryOf, defence_of: DefenceOf) -> None:
        made = planned(history_of(np.full(100, 20.0)), defence_of([stocked(0.0)]))
        assert made.armed_share is None
        assert (made.engagements.actual.leakers == 20).all()
        assert not made.engagements.actual.decoy_leakers.any()


def test_a_plan_under_a_scenario_is_the_same_whatever_was_asked_before(
    bundled_history: LaunchHistory, bundled_defence: Defence
) -> None:
    published = load_scenario("published")
    shared = prepared(load_model("empirical_window"), bundled_history)

    def paths(fitted: Prepared, horizon: int, seed: int, scenario: str) -> NDArray[np.int64]:
        asked = ScenarioRequest(published, load_scenario(scenario), "ukraine")
        request = SimulationRequest(horizon, 30)
        made = make_plan(fitted, bundled_defence, request, service_level=0.95, seed=seed, scenario=asked)
        return made.forecast.paths

    asked = [(40, 1, "published"), (40, 2, "truce_30_days"), (7, 2, "published")]
    for each in asked:
        alone = prepared(load_model("empirical_window"), bundled_history)
        np.testing.assert_array_equal(paths(shared, *each), paths(alone, *each))


@pytest.mark.parametrize("scenario", [None, "truce_30_days"])
def test_the_first_week_is_the_same_however_long_the_plan(
    scenario: str | None, bundled_prepared: Prepared, bundled_defence: Defence, bundled_calibrated: Calibration
) -> None:
    """Drones, kills, interceptors and leakers of each night, with and without a scenario, calibrated."""
    asked = None if scenario is None else ScenarioRequest(load_scenario("published"), load_scenario(scenario), UKRAINE)
    plans = [
        make_plan(
            bundled_prepared,
            bundled_defence,
            SimulationRequest(horizon, 60),
            service_level=0.95,
            seed=1,
            calibrated=bundled_calibrated,
            scenario=asked,
        )
        for horizon in (7, 28, 90)
    ]
    week, *longer = plans
    for plan in longer:
        assert np.array_equal(plan.forecast.paths[:, :7], week.forecast.paths)
        assert np.array_equal(plan.forecast.massed[:, :7], week.forecast.massed)
        for name in ("kills", "decoy_kills", "interceptors", "leakers", "decoy_leakers"):
            nights = (getattr(each.engagements.actual, name) for each in (plan, week))
            assert np.array_equal(next(nights)[..., :7], next(nights)), name
