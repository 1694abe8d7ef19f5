"""What comes with the drones: of each other class of weapon a forecast from its own series, on the same nights."""

from collections.abc import Callable, Iterable
from zlib import crc32

import numpy as np

from features.errors import InputError, unknown_name
from features.records import MISSILES, SHAHED, weapons
from forecasting.answers.request import PlanRequest
from forecasting.plan import Prepared
from forecasting.salvos.joint import Counts, Threat, coinciding, nights_simulated, same_nights, share_on_largest
from forecasting.salvos.model import SimulationRequest, forecast_fitted
from forecasting.salvos.sampling import whole_drones

_STREAM = 8
"""Splits the seed of a forecast."""


def threats_of(
    request: PlanRequest,
    drones: Prepared,
    recorded: Iterable[str],
    known: Iterable[str],
    prepared: Callable[[str], Prepared],
) -> tuple[Threat, ...]:
    """The other classes of the raid that a request asks for, joint with the drones of its seed.

    recorded: the classes with a series in the theatre; known: those that may be named besides, as the defence meets
    them. prepared: a class with a series -> its model, fitted as of the origin of the drones.
    Raises InputError for a class that is not known, and for one that has neither a series nor a stated rate.
    """
    if not request.rates:
        return ()
    recorded = set(recorded)
    names = recorded | {SHAHED, *MISSILES, *known}
    for name, rate in request.rates.items():
        if name not in names:
            raise unknown_name("class of weapon", name, names, field="threats")
        if name not in recorded and rate is None:
            raise InputError(
                "there is no series of {weapons} in theatre {theatre}: state how many come, such as {example}",
                field="threats",
                weapons=weapons(name),
                theatre=request.theatre,
                example=f"{name}=10/week",
            )
    simulated = SimulationRequest(nights_simulated(request.horizon), request.paths)
    most = forecast_fitted(drones.model, drones.fitted, drones.history, simulated, request.seed).paths
    own = {name: prepared(name) for name in request.rates if name in recorded}
    seeds = {name: _seed(request.seed, name) for name in request.rates}
    paths = {
        name: forecast_fitted(each.model, each.fitted, each.history, simulated, seeds[name]).paths
        for name, each in own.items()
    }
    for name, rate in request.rates.items():
        if rate is not None:
            paths[name] = _at_rate(paths.get(name), rate, most.shape, seeds[name])
    record = None
    if own and drones.history.theatre == request.theatre:  # drones whose shape is borrowed came on other nights
        record = same_nights(drones.history, {name: each.history for name, each in own.items()})
    if record:
        paths |= coinciding(most, {name: paths[name] for name in own}, record, request.seed)
    return tuple(
        Threat(
            name,
            paths[name][:, : request.horizon],
            own[name].model.model_id if name in own else None,
            rate,
            share_on_largest(most, paths[name]),
            share_on_largest(record[SHAHED], record[name]) if record and name in record else float("nan"),
        )
        for name, rate in request.rates.items()
    )


def _seed(seed: int, weapon_class: str) -> int:
    """Of a class of its own: on the random numbers of the drones every path with many drones would have many of it."""
    return int(np.random.SeedSequence([seed, _STREAM, crc32(weapon_class.encode())]).generate_state(1)[0])


def _at_rate(paths: Counts | None, per_week: float, shape: tuple[int, ...], seed: int) -> Counts:
    """Paths of so many a week on average: those of the series, each night in proportion; without any, or where it never
    comes, independent nights (Poisson)."""
    rng = np.random.default_rng([seed, _STREAM])
    if paths is not None and paths.any():
        return whole_drones(paths * (per_week / 7.0 / paths.mean()), rng)
    from scipy.stats import poisson  # loading it takes longer than a plan without stated rates

    drawn: Counts = poisson.ppf(rng.random(shape), per_week / 7.0).astype(np.int64)
    return drawn
