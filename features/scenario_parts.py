"""The parts of a production scenario: facilities, workforce, events, stock, theatres. Every number is sourced."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from features.records import EARLIEST_DAY
from features.stated import Day, Name, SourcedRange, Stated

DAYS_PER_MONTH = 365.25 / 12

Line = Literal["armed", "decoys"]


class PlannersRange(SourcedRange):
    """A number of a scenario, which the planner may know without a source that can be named."""

    may_be_known: ClassVar[bool] = True


class DronesPerTime(PlannersRange):
    """Drones made, imported or transferred in a time; computed with as drones per day."""

    unit: Literal["drones_per_day", "drones_per_month", "drones_per_year"]

    @property
    def _days(self) -> float:
        return {"drones_per_day": 1.0, "drones_per_month": DAYS_PER_MONTH, "drones_per_year": 365.25}[self.unit]

    def draw(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """(n,) draws in drones per day."""
        return super().draw(rng, n) / self._days

    def quantile(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles in drones per day."""
        return super().quantile(level) / self._days


class Drones(PlannersRange):
    unit: Literal["drones"]


class Share(PlannersRange):
    """A part of a whole, 0 to 1."""

    largest: ClassVar[float] = 1.0

    unit: Literal["share"]

    @model_validator(mode="after")
    def _check_share(self) -> Self:
        if self.high > self.largest:
            raise ValueError(f"a share reaches {self.high}: expected 0 to 1")
        return self


class Ratio(PlannersRange):
    unit: Literal["ratio"]


class Days(PlannersRange):
    unit: Literal["days"]


class Workers(PlannersRange):
    unit: Literal["workers"]


class Rooms(PlannersRange):
    unit: Literal["rooms"]


class WorkersPerRoom(PlannersRange):
    unit: Literal["workers_per_room"]


class Kilograms(PlannersRange):
    """A mass that is there."""

    unit: Literal["kg"]

    @model_validator(mode="after")
    def _check_mass(self) -> Self:
        if self.low <= 0:
            raise ValueError(f"a mass from {self.low:g} kg: expected more than 0")
        return self


class OutputPerWorker(PlannersRange):
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
        if self.occupants is not None and not self.rooms:
            raise ValueError("occupants are stated, but no rooms: expected dated rooms too, from when there are beds")
        if self.rooms and self.occupants is None:
            raise ValueError("rooms are stated, but no occupants: expected workers_per_room too")
        _check_dates("rooms", self.rooms)
        return self


class Facility(Stated):
    """A place or group of plants that makes drones: the least of its lines, its workforce and its parts.

    armed, decoys: dated points of line capacity, joined by the ramp; nothing before the first, the last one stands.
    utilisation: share of the line capacity that is used. parts: dated points of how many drones the parts suffice for;
    without them, the parts suffice. as_stated: what it makes is certain. It reaches the launches as its numbers say, on
    top of what the record allows of the rest: not weighed by the record, nothing of it held back or lost. Every output
    of it must be reported, or known to the planner.
    """

    id: Name
    name: str
    as_stated: bool = False
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
        opens = min(point.date for point in (*self.armed, *self.decoys))
        for arrival in self.workforce.arrivals if self.workforce else ():
            if arrival.date < opens:
                raise ValueError(
                    f"workers arrive on {arrival.date}, before the plant exists: expected {opens}, the day of its "
                    "first output, or later; or an earlier output of 0"
                )
        if self.as_stated:
            _check_certain(*(("armed", point) for point in self.armed), *(("decoys", point) for point in self.decoys))
        return self


class _Event(Stated):
    """Something that happens on `date`. sources: of the event itself; its numbers name their own."""

    id: Name
    title: str
    date: Day
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
    """A facility gets more capacity, which grows from nothing in ramp_up days. as_stated: as of a facility; what limits
    the rest of the facility does not limit it, but strikes on the facility do."""

    kind: Literal["new_line"]
    facility: str
    line: Line
    capacity: DronesPerTime
    ramp_up: Days
    as_stated: bool = False

    @model_validator(mode="after")
    def _check_as_stated(self) -> Self:
        if self.as_stated:
            _check_certain(("capacity", self.capacity))
        return self


class _Period(_Event):
    """From `date` through `until`, or without end."""

    until: Day | None = None

    @model_validator(mode="after")
    def _check_until(self) -> Self:
        if self.until is not None and self.until < self.date:
            raise ValueError(f"until {self.until} is before its date {self.date}: expected a later day")
        return self


class Imports(_Period):
    """Drones that come ready-made from elsewhere. as_stated: as of a facility."""

    kind: Literal["imports"]
    line: Line
    rate: DronesPerTime
    as_stated: bool = False

    @model_validator(mode="after")
    def _check_as_stated(self) -> Self:
        if self.as_stated:
            _check_certain(("rate", self.rate))
        return self


class TransferOut(_Period):
    """Drones that leave the store for other users, as far as there are any."""

    kind: Literal["transfer_out"]
    rate: DronesPerTime


class ModelSwitch(_Event):
    """A new model (jet, larger warhead) comes to be a share of the armed drones, in ramp_up days.

    model: the kind of drone that it is, by which a defence may know it; without it, the id of the event. reach,
    kill_probability, interceptors: layer of the defence -> how many times its engaged_share, kill_probability or
    interceptors_per_engagement is that against the common armed drone, where the defence itself says nothing of that
    kind. warhead_kg: without it, as the defence says.
    """

    kind: Literal["model_switch"]
    model: Name | None = None
    share: Share
    ramp_up: Days
    reach: dict[Name, Ratio] = Field(default_factory=dict)
    kill_probability: dict[Name, Ratio] = Field(default_factory=dict)
    interceptors: dict[Name, Ratio] = Field(default_factory=dict)
    warhead_kg: Kilograms | None = None


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
        if self.opening.date < EARLIEST_DAY:
            raise ValueError(f"opening is of {self.opening.date}: expected {EARLIEST_DAY} or later")
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


def _check_certain(*numbers: tuple[str, SourcedRange]) -> None:
    """Raises ValueError where a number that counts as stated is neither reported nor known; nothing need not be."""
    for name, number in numbers:
        if number.basis not in ("reported", "known") and number.high > 0:
            raise ValueError(
                f"as_stated is true, but {name} of {number.date} is {number.basis}: expected basis = 'reported' with "
                "its source, basis = 'known' for a planner's own knowledge, or no as_stated"
            )


def _check_dates(name: str, points: Sequence[SourcedRange]) -> None:
    """Raises ValueError where two points are of one day."""
    days = [point.date for point in points]
    if repeated := sorted({day for day in days if days.count(day) > 1}):
        raise ValueError(f"{name} has two points of {repeated[0]}: expected one for each day")
