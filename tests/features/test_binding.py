"""What holds a plant back, and when: lines, parts, workforce or beds, against cases that can be reckoned by hand."""

from datetime import date

import pytest

from features.binding import holdbacks
from features.scenario_settings import parse_setting, settings_text
from features.scenario_words import workforce_sentences
from features.scenarios import ProductionScenario, load_scenario, parse_scenario

AS_OF = date(2026, 3, 1)
MONTHS = [date(2026, month, 28) for month in range(4, 13)]


def halls(*settings: str) -> ProductionScenario:
    read = [parse_setting(f"halls.{each}", AS_OF) for each in settings]
    text = settings_text("mine", "published", read, AS_OF)
    # Trained at once, and as good at first as ever: what they make is 0.2 drones a month each.
    for name, one in (("training", 0), ("output", 0.2), ("starting_output", 1), ("utilisation", 1)):
        text = "\n".join(
            line.partition("{")[0] + f"{{ low = {one}, mode = {one}, high = {one}, unit" + line.partition("unit")[2]
            if line.startswith(f"{name} = ")
            else line
            for line in text.splitlines()
        )
    return parse_scenario(text, "mine.toml")


def causes(scenario: ProductionScenario) -> list[str]:
    return [each.cause for each in holdbacks(scenario, "ukraine", MONTHS, 1) if each.facility == "halls"]


def test_beds_hold_a_plant_back_while_workers_wait_for_one_and_the_lines_after_that() -> None:
    """25,000 workers make 5,000, the lines 3,000; 8,000 beds make 1,600 of it until there are 20,000 in August."""
    scenario = halls(
        "capacity=3000@2026-04-01", "workers=25000@2026-04-01", "beds=8000@2026-04-01", "beds=20000@2026-08-01"
    )
    found = [each for each in holdbacks(scenario, "ukraine", MONTHS, 1) if each.facility == "halls"]
    assert [each.cause for each in found] == ["beds"] * 4 + ["line"] * 5
    assert {each.share for each in found} == {1.0}
    assert [each.beds for each in found] == [8_000] * 4 + [20_000] * 5
    assert [each.waiting for each in found] == [17_000] * 4 + [5_000] * 5
    assert found[0].allowed == pytest.approx({"line": 3_000, "workforce": 1_600})
    assert found[-1].allowed == pytest.approx({"line": 3_000, "workforce": 4_000})


def test_workers_hold_it_back_where_all_have_a_bed_and_parts_where_they_are_fewest() -> None:
    few = ("capacity=3000@2026-04-01", "workers=5000@2026-04-01", "beds=8000@2026-04-01")
    assert causes(halls(*few)) == ["workforce"] * 9
    assert causes(halls(*few, "parts=500@2026-07-01")) == ["workforce"] * 3 + ["parts"] * 6


def test_a_plant_of_lines_alone_is_left_out() -> None:
    assert causes(halls("capacity=3000@2026-04-01")) == []


def test_a_limit_that_takes_less_than_a_hundredth_is_not_felt() -> None:
    """Kupol's parts were hit years ago, and are back but for a millionth."""
    assert holdbacks(load_scenario("published").as_known(AS_OF), "ukraine", MONTHS, 1) == ()


def test_the_file_says_beds_by_date_in_words() -> None:
    scenario = halls("capacity=3000@2026-04-01", "workers=25000@2026-04-01", "beds=8000..10000@2026-04-01")
    (told,) = workforce_sentences(scenario)
    assert "Beds for 8,000 to 10,000 by 2026-04-01, four to a room: 2,000 to 2,500 rooms." in told
    assert "25,000 on 2026-04-01" in told
    assert "half of what is missing is learned every 30 to 120 days" in told
    assert "beds for 8,000 to 10,000 by 2026-04-01, four to a room: 2,000 to 2,500 rooms" in scenario.about
