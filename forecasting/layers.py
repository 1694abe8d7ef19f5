"""What a planner states about the defence: layers in order of engagement, every number a sourced range."""

import tomllib
from datetime import date
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.errors import InputError, unknown_name

LARGEST_NUMBER = 1e9
"""Far above any stock, supply or price: a larger number is a slip, and its products would leave 64 bits."""
Number = Annotated[float, Field(ge=0, le=LARGEST_NUMBER, allow_inf_nan=False)]


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Stated):
    """A public statement that a number rests on. confidence: A (best) to C."""

    id: str
    title: str
    date: date
    url: str
    confidence: Literal["A", "B", "C"]


class SourcedRange(_Stated):
    """One number as it is known: a range (low, mode, high), how it was come by, and from where.

    basis: reported as such, derived from reported numbers, or assumed. date: what day the numbers speak of.
    confidence: that of the worst source, or D for an assumption.
    """

    low: Number
    mode: Number
    high: Number
    basis: Literal["reported", "derived", "assumed"]
    sources: tuple[str, ...] = Field(strict=False)
    date: date
    confidence: Literal["A", "B", "C", "D"]
    note: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low <= self.mode <= self.high:
            raise ValueError(f"low {self.low}, mode {self.mode}, high {self.high}: expected low <= mode <= high")
        if self.basis != "assumed" and not self.sources:
            raise ValueError(f"a {self.basis} number names no source: expected at least one, or basis = 'assumed'")
        return self

    def draw(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """(n,) draws from the triangular distribution on the range."""
        if self.low == self.high:
            return np.full(n, self.mode)
        return rng.triangular(self.low, self.mode, self.high, n)


class DefenceLayer(_Stated):
    """A kind of effector. A layer without `interceptor` uses none (electronic warfare).

    engaged_share: share, of the drones that come to this layer, that it gets to engage. kill_probability: per
    engagement. engagements_per_night: its capacity. interceptors_per_engagement, stock (interceptors at the origin),
    monthly_supply (interceptors per month), unit_cost_usd (US dollars per interceptor): only with an interceptor.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    name: str
    engaged_share: SourcedRange
    kill_probability: SourcedRange
    engagements_per_night: SourcedRange
    interceptor: str | None = None
    interceptors_per_engagement: SourcedRange | None = None
    stock: SourcedRange | None = None
    monthly_supply: SourcedRange | None = None
    unit_cost_usd: SourcedRange | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("engaged_share", "kill_probability"):
            if getattr(self, name).high > 1:
                raise ValueError(f"{name} reaches {getattr(self, name).high}: expected 0 to 1")
        stocked = ("interceptors_per_engagement", "stock", "monthly_supply", "unit_cost_usd")
        missing = [name for name in stocked if getattr(self, name) is None]
        if self.interceptor is not None and missing:
            raise ValueError(f"a layer with an interceptor needs {', '.join(missing)}")
        if self.interceptor is None and len(missing) < len(stocked):
            raise ValueError("a layer with a stock needs interceptor = '...': what one interceptor is")
        if self.interceptors_per_engagement is not None and self.interceptors_per_engagement.low < 1:
            raise ValueError("interceptors_per_engagement is below 1: an engagement uses at least one")
        return self

    @property
    def ranges(self) -> dict[str, SourcedRange]:
        """Quantity name -> range, for the quantities that this layer states."""
        return {
            name: value for name in type(self).model_fields if isinstance(value := getattr(self, name), SourcedRange)
        }


class Defence(_Stated):
    """The layers of one theatre, in order of engagement, and the statements they rest on."""

    name: str
    title: str
    theatre: str
    as_of: date
    about: str
    layers: tuple[DefenceLayer, ...] = Field(min_length=1)
    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        ids = [layer.id for layer in self.layers]
        if repeated := {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"layer {sorted(repeated)[0]} is stated twice")
        known = {source.id for source in self.sources}
        for layer in self.layers:
            for quantity, stated in layer.ranges.items():
                for source in stated.sources:
                    if source not in known:
                        raise ValueError(str(unknown_name("source", source, known)) + f" ({layer.id}.{quantity})")
        return self

    def only(self, layer_ids: tuple[str, ...]) -> Self:
        """The same defence with these layers alone. Raises InputError for a layer that it does not have."""
        known = [layer.id for layer in self.layers]
        for layer_id in layer_ids:
            if layer_id not in known:
                raise unknown_name("layer", layer_id, known)
        return self.model_copy(update={"layers": tuple(layer for layer in self.layers if layer.id in layer_ids)})


def parse_defence(text: str, file_name: str) -> Defence:
    """A defence from its TOML text. Raises InputError naming file, layer and key of the first thing wrong."""
    try:
        stated = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file_name} is not TOML: {error}") from error
    unknown_tables = sorted(set(stated) - {"defence", "layer", "source"})
    if unknown_tables:
        raise InputError(f"{file_name}: {unknown_name('table', unknown_tables[0], ('defence', 'layer', 'source'))}")
    head, layers, sources = stated.get("defence", {}), stated.get("layer", []), stated.get("source", [])
    if not isinstance(head, dict):
        raise InputError(f"{file_name}: 'defence' is a {type(head).__name__}: expected the table [defence]")
    for name, rows in (("layer", layers), ("source", sources)):
        if not isinstance(rows, list):
            raise InputError(f"{file_name}: '{name}' is a {type(rows).__name__}: expected [[{name}]] tables")
    try:
        return Defence.model_validate({**head, "layers": tuple(layers), "sources": tuple(sources)})
    except ValidationError as error:
        raise InputError(f"{file_name}: {_told(error, layers)}") from error


def _told(error: ValidationError, layers: list[object]) -> str:
    """The first error in words: the layer by its id, the key, what was expected, the nearest key for a typo."""
    errors = error.errors(include_url=False)
    # A mistyped key is also a missing one; only the typo tells what to mend.
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    location = list(first["loc"])
    model: type[BaseModel] = Defence
    if location[:1] == ["layers"] and len(location) > 1 and isinstance(location[1], int):
        stated = layers[location[1]]
        name = stated.get("id") if isinstance(stated, dict) else None
        location[:2] = [f"layer {name or location[1] + 1}"]
        model = SourcedRange if len(location) > 2 else DefenceLayer
    elif location[:1] == ["sources"]:
        model = Source
    where = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        return f"{where}: {unknown_name('key', str(location[-1]), model.model_fields)}"
    if first["type"] == "missing":
        return f"{where} is missing"
    message = first["msg"].removeprefix("Value error, ")
    given = "" if isinstance(first["input"], dict) else f" (given: {first['input']!r})"
    return f"{where}: {message}{given}" if where else f"{message}"
