"""What the benchmarks share: the main window, a backtest on the bundled reports, and its Markdown tables."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pandas as pd

from experiments.backtest import Backtest, Replay, run_backtest
from experiments.comparison import paired_difference
from experiments.engine import Engine
from experiments.folds import rolling_origins
from features.ledger import Ledger
from features.sources.bundled import read_bundled
from forecasting.salvos.model import REFERENCE_MODEL, Model, SimulationRequest

REPLAY = Replay(SimulationRequest(28, 2_000), seed=1)
MAIN_WINDOW = rolling_origins(date(2025, 1, 1), date(2026, 1, 28), 14)
HEADS = {
    "h1": "day 1",
    "h2_7": "2-7",
    "h8_14": "8-14",
    "h15_28": "15-28",
    "total_7": "total 7",
    "total_28": "total 28",
}
"""Band -> head of its column."""


@contextmanager
def bundled_ledger() -> Iterator[Ledger]:
    """A ledger in memory that holds the bundled reports."""
    with Ledger.open("sqlite://") as ledger:
        ledger.ingest(read_bundled(), datetime.now(UTC))
        yield ledger


def backtest_models(ledger: Ledger, models: Sequence[Model], origins: Sequence[date], n_jobs: int) -> Backtest:
    """The backtest of these models, each fitted at each origin to what the ledger shows by then."""
    return run_backtest(
        lambda origin: ledger.history(origin=origin),
        ledger.history(),
        models,
        origins,
        REPLAY,
        others=ledger.others,
        engine=Engine(n_jobs),
    )


def relative_table(result: Backtest) -> pd.DataFrame:
    """One row per model: WIS ratio by band, pinball ratios and coverage of the days, coverage of totals, seconds.

    Where a model failed, a last column counts the origins; ratios are over the targets that it was scored on.
    """
    board = result.leaderboard()
    bands = list(HEADS)
    ratios = board.pivot_table(index="model", columns="band", values="wis_ratio", sort=False)[bands]
    days = result.scores[~result.scores["band"].str.startswith("total")]
    table = ratios.map(lambda ratio: f"{ratio:.3f}")
    table.loc[f"{REFERENCE_MODEL}, drones"] = [
        f"{value:,.1f}" for value in board[board["model"] == REFERENCE_MODEL].set_index("band").loc[bands, "wis"]
    ]
    for level in (95, 99):
        ratio = ratio_to_reference(days, f"pinball_{level}")
        table[f"pinball .{level}"] = ratio.map(lambda value: f"{value:.3f}")
    table["days 50/80/95"] = coverage(days)
    for band in ("total_7", "total_28"):
        table[f"{HEADS[band]} 50/80/95"] = coverage(result.scores[result.scores["band"] == band])
    table["d2-28 diff. (SE), p"] = paired_text(days)
    failed = result.failures.groupby("model").size()
    table = table.reindex([*table.index, *failed.index.difference(table.index)])
    table["s per origin"] = result.timings.groupby("model")["seconds"].median().map(lambda seconds: f"{seconds:.3f}")
    if len(failed):
        table["failed origins"] = failed.astype(str)
    return table.fillna("").rename(columns=HEADS).rename_axis("model").reset_index()


def ratio_to_reference(scores: pd.DataFrame, column: str) -> "pd.Series[float]":
    """model -> mean score over the reference's, on the targets that the model was scored on."""
    by_target = scores.pivot_table(index=["origin", "horizon"], columns="model", values=column)
    reference = by_target[REFERENCE_MODEL]
    return pd.Series({name: model.sum() / reference[model.notna()].sum() for name, model in by_target.items()})


def coverage(scores: pd.DataFrame) -> "pd.Series[str]":
    """model -> coverage of the 50, 80 and 95 % intervals, in percent."""
    means = 100 * scores.groupby("model")[["coverage_50", "coverage_80", "coverage_95"]].mean()
    return means.round().astype(int).astype(str).agg("/".join, axis=1)


def paired_text(days: pd.DataFrame) -> "pd.Series[str]":
    """model -> mean difference in WIS to the reference on days 2 to 28, its standard error, Diebold-Mariano p-value.

    Blank where fewer than two origins can be compared.
    """
    by_origin = days[days["horizon"] > 1].pivot_table(index="origin", columns="model", values="wis").sort_index()
    told = {}
    for model in by_origin.columns.drop(REFERENCE_MODEL):
        both = by_origin[[model, REFERENCE_MODEL]].dropna().to_numpy()
        if len(both) > 1:
            result = paired_difference(both[:, 0], both[:, 1], overlap=1)
            told[model] = f"{result.mean:+.1f} ({result.standard_error:.1f}), {result.p_value:.2f}"
    return pd.Series(told, dtype=str)


def markdown(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)
