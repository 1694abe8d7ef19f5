"""The evidence on the salvo models, as Markdown: all models, what the ensemble's parts bring, level shifts.

`make evidence`. Everything is out of sample: each model is fitted at each origin to what the ledger shows by then.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.backtest import Backtest, Replay, run_backtest
from experiments.comparison import paired_difference
from experiments.folds import rolling_origins
from features.ledger import Ledger
from features.records import QuietDayRule
from features.sources.bundled import read_bundled
from forecasting.ensemble import SalvoEnsemble
from forecasting.model import MODELS, REFERENCE_MODEL, Model, SimulationRequest, forecast, load_model
from forecasting.models.exponential_empirical import ExponentialEmpirical
from forecasting.models.local_level import LocalLevel
from forecasting.models.two_regime import TwoRegime

REPLAY = Replay(SimulationRequest(28, 2_000), seed=1)
RULE = QuietDayRule.ALL
BANDS = ("h1", "h2_7", "h8_14", "h15_28", "total_7", "total_28")
WINDOWS = {
    "main: every 14 days, 2025-01-01 to 2026-01-28": (date(2025, 1, 1), date(2026, 1, 28), 14),
    "shifted: every 14 days, 2025-01-08 to 2026-01-21": (date(2025, 1, 8), date(2026, 1, 21), 14),
    "early: every 14 days, 2023-06-01 to 2024-12-26": (date(2023, 6, 1), date(2024, 12, 26), 14),
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    jobs = parser.parse_args().jobs
    with Ledger.open("sqlite://") as ledger:
        ledger.ingest(read_bundled(), datetime.now(UTC))
        truth = ledger.history(rule=RULE)

        def run(models: Sequence[Model], first: date, last: date, every: int) -> Backtest:
            origins = rolling_origins(first, last, every)
            return run_backtest(
                lambda origin: ledger.history(rule=RULE, origin=origin), truth, models, origins, REPLAY, n_jobs=jobs
            )

        for title, window in WINDOWS.items():
            print(f"\n### All models, {title}\n")
            print(markdown(relative_table(run([load_model(name) for name in MODELS], *window))))
        print("\n### What the parts of the ensemble bring, main window\n")
        print(markdown(relative_table(run(variants(), *WINDOWS[next(iter(WINDOWS))]))))
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
        SalvoEnsemble(level_order=False, model_id="before calibration: no level order"),
        Pooled(members),
        SalvoEnsemble((fast, slow, regimes), model_id="without local level"),
        SalvoEnsemble((fast, slow, level), model_id="without two regimes"),
        SalvoEnsemble((ExponentialEmpirical(30.0), TwoRegime(), LocalLevel()), model_id="one empirical member"),
        SalvoEnsemble((*members, load_model("ratio_to_level")), model_id="with ratio to level"),
        SalvoEnsemble((*members, load_model("log_normal")), model_id="with log-normal regression"),
        SalvoEnsemble((*members, load_model("gradient_boosting")), model_id="with gradient boosting"),
    ]


def relative_table(result: Backtest) -> pd.DataFrame:
    """One row per model: WIS ratio by band, pinball ratios and coverage of the days, coverage of totals, seconds."""
    board = result.leaderboard()
    ratios = board.pivot_table(index="model", columns="band", values="wis_ratio", sort=False)[list(BANDS)]
    days = result.scores[~result.scores["band"].str.startswith("total")]
    table = ratios.map(lambda ratio: f"{ratio:.3f}")
    table.loc[f"{REFERENCE_MODEL}, drones"] = [
        f"{value:,.1f}" for value in board[board["model"] == REFERENCE_MODEL].set_index("band").loc[list(BANDS), "wis"]
    ]
    pinball = days.groupby("model")[["pinball_95", "pinball_99"]].mean()
    for column in ("pinball_95", "pinball_99"):
        table[column] = (pinball[column] / pinball[column][REFERENCE_MODEL]).map(lambda ratio: f"{ratio:.3f}")
    table["days 50/80/95"] = coverage(days)
    for band in ("total_7", "total_28"):
        table[f"{band} 50/80/95"] = coverage(result.scores[result.scores["band"] == band])
    table["d2-28 diff. (SE), p"] = paired(days)
    table["s per origin"] = result.timings.groupby("model")["seconds"].median().map(lambda seconds: f"{seconds:.3f}")
    return table.fillna("").rename_axis("model").reset_index()


def coverage(scores: pd.DataFrame) -> "pd.Series[str]":
    """model -> coverage of the 50, 80 and 95 % intervals, in percent."""
    means = 100 * scores.groupby("model")[["coverage_50", "coverage_80", "coverage_95"]].mean()
    return means.round().astype(int).astype(str).agg("/".join, axis=1)


def paired(days: pd.DataFrame) -> "pd.Series[str]":
    """model -> mean difference in WIS to the reference on days 2 to 28, its standard error, Diebold-Mariano p-value."""
    by_origin = days[days["horizon"] > 1].pivot_table(index="origin", columns="model", values="wis").sort_index()
    reference = by_origin[REFERENCE_MODEL].to_numpy()
    told = {}
    for model in by_origin.columns.drop(REFERENCE_MODEL):
        result = paired_difference(by_origin[model].to_numpy(), reference, overlap=1)
        told[model] = f"{result.mean:+.1f} ({result.standard_error:.1f}), {result.p_value:.2f}"
    return pd.Series(told, dtype=str)


def days_until_settled(model: Model, ledger: Ledger, counts: NDArray[np.float64], first_day: date, shift: date) -> str:
    """Days after the shift from which on the 80 % interval of the next 7 days' total covers 6 of 7 origins."""
    held = []
    for wait in range(LONGEST_WAIT + SETTLED[1]):
        origin = shift + timedelta(days=wait)
        totals = forecast(model, ledger.history(rule=RULE, origin=origin), SimulationRequest(7, 2_000), 1).totals(7)
        start = (origin - first_day).days + 1
        low, high = np.quantile(totals, [0.1, 0.9])
        held.append(bool(low <= counts[start : start + 7].sum() <= high))
    waits = (wait for wait in range(LONGEST_WAIT) if sum(held[wait : wait + SETTLED[1]]) >= SETTLED[0])
    return str(next(waits, f"more than {LONGEST_WAIT}"))


def markdown(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


if __name__ == "__main__":
    main()
