"""A defence after the record: what its paths meet, what is compared, and the bundled one."""

from collections.abc import Callable

import numpy as np
import pytest

from features.records import SalvoReport
from features.sources.bundled import read_bundled
from forecasting.defence.engagement import engage
from forecasting.defence.layers import Defence
from forecasting.losses.calibrated_defence import Calibration
from forecasting.losses.calibration import calibrate
from forecasting.losses.night_size import NightSizes
from forecasting.losses.reported_losses import ReportedLosses, StatedKills
from forecasting.losses.variation import Variation
from forecasting.salvos.forecast import SalvoForecast
from tests.forecasting.losses.reported_nights import ORIGIN, Defences, firing, jamming, losses, of


@pytest.fixture(scope="module")
def bundled_losses() -> ReportedLosses:
    reports = (row for row in read_bundled().rows if isinstance(row, SalvoReport))
    return ReportedLosses.from_reports(report for report in reports if report.weapon_class == "shahed")


@pytest.fixture(scope="module")
def bundled_calibration(
    bundled_defence: Defence, bundled_losses: ReportedLosses, bundled_kill_shares: tuple[StatedKills, ...]
) -> Calibration:
    return calibrate(bundled_defence, bundled_losses, ORIGIN, stated=bundled_kill_shares)


class TestPaths:
    def test_the_engine_with_the_kill_factors_varies_as_the_record_does(
        self, defence_of: Defences, salvos_of: Callable[..., SalvoForecast]
    ) -> None:
        """Fixed numbers, so that all that varies is the size effect, the drift and chance."""
        defence = defence_of([{**jamming(0.35), "engaged_share": 0.9}, {**firing(0.75), "engaged_share": 0.95}])
        rng = np.random.default_rng(3)
        launched = rng.choice([60, 120, 240, 480], 168)
        sizes = NightSizes.of(launched.astype(float), np.ones(168, dtype=bool))
        share = 1 / (1 + np.exp(-1.4 - 0.5 * (sizes.relative - sizes.centre)))
        precision = (launched - 5.0) / 4.0
        lost = rng.binomial(launched, rng.beta(share * precision, (1 - share) * precision)).astype(float)
        variation = Variation(5.0, 0.15)
        found = calibrate(defence, losses(launched, neutralised=lost), ORIGIN, variation=variation)
        nights = np.tile([60, 480], (4000, 14))
        forecast = salvos_of(nights)
        drawn = found.for_paths(forecast.paths, seed=2)
        factors = {layer.id: drawn.kill_factor for layer in defence.layers}
        leakers = engage(forecast, defence, kill_factors=factors).unlimited.leakers
        for column, night in ((0, 60), (1, 480)):
            lost_nights = 1 - leakers[:, column::2] / night
            size = sizes.effect_of(nights[:1].astype(float))[0][0, column::2]
            expected = found.reported_shares(np.full(14, float(night)), 1, size=size, to_come=True)
            assert lost_nights.mean() == pytest.approx(expected.mean(), abs=0.01)
            # The report's share is that before the binomial chance of single drones.
            chance = (lost_nights * (1 - lost_nights)).mean() / night
            assert lost_nights.var() == pytest.approx(expected.var() + chance, rel=0.1)
        assert (1 - leakers[:, 1::2] / 480).mean() > (1 - leakers[:, ::2] / 60).mean() + 0.1

    def test_a_share_beyond_the_reach_of_all_layers_has_the_highest_factor(self, defence_of: Defences) -> None:
        """Half of the drones are in reach, .45 are lost on average; on many nights chance wants more than half."""
        defence = defence_of([{**firing(0.9), "engaged_share": 0.5}])
        record = losses(np.full(28, 60), neutralised=np.full(28, 27.0))
        found = calibrate(defence, record, ORIGIN, variation=Variation(6.0, 0.1))
        factors = found.for_paths(np.full((500, 28), 60), seed=1).kill_factor
        assert (factors == 5.0).mean() > 0.2

    def test_levels_are_calibrated_draws_each_about_as_often(self, bundled_calibration: Calibration) -> None:
        posterior = bundled_calibration.posterior
        drawn = bundled_calibration.for_paths(np.full((2 * posterior.n_draws, 3), 100), seed=1)
        for ours, theirs in zip(drawn.levels, posterior.levels, strict=True):
            for quantity, levels in ours.items():
                assert sorted(levels.tolist()) == sorted([*theirs[quantity].tolist()] * 2)
        assert ((drawn.kill_factor >= 0) & np.isfinite(drawn.kill_factor)).all()

    def test_a_night_without_drones_is_no_trouble(self, bundled_calibration: Calibration) -> None:
        drawn = bundled_calibration.for_paths(np.zeros((5, 4), dtype=np.int64), seed=1)
        assert np.isfinite(drawn.kill_factor).all()


class TestTheBundledDefence:
    def test_the_reported_share_of_the_last_nights_is_covered(self, bundled_calibration: Calibration) -> None:
        compared = of(bundled_calibration.periods, "last_nights")
        low, _, high = compared.posterior
        assert low <= compared.low <= high
        assert compared.low == pytest.approx(0.872, abs=0.001)

    def test_large_nights_are_covered_that_the_file_alone_misses(self, bundled_calibration: Calibration) -> None:
        compared = of(bundled_calibration.periods, "large_nights")
        low, _, high = compared.posterior
        assert compared.prior[2] < compared.low
        assert low <= compared.low <= high

    def test_limits_of_the_layers_alone_could_not_explain_large_nights(
        self, bundled_defence: Defence, bundled_losses: ReportedLosses
    ) -> None:
        found = calibrate(bundled_defence, bundled_losses, ORIGIN, size_effect=0.0)
        compared = of(found.periods, "large_nights")
        assert compared.posterior[2] < compared.low - 0.02

    def test_the_share_of_interceptor_drones_is_the_stated_one(self, bundled_calibration: Calibration) -> None:
        (compared,) = bundled_calibration.kill_shares
        assert (compared.counts, compared.layer_id) == ("kills", "interceptor_drone")
        assert compared.low <= compared.posterior[1] <= compared.high

    def test_draws_stay_in_their_ranges_and_are_worth_hundreds(self, bundled_calibration: Calibration) -> None:
        assert 500 < bundled_calibration.effective_sample_size < bundled_calibration.posterior.n_draws
        for layer, drawn in zip(
            bundled_calibration.defence.layers,
            bundled_calibration.posterior.values(bundled_calibration.defence),
            strict=True,
        ):
            for quantity, values in drawn.items():
                stated = layer.ranges[quantity]
                assert stated.low <= values.min() <= values.max() <= stated.high

    def test_the_same_seed_gives_the_same_draws(self, bundled_defence: Defence, bundled_losses: ReportedLosses) -> None:
        first, second = (calibrate(bundled_defence, bundled_losses, ORIGIN, n_draws=300, seed=7) for _ in range(2))
        assert first.posterior.size_effect.tobytes() == second.posterior.size_effect.tobytes()
        assert first.quantities == second.quantities
