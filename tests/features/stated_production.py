"""Scenarios of production in a few words: rates, shares, plants, events, workers."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from features.production import draw_supply
from features.records import UKRAINE
from features.scenario_parts import DAYS_PER_MONTH
from features.scenarios import ProductionScenario
from features.stock_flow import SupplyDraws

FIRST = date(2025, 1, 1)
SEED = 7


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def number(value: float | tuple[float, float], unit: str, day: int = 0) -> dict[str, Any]:
    """What is certain, or a range that is likeliest halfway."""
    low, high = value if isinstance(value, tuple) else (value, value)
    rest = {"basis": "assumed", "sources": (), "confidence": "D"}
    return {"low": low, "mode": (low + high) / 2, "high": high, "unit": unit, "date": on(day), **rest}


def rate(value: float | tuple[float, float], day: int = 0) -> dict[str, Any]:
    return number(value, "drones_per_day", day)


def share(value: float | tuple[float, float], day: int = 0) -> dict[str, Any]:
    return number(value, "share", day)


def days(value: float | tuple[float, float]) -> dict[str, Any]:
    return number(value, "days")


def plant(**given: Any) -> dict[str, Any]:
    """A plant that makes 100 armed drones a day, unless said otherwise."""
    return {"id": "plant", "name": "Plant", "utilisation": share(1.0), "armed": (rate(100.0),), **given}


def event(kind: str, day: int, **given: Any) -> dict[str, Any]:
    of_plant = {"facility": "plant"} if kind in {"facility_strike", "sanctions", "new_line"} else {}
    return {"id": kind, "title": kind, "kind": kind, "date": on(day), **of_plant, **given}


def strike(day: int, lost: Any, half_life: Any, name: str = "strike") -> dict[str, Any]:
    return event("facility_strike", day, id=name, capacity_lost=share(lost), recovery_half_life=days(half_life))


def sanctions(day: int, lost: Any, half_life: Any) -> dict[str, Any]:
    return event("sanctions", day, parts_lost=share(lost), recovery_half_life=days(half_life))


def new_line(day: int, capacity: Any, ramp_up: Any, line: str = "armed") -> dict[str, Any]:
    return event("new_line", day, capacity=rate(capacity), ramp_up=days(ramp_up), line=line)


def switch(day: int, part: Any, ramp_up: Any, name: str = "switch", **factors: Any) -> dict[str, Any]:
    ratios = {layer: number(factor, "ratio") for layer, factor in factors.items()}
    return event("model_switch", day, id=name, share=share(part), ramp_up=days(ramp_up), kill_probability=ratios)


def workers(arrivals: Sequence[dict[str, Any]], **given: Any) -> dict[str, Any]:
    """Workers who make one drone a day each from the first, unless said otherwise."""
    return {
        "arrivals": tuple(arrivals),
        "training": days(0),
        "output": number(DAYS_PER_MONTH, "drones_per_worker_month"),
        "starting_output": share(1.0),
        "learning_half_life": days(30),
        **given,
    }


def arrive(count: Any, day: int = 0) -> dict[str, Any]:
    return number(count, "workers", day)


def split(theatre: str, *points: dict[str, Any], facility: str | None = None) -> dict[str, Any]:
    return {"id": theatre, "facility": facility, "share": points}


def scenario(
    facilities: Sequence[dict[str, Any]] = (),
    events: Sequence[dict[str, Any]] = (),
    theatres: Sequence[dict[str, Any]] = (),
    output_ratio: dict[str, Any] | None = None,
    **stock: Any,
) -> ProductionScenario:
    """An empty store of which everything may be launched, unless said otherwise."""
    given = {"opening": 0.0, "minimum": 0.0, "released": 1.0, "lost_before_launch": 0.0, "drawdown": 10.0, **stock}
    units = {"opening": "drones", "minimum": "drones", "drawdown": "days"}
    return ProductionScenario.model_validate(
        {
            "name": "example",
            "title": "Example",
            "as_of": on(0),
            "about": "Worked by hand.",
            "output_ratio": output_ratio,
            "stock": {name: number(value, units.get(name, "share")) for name, value in given.items()},
            "facilities": tuple(facilities),
            "events": tuple(events),
            "theatres": tuple(theatres),
        }
    )


def drawn(
    stated: ProductionScenario, n_days: int, n_draws: int = 1, theatre: str = UKRAINE, **more: Any
) -> SupplyDraws:
    return draw_supply(stated, theatre, on(n_days - 1), n_draws, **{"seed": SEED, **more})


def armed(facility: dict[str, Any], n_days: int, *events: dict[str, Any]) -> list[float]:
    """Armed drones per day of a plant about which everything is certain."""
    return list(drawn(scenario([facility], events), n_days).armed[0])


UNSURE: dict[str, Any] = {
    "facilities": [
        plant(
            utilisation=share((0.5, 1.0)),
            armed=(rate(0.0, -20), rate((50.0, 150.0)), rate((100.0, 400.0), 40)),
            decoys=(rate((10.0, 90.0)),),
            parts=(rate((100.0, 400.0)),),
            workforce=workers(
                [arrive((100, 300), -20), arrive((100, 300), 20)],
                rooms=(number((50, 100), "rooms", -20),),
                occupants=number((3, 5), "workers_per_room"),
                training=days((5, 20)),
                output=number((20, 40), "drones_per_worker_month"),
                starting_output=share((0.2, 0.6)),
                learning_half_life=days((10, 40)),
            ),
        )
    ],
    "events": [
        strike(5, (0.2, 0.6), (10, 40)),
        sanctions(10, (0.2, 0.6), (10, 40)),
        new_line(15, (10.0, 60.0), (5, 15)),
        event("imports", 0, line="armed", rate=rate((1.0, 9.0))),
        event("transfer_out", 0, rate=rate((1.0, 9.0))),
        event("store_strike", 30, drones_lost=number((50, 150), "drones")),
        switch(20, (0.1, 0.3), (5, 15), guns=(0.4, 0.8)),
    ],
    "theatres": [split(UKRAINE, share((0.7, 0.9)), share((0.6, 0.8), 50)), split("elsewhere", share((0.1, 0.2)))],
    "output_ratio": number((0.8, 1.2), "ratio"),
    "opening": (500.0, 1_500.0),
    "minimum": (50.0, 150.0),
    "released": (0.8, 1.0),
    "lost_before_launch": (0.0, 0.1),
    "drawdown": (5.0, 25.0),
}
KEYS = {
    *(f"stock.{name}" for name in ("opening", "minimum", "released", "lost_before_launch", "drawdown")),
    *(f"facility plant.{name}" for name in ("utilisation", "armed", "decoys", "parts")),
    *(f"facility plant.workforce.{name}" for name in ("arrivals", "rooms", "occupants", "training", "output")),
    *(f"facility plant.workforce.{name}" for name in ("starting_output", "learning_half_life")),
    *("event strike.capacity_lost", "event strike.recovery_half_life"),
    *("event sanctions.parts_lost", "event sanctions.recovery_half_life"),
    *("event new_line.capacity", "event new_line.ramp_up", "event imports.rate", "event transfer_out.rate"),
    *("event store_strike.drones_lost", "event switch.share", "event switch.ramp_up"),
    *("event switch.kill_probability.guns", "theatre ukraine.share", "theatre elsewhere.share", "output_ratio"),
}


def arrays(supply: SupplyDraws) -> list[Any]:
    """All that was drawn, in one list."""
    names = ("armed", "decoys", "released", "struck", "transferred", "opening", "minimum", "lost_before_launch")
    return [
        *(getattr(supply, name) for name in (*names, "drawdown", "paused")),
        *(each for model in supply.new_models for each in (model.share, *model.factors.values())),
        *supply.levels.values(),
    ]


def assert_same(one: SupplyDraws, other: SupplyDraws) -> None:
    for mine, theirs in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)
