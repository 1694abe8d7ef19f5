"""Which defence a request means, bundled or of its own, and what another would do."""

from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from features.errors import InputError, at_field, unknown_name
from features.records import SHAHED, UKRAINE, weapons
from forecasting.answers.request import MOST_LAYERS, PlanRequest, Text
from forecasting.defence.layers import Defence, parse_defence

if TYPE_CHECKING:  # who asks what a defence states need not wait for what computes with it
    from forecasting.defence.outcome import Engagements
    from forecasting.losses.reported_losses import StatedKills
    from forecasting.plan import Plan

BUNDLED_DEFENCES = {UKRAINE: "defence_ukraine.toml", "south_korea": "defence_south_korea.toml"}
"""Theatre, which is the name of its defence, -> file."""
KEPT = 32
"""Defences of requests kept, each small: the next request often differs in something else."""


@lru_cache(KEPT)
def _own_defence(text: str) -> Defence:
    with at_field("defence"):
        return parse_defence(text, "the defence given")


def stated_defence(defence: str | Text) -> Defence:
    """A bundled defence by its name, or one from its text."""
    return _own_defence(defence.toml) if isinstance(defence, Text) else bundled_defence(defence)


def defence_of(request: PlanRequest) -> Defence:
    """The defence that a request states or names, against the classes of its raid. Raises InputError for one that it
    cannot be planned with."""
    if not isinstance(request.defence, Text):
        if request.theatre not in BUNDLED_DEFENCES or request.weapon_class != SHAHED:
            raise InputError(
                "there is no bundled defence of theatre {theatre} against {weapons}: state yours as the defence",
                field="defence",
                theatre=request.theatre,
                weapons=weapons(request.weapon_class),
            )
        if request.defence in BUNDLED_DEFENCES and request.defence != request.theatre:
            raise InputError(
                "the defence {given} is not that of theatre {theatre}: expected {theatre}, or yours",
                field="defence",
                given=request.defence,
                theatre=request.theatre,
            )
    stated = stated_defence(request.defence).facing(request.classes)
    if len(stated.layers) > MOST_LAYERS:
        raise InputError(
            f"the defence given has {len(stated.layers)} layers: expected at most {MOST_LAYERS}", field="defence"
        )
    return stated


@cache
def bundled_defence(name: str) -> Defence:
    """A bundled defence. Raises InputError, with the known names, where there is none of that name."""
    if name not in BUNDLED_DEFENCES:
        raise unknown_name("defence", name, BUNDLED_DEFENCES, field="defence")
    return parse_defence(bundled_defence_text(name), BUNDLED_DEFENCES[name])


def bundled_defence_text(name: str) -> str:
    """The TOML text of a bundled defence, whose name must be known."""
    return _bundled(BUNDLED_DEFENCES[name])


@cache
def kill_shares(theatre: str, weapon_class: str) -> "tuple[StatedKills, ...]":
    """Published shares of kills by layer: the bundled ones, of Ukraine alone."""
    from forecasting.losses.reported_losses import parse_kill_shares

    if (theatre, weapon_class) != (UKRAINE, SHAHED):
        return ()
    return parse_kill_shares(_bundled("kill_shares.csv"), "kill_shares.csv")


def _bundled(name: str) -> str:
    return resources.files("features.bundled").joinpath(name).read_text(encoding="utf-8")


def against_another(plan: "Plan", other: Defence) -> "Engagements":
    """What another defence does with the salvos of a plan, on the same random numbers: with the calibrated levels of
    the layers that both have, and the variation from night to night that the record shows."""
    from forecasting.defence.engagement import engage
    from forecasting.losses.on_paths import engagement_draws
    from forecasting.supply.armed_share import armed_share_of

    levels, factors, _ = engagement_draws(other, plan.forecast, plan.calibration)
    return engage(
        plan.forecast,
        other,
        levels=levels,
        kill_factors=factors,
        armed_share=armed_share_of(plan.history, plan.supplied, plan.forecast.horizon),
        new_models=plan.supplied.new_models if plan.supplied else (),
        others={each.weapon_class: each.paths for each in plan.threats},
    )
