"""How large a plan may be."""

from features.errors import InputError
from forecasting.salvos.model import SimulationRequest

MAX_CELLS = 2_000_000
"""Paths times attack days: each layer holds several whole numbers for each of them in memory."""


def check_path_days(request: SimulationRequest) -> None:
    """Raises InputError where paths times horizon needs too much memory."""
    if request.n_paths * request.horizon > MAX_CELLS:
        raise InputError(
            "{paths} paths of {horizon} attack days: a plan takes at most {most} path days; take fewer paths or a "
            "shorter horizon",
            field="paths",
            paths=request.n_paths,
            horizon=request.horizon,
            most=MAX_CELLS,
        )
