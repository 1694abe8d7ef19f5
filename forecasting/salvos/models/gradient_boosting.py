"""Gradient-boosted quantiles of the count relative to the level."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.lags import exponential_mean
from forecasting.salvos.model import SimulationRequest, require_days
from forecasting.salvos.sampling import stratified_uniforms, whole_drones

QUANTILES = np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97])
HORIZONS = (1, 2, 4, 7, 14, 21, 28)
"""The horizons that are learned from; those between and beyond take the nearest and the last."""
BINS = 63
WINDOW = 500
HALF_LIFE = 180.0
FEWEST_DAYS = 120
MASSED_MULTIPLE = 2.0
"""A day above this multiple of its level counts as massed in the inputs."""
LONGEST_SINCE = 20


@dataclass(frozen=True)
class GradientBoosting:
    """scikit-learn HistGradientBoostingRegressor on the pinball loss, one per quantile, horizons pooled.

    Inputs of a day, all known at its end: levels of half-life 7, 28 and 90 days relative to one another, the last two
    counts and the share of massed days relative to the level, days since the last massed strike, missiles of the past
    days, and the horizon. Response: the count at the horizon over the 28-day level. A path draws its days independently
    from the quantiles, joined by straight lines; the upper end is that of the weighted past ratios.
    """

    model_id: str = "gradient_boosting"

    def fit(self, history: LaunchHistory) -> "FittedGradientBoosting":
        require_days(self.model_id, history, FEWEST_DAYS)
        inputs, levels = level_inputs(history)
        past = past_ratios(inputs, levels, history.launched)
        ratios = boosted_quantiles(past, present_rows(inputs))
        return FittedGradientBoosting(ratios, past.upper, float(levels[-1]))


@dataclass(frozen=True)
class PastRatios:
    """What is learned from. matrix: (n, n_inputs + 1) inputs of a day, and a horizon; days: (n,) index of the day.
    response: (n,) count at the horizon over the level of the day. weight: (n,) less for the older."""

    matrix: NDArray[np.float64]
    days: NDArray[np.int64]
    response: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def upper(self) -> float:
        """The ratio at probability 0.995."""
        return _weighted_quantile(self.response, self.weight, 0.995)


def past_ratios(inputs: NDArray[np.float64], levels: NDArray[np.float64], counts: NDArray[np.float64]) -> PastRatios:
    """The rows of all horizons. inputs: (n_days, n_inputs); levels, counts: (n_days,) drones a day, counts NaN where
    unknown."""
    n_days = counts.size
    rows, days_of, responses, weights = [], [], [], []
    for horizon in HORIZONS:
        start = max(28, n_days - WINDOW)
        days = np.arange(start, n_days - horizon)
        days = days[~np.isnan(counts[days + horizon])]
        rows.append(np.column_stack([inputs[days], np.full(days.size, horizon)]))
        days_of.append(days)
        responses.append(counts[days + horizon] / levels[days])
        weights.append(0.5 ** ((n_days - horizon - days) / HALF_LIFE))
    return PastRatios(*map(np.concatenate, (rows, days_of, responses, weights)))


def present_rows(inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(28, n_inputs + 1) those of the last day, and the learned horizon nearest to each of the coming days."""
    ahead = np.arange(1, HORIZONS[-1] + 1)
    nearest = np.array(HORIZONS)[np.abs(ahead[:, np.newaxis] - np.array(HORIZONS)).argmin(axis=1)]
    return np.column_stack([np.repeat(inputs[-1:], ahead.size, axis=0), nearest])


def boosted_quantiles(past: PastRatios, present: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_rows, n_quantiles) of the response in the present rows, by one regression for each quantile."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    # Put into bins once, and not anew for each quantile, which takes longer than the trees do.
    matrix, present = _binned(past.matrix, present, past.weight)
    with threadpool_limits(limits=1):  # on so few rows threads cost more than they bring
        estimators = [
            HistGradientBoostingRegressor(
                loss=_pinball_loss(quantile, past.weight),
                max_iter=30,
                learning_rate=0.1,
                max_leaf_nodes=5,
                min_samples_leaf=60,
                l2_regularization=1.0,
                early_stopping=False,
                max_bins=BINS,
                random_state=0,
            ).fit(matrix, past.response, sample_weight=past.weight)
            for quantile in QUANTILES
        ]
        return _predicted(estimators, present)


@dataclass(frozen=True)
class FittedGradientBoosting:
    """ratios: (28, n_quantiles) by horizon, ascending. upper: ratio at probability 0.995. level: drones per day."""

    ratios: NDArray[np.float64]
    upper: float
    level: float

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        highest = np.maximum(self.ratios[:, -1:], self.upper)
        points = np.hstack([np.zeros((len(self.ratios), 1)), self.ratios, highest, 1.1 * highest])
        probabilities = np.concatenate([[0.0], QUANTILES, [0.995, 1.0]])
        of_days, of_rounding = rng.spawn(2)
        uniforms = stratified_uniforms((request.n_paths, request.horizon), of_days)
        ratios = np.column_stack(
            [
                np.interp(uniforms[:, day], probabilities, points[min(day, len(points) - 1)])
                for day in range(request.horizon)
            ]
        )
        return whole_drones(ratios * self.level, of_rounding)


def level_inputs(history: LaunchHistory) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_days, n_inputs) known at the end of each day, NaN where unknown; (n_days,) levels in drones a day, above 0."""
    counts = history.launched
    week, month, quarter = (exponential_mean(counts, half_life) + 1.0 for half_life in (7.0, 28.0, 90.0))
    massed = np.where(np.isnan(counts), np.nan, counts > MASSED_MULTIPLE * month)
    index = np.arange(counts.size)
    last_massed = np.maximum.accumulate(np.where(massed == 1.0, index, -LONGEST_SINCE))
    missiles = np.zeros(counts.size) if history.missiles is None else history.missiles
    inputs = [
        np.log(week / month),
        np.log(month / quarter),
        np.minimum(index - last_massed, LONGEST_SINCE),
        counts / month,
        np.concatenate([[np.nan], counts[:-1]]) / month,
        exponential_mean(massed, 28.0),
        np.log1p(exponential_mean(missiles, 3.0)),
        np.log1p(exponential_mean(missiles, 28.0)),
    ]
    return np.column_stack(inputs), month


def _pinball_loss(quantile: float, weights: NDArray[np.float64]) -> Any:
    """The loss that scikit-learn takes for "quantile", with the value of a leaf found in a tenth of the time."""
    from sklearn._loss.loss import PinballLoss

    class Pinball(PinballLoss):  # type: ignore[misc]  # of a module without types
        def fit_intercept_only(self, y_true: NDArray[np.float64], sample_weight: NDArray[np.float64]) -> np.float64:
            """The weighted quantile; scikit-learn's own is of any array library, and of many columns at once."""
            order = np.argsort(y_true)
            until = np.cumsum(sample_weight[order])
            place = np.searchsorted(until, 100 * quantile / 100 * until[-1])
            value: np.float64 = y_true[order[min(place, order.size - 1)]]
            return value

    return Pinball(sample_weight=weights, quantile=quantile)


def _predicted(estimators: list[Any], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_rows, n_quantiles) not negative, sorted: quantiles that were learned apart may cross."""
    predicted = np.column_stack([estimator.predict(rows) for estimator in estimators])
    ascending: NDArray[np.float64] = np.sort(np.maximum(predicted, 0.0), axis=1)
    return ascending


def _binned(
    learned: NDArray[np.float64], asked: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both with the number of its bin in place of each input, by the bins that scikit-learn makes of what is learned.

    Where nothing that was learned lies in a bin, what is asked there is in the next: no split can tell them apart.
    """
    columns = []
    for of_learned, of_asked in zip(learned.T, asked.T, strict=True):
        edges = _edges(of_learned, weights)
        numbers, each = (
            np.where(np.isnan(some), np.nan, np.searchsorted(edges, some)) for some in (of_learned, of_asked)
        )
        bins = np.unique(numbers[~np.isnan(numbers)])
        if bins.size:
            each = np.where(np.isnan(each), np.nan, bins[np.minimum(np.searchsorted(bins, each), bins.size - 1)])
        columns.append((numbers, each))
    return np.column_stack([both[0] for both in columns]), np.column_stack([both[1] for both in columns])


def _edges(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The edges of the bins of an input: weighted quantiles, all in one call; between its values where they are few."""
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if distinct.size <= BINS:
        return (distinct[1:] + distinct[:-1]) / 2
    ranks = np.linspace(0, 100, BINS + 1)[1:-1]
    edges: NDArray[np.float64] = np.unique(_weighted_percentiles(values[known], weights[known], ranks))
    return edges


def _weighted_percentiles(
    values: NDArray[np.float64], weights: NDArray[np.float64], ranks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_ranks,) percentiles of (n,) values of weights above 0: the mean of two values where a rank falls between them.

    What scikit-learn bins by (`sklearn.utils.stats._weighted_percentile`), of all ranks at once, where it goes through
    them one by one.
    """
    order = np.argsort(values)
    until = np.cumsum(weights[order])
    wanted = ranks / 100 * until[-1]
    places = np.minimum(np.searchsorted(until, wanted), order.size - 1)
    found, following = values[order[places]], values[order[np.minimum(places + 1, order.size - 1)]]
    inside = until[places] - wanted > np.finfo(np.float64).eps
    percentiles: NDArray[np.float64] = np.where(inside, found, (found + following) / 2)
    return percentiles


def _weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], probability: float) -> float:
    order = np.argsort(values)
    return float(np.interp(probability, np.cumsum(weights[order]) / weights.sum(), values[order]))
