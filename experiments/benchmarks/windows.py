"""The evidence window by window, as Markdown: how the totals of 28 days held, and what orders by them would have cost.

Printed by `make evidence`, with the targets that are missed. Windows are of different times: an average over them would
hide that a range was too wide in one and too narrow in another. Fewer models, logged: `salvocast backtest --decisions`.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from experiments.backtest import Backtest
from experiments.benchmarks.tables import MAIN_WINDOW, REPLAY, backtest_models, bundled_ledger, markdown
from experiments.folds import WINDOWS as FIRST_ORIGINS
from experiments.folds import rolling_origins
from experiments.order_backtest import DecisionBacktest, model_policy, percent, replay_decisions
from experiments.policy_replay import ADJUSTED, LEAD_TIME, REVIEW, PolicyReplay, level_policy, replay_policies
from experiments.policy_replay import SERVICE_LEVELS as POLICY_LEVELS
from features.ledger import Ledger
from forecasting.salvos.model import REFERENCE_MODEL, load_model

HORIZON = REPLAY.request.horizon
_LAST_AND_EVERY = (
    (date(2024, 7, 3), 14),
    (date(2024, 12, 18), 14),
    (date(2025, 8, 20), 14),
    (date(2026, 1, 28), 7),
    (date(2026, 4, 2), 7),
)
WINDOWS = {
    name: rolling_origins(first, last, every)
    for (name, first), (last, every) in zip(FIRST_ORIGINS.items(), _LAST_AND_EVERY, strict=True)
}
MODELS = ("empirical_window", "exponential_empirical", "two_regime", "local_level", "salvo_ensemble")
JUDGED = "salvo_ensemble"
SERVICE_LEVEL = 0.95

MOST_WIS, COVERAGE, MOST_COST, MOST_MEAN_COST = 1.0, (0.60, 0.95), 1.0, 0.80
"""Targets of the 28-day total: WIS over the reference, how often its 80 % range holds, cost of the 95 % order over that
of the best rule of thumb in each window, and on average over the windows."""


@dataclass(frozen=True)
class WindowScore:
    """How a model did in a window. wis, cost: ratios. coverage: of the 80 % range of 28 days. service: at 95 %."""

    wis: float
    coverage: float
    cost: float
    service: float


def independent_blocks(origins: Sequence[date]) -> int:
    """Blocks of 28 days that share no day within those that the origins' totals look at."""
    return ((origins[-1] - origins[0]).days + HORIZON) // HORIZON


def window_score(scores: Backtest, orders: DecisionBacktest, model: str) -> WindowScore:
    totals = scores.scores[scores.scores["band"] == f"total_{HORIZON}"].groupby("model")
    wis = {str(name): float(score) for name, score in totals["wis"].mean().items()}
    held = {str(name): float(share) for name, share in totals["coverage_80"].mean().items()}
    bought = orders.score(model, SERVICE_LEVEL)
    return WindowScore(
        wis[model] / wis[REFERENCE_MODEL],
        held[model],
        bought["cost_ratio"],
        bought["service"],
    )


def misses(by_window: Mapping[str, WindowScore]) -> list[str]:
    """A line for each target that is missed; one line where none is."""
    missed = []
    low, high = COVERAGE
    for window, score in by_window.items():
        if score.wis > MOST_WIS:
            missed.append(f"window {window}: WIS of the total {score.wis:.2f} of the reference, aim at most {MOST_WIS}")
        if not low <= score.coverage <= high:
            missed.append(f"window {window}: the 80 % range held {score.coverage:.2f}, aim {low:.2f} to {high:.2f}")
        if score.cost > MOST_COST:
            missed.append(
                f"window {window}: the 95 % order cost {score.cost:.2f} of the best rule, aim at most {MOST_COST}"
            )
    mean = float(np.mean([score.cost for score in by_window.values()]))
    if mean > MOST_MEAN_COST:
        missed.append(
            f"all windows: the 95 % order cost {mean:.2f} of the best rules, aim at most {MOST_MEAN_COST:.2f}"
        )
    return [f"MISSED {line}" for line in missed] or ["all targets are met"]


def orders_of(ledger: Ledger, origins: Sequence[date]) -> DecisionBacktest:
    """Orders by the models, beside the rules of thumb."""
    policies = {name: model_policy(load_model(name), REPLAY.request, REPLAY.seed) for name in MODELS}
    return replay_decisions(
        lambda origin: ledger.history(origin=origin), ledger.history(), policies, origins, REPLAY.request.horizon
    )


def year_of_orders(ledger: Ledger, origins: Sequence[date]) -> PolicyReplay:
    """Orders of the judged model one after the other, and of the level that the launches show."""
    cover = REVIEW + LEAD_TIME
    request = replace(REPLAY.request, horizon=cover)
    policies = {JUDGED: model_policy(load_model(JUDGED), request, REPLAY.seed), ADJUSTED: level_policy(cover)}
    return replay_policies(lambda origin: ledger.history(origin=origin), ledger.history(), policies, origins)


def _for_reading(window: str, year: PolicyReplay) -> pd.DataFrame:
    """The judged model, the adjusted level, and the best rule at each service level."""
    table, wide = year.table, year.wide()
    wide.insert(0, "window", window)
    best = table[table["policy"].isin(year.rules)].groupby("level")["cost"].idxmin()
    return wide[table["policy"].isin([JUDGED, ADJUSTED]) | table.index.isin(best)]


def missed_years(years: Mapping[str, PolicyReplay]) -> list[str]:
    """A line for each target of the judged orders that is missed; one line where none is."""
    missed = [
        f"window {window}: {line}"
        for window, year in years.items()
        for line in year.against_targets(JUDGED)
        if "MISSED" in line
    ]
    for level in POLICY_LEVELS:
        mean = float(np.mean([year.score(JUDGED, level)["cost_ratio"] for year in years.values()]))
        if mean > MOST_MEAN_COST:
            missed.append(
                f"MISSED all windows: orders every 28 days at {level:.0%} cost {mean:.2f} of the best rules, aim at "
                f"most {MOST_MEAN_COST:.2f}"
            )
    return missed or ["all targets are met"]


def all_together(years: Mapping[str, PolicyReplay]) -> list[str]:
    """A line for each service level: what the judged orders cost and kept over the cycles of all windows, beside the
    one rule of thumb that costs least over all of them, and not another one in each."""
    together = pd.concat([year.table for year in years.values()])
    together[["cost", "service"]] = together[["cost", "service"]].mul(together["n_cycles"], axis=0)
    sums = together.groupby(["level", "policy"])[["n_cycles", "cost", "service"]].sum()
    rules, told = next(iter(years.values())).rules, []
    for level in POLICY_LEVELS:
        of_level = sums.loc[[percent(level)]].droplevel("level")
        n_cycles, cost, kept = (of_level[name].to_dict() for name in ("n_cycles", "cost", "service"))
        best = min(rules, key=cost.__getitem__)
        told.append(
            f"all {n_cycles[JUDGED]:.0f} cycles at {level:.0%}: kept {kept[JUDGED] / n_cycles[JUDGED]:.2f}, cost "
            f"{cost[JUDGED] / cost[best]:.2f} of {best}, the one rule that costs least over all of them"
        )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    jobs = parser.parse_args().jobs
    rows, judged = [], {}
    years = dict[str, PolicyReplay]()
    with bundled_ledger() as ledger:
        for window, origins in WINDOWS.items():
            scores = backtest_models(ledger, [load_model(name) for name in MODELS], origins, jobs)
            orders = orders_of(ledger, origins)
            for model in MODELS:
                score = window_score(scores, orders, model)
                rows.append(
                    {
                        "window": window,
                        "origins": len(origins),
                        "independent blocks": independent_blocks(origins),
                        "model": model,
                        "WIS": f"{score.wis:.2f}",
                        "80 % held": f"{score.coverage:.2f}",
                        "cost of 95 %": f"{score.cost:.2f}",
                        "enough": f"{score.service:.2f}",
                        "best rule": orders.best_rule(SERVICE_LEVEL),
                    }
                )
                if model == JUDGED:
                    judged[window] = score
            years[window] = year_of_orders(ledger, origins)
        print("\n### Totals of 28 days, window by window\n")
        print(markdown(pd.DataFrame(rows)))
        print("\n".join(["", *misses(judged)]))
        print("\n### Orders every 28 days, window by window\n")
        print(markdown(pd.concat([_for_reading(window, year) for window, year in years.items()])))
        print("\n".join([*missed_years(years), *all_together(years)]))
        print("\n### Orders of 28-day totals, main window\n")
        main_window = orders_of(ledger, MAIN_WINDOW)
    print(markdown(main_window.wide()))
    print("\n".join(main_window.against_targets(JUDGED)))


if __name__ == "__main__":
    main()
