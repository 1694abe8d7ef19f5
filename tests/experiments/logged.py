"""Scores by hand, and what a store has of the runs of backtests."""

from typing import Any

import pandas as pd

from experiments.tracking import EXPERIMENT


def made_scores(values: dict[str, list[float]], band: str = "h1", every: int = 7) -> pd.DataFrame:
    """Scores of one target at each origin."""
    rows = []
    for model, scored in values.items():
        for step, value in enumerate(scored):
            origin = pd.Timestamp("2025-01-01") + pd.Timedelta(days=every * step)
            rows.append({"model": model, "origin": origin, "band": band, "horizon": 1, "wis": value})
    return pd.DataFrame(rows)


def runs(uri: str) -> tuple[Any, list[Any]]:
    """A client of the store, and the runs of the backtest's experiment."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return client, list(client.search_runs([experiment.experiment_id])) if experiment else []
