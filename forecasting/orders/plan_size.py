"""How large a plan may be, and of how many of its nights is kept what each of them was."""

from features.errors import InputError
from features.messages import Message
from forecasting.orders.kept_nights import NIGHTS_KEPT
from forecasting.salvos.model import SimulationRequest

MOST_MEMORY_GB = 4.5
"""For one plan."""
OF_ANY_SIZE_GB = 2.0
"""Of the process, of the block of paths that is met and of those that orders are tried on: at their most, those of a
horizon of a year."""
BYTES_A_PATH_DAY, BYTES_UNDER_A_SCENARIO, BYTES_A_CLASS = 60, 400, 60
"""Beside that, of the record alone, under a scenario, and of each class of weapon that comes with the drones. Measured
on 2026-11-30: 4.15 GB for 100,000 paths of 365 days (`experiments/benchmarks/plan_steps.py --year`)."""


def check_memory(request: SimulationRequest, *, under_scenario: bool = False, n_classes: int = 0) -> None:
    """Raises InputError where so many paths of so many days take more than MOST_MEMORY_GB."""
    of_one = (BYTES_UNDER_A_SCENARIO if under_scenario else BYTES_A_PATH_DAY) + n_classes * BYTES_A_CLASS
    most = int((MOST_MEMORY_GB - OF_ANY_SIZE_GB) * 1e9 / of_one)
    if request.n_paths * request.horizon > most:
        raise InputError(
            "{paths:,} paths of {horizon} attack days take {gb} GB of memory: expected at most {most_gb}; take "
            "{fewer:,} paths, or a shorter horizon",
            field="paths",
            paths=request.n_paths,
            horizon=request.horizon,
            gb=round(OF_ANY_SIZE_GB + request.n_paths * request.horizon * of_one / 1e9, 1),
            most_gb=MOST_MEMORY_GB,
            fewer=max(most // request.horizon, 1),
        )


def nights_to_keep(path_days: int, *, looked_at_again: bool) -> int | None:
    """Path days to keep night by night of so many; None: all. looked_at_again: by a policy or a target; what else a
    plan tells needs none, and the least is kept."""
    if path_days <= NIGHTS_KEPT:
        return None
    return NIGHTS_KEPT if looked_at_again else 1


def notes_of_first_paths(n_kept: int, n_paths: int) -> tuple[Message, ...]:
    """That a policy was found on the first paths, where it was."""
    return (Message.of("policy_on_first_paths", n=n_kept, paths=n_paths),) if n_kept < n_paths else ()
