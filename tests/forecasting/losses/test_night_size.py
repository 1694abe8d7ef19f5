"""The size of a night beside the nights before it: levels by hand, and what happens beyond the record."""

import numpy as np
import pytest

from forecasting.losses.calibration import calibrate
from forecasting.losses.night_size import LEVEL_NIGHTS, NightSizes, running_levels
from forecasting.losses.variation import Variation
from tests.forecasting.losses.reported_nights import ORIGIN, Defences, firing, losses


def test_the_level_is_the_mean_of_the_nights_before_and_of_no_night_itself() -> None:
    assert running_levels(np.array([10.0, 30.0, 80.0]), np.zeros(0)).tolist() == [10.0, 10.0, 20.0]
    assert running_levels(np.array([[10.0, 30.0], [40.0, 0.0]]), np.array([20.0])).tolist() == [
        [20.0, 15.0],
        [20.0, 30.0],
    ]


def test_the_level_forgets_what_is_longer_ago_than_its_nights() -> None:
    launched = np.concatenate([np.full(40, 100.0), np.full(LEVEL_NIGHTS + 2, 900.0)])
    levels = running_levels(launched, np.full(50, 7.0))
    assert levels[0] == 7
    assert levels[LEVEL_NIGHTS] == 100
    assert levels[-1] == levels[-2] == 900


@pytest.fixture
def sizes() -> NightSizes:
    """A record of nights of 50 to 200, of which the last half tells of the defence."""
    launched = np.tile([50.0, 100.0, 200.0, 50.0], 40)
    return NightSizes.of(launched, np.arange(160) >= 80)


def test_a_size_is_held_at_the_edge_of_what_was_seen_and_told(sizes: NightSizes) -> None:
    low, high = sizes.edges
    assert (low, high) == pytest.approx((np.log(0.5), np.log(2)), abs=0.02)
    effect, beyond = sizes.effect_of(np.array([[100.0, 4_000.0, 1.0, 100.0]]))
    assert effect[0, 1] == high - sizes.centre
    assert effect[0, 2] == low - sizes.centre
    assert beyond == pytest.approx(3 / 4)  # beside the 4,000, the last is a small one too


def test_a_level_that_stays_has_no_effect_of_size(sizes: NightSizes) -> None:
    """So many drones every night are an ordinary night after a month, whatever they were before."""
    few, many = (sizes.effect_of(np.full((1, 40), drones))[0][0, LEVEL_NIGHTS:] for drones in (100.0, 1_200.0))
    assert few == pytest.approx(np.full(12, -sizes.centre))
    assert many == pytest.approx(few)


def test_large_months_are_neutralised_by_the_limits_of_the_layers_alone(defence_of: Defences) -> None:
    """Large nights of the record are neutralised better; a level ten times as high is not, beyond the limit: 90
    engagements a night at .9."""
    rng = np.random.default_rng(2)
    launched = rng.choice([20, 40, 80], 168)
    share = 1 / (1 + np.exp(-1.0 - 0.6 * np.log(launched / 50)))
    record = losses(launched, neutralised=rng.binomial(launched, share).astype(float))
    defence = defence_of([{**firing((0.7, 0.8, 0.9)), "engaged_share": 0.95, "engagements_per_night": 90.0}])
    found = calibrate(defence, record, ORIGIN, variation=Variation(1.5, 0.05))
    assert found.quantities[-1].posterior[0] > 0.2
    drawn = found.for_paths(np.full((300, 60), 500), seed=1)
    later = drawn.kill_factor[:, 40:]
    assert np.median(later) == pytest.approx(1.0, abs=0.15)
    assert drawn.beyond > 0.05
