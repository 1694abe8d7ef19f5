"""The bundled scenarios: what they state is what was published, each with its source, and never before its day."""

import csv
import re
import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.history import LaunchHistory
from features.production import draw_supply
from features.scenario_parts import DAYS_PER_MONTH, Facility, ModelSwitch, Pause
from features.scenarios import ProductionScenario, bundled_scenarios, load_scenario, scenario_text
from features.stated import SourcedRange, tables
from features.stock_flow import SupplyDraws
from tests.features.test_cross_check import REFERENCE

BUNDLED = resources.files("features.bundled")
NAMES = bundled_scenarios()
FIRST, LAST = date(2023, 6, 30), date(2026, 2, 28)
LAST_STATEMENT = date(2026, 10, 7)
"""The day as of which the scenarios are; the record ends before it."""
MONTH_ENDS = [date(2023 + m // 12, m % 12 + 1, 1) - timedelta(1) for m in range(6, 39)]
MONTHS_PER = {"drones_per_day": DAYS_PER_MONTH, "drones_per_month": 1.0, "drones_per_year": 1 / 12}

stated = cache(load_scenario)


@cache
def own_sources(name: str) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in tomllib.loads(scenario_text(name)).get("source", [])}


@cache
def supply(name: str, theatre: str = "ukraine") -> SupplyDraws:
    return draw_supply(stated(name).as_known(LAST), theatre, date(2027, 6, 30), 300, 1)


def numbers(scenario: ProductionScenario) -> Iterator[tuple[str, SourcedRange]]:
    return ((where, table) for where, table in tables(scenario) if isinstance(table, SourcedRange))


def facility(scenario: ProductionScenario, name: str) -> Facility:
    return next(each for each in scenario.facilities if each.id == name)


def modes(name: str, plant: str, line: str = "armed") -> dict[str, float]:
    """Day -> most likely drones a month, of every point of the file."""
    points = getattr(facility(stated(name), plant), line)
    return {str(point.date): point.mode * MONTHS_PER[point.unit] for point in points}


def per_month(scenario: ProductionScenario, day: date, only: str = "") -> float:
    """What the facilities are stated to make on a day at the modes, drones a month."""
    total = 0.0
    for plant in scenario.facilities:
        for line in (plant.armed, plant.decoys):
            points = sorted(line, key=lambda point: point.date)
            if points and points[0].date <= day and only in ("", plant.id):
                days = [point.date.toordinal() for point in points]
                total += float(
                    np.interp(day.toordinal(), days, [point.mode * MONTHS_PER[point.unit] for point in points])
                )
    return total


def test_the_bundled_scenarios_are_these() -> None:
    assert NAMES == (
        "published",
        "autonomy",
        "flat_2000",
        "imports_stopped",
        "jets",
        "larger_warheads",
        "north_korea_line",
        "north_korea_surge",
        "repeated_strikes",
        "truce_30_days",
        "workers_12000",
        "workers_25000",
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_bears_its_name_and_a_paragraph_with_what_would_refute_it(name: str) -> None:
    scenario = stated(name)
    assert scenario.name == name
    assert scenario.as_of == LAST_STATEMENT
    assert len(scenario.about.split()) >= 40
    assert "What would refute it: " in scenario.about


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_its_reason_and_every_event_its_source(name: str) -> None:
    scenario = stated(name)
    confidence = {source.id: source.confidence for source in scenario.sources}
    for where, number in numbers(scenario):
        assert number.note or number.basis == "reported", where
        worst = "D" if number.basis == "assumed" else max(confidence[source] for source in number.sources)
        assert number.confidence == worst, where
    assert all(event.sources for event in scenario.events)


@pytest.mark.parametrize("name", NAMES)
def test_every_source_of_a_file_is_cited_and_to_be_found(name: str) -> None:
    cited = {source for _, table in tables(stated(name)) for source in getattr(table, "sources", ())}
    assert own_sources(name).keys() <= cited
    for source in own_sources(name).values():
        assert str(source["url"]).startswith(("https://", "http://"))  # a paper in Korea has no other
        assert source["title"]
        assert date(2022, 8, 29) <= source["date"] <= LAST_STATEMENT  # type: ignore[operator]


def test_sources_and_expert_forecasts_are_those_of_the_reference_facts() -> None:
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    for name in NAMES:
        for key, source in own_sources(name).items():
            row = rows[key]
            given = (source["title"], str(source["date"]), source["url"], source["confidence"])
            assert given == (row["source_title"], row["source_date"], row["source_url"], row["confidence"])
    for forecast in expert_forecasts():
        row = rows[forecast["id"]]
        assert [forecast[key] for key in ("source_date", "source_url")] == [row["source_date"], row["source_url"]]


@given(st.dates(FIRST, LAST_STATEMENT))
def test_nothing_is_known_before_its_day_and_what_was_replaced_is_gone(day: date) -> None:
    scenario = stated("published")
    published = {source.id: source.date for source in scenario.sources}
    known = scenario.as_known(day)

    def out(number: SourcedRange) -> date:
        return max((published[source] for source in number.sources), default=date.min)

    assert all(out(number) <= day for _, number in numbers(known))
    assert all(published[source] <= day for event in known.events for source in event.sources)
    for plant in known.facilities:
        for line in (plant.armed, plant.decoys):
            in_order = sorted(line, key=lambda point: point.date)
            assert [out(point) for point in in_order] == sorted(out(point) for point in in_order)


@pytest.mark.parametrize("day", MONTH_ENDS, ids=str)
def test_the_state_as_published_supplies_drones_and_is_not_refuted_by_the_record(
    day: date, bundled_history: LaunchHistory
) -> None:
    known = stated("published").as_known(day)
    assert all(per_month(known, day + timedelta(ahead)) >= 50 for ahead in (0, 90, 180, 365))
    launched = np.nansum(bundled_history.until(day).launched)
    drawn = draw_supply(known, "ukraine", day, 400, 1)
    enough = float(np.mean(drawn.opening + drawn.inflow.sum(axis=1) >= launched))
    assert enough >= 0.25, "hardly any draw has as many drones as were launched"


@pytest.mark.parametrize(
    ("known_on", "day", "expected"),
    [
        # A batch of 250 in a month, and nothing else was published.
        ("2023-06-30", "2023-12-31", 250),
        # 6,000 a year.
        ("2024-05-31", "2024-06-15", 6000 / 12),
        # 4,700 more by September 2025.
        ("2024-09-30", "2025-08-31", 4700 / 12),
        # And 2,000 Garpiya a year.
        ("2024-11-30", "2025-08-31", 4700 / 12 + 2000 / 12),
        # 5,500 armed and 10,000 decoys a year, and Garpiya.
        ("2024-12-31", "2024-12-28", (5500 + 10000 + 2000) / 12),
        # A task of 8,000 to 10,000 armed and 15,000 decoys, and Garpiya.
        ("2025-04-30", "2025-04-30", (9000 + 15000 + 2000) / 12),
        # A target of 500 a day, of which half is believed.
        ("2025-05-31", "2025-12-30", 250 * DAYS_PER_MONTH),
        # 30,000 long-range drones and as many decoys in a year.
        ("2025-06-10", "2025-06-10", (30000 + 30000) / 12),
        # 190 a day at the end of the year.
        ("2025-06-30", "2025-12-31", 190 * DAYS_PER_MONTH),
        # The plan for 2025.
        ("2025-08-12", "2025-08-12", (40000 + 34000 + 5700) / 12),
        # 6,000 a month at the main plant, and Garpiya.
        ("2025-08-31", "2025-08-31", 6000 + 5700 / 12),
        # 2,700 Geran-2 a month said by the service itself (A): an expert's 3,000 for the country (C) and a newspaper's
        # 30,000 a year (B) in the week after do not replace it. With Garpiya and the decoys in 6,000.
        ("2025-09-14", "2025-09-05", 2700 + 5700 / 12 + 6000 * 34 / 74),
        # 1,000 a day, of which half is believed.
        ("2025-09-30", "2026-09-18", 500 * DAYS_PER_MONTH),
        # A sustainable 350 a day, and half of 1,000 a day at the end of the year.
        ("2026-02-28", "2026-01-31", 350 * DAYS_PER_MONTH),
        ("2026-02-28", "2026-12-31", 500 * DAYS_PER_MONTH),
        # The plan for 2025 as said in November, 70,000, and not the 79,700 of August, nor a mean of them.
        ("2025-11-30", "2025-11-15", 70000 / 12),
        # The plan for 2026: 60,000 armed, 50,000 decoys.
        ("2026-07-31", "2026-12-31", 110000 / 12),
        # 3,000 jets a month, and piston drones up to the plan.
        ("2026-10-07", "2026-09-30", 110000 / 12),
    ],
)
def test_the_totals_are_those_that_were_stated(known_on: str, day: str, expected: float) -> None:
    known = stated("published").as_known(date.fromisoformat(known_on))
    assert per_month(known, date.fromisoformat(day)) == pytest.approx(expected, abs=2)


def test_what_a_better_source_said_is_not_replaced_by_hearsay_of_the_same_days() -> None:
    """A president's 350 a day of 20 January and second-hand reports of 500 two days later; the 404 of the commander."""
    known = facility(stated("published").as_known(date(2026, 1, 25)), "alabuga")
    newest = max(known.armed, key=lambda point: point.date)
    assert (newest.date, newest.sources[0], newest.confidence) == (date(2026, 1, 20), "P055", "B")
    assert "P054" not in {source for point in known.armed for source in point.sources}


def test_the_data_card_sets_the_stated_totals_beside_the_launches(bundled_history: LaunchHistory) -> None:
    card = BUNDLED.joinpath("DATA_CARD.md").read_text(encoding="utf-8")
    rows = re.findall(r"^  \| (\d{4}-\d\d-\d\d) \| (.+) \| (.+) \| (.+) \|$", card, re.MULTILINE)
    assert len(rows) == 8
    for day, *told in rows:
        known_on = date.fromisoformat(day)
        known = stated("published").as_known(known_on)
        launched = np.nansum(bundled_history.since(known_on.replace(day=1)).until(known_on).launched)
        expected = [per_month(known, known_on), per_month(known, known_on + timedelta(180)), launched]
        assert [int(number.replace(",", "")) for number in told] == [round(number) for number in expected]


def test_the_published_numbers_are_carried_as_they_were_said() -> None:
    armed, decoys, kupol = (
        modes("published", "alabuga"),
        modes("published", "alabuga", "decoys"),
        modes("published", "kupol"),
    )
    assert armed["2025-06-20"] == 2000
    assert armed["2026-03-20"] == 5000
    assert armed["2025-08-12"] * 12 == pytest.approx(40000)
    assert armed["2025-09-05"] == 2700
    assert armed["2024-05-28"] * 12 == pytest.approx(6000)
    assert decoys["2024-12-26"] * 12 == pytest.approx(10000)
    assert decoys["2025-04-23"] * 12 == pytest.approx(15000)
    assert decoys["2025-08-12"] * 12 == pytest.approx(34000)
    assert kupol["2024-07-02"] * 12 == pytest.approx(2000)
    assert kupol["2025-03-01"] * 4 == pytest.approx(1500)
    assert kupol["2025-08-12"] * 12 == pytest.approx(5700)
    # 1,300 by the end of 2023, made from July on; 404 a day less Kupol, 57 % of them armed.
    assert armed["2023-12-31"] * 6 == pytest.approx(1300 * 0.5, rel=0.01)
    assert armed["2026-01-18"] + 6042 / 12 == pytest.approx(404 * DAYS_PER_MONTH * 45700 / 79700, abs=2)
    assert decoys["2026-01-18"] == pytest.approx(404 * DAYS_PER_MONTH * 34000 / 79700, abs=2)


def test_the_iranian_deliveries_are_the_contract() -> None:
    """A first lot of about 470 and batches from December 2022: between the 1,700 ordered and the 2,400 bought."""
    known = stated("published").as_known(date(2023, 8, 31))
    day, later = date(2022, 12, 8), 0.0
    while day <= date(2024, 1, 31):
        later += per_month(known, day, "iran") / DAYS_PER_MONTH
        day += timedelta(1)
    assert 1700 <= 470 + later <= 2400


def test_strikes_and_pauses_are_on_their_days() -> None:
    events = {event.id: event for event in stated("published").events}
    strike = events["alabuga_2025_06_15"]
    assert (str(strike.date), strike.capacity_lost.low) == ("2025-06-15", 0)  # type: ignore[union-attr]
    assert str(events["kupol_2025_07_01"].date) == "2025-07-01"
    for name, most in {"store_2024_06_21": 120, "store_2024_10_09": 400, "store_2025_01_26": 250}.items():
        lost = events[name].drones_lost  # type: ignore[union-attr]
        assert (lost.low, lost.high) == (0, most)
    # The three weeks without launches in 2022 were a stock-out, not a truce.
    assert min(event.date for event in events.values() if isinstance(event, Pause)).year == 2025


def test_no_drone_was_launched_on_a_paused_day(bundled_history: LaunchHistory) -> None:
    drawn = supply("published")
    since = (drawn.first_day - bundled_history.first_day).days
    paused = np.flatnonzero(drawn.paused) + since
    assert paused.size == 4
    assert not (bundled_history.launched[paused] > 0).any()


def test_model_switches_name_layers_of_the_bundled_defence() -> None:
    defence = tomllib.loads(BUNDLED.joinpath("defence_ukraine.toml").read_text(encoding="utf-8"))
    layers = {layer["id"] for layer in defence["layer"]}
    for name in NAMES:
        for event in stated(name).events:
            if isinstance(event, ModelSwitch):
                assert {*event.reach, *event.kill_probability, *event.interceptors} <= layers


@pytest.mark.parametrize("name", [name for name in NAMES if name != "published"])
def test_a_variant_restates_published_numbers_as_they_are(name: str) -> None:
    for plant in stated(name).facilities:
        base = {each.id: each for each in stated("published").facilities}.get(plant.id)
        for line in ("armed", "decoys") if base else ():
            published = {(point.date, point.sources): point for point in getattr(base, line)}
            for point in getattr(plant, line):
                same = published.get((point.date, point.sources), point)
                for key in ("low", "mode", "high", "unit", "basis"):
                    assert getattr(same, key) == getattr(point, key), f"{plant.id}.{line} of {point.date}: {key}"


@pytest.mark.parametrize(("name", "workers"), [("workers_25000", 25000), ("workers_12000", 12000)])
def test_the_workers_are_as_many_as_said_and_live_four_to_a_room(name: str, workers: int) -> None:
    workforce = facility(stated(name), "alabuga_new_halls").workforce
    assert workforce is not None
    assert sum(arrival.mode for arrival in workforce.arrivals) == workers
    assert min(arrival.date for arrival in workforce.arrivals) > LAST
    occupants = workforce.occupants
    assert occupants is not None
    assert (occupants.low, occupants.mode, occupants.high) == (4, 4, 4)
    rooms = sorted(workforce.rooms, key=lambda point: point.date)
    assert rooms[-1].mode * 4 == 25000
    # 98 dormitories of 256, within the 40,000 places that were seen to be built.
    assert 97 * 256 < rooms[-1].mode * 4 <= 98 * 256 < 40000
    assert rooms[-1].high * 4 <= 40000
    assert workforce.output.mode == pytest.approx(5000 / 25000)
    assert modes(name, "alabuga")["2025-06-20"] == 2000
    assert modes(name, "alabuga")["2025-06-20"] + modes(name, "alabuga_new_halls")["2026-04-01"] == 5000


def test_more_workers_make_more_and_not_before_they_come() -> None:
    many, fewer = (supply(name).armed[:, -1].mean() for name in ("workers_25000", "workers_12000"))
    first = (date(2026, 4, 1) - supply("workers_25000").first_day).days
    before = supply("workers_25000").armed[:, first - 1].mean()
    assert before < fewer < many
    # At least the training lies between a bed and the line.
    assert np.array_equal(supply("workers_25000").armed[:, first + 15], supply("workers_12000").armed[:, first + 15])


@pytest.mark.parametrize("name", ["imports_stopped", "north_korea_line", "repeated_strikes", "truce_30_days"])
def test_a_variant_is_the_published_state_until_its_events(name: str) -> None:
    base, variant = supply("published"), supply(name)
    ides = (date(2026, 3, 15) - base.first_day).days
    assert np.array_equal(base.inflow[:, :ides], variant.inflow[:, :ides])
    assert np.array_equal(base.paused[:ides], variant.paused[:ides])
    if name == "truce_30_days":
        assert np.array_equal(base.inflow, variant.inflow)
        assert np.flatnonzero(base.paused != variant.paused).tolist() == list(range(ides, ides + 30))
    elif name == "north_korea_line":
        assert (variant.inflow >= base.inflow).all()
        assert variant.inflow[:, -1].mean() > base.inflow[:, -1].mean()
    else:
        assert (variant.inflow <= base.inflow).all()
        assert variant.inflow[:, ides:].mean() < 0.95 * base.inflow[:, ides:].mean()


def test_repeated_strikes_are_like_that_of_15_june_2025() -> None:
    events = {event.id: event for event in stated("repeated_strikes").events}
    added = [events[key] for key in events.keys() - {event.id for event in stated("published").events}]
    pattern = events["alabuga_2025_06_15"]
    assert len(added) == 9
    for event in added:
        for name in ("capacity_lost", "recovery_half_life"):
            one, other = getattr(event, name), getattr(pattern, name)
            assert (one.low, one.mode, one.high) == (other.low, other.mode, other.high)


def test_south_korea_is_threatened_by_the_lines_in_north_korea_alone() -> None:
    threatening = {name for name in NAMES if "south_korea" in stated(name).theatre_ids}
    assert threatening == {"north_korea_line", "north_korea_surge"}
    assert stated("north_korea_line").theatre_ids == ("ukraine", "south_korea")
    threat, rest = supply("north_korea_line", "south_korea"), supply("north_korea_line")
    start = (date(2026, 7, 1) - threat.first_day).days
    assert not threat.opening.any()
    assert not threat.inflow[:, : start + 1].any()
    assert (threat.inflow[:, start + 2 :] > 0).all()
    made = per_month(stated("north_korea_line").as_known(LAST), date(2027, 1, 1), "north_korea")
    assert made == pytest.approx(2000 / 12, abs=1)
    # What one theatre gets, the other does not.
    from_line = (rest.inflow - supply("published").inflow + threat.inflow)[:, -1] * DAYS_PER_MONTH
    assert from_line.max() < 1000


def expert_forecasts() -> list[dict[str, str]]:
    text = BUNDLED.joinpath("expert_forecasts.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_the_expert_forecasts_are_those_that_were_published() -> None:
    forecasts = {row["id"]: row for row in expert_forecasts()}
    isis, isw = forecasts["M04"], forecasts["M05"]
    assert (isis["measure"], isis["mode"], isis["source_date"]) == ("launches", "4700", "2024-09-27")
    assert (isis["first_day"], isis["last_day"]) == ("2024-09-01", "2025-08-31")
    assert (isw["measure"], isw["mode"], isw["source_date"]) == ("largest_day", "2000", "2025-07-21")
    assert isw["last_day"] == "2025-11-30"
    # Four months of 31 % after the record of 9 July.
    assert float(isw["mode"]) == pytest.approx(728 * 1.31**4, rel=0.1)
    for row in forecasts.values():
        assert row["measure"] in {"launches", "largest_day"}
        assert row["unit"] in {"drones", "drones_per_month"}
        assert row["first_day"] < row["last_day"]
        assert row["first_day"][:7] <= row["source_date"][:7] < row["last_day"][:7]
        bounds = [float(row[key]) for key in ("low", "mode", "high") if row[key]]
        assert bounds
        assert bounds == sorted(bounds)
        assert row["source_url"].startswith("https://")
