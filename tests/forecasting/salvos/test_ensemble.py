"""What the ensemble claims of its totals and of how the level goes on."""

import numpy as np
import pytest

from forecasting.salvos.contract import history_of, salvos
from forecasting.salvos.ensemble import MONTH, FittedSalvoEnsemble, LongDrift, PastSums, SalvoEnsemble
from forecasting.salvos.model import SimulationRequest
from forecasting.salvos.models.local_level import LocalLevel


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
