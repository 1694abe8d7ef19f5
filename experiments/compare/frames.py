"""What backtests say of the models, as tidy frames."""

from datetime import date

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from experiments.backtest import INTERVALS
from experiments.compare.runs import read_parts
from experiments.comparison import paired_difference
from experiments.folds import BANDS, TOTAL_BANDS
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
_TARGET = ["origin", "band", "horizon"]


def leaderboard(
    run_id: str | None = None, *, theatre: str = UKRAINE, weapon_class: str = SHAHED, uri: str | None = None
) -> pd.DataFrame:
    """Means over the targets, as `salvocast backtest` prints them.

    Parameters
    ----------
    run_id : str, optional
        A backtest, or a retraining; None for the newest backtest, and what is comparable with it (see
        `experiments.compare`).
    theatre, weapon_class : str
        Of the series.
    uri : str, optional
        As of `backtests`.

    Returns
    -------
    pandas.DataFrame
        One row per model and band; by band, the best first. Columns: model, band (str: h1, h2_7, h8_14, h15_28 days
        ahead, total_7, total_28), n_origins (int), wis, crps, mae (float, drones), wis_ratio (float, over the reference
        model's on common targets), coverage_50, _80, _95 (float, share), pinball_95, _99 (float, drones),
        seconds_per_origin (float), failed_origins (int), run_id (str).
    """
    board = read_parts("leaderboard", run_id, theatre, weapon_class, uri)
    return board.sort_values(["band", "wis_ratio", "wis"], key=_in_order, kind="stable").reset_index(drop=True)


def scores(
    run_id: str | None = None, *, theatre: str = UKRAINE, weapon_class: str = SHAHED, uri: str | None = None
) -> pd.DataFrame:
    """The scores of every target that is known: a day, or a total.

    Parameters
    ----------
    run_id, theatre, weapon_class, uri
        As of `leaderboard`.

    Returns
    -------
    pandas.DataFrame
        One row per model, origin and target. Columns: model, band (str), origin, attack_day (datetime; of a total its
        last day), horizon (int, days), observed, median, low_50, high_50, ..., high_95 (float, drones: seven quantiles
        of the forecast), crps, wis, dispersion, overprediction, underprediction, pinball_95, pinball_99 (float,
        drones), pit (float), coverage_50, _80, _95 (float, 0 or 1), quantile_0.01, ..., quantile_0.99 (float, drones:
        the 15 quantiles that the WIS is of), run_id (str).
    """
    made = read_parts("scores", run_id, theatre, weapon_class, uri)
    made["origin"] = pd.to_datetime(made["origin"]).astype("datetime64[s]")
    made.insert(2, "attack_day", made["origin"] + pd.to_timedelta(made["horizon"], "D").astype("timedelta64[s]"))
    return made


def paired_differences(
    of: pd.DataFrame | None = None, other: str = REFERENCE_MODEL, *, score: str = "wis"
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

    Returns
    -------
    pandas.DataFrame
        One row per model and band. Columns: model, other, band (str), n_origins (int), mean (float: of the model's
        score less the other's, in its unit; negative is better), ratio (float, mean score over the other's),
        standard_error, low, high (float: of the mean, and its 95 % interval by the same test), p_value (float:
        two-sided, Diebold and Mariano, neighbouring origins overlapping), p_holm (float: corrected for the number of
        models in the band, Holm 1979). Origins whose targets one of the two lacks are left out; a pair with fewer than
        two common ones has no row.

    Raises
    ------
    InputError
        For an `other` that was not scored, or with which no model has two origins in common.
    """
    made = scores() if of is None else of
    _check_model(made, other)
    every = _days_between(made)
    means = made.pivot_table(score, ["band", "origin"], "model", observed=True)
    rows = []
    for band in BANDS:
        if band.name not in means.index.get_level_values("band"):
            continue
        of_band = means.loc[band.name]
        for model in of_band.columns.drop(other):
            pair = of_band[[model, other]].dropna()
            if len(pair) < 2:
                continue
            found = paired_difference(
                pair[model].to_numpy(dtype=float), pair[other].to_numpy(dtype=float), (band.last - 1) // every
            )
            rows.append(
                {
                    "model": str(model),
                    "other": other,
                    "band": band.name,
                    "n_origins": found.n,
                    "mean": found.mean,
                    "ratio": float(pair[model].mean() / pair[other].mean()) if pair[other].mean() else np.nan,
                    "standard_error": found.standard_error,
                    "low": found.low,
                    "high": found.high,
                    "p_value": found.p_value,
                }
            )
    if not rows:
        raise InputError(f"no model has two origins in common with {other}: expected scores of several models")
    frame = pd.DataFrame(rows)
    frame["p_holm"] = frame.groupby("band")["p_value"].transform(
        lambda of_band: multipletests(of_band.fillna(1.0), method="holm")[1]
    )
    return frame


def winners(of: pd.DataFrame | None = None) -> pd.DataFrame:
    """The model with the least mean WIS, and how sure that is.

    The best was chosen by these scores, so both p-values are too small by an amount that they cannot tell.

    Parameters
    ----------
    of : pandas.DataFrame, optional
        As of `paired_differences`.

    Returns
    -------
    pandas.DataFrame
        One row per band. Columns: band, best, second (str), wis (float, drones: of the best), ratio (float: over the
        second's), p_value (float: two-sided, that the two are equal), p_holm (float: that the best equals the
        reference, corrected for the number of models; NaN where the reference itself is best), best_at (float: share of
        the origins at which it was the best of all), n_origins (int).
    """
    made = scores() if of is None else of
    rows = []
    all_against = (
        paired_differences(made).set_index(["band", "model"]) if REFERENCE_MODEL in set(made["model"]) else None
    )
    for band in [name for name in BAND_NAMES if name in set(made["band"])]:
        rows_of_band = made[made["band"] == band]
        by_origin = rows_of_band.pivot_table("wis", "origin", "model", observed=True).dropna()
        order = by_origin.mean().sort_values().index.astype(str)
        best = order[0]
        two = rows_of_band[rows_of_band["model"].isin(order[:2])]
        against = paired_differences(two, best).set_index("model")
        reference = np.nan
        if all_against is not None and (band, best) in all_against.index:
            reference = float(all_against.loc[(band, best), "p_holm"])
        rows.append(
            {
                "band": band,
                "best": best,
                "second": order[1],
                "wis": float(by_origin[best].mean()),
                "ratio": 1.0 / float(against.loc[order[1], "ratio"]),
                "p_value": float(against.loc[order[1], "p_value"]),
                "p_holm": reference,
                "best_at": float((by_origin.idxmin(axis=1) == best).mean()),
                "n_origins": len(by_origin),
            }
        )
    return pd.DataFrame(rows)


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
