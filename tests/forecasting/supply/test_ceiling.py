"""What could be made at most: as stated at the upper ends, and as far as output has outrun statements before."""

from datetime import date, timedelta

import numpy as np
import pytest

from features.history import LaunchHistory
from features.production import draw_supply
from features.scenarios import load_scenario
from forecasting.supply import ceiling
from forecasting.supply.assimilation import FIRST_DOUBT, FORGETTING
from forecasting.supply.ceiling import largest_output, learn_headroom, most_stated, output_ceiling
from tests.forecasting.supply.stated_supply import number, on, rate, record, scenario

ORIGIN = date(2026, 2, 28)
CALM = np.full(560, 50.0)


@pytest.mark.parametrize("name", ["published", "workers_25000", "repeated_strikes", "imports_stopped"])
def test_no_draw_of_a_scenario_makes_more_than_the_most_that_it_states(name: str) -> None:
    known = load_scenario(name).as_known(ORIGIN).model_copy(update={"output_ratio": None})
    last_day = ORIGIN + timedelta(days=365)
    most = most_stated(known, "ukraine", ORIGIN, last_day)
    drawn = draw_supply(known, "ukraine", last_day, 300, 1).weighed_inflow[:, -365:]
    assert most.shape == (365,)
    assert (drawn <= most * (1 + 1e-9)).all()
    assert drawn.max() > 0.6 * most.max()


def test_the_ceiling_is_what_is_stated_or_so_many_times_what_has_been_seen() -> None:
    stated = scenario(rate((60.0, 90.0)), rate((60.0, 90.0), 600), rate((200.0, 300.0), 601))
    counts = CALM.copy()
    counts[100:110] = 500.0  # a massed strike is no output: blocks of 28 days are
    history = record(counts)
    assert largest_output(history) == pytest.approx(50 + 450 * 10 / 28)
    found = output_ceiling(stated, history, on(659), 1.2)
    assert found[:40] == pytest.approx(1.2 * largest_output(history))
    assert found[42:] == pytest.approx(300.0)


def test_where_output_never_outran_what_was_stated_the_doubt_of_the_statements_fades() -> None:
    ages = np.arange(168, 560 - 168 + 1, 84) / 28
    weight = (FORGETTING**ages).sum()
    expected = np.exp(ceiling.SURELY * FIRST_DOUBT * np.sqrt(4 / (4 + weight)))
    assert learn_headroom(scenario(), record(CALM)) == pytest.approx(expected)
    ratio = number((1.0, 3.0), "ratio") | {"mode": 1.0}
    wide = learn_headroom(scenario(output_ratio=ratio), record(CALM))
    assert np.log(wide) / np.log(expected) == pytest.approx(np.log(3.0) / FIRST_DOUBT)


def test_output_that_outran_what_was_stated_leaves_more_room_and_what_comes_later_none() -> None:
    grown = np.concatenate([CALM, np.full(200, 400.0)])
    before, after = (learn_headroom(scenario(), record(each)) for each in (CALM, grown))
    assert after > 1.5 * before
    history: LaunchHistory = record(grown)
    assert learn_headroom(scenario(), history.until(on(559))) == before
