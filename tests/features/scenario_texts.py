"""A good scenario in all its parts, as text, and what the tests of scenarios share."""

from datetime import date

import pytest

from features.errors import InputError
from features.scenarios import (
    Facility,
    ProductionScenario,
    parse_scenario,
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


def consistent(stated: Stated) -> None:
    """Raises where the records, made as copies of good ones, break a rule."""
    for _, table in [("", stated), *tables(stated)]:
        if not isinstance(table, SourcedRange):
            type(table).model_validate(dict(table))


def facility(scenario: ProductionScenario, facility_id: str) -> Facility:
    return next(each for each in scenario.facilities if each.id == facility_id)


def told(raised: pytest.ExceptionInfo[InputError]) -> str:
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    return message


HALLS = f"""[scenario]
name = "own"
title = "New halls"
as_of = 2026-02-28
based_on = "published"
about = "What we assume."
[[facility]]
id = "halls"
name = "New halls"
utilisation = {number("1 1 1", "share")}
armed = [{number("500 500 500", "drones_per_month", "2026-03-01")}]
[facility.workforce]
arrivals = [{number("5 5 5", "workers", "2026-04-01")}]
rooms = [{number("2 2 2", "rooms", "2026-04-01")}]
occupants = {number("4 4 4", "workers_per_room")}
training = {number("30 60 90", "days")}
output = {number("0.1 0.2 0.4", "drones_per_worker_month")}
starting_output = {number("0.3 0.5 0.8", "share")}
learning_half_life = {number("30 60 90", "days")}
"""
"""A variant of the published state."""
REFUSED = {
    "certain without a basis": (
        HALLS.replace('name = "New halls"\n', 'name = "New halls"\nas_stated = true\n'),
        "facility halls: as_stated is true, but armed of 2026-03-01 is assumed: expected basis = 'reported'",
    ),
    "workers before the plant exists": (
        HALLS.replace(number("5 5 5", "workers", "2026-04-01"), number("5 5 5", "workers", "2026-02-01")),
        "facility halls: workers arrive on 2026-02-01, before the plant exists: expected 2026-03-01",
    ),
    "beds without a date": (
        HALLS.replace(
            number("2 2 2", "rooms", "2026-04-01"), number("2 2 2", "rooms").replace("date = 2025-01-01, ", "")
        ),
        "facility halls.workforce.room 1.date is missing: expected the day that it speaks of, such as",
    ),
}
"""Texts, and what is said of them at every door."""
