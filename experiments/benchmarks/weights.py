"""What learned weights would bring the ensemble, as Markdown: variants beside equal weights, window by window.

`python -m experiments.benchmarks.weights`. Weights are learned at each origin from the folds before it alone.
"""

from dataclasses import replace
from datetime import date

import pandas as pd

from experiments.backtest import Backtest
from experiments.benchmarks.tables import MAIN_WINDOW, backtest_models, bundled_ledger, markdown
from experiments.comparison import paired_difference
from experiments.folds import rolling_origins
from features.history import LaunchHistory
from forecasting.salvos import ensemble
from forecasting.salvos.ensemble import LearnedWeights, PastFolds, SalvoEnsemble
from forecasting.salvos.model import REFERENCE_MODEL, Model, load_model

WINDOWS = {
    "main: every 14 days, 2025-01-01 to 2026-01-28": MAIN_WINDOW,
    "early: every 28 days, 2023-06-01 to 2024-12-12": rolling_origins(date(2023, 6, 1), date(2024, 12, 12), 28),
}
VARIANTS = {
    "no shrinkage": LearnedWeights(shrinkage=0.0),
    "half way to equal": LearnedWeights(shrinkage=0.5),
    "three quarters": LearnedWeights(shrinkage=0.75),
    "CRPS learning in 3 parts, no shrinkage": LearnedWeights(parts=3, shrinkage=0.0),
    "CRPS learning in 3 parts, half way": LearnedWeights(parts=3, shrinkage=0.5),
}
TARGETS = {"days 2-28": ("h2_7", "h8_14", "h15_28"), "total 7": ("total_7",), "total 28": ("total_28",)}


def models() -> list[Model]:
    """The reference, equal weights, and every variant."""
    named = (SalvoEnsemble(weights=how, model_id=name) for name, how in VARIANTS.items())
    return [load_model(REFERENCE_MODEL), SalvoEnsemble(), *named]


def table(result: Backtest) -> pd.DataFrame:
    """One row per variant: WIS over that of equal weights; in brackets the paired difference in standard errors."""
    equal = SalvoEnsemble().model_id
    rows = []
    for name in VARIANTS:
        row = {"weights": name}
        for target, bands in TARGETS.items():
            scores = result.scores[result.scores["band"].isin(bands)]
            by_origin = scores.pivot_table(index="origin", columns="model", values="wis").sort_index()
            made = paired_difference(by_origin[name].to_numpy(), by_origin[equal].to_numpy(), overlap=1)
            ratio = by_origin[name].mean() / by_origin[equal].mean()
            row[target] = f"{ratio:.3f} ({made.mean / made.standard_error:+.1f})"
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    once: dict[tuple[str, int, int], PastFolds] = {}
    simulate = ensemble.past_folds

    def remembered(members: tuple[Model, ...], history: LaunchHistory, how: LearnedWeights) -> PastFolds:
        """The folds do not depend on what is learned from them: once for all variants of an origin."""
        key = history.digest, how.folds, how.every
        if key not in once:
            for old in [each for each in once if each[0] != history.digest]:
                del once[old]
            once[key] = simulate(members, history, replace(how, shrinkage=0.0, parts=1))
        return once[key]

    ensemble.past_folds = remembered
    with bundled_ledger() as ledger:
        for name, origins in WINDOWS.items():
            result = backtest_models(ledger, models(), origins, 1)
            print(
                f"{name} ({len(origins)} origins, {len(VARIANTS)} variants)\n\n{markdown(table(result))}\n", flush=True
            )


if __name__ == "__main__":
    main()
