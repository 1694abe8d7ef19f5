"""What orders promised, beside what they would have done: by hand, and with what was known."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import ArrayLike

from experiments.effect_replay import replay_effects
from features.errors import InputError
from features.history import LaunchHistory
from forecasting.defence.layers import Defence
from forecasting.salvos.model import load_model
from tests.forecasting.plans import stocked

HistoryFrom = Callable[[ArrayLike], LaunchHistory]
MODEL = load_model("empirical_window")


@pytest.mark.parametrize(("after", "realised"), [(100.0, 1_800.0), (50.0, 400.0), (30.0, 0.0)])
def test_an_order_by_hand(
    after: float, realised: float, history_from: HistoryFrom, defence_of: Callable[..., Defence]
) -> None:
    """A hundred drones a day, an interceptor for each, and a thousand in hand: 1,800 are ordered for 28 days, each to
    stop one. Of fewer drones fewer pass without the order: of fifty a day 1,400 come, and 400 pass."""
    truth = history_from(np.r_[np.full(120, 100.0), np.full(28, after)])
    origin = truth.days[119]
    seen = list[date]()

    def history_at(day: date) -> LaunchHistory:
        seen.append(day)
        return truth.until(day)

    found = replay_effects(history_at, truth, MODEL, defence_of([stocked(1_000.0)]), [origin], n_paths=60)
    (row,) = found.table.to_dict("records")
    assert seen == [origin]
    assert (row["promised"], row["low"], row["high"]) == (1_800.0, 1_800.0, 1_800.0)
    assert row["cost_usd"] == 1_800_000.0
    assert row["realised"] == realised
    assert found.inside == (realised == 1_800.0)
    assert ("reached" in found.against_target()) == (realised == 1_800.0)
    assert found.wide()["error"].tolist() == [f"{realised - 1_800.0:+.1f}"]


def test_origins_are_apart_and_have_known_nights(history_from: HistoryFrom, defence_of: Callable[..., Defence]) -> None:
    counts = np.full(230, 100.0)
    counts[200] = np.nan  # in the nights of the third
    truth = history_from(counts)
    origins = [truth.days[119] + timedelta(days=14 * number) for number in range(8)]
    found = replay_effects(truth.until, truth, MODEL, defence_of([stocked(1_000.0)]), origins, n_paths=60)
    assert found.table["origin"].tolist() == [origins[0], origins[2]]
    with pytest.raises(InputError, match="no origin has 28 known days after it"):
        replay_effects(truth.until, truth, MODEL, defence_of([stocked(1_000.0)]), [truth.days[-5]])
