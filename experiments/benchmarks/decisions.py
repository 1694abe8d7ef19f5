"""The decision backtest as Markdown: 28-day totals ordered at each origin of the main window, against what came.

Printed by `make evidence`. Drones, not interceptors: what it costs to be ready for too few, or too many, of them.
Fewer models, logged: `salvocast backtest --decisions`.
"""

from experiments.benchmarks.tables import MAIN_WINDOW, REPLAY, RULE, bundled_ledger, markdown
from experiments.order_backtest import model_policy, replay_decisions
from forecasting.salvos.model import load_model

MODELS = ("empirical_window", "exponential_empirical", "two_regime", "local_level", "salvo_ensemble")


def main() -> None:
    policies = {name: model_policy(load_model(name), REPLAY.request, REPLAY.seed) for name in MODELS}
    with bundled_ledger() as ledger:
        result = replay_decisions(
            lambda origin: ledger.history(rule=RULE, origin=origin),
            ledger.history(rule=RULE),
            policies,
            MAIN_WINDOW,
            REPLAY.request.horizon,
        )
    print(markdown(result.wide()))
    print("\n".join(result.against_targets("salvo_ensemble")))


if __name__ == "__main__":
    main()
