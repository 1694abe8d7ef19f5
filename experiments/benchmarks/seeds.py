"""How far forecasts of ten seeds lie apart: what a reader takes for a number is one only as far as seeds agree.

Printed by `make bench`: the spread of the quantiles of the totals, largest over smallest less 1, beside the standard
error that one seed states of itself.
"""

import numpy as np

from experiments.benchmarks.tables import REPLAY, bundled_ledger
from forecasting.answers.answering import FALLBACK_MODEL
from forecasting.salvos.model import fit, forecast_fitted, load_model
from forecasting.salvos.spread import quantiles, standard_errors

SEEDS = range(1, 11)
PROBABILITIES = (0.1, 0.5, 0.9, 0.95)
AIM = 0.02


def main() -> None:
    with bundled_ledger() as ledger:
        history = ledger.history()
    model = load_model(FALLBACK_MODEL)
    fitted = fit(model, history)
    forecasts = [forecast_fitted(model, fitted, history, REPLAY.request, seed) for seed in SEEDS]
    print(f"{model.model_id} from {history.last_day}, {REPLAY.request.n_paths:,} paths, {len(SEEDS)} seeds")
    for n_days in (7, 28):
        found = np.array([quantiles(made.totals(n_days), PROBABILITIES) for made in forecasts])
        apart = found.max(axis=0) / found.min(axis=0) - 1.0
        stated = standard_errors(forecasts[0].totals(n_days), PROBABILITIES) / found[0]
        for probability, spread, error in zip(PROBABILITIES, apart, stated, strict=True):
            outcome = "reached" if spread <= AIM else "MISSED"
            print(
                f"total of {n_days} days, {probability:.0%} quantile: seeds lie {spread:.1%} apart, one states a "
                f"standard error of {error:.1%}; aim {AIM:.0%}: {outcome}"
            )


if __name__ == "__main__":
    main()
