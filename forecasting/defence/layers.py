"""What a planner states about the defence: layers in order of engagement, every number a sourced range."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, field_validator, model_validator

from features.errors import InputError, unknown_name
from features.records import SHAHED, weapons
from features.stated import LARGEST_NUMBER, Name, Source, SourcedRange, Stated, check_sources, input_error, parse_tables
from features.supply_rate import per_month, stated_supply

SHARES = ("engaged_share", "kill_probability", "decoy_discrimination", "weather_share", "available_share")
STOCKED = ("interceptors_per_engagement", "stock", "monthly_supply", "unit_cost_usd")
"""What a layer with an interceptor has to state."""
STOCKED_OPTIONAL = ("available_share", "monthly_supply_later", "ramp_months", "lead_time_days", "review_days")
COMMON, DECOY = "armed", "decoy"
"""The armed drone that layers are stated against, and the decoy: kinds that every defence knows."""
COUNTED = "stock_file"
"""The source of a stock that a planner has counted."""
STATED_SUPPLY = "supply_stated"
"""The source of a supply that a planner has stated."""
MOST_CHANNELS = 1_000
NIGHT_HOURS = 14.0
"""The usual reported window, 18:00 to 08:00."""


class Against(Stated):
    """What a layer does to one kind of drone: how many times each is what it is against the common armed drone.

    Parameters
    ----------
    reach : SourcedRange, optional
        Of the engaged_share.
    kill_probability : SourcedRange, optional
        Of the kill probability of an engagement.
    interceptors : SourcedRange, optional
        Per engagement, of which it still takes one at least.
    """

    reach: SourcedRange | None = None
    kill_probability: SourcedRange | None = None
    interceptors: SourcedRange | None = None


class Met(Stated):
    """What a layer does to another class of weapon than drones.

    Parameters
    ----------
    engaged_share, kill_probability : SourcedRange
        As of the layer, in numbers of their own.
    interceptors_per_engagement : SourcedRange, optional
        None: as against drones.
    available_share : SourcedRange, optional
        The part of stock and supply that is for this class; None: all.
    """

    engaged_share: SourcedRange
    kill_probability: SourcedRange
    interceptors_per_engagement: SourcedRange | None = None
    available_share: SourcedRange | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_shares(self)
        _check_interceptors(self.interceptors_per_engagement)
        return self


class DefenceLayer(Stated):
    """A kind of effector. A layer without `interceptor` uses none (electronic warfare).

    Either engagements_per_night, or fire_channels with service_minutes. With an interceptor, stock, monthly_supply and
    unit_cost_usd are required.

    Parameters
    ----------
    id, name : str
        For requests, and for people.
    engaged_share : SourcedRange
        Share, of the drones that come to this layer, that it could engage.
    decoy_discrimination : SourcedRange, optional
        Share of the decoys among them that it tells from armed drones and lets pass.
    works : "always", "day" or "night"
        Hours of the attack day.
    weather_share : SourcedRange, optional
        Share of the attack days whose weather allows it; bad weather is bad for every layer that it concerns.
    kill_probability : SourcedRange
        Of one engagement, an attempt on one drone.
    salvo_of, rounds : int
        The doctrine: salvo_of attempts at once, and again while the drone lives, up to `rounds` times (1 and 1: one
        shot).
    engagements_per_night : SourcedRange, optional
        The capacity as a number.
    fire_channels, service_minutes : SourcedRange, optional
        The capacity as channels, each held so long a round: a drone that finds every channel busy passes.
    against : dict of str to Against
        Kind of drone -> what is different against it; the rest is stated against the common armed drone.
    meets : dict of str to Met
        Other class of weapon -> what the layer does to it.
    priority : tuple of str
        Those classes, and "shahed" for the drones, in the order in which they are engaged: capacity, channels and stock
        go to the first before the second. A layer whose engaged_share is 0 may leave the drones out.
    interceptor : str, optional
        What one interceptor is.
    interceptors_per_engagement : SourcedRange, optional
        1 or more.
    stock : SourcedRange, optional
        Interceptors at the origin.
    monthly_supply, monthly_supply_later : SourcedRange, optional
        Interceptors per month at the origin, and what that becomes in a straight line over ramp_months.
    available_share : SourcedRange, optional
        The part of stock and supply that is for drones, the rest being for other targets; None: all, and so is a stock
        that a planner has counted. In a raid of several classes it adds up with the shares of the others.
    ramp_months : SourcedRange, optional
        Months.
    unit_cost_usd : SourcedRange, optional
        US dollars each.
    lead_time_days : SourcedRange, optional
        From an order to its delivery; None: 0.
    review_days : int, optional
        From one order to the next; None: to the end of the horizon.
    minimum_stock : int
        Interceptors that should always be left, though they are fired when nothing else is.
    pack_size : int
        Interceptors that are ordered together.
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
    against: dict[Name, Against] = Field(default_factory=dict)
    meets: dict[Name, Met] = Field(default_factory=dict)
    priority: tuple[Name, ...] = Field(default=(), strict=False)
    interceptor: str | None = None
    interceptors_per_engagement: SourcedRange | None = None
    stock: SourcedRange | None = None
    monthly_supply: SourcedRange | None = None
    available_share: SourcedRange | None = None
    monthly_supply_later: SourcedRange | None = None
    ramp_months: SourcedRange | None = None
    unit_cost_usd: SourcedRange | None = None
    lead_time_days: SourcedRange | None = None
    review_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    minimum_stock: Annotated[int, Field(ge=0, le=LARGEST_NUMBER)] = 0
    pack_size: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)] = 1

    @field_validator("monthly_supply", "monthly_supply_later", mode="before")
    @classmethod
    def _read_rates(cls, given: Any) -> Any:
        """A supply whose numbers are texts with their unit, as people state it; mode alone is low and high too."""
        if not isinstance(given, dict):
            return given
        rates = {
            name: per_month(stated_supply(given[name]))
            for name in ("low", "mode", "high", "at_least", "up_to")
            if isinstance(given.get(name), str)
        }
        alone = {"low": rates["mode"], "high": rates["mode"]} if rates.keys() == {"mode"} else {}
        return alone | given | rates

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_shares(self)
        self._check_capacity()
        self._check_stock()
        self._check_priority()
        return self

    def _check_priority(self) -> None:
        if SHAHED in self.meets:
            raise ValueError(f"meets.{SHAHED}: the layer itself says what it does to drones: expected another class")
        if not self.meets and not self.priority:
            return
        met = (SHAHED, *self.meets)
        if not self.priority:
            order = ", ".join(f'"{name}"' for name in (*self.meets, SHAHED))
            raise ValueError(f"priority is missing: expected the order of engagement, such as [{order}]")
        if strange := [name for name in self.priority if name not in met]:
            raise ValueError(f"{unknown_name('class', strange[0], met)} (in priority)")
        if repeated := [name for name in self.priority if self.priority.count(name) > 1]:
            raise ValueError(f"priority names {repeated[0]} twice: expected each class once")
        forgotten = [name for name in met if name not in self.priority]
        if forgotten and (forgotten != [SHAHED] or self.engaged_share.high > 0):
            raise ValueError(f"priority forgets {forgotten[0]}: expected each of {', '.join(met)} once")

    def _check_capacity(self) -> None:
        channels = (self.fire_channels, self.service_minutes)
        if (self.engagements_per_night is None) == (None in channels) or any(channels) != all(channels):
            raise ValueError("expected engagements_per_night, or fire_channels and service_minutes")
        if self.fire_channels is not None and self.fire_channels.high > MOST_CHANNELS:
            raise ValueError(f"fire_channels reach {self.fire_channels.high}: expected at most {MOST_CHANNELS}")
        if self.engagements_per_night is not None and 0 < self.engagements_per_night.high < self.salvo_of:
            raise ValueError(
                f"salvo_of is {self.salvo_of}, and engagements_per_night reach {self.engagements_per_night.high:g}: "
                "expected room for one salvo a night, or the layer never fires"
            )
        if self.service_minutes is not None and self.service_minutes.low == 0:
            raise ValueError("service_minutes start from 0: expected more, the time that a drone holds a fire channel")

    def _check_stock(self) -> None:
        missing = [name for name in STOCKED if getattr(self, name) is None]
        if self.interceptor is not None and missing:
            raise ValueError(f"a layer with an interceptor needs {', '.join(missing)}")
        if self.interceptor is None and (
            self.minimum_stock
            or self.pack_size > 1
            or any(getattr(self, name) is not None for name in STOCKED + STOCKED_OPTIONAL)
        ):
            raise ValueError("a layer with a stock needs interceptor = '...': what one interceptor is")
        _check_interceptors(self.interceptors_per_engagement)
        for weapon_class, met in self.meets.items():
            takes = met.interceptors_per_engagement is not None or met.available_share is not None
            if takes and self.interceptor is None:
                raise ValueError(f"meets.{weapon_class} takes interceptors: expected interceptor = '...' of the layer")
        if (self.monthly_supply_later is None) != (self.ramp_months is None):
            raise ValueError("expected monthly_supply_later and ramp_months together: supply moves to it over them")

    @property
    def stock_is_counted(self) -> bool:
        """Whether the stock is a planner's own count, and so all for the drones that are forecast."""
        return self.stock is not None and COUNTED in self.stock.sources

    @property
    def supply_is_stated(self) -> bool:
        """Whether the supply is what a planner has stated, and so all for the raid."""
        return self.monthly_supply is not None and STATED_SUPPLY in self.monthly_supply.sources

    @property
    def ranges(self) -> dict[str, SourcedRange]:
        """Quantity name -> range, for the quantities that this layer states; "against.jet.reach" and the like too."""
        found = ranges_of(self)
        for kind, against in self.against.items():
            found |= {f"against.{kind}.{name}": value for name, value in ranges_of(against).items()}
        for weapon_class, met in self.meets.items():
            found |= {f"meets.{weapon_class}.{name}": value for name, value in ranges_of(met).items()}
        return found

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of weapon that it meets, in the order in which it engages them."""
        return self.priority or (SHAHED,)

    def facing(self, classes: Sequence[str]) -> Self:
        """The same layer against some classes alone.

        Parameters
        ----------
        classes : sequence of str
            Of weapon; "shahed" is the drones.

        Returns
        -------
        DefenceLayer
        """
        kept = tuple(name for name in self.classes if name in classes)
        met = {name: self.meets[name] for name in kept if name in self.meets}
        return self.model_copy(update={"meets": met, "priority": kept if met else ()})


def _check_shares(stated: Stated) -> None:
    for name in SHARES:
        share = getattr(stated, name, None)
        if share is not None and share.high > 1:
            raise ValueError(f"{name} reaches {share.high}: expected 0 to 1")


def _check_interceptors(stated: SourcedRange | None) -> None:
    if stated is not None and stated.low < 1:
        raise ValueError("interceptors_per_engagement is below 1: an engagement uses at least one")


def ranges_of(stated: Stated) -> dict[str, SourcedRange]:
    """Field -> range, for the fields of a table that are ranges."""
    return {
        name: value for name in type(stated).model_fields if isinstance(value := getattr(stated, name), SourcedRange)
    }


class DroneKind(Stated):
    """A kind of armed drone beside the common one.

    Parameters
    ----------
    id, name : str
        For layers, and for people.
    share : tuple of SourcedRange
        Of the armed drones, as dated points joined by straight lines, of which the first and the last stand; none where
        a scenario alone brings it.
    warhead_kg : SourcedRange, optional
        Kilograms.
    """

    id: Name
    name: str
    share: tuple[SourcedRange, ...] = Field(default=(), strict=False)
    warhead_kg: SourcedRange | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.id in (COMMON, DECOY):
            raise ValueError(f"kind {self.id} is known to every defence: expected another id")
        if above := [point for point in self.share if point.high > 1]:
            raise ValueError(f"share reaches {above[0].high:g} on {above[0].date}: expected 0 to 1")
        days = [point.date for point in self.share]
        if repeated := sorted({day for day in days if days.count(day) > 1}):
            raise ValueError(f"share has two points of {repeated[0]}: expected one for each day")
        _check_warhead(self.warhead_kg)
        return self

    def share_on(self, days: Sequence[date], level: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its share of the armed drones, day by day.

        Parameters
        ----------
        days : sequence of date
            Attack days.
        level : (n_paths,) array of float
            The level 0 to 1 of every point's range that each path has drawn.

        Returns
        -------
        (n_paths, n_days) array of float
            0 where no share is stated.
        """
        if not self.share:
            return np.zeros((level.size, len(days)))
        points = sorted(self.share, key=lambda point: point.date)
        at = [point.date.toordinal() for point in points]
        asked = [day.toordinal() for day in days]
        weights = np.array([np.interp(asked, at, row) for row in np.eye(len(at))])
        found: NDArray[np.float64] = np.stack([point.quantile(level) for point in points], axis=1) @ weights
        return found


def _check_warhead(stated: SourcedRange | None) -> None:
    if stated is not None and stated.low == 0:
        raise ValueError("warhead_kg starts from 0: expected more; drones without a warhead are decoys")


class Wave(Stated):
    """A part of the drones of a night; shares of all waves sum to 1.

    Parameters
    ----------
    share : float
        Of the drones of the night, above 0.
    hours : float
        Over which it comes evenly spread.
    sources : tuple of str
        Ids of statements.
    note : str
        For people.
    """

    share: Annotated[float, Field(gt=0, le=1)]
    hours: Annotated[float, Field(gt=0, le=24)]
    sources: tuple[str, ...] = Field(default=(), strict=False)
    note: str = ""


class Defence(Stated):
    """The layers of one theatre, in order of engagement, and the statements they rest on.

    Parameters
    ----------
    name, title, about : str
        An id, a line and a paragraph for people.
    theatre : str
        Whose defence it is.
    as_of : date
        The day it was written.
    daylight_share : SourcedRange, optional
        Share of the drones of an attack day that come in daylight; None: none do.
    warhead_kg : SourcedRange, optional
        Kilograms, of the common armed drone.
    drone_cost_usd : SourcedRange, optional
        US dollars, what the common armed drone costs who launches it.
    kinds : tuple of DroneKind
        Of armed drone, beside the common one.
    layers : tuple of DefenceLayer
        In order of engagement, one at least.
    waves : tuple of Wave
        How the drones of a night come; without any, evenly over NIGHT_HOURS. They matter to fire channels alone.
    sources : tuple of Source
        The statements.
    """

    name: str
    title: str
    theatre: str
    as_of: date
    about: str
    daylight_share: SourcedRange | None = None
    warhead_kg: SourcedRange | None = None
    drone_cost_usd: SourcedRange | None = None
    kinds: tuple[DroneKind, ...] = ()
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
        _check_warhead(self.warhead_kg)
        self._check_kinds()
        check_sources(self, self.sources)
        return self

    def _check_kinds(self) -> None:
        ids = [kind.id for kind in self.kinds]
        if repeated := {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"kind {sorted(repeated)[0]} is stated twice")
        for layer in self.layers:
            for kind in layer.against:
                if kind not in (*ids, DECOY):
                    raise ValueError(f"{unknown_name('kind', kind, (*ids, DECOY))} (in layer {layer.id})")
        for day in sorted({point.date for kind in self.kinds for point in kind.share}):
            whole = sum(float(kind.share_on([day], np.array([0.5]))[0, 0]) for kind in self.kinds if kind.share)
            if whole > 1 + 1e-9:
                raise ValueError(f"the shares of the kinds add up to {whole:.2f} on {day}: expected at most 1")

    def kinds_known(self, day: date) -> tuple[DroneKind, ...]:
        """The kinds, with the points of their shares whose sources were published by a day.

        Parameters
        ----------
        day : date
            The origin.

        Returns
        -------
        tuple of DroneKind
        """
        out = {source.id: source.date for source in self.sources}
        return tuple(
            kind.model_copy(
                update={"share": tuple(at for at in kind.share if all(out[name] <= day for name in at.sources))}
            )
            for kind in self.kinds
        )

    def layer(self, layer_id: str) -> DefenceLayer:
        """One layer.

        Parameters
        ----------
        layer_id : str
            Its id.

        Returns
        -------
        DefenceLayer

        Raises
        ------
        InputError
            For a layer that it does not have; it gives the nearest ids.
        """
        known = {layer.id: layer for layer in self.layers}
        if layer_id not in known:
            raise unknown_name("layer", layer_id, known, field="layers")
        return known[layer_id]

    @property
    def ids(self) -> tuple[str, ...]:
        """Of its layers, in order of engagement."""
        return tuple(layer.id for layer in self.layers)

    def only(self, layer_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Some of its layers, in order of engagement.

        Parameters
        ----------
        layer_ids : tuple of str
            In any order.

        Returns
        -------
        tuple of str

        Raises
        ------
        InputError
            For a layer that it does not have.
        """
        wanted = {self.layer(layer_id).id for layer_id in layer_ids}
        return tuple(name for name in self.ids if name in wanted)

    def facing(self, classes: Sequence[str]) -> Self:
        """The defence against a raid: the layers that meet something of it, and what they do to that.

        Parameters
        ----------
        classes : sequence of str
            Classes of weapon in the raid, such as ("shahed", "cruise").

        Returns
        -------
        Defence

        Raises
        ------
        InputError
            Where no layer meets the first of them.
        """
        layers = tuple(layer.facing(classes) for layer in self.layers if set(layer.classes) & set(classes))
        if not any(classes[0] in layer.classes for layer in layers):
            raise InputError(f"no layer of the defence {self.name} meets {weapons(classes[0])}: expected one at least")
        return self.model_copy(update={"layers": layers})

    def without(self, layer_ids: tuple[str, ...]) -> Self:
        """The same defence where some layers engage nothing: the others keep their places, and their random numbers.

        Parameters
        ----------
        layer_ids : tuple of str
            Those that engage nothing.

        Returns
        -------
        Defence

        Raises
        ------
        InputError
            For a layer that it does not have, or where none is left.
        """
        left_out = self.only(layer_ids)
        if len(left_out) == len(self.layers):
            raise InputError(f"without {', '.join(left_out)} no layer is left: expected one at least")
        nothing = SourcedRange(
            **dict.fromkeys(("low", "mode", "high"), 0.0),
            basis="assumed",
            sources=(),
            date=self.as_of,
            confidence="D",
            note="Left out: what if.",
        )
        layers = tuple(
            layer.model_copy(update={"engaged_share": nothing} | _meeting_none(layer, nothing))
            if layer.id in left_out
            else layer
            for layer in self.layers
        )
        return self.model_copy(update={"layers": layers})


def _meeting_none(layer: DefenceLayer, nothing: SourcedRange) -> dict[str, dict[str, Met]]:
    met = {name: met.model_copy(update={"engaged_share": nothing}) for name, met in layer.meets.items()}
    return {"meets": met} if met else {}


def selected_layers(defence: Defence, layers: tuple[str, ...], without: tuple[str, ...]) -> tuple[str, ...]:
    """Ids of the layers to report, in order of engagement: those named, or all, but for those left out.

    Raises InputError for a layer that the defence does not have, and for one that is named and left out.
    """
    left_out = defence.without(without).only(without)
    named = defence.only(layers) if layers else defence.ids
    if layers and (both := [name for name in named if name in left_out]):
        raise InputError(f"layer {both[0]} is to be reported and to be left out: expected one of the two")
    return tuple(name for name in named if name not in left_out)


def parse_defence(text: str, file_name: str) -> Defence:
    """A defence from its TOML text.

    Parameters
    ----------
    text : str
        As `salvocast defence new` writes it.
    file_name : str
        For errors.

    Returns
    -------
    Defence

    Raises
    ------
    InputError
        Naming file, layer and key of the first thing wrong.
    """
    stated = parse_tables(text, file_name, "defence", ("kind", "layer", "wave", "source"))
    given = {
        **stated.get("defence", {}),
        "kinds": tuple(stated.get("kind", [])),
        "layers": tuple(stated.get("layer", [])),
        "waves": tuple(stated.get("wave", [])),
        "sources": tuple(stated.get("source", [])),
    }
    try:
        return Defence.model_validate(given)
    except ValidationError as error:
        raise input_error(error, Defence, given, file_name) from error
