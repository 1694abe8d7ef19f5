"""What learned weights would bring the ensemble, as Markdown: variants beside equal weights, window by window.

`python -m experiments.benchmarks.weights [main|early]`. At each origin they are learned from the folds before it alone.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from experiments.backtest import score_path
from experiments.benchmarks.tables import REPLAY, bundled_ledger, markdown
from experiments.comparison import paired_difference
from experiments.folds import rolling_origins
from features.ledger import Ledger
from forecasting.salvos.ensemble import LearnedWeights, SalvoEnsemble, learn_weights, past_folds
from forecasting.salvos.gap import bridge_gap
from forecasting.salvos.model import forecast_fitted
from forecasting.salvos.soundness import limit_outliers

WINDOWS = {
    "main": rolling_origins(date(2025, 1, 1), date(2026, 1, 28), 28),
    "early": rolling_origins(date(2023, 6, 1), date(2024, 12, 12), 28),
}
EQUAL = "equal"
VARIANTS = {
    "no shrinkage": LearnedWeights(shrinkage=0.0),
    "half way to equal": LearnedWeights(shrinkage=0.5),
    "three quarters": LearnedWeights(shrinkage=0.75),
    "CRPS learning in 3 parts, no shrinkage": LearnedWeights(parts=3, shrinkage=0.0),
    "CRPS learning in 3 parts, half way": LearnedWeights(parts=3, shrinkage=0.5),
}
TARGETS = {"days 2-28": ("h2_7", "h8_14", "h15_28"), "total 7": ("total_7",), "total 28": ("total_28",)}


def scores(ledger: Ledger, origins: Sequence[date]) -> pd.DataFrame:
    """The scores of every variant; the members and their past folds, which all share, are fitted once an origin."""
    rows = []
    truth, model = ledger.history(), SalvoEnsemble()
    for origin in origins:
        history = ledger.history(origin=origin)
        seen = bridge_gap(limit_outliers(history))
        fitted, folds = model.fit(seen), past_folds(model.members, seen, LearnedWeights())
        weights = {EQUAL: None} | {name: learn_weights(folds, how) for name, how in VARIANTS.items()}
        for name, learned in weights.items():
            weighted = replace(fitted, weights=learned)
            paths = forecast_fitted(model, weighted, history, REPLAY.request, REPLAY.seed).paths
            came = truth.after(origin, REPLAY.request.horizon)
            scored = score_path(paths, came, np.random.default_rng(origin.toordinal()))
            rows += [{"weights": name, "origin": origin, **row} for row in scored]
    return pd.DataFrame(rows)


def table(made: pd.DataFrame) -> pd.DataFrame:
    """One row per variant: WIS over that of equal weights; in brackets the paired difference in standard errors."""
    rows = []
    for name in VARIANTS:
        row = {"weights": name}
        for target, bands in TARGETS.items():
            of_bands = made[made["band"].isin(bands)]
            by_origin = of_bands.pivot_table(index="origin", columns="weights", values="wis").sort_index()
            found = paired_difference(by_origin[name].to_numpy(), by_origin[EQUAL].to_numpy(), overlap=0)
            ratio = by_origin[name].mean() / by_origin[EQUAL].mean()
            row[target] = f"{ratio:.3f} ({found.mean / found.standard_error:+.1f})"
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    with bundled_ledger() as ledger:
        for name in sys.argv[1:] or WINDOWS:
            origins = WINDOWS[name]
            told = f"{name}: every 28 days from {origins[0]}, {len(origins)} origins, {len(VARIANTS)} variants"
            print(f"{told}\n\n{markdown(table(scores(ledger, origins)))}\n", flush=True)


if __name__ == "__main__":
    main()
