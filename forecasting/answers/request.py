"""What a planner asks for, as data: one form for the command line, the HTTP API, the page and the archive.

Limits, defaults and what each field means stand here alone: the options of the command, the definition of the API and
the archive have them from here.
"""

import hashlib
import json
import re
from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from features.errors import InputError
from features.records import SHAHED, UKRAINE, QuietDayRule, weapons
from features.stated import LARGEST_NUMBER, Day
from features.supply_rate import per_month, stated_supply
from features.typed import typed_share
from forecasting.orders.mix import N_POINTS
from forecasting.salvos.model import MAX_HORIZON, MAX_PATHS

CHAMPION = "champion"
"""The registered champion; the salvo ensemble where none is registered."""
NO_SCENARIO = "none"
Kind = Literal["forecast", "plan", "comparison", "sensitivity"]
"""What can be asked for."""
BASELINE = "flat_2000"
"""The scenario that others are compared with."""
MOST_SCENARIOS = 8
"""In one comparison."""
MOST_LAYERS = 50
MOST_THREATS = 10
LONGEST_TEXT = 500_000
"""Characters of an own scenario or defence."""

NAME_PATTERN = "^[a-z][a-z0-9_]{0,39}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""Of a theatre, model, scenario, defence or layer: never a path."""
THREAT = re.compile(r"([a-z][a-z0-9_]{0,39})(?:=(\d{1,6}(?:\.\d{1,3})?)/week)?")
"""A class of weapon, and how many of it come a week where that is stated."""
Count = Annotated[int, Field(ge=0, le=int(LARGEST_NUMBER), strict=True)]
PolicyKind = Literal["base_stock", "adjusted_base_stock", "reorder_point"]
LONGEST_LEAD_TIME = 730
"""Days."""

Supply = Annotated[str, AfterValidator(stated_supply)]
"""Interceptors a day, week or month: 800/week."""
Level = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
NEEDS = "needs_field"
"""Type of the error of a field that says nothing without another; both are named in its context."""
_WITHOUT = "{field} is given without {needed}"
NAMED, AS_TEXT = "[name]", "[text]"
"""How errors of pydantic's tell the two ways to give a scenario or a defence apart; no part of a request."""


_Share = Annotated[float, Field(gt=0, lt=100)] | Annotated[str, Field(min_length=1, examples=["95 %", "0,95"])]
"""A share as people write it."""


def _share(given: Any) -> Any:
    """The share that a text says, or a number of per cent; anything else as it is, for the field to check."""
    try:
        if isinstance(given, str):
            return typed_share(given)
        if isinstance(given, int | float) and given > 1:
            return typed_share(f"{given} %")
    except InputError as error:
        raise ValueError(str(error)) from error
    return given


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Request):
    """An own scenario or defence, as the text of its TOML file."""

    toml: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


def _way_given(value: Any) -> str:
    return AS_TEXT if isinstance(value, dict | Text) else NAMED


NameOrText = Annotated[Annotated[Name, Tag(NAMED)] | Annotated[Text, Tag(AS_TEXT)], Discriminator(_way_given)]


class DatedDelivery(_Request):
    """Interceptors due on a day after the origin, beside the monthly supply."""

    layer: Name
    date: Day
    quantity: Count


class ForecastRequest(_Request):
    """A forecast of the drones. Same request, same data, same model: same bytes."""

    theatre: Annotated[Name, Field(description="theatre of the attacks")] = UKRAINE
    weapon_class: Annotated[Name, Field(description="class of the weapons")] = SHAHED
    origin: Annotated[
        Day | None,
        Field(description="attack day to forecast from, with what was published by then; without it, the last known"),
    ] = None
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON, strict=True, description="attack days to forecast")] = 28
    model: Annotated[Name, Field(description="champion, the one that serves, or the name of a model")] = CHAMPION
    scenario: Annotated[
        NameOrText,
        Field(description="assumptions about production: a bundled scenario, an own one, or none for the record alone"),
    ] = NO_SCENARIO
    held: Annotated[
        dict[Annotated[str, Field(max_length=200)], Level],
        Field(
            max_length=200,
            description="assumption of the scenario -> level of its range, 0 to 1, to hold it at; others are drawn",
        ),
    ] = {}
    quiet_days: Annotated[
        QuietDayRule | None,
        Field(
            description="which days without a report count as days without launches; without it, "
            f"{QuietDayRule.defaults_text()}"
        ),
    ] = None
    paths: Annotated[int, Field(ge=1, le=MAX_PATHS, strict=True, description="simulated futures")] = 2_000
    seed: Annotated[
        int, Field(ge=0, le=2**63 - 1, strict=True, description="same seed, data and request: same numbers")
    ] = 1

    @model_validator(mode="after")
    def _check_held(self) -> Self:
        if self.held and self.scenario == NO_SCENARIO:
            raise PydanticCustomError(NEEDS, _WITHOUT, {"field": "held", "needed": "scenario"})
        return self

    @property
    def canonical(self) -> str:
        """The request as JSON with every field, keys in order: equal requests are the same text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """SHA-256 of `canonical` and of the kind of request."""
        return hashlib.sha256(f"{self.kind}\n{self.canonical}".encode()).hexdigest()

    @property
    def kind(self) -> Kind:
        """What is asked for."""
        return "forecast"


class PlanRequest(ForecastRequest):
    """A plan: the forecast, the interceptors that each layer needs against it, and what to order."""

    defence: Annotated[
        NameOrText, Field(description="the layers: a bundled defence, or an own one; without it, that of the theatre")
    ] = UKRAINE
    layers: Annotated[
        tuple[Name, ...],
        FailFast(),
        Field(
            max_length=MOST_LAYERS, description="the layers to report and to order for, of the whole defence; none: all"
        ),
    ] = ()
    threats: Annotated[
        tuple[str, ...],
        Field(
            max_length=MOST_THREATS,
            description="classes of weapon in the raid, such as shahed,cruise,ballistic; of one that is on no record, "
            "or to hold it at a rate: cruise=40/week; none: the drones alone",
        ),
    ] = ()
    without: Annotated[
        tuple[Name, ...],
        FailFast(),
        Field(max_length=MOST_LAYERS, description="what if the defence did not have these layers"),
    ] = ()
    stock: Annotated[
        dict[Name, Count],
        Field(
            max_length=MOST_LAYERS,
            description="layer -> interceptors in hand at the origin, in place of what the defence states",
        ),
    ] = {}
    deliveries: Annotated[
        tuple[DatedDelivery, ...],
        FailFast(),
        Field(max_length=1_000, description="dated ones, beside the monthly supply"),
    ] = ()
    supply: Annotated[
        dict[Name, Supply],
        Field(
            max_length=MOST_LAYERS,
            description="layer -> interceptors that come in, such as 800/week (day, week, month), in place of what the "
            "defence states",
        ),
    ] = {}
    lead_time: Annotated[
        dict[Name, Annotated[int, Field(ge=0, le=LONGEST_LEAD_TIME, strict=True)]],
        Field(max_length=MOST_LAYERS, description="layer -> days from an order to its delivery"),
    ] = {}
    pack_size: Annotated[
        dict[Name, Annotated[int, Field(ge=1, le=int(LARGEST_NUMBER), strict=True)]],
        Field(max_length=MOST_LAYERS, description="layer -> interceptors that are ordered together"),
    ] = {}
    minimum_stock: Annotated[
        dict[Name, Count],
        Field(max_length=MOST_LAYERS, description="layer -> interceptors that should always be left"),
    ] = {}
    service_level: Annotated[
        float,
        Field(
            gt=0,
            lt=1,
            allow_inf_nan=False,
            strict=True,
            description="probability that an ordered stock lasts until the next order",
        ),
        BeforeValidator(_share, json_schema_input_type=_Share),
    ] = 0.95
    safety_of: Annotated[
        Literal["each", "all"],
        Field(description="whether that is of each stock, or that all of them last: the least-cost orders for it"),
    ] = "each"
    frontier_points: Annotated[
        int, Field(ge=2, le=20, strict=True, description="budgets to find the best mix for, from no order to the most")
    ] = N_POINTS
    leak_target: Annotated[
        Annotated[float, Field(ge=0, le=LARGEST_NUMBER, allow_inf_nan=False, strict=True)] | None,
        Field(description="armed drones that may leak over the horizon: adds the least-cost mix"),
    ] = None
    budget: Annotated[
        Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False, strict=True)] | None,
        Field(
            description="US dollars: adds the mix that leaks least for them; of the least-cost mix, where there is a "
            "target for the leakers, or of each review of a policy"
        ),
    ] = None
    policy: Annotated[
        PolicyKind | None,
        Field(
            description="orders at every review until the end of the horizon, such as 365 days: up to one level, up to "
            "one that follows the launches, or where little is left"
        ),
    ] = None
    review: Annotated[
        int, Field(ge=1, le=365, strict=True, description="days from one review of the policy to the next")
    ] = 28
    calibrate: Annotated[
        bool,
        Field(
            strict=True,
            description="update the defence with the reported losses; not for a part of the theatre's defence",
        ),
    ] = True

    @field_validator("threats", mode="before")
    @classmethod
    def _split_threats(cls, given: Any) -> Any:
        return tuple(each.strip() for each in given.split(",")) if isinstance(given, str) else given

    @field_validator("threats")
    @classmethod
    def _check_threats(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        """The same in one order, and none where the drones come alone: equal raids are equal requests."""
        for each in given:
            found = THREAT.fullmatch(each)
            if found is None:
                raise ValueError(
                    f"'{each[:40]}': expected a class of weapon, or one with a rate such as cruise=40/week"
                )
            if found[2] is not None and (found[1] == SHAHED or float(found[2]) == 0):
                raise ValueError(f"'{each}': expected more than 0 a week, of another class than the {weapons(SHAHED)}")
        names = Counter(each.partition("=")[0] for each in given)
        if twice := [name for name, times in names.items() if times > 1]:
            raise ValueError(f"{twice[0]} is named {names[twice[0]]} times: expected each class once")
        if given and SHAHED not in names:
            raise ValueError(
                f"expected {SHAHED} among them: a plan is of the {weapons(SHAHED)}, and of what else comes"
            )
        others = sorted(each for each in given if each != SHAHED)
        return (SHAHED, *others) if others else ()

    @model_validator(mode="before")
    @classmethod
    def _take_the_defence_of_the_theatre(cls, given: Any) -> Any:
        if isinstance(given, dict) and "defence" not in given and re.match(NAME_PATTERN, str(given.get("theatre", ""))):
            return {**given, "defence": given["theatre"]}
        return given

    @model_validator(mode="after")
    def _check_raid(self) -> Self:
        if self.threats and self.weapon_class != SHAHED:
            raise ValueError(f"threats: they come with {weapons(SHAHED)}: expected weapon_class {SHAHED}")
        if self.threats and (self.leak_target is not None or self.money_for_a_mix is not None):
            raise ValueError(
                "threats: a mix is found for the drones alone: leave out leak_target and budget, or the threats"
            )
        return self

    @property
    def money_for_a_mix(self) -> float | None:
        """US dollars that the best mix is asked for; None where a target or a policy has them, or there are none."""
        return self.budget if self.leak_target is None and self.policy is None else None

    @property
    def monthly_supply(self) -> dict[str, float]:
        """Layer -> interceptors a month, where a supply is stated."""
        return {layer: per_month(each) for layer, each in self.supply.items()}

    @property
    def classes(self) -> tuple[str, ...]:
        """Of weapon, in the raid; the drones first."""
        return (SHAHED, *self.rates)

    @property
    def rates(self) -> dict[str, float | None]:
        """Other class of weapon -> how many of it come a week; None: as its own series says."""
        named = (each.partition("=") for each in self.threats if each != SHAHED)
        return {name: float(rate.removesuffix("/week")) if rate else None for name, _, rate in named}

    @property
    def kind(self) -> Kind:
        return "plan"


class SensitivityRequest(PlanRequest):
    """Which assumption of scenario and defence moves orders and leakers most."""

    scenario: Annotated[
        NameOrText,
        Field(description="assumptions about production: a bundled scenario, an own one, or none for the record alone"),
    ] = "published"
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON, strict=True, description="attack days to look at")] = 91
    paths: Annotated[int, Field(ge=100, le=MAX_PATHS, strict=True, description="simulated futures")] = 4_000

    @model_validator(mode="after")
    def _check_what_is_moved(self) -> Self:
        for name in ("threats", "leak_target"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name}: a sensitivity takes none: expected a plan against the drones alone")
        return self

    @property
    def kind(self) -> Kind:
        return "sensitivity"


class ComparisonRequest(PlanRequest):
    """Scenarios side by side, each against a baseline, on the same random numbers."""

    scenarios: Annotated[
        tuple[NameOrText, ...],
        FailFast(),
        Field(max_length=MOST_SCENARIOS, description="what to compare: bundled scenarios, or own ones"),
    ] = ()
    baseline: Annotated[
        NameOrText | None,
        Field(
            description=f"the scenario that differences are to; without it, {BASELINE}, or the first one compared "
            "where that says nothing of the theatre"
        ),
    ] = None
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON, strict=True, description="attack days to compare")] = 90

    @model_validator(mode="after")
    def _check_what_is_compared(self) -> Self:
        for name in ("scenario", "held", "threats", "leak_target"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name}: a comparison takes none: expected what differs among its scenarios")
        if NO_SCENARIO in (*self.scenarios, self.baseline):
            raise ValueError(f"scenarios: '{NO_SCENARIO}' states nothing to compare: expected scenarios of production")
        return self

    @property
    def kind(self) -> Kind:
        return "comparison"
