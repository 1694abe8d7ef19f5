"""The assumptions that the page lets one hold are those that a forecast can be held to, in the units as stated."""

from datetime import date

import pytest

from features.production import draw_supply
from features.scenarios import bundled_scenarios, load_scenario
from forecasting.service.page.assumptions import Holdable, holdables

ORIGIN, LAST_DAY = date(2026, 2, 28), date(2026, 12, 31)


def found(scenario: str, theatre: str = "ukraine", held: dict[str, float] | None = None) -> dict[str, Holdable]:
    return {
        each.key: each for each in holdables(load_scenario(scenario).as_known(ORIGIN), theatre, LAST_DAY, held or {})
    }


@pytest.mark.parametrize("name", bundled_scenarios())
def test_each_can_be_held_and_no_other(name: str) -> None:
    scenario = load_scenario(name).as_known(ORIGIN)
    for theatre in scenario.theatre_ids:
        keys = list(found(name, theatre))
        drawn = draw_supply(scenario, theatre, LAST_DAY, 2, 1, dict.fromkeys(keys, 0.25))
        assert set(keys) == set(drawn.levels)
        assert all((levels == 0.25).all() for levels in drawn.levels.values())


@pytest.mark.parametrize("name", bundled_scenarios())
def test_the_ends_of_a_slider_are_those_of_the_stated_range(name: str) -> None:
    for each in found(name).values():
        assert (each.at(0), each.at(1)) == (each.number.low, each.number.high)
        assert each.unit
        assert all(source.title for source in each.sources)


def test_a_line_shows_the_number_that_is_in_force_at_the_end_and_the_sources_of_all() -> None:
    line = found("workers_25000")["facility alabuga.armed"]
    assert line.number.date == date(2025, 6, 20)
    assert (line.number.low, line.number.high, line.unit) == (1400, 2600, "drones per month")
    assert {"P009", "P032"} <= {source.id for source in line.sources}
    assert line.of.startswith("Alabuga")


def test_groups_tell_what_an_assumption_is_about() -> None:
    groups = {key: each.group for key, each in found("workers_25000").items()}
    assert groups["facility alabuga.decoys"] == "decoys"
    assert groups["facility kupol.armed"] == groups["output_ratio"] == "capacity"
    assert groups["facility alabuga_new_halls.workforce.training"] == "workforce"
    assert groups["event geran_3.share"] == "events"
    assert groups["stock.minimum"] == "stock"
    shared = found("north_korea_line")["theatre south_korea of north_korea.share"]
    assert (shared.group, shared.number.low < shared.number.high) == ("theatres", True)


def test_what_is_held_is_told_and_the_rest_is_drawn() -> None:
    marked = found("published", held={"output_ratio": 0.9})
    assert {key for key, each in marked.items() if each.held is not None} == {"output_ratio"}
    assert marked["output_ratio"].held == 0.9
