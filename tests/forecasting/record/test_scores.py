"""Scores against their definitions, written out the slow way."""

import numpy as np
import pytest
import scoringrules
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.stats import norm

from forecasting.record.scores import (
    QUANTILE_LEVELS,
    _distances,
    brier_score,
    covered,
    crps_from_paths,
    energy_score,
    pinball_loss,
    pit,
    wis,
    wis_parts,
)

RNG = np.random.default_rng(20260228)
PATHS = RNG.negative_binomial(2, 0.02, (40, 6))
OBSERVED = np.array([0.0, 12.0, 100.0, 97.5, 400.0, 3.0])


def fair_crps(sample: NDArray[np.int64], observed: float) -> float:
    """Ferro (2014), eq. 3: mean |x - y| less half the mean |x - x'| over the pairs of different members."""
    n = len(sample)
    to_observed = sum(abs(float(x) - observed) for x in sample) / n
    pairs = sum(abs(float(x) - float(other)) for x in sample for other in sample)
    return to_observed - pairs / (2 * n * (n - 1))


def test_crps_is_the_fair_estimator_over_all_pairs() -> None:
    expected = [fair_crps(PATHS[:, day], OBSERVED[day]) for day in range(6)]
    np.testing.assert_allclose(crps_from_paths(PATHS, OBSERVED), expected, rtol=1e-12)


def test_crps_by_hand() -> None:
    # Members 0 and 4, observed 1: (1 + 3) / 2 - (4 + 4) / (2 * 2 * 1) = 2 - 2 = 0.
    assert crps_from_paths(np.array([[0], [4]]), [1.0]).tolist() == [0.0]
    # Members 0, 0 and 6, observed 8: (8 + 8 + 2) / 3 - 4 * 6 / (2 * 3 * 2) = 6 - 2 = 4.
    assert crps_from_paths(np.array([[0], [0], [6]]), [8.0]) == pytest.approx([4.0])


@pytest.mark.parametrize("n_paths", [2, 5, 1_000])
def test_crps_of_a_point_mass_is_the_absolute_error(n_paths: int) -> None:
    paths = np.tile([100, 100, 100], (n_paths, 1))
    np.testing.assert_allclose(crps_from_paths(paths, [100.0, 70.0, 250.0]), [0.0, 30.0, 150.0], atol=1e-9)


def test_crps_of_a_normal_sample_nears_the_closed_form() -> None:
    """Gneiting and Raftery (2007), eq. 21. Whole numbers of a wide normal, so that rounding does not matter."""
    mean, deviation, n_paths = 5_000.0, 1_000.0, 200_000
    paths = np.rint(np.random.default_rng(1).normal(mean, deviation, (n_paths, 1))).astype(np.int64)
    z = 0.7
    closed = deviation * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps_from_paths(paths, [mean + z * deviation])[0] == pytest.approx(closed, rel=0.01)


def test_the_fair_crps_does_not_reward_a_larger_ensemble() -> None:
    """Its mean over many forecasts by the true distribution is the same for 3 and for 60 members."""
    rng = np.random.default_rng(3)
    observed = rng.poisson(50, 40_000).astype(float)
    small, large = (crps_from_paths(rng.poisson(50, (n, 40_000)), observed) for n in (3, 60))
    error = np.sqrt(small.var() / small.size + large.var() / large.size)
    assert abs(small.mean() - large.mean()) < 5 * error


def test_pinball_at_the_median_is_half_the_absolute_error() -> None:
    quantiles = np.array([[10.0, 20.0, 30.0]])
    losses = pinball_loss(quantiles, [25.0, 20.0, 0.0], [0.5])
    np.testing.assert_allclose(losses, [[7.5, 0.0, 15.0]])


def test_pinball_by_hand() -> None:
    losses = pinball_loss([[10.0, 10.0], [40.0, 40.0]], [30.0, 50.0], [0.05, 0.95])
    np.testing.assert_allclose(losses, [[0.05 * 20, 0.05 * 40], [0.05 * 10, 0.95 * 10]])


def test_the_true_quantile_has_the_least_expected_pinball_loss() -> None:
    observed = np.random.default_rng(1).normal(100, 20, 20_000)
    guesses = np.linspace(80, 180, 101)
    losses = [pinball_loss(np.full((1, observed.size), guess), observed, [0.95]).mean() for guess in guesses]
    assert guesses[np.argmin(losses)] == pytest.approx(norm.ppf(0.95, 100, 20), abs=2)


def interval_form(quantiles: NDArray[np.float64], observed: float) -> float:
    """Bracher et al. (2021), eq. 1 to 3, from interval scores: the median and K central intervals."""
    n_intervals = (len(QUANTILE_LEVELS) - 1) // 2
    total = 0.5 * abs(observed - quantiles[n_intervals])
    for index in range(n_intervals):
        alpha = 2 * QUANTILE_LEVELS[index]
        lower, upper = quantiles[index], quantiles[-1 - index]
        score = upper - lower
        if observed < lower:
            score += 2 / alpha * (lower - observed)
        if observed > upper:
            score += 2 / alpha * (observed - upper)
        total += alpha / 2 * score
    return float(total / (n_intervals + 0.5))


def test_wis_is_the_weighted_mean_of_the_interval_scores() -> None:
    quantiles = np.quantile(PATHS, QUANTILE_LEVELS, axis=0)
    expected = [interval_form(quantiles[:, day], OBSERVED[day]) for day in range(6)]
    np.testing.assert_allclose(wis(quantiles, OBSERVED), expected, rtol=1e-12)


def test_wis_of_one_level_is_the_absolute_error() -> None:
    np.testing.assert_allclose(wis([[10.0, 20.0]], [13.0, 11.0], [0.5]), [3.0, 9.0])


def test_wis_with_many_levels_nears_the_crps() -> None:
    paths = np.random.default_rng(1).poisson(300, (20_000, 3))
    observed = np.array([250.0, 300.0, 390.0])
    levels = (np.arange(2_000) + 0.5) / 2_000
    np.testing.assert_allclose(
        wis(np.quantile(paths, levels, axis=0), observed, levels), crps_from_paths(paths, observed), rtol=0.01
    )


def test_the_levels_are_symmetric_about_the_median() -> None:
    np.testing.assert_allclose(QUANTILE_LEVELS + QUANTILE_LEVELS[::-1], 1.0)
    assert (np.diff(QUANTILE_LEVELS) > 0).all()
    assert {0.5, 0.95, 0.99} <= set(QUANTILE_LEVELS.tolist())


def test_the_ends_of_an_interval_are_covered() -> None:
    assert covered([1, 1, 1, 1], [3, 3, 3, 3], [1.0, 3.0, 0.999, 3.001]).tolist() == [1.0, 1.0, 0.0, 0.0]


def test_an_unknown_day_is_scored_nan_and_moves_no_other() -> None:
    with_gap = OBSERVED.copy()
    with_gap[2] = np.nan
    quantiles = np.quantile(PATHS, QUANTILE_LEVELS, axis=0)
    for full, gapped in (
        (crps_from_paths(PATHS, OBSERVED), crps_from_paths(PATHS, with_gap)),
        (wis(quantiles, OBSERVED), wis(quantiles, with_gap)),
        (covered(quantiles[0], quantiles[-1], OBSERVED), covered(quantiles[0], quantiles[-1], with_gap)),
        *zip(
            pinball_loss(quantiles, OBSERVED, QUANTILE_LEVELS),
            pinball_loss(quantiles, with_gap, QUANTILE_LEVELS),
            strict=True,
        ),
    ):
        assert np.isnan(gapped).tolist() == [False, False, True, False, False, False]
        np.testing.assert_array_equal(np.delete(full, 2), np.delete(gapped, 2))


@pytest.mark.parametrize(
    ("shape", "n_observed"), [((40, 6), 5), ((40, 6), 40), ((6,), 6), ((40, 6, 1), 6), ((40, 6), 0)]
)
def test_shapes_that_do_not_match_are_refused(shape: tuple[int, ...], n_observed: int) -> None:
    with pytest.raises(ValueError, match=r"expected \(n, horizon\) and \(horizon,\)"):
        crps_from_paths(np.zeros(shape, dtype=np.int64), np.zeros(n_observed))
    with pytest.raises(ValueError, match=r"expected \(n, horizon\) and \(horizon,\)"):
        pinball_loss(np.zeros(shape), np.zeros(n_observed), [0.5])


def test_observed_of_two_dimensions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^forecast of shape \(40, 6\) and observed of shape \(1, 6\): expected"):
        crps_from_paths(PATHS, OBSERVED[np.newaxis, :])


def test_the_parts_of_the_wis_add_up_and_name_the_direction() -> None:
    rng = np.random.default_rng(3)
    quantiles = np.quantile(rng.integers(0, 300, size=(500, 4)), QUANTILE_LEVELS, axis=0)
    observed = np.array([0.0, 1_000.0, 150.0, np.nan])
    parts = wis_parts(quantiles, observed)
    assert list(parts) == ["dispersion", "overprediction", "underprediction"]
    np.testing.assert_allclose(sum(parts.values()), wis(quantiles, observed))
    assert parts["overprediction"][0] > 0 == parts["underprediction"][0]
    assert parts["underprediction"][1] > 0 == parts["overprediction"][1]


@pytest.mark.parametrize("levels", [[0.1, 0.5, 0.8], [0.1, 0.4, 0.6, 0.9]])
def test_parts_need_symmetric_levels_about_the_median(levels: list[float]) -> None:
    with pytest.raises(ValueError, match=r"expected an odd number of them, symmetric about 0\.5"):
        wis_parts(np.zeros((len(levels), 1)), [1.0], levels)


def test_the_pit_of_a_calibrated_forecast_is_uniform_and_shows_a_bias() -> None:
    rng = np.random.default_rng(4)
    paths, observed = rng.poisson(3.0, size=(2_000, 5_000)), rng.poisson(3.0, size=5_000).astype(float)
    values = pit(paths, observed, rng)
    counts, _ = np.histogram(values, bins=10, range=(0, 1))
    assert abs(counts - 500).max() < 90
    assert pit(paths, observed + 2, rng).mean() > 0.7


def test_the_energy_score_is_that_of_scoringrules_and_the_crps_in_one_dimension() -> None:
    rng = np.random.default_rng(5)
    paths, observed = rng.integers(0, 100, size=(60, 3)), np.array([10.0, np.nan, 40.0])
    known = [0, 2]
    expected = scoringrules.es_ensemble(observed[known], paths[:, known].astype(float), estimator="fair")
    assert energy_score(paths, observed) == pytest.approx(float(expected))
    one = energy_score(paths[:, :1], observed[:1])
    assert one == pytest.approx(float(crps_from_paths(paths[:, :1], observed[:1])[0]))
    assert np.isnan(energy_score(paths, [np.nan] * 3))


@pytest.mark.parametrize("largest", [1_000, 10**10])
def test_the_distances_of_paths_are_those_of_scipy_to_the_last_bit(largest: int) -> None:
    """Of counts whose squares are exact, and of such whose squares no double holds."""
    paths = np.random.default_rng(6).integers(0, largest, (130, 28)).astype(float)
    np.testing.assert_array_equal(_distances(paths), pdist(paths))
    np.testing.assert_array_equal(_distances(paths[:2] + 0.1), pdist(paths[:2] + 0.1))


def test_the_brier_score_by_hand() -> None:
    paths = np.array([[100, 500], [100, 100], [450, 100], [0, 0]])
    assert brier_score(paths, [10.0, 400.0], 400) == pytest.approx((0.5 - 1) ** 2)
    assert brier_score(paths, [10.0, 399.0], 400) == pytest.approx(0.5**2)
    assert np.isnan(brier_score(paths, [10.0, np.nan], 400))
    assert brier_score(paths, [np.nan, 900.0], 400) == pytest.approx(0.25)
    # A day of exactly so many drones is such a day, in the paths and in the record.
    assert brier_score(paths, [10.0, 399.0], 450) == pytest.approx(0.5**2)
    assert brier_score(paths, [10.0, 450.0], 500) == pytest.approx(0.25**2)
    assert brier_score(paths, [10.0, 500.0], 500) == pytest.approx(0.75**2)
