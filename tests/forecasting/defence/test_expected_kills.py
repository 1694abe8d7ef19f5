"""The cascade in expectation, where its normal approximation is at its limits."""

from collections.abc import Callable

import numpy as np

from forecasting.defence.expected_kills import expected_kill_shares
from forecasting.defence.layers import Defence


def test_a_layer_that_is_used_up_in_its_first_round_kills_no_negative_number(
    defence_of: Callable[..., Defence],
) -> None:
    defence = defence_of(
        [{"engaged_share": 0.9, "kill_probability": 0.5, "engagements_per_night": 4.0, "salvo_of": 2, "rounds": 3}]
    )
    layer = defence.layers[0]
    values = [{name: np.array([stated.mode]) for name, stated in layer.ranges.items()}]
    launched = np.array([1.0, 2.0, 3.0, 50.0, 500.0])
    shares = expected_kill_shares(defence, values, launched)[0, 0]
    assert (shares >= 0).all()
    # Two engagements of two at once, each killing with 1 - 1/4: no more than 1.5 drones a night, however many come.
    assert (shares * launched <= 1.5 + 1e-9).all()
    assert shares[-1] * launched[-1] > 1.4
