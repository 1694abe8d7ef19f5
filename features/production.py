"""Production assumptions -> draws of what reaches the store of a theatre.

Every assumption of a scenario is drawn once per draw, by its own stream of random numbers (common random numbers: a
scenario that differs in one assumption differs in that draw alone). The dated points of a line share one level: a
facility in the upper part of its range stays there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError, unknown_name
from features.records import UKRAINE
from features.scenario_parts import (
    DAYS_PER_MONTH,
    Facility,
    FacilityStrike,
    Imports,
    Line,
    ModelSwitch,
    NewLine,
    Pause,
    Sanctions,
    StoreStrike,
    TheatreShares,
    TransferOut,
    Workforce,
)
from features.scenarios import ProductionScenario
from features.stated import SourcedRange
from features.stock_flow import BY_DAY, BY_DRAW, Draws, NewModel, SupplyDraws

Limit = Literal["line", "parts", "workforce"]
"""What can be the least that a facility has."""
_AT_ONCE = 2**18
"""Draws times days computed at a time: fewer, and Python takes longer than NumPy. It changes no result."""


def draw_supply(
    scenario: ProductionScenario,
    theatre: str,
    last_day: date,
    n_draws: int,
    seed: int,
    fixed: Mapping[str, float] | None = None,
) -> SupplyDraws:
    """Draws of the supply of a theatre from the opening of the account through last_day.

    fixed: assumption (a key of `SupplyDraws.levels`) -> the level 0 to 1 of its range at which it is held. The first n
    of more draws have the levels of n draws, and no level depends on last_day or on other assumptions.

    Raises InputError for a theatre that gets nothing in the scenario, a last_day before the account opens, or an
    assumption to be held that is none, or certain.
    """
    first_day = scenario.stock.opening.date
    n_days = (last_day - first_day).days + 1
    if n_days < 1:
        raise InputError(
            f"supply through {last_day} is asked for: expected a day from {first_day} on, when the account of scenario "
            f"{scenario.name} opens",
            field="scenario",
        )
    known = set(scenario.theatre_ids)
    if all(row.facility is not None for row in scenario.theatres):
        known.add(UKRAINE)  # what no row speaks of
    if theatre not in known:
        raise unknown_name("theatre", theatre, known, field="theatre")
    assumed = Assumptions(n_draws, seed, fixed or {})
    at_once = max(1, _AT_ONCE // n_days)
    blocks = []
    for start in range(0, n_draws, at_once):
        assumed.rows = slice(start, min(start + at_once, n_draws))
        blocks.append(Supply(scenario, theatre, n_days, assumed).supply_draws())
    if unknown := sorted(set(fixed or ()) - set(assumed.levels)):
        raise unknown_name("assumption", unknown[0], assumed.levels, field="held")
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in blocks]) for name in (*BY_DAY, *BY_DRAW)
    }
    new_models = tuple(
        NewModel.concatenate(switch) for switch in zip(*(each.new_models for each in blocks), strict=True)
    )
    return replace(blocks[0], **joined, new_models=new_models, levels=assumed.levels)


class Assumptions:
    """The numbers of a scenario, drawn. Called with the key of an assumption and its numbers: for each, a column
    (n, 1) of the draws of `rows`. All numbers of one key have the same level."""

    def __init__(self, n_draws: int, seed: int, fixed: Mapping[str, float]) -> None:
        self.levels: dict[str, Draws] = {}
        self.rows = slice(0, n_draws)
        self._n_draws, self._seed, self._fixed = n_draws, seed, fixed

    @property
    def n(self) -> int:
        return int(self.rows.stop - self.rows.start)

    def __call__(self, key: str, *numbers: SourcedRange) -> list[Draws]:
        if all(number.low == number.high for number in numbers):
            return [number.quantile(np.zeros((self.n, 1))) for number in numbers]
        if key not in self.levels:
            self.levels[key] = (
                np.full(self._n_draws, float(self._fixed[key]))
                if key in self._fixed
                else np.random.default_rng([self._seed, crc32(key.encode())]).random(self._n_draws)
            )
        level = self.levels[key][self.rows, np.newaxis]
        return [number.quantile(level) for number in numbers]


@dataclass(frozen=True)
class Spell:
    """The workforce of a facility between two arrivals or changes of its rooms, days `first` to before `end`.

    beds, waiting: (n, 1) beds, without end where no rooms are stated, and workers who have none. cohorts: day from
    which they are housed, and (n, 1) workers.
    """

    first: int
    end: int
    beds: Draws
    waiting: Draws
    cohorts: Sequence[tuple[int, Draws]]


class Supply:
    """The supply of a theatre for a block of draws: each method draws a part of it, (n, n_days)."""

    def __init__(self, scenario: ProductionScenario, theatre: str, n_days: int, assumed: Assumptions) -> None:
        self.scenario, self.theatre, self.n_days, self.assumed = scenario, theatre, n_days, assumed
        self.first_day = scenario.stock.opening.date
        self.general = self.share_of(None)

    def supply_draws(self) -> SupplyDraws:
        made, certain = self.made_by_facilities()
        struck, transferred = self.zeros(), self.zeros()
        paused = np.zeros(self.n_days, dtype=bool)
        new_models = []
        for event in self.scenario.events:
            match event:
                case Imports():
                    days, [rate] = self.period(event), self.assumed(f"event {event.id}.rate", event.rate)
                    (certain if event.as_stated else made)[event.line][:, days] += rate * self.general[:, days]
                case TransferOut():
                    days, [rate] = self.period(event), self.assumed(f"event {event.id}.rate", event.rate)
                    transferred[:, days] += rate * self.general[:, days]
                case StoreStrike():
                    [lost] = self.assumed(f"event {event.id}.drones_lost", event.drones_lost)
                    days = slice(self.day(event.date), self.day(event.date, 1))
                    struck[:, days] += lost * self.general[:, days]
                case Pause(theatre=self.theatre):
                    paused[self.period(event)] = True
                case ModelSwitch():
                    new_models.append(self.new_model(event))
                case _:
                    pass  # of a facility
        stock: dict[str, Any] = {}
        for name in BY_DRAW:
            [column] = self.assumed(f"stock.{name}", getattr(self.scenario.stock, name))
            stock[name] = (column * self.general[:, :1] if name in {"opening", "minimum"} else column)[:, 0]
        return SupplyDraws(
            self.theatre,
            self.first_day,
            armed=made["armed"],
            decoys=made["decoys"],
            armed_as_stated=certain["armed"],
            decoys_as_stated=certain["decoys"],
            struck=struck,
            transferred=transferred,
            paused=paused,
            new_models=tuple(new_models),
            **stock,
        )

    def made_by_facilities(self) -> tuple[dict[Line, Draws], dict[Line, Draws]]:
        """What the facilities make for the theatre, and what they make for certain."""
        made: dict[Line, Draws] = {"armed": self.zeros(), "decoys": self.zeros()}
        certain: dict[Line, Draws] = {"armed": self.zeros(), "decoys": self.zeros()}
        for facility in self.scenario.facilities:
            share = self.share_of(facility)
            if share.any():
                for line, drones in self.output(facility).items():
                    (certain if facility.as_stated else made)[line] += drones * share
                for event in self.scenario.events:
                    if isinstance(event, NewLine) and event.as_stated and event.facility == facility.id:
                        certain[event.line] += self.certain_line(event) * share
        if self.scenario.output_ratio is not None:
            [ratio] = self.assumed("output_ratio", self.scenario.output_ratio)
            for drones in made.values():
                drones *= ratio
        return made, certain

    def certain_line(self, event: NewLine) -> Draws:
        """What a line makes for certain, less what strikes on its facility take."""
        [capacity] = self.assumed(f"event {event.id}.capacity", event.capacity)
        made: Draws = capacity * self.share_in_place(event)
        for strike in self.scenario.events:
            if isinstance(strike, FacilityStrike) and strike.facility == event.facility:
                made = made * self.remaining_factor(strike, "capacity_lost")
        return made

    def output(self, facility: Facility) -> dict[Line, Draws]:
        """What a facility makes: the least of its lines, its workforce and its parts, armed and decoys alike."""
        lines, limits = self.limits(facility)
        if len(limits) > 1:
            total = limits["line"]
            limit = np.minimum.reduce([*limits.values()])
            scale = np.divide(limit, total, out=np.zeros_like(total), where=total > 0)
            for drones in lines.values():
                drones *= scale
        return lines

    def limits(self, facility: Facility) -> tuple[dict[Line, Draws], dict[Limit, Draws]]:
        """What the lines of a facility can make of each, and what its lines, parts and workforce allow of both
        together; what is not stated, or not hit, limits nothing and is left out."""
        key = f"facility {facility.id}"
        events = [event for event in self.scenario.events if getattr(event, "facility", None) == facility.id]
        lines: dict[Line, Draws] = {
            "armed": self.course(f"{key}.armed", facility.armed, logistic=facility.ramp == "logistic"),
            "decoys": self.course(f"{key}.decoys", facility.decoys, logistic=facility.ramp == "logistic"),
        }
        [used] = self.assumed(f"{key}.utilisation", facility.utilisation)
        parts_left = None
        for event in events:
            match event:
                case NewLine(as_stated=False):
                    [capacity] = self.assumed(f"event {event.id}.capacity", event.capacity)
                    lines[event.line] += capacity * self.share_in_place(event)
                case FacilityStrike():
                    used = used * self.remaining_factor(event, "capacity_lost")
                case Sanctions():
                    left = self.remaining_factor(event, "parts_lost")
                    parts_left = left if parts_left is None else parts_left * left
        for drones in lines.values():
            drones *= used
        total = lines["armed"] + lines["decoys"]
        limits: dict[Limit, Draws] = {"line": total}
        if facility.parts or parts_left is not None:
            # Where no parts are stated, and before the first day for which they are, they suffice for the lines.
            parts = self.course(f"{key}.parts", facility.parts)
            until = self.day(min((point.date for point in facility.parts), default=date.max))
            parts[:, :until] = total[:, :until]
            limits["parts"] = parts if parts_left is None else parts * parts_left
        if facility.workforce is not None:
            limits["workforce"] = self.workforce_output(f"{key}.workforce", facility.workforce)
        return lines, limits

    def workforce_output(self, key: str, workforce: Workforce) -> Draws:
        """What a workforce can build.

        Who arrives gets a bed or waits for one; who loses the bed leaves. A worker counts when trained, and makes
        output * (1 - (1 - starting_output) * 2^(-t / learning_half_life)) drones t days later: the exponential
        learning curve of Mazur and Hastie (1978), Psychological Bulletin 85(6), 1256-1274.
        """
        spells = [*self.housing(key, workforce)]
        [training] = self.assumed(f"{key}.training", workforce.training)
        [full] = self.assumed(f"{key}.output", workforce.output)
        [start] = self.assumed(f"{key}.starting_output", workforce.starting_output)
        [half_life] = self.assumed(f"{key}.learning_half_life", workforce.learning_half_life)

        trained = np.arange(max(self.n_days - spells[0].first, 0)) - training
        curve = np.where(trained >= 0, 1.0 - _fading(1.0 - start, half_life, np.maximum(trained, 0.0)), 0.0)
        workers = self.zeros()  # in workers of full experience
        for spell in spells:
            first, last = np.clip((spell.first, spell.end), 0, self.n_days)
            for since, heads in spell.cohorts if first < last else ():
                workers[:, first:last] += heads * curve[:, first - since : last - since]
        return workers * (full / DAYS_PER_MONTH)

    def housing(self, key: str, workforce: Workforce) -> Iterator[Spell]:
        """The times between two arrivals or changes of the rooms, in order, with beds and workers."""
        came = self.by_day(self.assumed(f"{key}.arrivals", *workforce.arrivals), workforce.arrivals)
        room_for: dict[int, Draws] = {}
        if workforce.occupants is not None:
            rooms = self.by_day(self.assumed(f"{key}.rooms", *workforce.rooms), workforce.rooms)
            [occupants] = self.assumed(f"{key}.occupants", workforce.occupants)
            room_for = {day: count * occupants for day, count in rooms.items()}
        changes = sorted({*came, *room_for})
        waiting, housed = np.zeros((2, self.assumed.n, 1))
        beds = np.full((self.assumed.n, 1), 0.0 if room_for else np.inf)
        cohorts: list[tuple[int, Draws]] = []
        for day, next_day in pairwise([*changes, max(self.n_days, changes[-1])]):
            beds = room_for.get(day, beds)
            staying = np.minimum(housed, beds)
            stay = np.divide(staying, housed, out=np.ones_like(housed), where=housed > 0)
            waiting = waiting + came.get(day, 0.0)
            moving = np.minimum(waiting, beds - staying)
            waiting, housed = waiting - moving, staying + moving
            cohorts = [(since, heads * stay) for since, heads in cohorts] + [(day, moving)]
            yield Spell(day, next_day, beds, waiting, cohorts)

    def new_model(self, event: ModelSwitch) -> NewModel:
        def draw(name: str, stated: SourcedRange) -> Draws:
            return self.assumed(f"event {event.id}.{name}", stated)[0][:, 0]

        [share] = self.assumed(f"event {event.id}.share", event.share)
        return NewModel(
            event.model or event.id,
            share * self.share_in_place(event),
            {
                (quantity, layer): draw(f"{quantity}.{layer}", ratio)
                for quantity in ("reach", "kill_probability", "interceptors")
                for layer, ratio in getattr(event, quantity).items()
            },
            None if event.warhead_kg is None else draw("warhead_kg", event.warhead_kg),
        )

    def share_of(self, facility: Facility | None) -> Draws:
        """What part of a facility's output, or of all that has no row of its own, is for the theatre."""
        rows = [row for row in self.scenario.theatres if facility and row.facility == facility.id]
        if facility and not rows:
            return self.general
        rows = rows or [row for row in self.scenario.theatres if row.facility is None]
        if self.theatre not in {row.id for row in rows}:
            return self.zeros() + float(not rows and self.theatre == UKRAINE)
        shares = {row.id: self.share(row) for row in rows}
        # Modes add up to 1 at most, what is drawn around them may not.
        share: Draws = shares[self.theatre] / np.maximum(sum(shares.values()), 1.0)
        return share

    def share(self, row: TheatreShares) -> Draws:
        key = f"theatre {row.id} of {row.facility}.share" if row.facility else f"theatre {row.id}.share"
        return self.course(key, row.share, first_stands=True)

    def course(
        self, key: str, points: Sequence[SourcedRange], *, logistic: bool = False, first_stands: bool = False
    ) -> Draws:
        """Dated points joined by straight lines or S-curves. The last one stands; before the first there is nothing, or
        it stands there too."""
        course = self.zeros()
        points = sorted(points, key=lambda point: point.date)
        values = self.assumed(key, *points) if points else []
        days = [self.offset(point.date) for point in points]
        if first_stands:
            values, days = [values[0], *values], [min(days[0], 0) - 1, *days]
        for index, (value, day) in enumerate(zip(values, days, strict=True)):
            end = days[index + 1] if index + 1 < len(days) else self.n_days
            first, last = np.clip((day, end), 0, self.n_days)
            if first < last and index + 1 < len(values):
                way = (np.arange(first, last) - day) / (end - day)
                course[:, first:last] = value + (values[index + 1] - value) * (_s_curve(way) if logistic else way)
            elif first < last:
                course[:, first:last] = value
        return course

    def share_in_place(self, event: NewLine | ModelSwitch) -> Draws:
        """The part 0 to 1 of what an event brings that is there: nothing before it, all ramp_up days later."""
        [ramp_up] = self.assumed(f"event {event.id}.ramp_up", event.ramp_up)
        grown = self.zeros()
        since = self.day(event.date)
        days = np.minimum(np.arange(since, self.n_days) - self.offset(event.date), ramp_up)
        grown[:, since:] = np.divide(days, ramp_up, out=np.ones_like(days), where=ramp_up > 0)
        return grown

    def remaining_factor(self, event: FacilityStrike | Sanctions, lost: str) -> Draws:
        """The factor that an event leaves: 1 before it, 1 - lost on its day, and half of that back per half-life."""
        [share] = self.assumed(f"event {event.id}.{lost}", getattr(event, lost))
        [half_life] = self.assumed(f"event {event.id}.recovery_half_life", event.recovery_half_life)
        left = self.zeros() + 1.0
        since = self.day(event.date)
        left[:, since:] -= _fading(share, half_life, np.arange(since, self.n_days) - self.offset(event.date))
        return left

    def by_day(self, columns: Sequence[Draws], points: Sequence[SourcedRange]) -> dict[int, Draws]:
        """Day -> what is stated for it, added up."""
        sums: dict[int, Draws] = {}
        for column, point in zip(columns, points, strict=True):
            day = self.offset(point.date)
            sums[day] = sums[day] + column if day in sums else column
        return sums

    def period(self, event: Imports | TransferOut | Pause) -> slice:
        return slice(self.day(event.date), self.n_days if event.until is None else self.day(event.until, 1))

    def offset(self, day: date) -> int:
        """Days since the account was opened; negative before."""
        return (day - self.first_day).days

    def day(self, day: date, days_later: int = 0) -> int:
        """The index of a day, or of the nearest end of the account."""
        return min(max(self.offset(day) + days_later, 0), self.n_days)

    def zeros(self) -> Draws:
        return np.zeros((self.assumed.n, self.n_days))


def _fading(start: Draws, half_life: Draws, days: NDArray[np.float64] | NDArray[np.integer]) -> Draws:
    """start * 2^(-days / half_life); nothing from the first day on where the half-life is 0."""
    # A thousandth of a day is as good as less, and cannot overflow.
    faded: Draws = start * (half_life > 0) * np.exp2(days / -np.maximum(half_life, 1e-3))
    return faded


def _s_curve(way: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 to 1 -> 0 to 1 along the logistic function 1 / (1 + exp(-z)) from z = -6 to 6, stretched to reach both ends."""
    ends = 1.0 / (1.0 + np.exp([6.0, -6.0]))
    curve: NDArray[np.float64] = (1.0 / (1.0 + np.exp(6.0 - 12.0 * way)) - ends[0]) / (ends[1] - ends[0])
    return curve
