"""The decision backtest as Markdown: 28-day totals ordered at each origin of the main window, against what came.

Printed by `make evidence`. Drones, not interceptors: what it costs to be ready for too few, or too many, of them.
"""

from experiments.benchmarks.tables import MAIN_WINDOW, RULE, bundled_ledger
from experiments.decisions import fixed_policy, last_days_policy, model_policy, replay_decisions
from forecasting.model import SimulationRequest, load_model

HORIZON = 28
LEVELS = (0.8, 0.9, 0.95, 0.99)


def main() -> None:
    request = SimulationRequest(HORIZON, 2_000)
    policies = {
        **{f"last 28 days x {factor:g}": last_days_policy(HORIZON, factor) for factor in (1.2, 1.5, 2.0)},
        "1,000 interceptors a day, two per drone": fixed_policy(500.0 * HORIZON),
        **{
            f"quantile of {name}": model_policy(load_model(name), request, seed=1)
            for name in ("empirical_window", "exponential_empirical", "two_regime", "local_level", "salvo_ensemble")
        },
    }
    with bundled_ledger() as ledger:
        truth = ledger.history(rule=RULE)
        scores = replay_decisions(
            lambda origin: ledger.history(rule=RULE, origin=origin), truth, policies, MAIN_WINDOW, HORIZON, LEVELS
        )
    print("| policy | " + " | ".join(f"cost, service, overstock at {level:.0%}" for level in LEVELS) + " |")
    print("|" + " --- |" * (1 + len(LEVELS)))
    for name in policies:
        cells = (scores[name, level] for level in LEVELS)
        told = (f"{cell.cost:,.0f}, {cell.service:.2f}, {cell.overstock:.2f}" for cell in cells)
        print(f"| {name} | " + " | ".join(told) + " |")


if __name__ == "__main__":
    main()
