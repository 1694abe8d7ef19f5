"""Missiles on the three nights of 28 with most drones, told from past origins: nights joined as the record joins them,
and each class by itself. How `forecasting/MODEL_CARD.md` knows that nights coincide.

    .venv/bin/python experiments/benchmarks/raid_nights.py
"""

import tempfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.ledger import Ledger
from features.records import SHAHED, UKRAINE
from features.sources.bundled import read_bundled
from forecasting.answers.context import FALLBACK_MODEL
from forecasting.record.scores import crps_from_paths
from forecasting.salvos.joint import BLOCK, coinciding, same_nights
from forecasting.salvos.model import SimulationRequest, forecast, load_model

FIRST, LAST = date(2024, 1, 28), date(2026, 3, 28)
PERIODS = {"2024": date(2024, 12, 31), "January to August 2025": date(2025, 8, 31), "since September 2025": date.max}
N_MOST = 3


Numbers = NDArray[np.int64] | NDArray[np.float64]


def on_most(drones: Numbers, other: Numbers) -> NDArray[np.int64]:
    """What of another class comes on the nights with most drones, by path."""
    most = np.argsort(-drones, axis=-1, kind="stable")[..., :N_MOST]
    found: NDArray[np.int64] = np.take_along_axis(other, most, -1).sum(axis=-1).astype(np.int64)
    return found


def main() -> None:
    model, request = load_model(FALLBACK_MODEL), SimulationRequest(BLOCK, 400)
    told = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{Path(folder) / 'ledger.db'}") as ledger:
        ledger.ingest(read_bundled(), datetime.now(UTC))
        whole = {name: ledger.history(UKRAINE, name) for name in (SHAHED, "cruise", "ballistic")}
        for months in range((LAST - FIRST).days // BLOCK + 1):
            origin = FIRST + timedelta(days=BLOCK * months)
            known = {name: ledger.history(UKRAINE, name, origin=origin) for name in whole}
            came = {name: history.after(origin, BLOCK) for name, history in whole.items()}
            paths = {name: forecast(model, known[name], request, seed).paths for seed, name in enumerate(known)}
            others = {name: each for name, each in paths.items() if name != SHAHED}
            record = same_nights(known[SHAHED], {name: known[name] for name in others})
            if record is None or np.isnan([*came.values()]).any():
                continue
            period = next(name for name, end in PERIODS.items() if origin <= end)
            for way, joined in (("joined", coinciding(paths[SHAHED], others, record, 1)), ("apart", others)):
                for name, each in joined.items():
                    most, seen = on_most(paths[SHAHED], each), on_most(came[SHAHED], came[name])
                    score = crps_from_paths(most[:, np.newaxis], np.array([float(seen)]))[0]
                    for key in (period, "all"):
                        told[key, name, way].append(
                            (most.mean(), each.sum() / len(each), seen, came[name].sum(), score)
                        )
    print("| period | class | nights | origins | told | came | CRPS |\n| --- | --- | --- | --- | --- | --- | --- |")
    for (period, name, way), rows in told.items():
        most, total, seen, launched, score = np.array(rows).T
        shares = most.sum() / total.sum(), seen.sum() / launched.sum()
        print(f"| {period} | {name} | {way} | {len(rows)} | {shares[0]:.2f} | {shares[1]:.2f} | {score.mean():.1f} |")


if __name__ == "__main__":
    main()
