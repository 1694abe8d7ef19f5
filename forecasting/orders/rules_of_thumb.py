"""What planners order without a model, beside what the paths say about it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.messages import Message
from forecasting.orders.ordering import Cover


@dataclass(frozen=True, slots=True)
class RuleOfThumb:
    """One rule's order. rule: which. stock_out_probability: share of the paths that run out with it before the
    next one arrives."""

    rule: Message
    quantity: int
    cost_usd: float
    stock_out_probability: float


def rules_of_thumb(
    needs: Cover,
    *,
    nights: int,
    drones: float,
    used_last_month: float,
    days_last_month: int,
    in_hand_and_due: NDArray[np.int64],
    unit_cost_usd: float,
) -> tuple[RuleOfThumb, ...]:
    """What each rule wants to have for the nights to cover, less what is in hand and due by then on average.

    needs: see `forecasting.orders.ordering.cover`. nights: that it covers, lead time and review period. drones:
    expected in these nights, decoys included. used_last_month: interceptors that the days_last_month days before the
    origin took. in_hand_and_due: (n_paths,) opening stock and all deliveries by the last of the nights. Raises
    InputError where one of the numbers is negative or there is no day.
    """
    if min(nights, days_last_month) < 1 or not all(each >= 0 for each in (drones, used_last_month, unit_cost_usd)):
        raise InputError(
            f"rules of thumb for {nights} nights, {drones} drones, {used_last_month} interceptors used in "
            f"{days_last_month} days at {unit_cost_usd} USD: expected at least one night and day, and 0 or more else"
        )
    wanted = (
        (Message.of("two_per_drone"), 2.0 * drones),
        (Message.of("thousand_a_day"), 1_000.0 * nights),
        (Message.of("last_month_plus_fifth"), 1.2 * used_last_month * nights / days_last_month),
    )
    quantities = [(rule, int(np.ceil(max(level - in_hand_and_due.mean(), 0.0) - 1e-9))) for rule, level in wanted]
    return tuple(
        RuleOfThumb(rule, quantity, quantity * unit_cost_usd, needs.stock_out_probability(quantity))
        for rule, quantity in quantities
    )
