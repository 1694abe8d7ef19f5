"""What a planner states about the defence: layers in order of engagement, every number a sourced range."""

from datetime import date
from typing import Self

from pydantic import Field, ValidationError, model_validator

from features.errors import unknown_name
from features.stated import Name, Source, SourcedRange, Stated, check_sources, parse_tables, told


class DefenceLayer(Stated):
    """A kind of effector. A layer without `interceptor` uses none (electronic warfare).

    engaged_share: share, of the drones that come to this layer, that it gets to engage. kill_probability: per
    engagement. engagements_per_night: its capacity. interceptors_per_engagement, stock (interceptors at the origin),
    monthly_supply (interceptors per month), unit_cost_usd (US dollars per interceptor): only with an interceptor.
    """

    id: Name
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


class Defence(Stated):
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
        check_sources(self, self.sources)
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
    stated = parse_tables(text, file_name, "defence", ("layer", "source"))
    given = {
        **stated.get("defence", {}),
        "layers": tuple(stated.get("layer", [])),
        "sources": tuple(stated.get("source", [])),
    }
    try:
        return Defence.model_validate(given)
    except ValidationError as error:
        raise told(error, Defence, given, file_name) from error
