"""How long the supply of a scenario takes to compute, in seconds here and as a ratio to a fixed piece of NumPy work.

The fixed work is one uniform number for each draw and day: `make bench`.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

from experiments.benchmarks.plan_steps import median_seconds
from features.history import LaunchHistory
from features.production import draw_supply
from features.records import SHAHED, UKRAINE, QuietDayRule
from features.scenarios import PUBLISHED, ProductionScenario, load_scenario
from features.stock_flow import stock_flow
from forecasting.supply.assimilation import assimilate
from forecasting.supply.coupling import learn_weights

FIRST_DAY = date(2025, 3, 1)
N_DRAWS, N_DAYS = 10_000, 365
N_FACILITIES, N_EVENTS = 5, 20
RECORD_DAYS = 1_218
"""Forty months."""


def stated_range(low: float, high: float, unit: str, day: date = FIRST_DAY) -> dict[str, Any]:
    """An assumption from low to high, most likely halfway."""
    rest = {"basis": "assumed", "sources": (), "confidence": "D"}
    return {"low": low, "mode": (low + high) / 2, "high": high, "unit": unit, "date": day, **rest}


def scenario_of(n_facilities: int, n_events: int) -> ProductionScenario:
    """A scenario with all there is to compute: lines, parts, a housed workforce, two theatres, and events of every
    kind in turn over the first year."""
    facilities = tuple(
        {
            "id": f"plant_{number}",
            "name": f"Plant {number}",
            "ramp": "logistic",
            "utilisation": stated_range(0.7, 1.0, "share"),
            "armed": tuple(
                stated_range(
                    500.0 * (step + 1), 900.0 * (step + 1), "drones_per_month", FIRST_DAY + timedelta(120 * step)
                )
                for step in range(4)
            ),
            "decoys": (stated_range(200.0, 400.0, "drones_per_month"),),
            "parts": (stated_range(1_000.0, 3_000.0, "drones_per_month"),),
            "workforce": {
                "arrivals": tuple(
                    stated_range(500.0, 1_500.0, "workers", FIRST_DAY + timedelta(60 * step)) for step in range(5)
                ),
                "rooms": (
                    stated_range(250.0, 500.0, "rooms", FIRST_DAY - timedelta(90)),
                    stated_range(800.0, 1_200.0, "rooms", FIRST_DAY + timedelta(150)),
                ),
                "occupants": stated_range(3.0, 5.0, "workers_per_room"),
                "training": stated_range(20.0, 60.0, "days"),
                "output": stated_range(0.5, 1.5, "drones_per_worker_month"),
                "starting_output": stated_range(0.2, 0.5, "share"),
                "learning_half_life": stated_range(20.0, 60.0, "days"),
            },
        }
        for number in range(n_facilities)
    )
    drones, half_life = stated_range(100.0, 400.0, "drones_per_month"), stated_range(15.0, 60.0, "days")
    kinds = cycle(
        (
            {
                "kind": "facility_strike",
                "capacity_lost": stated_range(0.1, 0.6, "share"),
                "recovery_half_life": half_life,
            },
            {"kind": "sanctions", "parts_lost": stated_range(0.1, 0.4, "share"), "recovery_half_life": half_life},
            {"kind": "new_line", "line": "armed", "capacity": drones, "ramp_up": half_life},
            {"kind": "imports", "line": "decoys", "rate": drones},
            {"kind": "transfer_out", "rate": drones},
            {"kind": "store_strike", "drones_lost": stated_range(50.0, 300.0, "drones")},
            {
                "kind": "model_switch",
                "share": stated_range(0.05, 0.2, "share"),
                "ramp_up": half_life,
                "kill_probability": {"interceptor_drones": stated_range(0.5, 0.9, "ratio")},
            },
        )
    )
    events = tuple(
        {
            "id": f"event_{number}",
            "title": f"Event {number}",
            "date": FIRST_DAY + timedelta(N_DAYS * number // n_events),
            **({"facility": f"plant_{number % n_facilities}"} if _of_facility(kind) else {}),
            **kind,
        }
        for number, kind in zip(range(n_events), kinds, strict=False)
    )
    return ProductionScenario.model_validate(
        {
            "name": "benchmark",
            "title": "Benchmark",
            "as_of": FIRST_DAY,
            "about": "Numbers that keep every part of the account busy.",
            "stock": {
                "opening": stated_range(1_000.0, 4_000.0, "drones"),
                "minimum": stated_range(100.0, 500.0, "drones"),
                "released": stated_range(0.8, 1.0, "share"),
                "lost_before_launch": stated_range(0.02, 0.1, "share"),
                "drawdown": stated_range(10.0, 60.0, "days"),
            },
            "facilities": facilities,
            "events": events,
            "theatres": (
                {"id": UKRAINE, "share": (stated_range(0.85, 0.95, "share"),)},
                {"id": "elsewhere", "share": (stated_range(0.05, 0.15, "share"),)},
            ),
        }
    )


def _of_facility(kind: dict[str, Any]) -> bool:
    return kind["kind"] in {"facility_strike", "sanctions", "new_line"}


def main() -> None:
    scenario = scenario_of(N_FACILITIES, N_EVENTS)
    last_day = FIRST_DAY + timedelta(N_DAYS - 1)
    unit = median_seconds(lambda: np.random.default_rng(1).random((N_DRAWS, N_DAYS)))
    supply = draw_supply(scenario, UKRAINE, last_day, N_DRAWS, seed=1)
    wanted = np.random.default_rng(1).poisson(100.0, (N_DRAWS, N_DAYS))
    counts = np.random.default_rng(1).poisson(100.0, RECORD_DAYS).astype(float)
    published = load_scenario(PUBLISHED)
    start = published.as_of - timedelta(RECORD_DAYS - 1)
    record = LaunchHistory(UKRAINE, SHAHED, QuietDayRule.NONE, start, counts, np.full(RECORD_DAYS, np.nan))
    steps: dict[str, Callable[[], object]] = {
        f"supply of {N_FACILITIES} facilities and {N_EVENTS} events": partial(
            draw_supply, scenario, UKRAINE, last_day, N_DRAWS, 1
        ),
        "account of the store": partial(stock_flow, supply, wanted),
        f"the published scenario drawn, and {RECORD_DAYS:,} days of launches assimilated": partial(
            assimilate, published, record, N_DAYS, N_DRAWS, 1
        ),
        "its weights learned from all past origins": partial(learn_weights, published, record, N_DAYS, 1),
    }
    print(f"1 unit = {N_DRAWS:,} x {N_DAYS} uniform draws = {unit:.4f} s here")
    for name, work in steps.items():
        seconds = median_seconds(work)
        print(f"{seconds:6.2f} s {seconds / unit:8.1f}  {name}")


if __name__ == "__main__":
    main()
