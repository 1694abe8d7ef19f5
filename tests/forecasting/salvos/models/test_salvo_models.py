"""What each model claims to know, on made-up histories in which it is true."""

from datetime import date
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.records import QuietDayRule
from forecasting.salvos.model import SimulationRequest, load_model
from forecasting.salvos.models import gradient_boosting
from forecasting.salvos.models.exponential_empirical import ExponentialEmpirical
from forecasting.salvos.models.gradient_boosting import FittedGradientBoosting
from forecasting.salvos.models.ratio_to_level import RatioToLevel
from forecasting.salvos.models.two_regime import TwoRegime, _forward_backward

REQUEST = SimulationRequest(28, 4_000)


def history_of(counts: NDArray[np.float64]) -> LaunchHistory:
    return LaunchHistory(
        "ukraine", "shahed", QuietDayRule.NONE, date(2024, 1, 1), counts.astype(float), np.full(counts.size, np.nan)
    )


def simulate(name: str, counts: NDArray[np.float64], request: SimulationRequest = REQUEST) -> NDArray[np.int64]:
    return load_model(name).fit(history_of(counts)).simulate(request, np.random.default_rng(1))


def test_exponential_empirical_draws_recent_days_more() -> None:
    counts = np.concatenate([np.full(300, 1_000.0), np.full(30, 10.0)])
    paths = (
        ExponentialEmpirical(half_life=30.0, kernel=0.0)
        .fit(history_of(counts))
        .simulate(REQUEST, np.random.default_rng(1))
    )
    assert (paths == 10).mean() == pytest.approx(0.5, abs=0.001)  # thirty days of half-life 30 weigh half of all


def test_seasonal_naive_keeps_weekdays() -> None:
    counts = np.tile(np.arange(7) * 100.0, 20)
    paths = simulate("seasonal_naive", counts)
    np.testing.assert_array_equal(paths, np.tile(np.arange(7) * 100, (REQUEST.n_paths, 4)))


def test_ratio_to_level_makes_up_for_the_lag_of_its_level_and_carries_half_of_the_growth_on() -> None:
    growth = 0.004
    counts = 200.0 * np.exp(growth * np.arange(720))
    level = RatioToLevel().past_ratios(history_of(counts)).level
    assert level.growth == pytest.approx(growth / 2, rel=0.02)
    flat = RatioToLevel(damping=0.0).past_ratios(history_of(counts)).level
    assert level.levels(1)[0] > flat.levels(1)[0]
    assert level.levels(60)[-1] == pytest.approx(level.levels(28)[-1])


def test_ratio_to_level_scales_the_shape_of_the_past_to_the_level_of_today() -> None:
    rng = np.random.default_rng(2)
    shape = np.where(rng.random(720) < 0.15, 3.0, 0.65)
    counts = np.concatenate([np.full(360, 100.0), np.full(360, 400.0)]) * shape
    paths = simulate("ratio_to_level", counts)
    assert np.median(paths) == pytest.approx(0.65 * 400.0, rel=0.2)
    assert (paths > 800).mean() == pytest.approx(0.15, abs=0.06)


def test_two_regime_finds_the_regimes_and_their_switching() -> None:
    rng = np.random.default_rng(3)
    states = np.zeros(1_000, dtype=int)
    for day in range(1, states.size):
        states[day] = rng.random() < (0.7 if states[day - 1] else 0.1)
    counts = np.rint(np.where(states, 400.0, 100.0) * np.exp(0.2 * rng.standard_normal(states.size)))
    fitted = TwoRegime().fit(history_of(counts))
    assert np.exp(fitted.means[1] - fitted.means[0]) == pytest.approx(4.0, rel=0.2)
    assert fitted.transition[0, 1] == pytest.approx(0.1, abs=0.06)
    assert fitted.transition[1, 1] == pytest.approx(0.7, abs=0.15)
    np.testing.assert_allclose(fitted.transition.sum(axis=1), 1.0)
    massed_now = counts[-1] > 200
    assert (fitted.massed_first > 0.4) == massed_now


def test_local_level_follows_a_walk_and_widens() -> None:
    rng = np.random.default_rng(4)
    level = np.log(200.0) + np.cumsum(0.05 * rng.standard_normal(365))
    counts = np.rint(np.exp(level + 0.3 * rng.standard_normal(365)))
    paths = simulate("local_level", counts)
    assert np.log(np.median(paths[:, 0])) == pytest.approx(level[-1], abs=0.25)
    spread = np.log(paths + 1.0).std(axis=0)
    assert spread[-1] > spread[0] * 1.1


def test_log_normal_has_the_mean_and_variance_of_the_negative_binomial() -> None:
    rng = np.random.default_rng(5)
    counts = rng.negative_binomial(4, 4 / (4 + 150.0), size=365).astype(float)
    request = SimulationRequest(1, 50_000)
    normal, binomial = (simulate(name, counts, request)[:, 0] for name in ("log_normal", "negative_binomial"))
    assert normal.mean() == pytest.approx(binomial.mean(), rel=0.02)
    assert normal.std() == pytest.approx(binomial.std(), rel=0.03)
    assert np.quantile(normal, 0.999) > np.quantile(binomial, 0.999)


def test_gradient_boosting_learns_from_the_days_since_the_last_massed_strike() -> None:
    rng = np.random.default_rng(6)
    counts = np.where(np.arange(600) % 5 == 4, 500.0, 100.0) + rng.integers(-20, 21, 600)
    due, just_had = (
        simulate("gradient_boosting", counts[:n_days], SimulationRequest(1, 2_000))[:, 0] for n_days in (599, 600)
    )
    assert (due > 300).mean() > (just_had > 300).mean() + 0.1


def test_gradient_boosting_in_bins_made_once_learns_what_each_quantile_learns_by_itself(
    bundled_history: LaunchHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for history in (bundled_history, bundled_history.until(date(2025, 6, 11))):
        once = load_model("gradient_boosting").fit(history)
        with monkeypatch.context() as patched:
            patched.setattr(gradient_boosting, "_binned", lambda learned, asked, _: (learned, asked))
            by_itself = load_model("gradient_boosting").fit(history)
        assert isinstance(once, FittedGradientBoosting)
        assert isinstance(by_itself, FittedGradientBoosting)
        assert np.array_equal(once.ratios, by_itself.ratios)


def test_the_probabilities_of_the_regimes_are_those_of_all_sequences_of_them() -> None:
    """Forward and backward together, against every sequence of states of six days written out."""
    rng = np.random.default_rng(2)
    likelihood, transition = rng.random((6, 2)), np.array([[0.85, 0.15], [0.7, 0.3]])
    forward, backward = _forward_backward(likelihood, transition)
    chances = np.zeros((6, 2))
    for states in product((0, 1), repeat=6):
        chance = (0.85, 0.15)[states[0]] * likelihood[0, states[0]]
        for day in range(1, 6):
            chance *= transition[states[day - 1], states[day]] * likelihood[day, states[day]]
        chances[np.arange(6), states] += chance
    occupancy = forward * backward
    np.testing.assert_allclose(
        occupancy / occupancy.sum(axis=1, keepdims=True), chances / chances.sum(axis=1, keepdims=True), rtol=1e-12
    )
    np.testing.assert_allclose(forward.sum(axis=1), 1.0, rtol=1e-14)
