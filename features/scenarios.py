"""What a planner states about production: facilities, workforce, events, stock, theatres. Every number is sourced."""

from collections.abc import Iterable, Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from features.errors import InputError, unknown_name
from features.records import UKRAINE
from features.stated import (
    Name,
    Source,
    SourcedRange,
    Stated,
    check_sources,
    parse_tables,
    read_stated,
    tables,
    told,
)

DAYS_PER_MONTH = 365.25 / 12
PUBLISHED = "published"
"""The bundled scenario of the state as published; the others are variants of it."""

Line = Literal["armed", "decoys"]


class DronesPerTime(SourcedRange):
    """Drones made, imported or transferred in a time; computed with as drones per day."""

    unit: Literal["drones_per_day", "drones_per_month", "drones_per_year"]

    def quantile(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        days = {"drones_per_day": 1.0, "drones_per_month": DAYS_PER_MONTH, "drones_per_year": 12 * DAYS_PER_MONTH}
        return super().quantile(level) / days[self.unit]


class Drones(SourcedRange):
    unit: Literal["drones"]


class Share(SourcedRange):
    """A part of a whole, 0 to 1."""

    largest: ClassVar[float] = 1.0

    unit: Literal["share"]

    @model_validator(mode="after")
    def _check_share(self) -> Self:
        if self.high > self.largest:
            raise ValueError(f"a share reaches {self.high}: expected 0 to 1")
        return self


class Ratio(SourcedRange):
    unit: Literal["ratio"]


class Days(SourcedRange):
    unit: Literal["days"]


class Workers(SourcedRange):
    unit: Literal["workers"]


class Rooms(SourcedRange):
    unit: Literal["rooms"]


class WorkersPerRoom(SourcedRange):
    unit: Literal["workers_per_room"]


class OutputPerWorker(SourcedRange):
    unit: Literal["drones_per_worker_month"]


class Workforce(Stated):
    """Who builds the drones of a facility, and what limits them.

    arrivals: workers who come on a day. rooms: dated points; from one to the next the last number stands. Beds are
    rooms times occupants; who finds no bed waits for one. training: days from the bed to the line. output: of a worker
    with full experience; starting_output: the share of it at the end of the training; learning_half_life: days in which
    half of what is missing is learned.
    """

    arrivals: tuple[Workers, ...] = Field(strict=False, min_length=1)
    rooms: tuple[Rooms, ...] = Field((), strict=False)
    occupants: WorkersPerRoom | None = None
    training: Days
    output: OutputPerWorker
    starting_output: Share
    learning_half_life: Days

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.rooms) != (self.occupants is not None):
            raise ValueError("housing is rooms times occupants: expected both, or neither")
        _check_dates("rooms", self.rooms)
        return self


class Facility(Stated):
    """A place or group of plants that makes drones: the least of its lines, its workforce and its parts.

    armed, decoys: dated points of line capacity, joined by the ramp; nothing before the first, the last one stands.
    utilisation: share of the line capacity that is used. parts: dated points of how many drones the parts suffice for;
    without them, the parts suffice.
    """

    id: Name
    name: str
    ramp: Literal["linear", "logistic"] = "linear"
    utilisation: Share
    armed: tuple[DronesPerTime, ...] = Field((), strict=False)
    decoys: tuple[DronesPerTime, ...] = Field((), strict=False)
    parts: tuple[DronesPerTime, ...] = Field((), strict=False)
    workforce: Workforce | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.armed and not self.decoys:
            raise ValueError("a facility makes armed drones or decoys: expected points of 'armed' or of 'decoys'")
        for name in ("armed", "decoys", "parts"):
            _check_dates(name, getattr(self, name))
        return self


class _Event(Stated):
    """Something that happens on `date`. sources: of the event itself; its numbers name their own."""

    id: Name
    title: str
    date: date
    sources: tuple[str, ...] = Field((), strict=False)


class FacilityStrike(_Event):
    """A share of a facility's lines is lost; half of it is back after each recovery_half_life."""

    kind: Literal["facility_strike"]
    facility: str
    capacity_lost: Share
    recovery_half_life: Days


class StoreStrike(_Event):
    """Drones in store are lost, as far as there are any."""

    kind: Literal["store_strike"]
    drones_lost: Drones


class Sanctions(_Event):
    """A share of a facility's parts is lost; half of it is replaced after each recovery_half_life."""

    kind: Literal["sanctions"]
    facility: str
    parts_lost: Share
    recovery_half_life: Days


class NewLine(_Event):
    """A facility gets more capacity, which grows from nothing in ramp_up days."""

    kind: Literal["new_line"]
    facility: str
    line: Line
    capacity: DronesPerTime
    ramp_up: Days


class _Period(_Event):
    """From `date` through `until`, or without end."""

    until: date | None = None

    @model_validator(mode="after")
    def _check_until(self) -> Self:
        if self.until is not None and self.until < self.date:
            raise ValueError(f"until {self.until} is before its date {self.date}: expected a later day")
        return self


class Imports(_Period):
    """Drones that come ready-made from elsewhere."""

    kind: Literal["imports"]
    line: Line
    rate: DronesPerTime


class TransferOut(_Period):
    """Drones that leave the store for other users, as far as there are any."""

    kind: Literal["transfer_out"]
    rate: DronesPerTime


class ModelSwitch(_Event):
    """A new model (jet, larger warhead) takes a share of the armed drones, in ramp_up days.

    kill_probability: layer of the defence -> how many times its kill probability is that against the older model.
    """

    kind: Literal["model_switch"]
    share: Share
    ramp_up: Days
    kill_probability: dict[Name, Ratio]


class Pause(_Period):
    """No launches against a theatre (a truce); production goes on."""

    kind: Literal["pause"]
    theatre: Name


Event = Annotated[
    FacilityStrike | StoreStrike | Sanctions | NewLine | Imports | TransferOut | ModelSwitch | Pause,
    Field(discriminator="kind"),
]


class StockPolicy(Stated):
    """What is in store and how it is used.

    opening: drones in store on its date, when the account begins. minimum: kept in store. released: share of production
    and imports that goes into the store; the rest is held back for other purposes. lost_before_launch: share of the
    drones taken from the store that never become a launch. drawdown: days in which the store above its minimum would be
    used up, were nothing made any more.
    """

    opening: Drones
    minimum: Drones
    released: Share
    lost_before_launch: Share
    drawdown: Days

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.drawdown.low < 1:
            raise ValueError(f"drawdown is from {self.drawdown.low} days: expected at least 1")
        if self.lost_before_launch.high >= 1:
            raise ValueError("lost_before_launch reaches 1: expected less, or nothing would ever be launched")
        return self


class TheatreShares(Stated):
    """What part of the drones is for a theatre, as dated points joined by straight lines.

    Of one facility where it is named, and otherwise of everything that has no row of its own: production, imports and
    the opening stock.
    """

    id: Name
    facility: str | None = None
    share: tuple[Share, ...] = Field(strict=False, min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_dates("share", self.share)
        return self

    def mode_on(self, day: date) -> float:
        """The most likely share on a day."""
        points = sorted(self.share, key=lambda point: point.date)
        days = [point.date.toordinal() for point in points]
        return float(np.interp(day.toordinal(), days, [point.mode for point in points]))


class ProductionScenario(Stated):
    """A named set of assumptions about the supply of drones.

    as_of: the day it was written; nothing in it is published later. about: a paragraph for the planner. based_on: the
    scenario it is a variant of. output_ratio: true output over what is stated, alike for all lines, as far as the
    record leaves it open; None: 1. theatres: without any, every drone is for Ukraine.
    """

    name: Name
    title: str
    as_of: date
    about: Annotated[str, Field(min_length=1)]
    based_on: str | None = None
    output_ratio: Ratio | None = None
    stock: StockPolicy
    facilities: tuple[Facility, ...] = ()
    events: tuple[Event, ...] = ()
    theatres: tuple[TheatreShares, ...] = ()
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self, self.sources)
        ids = [facility.id for facility in self.facilities]
        for kind, names in (
            ("facility", ids),
            ("event", [event.id for event in self.events]),
            ("theatre", [f"{row.id} of {row.facility or 'everything'}" for row in self.theatres]),
        ):
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{kind} {repeated[0]} is stated twice")
        for part in (*self.events, *self.theatres):
            facility = getattr(part, "facility", None)
            if facility is not None and facility not in ids:
                raise ValueError(f"{unknown_name('facility', facility, ids)} (in {_kind(part)} {part.id})")
        for source in self.sources:
            if source.date > self.as_of:
                raise ValueError(
                    f"source {source.id} is published on {source.date}, after the scenario's as_of {self.as_of}: "
                    "expected an earlier source, or a later as_of"
                )
        self._check_pauses()
        self._check_shares()
        return self

    def _check_pauses(self) -> None:
        pauses = sorted((event for event in self.events if isinstance(event, Pause)), key=lambda pause: pause.date)
        for index, later in enumerate(pauses):
            for earlier in pauses[:index]:
                if earlier.theatre == later.theatre and later.date <= (earlier.until or date.max):
                    raise ValueError(
                        f"pauses {earlier.id} and {later.id} overlap on {later.date}: expected one to end before the "
                        "other begins"
                    )

    def _check_shares(self) -> None:
        for facility in {row.facility for row in self.theatres}:
            rows = [row for row in self.theatres if row.facility == facility]
            for day in sorted({point.date for row in rows for point in row.share}):
                whole = sum(row.mode_on(day) for row in rows)
                if whole > 1 + 1e-9:
                    raise ValueError(
                        f"the theatres' shares of {facility or 'everything'} add up to {whole:.2f} on {day}: expected "
                        "at most 1"
                    )

    @property
    def theatre_ids(self) -> tuple[str, ...]:
        """The theatres that get drones, in the order of the file."""
        return tuple(dict.fromkeys(row.id for row in self.theatres)) or (UKRAINE,)

    def as_known(self, day: date) -> "ProductionScenario":
        """The scenario as far as its sources were published by `day`; assumptions without a source stay.

        What was said later replaces what was said before: a point of a line gives way to a point for the same or an
        earlier day that was published later. Facilities that have no point left are gone, and events with them.
        """
        published = {source.id: source.date for source in self.sources}

        def out(names: Iterable[str]) -> date:
            return max((published[name] for name in names), default=date.min)

        def known(stated: Stated) -> bool:
            numbers = [table for _, table in tables(stated) if isinstance(table, SourcedRange)]
            return all(out(getattr(each, "sources", ())) <= day for each in (stated, *numbers))

        def points(stated: Sequence[SourcedRange]) -> tuple[SourcedRange, ...]:
            kept = [point for point in stated if known(point)]
            return tuple(
                point
                for point in kept
                if not any(
                    point.sources and out(other.sources) > out(point.sources) and other.date <= point.date
                    for other in kept
                )
            )

        facilities = []
        for facility in self.facilities:
            lines = {name: points(getattr(facility, name)) for name in ("armed", "decoys", "parts")}
            workforce = facility.workforce
            if workforce is not None:
                arrivals = tuple(arrival for arrival in workforce.arrivals if known(arrival))
                rooms = points(workforce.rooms)
                workforce = workforce.model_copy(
                    update={"arrivals": arrivals, "rooms": rooms, "occupants": workforce.occupants if rooms else None}
                )
                lines["workforce"] = workforce if arrivals else None  # type: ignore[assignment]
            if lines["armed"] or lines["decoys"]:
                facilities.append(facility.model_copy(update=lines))
        left = {facility.id for facility in facilities}
        return self.model_copy(
            update={
                "facilities": tuple(facilities),
                "events": tuple(e for e in self.events if known(e) and getattr(e, "facility", None) in {None, *left}),
                "theatres": tuple(row for row in self.theatres if row.facility in {None, *left}),
            }
        )


def bundled_scenarios() -> tuple[str, ...]:
    """Names of the bundled scenarios, the published state first."""
    folder = resources.files("features.bundled.scenarios")
    names = sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    return tuple(sorted(names, key=lambda name: name != PUBLISHED))


def load_scenario(name_or_file: str) -> ProductionScenario:
    """A bundled scenario by its name, or one of a planner by its file, which ends in .toml.

    Raises InputError naming file, table and key of the first thing wrong.
    """
    return _parsed(_tables_of(name_or_file, ()), name_or_file)


def parse_scenario(text: str, file_name: str) -> ProductionScenario:
    """A scenario from its TOML text; see `load_scenario`."""
    return _parsed(_with_base(parse_tables(text, file_name, **_TABLES), file_name, ()), file_name)


_TABLES: Any = {
    "head": "scenario",
    "rows": ("facility", "event", "theatre", "source"),
    "single": ("stock", "output_ratio"),
}


def _parsed(stated: dict[str, Any], file_name: str) -> ProductionScenario:
    given = {
        **stated.get("scenario", {}),
        **{name: stated[name] for name in _TABLES["single"] if name in stated},
        "facilities": tuple(stated.get("facility", [])),
        "events": tuple(stated.get("event", [])),
        "theatres": tuple(stated.get("theatre", [])),
        "sources": tuple(stated.get("source", [])),
    }
    try:
        return ProductionScenario.model_validate(given)
    except ValidationError as error:
        raise told(error, ProductionScenario, given, file_name) from error


def scenario_text(name_or_file: str) -> str:
    """The TOML text of a scenario as it stands in its file. Raises InputError where there is none."""
    if name_or_file.endswith(".toml"):
        return read_stated(Path(name_or_file))
    if name_or_file not in bundled_scenarios():
        if Path(name_or_file).exists():
            raise InputError(f"scenario file {name_or_file}: expected a TOML file with a name that ends in .toml")
        raise InputError(
            f"{unknown_name('scenario', name_or_file, bundled_scenarios())}; or name a file ending in .toml"
        ) from None
    file = resources.files("features.bundled.scenarios").joinpath(f"{name_or_file}.toml")
    return file.read_text(encoding="utf-8")


def _tables_of(name_or_file: str, variants: tuple[str, ...]) -> dict[str, Any]:
    """The tables of a file, with those of what it is based on. variants: the files that led here."""
    key = str(Path(name_or_file).resolve()) if name_or_file.endswith(".toml") else name_or_file
    if key in variants:
        raise InputError(f"{name_or_file}: based_on goes in a circle: expected a scenario that stands on its own")
    stated = parse_tables(scenario_text(name_or_file), name_or_file, **_TABLES)
    return _with_base(stated, name_or_file, (*variants, key))


def _with_base(stated: dict[str, Any], file_name: str, variants: tuple[str, ...]) -> dict[str, Any]:
    """The tables of a variant laid over those of its base: tables by key, rows by id; rows of its own are added."""
    base_name = stated.get("scenario", {}).get("based_on")
    if base_name is None:
        return stated
    if not isinstance(base_name, str):
        raise InputError(f"{file_name}: scenario.based_on is {base_name!r}: expected a name or a file ending in .toml")
    if base_name.endswith(".toml"):
        base_name = str(Path(file_name).parent / base_name)
    base = _tables_of(base_name, variants)
    merged: dict[str, Any] = {
        name: {**base.get(name, {}), **stated.get(name, {})} for name in ("scenario", *_TABLES["single"])
    }
    for name in _TABLES["rows"]:
        own = {_row_key(row): row for row in stated.get(name, [])}
        rows = [{**row, **own.pop(_row_key(row), {})} for row in base.get(name, [])]
        merged[name] = [*rows, *own.values()]
    return {name: value for name, value in merged.items() if value}


def _row_key(row: Any) -> object:
    """What makes a row of a variant the same as one of its base."""
    return (row.get("id"), row.get("facility") if "share" in row else None) if isinstance(row, dict) else id(row)


def _kind(part: Stated) -> str:
    return "theatre" if isinstance(part, TheatreShares) else "event"


def _check_dates(name: str, points: Sequence[SourcedRange]) -> None:
    """Raises ValueError where two points are of one day."""
    days = [point.date for point in points]
    if repeated := sorted({day for day in days if days.count(day) > 1}):
        raise ValueError(f"{name} has two points of {repeated[0]}: expected one for each day")
