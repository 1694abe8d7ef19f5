"""The evidence on the salvo models, as Markdown: all models, what the ensemble's parts bring, level shifts.

`make evidence`. Everything is out of sample: each model is fitted at each origin to what the ledger shows by then.
"""

import argparse
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.benchmarks.tables import MAIN_WINDOW, REPLAY, backtest_models, bundled_ledger, markdown, relative_table
from experiments.folds import rolling_origins
from features.history import LaunchHistory
from features.ledger import Ledger
from forecasting.salvos.ensemble import SalvoEnsemble
from forecasting.salvos.model import MODELS, REFERENCE_MODEL, Model, SimulationRequest, forecast, load_model
from forecasting.salvos.models.empirical_window import EmpiricalWindow
from forecasting.salvos.models.exponential_empirical import ExponentialEmpirical
from forecasting.salvos.models.local_level import LocalLevel
from forecasting.salvos.models.two_regime import TwoRegime

WINDOWS = {
    "main: every 14 days, 2025-01-01 to 2026-01-28": MAIN_WINDOW,
    "shifted: every 14 days, 2025-01-08 to 2026-01-21": rolling_origins(date(2025, 1, 8), date(2026, 1, 21), 14),
    "early: every 14 days, 2023-06-01 to 2024-12-26": rolling_origins(date(2023, 6, 1), date(2024, 12, 26), 14),
}
SHIFTS = {"August 2024": date(2024, 8, 26), "February 2025": date(2025, 2, 8), "June 2025": date(2025, 6, 1)}
LONGEST_WAIT = 60
SETTLED = (6, 7)
"""An interval has caught up on the first day from which it covers 6 of the next 7 origins."""


class Pooled:
    """The ensemble's members as a plain mixture of their paths: what quantile averaging is compared with."""

    model_id = "mixture of the members"

    def __init__(self, members: Sequence[Model]) -> None:
        self._members = members

    def fit(self, history):  # type: ignore[no-untyped-def]
        self._fitted = [member.fit(history) for member in self._members]
        return self

    def simulate(self, request, rng):  # type: ignore[no-untyped-def]
        share = SimulationRequest(request.horizon, request.n_paths // len(self._fitted))
        return np.concatenate([fitted.simulate(share, rng) for fitted in self._fitted])


class Hindsight:
    """Draws from the days that are to come: what knowing their distribution, but not their order, would be worth.

    No forecast: it bounds what any model of independent days could reach.
    """

    model_id = "the coming 28 days resampled, in hindsight"

    def __init__(self, truth: LaunchHistory) -> None:
        self._truth = truth

    def fit(self, history):  # type: ignore[no-untyped-def]
        days = timedelta(days=REPLAY.request.horizon)
        return EmpiricalWindow().fit(self._truth.until(history.last_day + days))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    jobs = parser.parse_args().jobs
    with bundled_ledger() as ledger:
        for title, window in WINDOWS.items():
            print(f"\n### All models, {title}\n")
            print(
                markdown(relative_table(backtest_models(ledger, [load_model(name) for name in MODELS], window, jobs)))
            )
        print("\n### What the parts of the ensemble bring, main window\n")
        print(markdown(relative_table(backtest_models(ledger, variants(), MAIN_WINDOW, jobs))))
        truth = ledger.history()
        print("\n### What knowing the distribution of the coming days would be worth, main window\n")
        print(
            markdown(
                relative_table(
                    backtest_models(ledger, [load_model(REFERENCE_MODEL), Hindsight(truth)], MAIN_WINDOW, jobs)
                )
            )
        )
        print("\n### Level shifts: days until the 80 % interval of the next 7 days' total holds again\n")
        waits = {
            name: {
                shift: days_until_settled(load_model(name), ledger, truth.launched, truth.first_day, day)
                for shift, day in SHIFTS.items()
            }
            for name in (REFERENCE_MODEL, "exponential_empirical", "local_level", "salvo_ensemble")
        }
        print(markdown(pd.DataFrame(waits).T.rename_axis("model").reset_index()))


def variants() -> list[Model]:
    """The reference, the ensemble, and the ensemble with one thing changed."""
    members = SalvoEnsemble().members
    fast, slow, regimes, level = members
    return [
        load_model(REFERENCE_MODEL),
        load_model("salvo_ensemble"),
        SalvoEnsemble(past_sums=False, model_id="without past sums"),
        SalvoEnsemble(level_order=False, past_sums=False, model_id="without past sums and level order"),
        Pooled(members),
        SalvoEnsemble((fast, slow, regimes), model_id="without local level"),
        SalvoEnsemble((fast, slow, level), model_id="without two regimes"),
        SalvoEnsemble((ExponentialEmpirical(30.0), TwoRegime(), LocalLevel()), model_id="one empirical member"),
        SalvoEnsemble((*members, load_model("ratio_to_level")), model_id="with ratio to level"),
        SalvoEnsemble((*members, load_model("log_normal")), model_id="with log-normal regression"),
        SalvoEnsemble((*members, load_model("gradient_boosting")), model_id="with gradient boosting"),
    ]


def days_until_settled(model: Model, ledger: Ledger, counts: NDArray[np.float64], first_day: date, shift: date) -> str:
    """Days after the shift from which on the 80 % interval of the next 7 days' total covers 6 of 7 origins."""
    held = []
    for wait in range(LONGEST_WAIT + SETTLED[1]):
        origin = shift + timedelta(days=wait)
        totals = forecast(model, ledger.history(origin=origin), SimulationRequest(7, 2_000), 1).totals(7)
        start = (origin - first_day).days + 1
        low, high = np.quantile(totals, [0.1, 0.9])
        held.append(bool(low <= counts[start : start + 7].sum() <= high))
    waits = (wait for wait in range(LONGEST_WAIT) if sum(held[wait : wait + SETTLED[1]]) >= SETTLED[0])
    return str(next(waits, f"more than {LONGEST_WAIT}"))


if __name__ == "__main__":
    main()
