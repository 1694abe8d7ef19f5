"""What the ensemble claims of its totals and of how the level goes on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from features.errors import InputError
from forecasting.record.scores import pinball_loss
from forecasting.salvos.contract import LAWS, history_of, salvos
from forecasting.salvos.ensemble import (
    CRPS_LEVELS,
    MONTH,
    FittedSalvoEnsemble,
    LearnedWeights,
    LongDrift,
    PastFolds,
    PastSums,
    SalvoEnsemble,
    learn_weights,
)
from forecasting.salvos.model import SimulationRequest
from forecasting.salvos.models.exponential_empirical import ExponentialEmpirical
from forecasting.salvos.models.local_level import LocalLevel
from forecasting.salvos.recipe import Recipe, parameters_of
from forecasting.salvos.saved import recipe_document, recipe_from


@pytest.fixture(scope="module")
def fitted() -> FittedSalvoEnsemble:
    return SalvoEnsemble().fit(history_of(salvos(400)))


def test_the_long_walk_keeps_the_mean_of_the_level() -> None:
    """A martingale: without the correction the mean would grow by half in a year at this walk."""
    request = SimulationRequest(365, 50_000)
    factors = LongDrift(walk=0.05).factors(request, np.random.default_rng(1))
    assert (factors[:, :MONTH] == 1.0).all()
    np.testing.assert_allclose(factors[:, [60, 180, 364]].mean(axis=0), 1.0, atol=0.03)
    assert np.log(factors[:, -1]).std() == pytest.approx(0.05 * np.sqrt(365 - MONTH), rel=0.02)


def test_past_sums_are_relative_to_the_level_before_them_without_their_growth() -> None:
    """A level that grows by a constant share each day has sums that are all alike relative to it."""
    growing = history_of(50.0 * np.exp(0.001 * np.arange(600)))
    sums = PastSums.of(growing)
    assert sums is not None
    assert np.abs(sums.log_ratios).max() < 0.02
    assert sums.spread_over(np.array([90.0, 100.0, 110.0])) == pytest.approx([100.0] * 3, rel=0.02)


def test_past_sums_know_how_much_sums_have_varied() -> None:
    """Months that are by turns at 50 and at 150 a day."""
    months = np.repeat(np.tile([50.0, 150.0], 12), MONTH)
    sums = PastSums.of(history_of(months))
    assert sums is not None
    totals = np.linspace(99.0, 101.0, 1_001)
    spread = sums.spread_over(totals)
    assert (np.argsort(spread, kind="stable") == np.argsort(totals)).all()
    assert np.quantile(spread, 0.9) / np.quantile(spread, 0.1) > 1.5
    assert np.median(spread) == pytest.approx(100.0, rel=0.02)


def test_a_history_of_two_months_has_no_past_sums() -> None:
    assert PastSums.of(history_of(salvos(80))) is None


def test_totals_are_wider_after_months_that_varied(fitted: FittedSalvoEnsemble) -> None:
    """The same last months, with and without the wide past of the sums."""
    request = SimulationRequest(MONTH, 2_000)
    narrow = np.zeros(2)
    assert fitted.sums is not None
    wide = PastSums(fitted.sums.log_ratios * 4.0, fitted.sums.probabilities)
    flat = PastSums(narrow, np.array([0.25, 0.75]))
    spreads = []
    for sums in (flat, fitted.sums, wide):
        made = FittedSalvoEnsemble(fitted.members, fitted.level, sums, fitted.drift)
        totals = made.simulate(request, np.random.default_rng(1)).sum(axis=1)
        spreads.append(np.log(totals).std())
    assert spreads[0] < spreads[1] < spreads[2]


def test_the_days_keep_nearly_their_own_distributions(fitted: FittedSalvoEnsemble) -> None:
    request = SimulationRequest(MONTH, 4_000)
    without = FittedSalvoEnsemble(fitted.members, fitted.level, None, fitted.drift)
    ours, plain = (
        np.quantile(made.simulate(request, np.random.default_rng(1)), [0.1, 0.5, 0.9], axis=0).mean(axis=1)
        for made in (fitted, without)
    )
    np.testing.assert_allclose(ours, plain, rtol=0.06)


def test_a_path_that_starts_high_stays_high_as_long_as_the_level_does(fitted: FittedSalvoEnsemble) -> None:
    """Of independent days the two halves of a month would not go together."""
    paths = fitted.simulate(SimulationRequest(MONTH, 4_000), np.random.default_rng(1))
    together = np.corrcoef(paths[:, :14].sum(axis=1), paths[:, 14:].sum(axis=1))[0, 1]
    assert together > 0.2


def test_the_level_in_the_order_is_that_of_half_a_year() -> None:
    """A level that moved until half a year ago and stands still since is taken to stand still."""
    rng = np.random.default_rng(3)
    moving = np.exp(np.log(100.0) + (0.12 * rng.standard_normal(300)).cumsum() * 0.5)
    history = history_of(np.r_[moving, np.full(180, moving[-1])] * rng.lognormal(0.0, 0.3, 480))
    level = SalvoEnsemble().fit(history).level
    assert level is not None
    assert level.walk < LocalLevel().fit(history).walk


def test_weights_are_shares_of_the_members_in_each_days_values(fitted: FittedSalvoEnsemble) -> None:
    """All weight on one member: its own values, in whatever order. Equal weights told: the values of equal ones."""
    request = SimulationRequest(MONTH, 300)
    plain = replace(fitted, level=None, sums=None)
    alone = replace(plain, weights=np.array([[0.0], [0.0], [1.0], [0.0]])).simulate(request, np.random.default_rng(1))
    own = fitted.members[2].simulate(request, np.random.default_rng(1).spawn(8)[6])
    np.testing.assert_array_equal(np.sort(alone, axis=0), np.sort(own, axis=0))
    equal = replace(plain, weights=np.full((4, 1), 0.25)).simulate(request, np.random.default_rng(1))
    np.testing.assert_allclose(equal, plain.simulate(request, np.random.default_rng(1)), atol=1)
    assert SalvoEnsemble(weights=(2, 1, 1, 0))._weights(history_of(salvos(60))) == pytest.approx(
        np.array([[0.5], [0.25], [0.25], [0.0]])
    )


def made_up_folds(n_days: int = 300) -> PastFolds:
    """Two members: one that knows the distribution of the days, and one at twice of it; of the upper half of the
    distribution it is the other way round."""
    rng = np.random.default_rng(4)
    true = norm.ppf(CRPS_LEVELS, 100, 20)
    wrong = 2 * true
    upper = CRPS_LEVELS > 0.5
    quantiles = np.array([np.where(upper, wrong, true), np.where(upper, true, wrong)])
    return PastFolds(np.repeat(quantiles[:, :, np.newaxis], n_days, axis=2), rng.normal(100, 20, n_days), 12)


def test_learned_weights_are_those_of_least_crps_and_shrink_towards_equal_ones() -> None:
    """Two parts: each has the member that is right there. One part: as good as the best of a fine grid."""
    folds = made_up_folds()
    apart = learn_weights(folds, LearnedWeights(shrinkage=0.0, parts=2))
    assert apart == pytest.approx(np.eye(2), abs=0.05)
    half = learn_weights(folds, LearnedWeights(shrinkage=0.5, parts=2))
    assert half == pytest.approx((apart + 0.5) / 2.0)
    assert learn_weights(folds, LearnedWeights(shrinkage=1.0)) == pytest.approx(np.full((2, 1), 0.5))

    def crps(weight: float) -> float:
        quantiles = weight * folds.quantiles[0] + (1 - weight) * folds.quantiles[1]
        return float(2 * pinball_loss(quantiles, folds.came, CRPS_LEVELS).mean())

    learned = learn_weights(folds, LearnedWeights(shrinkage=0.0))
    assert learned is not None
    assert crps(learned[0, 0]) <= min(map(crps, np.linspace(0, 1, 201))) + 1e-3
    assert learn_weights(replace(folds, n_folds=3), LearnedWeights()) is None


def test_an_ensemble_that_learns_its_weights_keeps_the_laws_and_is_saved_with_them() -> None:
    few = LearnedWeights(folds=4, every=28, n_paths=40)
    model = SalvoEnsemble(
        members=(ExponentialEmpirical(20.0), ExponentialEmpirical(60.0)), weights=few, model_id="learner"
    )
    for law in ("a planted future moves no forecast", "what is saved answers as before"):
        LAWS[law](model)
    learnt = model.fit(history_of(salvos(300))).weights
    assert learnt is not None
    assert learnt.sum() == pytest.approx(1.0)
    assert not np.allclose(learnt, 0.5)
    assert model.fit(history_of(salvos(80))).weights is None  # too short for folds
    assert "shrinkage=0.5" in parameters_of(model)["weights"]
    assert recipe_from(recipe_document(model)) == model
    assert Recipe.of(model).digest != Recipe.of(replace(model, weights=None)).digest
    assert "weights" not in recipe_document(SalvoEnsemble())["fields"]  # as it was told before there were any


@pytest.mark.parametrize("given", [(1.0, 1.0), (-1.0, 1.0, 1.0, 1.0), (0.0,) * 4, (np.nan, 1.0, 1.0, 1.0)])
def test_weights_that_are_none_are_refused(given: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="expected one for each of the 4 members, 0 or more, not all 0"):
        SalvoEnsemble(weights=given)
    with pytest.raises(InputError, match="expected whole numbers from 1, and a shrinkage from 0 to 1"):
        LearnedWeights(shrinkage=1.5)
