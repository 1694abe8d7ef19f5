"""A calibration on the paths of a forecast: whether it tells something of them, and what it gives each of them."""

import numpy as np
from numpy.typing import NDArray

from features.history import LaunchHistory
from features.messages import Message
from forecasting.defence.blocks import Levels
from forecasting.defence.layers import Defence
from forecasting.defence.stock import without_stocks
from forecasting.losses.calibrated_defence import Calibration
from forecasting.salvos.forecast import SalvoForecast

Array = NDArray[np.float64]
TOLD_BEYOND = 0.02
"""Share of the nights beyond the sizes of the record from which on the plan says so."""
FAR_OFF = 0.1
"""Share of the drones by which the record may exceed what the calibrated defence does before the plan says so."""


def calibration_for(
    defence: Defence, salvos: SalvoForecast, history: LaunchHistory, calibrated: Calibration | None
) -> tuple[Calibration | None, tuple[Message, ...]]:
    """The calibration, where it tells something of the drones of this forecast, and its notes."""
    if salvos.theatre != history.theatre:
        return None, (Message.of("no_record_of_theatre", theatre=salvos.theatre),)
    if calibrated is None:
        return None, (Message.of("not_calibrated"),)
    if calibrated.defence != without_stocks(defence) or calibrated.origin != history.last_day:
        raise ValueError("the calibration is of another defence or origin: expected that of the defence planned for")
    return (calibrated if calibrated.n_nights else None), calibrated.notes


def engagement_draws(
    planned: Defence, salvos: SalvoForecast, calibration: Calibration | None
) -> tuple[Levels, dict[str, Array], float]:
    """Levels and kill factors for `engage`: the calibration's, for the layers that it knows of those planned; and the
    share of the nights beyond what the record has seen (`PathDraws.beyond`)."""
    if calibration is None:
        return (), {}, 0.0
    drawn = calibration.for_paths(salvos.paths, salvos.seed)
    by_layer = {layer.id: levels for layer, levels in zip(calibration.defence.layers, drawn.levels, strict=True)}
    return (
        tuple(by_layer.get(layer.id, {}) for layer in planned.layers),
        {layer.id: drawn.kill_factor for layer in planned.layers},
        drawn.beyond,
    )


def notes_below_record(calibration: Calibration) -> tuple[Message, ...]:
    """The warning where the record reports more than the calibrated defence does."""
    recent = [each for each in calibration.periods if each.period.code == "last_nights"]
    short = [each for each in recent if each.low - each.posterior[2] > FAR_OFF]
    if not short:
        return ()
    return (Message.of("defence_below_record", reported=short[0].low, reached=short[0].posterior[2]),)


def size_notes(share: float) -> tuple[Message, ...]:
    """The note of nights of a size that the record has not seen."""
    return (Message.of("sizes_beyond_record", share=share),) if share >= TOLD_BEYOND else ()


def what_if_notes(layers: tuple[str, ...]) -> tuple[Message, ...]:
    """The warning of a what-if."""
    return (Message.of("planned_without", layers=layers),) if layers else ()
