"""Public tools on the exported histories. `make peers`, second step; runs in .venv-peers and imports nothing of ours.

Each peer gives 2,000 paths of 28 days per origin, in whole drones, at its defaults but for what is written below (a
week as the season). Totals are the sums along a path. Paths are the tool's own simulation where it has one; conformal
AutoETS and LightGBM give quantiles of single days only: their paths join the days at random, so **their totals assume
independent days**. Negative values are cut at 0 for all peers alike. No peer was tuned to the window but NPTS, shown a
second time at the best of twelve settings, chosen by hindsight: its default, the whole history, is far too long here.
"""

import argparse
import json
import logging
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from gluonts.dataset.common import ListDataset
from gluonts.model.npts import NPTSPredictor
from lightgbm import LGBMRegressor
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean
from numpy.typing import NDArray
from prophet import Prophet
from statsforecast.models import AutoARIMA, AutoCES, AutoETS, AutoTheta
from statsforecast.utils import ConformalIntervals

HORIZON, N_PATHS, SEED, WEEK = 28, 2_000, 1, 7
LEVELS = np.array([0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99])
PACKAGES = ("statsforecast", "prophet", "gluonts", "mlforecast", "lightgbm")
Paths = NDArray[np.float64]
Peer = Callable[["pd.Series[float]"], Paths]
"""Counts by day -> (N_PATHS, HORIZON)."""


def simulate_with(model: type) -> Peer:
    """The paths that statsforecast simulates from the fitted model, with normal errors."""
    return lambda counts: model(season_length=WEEK).simulate(HORIZON, N_PATHS, y=counts.to_numpy(), seed=SEED)


def on_log(peer: Peer) -> Peer:
    """The same on log(1 + drones)."""
    return lambda counts: np.expm1(peer(counts.map(np.log1p)))


def conformal_ets(counts: "pd.Series[float]") -> Paths:
    """The ends of the central intervals from the errors of 10 earlier forecasts."""
    model = AutoETS(season_length=WEEK, prediction_intervals=ConformalIntervals(n_windows=10, h=HORIZON))
    widths = [round(100 * (1 - 2 * level), 3) for level in LEVELS[LEVELS < 0.5]]
    told = model.forecast(counts.to_numpy(), HORIZON, level=sorted(widths))
    lower, upper = ([told[f"{end}-{width}"] for width in widths] for end in ("lo", "hi"))
    return joined_days(np.array([*lower, told["mean"], *upper[::-1]]))


def prophet(counts: "pd.Series[float]") -> Paths:
    np.random.seed(SEED)  # noqa: NPY002 Prophet draws from it
    model = Prophet(growth="linear", uncertainty_samples=N_PATHS)
    model.fit(pd.DataFrame({"ds": counts.index, "y": counts.to_numpy()}), seed=SEED)
    days = model.make_future_dataframe(HORIZON, include_history=False)
    return np.asarray(model.predictive_samples(days)["yhat"].T)


def npts(**settings: object) -> Peer:
    predictor = NPTSPredictor(prediction_length=HORIZON, **settings)

    def paths(counts: "pd.Series[float]") -> Paths:
        np.random.seed(SEED)  # noqa: NPY002 GluonTS draws from it
        data = ListDataset([{"start": pd.Period(counts.index[0], "D"), "target": counts.to_numpy()}], freq="D")
        return np.asarray(next(iter(predictor.predict(data, num_samples=N_PATHS))).samples)

    return paths


def lightgbm(counts: "pd.Series[float]") -> Paths:
    """A quantile regression per level and horizon (direct, not recursive); small trees, because days are few."""
    small = {"n_estimators": 50, "num_leaves": 8, "n_jobs": 1, "random_state": SEED, "verbosity": -1}
    learner = MLForecast(
        {str(level): LGBMRegressor(objective="quantile", alpha=level, **small) for level in LEVELS},
        freq="D",
        lags=[1, 2, 3, 7, 14, 28],
        lag_transforms={1: [RollingMean(7), RollingMean(28), RollingMean(91)]},
        date_features=["dayofweek"],
    )
    data = pd.DataFrame({"unique_id": "launched", "ds": counts.index, "y": counts.to_numpy()})
    told = learner.fit(data, max_horizon=HORIZON).predict(HORIZON)
    return joined_days(told[[str(level) for level in LEVELS]].to_numpy().T)


def joined_days(quantiles: Paths) -> Paths:
    """Paths with these quantiles, (n_levels, HORIZON), on each day, the days being independent of one another.

    Quantiles are sorted where they cross, linear between the levels and flat beyond the outermost ones.
    """
    ranks = (np.arange(N_PATHS) + 0.5) / N_PATHS
    days = [np.interp(ranks, LEVELS, np.sort(of_day)) for of_day in quantiles.T]
    return np.random.default_rng(SEED).permuted(np.column_stack(days), axis=0)


PEERS: dict[str, Peer] = {
    "statsforecast AutoARIMA": simulate_with(AutoARIMA),
    "statsforecast AutoETS": simulate_with(AutoETS),
    "statsforecast AutoETS log": on_log(simulate_with(AutoETS)),
    "statsforecast AutoETS log conformal": on_log(conformal_ets),
    "statsforecast AutoTheta": simulate_with(AutoTheta),
    "statsforecast AutoCES": simulate_with(AutoCES),
    "Prophet linear": prophet,
    "GluonTS NPTS": npts(),
    "GluonTS NPTS last 91 days no season": npts(context_length=91, use_seasonal_model=False),
    "mlforecast LightGBM quantiles": lightgbm,
}


def whole_drones(paths: Paths) -> NDArray[np.int64]:
    if paths.shape != (N_PATHS, HORIZON) or not np.isfinite(paths).all():
        raise ValueError(f"paths of shape {paths.shape}, {np.isfinite(paths).mean():.1%} of them finite")
    return np.rint(np.maximum(paths, 0.0)).astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds histories.parquet; paths and outcomes are written to it")
    folder = parser.parse_args().folder
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    made, outcomes = [], []
    for origin, history in pd.read_parquet(folder / "histories.parquet").groupby("origin"):
        counts = history.set_index("attack_day")["launched"].astype(float)
        for name, peer in PEERS.items():
            started, failure = perf_counter(), None
            try:
                paths = whole_drones(peer(counts))
                columns = {f"day_{day + 1}": paths[:, day] for day in range(HORIZON)}
                seen = {"model": name, "origin": origin, "data_digest": history["data_digest"].iloc[0]}
                made.append(pd.DataFrame({**seen, **columns}))
            except Exception as error:  # noqa: BLE001 whatever a tool raises is its named failure
                failure = f"{type(error).__name__}: {error}"
            seconds = perf_counter() - started
            outcomes.append({"model": name, "origin": origin, "seconds": seconds, "failure": failure})
            print(f"{origin:%Y-%m-%d} {name}: {failure or f'{seconds:.1f} s'}", flush=True)
    pd.concat(made).to_parquet(folder / "paths.parquet", index=False)
    pd.DataFrame(outcomes).to_parquet(folder / "outcomes.parquet", index=False)
    versions = {package: version(package) for package in PACKAGES}
    (folder / "versions.json").write_text(json.dumps(versions), encoding="utf-8")


if __name__ == "__main__":
    main()
