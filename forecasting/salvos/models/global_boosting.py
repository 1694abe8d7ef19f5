"""Gradient-boosted quantiles that are learned from all series at once: classes and theatres together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.calendar_days import weekdays
from features.history import LaunchHistory
from features.lags import lagged
from forecasting.salvos.model import require_days
from forecasting.salvos.models.gradient_boosting import (
    FEWEST_DAYS,
    FittedGradientBoosting,
    PastRatios,
    boosted_quantiles,
    level_inputs,
    past_ratios,
    present_rows,
)

LAGS = (2, 6, 13)
"""Days back of which the counts over the level are inputs, beside the last two: the same weekday among them."""


@dataclass(frozen=True)
class GlobalBoosting:
    """The quantile regressions of `GradientBoosting`, on the rows of all series together.

    What is pooled is how counts relate to the level of their own series: a month of the one is some evidence for the
    others. Inputs beside those of `GradientBoosting`: further lags, the weekday of the day that is forecast, the size
    of the level, and which series it is. The upper end, and the level, are each series' own.
    """

    model_id: str = "global_boosting"

    def fit_many(self, histories: Sequence[LaunchHistory]) -> list[FittedGradientBoosting]:
        first, *others = histories
        require_days(self.model_id, first, FEWEST_DAYS)
        pooled = [first, *(each for each in others if each.known.size >= FEWEST_DAYS)]
        names = sorted({(each.theatre, each.weapon_class) for each in pooled})
        inputs = [_inputs(each, names.index((each.theatre, each.weapon_class))) for each in pooled]
        levels = [level_inputs(each)[1] for each in pooled]
        past = [
            _with_target_day(past_ratios(rows, level, each.launched), each)
            for rows, level, each in zip(inputs, levels, pooled, strict=True)
        ]
        together = PastRatios(
            np.concatenate([each.matrix for each in past]),
            np.concatenate([each.days for each in past]),
            np.concatenate([each.response for each in past]),
            np.concatenate([each.weight for each in past]),
        )
        rows = [_present(of_one, each) for of_one, each in zip(inputs, pooled, strict=True)]
        ratios = np.split(boosted_quantiles(together, np.concatenate(rows)), len(pooled))
        return [
            FittedGradientBoosting(of_one, own.upper, float(level[-1]))
            for of_one, own, level in zip(ratios, past, levels, strict=True)
        ]


def _inputs(history: LaunchHistory, place: int) -> NDArray[np.float64]:
    """(n_days, n_inputs) known at the end of each day. place: of the series among those that are pooled."""
    inputs, level = level_inputs(history)
    further = lagged(history.launched, LAGS) / level[:, np.newaxis]
    return np.column_stack([inputs, further, np.log(level), np.full(level.size, place)])


def _with_target_day(past: PastRatios, history: LaunchHistory) -> PastRatios:
    """The rows, with the weekday of the day that each is about."""
    target = history.days[0] + past.days + past.matrix[:, -1].astype(np.int64)
    return PastRatios(np.column_stack([past.matrix, weekdays(target)]), past.days, past.response, past.weight)


def _present(inputs: NDArray[np.float64], history: LaunchHistory) -> NDArray[np.float64]:
    """(28, n_inputs + 2) the rows of the coming days: the nearest learned horizon of each, and its own weekday."""
    rows = present_rows(inputs)
    return np.column_stack([rows, weekdays(history.days[-1] + np.arange(1, len(rows) + 1))])
