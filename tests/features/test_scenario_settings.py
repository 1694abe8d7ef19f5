"""Scenarios from short settings: what is set is stated, all else is as it was, and what is wrong is a line."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.scenario_settings import likely_slips, parse_setting, settings_text
from features.scenarios import ProductionScenario, load_scenario, parse_scenario

PUBLISHED = load_scenario("published")
AS_OF = PUBLISHED.as_of


def scenario_of(*settings: str, base: str = "published", as_of: date = AS_OF) -> ProductionScenario:
    read = [parse_setting(each, as_of) for each in settings]
    text = settings_text("mine", base, read, as_of)
    return parse_scenario(text, "mine.toml")


def test_the_capacity_of_a_plant_is_as_published_until_it_is_as_set() -> None:
    mine = scenario_of("alabuga.capacity=2000..5000@2026-09-01")
    armed, before = (next(each for each in made.facilities if each.id == "alabuga").armed for made in (mine, PUBLISHED))
    *kept, last = armed
    assert kept == [point for point in before if point.date < date(2026, 9, 1)]
    assert (last.low, last.mode, last.high, last.unit) == (2000, 3500, 5000, "drones_per_month")
    assert (last.date, last.basis, last.confidence) == (date(2026, 9, 1), "assumed", "D")
    others = [[each for each in made.facilities if each.id != "alabuga"] for made in (mine, PUBLISHED)]
    assert others[0] == others[1]
    assert (mine.events, mine.stock) == (PUBLISHED.events, PUBLISHED.stock)
    assert "2,000 to 5,000 armed drones a month from 2026-09-01 on" in mine.about


def test_a_file_of_an_earlier_day_has_nothing_that_was_published_after_it() -> None:
    as_of = date(2025, 12, 31)
    mine = scenario_of("alabuga.capacity=2000..5000@2027-01-01", as_of=as_of)
    later = {source.id for source in PUBLISHED.sources if source.date > as_of}
    armed, all_said = (
        next(each for each in made.facilities if each.id == "alabuga").armed for made in (mine, PUBLISHED)
    )
    assert [*armed[:-1]] == [point for point in all_said if later.isdisjoint(point.sources)] != [*all_said]
    assert later.isdisjoint(source.id for source in mine.sources)


def test_facility_is_the_main_plant() -> None:
    assert scenario_of("facility.capacity=2000..5000@2026-09-01").facilities == (
        scenario_of("alabuga.capacity=2000..5000@2026-09-01").facilities
    )


def test_a_new_plant_with_workers_beds_and_a_strike() -> None:
    mine = scenario_of(
        "dormitory_plant.capacity=2000..3500..5000@2026-09-01",
        "dormitory_plant.workers=25000@2026-09-01",
        "dormitory_plant.beds=8000..10000@2026-09-01",
        "dormitory_plant.strike=0.1..0.3@2026-10-01",
        "warhead=90@2026-05-01",
        "stock.opening=500..900@2025-01-01",
    )
    plant = next(each for each in mine.facilities if each.id == "dormitory_plant")
    assert plant.workforce is not None
    assert plant.workforce.occupants is not None
    rooms = plant.workforce.rooms[0]
    assert (rooms.low, rooms.high, plant.workforce.occupants.mode) == (2000, 2500, 4)  # four to a room
    assert plant.workforce.arrivals[0].mode == 25000
    new = {event.kind: event for event in mine.events if event not in PUBLISHED.events}
    assert set(new) == {"facility_strike", "model_switch"}
    assert new["facility_strike"].facility == "dormitory_plant"
    assert mine.stock.opening.high == 900
    assert mine.stock.minimum == PUBLISHED.stock.minimum


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=3), st.sampled_from(["day", "month", "year"]))
def test_every_range_is_read_as_it_is_written(ends: list[int], per: str) -> None:
    ends.sort()
    found = parse_setting(f"a.capacity={'..'.join(map(str, ends))}/{per}@2026-01-02", AS_OF)
    assert (found.numbers[0], found.numbers[2]) == (ends[0], ends[-1])
    assert found.numbers[0] <= found.numbers[1] <= found.numbers[2]
    assert (found.unit, found.day) == (f"drones_per_{per}", date(2026, 1, 2))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("alabuga", "expected FACILITY.QUANTITY=NUMBER@DAY, such as alabuga.capacity=2000..5000@2026-09-01"),
        ("alabuga.capacty=5", "unknown quantity 'capacty': did you mean capacity"),
        ("capacity=5", "capacity of which facility?"),
        ("alabuga.capacity=5000..2000@2026-09-01", "'5000..2000': expected a number, low..high or low..mode..high"),
        ("alabuga.capacity=many", "'many': expected a number, low..high"),
        ("alabuga.capacity=nan", "'nan': expected a number, low..high"),
        ("alabuga.capacity=5/week", "'/week': expected /day, /month or /year"),
        ("alabuga.workers=5/day", "'/day': expected /day, /month or /year of drones alone"),
        ("alabuga.{capacity}=5", "expected FACILITY.QUANTITY=NUMBER@DAY"),
        ("alabuga.capacity=5@September", "day 'September': expected one such as 2026-09-01"),
        ("alabuga.strike=20@2026-09-01", "a share reaches 20: expected 0 to 1"),
        ("alabugo.capacity=5", "unknown facility 'alabugo': did you mean alabuga?"),
        ("alabuga.workers=5@2026-05-01", "alabuga.workers: who works there already is not stated"),
        (
            "alabuga.workers=5,as_stated",
            "workers cannot be as_stated: expected one of capacity, decoys, new_line, imports",
        ),
        ("alabuga.new_line=5,sure", "',sure': expected ,as_stated, or nothing after the day"),
        (
            "alabuga.capacity=5000@2026-09-01,as_stated",
            "as_stated is of a whole plant, and its armed before 2026-09-01",
        ),
        ("brand_new.workers=5", "facility brand_new is not known: expected its capacity too"),
    ],
)
def test_a_wrong_setting_is_told_in_a_line(setting: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        scenario_of(setting)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_certain_counts_as_stated() -> None:
    mine = scenario_of("sure.capacity=2000@2026-03-01,as_stated", "alabuga.new_line=500@2026-09-01,as_stated")
    plant = mine.facilities[-1]
    assert (plant.as_stated, plant.armed[0].basis, plant.armed[0].mode) == (True, "known", 2_000)
    assert (plant.utilisation.low, plant.utilisation.high) == (1, 1)  # exactly 2,000
    line = mine.events[-1]
    assert (line.kind, line.as_stated, line.ramp_up.high) == ("new_line", True, 0)
    assert "for certain: it counts as stated" in mine.about
    with pytest.raises(InputError, match="as_stated is of a whole plant: expected it on each of its numbers"):
        scenario_of("sure.capacity=2000@2026-03-01,as_stated", "sure.decoys=100@2026-03-01")


def test_beds_need_workers() -> None:
    with pytest.raises(InputError, match="no workers are stated: expected such as --set izhevsk_new"):
        scenario_of("izhevsk_new.capacity=100", "izhevsk_new.beds=100")


def test_a_day_said_as_a_month_and_a_month_as_a_day_are_asked_about() -> None:
    slips = list(likely_slips(scenario_of("alabuga.capacity=170@2026-09-01"), PUBLISHED))
    assert len(slips) == 1
    assert "170 a month" in slips[0]
    assert "per day? 170 a day are 5,174 a month" in slips[0]
    (slip,) = likely_slips(scenario_of("alabuga.capacity=5000/day@2026-09-01"), PUBLISHED)
    assert "per month?" in slip
    assert not list(likely_slips(scenario_of("alabuga.capacity=170/day@2026-09-01"), PUBLISHED))
    (new,) = likely_slips(scenario_of("second_site.capacity=500@2026-09-01"), PUBLISHED)
    assert "facility second_site is not in published: a new plant, or one of" in new


def test_nothing_published_looks_like_a_slip() -> None:
    assert not list(likely_slips(PUBLISHED, PUBLISHED))
