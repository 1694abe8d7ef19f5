"""Two defences against the same salvos: what differs, beside the noise of the difference; and a defence with more."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from features.errors import InputError, unknown_name
from features.stated import SourcedRange
from forecasting.defence.layers import Defence, DefenceLayer
from forecasting.defence.outcome import Engagements

Array = NDArray[np.float64]
ALIASES = {"nightly_capacity": "engagements_per_night"}


@dataclass(frozen=True, slots=True)
class Difference:
    """What one defence does more of than the other: means over the paths, of the whole horizon. layer: of what uses
    interceptors, its id. standard_error: of `change`, on common random numbers."""

    what: str
    layer: str
    before: float
    after: float
    change: float
    standard_error: float

    @property
    def name(self) -> str:
        """What it is of, with its layer."""
        return f"{self.what}, {self.layer}" if self.layer else self.what

    @property
    def noise(self) -> bool:
        """Whether the change is within two standard errors of none."""
        return abs(self.change) <= 2.0 * self.standard_error


def differences(before: Engagements, after: Engagements) -> Iterable[Difference]:
    """Armed leakers, leaked warhead mass where both state it, interceptors used by layer, and what they cost."""
    yield _difference("armed drones that leak", before.actual.leakers.sum(axis=1), after.actual.leakers.sum(axis=1))
    masses = [each.leaked_warhead_kg(each.actual) for each in (before, after)]
    if masses[0] is not None and masses[1] is not None:
        yield _difference("leaked warheads, kg", masses[0], masses[1])
    used = [{stock.layer_id: stock.used.sum(axis=1) for stock in each.stocks} for each in (before, after)]
    none = np.zeros(before.actual.leakers.shape[0], np.int64)
    for layer in dict.fromkeys([*used[0], *used[1]]):
        yield _difference("interceptors used", used[0].get(layer, none), used[1].get(layer, none), layer)
    yield _difference("interceptors used, USD", _cost(before), _cost(after))


def _cost(met: Engagements) -> Array:
    cost = np.zeros(met.actual.leakers.shape[0])
    for index, drawn in enumerate(met.draws):
        cost += met.actual.interceptors[index].sum(axis=1) * drawn.get("unit_cost_usd", 0.0)
    return cost


def _difference(
    what: str, before: NDArray[np.int64] | Array, after: NDArray[np.int64] | Array, layer: str = ""
) -> Difference:
    change = np.asarray(after, dtype=np.float64) - before
    error = float(change.std(ddof=1) / np.sqrt(change.size)) if change.size > 1 else np.inf
    return Difference(what, layer, float(before.mean()), float(after.mean()), float(change.mean()), error)


def with_more(defence: Defence, layer_id: str, quantity: str, by: float) -> Defence:
    """The defence with the whole range of what a layer states moved by as much.

    Raises InputError for a layer or a quantity that it does not state, or a range that cannot be.
    """
    layer, quantity = defence.layer(layer_id), ALIASES.get(quantity, quantity)
    plain = [name for name in layer.ranges if not name.startswith(("against.", "meets."))]
    if quantity not in plain:
        raise unknown_name(f"quantity of layer {layer_id}", quantity, (*plain, *ALIASES))
    stated = layer.ranges[quantity]
    moved = {"low": stated.low + by, "mode": stated.mode + by, "high": stated.high + by}
    rest = {"basis": "assumed", "sources": (), "date": stated.date, "confidence": "D", "note": f"Moved by {by:+g}."}
    try:
        same = {name: getattr(layer, name) for name in type(layer).model_fields}
        other = DefenceLayer.model_validate(same | {quantity: SourcedRange.model_validate(moved | rest)})
    except ValidationError as error:
        wrong = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"layer {layer.id}: {quantity} moved by {by:+g}: {wrong}") from error
    return defence.model_copy(
        update={"layers": tuple(other if each.id == layer.id else each for each in defence.layers)}
    )
