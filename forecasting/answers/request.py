"""What a planner asks for, as data: one form for the command line, the HTTP API, the page and the archive."""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.records import SHAHED, UKRAINE, QuietDayRule
from features.stated import LARGEST_NUMBER, Day
from forecasting.salvos.model import MAX_HORIZON

CHAMPION = "champion"
"""The registered champion; the salvo ensemble where none is registered yet."""
NO_SCENARIO = "none"
MOST_PATHS = 50_000
MOST_LAYERS = 50
LONGEST_TEXT = 500_000
"""Characters of an own scenario or defence."""

NAME_PATTERN = "^[a-z][a-z0-9_]{0,39}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""Of a theatre, model, scenario, defence or layer: never a path."""
Count = Annotated[int, Field(ge=0, le=int(LARGEST_NUMBER))]
Level = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Asked):
    """An own scenario or defence, as the text of its TOML file."""

    toml: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class DatedDelivery(_Asked):
    """Interceptors due on a day after the origin, beside the monthly supply."""

    layer: Name
    date: Day
    quantity: Count


class ForecastRequest(_Asked):
    """A forecast of the drones. Same request, same data, same model: same bytes.

    origin: the attack day to forecast from, with what was published by then; None: the last one known. held:
    assumption of the scenario -> the level 0 to 1 of its range to hold it at; the others are drawn.
    """

    theatre: Name = UKRAINE
    weapon_class: Name = SHAHED
    origin: Day | None = None
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON, description="attack days")] = 28
    model: Annotated[Name, Field(description="`champion`, or the name of a model")] = CHAMPION
    scenario: Annotated[Name | Text, Field(description="`none`, the name of a bundled scenario, or an own one")] = (
        NO_SCENARIO
    )
    held: Annotated[dict[Annotated[str, Field(max_length=200)], Level], Field(max_length=200)] = {}
    quiet_days: Annotated[QuietDayRule | None, Field(description="on which days silence means none launched")] = None
    paths: Annotated[int, Field(ge=1, le=MOST_PATHS, description="simulated futures")] = 2_000
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1

    @model_validator(mode="after")
    def _check_held(self) -> Self:
        if self.held and self.scenario == NO_SCENARIO:
            raise ValueError("held is given without a scenario: expected a scenario whose assumptions it holds")
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
    def kind(self) -> Literal["forecast", "plan"]:
        """What is asked for."""
        return "forecast"


class PlanRequest(ForecastRequest):
    """A plan: the forecast, the interceptors that each layer needs against it, and what to order.

    defence: the name of a bundled one, or an own one. layers: the only ones to plan for; none: all. stock: layer ->
    interceptors in hand at the origin, in place of what the defence states. leak_target: armed drones that may leak
    over the horizon, which adds the least-cost mix, within a budget in US dollars. calibrate: whether the ranges of
    the defence are updated with the reported losses.
    """

    defence: Name | Text = UKRAINE
    layers: Annotated[tuple[Name, ...], Field(max_length=MOST_LAYERS)] = ()
    stock: Annotated[dict[Name, Count], Field(max_length=MOST_LAYERS)] = {}
    deliveries: Annotated[tuple[DatedDelivery, ...], Field(max_length=1_000)] = ()
    service_level: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.95
    leak_target: Annotated[float, Field(ge=0, le=LARGEST_NUMBER, allow_inf_nan=False)] | None = None
    budget: Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False, description="US dollars")] | None = None
    calibrate: bool = True

    @model_validator(mode="after")
    def _check_budget(self) -> Self:
        if self.budget is not None and self.leak_target is None:
            raise ValueError("budget limits the mix that leak_target asks for: add leak_target")
        return self

    @property
    def kind(self) -> Literal["forecast", "plan"]:
        return "plan"
