"""A plan with a policy: what is ordered review by review, and how it is told."""

from datetime import date

import numpy as np
import pytest

from features.errors import InputError
from forecasting.orders.policy import AskedPolicy
from forecasting.report.document import PlanDocument, document_json, plan_document
from forecasting.report.frames import long_frame, tables
from forecasting.report.text import document_text
from tests.forecasting.plans import DefenceOf, HistoryOf, planned, stocked


def told(history_of: HistoryOf, defence_of: DefenceOf, asked: AskedPolicy | None, horizon: int = 40) -> PlanDocument:
    layer = stocked(100.0, lead_time_days=1.0, pack_size=5)
    made = planned(history_of(np.full(100, 10.0)), defence_of([layer]), horizon=horizon, policy=asked)
    return plan_document(made)


def test_ten_a_night_ask_for_the_same_order_at_every_review(history_of: HistoryOf, defence_of: DefenceOf) -> None:
    """Ten days and the night until it arrives ask for 110, in packs of five from 106 on: 10 are ordered first, and then
    what ten nights took."""
    document = told(history_of, defence_of, AskedPolicy("base_stock", 10))
    policy = document.policy
    assert policy is not None
    (layer,) = policy.layers
    assert (layer.order_up_to_first, layer.order_up_to_last, layer.orders) == (106.0, 106.0, 4.0)
    assert (layer.cycle_service, layer.fill_rate, policy.joint_service) == (1.0, 1.0, 1.0)
    assert layer.ordered.median == 10 + 3 * 100
    assert layer.cost_usd.median == policy.cost_usd.median == 310_000.0
    assert layer.stock_at_end.median == 100 + 310 - 400
    months = {each.first_day: each for each in policy.calendar}
    first = document.forecast.days[0].attack_day
    assert min(months) == first
    assert all(later.day == 1 for later in sorted(months)[1:])
    assert sum(each.ordered.median for each in policy.calendar) == 310
    assert policy.calendar[-1].stock_at_end.median == 10
    assert isinstance(max(each.last_day for each in policy.calendar), date)
    assert max(each.last_day for each in policy.calendar) == document.forecast.days[-1].attack_day


def test_a_budget_of_each_review_is_kept_and_told(history_of: HistoryOf, defence_of: DefenceOf) -> None:
    """60,000 USD buy 60, of the 100 that ten nights take."""
    document = told(history_of, defence_of, AskedPolicy("base_stock", 10, 60_000.0))
    assert document.policy is not None
    assert document.policy.budget_usd == 60_000.0
    assert document.policy.layers[0].ordered.median == 10 + 3 * 60
    assert document.policy.layers[0].fill_rate == pytest.approx(290 / 400)
    assert "At most 60,000 USD at each review." in document_text(document)


def test_a_plan_can_aim_at_all_stocks_together(history_of: HistoryOf, defence_of: DefenceOf) -> None:
    """Each layer lacks on other paths: 90 % of both ask for more than 90 % of each."""
    history = history_of(np.random.default_rng(1).poisson(40, 100).astype(float))
    layers = [stocked(0.0, engaged_share=0.5), stocked(0.0)]
    each, together = (
        planned(history, defence_of(layers), service_level=0.9, joint=joint, calibrate=False) for joint in (False, True)
    )
    assert each.advice is not None
    assert together.advice is not None
    assert together.advice.worth.joint_risk <= 0.1 < each.advice.worth.joint_risk
    said, plain = document_text(plan_document(together)), document_text(plan_document(each))
    assert "for 90 % safety of all stocks together through" in said
    assert "ORDERS for 90 % joint safety" in said
    assert "joint" not in plain


def test_a_budget_alone_is_answered_with_the_best_mix(history_of: HistoryOf, defence_of: DefenceOf) -> None:
    """Ten a night and none in hand: 250 of 280 leak with 30 bought, which 31,000 USD pay in packs of five."""
    made = planned(history_of(np.full(100, 10.0)), defence_of([stocked(0.0, pack_size=5)]), money_usd=31_000.0)
    document = plan_document(made)
    found = document.budget_mix
    assert found is not None
    assert (found.cost_usd, found.leakers_without_order, found.leakers, found.leakers_avoided) == (30e3, 280, 250, 30)
    assert list(found.quantities.values()) == [30]
    text = document_text(document)
    assert "THE BEST MIX FOR 31,000 USD" in text
    assert "Of 280.0 armed drones that get through with no order, it stops 30" in " ".join(text.split())
    assert tables(document)["budget_mix"]["leakers_avoided"].tolist() == [30]
    with pytest.raises(InputError, match="budget is 0"):
        planned(history_of(np.full(100, 10.0)), defence_of([stocked(0.0)]), money_usd=0.0)


def test_it_is_in_every_form(history_of: HistoryOf, defence_of: DefenceOf) -> None:
    document = told(history_of, defence_of, AskedPolicy("adjusted_base_stock", 10))
    text = document_text(document)
    assert "ORDERS AGAIN AND AGAIN for 95 % safety, days between them: 10" in text
    assert "Ordered up to a level that follows the launches" in text
    made = tables(document)
    assert made["policy"]["ordered_median"].tolist() == [310]
    assert made["policy_calendar"]["ordered_median"].sum() == 310
    frame = long_frame(document)
    assert {"policy", "policy_calendar"} < set(frame["table"])
    assert PlanDocument.model_validate_json(document_json(document)) == document
    without = told(history_of, defence_of, None)
    assert b'"policy"' not in document_json(without)
    assert "AGAIN AND AGAIN" not in document_text(without)


def test_a_horizon_that_no_order_lasts_for_is_refused(history_of: HistoryOf, defence_of: DefenceOf) -> None:
    with pytest.raises(InputError, match=r"orders every 28 nights, .* up to 1: .* the horizon, 28: take a longer one"):
        told(history_of, defence_of, AskedPolicy("base_stock", 28), horizon=28)
