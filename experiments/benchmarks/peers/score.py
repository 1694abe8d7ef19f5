"""Our scores of what the peers forecast, beside our own models, as Markdown. `make peers`, last step."""

import argparse
import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.backtest import Backtest
from experiments.benchmarks.tables import MAIN_WINDOW, backtest_models, bundled_ledger, markdown, relative_table
from features.history import LaunchHistory
from forecasting.salvos.model import MODELS, Model, ModelError, SimulationRequest, load_model


@dataclass(frozen=True)
class PeerForecast:
    """What a peer made of one origin."""

    paths: NDArray[np.int64]

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG002
        return self.paths


@dataclass(frozen=True)
class Peer:
    """The forecasts of a public tool as a model of ours, so that the backtest scores both alike.

    paths: origin -> (n_paths, horizon) drones per day. failures: origin -> why there are none.
    """

    model_id: str
    paths: dict[date, NDArray[np.int64]]
    failures: dict[date, str]

    def fit(self, history: LaunchHistory) -> PeerForecast:
        """Looks the origin up. Raises ModelError where the peer failed."""
        origin = history.last_day
        if origin not in self.paths:
            raise ModelError(self.failures.get(origin, f"{self.model_id} was not asked for origin {origin}"))
        return PeerForecast(self.paths[origin])


def peers_from(paths: pd.DataFrame, outcomes: pd.DataFrame) -> list[Peer]:
    """The peers of the two frames that forecast.py writes.

    paths: peer, origin, day_1, day_2, ... (drones, one row per path). outcomes: peer, origin, seconds, failure.
    """
    made: dict[Any, pd.DataFrame] = dict(list(paths.groupby(["peer", "origin"])))
    peers: dict[str, Peer] = {}
    for told in outcomes.to_dict("records"):
        name, origin = told["peer"], told["origin"]
        peer = peers.setdefault(name, Peer(name, {}, {}))
        if pd.isna(told["failure"]):
            peer.paths[origin.date()] = made[name, origin].filter(like="day_").to_numpy(dtype=np.int64)
        else:
            peer.failures[origin.date()] = told["failure"]
    return list(peers.values())


def with_peer_seconds(result: Backtest, outcomes: pd.DataFrame) -> Backtest:
    """The same, with the seconds that the peers took in their own environment instead of those of looking them up."""
    ours = result.timings[~result.timings["model"].isin(outcomes["peer"])]
    theirs = outcomes[outcomes["failure"].isna()].rename(columns={"peer": "model"})
    return replace(result, timings=pd.concat([ours, theirs[["model", "origin", "seconds"]]]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds paths.parquet, outcomes.parquet and versions.json")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    outcomes = pd.read_parquet(given.folder / "outcomes.parquet")
    versions = json.loads((given.folder / "versions.json").read_text(encoding="utf-8"))
    peers = peers_from(pd.read_parquet(given.folder / "paths.parquet"), outcomes)
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
