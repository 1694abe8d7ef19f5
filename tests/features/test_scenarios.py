"""What a planner may state about production, how variants are laid over their base, what was known on a day, and how
mistakes are told."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.scenarios import (
    FacilityStrike,
    Imports,
    ModelSwitch,
    NewLine,
    Pause,
    ProductionScenario,
    Sanctions,
    StoreStrike,
    TransferOut,
    load_scenario,
    parse_scenario,
    scenario_text,
)
from features.stated import tables
from tests.features.scenario_texts import (
    DAY,
    EVENTS,
    GOOD,
    LEAST,
    MAIN,
    PUBLICATIONS,
    SCENARIO,
    SECOND,
    SOURCES,
    STOCK,
    THEATRES,
    consistent,
    ends,
    facility,
    good,
    number,
    swapped,
)

# What is stated is what is read.


def test_the_head_and_the_stock_are_read_as_stated() -> None:
    scenario = good()
    assert (scenario.name, scenario.title, scenario.as_of) == ("own", "Our own", DAY)
    assert (scenario.about, scenario.based_on) == ("What we assume.", None)
    assert scenario.output_ratio is not None
    assert ends(scenario.output_ratio) == (0.8, 1, 1.2)
    stock = scenario.stock
    assert ends(stock.opening) == (100, 200, 300)
    assert stock.opening.date == date(2024, 1, 1)
    assert stock.opening.sources == ("s_stock",)
    assert [ends(each) for each in (stock.minimum, stock.released, stock.lost_before_launch, stock.drawdown)] == [
        (0, 50, 100),
        (0.9, 0.95, 1),
        (0, 0.02, 0.05),
        (30, 60, 90),
    ]


def test_a_facility_is_read_as_stated() -> None:
    main, second = good().facilities
    assert (main.id, main.name, main.ramp) == ("main", "Main plant", "logistic")
    assert [(point.date, *ends(point)) for point in main.armed] == [
        (date(2024, 1, 1), 300, 310, 320),
        (date(2025, 6, 1), 2700, 2700, 5400),
    ]
    assert [(each.unit, *ends(each)) for each in (*main.decoys, *main.parts)] == [
        ("drones_per_day", 10, 20, 30),
        ("drones_per_year", 0, 90_000, 90_000),
    ]
    assert (second.ramp, second.decoys, second.parts, second.workforce) == ("linear", (), (), None)
    assert ends(second.utilisation) == (1, 1, 1)


def test_a_workforce_is_read_as_stated() -> None:
    workforce = good().facilities[0].workforce
    assert workforce is not None
    assert [(each.date, *ends(each)) for each in workforce.arrivals] == [
        (date(2024, 1, 1), 1000, 1200, 1500),
        (date(2025, 12, 31), 12_000, 12_000, 24_000),
    ]
    assert [ends(each) for each in workforce.rooms] == [(1000, 1000, 1000)]
    assert workforce.occupants is not None
    assert ends(workforce.occupants) == (4, 4, 4)
    assert ends(workforce.training) == (30, 60, 90)
    assert ends(workforce.output) == (0.1, 0.2, 0.3)
    assert ends(workforce.starting_output) == (0.3, 0.4, 0.5)
    assert ends(workforce.learning_half_life) == (20, 30, 40)


def test_each_kind_of_event_is_read_as_stated() -> None:
    strike, store, sanctions, line, imports, transfer, jet, truce = good().events
    assert isinstance(strike, FacilityStrike)
    assert (strike.id, strike.title, strike.date, strike.facility) == (
        "strike",
        "A strike",
        date(2025, 6, 15),
        "second",
    )
    assert strike.sources == ("s_2025",)
    assert (ends(strike.capacity_lost), ends(strike.recovery_half_life)) == ((0.1, 0.2, 0.3), (30, 60, 90))
    assert isinstance(store, StoreStrike)
    assert ends(store.drones_lost) == (50, 100, 200)
    assert isinstance(sanctions, Sanctions)
    assert sanctions.facility == "main"
    assert (ends(sanctions.parts_lost), ends(sanctions.recovery_half_life)) == ((0, 0.2, 0.4), (60, 90, 120))
    assert isinstance(line, NewLine)
    assert (line.facility, line.line) == ("main", "decoys")
    assert (ends(line.capacity), ends(line.ramp_up)) == ((100, 200, 300), (60, 60, 60))
    assert isinstance(imports, Imports)
    assert (imports.date, imports.until, imports.line) == (date(2024, 1, 1), date(2024, 6, 30), "armed")
    assert ends(imports.rate) == (1, 2, 3)
    assert isinstance(transfer, TransferOut)
    assert transfer.until is None
    assert transfer.rate.quantile(np.array([0.0, 1.0])).tolist() == [1.0, 4.0]
    assert isinstance(jet, ModelSwitch)
    assert (ends(jet.share), ends(jet.ramp_up)) == ((0.1, 0.2, 0.3), (90, 180, 270))
    assert {layer: ends(ratio) for layer, ratio in jet.kill_probability.items()} == {"mobile_groups": (0.3, 0.5, 0.7)}
    assert isinstance(truce, Pause)
    assert (truce.date, truce.until, truce.theatre) == (date(2026, 3, 1), date(2026, 3, 30), "ukraine")


def test_theatres_are_read_as_stated() -> None:
    scenario = good()
    assert [(row.id, row.facility) for row in scenario.theatres] == [
        ("ukraine", None),
        ("south_korea", None),
        ("south_korea", "second"),
    ]
    assert scenario.theatre_ids == ("ukraine", "south_korea")
    ukraine = scenario.theatres[0]
    days = [date(2023, 1, 1), date(2024, 1, 1), date(2025, 1, 1), date(2026, 1, 1), date(2027, 1, 1)]
    # 366 of the 731 days from 2024-01-01 to 2026-01-01 have gone by on 2025-01-01.
    assert [ukraine.mode_on(day) for day in days] == pytest.approx([1, 1, 1 - 0.4 * 366 / 731, 0.6, 0.6])


def test_sources_are_read_as_stated() -> None:
    assert {source.id: source.date for source in good().sources} == PUBLICATIONS


def test_a_scenario_needs_no_more_than_a_head_and_a_stock() -> None:
    scenario = parse_scenario(LEAST, "own.toml")
    assert scenario.theatre_ids == ("ukraine",)
    assert (scenario.facilities, scenario.events, scenario.theatres, scenario.sources) == ((), (), (), ())
    assert scenario.output_ratio is None


def test_pauses_of_two_theatres_may_overlap_and_those_of_one_may_follow_each_other() -> None:
    other = EVENTS["pause"].replace("truce", "other")
    for changed in (
        other.replace('"ukraine"', '"south_korea"'),
        other.replace("2026-03-30", "2026-04-30").replace("2026-03-01", "2026-03-31"),
    ):
        assert len(parse_scenario(GOOD + changed, "own.toml").events) == 9


def test_a_file_is_read_as_its_text_is(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(GOOD.replace("\n", "\r\n").encode("utf-8-sig"))
    assert load_scenario(str(path)) == good()
    assert scenario_text(str(path)) == GOOD


def test_as_the_sources_come_out_more_is_known() -> None:
    scenario = good()
    known = scenario.as_known(date(2024, 5, 1))
    assert [each.id for each in known.facilities] == ["main"]
    assert [point.date for point in facility(known, "main").armed] == [date(2024, 1, 1)]
    assert facility(known, "main").parts == ()
    workforce = facility(known, "main").workforce
    assert workforce is not None
    assert [each.date for each in workforce.arrivals] == [date(2024, 1, 1)]
    # Assumptions stay; what happens to a plant that is not known yet is gone, and so is its row of a theatre.
    assert [event.id for event in known.events] == ["store", "sanctions", "imports", "transfer", "truce"]
    assert known.theatres == ()
    assert known.as_of == date(2024, 5, 1)
    assert [source.id for source in known.sources] == ["s_stock", "s_2024"]
    assert scenario.as_known(date(2024, 4, 30)).facilities == ()
    later = scenario.as_known(date(2025, 6, 20))
    assert [each.id for each in later.facilities] == ["main", "second"]
    assert later.events[0].id == "strike"
    assert [(row.id, row.facility) for row in later.theatres] == [("south_korea", "second")]
    assert scenario.as_known(DAY) == scenario
    assert scenario.as_known(DAY + timedelta(days=100)) == scenario


def test_what_was_said_later_replaces_what_was_said_before_of_the_same_and_later_days() -> None:
    """In 2024 300 a month were forecast for June 2025; in March 2025 it was said that it had been 500 in February."""
    points = (
        number("200 200 200", "drones_per_month", "2024-01-01", "s_2024"),
        number("300 300 300", "drones_per_month", "2025-06-01", "s_2024"),
        number("900 900 900", "drones_per_month", "2026-01-01"),
        number("500 500 500", "drones_per_month", "2025-02-01", "s_2025"),
    )
    text = swapped(number("100 100 100", "drones_per_month", "2025-03-01", "s_2025"), ", ".join(points))
    scenario = parse_scenario(text, "own.toml")

    def armed(day: date) -> list[float]:
        return [point.mode for point in facility(scenario.as_known(day), "second").armed]

    assert armed(date(2025, 6, 19)) == [200, 300, 900]
    assert armed(date(2025, 6, 20)) == [200, 900, 500]


@pytest.mark.parametrize(
    ("confidence", "said", "of", "stands"),
    [
        ("C", date(2025, 7, 20), date(2025, 7, 1), [100]),  # worse, 30 days later: set aside
        ("C", date(2025, 7, 21), date(2025, 7, 1), [100, 900]),  # a day more: news of its own
        ("C", date(2025, 7, 20), date(2025, 5, 1), [100, 900]),  # of a day further off: no contradiction
        ("C", date(2025, 7, 21), date(2025, 5, 1), [900]),  # a day later, it replaces
        ("C", date(2025, 7, 20), date(2025, 7, 2), [100, 900]),
        ("B", date(2025, 7, 20), date(2025, 5, 1), [900]),  # as good, and later: replaces
        ("A", date(2025, 7, 20), date(2025, 5, 1), [900]),
    ],
)
def test_statements_that_contradict_each_other_are_weighed_by_source_and_day_and_not_averaged(
    confidence: str, said: date, of: date, stands: list[int]
) -> None:
    """100 a month of June (B, said on 20 June), and 900 a month said by someone else."""
    scenario = good()
    second = facility(scenario, "second")
    [point] = second.armed
    better = point.model_copy(update={"confidence": "B", "date": date(2025, 6, 1)})
    ends = {"low": 900, "mode": 900, "high": 900, "sources": ("s_late",), "confidence": confidence, "date": of}
    plant = second.model_copy(update={"armed": (better, point.model_copy(update=ends))})
    sources = [
        source.model_copy(update={"date": said}) if source.id == "s_late" else source for source in scenario.sources
    ]
    known = scenario.model_copy(update={"facilities": (plant,), "sources": tuple(sources)}).as_known(DAY)
    assert [each.mode for each in facility(known, "second").armed] == stands


def test_a_workforce_whose_numbers_are_not_known_does_not_limit() -> None:
    late = swapped(number("30 60 90", "days") + "\noutput", number("1 2 3", "days", source="s_late") + "\noutput")
    scenario = parse_scenario(late, "own.toml")
    assert facility(scenario.as_known(date(2025, 11, 30)), "main").workforce is None
    assert facility(scenario.as_known(date(2025, 12, 1)), "main").workforce is not None


def test_rooms_are_known_with_their_occupants_only() -> None:
    for old, unit in (("4 4 4", "workers_per_room"), ("1000 1000 1000", "rooms")):
        day = "2024-01-01" if unit == "rooms" else "2025-01-01"
        late = swapped(number(old, unit, day), number(old, unit, day, "s_late"))
        workforce = facility(parse_scenario(late, "own.toml").as_known(date(2025, 11, 30)), "main").workforce
        assert workforce is not None
        assert (workforce.rooms, workforce.occupants) == ((), None)


def test_a_ratio_and_a_utilisation_are_known_with_their_sources() -> None:
    ratio = swapped('basis = "assumed"\nsources = []', 'basis = "derived"\nsources = ["s_late"]')
    late = swapped(number("1 1 1", "share"), number("1 1 1", "share", source="s_late"), ratio)
    scenario = parse_scenario(late, "own.toml")
    before, after = (scenario.as_known(day) for day in (date(2025, 11, 30), date(2025, 12, 1)))
    assert before.output_ratio is None
    assert [each.id for each in before.facilities] == ["main"]
    assert after.output_ratio == scenario.output_ratio
    assert [each.id for each in after.facilities] == ["main", "second"]


def test_a_stock_that_was_not_known_is_told() -> None:
    with pytest.raises(InputError) as raised:
        good().as_known(date(2024, 1, 14))
    assert str(raised.value) == (
        "scenario own: stock.opening was published on 2024-01-15, after 2024-01-14: expected an assumption, an "
        "earlier source, or a later origin"
    )


def test_a_pause_of_a_theatre_that_is_not_known_is_gone() -> None:
    text = swapped('theatre = "ukraine"', 'theatre = "south_korea"')
    scenario = parse_scenario(text, "own.toml")
    assert "truce" not in {event.id for event in scenario.as_known(date(2025, 6, 19)).events}
    assert "truce" in {event.id for event in scenario.as_known(date(2025, 6, 20)).events}


WITHOUT_HEAD_AND_STOCK = MAIN + SECOND + "".join(EVENTS.values()) + THEATRES + SOURCES
DAYS = st.dates(date(2024, 1, 1), date(2026, 2, 28))


def sourced_at_random(draw: Any) -> ProductionScenario:
    """The good scenario, its assumptions turned at random into statements, and its sources published on any days."""
    pieces = WITHOUT_HEAD_AND_STOCK.split('basis = "assumed", sources = []')
    joined = SCENARIO + STOCK + pieces[0]
    for piece in pieces[1:]:
        source = draw(st.sampled_from(["", *PUBLICATIONS]))
        said = f'basis = "derived", sources = ["{source}"]' if source else 'basis = "assumed", sources = []'
        joined += said + piece
    for name, day in PUBLICATIONS.items():
        published = date(2024, 1, 1) if name == "s_stock" else draw(DAYS)
        head = f'id = "{name}"\ntitle = "A statement"\ndate = '
        joined = swapped(f"{head}{day}", f"{head}{published}", joined)
    return parse_scenario(joined, "own.toml")


@settings(max_examples=60, deadline=None)
@given(st.data(), DAYS, DAYS)
def test_nothing_that_was_published_later_is_known(data: st.DataObject, one: date, other: date) -> None:
    scenario = sourced_at_random(data.draw)
    published = {source.id: source.date for source in scenario.sources}
    earlier, later = (scenario.as_known(day) for day in sorted([one, other]))
    for known, day in ((earlier, min(one, other)), (later, max(one, other))):
        named = {name for _, table in tables(known) for name in getattr(table, "sources", ())}
        assert all(published[name] <= day for name in named)
        assert all(source.date <= day for source in known.sources)
        assert known.as_of <= day
        assert known.as_known(day) == known
        consistent(known)
    assert {source.id for source in earlier.sources} <= {source.id for source in later.sources}
    assert {each.id for each in earlier.facilities} <= {each.id for each in later.facilities}
    assert {each.id for each in earlier.events} <= {each.id for each in later.events}
    whole = scenario.as_known(DAY)
    assert {each.id for each in whole.facilities} == {"main", "second"}
    assert len(whole.events) == len(EVENTS)


@settings(max_examples=30, deadline=None)
@given(st.data(), DAYS)
def test_assumptions_stay_as_long_as_what_they_are_of(data: st.DataObject, day: date) -> None:
    scenario = sourced_at_random(data.draw)
    known = scenario.as_known(day)
    left = {each.id for each in known.facilities}
    for plant in scenario.facilities:
        if plant.id in left:
            for line in ("armed", "decoys", "parts"):
                assumed = [point for point in getattr(plant, line) if not point.sources]
                assert set(assumed) <= set(getattr(facility(known, plant.id), line))
    assert known.stock == scenario.stock
