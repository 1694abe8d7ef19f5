"""Mistakes in a scenario are told in one line, by file, table and key."""

import pytest

from features.errors import InputError
from features.scenarios import (
    parse_scenario,
)
from tests.features.scenario_texts import (
    EVENTS,
    GOOD,
    LEAST,
    SCENARIO,
    SECOND,
    SOURCES,
    STOCK,
    THEATRES,
    number,
    swapped,
    without,
)

AGAIN = EVENTS["pause"].replace("truce", "again")
SECOND_POINT = number("100 100 100", "drones_per_month", "2025-03-01", "s_2025")
SECOND_LINE = f"armed = [\n  {SECOND_POINT},\n]\n"
UTILISATION = number("1 1 1", "share")
MISTAKES: dict[str, tuple[str, str]] = {
    # What is certain.
    "certain without a basis": (
        swapped('name = "Second plant"\n', 'name = "Second plant"\nas_stated = true\n').replace(
            SECOND_POINT, number("100 100 100", "drones_per_month", "2025-03-01")
        ),
        "facility second: as_stated is true, but armed of 2025-03-01 is assumed: expected basis = 'reported' with its "
        "source, basis = 'known' for a planner's own knowledge, or no as_stated",
    ),
    "a certain event without a basis": (
        swapped('kind = "imports"\n', 'kind = "imports"\nas_stated = true\n'),
        "event imports: as_stated is true, but rate of 2025-01-01 is assumed: expected basis = 'reported' with its "
        "source, basis = 'known' for a planner's own knowledge, or no as_stated",
    ),
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
        "facility main.workforce: rooms are stated, but no occupants: expected workers_per_room too",
    ),
    "beds without dates": (
        GOOD[: (start := GOOD.index("rooms = ["))] + GOOD[GOOD.index("occupants = ", start) :],
        "facility main.workforce: occupants are stated, but no rooms: expected dated rooms too, from when there are "
        "beds",
    ),
    "workers who come before the plant exists": (
        GOOD.replace("arrivals = [", f"arrivals = [{number('5 5 5', 'workers', '2019-01-01')}, ", 1),
        "facility main: workers arrive on 2019-01-01, before the plant exists: expected",
    ),
    "an id with an end of line and a colour": (
        swapped('id = "second"', 'id = "a\\nb\\u001b[31m"'),
        "facility 2.id holds the control character U+000A: write it without",
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


def test_a_key_below_many_keys() -> None:
    for key in ("scenario.based_on", "scenario.name", "stock.minimum", "output_ratio.low"):
        with pytest.raises(InputError) as raised:
            parse_scenario(f"{key}{'.a' * 14} = 1\n", "own.toml")
        assert told(raised).startswith("own.toml: ")
