"""`salvocast defence`: the file a planner starts from, what is told of it, and what it warns of."""

import re
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path

import pytest

from features.stated import SourcedRange, tables
from forecasting.answers.defences import bundled_defence
from forecasting.defence.layers import Against, Defence, DefenceLayer, DroneKind, Met, Wave, parse_defence
from forecasting.report.defence import cautions
from tests.forecasting.conftest import Told

BUNDLED = resources.files("features.bundled").joinpath("defence_ukraine.toml").read_text(encoding="utf-8")
TODAY = date(2026, 6, 1)


@pytest.fixture
def says(told: Told) -> Told:
    """What `salvocast defence` says."""
    return partial(told, "defence")


@pytest.fixture
def new_file(says: Told, tmp_path: Path) -> Path:
    """The file that `new` writes."""
    file = tmp_path / "Plan B.toml"
    assert str(file) in says("new", str(file))
    return file


@pytest.fixture
def everything(new_file: Path) -> Path:
    """The same with every example in it taken."""
    text = new_file.read_text()
    new_file.write_text(re.sub(r"(?m)^#(?=[a-z\[])", "", text))
    return new_file


def test_a_new_file_is_a_defence_that_can_be_planned_with_at_once(new_file: Path) -> None:
    defence = parse_defence(new_file.read_text(), str(new_file))
    assert defence.name == "plan_b"
    assert [layer.interceptor for layer in defence.layers] == [None, "interceptor drone"]


def test_every_example_in_a_new_file_is_right_and_none_is_missing(everything: Path) -> None:
    defence = parse_defence(everything.read_text(), str(everything))
    for stated, model in (
        (defence.layers, DefenceLayer),
        (defence.waves, Wave),
        (defence.kinds, DroneKind),
        ([against for layer in defence.layers for against in layer.against.values()], Against),
        ([met for layer in defence.layers for met in layer.meets.values()], Met),
        ([defence], Defence),
    ):
        assert set().union(*(each.model_fields_set for each in stated)) == set(model.model_fields)
    assert any(each.at_least for layer in defence.layers for each in layer.ranges.values())
    assert any(each.up_to for layer in defence.layers for each in layer.ranges.values())


def test_a_new_file_replaces_none(says: Told, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine")
    assert f"{file} exists" in says("new", str(file), fails=2)
    assert file.read_text() == "mine"


def test_every_number_is_shown_with_range_basis_day_confidence_and_sources(says: Told) -> None:
    shown = says("show")
    defence = parse_defence(BUNDLED, "bundled")
    for where, stated in tables(defence):
        if isinstance(stated, SourcedRange):
            (row,) = [line for line in shown.splitlines() if line.startswith(f"{where} ")]
            for part in (str(stated.date), stated.confidence, *stated.sources):
                assert part in row.split()
    assert re.search(r"^layer interceptor_drone\.interceptors_per_engagement +2-3\.3~ +2\.7 ", shown, re.MULTILINE)
    assert re.search(r"^layer interceptor_drone\.stock +10,000-60,000\? +30,000 ", shown, re.MULTILINE)
    assert re.search(r"^layer electronic_warfare\.kill_probability +0\.25-0\.53~ +0\.37 ", shown, re.MULTILINE)
    for source in defence.sources:
        assert f"{source.id}  {source.date}  {source.confidence}  {source.title}  {source.url}" in shown
    assert " ".join(defence.about.split()) in " ".join(shown.split())


def test_what_is_no_range_is_shown_too(says: Told, everything: Path) -> None:
    shown = says("show", str(everything))
    drones, missiles = "interceptor_drone +Interceptor drones", "light_missile +Light missiles"
    assert re.search(rf"^{drones} .* salvo of 2, up to 3 rounds +day +14 days +200$", shown, re.MULTILINE)
    assert re.search(rf"^{missiles} .* one shot +always +- +0$", shown, re.MULTILINE)
    assert re.search(r"^ 60 % +3  MINE1 +The main wave, before midnight$", shown, re.MULTILINE)
    assert re.search(r"monthly_supply_later +at least 5,000 ", shown)
    assert re.search(r"light_missile\.stock +up to 80\? ", shown)
    assert re.search(r"^daylight_share +0\.05-0\.3\? ", shown, re.MULTILINE)
    assert "kind of armed drone: jet, Jet drones" in shown
    assert "come evenly over 14 hours" not in shown


@pytest.mark.parametrize("name", ["ukraine", "south_korea"])
def test_a_bundled_defence_is_written_to_edit(name: str, says: Told, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    says("new", str(file), "--from", name)
    mine, bundled = parse_defence(file.read_text(), "mine.toml"), bundled_defence(name)
    assert mine == bundled.model_copy(update={"name": "mine"})


def test_no_other_can_be_edited(says: Told, tmp_path: Path) -> None:
    said = says("new", str(tmp_path / "mine.toml"), "--from", "ukrain", fails=2)
    assert "unknown defence 'ukrain': did you mean ukraine" in said
    assert not (tmp_path / "mine.toml").exists()


def test_without_waves_the_night_is_told(says: Told, new_file: Path) -> None:
    assert "The drones of a night come evenly over 14 hours." in says("show", str(new_file))


def test_a_good_file_may_still_need_a_look(says: Told, new_file: Path) -> None:
    told = " ".join(says("check", str(new_file)).split())
    assert "plan_b: well stated; 2 layers, 1 of them with a stock" in told
    assert "warning: assumed, not counted, is the stock of interceptor_drone: " in told
    assert "warning: no lead_time_days for interceptor_drone: " in told
    assert told.count("warning: ") == 2


RANGE = '{{ low = {0}, mode = {0}, high = {0}, basis = "{1}", sources = {2}, date = 2026-01-01, confidence = "B" }}'


def stated(number: float, *sources: str) -> str:
    return RANGE.format(number, "reported" if sources else "assumed", list(sources))


def defence_with(**changed: str) -> Defence:
    """A defence that needs no look: one layer, counted and with a lead time, from a source of the month before."""
    numbers = {
        "engaged_share": stated(0.5),
        "kill_probability": stated(0.5),
        "engagements_per_night": stated(10),
        "interceptor": '"missile"',
        "interceptors_per_engagement": stated(1),
        "stock": stated(10, "S1"),
        "monthly_supply": stated(0),
        "unit_cost_usd": stated(1_000),
        "lead_time_days": stated(14),
    }
    source = {"published": "2026-01-31", "further": "", "as_of": "2026-02-28"}
    source |= {name: changed.pop(name) for name in source.keys() & changed.keys()}
    numbers |= changed
    return parse_defence(
        f'[defence]\nname = "a"\ntitle = "A"\ntheatre = "ukraine"\nas_of = {source["as_of"]}\nabout = "A."\n'
        '[[layer]]\nid = "sam"\nname = "SAM"\n'
        + "".join(f"{name} = {value}\n" for name, value in numbers.items() if value)
        + f'[[source]]\nid = "S1"\ntitle = "A"\ndate = {source["published"]}\nurl = "urn:s1"\nconfidence = "B"\n'
        + source["further"],
        "a.toml",
    )


NEWER = '[[source]]\nid = "S2"\ntitle = "B"\ndate = 2026-02-01\nurl = "urn:s2"\nconfidence = "B"\n'


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ""),
        ({"stock": stated(10), "kill_probability": stated(0.5, "S1")}, "assumed, not counted, is the stock of sam"),
        ({"lead_time_days": ""}, "no lead_time_days for sam"),
        (
            {"stock": stated(0, "S1")},
            "no layer ever kills a drone, so that a plan lets all of them through: sam (neither",
        ),
        ({"kill_probability": stated(0)}, "sam (kill_probability is 0)"),
        ({"engaged_share": stated(0)}, "sam (engaged_share is 0)"),
        ({"weather_share": stated(0)}, "sam (weather_share is 0)"),
        ({"available_share": stated(0)}, "sam (neither stock nor supply)"),
        ({"engagements_per_night": stated(0)}, "sam (its capacity is 0)"),
        (
            {"engagements_per_night": stated(4).replace("high = 4", "high = 9"), "salvo_of": "6"},
            "no room for one salvo in sam",
        ),
        (
            {"unit_cost_usd": stated(0.03)},
            "layer sam.unit_cost_usd of 0.03 (US dollars each, mostly 0.5 to 20,000,000)",
        ),
        ({"kill_probability": stated(0.004)}, "layer sam.kill_probability of 0.004 (a share"),
        ({"stock": stated(0, "S1"), "monthly_supply": stated(1)}, ""),
        ({"published": "2025-02-27"}, "is all that layer sam.stock (2025-02-27) rests on"),
        ({"published": "2025-02-28"}, ""),
        ({"published": "2025-02-27", "further": NEWER, "stock": stated(10, "S1", "S2")}, ""),
        ({"published": "2026-03-01"}, "published after 2026-02-28, the file's as_of, is S1 (2026-03-01)"),
        ({"further": NEWER}, "no number names the source S2"),
        ({"as_of": "2026-06-02"}, "as_of is 2026-06-02, after today, 2026-06-01"),
    ],
)
def test_each_warning_is_given_where_it_is_due_and_nowhere_else(changed: dict[str, str], told: str) -> None:
    found = cautions(defence_with(**changed), TODAY)
    assert len(found) == bool(told)
    assert told in "".join(found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("new", "plan.txt"), "ends in .toml"),
        (("new", "nowhere/plan.toml"), "the folder nowhere does not exist"),
        (("check", "nowhere.toml"), "cannot read nowhere.toml"),
        (("show", "nowhere.toml"), "cannot read nowhere.toml"),
    ],
)
def test_a_mistake_is_told_in_one_line(says: Told, arguments: tuple[str, ...], said: str) -> None:
    assert said in says(*arguments, fails=2)


def test_a_defence_that_cannot_be_is_told_in_one_line(says: Told, new_file: Path) -> None:
    new_file.write_text(new_file.read_text().replace("high = 0.95", "high = 1.95", 1))
    for command in ("check", "show"):
        assert "engaged_share reaches 1.95: expected 0 to 1" in says(command, str(new_file), fails=2)
