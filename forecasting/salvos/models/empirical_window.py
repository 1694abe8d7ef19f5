"""The reference: the coming days are draws from the last 28 known days."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.history import LaunchHistory
from forecasting.salvos.model import SimulationRequest

WINDOW = 28
FEWEST_DAYS = 7


@dataclass(frozen=True)
class EmpiricalWindow:
    """Resamples the last 28 known days, each with equal chance, independently from day to day."""

    model_id: str = "empirical_window"

    def fit(self, history: LaunchHistory) -> "FittedEmpiricalWindow":
        counts = history.known[-WINDOW:]
        if counts.size < FEWEST_DAYS:
            raise InputError(
                f"model {self.model_id} needs at least {FEWEST_DAYS} known attack days, the history until "
                f"{history.last_day} has {counts.size}: ingest more reports or choose a later origin"
            )
        return FittedEmpiricalWindow(counts.astype(np.int64))


@dataclass(frozen=True)
class FittedEmpiricalWindow:
    """counts: (n,) drones on the last known days."""

    counts: NDArray[np.int64]

    def simulate(self, request: SimulationRequest, rng: np.random.Generator) -> NDArray[np.int64]:
        return rng.choice(self.counts, size=(request.horizon, request.n_paths)).T
