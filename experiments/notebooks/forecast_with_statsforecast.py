"""What `beat_the_champion` scores of a tool from elsewhere; it imports nothing of ours.

    python forecast_with_statsforecast.py histories.parquet statsforecast.parquet

histories.parquet: of `experiments.compare.histories`. Written: hubverse model output, the quantiles that are scored of
each attack day. AutoETS on log(1 + drones), a week as the season; made with statsforecast 2.1.1.
"""

import sys

import numpy as np
import pandas as pd
from statsforecast.models import AutoETS

HORIZON, N_PATHS, SEED, WEEK = 28, 2_000, 1, 7
LEVELS = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99]


def quantiles(counts: "pd.Series[float]") -> np.ndarray:
    """(levels, days) drones, from paths that are simulated with normal errors. An unknown day is filled from its
    neighbours, on the log scale: the tool takes no gaps."""
    logs = counts.map(np.log1p).interpolate().to_numpy()
    paths = AutoETS(season_length=WEEK).simulate(HORIZON, N_PATHS, y=logs, seed=SEED)
    return np.quantile(np.maximum(np.rint(np.expm1(paths)), 0), LEVELS, axis=0)


def main(given: str, written: str) -> None:
    made = []
    for origin, history in pd.read_parquet(given).groupby("origin"):
        told = quantiles(history["launched"].astype(float))
        frame = pd.DataFrame(told, index=LEVELS, columns=range(1, HORIZON + 1)).rename_axis("output_type_id")
        long = frame.reset_index().melt("output_type_id", var_name="horizon")
        made.append(long.assign(reference_date=f"{origin:%Y-%m-%d}"))
    hub = pd.concat(made).assign(model_id="statsforecast_autoets_log", output_type="quantile")
    hub = hub.astype({"horizon": "int64", "value": "float32"})
    hub.to_parquet(written, index=False, compression="zstd")


if __name__ == "__main__":
    main(*sys.argv[1:])
