"""What the ensemble weights did over time, and what learned ones would have done."""

from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.compare.frames import QUANTILES, scores
from experiments.folds import TOTAL_BANDS
from features.errors import InputError
from forecasting.record.scores import pinball_loss
from forecasting.salvos.ensemble import SalvoEnsemble

STEP = 0.05
"""Learned weights are the best on a grid of that step; a whole step is worth a fraction of a drone."""
FEWEST_TARGETS = 28
"""Forecast days whose outcome was known, before weights are learned from them."""
LEVELS = np.array(sorted(QUANTILES))


def ensemble_weights(of: pd.DataFrame | None = None) -> pd.DataFrame:
    """The weights of the salvo ensemble's members, and those that learning would have given them.

    The weights of the salvo ensemble are fixed: nothing in them is learned, so nothing in them moves. `learned` is what
    a *nested* choice would have been: at each origin the weights, in steps of STEP, whose average of the members'
    quantiles, day by day, would have had the least weighted interval score on the forecasts of earlier origins, using
    only those days that had come by then (with their counts as they are known now). Members that differ in a parameter
    alone, such as the two half-lives, count as the one of that name that was backtested.

    Parameters
    ----------
    of : pandas.DataFrame, optional
        Scores of a backtest in which the members ran by themselves; None for those that `compare.scores` reads.

    Returns
    -------
    pandas.DataFrame
        One row per origin and member. Columns: origin (datetime), member (str), weight (float: as the ensemble has it,
        the same at every origin), learned (float; NaN at the first origins), n_targets (int: past forecast days that it
        was learned from).

    Raises
    ------
    InputError
        Where a member was not backtested.
    """
    made = scores() if of is None else of
    fixed = members()
    origins, grid, losses, days = _pooled(made, list(fixed))
    rows = []
    for origin in sorted(set(origins)):
        known = (days <= origin) & (origins < origin)
        learned = np.full(len(fixed), np.nan)
        if known.sum() >= FEWEST_TARGETS:
            learned = grid[_best(losses[:, known].mean(axis=1), grid, np.array(list(fixed.values())))]
        rows += [
            {"origin": origin, "member": member, "weight": weight, "learned": own, "n_targets": int(known.sum())}
            for (member, weight), own in zip(fixed.items(), learned, strict=True)
        ]
    frame = pd.DataFrame(rows)
    frame["origin"] = frame["origin"].astype("datetime64[s]")
    return frame


def pooled_scores(weights: pd.DataFrame, of: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the members' quantiles, averaged by given weights, would have scored at each origin.

    Parameters
    ----------
    weights : pandas.DataFrame
        As of `ensemble_weights`.
    of : pandas.DataFrame, optional
        The scores that they were made of.

    Returns
    -------
    pandas.DataFrame
        Columns: origin (datetime), weights (str: "fixed" or "learned"), wis (float, drones: mean over the days, from
        seven quantiles). Origins without learned weights are left out, so that both are scored on the same ones.
    """
    made = scores() if of is None else of
    names = list(members())
    origins, grid, losses, _ = _pooled(made, names)
    rows = []
    for origin, own in weights.dropna(subset="learned").groupby("origin"):
        by_member = own.set_index("member").loc[names]
        for name, column in (("fixed", "weight"), ("learned", "learned")):
            point = int(np.abs(grid - by_member[column].to_numpy()).sum(axis=1).argmin())
            rows.append({"origin": origin, "weights": name, "wis": float(losses[point, origins == origin].mean())})
    return pd.DataFrame(rows, columns=["origin", "weights", "wis"])


def members() -> dict[str, float]:
    """Member of the salvo ensemble -> its share of the average."""
    names = [member.model_id for member in SalvoEnsemble().members]
    return {name: names.count(name) / len(names) for name in dict.fromkeys(names)}


def _pooled(
    made: pd.DataFrame, names: list[str]
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.float64], NDArray[np.datetime64]]:
    """(n,) origins, (g, k) weights on a grid, (g, n) WIS of the averaged quantiles of each target, (n,) its days."""
    missing = sorted(set(names) - set(made["model"]))
    if missing:
        raise InputError(
            f"the backtest has no scores of {', '.join(missing)}: expected every member of the ensemble; run salvocast "
            f"backtest --models {','.join(names)}"
        )
    days = made[made["model"].isin(names) & ~made["band"].isin(TOTAL_BANDS)]
    columns = [QUANTILES[level] for level in LEVELS]
    wide = days.pivot_table(columns, ["origin", "attack_day"], "model").dropna()
    outcomes = days.groupby(["origin", "attack_day"])["observed"].first().loc[wide.index].to_numpy(dtype=float)
    quantiles = np.array([[wide[column, member].to_numpy(dtype=float) for column in columns] for member in names])
    steps = round(1 / STEP)
    grid = np.array([each for each in product(range(steps + 1), repeat=len(names)) if sum(each) == steps]) / steps
    losses = np.array(
        [2.0 * pinball_loss(np.tensordot(weights, quantiles, 1), outcomes, LEVELS).mean(axis=0) for weights in grid]
    )
    index = wide.index
    return (
        index.get_level_values("origin").to_numpy(),
        grid,
        losses,
        index.get_level_values("attack_day").to_numpy(),
    )


def _best(losses: NDArray[np.float64], grid: NDArray[np.float64], fixed: NDArray[np.float64]) -> int:
    """The point of least loss; of equal ones that nearest to the fixed weights."""
    distance = np.abs(grid - fixed).sum(axis=1)
    return int(np.lexsort((distance, losses.round(12)))[0])
