"""What a planner states about the defence: layers in order of engagement, every number a sourced range."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from features.errors import unknown_name
from features.stated import LARGEST_NUMBER, Name, Source, SourcedRange, Stated, check_sources, parse_tables, told

SHARES = ("engaged_share", "kill_probability", "decoy_discrimination", "weather_share")
STOCKED = ("interceptors_per_engagement", "stock", "monthly_supply", "unit_cost_usd")
"""What a layer with an interceptor has to state."""
STOCKED_OPTIONAL = ("monthly_supply_later", "ramp_months", "lead_time_days", "review_days")
MOST_CHANNELS = 1_000
NIGHT_HOURS = 14.0
"""The usual reported window, 18:00 to 08:00."""


class DefenceLayer(Stated):
    """A kind of effector. A layer without `interceptor` uses none (electronic warfare).

    engaged_share: share, of the drones that come to this layer, that it could engage. decoy_discrimination: share of
    the decoys among them that it tells from armed drones and lets pass. works: hours of the attack day. weather_share:
    share of the attack days whose weather allows it; bad weather is bad for every layer that it concerns.
    kill_probability and interceptors_per_engagement: of one engagement, an attempt on one drone. The doctrine: salvo_of
    attempts at once, and again while the drone lives, up to `rounds` times (1 and 1: one shot).
    Either engagements_per_night, the capacity as a number, or fire_channels, each held for service_minutes a round:
    then a drone that finds every channel busy passes.
    With an interceptor: stock at the origin; monthly_supply per month at the origin, which becomes monthly_supply_later
    in a straight line over ramp_months; unit_cost_usd, US dollars each. For orders: lead_time_days from an order to its
    delivery (without it, none), review_days from one order to the next (without it, to the end of the horizon), and
    minimum_stock, which should always be left, though it is fired when nothing else is.
    """

    id: Name
    name: str
    engaged_share: SourcedRange
    decoy_discrimination: SourcedRange | None = None
    works: Literal["always", "day", "night"] = "always"
    weather_share: SourcedRange | None = None
    kill_probability: SourcedRange
    salvo_of: Annotated[int, Field(ge=1, le=20)] = 1
    rounds: Annotated[int, Field(ge=1, le=20)] = 1
    engagements_per_night: SourcedRange | None = None
    fire_channels: SourcedRange | None = None
    service_minutes: SourcedRange | None = None
    interceptor: str | None = None
    interceptors_per_engagement: SourcedRange | None = None
    stock: SourcedRange | None = None
    monthly_supply: SourcedRange | None = None
    monthly_supply_later: SourcedRange | None = None
    ramp_months: SourcedRange | None = None
    unit_cost_usd: SourcedRange | None = None
    lead_time_days: SourcedRange | None = None
    review_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    minimum_stock: Annotated[int, Field(ge=0, le=LARGEST_NUMBER)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in SHARES:
            stated = getattr(self, name)
            if stated is not None and stated.high > 1:
                raise ValueError(f"{name} reaches {stated.high}: expected 0 to 1")
        self._check_capacity()
        self._check_stock()
        return self

    def _check_capacity(self) -> None:
        channels = (self.fire_channels, self.service_minutes)
        if (self.engagements_per_night is None) == (None in channels) or any(channels) != all(channels):
            raise ValueError("expected engagements_per_night, or fire_channels and service_minutes")
        if self.fire_channels is not None and self.fire_channels.high > MOST_CHANNELS:
            raise ValueError(f"fire_channels reach {self.fire_channels.high}: expected at most {MOST_CHANNELS}")
        if self.service_minutes is not None and self.service_minutes.low == 0:
            raise ValueError("service_minutes start from 0: expected more, the time that a drone holds a fire channel")

    def _check_stock(self) -> None:
        missing = [name for name in STOCKED if getattr(self, name) is None]
        if self.interceptor is not None and missing:
            raise ValueError(f"a layer with an interceptor needs {', '.join(missing)}")
        if self.interceptor is None and (
            self.minimum_stock or any(getattr(self, name) is not None for name in STOCKED + STOCKED_OPTIONAL)
        ):
            raise ValueError("a layer with a stock needs interceptor = '...': what one interceptor is")
        if self.interceptors_per_engagement is not None and self.interceptors_per_engagement.low < 1:
            raise ValueError("interceptors_per_engagement is below 1: an engagement uses at least one")
        if (self.monthly_supply_later is None) != (self.ramp_months is None):
            raise ValueError("expected monthly_supply_later and ramp_months together: supply moves to it over them")

    @property
    def ranges(self) -> dict[str, SourcedRange]:
        """Quantity name -> range, for the quantities that this layer states."""
        return {
            name: value for name in type(self).model_fields if isinstance(value := getattr(self, name), SourcedRange)
        }


class Wave(Stated):
    """A part of the drones of a night, that comes evenly spread over so many hours; shares of all waves sum to 1."""

    share: Annotated[float, Field(gt=0, le=1)]
    hours: Annotated[float, Field(gt=0, le=24)]
    sources: tuple[str, ...] = Field(default=(), strict=False)
    note: str = ""


class Defence(Stated):
    """The layers of one theatre, in order of engagement, and the statements they rest on.

    waves: how the drones of a night come; without any, evenly over NIGHT_HOURS. They matter to fire channels alone.
    daylight_share: share of the drones of an attack day that come in daylight; without it, none.
    """

    name: str
    title: str
    theatre: str
    as_of: date
    about: str
    daylight_share: SourcedRange | None = None
    layers: tuple[DefenceLayer, ...] = Field(min_length=1)
    waves: tuple[Wave, ...] = ()
    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        ids = [layer.id for layer in self.layers]
        if repeated := {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"layer {sorted(repeated)[0]} is stated twice")
        if self.daylight_share is not None and self.daylight_share.high > 1:
            raise ValueError(f"daylight_share reaches {self.daylight_share.high}: expected 0 to 1")
        by_day = [layer.id for layer in self.layers if layer.works == "day"]
        if by_day and self.daylight_share is None:
            raise ValueError(f"layer {by_day[0]} works by day: state the daylight_share of the drones in [defence]")
        if self.waves and abs((total := sum(wave.share for wave in self.waves)) - 1.0) > 1e-6:
            raise ValueError(f"the shares of the waves sum to {total:g}: expected 1")
        check_sources(self, self.sources)
        return self

    def layer(self, layer_id: str) -> DefenceLayer:
        """The layer of that id. Raises InputError for one that it does not have."""
        known = {layer.id: layer for layer in self.layers}
        if layer_id not in known:
            raise unknown_name("layer", layer_id, known, field="layers")
        return known[layer_id]

    def only(self, layer_ids: tuple[str, ...]) -> Self:
        """The same defence with these layers alone. Raises InputError for a layer that it does not have."""
        wanted = {self.layer(layer_id).id for layer_id in layer_ids}
        return self.model_copy(update={"layers": tuple(layer for layer in self.layers if layer.id in wanted)})


def parse_defence(text: str, file_name: str) -> Defence:
    """A defence from its TOML text. Raises InputError naming file, layer and key of the first thing wrong."""
    stated = parse_tables(text, file_name, "defence", ("layer", "wave", "source"))
    given = {
        **stated.get("defence", {}),
        "layers": tuple(stated.get("layer", [])),
        "waves": tuple(stated.get("wave", [])),
        "sources": tuple(stated.get("source", [])),
    }
    try:
        return Defence.model_validate(given)
    except ValidationError as error:
        raise told(error, Defence, given, file_name) from error
