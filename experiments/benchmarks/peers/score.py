"""Our scores of what the peers forecast, beside our own models, as Markdown. `make peers`, last step."""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from experiments.backtest import Backtest
from experiments.benchmarks.tables import MAIN_WINDOW, backtest_models, bundled_ledger, markdown, relative_table
from experiments.outside import OutsideForecasts, read_forecasts
from forecasting.salvos.model import MODELS, Model, load_model


def peers_from(folder: Path, outcomes: pd.DataFrame) -> list[OutsideForecasts]:
    """The peers that forecast.py wrote, read as anybody's files are. outcomes: model, origin, seconds, failure."""
    failed = outcomes[outcomes["failure"].notna()]
    failures = {
        str(name): {row["origin"].date(): str(row["failure"]) for row in rows.to_dict("records")}
        for name, rows in failed.groupby("model")
    }
    read = {peer.model_id: peer for peer in read_forecasts([folder / "paths.parquet"])}
    names = dict.fromkeys(outcomes["model"])  # in the order of forecast.py, those that always failed among them
    return [replace(read.get(name, OutsideForecasts(name, {})), failures=failures.get(name, {})) for name in names]


def with_peer_seconds(result: Backtest, outcomes: pd.DataFrame) -> Backtest:
    """The same, with the seconds that the peers took in their own environment instead of those of looking them up."""
    ours = result.timings[~result.timings["model"].isin(outcomes["model"])]
    theirs = outcomes[outcomes["failure"].isna()]
    return replace(result, timings=pd.concat([ours, theirs[["model", "origin", "seconds"]]]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds paths.parquet, outcomes.parquet and versions.json")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    outcomes = pd.read_parquet(given.folder / "outcomes.parquet")
    versions = json.loads((given.folder / "versions.json").read_text(encoding="utf-8"))
    peers = peers_from(given.folder, outcomes)
    models: list[Model] = [*(load_model(name) for name in MODELS), *peers]
    with bundled_ledger() as ledger:
        result = with_peer_seconds(backtest_models(ledger, models, MAIN_WINDOW, given.jobs), outcomes)
    tools = ", ".join(f"{package} {version}" for package, version in versions.items())
    print(f"{datetime.now(UTC):%Y-%m-%d}; {len(MAIN_WINDOW)} origins, {MAIN_WINDOW[0]} to {MAIN_WINDOW[-1]}; {tools}.")
    print("Peers: negative values cut at 0; totals of conformal AutoETS and LightGBM assume independent days.\n")
    print(markdown(relative_table(result)))
    if len(result.failures):
        print("\nFailures:\n")
        print(markdown(result.failures))


if __name__ == "__main__":
    main()
