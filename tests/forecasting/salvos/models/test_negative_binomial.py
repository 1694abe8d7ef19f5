"""Negative-binomial regression: it finds the numbers that made the data, and statsmodels' IRLS finds the same."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import nbinom
from statsmodels.api import GLM
from statsmodels.genmod.families import NegativeBinomial

from features.errors import InputError
from features.history import LaunchHistory
from features.matrix import level_matrix
from forecasting.salvos.model import ModelError, SimulationRequest
from forecasting.salvos.models.negative_binomial import (
    HALF_LIVES,
    WINDOW,
    FittedNegativeBinomial,
    NegativeBinomialRegression,
)

HistoryOf = Callable[[ArrayLike], LaunchHistory]
COEFFICIENTS = np.array([1.4, 0.3, 0.4])
DISPERSION = 0.25


def made_by(coefficients: NDArray[np.float64], dispersion: float, n_days: int, seed: int) -> NDArray[np.float64]:
    """(n_days,) counts of the model written out anew: one day after the other, by its formula."""
    rng = np.random.default_rng(seed)
    short = long = 100.0
    counts = np.empty(n_days)
    for day in range(n_days):
        mean = np.exp(coefficients @ [1.0, np.log1p(short), np.log1p(long)])
        counts[day] = rng.poisson(mean * rng.gamma(1 / dispersion, dispersion))
        short += (1 - 0.5 ** (1 / 7)) * (counts[day] - short)
        long += (1 - 0.5 ** (1 / 28)) * (counts[day] - long)
    return counts


def fitted(history: LaunchHistory) -> FittedNegativeBinomial:
    return NegativeBinomialRegression().fit(history)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_parameters_that_made_the_data_are_recovered(seed: int, history_of: HistoryOf) -> None:
    counts = made_by(COEFFICIENTS, DISPERSION, 1_500, seed)
    found = fitted(history_of(counts))
    matrix = level_matrix(counts, HALF_LIVES)
    predictors, response = matrix.predictors[-WINDOW:], matrix.response[-WINDOW:]
    # The standard errors of the truth: what 365 days can tell, whatever the fit says of itself.
    oracle = GLM(response, predictors, family=NegativeBinomial(alpha=DISPERSION)).fit()
    assert np.all(np.abs(found.coefficients - COEFFICIENTS) < 4 * oracle.bse)
    assert found.dispersion == pytest.approx(DISPERSION, rel=0.35)
    # The two levels share their effect; the expected count of tomorrow is known far better than either.
    truth = np.exp(COEFFICIENTS @ [1.0, *np.log1p(found.levels)])
    assert np.exp(found.coefficients @ [1.0, *np.log1p(found.levels)]) == pytest.approx(truth, rel=0.25)


def test_iteratively_reweighted_least_squares_finds_the_same_maximum(bundled_history: LaunchHistory) -> None:
    found = fitted(bundled_history)
    matrix = level_matrix(bundled_history.launched, HALF_LIVES)
    predictors, response = matrix.predictors[-WINDOW:], matrix.response[-WINDOW:]
    oracle = GLM(response, predictors, family=NegativeBinomial(alpha=found.dispersion)).fit(tol=1e-12)
    np.testing.assert_allclose(found.coefficients, oracle.params, rtol=2e-3, atol=2e-3)

    means = np.exp(predictors @ found.coefficients)

    def minus_log_likelihood(log_dispersion: float) -> float:
        shape = np.exp(-log_dispersion)
        return -float(nbinom.logpmf(response, shape, shape / (shape + means)).sum())

    best = minimize_scalar(minus_log_likelihood, bounds=(-5, 3), method="bounded")
    assert found.dispersion == pytest.approx(np.exp(best.x), rel=1e-2)


def test_the_first_day_has_the_mean_and_the_variance_of_the_formula() -> None:
    n_paths = 50_000
    known = FittedNegativeBinomial(
        np.array([0.2, 0.6, 0.3]), 0.4, np.array([90.0, 60.0]), largest_mean=1e9, smallest_mean=0.0
    )
    paths = known.simulate(SimulationRequest(1, n_paths), np.random.default_rng(1))
    mean = np.exp(0.2) * 91**0.6 * 61**0.3
    variance = mean + 0.4 * mean**2
    assert abs(paths.mean() - mean) < 5 * np.sqrt(variance / n_paths)
    # The fourth moment of this gamma mixture makes the sample variance's standard error about 2.5 of a normal's.
    assert paths.var() == pytest.approx(variance, rel=5 * 2.5 * np.sqrt(2 / n_paths))


def test_what_is_drawn_feeds_the_levels_of_the_next_day() -> None:
    """With exp(0) (1 + level), the expectation of day 2 is linear in day 1 and known exactly."""
    n_paths, level = 50_000, 50.0
    known = FittedNegativeBinomial(
        np.array([0.0, 1.0, 0.0]), 1e-6, np.array([level, level]), largest_mean=1e9, smallest_mean=0.0
    )
    paths = known.simulate(SimulationRequest(2, n_paths), np.random.default_rng(1))
    decay = 0.5 ** (1 / 7)
    expected = 1 + decay * level + (1 - decay) * (1 + level)
    assert abs(paths[:, 1].mean() - expected) < 5 * np.sqrt(1.1 * expected / n_paths)
    slope = np.cov(paths[:, 0], paths[:, 1])[0, 1] / paths[:, 0].var()
    assert slope == pytest.approx(1 - decay, abs=5 / np.sqrt(n_paths))


def test_the_long_level_forgets_more_slowly() -> None:
    n_paths = 50_000
    known = FittedNegativeBinomial(
        np.array([0.0, 0.0, 1.0]), 1e-6, np.array([50.0, 50.0]), largest_mean=1e9, smallest_mean=0.0
    )
    paths = known.simulate(SimulationRequest(2, n_paths), np.random.default_rng(1))
    slope = np.cov(paths[:, 0], paths[:, 1])[0, 1] / paths[:, 0].var()
    assert slope == pytest.approx(1 - 0.5 ** (1 / 28), abs=5 / np.sqrt(n_paths))


def test_a_path_cannot_run_away() -> None:
    runaway = FittedNegativeBinomial(
        np.array([3.0, 1.0, 1.0]), 0.3, np.array([100.0, 100.0]), largest_mean=500.0, smallest_mean=0.0
    )
    paths = runaway.simulate(SimulationRequest(730, 200), np.random.default_rng(1))
    assert paths.mean() == pytest.approx(500.0, rel=0.02)


def test_the_expected_count_never_leaves_what_was_seen(history_of: HistoryOf) -> None:
    counts = made_by(COEFFICIENTS, DISPERSION, 800, 1)
    counts[100] = 50_000  # before the window of the fit
    assert fitted(history_of(counts)).largest_mean == counts[-WINDOW:].max()


def test_only_the_last_year_is_learnt_from(history_of: HistoryOf) -> None:
    """The level of the year before still shows in the first rows, so it is left as it is but for its order."""
    counts = made_by(COEFFICIENTS, DISPERSION, 3_000, 1)
    other = counts.copy()
    other[:1_000] = made_by(np.array([3.0, 0.3, 0.3]), 1.0, 1_000, 2)
    np.testing.assert_allclose(
        fitted(history_of(counts)).coefficients, fitted(history_of(other)).coefficients, atol=1e-6
    )


def test_fewer_than_60_known_days_are_refused(history_of: HistoryOf) -> None:
    counts = np.r_[np.full(100, np.nan), made_by(COEFFICIENTS, DISPERSION, 59, 1)]
    with pytest.raises(InputError, match="needs at least 60 known attack days, the history until 2026-02-28 has 59"):
        fitted(history_of(counts))


def test_nothing_but_quiet_days_is_a_named_failure(history_of: HistoryOf) -> None:
    with pytest.raises(ModelError, match="negative_binomial cannot learn from days that are all 0"):
        fitted(history_of(np.zeros(200)))


def test_a_fit_that_does_not_converge_is_a_named_failure(
    history_of: HistoryOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from statsmodels.discrete import discrete_model

    original = discrete_model.NegativeBinomial.fit

    def give_up(self: object, **_: object) -> object:
        return original(self, disp=0, maxiter=1)

    monkeypatch.setattr(discrete_model.NegativeBinomial, "fit", give_up)
    with pytest.raises(ModelError, match="did not converge on the history until 2026-02-28"):
        fitted(history_of(made_by(COEFFICIENTS, DISPERSION, 400, 1)))
