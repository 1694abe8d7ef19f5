"""How large a request may be, told before the work and without what does it."""

from features.errors import InputError
from forecasting.answers.defences import defence_of
from forecasting.answers.request import ForecastRequest, PlanRequest
from forecasting.defence.layers import Defence

MOST_CELLS = 20_000_000
"""Paths times attack days times layers: each takes some 100 bytes while a plan is made."""


def check_size(request: ForecastRequest) -> None:
    """Raises InputError for a plan that would not fit into memory, however long it may take."""
    if isinstance(request, PlanRequest):
        check_cells(request, defence_of(request))


def check_cells(request: PlanRequest, stated: Defence) -> None:
    """Refuses a plan whose paths, nights and layers together would not fit into memory."""
    layers = len(stated.layers)
    cells = request.paths * request.horizon * layers
    if cells > MOST_CELLS:
        raise InputError(
            f"{request.paths:,} paths of {request.horizon} attack days through {layers} layers: expected at most "
            f"{MOST_CELLS:,} together; take fewer paths, a shorter horizon or fewer layers",
            field="paths",
        )
