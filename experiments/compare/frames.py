"""What backtests say of the models, as tidy frames."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from experiments.backtest import INTERVALS, mean_scores
from experiments.compare.runs import read_parts
from experiments.comparison import paired_difference
from experiments.folds import BANDS, TOTAL_BANDS, window_of
from features.errors import InputError, unknown_name
from features.records import SHAHED, UKRAINE
from forecasting.salvos.model import REFERENCE_MODEL

BAND_NAMES = tuple(band.name for band in BANDS)
QUANTILES = {
    0.5: "median",
    **{round((1 - level / 100) / 2, 3): f"low_{level}" for level in INTERVALS},
    **{round((1 + level / 100) / 2, 3): f"high_{level}" for level in INTERVALS},
}
"""Probability -> the column of `scores` that has the quantile."""


def leaderboard(
    of: str | pd.DataFrame | None = None,
    *,
    by: str | None = None,
    theatre: str = UKRAINE,
    weapon_class: str = SHAHED,
    uri: str | None = None,
) -> pd.DataFrame:
    """Means over the targets, as `salvocast backtest` prints them; of each window, or whatever `by` names.

    Parameters
    ----------
    of : str or pandas.DataFrame, optional
        Run id of a backtest, or a retraining; or scores; None for the newest backtest, and what is comparable with it
        (see `experiments.compare`).
    by : str, optional
        A column of `scores`, such as "window": a leaderboard for each of its values.
    theatre, weapon_class : str
        Of the series.
    uri : str, optional
        As of `backtests`.

    Returns
    -------
    pandas.DataFrame
        One row per model and band, and value of `by`; by band, the best first. Columns: model, band (str: h1, h2_7,
        h8_14, h15_28 days ahead, total_7, total_28), n_origins (int), wis, crps, mae (float, drones), wis_ratio (float,
        over the reference model's on common targets), coverage_50, _80, _95 (float, share), pinball_95, _99 (float,
        drones); as logged, of no scores and not `by` anything, also seconds_per_origin (float), failed_origins (int),
        run_id (str).

    Raises
    ------
    InputError
        For a `by` that is no column of the scores.
    """
    if not isinstance(of, pd.DataFrame) and by is None:
        board = read_parts("leaderboard", of, theatre, weapon_class, uri)
    else:
        made = of if isinstance(of, pd.DataFrame) else scores(of, theatre=theatre, weapon_class=weapon_class, uri=uri)
        board = mean_scores(made, _columns(made, by))
    keys = [*([by] if by else []), "band", "wis_ratio", "wis"]
    return board.sort_values(keys, key=_in_order, kind="stable").reset_index(drop=True)


def scores(
    run_id: str | None = None, *, theatre: str = UKRAINE, weapon_class: str = SHAHED, uri: str | None = None
) -> pd.DataFrame:
    """The scores of every target that is known: a day, or a total.

    Parameters
    ----------
    run_id : str, optional
        As `of` of `leaderboard`.
    theatre, weapon_class, uri
        As of `leaderboard`.

    Returns
    -------
    pandas.DataFrame
        One row per model, origin and target. Columns: model, band (str), origin, attack_day (datetime; of a total its
        last day), window (str: of the evidence, which the origin is in, `experiments.folds.WINDOWS`), horizon (int,
        days), observed, median, low_50, high_50, ..., high_95 (float, drones: seven quantiles of the forecast), crps,
        wis, dispersion, overprediction, underprediction, pinball_95, pinball_99 (float, drones), pit (float),
        coverage_50, _80, _95 (float, 0 or 1), quantile_0.01, ..., quantile_0.99 (float, drones: the 15 quantiles that
        the WIS is of), run_id (str).
    """
    made = read_parts("scores", run_id, theatre, weapon_class, uri)
    made.insert(2, "attack_day", made["origin"] + pd.to_timedelta(made["horizon"], "D").astype("timedelta64[s]"))
    windows = {origin: window_of(origin.date()) for origin in made["origin"].unique()}
    made.insert(3, "window", made["origin"].map(windows))
    return made


def paired_differences(
    of: pd.DataFrame | None = None, other: str = REFERENCE_MODEL, *, score: str = "wis", by: str | None = None
) -> pd.DataFrame:
    """By how much the scores of each model differ from those of another on the same targets.

    Parameters
    ----------
    of : pandas.DataFrame, optional
        Scores; None for those that `scores` reads.
    other : str
        The model that each is set against.
    score : str
        A column of `scores`.
    by : str, optional
        As of `leaderboard`.

    Returns
    -------
    pandas.DataFrame
        One row per model and band, and value of `by`. Columns: model, other, band (str), n_origins (int), mean (float:
        of the model's score less the other's, in its unit; negative is better), ratio (float, mean score over the
        other's), standard_error, low, high (float: of the mean, and its 95 % interval by the same test), p_value
        (float: two-sided, Diebold and Mariano, neighbouring origins overlapping), p_holm (float: corrected for the
        number of models in the band and value of `by`, Holm 1979). These five are NaN where so few origins overlap so
        far that nothing can be told. Origins whose targets one of the two lacks are left out; a pair with fewer than
        two common ones has no row.

    Raises
    ------
    InputError
        For an `other` that was not scored, or with which no model has two origins in common; for a `by` that is no
        column of the scores.
    """
    made = scores() if of is None else of
    _check_model(made, other)
    rows = [
        dict.fromkeys(keys, value) | row
        for keys, value, part in _parts(made, by)
        for row in _differences(part, other, score)
    ]
    if not rows:
        raise InputError(f"no model has two origins in common with {other}: expected scores of several models")
    return _corrected(rows, [*_columns(made, by), "band"])


def _corrected(rows: list[dict[str, Any]], together: list[str]) -> pd.DataFrame:
    """The rows, and their p-values corrected for the number of those that are alike in these columns."""
    frame = pd.DataFrame(rows)
    frame["p_holm"] = frame.groupby(together)["p_value"].transform(_holm)
    return frame


def _holm(p_values: "pd.Series[float]") -> NDArray[np.float64]:
    """Corrected for their number; NaN where a test could tell nothing, which counts as one that was made."""
    corrected: NDArray[np.float64] = multipletests(p_values.fillna(1.0), method="holm")[1]
    return np.where(p_values.isna(), np.nan, corrected)


def _differences(made: pd.DataFrame, other: str, score: str) -> Iterator[dict[str, Any]]:
    """The rows of `paired_differences`, of one part of the scores."""
    every = _days_between(made)
    means = made.pivot_table(score, ["band", "origin"], "model", observed=True)
    for band in BANDS:
        if other not in means or band.name not in means.index.get_level_values("band"):
            continue
        of_band = means.loc[band.name]
        for model in of_band.columns.drop(other):
            pair = of_band[[model, other]].dropna()
            if len(pair) < 2:
                continue
            found = paired_difference(
                pair[model].to_numpy(dtype=float), pair[other].to_numpy(dtype=float), (band.last - 1) // every
            )
            yield {
                "model": str(model),
                "other": other,
                "band": band.name,
                "n_origins": found.n,
                "mean": found.mean,
                "ratio": float(pair[model].mean() / pair[other].mean()) if pair[other].mean() else np.nan,
                "standard_error": found.standard_error if np.isfinite(found.p_value) else np.nan,
                "low": found.low,
                "high": found.high,
                "p_value": found.p_value,
            }


def winners(of: pd.DataFrame | None = None, *, by: str | None = None) -> pd.DataFrame:
    """The model with the least mean WIS, and how sure that is.

    The best was chosen by these scores, so both p-values are too small by an amount that they cannot tell.

    Parameters
    ----------
    of, by
        As of `paired_differences`.

    Returns
    -------
    pandas.DataFrame
        One row per band, and value of `by`. Columns: band, best, second (str), wis (float, drones: of the best), ratio
        (float: over the second's), p_value (float: two-sided, that the two are equal), p_holm (float: that the best
        equals the reference, corrected for the number of models; NaN where the reference itself is best), best_at
        (float: share of the origins at which it was the best of all), n_origins (int).
    """
    made = scores() if of is None else of
    rows = [dict.fromkeys(keys, value) | row for keys, value, part in _parts(made, by) for row in _winners(part)]
    return pd.DataFrame(rows)


def _winners(made: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of `winners`, of one part of the scores."""
    has_reference = REFERENCE_MODEL in set(made["model"])
    rows = list(_differences(made, REFERENCE_MODEL, "wis")) if has_reference else []
    corrected = _corrected(rows, ["band"]) if rows else pd.DataFrame()
    all_against = {(row["band"], row["model"]): row["p_holm"] for row in corrected.to_dict("records")}
    for band in [name for name in BAND_NAMES if name in set(made["band"])]:
        rows_of_band = made[made["band"] == band]
        by_origin = rows_of_band.pivot_table("wis", "origin", "model", observed=True).dropna()
        order = by_origin.mean().sort_values().index.astype(str)
        if len(order) < 2:
            continue
        best = order[0]
        against = {
            row["model"]: row for row in _differences(rows_of_band[rows_of_band["model"].isin(order[:2])], best, "wis")
        }
        told = against.get(order[1], {"ratio": np.nan, "p_value": np.nan})
        yield {
            "band": band,
            "best": best,
            "second": order[1],
            "wis": float(by_origin[best].mean()),
            "ratio": 1.0 / float(told["ratio"]),
            "p_value": float(told["p_value"]),
            "p_holm": all_against.get((band, best), np.nan),
            "best_at": float((by_origin.idxmin(axis=1) == best).mean()),
            "n_origins": len(by_origin),
        }


def forecasts_at(origin: date | str | pd.Timestamp, of: pd.DataFrame | None = None) -> pd.DataFrame:
    """What every model forecast from an origin, and what came.

    Parameters
    ----------
    origin : date, str or pandas.Timestamp
        An attack day that the backtest started from.
    of : pandas.DataFrame, optional
        As of `paired_differences`.

    Returns
    -------
    pandas.DataFrame
        One row per model, attack day and quantile. Columns: model (str), origin, attack_day (datetime), horizon (int,
        days), quantile (float: .025, .1, .25, .5, .75, .9, .975), drones (float), observed (float, drones). Days that
        are not known (yet) have no row: what was logged are scored targets.

    Raises
    ------
    InputError
        With the nearest origins, where none was forecast from.
    """
    made = scores() if of is None else of
    day = _as_day(origin)
    rows = made[(made["origin"] == day) & ~made["band"].isin(TOTAL_BANDS)]
    if rows.empty:
        known = made["origin"].drop_duplicates().sort_values()
        near = known.iloc[(known - day).abs().argsort()[:2]].sort_values().dt.strftime("%Y-%m-%d")
        raise InputError(f"no forecast starts from {day:%Y-%m-%d}: the nearest origins are {' and '.join(near)}")
    long = rows.melt(
        ["model", "origin", "attack_day", "horizon", "observed"],
        list(QUANTILES.values()),
        var_name="quantile",
        value_name="drones",
    )
    long["quantile"] = long["quantile"].map({column: level for level, column in QUANTILES.items()})
    columns = ["model", "origin", "attack_day", "horizon", "quantile", "drones", "observed"]
    return long.sort_values(["model", "horizon", "quantile"], kind="stable")[columns].reset_index(drop=True)


def _columns(made: pd.DataFrame, by: str | None) -> list[str]:
    """None, or the one that is named. Raises InputError where it is no column."""
    if by is not None and by not in made:
        raise unknown_name("column", by, set(made.columns))
    return [] if by is None else [by]


def _parts(made: pd.DataFrame, by: str | None) -> Iterator[tuple[list[str], Any, pd.DataFrame]]:
    """The scores of each value of `by`, in order, and the column with it; or all of them."""
    columns = _columns(made, by)
    if not columns:
        yield [], None, made
    for value, part in made.groupby(by) if by else ():
        yield columns, value, part


def _check_model(made: pd.DataFrame, model: str) -> None:
    if model not in set(made["model"]):
        raise unknown_name("model", model, set(made["model"]))


def _as_day(given: date | str | pd.Timestamp) -> pd.Timestamp:
    try:
        return pd.Timestamp(given).normalize()
    except (ValueError, TypeError) as error:
        raise InputError(f"origin is '{given}': expected a date such as 2025-06-01") from error


def _days_between(made: pd.DataFrame) -> int:
    """The least distance of two origins in days."""
    origins = made["origin"].drop_duplicates().sort_values()
    return max(int(origins.diff().dt.days.min()), 1) if len(origins) > 1 else 1


def _in_order(column: "pd.Series[str]") -> "pd.Series[str] | pd.Series[int]":
    """Bands by how far ahead they are."""
    return column.map({name: place for place, name in enumerate(BAND_NAMES)}) if column.name == "band" else column
