"""How far forecasts and orders of ten seeds lie apart: what a reader takes for a number is one only as far as seeds
agree.

The spread of the quantiles of the totals, and of the orders for 95 % safety, largest over
smallest less 1, beside the standard error that one seed states of itself.
"""

import numpy as np

from experiments.benchmarks.tables import REPLAY, bundled_ledger
from features.records import SHAHED, UKRAINE
from forecasting.answers.context import FALLBACK_MODEL
from forecasting.answers.defences import bundled_defence, kill_shares
from forecasting.plan import Plan, Prepared, make_plan, prepare_calibration
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
            _tell(f"total of {n_days} days, {probability:.0%} quantile", spread, error)
    prepared, defence = Prepared(history, model, fitted), bundled_defence(UKRAINE)
    calibrated = prepare_calibration(defence, history, kill_shares(UKRAINE, SHAHED))
    plans = [
        make_plan(prepared, defence, REPLAY.request, service_level=0.95, seed=seed, calibrated=calibrated)
        for seed in SEEDS
    ]
    for layer, *orders in zip(defence.layers, *(_needed(plan) for plan in plans), strict=True):
        quantities = np.array([quantity for quantity, _ in orders])
        if quantities.any():
            spread = quantities.max() / quantities.min() - 1.0
            _tell(f"needed for 95 % safety, {layer.id}", spread, orders[0][1] / orders[0][0])


def _needed(plan: Plan) -> list[tuple[float, float]]:
    """Layer by layer, the interceptors that 95 % of the paths stay within, and their standard error."""
    found = []
    for used in plan.engagements.unlimited.interceptors.sum(axis=2):
        found.append((quantiles(used, [0.95])[0], float(standard_errors(used, [0.95])[0])))
    return found


def _tell(what: str, spread: float, error: float) -> None:
    outcome = "reached" if spread <= AIM else "MISSED"
    print(f"{what}: seeds lie {spread:.1%} apart, one states a standard error of {error:.1%}; aim {AIM:.0%}: {outcome}")


if __name__ == "__main__":
    main()
