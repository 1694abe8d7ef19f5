"""Differences between scenarios: their standard errors on common random numbers."""

import numpy as np
import pytest

from features.scenarios import load_scenario
from forecasting.answers.comparison import mean_estimate, quantile_estimate, stated_differences

LEVEL = 0.95


def test_the_error_of_a_difference_is_that_of_paired_paths() -> None:
    """Against what is seen: the same difference on many samples of two dependent quantities."""
    rng = np.random.default_rng(4)
    seen, told = [], {"mean": [], "quantile": []}
    for _ in range(300):
        common = rng.standard_normal(2_000)
        first, second = (common + 0.2 * rng.standard_normal(2_000) for _ in range(2))
        quantiles = [float(np.quantile(each, LEVEL, method="inverted_cdf")) for each in (first, second)]
        estimates = [quantile_estimate(at, each, LEVEL) for at, each in zip(quantiles, (first, second), strict=True)]
        means = [mean_estimate(each) for each in (first, second)]
        seen.append((means[1].less(means[0]).value, estimates[1].less(estimates[0]).value))
        told["mean"].append(means[1].less(means[0]).error)
        told["quantile"].append(estimates[1].less(estimates[0]).error)
    spread = np.std(seen, axis=0)
    assert np.median(told["mean"]) == pytest.approx(spread[0], rel=0.1)
    assert np.median(told["quantile"]) == pytest.approx(spread[1], rel=0.25)
    # Far below what two independent samples would give.
    assert np.median(told["mean"]) < 0.5 * np.sqrt(2) * means[0].error


def test_equal_samples_differ_by_nothing() -> None:
    sample = np.random.default_rng(1).integers(0, 500, 400)
    for make in (mean_estimate, lambda each: quantile_estimate(10, each, LEVEL)):
        same = make(sample).less(make(sample))
        assert (same.value, same.error) == (0.0, 0.0)


def test_scenarios_that_state_the_same_do_not_differ_whatever_their_notes() -> None:
    one = load_scenario("published")
    other = one.model_copy(update={"name": "other", "title": "Another", "sources": ()})
    assert stated_differences([one, other]) == []
    fewer = one.model_copy(update={"facilities": one.facilities[1:]})
    assert {each.where.split(".")[0] for each in stated_differences([one, fewer])} == {
        f"facility {one.facilities[0].id}"
    }


def test_growth_that_one_scenario_leaves_out_is_a_difference() -> None:
    one = load_scenario("published")
    still = one.model_copy(update={"name": "still", "unannounced_growth": False})
    [found] = stated_differences([one, still])
    assert (found.where, [each.scenario for each in found.ranges]) == ("unannounced_growth", ["published"])
