"""Equations of forecasting/METHOD.md, recomputed from the note where neither its examples nor another test do so."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.stats import binom

from features.history import LaunchHistory
from features.lags import exponential_mean
from forecasting.defence.saturation import served
from forecasting.salvos.models import two_regime
from forecasting.salvos.models.ratio_to_level import RatioToLevel


def test_a_round_of_baum_welch_is_the_sum_over_all_paths_of_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_regime, "ITERATIONS", 1)
    logs, weights = np.random.default_rng(3).normal(0, 1, 7), np.linspace(0.5, 1, 7)
    means, sd = np.quantile(logs, [0.35, 0.9]), 0.6 * logs.std() + 0.05
    first, transition = np.array([0.85, 0.15]), np.array([[0.85, 0.15], [0.8, 0.2]])
    density = np.exp(-0.5 * ((logs[:, np.newaxis] - means) / sd) ** 2) / sd + 1e-12
    occupancy, steps, total = np.zeros((7, 2)), np.zeros((6, 2, 2)), 0.0
    for states in product([0, 1], repeat=7):
        likely = first[states[0]] * density[range(7), states].prod() * transition[states[:-1], states[1:]].prod()
        occupancy[range(7), states] += likely
        steps[range(6), states[:-1], states[1:]] += likely
        total += likely
    occupancy, steps = weights[:, np.newaxis] * occupancy / total, weights[1:, np.newaxis, np.newaxis] * steps / total
    days, moves = occupancy.sum(axis=0), steps.sum(axis=0)
    expected = (occupancy * logs[:, np.newaxis]).sum(axis=0) / days
    spread = (occupancy * (logs[:, np.newaxis] - expected) ** 2).sum(axis=0)

    found = two_regime._baum_welch(logs, weights)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    np.testing.assert_allclose(found[1] ** 2, (spread + 0.1) / (days + 1), rtol=1e-6)
    np.testing.assert_allclose(
        found[2], (moves + 4 * days / days.sum()) / (moves.sum(axis=1, keepdims=True) + 4), rtol=1e-6
    )


def test_the_level_keeps_half_of_its_growth_for_28_days(history_of: Callable[[ArrayLike], LaunchHistory]) -> None:
    counts = np.random.default_rng(3).poisson(50 * np.exp(np.arange(400) / 300)).astype(float)
    past = RatioToLevel().past_ratios(history_of(counts))
    level = exponential_mean(counts, 40.0) + 1

    def expected(day: int, ahead: int) -> float:
        growth = np.clip(0.5 * np.log(level[day] / level[day - 180]) / 180, -0.02, 0.02)
        return float(level[day] * np.exp(growth * (0.7 * 40 / np.log(2) + min(ahead, 28))))

    np.testing.assert_allclose(past.level.levels(60), [expected(399, ahead) for ahead in range(1, 61)])
    assert past.ratios[-1] == pytest.approx(counts[399] / expected(398, 1))


@pytest.mark.parametrize(("drones", "channels", "service"), [(20, 8, 0.5), (40, 3, 0.2), (90, 6, 1.0)])
def test_channels_serve_what_the_note_says(drones: int, channels: int, service: float) -> None:
    hours = 6.0
    busy = service / hours * (1 - np.exp(-hours / service))
    if drones * busy > channels:
        filled = -service * np.log(1 - channels * hours / (drones * service))
        busy = channels / (drones * filled / hours + (hours - filled) * channels / service)
    held = np.arange(channels + 1)
    mass = binom.pmf(held, drones, busy)
    found = served(np.array([float(drones)]), np.array([float(channels)]), np.array([service]), [(1.0, hours)])
    assert found[0] == pytest.approx((held * mass).sum() / mass.sum() / busy)
