"""Ordinary days and massed strikes: a Markov-modulated log-normal on the ratio of counts to the level."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from forecasting.salvos.learned_once import learned_once
from forecasting.salvos.model import SimulationRequest, require_days
from forecasting.salvos.models.ratio_to_level import LevelForecast, RatioToLevel
from forecasting.salvos.sampling import normals, uniforms, whole_drones

WINDOW = 365
ITERATIONS = 15
OFFSET = 0.05
"""Added to the ratios before the logarithm: a day without drones has one."""
STICKINESS = 4.0
"""Pseudo-days by which each row of the transition matrix is drawn to the overall shares of the regimes."""
SMALLEST_SD = 0.1


@dataclass(frozen=True)
class TwoRegime:
    """Hidden Markov model with two states, ordinary and massed; in each the ratio to the level is log-normal.

    Fitted to the ratios of `RatioToLevel` of the last 365 days by the EM algorithm (Baum-Welch; Rabiner 1989, section
    III.C) with the weights of the ratios. The first day ahead starts from the filtered probability of the states. As in
    munitions demand under a modulated arrival process, the days since the last massed strike then count.
    """

    model_id: str = "two_regime"

    def fit(self, history: LaunchHistory) -> "FittedTwoRegime":
        require_days(self.model_id, history)
        past = RatioToLevel().past_ratios(history)
        ratios, weights = past.ratios[-WINDOW:], past.weights[-WINDOW:] / past.weights.max()
        logs = np.log(ratios + OFFSET)
        means, sds, transition, filtered = _baum_welch(logs, weights)
        stationary = np.linalg.matrix_power(transition, 200)[0]
        mean_ratio = float(stationary @ np.exp(means + sds**2 / 2)) - OFFSET
        # The mixture's mean is off where its tails do not fit; the level's mean is the better known of the two.
        scale = float(weights @ ratios / weights.sum()) / max(mean_ratio, 1e-9)
        return FittedTwoRegime(means, sds, transition, float((filtered @ transition)[1]), scale, past.level)


@dataclass(frozen=True)
class FittedTwoRegime:
    """means, sds: (2,) of the log ratio in the ordinary and the massed state. transition: (2, 2), rows sum to 1.
    massed_first: probability that day 1 is massed. scale: correction of the mean. level: from the origin on."""

    means: NDArray[np.float64]
    sds: NDArray[np.float64]
    transition: NDArray[np.float64]
    massed_first: float
    scale: float
    level: LevelForecast

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        shape = (request.n_paths, request.horizon)
        of_states, of_sizes, of_rounding = rng.spawn(3)
        chance = uniforms(shape, of_states)
        states = np.empty(shape, dtype=np.int8)
        states[:, 0] = chance[:, 0] < self.massed_first
        for day in range(1, request.horizon):
            states[:, day] = chance[:, day] < self.transition[states[:, day - 1], 1]
        logs = self.means[states] + self.sds[states] * normals(shape, of_sizes)
        ratios = np.maximum(np.exp(np.minimum(logs, 16.0)) - OFFSET, 0.0)
        return whole_drones(ratios * self.scale * self.level.levels(request.horizon), of_rounding)


@learned_once
def _baum_welch(
    logs: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Means (2,), standard deviations (2,), transition matrix (2, 2), filtered state probabilities at the end (2,).

    logs, weights: (n,). The first state begins at the 35 % quantile, the second at the 90 % quantile.
    """
    means = np.quantile(logs, [0.35, 0.9])
    sds = np.full(2, 0.6 * logs.std() + 0.05)
    transition = np.array([[0.85, 0.15], [0.8, 0.2]])
    forward = np.full((logs.size, 2), 0.5)
    for _ in range(ITERATIONS):
        likelihood = np.exp(-0.5 * ((logs[:, np.newaxis] - means) / sds) ** 2) / sds + 1e-12
        forward, backward = _forward_backward(likelihood, transition)
        occupancy = forward * backward
        occupancy /= occupancy.sum(axis=1, keepdims=True)
        weighted = occupancy * weights[:, np.newaxis]
        days = weighted.sum(axis=0) + 1e-9
        means = (weighted * logs[:, np.newaxis]).sum(axis=0) / days
        spread = (weighted * (logs[:, np.newaxis] - means) ** 2).sum(axis=0)
        sds = np.maximum(np.sqrt((spread + 0.1) / (days + 1.0)), SMALLEST_SD)
        pairs = forward[:-1, :, np.newaxis] * transition * (likelihood[1:] * backward[1:])[:, np.newaxis, :]
        pairs /= pairs.sum(axis=(1, 2), keepdims=True)
        moves = (pairs * weights[1:, np.newaxis, np.newaxis]).sum(axis=0)
        transition = (moves + STICKINESS * days / days.sum()) / (moves.sum(axis=1, keepdims=True) + STICKINESS)
    return means, sds, transition, forward[-1]


def _forward_backward(
    likelihood: NDArray[np.float64], transition: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scaled forward and backward probabilities, (n, 2) each, the rows of the forward ones summing to 1."""
    # Numbers of Python's own: for two states NumPy takes ten times as long over each step as the step itself.
    days = likelihood.tolist()
    (stay, leave), (come, remain) = transition.tolist()
    ordinary, massed = 0.85, 0.15
    forward = []
    for day, (of_ordinary, of_massed) in enumerate(days):
        if day:
            ordinary, massed = ordinary * stay + massed * come, ordinary * leave + massed * remain
        ordinary, massed = ordinary * of_ordinary, massed * of_massed
        both = ordinary + massed
        ordinary, massed = ordinary / both, massed / both
        forward.append((ordinary, massed))
    ordinary = massed = 1.0
    backward = [(ordinary, massed)]
    ahead, behind = np.empty(2), np.empty(2)
    for of_ordinary, of_massed in reversed(days[1:]):
        ahead[0], ahead[1] = of_ordinary * ordinary, of_massed * massed
        np.matmul(transition, ahead, out=behind)  # rounded once a product, which Python's own numbers cannot
        ordinary, massed = behind.tolist()
        both = ordinary + massed
        ordinary, massed = ordinary / both, massed / both
        backward.append((ordinary, massed))
    return np.array(forward), np.array(backward[::-1])
