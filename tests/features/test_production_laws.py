"""Laws of production under any scenario: nothing is lost, nothing negative, more capacity launches no less."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.records import UKRAINE
from features.stock_flow import stock_flow, sustained
from tests.features.stated_production import (
    FIRST,
    arrive,
    days,
    drawn,
    event,
    new_line,
    number,
    on,
    plant,
    rate,
    sanctions,
    scenario,
    share,
    split,
    strike,
    workers,
)


@st.composite
def ranges(draw: st.DrawFn, most: float) -> tuple[float, float]:
    ends = st.floats(0, most, allow_subnormal=False)
    low, high = sorted((draw(ends), draw(ends)))
    return low, high


def at(first: int = -30, last: int = 50) -> st.SearchStrategy[int]:
    return st.integers(first, last)


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """What `scenario` takes: two plants, events of all kinds, two theatres."""

    def some(most: float) -> tuple[float, float]:
        return draw(ranges(most))

    def dated(make: Any, most: float, fewest: int = 0) -> tuple[dict[str, Any], ...]:
        when = draw(st.lists(at(), min_size=fewest, max_size=3, unique=True))
        return tuple(make(some(most), day) for day in when)

    def housing() -> dict[str, Any]:
        return {
            "rooms": dated(lambda value, day: number(value, "rooms", day), 100, 1),
            "occupants": number(some(6), "workers_per_room"),
        }

    def team() -> dict[str, Any]:
        return workers(
            dated(lambda value, day: arrive(value, day), 500, 1),
            training=days(some(30)),
            output=number(some(60), "drones_per_worker_month"),
            starting_output=share(some(1)),
            learning_half_life=days(some(60)),
            **(housing() if draw(st.booleans()) else {}),
        )

    plants = [
        plant(
            id=name,
            ramp=draw(st.sampled_from(["linear", "logistic"])),
            utilisation=share(some(1)),
            armed=(rate(0.0, -1_000), *dated(rate, 200, 1)),  # no worker comes before the plant
            decoys=dated(rate, 200),
            parts=dated(rate, 300),
            workforce=team() if draw(st.booleans()) else None,
        )
        for name in ("plant", "other")
    ]

    def one_event(kind: str, name: str) -> dict[str, Any]:
        day, line = draw(at()), draw(st.sampled_from(["armed", "decoys"]))
        until = draw(st.none() | st.integers(0, 20).map(lambda later: on(day + later)))
        given = {
            "facility_strike": lambda: strike(day, some(1), some(60)),
            "sanctions": lambda: sanctions(day, some(1), some(60)),
            "new_line": lambda: new_line(day, some(100), some(30), line),
            "imports": lambda: event(kind, day, line=line, rate=rate(some(50)), until=until),
            "transfer_out": lambda: event(kind, day, rate=rate(some(50)), until=until),
            "store_strike": lambda: event(kind, day, drones_lost=number(some(500), "drones")),
            "pause": lambda: event(kind, day, theatre=UKRAINE, until=until),
        }
        return {**given[kind](), "id": name}

    kinds = ("facility_strike", "sanctions", "new_line", "imports", "transfer_out", "store_strike")
    chosen = [*draw(st.lists(st.sampled_from(kinds), max_size=6)), *(["pause"] if draw(st.booleans()) else [])]
    theatres = [split(UKRAINE, *dated(lambda value, day: share((value[0], 1.0 - value[0] / 2), day), 0.5, 1))]
    return {
        "facilities": plants,
        "events": [one_event(kind, f"event_{index}") for index, kind in enumerate(chosen)],
        "theatres": theatres if draw(st.booleans()) else [],
        "opening": some(2_000),
        "minimum": some(300),
        "released": some(1),
        "lost_before_launch": some(0.9),
        "drawdown": tuple(1 + end for end in some(60)),
    }


N_DRAWS, N_DAYS = 4, 45
WANTED = st.builds(
    lambda seed, mean, whole: (
        np.random.default_rng(seed).poisson(mean, (N_DRAWS, N_DAYS))
        if whole
        else np.random.default_rng(seed).exponential(mean, (N_DRAWS, N_DAYS))
    ),
    st.integers(0, 1_000),
    st.sampled_from([1.0, 50.0, 500.0]),
    st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(scenarios(), WANTED)
def test_every_drone_is_accounted_for_and_nothing_is_negative(stated: dict[str, Any], wanted: Any) -> None:
    supply = drawn(scenario(**stated), N_DAYS, N_DRAWS)
    flow = stock_flow(supply, wanted)
    for name in ("armed", "decoys", "struck", "transferred", "opening", "minimum"):
        assert (getattr(supply, name) >= 0).all(), name
    for name, drones in vars(flow).items():
        assert (drones >= 0).all(), name
    gone = flow.launched + flow.lost_before_launch + flow.struck + flow.transferred
    came = supply.opening[:, None] + np.cumsum(supply.inflow, axis=1)
    np.testing.assert_allclose(flow.stock + np.cumsum(gone, axis=1), came, rtol=1e-9, atol=1e-6)
    assert (flow.launched <= wanted).all()
    assert not flow.launched[:, supply.paused].any()
    whole = wanted == np.floor(wanted)
    assert (flow.launched[whole] == np.floor(flow.launched[whole])).all()
    # Launches alone never break into what is to be kept.
    assert (flow.stock >= supply.minimum[:, None] - 1e-6)[flow.launched > 0].all()
    # What is kept from being launched is kept for a reason: the wish is met, or less than a drone is left above it.
    left = (flow.stock - supply.minimum[:, None]) * (1 - supply.lost_before_launch[:, None])
    assert ((flow.launched == wanted) | (left < 1 + 1e-6) | supply.paused).all()


@settings(max_examples=80, deadline=None)
@given(scenarios(), WANTED, st.floats(0, 200), at(), st.sampled_from(["armed", "decoys"]))
def test_more_capacity_never_lowers_launches(
    stated: dict[str, Any], wanted: Any, capacity: float, day: int, line: str
) -> None:
    """Launches so far: a drone more in store may be launched a day sooner, and then not on the next."""
    more = [*stated["events"], {**new_line(day, capacity, 10.0, line), "id": "more"}]
    before, after = (
        drawn(scenario(**{**stated, "events": events}), N_DAYS, N_DRAWS) for events in (stated["events"], more)
    )
    total = before.armed + before.decoys
    assert (after.armed + after.decoys >= total - 1e-9 * (1 + total)).all()
    launched = [np.cumsum(stock_flow(supply, wanted).launched, axis=1) for supply in (before, after)]
    # A rounded sum just below a whole drone keeps that drone for a day.
    assert (launched[1] >= launched[0] - 1e-6 - (wanted == np.floor(wanted)).all()).all()


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_what_is_sustained_is_never_more_than_there_is(stated: dict[str, Any]) -> None:
    supply = drawn(scenario(**stated), N_DAYS, N_DRAWS)
    launches = sustained(supply, supply.opening, FIRST)
    assert (launches >= 0).all()
    # The store gives the same launches when they are asked of it, to the drone.
    flow = stock_flow(supply, np.where(launches == np.floor(launches), launches, launches * (1 - 1e-9)))
    np.testing.assert_allclose(np.cumsum(flow.launched, 1), np.cumsum(launches, 1), rtol=1e-6, atol=1.0)


@settings(max_examples=30, deadline=None)
@given(scenarios(), st.integers(1, 30))
def test_a_plant_makes_no_more_than_its_lines_take(stated: dict[str, Any], seed: int) -> None:
    plants = [{**each, "workforce": None, "parts": ()} for each in stated["facilities"]]
    bound = [each for each in stated["events"] if each["kind"] in {"new_line", "imports"}]
    limited = drawn(scenario(**stated), N_DAYS, N_DRAWS, seed=seed)
    free = drawn(scenario(**{**stated, "facilities": plants, "events": bound}), N_DAYS, N_DRAWS, seed=seed)
    assert (limited.armed <= free.armed + 1e-9).all()
    assert (limited.decoys <= free.decoys + 1e-9).all()
