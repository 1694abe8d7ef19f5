"""The rules of planners: what they order, and how often it would have run out."""

import numpy as np
import pytest

from features.errors import InputError
from features.messages import Message
from forecasting.orders.ordering import Cover, cover
from forecasting.orders.rules_of_thumb import RuleOfThumb, rules_of_thumb

NIGHTS = 10


def rules(needs: Cover, **changed: float) -> dict[str, RuleOfThumb]:
    given = {
        "nights": NIGHTS,
        "drones": 5_000.0,
        "used_last_month": 28_000.0,
        "days_last_month": 28,
        "unit_cost_usd": 4_500.0,
    } | changed
    made = rules_of_thumb(needs, in_hand_and_due=2_000.0, **given)  # type: ignore[arg-type]
    return {rule.rule.code: rule for rule in made}


def needs_of(totals: list[int]) -> Cover:
    """Paths that need those many beyond what is in hand, all on the last night."""
    needed = np.zeros((len(totals), NIGHTS), dtype=np.int64)
    needed[:, -1] = totals
    return cover(needed, np.zeros_like(needed), review_period=NIGHTS)


def test_worked_by_hand() -> None:
    """2,000 are in hand or due. Two per drone: 10,000 less these; 1,000 a day the same, as 500 drones a night are just
    what a thousand a day serve at two per drone; 28,000 in 28 days and 20 % more is 12,000 for ten nights."""
    made = rules(needs_of([7_999, 8_000, 8_001, 9_000, 11_000]))
    assert made["two_per_drone"] == RuleOfThumb(Message.of("two_per_drone"), 8_000, 36e6, 0.6)
    assert made["thousand_a_day"] == RuleOfThumb(Message.of("thousand_a_day"), 8_000, 36e6, 0.6)
    assert made["last_month_plus_fifth"] == RuleOfThumb(Message.of("last_month_plus_fifth"), 10_000, 45e6, 0.2)


def test_nothing_is_ordered_where_enough_is_due() -> None:
    made = rules(needs_of([10, 0]), drones=999.0)
    assert (made["two_per_drone"].quantity, made["two_per_drone"].cost_usd) == (0, 0.0)
    assert made["two_per_drone"].stock_out_probability == 0.5


def test_the_published_norm_of_800_drones_a_night_and_at_least_1000_interceptors() -> None:
    """800 drones and 1,000 interceptors go together where half the drones come to be engaged, at 2.5 each; the norm of
    two per drone wants 1,600 a night for the same drones, so 1,000 a day at that norm is for 500."""
    engaged_share, per_engagement = 0.5, 2.5
    assert 800 * engaged_share * per_engagement == 1_000
    nightly = np.full((1, NIGHTS), 1_000)
    needs = cover(nightly, np.zeros_like(nightly), review_period=NIGHTS)
    made = {
        rule.rule.code: rule
        for rule in rules_of_thumb(
            needs,
            nights=NIGHTS,
            drones=800.0 * NIGHTS,
            used_last_month=1_000.0 * 28,
            days_last_month=28,
            in_hand_and_due=0.0,
            unit_cost_usd=4_500.0,
        )
    }
    assert needs.order_up_to(0.95) == made["thousand_a_day"].quantity == 10_000
    assert made["thousand_a_day"].stock_out_probability == 0
    assert made["two_per_drone"].quantity == 16_000


@pytest.mark.parametrize(
    "changed",
    [
        {"nights": 0},
        {"days_last_month": 0},
        {"drones": -1.0},
        {"used_last_month": float("nan")},
        {"unit_cost_usd": -1.0},
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"rules of thumb for .*expected at least one night"):
        rules(needs_of([1]), **changed)
