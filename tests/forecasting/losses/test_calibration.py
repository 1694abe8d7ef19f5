"""The ranges of a defence after the record: against closed forms, planted truth, and the engine itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, betabinom

from features.errors import InputError
from features.messages import Message
from forecasting.defence.engagement import engage
from forecasting.defence.expected_kills import expected_kill_shares
from forecasting.defence.layers import Defence
from forecasting.losses.calibration import calibrate
from forecasting.losses.night_size import NightSizes
from forecasting.losses.reported_losses import ReportedLosses, StatedKills, parse_kill_shares
from forecasting.losses.variation import BLOCK_DAYS, Variation, fitted_variation
from forecasting.salvos.forecast import SalvoForecast
from tests.forecasting.losses.reported_nights import (
    ALMOST_BINOMIAL,
    NO_LIMIT,
    ORIGIN,
    STEADY,
    Defences,
    firing,
    jamming,
    joined,
    kill_draws,
    losses,
    lost_share,
    of,
)


class TestClosedForms:
    def test_one_layer_and_binomial_counts_have_the_conjugate_posterior(self, defence_of: Defences) -> None:
        """The triangular distribution that rises from 0 to 1 is Beta(2, 1)."""
        record = losses([12, 8], neutralised=[9, 6])
        found = calibrate(
            defence_of([firing((0.0, 1.0, 1.0))]), record, ORIGIN, variation=ALMOST_BINOMIAL, size_effect=0.0
        )
        expected = beta(2 + 15, 1 + 5)
        assert np.quantile(kill_draws(found), [0.1, 0.5, 0.9]) == pytest.approx(
            expected.ppf([0.1, 0.5, 0.9]), abs=0.012
        )
        assert kill_draws(found).std() == pytest.approx(expected.std(), rel=0.06)

    def test_one_layer_and_overdispersed_counts_have_the_posterior_of_the_beta_binomial(
        self, defence_of: Defences
    ) -> None:
        launched, lost, phi = np.array([13, 20, 60]), np.array([11, 12, 50]), 6.0
        record = losses(launched, neutralised=lost)
        found = calibrate(
            defence_of([firing((0.0, 0.0, 1.0))]), record, ORIGIN, variation=Variation(phi, 0.2), size_effect=0.0
        )
        share = np.linspace(0.001, 0.999, 2000)
        precision = (launched - phi) / (phi - 1)
        fits = betabinom.logpmf(
            lost[:, np.newaxis],
            launched[:, np.newaxis],
            precision[:, np.newaxis] * share,
            precision[:, np.newaxis] * (1 - share),
        )
        mass = (1 - share) * np.exp(fits.sum(axis=0) - fits.sum(axis=0).max())
        mass /= mass.sum()
        mean = mass @ share
        assert kill_draws(found).mean() == pytest.approx(mean, abs=0.004)
        assert kill_draws(found).std() == pytest.approx(np.sqrt(mass @ (share - mean) ** 2), rel=0.06)

    def test_counts_told_apart_are_two_binomials_one_after_the_other(self, defence_of: Defences) -> None:
        """Without overdispersion: of 40 drones 10 are suppressed, and of the 30 left 24 shot down."""
        record = losses([40], shot_down=[24], suppressed=[10], neutralised=[34])
        defence = defence_of([jamming((0.0, 1.0, 1.0)), firing((0.0, 1.0, 1.0))])
        found = calibrate(defence, record, ORIGIN, variation=ALMOST_BINOMIAL, size_effect=0.0)
        assert kill_draws(found, 0).mean() == pytest.approx(beta(2 + 10, 1 + 30).mean(), abs=0.006)
        assert kill_draws(found, 1).mean() == pytest.approx(beta(2 + 24, 1 + 6).mean(), abs=0.006)
        correlation = np.corrcoef(kill_draws(found, 0), kill_draws(found, 1))[0, 1]
        assert abs(correlation) < 0.1

    def test_older_blocks_tell_of_the_present_only_through_their_drift(self, defence_of: Defences) -> None:
        """A night k blocks ago knows the logit of today's share by k steps, and by its own chance."""
        drift, blocks = 0.3, 3
        record = losses([1_000], neutralised=[500], last_day=ORIGIN - timedelta(days=blocks * BLOCK_DAYS))
        found = calibrate(
            defence_of([firing((0.0, 0.5, 1.0))]), record, ORIGIN, variation=Variation(1.01, drift), size_effect=0.0
        )
        share = np.linspace(0.001, 0.999, 4000)
        step = np.log(share / (1 - share))
        mass = np.minimum(share, 1 - share) * np.exp(-0.5 * step**2 / (blocks * drift**2 + 4 / 1_000))
        deviation = np.sqrt((mass / mass.sum()) @ (share - 0.5) ** 2)
        assert kill_draws(found).std() == pytest.approx(deviation, rel=0.06)


class TestReportingStyles:
    @pytest.fixture
    def defence(self, defence_of: Defences) -> Defence:
        return defence_of([jamming((0.1, 0.4, 0.7)), firing((0.2, 0.5, 0.9))])

    @pytest.fixture
    def told_apart(self) -> ReportedLosses:
        """Eight weeks in which of 100 drones 30 were suppressed and 49 shot down, give or take."""
        rng = np.random.default_rng(4)
        shares = rng.dirichlet(np.array([0.49, 0.30, 0.21]) * 32, 56)
        counts = np.array([rng.multinomial(100, share) for share in shares], dtype=float)
        return losses(np.full(56, 100), counts[:, 0], counts[:, 1], counts[:, :2].sum(axis=1))

    def in_style(self, record: ReportedLosses, style: str, nights: slice) -> ReportedLosses:
        chosen = np.zeros(record.days.size, dtype=bool)
        chosen[nights] = True
        hidden = {"merged": ("shot_down", "suppressed"), "shot_down_only": ("suppressed", "neutralised")}[style]
        return replace(record, **{name: np.where(chosen, np.nan, getattr(record, name)) for name in hidden})

    @pytest.mark.parametrize("style", ["merged", "shot_down_only"])
    @pytest.mark.parametrize("nights", [slice(0, 28), slice(28, 56)])
    def test_a_change_of_style_does_not_move_the_posterior(
        self, defence: Defence, told_apart: ReportedLosses, style: str, nights: slice
    ) -> None:
        changed = self.in_style(told_apart, style, nights)
        before, after = (calibrate(defence, record, ORIGIN, variation=STEADY) for record in (told_apart, changed))
        for layer in (0, 1):
            assert kill_draws(after, layer).mean() == pytest.approx(kill_draws(before, layer).mean(), abs=0.02)
        assert lost_share(after).mean() == pytest.approx(lost_share(before).mean(), abs=0.01)

    def test_a_style_that_is_misread_would_move_it(self, defence: Defence, told_apart: ReportedLosses) -> None:
        misread = replace(told_apart, neutralised=told_apart.shot_down, suppressed=np.full(56, np.nan))
        before, after = (calibrate(defence, record, ORIGIN, variation=STEADY) for record in (told_apart, misread))
        assert lost_share(after).mean() < lost_share(before).mean() - 0.1

    def test_shot_down_only_tells_fire_from_jamming_no_better_than_its_sum_allows(self, defence_of: Defences) -> None:
        """Fire comes second: 35 shot down of 100 is fire of .5 behind jamming of .3, or of .7 behind .5."""
        defence = defence_of([jamming((0.1, 0.4, 0.7)), firing((0.2, 0.5, 0.9))])
        n = 120
        record = losses(np.full(n, 100), shot_down=np.full(n, 35.0))
        found = calibrate(defence, record, ORIGIN, variation=STEADY, size_effect=0.0)
        jam, fire = kill_draws(found, 0), kill_draws(found, 1)
        assert ((1 - jam) * fire).mean() == pytest.approx(0.35, abs=0.01)
        assert ((1 - jam) * fire).std() < 0.02
        assert jam.std() > 0.08
        assert of(found.periods, "last_nights").counts == "shot_down"


class TestNoLookAhead:
    def test_nights_after_the_origin_change_nothing(self, defence_of: Defences) -> None:
        defence = defence_of([jamming((0.1, 0.4, 0.7)), firing((0.2, 0.5, 0.9))])
        known = losses(np.full(40, 100), neutralised=np.linspace(60, 90, 40))
        spike = losses(np.full(30, 900), neutralised=np.zeros(30), last_day=ORIGIN + timedelta(days=30))
        before, after = (calibrate(defence, record, ORIGIN) for record in (known, joined(known, spike)))
        assert before.variation == after.variation
        assert before.quantities == after.quantities
        assert before.periods == after.periods

    def test_a_share_published_after_the_origin_is_left_out_and_told(self, defence_of: Defences) -> None:
        defence = defence_of([jamming((0.1, 0.4, 0.7)), firing((0.2, 0.5, 0.9))])
        record = losses(np.full(40, 100), neutralised=np.full(40, 80.0))
        late = StatedKills("electronic_warfare", "lost", 0.9, 0.92, ORIGIN, ORIGIN, ORIGIN + timedelta(days=1))
        without, with_late = (calibrate(defence, record, ORIGIN, stated=stated) for stated in ((), (late,)))
        assert with_late.quantities == without.quantities
        assert with_late.kill_shares == ()
        assert Message.of("kill_shares_left_out", late=1, all=1) in with_late.notes

    def test_a_defence_that_is_later_than_the_origin_is_told(self, bundled_defence: Defence) -> None:
        record = losses(np.full(40, 100), neutralised=np.full(40, 80.0), last_day=date(2025, 3, 31))
        notes = calibrate(bundled_defence, record, date(2025, 3, 31), n_draws=200).notes
        assert Message.of("defence_after_origin", day="2026-10-07", origin="2025-03-31") in notes


class TestPlantedTruth:
    def test_the_truth_lies_in_four_of_five_intervals(self, defence_of: Defences) -> None:
        """Truths drawn from the prior, records from the truths: the share of 80 % intervals that cover is 80 %."""
        defence = defence_of([jamming((0.1, 0.4, 0.7)), firing((0.2, 0.5, 0.9))])
        rng = np.random.default_rng(8)
        n, phi, n_truths = 84, 5.0, 60
        covered = {"jam": 0, "fire": 0, "size": 0}
        narrower = []
        for number in range(n_truths):
            jam, fire = rng.triangular(0.1, 0.4, 0.7), rng.triangular(0.2, 0.5, 0.9)
            size = 0.5 * rng.standard_normal()
            launched = rng.choice([60, 120, 240, 480], n)
            sizes = NightSizes.of(launched.astype(float), np.ones(n, dtype=bool))
            lost = 1 - (1 - jam) * (1 - fire)
            drift = np.repeat(np.cumsum([0, *(0.2 * rng.standard_normal(2))]), BLOCK_DAYS)[::-1]
            odds = lost / (1 - lost) * np.exp(size * (sizes.relative - sizes.centre) + drift)
            share = odds / (1 + odds)
            kinds = np.stack([share * (1 - jam / lost), share * jam / lost, 1 - share], axis=1)
            counts = np.array(
                [
                    rng.multinomial(night, rng.dirichlet(kind * (night - phi) / (phi - 1)))
                    for night, kind in zip(launched, kinds, strict=True)
                ],
                dtype=float,
            )
            record = losses(launched, counts[:, 0], counts[:, 1], counts[:, :2].sum(axis=1))
            found = calibrate(defence, record, ORIGIN, variation=Variation(phi, 0.2), n_draws=1000, seed=number)
            updated = dict(zip(("jam", "fire", "size"), found.quantities, strict=True))
            for name, truth in (("jam", jam), ("fire", fire), ("size", size)):
                low, _, high = updated[name].posterior
                covered[name] += low <= truth <= high
            narrower.append(np.ptp(updated["jam"].posterior) / np.ptp(updated["jam"].prior))
        # 60 binomial trials at .8: 39 to 56 with 99.9 %.
        assert all(39 <= count <= 56 for count in covered.values()), covered
        assert np.mean(narrower) < 0.4

    def test_what_chance_explains_is_no_drift(self) -> None:
        """Blocks of small nights without any drift: what is left is the usual one, outweighed by nine steps or so."""
        rng = np.random.default_rng(6)
        found = []
        for _ in range(8):
            launched = np.full(364, 40)
            lost = rng.binomial(launched, rng.beta(0.8 * 6.8, 0.2 * 6.8, 364))
            found.append(fitted_variation(losses(launched, neutralised=lost.astype(float)), ORIGIN).drift)
        assert np.mean(found) < 0.26

    def test_variation_is_recovered_from_simulated_nights(self) -> None:
        rng = np.random.default_rng(5)
        found = []
        for _ in range(8):
            launched = rng.choice([60, 120, 240, 480], 364)
            drift = np.repeat(np.cumsum(0.3 * rng.standard_normal(13)), BLOCK_DAYS)
            share = 1 / (1 + np.exp(-1.5 - drift - 0.4 * np.log(launched / 200)))
            precision = (launched - 6.0) / 5.0
            lost = rng.binomial(launched, rng.beta(share * precision, (1 - share) * precision))
            found.append(fitted_variation(losses(launched, neutralised=lost.astype(float)), ORIGIN))
        assert np.mean([each.overdispersion for each in found]) == pytest.approx(6.0, rel=0.1)
        assert np.mean([each.drift for each in found]) == pytest.approx(0.3, rel=0.2)


class TestStatedShares:
    @pytest.fixture
    def defence(self, defence_of: Defences) -> Defence:
        return defence_of([firing((0.1, 0.4, 0.7)), firing((0.2, 0.5, 0.9))])

    @pytest.fixture
    def record(self) -> ReportedLosses:
        return losses(np.full(60, 100), neutralised=np.full(60, 80.0))

    def stated(self, low: float, high: float, last_day: date = ORIGIN) -> StatedKills:
        return StatedKills("a", "lost", low, high, last_day - timedelta(days=20), last_day, last_day, "X1")

    def test_the_kills_of_a_layer_come_to_the_share_that_is_stated(
        self, defence: Defence, record: ReportedLosses
    ) -> None:
        """The neutralised share alone leaves open who killed; 28 to 32 % settles it."""
        found = calibrate(defence, record, ORIGIN, stated=[self.stated(0.28, 0.32)])
        (compared,) = found.kill_shares
        assert (compared.period, compared.counts) == (Message.of("published_share", source="X1"), "kills")
        assert (compared.layer_id, compared.low, compared.high) == ("a", 0.28, 0.32)
        assert np.ptp(compared.prior) > 0.25
        assert compared.posterior == pytest.approx((0.28, 0.30, 0.32), abs=0.015)
        assert lost_share(found).mean() == pytest.approx(0.8, abs=0.02)

    def test_a_share_of_long_ago_says_nothing(self, defence: Defence, record: ReportedLosses) -> None:
        old = self.stated(0.28, 0.32, ORIGIN - timedelta(days=100))
        with_old, without = (calibrate(defence, record, ORIGIN, stated=stated) for stated in ([old], []))
        assert with_old.quantities == without.quantities

    def test_shares_of_what_was_shot_down_leave_jamming_out(self, defence_of: Defences) -> None:
        defence = defence_of([jamming(0.5), firing((0.1, 0.4, 0.7)), firing((0.2, 0.5, 0.9))])
        record = losses(np.full(60, 100), neutralised=np.full(60, 85.0))
        for kind, share in (("shot_down", 0.6), ("lost", 0.6 * 35 / 85)):
            stated = StatedKills("b", kind, share - 0.01, share + 0.01, ORIGIN, ORIGIN, ORIGIN)
            found = calibrate(defence, record, ORIGIN, stated=[stated])
            # Of 50 drones that jamming leaves, .35/.5 are lost, and of those .6 to layer b.
            assert kill_draws(found, 1).mean() == pytest.approx(0.6 * 0.35 / 0.5, abs=0.02)

    def test_the_bundled_shares_are_of_layers_and_sources_that_the_bundled_defence_has(
        self, bundled_kill_shares: tuple[StatedKills, ...], bundled_defence: Defence
    ) -> None:
        sources = {source.id: source.date for source in bundled_defence.sources} | {"D008": date(2024, 6, 25)}
        assert bundled_kill_shares
        for stated in bundled_kill_shares:
            bundled_defence.layer(stated.layer_id)
            assert stated.published == sources[stated.source]
            assert stated.last_day <= stated.published

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("a,lost,0.3,x,2026-01-01,2026-01-31,2026-02-01,X", "row 1: could not convert"),
            ("a,lost,0.3,0.2,2026-01-01,2026-01-31,2026-02-01,X", "0.3 to 0.2 of 'lost'"),
            ("a,launched,0.1,0.2,2026-01-01,2026-01-31,2026-02-01,X", "expected 0 to 1, rising, of lost or shot_down"),
            ("a,lost,0.1,0.2,2026-01-31,2026-01-01,2026-02-01,X", "days in order"),
            ("a,lost,0.1,0.2,2026-01-31", "row 1: "),
        ],
    )
    def test_a_row_that_states_no_share_is_named(self, row: str, message: str) -> None:
        head = "layer_id,of,low,high,first_day,last_day,published,source\n"
        with pytest.raises(InputError) as error:
            parse_kill_shares(head + row + "\n", "mine.csv")
        assert str(error.value).startswith("mine.csv: row 1: ")
        assert message in str(error.value)


class TestExpectation:
    def test_it_is_the_mean_of_what_the_engine_draws(
        self, defence_of: Defences, salvos_of: Callable[..., SalvoForecast]
    ) -> None:
        """Every doctrine there is, on small nights and on nights that every limit cuts into."""
        defence = defence_of(
            [
                {**jamming(0.2), "engaged_share": 0.9},
                {
                    "engaged_share": 0.6,
                    "kill_probability": (0.4, 0.6, 0.8),
                    "salvo_of": 2,
                    "rounds": 2,
                    "engagements_per_night": (60.0, 100.0, 200.0),
                    "decoy_discrimination": (0.2, 0.4, 0.6),
                },
                {
                    "engaged_share": 0.8,
                    "kill_probability": 0.5,
                    "rounds": 2,
                    "fire_channels": (4.0, 8.0, 12.0),
                    "service_minutes": 20.0,
                    "works": "night",
                },
                {
                    "engaged_share": 0.9,
                    "kill_probability": (0.1, 0.3, 0.5),
                    "engagements_per_night": 70.0,
                    "weather_share": 0.5,
                },
                {
                    "engaged_share": 0.9,
                    "kill_probability": 0.3,
                    "engagements_per_night": NO_LIMIT,
                    "weather_share": 0.75,
                },
            ],
            daylight_share=0.25,
        )
        sizes = np.array([5, 60, 120, 200, 350, 600])
        forecast = salvos_of(np.tile(sizes, (6000, 1)))
        met = engage(forecast, defence, armed_share=np.full((1, sizes.size), 0.6))
        drawn = (met.unlimited.kills + met.unlimited.decoy_kills).mean(axis=1) / sizes
        expected = expected_kill_shares(defence, met.draws, sizes.astype(float), armed_share=0.6).mean(axis=1)
        assert expected[:, 1:] == pytest.approx(drawn[:, 1:], abs=0.004)
        assert expected.sum(axis=0) == pytest.approx(drawn.sum(axis=0), abs=0.012)


class TestLittleIsKnown:
    @pytest.mark.parametrize(
        "record",
        [
            ReportedLosses.from_reports([]),
            losses([100], neutralised=[80], last_day=ORIGIN - timedelta(days=400)),
            losses([100], neutralised=[80], last_day=ORIGIN + timedelta(days=1)),
        ],
        ids=["no report", "an old one", "one to come"],
    )
    def test_without_a_night_the_posterior_is_the_prior(self, defence_of: Defences, record: ReportedLosses) -> None:
        found = calibrate(defence_of([firing((0.2, 0.5, 0.9))]), record, ORIGIN, n_draws=500)
        assert found.effective_sample_size == 500
        assert found.posterior is found.prior
        assert all(updated.prior == updated.posterior for updated in found.quantities)
        assert found.periods == ()
        assert found.notes[0] == Message.of("no_reported_losses")
        assert found.for_paths(np.full((3, 2), 100), seed=1).kill_factor.shape == (3, 2)

    def test_one_small_night_hardly_moves_it(self, defence_of: Defences) -> None:
        defence = defence_of([firing((0.2, 0.5, 0.9))])
        found = calibrate(defence, losses([5], neutralised=[5]), ORIGIN)
        (kill, _) = found.quantities
        assert kill.prior[1] < kill.posterior[1] < kill.prior[1] + 0.1

    def test_more_nights_are_worth_fewer_prior_draws_and_narrow_the_share(self, defence_of: Defences) -> None:
        defence = defence_of([firing((0.2, 0.5, 0.9))])
        widths = [
            np.ptp(
                calibrate(defence, losses(np.full(n, 100), neutralised=np.full(n, 60.0)), ORIGIN, variation=STEADY)
                .quantities[0]
                .posterior
            )
            for n in (1, 10, 100)
        ]
        assert widths == sorted(widths, reverse=True)

    def test_a_defence_of_fixed_numbers_can_be_calibrated(self, defence_of: Defences) -> None:
        found = calibrate(defence_of([firing(0.8)]), losses([100], neutralised=[80]), ORIGIN)
        assert [updated.quantity for updated in found.quantities] == ["size_effect"]

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"n_draws": 10}, "10 draws"),
            ({"size_effect": -1.0}, "size effect of -1.0"),
            ({"variation": Variation(1.0, 0.2)}, "overdispersion 1.0"),
            ({"variation": Variation(2.0, 0.0)}, "drift 0.0"),
        ],
    )
    def test_numbers_out_of_range_are_refused(self, defence_of: Defences, given: dict[str, Any], message: str) -> None:
        with pytest.raises(InputError, match=message):
            calibrate(defence_of([firing(0.8)]), losses([100], neutralised=[80]), ORIGIN, **given)
