"""What a plan orders, what is due already, and what a target asks for."""

from datetime import timedelta

import numpy as np
import pytest

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.defence.stock import Delivery
from forecasting.orders.program import defence_program
from forecasting.plan import (
    Plan,
    Target,
)
from forecasting.report.document import plan_document
from forecasting.report.text import document_text
from tests.forecasting.orders.programs import leakers_with
from tests.forecasting.plans import ORIGIN, DefenceOf, HistoryOf, SalvosOf, planned, stocked
from tests.said import said


class TestOrders:
    def test_an_order_covers_the_review_period_from_its_arrival(
        self, history_of: HistoryOf, defence_of: DefenceOf
    ) -> None:
        """Ten a night; 1.4 days are two nights. Through night 5, 50 are needed and 5 left, of 30 in hand."""
        layer = stocked(30.0, lead_time_days=1.4, review_days=3, minimum_stock=5)
        made = planned(history_of(np.full(100, 10.0)), defence_of([layer]))
        order = made.orders[0]
        assert (order.quantity, order.cost_usd) == (25, (25e3, 25e3, 25e3))
        assert (order.unavoidable_shortage, order.stock_out_probability) == (0.0, 0.0)
        assert made.rules is not None
        assert made.rules.nights == 5
        rules = {rule.rule.code: rule for rule in made.rules.rules}
        # 2 x 50, 5,000 and 1.2 x 50 less the 30 in hand.
        assert [rule.quantity for rule in rules.values()] == [70, 4_970, 30]
        assert not any(rule.stock_out_probability for rule in rules.values())

    def test_a_shortage_before_the_arrival_is_told_and_not_ordered_for(
        self, history_of: HistoryOf, defence_of: DefenceOf
    ) -> None:
        """Of 15 in hand none is left after two nights; then 30 for three."""
        layer = stocked(15.0, lead_time_days=2.0, review_days=3)
        order = planned(history_of(np.full(100, 10.0)), defence_of([layer])).orders[0]
        assert (order.quantity, order.unavoidable_shortage, order.stock_out_probability) == (30, 1.0, 1.0)

    def test_an_order_that_arrives_after_the_horizon_is_made_and_marked(
        self, history_of: HistoryOf, defence_of: DefenceOf
    ) -> None:
        """Five a night, 150 in hand: 20 nights to the arrival take 100, and 14 more 70. The other five are the next
        layer's, for the seven nights asked."""
        layer = stocked(150.0, lead_time_days=20.0, review_days=14, engagements_per_night=5.0)
        made = planned(history_of(np.full(100, 10.0)), defence_of([layer, stocked(10.0)]), horizon=7)
        assert [order.quantity for order in made.orders] == [20, 25]
        assert (made.forecast.horizon, made.engagements.actual.leakers.shape[1]) == (7, 7)
        assert said(made.notes[0]).startswith("Orders are made for 34 days")
        assert made.advice is not None
        assert made.advice.worth.joint_risk_without == 1.0
        document = plan_document(made)
        assert document.layers[0].order is not None
        assert document.layers[0].order.lead_time_days_low == 20
        assert "20, after these 7 days" in document_text(document)
        assert "To be in hand on day 1 (2026-03-01), as no lead time is stated: missiles." in " ".join(
            document_text(document).split()
        )

    def test_a_lead_time_of_years_is_refused_with_the_limit(self, history_of: HistoryOf, defence_of: DefenceOf) -> None:
        layer = stocked(15.0, lead_time_days=700.0, review_days=60)
        with pytest.raises(InputError, match=r"ask for 760 nights: expected at most 730"):
            planned(history_of(np.full(100, 10.0)), defence_of([layer]))

    def test_the_rule_of_last_month_looks_back_on_the_last_month(
        self, history_of: HistoryOf, defence_of: DefenceOf
    ) -> None:
        """One interceptor a drone: 280 used in 28 days, and a fifth more for the next 28, whatever was before."""
        made = planned(history_of(np.r_[np.full(72, 5.0), np.full(28, 10.0)]), defence_of([stocked(0.0)]))
        assert made.rules is not None
        assert made.rules.rules[2].quantity == 336

    def test_the_rules_are_those_of_the_layer_that_kills_most(self, bundled_plan: Plan) -> None:
        assert bundled_plan.rules is not None
        assert (bundled_plan.rules.layer_id, bundled_plan.rules.nights) == ("interceptor_drone", 28)


class TestDeliveries:
    def test_they_come_beside_the_supply_and_never_let_more_through(
        self, bundled_history: LaunchHistory, bundled_defence: Defence
    ) -> None:
        due = [Delivery("fighter", ORIGIN + timedelta(days=3), 70)]
        without, with_them = (
            planned(bundled_history, bundled_defence, deliveries=deliveries, layers=("fighter",), calibrate=False)
            for deliveries in ((), due)
        )
        added = with_them.engagements.stocks[0].supplied - without.engagements.stocks[0].supplied
        assert (added[:, :2] == 0).all()
        assert (added[:, 2:] == 70).all()
        leaked, before = (plan.engagements.actual.leakers for plan in (with_them, without))
        assert (leaked <= before).all()
        assert leaked.sum() < before.sum()


class TestRequirement:
    def test_without_a_target_there_is_none(self, bundled_plan: Plan) -> None:
        assert bundled_plan.required is None

    def test_the_program_counts_the_leakers_that_the_plan_does(
        self, bundled_plan: Plan, bundled_defence: Defence
    ) -> None:
        assert bundled_plan.calibration is not None
        drawn = bundled_plan.calibration.for_paths(bundled_plan.forecast.paths, 1)
        program = defence_program(
            bundled_plan.forecast,
            bundled_defence,
            bundled_plan.engagements,
            levels=drawn.levels,
            kill_factors={layer.id: drawn.kill_factor for layer in bundled_defence.layers},
        )
        met = bundled_plan.engagements
        for bought, leakers in ((0.0, met.actual.leakers), (1e9, met.unlimited.leakers)):
            by_path = leakers_with(program, np.full(len(program.layer_ids), bought))
            assert by_path.mean() == pytest.approx(leakers.sum(axis=1).mean(), rel=0.01)
            assert np.corrcoef(by_path, leakers.sum(axis=1))[0, 1] > 0.95

    def test_so_it_does_with_doctrine_decoys_and_channels(self, salvos_of: SalvosOf, defence_of: DefenceOf) -> None:
        """Salvos of two, several rounds, decoys told apart, a stock that runs out, and busy fire channels."""
        defence = defence_of(
            [
                stocked(1e9, engaged_share=0.5, kill_probability=0.4, decoy_discrimination=0.5, salvo_of=2, rounds=2),
                stocked(2_000.0, kill_probability=0.5, interceptors_per_engagement=1.5, rounds=3),
                {"engaged_share": 0.8, "kill_probability": 0.7, "fire_channels": 8.0, "service_minutes": 240.0},
            ]
        )
        salvos = salvos_of(np.random.default_rng(3).integers(50, 400, (400, 10)))
        met = engage(salvos, defence, armed_share=np.full((1, 10), 0.6))
        program = defence_program(salvos, defence, met)
        now = leakers_with(program, np.zeros(3)).mean()
        assert now == pytest.approx(met.actual.leakers.sum(axis=1).mean(), rel=0.05)
        # Here some drones find every channel busy though there is time for all: the fluid limit does not see it.
        unlimited = leakers_with(program, np.full(3, 1e9)).mean()
        assert unlimited == pytest.approx(met.unlimited.leakers.sum(axis=1).mean(), rel=0.1)
        assert unlimited < 0.8 * now  # the stock of the second layer matters

    def test_a_target_within_reach_is_met_by_the_least_that_is_missing(
        self, history_of: HistoryOf, defence_of: DefenceOf
    ) -> None:
        """Ten a night for 28 nights, 200 in hand: 80 leak. For 30 at most, 50 more are needed."""
        history, defence = history_of(np.full(100, 10.0)), defence_of([stocked(200.0)])
        required = planned(history, defence, target=Target(30.0)).required
        assert required is not None
        assert required.found.met
        assert (required.found.quantities.tolist(), required.found.cost_usd) == ([50], 50e3)
        short = planned(history, defence, target=Target(30.0, budget_usd=40e3)).required
        assert short is not None
        assert not short.found.met
        assert short.found.quantities.tolist() == [40]
        assert "the budget of 40,000 USD is the limit" in said(short.found.obstacle)
