"""What a planner may state about production, how variants are laid over their base, what was known on a day, and how
mistakes are told."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from features.errors import InputError
from features.scenarios import (
    Facility,
    FacilityStrike,
    Imports,
    ModelSwitch,
    NewLine,
    Pause,
    ProductionScenario,
    Sanctions,
    StoreStrike,
    TransferOut,
    bundled_scenarios,
    load_scenario,
    parse_scenario,
    scenario_text,
)
from features.stated import SourcedRange, Stated, tables

DAY = date(2026, 2, 28)


def number(values: str, unit: str, day: str = "2025-01-01", source: str = "") -> str:
    """An inline table: "1 2 3" is low, mode, high."""
    said = values if "=" in values else "low = {}, mode = {}, high = {}".format(*values.split())
    basis, confidence = ("reported", "B") if source else ("assumed", "D")
    sources = f'["{source}"]' if source else "[]"
    rest = f'basis = "{basis}", sources = {sources}, date = {day}, confidence = "{confidence}"'
    return f'{{{said}, unit = "{unit}", {rest}}}'


SCENARIO = '[scenario]\nname = "own"\ntitle = "Our own"\nas_of = 2026-02-28\nabout = "What we assume."\n'
OUTPUT_RATIO = "[output_ratio]\n" + number("0.8 1 1.2", "ratio")[1:-1].replace(", ", "\n") + "\n"
STOCK = f"""[stock]
opening = {number("100 200 300", "drones", "2024-01-01", "s_stock")}
minimum = {number("0 50 100", "drones")}
released = {number("0.9 0.95 1", "share")}
lost_before_launch = {number("0 0.02 0.05", "share")}
drawdown = {number("30 60 90", "days")}
"""
MAIN = f"""[[facility]]
id = "main"
name = "Main plant"
ramp = "logistic"
utilisation = {number("0.7 0.8 0.9", "share")}
armed = [
  {number("300 310 320", "drones_per_month", "2024-01-01", "s_2024")},
  {number("at_least = 2700", "drones_per_month", "2025-06-01", "s_2025")},
]
decoys = [
  {number("10 20 30", "drones_per_day", "2024-07-01", "s_2024")},
]
parts = [
  {number("up_to = 90000", "drones_per_year", "2024-01-01", "s_parts")},
]
[facility.workforce]
arrivals = [
  {number("1000 1200 1500", "workers", "2024-01-01")},
  {number("at_least = 12000", "workers", "2025-12-31", "s_workers")},
]
rooms = [
  {number("1000 1000 1000", "rooms", "2024-01-01")},
]
occupants = {number("4 4 4", "workers_per_room")}
training = {number("30 60 90", "days")}
output = {number("0.1 0.2 0.3", "drones_per_worker_month")}
starting_output = {number("0.3 0.4 0.5", "share")}
learning_half_life = {number("20 30 40", "days")}
"""
SECOND = f"""[[facility]]
id = "second"
name = "Second plant"
utilisation = {number("1 1 1", "share")}
armed = [
  {number("100 100 100", "drones_per_month", "2025-03-01", "s_2025")},
]
"""
EVENTS = {
    "facility_strike": f"""[[event]]
id = "strike"
kind = "facility_strike"
title = "A strike"
date = 2025-06-15
facility = "second"
sources = ["s_2025"]
capacity_lost = {number("0.1 0.2 0.3", "share")}
recovery_half_life = {number("30 60 90", "days")}
""",
    "store_strike": f"""[[event]]
id = "store"
kind = "store_strike"
title = "A store is hit"
date = 2025-07-01
drones_lost = {number("50 100 200", "drones")}
""",
    "sanctions": f"""[[event]]
id = "sanctions"
kind = "sanctions"
title = "Engines"
date = 2025-08-01
facility = "main"
parts_lost = {number("0 0.2 0.4", "share")}
recovery_half_life = {number("60 90 120", "days")}
""",
    "new_line": f"""[[event]]
id = "line"
kind = "new_line"
title = "A third hall"
date = 2025-09-01
facility = "main"
line = "decoys"
capacity = {number("100 200 300", "drones_per_month", "2025-09-01", "s_late")}
ramp_up = {number("60 60 60", "days")}
""",
    "imports": f"""[[event]]
id = "imports"
kind = "imports"
title = "Imports"
date = 2024-01-01
until = 2024-06-30
line = "armed"
rate = {number("1 2 3", "drones_per_day")}
""",
    "transfer_out": f"""[[event]]
id = "transfer"
kind = "transfer_out"
title = "To an ally"
date = 2025-10-01
rate = {number("365.25 730.5 1461", "drones_per_year")}
""",
    "model_switch": f"""[[event]]
id = "jet"
kind = "model_switch"
title = "Jet engines"
date = 2025-11-01
share = {number("0.1 0.2 0.3", "share")}
ramp_up = {number("90 180 270", "days")}
[event.kill_probability]
mobile_groups = {number("0.3 0.5 0.7", "ratio", "2025-11-01", "s_late")}
""",
    "pause": """[[event]]
id = "truce"
kind = "pause"
title = "A truce"
date = 2026-03-01
until = 2026-03-30
theatre = "ukraine"
""",
}
THEATRES = f"""[[theatre]]
id = "ukraine"
share = [
  {number("1 1 1", "share", "2024-01-01")},
  {number("0.5 0.6 0.7", "share", "2026-01-01", "s_late")},
]
[[theatre]]
id = "south_korea"
share = [
  {number("0 0 0", "share", "2024-01-01")},
  {number("0.3 0.4 0.5", "share", "2026-01-01", "s_late")},
]
[[theatre]]
id = "south_korea"
facility = "second"
share = [
  {number("1 1 1", "share", "2025-03-01")},
]
"""
PUBLICATIONS = {
    "s_stock": date(2024, 1, 15),
    "s_2024": date(2024, 5, 1),
    "s_parts": date(2024, 9, 1),
    "s_2025": date(2025, 6, 20),
    "s_workers": date(2025, 7, 1),
    "s_late": date(2025, 12, 1),
}
SOURCES = "".join(
    f'[[source]]\nid = "{name}"\ntitle = "A statement"\ndate = {day}\nurl = "urn:{name}"\nconfidence = "B"\n'
    for name, day in PUBLICATIONS.items()
)
GOOD = SCENARIO + OUTPUT_RATIO + STOCK + MAIN + SECOND + "".join(EVENTS.values()) + THEATRES + SOURCES
LEAST = SCENARIO + STOCK.replace(number("100 200 300", "drones", "2024-01-01", "s_stock"), number("1 2 3", "drones"))


def good() -> ProductionScenario:
    return parse_scenario(GOOD, "own.toml")


def swapped(old: str, new: str, text: str = GOOD) -> str:
    assert old in text, old
    return text.replace(old, new, 1)


def without(part: str, text: str = GOOD) -> str:
    return swapped(part, "", text)


def ends(stated: SourcedRange) -> tuple[float, float, float]:
    return stated.low, stated.mode, stated.high


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


# Variants.

VARIANT = """[scenario]
name = "variant"
title = "A variant"
about = "Fewer drones."
based_on = "base.toml"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with base.toml, which is not the folder that the command runs in."""
    folder, elsewhere = tmp_path / "scenarios", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "base.toml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    return folder


def written(folder: Path, text: str, name: str = "variant.toml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_variant_without_changes_is_its_base_under_another_name(folder: Path) -> None:
    variant = load_scenario(written(folder, VARIANT))
    assert (variant.name, variant.title, variant.about) == ("variant", "A variant", "Fewer drones.")
    assert variant.based_on == "base.toml"
    head = {"name": "own", "title": "Our own", "about": "What we assume.", "based_on": None}
    assert variant.model_copy(update=head) == good()


def test_a_variant_overlays_keys_and_rows_and_adds_its_own(folder: Path) -> None:
    text = (
        VARIANT
        + f"[stock]\nminimum = {number('7 8 9', 'drones')}\n"
        + f"[[facility]]\nid = 'second'\nutilisation = {number('0.1 0.2 0.3', 'share')}\n"
        + MAIN.replace('"main"', '"third"').replace("Main", "Third")
        + "[[event]]\nid = 'imports'\nuntil = 2024-03-31\n"
        + f"[[theatre]]\nid = 'south_korea'\nfacility = 'second'\nshare = [{number('0 0 0', 'share')}]\n"
        + "[[source]]\nid = 's_late'\nconfidence = 'C'\n"
    )
    variant, base = load_scenario(written(folder, text)), good()
    assert ends(variant.stock.minimum) == (7, 8, 9)
    assert variant.stock.opening == base.stock.opening
    assert [facility.id for facility in variant.facilities] == ["main", "second", "third"]
    assert variant.facilities[0] == base.facilities[0]
    assert ends(variant.facilities[1].utilisation) == (0.1, 0.2, 0.3)
    assert variant.facilities[1].armed == base.facilities[1].armed
    imports = variant.events[4]
    assert isinstance(imports, Imports)
    assert (imports.id, imports.until) == ("imports", date(2024, 3, 31))
    assert [event for event in variant.events if event.id != "imports"] == [e for e in base.events if e.id != "imports"]
    assert variant.theatres[:2] == base.theatres[:2]
    assert variant.theatres[2].share[0].mode == 0
    assert [source.confidence for source in variant.sources] == ["B"] * 5 + ["C"]


def test_a_number_is_replaced_as_a_whole(folder: Path) -> None:
    ratio = number("at_least = 1", "ratio")[1:-1].replace(", ", "\n")
    variant = load_scenario(written(folder, f"{VARIANT}[output_ratio]\n{ratio}\n"))
    assert variant.output_ratio is not None
    assert ends(variant.output_ratio) == (1, 1, 2)


def test_an_event_of_another_kind_replaces_the_one_of_its_id(folder: Path) -> None:
    event = EVENTS["store_strike"].replace('"store"', '"strike"')
    variant = load_scenario(written(folder, VARIANT + event))
    assert isinstance(variant.events[0], StoreStrike)
    assert len(variant.events) == 8


def test_a_variant_of_a_variant_in_another_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    middle = VARIANT.replace("base.toml", "../base.toml") + f"[stock]\nminimum = {number('1 1 1', 'drones')}\n"
    written(folder / "sub", middle, "middle.toml")
    last = VARIANT.replace("base.toml", "sub/middle.toml") + f"[stock]\nreleased = {number('0 0 0', 'share')}\n"
    stock = load_scenario(written(folder, last)).stock
    assert (ends(stock.minimum), ends(stock.released)) == ((1, 1, 1), (0, 0, 0))
    assert stock.opening == good().stock.opening


def test_a_text_that_is_not_yet_a_file_is_based_on_one_beside_it(folder: Path) -> None:
    variant = parse_scenario(VARIANT, str(folder / "not_yet.toml"))
    assert variant.facilities == good().facilities


def test_a_variant_of_a_bundled_scenario(folder: Path, monkeypatch: pytest.MonkeyPatch, bundled_own: None) -> None:
    variant = load_scenario(written(folder, VARIANT.replace("base.toml", "own")))
    assert variant.facilities == good().facilities


@pytest.fixture
def bundled_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled scenarios are own, published and zero."""
    bundled = tmp_path / "bundled"
    bundled.mkdir()
    for name in ("own", "zero", "published"):
        (bundled / f"{name}.toml").write_text(GOOD, encoding="utf-8")
    (bundled / "__init__.py").touch()
    monkeypatch.setattr("features.scenarios.resources.files", lambda _: bundled)


@pytest.mark.usefixtures("bundled_own")
def test_the_published_state_is_the_first_of_the_bundled() -> None:
    assert bundled_scenarios() == ("published", "own", "zero")
    assert load_scenario("own") == good()


@pytest.mark.usefixtures("bundled_own")
def test_an_unknown_scenario_is_told_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as raised:
        load_scenario("publishd")
    assert str(raised.value) == (
        "unknown scenario 'publishd': did you mean published? known are own, published, zero; or name a file ending "
        "in .toml"
    )
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text("a: 1", encoding="utf-8")
    with pytest.raises(InputError, match=r"^scenario file own\.yaml: expected a TOML file with a name that ends in"):
        load_scenario("own.yaml")


def test_the_bundled_scenarios_are_found_where_there_are_no_files(tmp_path: Path) -> None:
    """As in an installed package that is one archive."""
    archive = tmp_path / "room.zip"
    root = Path(features.__file__).parent
    with zipfile.ZipFile(archive, "w") as packed:
        for path in root.rglob("*"):
            if path.suffix in {".py", ".toml"} and path.parent.name != "scenarios":
                packed.write(path, path.relative_to(root.parent))
        packed.writestr("features/bundled/scenarios/__init__.py", "")
        for name in ("own", "published"):
            packed.writestr(f"features/bundled/scenarios/{name}.toml", GOOD)
    code = (
        "import features.scenarios as s; "
        "print(s.__file__, *s.bundled_scenarios(), s.load_scenario('own').facilities[0].id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.split() == [f"{archive}/features/scenarios.py", "published", "own", "main"], done.stderr


# What was known on a day.


def consistent(stated: Stated) -> None:
    """Raises where the records, made as copies of good ones, break a rule."""
    for _, table in [("", stated), *tables(stated)]:
        if not isinstance(table, SourcedRange):
            type(table).model_validate(dict(table))


def facility(scenario: ProductionScenario, facility_id: str) -> Facility:
    return next(each for each in scenario.facilities if each.id == facility_id)


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


# Mistakes.

AGAIN = EVENTS["pause"].replace("truce", "again")
SECOND_POINT = number("100 100 100", "drones_per_month", "2025-03-01", "s_2025")
SECOND_LINE = f"armed = [\n  {SECOND_POINT},\n]\n"
UTILISATION = number("1 1 1", "share")
MISTAKES: dict[str, tuple[str, str]] = {
    # Dates.
    "a period ends before it begins": (
        swapped("until = 2024-06-30", "until = 2023-12-31"),
        "event imports: until 2023-12-31 is before its date 2024-01-01: expected a later day",
    ),
    "pauses overlap": (
        GOOD + AGAIN.replace("until = 2026-03-30", "until = 2026-04-30").replace("2026-03-01", "2026-03-30"),
        "pauses truce and again overlap on 2026-03-30: expected one to end before the other begins",
    ),
    "a pause without end overlaps with every later one": (
        swapped("until = 2026-03-30\n", "") + AGAIN.replace("2026-", "2036-"),
        "pauses truce and again overlap on 2036-03-01: expected one to end before the other begins",
    ),
    "two points of one day": (
        swapped(SECOND_POINT, f"{SECOND_POINT}, {SECOND_POINT}"),
        "facility second: armed has two points of 2025-03-01: expected one for each day",
    ),
    "two rooms of one day": (
        swapped(number("1000 1000 1000", "rooms", "2024-01-01"), ", ".join([number("1 1 1", "rooms")] * 2)),
        "facility main.workforce: rooms has two points of 2025-01-01: expected one for each day",
    ),
    "two shares of one day": (
        swapped(number("1 1 1", "share", "2025-03-01"), ", ".join([UTILISATION] * 2)),
        "theatre south_korea: share has two points of 2025-01-01: expected one for each day",
    ),
    "a source of the future": (
        swapped("date = 2025-12-01\nurl", "date = 2026-03-01\nurl"),
        "source s_late is published on 2026-03-01, after the scenario's as_of 2026-02-28: expected an earlier source, "
        "or a later as_of",
    ),
    "a date as text": (
        swapped("date = 2025-06-15", 'date = "2025-06-15"'),
        "event strike.date: expected a date such as 2026-02-28, without quotes and time (given: '2025-06-15')",
    ),
    "a date with a time": (
        swapped("date = 2025-06-15", "date = 2025-06-15T00:00:00"),
        "event strike.date: expected a date such as 2026-02-28, without quotes and time (given: 2025-06-15T00:00:00)",
    ),
    "a date of another age": (
        swapped("date = 2025-06-15", "date = 0025-06-15"),
        "event strike.date: expected a value greater than or equal to 1990-01-01 (given: 0025-06-15)",
    ),
    "as_of as a number": (
        swapped("as_of = 2026-02-28", "as_of = 2026"),
        "scenario.as_of: expected a date such as 2026-02-28, without quotes and time (given: 2026)",
    ),
    "an account that begins before there was a record": (
        swapped('["s_stock"], date = 2024', '["s_stock"], date = 2013'),
        "stock: opening is of 2013-01-01: expected 2014-01-01 or later",
    ),
    # Numbers.
    "low above high": (
        swapped("low = 1, mode = 2, high = 3", "low = 3, mode = 2, high = 1"),
        "event imports.rate: low 3.0, mode 2.0, high 1.0: expected low <= mode <= high",
    ),
    "negative capacity": (
        swapped("low = 100, mode = 100", "low = -100, mode = 100"),
        "facility second.armed of 2025-03-01.low: expected a value greater than or equal to 0 (given: -100)",
    ),
    "negative bound": (
        swapped("at_least = 2700", "at_least = -2700"),
        "facility main.armed of 2025-06-01: at_least is -2700: expected a number from 0 to 1,000,000,000",
    ),
    "nan": (
        swapped("low = 100, mode = 100", "low = nan, mode = 100"),
        "facility second.armed of 2025-03-01.low: expected a finite number (given: nan)",
    ),
    "inf": (
        swapped("up_to = 90000", "up_to = +inf"),
        "facility main.parts of 2024-01-01: up_to is inf: expected a number from 0 to 1,000,000,000",
    ),
    "more than can be counted": (
        swapped('high = 300, unit = "drones"', 'high = 1e300, unit = "drones"'),
        "stock.opening.high: expected a value less than or equal to 1,000,000,000 (given: 1e+300)",
    ),
    "a number as text": (
        swapped("low = 100, mode = 100", 'low = "100", mode = 100'),
        "facility second.armed of 2025-03-01.low: expected a valid number (given: '100')",
    ),
    "a number instead of a range": (
        swapped(number("0 50 100", "drones"), "50"),
        "stock.minimum: expected a table (given: 50)",
    ),
    "two ways to state a number": (
        swapped("at_least = 2700", "at_least = 2700, high = 3000"),
        "facility main.armed of 2025-06-01: expected low, mode and high, or at_least, or up_to: one of the three",
    ),
    "a share above one": (
        swapped(UTILISATION, number("1 1 1.2", "share")),
        "facility second.utilisation: a share reaches 1.2: expected 0 to 1",
    ),
    "a share as a percentage": (
        swapped('low = 0.1, mode = 0.2, high = 0.3, unit = "share"', 'at_least = 20, unit = "share"'),
        "event strike.capacity_lost: a share reaches 20.0: expected 0 to 1",
    ),
    "shares above one together": (
        swapped(number("0 0 0", "share", "2024-01-01"), number("0.1 0.25 0.3", "share", "2024-01-01")),
        "the theatres' shares of everything add up to 1.25 on 2024-01-01: expected at most 1",
    ),
    "shares above one together between their points": (
        GOOD + f'[[theatre]]\nid = "other"\nfacility = "second"\nshare = [{number("0 1 1", "share", "2030-01-01")}]\n',
        "the theatres' shares of second add up to 2.00 on 2025-03-01: expected at most 1",
    ),
    "another unit": (
        swapped("drones_per_worker_month", "drones_per_worker_year"),
        "facility main.workforce.output.unit: expected 'drones_per_worker_month' (given: 'drones_per_worker_year')",
    ),
    "nothing is ever launched": (
        swapped("high = 0.05", "high = 1"),
        "stock: lost_before_launch reaches 1: expected less, or nothing would ever be launched",
    ),
    "the store is used up in no time": (
        swapped('low = 30, mode = 60, high = 90, unit = "days"', 'low = 0, mode = 60, high = 90, unit = "days"'),
        "stock: drawdown is from 0.0 days: expected at least 1",
    ),
    # Names.
    "unknown facility of an event": (
        swapped('facility = "main"', 'facility = "mian"'),
        "unknown facility 'mian': did you mean main? known are main, second (in event sanctions)",
    ),
    "unknown facility of a theatre": (
        swapped('id = "south_korea"\nfacility = "second"', 'id = "south_korea"\nfacility = "secnd"'),
        "unknown facility 'secnd': did you mean second? known are main, second (in theatre south_korea)",
    ),
    "unknown theatre": (
        swapped('theatre = "ukraine"', 'theatre = "ukrane"'),
        "unknown theatre 'ukrane': did you mean ukraine or south_korea? known are south_korea, ukraine (in event "
        "truce)",
    ),
    "unknown source": (
        swapped('["s_workers"]', '["s_wokers"]'),
        "unknown source 's_wokers': did you mean s_workers or s_parts or s_late? known are s_2024, s_2025, s_late, "
        "s_parts, s_stock, s_workers (facility main.workforce.arrivals of 2025-12-31)",
    ),
    "unknown source of an event": (
        swapped('sources = ["s_2025"]\ncap', 'sources = ["s_2026"]\ncap'),
        "unknown source 's_2026': did you mean s_2025 or s_2024? known are s_2024, s_2025, s_late, s_parts, s_stock, "
        "s_workers (event strike)",
    ),
    "facility twice": (GOOD + SECOND, "facility second is stated twice"),
    "event twice": (GOOD + EVENTS["pause"], "event truce is stated twice"),
    "theatre twice": (GOOD + THEATRES[: THEATRES.index("[[", 5)], "theatre ukraine of everything is stated twice"),
    "source twice": (GOOD + SOURCES[: SOURCES.index("[[", 5)], "source s_stock is stated twice"),
    "an id of many words": (
        swapped('id = "second"', 'id = "The second"'),
        "facility The second.id: expected small letters, digits and _ (pattern ^[a-z][a-z0-9_]{0,39}$) (given: "
        "'The second')",
    ),
    "a layer of many words": (
        swapped("mobile_groups =", '"Mobile groups" ='),
        "event jet.kill_probability.Mobile groups: expected small letters, digits and _ (pattern "
        "^[a-z][a-z0-9_]{0,39}$) (given: 'Mobile groups')",
    ),
    # Keys.
    "typo in a table": (
        LEAST + "[[faclity]]\n",
        "unknown table 'faclity': did you mean facility? known are event, facility, output_ratio, scenario, source, "
        "stock, theatre",
    ),
    "typo in the head": (
        swapped("as_of", "asof"),
        "scenario: unknown key 'asof': did you mean as_of or based_on or about? known are about, as_of, "
        "based_on, name, title",
    ),
    "rows in the head": (
        swapped("[output_ratio]", "facilities = []\n[output_ratio]"),
        "scenario: unknown key 'facilities': did you mean title? known are about, as_of, based_on, name, title",
    ),
    "typo in the stock": (
        swapped("released =", "relased ="),
        "stock.relased: unknown key 'relased': did you mean released? known are drawdown, lost_before_launch, minimum, "
        "opening, released",
    ),
    "typo in a number of the stock": (
        swapped("high = 100", "hihg = 100"),
        "stock.minimum.hihg: unknown key 'hihg': did you mean high? ",
    ),
    "typo in a bound": (
        swapped("at_least = 2700", "at_leat = 2700"),
        "facility main.armed of 2025-06-01.at_leat: unknown key 'at_leat': did you mean at_least",
    ),
    "typo in a facility": (
        swapped("utilisation", "utilization"),
        "facility main.utilization: unknown key 'utilization': did you mean utilisation",
    ),
    "typo in a workforce": (
        swapped("occupants", "ocupants"),
        "facility main.workforce.ocupants: unknown key 'ocupants': did you mean occupants",
    ),
    "typo in a point of a workforce": (
        swapped("low = 1000, mode = 1000", "lo = 1000, mode = 1000"),
        "facility main.workforce.rooms of 2024-01-01.lo: unknown key 'lo': did you mean low",
    ),
    "typo in an event": (
        swapped("parts_lost", "part_lost"),
        "event sanctions.part_lost: unknown key 'part_lost': did you mean parts_lost",
    ),
    "typo in a number of an event": (
        swapped('high = 0.4, unit = "share"', 'high = 0.4, unti = "share"'),
        "event sanctions.parts_lost.unti: unknown key 'unti': did you mean unit",
    ),
    "typo in a kill probability": (
        swapped("low = 0.3, mode = 0.5, high = 0.7", "low = 0.3, moed = 0.5, high = 0.7"),
        "event jet.kill_probability.mobile_groups.moed: unknown key 'moed': did you mean mode",
    ),
    "typo in a theatre": (
        swapped("share = [", "shares = ["),
        "theatre ukraine.shares: unknown key 'shares': did you mean share",
    ),
    "typo in a source": (
        swapped("url =", "ulr ="),
        "source s_stock.ulr: unknown key 'ulr': did you mean url? known are confidence, date, id, title, url",
    ),
    "typo in an id": (
        swapped('id = "second"', 'ids = "second"'),
        "facility 2.ids: unknown key 'ids': did you mean id",
    ),
    "typo in a kind": (
        swapped('"facility_strike"', '"facilty_strike"'),
        "event strike: unknown kind 'facilty_strike': did you mean facility_strike",
    ),
    "typo in the word kind": (
        swapped('kind = "imports"', 'kidn = "imports"'),
        "event imports: unknown key 'kidn': did you mean kind",
    ),
    "no kind": (
        swapped('kind = "imports"\n', ""),
        "event imports: kind is missing: known are facility_strike, imports, model_switch, new_line, pause, sanctions, "
        "store_strike, transfer_out",
    ),
    "a kind that is a list": (
        swapped('kind = "imports"', "kind = [1]"),
        "event imports: unknown kind '[1]': known are",
    ),
    "a ramp of its own": (
        swapped('"logistic"', '"step"'),
        "facility main.ramp: expected 'linear' or 'logistic' (given: 'step')",
    ),
    # What is missing, or of another shape.
    "nothing": ("", "the table [scenario] with its name is missing"),
    "no head": (without(SCENARIO), "the table [scenario] with its name is missing"),
    "no stock": (without(STOCK), "the table [stock] is missing"),
    "no opening": (without(STOCK.splitlines()[1]), "stock.opening is missing"),
    "no name": (without('name = "own"\n'), "scenario.name is missing"),
    "no id": (without('id = "second"\n'), "facility 2.id is missing"),
    "no unit": (without(', unit = "drones"'), "stock.opening.unit is missing"),
    "an empty paragraph": (swapped('"What we assume."', '""'), "scenario.about: expected some text (given: '')"),
    "a title that is a number": (
        swapped('title = "Our own"', "title = 3"),
        "scenario.title: expected text in quotes (given: 3)",
    ),
    "based on a number": (
        swapped('name = "own"\n', 'name = "own"\nbased_on = 3\n'),
        "scenario.based_on: expected text in quotes (given: 3)",
    ),
    "two heads": (swapped("[scenario]", "[[scenario]]"), "'scenario' is a list: expected the table [scenario]"),
    "a facility as a table": (
        LEAST + "[facility.main]\nid = 'main'\n",
        "'facility' is a dict: expected [[facility]] tables",
    ),
    "a facility as a number": ("facility = [3]\n" + LEAST, "facility 1: expected a table (given: 3)"),
    "an event as a number": ("event = [3]\n" + LEAST, "event 1: expected a table (given: 3)"),
    "points as a table": (
        swapped(SECOND_LINE, f"armed = {SECOND_POINT}\n"),
        "facility second.armed: expected a list (given: a table)",
    ),
    "a point as a number": (
        swapped(SECOND_POINT, "100"),
        "facility second.armed 1: expected a table (given: 100)",
    ),
    "sources as text": (
        swapped('sources = ["s_2025"]\ncap', 'sources = "s_2025"\ncap'),
        "event strike.sources: expected a list (given: 's_2025')",
    ),
    "a source as a number": (
        swapped('sources = ["s_2025"]\ncap', "sources = [2025]\ncap"),
        "event strike.source 1: expected text in quotes (given: 2025)",
    ),
    "a facility that makes nothing": (
        without(SECOND_LINE),
        "facility second: a facility makes armed drones or decoys: expected points of 'armed' or of 'decoys'",
    ),
    "no arrivals": (
        GOOD[: GOOD.index("arrivals = [")] + "arrivals = []\n" + GOOD[GOOD.index("rooms = [") :],
        "facility main.workforce.arrivals: expected at least 1 item (given: a list)",
    ),
    "rooms without occupants": (
        without(f"occupants = {number('4 4 4', 'workers_per_room')}\n"),
        "facility main.workforce: housing is rooms times occupants: expected both, or neither",
    ),
    "an id with an end of line and a colour": (
        swapped('id = "second"', 'id = "a\\nb\\u001b[31m"'),
        r"facility a\nb\x1b[31m.id: expected small letters",
    ),
}


def told(raised: pytest.ExceptionInfo[InputError]) -> str:
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    return message


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_by_file_table_and_key(mistake: str) -> None:
    text, expected = MISTAKES[mistake]
    with pytest.raises(InputError) as raised:
        parse_scenario(text, "own.toml")
    assert told(raised).startswith(f"own.toml: {expected}")


def test_a_number_of_many_digits_is_told_by_its_first() -> None:
    for digits in ("9" * 900, "0x" + "f" * 900):
        with pytest.raises(InputError) as raised:
            parse_scenario(swapped("low = 0, mode = 50", f"low = {digits}, mode = 50"), "own.toml")
        assert told(raised).startswith("own.toml: stock.minimum.low: expected a valid number (given: ")


def test_a_key_below_a_thousand_keys() -> None:
    for key in ("scenario.based_on", "scenario.name", "stock.minimum", "output_ratio.low"):
        with pytest.raises(InputError) as raised:
            parse_scenario(f"{key}{'.a' * 1_000} = 1\n", "own.toml")
        assert told(raised).startswith("own.toml: ")


# Mistakes in a variant, and in what it is based on.


def failed(file: str) -> str:
    with pytest.raises(InputError) as raised:
        load_scenario(file)
    return told(raised)


def test_a_base_that_does_not_exist(folder: Path) -> None:
    file = written(folder, VARIANT.replace("base.toml", "bsae.toml"))
    assert failed(file) == f"{file}: scenario.based_on: cannot read {folder}/bsae.toml: No such file or directory"


@pytest.mark.usefixtures("bundled_own")
def test_a_base_that_is_not_bundled(folder: Path) -> None:
    file = written(folder, VARIANT.replace("base.toml", "publishd"))
    assert failed(file).startswith(f"{file}: scenario.based_on: unknown scenario 'publishd': did you mean published?")


@pytest.mark.parametrize("name", ["a\\u0000.toml", "", ".", "a\\nb"])
def test_a_base_that_no_file_can_be(folder: Path, name: str) -> None:
    file = written(folder, VARIANT.replace("base.toml", name))
    assert failed(file).startswith(f"{file}: scenario.based_on: ")


def test_a_mistake_in_the_base_is_told_by_the_file_of_the_base(folder: Path) -> None:
    base = written(folder, swapped("utilisation", "utilization"), "base.toml")
    file = written(folder, VARIANT)
    message = failed(file)
    assert message.startswith(f"{base}: facility main.utilization: unknown key 'utilization': did you mean utilisation")
    assert message.endswith(f"({file} is based on it)")


def test_a_base_is_a_good_scenario_by_itself(folder: Path) -> None:
    """Even where the variant would mend it."""
    base = written(folder, without("as_of = 2026-02-28\n"), "base.toml")
    file = written(folder, VARIANT + "as_of = 2026-02-28\n")
    assert failed(file) == f"{base}: scenario.as_of is missing ({file} is based on it)"


def test_a_mistake_in_the_variant_is_told_by_its_own_file(folder: Path) -> None:
    for text, expected in (
        ("[stock]\nminmum = 3\n", "stock.minmum: unknown key 'minmum': did you mean minimum"),
        ("[[event]]\nid = 'imports'\nuntil = 2023-01-01\n", "event imports: until 2023-01-01 is before its date 2024"),
        ("[[facility]]\nid = 'scond'\nname = 'Second'\n", "facility scond.utilisation is missing"),
        ("[[event]]\nid = 'line'\nfacility = 'mian'\n", "unknown facility 'mian': did you mean main?"),
        ("event = [3]\n", "event 9: expected a table (given: 3)"),
        ("[[event]]\nid = [1]\nkind = 'pause'\n", "event 9.id: expected text in quotes (given: a list)"),
    ):
        head = text.startswith("event")
        file = written(folder, text + VARIANT if head else VARIANT + text)
        assert failed(file).startswith(f"{file}: {expected}")


def test_a_row_that_a_variant_states_twice(folder: Path) -> None:
    row = "[[facility]]\nid = 'second'\nname = '{}'\n"
    file = written(folder, VARIANT + row.format("A") + row.format("B"))
    assert failed(file) == f"{file}: facility second is stated twice"


def test_a_circle_of_variants(folder: Path) -> None:
    one = written(folder, VARIANT.replace("base.toml", "two.toml"), "one.toml")
    two = written(folder, VARIANT.replace("base.toml", "../scenarios/one.toml"), "two.toml")
    message = failed(one)
    assert message.startswith(f"{two}: scenario.based_on: {folder}/../scenarios/one.toml goes in a circle: expected")
    assert message.endswith(f"({one} is based on it)")


def test_a_variant_of_itself(folder: Path) -> None:
    file = written(folder, VARIANT.replace("base.toml", "variant.toml"))
    assert failed(file) == (
        f"{file}: scenario.based_on: {file} goes in a circle: expected a scenario that stands on its own"
    )
    (folder / "link.toml").symlink_to("link.toml")
    assert failed(str(folder / "link.toml")).startswith(f"cannot read {folder}/link.toml: ")


# Anything at all.

NASTY = st.sampled_from(
    [
        "0", "-1", "1e400", "nan", "-inf", "true", '""', '"text"', '"a\\nb"', "[]", "[[]]", "[1, 2]", "{}",
        "2026-02-30", "9999-12-31", "0001-01-01", "2026-02-28T12:00:00Z", "12:00:00", "9" * 500, "0x" + "f" * 2_000,
        '"\\u2028"', "[{}]", "[{id = 1}]", "{a = {b = 1}}", '"own.toml"', '"main"', "", "=",
    ]
)  # fmt: skip
KEYS = {line.split(" ")[0] for line in GOOD.splitlines() if " = " in line}
WORDS = st.sampled_from(sorted(KEYS | {"low", "a.b", '"\\n"'}))


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """The good file after some accidents: values and keys exchanged, lines lost, doubled, moved or broken."""
    lines = GOOD.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(lines) - 1))
        line = lines[index]
        key, _, value = line.partition(" = ")
        match draw(st.integers(0, 6)):
            case 0 if value:
                lines[index] = f"{key} = {draw(NASTY)}"
            case 1 if value:
                lines[index] = f"{draw(WORDS)} = {value}"
            case 2:
                inner = line.split(", ")
                part = draw(st.integers(0, len(inner) - 1))
                inner[part] = f"{inner[part].partition(' = ')[0]} = {draw(NASTY)}"
                lines[index] = ", ".join(inner)
            case 3:
                del lines[index]
            case 4:
                lines.insert(draw(st.integers(0, len(lines))), line)
            case 5:
                lines[index] = line.replace(draw(st.sampled_from(["[", "]", '"', "=", "e"])), draw(st.text(max_size=2)))
            case _:
                lines.insert(index, f"{draw(WORDS)} = {draw(NASTY)}")
    return "\n".join(lines)


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        0, -1, 1e300, 10**400, float("nan"), True, "", "text", "a\nb", "own.toml", "main", [], [[]], [1], {}, {"a": {}},
        date(2026, 2, 28), date(1, 1, 1), date.max, datetime(2026, 2, 28, 12), time(12),
    ]
)  # fmt: skip


def toml(value: Any) -> str:
    """The value as inline TOML."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(toml(each) for each in value) + "]"
        case date() | time():
            return value.isoformat()
        case float():
            return repr(value)
        case _:
            return json.dumps(value)


@st.composite
def misstated(draw: st.DrawFn) -> str:
    """A file of good TOML in which some keys, at any depth, have another name or value, or are gone."""
    stated = tomllib.loads(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        table: Any = stated
        while table:
            key = draw(st.sampled_from(list(table) if isinstance(table, dict) else range(len(table))))
            if isinstance(table[key], dict | list) and draw(st.integers(0, 9)):
                table = table[key]
                continue
            match draw(st.integers(0, 4)):
                case 0:
                    del table[key]
                case 1 if isinstance(table, dict):
                    table[draw(st.sampled_from([key[:-1], key + "s", "a\nb", "id", "kind", "low"]))] = table.pop(key)
                case 2 if isinstance(table, list):
                    table.append(deepcopy(table[key]))
                case _:
                    table[key] = deepcopy(draw(VALUES))
            break
    return "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in stated.items())


def test_what_is_not_misstated_is_good() -> None:
    text = "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in tomllib.loads(GOOD).items())
    assert parse_scenario(text, "own.toml") == good()


@settings(max_examples=400, deadline=None)
@given(st.one_of(spoilt(), misstated()))
def test_a_spoilt_file_is_a_scenario_or_told_in_one_line(text: str) -> None:
    try:
        scenario = parse_scenario(text, "own.toml")
    except InputError as error:
        message = str(error)
        assert message.startswith("own.toml")
        assert len(message.splitlines()) == 1
        assert message.isprintable()
        assert "Input should" not in message
    else:
        consistent(scenario)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_spoilt_variant_is_a_scenario_or_told_in_one_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "spoilt"
    folder.mkdir(exist_ok=True)
    (folder / "base.toml").write_text(data.draw(st.one_of(st.just(GOOD), misstated())), encoding="utf-8")
    text = data.draw(misstated()).replace('"about"', '"based_on" = "base.toml", "about"', 1)
    try:
        consistent(parse_scenario(text, str(folder / "variant.toml")))
    except InputError as error:
        message = str(error)
        assert message.startswith(str(folder))
        assert len(message.splitlines()) == 1
        assert message.isprintable()
